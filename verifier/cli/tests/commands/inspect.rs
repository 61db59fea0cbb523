//! `inspect`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use agentsigna_verifier::{
    cbor,
    digest::{Digest, Noun},
    entry::{Entry, Event},
    event::Body,
    log::tree::LeafHash,
    verify::testing::{NamedWitness, Tenant},
};
use serde_json::Value;

use crate::{Ran, folder_with_key, run};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/examples")
}

fn inspect(folder: &Path, file: &str) -> Value {
    run(folder, &["inspect", file, "--json"]).ended(0).json()
}

/// What everything but a key is made from, each in a file of its kind's name.
fn material() -> (tempfile::TempDir, Tenant) {
    let (folder, _) = folder_with_key();
    let mut tenant = Tenant::ready(7);
    let case = tenant.authorized("po-1");
    let witness = NamedWitness::new("witness.example", 9);
    let head = tenant.signed_head(&[&witness]);
    let entry = tenant.entries[3].clone();
    let event = Entry::decode(&entry).unwrap().event;
    let bundle = tenant.blobs.values().next().unwrap().clone();
    for (name, bytes) in [
        ("passport", tenant.passport(case)),
        ("case-file", tenant.case_file(case)),
        ("entry", entry),
        ("event", event),
        ("bundle", bundle),
        ("checkpoint", head.note().encode().into_bytes()),
        ("tlog-proof", tenant.proof(3, &head).into_bytes()),
        ("trust", tenant.trust().encode()),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    fs::rename(
        folder.path().join("a.key"),
        folder.path().join("private-key"),
    )
    .unwrap();
    fs::rename(
        folder.path().join("a.pub"),
        folder.path().join("public-key"),
    )
    .unwrap();
    (folder, tenant)
}

const KINDS: [&str; 10] = [
    "passport",
    "case-file",
    "entry",
    "event",
    "bundle",
    "checkpoint",
    "tlog-proof",
    "trust",
    "private-key",
    "public-key",
];

#[test]
fn every_kind_of_file_is_known_and_judged_in_none() {
    // CL-30, CL-31
    let (folder, _) = material();
    for kind in KINDS {
        let about = inspect(folder.path(), kind);
        assert_eq!(about["kind"], kind);
        assert!(
            !about["proves_not"].as_array().unwrap().is_empty(),
            "{kind}"
        );
        let Ran { stdout, .. } = run(folder.path(), &["inspect", kind]).ended(0);
        assert!(stdout.contains("\nIt does not prove, and nothing here has checked\n"));
        for word in ["VALID", "REFUSED", "INCOMPLETE"] {
            assert!(!stdout.contains(word), "{kind}: {stdout}");
        }
    }
}

#[test]
fn a_damaged_file_is_none_of_ours() {
    // CL-31: cut short at a dozen places.
    let (folder, _) = material();
    for kind in ["passport", "entry", "checkpoint", "trust"] {
        let whole = fs::read(folder.path().join(kind)).unwrap();
        for end in (0..whole.len() - 1).step_by(whole.len() / 12 + 1) {
            fs::write(folder.path().join("cut"), &whole[..end]).unwrap();
            let ran = run(folder.path(), &["inspect", "cut"]).ended(3);
            assert!(
                ran.stdout.is_empty() && ran.stderr.contains("`cut`: "),
                "{kind} {end}: {ran:?}"
            );
        }
    }
    for other in [
        "",
        "hello",
        "{}",
        "[]",
        "\u{a0}",
        "aGVsbG8",
        "c2sp.org/tlog-proof@v2\n",
    ] {
        fs::write(folder.path().join("other"), other).unwrap();
        run(folder.path(), &["inspect", "other"]).ended(3);
    }
    fs::write(folder.path().join("long"), vec![b'a'; 4 * 1024 * 1024 + 1]).unwrap();
    run(folder.path(), &["inspect", "long"]).ended(3);
    run(folder.path(), &["inspect", "absent"]).ended(3);
}

#[test]
fn every_example_of_the_specification_is_shown_with_its_digests() {
    // CL-30
    let mut entries = 0;
    let mut kinds = BTreeSet::new();
    let folders = [
        examples(),
        examples().join("people"),
        examples().join("approval"),
        examples().join("outcome"),
    ];
    let files = folders.map(|folder| fs::read_dir(folder).unwrap());
    for file in files.into_iter().flatten() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let about = inspect(path.parent().unwrap(), name);
        let fields = &about["fields"];
        let bytes = fs::read(&path).unwrap();
        if name.ends_with(".entry") {
            let entry = Entry::decode(&bytes).unwrap();
            let digest = Event::digest_of(&entry.event).to_string();
            assert_eq!(
                fields["leaf_hash_computed"],
                LeafHash::of(&bytes).to_string()
            );
            assert_eq!(fields["event"]["digest_computed"], digest);
            assert_eq!(fields["index"], entry.index);
            let kind = fields["event"]["kind"].as_str().unwrap();
            assert!(name.contains(kind), "{name}: {kind}");
            kinds.insert(kind.to_owned());
            entries += 1;
        } else if name.ends_with(".sheet") {
            assert_eq!(about["kind"], "review-sheet");
            let digest = Digest::of(Noun::Blob, &bytes).to_string();
            assert_eq!(fields["digest_computed"], digest);
            let words = fields["in_words"].as_str().unwrap();
            assert!(words.starts_with("Review sheet\n"), "{words}");
            assert!(words.contains("750.00 EUR"), "{words}");
        } else if name.starts_with("agreed") {
            let people = fields["claims"]["approvals"]["people"].as_array().unwrap();
            let who: Vec<_> = people.iter().map(|person| &person["approver"]).collect();
            assert_eq!(who, ["finn", "gerd"]);
        } else if name.ends_with(".blob") {
            let digest = Digest::of(Noun::Blob, &bytes).to_string();
            assert_eq!(fields["digest_computed"], digest);
        } else {
            assert_eq!(about["kind"], "passport");
            let leaf = fs::read(examples().join("16-passport.issued.entry")).unwrap();
            assert_eq!(
                fields["leaf_hash_computed"],
                LeafHash::of(&leaf).to_string()
            );
            assert_eq!(fields["claims"]["agent"], "buyer-1");
        }
    }
    assert_eq!(entries, 21 + 29 + 38 + 74);
    assert_eq!(kinds.len(), Body::KINDS.len());
}

