//! What a signed request says, and the one signature base that says it.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    Profile, SignedRequestError as Error,
    grammar::{self, Parameters},
    profile::Component,
};
use crate::{
    digest,
    key::{JwkThumbprint, PublicKey},
    limits,
};

/// What the holder of the key `keyid` says. Only a claim until the signature is checked: [`super::Authentic`]
/// and [`super::Evidence::check`] hand out statements that were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    profile: Profile,
    method: String,
    authority: String,
    target: String,
    content: Option<SignedContent>,
    passport: Option<Vec<u8>>,
    parameters: Parameters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct SignedContent {
    kind: String,
    digest: [u8; 32],
}

/// The parts as text: from the headers of a message or from the lines of a base.
pub(super) struct Parts<'a> {
    pub(super) method: &'a str,
    pub(super) authority: &'a str,
    pub(super) target: &'a str,
    pub(super) content_type: Option<&'a str>,
    pub(super) content_digest: Option<&'a str>,
    pub(super) passport: Option<&'a str>,
    /// The value of `@signature-params`.
    pub(super) parameters: &'a str,
    /// Where it begins in the header.
    pub(super) offset: usize,
}

impl Parts<'_> {
    /// RQ-4. Step 1 of the verification: before anything is read.
    pub(super) fn check_lengths(&self) -> Result<(), Error> {
        use grammar as g;
        g::check_length(
            "signature-input",
            self.parameters,
            g::SIGNATURE_INPUT_BYTES_MAX - g::LABEL.len(),
        )?;
        g::check_length("@method", self.method, g::METHOD_BYTES_MAX)?;
        g::check_length("@authority", self.authority, g::AUTHORITY_BYTES_MAX)?;
        g::check_length("@request-target", self.target, g::TARGET_BYTES_MAX)?;
        if let Some(value) = self.content_type {
            g::check_length("content-type", value, g::CONTENT_TYPE_BYTES_MAX)?;
        }
        if let Some(value) = self.content_digest {
            g::check_length("content-digest", value, g::CONTENT_DIGEST_BYTES_MAX)?;
        }
        if let Some(value) = self.passport {
            g::check_length("agentsigna-passport", value, g::PASSPORT_CHARACTERS_MAX)?;
        }
        Ok(())
    }
}

impl Statement {
    /// Steps 1 and 2 of the verification, without the signature itself.
    pub(super) fn parse(profile: Profile, parts: &Parts<'_>) -> Result<Self, Error> {
        parts.check_lengths()?;
        let parameters = Parameters::parse(profile, parts.parameters, parts.offset)?;
        grammar::check_method(parts.method)?;
        // RQ-16: a signature for reading can never change anything.
        if profile == Profile::Read && parts.method != "GET" {
            return Err(Error::ComponentMalformed {
                component: "@method",
                expected: "`GET`, the only method of this profile",
            });
        }
        grammar::check_authority(parts.authority)?;
        grammar::check_target(parts.target)?;
        let covered = profile.has_content();
        let kind = covered_value("content-type", covered, parts.content_type)?;
        let digest = covered_value("content-digest", covered, parts.content_digest)?;
        let content = match (kind, digest) {
            (Some(kind), Some(digest)) => {
                grammar::check_content_type(kind)?;
                Some(SignedContent {
                    kind: kind.into(),
                    digest: grammar::parse_content_digest(digest)?,
                })
            }
            _ => None,
        };
        let passport = covered_value(
            "agentsigna-passport",
            profile.has_passport(),
            parts.passport,
        )?
        .map(grammar::parse_passport)
        .transpose()?;
        let statement = Self {
            profile,
            method: parts.method.into(),
            authority: parts.authority.into(),
            target: parts.target.into(),
            content,
            passport,
            parameters,
        };
        // INVARIANT (canonical base): the grammar has one form for each value; should it ever have two, this
        // refuses the second.
        if statement.parameters.encode(profile) != parts.parameters {
            return Err(Error::Malformed {
                header: "signature-input",
                offset: parts.offset,
                expected: "the one form of these parameters",
            });
        }
        Ok(statement)
    }

    /// The signature base of RFC 9421 §2.5: one line per component, then the parameters, no line feed at
    /// the end.
    #[must_use]
    pub fn base(&self) -> String {
        let mut base = String::new();
        for component in self.profile.components() {
            if let Some(value) = self.value(*component) {
                base.push_str(&format!("\"{}\": {value}\n", component.name()));
            }
        }
        base.push_str("\"@signature-params\": ");
        base.push_str(&self.parameters_text());
        base
    }

