//! Goal: `make demo` goes the whole way, ends by itself, and shows what it promises.
//! Method: run it into a scratch folder, and look for the lines that say so.

use std::process::Command;

use agentsigna_tests::programs;

/// What must be read, in this order.
const LINES: [&str; 21] = [
    " 1  Two tenants found their logs",
    " 2  The founders say who there is and what is allowed",
    " 3  A purchase is authorized, proved offline, and made once",
    "VALID",
    "target: 200 admitted",
    "refused(used-before) at step `single-use`",
    " 4  A large purchase waits for people",
    " 5  A purchase is rejected, and the refusal is proved",
    "VALID",
    "REFUSED(not-authorized) at step `authority`",
    " 6  A Passport that is over is worth nothing",
    "REFUSED(expired) at step `time`",
    "target: 403 refused(expired) at step `time`",
    " 7  One byte is changed",
    "REFUSED(bad-seal) at step `seal`",
    "REFUSED(bad-checkpoint) at step `checkpoint`",
    "target: 403 refused(unknown-issuer) at step `issuer`",
    "the same case and the same sealed bytes",
    "agentsigna-verify ledger north/log --trust north/trust.json --replay",
    "agentsigna-verify ledger south/log --trust south/trust.json --replay",
    "All ten acts went as promised",
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
