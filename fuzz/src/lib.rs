//! What several targets share: the log of `spec/examples/`, and changes to something valid.
//!
//! A fuzzer that guesses bytes never guesses a signature. So targets whose promise is "nothing changed is believed" start
//! from something valid and take the input as a list of changes.

use std::{fs, path::PathBuf};

use agentsigna_verifier::{
    entry::{Entry, Event},
    event::{Body, Genesis},
};
use arbitrary::Unstructured;

pub mod known;

/// Bytes kept in the repository, by a path from its root.
///
/// # Panics
/// If there is no such file: then the target would promise nothing.
pub fn file(path: &str) -> Vec<u8> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files of a folder of the repository, in the order of their names.
///
/// # Panics
/// If there is no such folder, or nothing in it.
pub fn folder(path: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path);
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| file.unwrap().path())
        .filter(|file| file.is_file())
        .map(|file| {
            let name = file.file_name().unwrap().to_str().unwrap().to_string();
            (name, fs::read(&file).unwrap())
        })
        .collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.sort();
    files
}

/// The entries of the example log, as the bytes of its leaves.
pub fn example_entries() -> Vec<Vec<u8>> {
    entries_of("spec/examples")
}

/// The same of the log in which permissions are used.
pub fn outcome_entries() -> Vec<Vec<u8>> {
    entries_of("spec/examples/outcome")
}

fn entries_of(log: &str) -> Vec<Vec<u8>> {
    folder(log)
        .into_iter()
        .filter(|(name, _)| name.ends_with(".entry"))
        .map(|(_, bytes)| bytes)
        .collect()
}

/// `valid` after the changes that `input` asks for: one to four bytes each. May give the same bytes again.
pub fn changed(valid: &[u8], input: &mut Unstructured<'_>) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    while !input.is_empty() && !bytes.is_empty() {
        let at = usize::from(input.arbitrary::<u16>().unwrap_or_default()) % bytes.len();
        let how: u8 = input.arbitrary().unwrap_or_default();
        let value: u8 = input.arbitrary().unwrap_or_default();
        match how % 8 {
            0..=2 => bytes[at] ^= 1 << (value % 8),
            3 => bytes[at] = value,
            4 => bytes.insert(at, value),
            5 => {
                bytes.remove(at);
            }
            // A piece of it once more, somewhere else.
            6 => {
                let end = bytes.len().min(at + usize::from(value));
                let piece = bytes[at..end].to_vec();
                let to = at.wrapping_mul(31) % bytes.len();
                bytes.splice(to..to, piece);
            }
            _ => {
                let end = bytes.len().min(at + usize::from(value));
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

/// The genesis body of the example log.
pub fn example_genesis() -> Genesis {
    let bytes = file("spec/examples/00-log.created.entry");
    let entry = Entry::decode(&bytes).expect("the example is an entry");
    match Event::decode(&entry.event)
        .expect("the example holds an event")
        .body
    {
        Body::LogCreated(genesis) => genesis,
        other => panic!("`{}` is no genesis", other.kind()),
    }
}
