//! CBOR for people: diagnostic notation (RFC 8949 §8), one member or item to a line.
//!
//! What it writes is for reading alone; nothing reads it back. Text is escaped as in JSON and, beyond it, wherever a
//! character is not seen or moves others (SH-3), so a line says what its bytes say.

use alloc::string::String;
use core::fmt::Write as _;

use super::Value;
use crate::review::words::is_unseen;

const STEP: &str = "  ";

impl Value {
    /// The item in diagnostic notation; lines end with a line feed, the last one does not.
    #[must_use]
    pub fn diagnostic(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = write(self, 0, &mut text);
        text
    }
}

fn write(value: &Value, depth: usize, text: &mut String) -> core::fmt::Result {
    match value {
        Value::Uint(number) => write!(text, "{number}"),
        Value::Negative(n) => write!(text, "{}", -1 - i128::from(*n)),
        Value::Bytes(bytes) => {
            text.push_str("h'");
            text.push_str(&data_encoding::HEXLOWER.encode(bytes));
            text.push('\'');
            Ok(())
        }
        Value::Text(words) => quoted(words, text),
        Value::Bool(flag) => write!(text, "{flag}"),
        Value::Null => text.write_str("null"),
        Value::Tag(tag, item) => {
            write!(text, "{tag}(")?;
            write(item, depth, text)?;
            text.write_char(')')
        }
        Value::Array(items) if items.is_empty() => text.write_str("[]"),
        Value::Map(members) if members.is_empty() => text.write_str("{}"),
        Value::Array(items) => {
            let inner = depth.saturating_add(1);
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                line(at > 0, inner, text);
                write(item, inner, text)?;
            }
            end(depth, ']', text);
            Ok(())
        }
        Value::Map(members) => {
            let inner = depth.saturating_add(1);
            text.push('{');
            for (at, (key, item)) in members.iter().enumerate() {
                line(at > 0, inner, text);
                write(key, inner, text)?;
                text.push_str(": ");
                write(item, inner, text)?;
            }
            end(depth, '}', text);
            Ok(())
        }
    }
}

fn line(follows: bool, depth: usize, text: &mut String) {
    if follows {
        text.push(',');
    }
    text.push('\n');
    indent(depth, text);
}

fn end(depth: usize, bracket: char, text: &mut String) {
    text.push('\n');
    indent(depth, text);
    text.push(bracket);
}

fn indent(depth: usize, text: &mut String) {
    for _ in 0..depth {
        text.push_str(STEP);
    }
}

/// RFC 8949 §8: text as a JSON string (RFC 8259 §7), all of what is unseen by its UTF-16 units.
fn quoted(words: &str, text: &mut String) -> core::fmt::Result {
    text.push('"');
    for c in words.chars() {
        match c {
            '"' | '\\' => {
                text.push('\\');
                text.push(c);
            }
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            unseen if is_unseen(unseen) => {
                for unit in unseen.encode_utf16(&mut [0; 2]) {
                    write!(text, "\\u{unit:04x}")?;
                }
            }
            seen => text.push(seen),
        }
    }
    text.push('"');
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Goal: every kind of item is told apart, and no text of a stranger looks like the notation around it.

    use alloc::{boxed::Box, string::String, vec};

    use super::*;

    #[test]
    fn each_item_has_its_own_look() {
        // The left column is appendix A of RFC 8949, save the last ones.
        for (notation, value) in [
            ("0", Value::Uint(0)),
            ("18446744073709551615", Value::Uint(u64::MAX)),
            ("-1", Value::Negative(0)),
            ("-18446744073709551616", Value::Negative(u64::MAX)),
            ("true", Value::Bool(true)),
            ("null", Value::Null),
            ("h'01020304'", Value::bytes(&[1, 2, 3, 4])),
            ("h''", Value::bytes(&[])),
            ("\"\"", Value::from("")),
            ("\"\\\"\\\\\"", Value::from("\"\\")),
            ("\"水\"", Value::from("水")),
            ("[]", Value::array([])),
            (
                "1(1363896240)",
                Value::Tag(1, Box::new(Value::Uint(1_363_896_240))),
            ),
            ("{\n  \"a\": [\n    1,\n    2\n  ]\n}", {
                let list = Value::array([Value::Uint(1), Value::Uint(2)]);
                Value::Map(vec![(Value::from("a"), list)])
            }),
        ] {
            assert_eq!(value.diagnostic(), notation);
        }
    }

    #[test]
    fn sh_3_hostile_text_stays_inside_its_quotes() {
        let hostile = Value::from("a\",\n\"decision\u{202e}\u{0}\u{e0001}: \u{200b}\t\r");
        let shown: String = hostile.diagnostic();
        assert_eq!(
            shown,
            "\"a\\\",\\n\\\"decision\\u202e\\u0000\\udb40\\udc01: \\u200b\\t\\r\""
        );
        assert!(!shown.contains('\n'));
    }
}
