//! C2SP signed-note: text with signature lines under it, and the keys that make them.
//!
//! Strict where the standard leaves room (`spec/checkpoint.md`): names of at most 255 bytes, canonical base64,
//! no two lines of one (name, key id), 64 KiB, 64 lines. A note that parses encodes to the same bytes.
//!
//! Parsing checks no signature. Who signed what is asked in [`super::checkpoint`] and [`super::cosignature`].

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use data_encoding::{BASE64, HEXLOWER};

use super::base64;
use crate::{
    digest,
    key::{BadKey, PublicKey},
    limits::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX},
};

/// What a signature line starts with: an em dash and a space.
const LINE_START: &str = "— ";
/// A name, in bytes: what tlog-cosignature can write in front of a name.
pub const NAME_BYTES_MAX: usize = 255;

/// The name of a key, and of a log (then called its origin): 1 to 255 bytes of UTF-8 without white space,
/// control characters or `+`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// `SHA-256(name || 0x0A || type || public key)[0..4]`. Shown as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// The signature types of C2SP signed-note that we make and check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Type 0x01, Ed25519 over the text: a log signs its checkpoint.
    Ed25519,
    /// Type 0x04, timestamped Ed25519: a witness cosigns a checkpoint.
    Cosignature,
}

/// A public key with the name it signs under: what C2SP calls a verifier key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: KeyName,
    kind: KeyKind,
    key: PublicKey,
    id: KeyId,
}

/// A key as it is called in messages: `<name>+<key id>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLabel {
    name: KeyName,
    id: KeyId,
}

/// One signature under a note: a claim, until checked with the key of that name and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: KeyName,
    id: KeyId,
    signature: Vec<u8>,
}

/// A text and at least one signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<SignatureLine>,
}

/// Why text cannot name a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name: expected 1 to {NAME_BYTES_MAX} bytes without white space, control characters or `+`"
)]
pub struct BadName;

/// Why text is not a verifier key. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteKeyError {
    /// Not three parts with `+` between them.
    #[error("not a verifier key: expected `<name>+<8 hex digits>+<base64>`")]
    Shape,
    /// The first part.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The second part.
    #[error("not a key id: expected 8 lower-case hex digits")]
    Id,
    /// The third part.
    #[error("not a key: expected canonical base64 of one type byte and the key")]
    Base64,
    /// A signature type that we do not check.
    #[error("verifier key of type {0:#04x}: expected 0x01 (a log) or 0x04 (a witness)")]
    Kind(u8),
    /// The bytes after the type.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// The id does not belong to name, type and key.
    #[error("verifier key with id `{found}`, its content gives `{expected}`")]
    WrongId {
        /// The second part.
        found: KeyId,
        /// What the other parts give.
        expected: KeyId,
    },
}

/// Why bytes are not a note. In the order of the checks; those on a line are made line by line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More than 64 KiB.
    #[error("note of {found} bytes, more than {NOTE_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not UTF-8, or a control character below U+0020 other than a newline.
    #[error("not the text of a note: expected UTF-8 without control characters")]
    Characters,
    /// No blank line between text and signatures.
    #[error("not a signed note: expected text, a blank line, signature lines")]
    NoBlankLine,
    /// Nothing above the blank line.
    #[error("a note without text")]
    NoText,
    /// Nothing under the blank line.
    #[error("a note without signatures")]
    NoSignatures,
    /// More than 64 lines.
    #[error("note with more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// A line that is not an em dash, a name and base64, with one space between them, and a newline.
    #[error("signature line {line} is malformed: expected `— <name> <base64>`")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// The name in a line.
    #[error("signature line {line}")]
    LineName {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: BadName,
    },
    /// The base64 in a line is not canonical, or there is no signature after the four bytes of the key id.
    #[error("signature line {line}: expected canonical base64 of a key id and a signature")]
    LineSignature {
        /// Counted from 1.
        line: usize,
    },
    /// A name and key id that another line has too.
    #[error("signature line {line} repeats the key `{key}`")]
    Repeated {
        /// Counted from 1.
        line: usize,
        /// The key that both lines name.
        key: KeyLabel,
    },
}

