//! What can happen: one rule per event kind (`spec/event.md`, `spec/event.cddl`).
//!
//! Bodies are closed maps with text keys. A body read here is well formed, no more: who signed it and whether
//! it may follow what came before is judged in [`crate::verify`].

mod case;
mod directory;
mod genesis;
mod outcome;
mod password;
mod people;
mod policy;
mod signed;

use alloc::{string::ToString as _, vec::Vec};

pub use case::{ActionRequested, CaseExpired, DecisionMade, Judged, ReviewOpened};
pub use directory::{
    AgentEnrolled, AgentInvited, Claimed, CounterpartyChanged, CounterpartyEnrolled, StatusChanged,
    SystemEnrolled, SystemInvited,
};
pub use genesis::{
    BadFounderKey, BadSites, Founder, FounderError, FounderKey, Genesis, PasskeyFounder, Sites,
};
pub use outcome::{
    DisputeResolved, ExecutionStarted, OutcomeCounted, OutcomeRecorded, PassportLapsed, Speaker,
    StandingChanged, Stated, cti_to_hex,
};
pub(crate) use outcome::{latitude, per_band, read_per_band};
pub use password::{PasswordEnded, PasswordSet};
pub use people::{
    ActProposed, DelegationEnded, DelegationGiven, EndReason, SessionEnded, Shown, SignInLocked,
    SignInMethod, SignedIn, UserChanged, UserClaimed, UserEnrolled, UserInvited, UserRevoked,
};
pub use policy::{AuthFailed, PolicyActivated, PolicyPublished};
pub use signed::Signed;

use crate::{
    cbor::Value, digest::Digest, entry::EntryError, outcome::Voice, signed_request::Profile,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $kind:literal, case: $case:literal, $read:expr, $write:expr;)+) => {
        /// What happened. Each variant is one kind.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body {
            $($(#[$doc])* $variant($body),)+
        }

        impl Body {
            /// Every kind of this version, in the order of `spec/event.md`.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// The name of the kind.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $kind,)+
                }
            }

            /// Whether events of this kind are steps of a case.
            #[must_use]
            pub const fn is_of_a_case(&self) -> bool {
                match self {
                    $(Self::$variant(_) => $case,)+
                }
            }

            /// The body as CBOR.
            #[must_use]
            pub fn to_value(&self) -> Value {
                match self {
                    $(Self::$variant(body) => ($write)(body),)+
                }
            }

            /// Reads the body of an event of `kind`. EV-1: exactly the members of the kind, each in its range.
            ///
            /// # Errors
            /// [`EntryError::UnknownKind`], [`EntryError::Cbor`].
            pub fn from_value(kind: &str, value: Value) -> Result<Self, EntryError> {
                match kind {
                    $($kind => Ok(Self::$variant(($read)(value)?)),)+
                    _ => Err(EntryError::UnknownKind(kind.to_string())),
                }
            }
        }
    };
}

