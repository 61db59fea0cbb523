//! Where requests come in and answers go out. Each goes into a lane ([`super::lane`]); what is due by time is looked
//! at here.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
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
    digest::Digest, entry::CaseId, event::EndReason, key::JwkThumbprint, rules::BigStack,
    signed_request::Signed as SignedMessage,
};
use tokio::sync::{Semaphore, oneshot, watch};

use super::{
    Act, Answer, Refusal,
    ceremonies::{Ceremonies, Holder},
    escalation,
    failures::Failures,
    lane::{self, Done, Route, Work},
    log::Judging,
    news::STREAMS_OF_ALL_MAX,
    outcome,
    passwords::Passwords,
    policy::Policies,
    rates::{Buckets, Rates},
    rehearsal::Rehearsals,
    reply::Reply,
    view::durable_case,
    workers::Workers,
};
use crate::ledger::{Calendar, Ledger, Reading, Tenant};

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(250);
/// Cases of one log that are looked at in a tick, so that those who ask find room in the lanes.
const DUE_MAX: usize = 256;

/// The domain floor, running. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) ledger: Ledger,
    workers: Workers,
    pub(super) policies: Policies,
    /// What policies would do, and what they say: read by people, apart from what agents wait for.
    pub(super) rehearsals: Rehearsals,
    pub(super) failures: Failures,
    /// What people are in the middle of.
    pub(super) ceremonies: Arc<Ceremonies>,
    /// Tries and codes of passwords.
    pub(super) passwords: Passwords,
    /// What each key and tenant may still ask for (AP-14).
    pub(super) rates: Buckets,
    /// Wrong claims by the digest of the invitation's code, since the start: a new code has a new count, and
    /// nobody who was not invited has one.
    wrong_claims: Mutex<HashMap<Digest, u32>>,
    /// Cases that fall due and are in a lane, by log: they are put into none a second time.
    falling: Mutex<HashSet<(String, CaseId)>>,
    /// Nonces of reads, whose signatures live at most a minute: they change nothing, so memory is enough.
    pub(super) read_nonces: Mutex<HashMap<(JwkThumbprint, String), u64>>,
    /// Reads that wait, by key.
    pub(super) waiting: Mutex<HashMap<JwkThumbprint, usize>>,
    /// The first whole second of this run, in seconds: reads signed in it or later were not answered by the run
    /// before (AP-15).
    pub(super) first_second: u64,
    /// Logs that the verifier is judging for people.
    pub(super) judging: Arc<Judging>,
    /// Places for pages that wait for news.
    pub(super) streams: Arc<Semaphore>,
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

