//! One request in its lane: who asks, what for, what follows, and the change that says so.
//!
//! Everything here runs on a thread of [`super::workers`], one request of a key behind the other. What it changes
//! it hands to the ledger; the answer goes out through [`Reply`] once that is durable.

use std::sync::Arc;

use super::{
    Act, Caller, Chain, Kind, Refusal, Step,
    answer::Pending,
    ceremonies::Ends,
    directory::{self, Desk},
    escalation,
    office::Inner,
    passport,
    proof::Proof,
    reply::Reply,
    request::{self, Asked, Found},
    signing::not_allowed,
};
use crate::ledger::{AdmitError, Change, Committed, NonceUse, Preview, Reading, Tenant};
use agentsigna_verifier::{
    act::{Act as _, Claim},
    decision::Verdict,
    event::{Body, DecisionMade, Speaker},
    rules::BigStack,
    signed_request::{Authentic, Signed as SignedMessage},
    state::{NewKey, Stage},
    time::UnixMillis,
};

/// How often a request is decided again because what it read has changed meanwhile (decision 20).
pub(super) const TRIES_MAX: usize = 4;
/// Wrong claims that kill a code (AP-12).
pub(super) const WRONG_CLAIMS_MAX: u32 = 5;

/// One request that is being worked on.
pub(super) struct Work {
    pub(super) message: SignedMessage,
    pub(super) body: Vec<u8>,
    pub(super) route: Route,
    pub(super) reply: Reply<Done>,
}

/// What is asked, by the path it came in on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Route {
    Action,
    Founder(Act),
    System(Act),
}

impl Route {
    /// The act, where it is none of an agent's.
    pub(super) const fn act(self) -> Option<Act> {
        match self {
            Self::Action => None,
            Self::Founder(act) | Self::System(act) => Some(act),
        }
    }
}

/// What was committed, and what to say of it.
pub(super) type Done = (Tenant, Pending, Committed);

/// Works on one request in its lane, deciding again while what it read changes under it.
pub(super) fn run(inner: &Inner, stack: &BigStack, work: Work) -> Result<(), Refusal> {
    let tenant = request::find(&inner.ledger, work.message.keyid())?;
    // One time for the signature, the decision and the Passport (decision 36).
    let now = inner.ledger.clock().now();
    let thumbprint = work.message.keyid();
    let mut first = Reading::of(&tenant);
    let (caller, key) = request::holder(&mut first, thumbprint)?;
    let noted = |refusal| {
        inner.failures.note(&tenant, &caller, &refusal, now);
        refusal
    };
    let Work {
        message,
        body,
        route,
        reply,
    } = work;
    let authentic = request::authenticate(message, now, &key, &body).map_err(noted)?;
    let nonce = nonce(&authentic);
    // AP-3, RQ-28: before anything that the content says.
    if nonce.as_ref().is_some_and(|nonce| tenant.has_seen(nonce)) {
        return Err(noted(AdmitError::Replayed.into()));
    }
    inner
        .rates
        .take(tenant.origin(), thumbprint, inner.ledger.clock().steady())?;
    let signed = Proven {
        tenant: &tenant,
        authentic: &authentic,
        body: &body,
        route,
        now,
    };
    let refusal = match attempt(inner, stack, &signed, nonce.as_ref(), &reply) {
        Ok(()) => return Ok(()),
        Err(refusal) => noted(refusal),
    };
    if matches!(refusal.kind, Kind::Unavailable | Kind::Broken) || refusal.code == "replayed" {
        return Err(refusal);
    }
    // What was refused cannot be sent once more by somebody else, when it might no longer be.
    let spent = Change {
        nonce,
        ..Change::default()
    };
    let answered = reply.clone();
    inner
        .ledger
        .admit(Reading::of(&tenant), spent, move |_| {
            answered.give(Err(refusal));
        })
        .map_err(Refusal::from)
}

/// A request whose signature was found good.
#[derive(Clone, Copy)]
struct Proven<'a> {
    tenant: &'a Tenant,
    authentic: &'a Authentic,
    body: &'a [u8],
    route: Route,
    now: UnixMillis,
}

