//! Policies: draft, publish, compare, activate.

use askama::Template;

use super::{
    frame::{Frame, Problem, wrong},
    parts::{Block, Chip, Hash, Plain, Sentence, When},
};

/// `GET /policies`.
#[derive(Debug, Clone, Template)]
#[template(path = "policies.html")]
pub struct Policies {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub bundles: Vec<BundleRow>,
    /// The text being drafted, if the person may publish.
    pub draft: Option<Draft>,
}

/// One bundle.
#[derive(Debug, Clone)]
pub struct BundleRow {
    /// Its digest.
    pub bundle: Hash,
    /// Its address: `/policies/` and all 64 digits.
    pub address: String,
    /// When it was published.
    pub published_at: When,
    /// Who published it.
    pub published_by: String,
    /// How many policies are in it; `None` if it is written for another engine.
    pub rules: Option<usize>,
    /// Active, or published.
    pub status: Chip,
}

/// A policy text before it is published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// As typed.
    pub text: String,
    /// What the compiler says.
    pub problems: Vec<Problem>,
    /// What it would change, if it was asked about and compiles: then it can be signed.
    pub checked: Option<Changes>,
}

/// `GET /policies/{bundle}`.
#[derive(Debug, Clone, Template)]
#[template(path = "policy.html")]
pub struct PolicyPage {
    /// Around it.
    pub frame: Frame,
    /// Its digest.
    pub bundle: Hash,
    /// Active, or published.
    pub status: Chip,
    /// When and by whom it was published.
    pub published: (When, String),
    /// When it was activated, by whom.
    pub activated: Option<(When, String)>,
    /// The policy as written.
    pub source: Block,
    /// What differs from the active one; `None` if this is it.
    pub changes: Option<Changes>,
    /// The activation, if the person may sign it now.
    pub activate: Option<Activate>,
}

/// What differs between the active bundle and this one.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The active bundle; `None` if there is none.
    pub active: Option<Hash>,
    /// Whether it is the active bundle, byte for byte.
    pub is_active: bool,
    /// Rule by rule.
    pub rules: Vec<RuleChange>,
    /// Rules that are the same in both.
    pub same: usize,
    /// What the compiler warns of.
    pub warnings: Vec<Sentence>,
    /// Recent cases decided again; `None` if none was decided yet.
    pub compared: Option<Compared>,
}

/// One rule that differs.
#[derive(Debug, Clone)]
pub struct RuleChange {
    /// Its id.
    pub id: String,
    /// Its title, of this bundle if it is there.
    pub title: Plain,
    /// The text of the active bundle.
    pub before: Option<Block>,
    /// The text of this one.
    pub after: Option<Block>,
}

/// What would have become of the last cases.
#[derive(Debug, Clone)]
pub struct Compared {
    /// How many were decided again.
    pub cases: usize,
    /// Since when.
    pub since: When,
    /// Rows: verdict as recorded; columns: verdict of this one; authorized, escalated, rejected each.
    pub counts: [[u64; 3]; 3],
    /// Cases with the same verdict by other rules, or asking other people.
    pub otherwise: usize,
    /// Cases whose verdict differs, the last one first.
    pub moved: Vec<MovedCase>,
}

/// A case that would have gone another way.
#[derive(Debug, Clone)]
pub struct MovedCase {
    /// Its name.
    pub case: String,
    /// The verdict as recorded.
    pub before: Chip,
    /// The verdict of this one.
    pub after: Chip,
    /// The rules of this one.
    pub rules: Vec<String>,
}

/// The signature that activates.
#[derive(Debug, Clone)]
pub struct Activate {
    /// What is signed, byte for byte.
    pub body: String,
    /// What the signature would do.
    pub step: ActivateStep,
}

/// What a signature under the activation would do.
#[derive(Debug, Clone)]
pub enum ActivateStep {
    /// Activate: there is no second administrator.
    Alone,
    /// Propose it to the other administrators.
    Proposes,
    /// Nothing more: the person proposed it, until then.
    Waits(When),
    /// Activate what this administrator proposed, until then.
    Seconds(String, When),
}

/// The verdicts, in the order of [`Compared::counts`].
const VERDICTS: [&str; 3] = ["authorized", "escalated", "rejected"];

/// A count, whether it is on the diagonal, and the column's name.
type Cell = (u64, bool, &'static str);

impl Compared {
    /// The rows with their names.
    fn rows(&self) -> Vec<(&'static str, Vec<Cell>)> {
        VERDICTS
            .into_iter()
            .zip(self.counts)
            .map(|(before, row)| {
                let cells = row.into_iter().zip(VERDICTS);
                (
                    before,
                    cells
                        .map(|(count, after)| (count, before == after, after))
                        .collect(),
                )
            })
            .collect()
    }

    /// How many would be decided another way.
    fn differ(&self) -> u64 {
        let moved = self.rows().into_iter().flat_map(|(_, cells)| cells);
        moved
            .filter(|(_, same, _)| !same)
            .map(|(count, ..)| count)
            .fold(0, u64::saturating_add)
    }
}

impl ActivateStep {
    /// Whether there is something to sign.
    const fn signs(&self) -> bool {
        !matches!(self, Self::Waits(_))
    }
}

impl RuleChange {
    /// The lines of the active bundle's text, each with whether the other side lacks it.
    fn lines_before(&self) -> Vec<(Plain, bool)> {
        lines(self.before.as_ref(), self.after.as_ref())
    }

    /// The lines of this bundle's text, each with whether the other side lacks it.
    fn lines_after(&self) -> Vec<(Plain, bool)> {
        lines(self.after.as_ref(), self.before.as_ref())
    }

    fn chip(&self) -> Chip {
        use super::parts::Tone;
        match (&self.before, &self.after) {
            (None, _) => Chip::new(Tone::Good, "added"),
            (_, None) => Chip::new(Tone::Stopped, "removed"),
            _ => Chip::new(Tone::Waits, "changed"),
        }
    }
}

super::frame::stands!(Policies at "/policies", PolicyPage at "/policies");

fn lines(of: Option<&Block>, other: Option<&Block>) -> Vec<(Plain, bool)> {
    let other: Vec<_> = other.map_or_else(Vec::new, |text| text.0.trim_end().split('\n').collect());
    let lines = of
        .into_iter()
        .flat_map(|text| text.0.trim_end().split('\n'));
    lines
        .map(|line| (Plain::new(line), !other.contains(&line)))
        .collect()
}
