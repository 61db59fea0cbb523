//! The answer: every check by name, what it found, who stands behind it, and what nobody has checked.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Lie, Profile};
use crate::{log::inclusion::Included, passport::Claims};

/// The answer to a question about an artefact.
#[derive(Debug, Clone)]
pub struct Report {
    profile: Profile,
    outcome: Outcome,
    checks: Vec<Check>,
    not_checked: Vec<NotChecked>,
    claims: Vec<Claim>,
    lies: Vec<Lie>,
    authority: Option<Authority>,
}

/// One word, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every required check was made and passed.
    Valid,
    /// A check failed: the first one.
    Refused(Finding),
    /// No check failed, but a required one was not made: the first one.
    Incomplete(Finding),
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A word for machines, from the table of `spec/verification.md`.
    pub code: &'static str,
    /// For people: what was found, what was expected, what to do.
    pub what: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which one.
    pub step: Step,
    /// Who stands behind what it establishes; nobody, where no witness was asked for and none signed
    /// (VE-7), or no person was asked for (VE-32).
    pub by: &'static [Voucher],
    /// How it ended.
    pub result: Result,
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Result {
    /// It was made, and holds.
    Passed,
    /// It was made, and does not hold.
    Failed(Finding),
    /// It could not be made.
    NotMade(Finding),
}

/// Something true or false about the artefact that no check of this run looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotChecked {
    /// What.
    pub what: &'static str,
    /// Why not, and where it can be checked.
    pub why: String,
}

/// One thing the artefact says, and who stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is about: a plain word.
    pub name: &'static str,
    /// What is said.
    pub value: String,
    /// Who would have had to lie for it to be false.
    pub by: Voucher,
}

/// A permission that was found good. Comes only from a [`Report`] that is VALID.
///
/// INVARIANT (authority): a gate that asks for one cannot forget to look at the outcome.
#[derive(Debug, Clone)]
pub struct Authority {
    claims: Claims,
    included: Included,
}

/// Who stands behind a claim or a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voucher {
    /// The trust file: its holder.
    TrustFile,
    /// The bytes themselves: computed here.
    Computed,
    /// The agent, by its signature.
    AgentKey,
    /// The target system, by its signature.
    TargetKey,
    /// The tenant's founder, by signature.
    FounderKey,
    /// People of the tenant, by their passkeys.
    Passkeys,
    /// A person who judged, by the device that holds the approval passkey: and the server of the page that asked for
    /// the gesture.
    ApproverDevice,
    /// The host's seal key.
    SealKey,
    /// The host's log key.
    LogKey,
    /// The witnesses of the trust file, at least as many as its policy asks for.
    Witnesses,
    /// The policy, run again here.
    PolicyReplay,
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $word:literal, [$($by:ident),+];)+) => {
        /// What is checked. The order is that of `spec/verification.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Step {
            $($(#[$doc])* $name,)+
        }

        impl Step {
            /// Every step.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word for it, in kebab-case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// Who stands behind what the step establishes, if it establishes anything: see [`Check::by`].
            const fn vouchers(self) -> &'static [Voucher] {
                match self {
                    $(Self::$name => &[$(Voucher::$by),+],)+
                }
            }
        }
    };
}

