//! Every code an answer can have, beside those of signed requests and of state (`spec/verification.md §7`).
//!
//! One table here, the same table on the page, and a test that compares both with what the code says.

/// What a code makes of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// REFUSED
    Refused,
    /// INCOMPLETE
    Incomplete,
}

/// The codes of this module, in the order of the page.
pub const CODES: &[(&str, Answer)] = {
    use Answer::{Incomplete as I, Refused as R};
    &[
        ("unpinned", I),
        ("malformed", R),
        ("unknown-issuer", R),
        ("wrong-tenant", R),
        ("bad-seal", R),
        ("seal-key-window", R),
        ("bad-lifetime", R),
        ("issue-time", R),
        ("action-mismatch", R),
        ("audience-mismatch", R),
        ("case-mismatch", R),
        ("chain-mismatch", R),
        ("time-backwards", R),
        ("malformed-proof", R),
        ("wrong-index", R),
        ("outside-tree", R),
        ("missing-hash", R),
        ("surplus-hash", R),
        ("bad-proof", R),
        ("bad-checkpoint", R),
        ("log-key-window", R),
        ("unknown-signature", R),
        ("bad-cosignature", R),
        ("quorum", I),
        ("no-clock", I),
        ("expired", R),
        ("not-yet-valid", R),
        ("no-target", I),
        ("wrong-audience", R),
        ("previous-mismatch", R),
        ("unknown-kind", I),
        ("wrong-genesis", R),
        ("trust-file", R),
        ("blob-mismatch", R),
        ("missing-blob", I),
        ("surplus-entry", R),
        ("case-incomplete", R),
        ("head-mismatch", R),
        ("entry-mismatch", R),
        ("snapshot-mismatch", R),
        ("policy-mismatch", R),
        ("verdict-mismatch", R),
        ("no-thread", I),
        ("not-authorized", R),
        ("no-site", R),
        ("approval-time", R),
        ("approvals-mismatch", R),
        ("sheet-mismatch", R),
        ("index-gap", R),
        ("missing-tile", R),
        ("tile-mismatch", R),
        ("size-mismatch", R),
        ("root-mismatch", R),
        ("surplus-file", R),
        ("shrinks", R),
        ("forked", R),
        ("inconsistent", R),
        ("not-reached", I),
    ]
};
