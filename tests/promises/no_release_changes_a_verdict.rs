//! Goal: what was decided once is decided so by every release (RP-8). Method: more than 10,000 frozen decisions made
//! again; each compared as a whole, and the digest over all of them and their snapshots.

use std::{collections::BTreeSet, fs};

use agentsigna_tests::corpus::{Policies, folder, read, told};
use agentsigna_verifier::{
    digest::{Digest, Noun},
    rules::on_big_stack,
};

#[test]
fn rp_8_the_frozen_corpus_comes_out_again() {
    let corpus = read();
    assert!(corpus.len() > 10_000, "{}", corpus.len());
    let all = on_big_stack(|stack| {
        let policies = Policies::compile(stack);
        let mut all = Vec::new();
        let mut changed = Vec::new();
        for (line, inputs, frozen) in &corpus {
            let (snapshot, decision) = policies.decide(stack, inputs);
            let now = told(&decision);
            if now != *frozen {
                changed.push(format!("line {line}: was {frozen}, is {now}"));
            }
            all.extend_from_slice(snapshot.as_bytes());
            all.extend_from_slice(&decision.to_value().encode());
        }
        let count = changed.len();
        changed.truncate(10);
        assert_eq!(count, 0, "changed, the first:\n{}", changed.join("\n"));
        all
    })
    .unwrap();
    // Snapshots too: what is signed and what a Passport names are their digests.
    let text = fs::read_to_string(folder().join("decisions.txt")).unwrap();
    let words = "# digest of all snapshots and decisions: ";
    let frozen = text.lines().find_map(|line| line.strip_prefix(words));
    let digest = Digest::of(Noun::Blob, &all).to_hex();
    assert_eq!(frozen, Some(digest.as_str()));
}

/// A corpus in which a rule never holds would not see it change.
#[test]
fn every_verdict_and_every_rule_is_in_the_corpus() {
    let corpus = read();
    let of = |verdict: &str| {
        let found = corpus.iter().filter(|(.., told)| told.starts_with(verdict));
        found.count()
    };
    for verdict in ["authorized ", "escalated ", "rejected "] {
        assert!(of(verdict) > 1_500, "{verdict}{}", of(verdict));
    }
    let named: BTreeSet<&str> = corpus
        .iter()
        .flat_map(|(.., told)| told.split(' ').nth(1).unwrap().split(','))
        .collect();
    let mut expected: BTreeSet<String> = [
        "agent-suspended",
        "target-suspended",
        "counterparty-blocked",
    ]
    .into_iter()
    .chain([
        "no-policy",
        "no-authority",
        "engine-error",
        "latitude",
        "exposure",
    ])
    .chain([
        "always.first-payment",
        "always.details-changed",
        "always.wire",
        "always.other",
    ])
    .map(|rule| format!("builtin.{rule}"))
    .collect();
    for number in 1..=4 {
        let text = fs::read_to_string(folder().join(format!("policies/{number}.cedar"))).unwrap();
        let ids = text.split("@id(\"").skip(1);
        expected.extend(ids.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    // What no active system lets through never holds.
    assert!(expected.remove("stop.shadow"));
    assert!(expected.remove("grant.supervised"));
    let missing: Vec<&String> = expected
        .iter()
        .filter(|id| !named.contains(id.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
