//! Client data: what the browser says about the page (`spec/passkeys.md` §3.2, WebAuthn §5.8.1).
//!
//! The one JSON of ours that is open: browsers may add members, so [`crate::json`], which refuses negative
//! numbers, fractions and escaped controls, cannot read it. This reader takes any JSON in members that nobody
//! asked for, and still refuses what two readers could read in two ways: a member that stands twice.
//!
//! The bytes are kept as received, since the device signed their digest.

use alloc::{
    collections::BTreeSet,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::digest::Digest;

/// The longest client data, in bytes. Browsers write about 140, and 120 more where they add a member.
pub const CLIENT_DATA_BYTES_MAX: usize = 1024;
/// The deepest nesting in a member that nobody asked for, the object itself included.
pub const CLIENT_DATA_DEPTH_MAX: usize = 8;

/// What the browser says about the page that asked, and the bytes it said it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientData {
    bytes: Vec<u8>,
    kind: String,
    challenge: Digest,
    origin: String,
    cross_origin: bool,
    top_origin: bool,
}

/// Why bytes are no client data. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientDataError {
    /// Too many bytes.
    #[error("client data of {found} bytes, expected at most {CLIENT_DATA_BYTES_MAX}")]
    Size {
        /// Bytes given.
        found: usize,
    },
    /// Not UTF-8.
    #[error("byte {offset} of the client data is not UTF-8")]
    Encoding {
        /// The first byte that is wrong, from 0.
        offset: usize,
    },
    /// Not RFC 8259: also a byte order mark, a lone surrogate, a number beyond 64-bit floating point.
    #[error("client data are not JSON at column {column}")]
    Syntax {
        /// In bytes, from 1.
        column: usize,
    },
    /// Nested too deep.
    #[error("client data nested deeper than {CLIENT_DATA_DEPTH_MAX}")]
    Depth,
    /// A member for the second time in its object, after unescaping.
    #[error("client data have the member `{name}` twice")]
    Duplicate {
        /// Its name.
        name: String,
    },
    /// Something other than white space after the value.
    #[error("bytes after the end of the client data")]
    Trailing,
    /// Not an object.
    #[error("client data are no JSON object")]
    NotObject,
    /// A member is not there, or is of another kind.
    #[error("`{member}` of the client data: expected {expected}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What should stand there.
        expected: &'static str,
    },
}

impl ClientDataError {
    /// The machine code: kebab-case, stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "client-malformed"
    }
}

impl ClientData {
    /// Reads `clientDataJSON` as received.
    ///
    /// # Errors
    /// [`ClientDataError`]: the first fault in reading order, then members in the order of its text.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClientDataError> {
        // WA-3
        if bytes.len() > CLIENT_DATA_BYTES_MAX {
            return Err(ClientDataError::Size { found: bytes.len() });
        }
        // WA-4
        let Json::Object(members) = read(bytes)? else {
            return Err(ClientDataError::NotObject);
        };
        // WA-5
        let member = |name: &str| {
            let found = members.iter().find(|(found, _)| found == name);
            found.map(|(_, value)| value)
        };
        let text = |name: &'static str| match member(name) {
            Some(Json::String(text)) => Ok(text),
            _ => Err(ClientDataError::Member {
                member: name,
                expected: "a string",
            }),
        };
        let kind = text("type")?.clone();
        let challenge = BASE64URL_NOPAD
            .decode(text("challenge")?.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Digest::from_bytes)
            .ok_or(ClientDataError::Member {
                member: "challenge",
                expected: "32 bytes in base64url without padding",
            })?;
        let origin = text("origin")?.clone();
        let cross_origin = match member("crossOrigin") {
            None => false,
            Some(Json::Bool(value)) => *value,
            Some(_) => {
                return Err(ClientDataError::Member {
                    member: "crossOrigin",
                    expected: "`true` or `false`, or no such member",
                });
            }
        };
        Ok(Self {
            bytes: bytes.to_vec(),
            kind,
            challenge,
            origin,
            cross_origin,
            top_origin: member("topOrigin").is_some(),
        })
    }

    /// The bytes as received: what the device signed the digest of.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `type`: `webauthn.get` or `webauthn.create`, until checked anything.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// `challenge`: a claim, until compared with the digest of a context.
    #[must_use]
    pub const fn challenge(&self) -> Digest {
        self.challenge
    }

    /// `origin`: of the page that asked. Any text, until compared with a site.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `crossOrigin`: whether a page of another origin is around the one that asked. Absent is `false`.
    #[must_use]
    pub const fn cross_origin(&self) -> bool {
        self.cross_origin
    }

    /// Whether there is a `topOrigin`, which is only where a page of another origin is around.
    #[must_use]
    pub const fn has_top_origin(&self) -> bool {
        self.top_origin
    }
}

