//! The server's and the gate's side: a request as received.

use alloc::{string::String, vec::Vec};

use super::{
    Evidence, Profile, SignedRequestError as Error, Statement,
    grammar::{self, LABEL},
    statement::Parts,
};
use crate::{
    key::{JwkThumbprint, PublicKey},
    limits,
    time::UnixMillis,
};

/// A request as received. The HTTP layer refuses a header that stands twice, and has replaced the received
/// host by the configured name that equals it (decision 29).
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The method.
    pub method: &'a str,
    /// The configured name of this service.
    pub authority: &'a str,
    /// The request target in origin-form, as on the wire.
    pub target: &'a str,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Digest`.
    pub content_digest: Option<&'a str>,
    /// `AgentSigna-Passport`.
    pub passport: Option<&'a str>,
    /// `Signature-Input`.
    pub signature_input: Option<&'a str>,
    /// `Signature`.
    pub signature: Option<&'a str>,
}

/// A request whose headers are well formed. Nothing is believed yet: [`Signed::check`] makes it
/// [`Authentic`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    statement: Statement,
    base: String,
    signature: [u8; 64],
}

/// A request that the holder of a key signed, in time, with this content. Comes only from [`Signed::check`].
/// Whether it is the first time (nonce) is the server's to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic(Signed);

/// Steps 1 and 2 of the verification: sizes, then strict reading.
///
/// # Errors
/// [`Error`], from `signature-missing` to `component-malformed`.
pub fn parse(message: &Message<'_>, profile: Profile) -> Result<Signed, Error> {
    // RQ-1
    let input = message.signature_input.ok_or(Error::Missing {
        header: "signature-input",
    })?;
    let signature = message.signature.ok_or(Error::Missing {
        header: "signature",
    })?;
    // RQ-4
    grammar::check_length("signature-input", input, grammar::SIGNATURE_INPUT_BYTES_MAX)?;
    grammar::check_length("signature", signature, grammar::SIGNATURE_BYTES_MAX)?;
    let parts = Parts {
        method: message.method,
        authority: message.authority,
        target: message.target,
        content_type: message.content_type,
        content_digest: message.content_digest,
        passport: message.passport,
        parameters: input.strip_prefix(LABEL).unwrap_or_default(),
        offset: LABEL.len(),
    };
    parts.check_lengths()?;
    // RQ-1
    if !input.starts_with(LABEL) || !signature.starts_with(LABEL) {
        return Err(Error::Label);
    }
    let statement = Statement::parse(profile, &parts)?;
    let signature = grammar::parse_signature(signature)?;
    let base = statement.base();
    Ok(Signed {
        statement,
        base,
        signature,
    })
}

impl Signed {
    /// Steps 4 to 6 in their order, with the key that step 3 found under [`Self::keyid`].
    ///
    /// # Errors
    /// [`Error`], from `signature-from-the-future` to `digest-mismatch`.
    pub fn check(self, now: UnixMillis, key: &PublicKey, body: &[u8]) -> Result<Authentic, Error> {
        self.check_time(now)?;
        self.check_signature(key)?;
        self.check_body(body)?;
        Ok(Authentic(self))
    }

    /// Step 4: `created` at most 5 s ahead, `expires` not behind, a life of 1 to 60 s.
    ///
    /// # Errors
    /// `signature-from-the-future`, `signature-expired`, `signature-life`.
    pub const fn check_time(&self, now: UnixMillis) -> Result<(), Error> {
        let created_s = self.statement.created_s();
        let expires_s = self.statement.expires_s();
        let now_ms = now.millis();
        // RQ-20; seconds are at most 2^53 / 1000, so that no product saturates
        if created_s.saturating_mul(1000) > now_ms.saturating_add(limits::REQUEST_SKEW_S * 1000) {
            return Err(Error::FromTheFuture { created_s, now_ms });
        }
        // RQ-21
        if expires_s.saturating_mul(1000) < now_ms {
            return Err(Error::Expired { expires_s, now_ms });
        }
        // RQ-22
        self.statement.check_life()
    }

    /// Step 5: `key` is the one that `keyid` names, and it signed the base.
    ///
    /// # Errors
    /// `keyid-mismatch`, `signature-wrong`.
    pub fn check_signature(&self, key: &PublicKey) -> Result<(), Error> {
        self.statement
            .check_signature(self.base.as_bytes(), &self.signature, key)
    }

    /// Step 6: `body` is the content that was digested.
    ///
    /// # Errors
    /// `digest-mismatch`.
    pub fn check_body(&self, body: &[u8]) -> Result<(), Error> {
        self.statement.check_body(body)
    }

    /// What is claimed.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Under which name to look the key up (step 3).
    #[must_use]
    pub const fn keyid(&self) -> JwkThumbprint {
        self.statement.keyid()
    }

    /// The signature base of RFC 9421 §2.5.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The 64 bytes of RFC 8032 §5.1.6.
    #[must_use]
    pub const fn signature(&self) -> &[u8; 64] {
        &self.signature
    }
}

impl Authentic {
    /// What the holder of the key said.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.0.statement
    }

    /// The request without the proof that it was checked.
    #[must_use]
    pub const fn signed(&self) -> &Signed {
        &self.0
    }

    /// What an auditor needs to check it again. `body` is the content that [`Signed::check`] saw.
    #[must_use]
    pub fn into_evidence(self, body: Vec<u8>) -> Evidence {
        Evidence {
            base: self.0.base.into_bytes(),
            signature: self.0.signature,
            body,
        }
    }
}
