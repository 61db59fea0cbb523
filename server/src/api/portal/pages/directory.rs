//! Agents, target systems, counterparties: who acts, where, with whom.

use agentsigna_verifier::id::Id;
use askama::Template;

use super::{
    frame::{Facts, Frame, Problem, wrong},
    parts::{Chip, Hash, Money, Theirs, When},
    queue::CaseRow,
};

/// `GET /agents`.
#[derive(Debug, Clone, Template)]
#[template(path = "agents.html")]
pub struct Agents {
    /// Around it.
    pub frame: Frame,
    /// By id.
    pub agents: Vec<AgentRow>,
    /// The form to invite one, if the person may.
    pub invite: Option<AgentForm>,
}

/// One agent in a list.
#[derive(Debug, Clone)]
pub struct AgentRow {
    /// Its id.
    pub agent: Id,
    /// Who answers for it.
    pub sponsor: Id,
    /// 1 to 4.
    pub tier: u8,
    /// The highest band unattended; `None` is none.
    pub latitude: Option<u8>,
    /// Authorised and not settled.
    pub exposure: Money,
    /// Invited, claimed, active, suspended.
    pub status: Chip,
}

/// An invitation being filled in.
#[derive(Debug, Clone, Default)]
pub struct AgentForm {
    /// As typed.
    pub agent: String,
    /// As typed.
    pub sponsor: String,
    /// As chosen: `1` to `4`.
    pub tier: String,
    /// People who may be sponsors.
    pub sponsors: Vec<String>,
    /// What cannot be taken.
    pub problems: Vec<Problem>,
}

/// `GET /agents/{agent}` and `GET /systems/{system}`.
#[derive(Debug, Clone, Template)]
#[template(path = "actor.html")]
pub struct ActorPage {
    /// Around it.
    pub frame: Frame,
    /// An agent or a target system.
    pub kind: ActorKind,
    /// Its id.
    pub id: Id,
    /// Where it stands.
    pub status: Chip,
    /// Names and values.
    pub facts: Facts,
    /// A key that was shown and waits for its confirmation.
    pub shown: Option<KeyShown>,
    /// The status that the person may set: `suspended`, `active` or nothing.
    pub change: Option<&'static str>,
    /// Of an agent, what evidence says of it.
    pub standing: Option<StandingShown>,
    /// Another invitation, where the person may sign one.
    pub again: Option<Again>,
    /// Its last cases.
    pub cases: Vec<CaseRow>,
}

/// An invitation of who was invited before.
#[derive(Debug, Clone)]
pub struct Again {
    /// Whether a key counts: then it is a rotation.
    pub rotates: bool,
    /// Whether a rotation has begun.
    pub begun: bool,
    /// Hidden fields.
    pub hidden: Vec<(&'static str, String)>,
}

/// What evidence says of an agent or a counterparty.
#[derive(Debug, Clone)]
pub struct StandingShown {
    /// What decisions weigh: names and values.
    pub facts: Facts,
    /// From band 0 on, at least one.
    pub bands: Vec<BandRow>,
}

/// One band of a standing.
#[derive(Debug, Clone)]
pub struct BandRow {
    /// 0 to 15.
    pub band: u8,
    /// Amounts in it are smaller.
    pub below: Money,
    /// 0 to 999.
    pub score: u64,
    /// Good evidence.
    pub good: u64,
    /// Partners behind it.
    pub partners: u64,
    /// Whether the agent may act in it without people.
    pub open: bool,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// An agent.
    Agent,
    /// A target system.
    System,
}

/// A key that was shown with the one-time code.
#[derive(Debug, Clone)]
pub struct KeyShown {
    /// Its thumbprint, to be compared with what the holder sees.
    pub thumbprint: Hash,
    /// When it was shown.
    pub at: When,
    /// Whether it takes the place of a key that counts.
    pub replaces: bool,
    /// The body of the confirmation: hidden fields. Empty where the person may not confirm.
    pub hidden: Vec<(&'static str, String)>,
}

/// `GET /systems`.
#[derive(Debug, Clone, Template)]
#[template(path = "systems.html")]
pub struct Systems {
    /// Around it.
    pub frame: Frame,
    /// By id, with their status and when it last changed.
    pub systems: Vec<(Id, Chip, When)>,
    /// Whether the person may invite.
    pub may_invite: bool,
    /// What cannot be taken.
    pub problems: Vec<Problem>,
    /// As typed.
    pub system: String,
}

/// `GET /counterparties`.
#[derive(Debug, Clone, Template)]
#[template(path = "counterparties.html")]
pub struct Counterparties {
    /// Around it.
    pub frame: Frame,
    /// By id.
    pub counterparties: Vec<CounterpartyRow>,
    /// The form to enrol one, if the person may.
    pub enrol: Option<CounterpartyForm>,
    /// The next page.
    pub next: Option<String>,
}

/// One counterparty in a list.
#[derive(Debug, Clone)]
pub struct CounterpartyRow {
    /// Its id.
    pub counterparty: Id,
    /// Its name.
    pub name: Theirs,
    /// Approved, watch, blocked.
    pub status: Chip,
    /// Low, medium, high.
    pub risk: Chip,
    /// Payments made before this log knew it.
    pub payments_before: u64,
    /// When its payment details last changed.
    pub details_changed_at: Option<When>,
}

/// An enrolment being filled in.
#[derive(Debug, Clone, Default)]
pub struct CounterpartyForm {
    /// As typed.
    pub counterparty: String,
    /// As typed.
    pub name: String,
    /// As chosen.
    pub status: String,
    /// As chosen.
    pub risk: String,
    /// As typed.
    pub payments_before: String,
    /// What cannot be taken.
    pub problems: Vec<Problem>,
}

/// `GET /counterparties/{counterparty}`.
#[derive(Debug, Clone, Template)]
#[template(path = "counterparty.html")]
pub struct CounterpartyPage {
    /// Around it.
    pub frame: Frame,
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: Theirs,
    /// `approved`, `watch` or `blocked`.
    pub status: &'static str,
    /// `low`, `medium` or `high`.
    pub risk: &'static str,
    /// Names and values.
    pub facts: Facts,
    /// What evidence says of it.
    pub standing: StandingShown,
    /// Whether the person may change it.
    pub may_change: bool,
    /// What cannot be taken of a change.
    pub problems: Vec<Problem>,
    /// The last cases with it.
    pub cases: Vec<CaseRow>,
}

impl ActorPage {
    const fn here(&self) -> &'static str {
        self.kind.place()
    }
}

impl ActorKind {
    const fn place(self) -> &'static str {
        match self {
            Self::Agent => "/agents",
            Self::System => "/systems",
        }
    }

    const fn member(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::System => "system",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::System => "Target system",
        }
    }
}

super::frame::stands!(Agents at "/agents", Systems at "/systems", Counterparties at "/counterparties", CounterpartyPage at "/counterparties");
