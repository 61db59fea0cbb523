//! The sheet as lines of plain text, in the order of the page (`spec/sheet.md` SH-2, SH-3).
//!
//! A function of the sheet alone: what a command line prints beside it is not on the sheet. No character of it
//! moves a cursor, reorders or hides what is read: such characters are shown by their numbers.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    facts::{Fact, HISTORY_CASES_MAX},
    sheet::{Comparison, RuleShown, Sheet},
};
use crate::{
    action::{Exponent, Parameter, is_control_or_bidi},
    standing::BANDS,
    time::UnixMillis,
};

/// Whether a character is not shown as it is: controls, line separators, bidi controls (those of VE-24), and
/// characters without width, which a reader does not see. SH-3
#[must_use]
pub const fn is_unseen(c: char) -> bool {
    is_control_or_bidi(c)
        || matches!(
            c,
            '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text with every unseen character as `\u{…}`. SH-3
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Minor units as people write them: `1,250.00` where the unit has two digits.
#[must_use]
pub fn amount(minor: u64, exponent: Exponent) -> String {
    let unit = 10_u64.pow(exponent.digits().into());
    let (whole, rest) = (minor / unit, minor % unit);
    let digits = whole.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    match usize::from(exponent.digits()) {
        0 => text,
        width => format!("{text}.{rest:0width$}"),
    }
}

/// A time as `2026-11-22T04:00:14.000Z` (RFC 3339; years above 9999 have more digits).
#[must_use]
pub fn date(time: UnixMillis) -> String {
    let (days, day_ms) = (time.millis() / 86_400_000, time.millis() % 86_400_000);
    // Days to date: Hinnant, "chrono-compatible low-level date algorithms", civil_from_days, for years after 0.
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        day_ms / 3_600_000,
        day_ms / 60_000 % 60,
        day_ms / 1000 % 60,
        day_ms % 1000
    )
}

/// Lines being written; every text goes through [`plain`].
struct Page(Vec<String>);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push(plain(text));
    }

    fn heading(&mut self, text: &str) {
        self.line("");
        self.line(text);
    }

    fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("  {name:<16} {value}"));
    }

    /// Text that keeps its own lines, each marked.
    fn block(&mut self, indent: &str, text: &str) {
        for line in text.split('\n') {
            self.line(format!("{indent}| {line}").trim_end());
        }
    }
}

