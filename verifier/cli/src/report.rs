//! An answer of the verifier, on a page or as JSON. The verdict comes first (CL-43); nothing here changes it.

use agentsigna_verifier::verify::{
    Check, Finding, Outcome, Question, Report, Result as Ended, Step,
};
use serde::Serialize;

use crate::{
    Exit,
    failure::Failure,
    print::{self, Page, Style},
};

/// The answer for programs; the page tells the same.
#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    outcome: &'static str,
    code: Option<&'static str>,
    what: Option<&'a str>,
    step: Option<&'static str>,
    profile: &'static str,
    at: Option<u64>,
    pinned: bool,
    checks: Vec<CheckMade<'a>>,
    not_reached: Vec<&'static str>,
    claims: Vec<ClaimSaid<'a>>,
    not_checked: Vec<Unchecked<'a>>,
}

#[derive(Serialize)]
struct CheckMade<'a> {
    step: &'static str,
    result: &'static str,
    code: Option<&'static str>,
    what: Option<&'a str>,
    by: Vec<&'static str>,
}

#[derive(Serialize)]
struct ClaimSaid<'a> {
    name: &'static str,
    value: &'a str,
    by: &'static str,
}

#[derive(Serialize)]
struct Unchecked<'a> {
    what: &'static str,
    why: &'a str,
}

/// Puts the answer on the page.
pub(crate) fn say(report: &Report, question: &Question, page: &mut Page) -> Result<Exit, Failure> {
    if page.wants_json() {
        page.value(&answer(report, question))?;
    } else {
        // CL-43
        verdict(report, page);
        checks(report, page);
        claims(report, page);
        not_checked(report, question, page);
    }
    Ok(exit(report))
}

/// CL-1.
pub(crate) const fn exit(report: &Report) -> Exit {
    match report.outcome() {
        Outcome::Valid => Exit::Valid,
        Outcome::Refused(_) => Exit::Refused,
        Outcome::Incomplete(_) => Exit::Incomplete,
    }
}

/// The answer, for a command that has more to say.
pub(crate) fn answer<'a>(report: &'a Report, question: &Question) -> Answer<'a> {
    let outcome = report.outcome();
    Answer {
        outcome: outcome.as_str(),
        code: outcome.code(),
        what: reason(outcome).map(|finding| finding.what.as_str()),
        step: deciding(report).map(Step::as_str),
        profile: report.profile().as_str(),
        at: question.at.map(|at| at.millis()),
        pinned: question.pinned,
        checks: report.checks().iter().map(check_made).collect(),
        not_reached: report.not_reached().map(Step::as_str).collect(),
        claims: report
            .claims()
            .iter()
            .map(|claim| ClaimSaid {
                name: claim.name,
                value: &claim.value,
                by: claim.by.as_str(),
            })
            .collect(),
        not_checked: report
            .not_checked()
            .iter()
            .map(|open| Unchecked {
                what: open.what,
                why: &open.why,
            })
            .collect(),
    }
}

fn check_made(check: &Check) -> CheckMade<'_> {
    let (result, finding) = match &check.result {
        Ended::Passed => ("passed", None),
        Ended::Failed(finding) => ("failed", Some(finding)),
        Ended::NotMade(finding) => ("not-made", Some(finding)),
    };
    CheckMade {
        step: check.step.as_str(),
        result,
        code: finding.map(|finding| finding.code),
        what: finding.map(|finding| finding.what.as_str()),
        by: vouchers(check),
    }
}

fn vouchers(check: &Check) -> Vec<&'static str> {
    check.by.iter().map(|by| by.as_str()).collect()
}

const fn reason(outcome: &Outcome) -> Option<&Finding> {
    match outcome {
        Outcome::Valid => None,
        Outcome::Refused(finding) | Outcome::Incomplete(finding) => Some(finding),
    }
}

/// The step that made the answer what it is.
pub(crate) fn deciding(report: &Report) -> Option<Step> {
    let reason = reason(report.outcome())?;
    let made = report.checks().iter().find(|check| match &check.result {
        Ended::Passed => false,
        Ended::Failed(finding) | Ended::NotMade(finding) => finding == reason,
    });
    made.map(|check| check.step)
        .or_else(|| report.not_reached().next())
}

/// `VALID`, `REFUSED(code)` or `INCOMPLETE(code)`, then the step and the reason.
fn verdict(report: &Report, page: &mut Page) {
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
    if let Some(finding) = reason(outcome) {
        let step = deciding(report).map_or("?", Step::as_str);
        page.item(format!("{step}: {}", finding.what));
    }
}

fn checks(report: &Report, page: &mut Page) {
    page.heading("Checks, and who stands behind what each establishes");
    let mut rows = Vec::new();
    for check in report.checks() {
        let (mark, style, finding) = match &check.result {
            Ended::Passed => ("ok      ", Style::Good, None),
            Ended::Failed(finding) => ("FAILED  ", Style::Bad, Some(finding)),
            Ended::NotMade(finding) => ("not made", Style::Open, Some(finding)),
        };
        let by = match vouchers(check) {
            // VE-7
            nobody if nobody.is_empty() => "none asked for".to_owned(),
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

fn claims(report: &Report, page: &mut Page) {
    if report.claims().is_empty() {
        return;
    }
    page.heading(match report.outcome() {
        Outcome::Valid => "It says, and who would have had to lie for that to be false",
        Outcome::Refused(_) => "It says (refused: believe none of it)",
        Outcome::Incomplete(_) => {
            "It says (not proven), and who would have had to lie for that to be false"
        }
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

fn not_checked(report: &Report, question: &Question, page: &mut Page) {
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
        page.line("");
        page.line(format!("Judged as of {}.", print::time(at.millis())));
    }
}
