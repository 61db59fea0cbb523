//! `what-if` and `replay`, on a tenant that really signs and on the files of `testdata/`. What a comparison counts is
//! tested where it counts; here it is the way to the page and the exit status.

use std::{
    fs,
    path::{Path, PathBuf},
};

use agentsigna_verifier::verify::testing::{NamedWitness, Tenant, trust_text};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Ran, run, verdicts::write_export};

/// Everything, for everybody; and nothing.
const ALL: &str = "@id(\"all\") @title(\"All\")\npermit(principal, action, resource);\n";

/// A scratch folder with an export of two cases, one authorized and one rejected.
fn folder() -> (TempDir, Tenant) {
    let folder = tempfile::tempdir().unwrap();
    let mut tenant = Tenant::ready(7);
    let _ = tenant.authorized("po-1");
    let _ = tenant.rejected("po-2");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("trust.json", &tenant.trust().encode());
    write("all.cedar", ALL.as_bytes());
    write("none.cedar", b"");
    write_export(&folder.path().join("export"), &tenant.export());
    (folder, tenant)
}

fn what_if(folder: &Path, candidate: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["what-if", candidate, "--log", "export"];
    arguments.extend(["--trust", "trust.json"]);
    arguments.extend(more);
    run(folder, &arguments)
}

#[test]
fn rp_5_the_table_and_the_cases_that_would_go_another_way() {
    let (folder, _) = folder();
    let folder = folder.path();
    let said = what_if(folder, "none.cedar", &["--json"]).ended(0).json();
    assert_eq!(said["outcome"], "VALID");
    let compared = &said["compared"];
    assert_eq!(
        compared["verdicts"],
        json!(["authorized", "escalated", "rejected"])
    );
    assert_eq!(compared["counts"], json!([[0, 0, 1], [0, 0, 0], [0, 0, 1]]));
    assert_eq!(compared["moved"].as_array().unwrap().len(), 1);
    let moved = &compared["moved"][0];
    assert_eq!(
        (&moved["before"], &moved["after"], &moved["rules"]),
        (
            &json!("authorized"),
            &json!("rejected"),
            &json!(["builtin.no-authority"])
        )
    );
    let case = moved["case"].as_str().unwrap();
    let page = what_if(folder, "none.cedar", &[]).ended(0).stdout;
    assert!(page.starts_with("VALID\n"), "{page}");
    let table = "  as recorded   authorized   escalated    rejected\n  \
                   authorized             0           0           1\n  \
                   escalated              0           0           0\n  \
                   rejected               0           0           1\n";
    assert!(page.contains(table), "{page}");
    let row = format!("  {case}  authorized -> rejected  by builtin.no-authority\n");
    assert!(page.ends_with(&row), "{page}");
    // The one that was decided last alone.
    let last = what_if(folder, "none.cedar", &["--last", "1", "--json"]).ended(0);
    assert_eq!(
        last.json()["compared"]["counts"],
        json!([[0, 0, 0], [0, 0, 0], [0, 0, 1]])
    );
    // A bundle out of the log says what its text says, and its own decisions come out again.
    let published = active(folder);
    let same = what_if(folder, &published, &["--json"]).ended(0).json();
    assert_eq!(same["compared"]["moved"], json!([]));
    assert_eq!(same["compared"]["otherwise"], 0);
    assert!(published.ends_with(same["candidate"].as_str().unwrap()));
}

/// The path of the one bundle of the export.
fn active(folder: &Path) -> String {
    let mut blobs = fs::read_dir(folder.join("export/blob")).unwrap();
    let blob = blobs.next().unwrap().unwrap().file_name();
    format!("export/blob/{}", blob.to_str().unwrap())
}

#[test]
fn cl_50_what_cannot_be_compared_is_not() {
    let (folder, tenant) = folder();
    let folder = folder.path();
    for (text, code) in [
        (ALL.replace("permit", "allow"), "syntax"),
        (ALL.replace("@id(\"all\") ", ""), "no-id"),
        (format!("{ALL}{ALL}"), "duplicate-id"),
        (
            ALL.replace(";", " when { principal.teir == 1 };"),
            "invalid",
        ),
        ("\u{feff}".to_owned(), "byte-order-mark"),
    ] {
        fs::write(folder.join("draft.cedar"), text).unwrap();
        let said = what_if(folder, "draft.cedar", &["--json"]).ended(1).json();
        assert_eq!(
            (
                &said["outcome"],
                &said["code"],
                &said["step"],
                &said["compared"]
            ),
            (
                &json!("REFUSED"),
                &json!(code),
                &json!("candidate"),
                &Value::Null
            )
        );
        let page = what_if(folder, "draft.cedar", &[]).ended(1).stdout;
        let start = format!("REFUSED({code})\n  candidate: ");
        assert!(page.starts_with(&start), "{page}");
    }
    // Of a bundle too.
    let mut bytes = fs::read(folder.join(active(folder))).unwrap();
    bytes.pop();
    fs::write(folder.join("draft.cedar"), bytes).unwrap();
    let said = what_if(folder, "draft.cedar", &["--json"]).ended(1).json();
    assert_eq!(said["code"], "malformed");
    // Nobody has confirmed this head: told, and not proven.
    let witness = NamedWitness::new("witness.example", 9);
    let trust = trust_text(&[&tenant], &witness.policy(), &[]);
    fs::write(folder.join("trust.json"), trust).unwrap();
    let said = what_if(folder, "all.cedar", &["--json"]).ended(2).json();
    assert_eq!(said["outcome"], "INCOMPLETE");
    assert_eq!(said["compared"]["cases"], 2);
    // Of a log that is refused nothing is believed.
    fs::write(folder.join("export/surplus"), "").unwrap();
    let said = what_if(folder, "all.cedar", &["--json"]).ended(1).json();
    assert_eq!(
        (&said["code"], &said["compared"]),
        (&json!("surplus-file"), &Value::Null)
    );
    let page = what_if(folder, "all.cedar", &[]).ended(1).stdout;
    assert!(!page.contains("candidate"), "{page}");
    for wrong in [["--last", "-1"], ["--last", "x"]] {
        what_if(folder, "all.cedar", &wrong).ended(3);
    }
    what_if(folder, "nowhere.cedar", &[]).ended(3);
}

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