#[test]
fn of_a_private_key_only_the_public_half_is_shown() {
    // CL-32
    let (folder, _) = material();
    let secret = fs::read_to_string(folder.path().join("private-key")).unwrap();
    let secret = secret.lines().nth(1).unwrap();
    let seed = data_encoding::BASE64.decode(secret.as_bytes()).unwrap()[16..].to_vec();
    let public = fs::read_to_string(folder.path().join("public-key")).unwrap();
    for more in [
        &["inspect", "private-key"][..],
        &["inspect", "private-key", "--json"],
    ] {
        let ran = run(folder.path(), more).ended(0);
        assert!(ran.stdout.contains(public.split(' ').next().unwrap()));
        for form in [
            secret.to_owned(),
            data_encoding::BASE64URL_NOPAD.encode(&seed),
            data_encoding::HEXLOWER.encode(&seed),
        ] {
            assert!(!ran.stdout.contains(&form));
        }
    }
}

#[test]
fn a_case_file_is_shown_with_all_its_parts() {
    let (folder, tenant) = material();
    let about = inspect(folder.path(), "case-file");
    let entries = about["fields"]["entries"].as_array().unwrap();
    assert!(entries.len() > 5);
    for shown in entries {
        let index = usize::try_from(shown["entry"]["index"].as_u64().unwrap()).unwrap();
        let leaf = LeafHash::of(&tenant.entries[index]).to_string();
        assert_eq!(shown["entry"]["leaf_hash_computed"], leaf);
        let path: Vec<_> = tenant
            .path(index.try_into().unwrap(), tenant.entries.len())
            .iter()
            .map(|hash| Value::from(data_encoding::BASE64.encode(hash)))
            .collect();
        assert_eq!(shown["path_to_the_root"], Value::from(path));
    }
    assert_eq!(about["fields"]["passport"]["claims"]["agent"], "ap-bot");
    assert_eq!(about["fields"]["blobs"].as_array().unwrap().len(), 1);
    assert_eq!(
        about["fields"]["checkpoint"]["entries"],
        tenant.entries.len()
    );
    // A witness's time is shown as one.
    let head = inspect(folder.path(), "checkpoint");
    assert!(head["fields"]["signatures"][1]["time_if_of_a_witness"].is_u64());
}

#[test]
fn a_hostile_file_does_not_reach_the_terminal() {
    // CL-6: an event of a kind that nobody knows may be called anything.
    let folder = tempfile::tempdir().unwrap();
    let tenant = Tenant::found(7);
    let event = cbor::Value::array([
        cbor::Value::from("\u{1b}[2J\u{202e}\r\n\u{9b}"),
        cbor::Value::Null,
        cbor::Value::Null,
        cbor::Value::Null,
        cbor::Value::Uint(1),
        cbor::Value::bytes(&[0; 16]),
        cbor::Value::Null,
    ]);
    let mut entry = Entry::decode(&tenant.entries[0]).unwrap();
    entry.event = event.encode();
    fs::write(folder.path().join("event"), &entry.event).unwrap();
    fs::write(folder.path().join("entry"), entry.encode()).unwrap();
    let shown = run(folder.path(), &["inspect", "entry"]).ended(0).stdout;
    let refused = run(folder.path(), &["inspect", "event"]).ended(3).stderr;
    for text in [shown, refused] {
        let hostile = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(hostile), "{text:?}");
        assert!(
            text.contains(r"\u{1b}[2J\u{202e}\u{d}\u{a}\u{9b}"),
            "{text:?}"
        );
    }
}