kinds! {
    /// Index 0: keys and currency of the log.
    LogCreated(Genesis) = "log.created", case: false, Genesis::from_value, Genesis::to_value;
    /// A sponsor names an agent and gets a one-time code for it.
    AgentInvited(AgentInvited) = "agent.invited", case: false, AgentInvited::from_value, AgentInvited::to_value;
    /// The agent shows its key and that it holds it.
    AgentClaimed(Claimed) = "agent.claimed", case: false, Claimed::agent_from_value, Claimed::agent_to_value;
    /// The founder confirms the key's thumbprint: from here on it may ask.
    AgentEnrolled(AgentEnrolled) = "agent.enrolled", case: false, AgentEnrolled::from_value, AgentEnrolled::to_value;
    /// An agent is suspended or set active again.
    AgentChanged(StatusChanged) = "agent.changed", case: false,
        StatusChanged::agent_from_value, StatusChanged::agent_to_value;
    /// A target system is named and gets a one-time code.
    SystemInvited(SystemInvited) = "system.invited", case: false, SystemInvited::from_value, SystemInvited::to_value;
    /// The target system shows its key.
    SystemClaimed(Claimed) = "system.claimed", case: false, Claimed::system_from_value, Claimed::system_to_value;
    /// The founder confirms the target system's key.
    SystemEnrolled(SystemEnrolled) = "system.enrolled", case: false,
        SystemEnrolled::from_value, SystemEnrolled::to_value;
    /// A target system is suspended or set active again.
    SystemChanged(StatusChanged) = "system.changed", case: false,
        StatusChanged::system_from_value, StatusChanged::system_to_value;
    /// A counterparty is known from here on.
    CounterpartyEnrolled(CounterpartyEnrolled) = "counterparty.enrolled", case: false,
        CounterpartyEnrolled::from_value, CounterpartyEnrolled::to_value;
    /// A counterparty's status, risk or payment details changed.
    CounterpartyChanged(CounterpartyChanged) = "counterparty.changed", case: false,
        CounterpartyChanged::from_value, CounterpartyChanged::to_value;
    /// A policy bundle is stored (as a blob). It decides nothing yet.
    PolicyPublished(PolicyPublished) = "policy.published", case: false,
        PolicyPublished::from_value, PolicyPublished::to_value;
    /// A published bundle decides from here on.
    PolicyActivated(PolicyActivated) = "policy.activated", case: false,
        PolicyActivated::from_value, PolicyActivated::to_value;
    /// A person is named, or a person of the log may add passkeys.
    UserInvited(UserInvited) = "user.invited", case: false, UserInvited::from_value, UserInvited::to_value;
    /// The person shows passkeys.
    UserClaimed(UserClaimed) = "user.claimed", case: false, UserClaimed::from_value, UserClaimed::to_value;
    /// The passkeys are confirmed: from here on they count.
    UserEnrolled(UserEnrolled) = "user.enrolled", case: false, UserEnrolled::from_value, UserEnrolled::to_value;
    /// Status, roles or groups of a person changed.
    UserChanged(UserChanged) = "user.changed", case: false, UserChanged::from_value, UserChanged::to_value;
    /// One passkey counts no more.
    UserRevoked(UserRevoked) = "user.revoked", case: false, UserRevoked::from_value, UserRevoked::to_value;
    /// One person may judge for another.
    DelegationGiven(DelegationGiven) = "delegation.given", case: false,
        DelegationGiven::from_value, DelegationGiven::to_value;
    /// One person may judge for another no more.
    DelegationEnded(DelegationEnded) = "delegation.ended", case: false,
        DelegationEnded::from_value, DelegationEnded::to_value;
    /// The first of two administrators signed an act.
    ActProposed(ActProposed) = "act.proposed", case: false, ActProposed::from_value, ActProposed::to_value;
    /// A session of a person began.
    AuthSignedIn(SignedIn) = "auth.signed-in", case: false, SignedIn::from_value, SignedIn::to_value;
    /// A session ended.
    AuthEnded(SessionEnded) = "auth.ended", case: false, SessionEnded::from_value, SessionEnded::to_value;
    /// Password sign-in of a person rests.
    AuthLocked(SignInLocked) = "auth.locked", case: false, SignInLocked::from_value, SignInLocked::to_value;
    /// A person set a password, for reading.
    UserPasswordSet(PasswordSet) = "user.password-set", case: false, PasswordSet::from_value, PasswordSet::to_value;
    /// The password of a person opens nothing any more.
    UserPasswordEnded(PasswordEnded) = "user.password-ended", case: false,
        PasswordEnded::from_value, PasswordEnded::to_value;
    /// Requests that named a known key and were refused, counted per minute.
    AuthFailed(AuthFailed) = "auth.failed", case: false, AuthFailed::from_value, AuthFailed::to_value;
    /// An agent asked: the signed request itself.
    ActionRequested(ActionRequested) = "action.requested", case: true,
        ActionRequested::from_value, ActionRequested::to_value;
    /// Policy decided, on exactly these inputs.
    DecisionMade(DecisionMade) = "decision.made", case: true, DecisionMade::from_value, DecisionMade::to_value;
    /// People are asked to judge, until a deadline.
    ReviewOpened(ReviewOpened) = "review.opened", case: true, ReviewOpened::from_value, ReviewOpened::to_value;
    /// A person agreed.
    ApprovalGiven(Judged) = "approval.given", case: true, Judged::given_from_value, Judged::to_value;
    /// A person refused: the case is closed.
    ApprovalRefused(Judged) = "approval.refused", case: true, Judged::refused_from_value, Judged::to_value;
    /// Too few agreed in time. Never an approval.
    CaseExpired(CaseExpired) = "case.expired", case: true, CaseExpired::from_value, CaseExpired::to_value;
    /// The Passport, as the bytes of a tagged COSE_Sign1 with an empty unprotected header.
    PassportIssued(Vec<u8>) = "passport.issued", case: true, passport_from_value, passport_to_value;
    /// The target begins.
    ExecutionStarted(ExecutionStarted) = "execution.started", case: true,
        ExecutionStarted::from_value, ExecutionStarted::to_value;
    /// How it ended, as the target or people say.
    OutcomeRecorded(OutcomeRecorded) = "outcome.recorded", case: true,
        OutcomeRecorded::from_value, OutcomeRecorded::to_value;
    /// What people found in a dispute.
    DisputeResolved(DisputeResolved) = "dispute.resolved", case: true,
        DisputeResolved::from_value, DisputeResolved::to_value;
    /// Nobody disputed in time what a person said.
    OutcomeCounted(OutcomeCounted) = "outcome.counted", case: true,
        OutcomeCounted::from_value, OutcomeCounted::to_value;
    /// Nobody used the Passport.
    PassportLapsed(PassportLapsed) = "passport.lapsed", case: true,
        PassportLapsed::from_value, PassportLapsed::to_value;
    /// Trust moved.
    StandingChanged(StandingChanged) = "standing.changed", case: true,
        StandingChanged::from_value, StandingChanged::to_value;
}

