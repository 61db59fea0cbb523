//! Goal: bytes of one kind never stand for bytes of another. Method: the tables of `spec/digests.md`.

use alloc::vec::Vec;
use std::{format, string::String};

use super::*;

const PAGE: &str = include_str!("../../../spec/digests.md");

#[test]
fn dg_1_page_and_code_have_the_same_prefixes() {
    let page: Vec<(String, String)> = PAGE
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let prefix = cells.get(2)?.strip_prefix('`')?.strip_suffix("\\n`")?;
            prefix
                .starts_with("agentsigna/")
                .then(|| (String::from(cells[1]), format!("{prefix}\n")))
        })
        .collect();
    let code: Vec<(String, String)> = Noun::ALL
        .iter()
        .map(|noun| (format!("{noun:?}"), String::from(noun.prefix())))
        .collect();
    assert_eq!(page, code);
}

#[test]
fn dg_1_no_prefix_begins_another_and_each_is_hashed() {
    for one in Noun::ALL {
        for other in Noun::ALL.into_iter().filter(|other| *other != one) {
            assert!(!other.prefix().starts_with(one.prefix()));
            assert_ne!(Digest::of(one, b"x"), Digest::of(other, b"x"));
        }
        assert_eq!(
            Digest::of(one, b"x"),
            Digest(rfc9530_content(format!("{}x", one.prefix()).as_bytes()))
        );
        assert_ne!(*Digest::of(one, b"x").as_bytes(), rfc9530_content(b"x"));
        assert_ne!(*Digest::of(one, b"x").as_bytes(), rfc6962_leaf(b"x"));
    }
}

/// The example of the page, from its bytes.
#[test]
fn the_example_of_the_page_is_reproduced() {
    let hex: String = PAGE
        .split("SHA-256(\"agentsigna/case/v1\\n\" || ")
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let content = HEXLOWER.decode(hex.as_bytes()).unwrap();
    let digest = Digest::of(Noun::Case, &content).to_hex();
    let shown: String = digest.chars().take(32).collect();
    assert!(PAGE.contains(&format!("= {shown}…")), "{digest}");
}

/// FIPS 180-4 and RFC 6962, by known answers.
#[test]
fn digests_of_standards_are_theirs() {
    assert_eq!(
        HEXLOWER.encode(&rfc6962_empty()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        HEXLOWER.encode(&rfc6962_leaf(b"")),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        HEXLOWER.encode(&rfc9530_content(b"abc")),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

/// Goal: every digest has its line in the registry. Method: no other shipped file of the library asks for the
/// hash function; tests may, to compare.
#[test]
fn dg_2_only_this_file_hashes() {
    let mut open = Vec::from([std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")]);
    let mut files = 0;
    while let Some(folder) = open.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = String::from(path.to_str().unwrap());
            if path.is_dir() {
                open.push(path);
            } else if name.ends_with(".rs") && !name.contains("test") && !name.contains("vectors") {
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let shipped = text.split("\n#[cfg(test)]\nmod").next().unwrap();
                let hashes = shipped.contains("sha2::") || shipped.contains("Sha256::");
                let registry = name.ends_with("/src/digest.rs");
                assert_eq!(hashes, registry, "{name}");
            }
        }
    }
    assert!(files > 50);
}

#[test]
fn hex_reads_back_and_nothing_else_does() {
    let digest = Digest::of(Noun::Blob, b"x");
    assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
    let upper = digest.to_hex().to_uppercase();
    let shorter: String = digest.to_hex().chars().skip(1).collect();
    for text in ["", &shorter, &upper, &format!("{digest}0")] {
        assert_eq!(Digest::from_hex(text), None, "{text}");
    }
}
