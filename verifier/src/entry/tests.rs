//! Goal: an entry has one reading, and its bytes one entry. Method: the log of `spec/examples/`, judged as an
//! auditor would, then taken apart item by item and byte by byte.

use std::{
    fs,
    path::{Path, PathBuf},
    string::ToString as _,
    vec,
};

use super::*;
use crate::{
    event::Body,
    passport::Passport,
    state::{Blobs, Completeness, MemoryRows, Row, RowName, Rows as _, apply, check_signed},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/examples")
}

/// Name and bytes of each entry of `spec/examples/`, in the order of the log.
pub(crate) fn examples() -> Vec<(String, Vec<u8>)> {
    entries_in(&folder())
}

fn entries_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut entries: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "entry"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            (name, fs::read(path).unwrap())
        })
        .collect();
    entries.sort();
    entries
}

/// As [`examples`], of the log with people.
pub(crate) fn people_examples() -> Vec<(String, Vec<u8>)> {
    entries_in(&folder().join("people"))
}

/// As [`examples`], of the log with approvals.
pub(crate) fn approval_examples() -> Vec<(String, Vec<u8>)> {
    entries_in(&folder().join("approval"))
}

/// As [`examples`], of the log with outcomes.
pub(crate) fn outcome_examples() -> Vec<(String, Vec<u8>)> {
    entries_in(&folder().join("outcome"))
}

/// The first example event of a kind.
pub(crate) fn example(kind: &str) -> Event {
    let (_, bytes) = examples()
        .into_iter()
        .chain(people_examples())
        .chain(approval_examples())
        .chain(outcome_examples())
        .find(|(name, _)| name.ends_with(&alloc::format!("-{kind}.entry")))
        .unwrap();
    Event::decode(&Entry::decode(&bytes).unwrap().event).unwrap()
}

/// The blobs of `spec/examples/`: those of the logs with people if they are asked for, else the other one, whatever
/// is asked for.
pub(crate) struct ExampleBlob;

impl Blobs for ExampleBlob {
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        for name in [
            "people/policy.blob",
            "approval/policy.blob",
            "outcome/policy.blob",
        ] {
            let blob = fs::read(folder().join(name)).ok()?;
            if Digest::of(Noun::Blob, &blob) == *digest {
                return Some(blob);
            }
        }
        fs::read(folder().join("policy.blob")).ok()
    }
}

/// The rows before entry `size` of the examples.
pub(crate) fn rows_at(size: usize) -> MemoryRows {
    rows_of(&examples()[..size])
}

