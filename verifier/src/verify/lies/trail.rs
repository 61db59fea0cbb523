//! Who signed for whom, back to the founder, from the events of a case file or of a log.
//!
//! It is told each event after the event was judged, so it judges nothing: it remembers by whose lie each key could be
//! another's, and each fact untrue.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Holder, ways::Ways};
use crate::{
    digest::Digest,
    entry::Event,
    event::{Body, DecisionMade, Judged, Signed},
    id::Id,
    passkey::{CredentialId, context::CredentialUse},
    state::{MemoryRows, Row, RowName},
};

/// An agent, target system or counterparty: how what the log says of it could be a lie.
#[derive(Debug, Default)]
struct Party {
    invited: Ways,
    /// As what it was confirmed.
    enrolled: Ways,
    /// Its last change.
    changed: Ways,
    /// What its key signs.
    key: Ways,
}

/// Sets of many events, not yet the smallest.
#[derive(Debug, Default)]
pub(super) struct Heap {
    sets: BTreeSet<Vec<Holder>>,
    more: bool,
}

/// What is known of the signers so far.
#[derive(Debug, Default)]
pub(in crate::verify) struct Trail {
    /// How what a passkey signs could be a lie.
    words: BTreeMap<CredentialId, Ways>,
    people: BTreeMap<Id, Ways>,
    agents: BTreeMap<Id, Party>,
    systems: BTreeMap<Id, Party>,
    counterparties: BTreeMap<Id, Party>,
    proposed: BTreeMap<RowName, Ways>,
    delegated: BTreeMap<(Id, Id), Ways>,
    policy: Ways,
    pub(super) asked: Heap,
    pub(super) decided: Heap,
    pub(super) agreed: Heap,
    /// Targets for which there are Passports.
    pub(super) targets: BTreeSet<Id>,
    pub(super) cases: u64,
    pub(super) decisions: u64,
    pub(super) passports: u64,
}

impl Heap {
    fn add(&mut self, ways: &Ways) {
        self.sets.extend(ways.sets().iter().cloned());
        self.more |= ways.more();
    }

    pub(super) fn smallest(&self) -> Ways {
        Ways::smallest(self.sets.iter().cloned(), self.more)
    }
}

impl Party {
    /// WL-4, and what was said beside the key.
    fn confirm(&mut self, by: &Ways) {
        self.key = another_key(&self.invited, by);
        self.enrolled = self.invited.and(by);
    }
}

/// WL-4: who confirmed, with who invited or with who drew the code.
fn another_key(invited: &Ways, confirmed: &Ways) -> Ways {
    confirmed.and(&invited.or(&Ways::one(Holder::LogKey)))
}

impl Trail {
    /// An event that was found good, and the rows after it.
    pub(in crate::verify) fn see(&mut self, rows: &MemoryRows, index: u64, event: &Event) {
        match &event.body {
            Body::LogCreated(_) => {
                let people = rows.iter().filter_map(|(_, row)| match row {
                    Row::Person(person) => Some(person),
                    _ => None,
                });
                for passkey in people.flat_map(|person| &person.passkeys) {
                    let founder = Ways::one(Holder::Founder);
                    self.words.insert(passkey.credential.clone(), founder);
                }
            }
            Body::UserInvited(body) => {
                let by = self.act(rows, &body.signed);
                self.people.insert(body.user.clone(), by);
            }
            Body::UserEnrolled(body) => {
                let by = self.act(rows, &body.signed);
                let invited = self.people.remove(&body.user).unwrap_or_default();
                self.passkeys(rows, index, &body.user, &another_key(&invited, &by));
            }
            Body::ActProposed(body) => {
                if let Signed::Passkey { context, .. } = &body.signed {
                    let by = self.word(&context.credential, &context.user);
                    let name =
                        RowName::Proposal(body.path.clone(), Digest::from_bytes(context.content));
                    self.proposed.insert(name, by);
                }
            }
            Body::DelegationGiven(body) => {
                let by = self.act(rows, &body.signed);
                self.delegated
                    .insert((body.from.clone(), body.to.clone()), by);
            }
            Body::PolicyActivated(body) => self.policy = self.act(rows, &body.signed),
            Body::ApprovalGiven(judged) | Body::ApprovalRefused(judged) => self.judged(judged),
            Body::ActionRequested(body) => {
                self.cases = self.cases.saturating_add(1);
                if let Some(agent) = self.agents.get(&body.agent) {
                    self.asked.add(&agent.key);
                }
            }
            Body::DecisionMade(made) => self.decided(made),
            Body::PassportIssued(_) => {
                self.passports = self.passports.saturating_add(1);
                let case = event.place.map(|place| RowName::Case(place.case));
                if let Some(Row::Case(case)) = case.and_then(|name| rows.find(&name)) {
                    self.targets.insert(case.target.clone());
                }
            }
            body => self.directory(rows, body),
        }
    }

