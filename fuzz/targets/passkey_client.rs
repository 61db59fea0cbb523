//! Client data of passkeys: what is accepted means to serde_json what it means to us, and whatever is refused breaks
//! the rule that the fault names.
#![no_main]

use agentsigna_verifier::passkey::{
    CLIENT_DATA_BYTES_MAX, CLIENT_DATA_DEPTH_MAX, ClientData, ClientDataError,
};
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let theirs = serde_json::from_slice::<Value>(data);
    match ClientData::parse(data) {
        Ok(read) => {
            let theirs = theirs.expect("we read what serde_json refuses");
            assert!(data.len() <= CLIENT_DATA_BYTES_MAX && depth(&theirs) <= CLIENT_DATA_DEPTH_MAX);
            assert_eq!(read.as_bytes(), data);
            assert_eq!(theirs["type"], read.kind());
            assert_eq!(theirs["origin"], read.origin());
            let challenge = BASE64URL_NOPAD.encode(read.challenge().as_bytes());
            assert_eq!(theirs["challenge"], challenge.as_str());
            let crossed = theirs.get("crossOrigin").map(|value| value.as_bool());
            assert_eq!(crossed.unwrap_or(Some(false)), Some(read.cross_origin()));
            assert_eq!(theirs.get("topOrigin").is_some(), read.has_top_origin());
        }
        Err(ClientDataError::Size { found }) => {
            assert!(found == data.len() && found > CLIENT_DATA_BYTES_MAX);
        }
        Err(ClientDataError::Encoding { offset }) => {
            let error = std::str::from_utf8(data).expect_err("it is UTF-8");
            assert_eq!(error.valid_up_to(), offset);
        }
        Err(ClientDataError::Syntax { .. } | ClientDataError::Trailing) => {
            assert!(theirs.is_err(), "it is JSON");
        }
        Err(ClientDataError::Depth) => {
            let open = data.iter().filter(|byte| matches!(byte, b'[' | b'{'));
            assert!(open.count() > CLIENT_DATA_DEPTH_MAX);
        }
        Err(ClientDataError::Duplicate { .. }) => assert!(data.len() >= r#"{"":1,"":"#.len()),
        Err(ClientDataError::NotObject) => {
            assert!(!theirs.expect("we read what serde_json refuses").is_object());
        }
        Err(ClientDataError::Member { member, .. }) => {
            let theirs = theirs.expect("we read what serde_json refuses");
            match (member, &theirs[member]) {
                ("challenge", Value::String(text)) => {
                    let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
                    assert!(bytes.is_err() || bytes.is_ok_and(|bytes| bytes.len() != 32));
                }
                ("crossOrigin", value) => assert!(!value.is_boolean()),
                (_, value) => assert!(!value.is_string()),
            }
        }
    }
});

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