/// The rows after these entries of one log; each must be accepted.
pub(crate) fn rows_of(examples: &[(String, Vec<u8>)]) -> MemoryRows {
    let mut rows = MemoryRows::default();
    for (index, (name, bytes)) in examples.iter().enumerate() {
        let entry = Entry::decode(bytes).unwrap();
        let event = Event::decode(&entry.event).unwrap();
        let digest = Event::digest_of(&entry.event);
        check_signed(&mut rows, &mut ExampleBlob, &event).unwrap_or_else(|e| panic!("{name}: {e}"));
        apply(&mut rows, &event, digest, index as u64, Completeness::Whole)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    rows
}

fn items(bytes: &[u8]) -> Vec<Value> {
    match Value::decode(bytes, limits::ENTRY_BYTES_MAX).unwrap() {
        Value::Array(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

#[test]
fn the_examples_are_four_logs_that_an_auditor_accepts() {
    let mut kinds = Vec::new();
    for (examples, size, origin) in [
        (examples(), 21, "log.example.com/t/0011223344556677"),
        (people_examples(), 29, "agentsigna.test/t/0000000000000042"),
        (
            approval_examples(),
            38,
            "agentsigna.test/t/0000000000000043",
        ),
        (outcome_examples(), 74, "agentsigna.test/t/0000000000000044"),
    ] {
        assert_eq!(examples.len(), size);
        rows_of(&examples);
        kinds.extend(kinds_of(&examples, origin));
    }
    for kind in Body::KINDS {
        assert!(kinds.contains(kind), "no example of {kind}");
    }
    // The row that `spec/state.md` shows.
    let mut rows = rows_of(&examples());
    let buyer = RowName::Agent(Id::parse("buyer-1").unwrap());
    let Ok(Some(row @ Row::Agent(_))) = rows.row(&buyer) else {
        panic!("no agent")
    };
    let page: String = include_str!("../../../spec/state.md")
        .split("```\n")
        .nth(3)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(data_encoding::HEXLOWER.encode(&row.encode()), page);
}

/// The kinds of a log, whose entries are where they say.
fn kinds_of(examples: &[(String, Vec<u8>)], origin: &str) -> Vec<&'static str> {
    let mut previous = LeafHash::from_bytes([0; 32]);
    let mut kinds = Vec::new();
    for (index, (name, bytes)) in examples.iter().enumerate() {
        let entry = Entry::decode(bytes).unwrap();
        assert_eq!(entry.encode(), *bytes, "{name}");
        let event = Event::decode(&entry.event).unwrap();
        assert_eq!(event.encode(), entry.event, "{name}");
        let kind = event.body.kind();
        assert_eq!(*name, alloc::format!("{index:02}-{kind}.entry"));
        assert_eq!(entry.origin, origin);
        assert_eq!((entry.index, entry.previous), (index as u64, previous));
        previous = LeafHash::of(bytes);
        kinds.push(kind);
    }
    kinds
}

#[test]
fn a_changed_byte_is_refused_or_is_another_entry() {
    for (name, bytes) in examples().into_iter().chain(people_examples()) {
        let whole = Entry::decode(&bytes).unwrap();
        let event = Event::decode(&whole.event).unwrap();
        let mut changed = bytes.clone();
        for at in 0..bytes.len() {
            for bit in [0x01, 0x20, 0x80] {
                changed[at] ^= bit;
                assert_ne!(LeafHash::of(&changed), LeafHash::of(&bytes));
                if let Ok(other) = Entry::decode(&changed) {
                    assert_ne!(other, whole, "{name} byte {at}");
                    assert_eq!(other.encode(), changed, "{name} byte {at}");
                    if other.event != whole.event
                        && let Ok(read) = Event::decode(&other.event)
                    {
                        assert_ne!(read, event, "{name} byte {at}");
                        assert_eq!(read.encode(), other.event, "{name} byte {at}");
                    }
                }
                changed[at] ^= bit;
            }
        }
        for cut in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
        assert!(Entry::decode(&[&bytes[..], b"\x00"].concat()).is_err());
    }
}

#[test]
fn en_1_an_entry_is_at_most_32_kib_and_exactly_its_array() {
    let (_, bytes) = &examples()[19];
    let mut entry = Entry::decode(bytes).unwrap();
    entry.event = vec![0; limits::ENTRY_BYTES_MAX];
    let over = entry.encode().len() - limits::ENTRY_BYTES_MAX;
    entry.event.truncate(limits::ENTRY_BYTES_MAX - over);
    assert_eq!(entry.encode().len(), limits::ENTRY_BYTES_MAX);
    assert_eq!(Entry::decode(&entry.encode()), Ok(entry.clone()));
    entry.event.push(0);
    assert_eq!(
        Entry::decode(&entry.encode()),
        Err(EntryError::Cbor(CborError::TooLong {
            found: limits::ENTRY_BYTES_MAX + 1,
            max: limits::ENTRY_BYTES_MAX
        }))
    );

    let whole = items(bytes);
    assert_eq!(whole.len(), 6);
    for at in 0..whole.len() {
        let mut fewer = whole.clone();
        fewer.remove(at);
        assert!(Entry::decode(&Value::Array(fewer).encode()).is_err());
        let mut wrong = whole.clone();
        wrong[at] = Value::Bool(true);
        assert!(matches!(
            Entry::decode(&Value::Array(wrong).encode()),
            Err(EntryError::Cbor(CborError::Unexpected { .. }))
        ));
    }
    let mut more = whole.clone();
    more.push(Value::Null);
    assert!(matches!(
        Entry::decode(&Value::Array(more).encode()),
        Err(EntryError::Cbor(CborError::Unknown { .. }))
    ));
    for (at, value) in [
        (3, Value::Uint(1 << 53)),
        (4, Value::bytes(&[0; 31])),
        (4, Value::bytes(&[0; 33])),
    ] {
        let mut wrong = whole.clone();
        wrong[at] = value;
        assert!(Entry::decode(&Value::Array(wrong).encode()).is_err());
    }
}

#[test]
fn en_2_another_version_is_told_apart() {
    let (_, bytes) = &examples()[19];
    let entry = Entry::decode(bytes).unwrap();
    let head = EntryHead::of(&entry, &Event::decode(&entry.event).unwrap()).unwrap();
    let Value::Array(mut of_head) = head.to_value() else {
        panic!("a head is an array")
    };
    let mut of_entry = items(bytes);
    for found in [0, 2, u64::MAX] {
        of_entry[0] = Value::Uint(found);
        of_head[0] = Value::Uint(found);
        assert_eq!(
            Entry::decode(&Value::Array(of_entry.clone()).encode()),
            Err(EntryError::Version { found })
        );
        assert_eq!(
            EntryHead::from_value(Value::Array(of_head.clone())),
            Err(EntryError::Version { found })
        );
    }
}

#[test]
fn en_3_an_event_is_exactly_its_array_of_a_known_kind() {
    for (name, bytes) in examples() {
        let whole = items(&Entry::decode(&bytes).unwrap().event);
        assert_eq!(whole.len(), 7, "{name}");
        let decode = |items: Vec<Value>| Event::decode(&Value::Array(items).encode());
        for at in 0..whole.len() {
            let mut fewer = whole.clone();
            fewer.remove(at);
            assert!(decode(fewer).is_err(), "{name} without item {at}");
            let mut wrong = whole.clone();
            wrong[at] = Value::Bool(true);
            assert!(
                matches!(decode(wrong), Err(EntryError::Cbor(_))),
                "{name} item {at}"
            );
        }
        let mut more = whole.clone();
        more.push(Value::Null);
        assert!(matches!(
            decode(more),
            Err(EntryError::Cbor(CborError::Unknown { .. }))
        ));
        for (at, value) in [
            (1, Value::bytes(&[0; 15])),
            (3, Value::bytes(&[0; 31])),
            (4, Value::Uint(1 << 53)),
            (5, Value::bytes(&[0; 15])),
        ] {
            let mut wrong = whole.clone();
            wrong[at] = value;
            assert!(decode(wrong).is_err(), "{name} item {at}");
        }
        // A kind of tomorrow is told apart from a fault, whatever its body is.
        for kind in ["case.approved", "", "Log.created", "log.created "] {
            let mut later = whole.clone();
            later[0] = Value::from(kind);
            assert_eq!(
                decode(later.clone()),
                Err(EntryError::UnknownKind(kind.into()))
            );
            let mut shaped = later.clone();
            shaped[6] = Value::array([Value::Null, Value::Bool(true)]);
            assert_eq!(decode(shaped), Err(EntryError::UnknownKind(kind.into())));
            // A fault is a fault, whatever the kind is.
            let mut more = later.clone();
            more.push(Value::Null);
            assert!(matches!(
                decode(more),
                Err(EntryError::Cbor(CborError::Unknown { .. }))
            ));
            for at in 0..6 {
                let mut fewer = later.clone();
                fewer.remove(at);
                let mut wrong = later.clone();
                wrong[at] = Value::Bool(true);
                for fault in [fewer, wrong] {
                    assert!(
                        matches!(decode(fault), Err(EntryError::Cbor(_))),
                        "{kind} {at}"
                    );
                }
            }
        }
    }
}

#[test]
fn en_4_the_kind_says_whether_there_is_a_case() {
    for (name, bytes) in examples() {
        let mut event = Event::decode(&Entry::decode(&bytes).unwrap().event).unwrap();
        assert_eq!(event.place.is_some(), event.body.is_of_a_case(), "{name}");
        let kind = event.body.kind();
        // Each of the three alone, and any two: only all or none is a place.
        let place = [
            Value::bytes(&[7; 16]),
            Value::Uint(1),
            Value::bytes(&[9; 32]),
        ];
        for present in 1..7_usize {
            let mut partly = items(&event.encode());
            for at in 0..3 {
                partly[at + 1] = if present >> at & 1 == 1 {
                    place[at].clone()
                } else {
                    Value::Null
                };
            }
            assert_eq!(
                Event::decode(&Value::Array(partly).encode()),
                Err(EntryError::Place {
                    kind,
                    fault: "has only a part of a place in a case"
                })
            );
        }
        let (other, fault) = match event.place {
            Some(_) => (None, "needs a case"),
            None => {
                let place = CasePlace {
                    case: CaseId::from_bytes([7; 16]),
                    index: 1,
                    previous: Digest::from_bytes([9; 32]),
                };
                (Some(place), "belongs to no case")
            }
        };
        event.place = other;
        assert_eq!(
            Event::decode(&event.encode()),
            Err(EntryError::Place { kind, fault }),
            "{name}"
        );
    }
}

#[test]
fn en_5_a_head_and_a_body_make_the_bytes_that_were_logged() {
    let mut heads = 0;
    for (name, bytes) in examples() {
        let entry = Entry::decode(&bytes).unwrap();
        let event = Event::decode(&entry.event).unwrap();
        let Some(head) = EntryHead::of(&entry, &event) else {
            assert_eq!(event.place, None);
            continue;
        };
        heads += 1;
        assert_eq!(head.with_body(event.body.clone()).encode(), bytes, "{name}");
        assert_eq!(
            EntryHead::from_value(head.to_value()),
            Ok(head.clone()),
            "{name}"
        );
        let Value::Array(whole) = head.to_value() else {
            panic!("a head is an array")
        };
        assert_eq!(whole.len(), 10);
        for at in 0..whole.len() {
            let mut fewer = whole.clone();
            fewer.remove(at);
            assert!(EntryHead::from_value(Value::Array(fewer)).is_err());
            let mut wrong = whole.clone();
            wrong[at] = Value::Null;
            assert!(EntryHead::from_value(Value::Array(wrong)).is_err());
            // Nothing in a head is beside the point: another value is another leaf.
            if at > 0 {
                let mut changed = whole.clone();
                changed[at] = match &changed[at] {
                    Value::Uint(n) => Value::Uint(n + 1),
                    Value::Text(_) => Value::from("log.example.com/t/8899aabbccddeeff"),
                    Value::Bytes(bytes) => Value::Bytes(vec![0xee; bytes.len()]),
                    other => panic!("{other:?} in a head"),
                };
                let other = EntryHead::from_value(Value::Array(changed)).unwrap();
                assert_ne!(other.with_body(event.body.clone()).encode(), bytes);
            }
        }
        let mut more = whole.clone();
        more.push(Value::Null);
        assert!(EntryHead::from_value(Value::Array(more)).is_err());
    }
    assert_eq!(heads, 7);
}

#[test]
fn en_5_the_delivered_example_rebuilds_its_leaf() {
    let delivered = fs::read(folder().join("po-1001.passport")).unwrap();
    let passport = Passport::parse(&delivered).unwrap();
    let delivery = passport.delivery().unwrap();
    let entry = delivery
        .head
        .with_body(Body::PassportIssued(passport.registered()));
    assert_eq!(entry.encode(), examples()[16].1);
    assert_eq!(passport.delivered(delivery), delivered);
}

#[test]
fn a_case_is_named_by_log_agent_and_request() {
    let name = |origin: &str, agent: &str, request: &str| {
        CaseId::of(
            origin,
            &Id::parse(agent).unwrap(),
            &RequestId::parse(request).unwrap(),
        )
    };
    let origin = "log.example.com/t/0011223344556677";
    let case = name(origin, "buyer-1", "po-1001");
    // `spec/digests.md §1`.
    assert_eq!(case.to_string(), "6b6aef0a2ed1622bde7bdc41d500e308");
    assert_eq!(CaseId::from_hex(&case.to_string()), Some(case));
    for other in [
        name("log.example.com/t/0011223344556678", "buyer-1", "po-1001"),
        name(origin, "buyer-2", "po-1001"),
        name(origin, "buyer-1", "po-1002"),
        // Joined text would be the same.
        name(origin, "buyer-1p", "o-1001"),
    ] {
        assert_ne!(other, case);
    }
    for text in [
        "",
        "6B6AEF0A2ED1622BDE7BDC41D500E308",
        "6b6aef0a2ed1622bde7bdc41d500e3",
        "6b6aef0a2ed1622bde7bdc41d500e308 ",
    ] {
        assert_eq!(CaseId::from_hex(text), None, "{text}");
    }
}
