//! The Passport: a COSE_Sign1 with CWT claims that carries one permission (`spec/passport.md`).
//!
//! ```text
//! Passport  = 18([ protected: bstr, unprotected, payload: bstr, signature: bstr .size 64 ])
//! protected = { 1: -8, 4: kid, 16: "application/agentsigna-passport+cose" }
//! unprotected, as registered: {}
//! unprotected, as delivered:  { -70101: entry head, -70102: tlog-proof }
//! ```
//!
//! A forger who holds the seal key can seal any claims, but not put them into a log that others watch. One who
//! holds the log key can put anything into the log, but not seal it. This module only reads and writes; what
//! a Passport is worth is judged in [`crate::verify`].

mod approvals;
mod claims;

use alloc::{boxed::Box, string::ToString as _, vec, vec::Vec};

pub use approvals::{Approvals, Approver, Subject};
pub use claims::{Audience, Claims, Grounds, Path};

use crate::{
    cbor::{CborError, Value},
    entry::{EntryError, EntryHead},
    key::{CoseThumbprint, PublicKey},
    limits,
};

/// The content type in the protected header (COSE label 16, `typ`).
pub const TYPE: &str = "application/agentsigna-passport+cose";

const TAG_SIGN1: u64 = 18;
const ALG: i64 = 1;
const KID: i64 = 4;
const TYP: i64 = 16;
const EDDSA: i64 = -8;
/// Unprotected label of the entry head.
const ENTRY_HEAD: i64 = -70101;
/// Unprotected label of the tlog-proof.
const TLOG_PROOF: i64 = -70102;
const WHAT: &str = "Passport";

/// Claims that a permit stands behind, ready for the seal key.
///
/// A Passport takes a permit (L14, PA-1):
///
/// ```
/// # #[cfg(feature = "rules")] {
/// use agentsigna_verifier::{key::PublicKey, passport::{Grounds, Unsealed}, rules::Permit, snapshot::Snapshot};
///
/// fn seal(permit: Permit, decided_on: &Snapshot, grounds: Grounds, seal_key: &PublicKey) -> Option<Unsealed> {
///     Unsealed::new(permit, decided_on, grounds, seal_key)
/// }
/// # }
/// ```
///
/// Without one there is none, whatever else is at hand:
///
/// ```compile_fail
/// use agentsigna_verifier::{key::PublicKey, passport::{Grounds, Unsealed}, snapshot::Snapshot};
///
/// fn seal(decided_on: &Snapshot, grounds: Grounds, seal_key: &PublicKey) -> Option<Unsealed> {
///     Unsealed::new(decided_on, grounds, seal_key)
/// }
/// ```
///
/// ```compile_fail,E0451
/// use agentsigna_verifier::passport::Unsealed;
///
/// fn seal(protected: Vec<u8>, payload: Vec<u8>) -> Unsealed {
///     Unsealed { protected, payload }
/// }
/// ```
#[derive(Debug)]
pub struct Unsealed {
    protected: Vec<u8>,
    payload: Vec<u8>,
}

/// A Passport as read. Nothing about it is proven yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passport {
    protected: Vec<u8>,
    kid: CoseThumbprint,
    payload: Vec<u8>,
    claims: Claims,
    signature: [u8; 64],
    delivery: Option<Delivery>,
}

/// What a delivered Passport carries beside the sealed bytes: where in the log it stands, and the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// All of the entry but the Passport itself.
    pub head: EntryHead,
    /// A C2SP tlog-proof.
    pub proof: Vec<u8>,
}

/// Why bytes are not a Passport. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassportError {
    /// Not of the layout.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The entry head is not one.
    #[error("entry head of the Passport: {0}")]
    Head(#[source] EntryError),
    /// So long that head and proof may find no room beside it.
    #[error(
        "{found} sealed bytes, at most {} allowed beside entry head and proof",
        limits::PASSPORT_SEALED_BYTES_MAX
    )]
    NoRoom {
        /// Bytes of the Passport as registered.
        found: usize,
    },
}

impl Unsealed {
    /// Puts a permission into claims. The permit is used up: one decision, one Passport (PA-1). `snapshot` is
    /// the one decided on; `None` if the permit was given on another.
    #[must_use]
    #[cfg(feature = "rules")]
    pub fn new(
        permit: crate::rules::Permit,
        snapshot: &crate::snapshot::Snapshot,
        grounds: Grounds,
        seal_key: &PublicKey,
    ) -> Option<Self> {
        let claims = Claims::of(permit, snapshot, grounds)?;
        let protected = Value::map([
            (ALG, Value::from(EDDSA)),
            (KID, Value::bytes(seal_key.cose_thumbprint().as_bytes())),
            (TYP, Value::from(TYPE)),
        ]);
        Some(Self {
            protected: protected.encode(),
            payload: claims.to_value().encode(),
        })
    }

    /// The bytes to sign: `Sig_structure` of RFC 9052 §4.4, context `Signature1`, empty external data.
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        to_be_signed(&self.protected, &self.payload)
    }

    /// The Passport as registered in the log: tagged, with an empty unprotected header.
    #[must_use]
    pub fn seal(self, signature: [u8; 64]) -> Vec<u8> {
        encode(
            &self.protected,
            Value::Map(vec![]),
            &self.payload,
            &signature,
        )
    }
}

