//! Where requests come in and answers go out: the loop, run for one request at a time in its lane.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use agentsigna_verifier::{
    act::{Act as _, Claim},
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    event::{Body, DecisionMade},
    key::JwkThumbprint,
    rules::BigStack,
    signed_request::{Authentic, Signed as SignedMessage},
    state::Stage,
    time::UnixMillis,
};
use tokio::sync::{oneshot, watch};

use super::{
    Act, Answer, Caller, Chain, Kind, Refusal, Step,
    answer::Pending,
    directory::{self, Desk},
    escalation,
    failures::Failures,
    passport,
    policy::Policies,
    request::{self, Asked, Found},
    workers::Workers,
};
use crate::ledger::{AdmitError, Change, Committed, Ledger, NonceUse, Reading, Tenant};

/// How often a request is decided again because what it read has changed meanwhile (decision 20).
const TRIES_MAX: usize = 4;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(250);
/// Wrong claims that kill a code (AP-12).
const WRONG_CLAIMS_MAX: u32 = 5;

/// The domain floor, running. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) ledger: Ledger,
    workers: Workers,
    policies: Policies,
    pub(super) failures: Failures,
    /// Wrong claims by the digest of the invitation's code, since the start: a new code has a new count, and
    /// nobody who was not invited has one.
    wrong_claims: Mutex<HashMap<Digest, u32>>,
    /// Nonces of reads, whose signatures live at most a minute: they change nothing, so memory is enough.
    pub(super) read_nonces: Mutex<HashMap<(JwkThumbprint, String), u64>>,
    /// Reads that wait, by key.
    pub(super) waiting: Mutex<HashMap<JwkThumbprint, usize>>,
    /// The first whole second of this run, in seconds: reads signed in it or later were not seen by the run before.
    pub(super) first_second: u64,
    /// For those who wait (AP-11).
    pub(super) told_to_stop: watch::Sender<bool>,
    stopping: AtomicBool,
}

/// Why the floor could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
    /// The active policy of a tenant does not compile any more.
    #[error("the active policy of log `{0}` cannot be used: {1}")]
    Policy(String, String),
}

/// One request that is being worked on.
struct Work {
    message: SignedMessage,
    body: Vec<u8>,
    route: Route,
    reply: Reply,
}

/// What is asked, by the path it came in on.
#[derive(Debug, Clone, Copy)]
enum Route {
    Action,
    Founder(Act),
}

/// Gives one answer, once.
#[derive(Clone)]
struct Reply(Arc<Mutex<Option<oneshot::Sender<Outcome>>>>);

type Outcome = Result<(Tenant, Pending, Committed), Refusal>;

