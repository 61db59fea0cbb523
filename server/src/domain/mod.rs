//! The domain floor: the steps of the loop, as ordinary functions.
//!
//! A step takes what was read and the time, and answers a change. It never calls another step, knows no HTTP,
//! no RocksDB and no key of the log. The rules themselves are in the verifier, where the auditor runs them.

mod answer;
mod asked;
mod case_file;
mod ceremonies;
mod challenges;
mod directory;
mod escalation;
mod failures;
mod founding;
mod join;
mod lane;
mod office;
mod passport;
mod people;
mod policy;
mod proof;
mod rates;
mod refusal;
mod reply;
mod request;
mod sessions;
mod sign_in;
mod signing;
mod view;
mod workers;

pub use answer::{Answer, CaseAnswer, Review};
pub use asked::Words;
pub use directory::Act;
pub use founding::{Founded, Promise, Promised};
pub use join::{Invited, Joined, Registering};
pub use office::{Office, OfficeError};
pub use rates::{Rate, RateOutside, Rates};
pub use refusal::{Kind, Refusal};
pub use request::Caller;
pub use sign_in::{Challenge, Visitor};
pub use signing::{Follows, Prepared, Proposal};
pub use view::WAIT_S_MAX;

use agentsigna_verifier::{
    digest::Digest,
    entry::{CaseId, CasePlace, Event},
    event::Body,
    state::{Row, RowName, Rows as _},
    time::UnixMillis,
};

use crate::ledger::{NewEvent, Reading};

/// What a step does: a change of the log and what to tell the caller once it is durable.
struct Step {
    reading: Reading,
    change: crate::ledger::Change,
    answer: answer::Pending,
}

/// Random bytes from the operating system.
fn random<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| {
        Refusal::unavailable(
            "no-randomness",
            "the operating system gives no random bytes",
        )
    })?;
    Ok(bytes)
}

/// An event that belongs to no case.
fn event(at: UnixMillis, body: Body) -> Result<NewEvent, Refusal> {
    Ok(NewEvent::new(Event {
        place: None,
        decided_at: at,
        salt: random()?,
        body,
    }))
}

/// The events of one case, each linked to the one before.
struct Chain {
    case: CaseId,
    at: UnixMillis,
    index: u64,
    previous: Digest,
    events: Vec<NewEvent>,
}

impl Chain {
    /// Goes on after `index` events, the last of which has the digest `previous`.
    const fn after(case: CaseId, at: UnixMillis, index: u64, previous: Digest) -> Self {
        Self {
            case,
            at,
            index,
            previous,
            events: Vec::new(),
        }
    }

    fn push(&mut self, body: Body) -> Result<(), Refusal> {
        let event = NewEvent::new(Event {
            place: Some(CasePlace {
                case: self.case,
                index: self.index,
                previous: self.previous,
            }),
            decided_at: self.at,
            salt: random()?,
            body,
        });
        self.index = self.index.saturating_add(1);
        self.previous = event.digest();
        self.events.push(event);
        Ok(())
    }

    /// The digests so far of the events pushed here.
    fn digests(&self) -> Vec<Digest> {
        self.events.iter().map(NewEvent::digest).collect()
    }
}

/// One row, as this step sees it.
fn row(reading: &mut Reading, name: &RowName) -> Result<Option<Row>, Refusal> {
    reading.row(name).map_err(|error| Refusal::broken(&error))
}
