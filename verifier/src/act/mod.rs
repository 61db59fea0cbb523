//! What a signed request asks for: the JSON bodies of the agent API (`spec/agent-api.md §3`).
//!
//! The server reads them to act; an auditor reads the same bytes out of the ledger and compares. Every body
//! names the log (`origin`), so that a signature given to one tenant is worth nothing in another. Bodies are
//! closed, and no two acts share a set of members.

/// Reads each act from its JSON body: takes every member, then nothing may be left (JS-10).
macro_rules! parse {
    ($($act:ty: |$members:ident| $body:expr;)+) => {
        $(impl $act {
            /// Reads the body.
            ///
            /// # Errors
            /// [`JsonError`] with a pointer to the member.
            pub fn parse(body: &[u8]) -> Result<Self, JsonError> {
                let mut $members = json::parse(body, limits::BODY_BYTES_MAX)?.object()?;
                let act = $body;
                $members.finish()?;
                Ok(act)
            }
        })+
    };
}

/// The path that each act makes.
macro_rules! acts {
    ($($act:ty: |$this:ident| $target:expr;)+) => {
        $(impl Act for $act {
            fn target(&self) -> String {
                let $this = self;
                $target
            }

            fn origin(&self) -> &str {
                &self.origin
            }
        })+
    };
}

mod directory;
mod outcome;
mod people;
mod request;

use alloc::string::String;

pub use directory::{
    Activation, AgentConfirmation, AgentInvitation, Claim, Claimant, CounterpartyChange,
    CounterpartyEnrolment, StatusChange, SystemConfirmation, SystemInvitation,
};
pub(crate) use directory::{NAME_CHARS_MAX, is_code};
pub use outcome::{DisputeResolution, ExecutionStart, OutcomeReport};
pub(crate) use people::is_proposable;
pub use people::{
    Delegation, DelegationEnd, PasskeyRevocation, Password, PasswordEnd, Proposable, UserChange,
    UserConfirmation, UserInvitation,
};
pub use request::ActionRequest;

/// The path of an act in the agent API, as its signature covers it.
pub trait Act {
    /// `/v1/…`
    fn target(&self) -> String;
    /// The log the act is for.
    fn origin(&self) -> &str;
}
