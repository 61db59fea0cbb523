//! `replay CASE --trust FILE`: the decisions of one case made again, and why they came out (`spec/replay.md` §5).

use std::path::{Path, PathBuf};

use agentsigna_verifier::{
    case_file::CaseFile,
    decision::Decision,
    digest::{Digest, Noun},
    entry::{CaseId, Event},
    event::{Body, DecisionMade},
    limits,
    review::Comparison,
    rules::{
        BigStack, Bundle, CompiledBundle, ENGINE, RuleTold, bundle::BUNDLE_BYTES_MAX, decide,
        on_big_stack, tell,
    },
    time::UnixMillis,
    trust::Trust,
    verify::{
        Outcome, Question, Report, Step,
        ledger::{Export as _, Options, audit_seeing},
        verify,
    },
};
use serde::Serialize;

use crate::{
    Exit,
    failure::Failure,
    files,
    folder::Folder,
    ledger::Meter,
    print::{self, Page, Style},
    report, trust_file,
};

/// Make the decisions of one case again, offline, and show why: each rule, with what its comparisons compared.
///
/// Case file or export are judged first. Exit status: 0 valid, 1 refused, 2 incomplete, 3 could not run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A case file, `-` for standard input; with `--log`, the id of a case.
    case: String,
    /// Whom to believe: had before, and by another way.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The folder that `agentsigna export` wrote, in which the case is.
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

/// The answer about file or export, and then the decisions.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    judged: report::Answer<'a>,
    case: Option<String>,
    decisions: Vec<Told>,
}

