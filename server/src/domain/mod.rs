//! The domain floor: the steps of the loop, as ordinary functions.
//!
//! A step takes what was read and the time, and answers a change. It never calls another step, knows no HTTP,
//! no RocksDB and no key of the log. The rules themselves are in the verifier, where the auditor runs them.

mod answer;
mod asked;
mod case_file;
mod cases;
mod ceremonies;
mod challenges;
mod directory;
mod endings;
mod escalation;
mod failures;
mod founding;
mod join;
mod judging;
mod lane;
mod log;
mod news;
mod objection;
mod office;
mod outcome;
mod passport;
mod passports;
mod passwords;
mod people;
mod policy;
mod proof;
mod proposals;
mod queue;
mod rates;
mod refusal;
mod register;
mod rehearsal;
mod reply;
mod request;
mod roster;
mod rounds;
mod search;
mod sessions;
mod sign_in;
mod signing;
mod trust;
mod view;
mod workers;

pub use answer::{Answer, CaseAnswer, Review};
pub use asked::{Said, Words};
pub use cases::{CaseTold, EventTold, RuleTold, Verified};
pub use directory::Act;
pub use endings::{OpenAnswer, Overdue, Sayable};
pub use founding::{Founded, Promise, Promised};
pub use join::{Invited, Joined, Registering};
pub use judging::{Judgement, SheetShown, Word};
pub use log::{EntrySeen, HeadSeen, JUDGED_ENTRIES_MAX};
pub use news::{Listening, News};
pub use office::{Office, OfficeError};
pub use passports::{Agreed, PassportSeen};
pub use passwords::{NewPassword, Setting, Typed, needs_passkey};
pub use proposals::Proposal;
pub use queue::{Order, Queued, Slots, Waiting, Wanted};
pub use rates::{Rate, RateOutside, Rates};
pub use refusal::{Kind, Refusal};
pub use register::{CaseSeen, Logged, Part};
pub use rehearsal::{Activation, BundleListed, BundleSeen, Rehearsed};
pub use request::Caller;
pub use roster::DelegationSeen;
pub use search::{Hit, Searched};
pub use sessions::Use;
pub use sign_in::{Challenge, Entered, Visitor};
pub use signing::{Follows, Prepared};
pub use view::WAIT_S_MAX;

use agentsigna_verifier::{
    digest::Digest,
    entry::{CaseId, CasePlace, Event},
    event::Body,
    state::{Row, RowName, Rows},
    time::UnixMillis,
};

use crate::ledger::{NewEvent, Reading, RowError};

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
    /// The digests of all events so far, those of earlier changes too.
    digests: Vec<Digest>,
    /// The events of this change.
    events: Vec<NewEvent>,
}

impl Chain {
    /// Goes on after the events with `digests`; none of them for a new case.
    const fn after(case: CaseId, at: UnixMillis, digests: Vec<Digest>) -> Self {
        Self {
            case,
            at,
            digests,
            events: Vec::new(),
        }
    }

    /// Adds one event, and answers it.
    fn push(&mut self, body: Body) -> Result<&NewEvent, Refusal> {
        let event = NewEvent::new(Event {
            place: Some(CasePlace {
                case: self.case,
                index: u64::try_from(self.digests.len()).unwrap_or(u64::MAX),
                previous: self
                    .digests
                    .last()
                    .copied()
                    .unwrap_or(Digest::from_bytes([0; 32])),
            }),
            decided_at: self.at,
            salt: random()?,
            body,
        });
        self.digests.push(event.digest());
        self.events.push(event);
        self.events
            .last()
            .ok_or_else(|| Refusal::broken(&"an event was pushed and is not there"))
    }
}

/// One row, as this step sees it.
fn row(rows: &mut impl Rows<Error = RowError>, name: &RowName) -> Result<Option<Row>, Refusal> {
    rows.row(name).map_err(|error| Refusal::broken(&error))
}
