//! Entries and events: whatever is read is written again as it was read, and an entry is made again from its head and
//! the body of its event.
#![no_main]

use agentsigna_verifier::{
    cbor::Value,
    entry::{Entry, EntryHead, Event},
    event::{Body, Signed},
    limits,
    log::tree::LeafHash,
    signed_request::Evidence,
    trust::Trust,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = Entry::decode(data) {
        assert_eq!(entry.encode(), data);
        if let Ok(event) = Event::decode(&entry.event) {
            rebuild(&entry, &event);
        }
    }
    if let Ok(event) = Event::decode(data) {
        check(&event, data);
    }
    if let Ok(value) = Value::decode(data, limits::ENTRY_BYTES_MAX)
        && let Ok(head) = EntryHead::from_value(value.clone())
    {
        assert_eq!(head.to_value(), value);
        assert!(Entry::decode(data).is_err() && Event::decode(data).is_err());
    }
});

fn check(event: &Event, bytes: &[u8]) {
    assert_eq!(event.encode(), bytes);
    assert!(Entry::decode(bytes).is_err());
    assert_eq!(event.place.is_some(), event.body.is_of_a_case());
    let kind = event.body.kind();
    assert!(Body::KINDS.contains(&kind));
    assert_eq!(
        Body::from_value(kind, event.body.to_value()).as_ref(),
        Ok(&event.body)
    );
    if let (
        Some(Signed::Http {
            base,
            signature,
            body,
        }),
        Some(profile),
    ) = (event.body.signed(), event.body.profile())
    {
        let evidence = Evidence {
            base: base.clone(),
            signature: *signature,
            body: body.clone().unwrap_or_default(),
        };
        if let Some(statement) = evidence.read(profile) {
            assert_eq!(statement.base().as_bytes(), base);
        }
    }
    // TR-8: what a genesis entry amounts to can be compared byte for byte, so it must be a trust file.
    if let Body::LogCreated(genesis) = &event.body
        && let Ok(trust) = Trust::from_genesis(genesis, LeafHash::of(bytes))
    {
        assert_eq!(Trust::parse(&trust.encode()), Ok(trust));
    }
}

fn rebuild(entry: &Entry, event: &Event) {
    check(event, &entry.event);
    match EntryHead::of(entry, event) {
        Some(head) => {
            assert_eq!(EntryHead::from_value(head.to_value()).as_ref(), Ok(&head));
            assert_eq!(head.with_body(event.body.clone()), *entry);
        }
        None => assert!(!event.body.is_of_a_case()),
    }
}
