//! Goal: the program says and does what `spec/command-line.md` says. Method: run the program that is shipped, in a
//! scratch folder, and read its exit status, its output and its files.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests too"
)]

mod call;
mod inspect;
mod keygen;
mod policies;
mod server;
mod usage;
mod vectors;
mod verdicts;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The program, in `folder`, without the environment of whoever runs the tests.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentsigna-verify"));
    command
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = program(folder, arguments).output().unwrap();
    Ran {
        status: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// What came of it.
#[derive(Debug)]
struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The one JSON value on standard output (CL-7).
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:?}");
        self
    }
}

/// A scratch folder with a key `a.key`, and its public half.
fn folder_with_key() -> (TempDir, agentsigna_verifier::key::PublicKey) {
    let folder = tempfile::tempdir().unwrap();
    let made = run(folder.path(), &["keygen", "a.key", "--json"]).ended(0);
    let public = made.json()["public_key"].as_str().unwrap().to_owned();
    let key = agentsigna_verifier::key::PublicKey::from_base64url(&public).unwrap();
    (folder, key)
}
