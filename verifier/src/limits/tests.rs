//! Goal: a limit has one number. Method: the table of `spec/limits.md` against the text of `limits.rs`.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
};
use std::vec::Vec;

use super::*;

/// Every limit by its name, as the compiler sees it.
fn compiled() -> BTreeMap<&'static str, u64> {
    macro_rules! table {
        ($($name:ident),+ $(,)?) => {
            BTreeMap::from([$((stringify!($name), u64::try_from($name).unwrap())),+])
        };
    }
    table!(
        ENTRY_BYTES_MAX,
        ACTION_BODY_BYTES_MAX,
        BODY_BYTES_MAX,
        JSON_DEPTH_MAX,
        JSON_INTEGER_MAX,
        CBOR_DEPTH_MAX,
        PROOF_HASHES_MAX,
        NOTE_BYTES_MAX,
        NOTE_SIGNATURES_MAX,
        POLICY_BYTES_MAX,
        POLICY_TOKENS_MAX,
        POLICY_SOURCE_BYTES_MAX,
        PASSPORT_BYTES_MAX,
        PASSPORT_SEALED_BYTES_MAX,
        CASE_FILE_BYTES_MAX,
        TRUST_BYTES_MAX,
        PASSPORT_LIFE_S_MAX,
        PASSPORT_LIFE_S,
        PASSPORT_SKEW_S,
        PASSPORT_SKEW_S_MAX,
        REQUEST_SKEW_S,
        REQUEST_LIFE_S_MAX,
        AMOUNT_MINOR_MAX,
    )
}

#[test]
fn li_1_page_and_code_have_the_same_limits() {
    let page: BTreeMap<&str, u64> = include_str!("../../../spec/limits.md")
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let name = *cells.get(1)?;
            let value = cells.get(2)?.parse().ok()?;
            name.ends_with(|last: char| last.is_ascii_uppercase())
                .then_some((name, value))
        })
        .collect();
    assert_eq!(page, compiled());

    // Nothing is in the file that is not in the list above.
    let in_file: Vec<String> = include_str!("../limits.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "))
        .map(|line| line.split(':').next().unwrap().to_string())
        .collect();
    assert_eq!(in_file.len(), compiled().len());
    for name in in_file {
        assert!(compiled().contains_key(name.as_str()), "{name}");
    }
}
