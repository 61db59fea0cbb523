//! Ranges, members and bits: what is no sheet (SH-4).

use alloc::{string::ToString as _, vec, vec::Vec};

use super::{
    sheet::*,
    tests::{DAY_MS, Drawing, case, id, time, usual},
    *,
};
use crate::{
    case::CaseState,
    cbor::{CborError, Value},
    digest::Digest,
    snapshot::{Approval, tests::Facts},
};

/// The form of the errors below: which member, of which structure.
fn fault(result: Result<Sheet, SheetError>) -> &'static str {
    match result {
        Err(SheetError::Form(CborError::Unexpected { field, .. })) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_member_keeps_its_range() {
    // SH-4: each limit, at it and one above it.
    type Change = fn(&mut Drawing);
    let value = |n: usize| Comparison {
        left: "x".repeat(n),
        ..Drawing::usual().rules[1].values[0].clone()
    };
    let good: [Change; 7] = [
        |d| d.round = 16,
        |d| d.name = "ä".repeat(120),
        |d| d.statement = Some("\u{202e}".repeat(280)),
        |d| d.chain = vec![Digest::from_bytes([0; 32]); 4096],
        |d| d.rules[1].title = "ä".repeat(120),
        |d| d.rules[1].source = Some(std::format!("{};", "x".repeat(9_999))),
        |d| d.activated_by.clear(),
    ];
    for change in good {
        let mut drawing = Drawing::usual();
        change(&mut drawing);
        let sheet = drawing.draw().unwrap();
        assert_eq!(Sheet::decode(&sheet.encode()), Ok(sheet));
    }
    let bad: [(&str, Change); 22] = [
        ("round", |d| d.round = 0),
        ("round", |d| d.round = 17),
        ("name", |d| d.name.clear()),
        ("name", |d| d.name = "ä".repeat(121)),
        ("statement", |d| d.statement = Some("x".repeat(281))),
        ("chain", |d| d.chain.truncate(1)),
        ("chain", |d| {
            d.chain = vec![Digest::from_bytes([0; 32]); 4097];
        }),
        ("title", |d| d.rules[1].title.clear()),
        ("title", |d| d.rules[1].title = "x".repeat(121)),
        ("title", |d| d.rules[1].title.push('\u{202e}')),
        ("reason", |d| d.rules[1].reason.push('\n')),
        ("source", |d| d.rules[1].source = None),
        ("source", |d| d.rules[1].source = Some("forbid".to_string())),
        ("source", |d| {
            d.rules[1].source = Some(std::format!("{};", "x".repeat(10_000)));
        }),
        ("source", |d| d.rules[1].source = Some("\u{7};".to_string())),
        ("source", |d| {
            d.rules[0].source = Some("forbid;".to_string());
        }),
        ("source", |d| d.rules[0].reason.push('!')),
        ("source", |d| d.rules[0].title.push('!')),
        ("activated_by", |d| d.activated_by.reverse()),
        ("activated_by", |d| d.activated_by.push(id("finn"))),
        ("status", |d| d.facts.status = Approval::Blocked),
        ("recent", |d| {
            *d.states.get_mut(&case(2)).unwrap() = CaseState::Requested;
        }),
    ];
    for (field, change) in bad {
        let mut drawing = Drawing::usual();
        change(&mut drawing);
        assert_eq!(fault(drawing.draw()), field);
    }
    let mut drawing = Drawing::usual();
    drawing.rules[1].values = vec![value(256); 16];
    assert!(drawing.draw().is_ok());
    drawing.rules[1].values.push(value(1));
    assert_eq!(fault(drawing.draw()), "values");
    for bytes in [0, 257] {
        drawing.rules[1].values = vec![value(bytes)];
        assert_eq!(fault(drawing.draw()), "values");
    }
    // 16 rules of 16 comparisons, and one comparison more.
    let mut drawing = Drawing::usual();
    drawing.rules = (0..17)
        .map(|n| RuleShown {
            id: std::format!("esc.{n:02}"),
            values: vec![value(1); if n < 16 { 16 } else { 0 }],
            ..drawing.rules[1].clone()
        })
        .collect();
    assert!(drawing.draw().is_ok());
    drawing.rules[16].values = vec![value(1)];
    assert_eq!(fault(drawing.draw()), "values");
}

/// Every value that differs from `value` in one place: a member or an item left out, one too many, a scalar changed.
fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::Map(members) => {
            let mut all = Vec::new();
            for at in 0..members.len() {
                let mut fewer = members.clone();
                let (key, member) = fewer.remove(at);
                all.push(Value::Map(fewer));
                for changed in changes(&member) {
                    let mut other = members.clone();
                    other[at] = (key.clone(), changed);
                    all.push(Value::Map(other));
                }
            }
            let mut more = members.clone();
            more.push((Value::from("zzzzzzzzzzzzzzzzzzzzzzz"), Value::Null));
            all.push(Value::Map(more));
            all
        }
        Value::Array(items) => {
            let mut all = Vec::new();
            for (at, item) in items.iter().enumerate() {
                for changed in changes(item) {
                    let mut other = items.clone();
                    other[at] = changed;
                    all.push(Value::Array(other));
                }
            }
            let more = items.iter().cloned().chain([Value::Bool(true)]);
            all.push(Value::array(more));
            all
        }
        _ => vec![
            Value::Bool(true),
            Value::Negative(1 << 62),
            Value::array([]),
        ],
    }
}

