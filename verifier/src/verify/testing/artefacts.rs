//! What leaves the house: heads, proofs, Passports, case files, trust files.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use ed25519_dalek::Signer as _;

use super::{PLATFORM, Role, Tenant};
use crate::{
    case_file::{CaseFile, ProvenEntry},
    digest::{rfc6962_empty, rfc6962_node},
    entry::{CaseId, Entry, EntryHead, Event},
    event::Body,
    log::{
        checkpoint::{self, Checkpoint, SignedCheckpoint},
        cosignature::{self, CosignedAt},
        inclusion::InclusionProof,
        note::{KeyKind, KeyName, Note, NoteKey, SignatureLine},
        proof::TlogProof,
        tree::{LeafHash, LeafIndex, RootHash, TreeHead, TreeSize},
    },
    passport::{Delivery, Passport},
    trust::Trust,
};

/// RFC 6962 §2.1, word for word.
pub(super) fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => rfc6962_empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            rfc6962_node(&root(left), &root(right))
        }
    }
}

/// RFC 6962 §2.1.1, word for word.
fn path(at: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut hashes, sibling) = if at < left.len() {
        (path(at, left), root(right))
    } else {
        (path(at - left.len(), right), root(left))
    };
    hashes.push(sibling);
    hashes
}

impl Tenant {
    /// The leaf hashes of the first `size` entries.
    pub fn leaves(&self, size: usize) -> Vec<[u8; 32]> {
        self.entries[..size]
            .iter()
            .map(|entry| *LeafHash::of(entry).as_bytes())
            .collect()
    }

    /// The head over the first `size` entries.
    pub fn head(&self, size: usize) -> TreeHead {
        let root = RootHash::from_bytes(root(&self.leaves(size)));
        TreeHead::new(TreeSize::new(u64::try_from(size).unwrap()).unwrap(), root)
    }

    /// The head over all entries, signed by the log and by `witnesses` (key names and seeds).
    pub fn signed_head(&self, witnesses: &[&NamedWitness]) -> SignedCheckpoint {
        self.signed_head_at(self.entries.len(), witnesses)
    }

    /// The head over the first `size` entries.
    pub fn signed_head_at(&self, size: usize, witnesses: &[&NamedWitness]) -> SignedCheckpoint {
        let checkpoint = self.checkpoint(size);
        let mut lines: Vec<SignatureLine> = [self.log_line(&checkpoint)].into();
        lines.extend(witnesses.iter().map(|witness| witness.line(&checkpoint)));
        let note = Note::new(&checkpoint.text(), &lines).unwrap();
        checkpoint::open(note.encode().as_bytes(), &self.log_key()).unwrap()
    }

    /// What the log signs for its first `size` entries.
    pub fn checkpoint(&self, size: usize) -> Checkpoint {
        Checkpoint::new(KeyName::parse(self.origin()).unwrap(), self.head(size)).unwrap()
    }

    /// The log's line under a checkpoint.
    pub fn log_line(&self, checkpoint: &Checkpoint) -> SignatureLine {
        let signature = self
            .key(Role::Log)
            .sign(checkpoint.text().as_bytes())
            .to_bytes();
        self.log_key().line(&signature)
    }

    /// The path of `index` to the head of `size` entries.
    pub fn path(&self, index: u64, size: usize) -> Vec<[u8; 32]> {
        path(usize::try_from(index).unwrap(), &self.leaves(size))
    }

    /// The proof of `index` to a signed head.
    pub fn proof(&self, index: u64, signed: &SignedCheckpoint) -> String {
        let size = usize::try_from(signed.head().size().entries()).unwrap();
        let inclusion = InclusionProof::new(LeafIndex::new(index), self.path(index, size));
        TlogProof::new(inclusion, signed).unwrap().encode()
    }

    /// The head of the entry at `index`.
    pub fn entry_head(&self, index: u64) -> EntryHead {
        let entry = Entry::decode(&self.entries[usize::try_from(index).unwrap()]).unwrap();
        EntryHead::of(&entry, &Event::decode(&entry.event).unwrap()).unwrap()
    }

    /// Where the Passport of a case is, or the last entry that registers one for it.
    pub fn passport_index(&self, case: CaseId) -> Option<u64> {
        let events = self.events().into_iter().rev();
        let mut issued = events.filter(|(_, event)| {
            event.place.is_some_and(|place| place.case == case)
                && matches!(event.body, Body::PassportIssued(_))
        });
        issued.next().map(|(index, _)| index)
    }

    /// The events that this version of the format has, with their indices.
    fn events(&self) -> Vec<(u64, Event)> {
        let read = |bytes: &Vec<u8>| Event::decode(&Entry::decode(bytes).unwrap().event).ok();
        let all = (0..).zip(&self.entries);
        all.filter_map(|(index, bytes)| Some((index, read(bytes)?)))
            .collect()
    }

    /// The Passport of a case as delivered, with a proof to the head of all entries.
    pub fn passport(&self, case: CaseId) -> Vec<u8> {
        self.passport_under(case, &self.signed_head(&[]))
    }

    /// The Passport of a case as delivered, with a proof to `signed`.
    pub fn passport_under(&self, case: CaseId, signed: &SignedCheckpoint) -> Vec<u8> {
        let index = self.passport_index(case).unwrap();
        let Body::PassportIssued(sealed) = self.event_at(index).body else {
            panic!("no Passport at {index}")
        };
        let delivery = Delivery {
            head: self.entry_head(index),
            proof: self.proof(index, signed).into_bytes(),
        };
        Passport::parse(&sealed).unwrap().delivered(&delivery)
    }

