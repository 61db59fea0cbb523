//! One case, whole: what was asked, what the rules of its last decision say, every event with its bytes in notation;
//! and the verifier's report on its file. Nothing here changes anything.
//!
//! The report is honest about where it was made: the trust file of this server came with what it judges, so nothing is
//! pinned, and the best answer is INCOMPLETE (`unpinned`). VALID is for a stranger's own run to say.

use std::sync::Arc;

use agentsigna_verifier::{
    case::CaseState,
    cbor::Value,
    decision::BuiltinRule,
    digest::Digest,
    entry::{CaseId, Entry, Event},
    event::DecisionMade,
    limits,
    log::tree::LeafHash,
    people::Role,
    review::{self, sheet::Comparison},
    rules::{BigStack, Bundle, CompiledBundle, ENGINE, Effect, decide, tell},
    state::CaseRow,
    time::UnixMillis,
    trust::Trust,
    verify::{Question, Report, verify},
};

use super::{
    CaseSeen, Office, Refusal, Visitor, case_file, escalation,
    office::Inner,
    queue::{asks, delegators},
    reply::Reply,
    view::{decision, durable_case},
};
use crate::ledger::{Reading, Tenant};

/// Events that one page holds: 16 rounds of one person each have 50, those of 256 people thousands.
const EVENTS_MAX: u64 = 128;

/// A case as its tenant's people see it.
#[derive(Debug, Clone)]
pub struct CaseTold {
    /// What was asked, and where it stands.
    pub seen: CaseSeen,
    /// The agent's own words.
    pub statement: Option<String>,
    /// The rules of the last decision.
    pub rules: Vec<RuleTold>,
    /// Whether that decision, made again now, is the same (RP-7); `None` where this release cannot make it.
    pub equal: Option<bool>,
    /// Its events, oldest first: a part of them.
    pub events: Vec<EventTold>,
    /// Where the next part begins, counted in events of the case.
    pub next: Option<u64>,
    /// When it was looked at.
    pub now: UnixMillis,
    /// Until when a review is open, and when that was looked at.
    pub open_until: Option<(UnixMillis, UnixMillis)>,
    /// Whether a word of the one who looks would count, for themselves or for somebody else.
    pub asks_me: bool,
}

/// One event of a case.
#[derive(Debug, Clone)]
pub struct EventTold {
    /// Its position.
    pub index: u64,
    /// The event.
    pub event: Event,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes in diagnostic notation.
    pub notation: String,
}

/// A rule of a decision, as the bundle or the product says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTold {
    /// Its id, as recorded.
    pub id: String,
    /// What it says; `None` where this server cannot read the bundle any more.
    pub title: Option<String>,
    /// Why it asks people, if it does.
    pub reason: Option<String>,
    /// Whether it held; of a grant that is told because nothing gave authority, not.
    pub held: bool,
    /// What it compared, left and right, with what stood there.
    pub values: Vec<Comparison>,
}

/// The last decision of a case, explained.
#[derive(Default)]
struct Explained {
    rules: Vec<RuleTold>,
    equal: Option<bool>,
}

/// A report, and what was asked.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The answer.
    pub report: Report,
    /// The question.
    pub question: Question,
    /// The size of the log that was judged, or that the case file stands on.
    pub size: u64,
}

impl Office {
    /// A case, with its events from number `from` on: as many as one page holds.
    ///
    /// # Errors
    /// `not-found` for what is none of this tenant's; `queue-full`.
    pub async fn case_told(
        &self,
        visitor: &Visitor,
        case: &str,
        from: u64,
    ) -> Result<CaseTold, Refusal> {
        let case = CaseId::from_hex(case).ok_or_else(Refusal::not_found)?;
        let seen = self.case_seen(visitor, case)?;
        let now = self.inner.ledger.clock().now();
        let Explained { rules, equal } = self.rules_told(visitor, case, &seen.row).await?;
        let mut reading = Reading::of(&visitor.tenant);
        let review = escalation::review(&mut reading, case)?;
        let open_until = review
            .filter(|_| seen.row.state == CaseState::InReview)
            .map(|review| (review.deadline, now));
        Ok(CaseTold {
            statement: escalation::statement(&seen.asked)?,
            rules,
            equal,
            events: events(&visitor.tenant, &seen.row, from)?,
            next: Some(from.saturating_add(EVENTS_MAX)).filter(|next| {
                usize::try_from(*next).is_ok_and(|next| next < seen.row.events.len())
            }),
            asks_me: open_until.is_some() && asks_visitor(visitor, case, now)?,
            open_until,
            now,
            seen,
        })
    }

    /// The case file, the same bytes that agents get.
    ///
    /// # Errors
    /// `not-found` for what is none of this tenant's.
    pub fn case_file(&self, visitor: &Visitor, case: &str) -> Result<(CaseId, Vec<u8>), Refusal> {
        let case = CaseId::from_hex(case).ok_or_else(Refusal::not_found)?;
        Ok((case, case_file::assemble(&visitor.tenant, case)?))
    }

    /// What the verifier says of the case file, judged now with the trust file of the log.
    ///
    /// # Errors
    /// `not-found`; `rate-limited`, because this is work; `queue-full`.
    pub async fn verified(&self, visitor: &Visitor, case: &str) -> Result<Verified, Refusal> {
        let case = CaseId::from_hex(case).ok_or_else(Refusal::not_found)?;
        let tenant = visitor.tenant.clone();
        let _ = durable_case(&tenant, case)?;
        let now = self.inner.ledger.clock().now();
        self.spend(visitor)?;
        let (reply, outcome) = Reply::new();
        self.submit(case.as_bytes(), move |_| {
            reply.give(verified(&tenant, case, now));
        })?;
        outcome.await.map_err(|_| Refusal::stopping())?
    }

