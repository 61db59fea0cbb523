//! What nobody can see at run time: what the programs are made of, and that pages and code say the same.
//!
//! `.ci/tidy` reads the text of the house (floors, citations of every MUST, reads of the environment). Here is
//! what needs the compiler or the built programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use agentsigna_tests::programs;
use agentsigna_verifier::{digest::Noun, limits};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"))
}

/// Package names that `cargo tree` prints for `arguments`.
fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let done = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--prefix", "none"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "cargo tree {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// Whether the bytes of the program `agentsigna` hold `needle`: symbol names and strings.
fn linked(needle: &str) -> bool {
    let grep = Command::new("grep")
        .args(["-a", "-q", "-F", "-e", needle])
        .arg(programs::path("agentsigna"))
        .status()
        .unwrap();
    assert!(matches!(grep.code(), Some(0 | 1)), "grep: {grep}");
    grep.success()
}

/// A47: the server has no HTTP client, in no build of the workspace. Method: who depends on a client, with the
/// features of the whole workspace unified; then the bytes of the program itself, symbols and strings.
#[test]
fn a47_the_server_cannot_call_anybody() {
    let clients = [
        "reqwest",
        "ureq",
        "curl",
        "isahc",
        "attohttpc",
        "awc",
        "hyper-rustls",
        "hyper-tls",
    ];
    let own = tree(&["-p", "agentsigna-server", "-e", "normal,build"]);
    assert!(
        own.contains("axum"),
        "the tree is not the server's: {own:?}"
    );
    let all = tree(&["--workspace", "-e", "normal,build"]);
    for client in clients {
        assert!(!own.contains(client), "agentsigna-server brings {client}");
        if all.contains(client) {
            let users = tree(&["--workspace", "-e", "normal,build", "-i", client]);
            for house in ["agentsigna-server", "agentsigna-verifier"] {
                assert!(!users.contains(house), "{house} depends on {client}");
            }
        }
    }
    // If this is not found, names are stripped and the search below proves nothing.
    assert!(linked("signature-before-start"));
    assert!(linked("agentsigna_server"));
    // Symbols have the length of a name before it; without it, `signature` and `queue` side by side are one too.
    for name in ["reqwest", "hyper_rustls", "https_proxy", "4ureq"] {
        assert!(!linked(name), "`{name}` is linked into the server");
    }
}

/// A2, A30, A33: what the host may set is this list, and no security rule is on it. No flag sets a clock, a seed
/// or a fault; the shipped program has no code that fails on purpose.
#[test]
fn a2_a30_no_setting_reaches_a_rule() {
    let mut found = BTreeSet::new();
    for command in [
        &[][..],
        &["init"],
        &["serve"],
        &["tenant", "create"],
        &["tenant", "list"],
        &["export"],
        &["fsck"],
    ] {
        let help = Command::new(programs::path("agentsigna"))
            .args(command)
            .arg("--help")
            .output()
            .unwrap();
        assert!(help.status.success(), "{command:?}");
        let text = String::from_utf8(help.stdout).unwrap();
        found.extend(
            text.split_whitespace()
                .filter_map(|word| word.strip_prefix("--"))
                .map(|flag| flag.trim_end_matches([',', '.', ':']).to_owned()),
        );
    }
    let allowed = BTreeSet::from(
        [
            "anchors",
            "approval-site",
            "authority",
            "currency",
            "exponent",
            "founder",
            "help",
            "json",
            "key-encryption-key",
            "lanes",
            "link",
            "listen",
            "platform",
            "portal-listen",
            "portal-site",
            "reserve-bytes",
            "trust",
            "version",
        ]
        .map(str::to_owned),
    );
    assert_eq!(
        found, allowed,
        "a new flag: is it none that weakens a rule?"
    );

    assert!(
        !linked("fault made by the test"),
        "the program is built with the feature `sim`"
    );
}

/// A2: the settings file is closed, and holds nothing but addresses, places, rates and a reserve.
#[test]
fn a2_the_settings_file_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let init = Command::new(programs::path("agentsigna"))
        .args(["init", "--listen", "127.0.0.1:0", "--reserve-bytes", "0"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(init.status.success(), "{init:?}");
    let file = data.join("agentsigna.json");
    let mut settings: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let names: Vec<_> = settings.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "authorities",
            "key_encryption_key",
            "listen",
            "platform",
            "rates",
            "reserve_bytes"
        ]
    );
    settings.insert("unattended".to_owned(), true.into());
    fs::write(&file, serde_json::to_vec(&settings).unwrap()).unwrap();
    let listed = Command::new(programs::path("agentsigna"))
        .args(["tenant", "list"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(!listed.status.success());
    let said = String::from_utf8(listed.stderr).unwrap();
    assert!(said.contains("unattended"), "{said}");

    // A33: a public address is refused; nothing else makes the program speak plain HTTP to strangers.
    let open = Command::new(programs::path("agentsigna"))
        .args(["init", "--listen", "0.0.0.0:8471"])
        .arg(folder.path().join("open"))
        .output()
        .unwrap();
    assert!(!open.status.success());
    assert!(String::from_utf8(open.stderr).unwrap().contains("loopback"));
}

/// L22, A10: what an auditor links has no socket, file, clock or randomness: neither itself nor in what it brings.
#[test]
fn l22_the_verifier_is_a_pure_function() {
    let bare = tree(&[
        "-p",
        "agentsigna-verifier",
        "--no-default-features",
        "-e",
        "normal",
    ]);
    assert!(bare.contains("ed25519-dalek"));
    // Not `rand_core`: traits without a source, which p256 brings with the signing that it cannot leave out.
    for name in [
        "getrandom",
        "rand",
        "rand_chacha",
        "socket2",
        "mio",
        "tokio",
        "hyper",
        "reqwest",
        "rustix",
        "nix",
        "chrono",
        "time",
    ] {
        assert!(!bare.contains(name), "the bare verifier brings {name}");
    }

    let mut files = Vec::new();
    sources(&root().join("verifier/src"), &mut files);
    assert!(files.len() > 60, "only {} files", files.len());
    let forbidden = [
        "std::time",
        "SystemTime",
        "Instant",
        "std::net",
        "std::fs",
        "std::env",
        "std::process",
        "std::io",
        "getrandom",
        "rand::",
        "OsRng",
        "println!",
        "unsafe ",
    ];
    // Random order is randomness; Cedar's interface wants them, and its answers are sorted.
    let unordered = ["HashMap", "HashSet"];
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let shipped = text.split("#[cfg(test)]\nmod ").next().unwrap();
        for (number, line) in (1..).zip(shipped.lines()) {
            let code = line.split("//").next().unwrap();
            for word in forbidden {
                assert!(
                    !code.contains(word),
                    "{}:{number}: `{word}` in the library",
                    file.display()
                );
            }
            let ordered = file.components().any(|part| part.as_os_str() == "rules")
                || unordered.iter().all(|word| !code.contains(word));
            assert!(ordered, "{}:{number}: {code}", file.display());
            // Cedar needs a large stack, and nothing else a thread.
            assert!(
                !code.contains("std::thread") || file.ends_with("rules/stack.rs"),
                "{}:{number}: a thread in the library",
                file.display()
            );
        }
    }
    let lib = page("verifier/src/lib.rs");
    assert!(lib.contains("#![no_std]"));
}

/// Source files that ship, below `folder`.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if matches!(
            name,
            "tests" | "testing" | "vectors" | "tests.rs" | "oracle.rs"
        ) || name.ends_with("_tests.rs")
        {
            continue;
        }
        if path.is_dir() {
            sources(&path, into);
        } else if name.ends_with(".rs") {
            into.push(path);
        }
    }
}