#[test]
fn no_member_is_missing_unknown_or_of_another_type() {
    // SH-4: the sheet's own form, made again from bytes; each single change is refused.
    let mut drawing = Drawing::usual();
    drawing.facts.changed_at = Some(Facts::NOON - DAY_MS);
    drawing.asked_at = time(Facts::NOON - 12 * 60 * 60 * 1000);
    drawing.activated_at = time(Facts::NOON - 1);
    let bytes = drawing.draw().unwrap().encode();
    let value = Value::decode(&bytes, SHEET_BYTES_MAX).unwrap();
    let all = changes(&value);
    assert!(all.len() > 300, "{}", all.len());
    for changed in all {
        let bytes = changed.encode();
        assert!(Sheet::decode(&bytes).is_err(), "{changed:?}");
    }
    // And each list that has a least length, empty.
    assert!(Sheet::decode(&[]).is_err());
    let long = vec![0; SHEET_BYTES_MAX + 1];
    assert!(matches!(
        Sheet::decode(&long),
        Err(CborError::TooLong { .. })
    ));
}

#[test]
fn each_bit_of_a_sheet_is_another_sheet_or_none() {
    // SH-4: what still reads has other bytes, another digest, and is not what was drawn. A short sheet: there are
    // many bits.
    let mut drawing = Drawing::usual();
    drawing.rules.remove(1);
    drawing.demand.remove(1);
    drawing.activated_by.clear();
    let sheet = drawing.draw().unwrap();
    let bytes = sheet.encode();
    let mut read = 0;
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        if let Ok(other) = Sheet::decode(&flipped) {
            assert_eq!(other.encode(), flipped);
            assert_ne!(other.digest(), sheet.digest());
            assert!(other.difference(&sheet, true).is_some());
            assert_ne!(other.words(), sheet.words());
            read += 1;
        }
    }
    // Letters of names and digits of hashes are data: many still read, most do not.
    assert!(read > 100 && read < bytes.len() * 8 / 2, "{read}");
}

#[test]
fn a_sheet_that_contradicts_itself_is_refused() {
    // SH-4
    let good = usual();
    let read = |change: fn(&mut Sheet)| {
        let mut sheet = good.clone();
        change(&mut sheet);
        match Sheet::decode(&sheet.encode()) {
            Err(CborError::Unexpected { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(|s| s.counterparty.id = id("bolt")), "counterparty");
    assert_eq!(read(|s| s.agent.sponsor = id("bolt")), "excluded");
    assert_eq!(read(|s| s.excluded.clear()), "excluded");
    assert_eq!(read(|s| s.unusual.clear()), "unusual");
    assert_eq!(read(|s| s.counterparty.pair = None), "unusual");
    assert_eq!(
        read(|s| s.unusual.insert(0, Fact::OutsideHours(12))),
        "unusual"
    );
    assert_eq!(read(|s| s.demand.reverse()), "demand");
    assert_eq!(read(|s| s.demand.clear()), "demand");
    assert_eq!(read(|s| s.demand[0].1 = 9), "demand");
    assert_eq!(read(|s| s.rules.reverse()), "rules");
    assert_eq!(read(|s| s.rules.clear()), "rules");
    assert_eq!(read(|s| s.origin.push('+')), "origin");
    assert_eq!(read(|s| s.agent.recent[0].asked.case = case(1)), "recent");
    assert_eq!(
        read(|s| s.agent.exposure_minor = u64::MAX),
        "exposure_minor"
    );
    assert_eq!(read(|s| s.agent.scores[15] = 1_000), "scores");
    let Ok(Value::Map(mut members)) = Value::decode(&good.encode(), SHEET_BYTES_MAX) else {
        unreachable!()
    };
    let action = members
        .iter_mut()
        .find(|(key, _)| *key == Value::from("action"));
    let Some((_, Value::Map(action))) = action else {
        unreachable!()
    };
    let category = action
        .iter_mut()
        .find(|(key, _)| *key == Value::from("category"));
    category.unwrap().1 = Value::from("data");
    let refused = Sheet::decode(&Value::Map(members).encode());
    let field = "category";
    assert!(
        matches!(refused, Err(CborError::Unexpected { field: f, .. }) if f == field),
        "{refused:?}"
    );
}
