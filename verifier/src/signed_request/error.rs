//! Why a signed request is refused.

/// A refusal, in the order of the checks (`spec/requests.md`, "Verification").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedRequestError {
    /// `Signature-Input` or `Signature` is absent.
    #[error("header `{header}` is missing: sign the request")]
    Missing {
        /// Its lower-case name.
        header: &'static str,
    },
    /// A part of the request is longer than its limit.
    #[error("`{part}` of {found} bytes, expected at most {max}")]
    TooLong {
        /// The component or header.
        part: &'static str,
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The signature has another label than `as1`.
    #[error("`signature-input` or `signature` does not begin with `as1=`, the only label allowed")]
    Label,
    /// Other components than the profile's, or in another order.
    #[error("`signature-input` does not cover exactly `{expected}`")]
    Components {
        /// The list of the profile.
        expected: &'static str,
    },
    /// `Signature-Input` or `Signature` is not the closed grammar: an unknown, missing or displaced
    /// parameter, a second signature, white space, an escape, a number in another form.
    #[error("`{header}` at byte {offset}: expected {expected}")]
    Malformed {
        /// The header.
        header: &'static str,
        /// Bytes from the start of its value.
        offset: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The nonce is not 22 to 43 base64url characters.
    #[error("nonce is not 22 to 43 characters of base64url: make one from 16 to 32 random bytes")]
    Nonce,
    /// An algorithm other than Ed25519.
    #[error("signature parameter `alg` is not `ed25519`, the only algorithm allowed")]
    Algorithm,
    /// The tag of another profile or of a stranger.
    #[error("signature parameter `tag` is not `{expected}`, which this request needs")]
    Tag {
        /// The tag of the profile.
        expected: &'static str,
    },
    /// A component that the profile covers is not in the message.
    #[error("`{component}` is missing, which the signature must cover")]
    ComponentMissing {
        /// The component.
        component: &'static str,
    },
    /// A component that the profile does not cover is in the message.
    #[error("`{component}` is not covered by the signature of this request: remove it")]
    ComponentUnexpected {
        /// The component.
        component: &'static str,
    },
    /// A component is not in the one form allowed.
    #[error("`{component}` is not {expected}")]
    ComponentMalformed {
        /// The component.
        component: &'static str,
        /// The form.
        expected: &'static str,
    },
    /// Only in evidence: the bytes are not the signature base that their parts make.
    #[error("signature base is not what its parts make: expected {expected}")]
    Base {
        /// What should stand there.
        expected: &'static str,
    },
    /// Evidence for another host.
    #[error("signed for another authority than `{expected}`")]
    Authority {
        /// The authority that was asked for.
        expected: alloc::string::String,
    },
    /// `created` lies ahead.
    #[error(
        "signature created at `{created_s}` s, now `{now_ms}` ms: set the clock and sign again"
    )]
    FromTheFuture {
        /// Seconds since the epoch.
        created_s: u64,
        /// Milliseconds since the epoch.
        now_ms: u64,
    },
    /// `expires` lies behind.
    #[error("signature expired at `{expires_s}` s, now `{now_ms}` ms: sign again")]
    Expired {
        /// Seconds since the epoch.
        expires_s: u64,
        /// Milliseconds since the epoch.
        now_ms: u64,
    },
    /// The signature lives for no time, or too long.
    #[error(
        "signature created at `{created_s}` s and expiring at `{expires_s}` s, expected a life of 1 to 60 s"
    )]
    Life {
        /// Seconds since the epoch.
        created_s: u64,
        /// Seconds since the epoch.
        expires_s: u64,
    },
    /// `keyid` names another key.
    #[error("`keyid` is not the thumbprint of the key, `{expected}`")]
    KeyId {
        /// The thumbprint of the key.
        expected: alloc::string::String,
    },
    /// The signature is not the key's over this base.
    #[error("signature is not made by the key over this request: compare the signature bases")]
    Signature,
    /// The content is not the one the signer digested.
    #[error("content is not the one of `content-digest`")]
    Digest,
}

impl SignedRequestError {
    /// The machine code: kebab-case, stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "signature-missing",
            Self::TooLong { .. } => "component-too-long",
            Self::Label => "signature-label",
            Self::Components { .. } => "signature-components",
            Self::Malformed { .. } => "signature-malformed",
            Self::Nonce => "signature-nonce",
            Self::Algorithm => "signature-algorithm",
            Self::Tag { .. } => "signature-tag",
            Self::ComponentMissing { .. } => "component-missing",
            Self::ComponentUnexpected { .. } => "component-unexpected",
            Self::ComponentMalformed { .. } => "component-malformed",
            Self::Base { .. } => "base-malformed",
            Self::Authority { .. } => "authority-mismatch",
            Self::FromTheFuture { .. } => "signature-from-the-future",
            Self::Expired { .. } => "signature-expired",
            Self::Life { .. } => "signature-life",
            Self::KeyId { .. } => "keyid-mismatch",
            Self::Signature => "signature-wrong",
            Self::Digest => "digest-mismatch",
        }
    }
}
