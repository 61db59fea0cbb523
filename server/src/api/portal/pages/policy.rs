//! Policies: draft, publish, compare, activate.

use askama::Template;

use super::{
    frame::{Frame, Problem, wrong},
    parts::{Block, Chip, Hash, Plain, When},
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
    /// How many policies are in it.
    pub rules: u64,
    /// Active, was active, or published.
    pub status: Chip,
}

/// A policy text before it is published.
#[derive(Debug, Clone)]
pub struct Draft {
    /// As typed.
    pub text: String,
    /// What the compiler says.
    pub problems: Vec<Problem>,
}

/// `GET /policies/{bundle}`.
#[derive(Debug, Clone, Template)]
#[template(path = "policy.html")]
pub struct PolicyPage {
    /// Around it.
    pub frame: Frame,
    /// Its digest.
    pub bundle: Hash,
    /// Active, was active, or published.
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
    /// Rule by rule.
    pub rules: Vec<RuleChange>,
    /// Rules that are the same in both.
    pub same: u64,
    /// Recent cases decided by both.
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

/// How many of the last cases each bundle would decide which way.
#[derive(Debug, Clone)]
pub struct Compared {
    /// How many were decided again.
    pub cases: u64,
    /// Since when.
    pub since: When,
    /// Rows: verdict of the active bundle; columns: verdict of this one; authorized, escalated, rejected each.
    pub counts: [[u64; 3]; 3],
    /// Cases whose verdict differs: case id, before, after.
    pub moved: Vec<(String, Chip, Chip)>,
}

/// The signature that activates.
#[derive(Debug, Clone)]
pub struct Activate {
    /// 64 hex digits.
    pub bundle: String,
    /// Who signed first, if somebody did, and until when it counts.
    pub proposed: Option<(String, When)>,
    /// Whether a second administrator has to sign after this person.
    pub needs_second: bool,
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