impl Passport {
    /// Reads a Passport, registered or delivered: closed at every level (PA-2).
    ///
    /// # Errors
    /// [`PassportError`], in the order of its variants.
    pub fn parse(bytes: &[u8]) -> Result<Self, PassportError> {
        let Value::Tag(TAG_SIGN1, item) = Value::decode(bytes, limits::PASSPORT_BYTES_MAX)? else {
            return Err(unexpected("tag", "18 (COSE_Sign1)").into());
        };
        let mut items = item.into_items(WHAT)?;
        let protected = items.bytes("protected")?;
        let unprotected = items.value("unprotected")?;
        let payload = items.bytes("payload")?;
        let signature = items.bytes_exact("signature")?;
        items.finish()?;

        let kid = read_protected(&protected)?;
        let claims = Claims::from_value(Value::decode(&payload, limits::PASSPORT_BYTES_MAX)?)?;
        // PA-5: nothing, as registered, or head and proof and no more, as delivered.
        let delivery = match unprotected {
            Value::Map(members) if members.is_empty() => None,
            other => Some(Delivery::from_value(other)?),
        };
        let passport = Self {
            protected,
            kid,
            payload,
            claims,
            signature,
            delivery,
        };
        // PA-7: head and proof must find room beside it.
        let found = passport.registered().len();
        if found > limits::PASSPORT_SEALED_BYTES_MAX {
            return Err(PassportError::NoRoom { found });
        }
        Ok(passport)
    }

    /// PA-4: the seal, checked with `verify_strict` over RFC 9052 §4.4. The key must also be the one named.
    #[must_use]
    pub fn is_sealed_by(&self, seal_key: &PublicKey) -> bool {
        self.kid == seal_key.cose_thumbprint()
            && seal_key.verifies(
                &to_be_signed(&self.protected, &self.payload),
                &self.signature,
            )
    }

    /// The bytes that were registered: the body of `passport.issued`.
    #[must_use]
    pub fn registered(&self) -> Vec<u8> {
        encode(
            &self.protected,
            Value::Map(vec![]),
            &self.payload,
            &self.signature,
        )
    }

    /// The bytes to hand out: with the place in the log and the proof.
    #[must_use]
    pub fn delivered(&self, delivery: &Delivery) -> Vec<u8> {
        encode(
            &self.protected,
            delivery.to_value(),
            &self.payload,
            &self.signature,
        )
    }

    /// Which key sealed it, as it says.
    #[must_use]
    pub const fn kid(&self) -> CoseThumbprint {
        self.kid
    }

    /// What it says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Place and proof, if it was delivered with them.
    #[must_use]
    pub const fn delivery(&self) -> Option<&Delivery> {
        self.delivery.as_ref()
    }
}

impl Delivery {
    fn to_value(&self) -> Value {
        Value::map([
            (ENTRY_HEAD, self.head.to_value()),
            (TLOG_PROOF, Value::bytes(&self.proof)),
        ])
    }

    fn from_value(value: Value) -> Result<Self, PassportError> {
        let mut fields = value.into_fields("unprotected header")?;
        let head = EntryHead::from_value(fields.numbered(ENTRY_HEAD, "entry head")?)
            .map_err(PassportError::Head)?;
        let Value::Bytes(proof) = fields.numbered(TLOG_PROOF, "tlog-proof")? else {
            return Err(unexpected("tlog-proof", "bytes").into());
        };
        fields.finish()?;
        Ok(Self { head, proof })
    }
}

fn read_protected(bytes: &[u8]) -> Result<CoseThumbprint, CborError> {
    let mut fields =
        Value::decode(bytes, limits::PASSPORT_BYTES_MAX)?.into_fields("protected header")?;
    // PA-3: one algorithm; a header that could choose another would be chosen by a forger.
    if fields.numbered(ALG, "alg")? != Value::from(EDDSA) {
        return Err(unexpected("alg", "-8 (EdDSA)"));
    }
    let kid = fields.numbered(KID, "kid")?.into_digest("kid")?;
    if fields.numbered(TYP, "typ")? != Value::from(TYPE) {
        return Err(unexpected("typ", "`application/agentsigna-passport+cose`"));
    }
    fields.finish()?;
    Ok(CoseThumbprint::from_bytes(*kid.as_bytes()))
}

fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    Value::array([
        Value::from("Signature1"),
        Value::bytes(protected),
        Value::bytes(&[]),
        Value::bytes(payload),
    ])
    .encode()
}

fn encode(protected: &[u8], unprotected: Value, payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    Value::Tag(
        TAG_SIGN1,
        Box::new(Value::array([
            Value::bytes(protected),
            unprotected,
            Value::bytes(payload),
            Value::bytes(signature),
        ])),
    )
    .encode()
}

const fn unexpected(field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what: WHAT,
        field,
        expected,
    }
}

impl PassportError {
    /// A word for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "malformed"
    }

    /// What was wrong, for people.
    #[must_use]
    pub fn explain(&self) -> alloc::string::String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests;