impl Office {
    /// Opens the floor over `ledger` with `lanes` threads.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn open(ledger: Ledger, lanes: usize) -> Result<Self, OfficeError> {
        let office = Self {
            inner: Arc::new(Inner {
                first_second: ledger.clock().now().seconds().saturating_add(1),
                ledger,
                workers: Workers::start(lanes)?,
                policies: Policies::default(),
                failures: Failures::default(),
                wrong_claims: Mutex::default(),
                read_nonces: Mutex::default(),
                waiting: Mutex::default(),
                told_to_stop: watch::Sender::new(false),
                stopping: AtomicBool::new(false),
            }),
        };
        office.load_policies()?;
        let ticking = Arc::downgrade(&office.inner);
        thread::Builder::new()
            .name("deadlines".to_owned())
            .spawn(move || {
                while let Some(inner) = ticking.upgrade() {
                    if inner.stopping.load(Ordering::Acquire) {
                        return;
                    }
                    tick(&inner);
                    drop(inner);
                    thread::sleep(TICK);
                }
            })?;
        Ok(office)
    }

    /// The ledger below.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    /// Ends every read that waits (AP-11): the server is about to stop.
    pub fn stop_waiting(&self) {
        self.inner.told_to_stop.send_replace(true);
    }

    /// Waits, less than a second, until a read that is signed now can be told from one that the run before saw.
    pub fn wait_for_reads(&self) {
        let first_ms = self.inner.first_second.saturating_mul(1000);
        let now_ms = self.inner.ledger.clock().now().millis();
        thread::sleep(Duration::from_millis(first_ms.saturating_sub(now_ms)));
    }

    /// Takes no more work, and finishes what waits.
    pub fn close(&self) {
        self.inner.stopping.store(true, Ordering::Release);
        self.inner.workers.close();
        self.inner.record_failures(u64::MAX);
        self.inner.ledger.close();
    }

    /// An agent asks: may I? Answered once verdict, entries and Passport are durable.
    ///
    /// # Errors
    /// [`Refusal`]; then no case was opened or changed.
    pub async fn ask(&self, message: SignedMessage, body: Vec<u8>) -> Result<Answer, Refusal> {
        self.work(message, body, Route::Action).await
    }

    /// The founder acts.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed.
    pub async fn act(
        &self,
        act: Act,
        message: SignedMessage,
        body: Vec<u8>,
    ) -> Result<Answer, Refusal> {
        self.work(message, body, Route::Founder(act)).await
    }

    /// A new key is claimed.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed.
    pub async fn claim(&self, message: SignedMessage, body: Vec<u8>) -> Result<Answer, Refusal> {
        let (reply, outcome) = Reply::new();
        let inner = Arc::clone(&self.inner);
        let key = message.keyid();
        let job = move |_: &BigStack| {
            if let Err(refusal) = claim(&inner, message, &body, &reply) {
                reply.give(Err(refusal));
            }
        };
        self.submit(key, job)?;
        finish(outcome).await
    }

    async fn work(
        &self,
        message: SignedMessage,
        body: Vec<u8>,
        route: Route,
    ) -> Result<Answer, Refusal> {
        let (reply, outcome) = Reply::new();
        let inner = Arc::clone(&self.inner);
        let key = message.keyid();
        let work = Work {
            message,
            body,
            route,
            reply,
        };
        self.submit(key, move |stack| {
            let reply = work.reply.clone();
            if let Err(refusal) = run(&inner, stack, work) {
                reply.give(Err(refusal));
            }
        })?;
        finish(outcome).await
    }

    /// AP-10: a lane that is full is said at once, and the request is in no queue then.
    fn submit(
        &self,
        key: JwkThumbprint,
        job: impl FnOnce(&BigStack) + Send + 'static,
    ) -> Result<(), Refusal> {
        if self.inner.workers.submit(key, job) {
            return Ok(());
        }
        Err(Refusal::unavailable(
            "queue-full",
            "too many requests wait: try again in a second",
        ))
    }

    fn load_policies(&self) -> Result<(), OfficeError> {
        let (sender, loaded) = mpsc::channel();
        let inner = Arc::clone(&self.inner);
        self.inner.workers.submit((), move |stack| {
            for (_, tenant) in inner.ledger.tenants() {
                let result = inner.policies.load(stack, &tenant);
                // The receiver waits below.
                let _ = sender
                    .send(result.map_err(|refusal| (tenant.origin().to_owned(), refusal.detail)));
            }
        });
        for result in loaded {
            result.map_err(|(origin, detail)| OfficeError::Policy(origin, detail))?;
        }
        Ok(())
    }
}

async fn finish(outcome: oneshot::Receiver<Outcome>) -> Result<Answer, Refusal> {
    let stopped = || Refusal::unavailable("stopping", "the server is stopping: try again");
    let (tenant, pending, committed) = outcome.await.map_err(|_| stopped())??;
    pending.finish(&tenant, &committed)
}

