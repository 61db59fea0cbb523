//! CBOR of ours with the names that our pages give to its parts.

use agentsigna_verifier::cbor::Value;
use data_encoding::{BASE64, BASE64URL_NOPAD};

use super::node::Node;

/// The members of an action, by their numbers from 1 (`spec/action.md`).
const ACTION: [&str; 7] = [
    "type",
    "amount_minor",
    "currency",
    "counterparty",
    "target",
    "reference",
    "parameters",
];

/// The item as a member of this name: what bytes and numbers are, the name says.
pub(super) fn node(name: &str, value: &Value) -> Node {
    match value {
        Value::Null => Node::Nothing,
        Value::Bool(flag) => Node::Flag(*flag),
        Value::Uint(number) if is_time(name) => Node::Millis(*number),
        Value::Uint(number) => Node::Number(*number),
        Value::Negative(n) => Node::Negative(*n),
        Value::Text(text) if name == "policy" => Node::Block(text.clone()),
        Value::Text(text) => Node::text(text),
        Value::Bytes(bytes) => bytes_of(name, bytes),
        Value::Array(items) => Node::list(items.iter().map(|item| node("", item))),
        Value::Map(members) => Node::map(members.iter().map(|(key, value)| {
            let name = member(name, key);
            let node = node(&name, value);
            (name, node)
        })),
        Value::Tag(tag, item) => Node::map([(format!("tag {tag}"), node(name, item))]),
    }
}

/// Whether a number of this name is a time. `standing_at` is none: it is the size of the log that was weighed.
fn is_time(name: &str) -> bool {
    (name.ends_with("_at") && name != "standing_at") || name == "deadline"
}

fn member(of: &str, key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        Value::Uint(number) => {
            let at = usize::try_from(*number).unwrap_or_default().checked_sub(1);
            let known = at.filter(|_| of == "action").and_then(|at| ACTION.get(at));
            known.map_or_else(|| number.to_string(), |name| (*name).to_owned())
        }
        Value::Negative(n) => (-1 - i128::from(*n)).to_string(),
        _ => "?".to_owned(),
    }
}

fn bytes_of(name: &str, bytes: &[u8]) -> Node {
    // Keys and thumbprints as requests write them, signatures as RFC 9421 does.
    if name == "key" || name.ends_with("_key") {
        return Node::Text(BASE64URL_NOPAD.encode(bytes));
    }
    if name == "signature" {
        return Node::Text(BASE64.encode(bytes));
    }
    if matches!(name, "base" | "body")
        && let Ok(text) = core::str::from_utf8(bytes)
    {
        return Node::Block(text.to_owned());
    }
    Node::hex(bytes)
}