impl Body {
    /// The blob that the event names for the first time: a bundle, a review sheet.
    #[must_use]
    pub const fn blob(&self) -> Option<Digest> {
        match self {
            Self::PolicyPublished(published) => Some(published.bundle),
            Self::ReviewOpened(review) => review.sheet,
            _ => None,
        }
    }

    /// What somebody signed, for kinds that carry it.
    #[must_use]
    pub const fn signed(&self) -> Option<&Signed> {
        match self {
            Self::AgentInvited(body) => Some(&body.signed),
            Self::AgentEnrolled(body) => Some(&body.signed),
            Self::SystemInvited(body) => Some(&body.signed),
            Self::SystemEnrolled(body) => Some(&body.signed),
            Self::AgentChanged(body) | Self::SystemChanged(body) => Some(&body.signed),
            Self::CounterpartyEnrolled(body) => Some(&body.signed),
            Self::CounterpartyChanged(body) => Some(&body.signed),
            Self::PolicyPublished(body) => Some(&body.signed),
            Self::PolicyActivated(body) => Some(&body.signed),
            Self::UserInvited(body) => Some(&body.signed),
            Self::UserEnrolled(body) => Some(&body.signed),
            Self::UserChanged(body) => Some(&body.signed),
            Self::UserRevoked(body) => Some(&body.signed),
            Self::DelegationGiven(body) => Some(&body.signed),
            Self::DelegationEnded(body) => Some(&body.signed),
            Self::ActProposed(body) => Some(&body.signed),
            Self::UserPasswordSet(body) => Some(&body.signed),
            Self::UserPasswordEnded(body) => Some(&body.signed),
            Self::AgentClaimed(body) | Self::SystemClaimed(body) => Some(&body.signed),
            Self::ActionRequested(body) => Some(&body.signed),
            Self::ExecutionStarted(body) => Some(&body.signed),
            Self::OutcomeRecorded(body) => Some(&body.signed),
            Self::DisputeResolved(body) => Some(&body.signed),
            Self::LogCreated(_)
            | Self::UserClaimed(_)
            | Self::AuthSignedIn(_)
            | Self::AuthEnded(_)
            | Self::AuthLocked(_)
            | Self::AuthFailed(_)
            | Self::DecisionMade(_)
            | Self::ReviewOpened(_)
            | Self::ApprovalGiven(_)
            | Self::ApprovalRefused(_)
            | Self::CaseExpired(_)
            | Self::PassportIssued(_)
            | Self::OutcomeCounted(_)
            | Self::PassportLapsed(_)
            | Self::StandingChanged(_) => None,
        }
    }

    /// The profile of [`Signed::Http`], for kinds that take this form.
    #[must_use]
    pub const fn profile(&self) -> Option<Profile> {
        match self {
            Self::AgentInvited(_)
            | Self::AgentEnrolled(_)
            | Self::AgentChanged(_)
            | Self::SystemInvited(_)
            | Self::SystemEnrolled(_)
            | Self::SystemChanged(_)
            | Self::CounterpartyEnrolled(_)
            | Self::CounterpartyChanged(_)
            | Self::PolicyPublished(_)
            | Self::PolicyActivated(_)
            | Self::UserInvited(_)
            | Self::UserEnrolled(_)
            | Self::UserChanged(_)
            | Self::UserRevoked(_)
            | Self::DisputeResolved(_) => Some(Profile::Founder),
            Self::OutcomeRecorded(body) => Some(match body.by.voice() {
                Voice::Target => Profile::Action,
                Voice::People => Profile::Founder,
            }),
            Self::AgentClaimed(_) | Self::SystemClaimed(_) => Some(Profile::Enrol),
            Self::ActionRequested(_) | Self::ExecutionStarted(_) => Some(Profile::Action),
            Self::DelegationGiven(_)
            | Self::DelegationEnded(_)
            | Self::ActProposed(_)
            | Self::UserPasswordSet(_)
            | Self::UserPasswordEnded(_)
            | Self::LogCreated(_)
            | Self::UserClaimed(_)
            | Self::AuthSignedIn(_)
            | Self::AuthEnded(_)
            | Self::AuthLocked(_)
            | Self::AuthFailed(_)
            | Self::DecisionMade(_)
            | Self::ReviewOpened(_)
            | Self::ApprovalGiven(_)
            | Self::ApprovalRefused(_)
            | Self::CaseExpired(_)
            | Self::PassportIssued(_)
            | Self::OutcomeCounted(_)
            | Self::PassportLapsed(_)
            | Self::StandingChanged(_) => None,
        }
    }
}

fn passport_from_value(value: Value) -> Result<Vec<u8>, crate::cbor::CborError> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(crate::cbor::CborError::Unexpected {
            what: "passport.issued",
            field: "body",
            expected: "bytes",
        }),
    }
}

fn passport_to_value(passport: &[u8]) -> Value {
    Value::bytes(passport)
}

#[cfg(test)]
mod tests;
