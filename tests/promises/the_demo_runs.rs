//! Goal: `make demo` goes the whole way, ends by itself, and shows what it promises.
//! Method: run it into a scratch folder, and look for the lines that say so.

use std::process::Command;

use agentsigna_tests::programs;

/// What must be read, in this order.
const LINES: [&str; 38] = [
    " 1  Two tenants found their logs",
    " 2  The founders say who there is and what is allowed",
    " 3  A purchase is authorized, proved offline, made once, and completed",
    "VALID",
    "gate: 403 amount-mismatch",
    "gate: 401 keyid-mismatch",
    "gate: admitted",
    "gate: 403 used",
    "the case is executing",
    "the case is completed",
    "VALID",
    " 4  A large purchase waits for people",
    "finn approves",
    "gerd approves",
    "the waiting agent has it",
    "the case is completed",
    " 5  A purchase is rejected by policy",
    "REFUSED(not-authorized) at step `authority`",
    "gerd refuses",
    " 6  Not everything that is permitted ends well",
    "the case is declined",
    "the case is reversed",
    "the agent's own word is refused",
    " 7  A purchase turns out to be fraud",
    "verdict escalated, rules [\"builtin.latitude\"]",
    " 8  A Passport that is over",
    "REFUSED(expired) at step `time`",
    "gate: 403 bad-seal",
    "REFUSED(bad-checkpoint) at step `checkpoint`",
    " 9  Another tenant's Passport",
    "gate: 403 unknown-issuer",
    "the same case and the same sealed bytes",
    "gate: 403 used",
    "11  Who would have had to lie",
    "finn's approval device",
    "agentsigna-verify ledger north/log --trust north/trust.json --replay",
    "agentsigna-verify ledger south/log --trust south/trust.json --replay",
    "All twelve acts went as promised",
];

#[test]
fn the_demo_runs() {
    // L40
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("demo-out");
    let demo = || {
        programs::run(
            Command::new(env!("CARGO_BIN_EXE_demo"))
                .arg("--out")
                .arg(&out),
        )
        .expect(0)
    };
    let told = demo();
    let mut rest = told.as_str();
    for line in LINES {
        (_, rest) = rest
            .split_once(line)
            .unwrap_or_else(|| panic!("`{line}` is missing or out of order in\n{told}"));
    }
    assert!(!told.contains("FAILED"), "{told}");
    for left in [
        "north/po-1001.passport",
        "north/po-1001.passport.txt",
        "north/po-1003.case",
        "north/log/checkpoint",
        "south/log/checkpoint",
        "host.log",
    ] {
        assert!(out.join(left).is_file(), "`{left}` was not left behind");
    }
    // SD-1 to SD-8 in another language: the log of the demo, from its entries alone.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let recomputed = programs::run(
        Command::new(root.join(".ci/python"))
            .arg(root.join("testdata/standings.py"))
            .arg(out.join("north/log")),
    )
    .expect(0);
    assert!(
        recomputed.contains(": 5 statements agree, 2 standings"),
        "{recomputed}"
    );
    // It wipes what it left, and nothing else.
    let _ = demo();
    std::fs::remove_file(out.join("README.txt")).unwrap();
    let refused = programs::run(
        Command::new(env!("CARGO_BIN_EXE_demo"))
            .arg("--out")
            .arg(&out),
    );
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(out.join("north/trust.json").is_file());
}