/// One decision as recorded, and made again.
#[derive(Serialize)]
struct Told {
    index: u64,
    decided_at: u64,
    bundle: Option<String>,
    recorded: Said,
    /// Null where it could not be made again.
    again: Option<Said>,
    /// Whether all of it is the same.
    equal: Option<bool>,
    /// Why it was not made again.
    why: Option<String>,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Said {
    verdict: &'static str,
    rules: Vec<String>,
    demand: Vec<(String, u8)>,
    review_ms: Option<u64>,
    engine: String,
}

#[derive(Serialize)]
struct Rule {
    id: String,
    title: String,
    does: &'static str,
    held: bool,
    source: Option<String>,
    values: Vec<Compared>,
}

#[derive(Serialize)]
struct Compared {
    left: String,
    operator: &'static str,
    right: String,
    left_value: String,
    right_value: String,
}

/// The decisions of a case, as an artefact holds them.
#[derive(Default)]
struct Found {
    /// Which case; `None` of what is no case file.
    case: Option<CaseId>,
    decisions: Vec<(u64, DecisionMade)>,
    /// Each bundle that decided, if it is at hand, its digest checked.
    bundles: Vec<(Digest, Vec<u8>)>,
}

pub(crate) fn run(arguments: &Arguments, page: &mut Page) -> Result<Exit, Failure> {
    let trust = trust_file::read(&arguments.trust)?;
    let (judged, question, found) = match &arguments.log {
        Some(log) => in_log(arguments, log, &trust)?,
        None => in_file(Path::new(&arguments.case), &trust)?,
    };
    let decisions = if believed(&judged) {
        on_big_stack(|stack| {
            let told = found
                .decisions
                .iter()
                .map(|(index, made)| again(stack, &found, *index, made));
            told.collect()
        })
        .map_err(|error| Failure::of("a thread for policies", &error))?
    } else {
        Vec::new()
    };
    if page.wants_json() {
        page.value(&Answer {
            judged: report::answer(&judged, &question),
            case: found.case.map(|case| case.to_string()),
            decisions,
        })?;
        return Ok(report::exit(&judged));
    }
    let exit = report::say(&judged, &question, page)?;
    for decision in &decisions {
        show(decision, page);
    }
    Ok(exit)
}

/// CL-52: of what is refused nothing is shown, unless the verdict itself is what is wrong with it.
fn believed(judged: &Report) -> bool {
    !matches!(judged.outcome(), Outcome::Refused(_)) || judged.deciding() == Some(Step::Replay)
}

fn in_file(path: &Path, trust: &Trust) -> Result<(Report, Question, Found), Failure> {
    let bytes = files::read_judged(path, limits::CASE_FILE_BYTES_MAX)?;
    // What is none is refused below, by the verifier's own words.
    let found = CaseFile::parse(&bytes).map_or_else(|_| Found::default(), |file| Found::of(&file));
    let question = Question {
        // CL-51: whether the Passport is still good is not what is asked.
        at: found.last_at(),
        pinned: true,
        expects_authority: false,
    };
    let judged = verify(&bytes, trust, &question);
    if found.case.is_none() && judged.deciding() != Some(Step::Format) {
        return Err(Failure::new(format!(
            "`{}` is a Passport, expected the file of its case",
            path.display()
        )));
    }
    Ok((judged, question, found))
}

fn in_log(
    arguments: &Arguments,
    log: &Path,
    trust: &Trust,
) -> Result<(Report, Question, Found), Failure> {
    let case = CaseId::from_hex(&arguments.case).ok_or_else(|| {
        Failure::new(format!(
            "`{}` is no id of a case, expected 32 hex digits",
            print::plain(&arguments.case)
        ))
    })?;
    let mut folder = Folder::open(log)?;
    let question = Question {
        at: None,
        pinned: trust_file::is_pinned(&arguments.trust, log)?,
        expects_authority: false,
    };
    let mut decisions = Vec::new();
    let meter = Meter::new();
    let judged = audit_seeing(
        &mut folder,
        trust,
        &question,
        Options { replay: true },
        &mut |progress| meter.show(progress),
        &mut |index, event| decisions.extend(decision_of(case, index, event)),
    );
    meter.clear();
    let judged = judged.map_err(|error| Failure::of("export", &error))?;
    if decisions.is_empty() && believed(&judged) {
        return Err(Failure::new(format!(
            "case {case} was not decided in this log: look for it with `ledger` or in the portal"
        )));
    }
    let mut bundles = Vec::new();
    for digest in decisions
        .iter()
        .filter_map(|(_, made)| made.snapshot.bundle())
    {
        let blob = folder
            .file(&format!("blob/{digest}"), BUNDLE_BYTES_MAX)
            .map_err(|error| Failure::of("export", &error))?;
        bundles.extend(blob.map(|blob| (Digest::of(Noun::Blob, &blob), blob)));
    }
    let found = Found {
        case: Some(case),
        decisions,
        bundles,
    };
    Ok((judged, question, found))
}

fn decision_of(case: CaseId, index: u64, event: &Event) -> Option<(u64, DecisionMade)> {
    match (&event.place, &event.body) {
        (Some(place), Body::DecisionMade(made)) if place.case == case => {
            Some((index, made.clone()))
        }
        _ => None,
    }
}

impl Found {
    fn of(file: &CaseFile) -> Self {
        let events = file.entries().iter().filter_map(|proven| {
            let event = Event::decode(&proven.entry().event).ok()?;
            Some((proven.entry().index, event))
        });
        let blobs = file.blobs().iter();
        Self {
            case: Some(file.case()),
            decisions: events
                .filter_map(|(index, event)| decision_of(file.case(), index, &event))
                .collect(),
            bundles: blobs
                .map(|blob| (Digest::of(Noun::Blob, blob), blob.clone()))
                .collect(),
        }
    }

    fn last_at(&self) -> Option<UnixMillis> {
        let last = self.decisions.last();
        last.map(|(_, made)| made.snapshot.decided_at())
    }