    pub(super) fn parameters_text(&self) -> String {
        self.parameters.encode(self.profile)
    }

    fn value(&self, component: Component) -> Option<Cow<'_, str>> {
        match component {
            Component::Method => Some((&self.method).into()),
            Component::Authority => Some((&self.authority).into()),
            Component::RequestTarget => Some((&self.target).into()),
            Component::ContentType => self.content_type().map(Into::into),
            Component::ContentDigest => self.content_digest_text().map(Into::into),
            Component::Passport => self.passport_text().map(Into::into),
        }
    }

    /// The value of the header `Content-Digest`.
    pub(super) fn content_digest_text(&self) -> Option<String> {
        self.content_digest().map(grammar::encode_content_digest)
    }

    /// The value of the header `AgentSigna-Passport`.
    pub(super) fn passport_text(&self) -> Option<String> {
        self.passport().map(grammar::encode_passport)
    }

    /// RQ-22: needs no clock, so an auditor makes this check too.
    pub(super) const fn check_life(&self) -> Result<(), Error> {
        let Parameters {
            created_s,
            expires_s,
            ..
        } = self.parameters;
        match expires_s.checked_sub(created_s) {
            Some(1..=limits::REQUEST_LIFE_S_MAX) => Ok(()),
            _ => Err(Error::Life {
                created_s,
                expires_s,
            }),
        }
    }

    /// RQ-23 and RQ-24: the key is the one named, and signed these bytes.
    pub(super) fn check_signature(
        &self,
        base: &[u8],
        signature: &[u8; 64],
        key: &PublicKey,
    ) -> Result<(), Error> {
        let thumbprint = key.jwk_thumbprint();
        if thumbprint != self.parameters.keyid {
            return Err(Error::KeyId {
                expected: thumbprint.to_base64url(),
            });
        }
        if !key.verifies(base, signature) {
            return Err(Error::Signature);
        }
        Ok(())
    }

    /// RQ-25: the content is the one digested; a profile without content has none.
    pub(super) fn check_body(&self, body: &[u8]) -> Result<(), Error> {
        let equal = match self.content_digest() {
            Some(digest) => *digest == digest::rfc9530_content(body),
            None => body.is_empty(),
        };
        if equal { Ok(()) } else { Err(Error::Digest) }
    }

    /// RQ-26: only for the auditor; a server builds the message from its own name.
    pub(super) fn check_authority(&self, expected: &str) -> Result<(), Error> {
        if self.authority == expected {
            return Ok(());
        }
        Err(Error::Authority {
            expected: expected.to_string(),
        })
    }

    /// The profile it was read by.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Upper-case, 1 to 16 letters.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Host, with a port if it is not 443.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query as on the wire.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The media type of the content; `None` for a profile without content.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content.as_ref().map(|content| content.kind.as_str())
    }

    /// SHA-256 of the content; `None` for a profile without content.
    #[must_use]
    pub fn content_digest(&self) -> Option<&[u8; 32]> {
        self.content.as_ref().map(|content| &content.digest)
    }

    /// The Passport's bytes, 1 to 6144; `None` for a profile without one.
    #[must_use]
    pub fn passport(&self) -> Option<&[u8]> {
        self.passport.as_deref()
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn created_s(&self) -> u64 {
        self.parameters.created_s
    }

    /// Seconds since the epoch; the signature may be used up to and including the start of this second.
    #[must_use]
    pub const fn expires_s(&self) -> u64 {
        self.parameters.expires_s
    }

    /// 22 to 43 base64url characters; `None` for [`Profile::Exec`].
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.parameters.nonce.as_deref()
    }

    /// Which key it claims to be signed with.
    #[must_use]
    pub const fn keyid(&self) -> JwkThumbprint {
        self.parameters.keyid
    }
}

/// RQ-9: what the profile covers must be there, what it does not cover must not.
fn covered_value<'a>(
    component: &'static str,
    covered: bool,
    value: Option<&'a str>,
) -> Result<Option<&'a str>, Error> {
    match (covered, value) {
        (true, None) => Err(Error::ComponentMissing { component }),
        (false, Some(_)) => Err(Error::ComponentUnexpected { component }),
        (_, value) => Ok(value),
    }
}
