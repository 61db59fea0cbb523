//! The review page, on the approval site: the sheet, beside it what is live, below it the two decisions.
//!
//! INVARIANT (sheet): [`SheetPage`] holds the sheet and nothing else, so that what is signed is what is shown
//! (SH-2); whatever moves is in [`Live`], in another part of the page that says so.

use agentsigna_verifier::{
    action::Parameter,
    case::CaseState,
    id::Id,
    review::{Exclusion, Fact, RuleShown, Sheet, facts::HISTORY_CASES_MAX},
    time::UnixMillis,
};
use askama::Template;

use super::{
    frame::{Problem, wrong},
    parts::{Block, Chip, Exactly, Hash, Left, Money, Plain, Theirs, When},
};

/// `GET /review?ticket=…`.
#[derive(Debug, Template)]
#[template(path = "review.html")]
pub struct Review<'s> {
    /// The host of the page.
    pub site: String,
    /// The portal's origin, for the way back.
    pub portal: String,
    /// Who looks.
    pub approver: Id,
    /// What is signed. SH-2
    pub sheet: SheetPage<'s>,
    /// What is live.
    pub live: Live,
    /// The ticket.
    pub ticket: String,
    /// Whether this person may judge now.
    pub judge: Judge,
    /// What was wrong with the last try.
    pub problems: Vec<Problem>,
}

/// A sheet as HTML: a function of the sheet alone. SH-2
#[derive(Debug, Template)]
#[template(path = "sheet.html")]
pub struct SheetPage<'s> {
    /// The sheet, checked.
    pub sheet: &'s Sheet,
}

/// What has happened since the sheet was frozen. Nothing of it is signed.
#[derive(Debug)]
pub struct Live {
    /// When the page was made.
    pub now: When,
    /// Until when the round is open.
    pub left: Left,
    /// Each group of the demand.
    pub groups: Vec<Group>,
    /// Who agreed: person, for whom, when. Which slot they fill is nobody's choice.
    pub agreed: Vec<(Id, Option<Id>, When)>,
    /// What is not as on the sheet of the round before, in our words; nothing in the first round.
    pub changes: Vec<String>,
}

/// A group of the demand.
#[derive(Debug)]
pub struct Group {
    /// Its name.
    pub group: Id,
    /// Slots asked for.
    pub asked: u8,
    /// Slots filled.
    pub filled: u8,
}

/// Whether the person may judge.
#[derive(Debug)]
pub enum Judge {
    /// They may, for themselves or for these.
    Open {
        /// Whether for themselves.
        for_self: bool,
        /// Who delegated to them.
        for_others: Vec<Id>,
    },
    /// They may not, and why.
    Closed(String),
}

impl SheetPage<'_> {
    fn money(&self, minor: &u64) -> Money {
        Money {
            minor: *minor,
            exponent: self.sheet.exponent(),
            currency: self.sheet.action().currency(),
        }
    }

    /// What approvals sign.
    fn digest(&self) -> Hash {
        Hash::of(&self.sheet.digest())
    }

    fn bundle(&self) -> Hash {
        Hash::of(&self.sheet.policy().bundle)
    }

    fn amount(&self) -> Money {
        self.money(&self.sheet.action().amount_minor())
    }

    /// `Escalated by esc.amount and 2 more rules`, in two parts.
    fn verdict(&self) -> (Plain, String) {
        let mut rules = self.sheet.rules().iter();
        let first = rules.next().map(|rule| rule.id.clone());
        let more = match rules.count() {
            0 => String::new(),
            1 => String::from("and 1 more rule"),
            more => format!("and {more} more rules"),
        };
        (Plain(first.unwrap_or_default()), more)
    }

    fn parameters(&self) -> Vec<(&str, Theirs)> {
        let named = self.sheet.action().parameters().iter();
        named
            .map(|(name, value)| {
                let value = match value {
                    Parameter::Integer(n) => n.to_string(),
                    Parameter::Text(text) => text.clone(),
                };
                (name.as_str(), Theirs::new(value))
            })
            .collect()
    }

    fn latitude(&self) -> String {
        match self.sheet.agent().latitude.number() {
            -1 => String::from("none: it never acts alone"),
            band => format!("band {band}"),
        }
    }

    fn scores(&self) -> String {
        self.sheet.scores_in_words()
    }

    fn activated_by(&self) -> String {
        let people: Vec<_> = self
            .sheet
            .policy()
            .activated_by
            .iter()
            .map(Id::as_str)
            .collect();
        match people.as_slice() {
            [] => String::from("the founder's file key"),
            people => people.join(", "),
        }
    }

    fn fact(&self, fact: &Fact) -> FactShown {
        match *fact {
            Fact::FirstWithCounterparty => FactShown::words(format!(
                "First with this counterparty, of the agent’s last {HISTORY_CASES_MAX} cases"
            )),
            Fact::AmountAboveMedian {
                amount_minor,
                median_minor,
            } => FactShown::words(format!(
                "{} is more than twice the median of the pair, {}",
                self.money(&amount_minor).number(),
                self.money(&median_minor).number()
            )),
            Fact::NewActionType => FactShown::words(format!(
                "First action of this type, of the agent’s last {HISTORY_CASES_MAX} cases"
            )),
            Fact::DetailsChanged(at) => FactShown {
                words: String::from("Payment details changed in the 90 days before:"),
                at: Some(When(at)),
            },
            Fact::OutsideHours(hour) => {
                FactShown::words(format!("Asked for in hour {hour} UTC, not from 6 to 19"))
            }
        }
    }
}

/// A fact as words, and the time in it.
struct FactShown {
    words: String,
    at: Option<When>,
}

impl FactShown {
    const fn words(words: String) -> Self {
        Self { words, at: None }
    }
}

// Templates hand on references.
const fn when(at: &UnixMillis) -> When {
    When(*at)
}

fn case_chip(state: &CaseState) -> Chip {
    Chip::case(*state)
}

const fn why_excluded(why: &Exclusion) -> &'static str {
    match why {
        Exclusion::Activated => "activated the policy less than a day before",
        Exclusion::Sponsor => "answers for the agent",
    }
}

fn source(rule: &RuleShown) -> Option<Block> {
    rule.source.clone().map(Block)
}
