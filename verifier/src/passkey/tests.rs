//! Goal: what a device did not sign for this context, this site and this person is refused. Method: one file for each
//! fault in `testdata/passkeys/`, made here by a naive maker that shares no code with the module and comparable in
//! any language; each bit of a valid assertion flipped; the test vectors of the standard.
//!
//! A missing file is written and the test fails once: look at the file, then commit it.

mod assertions;
mod encoded;
mod naive;
mod properties;
mod registrations;
mod standard;

use std::{
    fs,
    path::PathBuf,
    string::{String, ToString as _},
    vec::Vec,
};

use alloc::format;
use data_encoding::HEXLOWER;
use serde_json::Value as Json;

use super::{
    Assertion, Registration, Site,
    context::{ActContext, ApprovalContext, RegistrationContext, SignInContext},
};
use crate::digest::Digest;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/passkeys")).join(name)
}

/// The files of a folder by name, without `.json`.
fn files(name: &str) -> Vec<(String, Json)> {
    let mut files: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().into(), value)
        })
        .collect();
    files.sort_by(|a: &(String, Json), b| a.0.cmp(&b.0));
    files
}

fn compare(name: &str, mut made: Vec<(String, Json)>) {
    made.sort_by(|a, b| a.0.cmp(&b.0));
    let mut written = Vec::new();
    for (file, value) in &made {
        let path = folder(name).join(format!("{file}.json"));
        if !path.exists() {
            fs::create_dir_all(folder(name)).unwrap();
            fs::write(&path, serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
            written.push(file);
        }
    }
    assert!(written.is_empty(), "written, look at them: {written:?}");
    let found = files(name);
    assert_eq!(found.len(), made.len(), "a file without a case in {name}");
    for (made, found) in made.into_iter().zip(found) {
        assert_eq!(made, found);
    }
}

fn text<'j>(value: &'j Json, name: &str) -> &'j str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

fn hex(value: &Json, name: &str) -> Vec<u8> {
    HEXLOWER.decode(text(value, name).as_bytes()).unwrap()
}

fn digest(value: &Json, name: &str) -> Digest {
    Digest::from_hex(text(value, name)).unwrap()
}

/// The challenge of a context, by its purpose; or that it cannot be read.
fn challenge(purpose: &str, bytes: &[u8]) -> Result<Digest, &'static str> {
    let malformed = |_| "context-malformed";
    match purpose {
        "passkey" => Ok(RegistrationContext::decode(bytes)
            .map_err(malformed)?
            .challenge()),
        "sign-in" => Ok(SignInContext::decode(bytes).map_err(malformed)?.challenge()),
        "act" => Ok(ActContext::decode(bytes).map_err(malformed)?.challenge()),
        "approval" => Ok(ApprovalContext::decode(bytes)
            .map_err(malformed)?
            .challenge()),
        other => panic!("purpose {other}"),
    }
}

#[test]
fn the_files_are_what_the_naive_maker_makes() {
    compare("assertions", assertions::cases());
    compare("registrations", registrations::cases());
    compare("encoded", encoded::cases());
    compare("contexts", encoded::contexts());
}