/// Every limit by its name, from the compiled library.
macro_rules! limits {
    ($($name:ident)+) => {
        BTreeMap::from([$((stringify!($name).to_owned(), u64::try_from(limits::$name).unwrap())),+])
    };
}

/// LI-1: the table of `spec/limits.md` and `limits.rs` name the same limits with the same numbers.
#[test]
fn li_1_the_page_and_the_code_have_the_same_limits() {
    let code = limits! {
        ENTRY_BYTES_MAX ACTION_BODY_BYTES_MAX BODY_BYTES_MAX JSON_DEPTH_MAX JSON_INTEGER_MAX CBOR_DEPTH_MAX
        PROOF_HASHES_MAX NOTE_BYTES_MAX NOTE_SIGNATURES_MAX POLICY_BYTES_MAX POLICY_TOKENS_MAX
        POLICY_SOURCE_BYTES_MAX PASSPORT_BYTES_MAX PASSPORT_SEALED_BYTES_MAX CASE_FILE_BYTES_MAX TRUST_BYTES_MAX PASSPORT_LIFE_S_MAX
        PASSPORT_LIFE_S PASSPORT_SKEW_S PASSPORT_SKEW_S_MAX REQUEST_SKEW_S REQUEST_LIFE_S_MAX AMOUNT_MINOR_MAX
    };
    let source = page("verifier/src/limits.rs");
    let named: BTreeSet<String> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(code.keys().cloned().collect::<BTreeSet<_>>(), named);
    let table: BTreeMap<String, u64> = rows(&page("spec/limits.md"), "## 3.")
        .map(|row| (row[0].clone(), row[1].parse().unwrap()))
        .collect();
    assert_eq!(table, code);
}

/// DG-1, DG-2: the table of `spec/digests.md` is the list in `digest.rs`, and no prefix begins another.
#[test]
fn dg_1_the_page_and_the_code_have_the_same_digests() {
    let code: Vec<(String, String)> = Noun::ALL
        .iter()
        .map(|noun| {
            let prefix = noun.prefix().replace('\n', "\\n");
            (format!("{noun:?}"), format!("`{prefix}`"))
        })
        .collect();
    let table: Vec<(String, String)> = rows(&page("spec/digests.md"), "## 3.")
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    assert_eq!(table, code);
    for one in Noun::ALL {
        assert!(one.prefix().starts_with("agentsigna/") && one.prefix().ends_with('\n'));
        for other in Noun::ALL {
            assert!(one == other || !other.prefix().starts_with(one.prefix()));
        }
    }
}

/// The cells of the first table below `heading`, without its head.
fn rows<'a>(page: &'a str, heading: &str) -> impl Iterator<Item = Vec<String>> + use<'a> {
    let below = &page[page.find(heading).unwrap()..];
    below
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
}
