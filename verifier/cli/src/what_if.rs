//! `what-if BUNDLE --log DIR --trust FILE`: what would this policy have decided? (`spec/replay.md` §4)

use std::path::PathBuf;

use agentsigna_verifier::{
    event::Body,
    limits,
    rules::{
        BigStack, Bundle, Comparison, CompiledBundle, bundle::BUNDLE_BYTES_MAX,
        comparison::VERDICTS, on_big_stack,
    },
    verify::{
        Outcome, Question, Report,
        ledger::{Options, audit_seeing},
    },
};
use serde::Serialize;

use crate::{
    Exit,
    failure::Failure,
    files,
    folder::{Folder, Unreadable},
    ledger::Meter,
    print::{self, Page, Style},
    report, trust_file,
};

/// Decide recorded cases again by another policy, offline: each by its last decision, on what was weighed then.
///
/// The export is audited first. Exit status: 0 valid, 1 log or candidate refused, 2 incomplete, 3 could not run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The candidate: policy text, or a bundle as it is in a log; `-` is standard input.
    #[arg(value_name = "BUNDLE")]
    candidate: PathBuf,
    /// The folder that `agentsigna export` wrote.
    #[arg(long, value_name = "DIR")]
    log: PathBuf,
    /// Whom to believe: had before, and by another way. The one in DIR came along, and proves nothing.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// Only the N cases that were decided last.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

/// The answer where the candidate is none that decides.
#[derive(Serialize)]
struct NoCandidate<'a> {
    outcome: &'static str,
    code: &'static str,
    what: &'a str,
    step: &'static str,
    compared: Option<Compared>,
}

/// The answer about the log, and then the comparison.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    log: report::Answer<'a>,
    candidate: String,
    compared: Option<Compared>,
}

#[derive(Serialize)]
struct Compared {
    cases: usize,
    verdicts: [&'static str; 3],
    counts: [[u64; 3]; 3],
    otherwise: usize,
    moved: Vec<Moved>,
}

#[derive(Serialize)]
struct Moved {
    case: String,
    index: u64,
    before: &'static str,
    after: &'static str,
    rules: Vec<String>,
}

/// Why a candidate cannot be compared: code and sentence.
struct Refused {
    code: &'static str,
    what: String,
}

type Ran = Result<(CompiledBundle, Report, Comparison), Refused>;

pub(crate) fn run(arguments: &Arguments, page: &mut Page) -> Result<Exit, Failure> {
    let mut folder = Folder::open(&arguments.log)?;
    let trust = trust_file::read(&arguments.trust)?;
    let question = Question {
        // No check of a log needs a clock: its times are compared with each other.
        at: None,
        pinned: trust_file::is_pinned(&arguments.trust, &arguments.log)?,
        expects_authority: false,
    };
    let bytes_max = BUNDLE_BYTES_MAX.max(limits::POLICY_SOURCE_BYTES_MAX);
    let bytes = files::read_judged(&arguments.candidate, bytes_max)?;
    let meter = Meter::new();
    let ran = on_big_stack(|stack| -> Result<Ran, Unreadable> {
        let candidate = match compile(stack, &bytes) {
            Ok(candidate) => candidate,
            Err(refused) => return Ok(Err(refused)),
        };
        let mut comparison = Comparison::default();
        let report = audit_seeing(
            &mut folder,
            &trust,
            &question,
            Options { replay: false },
            &mut |progress| meter.show(progress),
            &mut |index, event| {
                if let (Some(place), Body::DecisionMade(made)) = (event.place, &event.body) {
                    comparison.add(stack, &candidate, place.case, index, made);
                }
            },
        )?;
        Ok(Ok((candidate, report, comparison)))
    });
    meter.clear();
    let ran = ran.map_err(|error| Failure::of("a thread for policies", &error))?;
    match ran.map_err(|error| Failure::of("export", &error))? {
        Err(refused) => no_candidate(&refused, page),
        Ok((candidate, report, mut comparison)) => {
            comparison.keep_last(arguments.last.unwrap_or(usize::MAX));
            // CL-50: of a log that is refused nothing is believed, and nothing is compared.
            let believed = !matches!(report.outcome(), Outcome::Refused(_));
            let compared = believed.then(|| compared(&comparison));
            if page.wants_json() {
                page.value(&Answer {
                    log: report::answer(&report, &question),
                    candidate: candidate.digest().to_hex(),
                    compared,
                })?;
                return Ok(report::exit(&report));
            }
            let exit = report::say(&report, &question, page)?;
            if let Some(compared) = compared {
                told(&compared, page);
            }
            Ok(exit)
        }
    }
}

/// A bundle begins as CBOR begins a map of four, which is no text.
fn compile(stack: &BigStack, bytes: &[u8]) -> Result<CompiledBundle, Refused> {
    const MAP_OF_FOUR: u8 = 0xa4;
    let bundle = if bytes.first() == Some(&MAP_OF_FOUR) {
        Bundle::decode(bytes).map_err(|error| Refused {
            code: "malformed",
            what: error.to_string(),
        })?
    } else {
        let text = std::str::from_utf8(bytes).map_err(|_| Refused {
            code: "malformed",
            what: "policy text is not UTF-8".to_owned(),
        })?;
        Bundle::new(text).map_err(|error| Refused {
            code: error.fault.code(),
            what: error.to_string(),
        })?
    };
    CompiledBundle::compile(stack, &bundle).map_err(|error| Refused {
        code: error.code(),
        what: error.to_string(),
    })
}

fn no_candidate(refused: &Refused, page: &mut Page) -> Result<Exit, Failure> {
    if page.wants_json() {
        page.value(&NoCandidate {
            outcome: "REFUSED",
            code: refused.code,
            what: &refused.what,
            step: "candidate",
            compared: None,
        })?;
    } else {
        let word = page.styled(Style::Bad, &format!("REFUSED({})", refused.code));
        page.line(word);
        page.item(format!("candidate: {}", print::plain(&refused.what)));
    }
    Ok(Exit::Refused)
}

fn compared(comparison: &Comparison) -> Compared {
    let moved = comparison.moved().into_iter().map(|moved| Moved {
        case: moved.case.to_string(),
        index: moved.index,
        before: moved.before.name(),
        after: moved.after.name(),
        rules: moved.rules,
    });
    Compared {
        cases: comparison.cases(),
        verdicts: VERDICTS.map(|verdict| verdict.name()),
        counts: comparison.counts(),
        otherwise: comparison.otherwise(),
        moved: moved.collect(),
    }
}

/// The table, rows as recorded, and the cases that would have gone another way. RP-5
fn told(compared: &Compared, page: &mut Page) {
    page.heading("What the candidate would have decided, on what was weighed then");
    page.item(format!(
        "{} cases; {} would go another way, {} the same way by other rules or asking other people",
        compared.cases,
        compared.moved.len(),
        compared.otherwise
    ));
    page.line("");
    let [one, two, three] = compared.verdicts;
    page.item(format!("{:12}{one:>12}{two:>12}{three:>12}", "as recorded"));
    for (before, row) in compared.verdicts.iter().zip(compared.counts) {
        let [one, two, three] = row;
        page.item(format!("{before:12}{one:>12}{two:>12}{three:>12}"));
    }
    if compared.moved.is_empty() {
        return;
    }
    page.heading("Cases that would go another way");
    let rows: Vec<(&str, String)> = compared
        .moved
        .iter()
        .map(|moved| {
            let rules = print::plain(&moved.rules.join(" "));
            let told = format!("{} -> {}  by {rules}", moved.before, moved.after);
            (moved.case.as_str(), told)
        })
        .collect();
    page.table(&rows);
}