steps! {
    /// The trust file was there before the artefact.
    Pinned = "pinned", [TrustFile];
    /// The bytes are of the format, in the one encoding.
    Format = "format", [Computed];
    /// Platform and log are those of the trust file.
    Issuer = "issuer", [TrustFile];
    /// The Passport is sealed by a key of its log, in its time.
    Seal = "seal", [SealKey];
    /// The claims of the Passport agree with each other.
    Claims = "claims", [SealKey];
    /// Who agreed signed exactly this.
    Approvals = "approvals", [ApproverDevice];
    /// The entry head agrees with the claims.
    EntryHead = "entry-head", [LogKey];
    /// The tlog-proof is one, and for this position.
    Proof = "proof", [Computed];
    /// The log key has signed the head.
    Checkpoint = "checkpoint", [LogKey];
    /// Enough witnesses have cosigned the head.
    Witnesses = "witnesses", [Witnesses];
    /// The leaf, built from what is shown, is in the tree.
    Inclusion = "inclusion", [LogKey];
    /// The Passport is good at the time asked about.
    Time = "time", [SealKey];
    /// The Passport is for a target of the trust file.
    Audience = "audience", [SealKey];
    /// Every entry is what it says and where it says.
    Entries = "entries", [LogKey];
    /// The entry at index 0 is the pinned one.
    Genesis = "genesis", [TrustFile];
    /// Every entry is signed by whom it says and may follow what came before.
    History = "history", [FounderKey, Passkeys, AgentKey];
    /// The case is all there and at rest.
    Completeness = "completeness", [LogKey];
    /// Blobs are what their digests name, all and no more.
    Blobs = "blobs", [Computed];
    /// Passport and case file show the same head.
    SameHead = "same-head", [LogKey];
    /// Request, inputs, decision and Passport say the same.
    Decision = "decision", [AgentKey, SealKey];
    /// The verdict comes out again.
    Replay = "replay", [PolicyReplay];
    /// People were shown what the log says.
    Sheets = "sheets", [PolicyReplay];
    /// There is a permission.
    Authority = "authority", [SealKey];
    /// The export's own trust file follows from its genesis entry.
    TrustFile = "trust-file", [Computed];
    /// Every tile is there, and is what the entries make.
    Tiles = "tiles", [LogKey];
    /// The entries make the tree that was signed.
    Tree = "tree", [LogKey];
    /// The Passports in the log are sealed and say what was decided.
    Passports = "passports", [SealKey];
    /// The export holds nothing else.
    Files = "files", [Computed];
    /// The new tree extends the old one.
    Extends = "extends", [LogKey];
}

impl Report {
    /// The question that was asked.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// The answer.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The checks, in the order they were made. A step that was not reached is not among them.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The required steps that were not reached, because an earlier one failed.
    pub fn not_reached(&self) -> impl Iterator<Item = Step> + '_ {
        let required = self.profile.required().iter().copied();
        required.filter(|step| !self.checks.iter().any(|check| check.step == *step))
    }

    /// What nobody has checked.
    #[must_use]
    pub fn not_checked(&self) -> &[NotChecked] {
        &self.not_checked
    }

    /// What the artefact says, as far as it was read. Worth something only as far as the outcome says so.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Who would have had to lie for each of the six claims of `spec/lies.md` to be false; empty unless the outcome is
    /// VALID.
    #[must_use]
    pub fn lies(&self) -> &[Lie] {
        &self.lies
    }

    /// The permission, if there is one and the outcome is VALID.
    #[must_use]
    pub const fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }
}

impl Authority {
    /// What is permitted, to whom, where, until when.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Where it stands in the log.
    #[must_use]
    pub const fn included(&self) -> &Included {
        &self.included
    }
}

impl Outcome {
    /// `VALID`, `REFUSED` or `INCOMPLETE`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Refused(_) => "REFUSED",
            Self::Incomplete(_) => "INCOMPLETE",
        }
    }

    /// The code, unless VALID.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        match self {
            Self::Valid => None,
            Self::Refused(finding) | Self::Incomplete(finding) => Some(finding.code),
        }
    }
}

impl Voucher {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrustFile => "the trust file",
            Self::Computed => "computed here",
            Self::AgentKey => "the agent's key",
            Self::TargetKey => "the target's key",
            Self::FounderKey => "the founder's key",
            Self::Passkeys => "the people's passkeys",
            Self::ApproverDevice => "the approver's device",
            Self::SealKey => "the seal key",
            Self::LogKey => "the log key",
            Self::Witnesses => "the witnesses",
            Self::PolicyReplay => "the policy, run again here",
        }
    }
}

/// Why a check did not pass, before it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    Failed(Finding),
    NotMade(Finding),
}

/// A check that did not pass is written down; what builds on it is not reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halt;

/// A report being written.
pub(super) struct Checks {
    profile: Profile,
    checks: Vec<Check>,
    not_checked: Vec<NotChecked>,
    claims: Vec<Claim>,
    lies: Vec<Lie>,
}

