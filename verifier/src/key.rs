//! Ed25519 public keys and the three names they go by.
//!
//! | Name | Bytes | Used in |
//! |---|---|---|
//! | JWK thumbprint (RFC 7638) | `SHA-256({"crv":"Ed25519","kty":"OKP","x":"<base64url>"})` | HTTP `keyid` |
//! | COSE Key thumbprint (RFC 9679) | `SHA-256(cbor {1: 1, -1: 6, -2: x})` | COSE `kid` |
//! | note key id (C2SP signed-note) | 4 bytes, see [`crate::digest::note_key_id`] | checkpoints |
//!
//! A public key is refused here once and for all if it has small order (anybody could sign for it) or was
//! published with its private half in a standard.

use alloc::{format, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::digest;

/// An Ed25519 public key (RFC 8032) of large order. 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey(VerifyingKey);

/// RFC 7638 SHA-256 thumbprint of a key; the `keyid` of signed requests. Shown as base64url, 43 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JwkThumbprint([u8; 32]);

/// RFC 9679 SHA-256 thumbprint of a key; the `kid` of COSE messages. 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CoseThumbprint([u8; 32]);

/// Why 32 bytes are not a key that can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not 32 bytes, or not a point of the curve.
    #[error("not an Ed25519 public key: expected 32 bytes that name a point of the curve")]
    Malformed,
    /// One of the eight points of small order: a signature for it can be made without a private key.
    #[error(
        "key of small order: anybody could sign for it; make one with `agentsigna-verify keygen`"
    )]
    SmallOrder,
    /// Printed with its private half in a standard.
    #[error(
        "published test key: its private half is in a standard; make one with `agentsigna-verify keygen`"
    )]
    Published,
}

/// DG-3: keys whose private halves are printed in standards.
const PUBLISHED: [&str; 9] = [
    // RFC 8032 §7.1: TEST 1 (also RFC 8037 appendix A), 2, 3, 1024, SHA(abc) (also §7.3).
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
    "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU",
    "J4EX_BRMcjQPZ9DyMW6Dhs7_vyskKMnFH-98WX8dQm4",
    "7Bcrk61eVjv0kyxw4SRQNMNUZ-8u_U1k6_gZaDRn4r8",
    // RFC 8032 §7.2: foo, bar and foo2; foo3.
    "38lCXk-Wj38MKfAlnPX5rtaFHCu0rYv7hgz-4KskgpI",
    "Dx0SdJQ7kUFYiRUuiT2A6TJ1ofwLZf1xtLDdoQrX13I",
    // RFC 8410 §10.3.
    "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE",
    // RFC 9421 appendix B.1.4.
    "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
];

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032 §5.1.5 (DG-3).
    ///
    /// # Errors
    /// [`BadKey`], in the order of its variants.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadKey> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| BadKey::Malformed)?;
        // RFC 8032 §5.1.3, step 1, which the library below leaves out: one point, one encoding.
        if !is_reduced(bytes) {
            return Err(BadKey::Malformed);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadKey::Malformed)?;
        if key.is_weak() {
            return Err(BadKey::SmallOrder);
        }
        if PUBLISHED.contains(&BASE64URL_NOPAD.encode(bytes).as_str()) {
            return Err(BadKey::Published);
        }
        Ok(Self(key))
    }

    /// Reads 43 base64url characters (the `x` of RFC 8037).
    ///
    /// # Errors
    /// [`BadKey`], in the order of its variants.
    pub fn from_base64url(text: &str) -> Result<Self, BadKey> {
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| BadKey::Malformed)?;
        Self::from_bytes(&bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// 43 base64url characters.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        BASE64URL_NOPAD.encode(self.as_bytes())
    }

    /// RFC 8032 §5.1.7, cofactorless and strict: small-order points and non-canonical scalars are refused.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else {
            return false;
        };
        self.0.verify_strict(message, &signature).is_ok()
    }

    /// The name of this key in signed requests.
    #[must_use]
    pub fn jwk_thumbprint(&self) -> JwkThumbprint {
        let jwk = format!(
            r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
            self.to_base64url()
        );
        JwkThumbprint(digest::key_thumbprint(jwk.as_bytes()))
    }

    /// The name of this key in COSE messages.
    #[must_use]
    pub fn cose_thumbprint(&self) -> CoseThumbprint {
        CoseThumbprint(digest::key_thumbprint(&self.to_cose_key()))
    }

    /// `{1: 1 (OKP), -1: 6 (Ed25519), -2: x}` in deterministic CBOR, 42 bytes (RFC 9053 §7.2).
    #[must_use]
    pub fn to_cose_key(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(42);
        bytes.extend_from_slice(&[0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20]);
        bytes.extend_from_slice(self.as_bytes());
        bytes
    }
}