/// As much of a JSON value as anybody here asks for.
enum Json {
    String(String),
    Bool(bool),
    Object(Vec<(String, Json)>),
    Other,
}

fn read(bytes: &[u8]) -> Result<Json, ClientDataError> {
    let text = core::str::from_utf8(bytes).map_err(|error| ClientDataError::Encoding {
        offset: error.valid_up_to(),
    })?;
    let mut fault = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let node = Node {
        fault: &mut fault,
        depth_left: CLIENT_DATA_DEPTH_MAX,
    };
    let value = node.deserialize(&mut deserializer).map_err(|error| {
        fault.unwrap_or(ClientDataError::Syntax {
            column: error.column(),
        })
    })?;
    deserializer.end().map_err(|_| ClientDataError::Trailing)?;
    Ok(value)
}

/// Reads one value. serde_json alone would keep the last of two equal members.
struct Node<'f> {
    /// Our own fault, if it was not serde_json's.
    fault: &'f mut Option<ClientDataError>,
    depth_left: usize,
}

impl Node<'_> {
    fn deeper<E: serde::de::Error>(&mut self) -> Result<usize, E> {
        match self.depth_left.checked_sub(1) {
            Some(left) => Ok(left),
            None => Err(self.refuse(ClientDataError::Depth)),
        }
    }

    fn refuse<E: serde::de::Error>(&mut self, fault: ClientDataError) -> E {
        let error = E::custom(fault.to_string());
        *self.fault = Some(fault);
        error
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Json, A::Error> {
        let depth_left = self.deeper()?;
        loop {
            let node = Node {
                fault: &mut *self.fault,
                depth_left,
            };
            if items.next_element_seed(node)?.is_none() {
                return Ok(Json::Other);
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Json, A::Error> {
        let depth_left = self.deeper()?;
        let mut members = Vec::new();
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(self.refuse(ClientDataError::Duplicate { name }));
            }
            let node = Node {
                fault: &mut *self.fault,
                depth_left,
            };
            members.push((name, map.next_value_seed(node)?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use std::{format, string::String, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    const CHALLENGE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    /// Client data as browsers write them, with `more` before the end.
    fn with(more: &str) -> String {
        format!(
            r#"{{"type":"webauthn.get","challenge":"{CHALLENGE}","origin":"https://a.example"{more}}}"#
        )
    }

    fn refusal(text: &str) -> ClientDataError {
        ClientData::parse(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn what_browsers_write_is_read() {
        let text = with(r#","crossOrigin":false"#);
        let data = ClientData::parse(text.as_bytes()).unwrap();
        assert_eq!(data.kind(), "webauthn.get");
        assert_eq!(data.origin(), "https://a.example");
        let challenge: Vec<u8> = (0..32).collect();
        assert_eq!(data.challenge().as_bytes()[..], challenge);
        assert!(!data.cross_origin() && !data.has_top_origin());
        assert_eq!(data.as_bytes(), text.as_bytes());
        let framed = with(r#","crossOrigin":true,"topOrigin":null"#);
        let framed = ClientData::parse(framed.as_bytes()).unwrap();
        assert!(framed.cross_origin() && framed.has_top_origin());
    }

    #[test]
    fn wa_3_longer_client_data_are_refused_unread() {
        let room = CLIENT_DATA_BYTES_MAX - with("").len();
        let fits = with(&" ".repeat(room));
        assert!(ClientData::parse(fits.as_bytes()).is_ok());
        let found = CLIENT_DATA_BYTES_MAX + 1;
        assert_eq!(
            ClientData::parse(&std::vec![0xff; found]),
            Err(ClientDataError::Size { found })
        );
    }

    #[test]
    fn wa_4_members_nobody_asked_for_may_hold_any_json() {
        for more in [
            r#","extra":"x\n\u0000\ud83d\ude00""#,
            r#","extra":-1.5e-7"#,
            r#","extra":-0"#,
            r#","extra":18446744073709551616"#,
            r#","extra":[null,{},[],{"a":{"a":{"a":1}}}]"#,
            r#","extra":{"a":1,"A":1,"":1}"#,
            r#","other_keys_can_be_added_here":"do not compare clientDataJSON against a template""#,
            r#","extra":[[[[[[[1]]]]]]]"#,
            " \r\n\t",
        ] {
            assert!(ClientData::parse(with(more).as_bytes()).is_ok(), "{more}");
        }
        let spaced = format!(" {}\n", with(""));
        assert!(ClientData::parse(spaced.as_bytes()).is_ok());
    }

    #[test]
    fn wa_4_one_text_has_one_reading() {
        let twice = |name: &str| ClientDataError::Duplicate { name: name.into() };
        for (more, expected) in [
            (r#","type":"webauthn.get""#, twice("type")),
            (r#","\u006frigin":"https://b.example""#, twice("origin")),
            (r#","extra":{"a":1,"b":{"c":1,"c":2}}"#, twice("c")),
            (r#","extra":[{"a":1,"a":1}]"#, twice("a")),
            (r#","extra":[[[[[[[[1]]]]]]]]"#, ClientDataError::Depth),
            (r#","extra":{"a":[[[[[[{}]]]]]]}"#, ClientDataError::Depth),
        ] {
            assert_eq!(refusal(&with(more)), expected, "{more}");
        }
        for more in [
            ",",
            r#","extra""#,
            r#","extra":01"#,
            r#","extra":1e999"#,
            r#","extra":"\ud800""#,
            ",\"extra\":\"\n\"",
            r#","extra":NaN"#,
            "//",
        ] {
            let found = refusal(&with(more));
            assert!(matches!(found, ClientDataError::Syntax { .. }), "{more}");
        }
        let marked = format!("\u{feff}{}", with(""));
        assert!(matches!(refusal(&marked), ClientDataError::Syntax { .. }));
        let deep = "[".repeat(1000);
        assert_eq!(refusal(&deep), ClientDataError::Depth);
        for after in ["x", "{}", "\0", "}"] {
            let text = with("") + after;
            assert_eq!(refusal(&text), ClientDataError::Trailing);
        }
        for other in ["[]", "null", "\"a\"", "1", "true"] {
            assert_eq!(refusal(other), ClientDataError::NotObject);
        }
        let mut bytes = with("").into_bytes();
        bytes[2] = 0xff;
        let refused = ClientData::parse(&bytes);
        assert_eq!(refused, Err(ClientDataError::Encoding { offset: 2 }));
        assert_eq!(refused.unwrap_err().code(), "client-malformed");
    }

    #[test]
    fn wa_5_known_members_have_their_kinds() {
        let member = |text: &str| match refusal(text) {
            ClientDataError::Member { member, .. } => member,
            other => panic!("{other}"),
        };
        for name in ["type", "challenge", "origin"] {
            let absent = with("").replace(&format!("\"{name}\""), "\"x\"");
            assert_eq!(member(&absent), name);
            for other in ["null", "1", "true", "[]", "{}"] {
                let mut at = with("");
                let start = at.find(&format!("\"{name}\":")).unwrap() + name.len() + 3;
                let end = start + 1 + at.get(start + 1..).unwrap().find('"').unwrap() + 1;
                at.replace_range(start..end, other);
                assert_eq!(member(&at), name, "{at}");
            }
        }
        for value in ["null", "0", "\"false\"", "[]"] {
            let text = with(&format!(r#","crossOrigin":{value}"#));
            assert_eq!(member(&text), "crossOrigin");
        }
        // Padding, 31 and 33 bytes, unused bits set, the other alphabet, nothing.
        let most = CHALLENGE.strip_suffix('8').unwrap();
        let loose = format!("{most}9");
        for challenge in [
            format!("{CHALLENGE}="),
            "A".repeat(42),
            "A".repeat(44),
            loose,
            format!("{most}+"),
            String::new(),
        ] {
            assert_eq!(
                member(&with("").replace(CHALLENGE, &challenge)),
                "challenge"
            );
        }
    }

    proptest! {
        /// Method: random tokens against serde_json's own reader, which is lenient about nothing but repeats.
        #[test]
        fn what_is_read_a_naive_reader_reads_alike(
            tokens in prop::collection::vec(
                prop::sample::select(std::vec![
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"type\"", "\"origin\"", "1", "-1.5", "null", "true",
                ]),
                0..12,
            )
        ) {
            let text = with(&format!(",\"x\":{}", tokens.concat()));
            let naive: Result<serde_json::Value, _> = serde_json::from_str(&text);
            match ClientData::parse(text.as_bytes()) {
                Ok(data) => {
                    let naive = naive.unwrap();
                    prop_assert_eq!(naive["type"].as_str(), Some(data.kind()));
                    prop_assert_eq!(naive["origin"].as_str(), Some(data.origin()));
                }
                Err(ClientDataError::Syntax { .. } | ClientDataError::Trailing) => prop_assert!(naive.is_err()),
                Err(ClientDataError::Duplicate { .. } | ClientDataError::Depth) => {}
                Err(other) => prop_assert!(naive.is_ok(), "{}", other),
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(ClientData::parse(&bytes).is_err());
        }
    }
}
