//! A naive maker: joins bytes and text as WebAuthn shows and signs whatever comes out.

use std::{
    string::{String, ToString as _},
    vec::Vec,
};

use alloc::format;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::cbor::Value;

pub(super) const ORIGIN: &str = "https://approve.example.com";
pub(super) const RP_ID: &str = "approve.example.com";
pub(super) const LOG: &str = "log.example.com/t/0011223344556677";
pub(super) const NOW_MS: u64 = 1_795_320_000_000;

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

pub(super) fn challenge(purpose: &str, context: &[u8]) -> Vec<u8> {
    sha256(&[format!("agentsigna/{purpose}/v1\n").as_bytes(), context].concat())
}

/// Keys of one byte repeated: for tests only.
pub(super) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub(super) fn public_key(seed: u8) -> Vec<u8> {
    let point = signing_key(seed).verifying_key().to_sec1_point(true);
    point.as_bytes().to_vec()
}

/// x and y.
pub(super) fn coordinates(seed: u8) -> (Vec<u8>, Vec<u8>) {
    let point = signing_key(seed).verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    (x.to_vec(), y.to_vec())
}

pub(super) fn cose_key(x: &[u8], y: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
    bytes.extend(x);
    bytes.extend([0x22, 0x58, 32]);
    bytes.extend(y);
    bytes
}

/// `valid.json`'s context, a member put in place of another.
pub(super) fn approval_with(name: &str, value: Value) -> Vec<u8> {
    let mut members = approval_members();
    members.retain(|(found, _)| *found != name);
    members.push((name.to_string(), value));
    Value::map(
        members
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    )
    .encode()
}

pub(super) fn approval() -> Vec<u8> {
    approval_with("round", Value::Uint(1))
}

fn approval_members() -> Vec<(String, Value)> {
    let digest = |text: &str| Value::bytes(&sha256(text.as_bytes()));
    let case: Vec<u8> = (0x10..0x20).collect();
    [
        ("origin", Value::from(LOG)),
        ("case", Value::bytes(&case)),
        ("round", Value::Uint(1)),
        ("decision", Value::from("approve")),
        ("reason", Value::from("as agreed on the phone")),
        ("request", digest("event action.requested")),
        ("bundle", digest("bundle")),
        (
            "rules",
            Value::array([Value::from("builtin.latitude"), Value::from("esc.amount")]),
        ),
        ("sheet", digest("sheet")),
        ("review", digest("event review.opened")),
        ("approver", Value::from("cfo-1")),
        ("for", Value::Null),
        ("credential", Value::bytes(&credential())),
        ("audience", Value::from(format!("{LOG}#erp").as_str())),
        ("nonce", digest("nonce")),
        ("issued_at", Value::Uint(NOW_MS)),
        ("expires_at", Value::Uint(NOW_MS + 300_000)),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into()
}

pub(super) fn registration_context() -> Vec<u8> {
    Value::map([
        ("origin", Value::from(LOG)),
        ("user", Value::from("cfo-1")),
        ("use", Value::from("approval")),
        ("nonce", Value::bytes(&sha256(b"nonce"))),
        ("expires_at", Value::Uint(NOW_MS + 300_000)),
    ])
    .encode()
}

pub(super) fn credential() -> Vec<u8> {
    sha256(b"credential")[..16].to_vec()
}

/// What a browser and a device say, before it is signed: every field is what will be said.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) site: String,
    pub(super) credential: Vec<u8>,
    pub(super) rp_id_hash: Vec<u8>,
    pub(super) flags: u8,
    pub(super) counter: u32,
    /// What follows the counter.
    pub(super) after: Vec<u8>,
    /// Name and value as JSON, in order.
    pub(super) members: Vec<(String, String)>,
    /// Where the client data are not what the members give.
    pub(super) client: Option<String>,
    pub(super) seed: u8,
}

impl Raw {
    pub(super) fn assertion() -> Self {
        Self::with("webauthn.get", &challenge("approval", &approval()), 0x05, 1)
    }

