//! A value with names: indented for people, JSON for programs. Times are dates for the first and numbers for the
//! second.

use data_encoding::HEXLOWER;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};

use crate::print::{self, Page, plain};

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Nothing,
    Flag(bool),
    Number(u64),
    /// `−1 − n`.
    Negative(u64),
    /// Milliseconds since the epoch.
    Millis(u64),
    /// Seconds since the epoch.
    Seconds(u64),
    Text(String),
    /// Text of several lines.
    Block(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn text(text: &(impl ToString + ?Sized)) -> Self {
        Self::Text(text.to_string())
    }

    pub(super) fn hex(bytes: &[u8]) -> Self {
        Self::Text(HEXLOWER.encode(bytes))
    }

    pub(super) fn map<N: Into<String>>(members: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Map(
            members
                .into_iter()
                .map(|(name, node)| (name.into(), node))
                .collect(),
        )
    }

    pub(super) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// Puts it on the page.
    pub(super) fn say(&self, page: &mut Page) {
        self.lines(1, page);
    }

    fn lines(&self, depth: usize, page: &mut Page) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Map(members) => {
                let width = width(members);
                for (name, node) in members {
                    let name = plain(name);
                    if let Some(value) = node.inline() {
                        page.line(format!("{indent}{name:width$}  {value}"));
                    } else {
                        page.line(format!("{indent}{name}"));
                        node.lines(depth.saturating_add(1), page);
                    }
                }
            }
            Self::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    if let Some(value) = item.inline() {
                        page.line(format!("{indent}- {value}"));
                    } else {
                        page.line(format!("{indent}[{at}]"));
                        item.lines(depth.saturating_add(1), page);
                    }
                }
            }
            Self::Block(text) => {
                for line in text.lines() {
                    page.line(format!("{indent}| {}", plain(line)));
                }
            }
            other => page.line(format!("{indent}{}", other.inline().unwrap_or_default())),
        }
    }

    /// On one line, if it fits one.
    fn inline(&self) -> Option<String> {
        match self {
            Self::Nothing => Some("(none)".to_owned()),
            Self::Flag(true) => Some("yes".to_owned()),
            Self::Flag(false) => Some("no".to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Negative(n) => Some(negative(*n).to_string()),
            Self::Millis(millis) => Some(print::time(*millis)),
            Self::Seconds(seconds) => {
                let date = print::date(seconds.saturating_mul(1000));
                Some(format!("{date} ({seconds})"))
            }
            Self::Text(text) if text.is_empty() => Some("(empty)".to_owned()),
            Self::Text(text) => Some(plain(text)),
            Self::List(items) if items.is_empty() => Some("(none)".to_owned()),
            Self::Map(members) if members.is_empty() => Some("(none)".to_owned()),
            Self::Block(_) | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// Of the names whose values stand beside them.
fn width(members: &[(String, Node)]) -> usize {
    members
        .iter()
        .filter(|(_, node)| node.inline().is_some())
        .map(|(name, _)| plain(name).chars().count())
        .max()
        .unwrap_or_default()
}

/// `leaf hash (computed)` is `leaf_hash_computed` for programs.
fn json_name(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '(' | ')' | ','))
        .map(|c| if c == ' ' { '_' } else { c })
        .collect::<String>()
        .to_lowercase()
}

fn negative(n: u64) -> i128 {
    -1 - i128::from(n)
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_none(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) | Self::Millis(number) | Self::Seconds(number) => {
                serializer.serialize_u64(*number)
            }
            // Ours are −1; one beyond 64 bits would be no JSON number that readers agree about.
            Self::Negative(n) => match i64::try_from(negative(*n)) {
                Ok(number) => serializer.serialize_i64(number),
                Err(_) => serializer.collect_str(&negative(*n)),
            },
            Self::Text(text) | Self::Block(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, node) in members {
                    map.serialize_entry(&json_name(name), node)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(node: &Node) -> String {
        let mut page = Page::new(false, false);
        node.say(&mut page);
        String::from_utf8(page.bytes().to_vec()).unwrap()
    }

    #[test]
    fn people_and_programs_are_told_the_same() {
        let node = Node::map([
            ("none", Node::Nothing),
            ("flag", Node::Flag(true)),
            ("least", Node::Negative(0)),
            ("last", Node::Negative(u64::MAX)),
            ("at (computed)", Node::Millis(1)),
            ("list", Node::list([Node::Number(1), Node::text("")])),
            (
                "deep",
                Node::list([Node::map([("a", Node::Block("x\ny".to_owned()))])]),
            ),
        ]);
        assert_eq!(
            serde_json::to_string(&node).unwrap(),
            r#"{"none":null,"flag":true,"least":-1,"last":"-18446744073709551616","at_computed":1,"list":[1,""],"deep":[{"a":"x\ny"}]}"#
        );
        assert_eq!(
            page(&node),
            "  none           (none)\n  flag           yes\n  least          -1\n  \
             last           -18446744073709551616\n  at (computed)  1970-01-01T00:00:00.001Z (1)\n  \
             list\n    - 1\n    - (empty)\n  deep\n    [0]\n      a\n        | x\n        | y\n"
        );
    }

    #[test]
    fn no_text_of_a_file_moves_the_cursor() {
        // CL-6
        let hostile = "\u{1b}[2J\u{202e}";
        for node in [
            Node::text(hostile),
            Node::Block(format!("a\n{hostile}\r")),
            Node::list([Node::text(hostile)]),
            Node::map([(hostile, Node::text(hostile))]),
            Node::map([(hostile, Node::Block(hostile.to_owned()))]),
        ] {
            let page = page(&node);
            assert!(!page.contains(['\u{1b}', '\u{202e}', '\r']), "{page:?}");
        }
    }
}
