//! Strict JSON: what is accepted means to serde_json what it means to us, what is no JSON to us is none to serde_json,
//! and whatever is refused for another reason breaks the rule that the code names.
#![no_main]

use agentsigna_verifier::{
    json::{JsonFault, NAME_BYTES_MAX, Value, parse, parse_with_lines},
    limits::{JSON_DEPTH_MAX, JSON_INTEGER_MAX},
};
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 64 * 1024;

fuzz_target!(|data: &[u8]| {
    let theirs = serde_json::from_slice::<serde_json::Value>(data);
    let strict = parse(data, BYTES_MAX);
    let with_lines = parse_with_lines(data, BYTES_MAX);
    match &with_lines {
        Ok(value) => {
            let theirs = theirs.expect("we read what serde_json refuses");
            assert!(equal(value, &theirs), "{value:?} is not {theirs:?}");
            keeps_the_rules(value, 0);
            // The two readers differ in line feeds, and in nothing else.
            assert_eq!(strict.is_err(), has_line(value));
            let max = data.len() - 1;
            let refused = parse_with_lines(data, max).unwrap_err();
            assert_eq!(
                *refused.fault(),
                JsonFault::Size {
                    found: data.len(),
                    max
                }
            );
        }
        Err(error) => {
            assert!(strict.is_err(), "strict where lines may not stand: {error}");
            assert!(error.pointer().is_empty() || error.pointer().starts_with('/'));
            match error.fault() {
                JsonFault::Encoding { offset } => assert!(str::from_utf8(&data[..*offset]).is_ok()),
                JsonFault::Size { found, max } => assert!(found > max),
                JsonFault::Syntax { .. } | JsonFault::Trailing { .. } => assert!(theirs.is_err()),
                JsonFault::Name { found } => assert!(*found > NAME_BYTES_MAX),
                JsonFault::Text { character } => {
                    assert!(char::from_u32(*character).is_some_and(char::is_control));
                }
                _ => {}
            }
        }
    }
    if let (Ok(strict), Ok(with_lines)) = (strict, with_lines) {
        assert_eq!(strict, with_lines);
    }
});

fn equal(ours: &Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value as Theirs;
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(a), Theirs::Bool(b)) => a == b,
        (Value::Integer(a), Theirs::Number(b)) => b.as_u64() == Some(*a),
        (Value::String(a), Theirs::String(b)) => a == b,
        (Value::Array(a), Theirs::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        // serde_json keeps one of two equal members: of the same number, there was none.
        (Value::Object(a), Theirs::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        _ => false,
    }
}

fn keeps_the_rules(value: &Value, depth: usize) {
    assert!(depth <= JSON_DEPTH_MAX);
    match value {
        Value::Integer(n) => assert!(*n <= JSON_INTEGER_MAX),
        Value::String(text) => assert!(!text.chars().any(|c| c.is_control() && c != '\n')),
        Value::Array(items) => {
            assert!(depth < JSON_DEPTH_MAX);
            items
                .iter()
                .for_each(|item| keeps_the_rules(item, depth + 1));
        }
        Value::Object(members) => {
            assert!(depth < JSON_DEPTH_MAX);
            for (name, value) in members {
                assert!(name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control));
                keeps_the_rules(value, depth + 1);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn has_line(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\n'),
        Value::Array(items) => items.iter().any(has_line),
        Value::Object(members) => members.iter().any(|(_, value)| has_line(value)),
        _ => false,
    }
}
