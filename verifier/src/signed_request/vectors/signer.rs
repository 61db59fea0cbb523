//! A naive signer: joins strings as RFC 9421 §2.5 shows and signs whatever comes out.

use std::{string::String, vec, vec::Vec};

use alloc::{borrow::ToOwned as _, format, string::ToString as _};
use data_encoding::BASE64;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};

use super::super::Profile;
use crate::{digest, key::PublicKey};

pub(super) const NOW_S: u64 = 1_795_320_010;
pub(super) const BODY: &str = r#"{"request_id":"r-1","agent":"ap-bot"}"#;

pub(in super::super) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(in super::super) fn public_key(seed: u8) -> PublicKey {
    PublicKey::from_bytes(signing_key(seed).verifying_key().as_bytes()).unwrap()
}

pub(super) fn digest_header(body: &str) -> String {
    let digest = digest::rfc9530_content(body.as_bytes());
    format!("sha-256=:{}:", BASE64.encode(&digest))
}

/// A message before it is signed; every field is what will be sent.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) profile: Profile,
    pub(super) now_ms: u64,
    /// Component name and value, in the order signed.
    pub(super) lines: Vec<(String, String)>,
    /// What is sent beside or instead of the lines; `None` sends the lines.
    pub(super) sent: Vec<(&'static str, Option<String>)>,
    pub(super) label: String,
    /// Name and serialised value, in order.
    pub(super) parameters: Vec<(String, String)>,
    /// Appended to `Signature-Input`, not signed.
    pub(super) input_suffix: String,
    pub(super) signature_suffix: String,
    pub(super) seed: u8,
    pub(super) body: String,
}

impl Raw {
    pub(super) fn valid(profile: Profile) -> Self {
        let mut lines = vec![
            (
                "@method",
                if profile == Profile::Read {
                    "GET"
                } else {
                    "POST"
                }
                .to_owned(),
            ),
            ("@authority", "authority.example.com".into()),
            (
                "@request-target",
                match profile {
                    Profile::Action => "/v1/actions",
                    Profile::Read => "/v1/cases/0f1e2d3c?wait=20",
                    Profile::Enrol => "/v1/enrolments",
                    Profile::Founder => "/v1/policies",
                    Profile::Exec => "/payments",
                }
                .into(),
            ),
        ];
        if profile != Profile::Read {
            lines.push(("content-type", "application/json".into()));
            lines.push(("content-digest", digest_header(BODY)));
        }
        if profile == Profile::Exec {
            lines.push(("agentsigna-passport", "0oRDoQEnoEBYIA".into()));
        }
        let mut parameters = vec![
            ("created", (NOW_S - 10).to_string()),
            ("expires", (NOW_S + 50).to_string()),
        ];
        if profile != Profile::Exec {
            parameters.push(("nonce", "\"q83vEjRWeJCrze8SNFZ4kA\"".into()));
        }
        let keyid = public_key(0x61).jwk_thumbprint().to_base64url();
        parameters.push(("keyid", format!("\"{keyid}\"")));
        parameters.push(("alg", "\"ed25519\"".into()));
        parameters.push(("tag", format!("\"{}\"", profile.tag())));
        let owned = |list: Vec<(&str, String)>| -> Vec<(String, String)> {
            list.into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect()
        };
        Self {
            profile,
            now_ms: NOW_S * 1000,
            lines: owned(lines),
            sent: vec![],
            label: "as1".into(),
            parameters: owned(parameters),
            input_suffix: String::new(),
            signature_suffix: String::new(),
            seed: 0x61,
            body: if profile == Profile::Read { "" } else { BODY }.into(),
        }
    }

    /// Changes a component before it is signed.
    pub(super) fn line(mut self, name: &str, value: &str) -> Self {
        let line = self.lines.iter_mut().find(|line| line.0 == name).unwrap();
        line.1 = value.into();
        self
    }

    pub(super) fn parameter(mut self, name: &str, value: &str) -> Self {
        let found = self.parameters.iter_mut().find(|p| p.0 == name).unwrap();
        found.1 = value.into();
        self
    }

    pub(super) fn without_parameter(mut self, name: &str) -> Self {
        self.parameters.retain(|parameter| parameter.0 != name);
        self
    }

    pub(super) fn without_line(mut self, name: &str) -> Self {
        self.lines.retain(|line| line.0 != name);
        self
    }

    /// Sends another value than the one signed; `None` sends nothing.
    pub(super) fn send(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.sent.push((name, value.map(Into::into)));
        self
    }

    pub(super) fn edit(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    pub(super) fn parameters_text(&self) -> String {
        let names: Vec<_> = self
            .lines
            .iter()
            .map(|line| format!("\"{}\"", line.0))
            .collect();
        let mut text = format!("({})", names.join(" "));
        for (name, value) in &self.parameters {
            text += &format!(";{name}={value}");
        }
        text
    }

    pub(super) fn base(&self) -> String {
        let mut base = String::new();
        for (name, value) in &self.lines {
            base += &format!("\"{name}\": {value}\n");
        }
        base + "\"@signature-params\": " + &self.parameters_text()
    }

    pub(super) fn signature(&self) -> [u8; 64] {
        signing_key(self.seed)
            .sign(self.base().as_bytes())
            .to_bytes()
    }

    /// The value of a component or header as it is sent.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        if let Some((_, value)) = self.sent.iter().find(|sent| sent.0 == name) {
            return value.clone();
        }
        match name {
            "signature-input" => Some(format!(
                "{}={}{}",
                self.label,
                self.parameters_text(),
                self.input_suffix
            )),
            "signature" => Some(format!(
                "{}=:{}:{}",
                self.label,
                BASE64.encode(&self.signature()),
                self.signature_suffix
            )),
            _ => self
                .lines
                .iter()
                .find(|line| line.0 == name)
                .map(|line| line.1.clone()),
        }
    }

    pub(super) fn file(&self, description: &str, code: Option<&str>) -> Value {
        let expect = match code {
            Some(code) => json!({ "code": code }),
            None => json!({ "base": self.base() }),
        };
        json!({
            "description": description,
            "profile": self.profile.tag(),
            "now_ms": self.now_ms,
            "key": public_key(0x61).to_base64url(),
            "message": {
                "method": self.value("@method"),
                "authority": self.value("@authority"),
                "target": self.value("@request-target"),
                "content_type": self.value("content-type"),
                "content_digest": self.value("content-digest"),
                "passport": self.value("agentsigna-passport"),
                "signature_input": self.value("signature-input"),
                "signature": self.value("signature"),
            },
            "body": self.body,
            "expect": expect,
        })
    }

    pub(super) fn evidence(&self, base: &str, description: &str, code: Option<&str>) -> Value {
        json!({
            "description": description,
            "profile": self.profile.tag(),
            "authority": "authority.example.com",
            "key": public_key(0x61).to_base64url(),
            "base": base,
            "signature": BASE64.encode(&signing_key(self.seed).sign(base.as_bytes()).to_bytes()),
            "body": self.body,
            "expect": match code { Some(code) => json!({ "code": code }), None => json!({ "valid": true }) },
        })
    }
}