/// VE-24: what an artefact says is shown, never obeyed: no control, line or bidi character of it reaches a
/// terminal.
pub(super) fn plain(text: impl core::fmt::Display) -> String {
    let text = text.to_string();
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if crate::action::is_control_or_bidi(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The check fails.
pub(super) fn refuse<T>(
    code: &'static str,
    what: impl core::fmt::Display,
) -> core::result::Result<T, Stop> {
    let what = plain(what);
    Err(Stop::Failed(Finding { code, what }))
}

/// The check cannot be made.
pub(super) fn gap<T>(
    code: &'static str,
    what: impl core::fmt::Display,
) -> core::result::Result<T, Stop> {
    let what = plain(what);
    Err(Stop::NotMade(Finding { code, what }))
}

/// Passes, or refuses.
pub(super) fn ensure(
    holds: bool,
    code: &'static str,
    what: impl core::fmt::Display,
) -> core::result::Result<(), Stop> {
    if holds { Ok(()) } else { refuse(code, what) }
}

impl Checks {
    pub(super) const fn new(profile: Profile) -> Self {
        Self {
            profile,
            checks: Vec::new(),
            not_checked: Vec::new(),
            claims: Vec::new(),
            lies: Vec::new(),
        }
    }

    /// Writes down how a check ended, and hands on what it made.
    pub(super) fn made<T>(
        &mut self,
        step: Step,
        result: core::result::Result<T, Stop>,
    ) -> core::result::Result<T, Halt> {
        self.made_by(step, step.vouchers(), result)
    }

    /// VE-7, VE-32: a check that passed because nothing was asked for. Nobody stands behind it.
    pub(super) fn none_asked_for(&mut self, step: Step) {
        let _ = self.made_by(step, &[], Ok(()));
    }

    fn made_by<T>(
        &mut self,
        step: Step,
        by: &'static [Voucher],
        result: core::result::Result<T, Stop>,
    ) -> core::result::Result<T, Halt> {
        let (result, made) = match result {
            Ok(made) => (Result::Passed, Ok(made)),
            Err(Stop::Failed(finding)) => (Result::Failed(finding), Err(Halt)),
            Err(Stop::NotMade(finding)) => (Result::NotMade(finding), Err(Halt)),
        };
        self.checks.push(Check { step, by, result });
        made
    }

    pub(super) fn not_checked(&mut self, what: &'static str, why: impl core::fmt::Display) {
        let why = plain(why);
        let item = NotChecked { what, why };
        // Of two heads the same may be said.
        if !self.not_checked.contains(&item) {
            self.not_checked.push(item);
        }
    }

    pub(super) fn claim(
        &mut self,
        name: &'static str,
        value: impl core::fmt::Display,
        by: Voucher,
    ) {
        let value = plain(value);
        self.claims.push(Claim { name, value, by });
    }

    /// Who could have made it up, if it turns out VALID.
    pub(super) fn lies(&mut self, lies: Vec<Lie>) {
        self.lies = lies;
    }

    pub(super) const fn profile(&self) -> Profile {
        self.profile
    }

    /// A case file turns out to carry a Passport: more is required then.
    pub(super) const fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// VE-2: the table of decision 13. What failed refuses, whether required or not; a required check that is
    /// missing from the list, for whatever reason, is one that was not made.
    pub(super) fn finish(self, authority: Option<(Claims, Included)>) -> Report {
        let failed = self.checks.iter().find_map(|check| match &check.result {
            Result::Failed(finding) => Some(Outcome::Refused(finding.clone())),
            _ => None,
        });
        let required = self.profile.required();
        let gap = self.checks.iter().find_map(|check| match &check.result {
            Result::NotMade(finding) if required.contains(&check.step) => {
                Some(Outcome::Incomplete(finding.clone()))
            }
            _ => None,
        });
        let unreached = required
            .iter()
            .find(|step| !self.checks.iter().any(|check| check.step == **step))
            .map(|step| {
                Outcome::Incomplete(Finding {
                    code: "not-reached",
                    what: alloc::format!("the check `{}` was not made", step.as_str()),
                })
            });
        let outcome = failed.or(gap).or(unreached).unwrap_or(Outcome::Valid);
        // INVARIANT (authority).
        let authority = authority
            .filter(|_| outcome == Outcome::Valid)
            .map(|(claims, included)| Authority { claims, included });
        // WL-1: what nobody believes, nobody had to make up.
        let mut lies = self.lies;
        if outcome != Outcome::Valid {
            lies.clear();
        }
        Report {
            profile: self.profile,
            outcome,
            checks: self.checks,
            not_checked: self.not_checked,
            claims: self.claims,
            lies,
            authority,
        }
    }
}