fn replay(file: &str, trust: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["replay", file, "--trust", trust];
    arguments.extend(more);
    run(&testdata(), &arguments)
}

#[test]
fn rp_7_each_decision_is_made_again_with_what_it_compared() {
    // Two decisions: the second when people had agreed.
    let (file, trust) = ("approvals/approved.case", "trust/people.json");
    let page = replay(file, trust, &[]).ended(0).stdout;
    assert!(page.starts_with("VALID\n"), "{page}");
    let told = "  recorded  escalated by esc.amount, asking finance:2\n  \
                again     escalated by esc.amount, asking finance:2\n  \
                equal\n\n  \
                esc.amount (asks people)  Large payments are read by finance\n    \
                context.amount_minor > 50000\n    \
                75000 > 50000\n";
    assert_eq!(page.matches(told).count(), 2, "{page}");
    let said = replay(file, trust, &["--json"]).ended(0).json();
    let decisions = said["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 2);
    for decision in decisions {
        assert_eq!(decision["equal"], true);
        assert_eq!(decision["recorded"], decision["again"]);
        let value = &decision["rules"][0]["values"][0];
        assert_eq!(
            (&value["left_value"], &value["operator"]),
            (&json!("75000"), &json!(">"))
        );
    }
    // CL-51: its Passport is long over, and that is not what is asked.
    let case = "cases/authorized.case";
    run(
        &testdata(),
        &["passport", case, "--trust", "trust/tenant.json"],
    )
    .ended(1);
    let said = replay(case, "trust/tenant.json", &["--json"])
        .ended(0)
        .json();
    assert_eq!(said["decisions"][0]["rules"][0]["does"], "grants");
    assert_eq!(said["at"], said["decisions"][0]["decided_at"]);
}

#[test]
fn cl_52_a_record_that_the_policy_does_not_bear_out_is_shown_and_refused() {
    for file in ["cases/verdict-too-good.case", "cases/verdict-too-bad.case"] {
        let said = replay(file, "trust/tenant.json", &["--json"])
            .ended(1)
            .json();
        assert_eq!(said["code"], "verdict-mismatch", "{file}");
        let decision = &said["decisions"][0];
        assert_eq!(decision["equal"], false);
        assert_ne!(decision["recorded"], decision["again"]);
        let page = replay(file, "trust/tenant.json", &[]).ended(1).stdout;
        assert!(page.contains("\n  NOT EQUAL\n"), "{page}");
    }
    // What is refused for anything else is not explained.
    for (file, code) in [
        ("cases/another-bundle.case", "blob-mismatch"),
        ("cases/malformed-type.case", "malformed"),
    ] {
        let said = replay(file, "trust/tenant.json", &["--json"])
            .ended(1)
            .json();
        assert_eq!(
            (&said["code"], &said["decisions"]),
            (&json!(code), &json!([]))
        );
    }
    let passport = "approvals/approved.passport";
    let ran = replay(passport, "trust/people.json", &[]).ended(3);
    assert!(ran.stderr.contains("is a Passport"), "{ran:?}");
}

#[test]
fn a_case_of_an_export_is_explained() {
    let (folder, _) = folder();
    let folder = folder.path();
    let said = what_if(folder, "none.cedar", &["--json"]).ended(0).json();
    let authorized = said["compared"]["moved"][0]["case"].as_str().unwrap();
    let ask = |case: &str, more: &[&str]| {
        let mut arguments = vec!["replay", case, "--log", "export", "--trust", "trust.json"];
        arguments.extend(more);
        run(folder, &arguments)
    };
    let said = ask(authorized, &["--json"]).ended(0).json();
    assert_eq!(
        (&said["profile"], &said["case"]),
        (&json!("ledger"), &json!(authorized))
    );
    assert_eq!(said["decisions"][0]["equal"], true);
    assert_eq!(said["decisions"][0]["recorded"]["verdict"], "authorized");
    for (case, status) in [("0".repeat(32), 3), ("x".to_owned(), 3), (String::new(), 3)] {
        ask(&case, &[]).ended(status);
    }
    fs::remove_file(folder.join(active(folder))).unwrap();
    let said = ask(authorized, &["--json"]).ended(2).json();
    assert_eq!(said["decisions"][0]["again"], Value::Null);
    let why = said["decisions"][0]["why"].as_str().unwrap();
    assert!(why.ends_with("is not at hand"), "{why}");
}