    /// The indices that the file of a case holds: the case and all it stands on.
    pub fn chain_of(&self, case: CaseId) -> Vec<u64> {
        let of_case = |event: &Event| event.place.is_some_and(|place| place.case == case);
        let grounds = self.clone().case(case).grounds;
        let events = self.events().into_iter();
        events
            .filter(|(index, event)| *index == 0 || of_case(event) || grounds.contains(index))
            .map(|(index, _)| index)
            .collect()
    }

    /// The file of a case, under the head of all entries.
    pub fn case_file(&self, case: CaseId) -> Vec<u8> {
        let signed = self.signed_head(&[]);
        let passport = self
            .passport_index(case)
            .map(|_| self.passport_under(case, &signed));
        self.case_file_of(case, &self.chain_of(case), self.blobs_of(case), passport)
    }

    /// The bundles and sheets that the file of a case holds.
    pub fn blobs_of(&self, case: CaseId) -> Vec<Vec<u8>> {
        let named =
            self.chain_of(case)
                .into_iter()
                .filter_map(|index| match self.event_at(index).body {
                    Body::PolicyPublished(published) => self.blobs.get(&published.bundle).cloned(),
                    Body::ReviewOpened(review) => self.blobs.get(&review.sheet?).cloned(),
                    _ => None,
                });
        named.collect()
    }

    /// A case file of any parts.
    pub fn case_file_of(
        &self,
        case: CaseId,
        indices: &[u64],
        blobs: Vec<Vec<u8>>,
        passport: Option<Vec<u8>>,
    ) -> Vec<u8> {
        self.case_file_under(case, &self.signed_head(&[]), indices, blobs, passport)
    }

    /// A case file of any parts, under a head of all entries.
    pub fn case_file_under(
        &self,
        case: CaseId,
        signed: &SignedCheckpoint,
        indices: &[u64],
        blobs: Vec<Vec<u8>>,
        passport: Option<Vec<u8>>,
    ) -> Vec<u8> {
        let entries = indices.iter().map(|index| {
            let bytes = self.entries[usize::try_from(*index).unwrap()].clone();
            ProvenEntry::new(bytes, self.path(*index, self.entries.len())).unwrap()
        });
        CaseFile::new(case, signed, entries.collect(), blobs, passport)
            .unwrap()
            .encode()
    }

    /// The trust file of this log alone, without witnesses.
    pub fn trust(&self) -> Trust {
        Trust::from_genesis(&self.genesis(), LeafHash::of(&self.entries[0])).unwrap()
    }
}

/// The text of a trust file for some logs: each as in its own, `policy`, `targets` as given.
pub fn trust_text(tenants: &[&Tenant], policy: &str, targets: &[&str]) -> String {
    let logs: Vec<String> = tenants
        .iter()
        .map(|tenant| {
            let sites = tenant.sites.as_ref().map_or_else(
                || String::from(r#""web_origins":[]"#),
                |sites| {
                    format!(
                        r#""rp_id":"{}","web_origins":["{}","{}"]"#,
                        sites.approval().rp_id(),
                        sites.portal(),
                        sites.approval()
                    )
                },
            );
            format!(
                r#"{{"origin":"{}","genesis_leaf":"{}","founder":"{}","log_keys":[{{"vkey":"{}","from_size":0}}],"seal_keys":[{{"key":"{}","not_before":0}}],{sites},"currency":"EUR","exponent":2}}"#,
                tenant.origin(),
                LeafHash::of(&tenant.entries[0]),
                tenant.public(Role::Founder).to_base64url(),
                tenant.log_key().encode(),
                tenant.public(Role::Seal).to_base64url()
            )
        })
        .collect();
    let targets: Vec<String> = targets
        .iter()
        .map(|target| format!("\"{target}\""))
        .collect();
    format!(
        r#"{{"version":1,"platform":"{PLATFORM}","logs":[{}],"policy":"{}","targets":[{}],"skew_s":30}}"#,
        logs.join(","),
        policy.replace('\n', "\\n"),
        targets.join(",")
    )
}

/// A witness.
#[derive(Debug, Clone)]
pub struct NamedWitness {
    name: String,
    seed: u8,
}

impl NamedWitness {
    /// A witness with a key of its own.
    pub fn new(name: &str, seed: u8) -> Self {
        Self {
            name: name.to_string(),
            seed,
        }
    }

    /// Its key.
    pub fn key(&self) -> NoteKey {
        let public = super::public_key(&super::signing_key(self.seed, Role::Witness));
        NoteKey::new(
            KeyName::parse(&self.name).unwrap(),
            KeyKind::Cosignature,
            public,
        )
    }

    /// Its line under a checkpoint.
    pub fn line(&self, checkpoint: &Checkpoint) -> SignatureLine {
        let at = CosignedAt::new(super::START_MS / 1000 + 60).unwrap();
        let key = super::signing_key(self.seed, Role::Witness);
        let signature = key.sign(&cosignature::message(checkpoint, at)).to_bytes();
        cosignature::line(&self.key(), at, &signature).unwrap()
    }

    /// A policy that asks for this witness.
    pub fn policy(&self) -> String {
        format!("witness w {}\nquorum w\n", self.key().encode())
    }
}
