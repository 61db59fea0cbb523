//! Goal: nothing follows that `spec/state.md` does not let follow. Method: a log that really signs, and each
//! rule broken alone. A case of a list is the code expected, the code found, and what was done.

mod any;
mod authority;
mod cases;
mod evidence;
mod order;
mod outcomes;
mod password;
mod people;
mod review;
mod reviewers;
mod rotation;
mod rounds;
mod rows;
mod signed;
mod snapshots;
mod staying;
mod trust;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::*;
use crate::{
    digest::Digest,
    entry::{CasePlace, Event},
    event::{Body, Signed},
    time::UnixMillis,
    verify::testing::Tenant,
};

/// A rule broken: the code expected, the code found, how.
struct Broken {
    expected: &'static str,
    found: &'static str,
    how: String,
}

/// What was done without breaking anything.
const OK: &str = "ok";

fn case(expected: &'static str, found: &'static str, how: impl Into<String>) -> Broken {
    let how = how.into();
    Broken {
        expected,
        found,
        how,
    }
}

fn check(cases: &[Broken]) {
    assert!(cases.iter().any(|case| case.expected != OK));
    for Broken {
        expected,
        found,
        how,
    } in cases
    {
        assert_eq!(found, expected, "{how}");
    }
}

/// How `event` is judged at `index`, on rows of which nothing is kept.
fn code_of(
    rows: &MemoryRows,
    event: &Event,
    index: u64,
    completeness: Completeness,
) -> &'static str {
    let digest = Event::digest_of(&event.encode());
    match apply(&mut rows.clone(), event, digest, index, completeness) {
        Ok(()) => OK,
        Err(StateError::Broken { code, what }) => {
            assert!(!what.is_empty());
            code
        }
        Err(StateError::Rows(never)) => match never {},
    }
}

/// How an event with `body` is judged as the next one of `tenant`.
fn next(tenant: &Tenant, place: Option<CasePlace>, body: Body) -> &'static str {
    let event = tenant.clone().event(place, body);
    let index = u64::try_from(tenant.entries.len()).unwrap();
    code_of(&tenant.rows, &event, index, Completeness::Whole)
}

/// A signed request where nobody looks at the signature.
fn unsigned() -> Signed {
    Signed::Http {
        base: Vec::new(),
        signature: [0; 64],
        body: Some(Vec::new()),
    }
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// A storage that fails.
struct Unreadable;

impl Rows for Unreadable {
    type Error = &'static str;

    fn row(&mut self, _name: &RowName) -> Result<Option<Row>, Self::Error> {
        Err("disk")
    }

    fn set(&mut self, _name: RowName, _row: Row) {}
}

/// Blobs in memory, as their digests say or not.
#[derive(Default, Clone)]
struct Held(BTreeMap<Digest, Vec<u8>>);

impl Blobs for Held {
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        self.0.get(digest).cloned()
    }
}

/// The codes of a page: the first column of its tables of codes.
fn codes_of(page: &'static str, from: &str, to: &str) -> BTreeSet<&'static str> {
    page.split(from)
        .nth(1)
        .unwrap()
        .split(to)
        .next()
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect()
}

/// Goal: no code of the page is only written down. Method: its two tables against the codes that the cases of
/// these tests produce.
#[test]
fn every_code_of_the_page_is_produced_and_no_other() {
    let page = codes_of(
        include_str!("../../../spec/state.md"),
        "## 5. Codes",
        "## 6.",
    );
    let mut cases = order::cases();
    cases.extend(cases::cases());
    cases.extend(snapshots::cases());
    cases.extend(signed::cases());
    cases.extend(people::cases());
    cases.extend(authority::cases());
    cases.extend(evidence::cases());
    cases.extend(staying::cases());
    cases.extend(review::cases());
    cases.extend(reviewers::cases());
    cases.extend(rotation::cases());
    cases.extend(rounds::cases());
    cases.extend(outcomes::cases());
    check(&cases);
    // What those pages say of a signature, this one does not repeat.
    let mut elsewhere = codes_of(
        include_str!("../../../spec/requests.md"),
        "## 6. Codes",
        "## 7.",
    );
    elsewhere.extend(codes_of(
        include_str!("../../../spec/passkeys.md"),
        "## 5. Codes",
        "## 6.",
    ));
    elsewhere.extend(signed::of_requests().iter().map(|case| case.found));
    let found: BTreeSet<&str> = cases
        .iter()
        .map(|case| case.found)
        .filter(|code| *code != OK && !elsewhere.contains(code))
        .collect();
    assert_eq!(found, page);
}
