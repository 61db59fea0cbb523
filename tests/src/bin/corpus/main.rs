//! `corpus FOLDER`: wrote the frozen corpus (`testdata/corpus/`), once. Inputs come from a seed, most of them near
//! a line that some rule draws; outcomes are what the engine of that day said.
//!
//! To run it again is to say that verdicts may change: then the engine stamp changes too (`spec/replay.md` RP-8).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program of the tests"
)]

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::PathBuf};

use agentsigna_tests::corpus::{Inputs, Policies, REFERENCES, SPONSORS, told};
use agentsigna_verifier::{
    action::{ActionType, Exponent, Latitude},
    digest::{Digest, Noun},
    rules::on_big_stack,
    snapshot::{Approval, Risk, Status},
};

const DECISIONS: usize = 10_240;
const SEED: u64 = 0x5eed_0f2a_6e47_516e;
const DAY_MS: u64 = 86_400_000;
/// 2025-11-03T12:00:00Z.
const NOON: u64 = 1_762_171_200_000;

/// Marsaglia, "Xorshift RNGs", §3: period 2^64 − 1.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A place in a list of so many.
    fn place(&mut self, items: usize) -> usize {
        let end = u64::try_from(items).expect("a length");
        usize::try_from(self.below(end)).expect("a place")
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.place(items.len())]
    }
}

/// The most of a band, in minor units; nothing for a latitude without one.
fn top_minor(latitude: i64) -> u64 {
    let exponent = Exponent::new(2).expect("an exponent");
    let latitude = Latitude::new(latitude).expect("a latitude");
    latitude.band().map_or(0, |band| band.top_minor(exponent))
}

fn inputs(dice: &mut Dice) -> Inputs {
    let usual = ["purchase", "payment", "refund", "data.read", "message.send"];
    let kind = if dice.below(10) < 8 {
        ActionType::parse(dice.one_of(&usual)).expect("a type")
    } else {
        dice.one_of(&ActionType::ALL)
    };
    let lines = [0, 2_500, 10_000, 100_000, 500_000, 5_000_000, 40_000_000];
    let amount_minor = match dice.below(5) {
        0 => dice.one_of(&lines) + dice.below(2),
        1 | 2 => dice.below(20_000),
        3 => dice.below(200_000),
        _ => top_minor(i64::try_from(dice.below(11)).expect("a band")) + dice.below(2),
    };
    let decided_at = NOON + dice.below(2 * 365) * DAY_MS + dice.below(DAY_MS);
    let exposure = [0, 0, 1, 39_000_000, 9_300_000_000_000_000];
    let policies = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4];
    let seldom = |dice: &mut Dice| {
        if dice.below(40) == 0 {
            Status::Suspended
        } else {
            Status::Active
        }
    };
    let status = match dice.below(24) {
        0 => Approval::Blocked,
        1..=3 => Approval::Watch,
        _ => Approval::Approved,
    };
    let latitude = dice.one_of(&[-1, 0, 2, 3, 4, 5, 5, 6, 7, 8, 9, 12, 15]);
    // At the cap of what an agent may have open, and one minor unit above.
    let cap = 4 * top_minor(latitude) + dice.below(2);
    Inputs {
        policy: if dice.below(60) == 0 {
            0
        } else {
            dice.one_of(&policies)
        },
        kind,
        amount_minor,
        reference: dice.place(REFERENCES.len()),
        tier: dice.one_of(&[1, 1, 2, 2, 2, 3, 3, 4]),
        agent: seldom(dice),
        sponsor: dice.place(SPONSORS.len()),
        latitude,
        exposure_minor: match dice.below(4) {
            0 => cap.saturating_sub(amount_minor),
            1 => dice.one_of(&exposure),
            2 => 0,
            _ => dice.below(10_000_000),
        },
        target: seldom(dice),
        counterparty: dice.one_of(&[0, 0, 0, 0, 1, 1, 1, 2]),
        status,
        risk: dice.one_of(&[Risk::Low, Risk::Low, Risk::Low, Risk::Medium, Risk::High]),
        payments_before: dice.one_of(&[0, 1, 2, 3, 7, 12, 14, 16, 18, 400]),
        details_changed: match dice.below(16) {
            0 => Some(decided_at - 30 * DAY_MS - dice.below(2)),
            1 => Some(decided_at - dice.below(120) * DAY_MS),
            3 => Some(decided_at + dice.below(DAY_MS)),
            _ => None,
        },
        decided_at,
    }
}

fn main() {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.expect("a folder to write to");
    let (mut lines, mut outcomes) = (String::new(), BTreeMap::<String, usize>::new());
    let mut order = Vec::new();
    let mut all = Vec::new();
    on_big_stack(|stack| {
        let policies = Policies::compile(stack);
        let mut dice = Dice(SEED);
        for _ in 0..DECISIONS {
            let inputs = inputs(&mut dice);
            let (snapshot, decision) = policies.decide(stack, &inputs);
            all.extend_from_slice(snapshot.as_bytes());
            all.extend_from_slice(&decision.to_value().encode());
            let said = told(&decision);
            let next = outcomes.len();
            let outcome = *outcomes.entry(said.clone()).or_insert_with(|| {
                order.push(said);
                next
            });
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{inputs} {outcome}");
        }
    })
    .expect("a thread");
    let digest = Digest::of(Noun::Blob, &all);
    let words = format!(
        "# {DECISIONS} decisions, frozen: inputs and the outcome's number. Written by tests/src/bin/corpus.\n\
         # policy type amount reference tier agent sponsor latitude exposure target counterparty status risk paid \
         changed decided outcome\n# digest of all snapshots and decisions: {digest}\n"
    );
    fs::write(folder.join("decisions.txt"), words + &lines).expect("a file");
    let words = "# Verdict, rules, whom it asks, for how long (ms), [engine]; counted from 0.\n";
    fs::write(
        folder.join("outcomes.txt"),
        words.to_owned() + &order.join("\n") + "\n",
    )
    .expect("a file");
    println!("{DECISIONS} decisions, {} outcomes, {digest}", order.len());
}
