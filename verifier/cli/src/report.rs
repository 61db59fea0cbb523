//! An answer of the verifier, on a page or as JSON. The words are the library's ([`Report::words`]).

use agentsigna_verifier::verify::{Check, Holder, Liars, Lie, Outcome, Question, Report, Step};
use serde::Serialize;

use crate::{Exit, failure::Failure, print::Page};

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
    lies: Vec<LieTold<'a>>,
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

/// Who would have had to lie for a claim to be false.
#[derive(Serialize)]
struct LieTold<'a> {
    claim: &'static str,
    sets: Vec<Vec<HolderTold<'a>>>,
    more: bool,
    why: Option<&'static str>,
}

#[derive(Serialize)]
struct HolderTold<'a> {
    kind: &'static str,
    name: Option<&'a str>,
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
        for line in report.words(question, &|style, text| page.styled(style, text)) {
            page.line(line);
        }
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
        what: outcome.finding().map(|finding| finding.what.as_str()),
        step: report.deciding().map(Step::as_str),
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
        lies: report.lies().iter().map(lie_told).collect(),
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
    let (result, finding) = check.told();
    CheckMade {
        step: check.step.as_str(),
        result,
        code: finding.map(|finding| finding.code),
        what: finding.map(|finding| finding.what.as_str()),
        by: vouchers(check),
    }
}

fn lie_told(lie: &Lie) -> LieTold<'_> {
    let (sets, more, why) = match &lie.by {
        Liars::Sets { sets, more } => (sets.as_slice(), *more, None),
        Liars::Untold(why) => ([].as_slice(), false, Some(*why)),
    };
    LieTold {
        claim: lie.about.as_str(),
        sets: sets
            .iter()
            .map(|set| set.iter().map(holder_told).collect())
            .collect(),
        more,
        why,
    }
}

fn holder_told(holder: &Holder) -> HolderTold<'_> {
    HolderTold {
        kind: holder.kind(),
        name: holder.name(),
    }
}

fn vouchers(check: &Check) -> Vec<&'static str> {
    check.by.iter().map(|by| by.as_str()).collect()
}
