//! The auditor's side: a request as the ledger keeps it, checked without the message and without a clock.

use alloc::vec::Vec;

use super::{
    Profile, SignedRequestError as Error, Statement, profile::Component, statement::Parts,
};
use crate::key::PublicKey;

/// What the ledger keeps of a signed request. Claims until [`Evidence::check`]: a forger who changes one bit
/// of it needs the agent's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The signature base of RFC 9421 §2.5.
    pub base: Vec<u8>,
    /// The 64 bytes of RFC 8032 §5.1.6.
    pub signature: [u8; 64],
    /// The content; empty for a profile without content.
    pub body: Vec<u8>,
}

impl Evidence {
    /// What the base says, without any check but its form. For whoever has checked it before.
    #[must_use]
    pub fn read(&self, profile: Profile) -> Option<Statement> {
        parse_base(&self.base, profile).ok()
    }

    /// Reads the base back into its parts, and checks that they make the same bytes, that `authority` (if
    /// given) is the one signed for, that `key` signed, for a life of 1 to 60 s, this content.
    ///
    /// Whether the time was right is for the caller: compare [`Statement::created_s`] and
    /// [`Statement::expires_s`] with the time of the entry.
    ///
    /// # Errors
    /// [`Error`]: `base-malformed` or what [`super::parse`] refuses, then `authority-mismatch`,
    /// `signature-life`, `keyid-mismatch`, `signature-wrong`, `digest-mismatch`.
    pub fn check(
        &self,
        profile: Profile,
        key: &PublicKey,
        authority: Option<&str>,
    ) -> Result<Statement, Error> {
        let statement = parse_base(&self.base, profile)?;
        if let Some(authority) = authority {
            statement.check_authority(authority)?;
        }
        statement.check_life()?;
        statement.check_signature(&self.base, &self.signature, key)?;
        statement.check_body(&self.body)?;
        Ok(statement)
    }
}

/// RQ-27: the base reads back into parts that make the same bytes.
fn parse_base(base: &[u8], profile: Profile) -> Result<Statement, Error> {
    let malformed = |expected| Error::Base { expected };
    let text = core::str::from_utf8(base).map_err(|_| malformed("ASCII"))?;
    let mut parts = Parts {
        method: "",
        authority: "",
        target: "",
        content_type: None,
        content_digest: None,
        passport: None,
        parameters: "",
        offset: 0,
    };
    let mut rest = text;
    for component in profile.components() {
        let (line, after) = rest
            .split_once('\n')
            .ok_or(malformed("a line for each component of the profile"))?;
        let value = line_value(line, component.name())
            .ok_or(malformed("the components of the profile in their order"))?;
        match component {
            Component::Method => parts.method = value,
            Component::Authority => parts.authority = value,
            Component::RequestTarget => parts.target = value,
            Component::ContentType => parts.content_type = Some(value),
            Component::ContentDigest => parts.content_digest = Some(value),
            Component::Passport => parts.passport = Some(value),
        }
        rest = after;
    }
    parts.parameters = line_value(rest, "@signature-params")
        .ok_or(malformed("`@signature-params` after the components"))?;
    let statement = Statement::parse(profile, &parts)?;
    // INVARIANT (canonical base)
    if statement.base().as_bytes() != base {
        return Err(malformed("the one form of these parts"));
    }
    Ok(statement)
}

/// The value of the line `"<name>": <value>`.
fn line_value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix('"')?
        .strip_prefix(name)?
        .strip_prefix("\": ")
}
