//! What every promise ends with: the whole log, exported and audited as a stranger would, every verdict made again.

use std::{collections::BTreeMap, convert::Infallible, fs, path::Path};

use agentsigna_tests::{client::now_ms, server::Server, tenant::Tenant};
use agentsigna_verifier::{
    entry::{CaseId, Entry, Event},
    event::Body,
    log::{
        bundle::parse_entries,
        checkpoint::Checkpoint,
        note::Note,
        tile::{Bundle, TilePath},
    },
    time::UnixMillis,
    verify::{
        Outcome, Question,
        ledger::{self, Export, Options},
    },
};

/// An export in memory that was found VALID.
pub(crate) struct Log {
    files: Files,
    /// Every entry and the event in it, by index.
    pub(crate) entries: Vec<(Entry, Event)>,
}

/// The files of an export, by their paths.
#[derive(Clone)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Export for Files {
    type Error = Infallible;

    fn file(&mut self, path: &str, _: usize) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }

    fn names(
        &mut self,
    ) -> Result<Box<dyn Iterator<Item = Result<String, Infallible>> + '_>, Infallible> {
        Ok(Box::new(self.0.keys().cloned().map(Ok)))
    }
}

impl Files {
    fn read(folder: &Path) -> Self {
        let mut files = Self(BTreeMap::new());
        files.add(folder, folder);
        files
    }

    fn add(&mut self, root: &Path, folder: &Path) {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                self.add(root, &path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                self.0.insert(name, fs::read(&path).unwrap());
            }
        }
    }
}

fn question() -> Question {
    Question {
        at: UnixMillis::new(now_ms()),
        pinned: true,
        expects_authority: false,
    }
}

/// Exports and audits the log of `tenant`: A13, A14, A15.
pub(crate) fn audit(server: &Server, tenant: &Tenant) -> Log {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("export");
    let _ = server.export(&tenant.name, &folder).expect(0);
    let mut files = Files::read(&folder);
    let report = ledger::audit(
        &mut files,
        &tenant.trusted(&[]),
        &question(),
        Options { replay: true },
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(report.outcome(), &Outcome::Valid, "{:?}", report.checks());
    let mut entries = Vec::new();
    let mut bundles: Vec<(Bundle, &Vec<u8>)> = files
        .0
        .iter()
        .filter_map(|(path, bytes)| match TilePath::parse(path) {
            Ok(TilePath::Entries(bundle)) => Some((bundle, bytes)),
            _ => None,
        })
        .collect();
    bundles.sort_by_key(|(bundle, _)| bundle.index());
    for (bundle, bytes) in bundles {
        for entry in parse_entries(bytes, bundle.width()).unwrap() {
            let entry = Entry::decode(entry).unwrap();
            let event = Event::decode(&entry.event).unwrap();
            entries.push((entry, event));
        }
    }
    Log { files, entries }
}

impl Log {
    /// Whether a file of the export holds `part`.
    pub(crate) fn holds(&self, part: &[u8]) -> bool {
        let mut files = self.files.0.values();
        files.any(|bytes| bytes.windows(part.len()).any(|found| found == part))
    }

    /// Whether this log extends the signed head `note`: nothing that was ever shown has gone or changed.
    pub(crate) fn extends(&self, tenant: &Tenant, note: &str) {
        let mut files = self.files.clone();
        let report = ledger::consistency(
            note.as_bytes(),
            &mut files,
            &tenant.trusted(&[]),
            &question(),
        )
        .unwrap();
        assert_eq!(report.outcome(), &Outcome::Valid, "{:?}", report.checks());
    }

    /// The events of one case, in order.
    pub(crate) fn case(&self, case: &str) -> Vec<&Event> {
        let case = CaseId::from_hex(case).unwrap();
        self.entries
            .iter()
            .map(|(_, event)| event)
            .filter(|event| event.place.as_ref().is_some_and(|place| place.case == case))
            .collect()
    }

    /// The sealed bytes of a case's Passport.
    pub(crate) fn sealed(&self, case: &str) -> Option<Vec<u8>> {
        self.case(case)
            .into_iter()
            .find_map(|event| match &event.body {
                Body::PassportIssued(bytes) => Some(bytes.clone()),
                _ => None,
            })
    }

    /// The kinds of the entries from `size` on.
    pub(crate) fn kinds_since(&self, size: u64) -> Vec<&'static str> {
        let from = usize::try_from(size).unwrap();
        self.entries[from..]
            .iter()
            .map(|(_, event)| event.body.kind())
            .collect()
    }
}

/// The signed head that `GET /v1/log` shows the founder.
pub(crate) fn head(tenant: &Tenant) -> String {
    let answer = tenant.founder.read("/v1/log").expect(200);
    answer["head"].as_str().unwrap().to_owned()
}

/// How many entries a head covers.
pub(crate) fn size(head: &str) -> u64 {
    let note = Note::parse(head.as_bytes()).unwrap();
    Checkpoint::parse(note.text())
        .unwrap()
        .head()
        .size()
        .entries()
}
