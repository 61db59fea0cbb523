//! The one door: is this to be believed? (`spec/verification.md`)
//!
//! | Ask | Of |
//! |---|---|
//! | [`verify`] | a Passport or a case file |
//! | [`verify_at_gate`] | a Passport shown to a target system |
//! | [`ledger::audit`] | an export of a whole log |
//! | [`ledger::consistency`] | an old signed head and a new export |
//!
//! The answer is a [`Report`]: VALID, REFUSED or INCOMPLETE, with every check by name, who vouches for it and
//! what nobody has checked. A check that could not be made is never passed. There is no other way in: the
//! modules below share their checks, and none of them answers with a boolean.
//!
//! Deliberately not here: possession of the agent's key and single use (the gate's), revocation (nothing
//! offline shows it), whether the trust file is the right one (its holder's).

mod approvals;
mod case;
pub mod code;
mod entries;
mod head;
pub mod ledger;
mod lies;
mod outcomes;
mod passport;
mod profile;
#[cfg(feature = "rules")]
mod replay;
mod report;
mod sheets;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod words;

pub use lies::{About, Holder, LIES_MAX, Liars, Lie};
pub use profile::Profile;
pub use report::{
    Authority, Check, Claim, Finding, NotChecked, Outcome, Report, Result, Step, Voucher,
};
pub use words::Style;

use crate::{time::UnixMillis, trust::Trust};

/// What is asked beside the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The time to judge at: now for a gate, any time for an auditor. Without it a Passport is INCOMPLETE
    /// (`no-clock`).
    pub at: Option<UnixMillis>,
    /// Whether the holder of the trust file had it before the artefact. With the trust file that came along the
    /// best answer is INCOMPLETE (`unpinned`).
    pub pinned: bool,
    /// Whether the answer will be used as a permission. Then a case file without a Passport is REFUSED
    /// (`not-authorized`), however true it is.
    pub expects_authority: bool,
}

/// Judges a Passport or a case file; which of the two, the bytes say.
///
/// Never fails: what cannot be read is REFUSED (`malformed`).
#[must_use]
pub fn verify(bytes: &[u8], trust: &Trust, question: &Question) -> Report {
    // VE-1: the two begin with different CBOR types, so no file is both.
    if is_map(bytes) {
        case::verify(bytes, trust, question)
    } else {
        passport::verify(bytes, trust, question, Profile::Passport)
    }
}

/// Judges a Passport where it is used: as [`verify`], and it must be for one of the targets of the trust file.
#[must_use]
pub fn verify_at_gate(bytes: &[u8], trust: &Trust, question: &Question) -> Report {
    passport::verify(bytes, trust, question, Profile::Gate)
}

/// Major type 5 (RFC 8949 §3.1).
fn is_map(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 5 == 5)
}
