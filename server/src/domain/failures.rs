//! Failed authentications of known keys, on the record: one entry per subject, reason and minute (decision 27).
//!
//! Counted, so that whoever repeats a bad request a million times makes one entry a minute. Kept in memory until
//! the minute is over: a crash loses the counts of the minute it happens in, and of nothing else.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use agentsigna_verifier::{
    event::{AuthFailed, Body},
    time::UnixMillis,
};

use super::{Caller, Refusal, event};
use crate::ledger::{Change, Tenant};

/// Different failures that are counted apart in one minute; the rest of that minute is not counted.
const COUNTED_MAX: usize = 4096;

/// AP-9: the refusals that are failed authentications of a known key, as `spec/agent-api.md §5.1` lists them.
const COUNTED: [&str; 9] = [
    "signature-from-the-future",
    "signature-expired",
    "signature-life",
    "signature-wrong",
    "digest-mismatch",
    "replayed",
    "signature-before-start",
    "caller-kind",
    "other-agent",
];

/// What is counted together. The minute comes first, so that the counts of past minutes stand together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Failure {
    minute: u64,
    origin: String,
    subject: String,
    reason: &'static str,
}

/// How often each failure happened.
#[derive(Default)]
pub(super) struct Failures {
    counted: Mutex<BTreeMap<Failure, u64>>,
}

impl Failures {
    /// Notes that a request with the key of `caller` was refused, if that is a failed authentication.
    pub(super) fn note(
        &self,
        tenant: &Tenant,
        caller: &Caller,
        refusal: &Refusal,
        now: UnixMillis,
    ) {
        if !COUNTED.contains(&refusal.code) {
            return;
        }
        let subject = match caller {
            Caller::Founder => "founder".to_owned(),
            Caller::Agent(id) => format!("agent:{id}"),
            Caller::System(id) => format!("system:{id}"),
        };
        self.count(tenant, subject, refusal.code, now);
    }

    /// Counts a failed authentication of `subject`: what a person failed to sign in or to sign with is always one.
    pub(super) fn count(
        &self,
        tenant: &Tenant,
        subject: String,
        reason: &'static str,
        now: UnixMillis,
    ) {
        let key = Failure {
            minute: now.seconds() / 60,
            origin: tenant.origin().to_owned(),
            subject,
            reason,
        };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() < COUNTED_MAX || counted.contains_key(&key) {
            let count = counted.entry(key).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Takes the counts of all minutes before `minute`, as events by origin.
    pub(super) fn take(&self, minute: u64, now: UnixMillis) -> Vec<(String, Change)> {
        let over = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let now = counted.split_off(&Failure {
                minute,
                origin: String::new(),
                subject: String::new(),
                reason: "",
            });
            std::mem::replace(&mut *counted, now)
        };
        let mut changes: BTreeMap<String, Change> = BTreeMap::new();
        for (failure, count) in over {
            let body = Body::AuthFailed(AuthFailed {
                subject: failure.subject,
                reason: failure.reason.to_owned(),
                minute: failure.minute,
                count,
            });
            match event(now, body) {
                Ok(event) => changes
                    .entry(failure.origin)
                    .or_default()
                    .events
                    .push(event),
                Err(refusal) => tracing::error!(
                    detail = refusal.detail,
                    "failures of a minute are not on the record"
                ),
            }
        }
        changes.into_iter().collect()
    }
}
