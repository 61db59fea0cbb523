//! `keygen`.

use std::fs;

use agentsigna_verifier::key::PublicKey;

use crate::{folder_with_key, run};

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_a_private_key() {
    // CL-10, also where the mask of the process would allow more.
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, _) = folder_with_key();
    let mode = |name| {
        let metadata = fs::metadata(folder.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("a.key"), 0o600);
    assert_ne!(mode("a.pub") & 0o400, 0);
}

#[test]
fn no_file_is_overwritten() {
    // CL-10
    let (folder, _) = folder_with_key();
    let before = fs::read(folder.path().join("a.key")).unwrap();
    let again = run(folder.path(), &["keygen", "a.key"]).ended(3);
    assert!(
        again.stderr.contains("`a.key` is there already"),
        "{again:?}"
    );
    assert_eq!(fs::read(folder.path().join("a.key")).unwrap(), before);

    // Half a pair is none: the private key goes too if the public one cannot be written.
    fs::write(folder.path().join("b.pub"), "mine").unwrap();
    let half = run(folder.path(), &["keygen", "b.key"]).ended(3);
    assert!(half.stderr.contains("`b.pub` is there already"), "{half:?}");
    assert!(!folder.path().join("b.key").exists());
    assert_eq!(fs::read(folder.path().join("b.pub")).unwrap(), b"mine");
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_when_a_key_is_written() {
    // CL-10
    let (folder, _) = folder_with_key();
    std::os::unix::fs::symlink("elsewhere", folder.path().join("c.key")).unwrap();
    run(folder.path(), &["keygen", "c.key"]).ended(3);
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn the_two_files_are_of_one_key() {
    // CL-11, CL-12
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["keygen", "f.key", "--comment", "founder of acme", "--json"];
    let made = run(folder.path(), &arguments).ended(0);
    let made = made.json();
    let line = fs::read_to_string(folder.path().join("f.pub")).unwrap();
    let (public, comment) = line.trim_end().split_once(' ').unwrap();
    assert_eq!(
        (public, comment),
        (made["public_key"].as_str().unwrap(), "founder of acme")
    );
    let key = PublicKey::from_base64url(public).unwrap();
    assert_eq!(made["thumbprint"], key.jwk_thumbprint().to_base64url());
    // The key that signs is the one of the public file: its thumbprint is the `keyid` of a request.
    let dry = run(
        folder.path(),
        &[
            "call",
            "GET",
            "https://a.example/",
            "--key",
            "f.key",
            "--profile",
            "read",
            "--dry-run",
        ],
    )
    .ended(0);
    assert!(
        dry.stdout.contains(&key.jwk_thumbprint().to_base64url()),
        "{dry:?}"
    );
}

#[test]
fn two_keys_are_never_the_same_and_none_is_printed() {
    let (first, a) = folder_with_key();
    let (_second, b) = folder_with_key();
    assert_ne!(a, b);
    let text = fs::read_to_string(first.path().join("a.key")).unwrap();
    let secret = text.lines().nth(1).unwrap();
    let said = run(first.path(), &["keygen", "other.key"]).ended(0);
    let own = fs::read_to_string(first.path().join("other.key")).unwrap();
    for secret in [secret, own.lines().nth(1).unwrap()] {
        assert!(!said.stdout.contains(secret) && !said.stderr.contains(secret));
    }
}

#[test]
fn a_name_or_comment_that_misleads_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["keygen", "a.pub"][..],
        &["keygen", "a"],
        &["keygen", "a.key", "--comment", "two\nlines"],
        &["keygen", "a.key", "--comment", "\u{202e}"],
        &["keygen", "nowhere/a.key"],
    ] {
        run(folder.path(), arguments).ended(3);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
