//! Derived state: a row is written again as it was read; an event that may follow leaves rows that can be read;
//! the same events give the same rows; no event passes whose signature was not made.
//!
//! The first byte says what is fuzzed: below 0x40 the bytes of a row (its kind), below 0x80 changes to a row of the
//! example logs (which), else an event after the first ones of that log (how many).
#![no_main]

use std::sync::LazyLock;

use agentsigna_fuzz::{changed, example_entries, outcome_entries};
use agentsigna_verifier::{
    digest::Digest,
    entry::{Entry, Event},
    event::Body,
    state::{Blobs, Completeness, MemoryRows, Row, RowName, StateError, apply, check_signed},
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

static LOG: LazyLock<Vec<Event>> = LazyLock::new(|| {
    let events = example_entries().into_iter().map(|bytes| {
        let entry = Entry::decode(&bytes).expect("an example is an entry");
        Event::decode(&entry.event).expect("an example holds an event")
    });
    events.collect()
});

/// The rows before each of them, and after all.
static BEFORE: LazyLock<Vec<MemoryRows>> = LazyLock::new(|| {
    let mut all = vec![MemoryRows::default()];
    for (event, index) in LOG.iter().zip(0..) {
        let mut rows = all.last().cloned().unwrap_or_default();
        step(&mut rows, event, index, Completeness::Whole).expect("the examples follow each other");
        all.push(rows);
    }
    all
});

/// The rows after the log in which permissions are used: standings, dealings, endings.
static USED: LazyLock<MemoryRows> = LazyLock::new(|| {
    let mut rows = MemoryRows::default();
    for (bytes, index) in outcome_entries().into_iter().zip(0..) {
        let entry = Entry::decode(&bytes).expect("an example is an entry");
        let event = Event::decode(&entry.event).expect("an example holds an event");
        step(&mut rows, &event, index, Completeness::Whole)
            .expect("the examples follow each other");
    }
    rows
});

/// Kind and bytes of every row that they make.
static ROWS: LazyLock<Vec<(u8, Vec<u8>)>> = LazyLock::new(|| {
    let rows = BEFORE.iter().chain([&*USED]).flat_map(MemoryRows::iter);
    rows.map(|(name, row)| (name.kind(), row.encode()))
        .collect()
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    match first {
        0x80.. => follow(usize::from(first - 0x80), rest),
        0x40.. => {
            let rows = &*ROWS;
            let mut input = Unstructured::new(rest);
            let which = input.arbitrary::<u16>().unwrap_or_default();
            let (kind, bytes) = &rows[usize::from(which) % rows.len()];
            row(*kind, &changed(bytes, &mut input));
        }
        kind => row(*kind, rest),
    }
});

fn row(kind: u8, bytes: &[u8]) {
    if let Ok(row) = Row::decode(kind, bytes) {
        assert_eq!(row.encode(), bytes);
    }
}

fn follow(length: usize, rest: &[u8]) {
    let length = length.min(LOG.len());
    let mut rows = BEFORE[length].clone();
    // One event of the log, changed, right after them: at its own place, or too early, or a second time.
    let mut input = Unstructured::new(rest);
    let Ok(at) = input.int_in_range(0..=LOG.len() - 1) else {
        return;
    };
    let completeness = match input.arbitrary() {
        Ok(true) => Completeness::Whole,
        _ => Completeness::Part,
    };
    let Ok(event) = Event::decode(&changed(&LOG[at].encode(), &mut input)) else {
        return;
    };
    let index = u64::try_from(length).expect("a short log");
    let same = event == LOG[at];
    believe(&mut rows, &event);
    let mut again = rows.clone();
    let first = step(&mut rows, &event, index, completeness);
    let second = step(&mut again, &event, index, completeness);
    assert_eq!((first.clone(), all(&rows)), (second, all(&again)));
    if at == length && same {
        assert_eq!(first, Ok(()));
    }
    // Rows made by a forger may hold anything a body can hold. They must still be readable.
    for (name, row) in rows.iter() {
        assert_eq!(
            Row::decode(name.kind(), &row.encode()).as_ref(),
            Ok(row),
            "{}",
            name.describe()
        );
    }
}

/// ST-5: whatever stands in an event, its signature is one of those in the examples, over the same bytes.
fn believe(rows: &mut MemoryRows, event: &Event) {
    let Some(signed) = event.body.signed() else {
        // A sign-in has an assertion and no act; nobody signs in here.
        let judged = check_signed(rows, &mut NoBlobs, event);
        assert!(judged.is_ok() || matches!(event.body, Body::AuthSignedIn(_)));
        return;
    };
    if check_signed(rows, &mut NoBlobs, event).is_ok() {
        let known = LOG.iter().filter_map(|event| event.body.signed());
        assert!(
            known.into_iter().any(|known| known == signed),
            "forged: {signed:?}"
        );
    }
}

/// Applies one event, and nothing of it if it may not follow.
fn step(
    rows: &mut MemoryRows,
    event: &Event,
    index: u64,
    completeness: Completeness,
) -> Result<(), &'static str> {
    let mut kept = rows.clone();
    let digest = Event::digest_of(&event.encode());
    match apply(&mut kept, event, digest, index, completeness) {
        Ok(()) => {
            *rows = kept;
            Ok(())
        }
        Err(StateError::Broken { code, what }) => {
            assert!(!code.is_empty() && !what.is_empty());
            Err(code)
        }
        Err(StateError::Rows(never)) => match never {},
    }
}

struct NoBlobs;

impl Blobs for NoBlobs {
    fn blob(&mut self, _: &Digest) -> Option<Vec<u8>> {
        None
    }
}

fn all(rows: &MemoryRows) -> Vec<(RowName, Row)> {
    rows.iter()
        .map(|(name, row)| (name.clone(), row.clone()))
        .collect()
}
