//! Goal: one value, one encoding. Method: encode anything and read it back; feed every leniency that the
//! decoder below us has, and every mutation of valid bytes, and see it refused or re-encoded to itself.

use alloc::vec;

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

const MAX: usize = 1 << 16;

fn refused(hex: &str) {
    let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
    assert!(Value::decode(&bytes, MAX).is_err(), "{hex} was accepted");
}

#[test]
fn rfc_8949_appendix_a_examples_are_reproduced() {
    for (hex, value) in [
        ("00", Value::Uint(0)),
        ("1818", Value::Uint(24)),
        ("1bffffffffffffffff", Value::Uint(u64::MAX)),
        ("20", Value::from(-1_i64)),
        ("3863", Value::from(-100_i64)),
        ("4401020304", Value::bytes(&[1, 2, 3, 4])),
        ("6449455446", Value::from("IETF")),
        (
            "8301820203820405",
            Value::array([
                Value::Uint(1),
                Value::array([Value::Uint(2), Value::Uint(3)]),
                Value::array([Value::Uint(4), Value::Uint(5)]),
            ]),
        ),
        (
            "a26161016162820203",
            Value::map([
                ("b", Value::array([Value::Uint(2), Value::Uint(3)])),
                ("a", Value::Uint(1)),
            ]),
        ),
        (
            "c11a514b67b0",
            Value::Tag(1, Box::new(Value::Uint(1_363_896_240))),
        ),
        ("f4", Value::Bool(false)),
        ("f6", Value::Null),
    ] {
        assert_eq!(HEXLOWER.encode(&value.encode()), hex);
        assert_eq!(Value::decode(&value.encode(), MAX).unwrap(), value);
    }
}

#[test]
fn every_leniency_of_the_decoder_below_is_refused() {
    // CB-4: long forms, indefinite lengths, keys that do not rise, bytes left over. CB-2: floats, `undefined`,
    // other simple values.
    for hex in [
        "1800",
        "190001",
        "1a00000001",
        "1b0000000000000001",
        "3800",
        "5800",
        "7800",
        "9800",
        "b800", // long
        "5f4101ff",
        "7f6161ff",
        "9f01ff",
        "bf616101ff", // indefinite
        "a2616101616102",
        "a2616201616102", // repeated, unsorted
        "f7",
        "f97e00",
        "fa47c35000",
        "fb3ff199999999999a",
        "f0",
        "f8ff", // undefined, floats, simple values
        "0000",
        "",
        "61",
        "6180",
        "62c328",
        "81",
        "a1",
        "a161",
        "c1",
        "ff", // left over, cut, bad UTF-8
    ] {
        refused(hex);
    }
    refused("9bffffffffffffffff");
    refused("bb00ffffffffffffff");
    // CB-1: before anything is read, so even of bytes that are no CBOR.
    assert!(matches!(
        Value::decode(&[0xff; 5], 4),
        Err(CborError::TooLong { found: 5, max: 4 })
    ));
    assert!(matches!(
        Value::decode(&[0; 5], 4),
        Err(CborError::TooLong { found: 5, max: 4 })
    ));
}

#[test]
fn cb_5_closed_structures_name_what_is_wrong() {
    let map = Value::map([("a", Value::Uint(1)), ("b", Value::Null)]);
    let mut fields = map.clone().into_fields("thing").unwrap();
    assert_eq!(fields.uint("a"), Ok(1));
    assert_eq!(fields.text("c").unwrap_err().to_string(), "thing lacks `c`");
    assert_eq!(
        fields.finish().unwrap_err().to_string(),
        "thing has an unknown member `b`"
    );
    let mut fields = map.into_fields("thing").unwrap();
    assert_eq!(
        fields.text("a").unwrap_err().to_string(),
        "`a` of thing is not text"
    );
    let mut items = Value::array([Value::from(-5_i64)])
        .into_items("list")
        .unwrap();
    assert_eq!(items.int("n"), Ok(-5));
    assert!(items.uint("m").is_err());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Value::Uint),
        any::<u64>().prop_map(Value::Negative),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ".{0,20}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map(".{0,8}", inner.clone(), 0..6).prop_map(|map| {
                Value::map(map.iter().map(|(key, value)| (key.as_str(), value.clone())))
            }),
            (any::<u64>(), inner).prop_map(|(tag, item)| Value::Tag(tag, Box::new(item))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(value in any_value()) {
        prop_assert_eq!(Value::decode(&value.encode(), MAX), Ok(value));
    }

    #[test]
    fn a_changed_byte_never_gives_the_same_value(value in any_value(), at in any::<usize>(), bit in 0_u8..8) {
        let mut bytes = value.encode();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(other) = Value::decode(&bytes, MAX) {
            prop_assert_ne!(&other, &value);
            prop_assert_eq!(other.encode(), bytes);
        }
    }

    #[test]
    fn random_bytes_are_read_only_as_themselves(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = Value::decode(&bytes, MAX) {
            prop_assert_eq!(value.encode(), bytes);
        }
    }
}

#[test]
fn cb_3_depth_is_limited() {
    let mut bytes = vec![0x81; limits::CBOR_DEPTH_MAX];
    bytes.push(0);
    assert!(Value::decode(&bytes, MAX).is_ok());
    bytes.insert(0, 0x81);
    assert!(matches!(
        Value::decode(&bytes, MAX),
        Err(CborError::Malformed { .. })
    ));
}

#[test]
fn cb_2_every_first_byte_is_of_the_table_or_refused() {
    // The table of `spec/cbor.md §3`; what follows the byte does not matter.
    for first in 0..=u8::MAX {
        let in_table = match first {
            0x00..=0xdb => first & 0x1f <= 0x1b,
            0xf4..=0xf6 => true,
            _ => false,
        };
        let accepted = (0..=9_usize).any(|more| {
            [0x00, 0x01, 0xff, 0x61].into_iter().any(|fill| {
                let mut bytes = vec![fill; more + 1];
                bytes[0] = first;
                Value::decode(&bytes, MAX).is_ok()
            })
        });
        assert!(in_table || !accepted, "{first:#x}");
    }
}

/// The example of `spec/cbor.md §1`, and the three changes that it names.
#[test]
fn cb_4_the_example_of_the_page_has_one_encoding() {
    let members = |count: Value| {
        [
            (Value::from("count"), count),
            (Value::from("minute"), Value::Uint(29_922_000)),
            (Value::from("reason"), Value::from("signature-expired")),
            (Value::from("subject"), Value::from("agent:buyer-1")),
        ]
    };
    let hex: String = include_str!("../../../spec/cbor.md")
        .split("```")
        .nth(3)
        .unwrap()
        .lines()
        .filter_map(|line| {
            let code: String = line.chars().take(42).collect();
            let code: String = code.split_whitespace().collect();
            (!code.is_empty()).then_some(code)
        })
        .collect();
    let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
    let value = Value::map(members(Value::Uint(2)));
    assert_eq!(value.encode(), bytes);
    assert_eq!(Value::decode(&bytes, MAX), Ok(value));
    for at in 0..3 {
        let mut other = members(Value::Uint(2)).to_vec();
        other.swap(at, at + 1);
        assert_eq!(
            Value::decode(&Value::Map(other).encode(), MAX),
            Err(CborError::NotDeterministic)
        );
    }
    let long = hex.replace("636f756e7402", "636f756e741802");
    assert_ne!(long, hex);
    refused(&long);
    refused(&std::format!("{hex}00"));
}
