//! The door as a whole: what is not byte for byte a known good Passport or case file is never VALID, and gives nobody
//! authority.
//!
//! The first byte says what the rest is: 0 to 4 changes to one of the known files; 0x80 to 0xbf changes to one entry of a
//! log whose host signs anything; any other byte begins a foreign file.
#![no_main]

use std::sync::LazyLock;

use agentsigna_fuzz::{changed, example_entries, example_genesis, file, known};
use agentsigna_verifier::{
    entry::{CaseId, Entry, Event},
    event::Body,
    log::tree::LeafHash,
    passport::{Audience, Passport},
    time::UnixMillis,
    trust::Trust,
    verify::{
        Outcome, Question,
        testing::{START_MS, Tenant},
        verify, verify_at_gate,
    },
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

struct Known {
    /// A Passport, then case files; the last under the trust of the tenant of tests, as all but the first.
    files: Vec<Vec<u8>>,
    examples: Trust,
    tests: Trust,
    tenant: Tenant,
    case: CaseId,
    chain: Vec<u64>,
    passport: Vec<u8>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let entries = example_entries();
    let examples = Trust::from_genesis(&example_genesis(), LeafHash::of(&entries[0]))
        .expect("the examples found a log");
    let example = file("spec/examples/po-1001.passport");
    let audience = Passport::parse(&example)
        .expect("the example is a Passport")
        .claims()
        .audience
        .clone();
    let (tenant, cases) = known::tenant();
    let target = Audience::parse(&format!("{}#erp", tenant.origin())).expect("it is a target");
    let known = Known {
        files: [example].into_iter().chain(known::case_files()).collect(),
        examples: examples
            .with_targets(vec![audience])
            .expect("the target is of the log"),
        tests: tenant
            .trust()
            .with_targets(vec![target])
            .expect("the target is of the log"),
        case: cases[0],
        chain: tenant.chain_of(cases[0]),
        passport: tenant.passport(cases[0]),
        tenant,
    };
    // What the rest promises is worth something only if these are VALID.
    for (at, good) in known.files.iter().enumerate() {
        let report = verify(good, known.trust(at), &known.question(at));
        assert_eq!(*report.outcome(), Outcome::Valid, "known file {at}");
        assert_eq!(report.authority().is_some(), at <= 1, "known file {at}");
    }
    let gate = verify_at_gate(&known.files[0], &known.examples, &known.question(0));
    assert!(gate.authority().is_some());
    known
});

impl Known {
    fn trust(&self, at: usize) -> &Trust {
        if at == 0 { &self.examples } else { &self.tests }
    }

    /// A time at which the Passport is good.
    fn question(&self, at: usize) -> Question {
        let ms = if at == 0 {
            let passport = Passport::parse(&self.files[0]).expect("the example is a Passport");
            passport.claims().not_before_s * 1000 + 1
        } else {
            START_MS + 60_000
        };
        Question {
            at: UnixMillis::new(ms),
            pinned: true,
            expects_authority: false,
        }
    }

    fn is_known(&self, bytes: &[u8]) -> bool {
        self.passport == bytes || self.files.iter().any(|file| file == bytes)
    }
}

fuzz_target!(|data: &[u8]| {
    let known = &*KNOWN;
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    match first {
        0..=4 => {
            let at = usize::from(*first);
            judge(&changed(&known.files[at], &mut Unstructured::new(rest)), at);
        }
        0x80..=0xbf => host_that_lies(usize::from(first - 0x80), rest),
        _ => {
            judge(data, 0);
            judge(data, 1);
        }
    }
});

fn judge(bytes: &[u8], at: usize) {
    let known = &*KNOWN;
    let (trust, question) = (known.trust(at), known.question(at));
    let good = known.is_known(bytes);
    for report in [
        verify(bytes, trust, &question),
        verify_at_gate(bytes, trust, &question),
    ] {
        if !good {
            assert_ne!(*report.outcome(), Outcome::Valid);
        }
        assert!(report.authority().is_none() || *report.outcome() == Outcome::Valid);
        match report.outcome() {
            Outcome::Valid => assert_eq!(report.outcome().code(), None),
            Outcome::Refused(finding) | Outcome::Incomplete(finding) => {
                assert!(!finding.code.is_empty() && !finding.what.is_empty());
            }
        }
    }
    // Nothing is believed on the word of a trust file that came along, or without a time to judge a permission at.
    let unpinned = Question {
        pinned: false,
        ..question
    };
    assert_ne!(*verify(bytes, trust, &unpinned).outcome(), Outcome::Valid);
    let timeless = Question {
        at: None,
        ..question
    };
    assert!(verify(bytes, trust, &timeless).authority().is_none());
}

/// One event of the log is another; the host signs the head over it. It cannot seal or sign for the agent: whoever gets
/// authority gets the authority that was given.
fn host_that_lies(at: usize, rest: &[u8]) {
    let known = &*KNOWN;
    let mut tenant = known.tenant.clone();
    // One that the case file shows: of all others it says nothing.
    let index = known.chain[at % known.chain.len()];
    let at = usize::try_from(index).expect("a short log");
    let mut entry = Entry::decode(&tenant.entries[at]).expect("the log holds entries");
    let true_event = Event::decode(&entry.event).expect("entries hold events");
    entry.event = changed(&entry.event, &mut Unstructured::new(rest));
    let Ok(event) = Event::decode(&entry.event) else {
        return;
    };
    if let Body::PassportIssued(bytes) = &event.body
        && Passport::parse(bytes).is_err()
    {
        return;
    }
    tenant.entries[at] = entry.encode();
    let passport = tenant
        .passport_index(known.case)
        .map(|_| tenant.passport(known.case));
    let blobs = known.tenant.blobs_of(known.case);
    let file = tenant.case_file_of(known.case, &known.chain, blobs, passport);
    let report = verify(&file, &known.tests, &known.question(1));
    let Some(authority) = report.authority() else {
        return;
    };
    let given = Passport::parse(&known.passport).expect("it is a Passport");
    assert_eq!(authority.claims(), given.claims());
    assert_eq!(
        event.body, true_event.body,
        "a lie at index {index} is believed"
    );
}
