//! The client's side: from a request to be sent to its headers. The private key stays outside: the client
//! signs [`Draft::base`] where its key lives and brings back 64 bytes.

use alloc::string::String;

use super::{
    Profile, SignedRequestError as Error, Statement,
    grammar::{self, LABEL, Parameters},
    statement::Parts,
};
use crate::{digest, key::PublicKey};

/// A request to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Upper-case letters.
    pub method: &'a str,
    /// Host, with a port if it is not 443.
    pub authority: &'a str,
    /// Path and query, as they will be on the wire.
    pub target: &'a str,
    /// What is sent; `None` for a profile without content.
    pub content: Option<Content<'a>>,
    /// The Passport's bytes; only for [`Profile::Exec`].
    pub passport: Option<&'a [u8]>,
    /// Seconds since the epoch.
    pub created_s: u64,
    /// Seconds since the epoch, 1 to 60 after `created_s`.
    pub expires_s: u64,
    /// 22 to 43 base64url characters, random and never used before; `None` only for [`Profile::Exec`].
    pub nonce: Option<&'a str>,
}

/// The content of a request.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// `Content-Type`.
    pub kind: &'a str,
    /// The bytes.
    pub body: &'a [u8],
}

/// A request that a server would read; only the signature is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    statement: Statement,
    base: String,
    key: PublicKey,
}

/// The values of the headers to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
    /// `Content-Digest`, for a profile with content.
    pub content_digest: Option<String>,
    /// `AgentSigna-Passport`, for a profile with one.
    pub passport: Option<String>,
}

impl Draft {
    /// Takes a request that will be signed by `key`.
    ///
    /// # Errors
    /// [`Error`]: what a server would refuse, save the time.
    pub fn new(profile: Profile, request: &Request<'_>, key: PublicKey) -> Result<Self, Error> {
        // The encoding below leaves out what the profile has no place for: say so instead.
        if request.nonce.is_some() != profile.has_nonce() {
            return Err(Error::Nonce);
        }
        let parameters = Parameters {
            created_s: request.created_s,
            expires_s: request.expires_s,
            nonce: request.nonce.map(Into::into),
            keyid: key.jwk_thumbprint(),
        }
        .encode(profile);
        let content_digest = request
            .content
            .map(|content| grammar::encode_content_digest(&digest::rfc9530_content(content.body)));
        let passport = request.passport.map(grammar::encode_passport);
        let statement = Statement::parse(
            profile,
            &Parts {
                method: request.method,
                authority: request.authority,
                target: request.target,
                content_type: request.content.map(|content| content.kind),
                content_digest: content_digest.as_deref(),
                passport: passport.as_deref(),
                parameters: &parameters,
                offset: LABEL.len(),
            },
        )?;
        statement.check_life()?;
        let base = statement.base();
        Ok(Self {
            statement,
            base,
            key,
        })
    }

    /// The bytes to sign with Ed25519 (RFC 8032 §5.1.6).
    #[must_use]
    pub fn base(&self) -> &[u8] {
        self.base.as_bytes()
    }

    /// What will be said.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Puts the signature over [`Self::base`] into headers.
    ///
    /// # Errors
    /// `signature-wrong` if the key did not make it: a wrong signature is never sent.
    pub fn sign(&self, signature: &[u8; 64]) -> Result<Headers, Error> {
        self.statement
            .check_signature(self.base(), signature, &self.key)?;
        let mut signature_input = String::from(LABEL);
        signature_input.push_str(&self.statement.parameters_text());
        Ok(Headers {
            signature_input,
            signature: grammar::encode_signature(signature),
            content_digest: self.statement.content_digest_text(),
            passport: self.statement.passport_text(),
        })
    }
}