/// Works on one request in its lane, deciding again while what it read changes under it.
fn run(inner: &Inner, stack: &BigStack, work: Work) -> Result<(), Refusal> {
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
    reply: &Reply,
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
    match route {
        Route::Action => ask(inner, stack, reading, &caller, authentic, body, now),
        Route::Founder(act) => {
            if caller != Caller::Founder {
                return Err(Refusal::new(
                    Kind::Forbidden,
                    "caller-kind",
                    "only the founder's key does this",
                ));
            }
            act.take(Desk {
                stack,
                reading,
                authentic,
                body,
                now,
                policies: &inner.policies,
            })
        }
    }
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
        key,
    } = asked;
    let (decision, permit) = inner
        .policies
        .decide(stack, &tenant, &snapshot)?
        .into_parts();
    let mut chain = Chain::after(case, now, 0, Digest::from_bytes([0; 32]));
    chain.push(Body::ActionRequested(requested))?;
    chain.push(Body::DecisionMade(DecisionMade {
        snapshot: snapshot.clone(),
        decision: decision.clone(),
    }))?;
    let mut deadline = None;
    match (decision.verdict(), permit) {
        (Verdict::Authorized, Some(permit)) => {
            inner
                .ledger
                .clock()
                .check()
                .map_err(|fault| Refusal::unavailable("clock", fault.to_string()))?;
            passport::issue(&mut chain, &tenant, permit, &snapshot, key)?;
        }
        (Verdict::Escalated, _) => {
            deadline = escalation::deadline(&decision, now);
            let until = deadline.ok_or_else(|| Refusal::broken(&"an escalation without a time"))?;
            escalation::open(&mut chain, until)?;
        }
        (Verdict::Authorized | Verdict::Rejected, _) => {}
    }
    let prove = (decision.verdict() == Verdict::Authorized).then_some(2);
    Ok(Step {
        reading,
        change: Change {
            events: chain.events,
            prove,
            ..Change::default()
        },
        answer: Pending::New {
            case,
            decision,
            deadline,
        },
    })
}

fn claim(inner: &Inner, message: SignedMessage, body: &[u8], reply: &Reply) -> Result<(), Refusal> {
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
    let Some(Stage::Invited { code, .. }) = directory::stage_of(&mut reading, &act.claimant)?
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

fn admit(
    inner: &Inner,
    tenant: &Tenant,
    step: Step,
    nonce: Option<NonceUse>,
    reply: &Reply,
) -> Result<(), AdmitError> {
    let Step {
        reading,
        mut change,
        answer,
    } = step;
    change.nonce = nonce;
    let (reply, tenant) = (reply.clone(), tenant.clone());
    inner.ledger.admit(reading, change, move |committed| {
        reply.give(match committed {
            Some(committed) => Ok((tenant, answer, committed)),
            None => Err(Refusal::unavailable(
                "stopping",
                "the server has stopped: ask again when it is back",
            )),
        });
    })
}

/// Ends reviews whose deadline has passed, each in the lane of its case.
fn tick(inner: &Arc<Inner>) {
    let now = inner.ledger.clock().now();
    inner.forget_read_nonces(now);
    inner.record_failures(now.seconds() / 60);
    for (_, tenant) in inner.ledger.tenants() {
        let due = match tenant.due(now.millis()) {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, origin = tenant.origin(), "deadlines cannot be read");
                continue;
            }
        };
        let mut seen = HashSet::new();
        for case in due.into_iter().filter(|case| seen.insert(*case)) {
            let (task, tenant) = (Arc::clone(inner), tenant.clone());
            inner.workers.submit(case, move |_| {
                expire(&task, &tenant, CaseId::from_bytes(case));
            });
        }
    }
}

fn expire(inner: &Inner, tenant: &Tenant, case: CaseId) {
    let mut reading = Reading::of(tenant);
    let now = inner.ledger.clock().now();
    let admitted = match escalation::expire(&mut reading, case, now) {
        Ok(None) => return,
        Ok(Some(change)) => inner
            .ledger
            .admit(reading, change, |_| {})
            .map_err(|error| error.to_string()),
        Err(refusal) => Err(refusal.detail),
    };
    // What was stale or refused is looked at again with the next tick.
    if let Err(error) = admitted {
        tracing::warn!(error, %case, "a review that is over could not be closed yet");
    }
}

impl Inner {
    fn wrong_claims(&self) -> MutexGuard<'_, HashMap<Digest, u32>> {
        self.wrong_claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the failures of all minutes before `minute` on the record.
    fn record_failures(&self, minute: u64) {
        for (origin, change) in self.failures.take(minute, self.ledger.clock().now()) {
            let Some(tenant) = self.ledger.by_origin(&origin) else {
                continue;
            };
            if let Err(error) = self.ledger.admit(Reading::of(&tenant), change, |_| {}) {
                tracing::warn!(%error, origin, "failures of a minute are not on the record");
            }
        }
    }
}

impl Reply {
    fn new() -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    fn give(&self, outcome: Outcome) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Whoever asked may have gone; what was done stays done.
            let _ = sender.send(outcome);
        }
    }
}
