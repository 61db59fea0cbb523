//! `consistency OLD NEW --trust FILE`: does the log of an export extend a head kept from before?

use std::path::PathBuf;

use agentsigna_verifier::{
    limits,
    verify::{Question, ledger::consistency},
};

use crate::{Exit, failure::Failure, files, folder::Folder, print::Page, report, trust_file};

/// Tell whether the log of an export extends a signed head that was kept.
///
/// Exit status: 0 valid, 1 refused, 2 incomplete, 3 could not run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The head kept from before: a signed note, or an older export.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The export of now: the folder that `agentsigna export` wrote.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Whom to believe: had before, and by another way.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, page: &mut Page) -> Result<Exit, Failure> {
    let trust = trust_file::read(&arguments.trust)?;
    let mut pinned = trust_file::is_pinned(&arguments.trust, &arguments.new)?;
    let old = if arguments.old.is_dir() {
        pinned &= trust_file::is_pinned(&arguments.trust, &arguments.old)?;
        files::read_judged(&arguments.old.join("checkpoint"), limits::NOTE_BYTES_MAX)?
    } else {
        files::read_judged(&arguments.old, limits::NOTE_BYTES_MAX)?
    };
    let mut new = Folder::open(&arguments.new)?;
    let question = Question {
        // No check of a log needs a clock: its times are compared with each other.
        at: None,
        pinned,
        expects_authority: false,
    };
    let report = consistency(&old, &mut new, &trust, &question)
        .map_err(|error| Failure::of("export", &error))?;
    report::say(&report, &question, page)
}
