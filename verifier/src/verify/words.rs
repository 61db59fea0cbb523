//! A report as lines of text, as the command line prints it and a page of the portal shows it. The verdict comes first
//! (CL-43); nothing here changes it.

use alloc::{borrow::ToOwned as _, format, string::String, vec::Vec};

use super::{Check, Finding, Holder, Liars, Outcome, Question, Report, Result as Ended, Step};
use crate::review::words::date;

/// How a word may be set off, where there are colours. The words are the same without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A name or heading.
    Bold,
    /// It holds.
    Good,
    /// It does not hold.
    Bad,
    /// Nobody knows.
    Open,
    /// Of less weight.
    Faint,
}

/// Lines being written, and what sets a word off.
struct Page<'a> {
    lines: Vec<String>,
    styled: &'a dyn Fn(Style, &str) -> String,
}

impl Outcome {
    /// Why it is not VALID.
    #[must_use]
    pub const fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Valid => None,
            Self::Refused(finding) | Self::Incomplete(finding) => Some(finding),
        }
    }
}

impl Check {
    /// `passed`, `failed` or `not-made`, and what was found where it is not the first.
    #[must_use]
    pub const fn told(&self) -> (&'static str, Option<&Finding>) {
        match &self.result {
            Ended::Passed => ("passed", None),
            Ended::Failed(finding) => ("failed", Some(finding)),
            Ended::NotMade(finding) => ("not-made", Some(finding)),
        }
    }
}

impl Report {
    /// The step that made the answer what it is.
    #[must_use]
    pub fn deciding(&self) -> Option<Step> {
        let reason = self.outcome().finding()?;
        let mut checks = self.checks().iter();
        let made = checks.find(|check| check.told().1 == Some(reason));
        made.map(|check| check.step)
            .or_else(|| self.not_reached().next())
    }

    /// The report on `question` as lines without line ends; `styled` sets a word off, or hands it back as it is.
    #[must_use]
    pub fn words(
        &self,
        question: &Question,
        styled: &dyn Fn(Style, &str) -> String,
    ) -> Vec<String> {
        let mut page = Page {
            lines: Vec::new(),
            styled,
        };
        // CL-43
        verdict(self, &mut page);
        checks(self, &mut page);
        claims(self, &mut page);
        lies(self, &mut page);
        not_checked(self, question, &mut page);
        page.lines
    }
}

impl Page<'_> {
    fn line(&mut self, text: String) {
        self.lines.push(text);
    }

    fn item(&mut self, text: &str) {
        self.line(format!("  {text}"));
    }

    fn heading(&mut self, text: &str) {
        let text = self.styled(Style::Bold, text);
        self.line(String::new());
        self.line(text);
    }

    /// Names and what they are, in two columns.
    fn table<N: AsRef<str>, V: AsRef<str>>(&mut self, rows: &[(N, V)]) {
        let widths = rows.iter().map(|(name, _)| name.as_ref().chars().count());
        let width = widths.max().unwrap_or_default();
        for (name, value) in rows {
            self.line(format!("  {:width$}  {}", name.as_ref(), value.as_ref()));
        }
    }

    fn styled(&self, style: Style, text: &str) -> String {
        (self.styled)(style, text)
    }
}

/// `VALID`, `REFUSED(code)` or `INCOMPLETE(code)`, then the step and the reason.
fn verdict(report: &Report, page: &mut Page<'_>) {
    let outcome = report.outcome();
    let style = match outcome {
        Outcome::Valid => Style::Good,
        Outcome::Refused(_) => Style::Bad,
        Outcome::Incomplete(_) => Style::Open,
    };
    let word = match outcome.code() {
        None => outcome.as_str().to_owned(),
        Some(code) => format!("{}({code})", outcome.as_str()),
    };
    let word = page.styled(style, &word);
    page.line(word);
    if let Some(finding) = outcome.finding() {
        let step = report.deciding().map_or("?", Step::as_str);
        page.item(&format!("{step}: {}", finding.what));
    }
}

fn checks(report: &Report, page: &mut Page<'_>) {
    page.heading("Checks, and who stands behind what each establishes");
    let mut rows = Vec::new();
    for check in report.checks() {
        let (mark, style, finding) = match &check.result {
            Ended::Passed => ("ok      ", Style::Good, None),
            Ended::Failed(finding) => ("FAILED  ", Style::Bad, Some(finding)),
            Ended::NotMade(finding) => ("not made", Style::Open, Some(finding)),
        };
        let vouchers: Vec<&str> = check.by.iter().map(|by| by.as_str()).collect();
        let by = match vouchers.as_slice() {
            // VE-7
            [] => "none asked for".to_owned(),
            vouchers => vouchers.join(" and "),
        };
        let told = finding.map_or(by, |finding| format!("{}: {}", finding.code, finding.what));
        let name = check.step.as_str();
        rows.push((page.styled(style, mark), format!("{name:14}  {told}")));
    }
    for step in report.not_reached() {
        let mark = page.styled(Style::Faint, "-       ");
        rows.push((mark, format!("{:14}  not reached", step.as_str())));
    }
    page.table(&rows);
}

fn claims(report: &Report, page: &mut Page<'_>) {
    if report.claims().is_empty() {
        return;
    }
    page.heading(match report.outcome() {
        Outcome::Valid => "It says, and on whose word",
        Outcome::Refused(_) => "It says (refused: believe none of it)",
        Outcome::Incomplete(_) => "It says (not proven), and on whose word",
    });
    let rows: Vec<_> = report
        .claims()
        .iter()
        .map(|claim| {
            let by = page.styled(Style::Faint, &format!("[{}]", claim.by.as_str()));
            (claim.name, format!("{}  {by}", claim.value))
        })
        .collect();
    page.table(&rows);
}

/// One line for each set.
fn lies(report: &Report, page: &mut Page<'_>) {
    if report.lies().is_empty() {
        return;
    }
    page.heading("Who would have had to lie, for this to be false: all of one line");
    let mut rows = Vec::new();
    for lie in report.lies() {
        let lines = match &lie.by {
            Liars::Untold(why) => {
                let told = format!("cannot be told from this: {why}");
                [page.styled(Style::Faint, &told)].into()
            }
            Liars::Sets { sets, more } => {
                let mut lines: Vec<String> = sets.iter().map(|set| together(set)).collect();
                if *more {
                    lines.push(format!("and more: these are {} that suffice", sets.len()));
                }
                lines
            }
        };
        for (at, line) in lines.into_iter().enumerate() {
            let name = if at == 0 { lie.about.sentence() } else { "" };
            rows.push((name, line));
        }
    }
    page.table(&rows);
}

/// A set of holders.
fn together(set: &[Holder]) -> String {
    let words: Vec<String> = set.iter().map(|holder| format!("{holder}")).collect();
    words.join(", ")
}

fn not_checked(report: &Report, question: &Question, page: &mut Page<'_>) {
    page.heading("Not checked");
    let rows: Vec<_> = report
        .not_checked()
        .iter()
        .map(|open| (open.what, open.why.as_str()))
        .collect();
    page.table(&rows);
    if rows.is_empty() {
        page.item("nothing");
    }
    if let Some(at) = question.at {
        page.line(String::new());
        page.line(format!("Judged as of {} ({}).", date(at), at.millis()));
    }
}
