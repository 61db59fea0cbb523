//! `passport`, `ledger`, `consistency`, on a tenant that really signs. What each check refuses is tested where the
//! checks are; here it is the way from the answer to the page and the exit status.

use std::{fs, path::Path};

use agentsigna_verifier::verify::testing::{MemoryExport, NamedWitness, Tenant, trust_text};
use data_encoding::BASE64URL_NOPAD;
use tempfile::TempDir;

use crate::{Ran, run};

/// A scratch folder with a trust file, a Passport, case files and an export.
fn folder() -> (TempDir, Tenant) {
    let folder = tempfile::tempdir().unwrap();
    let mut tenant = Tenant::ready(7);
    let issued = tenant.authorized("po-1");
    let rejected = tenant.rejected("po-2");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("trust.json", &tenant.trust().encode());
    write("passport", &tenant.passport(issued));
    write("issued.case", &tenant.case_file(issued));
    write("rejected.case", &tenant.case_file(rejected));
    write("head", tenant.signed_head(&[]).note().encode().as_bytes());
    write_export(&folder.path().join("export"), &tenant.export());
    (folder, tenant)
}

pub(crate) fn write_export(to: &Path, export: &MemoryExport) {
    for (name, bytes) in &export.0 {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// A moment at which the Passport of [`folder`] is good.
fn in_time(folder: &Path) -> String {
    let seconds = claims(folder).not_before_s;
    (seconds * 1000).to_string()
}

fn claims(folder: &Path) -> agentsigna_verifier::passport::Claims {
    let bytes = fs::read(folder.join("passport")).unwrap();
    let passport = agentsigna_verifier::passport::Passport::parse(&bytes).unwrap();
    passport.claims().clone()
}

fn judge(folder: &Path, file: &str, at: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["passport", file, "--trust", "trust.json", "--at", at];
    arguments.extend(more);
    run(folder, &arguments)
}

#[test]
fn the_verdict_comes_first_and_is_the_exit_status() {
    // CL-1, CL-43
    let (folder, _) = folder();
    let folder = folder.path();
    let at = in_time(folder);
    for file in ["passport", "issued.case"] {
        let ran = judge(folder, file, &at, &[]).ended(0);
        assert!(ran.stdout.starts_with("VALID\n"), "{ran:?}");
        assert!(ran.stdout.contains("  ap-bot  ["), "{ran:?}");
        assert!(ran.stderr.is_empty(), "{ran:?}");
    }
    let late = (claims(folder).expires_s * 1000 + 60_000).to_string();
    let ran = judge(folder, "passport", &late, &[]).ended(1);
    assert!(
        ran.stdout.starts_with("REFUSED(expired)\n  time: "),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("believe none of it"), "{ran:?}");
}

#[test]
fn without_witnesses_the_page_names_none() {
    // VE-7, VE-32
    let (folder, _) = folder();
    let folder = folder.path();
    let at = in_time(folder);
    for file in ["passport", "issued.case"] {
        let page = judge(folder, file, &at, &[]).ended(0).stdout;
        assert!(page.contains("witnesses       none asked for\n"), "{page}");
        assert!(!page.contains("the witnesses"), "{page}");
        assert!(page.contains("other views of the log  the trust file asks for no witness"));
        let answer = judge(folder, file, &at, &["--json"]).ended(0).json();
        let checks = answer["checks"].as_array().unwrap();
        for check in checks {
            let nobody = check["by"].as_array().unwrap().is_empty();
            let asked_for_none = check["step"] == "witnesses" || check["step"] == "approvals";
            assert_eq!(nobody, asked_for_none, "{check}");
        }
    }
}

#[test]
fn what_cannot_be_checked_is_incomplete() {
    let (folder, tenant) = folder();
    let folder = folder.path();
    let witness = NamedWitness::new("witness.example", 9);
    let trust = trust_text(&[&tenant], &witness.policy(), &[]);
    fs::write(folder.join("trust.json"), trust).unwrap();
    let ran = judge(folder, "passport", &in_time(folder), &[]).ended(2);
    assert!(
        ran.stdout.starts_with("INCOMPLETE(quorum)\n  witnesses: "),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("(not proven)"), "{ran:?}");
}

#[test]
fn a_passport_is_judged_now_unless_another_time_is_asked_about() {
    // CL-40: the tenant's Passport is of 2026-11-22 and lives for minutes.
    let (folder, _) = folder();
    let now = ["passport", "passport", "--trust", "trust.json", "--json"];
    let ran = run(folder.path(), &now).ended(1).json();
    let code = ran["code"].as_str().unwrap();
    assert!(["expired", "not-yet-valid"].contains(&code), "{ran}");
    assert!(ran["at"].as_u64().unwrap() > 1_700_000_000_000);
    for at in ["-1", "1.5", "now", "9007199254740992"] {
        judge(folder.path(), "passport", at, &[]).ended(3);
    }
}

#[test]
fn a_true_refusal_is_no_permission() {
    let (folder, _) = folder();
    let at = in_time(folder.path());
    judge(folder.path(), "rejected.case", &at, &[]).ended(0);
    let ran = judge(folder.path(), "rejected.case", &at, &["--expect-authority"]).ended(1);
    assert!(
        ran.stdout
            .starts_with("REFUSED(not-authorized)\n  authority: "),
        "{ran:?}"
    );
    judge(folder.path(), "issued.case", &at, &["--expect-authority"]).ended(0);
}

#[test]
fn a_passport_as_text_is_the_same_passport() {
    // CL-4
    let (folder, _) = folder();
    let folder = folder.path();
    let bytes = fs::read(folder.join("passport")).unwrap();
    fs::write(folder.join("text"), BASE64URL_NOPAD.encode(&bytes) + "\n").unwrap();
    let at = in_time(folder);
    let page = judge(folder, "passport", &at, &[]).ended(0);
    assert_eq!(judge(folder, "text", &at, &[]).ended(0).stdout, page.stdout);
}

#[test]
fn json_tells_every_check() {
    // CL-7
    let (folder, _) = folder();
    let at = in_time(folder.path());
    let answer = judge(folder.path(), "passport", &at, &["--json"])
        .ended(0)
        .json();
    assert_eq!(answer["outcome"], "VALID");
    assert_eq!(answer["profile"], "passport");
    assert_eq!(answer["pinned"], true);
    assert_eq!(answer["at"].to_string(), at);
    let checks = answer["checks"].as_array().unwrap();
    assert!(checks.len() > 8);
    assert!(
        checks.iter().all(|check| check["result"] == "passed"),
        "{answer}"
    );
    assert!(
        answer["claims"]
            .as_array()
            .unwrap()
            .iter()
            .any(|claim| claim["value"] == "ap-bot")
    );
    assert!(!answer["not_checked"].as_array().unwrap().is_empty());

    let broken = judge(folder.path(), "head", &at, &["--json"])
        .ended(1)
        .json();
    assert_eq!(broken["outcome"], "REFUSED");
    assert_eq!(
        (&broken["code"], &broken["step"]),
        (&"malformed".into(), &"format".into())
    );
    assert!(!broken["not_reached"].as_array().unwrap().is_empty());
}

#[test]
fn what_is_too_long_is_refused_and_a_trust_file_that_is_none_is_no_answer() {
    // CL-3
    let (folder, _) = folder();
    let folder = folder.path();
    fs::write(folder.join("long"), vec![0xa0; 4 * 1024 * 1024 + 1]).unwrap();
    let ran = judge(folder, "long", "0", &[]).ended(1);
    assert!(
        ran.stdout.starts_with("REFUSED(malformed)\n  format: "),
        "{ran:?}"
    );
    for trust in ["passport", "long", "absent", "export"] {
        let ran = run(folder, &["passport", "passport", "--trust", trust]).ended(3);
        assert!(ran.stderr.contains(&format!("`{trust}`")), "{ran:?}");
        assert!(ran.stdout.is_empty(), "{ran:?}");
    }
    judge(folder, "absent", "0", &[]).ended(3);
    judge(folder, "export", "0", &[]).ended(3);
}

#[test]
fn an_export_is_audited() {
    let (folder, tenant) = folder();
    for more in [&[][..], &["--replay"]] {
        let mut arguments = vec!["ledger", "export", "--trust", "trust.json"];
        arguments.extend(more);
        let ran = run(folder.path(), &arguments).ended(0);
        assert!(ran.stdout.starts_with("VALID\n"), "{ran:?}");
        // No meter where nobody looks.
        assert!(ran.stderr.is_empty(), "{ran:?}");
        arguments.push("--json");
        let answer = run(folder.path(), &arguments).ended(0).json();
        let entries = tenant.entries.len().to_string();
        let claims = answer["claims"].as_array().unwrap();
        assert!(
            claims
                .iter()
                .any(|claim| claim["value"] == entries.as_str()),
            "{answer}"
        );
    }
}

#[test]
fn the_trust_file_of_an_export_proves_nothing_about_it() {
    // CL-42
    let (folder, _) = folder();
    let folder = folder.path();
    let mut names = vec!["export/trust.json", "export/../export/trust.json"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("export/trust.json", folder.join("pinned.json")).unwrap();
        names.push("pinned.json");
    }
    for trust in names {
        let ran = run(folder, &["ledger", "export", "--trust", trust]).ended(2);
        assert!(
            ran.stdout.starts_with("INCOMPLETE(unpinned)\n  pinned: "),
            "{ran:?}"
        );
        let ran = run(folder, &["consistency", "head", "export", "--trust", trust]).ended(2);
        assert!(ran.stdout.starts_with("INCOMPLETE(unpinned)\n"), "{ran:?}");
    }
}

#[test]
fn a_changed_export_is_refused() {
    // CL-41
    let (folder, _) = folder();
    let folder = folder.path();
    let audit = || run(folder, &["ledger", "export", "--trust", "trust.json"]);
    audit().ended(0);

    let surplus = folder.join("export/notes.txt");
    fs::write(&surplus, "mine").unwrap();
    let ran = audit().ended(1);
    assert!(
        ran.stdout.starts_with("REFUSED(surplus-file)\n  files: "),
        "{ran:?}"
    );
    fs::remove_file(surplus).unwrap();

    #[cfg(unix)]
    {
        // A checkpoint elsewhere is not the export's.
        let checkpoint = folder.join("export/checkpoint");
        fs::rename(&checkpoint, folder.join("moved")).unwrap();
        std::os::unix::fs::symlink(folder.join("moved"), &checkpoint).unwrap();
        let ran = audit().ended(1);
        assert!(
            ran.stdout.starts_with("REFUSED(bad-checkpoint)\n"),
            "{ran:?}"
        );
        fs::remove_file(&checkpoint).unwrap();
        fs::rename(folder.join("moved"), &checkpoint).unwrap();
        audit().ended(0);
    }

    let bundle = fs::read_dir(folder.join("export/tile/entries"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let bundle = fs::read_dir(bundle.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&bundle).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    assert!(audit().ended(1).stdout.starts_with("REFUSED("));

    run(folder, &["ledger", "absent", "--trust", "trust.json"]).ended(3);
    run(folder, &["ledger", "head", "--trust", "trust.json"]).ended(3);
}

#[test]
fn a_log_extends_the_head_that_was_kept() {
    let (folder, mut tenant) = folder();
    let folder = folder.path();
    tenant.authorized("po-3");
    write_export(&folder.join("later"), &tenant.export());
    let compare =
        |old: &str, new: &str| run(folder, &["consistency", old, new, "--trust", "trust.json"]);
    for (old, new) in [
        ("head", "export"),
        ("head", "later"),
        ("export", "later"),
        ("later", "later"),
    ] {
        let ran = compare(old, new).ended(0);
        assert!(ran.stdout.starts_with("VALID\n"), "{ran:?}");
    }
    let ran = compare("later", "export").ended(1);
    assert!(
        ran.stdout.starts_with("REFUSED(shrinks)\n  extends: "),
        "{ran:?}"
    );

    // The same host, another history.
    let mut liar = Tenant::ready(7);
    liar.authorized("po-9");
    liar.authorized("po-10");
    liar.authorized("po-11");
    write_export(&folder.join("other"), &liar.export());
    let ran = compare("head", "other").ended(1);
    assert!(ran.stdout.contains("extends: "), "{ran:?}");
    compare("absent", "export").ended(3);
    compare("head", "head").ended(3);
}

#[test]
fn the_page_says_when_it_was_judged_and_what_was_left_out() {
    let (folder, _) = folder();
    let page = run(
        folder.path(),
        &["ledger", "export", "--trust", "trust.json"],
    )
    .ended(0);
    // A log is judged without a clock, so no time is named.
    assert!(!page.stdout.contains("Judged as of"), "{page:?}");
    let at = in_time(folder.path());
    let page = judge(folder.path(), "passport", &at, &[]).ended(0);
    assert!(page.stdout.contains(&format!("Z ({at}).\n")), "{page:?}");
    assert!(page.stdout.contains("\nNot checked\n"), "{page:?}");
}

#[test]
fn what_people_were_shown_follows_the_verdict() {
    // CL-44
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let ask = |file: &str, more: &[&str]| {
        let index = fs::read(folder.join("approvals/index.json")).unwrap();
        let index: Vec<serde_json::Value> = serde_json::from_slice(&index).unwrap();
        let case = index.iter().find(|case| case["file"] == file).unwrap();
        let (file, at) = (format!("approvals/{file}"), case["at"].to_string());
        let mut arguments = vec![
            "passport",
            &file,
            "--trust",
            "trust/people.json",
            "--at",
            &at,
        ];
        arguments.extend(more);
        run(&folder, &arguments)
    };
    let heading =
        |round: u32, word: &str| format!("\nWhat people were shown in round {round}: {word}\n");
    let Ran { stdout, .. } = ask("approved.case", &[]).ended(0);
    assert!(
        stdout.contains("finn in round 1: \"as agreed\""),
        "{stdout}"
    );
    assert!(stdout.contains("[the approver's device]"), "{stdout}");
    let (_, shown) = stdout.split_once(&heading(1, "as the log says")).unwrap();
    assert!(
        shown.starts_with("  Review sheet\n") && shown.contains("750.00 EUR"),
        "{shown}"
    );
    // Round by round.
    let Ran { stdout, .. } = ask("second-round.case", &[]).ended(0);
    let rounds = [1, 2].map(|round| stdout.find(&heading(round, "as the log says")).unwrap());
    assert!(rounds[0] < rounds[1]);
    let Ran { stdout, .. } = ask("lying-sheet.case", &[]).ended(1);
    assert!(
        stdout.contains(&heading(1, "nobody has drawn it again")),
        "{stdout}"
    );
    // For programs there is `inspect`.
    let answer = ask("approved.case", &["--json"]).ended(0).json();
    assert!(answer["sheets"].is_null());
}

/// Goal: the sets stand on the page and in the answer, one a line. Method: files of `testdata/`, as they are (WL-2).
#[test]
fn who_would_have_had_to_lie_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let ask = |file: &str, trust: &str, at: &str, more: &[&str]| {
        let mut arguments = vec!["passport", file, "--trust", trust, "--at", at];
        arguments.extend(more);
        run(&folder, &arguments)
    };
    let section = |page: &str| {
        let heading = "\nWho would have had to lie, for this to be false: all of one line\n";
        let (_, told) = page.split_once(heading).unwrap_or_else(|| panic!("{page}"));
        told.split_once("\n\n").unwrap().0.to_owned()
    };
    let page = ask("cases/rejected.case", "trust/tenant.json", "0", &[]).ended(0);
    assert_eq!(
        section(&page.stdout),
        "  the agent asked for this    agent ap-bot's key
                              the founder
  the policy decided so       the founder
                              the log key
  these people agreed         cannot be told from this: nobody judged
  it is in the log            the log key
  everyone sees the same log  the log key
  it was used once            cannot be told from this: there is no Passport in it that could be used"
    );
    let at = {
        let index = fs::read(folder.join("approvals/index.json")).unwrap();
        let index: Vec<serde_json::Value> = serde_json::from_slice(&index).unwrap();
        let case = index.iter().find(|case| case["file"] == "approved.case");
        case.unwrap()["at"].to_string()
    };
    // `dana`, whom the founder enrolled, enrolled `erin` alone: the two of them add nothing to her.
    let page = ask("approvals/approved.case", "trust/people.json", &at, &[]).ended(0);
    assert_eq!(
        section(&page.stdout),
        "  the agent asked for this    agent ap-bot's key
                              the founder
  the policy decided so       the founder
                              dana's sign-in device
                              the log key, the seal key
  these people agreed         the founder
                              dana's sign-in device
                              finn's approval device
                              gerd's approval device
  it is in the log            the log key
  everyone sees the same log  the log key
  it was used once            the gate of erp"
    );
    let page = ask("approvals/approved.passport", "trust/people.json", &at, &[]).ended(0);
    assert_eq!(
        section(&page.stdout),
        "  the agent asked for this    agent ap-bot's key
                              who enrolled ap-bot
                              the log key, the seal key
  the policy decided so       who signed the policy and what it was told
                              the log key, the seal key
  these people agreed         finn's approval device
                              gerd's approval device
                              who enrolled finn
                              who enrolled gerd
                              the log key, the seal key
  it is in the log            the log key
  everyone sees the same log  the log key
  it was used once            the gate of erp"
    );
    // For programs.
    let file = "approvals/approved.case";
    let answer = ask(file, "trust/people.json", &at, &["--json"])
        .ended(0)
        .json();
    let lies = answer["lies"].as_array().unwrap();
    let claims: Vec<&str> = lies
        .iter()
        .map(|lie| lie["claim"].as_str().unwrap())
        .collect();
    assert_eq!(
        claims,
        [
            "asked",
            "decided",
            "agreed",
            "in-log",
            "same-log",
            "used-once"
        ]
    );
    let (founder, log) = (
        r#"{"kind":"founder","name":null}"#,
        r#"{"kind":"log","name":null}"#,
    );
    let dana = r#"{"kind":"sign-in","name":"dana"}"#;
    let seal = r#"{"kind":"seal","name":null}"#;
    let expected = format!(
        r#"{{"claim":"decided","sets":[[{founder}],[{dana}],[{log},{seal}]],"more":false,"why":null}}"#
    );
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(lies[1], expected);
    let answer = ask("cases/rejected.case", "trust/tenant.json", "0", &["--json"]);
    let answer = answer.ended(0).json();
    let untold = r#"{"claim":"agreed","sets":[],"more":false,"why":"nobody judged"}"#;
    let untold: serde_json::Value = serde_json::from_str(untold).unwrap();
    assert_eq!(answer["lies"][2], untold);
    // WL-1: nothing of what is not VALID.
    let refused = ask("approvals/kept.case", "trust/people.json", &at, &[]).ended(1);
    assert!(!refused.stdout.contains("had to lie"), "{refused:?}");
    let refused = ask("approvals/kept.case", "trust/people.json", &at, &["--json"]);
    assert!(
        refused.ended(1).json()["lies"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}
