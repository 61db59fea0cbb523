//! The offline verifier's command line (`spec/command-line.md`).
//!
//! Each command is a file. It says everything on its [`print::Page`] and answers with an [`Exit`]; this file
//! alone prints and ends the process. Only `call` and `gate` speak to a network, and only `keygen`, `call --out` and
//! `gate` write files. The clock is read here, because the library has none.

mod call;
mod consistency;
mod failure;
mod files;
mod folder;
mod gate;
mod inspect;
mod key_file;
mod keygen;
mod ledger;
mod passport;
mod print;
mod replay;
mod report;
mod trust_file;
mod what_if;

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use agentsigna_verifier::time::UnixMillis;
use clap::{Parser, Subcommand, error::ErrorKind};

use crate::{failure::Failure, print::Page};

/// Checks AgentSigna's Passports, case files and ledgers offline; makes keys; sends signed requests.
///
/// Exit status: 0 valid or done, 1 refused, 2 incomplete, 3 could not run.
#[derive(Parser)]
#[command(name = "agentsigna-verify", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Answer with one JSON value on standard output.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    Passport(passport::Arguments),
    Ledger(ledger::Arguments),
    Consistency(consistency::Arguments),
    Replay(replay::Arguments),
    WhatIf(what_if::Arguments),
    Inspect(inspect::Arguments),
    Keygen(keygen::Arguments),
    Call(call::Arguments),
    Gate(gate::Arguments),
}

/// How a command ended. The number is the exit status (CL-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Valid, or done.
    Valid,
    /// Refused: by a check here, or by the server that was called.
    Refused,
    /// Nothing failed, but a required check could not be made.
    Incomplete,
    /// No answer: wrong usage, a file that cannot be read, a server that cannot be reached.
    NotRun,
}

impl Exit {
    const fn status(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Refused => 1,
            Self::Incomplete => 2,
            Self::NotRun => 3,
        }
    }
}

fn main() -> ExitCode {
    let exit = match Arguments::try_parse() {
        Ok(arguments) => run(&arguments),
        Err(error) => usage(&error),
    };
    ExitCode::from(exit.status())
}

fn run(arguments: &Arguments) -> Exit {
    let stdout = io::stdout();
    let mut page = Page::new(arguments.json, stdout.is_terminal());
    let result = match &arguments.command {
        Command::Passport(arguments) => passport::run(arguments, now(), &mut page),
        Command::Ledger(arguments) => ledger::run(arguments, &mut page),
        Command::Consistency(arguments) => consistency::run(arguments, &mut page),
        Command::Replay(arguments) => replay::run(arguments, &mut page),
        Command::WhatIf(arguments) => what_if::run(arguments, &mut page),
        Command::Inspect(arguments) => inspect::run(arguments, &mut page),
        Command::Keygen(arguments) => keygen::run(arguments, &mut page),
        Command::Call(arguments) => call::run(arguments, now(), &mut page),
        Command::Gate(arguments) => gate::run(arguments, &mut page, |page| print(page.bytes())),
    };
    let exit = result.unwrap_or_else(|failure| {
        complain(&failure);
        Exit::NotRun
    });
    // What runs on has said its page already.
    if matches!(arguments.command, Command::Gate(_)) {
        return exit;
    }
    match print(page.bytes()) {
        Ok(()) => exit,
        // CL-2: an answer that did not arrive is none.
        Err(failure) => {
            complain(&failure);
            Exit::NotRun
        }
    }
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::new(format!("standard output: {error}")))
}

/// CL-1: wrong usage is 3, not the 2 of other programs, which here means INCOMPLETE.
fn usage(error: &clap::Error) -> Exit {
    let asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    // Where the message cannot be written, the status still says it.
    let _ = error.print();
    if asked { Exit::Valid } else { Exit::NotRun }
}

fn complain(failure: &Failure) {
    let message = print::plain(&failure.to_string());
    // Where standard error is closed, the status still says it.
    let _ = writeln!(io::stderr(), "agentsigna-verify: {message}");
}

/// The system's clock; `None` where it stands before 1970 or after the year 287396.
pub(crate) fn now() -> Option<UnixMillis> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    UnixMillis::new(u64::try_from(since.as_millis()).ok()?)
}
