//! What is told to pages that are open: that something changed, never what (`spec/tenant-api.md §5.5`).
//!
//! INVARIANT (heard): whoever listens holds the session's `life`; it goes with the session, and the stream with it.

use std::{ops::Range, sync::Arc, time::Duration};

use agentsigna_verifier::event::Body;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Interval, interval},
};

use super::{Kind, Office, Refusal, Visitor, sessions::STREAMS_MAX, view::logged};
use crate::ledger::Tenant;

/// Streams over all tenants: half of the connections that the portal has.
pub(super) const STREAMS_OF_ALL_MAX: usize = 512;
/// News is told no more often than this.
const PAUSE: Duration = Duration::from_secs(1);
/// Entries looked at for what they mean; of more at once, everything has changed.
const LOOKED_AT_MAX: u64 = 64;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// A case came into review, left it, or was judged.
    Queue,
    /// A case went on.
    Case,
}

/// Somebody who listens.
pub struct Listening {
    tenant: Tenant,
    grown: watch::Receiver<u64>,
    /// Entries that were told of.
    told: u64,
    /// Ticks when the next news may be told.
    pause: Interval,
    life: watch::Receiver<()>,
    told_to_stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

impl Office {
    /// Lets the visitor's session listen from now on.
    ///
    /// # Errors
    /// `too-many-streams`; `busy` if too many listen over all tenants.
    pub fn listen(&self, visitor: &Visitor) -> Result<Listening, Refusal> {
        let place = Arc::clone(&self.inner.streams).try_acquire_owned();
        let place = place.map_err(|_| {
            Refusal::unavailable("busy", "too many pages wait for news: reload this one")
        })?;
        let sessions = self.inner.ceremonies.sessions();
        let life = sessions.listen(visitor.session).ok_or_else(|| {
            Refusal::new(
                Kind::TooMany,
                "too-many-streams",
                format!("{STREAMS_MAX} pages of this session wait for news already"),
            )
        })?;
        drop(sessions);
        let mut grown = visitor.tenant.grown();
        let told = *grown.borrow_and_update();
        Ok(Listening {
            tenant: visitor.tenant.clone(),
            grown,
            told,
            pause: interval(PAUSE),
            life,
            told_to_stop: self.inner.told_to_stop.subscribe(),
            _place: place,
        })
    }
}

impl Listening {
    /// The next news and the size of the log; `None` once the session has ended or the server stops (TA-18). May be
    /// given up at any time, and asked again.
    pub async fn next(&mut self) -> Option<(Vec<News>, u64)> {
        let Self {
            tenant,
            grown,
            told,
            pause,
            life,
            told_to_stop,
            ..
        } = self;
        loop {
            let changed = async {
                pause.tick().await;
                let grown = grown.wait_for(|size| *size > *told).await;
                grown.map(|size| *size).ok()
            };
            let size = tokio::select! {
                biased;
                _ = life.changed() => return None,
                _ = told_to_stop.wait_for(|told| *told) => return None,
                size = changed => size?,
            };
            let news = between(tenant, *told..size);
            *told = size;
            if !news.is_empty() {
                pause.reset();
                return Some((news, size));
            }
        }
    }
}

/// What the entries in `grown` mean to those who look at lists.
fn between(tenant: &Tenant, grown: Range<u64>) -> Vec<News> {
    let everything = vec![News::Queue, News::Case];
    if grown.end.saturating_sub(grown.start) > LOOKED_AT_MAX {
        return everything;
    }
    let mut news = Vec::new();
    for index in grown {
        // What cannot be read is told in the log of the server by whoever asks for it.
        let Ok(event) = logged(tenant, index) else {
            return everything;
        };
        if event.body.is_of_a_case() {
            news.push(News::Case);
        }
        if is_of_the_queue(&event.body) {
            news.push(News::Queue);
        }
    }
    news.sort();
    news.dedup();
    news
}

/// Whether the event opens a review, ends it, or adds to it. The decision that follows the last approval does not: the
/// approval is in the same write.
const fn is_of_the_queue(body: &Body) -> bool {
    matches!(
        body,
        Body::ReviewOpened(_)
            | Body::ApprovalGiven(_)
            | Body::ApprovalRefused(_)
            | Body::CaseExpired(_)
    )
}
