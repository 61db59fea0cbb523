//! `ledger DIR --trust FILE`: is this export of a log to be believed?

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use agentsigna_verifier::verify::{
    Question,
    ledger::{Options, Progress, audit},
};

use crate::{Exit, failure::Failure, folder::Folder, print::Page, report, trust_file};

/// Audit the export of a whole log, offline: every entry, hash, signature and transition.
///
/// Exit status: 0 valid, 1 refused, 2 incomplete, 3 could not run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder that `agentsigna export` wrote.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Whom to believe: had before, and by another way. The one in DIR came along, and proves nothing.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// Make every verdict again, with the policy that was active.
    #[arg(long)]
    replay: bool,
}

pub(crate) fn run(arguments: &Arguments, page: &mut Page) -> Result<Exit, Failure> {
    let mut folder = Folder::open(&arguments.folder)?;
    let trust = trust_file::read(&arguments.trust)?;
    let question = Question {
        // No check of a log needs a clock: its times are compared with each other.
        at: None,
        pinned: trust_file::is_pinned(&arguments.trust, &arguments.folder)?,
        expects_authority: false,
    };
    let options = Options {
        replay: arguments.replay,
    };
    let meter = Meter::new();
    let answer = audit(&mut folder, &trust, &question, options, &mut |progress| {
        meter.show(progress);
    });
    meter.clear();
    let report = answer.map_err(|error| Failure::of("export", &error))?;
    report::say(&report, &question, page)
}

/// How far the audit is, on one line of a terminal; silent elsewhere.
pub(crate) struct Meter {
    on: bool,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            on: io::stderr().is_terminal(),
        }
    }

    pub(crate) fn show(&self, progress: Progress) {
        let Progress { entries, size } = progress;
        self.write(&format!("\r{entries} of {size} entries"));
    }

    /// ECMA-48 §8.3.41: erases the line.
    pub(crate) fn clear(&self) {
        self.write("\r\u{1b}[K");
    }

    fn write(&self, text: &str) {
        if self.on {
            // Nobody needs it: the answer is on standard output.
            let _ = write!(io::stderr(), "{text}");
        }
    }
}
