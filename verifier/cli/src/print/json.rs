//! A JSON text of a stranger, set out for reading: members in the order they came, numbers as they were written.

use core::{iter::Peekable, str::Chars};

use serde::de::IgnoredAny;

use super::plain;

/// Longer strings are shown by their ends, in characters.
const STRING_CHARACTERS_MAX: usize = 120;
const SHOWN_AT_START: usize = 48;
const SHOWN_AT_END: usize = 16;

/// The text with one member a line, two spaces a level; `None` if it is not JSON. Long strings are shortened:
/// this is for people.
pub(crate) fn indented(text: &[u8]) -> Option<String> {
    serde_json::from_slice::<IgnoredAny>(text).ok()?;
    let mut rest = core::str::from_utf8(text).ok()?.chars().peekable();
    let mut shown = String::new();
    let mut depth = 0_usize;
    while let Some(character) = rest.next() {
        match character {
            '"' => {
                shown.push('"');
                shown.push_str(&shortened(&plain(&string(&mut rest))));
                shown.push('"');
            }
            '{' | '[' => {
                shown.push(character);
                skip_space(&mut rest);
                if let Some(close) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    shown.push(close);
                } else {
                    depth = depth.saturating_add(1);
                    new_line(&mut shown, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut shown, depth);
                shown.push(character);
            }
            ',' => {
                shown.push(',');
                new_line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => shown.push(other),
        }
    }
    Some(shown)
}

/// What stands between the quotation marks, the first of which is behind; escapes as they are.
fn string(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut inside = String::new();
    while let Some(character) = rest.next() {
        match character {
            '"' => break,
            '\\' => {
                inside.push('\\');
                inside.extend(rest.next());
            }
            other => inside.push(other),
        }
    }
    inside
}

/// The text, or its two ends and how long it is.
pub(crate) fn shortened(text: &str) -> String {
    let count = text.chars().count();
    if count <= STRING_CHARACTERS_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(SHOWN_AT_START).collect();
    let end: String = text
        .chars()
        .skip(count.saturating_sub(SHOWN_AT_END))
        .collect();
    format!("{start}…{end} ({count} characters)")
}

fn skip_space(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(char::is_ascii_whitespace).is_some() {}
}

fn new_line(shown: &mut String, depth: usize) {
    shown.push('\n');
    shown.extend(core::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_numbers_their_form() {
        let text = br#"{"b":1.50,"a":[1,{"c":[]},{}],"d":"x\"},","e":null}"#;
        let expected = "{\n  \"b\": 1.50,\n  \"a\": [\n    1,\n    {\n      \"c\": []\n    },\n    {}\n  ],\n  \
                        \"d\": \"x\\\"},\",\n  \"e\": null\n}";
        assert_eq!(indented(text).unwrap(), expected);
        // Written again, it is what it was.
        let again = indented(indented(text).unwrap().as_bytes()).unwrap();
        assert_eq!(again, expected);
    }

    #[test]
    fn what_is_not_json_is_not_set_out() {
        for text in ["", "{", "{\"a\":1}x", "{'a':1}", "[1,]"] {
            assert_eq!(indented(text.as_bytes()), None, "{text}");
        }
        assert_eq!(indented(b"\"\xff\""), None);
    }

    #[test]
    fn strings_are_plain_and_not_endless() {
        let text = format!("\"{}\u{202e}\"", "a".repeat(500));
        let shown = indented(text.as_bytes()).unwrap();
        assert!(shown.chars().count() < 120, "{shown}");
        assert!(shown.ends_with("\\u{202e} (508 characters)\""), "{shown}");
    }
}
