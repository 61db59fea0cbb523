//! Goal: one text has one reading, and each rule refuses alone. Method: a table of single faults, random
//! texts against serde_json's own reader, and files that run in any language (`testdata/requests/json/`).

use std::{format, string::String, vec, vec::Vec};

use alloc::string::ToString as _;
use proptest::prelude::*;

use super::*;
use crate::limits::{JSON_DEPTH_MAX, JSON_INTEGER_MAX};

fn refusal(text: &[u8]) -> (&'static str, String) {
    let error = parse(text, 4096).expect_err("refused");
    (error.code(), error.pointer().into())
}

fn check(text: &str, code: &str, pointer: &str) {
    let found = refusal(text.as_bytes());
    assert_eq!(found, (known(code), pointer.into()), "{text}");
}

/// The same text with the static lifetime that `code` returns.
fn known(code: &str) -> &'static str {
    ALL_CODES
        .iter()
        .find(|known| **known == code)
        .expect("a code of the table")
}

const ALL_CODES: [&str; 14] = [
    "json-size",
    "json-encoding",
    "json-syntax",
    "json-depth",
    "json-number",
    "json-string",
    "json-name",
    "json-duplicate",
    "json-trailing",
    "json-type",
    "json-missing",
    "json-range",
    "json-value",
    "json-unknown",
];

#[test]
fn every_kind_of_value_is_read() {
    let value = parse(br#" {"a":[null,true,false,0,"x\u00e9\/"],"b":{}} "#, 64).unwrap();
    let items = vec![
        Value::Null,
        Value::Bool(true),
        Value::Bool(false),
        Value::Integer(0),
        Value::String("x\u{e9}/".into()),
    ];
    let members = vec![
        ("a".into(), Value::Array(items)),
        ("b".into(), Value::Object(vec![])),
    ];
    assert_eq!(value, Value::Object(members));
}

#[test]
fn js_1_a_text_longer_than_allowed_is_refused_unread() {
    assert!(parse(b"[]", 2).is_ok());
    let error = parse(b"\xff[]", 2).unwrap_err();
    assert_eq!(error.code(), "json-size");
    assert_eq!(*error.fault(), JsonFault::Size { found: 3, max: 2 });
}

#[test]
fn js_2_only_utf_8_is_read() {
    for text in [
        &b"\"\xff\""[..],
        b"\"\xc0\x80\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\xfe\xff\x00{",
    ] {
        assert_eq!(refusal(text), ("json-encoding", String::new()));
    }
    // A byte order mark is UTF-8, but no JSON.
    assert_eq!(refusal(b"\xef\xbb\xbf{}").0, "json-syntax");
}

#[test]
fn js_3_only_json_is_read() {
    for (text, pointer) in [
        ("", ""),
        (" ", ""),
        ("{", ""),
        ("[1,]", "/1"),
        ("{\"a\":1,}", ""),
        ("{a:1}", ""),
        ("{'a':1}", ""),
        ("{\"a\":}", "/a"),
        ("{\"a\":[0,tru]}", "/a/1"),
        ("// c\n{}", ""),
        ("[01]", "/0"),
        ("[+1]", "/0"),
        ("[.5]", "/0"),
        ("[1.]", "/0"),
        ("[NaN]", "/0"),
        ("[0x10]", "/1"),
        ("[\"\t\"]", "/0"),
        ("[\"\u{0}\"]", "/0"),
        ("[\"\\x41\"]", "/0"),
        ("[\"\\ud800\"]", "/0"),
        ("[\"\\ud800\\ud800\"]", "/0"),
        ("[\"\\udc00\"]", "/0"),
        ("{\"\\ud800\":1}", ""),
        ("[1e999]", "/0"),
        ("\u{a0}{}", ""),
    ] {
        check(text, "json-syntax", pointer);
    }
}

#[test]
fn js_4_depth_stops_at_the_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(JSON_DEPTH_MAX).as_bytes(), 4096).is_ok());
    check(
        &nested(JSON_DEPTH_MAX + 1),
        "json-depth",
        &"/0".repeat(JSON_DEPTH_MAX),
    );
    let objects = format!("{}1{}", "{\"a\":".repeat(9), "}".repeat(9));
    check(&objects, "json-depth", &"/a".repeat(8));
    // Far beyond any stack: refused at the same place.
    check(&"[".repeat(4000), "json-depth", &"/0".repeat(8));
}