impl KeyName {
    /// Accepts 1 to 255 bytes without white space, control characters or `+`.
    ///
    /// # Errors
    /// [`BadName`].
    pub fn parse(text: &str) -> Result<Self, BadName> {
        // CP-2.
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.contains(bad) {
            return Err(BadName);
        }
        Ok(Self(text.to_string()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyId {
    /// Takes four bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl KeyKind {
    /// The type byte of C2SP signed-note.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

impl NoteKey {
    /// Gives a key a name; the id follows.
    #[must_use]
    pub fn new(name: KeyName, kind: KeyKind, key: PublicKey) -> Self {
        let id = digest::note_key_id(name.as_str(), kind.byte(), key.as_bytes());
        Self {
            name,
            kind,
            key,
            id: KeyId(id),
        }
    }

    /// Reads `<name>+<key id>+<base64(type || public key)>` and computes the id again.
    ///
    /// # Errors
    /// [`NoteKeyError`], in the order of its variants.
    pub fn parse(text: &str) -> Result<Self, NoteKeyError> {
        // Base64 may hold a `+` itself: only the first two separate.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteKeyError::Shape);
        };
        let name = KeyName::parse(name)?;
        let found = HEXLOWER
            .decode(id.as_bytes())
            .ok()
            .and_then(|id| id.try_into().ok())
            .map(KeyId)
            .ok_or(NoteKeyError::Id)?;
        let bytes = base64::decode(key).ok_or(NoteKeyError::Base64)?;
        let (kind, key) = bytes.split_first().ok_or(NoteKeyError::Base64)?;
        let kind = match kind {
            0x01 => KeyKind::Ed25519,
            0x04 => KeyKind::Cosignature,
            other => return Err(NoteKeyError::Kind(*other)),
        };
        let key = Self::new(name, kind, PublicKey::from_bytes(key)?);
        // CP-3.
        if key.id != found {
            return Err(NoteKeyError::WrongId {
                found,
                expected: key.id,
            });
        }
        Ok(key)
    }

    /// The text that [`Self::parse`] reads.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(33);
        bytes.push(self.kind.byte());
        bytes.extend_from_slice(self.key.as_bytes());
        alloc::format!("{}+{}+{}", self.name, self.id, BASE64.encode(&bytes))
    }

    /// The name it signs under; for a log, the origin.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// The first bytes of each of its signature lines.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The line this key puts under a note. `signature`: for a log, the 64 bytes of Ed25519 over the text; for
    /// a witness, use [`super::cosignature::line`].
    #[must_use]
    pub fn line(&self, signature: &[u8; 64]) -> SignatureLine {
        SignatureLine {
            name: self.name.clone(),
            id: self.id,
            signature: signature.to_vec(),
        }
    }

    /// What it is called in messages.
    #[must_use]
    pub fn label(&self) -> KeyLabel {
        KeyLabel {
            name: self.name.clone(),
            id: self.id,
        }
    }

    /// Name and id are those of the line: the key is meant, whether or not the signature holds.
    #[must_use]
    pub fn is_named_in(&self, line: &SignatureLine) -> bool {
        self.id == line.id && self.name == line.name
    }
}

impl SignatureLine {
    /// Takes a line as it is; `None` if there is no signature byte. A claim, until checked.
    #[must_use]
    pub fn new(name: KeyName, id: KeyId, signature: Vec<u8>) -> Option<Self> {
        (!signature.is_empty()).then_some(Self {
            name,
            id,
            signature,
        })
    }

    /// Reads `— <name> <base64>` without the newline, as a witness answers.
    ///
    /// # Errors
    /// [`NoteError`] about line 1.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        parse_line(text, 1)
    }

    /// The name of the key that is said to have signed.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key that is said to have signed.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// What the key is called in messages.
    #[must_use]
    pub fn label(&self) -> KeyLabel {
        KeyLabel {
            name: self.name.clone(),
            id: self.id,
        }
    }

    /// The bytes after the key id. At least one.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl Note {
    /// Puts lines under a text and reads the result as a stranger would.
    ///
    /// # Errors
    /// [`NoteError`], if the parts do not make a note.
    pub fn new(text: &str, lines: &[SignatureLine]) -> Result<Self, NoteError> {
        let note = encode(text, lines);
        let parsed = Self::parse(note.as_bytes())?;
        // A text without its last newline, and with a line in it that looks like a signature, reads back shorter.
        if parsed.text != text {
            return Err(NoteError::NoBlankLine);
        }
        Ok(parsed)
    }

    /// Reads a note: parts only, no signature is checked.
    ///
    /// # Errors
    /// [`NoteError`], in the order of its variants.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        // CP-7.
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { found: bytes.len() });
        }
        let note = core::str::from_utf8(bytes).map_err(|_| NoteError::Characters)?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Characters);
        }
        // The text keeps its newline, the blank line goes: the last one, for the text may hold others.
        let at = note.rfind("\n\n").ok_or(NoteError::NoBlankLine)?;
        let (text, rest) = note
            .split_at_checked(at.saturating_add(1))
            .ok_or(NoteError::NoBlankLine)?;
        if text == "\n" {
            return Err(NoteError::NoText);
        }
        let signatures = rest.strip_prefix('\n').ok_or(NoteError::NoBlankLine)?;
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let mut lines: Vec<SignatureLine> = Vec::new();
        for (number, line) in (1..).zip(signatures.split_inclusive('\n')) {
            if number > NOTE_SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            let line = line
                .strip_suffix('\n')
                .ok_or(NoteError::Line { line: number })?;
            let line = parse_line(line, number)?;
            // CP-8.
            if lines.iter().any(|l| l.id == line.id && l.name == line.name) {
                return Err(NoteError::Repeated {
                    line: number,
                    key: line.label(),
                });
            }
            lines.push(line);
        }
        Ok(Self {
            text: text.to_string(),
            lines,
        })
    }

    /// The bytes that [`Self::parse`] reads, as text.
    #[must_use]
    pub fn encode(&self) -> String {
        encode(&self.text, &self.lines)
    }

    /// What a key of type 0x01 signs: everything above the blank line, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in order.
    #[must_use]
    pub fn lines(&self) -> &[SignatureLine] {
        &self.lines
    }

    /// The line of a key, by name and id.
    #[must_use]
    pub fn line_of(&self, key: &NoteKey) -> Option<&SignatureLine> {
        self.lines.iter().find(|line| key.is_named_in(line))
    }

    /// The lines that none of these keys is named in. In logs read over HTTP they are ignored, as C2SP asks;
    /// in a Passport or case file they are refused as `unknown-signature` (**CP-14**).
    pub fn lines_unknown_to<'a>(
        &'a self,
        keys: &'a [NoteKey],
    ) -> impl Iterator<Item = &'a SignatureLine> {
        self.lines
            .iter()
            .filter(|line| !keys.iter().any(|key| key.is_named_in(line)))
    }
}

