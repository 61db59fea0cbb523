//! The two programs as they were built, and how one is run to its end.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// What a program that has ended left behind.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The exit status; −1 if a signal ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The folder of the programs: that of this executable, or the one above for a test.
///
/// # Panics
/// If this executable has no place.
#[must_use]
pub fn folder() -> PathBuf {
    let own = env::current_exe().expect("the place of this executable");
    let folder = own.parent().expect("its folder");
    match folder.file_name() {
        Some(name) if name == "deps" => folder.parent().expect("a profile's folder").to_path_buf(),
        _ => folder.to_path_buf(),
    }
}

/// The program `name`, built beforehand from the same workspace.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.is_file(),
        "`{}` is not there: build the workspace first (`make test` and `make demo` do)",
        path.display()
    );
    path
}

/// Whether the shell finds a program of this name.
#[must_use]
pub fn is_installed(name: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// `agentsigna` with `arguments`, run to its end.
#[must_use]
pub fn agentsigna<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Ended {
    run(Command::new(path("agentsigna")).args(arguments))
}

/// `agentsigna-verify` with `arguments`, run to its end.
#[must_use]
pub fn verify<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Ended {
    run(Command::new(path("agentsigna-verify")).args(arguments))
}

/// `agentsigna-verify passport FILE --trust TRUST` and `more`.
#[must_use]
pub fn verify_passport(file: &Path, trust: &Path, more: &[&str]) -> Ended {
    run(Command::new(path("agentsigna-verify"))
        .arg("passport")
        .arg(file)
        .arg("--trust")
        .arg(trust)
        .args(more))
}

/// `agentsigna-verify ledger FOLDER --trust TRUST` and `more`.
#[must_use]
pub fn verify_ledger(folder: &Path, trust: &Path, more: &[&str]) -> Ended {
    run(Command::new(path("agentsigna-verify"))
        .arg("ledger")
        .arg(folder)
        .arg("--trust")
        .arg(trust)
        .args(more))
}

/// Runs `command` to its end.
///
/// # Panics
/// If it cannot be started.
#[must_use]
pub fn run(command: &mut Command) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ended {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

impl Ended {
    /// Standard output, if the program ended with `status`.
    ///
    /// # Panics
    /// If it ended otherwise.
    #[must_use]
    pub fn expect(self, status: i32) -> String {
        assert_eq!(
            self.status, status,
            "ended with {} instead of {status}\n{}{}",
            self.status, self.stdout, self.stderr
        );
        self.stdout
    }
}
