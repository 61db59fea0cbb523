//! An authenticator in memory, with the browser before it: material for tests, here and elsewhere.
//!
//! Its private key and credential id are hashes of a small seed and its signatures have the nonces of RFC 6979:
//! the same calls give the same bytes. Never part of a program that is shipped: anybody can make its keys.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "test material: a fault in it must stop the test that uses it"
)]

use alloc::{format, string::String, vec::Vec};

use data_encoding::BASE64URL_NOPAD;
use p256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner as _};

use super::{Assertion, CredentialId, PasskeyKey, Registration, Site};
use crate::digest::{self, Digest};

/// UP, UV: somebody touched it, and it checked who.
pub const PRESENT_AND_VERIFIED: u8 = 0x05;
/// AT: a new credential follows.
const ATTESTED: u8 = 0x40;

/// One credential, and how often it signed.
#[derive(Debug, Clone)]
pub struct Authenticator {
    key: SigningKey,
    credential: Vec<u8>,
    flags: u8,
    counter: u32,
}

impl Authenticator {
    /// The credential of this seed: in one device, with an id of 16 bytes. Its counter begins at 0.
    pub fn new(seed: u8) -> Self {
        let derive = |what: &str| digest::rfc9530_content(format!("{what} {seed}").as_bytes());
        let credential = derive("passkey credential");
        Self {
            key: SigningKey::from_slice(&derive("passkey key")).unwrap(),
            credential: credential.iter().copied().take(16).collect(),
            flags: PRESENT_AND_VERIFIED,
            counter: 0,
        }
    }

    /// The same, but with these flags (without AT) in whatever it says from now on.
    #[must_use]
    pub fn with_flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// The same, but with another credential id.
    #[must_use]
    pub fn with_credential(mut self, id: &[u8]) -> Self {
        self.credential = id.to_vec();
        self
    }

    /// Its credential id.
    pub fn credential(&self) -> CredentialId {
        CredentialId::new(self.credential.clone()).unwrap()
    }

    /// Its public key.
    pub fn key(&self) -> PasskeyKey {
        let point = self.key.verifying_key().to_sec1_point(true);
        PasskeyKey::from_bytes(point.as_bytes()).unwrap()
    }

    /// What `navigator.credentials.create()` gives at this site.
    pub fn register(&self, site: &Site, challenge: Digest) -> Registration {
        let client = client_data("webauthn.create", challenge, site.origin());
        Registration::new(self.registered(site.rp_id()), client.as_bytes()).unwrap()
    }

    /// What `navigator.credentials.get()` gives at this site. The counter goes up.
    pub fn assert(&mut self, site: &Site, challenge: Digest) -> Assertion {
        self.counter += 1;
        let authenticator = head(site.rp_id(), self.flags, self.counter);
        let client = client_data("webauthn.get", challenge, site.origin());
        let signature = self.sign(&authenticator, client.as_bytes());
        Assertion::new(
            self.credential.clone(),
            &authenticator,
            client.as_bytes(),
            &signature,
        )
        .unwrap()
    }

    /// Authenticator data of a registration, WebAuthn §6.5.1.
    pub fn registered(&self, rp_id: &str) -> Vec<u8> {
        let mut bytes = head(rp_id, self.flags | ATTESTED, self.counter);
        bytes.extend([0; 16]);
        bytes.extend(u16::try_from(self.credential.len()).unwrap().to_be_bytes());
        bytes.extend(&self.credential);
        bytes.extend(self.cose_key());
        bytes
    }

    /// `{1: 2, 3: -7, -1: 1, -2: x, -3: y}` in deterministic CBOR.
    pub fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        let mut bytes = Vec::from([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        bytes.extend(x);
        bytes.extend([0x22, 0x58, 32]);
        bytes.extend(y);
        bytes
    }

    /// Its signature, in DER, over any authenticator data and client data: for forgeries too.
    pub fn sign(&self, authenticator: &[u8], client: &[u8]) -> Vec<u8> {
        let digest = digest::webauthn_signed(authenticator, client);
        let signature: Signature = self.key.sign_prehash(&digest).unwrap();
        signature.to_der().as_bytes().to_vec()
    }
}

/// The 37 bytes of authenticator data, WebAuthn §6.1.
pub fn head(rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
    let mut bytes = Vec::from(digest::webauthn_rp_id(rp_id));
    bytes.push(flags);
    bytes.extend(counter.to_be_bytes());
    bytes
}

/// Client data as browsers write them.
pub fn client_data(kind: &str, challenge: Digest, origin: &str) -> String {
    let challenge = BASE64URL_NOPAD.encode(challenge.as_bytes());
    format!(
        r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
    )
}
