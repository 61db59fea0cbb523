//! Exit statuses and output of every command.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{folder_with_key, program, run};

#[test]
fn wrong_usage_is_3_because_2_means_incomplete() {
    // CL-1
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &[][..],
        &["nonsense"],
        &["keygen"],
        &["call", "GET"],
        &[
            "call",
            "GET",
            "https://a.example/",
            "--key",
            "k",
            "--profile",
            "root",
        ],
        &[
            "call",
            "GET",
            "https://a.example/",
            "--key",
            "k",
            "--profile",
            "read",
            "--wait",
            "51",
        ],
        &["keygen", "a.key", "--nonsense"],
    ] {
        let ran = run(folder.path(), arguments).ended(3);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
}

#[test]
fn help_and_version_are_answers() {
    // CL-1
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["call", "--help"],
        &["keygen", "-h"],
    ] {
        let ran = run(folder.path(), arguments).ended(0);
        assert!(!ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_none() {
    // CL-2: /dev/full refuses every byte.
    let (folder, _) = folder_with_key();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let arguments = [
        "call",
        "GET",
        "https://a.example/",
        "--key",
        "a.key",
        "--profile",
        "read",
        "--dry-run",
    ];
    let mut command: Command = program(folder.path(), &arguments);
    let status = command.stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn no_colours_where_nobody_looks() {
    // CL-5
    let (folder, _) = folder_with_key();
    let arguments = [
        "call",
        "GET",
        "https://a.example/",
        "--key",
        "a.key",
        "--profile",
        "read",
        "--dry-run",
    ];
    for variable in ["CLICOLOR", "TERM"] {
        let mut command = program(folder.path(), &arguments);
        let output = command.env(variable, "xterm-256color").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.contains(&0x1b));
    }
}