#[test]
fn js_5_numbers_are_plain_integers() {
    for number in ["0", "1", "9007199254740991"] {
        let expected = Value::Integer(number.parse().unwrap());
        assert_eq!(parse(number.as_bytes(), 64), Ok(expected));
    }
    for number in [
        "-0",
        "-1",
        "1.0",
        "0.0",
        "1e0",
        "1E0",
        "1e2",
        "0e0",
        "-0.0",
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "123456789012345678901234567890",
    ] {
        check(&format!("{{\"n\":{number}}}"), "json-number", "/n");
    }
}

#[test]
fn js_6_strings_hold_no_controls() {
    for code in (0..=0x1f).chain(0x7f..=0x9f) {
        check(&format!("[\"\\u{code:04x}\"]"), "json-string", "/0");
        check(&format!("{{\"\\u{code:04x}\":1}}"), "json-string", "");
    }
    // C1 controls and DELETE are legal JSON when not escaped.
    check("[\"\u{85}\"]", "json-string", "/0");
    check("[\"\u{7f}\"]", "json-string", "/0");
    assert!(parse("\"\u{a0}\u{20}\u{ffff}\\ud83d\\ude00\"".as_bytes(), 64).is_ok());
}

#[test]
fn js_6_line_feeds_only_where_lines_are_asked_for() {
    let text = br#"{"a":"x\ny"}"#;
    check(r#"{"a":"x\ny"}"#, "json-string", "/a");
    let read = || parse_with_lines(text, 64).unwrap().object().unwrap();
    assert_eq!(read().lines("a").unwrap(), "x\ny");
    let error = read().text("a").unwrap_err();
    assert_eq!((error.code(), error.pointer()), ("json-string", "/a"));
    for other in [r#"["\r"]"#, r#"["\t"]"#, r#"{"\n":1}"#] {
        let error = parse_with_lines(other.as_bytes(), 64).unwrap_err();
        assert_eq!(error.code(), "json-string", "{other}");
    }
}

#[test]
fn js_7_names_have_a_length() {
    let text = |length: usize| format!("{{\"o\":{{\"{}\":1}}}}", "n".repeat(length));
    assert!(parse(text(NAME_BYTES_MAX).as_bytes(), 256).is_ok());
    check(&text(NAME_BYTES_MAX + 1), "json-name", "/o");
}

#[test]
fn js_8_no_member_stands_twice() {
    check(r#"{"a":1,"a":1}"#, "json-duplicate", "/a");
    check(
        r#"{"a":1,"b":{"x":1,"y":2,"x":3}}"#,
        "json-duplicate",
        "/b/x",
    );
    check(r#"{"a":1,"\u0061":2}"#, "json-duplicate", "/a");
    check(r#"[{"":1,"":2}]"#, "json-duplicate", "/0/");
    // Equal to the eye, not by code point: no normalisation.
    assert!(parse("{\"\u{e9}\":1,\"e\u{301}\":2}".as_bytes(), 64).is_ok());
}

#[test]
fn js_9_nothing_follows_the_value() {
    assert!(parse(b"{} \r\n\t", 64).is_ok());
    for text in ["{}x", "{}{}", "1 2", "null,", "{}\u{0}", "\"a\"]"] {
        check(text, "json-trailing", "");
    }
}

#[test]
fn js_10_objects_are_closed() {
    let mut members = parse(br#"{"a":{"b":1,"c/~d":2}}"#, 64)
        .unwrap()
        .object()
        .unwrap();
    let mut inner = members.object("a").unwrap();
    assert_eq!(inner.integer("b", 0..=1).unwrap(), 1);
    let error = inner.finish().unwrap_err();
    assert_eq!(
        (error.code(), error.pointer()),
        ("json-unknown", "/a/c~1~0d")
    );
    members.finish().unwrap();
}

#[test]
fn extraction_names_the_place() {
    let text = br#"{"t":"x","n":5,"b":true,"o":{},"l":[1,"Y"],"z":null,"i":"acme","r":"R_1"}"#;
    let read = || parse(text, 256).unwrap().object().unwrap();
    let mut m = read();
    assert_eq!(m.text("t").unwrap(), "x");
    assert_eq!(m.optional_text("absent").unwrap(), None);
    assert_eq!(m.integer("n", 0..=JSON_INTEGER_MAX).unwrap(), 5);
    assert_eq!(m.optional_integer("absent", 0..=1).unwrap(), None);
    assert!(m.boolean("b").unwrap());
    assert!(m.optional_object("absent").unwrap().is_none());
    m.object("o").unwrap().finish().unwrap();
    let items = m.array("l").unwrap();
    assert_eq!(items[1].pointer(), "/l/1");
    assert_eq!(items[1].refuse("why".into()).to_string(), "why at `/l/1`");
    assert_eq!(items[0].value(), &Value::Integer(1));
    assert_eq!(m.id("i").unwrap().as_str(), "acme");
    assert_eq!(m.request_id("r").unwrap().as_str(), "R_1");
    let rest = m.rest();
    assert_eq!(rest.len(), 1);
    assert_eq!((rest[0].0.as_str(), rest[0].1.pointer()), ("z", "/z"));

    let faults: Vec<(JsonError, &str, &str)> = vec![
        (
            read().text("absent").unwrap_err(),
            "json-missing",
            "/absent",
        ),
        (read().text("n").unwrap_err(), "json-type", "/n"),
        (read().optional_text("z").unwrap_err(), "json-type", "/z"),
        (read().integer("n", 6..=9).unwrap_err(), "json-range", "/n"),
        (read().integer("n", 0..=4).unwrap_err(), "json-range", "/n"),
        (read().integer("t", 0..=4).unwrap_err(), "json-type", "/t"),
        (
            read().optional_integer("t", 0..=4).unwrap_err(),
            "json-type",
            "/t",
        ),
        (read().boolean("n").unwrap_err(), "json-type", "/n"),
        (read().object("l").unwrap_err(), "json-type", "/l"),
        (read().optional_object("z").unwrap_err(), "json-type", "/z"),
        (read().array("o").unwrap_err(), "json-type", "/o"),
        (read().id("r").unwrap_err(), "json-value", "/r"),
        (read().lines("n").unwrap_err(), "json-type", "/n"),
        (read().finish().unwrap_err(), "json-unknown", "/t"),
        (
            parse(b"[]", 2).unwrap().object().unwrap_err(),
            "json-type",
            "",
        ),
    ];
    for (error, code, pointer) in faults {
        assert_eq!((error.code(), error.pointer()), (code, pointer), "{error}");
    }
}

#[test]
fn every_code_of_the_table_is_in_the_specification() {
    let page = include_str!("../../../spec/requests.md");
    for code in ALL_CODES {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
    }
}

#[test]
fn files_of_cases_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/requests/json");
    let mut run = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let case: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let text = data_encoding::HEXLOWER
            .decode(case["text_hex"].as_str().unwrap().as_bytes())
            .unwrap();
        assert!(!case["description"].as_str().unwrap().is_empty());
        let expected = match case["expect"]["code"].as_str() {
            Some(code) => Err((
                known(code),
                case["expect"]["pointer"].as_str().unwrap().into(),
            )),
            None => Ok(()),
        };
        let found = parse(&text, crate::limits::BODY_BYTES_MAX)
            .map(|_| ())
            .map_err(|error| (error.code(), String::from(error.pointer())));
        assert_eq!(found, expected, "{}", path.display());
        run += 1;
    }
    assert!(run >= 20, "only {run} cases in {folder}");
}

/// A naive reading by serde_json alone, to compare with.
fn naive(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Integer(number.as_u64().unwrap()),
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(naive).collect()),
        serde_json::Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), naive(value)))
                .collect(),
        ),
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members)
        }
        other => other,
    }
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (0..=JSON_INTEGER_MAX).prop_map(Into::into),
        "[^\\p{Cc}]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[^\\p{Cc}]{0,8}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_a_naive_reader_reads_is_read_alike(value in any_value()) {
        let text = serde_json::to_vec(&value).unwrap();
        let read = parse(&text, text.len()).unwrap();
        prop_assert_eq!(sorted(read), sorted(naive(&value)));
    }

    #[test]
    fn random_bytes_never_panic_and_pointers_point(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(error) = parse(&bytes, 64) {
            prop_assert!(error.pointer().is_empty() || error.pointer().starts_with('/'));
        }
    }

    #[test]
    fn random_tokens_are_read_as_the_naive_reader_does_or_refused(
        tokens in prop::collection::vec(
            prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "1", "-1", "1.5", "null", " "]),
            0..12,
        )
    ) {
        let text = tokens.concat();
        if let Ok(value) = parse(text.as_bytes(), 64) {
            let other: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(sorted(value), sorted(naive(&other)));
        }
    }
}
