//! `testdata/policies/`: one text per file, its first line `// expect: ok` or the code of its one fault.

use std::{fs, path::Path};

use super::*;

#[test]
fn each_policy_file_is_taken_or_refused_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/policies");
    let mut codes = alloc::collections::BTreeSet::new();
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    on_stack(|stack| {
        for file in &files {
            let text = fs::read_to_string(file).unwrap();
            let expected = text
                .trim_start_matches('\u{feff}')
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("// expect: "))
                .unwrap_or_else(|| panic!("{} has no expectation", file.display()))
                .trim()
                .to_string();
            let found = match compile(stack, &text) {
                Ok(_) => String::from("ok"),
                Err(code) => code,
            };
            assert_eq!(found, expected, "{}", file.display());
            codes.insert(expected);
        }
    });
    // A file for every fault that fits one: the sizes of whole texts are made in `hostile.rs`. Among them, of
    // PO-4: no-id, bad-id, reserved-id, no-title, bad-title, unknown-annotation; of PO-5: escalate-on-permit,
    // bad-reason, without-escalate; of PO-8: two-causes, for `||` in a `when` and `&&` in an `unless`.
    for code in [
        "ok",
        "bad-approvers",
        "bad-id",
        "bad-reason",
        "bad-sla",
        "bad-title",
        "brackets-too-deep",
        "byte-order-mark",
        "control-character",
        "duplicate-id",
        "escalate-on-permit",
        "extension",
        "invalid",
        "invisible-character",
        "no-id",
        "no-title",
        "reserved-id",
        "string-too-long",
        "string-without-end",
        "syntax",
        "template",
        "too-many-ifs",
        "too-many-tokens",
        "two-causes",
        "unbalanced-brackets",
        "unfinished-policy",
        "unknown-annotation",
        "unknown-character",
        "without-escalate",
    ] {
        assert!(codes.contains(code), "no file for {code}");
    }
}
