//! Mappings of a gate, and calls read by them. The first line is method, target and type; what follows it is the body,
//! and also tried as a mapping. The same call is the same action, in the system that was asked for, from a plain target
//! (GA-2).
#![no_main]

use std::sync::LazyLock;

use agentsigna_verifier::{
    gate::{Call, Mapping},
    id::Id,
    signed_request::Message,
};
use libfuzzer_sys::fuzz_target;

static MAPPING: LazyLock<Mapping> = LazyLock::new(|| {
    Mapping::parse(include_bytes!("../../testdata/gate/mapping.json")).unwrap()
});

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (first, body) = data.split_at(at);
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let read = Mapping::parse(body);
    assert_eq!(read.is_ok(), Mapping::parse(body).is_ok());
    let Ok(first) = std::str::from_utf8(first) else {
        return;
    };
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let call = Call {
        message: Message {
            method,
            authority: "erp.example.com",
            target,
            content_type: words.next(),
            content_digest: None,
            passport: None,
            signature_input: None,
            signature: None,
        },
        body,
    };
    let system = Id::parse("erp").unwrap();
    let found = MAPPING.action(&call, &system);
    if let Ok(action) = &found {
        assert_eq!(action.target(), &system);
        assert!(target.starts_with('/') && !target.contains(['?', '%', '#', ';']));
        assert_eq!(MAPPING.action(&call, &system).unwrap().digest(), action.digest());
    }
    if let Ok(mapping) = read {
        let _ = mapping.action(&call, &system);
    }
});
