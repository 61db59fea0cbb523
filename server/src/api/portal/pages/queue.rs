//! The review queue, and lists of cases.

use agentsigna_verifier::{entry::CaseId, id::Id};
use askama::Template;

use super::{
    frame::{Frame, Problem, wrong},
    parts::{Chip, Left, Money, Plain, Shown, Theirs, When},
};

/// `GET /queue`.
#[derive(Debug, Clone, Template)]
#[template(path = "queue.html")]
pub struct Queue {
    /// Around it.
    pub frame: Frame,
    /// Views with their counts, one of them chosen.
    pub views: Vec<View>,
    /// What is filtered by.
    pub filter: Filter,
    /// What of it cannot be read; then no case is shown.
    pub problems: Vec<Problem>,
    /// The cases, in the order asked for.
    pub cases: Vec<Waiting>,
    /// How many there are under this filter.
    pub count: u64,
    /// The next page.
    pub next: Option<String>,
    /// When the page was made.
    pub at: When,
}

/// A filter with a name; its address is all of it.
#[derive(Debug, Clone)]
pub struct View {
    /// `All`, `Asks me`, `Due in 4 hours`.
    pub name: &'static str,
    /// `/queue?due=4h`.
    pub address: String,
    /// Cases under it.
    pub count: u64,
    /// Whether it is the one shown.
    pub here: bool,
}

/// The query of the queue's address. Empty texts filter nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `rule`: an id.
    pub rule: String,
    /// The rules that somebody waits for, to choose from.
    pub rules: Vec<String>,
    /// `agent`: an id.
    pub agent: String,
    /// `counterparty`: an id.
    pub counterparty: String,
    /// `at_least`: an amount in major units, as typed.
    pub at_least: String,
    /// `group`: one of the demand.
    pub group: String,
    /// Groups to choose from.
    pub groups: Vec<String>,
    /// `due`: `1h`, `4h`, `24h` or empty.
    pub due: String,
    /// `sort`: `deadline`, `newest` or `amount`.
    pub sort: String,
    /// `mine`, `1`: only what asks the one who looks.
    pub mine: bool,
}

/// A case that waits for people.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its name.
    pub case: CaseId,
    /// What is to be done.
    pub kind: &'static str,
    /// For how much.
    pub amount: Money,
    /// With whom.
    pub counterparty: Id,
    /// Their name.
    pub counterparty_name: Theirs,
    /// Who asks.
    pub agent: Id,
    /// Why: id and title of each rule.
    pub rules: Vec<(String, Plain)>,
    /// Groups with slots filled and asked for.
    pub slots: Vec<Slots>,
    /// When it was asked.
    pub asked_at: When,
    /// Until when.
    pub deadline: When,
    /// What is left.
    pub left: Left,
    /// Whether the person who looks is asked, and may answer.
    pub asks_me: bool,
}

/// How far a group is.
#[derive(Debug, Clone)]
pub struct Slots {
    /// The group.
    pub group: Id,
    /// Slots filled.
    pub filled: u8,
    /// Slots asked for.
    pub asked: u8,
}

/// `GET /cases`, with `q` also what a search found.
#[derive(Debug, Clone, Template)]
#[template(path = "cases.html")]
pub struct Cases {
    /// Around it.
    pub frame: Frame,
    /// `q`: an id, a case, a digest, a reference.
    pub query: Plain,
    /// The first and the last entry that a search looked at, where it looked at any.
    pub looked: Option<(u64, u64)>,
    /// What was found that is no case: kind, address, words.
    pub others: Vec<Found>,
    /// Cases, newest first.
    pub cases: Vec<CaseRow>,
    /// The next page.
    pub next: Option<String>,
}

/// Something found.
#[derive(Debug, Clone)]
pub struct Found {
    /// `Agent`, `Bundle`, `Entry`.
    pub kind: &'static str,
    /// A link, a name, a digest.
    pub what: Shown,
    /// What else there is to say.
    pub about: Shown,
}

/// One case in a list.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// Its name.
    pub case: CaseId,
    /// When it was asked.
    pub asked_at: When,
    /// Who asked.
    pub agent: Id,
    /// The agent's reference.
    pub reference: Theirs,
    /// What is to be done.
    pub kind: &'static str,
    /// For how much.
    pub amount: Money,
    /// With whom.
    pub counterparty: Id,
    /// Where it stands.
    pub state: Chip,
}

impl Filter {
    /// How many fields filter.
    #[must_use]
    pub fn used(&self) -> usize {
        [
            &self.rule,
            &self.agent,
            &self.counterparty,
            &self.at_least,
            &self.group,
            &self.due,
        ]
        .into_iter()
        .filter(|field| !field.is_empty())
        .count()
        .saturating_add(self.mine.into())
    }
}

super::frame::stands!(Queue at "/queue", Cases at "/cases");