fn attempt(
    inner: &Inner,
    stack: &BigStack,
    signed: &Proven<'_>,
    nonce: Option<&NonceUse>,
    reply: &Reply<Done>,
) -> Result<(), Refusal> {
    let mut tries = 0_usize;
    loop {
        tries = tries.saturating_add(1);
        let step = step(inner, stack, signed)?;
        match admit(inner, signed.tenant, step, nonce.cloned(), reply) {
            Ok(()) => return Ok(()),
            Err(AdmitError::Stale(_)) if tries < TRIES_MAX => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn step(inner: &Inner, stack: &BigStack, signed: &Proven<'_>) -> Result<Step, Refusal> {
    let Proven {
        tenant,
        authentic,
        body,
        route,
        now,
    } = *signed;
    let mut reading = Reading::of(tenant);
    let (caller, _) = request::holder(&mut reading, authentic.signed().keyid())?;
    let (act, by) = match (route, caller) {
        (Route::Action, caller) => {
            return ask(inner, stack, reading, &caller, authentic, body, now);
        }
        (Route::Founder(act), Caller::Founder) => (act, Speaker::Founder),
        (Route::System(act), Caller::System(id)) => (act, Speaker::System(id)),
        (Route::Founder(_), _) => return Err(caller_kind("only the founder's key does this")),
        (Route::System(_), _) => return Err(caller_kind("only target systems do this")),
    };
    act.take(Desk {
        stack,
        reading,
        proof: Proof::Http(authentic),
        by,
        body,
        now,
        policies: &inner.policies,
    })
}

/// AP-1: a known key of another kind.
fn caller_kind(who: &str) -> Refusal {
    Refusal::new(Kind::Forbidden, "caller-kind", who)
}

/// Request, decision, and what follows from it: all in one change.
fn ask(
    inner: &Inner,
    stack: &BigStack,
    mut reading: Reading,
    caller: &Caller,
    authentic: &Authentic,
    body: &[u8],
    now: UnixMillis,
) -> Result<Step, Refusal> {
    let asked = match request::read(&mut reading, caller, authentic, body, now)? {
        Found::Again(case) => {
            return Ok(Step {
                reading,
                change: Change::default(),
                answer: Pending::Again(case),
            });
        }
        Found::New(asked) => *asked,
    };
    let tenant = reading.tenant().clone();
    let Asked {
        case,
        body: requested,
        snapshot,
        statement,
        key,
    } = asked;
    let (decision, permit) = inner
        .policies
        .decide(stack, &tenant, &snapshot)?
        .into_parts();
    let mut chain = Chain::after(case, now, Vec::new());
    let made = DecisionMade { snapshot, decision };
    chain.push(Body::ActionRequested(requested))?;
    chain.push(Body::DecisionMade(made.clone()))?;
    let DecisionMade { snapshot, decision } = &made;
    let mut deadline = None;
    let mut blobs = Vec::new();
    match (decision.verdict(), permit) {
        (Verdict::Authorized, Some(permit)) => {
            inner
                .ledger
                .clock()
                .check()
                .map_err(|fault| Refusal::unavailable("clock", fault.to_string()))?;
            passport::issue(&mut chain, &tenant, permit, snapshot, key)?;
        }
        (Verdict::Escalated, _) => {
            let mut preview = Preview::over(&mut reading);
            for event in &chain.events {
                preview.follow(event).map_err(not_allowed)?;
            }
            let asked = escalation::Asked {
                made: &made,
                at: now,
                statement: statement.as_deref(),
            };
            let compiled = inner.policies.of(stack, &tenant, snapshot)?;
            let opened =
                escalation::open(stack, compiled.as_deref(), &mut preview, &mut chain, &asked)?;
            deadline = Some(opened.deadline);
            blobs.extend(opened.sheet);
        }
        (Verdict::Authorized | Verdict::Rejected, _) => {}
    }
    let prove = (decision.verdict() == Verdict::Authorized).then_some(2);
    Ok(Step {
        reading,
        change: Change {
            events: chain.events,
            blobs,
            prove,
            ..Change::default()
        },
        answer: Pending::New {
            case,
            decision: decision.clone(),
            deadline,
        },
    })
}

/// Works on the claim of a new key in its lane.
pub(super) fn claim(
    inner: &Inner,
    message: SignedMessage,
    body: &[u8],
    reply: &Reply<Done>,
) -> Result<(), Refusal> {
    let now = inner.ledger.clock().now();
    let act = Claim::parse(body)?;
    let wrong = || {
        Refusal::new(
            Kind::Forbidden,
            "wrong-code",
            "no such invitation, or another code: ask for a new one",
        )
    };
    let authentic = request::authenticate(message, now, &act.key, body)?;
    // The one request whose key is in no log yet: the body names the log, and the code must be of that log.
    let tenant = inner.ledger.by_origin(act.origin()).ok_or_else(wrong)?;
    let mut reading = Reading::of(&tenant);
    let stage = directory::stage_of(&mut reading, &act.claimant)?;
    let Some(NewKey::Invited { code, .. }) = stage.as_ref().and_then(Stage::new_key).copied()
    else {
        let claimed = directory::claim(reading, &authentic, &act, body, now)?;
        return admit(inner, &tenant, claimed, nonce(&authentic), reply).map_err(Refusal::from);
    };
    // AP-12: five wrong claims kill the code.
    if inner.wrong_claims().get(&code).copied().unwrap_or(0) >= WRONG_CLAIMS_MAX {
        return Err(wrong());
    }
    let claimed = directory::claim(reading, &authentic, &act, body, now);
    if claimed
        .as_ref()
        .is_err_and(|refusal| refusal.code == "wrong-code")
    {
        let mut wrong_claims = inner.wrong_claims();
        let count = wrong_claims.entry(code).or_default();
        *count = count.saturating_add(1);
    }
    admit(inner, &tenant, claimed?, nonce(&authentic), reply).map_err(Refusal::from)
}

fn nonce(authentic: &Authentic) -> Option<NonceUse> {
    let statement = authentic.statement();
    let nonce = statement.nonce()?;
    Some(NonceUse::new(
        statement.keyid(),
        nonce,
        statement.expires_s(),
    ))
}

pub(super) fn admit(
    inner: &Inner,
    tenant: &Tenant,
    step: Step,
    nonce: Option<NonceUse>,
    reply: &Reply<Done>,
) -> Result<(), AdmitError> {
    let Step {
        reading,
        mut change,
        answer,
    } = step;
    change.nonce = nonce;
    let (reply, tenant) = (reply.clone(), tenant.clone());
    let (ends, ceremonies) = (Ends::of(&change.events), Arc::clone(&inner.ceremonies));
    inner.ledger.admit(reading, change, move |committed| {
        reply.give(match committed {
            Some(committed) => {
                ceremonies.end(&tenant, &ends);
                Ok((tenant, answer, committed))
            }
            None => Err(Refusal::unavailable(
                "stopping",
                "the server has stopped: ask again when it is back",
            )),
        });
    })
}
