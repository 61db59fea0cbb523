//! Review sheets: whatever is read is written again as it was read, each character a person sees is seen, and what was
//! changed is another sheet or none.
#![no_main]

use std::sync::LazyLock;

use agentsigna_verifier::{
    cbor::Value,
    review::{
        Sheet,
        sheet::{SHEET_BYTES_MAX, SHEET_VALUES_MAX},
        words::is_unseen,
    },
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

/// The sheets of testdata/, as bytes.
static SHEETS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let files = agentsigna_fuzz::folder("testdata/sheets").into_iter();
    let sheets: Vec<Vec<u8>> = files
        .filter(|(name, _)| name.ends_with(".sheet"))
        .map(|(_, bytes)| bytes)
        .collect();
    assert!(sheets.iter().all(|bytes| Sheet::decode(bytes).is_ok()) && !sheets.is_empty());
    sheets
});

fuzz_target!(|data: &[u8]| {
    judge(data);
    // The same input as a list of changes: no guess of bytes gets through so many checks.
    let mut input = Unstructured::new(data);
    let Ok(valid) = input.choose(&SHEETS) else {
        return;
    };
    let changed = agentsigna_fuzz::changed(valid, &mut input);
    if let Some(sheet) = judge(&changed)
        && changed != *valid
    {
        let before = Sheet::decode(valid).expect("testdata holds sheets");
        assert_ne!(sheet.digest(), before.digest());
        assert!(sheet.difference(&before, true).is_some());
    }
});

fn judge(data: &[u8]) -> Option<Sheet> {
    let sheet = Sheet::decode(data).ok()?;
    assert_eq!(sheet.encode(), data);
    assert_eq!(sheet.difference(&sheet, true), None);
    assert!(Value::decode(data, SHEET_BYTES_MAX).is_ok());
    // What every reader of a sheet may rely upon.
    assert!((1..=16).contains(&sheet.round()));
    assert!(sheet.rules().is_sorted_by(|a, b| a.id < b.id));
    assert!(sheet.demand().is_sorted_by(|a, b| a.0 < b.0));
    assert!(sheet.excluded().is_sorted_by(|a, b| a < b));
    assert_eq!(sheet.counterparty().id, *sheet.action().counterparty());
    let values: usize = sheet.rules().iter().map(|rule| rule.values.len()).sum();
    assert!(values <= SHEET_VALUES_MAX);
    for rule in sheet.rules() {
        assert_eq!(rule.source.is_none(), rule.id.starts_with("builtin."));
    }
    let lines = sheet.words();
    assert!(lines.iter().all(|line| !line.contains(is_unseen)));
    let headings = lines.iter().filter(|line| line.starts_with("In the agent's"));
    assert_eq!(headings.count(), usize::from(sheet.statement().is_some()));
    Some(sheet)
}