impl Office {
    /// Opens the floor over `ledger` with `lanes` threads; keys and tenants may ask as often as `rates` allow.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn open(ledger: Ledger, lanes: usize, rates: Rates) -> Result<Self, OfficeError> {
        let office = Self {
            inner: Arc::new(Inner {
                first_second: ledger.clock().now().seconds().saturating_add(1),
                ledger,
                workers: Workers::start(lanes)?,
                policies: Policies::default(),
                rehearsals: Rehearsals::start()?,
                failures: Failures::default(),
                ceremonies: Arc::default(),
                passwords: Passwords::default(),
                rates: Buckets::new(rates),
                wrong_claims: Mutex::default(),
                falling: Mutex::default(),
                read_nonces: Mutex::default(),
                waiting: Mutex::default(),
                judging: Arc::default(),
                streams: Arc::new(Semaphore::new(STREAMS_OF_ALL_MAX)),
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
        self.inner.rehearsals.close();
        self.inner.workers.close();
        self.inner.record_failures(u64::MAX);
        // TA-5: the server stops.
        let all = |_: &Holder| Some(EndReason::Ended);
        self.inner.ceremonies.sessions().end_where(all);
        self.inner.tend_sessions(self.inner.ledger.clock().now());
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

    /// A target system says what became of a permission.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed.
    pub async fn report(
        &self,
        act: Act,
        message: SignedMessage,
        body: Vec<u8>,
    ) -> Result<Answer, Refusal> {
        self.work(message, body, Route::System(act)).await
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
            if let Err(refusal) = lane::claim(&inner, message, &body, &reply) {
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
        // Whatever moves the exposure of an agent goes through its lane. Nobody is believed here: which lane it is
        // changes no answer.
        let moved = route.act().and_then(|act| {
            let tenant = inner.ledger.owner(key)?;
            outcome::lane(&tenant, act, &body)
        });
        let key = moved.unwrap_or(key);
        let work = Work {
            message,
            body,
            route,
            reply,
        };
        self.submit(key, move |stack| {
            let reply = work.reply.clone();
            if let Err(refusal) = lane::run(&inner, stack, work) {
                reply.give(Err(refusal));
            }
        })?;
        finish(outcome).await
    }

    /// AP-10: a lane that is full is said at once, and the request is in no queue then.
    pub(super) fn submit(
        &self,
        key: impl Hash,
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

pub(super) async fn finish(
    outcome: oneshot::Receiver<Result<Done, Refusal>>,
) -> Result<Answer, Refusal> {
    let (tenant, pending, committed) = outcome.await.map_err(|_| Refusal::stopping())??;
    pending.finish(&tenant, &committed)
}

/// Does what time asks for: each case in the lane of its agent.
fn tick(inner: &Arc<Inner>) {
    let now = inner.ledger.clock().now();
    inner.forget_read_nonces(now);
    inner.rates.forget_full(inner.ledger.clock().steady());
    inner.record_failures(now.seconds() / 60);
    inner.tend_sessions(now);
    for (_, tenant) in inner.ledger.tenants() {
        for calendar in [Calendar::Reviews, Calendar::Endings] {
            match tenant.due(calendar, now.millis(), DUE_MAX) {
                Ok(due) => {
                    for (_, case) in due {
                        inner.fall_due(&tenant, case);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, origin = tenant.origin(), "deadlines cannot be read");
                }
            }
        }
    }
}

/// A case that is being worked on because it falls due. Dropped, it may be looked at again.
struct Falling {
    inner: Arc<Inner>,
    name: (String, CaseId),
}

impl Drop for Falling {
    fn drop(&mut self) {
        self.inner.falling().remove(&self.name);
    }
}

fn fall_due(inner: &Inner, tenant: &Tenant, case: CaseId, falling: Falling) {
    let mut reading = Reading::of(tenant);
    let now = inner.ledger.clock().now();
    let change = escalation::expire(&mut reading, case, now).and_then(|change| match change {
        Some(change) => Ok(Some(change)),
        None => outcome::fall_due(&mut reading, case, now),
    });
    let admitted = match change {
        Ok(None) => return,
        Ok(Some(change)) => inner
            .ledger
            .admit(reading, change, move |_| drop(falling))
            .map_err(|error| error.to_string()),
        Err(refusal) => Err(refusal.detail),
    };
    // What was stale or refused is looked at again with the next tick.
    if let Err(error) = admitted {
        tracing::warn!(error, %case, "a case that falls due could not be closed yet");
    }
}

impl Inner {
    /// Cases that fall due and are in a lane.
    fn falling(&self) -> MutexGuard<'_, HashSet<(String, CaseId)>> {
        self.falling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `case` into the lane of its agent, if it is in none. A lane that is full is asked again with the next tick.
    fn fall_due(self: &Arc<Self>, tenant: &Tenant, case: CaseId) {
        let name = (tenant.origin().to_owned(), case);
        let Ok(row) = durable_case(tenant, case) else {
            return;
        };
        if !self.falling().insert(name.clone()) {
            return;
        }
        let falling = Falling {
            inner: Arc::clone(self),
            name,
        };
        let tenant = tenant.clone();
        self.workers
            .submit(outcome::lane_of(&tenant, &row), move |_| {
                let inner = Arc::clone(&falling.inner);
                fall_due(&inner, &tenant, case, falling);
            });
    }

    /// The counts of wrong claims.
    pub(super) fn wrong_claims(&self) -> MutexGuard<'_, HashMap<Digest, u32>> {
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
