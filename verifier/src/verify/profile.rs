//! Which checks an answer needs (decision 13).

use super::Step;

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// A Passport, by anybody.
    Passport,
    /// A Passport, by the target system it is shown to.
    Gate,
    /// A case file of a case that ended without a Passport.
    Case,
    /// A case file with a Passport.
    CaseWithPassport,
    /// The export of a whole log.
    Ledger,
    /// An old head and a new export.
    Consistency,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 6] = [
        Self::Passport,
        Self::Gate,
        Self::Case,
        Self::CaseWithPassport,
        Self::Ledger,
        Self::Consistency,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passport => "passport",
            Self::Gate => "gate",
            Self::Case => "case",
            Self::CaseWithPassport => "case-with-passport",
            Self::Ledger => "ledger",
            Self::Consistency => "consistency",
        }
    }

    /// The checks without which the answer is not VALID (VE-2). Others are made where they can be, and refuse
    /// where they fail: `audience` where the trust file names targets, `replay` where this build has the engine
    /// that decided, `authority` where one is expected.
    #[must_use]
    pub const fn required(self) -> &'static [Step] {
        use Step as S;
        match self {
            Self::Passport => &[
                S::Pinned,
                S::Format,
                S::Issuer,
                S::Seal,
                S::Claims,
                S::Approvals,
                S::EntryHead,
                S::Proof,
                S::Checkpoint,
                S::Witnesses,
                S::Inclusion,
                S::Time,
            ],
            Self::Gate => &[
                S::Pinned,
                S::Format,
                S::Issuer,
                S::Seal,
                S::Claims,
                S::Approvals,
                S::EntryHead,
                S::Proof,
                S::Checkpoint,
                S::Witnesses,
                S::Inclusion,
                S::Time,
                S::Audience,
            ],
            Self::Case => &[
                S::Pinned,
                S::Format,
                S::Issuer,
                S::Checkpoint,
                S::Witnesses,
                S::Entries,
                S::Genesis,
                S::Blobs,
                S::History,
                S::Completeness,
                S::Decision,
            ],
            Self::CaseWithPassport => &[
                S::Pinned,
                S::Format,
                S::Issuer,
                S::Checkpoint,
                S::Witnesses,
                S::Entries,
                S::Genesis,
                S::Blobs,
                S::History,
                S::Completeness,
                S::Decision,
                S::Seal,
                S::Claims,
                S::Approvals,
                S::EntryHead,
                S::Proof,
                S::SameHead,
                S::Inclusion,
                S::Time,
            ],
            Self::Ledger => &[
                S::Pinned,
                S::Issuer,
                S::Checkpoint,
                S::Witnesses,
                S::Entries,
                S::Genesis,
                S::TrustFile,
                S::History,
                S::Passports,
                S::Completeness,
                S::Tiles,
                S::Tree,
                S::Blobs,
                S::Files,
            ],
            Self::Consistency => &[
                S::Pinned,
                S::Issuer,
                S::Checkpoint,
                S::Witnesses,
                S::Extends,
            ],
        }
    }
}
