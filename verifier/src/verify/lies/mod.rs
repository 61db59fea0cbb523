//! Who would have had to lie (`spec/lies.md`): of a VALID answer, the smallest sets of key holders that could have brought
//! it about though what it says is false.
//!
//! Nothing is judged here, and no answer depends on it. Who is honest goes on working for whoever deceives them: a
//! witness is in no set of what an entry says, for it reads none.

mod trail;
mod ways;

use alloc::{
    string::{String, ToString as _},
    vec,
    vec::Vec,
};
use core::fmt;

pub(super) use trail::Trail;
use ways::Ways;

use super::report::plain;
use crate::{id::Id, log::witness_policy::WitnessSets, passport::Claims, trust::Trust};

/// Sets told of one claim.
pub const LIES_MAX: usize = 64;

/// Whoever can use a key, its thief too. In the order in which they are told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// Of an agent's key.
    Agent(Id),
    /// Of the founder's file key, or of the passkey in the genesis entry.
    Founder,
    /// Of a sign-in passkey of this person.
    SignIn(Id),
    /// Of an approval passkey of this person.
    Approval(Id),
    /// Whoever put the key of this agent or person into the log; a Passport does not name them.
    Enrolment(Id),
    /// Whoever signed the policy and what it was told of agent, target and counterparty; a Passport does not name them.
    Rule,
    /// Of the log key.
    LogKey,
    /// Of the seal key.
    SealKey,
    /// Of the key of the witness with this name in the trust file.
    Witness(String),
    /// Of this target system: its gate.
    Gate(Id),
}

/// What could be false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The agent asked for exactly this.
    Asked,
    /// The tenant's policy decided so, on true facts.
    Decided,
    /// The people named judged so.
    Agreed,
    /// It is in a log that a witness holds.
    InLog,
    /// Everyone with this trust file sees the same log.
    SameLog,
    /// The Passport was used once.
    UsedOnce,
}

/// One claim, and who would have had to lie for it to be false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lie {
    /// The claim.
    pub about: About,
    /// Who.
    pub by: Liars,
}

/// Who could have made it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Liars {
    /// Each of these sets; nobody who is not all of one.
    Sets {
        /// 1 to [`LIES_MAX`] sets, smaller ones first, each sorted; none holds another.
        sets: Vec<Vec<Holder>>,
        /// Whether there are more. What is listed suffices then, but need not be all that is small.
        more: bool,
    },
    /// It cannot be told from this artefact: why.
    Untold(&'static str),
}

impl Holder {
    /// The word for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Founder => "founder",
            Self::SignIn(_) => "sign-in",
            Self::Approval(_) => "approval",
            Self::Enrolment(_) => "enrolment",
            Self::Rule => "rule",
            Self::LogKey => "log",
            Self::SealKey => "seal",
            Self::Witness(_) => "witness",
            Self::Gate(_) => "gate",
        }
    }

    /// Which of the kind, if there can be several.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Agent(id)
            | Self::SignIn(id)
            | Self::Approval(id)
            | Self::Enrolment(id)
            | Self::Gate(id) => Some(id.as_str()),
            Self::Witness(name) => Some(name),
            Self::Founder | Self::Rule | Self::LogKey | Self::SealKey => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => write!(f, "agent {id}'s key"),
            Self::Founder => f.write_str("the founder"),
            Self::SignIn(id) => write!(f, "{id}'s sign-in device"),
            Self::Approval(id) => write!(f, "{id}'s approval device"),
            Self::Enrolment(id) => write!(f, "who enrolled {id}"),
            Self::Rule => f.write_str("who signed the policy and what it was told"),
            Self::LogKey => f.write_str("the log key"),
            Self::SealKey => f.write_str("the seal key"),
            Self::Witness(name) => write!(f, "witness {name}"),
            Self::Gate(id) => write!(f, "the gate of {id}"),
        }
    }
}

impl About {
    /// Every claim, in the order in which they are told.
    pub const ALL: [Self; 6] = [
        Self::Asked,
        Self::Decided,
        Self::Agreed,
        Self::InLog,
        Self::SameLog,
        Self::UsedOnce,
    ];

    /// The word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Decided => "decided",
            Self::Agreed => "agreed",
            Self::InLog => "in-log",
            Self::SameLog => "same-log",
            Self::UsedOnce => "used-once",
        }
    }

    /// For people.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Asked => "the agent asked for this",
            Self::Decided => "the policy decided so",
            Self::Agreed => "these people agreed",
            Self::InLog => "it is in the log",
            Self::SameLog => "everyone sees the same log",
            Self::UsedOnce => "it was used once",
        }
    }
}

/// What is known of each of the three claims about the case, and of the use.
struct Told {
    asked: Liars,
    decided: Liars,
    agreed: Liars,
    used: Liars,
}