    /// Agents, target systems, counterparties.
    fn directory(&mut self, rows: &MemoryRows, body: &Body) {
        match body {
            Body::AgentInvited(body) => {
                let by = self.act(rows, &body.signed);
                self.agents.entry(body.agent.clone()).or_default().invited = by;
            }
            Body::AgentEnrolled(body) => {
                let by = self.act(rows, &body.signed);
                let agent = self.agents.entry(body.agent.clone()).or_default();
                agent.confirm(&by);
                agent.key = Ways::one(Holder::Agent(body.agent.clone())).or(&agent.key);
            }
            Body::AgentChanged(body) => {
                let by = self.act(rows, &body.signed);
                self.agents.entry(body.id.clone()).or_default().changed = by;
            }
            Body::SystemInvited(body) => {
                let by = self.act(rows, &body.signed);
                self.systems.entry(body.system.clone()).or_default().invited = by;
            }
            Body::SystemEnrolled(body) => {
                let by = self.act(rows, &body.signed);
                let system = self.systems.entry(body.system.clone()).or_default();
                system.confirm(&by);
            }
            Body::SystemChanged(body) => {
                let by = self.act(rows, &body.signed);
                self.systems.entry(body.id.clone()).or_default().changed = by;
            }
            Body::CounterpartyEnrolled(body) => {
                let by = self.act(rows, &body.signed);
                let name = body.counterparty.clone();
                self.counterparties.entry(name).or_default().enrolled = by;
            }
            Body::CounterpartyChanged(body) => {
                let by = self.act(rows, &body.signed);
                let name = body.counterparty.clone();
                self.counterparties.entry(name).or_default().changed = by;
            }
            _ => {}
        }
    }

    /// WL-3: by one, or by two if this act used up a proposal.
    fn act(&mut self, rows: &MemoryRows, signed: &Signed) -> Ways {
        let Signed::Passkey { context, .. } = signed else {
            return Ways::one(Holder::Founder);
        };
        let by = self.word(&context.credential, &context.user);
        let content = Digest::from_bytes(context.content);
        let name = RowName::Proposal(context.path.as_str().into(), content);
        let used = matches!(rows.find(&name), Some(Row::Proposal(row)) if !row.open);
        match self.proposed.get(&name) {
            Some(first) if used => {
                let both = by.and(first);
                self.proposed.remove(&name);
                both
            }
            _ => by,
        }
    }

    fn word(&self, credential: &CredentialId, user: &Id) -> Ways {
        let known = self.words.get(credential).cloned();
        known.unwrap_or_else(|| Ways::one(Holder::SignIn(user.clone())))
    }

    /// The passkeys that the entry at `index` confirmed.
    fn passkeys(&mut self, rows: &MemoryRows, index: u64, user: &Id, another: &Ways) {
        let Some(Row::Person(person)) = rows.find(&RowName::Person(user.clone())) else {
            return;
        };
        let confirmed = person.passkeys.iter();
        for passkey in confirmed.filter(|passkey| passkey.index == index) {
            let own = Ways::one(match passkey.credential_use {
                CredentialUse::SignIn => Holder::SignIn(user.clone()),
                CredentialUse::Approval => Holder::Approval(user.clone()),
            });
            self.words
                .insert(passkey.credential.clone(), own.or(another));
        }
    }

    fn judged(&mut self, judged: &Judged) {
        let context = &judged.context;
        if let Some(ways) = self.words.get(&context.credential) {
            self.agreed.add(ways);
        }
        let delegation = context.delegator.as_ref().and_then(|from| {
            self.delegated
                .get(&(from.clone(), context.approver.clone()))
        });
        if let Some(ways) = delegation {
            self.agreed.add(ways);
        }
    }

    /// WL-5, *facts and policy*.
    fn decided(&mut self, made: &DecisionMade) {
        self.decisions = self.decisions.saturating_add(1);
        let snapshot = &made.snapshot;
        let parties = [
            self.agents.get(snapshot.agent().id()),
            self.systems.get(snapshot.target().id()),
            self.counterparties.get(snapshot.counterparty().id()),
        ];
        for party in parties.into_iter().flatten() {
            self.decided.add(&party.enrolled);
            self.decided.add(&party.changed);
        }
        self.decided.add(&self.policy);
    }
}
