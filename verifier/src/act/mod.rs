//! What a signed request asks for: the JSON bodies of the agent API (`spec/agent-api.md §3`).
//!
//! The server reads them to act; an auditor reads the same bytes out of the ledger and compares. Every body
//! names the log (`origin`), so that a signature given to one tenant is worth nothing in another. Bodies are
//! closed, and no two acts share a set of members.

mod directory;
mod request;

use alloc::string::String;

pub(crate) use directory::NAME_CHARS_MAX;
pub use directory::{
    Activation, AgentConfirmation, AgentInvitation, Claim, Claimant, CounterpartyChange,
    CounterpartyEnrolment, StatusChange, SystemConfirmation, SystemInvitation,
};
pub use request::ActionRequest;

/// The path of an act in the agent API, as its signature covers it.
pub trait Act {
    /// `/v1/…`
    fn target(&self) -> String;
    /// The log the act is for.
    fn origin(&self) -> &str;
}
