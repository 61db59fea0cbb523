//! The digest registry: the only file that calls SHA-256 (`spec/digests.md`, DG-2).
//!
//! Every digest of ours is `SHA-256("agentsigna/<noun>/v<n>\n" || bytes)`, so that bytes of one kind can
//! never stand for bytes of another. Digests that a standard prescribes (Merkle tree, key identifiers,
//! Content-Digest) have a function of their own here, named after the standard.

use core::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// What a digest of ours is taken over. One line of `spec/digests.md` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// The bytes of an event (`spec/entry.md`).
    Event,
    /// A content-addressed blob: a policy bundle, a review sheet.
    Blob,
    /// The first 16 bytes name a case: `cbor [origin, agent, request_id]`.
    Case,
    /// The canonical action (`spec/event.md`).
    Action,
    /// The recorded inputs of a decision.
    Snapshot,
    /// A one-time enrolment code, as the ledger and the server keep it.
    Code,
    /// A challenge: the context in which a passkey is registered (`spec/passkeys.md`, WA-15).
    Passkey,
    /// A challenge: the context of a sign-in.
    SignIn,
    /// A challenge: the context of an administrative act.
    Act,
    /// A challenge: the context of an approval or a refusal.
    Approval,
    /// The secret record of a password; only the host has its bytes (`spec/storage.md`).
    Secret,
}

impl Noun {
    /// Every noun, in the order of `spec/digests.md`.
    pub const ALL: [Self; 11] = [
        Self::Event,
        Self::Blob,
        Self::Case,
        Self::Action,
        Self::Snapshot,
        Self::Code,
        Self::Passkey,
        Self::SignIn,
        Self::Act,
        Self::Approval,
        Self::Secret,
    ];

    /// The bytes hashed before the content. DG-1: none is the beginning of another.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Event => "agentsigna/event/v1\n",
            Self::Blob => "agentsigna/blob/v1\n",
            Self::Case => "agentsigna/case/v1\n",
            Self::Action => "agentsigna/action/v1\n",
            Self::Snapshot => "agentsigna/snapshot/v1\n",
            Self::Code => "agentsigna/code/v1\n",
            Self::Passkey => "agentsigna/passkey/v1\n",
            Self::SignIn => "agentsigna/sign-in/v1\n",
            Self::Act => "agentsigna/act/v1\n",
            Self::Approval => "agentsigna/approval/v1\n",
            Self::Secret => "agentsigna/secret/v1\n",
        }
    }
}

/// 32 bytes of SHA-256. Shown as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// `SHA-256(noun.prefix() || bytes)`.
    #[must_use]
    pub fn of(noun: Noun, bytes: &[u8]) -> Self {
        Self(sha256(&[noun.prefix().as_bytes(), bytes]))
    }

    /// Takes 32 bytes as they are: a claim, until compared with a digest that was computed.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 lower-case hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(&self) -> alloc::string::String {
        HEXLOWER.encode(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// RFC 6962 §2.1: `SHA-256("")`, the root of a tree of size 0.
#[must_use]
pub fn rfc6962_empty() -> [u8; 32] {
    sha256(&[])
}

/// RFC 6962 §2.1: `SHA-256(0x00 || entry)`.
#[must_use]
pub fn rfc6962_leaf(entry: &[u8]) -> [u8; 32] {
    sha256(&[&[0x00], entry])
}

/// RFC 6962 §2.1: `SHA-256(0x01 || left || right)`.
#[must_use]
pub fn rfc6962_node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[0x01], left, right])
}

/// C2SP signed-note: `SHA-256(name || 0x0A || type || key)[0..4]`.
#[must_use]
pub fn note_key_id(name: &str, kind: u8, key: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), b"\n", &[kind], key]);
    [a, b, c, d]
}

/// RFC 9530 `sha-256` of a message's content.
#[must_use]
pub fn rfc9530_content(body: &[u8]) -> [u8; 32] {
    sha256(&[body])
}

/// RFC 7638 (JWK) or RFC 9679 (COSE Key) thumbprint over the canonical form of a key.
#[must_use]
pub fn key_thumbprint(canonical: &[u8]) -> [u8; 32] {
    sha256(&[canonical])
}

/// WebAuthn §6.1: the RP ID in authenticator data, `SHA-256(rp_id)`.
#[must_use]
pub fn webauthn_rp_id(rp_id: &str) -> [u8; 32] {
    sha256(&[rp_id.as_bytes()])
}

/// WebAuthn §6.3.3: what ES256 signs, `SHA-256(authenticator data || SHA-256(client data))`.
#[must_use]
pub fn webauthn_signed(authenticator: &[u8], client: &[u8]) -> [u8; 32] {
    sha256(&[authenticator, &sha256(&[client])])
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests;
