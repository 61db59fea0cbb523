//! Looking for one thing by its name: an id, a reference, a digest, a thumbprint, each whole and exact. Nothing here
//! changes anything.
//!
//! What has a row is looked up, in all of the log. What only entries say (digests, references) is looked for in a
//! bounded number of them, newest first; the answer says which, and where to go on.

use agentsigna_verifier::{
    digest::{self, Digest},
    entry::{CaseId, Entry, Event},
    event::Body,
    id::{Id, RequestId},
    key::JwkThumbprint,
    log::tree::LeafHash,
    state::{Row, RowName, Subject},
};

use super::{CaseSeen, Office, Refusal, Visitor};
use crate::ledger::{RowKind, Tenant};

/// Entries that one search looks at. TA-32
const LOOKED_AT_MAX: u64 = 4096;
/// The longest text that is looked for, in bytes: as long as the field of the pages.
const TEXT_BYTES_MAX: usize = 128;
/// What is shown of one part of the log.
const HITS_MAX: usize = 50;

/// Something found that is no case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// An agent.
    Agent(Id),
    /// A target system.
    System(Id),
    /// A counterparty, and its name.
    Counterparty(Id, String),
    /// A person, and their name.
    Person(Id, String),
    /// A policy bundle, and whether it decides now.
    Bundle(Digest, bool),
    /// An entry: its position, its kind, its case, and what of it has this digest.
    Entry(u64, &'static str, Option<CaseId>, &'static str),
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct Searched {
    /// Cases.
    pub cases: Vec<CaseSeen>,
    /// What else.
    pub others: Vec<Hit>,
    /// The entries that were looked at, first and last; `None` if rows alone answer.
    pub looked_at: Option<(u64, u64)>,
    /// Entries below this index were not looked at.
    pub before: Option<u64>,
}

