//! The files of `testdata/`: the program judges them as the library does.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::run;

#[test]
fn every_file_is_judged_as_its_index_says() {
    // CL-1, CL-40
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    let mut judged = 0;
    for folder in ["passports", "cases", "approvals"] {
        let index = fs::read(root.join(folder).join("index.json")).unwrap();
        let index: Vec<Value> = serde_json::from_slice(&index).unwrap();
        for case in &index {
            // The program always has a clock, and takes the trust file for one that its caller had before.
            let (Some(at), true) = (case["at"].as_u64(), case["pinned"] == true) else {
                continue;
            };
            let file = format!("{folder}/{}", case["file"].as_str().unwrap());
            let at = at.to_string();
            let trust = case["trust"].as_str().unwrap();
            let mut arguments = vec!["passport", &file, "--trust", trust, "--at", &at, "--json"];
            if case["expects_authority"] == true {
                arguments.push("--expect-authority");
            }
            let status = match case["outcome"].as_str().unwrap() {
                "VALID" => 0,
                "REFUSED" => 1,
                _ => 2,
            };
            let answer = run(&root, &arguments).ended(status).json();
            for member in ["outcome", "code"] {
                assert_eq!(
                    answer[member], case[member],
                    "{file}: {}",
                    case["description"]
                );
            }
            judged += 1;
        }
    }
    assert!(judged > 100, "{judged} files");
}