impl JwkThumbprint {
    /// Takes 32 bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 43 base64url characters.
    #[must_use]
    pub fn from_base64url(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 43 base64url characters.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl CoseThumbprint {
    /// Takes 32 bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Whether the y-coordinate in a public key is below 2^255 − 19. The highest bit is the sign of x.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = bytes;
    *lowest < 0xed || highest & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the page that list a key.
    fn listed() -> impl Iterator<Item = &'static str> {
        let lines = include_str!("../../spec/digests.md").lines();
        lines.filter(|line| line.find("` | RFC ") == Some("| `".len() + 43))
    }

    /// The private halves, as the standards print them, in the order of [`PUBLISHED`].
    const PRINTED: [&str; PUBLISHED.len()] = [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
        "ab9c2853ce297ddab85c993b3ae14bcad39b2c682beabc27d6d4eb20711d6560",
        "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842",
        "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5",
    ];

    #[test]
    fn rfc_8037_thumbprint_is_reproduced() {
        // RFC 8037 appendix A.3 gives the thumbprint of the key of appendix A.2, which we refuse to trust.
        let jwk =
            br#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(
            BASE64URL_NOPAD.encode(&digest::key_thumbprint(jwk)),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn dg_3_keys_nobody_should_trust_are_refused() {
        for (published, printed) in PUBLISHED.iter().zip(PRINTED) {
            assert_eq!(PublicKey::from_base64url(published), Err(BadKey::Published));
            assert!(listed().any(|line| line.contains(published)));
            // The list is right: each follows from the private half in the standard.
            let seed = data_encoding::HEXLOWER.decode(printed.as_bytes()).unwrap();
            let key = ed25519_dalek::SigningKey::from_bytes(&seed.try_into().unwrap());
            assert_eq!(
                BASE64URL_NOPAD.encode(key.verifying_key().as_bytes()),
                *published
            );
        }
        assert_eq!(listed().count(), PUBLISHED.len());
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(BadKey::SmallOrder));
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(BadKey::SmallOrder));
        assert_eq!(PublicKey::from_bytes(&[7; 31]), Err(BadKey::Malformed));
        assert_eq!(PublicKey::from_bytes(&[7; 33]), Err(BadKey::Malformed));
    }

    /// Goal: no key has two names. Method: every number from 2^255 − 19 on, each the second encoding of a small
    /// number, with both signs; and the numbers next to them.
    #[test]
    fn a_key_has_one_encoding() {
        let mut points = 0;
        for low in 0..=u8::MAX {
            for high in [0x7f, 0xff] {
                let mut bytes = [0xff; 32];
                bytes[0] = low;
                bytes[31] = high;
                let found = PublicKey::from_bytes(&bytes);
                if low >= 0xed {
                    assert_eq!(found, Err(BadKey::Malformed), "{low:#x} {high:#x}");
                } else {
                    points += usize::from(found.is_ok());
                }
                // One bit less above, and the number is small enough.
                bytes[30] = 0x7f;
                points += usize::from(PublicKey::from_bytes(&bytes).is_ok());
            }
        }
        assert!(points > 300, "{points}");
    }
}