/// WL-5, of a Passport alone: what it says of the case is the word of log and seal.
pub(super) fn of_passport(claims: &Claims, trust: &Trust) -> Vec<Lie> {
    let host = Ways::all_of([Holder::LogKey, Holder::SealKey]);
    let one = |holder| Ways::one(holder);
    let agent =
        one(Holder::Agent(claims.agent.clone())).or(&one(Holder::Enrolment(claims.agent.clone())));
    let agreed = claims.path.approvals().map(|approvals| {
        let people = approvals.people.iter().flat_map(|person| {
            let own = vec![Holder::Approval(person.approver.clone())];
            let enrolled = vec![Holder::Enrolment(person.approver.clone())];
            // Whose delegation it was, the case file shows; it is theirs to give, and nobody enrols it.
            let delegated = person.delegator.iter();
            let delegated = delegated.flat_map(|from| {
                [
                    vec![Holder::SignIn(from.clone())],
                    vec![Holder::Enrolment(from.clone())],
                ]
            });
            [own, enrolled].into_iter().chain(delegated)
        });
        Ways::smallest(people, false)
    });
    let told = Told {
        asked: Liars::of(agent.or(&host)),
        decided: Liars::of(one(Holder::Rule).or(&host)),
        agreed: match agreed {
            Some(agreed) => Liars::of(agreed.or(&host)),
            None => Liars::Untold("nobody was asked"),
        },
        used: Liars::of(one(Holder::Gate(claims.audience.system().clone()))),
    };
    lies(told, trust)
}

/// WL-5, of a case file.
pub(super) fn of_case(trail: &Trail, trust: &Trust) -> Vec<Lie> {
    let decided = trail.decided.smallest().or(&host(trail));
    lies(told(trail, decided), trust)
}

/// WL-5, of a log, of whose decisions `replayed` were made again.
pub(super) fn of_ledger(trail: &Trail, trust: &Trust, replayed: u64) -> Vec<Lie> {
    let decided = trail.decided.smallest();
    let decided = if replayed == trail.decisions {
        decided
    } else {
        decided.or(&host(trail))
    };
    lies(told(trail, decided), trust)
}

/// Of two heads.
pub(super) fn of_heads(trust: &Trust) -> Vec<Lie> {
    // WL-7
    let untold = || Liars::Untold("two heads say nothing of it: audit the ledger");
    let told = Told {
        asked: untold(),
        decided: untold(),
        agreed: untold(),
        used: untold(),
    };
    lies(told, trust)
}

/// Who could decide otherwise where nothing else stands against it: a decision with a Passport, the seal key too.
fn host(trail: &Trail) -> Ways {
    if trail.cases > trail.passports {
        Ways::one(Holder::LogKey)
    } else {
        Ways::all_of([Holder::LogKey, Holder::SealKey])
    }
}

fn told(trail: &Trail, decided: Ways) -> Told {
    let gates = trail.targets.iter().cloned();
    let gates = gates.map(|target| vec![Holder::Gate(target)]);
    // WL-7
    Told {
        asked: Liars::or(trail.asked.smallest(), "there is no request in it"),
        decided: if trail.decisions > 0 {
            Liars::or(decided, "there is no decision in it")
        } else {
            Liars::Untold("there is no decision in it")
        },
        agreed: Liars::or(trail.agreed.smallest(), "nobody judged"),
        used: Liars::or(
            Ways::smallest(gates, false),
            "there is no Passport in it that could be used",
        ),
    }
}

/// WL-6: with the claims about the log, all six in their order.
fn lies(told: Told, trust: &Trust) -> Vec<Lie> {
    let policy = trust.policy();
    About::ALL
        .into_iter()
        .zip([
            told.asked,
            told.decided,
            told.agreed,
            of_witnesses(policy.quorums(LIES_MAX)),
            of_witnesses(policy.splits(LIES_MAX)),
            told.used,
        ])
        .map(|(about, by)| Lie { about, by })
        .collect()
}

/// Witnesses lie together with the log key, without which there is no second head.
fn of_witnesses(found: WitnessSets<'_>) -> Liars {
    let sets = found.sets.into_iter().map(|set| {
        let witnesses = set.into_iter();
        let witnesses = witnesses.map(|witness| Holder::Witness(plain(witness.name().to_string())));
        let mut set: Vec<Holder> = [Holder::LogKey].into_iter().chain(witnesses).collect();
        set.sort();
        set
    });
    Liars::of(Ways::smallest(sets, found.more))
}

impl Liars {
    fn of(ways: Ways) -> Self {
        let (sets, more) = ways.into_parts();
        Self::Sets { sets, more }
    }

    /// The sets; or, where there is none, why.
    fn or(ways: Ways, why: &'static str) -> Self {
        let (sets, more) = ways.into_parts();
        if sets.is_empty() {
            Self::Untold(why)
        } else {
            Self::Sets { sets, more }
        }
    }
}