impl Office {
    /// What `text` names, in the visitor's log. `before`: only entries below it, for the next page.
    ///
    /// # Errors
    /// `rate-limited`, because this is work; what is our own fault.
    pub fn search(
        &self,
        visitor: &Visitor,
        text: &str,
        before: Option<u64>,
    ) -> Result<Searched, Refusal> {
        let mut found = Searched::default();
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return Ok(found);
        }
        self.spend(visitor)?;
        self.look_up(visitor, text, &mut found)?;
        let sought = Digest::from_hex(text);
        let is_case = CaseId::from_hex(text).is_some();
        let is_reference = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if sought.is_some() || (is_reference && !is_case) {
            self.look_through(visitor, (text, sought), before, &mut found)?;
        }
        Ok(found)
    }

    /// All that has a row of this name.
    fn look_up(&self, visitor: &Visitor, text: &str, found: &mut Searched) -> Result<(), Refusal> {
        let tenant = &visitor.tenant;
        if let Some(case) = CaseId::from_hex(text) {
            self.add_case(visitor, case, found)?;
        }
        if let Ok(id) = Id::parse(text) {
            for name in [
                RowName::Agent(id.clone()),
                RowName::System(id.clone()),
                RowName::Counterparty(id.clone()),
                RowName::Person(id.clone()),
            ] {
                let hit = match durable(tenant, &name)? {
                    Some(Row::Agent(_)) => Hit::Agent(id.clone()),
                    Some(Row::System(_)) => Hit::System(id.clone()),
                    Some(Row::Counterparty(row)) => Hit::Counterparty(id.clone(), row.name),
                    Some(Row::Person(row)) => Hit::Person(id.clone(), row.name.as_str().to_owned()),
                    _ => continue,
                };
                found.others.push(hit);
            }
        }
        if let Ok(request) = RequestId::parse(text) {
            let agents = self.named_rows(
                visitor,
                RowKind::Agents,
                |row| match row {
                    Row::Agent(row) => row.entries.first().map(|ground| ((), ground.index)),
                    _ => None,
                },
                |body| match body {
                    Body::AgentInvited(body) => Some(body.agent.clone()),
                    _ => None,
                },
            )?;
            for (agent, ()) in agents {
                let name = RowName::Request(agent, request.clone());
                if let Some(Row::Request(case)) = durable(tenant, &name)? {
                    self.add_case(visitor, case, found)?;
                }
            }
        }
        if let Some(thumbprint) = JwkThumbprint::from_base64url(text) {
            if let Some(Row::Key(subject)) = durable(tenant, &RowName::Key(thumbprint))? {
                found.others.push(match subject {
                    Subject::Agent(id) => Hit::Agent(id),
                    Subject::System(id) => Hit::System(id),
                });
            }
            if let Some(Row::Passkey(row)) = durable(tenant, &RowName::Passkey(thumbprint))? {
                let name = match durable(tenant, &RowName::Person(row.user.clone()))? {
                    Some(Row::Person(person)) => person.name.as_str().to_owned(),
                    _ => String::new(),
                };
                found.others.push(Hit::Person(row.user, name));
            }
        }
        if let Some(bundle) = Digest::from_hex(text)
            && let Some(Row::Bundle(_)) = durable(tenant, &RowName::Bundle(bundle))?
        {
            let policy = durable(tenant, &RowName::Policy)?;
            let active = matches!(policy, Some(Row::Policy(row)) if row.bundle == bundle);
            found.others.push(Hit::Bundle(bundle, active));
        }
        Ok(())
    }

    /// Entries that have the digest, and cases that have the reference.
    fn look_through(
        &self,
        visitor: &Visitor,
        (text, sought): (&str, Option<Digest>),
        before: Option<u64>,
        found: &mut Searched,
    ) -> Result<(), Refusal> {
        let tenant = &visitor.tenant;
        let size = tenant.head().tree().size().entries();
        let begin = before.map_or(size, |before| before.min(size));
        let end = begin.saturating_sub(LOOKED_AT_MAX);
        let mut first = begin;
        for index in (end..begin).rev() {
            if found.cases.len().saturating_add(found.others.len()) >= HITS_MAX {
                break;
            }
            first = index;
            let bytes = tenant.entry_bytes(index);
            let bytes = bytes.map_err(|error| Refusal::broken(&error))?;
            let entry = Entry::decode(&bytes).map_err(|error| Refusal::broken(&error))?;
            let event = Event::decode(&entry.event).map_err(|error| Refusal::broken(&error))?;
            let case = event.place.as_ref().map(|place| place.case);
            if let Body::ActionRequested(asked) = &event.body
                && asked.action.reference() == text
                && let Some(case) = case
            {
                self.add_case(visitor, case, found)?;
            }
            let what = sought.and_then(|sought| named(sought, &bytes, &entry, &event));
            found
                .others
                .extend(what.map(|what| Hit::Entry(index, event.body.kind(), case, what)));
        }
        found.looked_at = begin.checked_sub(1).map(|last| (first, last));
        found.before = (first > 0).then_some(first);
        Ok(())
    }

    fn add_case(
        &self,
        visitor: &Visitor,
        case: CaseId,
        found: &mut Searched,
    ) -> Result<(), Refusal> {
        if found.cases.iter().any(|seen| seen.case == case) {
            return Ok(());
        }
        match self.case_seen(visitor, case) {
            Ok(seen) => found.cases.push(seen),
            // TA-13: another tenant's is like none.
            Err(refusal) if refusal == Refusal::not_found() => {}
            Err(refusal) => return Err(refusal),
        }
        Ok(())
    }
}

/// What of an entry has the digest `sought`.
fn named(sought: Digest, bytes: &[u8], entry: &Entry, event: &Event) -> Option<&'static str> {
    let is = |bytes: &[u8; 32]| bytes == sought.as_bytes();
    if Event::digest_of(&entry.event) == sought {
        return Some("its event");
    }
    if is(LeafHash::of(bytes).as_bytes()) {
        return Some("its leaf in the log");
    }
    match &event.body {
        Body::ActionRequested(body) if body.action.digest() == sought => Some("its action"),
        Body::ActionRequested(body) if body_content(body.signed.body()) == Some(sought) => {
            Some("the content of its request")
        }
        Body::DecisionMade(body) if body.snapshot.digest() == sought => Some("what was weighed"),
        Body::DecisionMade(body) if body.snapshot.bundle() == Some(sought) => {
            Some("the policy that decided")
        }
        Body::ReviewOpened(body) if body.sheet == Some(sought) => Some("its sheet"),
        Body::ApprovalGiven(body) | Body::ApprovalRefused(body)
            if body.context.challenge() == sought || body.context.sheet == sought =>
        {
            Some("what was signed, or its sheet")
        }
        body if body.blob() == Some(sought) => Some("what it stores"),
        _ => None,
    }
}

fn body_content(body: Option<&[u8]>) -> Option<Digest> {
    body.map(|body| Digest::from_bytes(digest::rfc9530_content(body)))
}

fn durable(tenant: &Tenant, name: &RowName) -> Result<Option<Row>, Refusal> {
    tenant
        .durable_row(name)
        .map_err(|error| Refusal::broken(&error))
}
