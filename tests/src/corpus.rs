//! The frozen corpus (`testdata/corpus/`, `spec/replay.md` RP-8): decisions that every release gives again.
//!
//! `decisions.txt` has one decision on each line: its inputs, and the line of `outcomes.txt` (from 0) with what was
//! decided. Lines that begin with `#` are words about the file. It was written once by the program `corpus`.

use std::{collections::BTreeMap, fmt, fs, path::PathBuf};

use agentsigna_verifier::{
    action::{Action, ActionType, Currency, Exponent, Latitude},
    decision::Decision,
    digest::Digest,
    id::Id,
    key::JwkThumbprint,
    rules::{BigStack, Bundle, CompiledBundle, decide},
    snapshot::{
        Agent, Approval, Counterparty, Moment, Risk, Snapshot, Status, Target, Tenant, Tier,
    },
    time::UnixMillis,
};

/// What an agent may call what it asks for; a line has the place in this list.
pub const REFERENCES: [&str; 4] = ["PO-1001", "INV-7/2026", "rush", "x"];
/// Who may answer for an agent; a line has the place in this list.
pub const SPONSORS: [&str; 2] = ["dora", "finn"];
/// Whom an agent may deal with; a line has the place in this list. The last is called like the agent.
pub const COUNTERPARTIES: [&str; 3] = ["acme", "globex", "buyer-1"];
/// The policy texts, beside none at all.
pub const POLICIES: u8 = 4;

/// Words of a line that are one letter.
const STATUSES: [(&str, Status); 2] = [("a", Status::Active), ("s", Status::Suspended)];
const APPROVALS: [(&str, Approval); 3] = [
    ("a", Approval::Approved),
    ("w", Approval::Watch),
    ("b", Approval::Blocked),
];
const RISKS: [(&str, Risk); 3] = [("l", Risk::Low), ("m", Risk::Medium), ("h", Risk::High)];

fn by_letter<T: Copy>(word: &str, of: &[(&str, T)]) -> Option<T> {
    let found = of.iter().find(|(letter, _)| *letter == word);
    found.map(|(_, value)| *value)
}

fn letter<T: PartialEq>(value: &T, of: &[(&'static str, T)]) -> &'static str {
    let found = of.iter().find(|(_, other)| other == value);
    found.expect("a letter for each").0
}

/// The inputs of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inputs {
    /// Which policy text, from 1; 0 for none.
    pub policy: u8,
    /// What is asked for.
    pub kind: ActionType,
    /// In minor units.
    pub amount_minor: u64,
    /// In [`REFERENCES`].
    pub reference: usize,
    /// 1 to 4.
    pub tier: u64,
    /// Of the agent.
    pub agent: Status,
    /// In [`SPONSORS`].
    pub sponsor: usize,
    /// −1 to 15.
    pub latitude: i64,
    /// Before this, in minor units.
    pub exposure_minor: u64,
    /// Of the target system.
    pub target: Status,
    /// In [`COUNTERPARTIES`].
    pub counterparty: usize,
    /// Of the counterparty.
    pub status: Approval,
    /// Of the counterparty.
    pub risk: Risk,
    /// To the counterparty.
    pub payments_before: u64,
    /// Milliseconds since 1970.
    pub details_changed: Option<u64>,
    /// Milliseconds since 1970.
    pub decided_at: u64,
}

/// The compiled policy texts; none stands at 0.
pub struct Policies(Vec<Option<CompiledBundle>>);

/// The folder of the corpus.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/corpus")
}

/// Every decision of the corpus with its number in the file, from 1, and what came out.
///
/// # Panics
/// If the files are not what they should be.
#[must_use]
pub fn read() -> Vec<(usize, Inputs, String)> {
    let text = |name: &str| fs::read_to_string(folder().join(name)).expect("a file of the corpus");
    let lines = |text: &str| -> Vec<(usize, String)> {
        let lines = text.lines().zip(1..);
        let lines = lines.filter(|(line, _)| !line.starts_with('#'));
        lines
            .map(|(line, number)| (number, line.to_owned()))
            .collect()
    };
    let outcomes = lines(&text("outcomes.txt"));
    let decisions = lines(&text("decisions.txt")).into_iter();
    decisions
        .map(|(number, line)| {
            let (inputs, outcome) = line.rsplit_once(' ').expect("inputs and an outcome");
            let outcome: usize = outcome.parse().expect("the number of an outcome");
            let inputs = Inputs::parse(inputs).unwrap_or_else(|| panic!("line {number}: {line}"));
            (number, inputs, outcomes[outcome].1.clone())
        })
        .collect()
}

/// A decision in one line: verdict, rules, whom it asks, for how long, by which engine.
#[must_use]
pub fn told(decision: &Decision) -> String {
    let demand = decision.demand().iter();
    let demand: Vec<String> = demand
        .map(|(group, people)| format!("{group}:{people}"))
        .collect();
    let or_none = |text: String| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text
        }
    };
    format!(
        "{} {} {} {} [{}]",
        decision.verdict(),
        decision.rules().join(","),
        or_none(demand.join(",")),
        or_none(
            decision
                .review_ms()
                .map_or_else(String::new, |ms| ms.to_string())
        ),
        decision.engine(),
    )
}