#[test]
fn every_file_of_assertions_gives_its_answer() {
    for (name, case) in files("assertions") {
        let context = ApprovalContext::decode(&hex(&case, "context")).unwrap();
        let site = Site::parse(text(&case, "site")).unwrap();
        let key = super::PasskeyKey::from_bytes(&hex(&case, "key")).unwrap();
        let parts = &case["assertion"];
        let result = Assertion::new(
            hex(parts, "credential"),
            &hex(parts, "authenticator"),
            text(parts, "client").as_bytes(),
            &hex(parts, "signature"),
        )
        .and_then(|assertion| {
            // What was read can be kept and read again.
            assert_eq!(
                Assertion::decode(&assertion.encode()).as_ref(),
                Ok(&assertion)
            );
            context.check(&assertion, &key, &site)
        });
        assert_eq!(context.challenge(), digest(&case, "challenge"), "{name}");
        match (result, case["expect"]["code"].as_str()) {
            (Err(error), Some(code)) => assert_eq!(error.code(), code, "{name}: {error}"),
            (Ok(asserted), None) => {
                let expect = &case["expect"];
                let counter = u64::from(asserted.counter().count());
                assert_eq!(Some(counter), expect["counter"].as_u64(), "{name}");
                assert_eq!(asserted.backup().name(), expect["backup"], "{name}");
                assert_eq!(asserted.credential(), &context.credential);
            }
            (result, expected) => panic!("{name}: {result:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn every_file_of_registrations_gives_its_answer() {
    for (name, case) in files("registrations") {
        let context = RegistrationContext::decode(&hex(&case, "context")).unwrap();
        let site = Site::parse(text(&case, "site")).unwrap();
        let parts = &case["registration"];
        let client = text(parts, "client").as_bytes();
        let result = Registration::new(hex(parts, "authenticator"), client).and_then(|made| {
            assert_eq!(Registration::decode(&made.encode()).as_ref(), Ok(&made));
            context.check(&made, &site)
        });
        assert_eq!(context.challenge(), digest(&case, "challenge"), "{name}");
        match (result, case["expect"]["code"].as_str()) {
            (Err(error), Some(code)) => assert_eq!(error.code(), code, "{name}: {error}"),
            (Ok(credential), None) => {
                let expect = &case["expect"];
                assert_eq!(credential.id().as_bytes(), hex(expect, "credential"));
                assert_eq!(credential.key().to_bytes()[..], hex(expect, "key"));
                assert_eq!(credential.aaguid()[..], hex(expect, "aaguid"));
                assert_eq!(credential.backup().name(), expect["backup"], "{name}");
                let counter = u64::from(credential.counter().count());
                assert_eq!(Some(counter), expect["counter"].as_u64(), "{name}");
            }
            (result, expected) => panic!("{name}: {result:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn every_file_of_encoded_parts_gives_its_answer() {
    for (name, case) in files("encoded") {
        let bytes = hex(&case, "bytes");
        let found = match text(&case, "kind") {
            "assertion" => Assertion::decode(&bytes)
                .map(|read| assert_eq!(read.encode(), bytes))
                .map_err(|error| error.code()),
            _ => Registration::decode(&bytes)
                .map(|read| assert_eq!(read.encode(), bytes))
                .map_err(|error| error.code()),
        };
        let expected = case["expect"]["code"].as_str().map_or(Ok(()), Err);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_file_of_contexts_gives_its_answer() {
    for (name, case) in files("contexts") {
        let found = challenge(text(&case, "purpose"), &hex(&case, "bytes"));
        match (found, case["expect"]["code"].as_str()) {
            (Ok(challenge), None) => {
                assert_eq!(challenge, digest(&case["expect"], "challenge"), "{name}");
            }
            (found, expected) => assert_eq!(found.err(), expected, "{name}"),
        }
    }
}

/// What `.ci/cddl` judges by `spec/passkeys.cddl` is what is read here.
#[test]
fn the_examples_of_the_layouts_are_cases() {
    let examples = folder("../../spec/examples/passkeys");
    let mut judged = 0;
    for (kind, case) in files("encoded").into_iter().chain(files("contexts")) {
        let file = match kind.as_str() {
            "assertion-valid" => "approval.assertion".to_string(),
            "registration-valid" => "approval.registration".to_string(),
            name => format!("{name}.context"),
        };
        if let Ok(bytes) = fs::read(examples.join(&file)) {
            assert_eq!(bytes, hex(&case, "bytes"), "{file}");
            judged += 1;
        }
    }
    assert_eq!(judged, fs::read_dir(examples).unwrap().count());
    assert_eq!(judged, 8);
}

#[test]
fn every_code_of_the_page_has_a_file() {
    let page = include_str!("../../../spec/passkeys.md");
    let mut codes: Vec<String> = ["assertions", "registrations", "encoded", "contexts"]
        .iter()
        .flat_map(|folder| files(folder))
        .filter_map(|(_, case)| case["expect"]["code"].as_str().map(Into::into))
        .collect();
    codes.sort();
    codes.dedup();
    let mut on_page: Vec<String> = page
        .lines()
        .skip_while(|line| !line.starts_with("## 5. Codes"))
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(code, _)| code.to_string())
        .collect();
    on_page.sort();
    assert_eq!(codes, on_page);
}

/// The example of the page is the file that it names.
#[test]
fn the_example_of_the_page_is_a_case() {
    let page = include_str!("../../../spec/passkeys.md");
    let (_, case) = files("assertions")
        .into_iter()
        .find(|(name, _)| name == "valid")
        .unwrap();
    let parts = &case["assertion"];
    let squeezed: String = page.split_whitespace().collect();
    for shown in [
        text(&case, "key"),
        text(&case, "challenge"),
        text(parts, "credential"),
        text(parts, "authenticator"),
        text(parts, "client"),
        text(parts, "signature"),
    ] {
        assert!(squeezed.contains(shown), "{shown}");
    }
    let context = hex(&case, "context");
    assert!(page.contains(&format!("as {} bytes", context.len())));
    let read = ApprovalContext::decode(&context).unwrap();
    for shown in [
        format!("\"sheet\": h'{}'", read.sheet),
        format!("\"request\": h'{}'", read.request),
        format!("\"review\": h'{}'", read.review),
        format!("\"bundle\": h'{}'", read.bundle),
        format!("\"nonce\": h'{}'", HEXLOWER.encode(read.nonce.as_bytes())),
        format!("\"audience\": \"{}\"", read.audience()),
        format!("\"reason\": \"{}\"", read.choice.reason()),
        format!("\"approver\": \"{}\"", read.approver),
        format!("\"issued_at\": {}", read.life.issued_at()),
        format!("\"expires_at\": {}", read.life.expires_at()),
    ] {
        assert!(page.contains(&shown), "{shown}");
    }
}

/// Which file breaks which rule of the page; those not listed are broken in the file that checks them.
#[rustfmt::skip]
const BROKEN_BY: &[(&str, &str, &str)] = &[
    ("WA-3", "assertions", "client-1025"),
    ("WA-4", "assertions", "client-duplicate"),
    ("WA-5", "assertions", "challenge-padded"),
    ("WA-6", "assertions", "authenticator-trailing"),
    ("WA-7", "assertions", "flags-reserved-1"),
    ("WA-8", "registrations", "credential-empty"),
    ("WA-9", "registrations", "key-ed25519"),
    ("WA-11", "registrations", "key-published"),
    ("WA-12", "assertions", "signature-trailing"),
    ("WA-14", "encoded", "assertion-unknown-member"),
    ("WA-15", "assertions", "challenge-of-sign-in"),
    ("WA-16", "contexts", "approval-unknown-member"),
    ("WA-22", "assertions", "other-credential"),
    ("WA-23", "assertions", "type-create"),
    ("WA-24", "assertions", "challenge-other"),
    ("WA-25", "assertions", "origin-sub-domain"),
    ("WA-26", "assertions", "cross-origin"),
    ("WA-27", "assertions", "rp-of-the-domain"),
    ("WA-28", "assertions", "not-present"),
    ("WA-29", "assertions", "not-verified"),
    ("WA-30", "assertions", "impossible-backup"),
    ("WA-31", "assertions", "signed-by-another-key"),
];

#[test]
fn each_rule_is_broken_by_a_file() {
    for (rule, folder, name) in BROKEN_BY {
        let (_, case) = files(folder)
            .into_iter()
            .find(|(found, _)| found == name)
            .unwrap_or_else(|| panic!("{rule}: no file {name}"));
        assert!(case["expect"]["code"].is_string(), "{rule}: {name}");
    }
}
