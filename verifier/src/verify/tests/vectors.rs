//! The files of `testdata/`: what the generator makes, and what it says of them.

use std::{fs, path::PathBuf};

use super::*;
use crate::verify::testing::vectors::{FOLDERS, all, files};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

#[test]
fn the_files_are_what_the_generator_makes() {
    for (path, bytes) in files() {
        let found = fs::read(root().join(&path)).unwrap_or_default();
        assert!(
            found == bytes,
            "`{path}` differs: run `cargo run -p agentsigna-verifier --features testing --example vectors`"
        );
    }
    // And nothing else.
    let known: Vec<String> = files().into_iter().map(|(path, _)| path).collect();
    let beside = [
        "trust",
        "../spec/examples/people",
        "../spec/examples/approval",
        "../spec/examples/outcome",
    ];
    for folder in FOLDERS.into_iter().chain(beside) {
        for file in fs::read_dir(root().join(folder)).unwrap() {
            let name = format!("{folder}/{}", file.unwrap().file_name().to_str().unwrap());
            assert!(known.contains(&name), "`{name}` is nobody's");
        }
    }
}

/// PA-2, PA-3, PA-5 and all of VE-n: each has a file that breaks it.
#[test]
fn every_file_is_judged_as_its_index_says() {
    let trust = |name: &str| Trust::parse(&fs::read(root().join(name)).unwrap()).unwrap();
    let mut judged = 0;
    for folder in FOLDERS {
        let index = fs::read_to_string(root().join(folder).join("index.json")).unwrap();
        let index: serde_json::Value = serde_json::from_str(&index).unwrap();
        for case in index.as_array().unwrap() {
            let text = |name: &str| case[name].as_str().unwrap_or_default();
            let question = Question {
                at: case["at"].as_u64().and_then(UnixMillis::new),
                pinned: case["pinned"].as_bool().unwrap(),
                expects_authority: case["expects_authority"].as_bool().unwrap(),
            };
            let bytes = fs::read(root().join(folder).join(text("file"))).unwrap();
            let found = word(&verify(&bytes, &trust(text("trust")), &question));
            // Only the policy engine finds these; a review without a sheet anybody does.
            let needs_engine =
                text("code") == "verdict-mismatch" || text("file") == "lying-sheet.case";
            let replay = needs_engine && cfg!(not(feature = "rules"));
            let expected = match text("code") {
                _ if replay => String::from("VALID"),
                "" => String::from(text("outcome")),
                code => format!("{} {code}", text("outcome")),
            };
            assert_eq!(found, expected, "{}: {}", text("file"), text("description"));
            judged += 1;
        }
    }
    assert_eq!(judged, all().len());
}