    pub(super) fn registration() -> Self {
        let challenge = challenge("passkey", &registration_context());
        let (x, y) = coordinates(0x50);
        Self::with("webauthn.create", &challenge, 0x45, 0)
            .attested(&credential(), &cose_key(&x, &y))
    }

    fn with(kind: &str, challenge: &[u8], flags: u8, counter: u32) -> Self {
        let member = |name: &str, value: &str| (name.to_string(), format!("\"{value}\""));
        Self {
            site: ORIGIN.into(),
            credential: credential(),
            rp_id_hash: sha256(RP_ID.as_bytes()),
            flags,
            counter,
            after: Vec::new(),
            members: [
                member("type", kind),
                member("challenge", &BASE64URL_NOPAD.encode(challenge)),
                member("origin", ORIGIN),
                ("crossOrigin".into(), "false".into()),
            ]
            .into(),
            client: None,
            seed: 0x50,
        }
    }

    /// AAGUID, credential id and key after the counter.
    pub(super) fn attested(mut self, id: &[u8], key: &[u8]) -> Self {
        self.after = sha256(b"aaguid")[..16].to_vec();
        self.after
            .extend(u16::try_from(id.len()).unwrap().to_be_bytes());
        self.after.extend(id);
        self.after.extend(key);
        self
    }

    /// Changes, adds or (`None`) takes out a member of the client data.
    pub(super) fn member(mut self, name: &str, value: Option<&str>) -> Self {
        match (self.members.iter_mut().find(|found| found.0 == name), value) {
            (Some(found), Some(value)) => found.1 = value.into(),
            (None, Some(value)) => self.members.push((name.into(), value.into())),
            (_, None) => self.members.retain(|found| found.0 != name),
        }
        self
    }

    pub(super) fn edit(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    pub(super) fn client(&self) -> String {
        if let Some(client) = &self.client {
            return client.clone();
        }
        let members: Vec<_> = self
            .members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    pub(super) fn authenticator(&self) -> Vec<u8> {
        let mut bytes = self.rp_id_hash.clone();
        bytes.push(self.flags);
        bytes.extend(self.counter.to_be_bytes());
        bytes.extend(&self.after);
        bytes
    }

    /// The two integers, before DER.
    pub(super) fn signed(&self) -> Signature {
        let message = [self.authenticator(), sha256(self.client().as_bytes())].concat();
        signing_key(self.seed).sign(&message)
    }

    pub(super) fn signature(&self) -> Vec<u8> {
        der(&self.signed())
    }

    pub(super) fn assertion_file(
        &self,
        description: &str,
        signature: &[u8],
        expect: &Json,
    ) -> Json {
        json!({
            "description": description,
            "site": self.site,
            "purpose": "approval",
            "context": HEXLOWER.encode(&approval()),
            "challenge": HEXLOWER.encode(&challenge("approval", &approval())),
            "key": HEXLOWER.encode(&public_key(0x50)),
            "assertion": {
                "credential": HEXLOWER.encode(&self.credential),
                "authenticator": HEXLOWER.encode(&self.authenticator()),
                "client": self.client(),
                "signature": HEXLOWER.encode(signature),
            },
            "expect": expect,
        })
    }

    pub(super) fn registration_file(&self, description: &str, expect: &Json) -> Json {
        let context = registration_context();
        json!({
            "description": description,
            "site": self.site,
            "purpose": "passkey",
            "context": HEXLOWER.encode(&context),
            "challenge": HEXLOWER.encode(&challenge("passkey", &context)),
            "registration": {
                "authenticator": HEXLOWER.encode(&self.authenticator()),
                "client": self.client(),
            },
            "expect": expect,
        })
    }
}

/// An INTEGER from big-endian bytes: no zero in front but the one that keeps it positive.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(31);
    let mut content = bytes[first..].to_vec();
    if content[0] & 0x80 != 0 {
        content.insert(0, 0);
    }
    tagged(2, &content)
}

pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    [&[tag, length][..], content].concat()
}

pub(super) fn der(signature: &Signature) -> Vec<u8> {
    let bytes = signature.to_bytes();
    let (r, s) = bytes.split_at(32);
    tagged(0x30, &[integer(r), integer(s)].concat())
}