fn encode(text: &str, lines: &[SignatureLine]) -> String {
    let mut note = String::from(text);
    note.push('\n');
    for line in lines {
        note.push_str(&line.to_string());
        note.push('\n');
    }
    note
}

fn parse_line(text: &str, line: usize) -> Result<SignatureLine, NoteError> {
    let (name, signature) = text
        .strip_prefix(LINE_START)
        .and_then(|rest| rest.split_once(' '))
        .ok_or(NoteError::Line { line })?;
    let name = KeyName::parse(name).map_err(|source| NoteError::LineName { line, source })?;
    // CP-6.
    let bytes = base64::decode(signature).ok_or(NoteError::LineSignature { line })?;
    let (id, signature) = bytes
        .split_first_chunk()
        .filter(|(_, signature)| !signature.is_empty())
        .ok_or(NoteError::LineSignature { line })?;
    Ok(SignatureLine {
        name,
        id: KeyId(*id),
        signature: signature.to_vec(),
    })
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.name, self.id)
    }
}

/// The verifier key, as in [`NoteKey::encode`].
impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encode())
    }
}

/// `— <name> <base64>` without the newline.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.0.to_vec();
        bytes.extend_from_slice(&self.signature);
        write!(f, "{LINE_START}{} {}", self.name, BASE64.encode(&bytes))
    }
}

#[cfg(test)]
#[path = "note_tests.rs"]
mod tests;
