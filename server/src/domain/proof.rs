//! Who signed an act, in either of the two forms that the log keeps (`spec/people.md §3.2`).

use agentsigna_verifier::{
    event::Signed,
    passkey::{Assertion, context::ActContext},
    signed_request::Authentic,
};

use super::request;

/// What stands behind an act. Comes from a check, or is checked together with the event that is made of it.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    /// The founder's file key: a signed request that was found good.
    Http(&'a Authentic),
    /// A person's sign-in passkey.
    Passkey {
        /// What was signed.
        context: &'a ActContext,
        /// The device's answer.
        assertion: &'a Assertion,
    },
}

impl Proof<'_> {
    /// The path that was signed.
    pub(super) fn target(&self) -> &str {
        match self {
            Self::Http(authentic) => authentic.statement().target(),
            Self::Passkey { context, .. } => context.path.as_str(),
        }
    }

    /// The evidence for the log, with the content `body`; without it where a blob holds it.
    pub(super) fn evidence(&self, body: Option<&[u8]>) -> Signed {
        match self {
            Self::Http(authentic) => request::evidence(authentic, body),
            Self::Passkey { context, assertion } => Signed::Passkey {
                context: (*context).clone(),
                assertion: (*assertion).clone(),
                body: body.map(<[u8]>::to_vec),
            },
        }
    }
}
