//! The codes: table, page and code say the same.

use alloc::collections::BTreeSet;

use crate::verify::code::{Answer, CODES};

const PAGE: &str = include_str!("../../../../spec/verification.md");
const SOURCES: [&str; 11] = [
    include_str!("../approvals.rs"),
    include_str!("../case.rs"),
    include_str!("../entries.rs"),
    include_str!("../head.rs"),
    include_str!("../ledger/consistency.rs"),
    include_str!("../ledger/mod.rs"),
    include_str!("../ledger/walk.rs"),
    include_str!("../ledger/walk/again.rs"),
    include_str!("../passport.rs"),
    include_str!("../replay.rs"),
    // `report.rs` says one code of its own; its other words are steps.
    "\"not-reached\"",
];

fn literals() -> impl Iterator<Item = &'static str> {
    let lines = SOURCES.iter().flat_map(|source| source.lines());
    lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
}

#[test]
fn the_page_has_the_table() {
    let rows = PAGE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let code = cells.next()?.strip_suffix('`')?;
        let answer = match cells.next()? {
            "REFUSED" => Answer::Refused,
            "INCOMPLETE" => Answer::Incomplete,
            _ => return None,
        };
        Some((code, answer))
    });
    assert_eq!(rows.collect::<alloc::vec::Vec<_>>(), CODES);
}

#[test]
fn the_code_has_the_table() {
    let known: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(known.len(), CODES.len());
    let said: BTreeSet<&str> = literals().collect();
    for code in &known {
        assert!(
            said.contains(code),
            "`{code}` is in the table, and nothing says it"
        );
    }
    let kebab = |text: &&&str| {
        text.contains('-')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    for code in said.iter().filter(kebab) {
        assert!(
            known.contains(code),
            "`{code}` is said, and not in the table"
        );
    }
}