impl Policies {
    /// Compiles all of them.
    ///
    /// # Panics
    /// If one does not compile.
    #[must_use]
    pub fn compile(stack: &BigStack) -> Self {
        let texts = (1..=POLICIES).map(|number| {
            let path = folder().join(format!("policies/{number}.cedar"));
            let text = fs::read_to_string(path).expect("a policy of the corpus");
            let bundle = Bundle::new(&text).expect("a policy that is safe");
            Some(CompiledBundle::compile(stack, &bundle).expect("a policy that compiles"))
        });
        Self([None].into_iter().chain(texts).collect())
    }

    /// Decides on `inputs`: the digest of the snapshot, and what came out.
    #[must_use]
    pub fn decide(&self, stack: &BigStack, inputs: &Inputs) -> (Digest, Decision) {
        let policy = self.0[usize::from(inputs.policy)].as_ref();
        let snapshot = inputs.snapshot(policy.map(CompiledBundle::digest));
        let (decision, _) = decide(stack, policy, &snapshot).into_parts();
        (snapshot.digest(), decision)
    }
}

impl Inputs {
    /// The words of a line, in the order of [`fmt::Display`]; `None` if one is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut next = || words.next();
        let inputs = Self {
            policy: next()?.parse().ok().filter(|policy| *policy <= POLICIES)?,
            kind: ActionType::parse(next()?)?,
            amount_minor: next()?.parse().ok()?,
            reference: next()?.parse().ok()?,
            tier: next()?.parse().ok()?,
            agent: by_letter(next()?, &STATUSES)?,
            sponsor: next()?.parse().ok()?,
            latitude: next()?.parse().ok()?,
            exposure_minor: next()?.parse().ok()?,
            target: by_letter(next()?, &STATUSES)?,
            counterparty: next()?.parse().ok()?,
            status: by_letter(next()?, &APPROVALS)?,
            risk: by_letter(next()?, &RISKS)?,
            payments_before: next()?.parse().ok()?,
            details_changed: match next()? {
                "-" => None,
                at => Some(at.parse().ok()?),
            },
            decided_at: next()?.parse().ok()?,
        };
        words.next().is_none().then_some(inputs)
    }

    /// The snapshot of these inputs.
    ///
    /// # Panics
    /// If they make none.
    #[must_use]
    pub fn snapshot(&self, bundle: Option<Digest>) -> Snapshot {
        let id = |text: &str| Id::parse(text).expect("an id");
        let time = |at| UnixMillis::new(at).expect("a time");
        let currency = Currency::parse("EUR").expect("a currency");
        let counterparty = COUNTERPARTIES[self.counterparty];
        Snapshot::new(
            Tenant {
                origin: "log.example.com/t/00112233445566ff".to_owned(),
                currency,
                exponent: Exponent::new(2).expect("an exponent"),
            },
            Agent::new(
                id("buyer-1"),
                id(SPONSORS[self.sponsor]),
                Tier::new(self.tier).expect("a tier"),
                self.agent,
                Latitude::new(self.latitude).expect("a latitude"),
                self.exposure_minor,
                JwkThumbprint::from_bytes([7; 32]),
            )
            .expect("an agent"),
            Target::new(id("erp"), self.target),
            Counterparty::new(
                id(counterparty),
                self.status,
                self.risk,
                self.payments_before,
                self.details_changed.map(time),
            )
            .expect("a counterparty"),
            Action::new(
                self.kind,
                self.amount_minor,
                currency,
                id(counterparty),
                id("erp"),
                REFERENCES[self.reference],
                BTreeMap::new(),
            )
            .expect("an action"),
            Moment {
                bundle,
                decided_at: time(self.decided_at),
                standing_at: 42,
            },
        )
        .expect("a snapshot")
    }
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {} {} {} {} {} {} {} {} {} {} ",
            self.policy,
            self.kind.name(),
            self.amount_minor,
            self.reference,
            self.tier,
            letter(&self.agent, &STATUSES),
            self.sponsor,
            self.latitude,
            self.exposure_minor,
            letter(&self.target, &STATUSES),
            self.counterparty,
            letter(&self.status, &APPROVALS),
            letter(&self.risk, &RISKS),
            self.payments_before,
        )?;
        match self.details_changed {
            Some(at) => write!(f, "{at} ")?,
            None => f.write_str("- ")?,
        }
        write!(f, "{}", self.decided_at)
    }
}
