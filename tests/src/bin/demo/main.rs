//! `make demo`: the whole loop on this machine, from an agent's request to a proof checked offline.
//!
//! | File | Holds |
//! |---|---|
//! | `stage` | the programs, the files, and how each act is told and judged |
//! | `acts` | the beginning: who there is, the three verdicts, forgeries, the audit |
//! | `outcomes` | what becomes of permissions, and what that makes of trust |
//!
//! It ends by itself: with 0 if everything was as promised, with 1 at the first thing that was not.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it tells people, and ends at the first thing that is not as promised"
)]

mod acts;
mod outcomes;
mod stage;

use std::{env, panic, path::PathBuf, process::ExitCode, time::Instant};

use stage::Stage;

const HELP: &str =
    "usage: demo [--out FOLDER]     default: demo-out; what an earlier demo left there goes";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let out = match words.as_slice() {
        [] => "demo-out",
        ["--out", folder] => folder,
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(3);
        }
    };
    let since = Instant::now();
    let out = PathBuf::from(out);
    // Unwinding ends the processes that were started; the message was printed by the hook.
    panic::set_hook(Box::new(|panic| {
        let told = panic.payload();
        let why = told
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| told.downcast_ref::<&str>().copied())
            .unwrap_or("?");
        println!("\n    FAILED  {why}");
        if let Some(place) = panic.location() {
            println!("            at {place}");
        }
    }));
    match panic::catch_unwind(|| acts::play(&mut Stage::set(&out))) {
        Ok(()) => {
            println!(
                "\nAll twelve acts went as promised, in {:.1} s. The files are in {}.",
                since.elapsed().as_secs_f64(),
                out.display()
            );
            ExitCode::SUCCESS
        }
        Err(_) => {
            println!("\nThe demo stopped: something was not as promised.");
            ExitCode::FAILURE
        }
    }
}
