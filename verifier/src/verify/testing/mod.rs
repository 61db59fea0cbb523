//! A tenant in memory that really signs: material for tests, here and elsewhere (feature `testing`).
//!
//! Keys come from small seeds, the clock is counted, salts and nonces are hashes of a counter: the same calls
//! give the same bytes. It makes valid material through the functions that the server uses, and forgeries by
//! going round them. Never part of a program that is shipped: its private keys are printed here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "test material: a fault in it must stop the test that uses it"
)]

mod acts;
mod artefacts;
mod export;
mod outcomes;
mod people;
mod review;
mod steps;
pub mod vectors;

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use ed25519_dalek::{Signer as _, SigningKey};

pub use artefacts::{NamedWitness, trust_text};
pub use export::MemoryExport;
pub use outcomes::Says;
pub use people::{APPROVAL, By, PORTAL, Person, sites};
pub use review::{Company, policy};
pub use steps::{POLICY, engine, payment};

use crate::{
    action::{Currency, Exponent},
    digest::{Digest, Noun},
    entry::{CaseId, CasePlace, Entry, Event},
    event::{Body, Founder, Genesis, Signed, Sites},
    key::PublicKey,
    log::{
        note::{KeyKind, KeyName, NoteKey},
        tree::LeafHash,
    },
    signed_request::{Content, Draft, Profile, Request},
    state::{Completeness, MemoryRows, Row, RowName, Rows as _, apply},
    time::UnixMillis,
};

/// When the first entry is written: 2026-11-22, in milliseconds.
pub const START_MS: u64 = 1_795_320_000_000;
/// Who runs the logs of the tests.
pub const PLATFORM: &str = "agentsigna.test";

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Signs heads.
    Log = 1,
    /// Seals Passports.
    Seal = 2,
    /// Speaks for the tenant.
    Founder = 3,
    /// The agent `ap-bot`.
    Agent = 4,
    /// The target system `erp`.
    System = 5,
    /// A witness.
    Witness = 6,
    /// Nobody in particular.
    Stranger = 7,
    /// The agent `other-bot`.
    OtherAgent = 8,
}

/// A log, its keys and its state.
#[derive(Debug, Clone)]
pub struct Tenant {
    seed: u8,
    origin: String,
    founder: Founder,
    sites: Option<Sites>,
    now_ms: u64,
    people_asked: u8,
    counter: u64,
    /// The bytes of every leaf.
    pub entries: Vec<Vec<u8>>,
    /// What the entries say, as the state functions see it.
    pub rows: MemoryRows,
    /// Blobs by digest.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
}

/// The key of `role` in the tenant of `seed`.
pub fn signing_key(seed: u8, role: Role) -> SigningKey {
    let mut bytes = [seed; 32];
    // The discriminant: one number per role.
    bytes[31] = match role {
        Role::Log => 1,
        Role::Seal => 2,
        Role::Founder => 3,
        Role::Agent => 4,
        Role::System => 5,
        Role::Witness => 6,
        Role::Stranger => 7,
        Role::OtherAgent => 8,
    };
    SigningKey::from_bytes(&bytes)
}

fn origin_of(seed: u8) -> String {
    format!("{PLATFORM}/t/{:016x}", u64::from(seed))
}

/// The public half of a key.
pub fn public_key(key: &SigningKey) -> PublicKey {
    PublicKey::from_bytes(key.verifying_key().as_bytes()).unwrap()
}

impl Tenant {
    /// A log with nothing but its genesis entry.
    pub fn found(seed: u8) -> Self {
        let key = public_key(&signing_key(seed, Role::Founder));
        Self::found_by(seed, Founder::File(key), None)
    }

    fn found_by(seed: u8, founder: Founder, sites: Option<Sites>) -> Self {
        let mut tenant = Self {
            seed,
            origin: origin_of(seed),
            founder,
            sites,
            now_ms: START_MS,
            people_asked: 1,
            counter: 0,
            entries: Vec::new(),
            rows: MemoryRows::default(),
            blobs: BTreeMap::new(),
        };
        let genesis = tenant.genesis();
        tenant.append(None, Body::LogCreated(genesis));
        tenant
    }

