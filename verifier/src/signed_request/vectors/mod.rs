//! Goal: the same refusals in any language. Method: `testdata/requests/messages/` and `evidence/` hold one
//! case per file, one fault per case. They are made here from fixed seeds, by a naive signer that shares no
//! code with the module. A missing file is written and the test fails once: look at the file, then commit it.

mod cases;
mod signer;

use std::{fs, path::PathBuf, string::String, vec, vec::Vec};

use alloc::{borrow::ToOwned as _, format};
use data_encoding::BASE64;
use serde_json::Value;

use self::cases::{cases, evidence_cases};
pub(super) use self::signer::{public_key, signing_key};
use super::*;
use crate::{key::PublicKey, time::UnixMillis};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/requests")).join(name)
}

/// The files of a folder by name, without `.json`.
fn files(name: &str) -> Vec<(String, Value)> {
    let mut files: Vec<_> = fs::read_dir(folder(name))
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                value,
            )
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn compare(name: &str, mut made: Vec<(String, Value)>) {
    made.sort_by(|a, b| a.0.cmp(&b.0));
    let mut written = vec![];
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

#[test]
fn the_files_are_what_the_naive_signer_makes() {
    let messages = cases()
        .into_iter()
        .map(|(name, description, code, raw)| (name.to_owned(), raw.file(description, code)))
        .collect();
    compare("messages", messages);
    let evidence = evidence_cases()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    compare("evidence", evidence);
}

fn body(case: &Value) -> &[u8] {
    case["body"].as_str().unwrap().as_bytes()
}

fn check_message(case: &Value) -> Result<Authentic, SignedRequestError> {
    let sent = &case["message"];
    let message = Message {
        method: sent["method"].as_str().unwrap(),
        authority: sent["authority"].as_str().unwrap(),
        target: sent["target"].as_str().unwrap(),
        content_type: sent["content_type"].as_str(),
        content_digest: sent["content_digest"].as_str(),
        passport: sent["passport"].as_str(),
        signature_input: sent["signature_input"].as_str(),
        signature: sent["signature"].as_str(),
    };
    let profile = Profile::from_tag(case["profile"].as_str().unwrap()).unwrap();
    let now = UnixMillis::new(case["now_ms"].as_u64().unwrap()).unwrap();
    let key = PublicKey::from_base64url(case["key"].as_str().unwrap()).unwrap();
    parse(&message, profile)?.check(now, &key, body(case))
}

#[test]
fn every_file_of_messages_gives_its_answer() {
    for (name, case) in files("messages") {
        let result = check_message(&case);
        if let Some(code) = case["expect"]["code"].as_str() {
            assert_eq!(result.map_err(|error| error.code()), Err(code), "{name}");
            continue;
        }
        let authentic = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(authentic.signed().base(), case["expect"]["base"], "{name}");
        // What was accepted can be checked again, from the bytes kept.
        let statement = authentic.statement().clone();
        let evidence = authentic.into_evidence(body(&case).to_vec());
        let key = PublicKey::from_base64url(case["key"].as_str().unwrap()).unwrap();
        assert_eq!(
            evidence.check(statement.profile(), &key, None),
            Ok(statement)
        );
    }
}

#[test]
fn every_file_of_evidence_gives_its_answer() {
    for (name, case) in files("evidence") {
        let signature = BASE64
            .decode(case["signature"].as_str().unwrap().as_bytes())
            .unwrap();
        let evidence = Evidence {
            base: case["base"].as_str().unwrap().into(),
            signature: signature.try_into().unwrap(),
            body: body(&case).to_vec(),
        };
        let profile = Profile::from_tag(case["profile"].as_str().unwrap()).unwrap();
        let key = PublicKey::from_base64url(case["key"].as_str().unwrap()).unwrap();
        let result = evidence.check(profile, &key, case["authority"].as_str());
        let expected = case["expect"]["code"].as_str().map_or(Ok(()), Err);
        let found = result.map(|_| ()).map_err(|error| error.code());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_code_has_a_file_and_a_line_in_the_specification() {
    let page = include_str!("../../../../spec/requests.md");
    let mut codes: Vec<String> = files("messages")
        .into_iter()
        .chain(files("evidence"))
        .filter_map(|(_, case)| case["expect"]["code"].as_str().map(Into::into))
        .collect();
    codes.sort();
    codes.dedup();
    for code in &codes {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
    }
    // `SignedRequestError` has 19 variants.
    assert_eq!(codes.len(), 19, "{codes:?}");
}

#[test]
fn the_example_of_the_specification_is_a_case() {
    let page = include_str!("../../../../spec/requests.md");
    let cases = files("messages");
    let (_, case) = cases.iter().find(|case| case.0 == "valid-action").unwrap();
    let sent = &case["message"];
    let line = |name: &str, value: &Value| format!("\n{name}: {}\n", value.as_str().unwrap());
    assert!(page.contains(&line("Content-Digest", &sent["content_digest"])));
    assert!(page.contains(&line("Signature-Input", &sent["signature_input"])));
    assert!(page.contains(&line("Signature", &sent["signature"])));
    assert!(page.contains(&format!("\n{}\n", case["body"].as_str().unwrap())));
    assert!(page.contains(&format!(
        "```\n{}\n```",
        case["expect"]["base"].as_str().unwrap()
    )));
    assert!(page.contains(case["key"].as_str().unwrap()));
}

/// Which file breaks which rule of `spec/requests.md`. RQ-17 to RQ-19, RQ-28, RQ-29 and RQ-32 are the server's.
const BROKEN_BY: &[(&str, &str, &str)] = &[
    ("RQ-1", "messages", "missing-signature"),
    ("RQ-1", "messages", "second-signature"),
    ("RQ-2", "messages", "components-order"),
    ("RQ-2", "messages", "components-extra"),
    ("RQ-3", "messages", "parameter-order"),
    ("RQ-3", "messages", "created-leading-zero"),
    ("RQ-4", "messages", "too-long-target"),
    ("RQ-5", "messages", "nonce-short"),
    ("RQ-6", "messages", "alg"),
    ("RQ-7", "messages", "tag-of-enrol"),
    ("RQ-8", "messages", "signature-63-bytes"),
    ("RQ-9", "messages", "action-with-passport"),
    ("RQ-10", "messages", "method-lower-case"),
    ("RQ-11", "messages", "authority-upper-case"),
    ("RQ-12", "messages", "target-absolute"),
    ("RQ-13", "messages", "content-type-space"),
    ("RQ-14", "messages", "digest-two"),
    ("RQ-15", "messages", "passport-padded"),
    ("RQ-16", "messages", "method-read-post"),
    ("RQ-20", "messages", "from-the-future"),
    ("RQ-21", "messages", "expired"),
    ("RQ-22", "messages", "life-61"),
    ("RQ-23", "messages", "keyid-of-other-key"),
    ("RQ-24", "messages", "signed-by-other-key"),
    ("RQ-25", "messages", "digest-mismatch"),
    ("RQ-26", "evidence", "other-authority"),
    ("RQ-27", "evidence", "lines-swapped"),
];

#[test]
fn each_rule_is_broken_by_a_file() {
    for (rule, folder, name) in BROKEN_BY {
        let (_, file) = files(folder)
            .into_iter()
            .find(|(found, _)| found == name)
            .unwrap_or_else(|| panic!("{rule}: no file {name}"));
        let code = file["expect"]["code"].as_str();
        assert!(code.is_some(), "{rule}: {name} is not refused");
    }
}