    /// AP-14: what costs work counts as a request of the passkey that the session began with.
    pub(super) fn spend(&self, visitor: &Visitor) -> Result<(), Refusal> {
        let Some(passkey) = &visitor.passkey else {
            return Ok(());
        };
        let steady = self.inner.ledger.clock().steady();
        let origin = visitor.tenant.origin();
        self.inner.rates.take(origin, passkey.thumbprint, steady)
    }

    /// In the lane of the case: a bundle that is not at hand is compiled there.
    async fn rules_told(
        &self,
        visitor: &Visitor,
        case: CaseId,
        row: &CaseRow,
    ) -> Result<Explained, Refusal> {
        let tenant = visitor.tenant.clone();
        let made = decision(&tenant, row)?;
        let (reply, outcome) = Reply::new();
        let inner = Arc::clone(&self.inner);
        self.submit(case.as_bytes(), move |stack| {
            reply.give(Ok(explained(&inner, stack, &tenant, &made)));
        })?;
        outcome.await.map_err(|_| Refusal::stopping())?
    }
}

/// Whether a word of the visitor would count.
fn asks_visitor(visitor: &Visitor, case: CaseId, now: UnixMillis) -> Result<bool, Refusal> {
    if !visitor.has_one_of(&[Role::Approver]) {
        return Ok(false);
    }
    let others = delegators(&visitor.tenant, &visitor.user, now)?;
    let mut reading = Reading::of(&visitor.tenant);
    asks(&mut reading, case, &visitor.user, &others, now)
}

fn events(tenant: &Tenant, row: &CaseRow, from: u64) -> Result<Vec<EventTold>, Refusal> {
    let [from, max] = [from, EVENTS_MAX].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let part = row.events.iter().skip(from).take(max);
    let events = part.map(|place| {
        let bytes = tenant.entry_bytes(place.index);
        let bytes = bytes.map_err(|error| Refusal::broken(&error))?;
        let entry = Entry::decode(&bytes).map_err(|error| Refusal::broken(&error))?;
        let event = Event::decode(&entry.event).map_err(|error| Refusal::broken(&error))?;
        let value = Value::decode(&entry.event, limits::ENTRY_BYTES_MAX);
        Ok(EventTold {
            index: place.index,
            digest: Event::digest_of(&entry.event),
            notation: value.map_err(|error| Refusal::broken(&error))?.diagnostic(),
            event,
        })
    });
    events.collect()
}

/// A decision made again and told rule by rule. What this server cannot make again is shown by its titles alone: the
/// decision stands.
fn explained(inner: &Inner, stack: &BigStack, tenant: &Tenant, made: &DecisionMade) -> Explained {
    let compiled = made.snapshot.bundle().and_then(|digest| {
        inner
            .policies
            .find(tenant, digest)
            .or_else(|| compiled(stack, tenant, &digest))
    });
    let bundle = compiled.as_deref();
    let named = |id: &str| {
        if let Some(rule) = BuiltinRule::named(id) {
            let reason = review::builtin::reason(rule).map(str::to_owned);
            return (Some(rule.title().to_owned()), reason);
        }
        let rule = bundle.and_then(|bundle| bundle.rules().get(id));
        let reason = rule.and_then(|rule| match rule.effect() {
            Effect::Escalate(escalation) => Some(escalation.reason().to_owned()),
            Effect::Grant | Effect::Stop => None,
        });
        (rule.map(|rule| rule.title().to_owned()), reason)
    };
    let told = |id: String, held, values| {
        let (title, reason) = named(&id);
        RuleTold {
            id,
            title,
            reason,
            held,
            values,
        }
    };
    let at_hand = made.snapshot.bundle().is_none() || bundle.is_some();
    let mut equal = None;
    if at_hand && made.decision.engine() == ENGINE {
        let (again, _) = decide(stack, bundle, &made.snapshot).into_parts();
        equal = Some(again == made.decision);
        if let (Some(true), Ok(rules)) = (equal, tell(stack, bundle, &made.snapshot, &again)) {
            let rules = rules.into_iter();
            let rules = rules.map(|rule| told(rule.id, rule.held, rule.values));
            return Explained {
                rules: rules.collect(),
                equal,
            };
        }
    }
    let rules = made.decision.rules().iter();
    Explained {
        rules: rules.map(|id| told(id.clone(), true, Vec::new())).collect(),
        equal,
    }
}

/// A bundle of before; it is not kept, where it would take the place of one that decides.
fn compiled(stack: &BigStack, tenant: &Tenant, digest: &Digest) -> Option<Arc<CompiledBundle>> {
    let bundle = Bundle::decode(&tenant.blob(digest).ok()??).ok()?;
    CompiledBundle::compile(stack, &bundle).ok().map(Arc::new)
}

fn verified(tenant: &Tenant, case: CaseId, now: UnixMillis) -> Result<Verified, Refusal> {
    let size = tenant.head().tree().size().entries();
    let file = case_file::assemble(tenant, case)?;
    let genesis = tenant.entry_bytes(0);
    let genesis = genesis.map_err(|error| Refusal::broken(&error))?;
    let trust = Trust::from_genesis(tenant.genesis(), LeafHash::of(&genesis))
        .map_err(|error| Refusal::broken(&error))?;
    let question = Question {
        at: Some(now),
        // TA-31: whoever reads this has it from the one who wrote the case file.
        pinned: false,
        expects_authority: false,
    };
    Ok(Verified {
        report: verify(&file, &trust, &question),
        question,
        size,
    })
}
