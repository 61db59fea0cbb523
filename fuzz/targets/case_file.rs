//! Case files: whatever is read is written again as it was read, and an entry is believed only where its path leads.
#![no_main]

use std::sync::LazyLock;

use agentsigna_fuzz::{changed, known::case_files};
use agentsigna_verifier::{
    case_file::{BLOBS_MAX, CaseFile, ENTRIES_MAX},
    log::{checkpoint::Checkpoint, note::Note, tree::TreeHead},
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

/// A case file with a Passport, its entries, and the head it is under.
static KNOWN: LazyLock<(Vec<u8>, CaseFile, TreeHead)> = LazyLock::new(|| {
    let bytes = case_files()
        .into_iter()
        .next()
        .expect("there are case files");
    let file = CaseFile::parse(&bytes).expect("it is a case file");
    let note = Note::parse(file.checkpoint()).expect("it holds a note");
    let checkpoint = Checkpoint::parse(note.text()).expect("it holds a checkpoint");
    (bytes, file, checkpoint.head())
});

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&changed(&KNOWN.0, &mut Unstructured::new(data)));
});

fn check(data: &[u8]) {
    let (_, known, head) = &*KNOWN;
    let Ok(file) = CaseFile::parse(data) else {
        return;
    };
    assert_eq!(file.encode(), data);
    assert!(file.entries().len() <= ENTRIES_MAX && file.blobs().len() <= BLOBS_MAX);
    let indices = file.entries().iter().map(|entry| entry.entry().index);
    assert!(indices.is_sorted_by(|a, b| a < b));
    for entry in file.entries() {
        assert_eq!(entry.check(head).is_ok(), known.entries().contains(entry));
    }
}