    fn compiled(
        &self,
        stack: &BigStack,
        made: &DecisionMade,
    ) -> Result<Option<CompiledBundle>, String> {
        let Some(digest) = made.snapshot.bundle() else {
            return Ok(None);
        };
        let held = self.bundles.iter().find(|(held, _)| *held == digest);
        let (_, bytes) = held.ok_or_else(|| format!("bundle {digest} is not at hand"))?;
        let bundle = Bundle::decode(bytes).map_err(|error| error.to_string())?;
        let compiled = CompiledBundle::compile(stack, &bundle);
        compiled.map(Some).map_err(|error| error.to_string())
    }
}

/// RP-7.
fn again(stack: &BigStack, found: &Found, index: u64, made: &DecisionMade) -> Told {
    let mut told = Told {
        index,
        decided_at: made.snapshot.decided_at().millis(),
        bundle: made.snapshot.bundle().map(|digest| digest.to_hex()),
        recorded: said(&made.decision),
        again: None,
        equal: None,
        why: None,
        rules: Vec::new(),
    };
    if made.decision.engine() != ENGINE {
        told.why = Some(format!(
            "decided by `{}`, which this release does not carry",
            made.decision.engine()
        ));
        return told;
    }
    let compiled = match found.compiled(stack, made) {
        Ok(compiled) => compiled,
        Err(why) => {
            told.why = Some(why);
            return told;
        }
    };
    let (decision, _) = decide(stack, compiled.as_ref(), &made.snapshot).into_parts();
    told.equal = Some(decision == made.decision);
    // What is shown is why the policy says what it says; where the record says something else, that is the point.
    match tell(stack, compiled.as_ref(), &made.snapshot, &decision) {
        Ok(rules) => told.rules = rules.into_iter().map(rule).collect(),
        Err(error) => told.why = Some(error.to_string()),
    }
    told.again = Some(said(&decision));
    told
}

fn said(decision: &Decision) -> Said {
    let demand = decision.demand().iter();
    Said {
        verdict: decision.verdict().name(),
        rules: decision.rules().to_vec(),
        demand: demand
            .map(|(group, people)| (group.as_str().to_owned(), *people))
            .collect(),
        review_ms: decision.review_ms(),
        engine: decision.engine().to_owned(),
    }
}

fn rule(told: RuleTold) -> Rule {
    let compared = |value: Comparison| Compared {
        left: value.left,
        operator: value.operator.as_str(),
        right: value.right,
        left_value: value.left_value,
        right_value: value.right_value,
    };
    Rule {
        id: told.id,
        title: told.title,
        does: told.does.name(),
        held: told.held,
        source: told.source,
        values: told.values.into_iter().map(compared).collect(),
    }
}

fn show(decision: &Told, page: &mut Page) {
    page.heading(&format!(
        "Decision in entry {}, {}",
        decision.index,
        print::time(decision.decided_at)
    ));
    let mut rows = vec![("recorded", line(&decision.recorded))];
    rows.extend(decision.again.as_ref().map(|again| ("again", line(again))));
    page.table(&rows);
    let (style, word) = match decision.equal {
        Some(true) => (Style::Good, "equal".to_owned()),
        Some(false) => (Style::Bad, "NOT EQUAL".to_owned()),
        None => (Style::Open, "not made again".to_owned()),
    };
    let why = decision.why.as_deref().map(print::plain);
    let word = page.styled(style, &word);
    page.item(why.map_or(word.clone(), |why| format!("{word}: {why}")));
    for rule in &decision.rules {
        let did = if rule.held { "" } else { ", did not hold" };
        page.line("");
        page.item(format!(
            "{} ({}{did})  {}",
            print::plain(&rule.id),
            rule.does,
            print::plain(&rule.title)
        ));
        for value in &rule.values {
            page.item(format!(
                "  {} {} {}",
                print::plain(&value.left),
                value.operator,
                print::plain(&value.right)
            ));
            page.item(format!(
                "  {} {} {}",
                shown(&value.left_value),
                value.operator,
                shown(&value.right_value)
            ));
        }
    }
}

/// A value; of what could not be evaluated there is none.
fn shown(value: &str) -> String {
    if value.is_empty() {
        "-".to_owned()
    } else {
        print::plain(value)
    }
}

fn line(said: &Said) -> String {
    let mut line = format!(
        "{} by {}",
        said.verdict,
        print::plain(&said.rules.join(" "))
    );
    let demand: Vec<String> = said
        .demand
        .iter()
        .map(|(group, people)| format!("{group}:{people}"))
        .collect();
    if !demand.is_empty() {
        line = format!("{line}, asking {}", demand.join(" "));
    }
    line
}
