//! One case: what was asked, what became of it, every event with its digest and its content.

use agentsigna_verifier::{digest::Digest, entry::CaseId};
use askama::Template;

use super::{
    frame::{Facts, Frame},
    parts::{Block, Chip, Exactly, Hash, Late, Left, Money, Plain, Shown, Theirs},
};

/// `GET /cases/{case}`, and with a report the answer of `POST /cases/{case}/verify`.
#[derive(Debug, Clone, Template)]
#[template(path = "case.html")]
pub struct CasePage {
    /// Around it.
    pub frame: Frame,
    /// Its name.
    pub case: CaseId,
    /// Where it stands.
    pub state: Chip,
    /// What was asked for.
    pub kind: &'static str,
    /// For how much.
    pub amount: Money,
    /// Everything else about the action: names and values.
    pub facts: Facts,
    /// The agent's own words.
    pub statement: Option<Theirs>,
    /// The rules of the last decision.
    pub rules: Vec<RuleRow>,
    /// Whether that decision, made again for this page, is the same; nothing where it could not be made.
    pub equal: Option<bool>,
    /// What is left of an open review.
    pub left: Option<Left>,
    /// Whether the person may go to the review.
    pub may_review: bool,
    /// What became of the permission: names and values. Empty before there is one.
    pub ending: Facts,
    /// For how long it has been past its time.
    pub late: Option<Late>,
    /// What the person may say of it.
    pub forms: Vec<EndForm>,
    /// Its events, oldest first.
    pub events: Vec<EventRow>,
    /// The page with those that follow.
    pub next: Option<String>,
    /// The verifier's report.
    pub report: Option<Report>,
}

/// One rule of a decision, clause by clause.
#[derive(Debug, Clone)]
pub struct RuleRow {
    /// Its id.
    pub id: String,
    /// What it says.
    pub title: Plain,
    /// Why it asks people, if it does.
    pub reason: Plain,
    /// Whether it held.
    pub held: bool,
    /// What it compared, and what stood there.
    pub values: Vec<(Plain, Plain)>,
}

/// Something that may be said of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndForm {
    /// What it does.
    pub title: &'static str,
    /// The path of its act.
    pub path: &'static str,
    /// The member that says what: `outcome` or `result`.
    pub member: &'static str,
    /// What may be chosen: the word, and what it means. At least one.
    pub words: Vec<(&'static str, &'static str)>,
    /// Whose fault it may be, likewise; empty where nobody is asked.
    pub faults: Vec<(&'static str, &'static str)>,
}

/// One event of a case.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its position in the log.
    pub index: u64,
    /// `decision.made`
    pub kind: &'static str,
    /// What happened, in our words.
    pub words: String,
    /// What somebody else said in it: a reason, an outcome.
    pub said: Option<Shown>,
    /// `decided_at`.
    pub at: Exactly,
    /// The event digest.
    pub digest: Digest,
    /// All of it, in diagnostic notation.
    pub raw: Block,
}

/// What the verifier says of the case file.
#[derive(Debug, Clone)]
pub struct Report {
    /// `VALID`, `REFUSED` or `INCOMPLETE`, as a chip.
    pub verdict: Chip,
    /// The report as the command line prints it.
    pub text: Block,
    /// The size of the log that it was checked against.
    pub size: u64,
}

impl EventRow {
    fn hash(&self) -> Hash {
        Hash::of(&self.digest)
    }
}

super::frame::stands!(CasePage at "/cases");
