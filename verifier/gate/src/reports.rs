//! What the platform has to be told, until it knows (`spec/gate.md` §5).

use std::{collections::VecDeque, future::Future, sync::Arc, time::Duration};

use agentsigna_verifier::passport::Claims;
use data_encoding::HEXLOWER;
use serde_json::json;
use tokio::{sync::mpsc, time};

use crate::{
    numbers::Numbers,
    seen::{Report, Seen},
};

/// The first rest after a failure, and the longest.
const REST: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(60)];

/// What became of one attempt to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The platform knows, or will never take it: not again.
    Done,
    /// Not now: again later.
    Later,
}

/// The admissions to be reported, in no order that matters.
#[derive(Debug)]
pub struct Reports {
    seen: Arc<Seen>,
    numbers: Arc<Numbers>,
    waiting: VecDeque<Report>,
    inbox: mpsc::UnboundedReceiver<Report>,
}

/// The body of a report.
pub(crate) fn body(claims: &Claims) -> Vec<u8> {
    json!({
        "origin": claims.origin,
        "case": claims.case.to_string(),
        "passport": HEXLOWER.encode(&claims.cti),
    })
    .to_string()
    .into_bytes()
}

impl Reports {
    pub(crate) fn new(
        seen: Arc<Seen>,
        numbers: Arc<Numbers>,
        unreported: Vec<Report>,
        inbox: mpsc::UnboundedReceiver<Report>,
    ) -> Self {
        Self {
            seen,
            numbers,
            waiting: unreported.into(),
            inbox,
        }
    }

    /// Tells all of them with `send`, one after the other, for as long as the gate is there. GA-11
    pub async fn run<F, A>(mut self, mut send: F)
    where
        F: FnMut(Report) -> A,
        A: Future<Output = Answered>,
    {
        let [shortest, longest] = REST;
        let mut rest = shortest;
        loop {
            while let Ok(report) = self.inbox.try_recv() {
                self.waiting.push_back(report);
            }
            self.numbers.waiting(self.waiting.len());
            let Some(report) = self.waiting.pop_front() else {
                match self.inbox.recv().await {
                    Some(report) => self.waiting.push_back(report),
                    None => return,
                }
                continue;
            };
            if send(report.clone()).await == Answered::Done {
                rest = shortest;
                // Where the note is lost, the platform is told twice, and says so.
                let _ = self.seen.note_reported(&report.cti);
                continue;
            }
            self.waiting.push_back(report);
            time::sleep(rest).await;
            rest = rest.saturating_mul(2).min(longest);
        }
    }
}