    /// The body of its first entry.
    pub fn genesis(&self) -> Genesis {
        Genesis {
            origin: self.origin.clone(),
            platform: PLATFORM.to_string(),
            log_key: self.public(Role::Log),
            seal_key: self.public(Role::Seal),
            founder: self.founder.clone(),
            currency: Currency::parse("EUR").unwrap(),
            exponent: Exponent::new(2).unwrap(),
            sites: self.sites.clone(),
        }
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A private key of the tenant.
    pub fn key(&self, role: Role) -> SigningKey {
        signing_key(self.seed, role)
    }

    /// A public key of the tenant.
    pub fn public(&self, role: Role) -> PublicKey {
        public_key(&self.key(role))
    }

    /// The key that signs heads, named after the log.
    pub fn log_key(&self) -> NoteKey {
        let name = KeyName::parse(&self.origin).unwrap();
        NoteKey::new(name, KeyKind::Ed25519, self.public(Role::Log))
    }

    /// The tenant's clock.
    pub fn now(&self) -> UnixMillis {
        UnixMillis::new(self.now_ms).unwrap()
    }

    /// Lets time pass.
    pub fn wait_ms(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    /// 32 bytes that look random and are not.
    pub fn next_bytes(&mut self) -> [u8; 32] {
        self.counter += 1;
        let text = format!("{}/{}", self.origin, self.counter);
        *Digest::of(Noun::Code, text.as_bytes()).as_bytes()
    }

    /// An event, now.
    pub fn event(&mut self, place: Option<CasePlace>, body: Body) -> Event {
        let salt = self.next_bytes()[..16].try_into().unwrap();
        Event {
            place,
            decided_at: self.now(),
            salt,
            body,
        }
    }

    /// Appends an event that may follow; panics if it may not.
    pub fn append(&mut self, place: Option<CasePlace>, body: Body) -> u64 {
        let event = self.event(place, body);
        let index = u64::try_from(self.entries.len()).unwrap();
        let digest = Event::digest_of(&event.encode());
        apply(&mut self.rows, &event, digest, index, Completeness::Whole).unwrap();
        self.append_anyway(&event.encode())
    }

    /// Makes this host believe that `case` asked for `action`: it then decides on that, as one that lies would.
    pub fn misremember(&mut self, case: CaseId, action: &crate::action::Action) {
        let name = RowName::Case(case);
        if let Ok(Some(Row::Case(mut row))) = self.rows.row(&name) {
            row.action = action.digest();
            self.rows.set(name, Row::Case(row));
        }
    }

    /// Appends the bytes of an event, whatever they are: what a host that lies would do.
    pub fn append_anyway(&mut self, event: &[u8]) -> u64 {
        let index = u64::try_from(self.entries.len()).unwrap();
        let previous = match self.entries.last() {
            Some(entry) => LeafHash::of(entry),
            None => LeafHash::from_bytes([0; 32]),
        };
        let entry = Entry {
            origin: self.origin.clone(),
            index,
            sequenced_at: self.now(),
            previous,
            event: event.to_vec(),
        };
        self.entries.push(entry.encode());
        self.now_ms += 1000;
        index
    }

    /// A request to the API, signed by `key` now.
    pub fn sign(&mut self, profile: Profile, key: &SigningKey, target: &str, body: &str) -> Signed {
        let nonce = data_encoding::BASE64URL_NOPAD.encode(&self.next_bytes()[..16]);
        let created_s = self.now_ms / 1000;
        let request = Request {
            method: "POST",
            authority: "api.agentsigna.test",
            target,
            content: Some(Content {
                kind: "application/json",
                body: body.as_bytes(),
            }),
            passport: None,
            created_s,
            expires_s: created_s + 30,
            nonce: Some(&nonce),
        };
        let draft = Draft::new(profile, &request, public_key(key)).unwrap();
        Signed::Http {
            base: draft.base().to_vec(),
            signature: key.sign(draft.base()).to_bytes(),
            body: Some(body.as_bytes().to_vec()),
        }
    }
}
