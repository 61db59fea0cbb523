//! Review: what people are shown before they judge, and whether enough of them agreed (`spec/sheet.md`,
//! `spec/approval.md`).
//!
//! | Module | Does |
//! |---|---|
//! | [`quorum`] | whether people fill the slots that a demand asks for |
//! | [`facts`] | what is unusual about an action, from the agent's other cases |
//!
//! Pure functions of their arguments. Nothing here knows who may judge: callers hand in people that were
//! admitted. The texts of a tenant's rules need the policy engine and come from feature `rules`.

pub mod facts;
pub mod quorum;

pub use facts::{Fact, HistoryCase, Pair};
pub use quorum::Quorum;