impl Sheet {
    /// The sheet as lines without line ends, redrawn from nothing but itself. SH-2
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut page = Page(Vec::new());
        page.line("Review sheet");
        page.field("log", &self.origin);
        page.field("case", &self.case.to_string());
        page.field("round", &self.round.to_string());
        page.field("asked", &date(self.asked_at));
        page.field("decided", &date(self.decided_at));
        page.field("deadline", &date(self.deadline));
        page.heading("Escalated by");
        for rule in &self.rules {
            rule.write(&mut page);
        }
        self.write_action(&mut page);
        self.write_agent(&mut page);
        self.write_counterparty(&mut page);
        page.heading("Policy");
        page.field("bundle", &self.policy.bundle.to_hex());
        page.field("active since", &date(self.policy.activated_at));
        let people = self.policy.activated_by.iter().map(crate::id::Id::as_str);
        match people.collect::<Vec<_>>().as_slice() {
            [] => page.field("activated by", "the founder's file key"),
            people => page.field("activated by", &people.join(", ")),
        }
        page.heading("Unusual");
        for fact in &self.unusual {
            page.line(&format!("  {}", self.fact(fact)));
        }
        if self.unusual.is_empty() {
            page.line("  nothing of what is looked for");
        }
        page.heading("Asks");
        for (group, people) in &self.demand {
            page.field(group.as_str(), &people.to_string());
        }
        page.heading("May not judge");
        for (person, why) in &self.excluded {
            page.field(person.as_str(), why.as_str());
        }
        match &self.statement {
            None => page.heading("The agent says nothing in its own words"),
            Some(text) => {
                page.heading("In the agent's own words, which nobody vouches for:");
                // One line, whatever it holds: a line of its own could look like one of the sheet.
                page.line(&format!("  | {text}"));
            }
        }
        page.heading("The case so far");
        for (at, digest) in self.chain.iter().enumerate() {
            page.field(&at.to_string(), &digest.to_hex());
        }
        page.0
    }

    fn money(&self, minor: u64) -> String {
        amount(minor, self.exponent)
    }

    fn write_action(&self, page: &mut Page) {
        let action = &self.action;
        page.heading("Action");
        let kind = action.kind();
        page.field("type", &format!("{kind} ({})", kind.category()));
        let money = self.money(action.amount_minor());
        page.field("amount", &format!("{money} {}", action.currency()));
        page.field("counterparty", action.counterparty().as_str());
        page.field("target", action.target().as_str());
        page.field("reference", action.reference());
        for (name, parameter) in action.parameters() {
            let value = match parameter {
                Parameter::Integer(n) => n.to_string(),
                Parameter::Text(text) => format!("\"{text}\""),
            };
            page.field("parameter", &format!("{name} = {value}"));
        }
    }

    fn write_agent(&self, page: &mut Page) {
        let agent = &self.agent;
        page.heading("Agent");
        page.field("id", agent.id.as_str());
        page.field("sponsor", agent.sponsor.as_str());
        page.field("tier", &agent.tier.number().to_string());
        page.field("key", &agent.key.to_base64url());
        page.field("latitude", &agent.latitude.number().to_string());
        page.field("scores", &self.scores_in_words());
        page.field("exposure", &self.money(agent.exposure_minor));
        for recent in &agent.recent {
            let asked = &recent.asked;
            page.field(
                "other case",
                &format!(
                    "{} {} {} {} {} {}",
                    date(asked.asked_at),
                    asked.case,
                    asked.kind,
                    asked.counterparty,
                    self.money(asked.amount_minor),
                    recent.state.as_str()
                ),
            );
        }
        if agent.recent.is_empty() {
            page.field("other cases", "none");
        }
    }

    /// Every score of the agent, from band 0 on; bands at the end that are 0 in two words.
    #[must_use]
    pub fn scores_in_words(&self) -> String {
        let scores = &self.agent.scores;
        let last = scores.iter().rposition(|score| *score > 0);
        let shown = last.map_or(0, |last| last.saturating_add(1));
        let texts: Vec<String> = scores.iter().take(shown).map(u64::to_string).collect();
        match shown {
            0 => String::from("0 of 1000 in every band"),
            BANDS => format!("{} of 1000 from band 0 on", texts.join(", ")),
            _ => format!("{} of 1000 from band 0 on, 0 above", texts.join(", ")),
        }
    }

    fn write_counterparty(&self, page: &mut Page) {
        let counterparty = &self.counterparty;
        page.heading("Counterparty");
        page.field("id", counterparty.id.as_str());
        page.field("name", &counterparty.name);
        page.field("status", counterparty.status.name());
        page.field("risk", counterparty.risk.name());
        let payments = counterparty.payments_before.to_string();
        page.field("payments before", &payments);
        page.field("first seen", &date(counterparty.first_seen_at));
        let changed = counterparty.details_changed_at;
        let changed = changed.map_or_else(|| String::from("never"), date);
        page.field("details changed", &changed);
        match &counterparty.pair {
            None => page.field("with this agent", "no other case"),
            Some(pair) => page.field(
                "with this agent",
                &format!(
                    "{} other cases, median {}, last {}",
                    pair.cases,
                    self.money(pair.median_minor),
                    date(pair.last_at)
                ),
            ),
        }
    }

    fn fact(&self, fact: &Fact) -> String {
        match fact {
            Fact::FirstWithCounterparty => {
                format!(
                    "first with this counterparty, of the agent's last {HISTORY_CASES_MAX} cases"
                )
            }
            Fact::AmountAboveMedian {
                amount_minor,
                median_minor,
            } => format!(
                "{} is more than twice the median, {}",
                self.money(*amount_minor),
                self.money(*median_minor)
            ),
            Fact::NewActionType => {
                format!("first of this type, of the agent's last {HISTORY_CASES_MAX} cases")
            }
            Fact::DetailsChanged(at) => {
                format!(
                    "payment details changed in the 90 days before: {}",
                    date(*at)
                )
            }
            Fact::OutsideHours(hour) => format!("asked for in hour {hour} UTC, not from 6 to 19"),
        }
    }
}

impl RuleShown {
    fn write(&self, page: &mut Page) {
        page.line(&format!("  {}: {}", self.id, self.title));
        page.line(&format!("    because: {}", self.reason));
        for comparison in &self.values {
            page.line(&format!("    {}", comparison.sentence()));
        }
        if let Some(source) = &self.source {
            page.block("    ", source);
        }
    }
}

impl Comparison {
    fn sentence(&self) -> String {
        let [left, operator, right, left_value, right_value] = self.texts();
        let compared = format!("{left} {operator} {right}");
        match (left_value, right_value) {
            ("", "") => compared,
            (value, "") => format!("{compared}: {value}"),
            (left, right) => format!("{compared}: {left} {operator} {right}"),
        }
    }
}
