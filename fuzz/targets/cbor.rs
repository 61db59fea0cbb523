//! Deterministic CBOR: whatever is read is written again as it was read, and whatever is built is read again unless it
//! has one key twice or is nested too deeply.
#![no_main]

use agentsigna_verifier::{
    cbor::{CborError, Value},
    limits::CBOR_DEPTH_MAX,
};
use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 64 * 1024;

fuzz_target!(|data: &[u8]| {
    read(data);
    let mut input = Unstructured::new(data);
    if let Ok(value) = build(&mut input, CBOR_DEPTH_MAX + 2) {
        write(&value);
    }
});

fn read(data: &[u8]) {
    let Ok(value) = Value::decode(data, BYTES_MAX) else {
        return;
    };
    assert_eq!(value.encode(), data);
    assert!(depth(&value) <= CBOR_DEPTH_MAX && is_ordered(&value));
    // No item begins or goes on with another.
    let longer = [data, &[0xf6]].concat();
    assert_eq!(
        Value::decode(&longer, BYTES_MAX),
        Err(CborError::NotDeterministic)
    );
    let shorter = &data[..data.len() - 1];
    assert!(Value::decode(shorter, BYTES_MAX).is_err());
    let max = shorter.len();
    assert_eq!(
        Value::decode(data, max),
        Err(CborError::TooLong {
            found: data.len(),
            max
        })
    );
}

fn write(value: &Value) {
    let bytes = value.encode();
    match Value::decode(&bytes, usize::MAX) {
        Ok(again) => assert_eq!(again, *value),
        Err(error) => assert!(
            depth(value) > CBOR_DEPTH_MAX || !is_ordered(value),
            "{error}: {value:?}"
        ),
    }
}

fn build(input: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let kind: u8 = input.arbitrary()?;
    Ok(match kind % if depth == 0 { 6 } else { 9 } {
        0 => Value::Uint(input.arbitrary()?),
        1 => Value::Negative(input.arbitrary()?),
        2 => Value::bytes(input.arbitrary()?),
        3 => Value::from(input.arbitrary::<&str>()?),
        4 => Value::Bool(input.arbitrary()?),
        5 => Value::Null,
        6 => {
            let items = input.int_in_range(0..=5)?;
            let items: Result<Vec<Value>> = (0..items).map(|_| build(input, depth - 1)).collect();
            Value::array(items?)
        }
        7 => {
            let members = input.int_in_range(0..=5)?;
            let members: Result<Vec<(Value, Value)>> = (0..members)
                .map(|_| Ok((build(input, depth - 1)?, build(input, depth - 1)?)))
                .collect();
            Value::map(members?)
        }
        _ => Value::Tag(input.arbitrary()?, Box::new(build(input, depth - 1)?)),
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Map(members) => {
            let deepest = members
                .iter()
                .map(|(key, value)| depth(key).max(depth(value)));
            1 + deepest.max().unwrap_or_default()
        }
        Value::Tag(_, item) => 1 + depth(item),
        _ => 0,
    }
}

fn is_ordered(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_ordered),
        Value::Map(members) => {
            members
                .iter()
                .all(|(key, value)| is_ordered(key) && is_ordered(value))
                && members.is_sorted_by(|(a, _), (b, _)| a.encode() < b.encode())
        }
        Value::Tag(_, item) => is_ordered(item),
        _ => true,
    }
}
