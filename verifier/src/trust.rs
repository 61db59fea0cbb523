//! The trust file: what a verifier believes before it reads anything else (`spec/trust.md`).
//!
//! Who holds it decides what is believed: an artefact that brings its own trust file proves nothing. A forger
//! who can change this file can make anything VALID, so it is fetched once, compared over another channel, and
//! kept. Nothing in here asks where it came from; the caller says so ([`crate::verify::Question::pinned`]).
//!
//! INVARIANT (one key, one role): no public key stands twice in the file, whatever for. So a signature found
//! good says which log it is of and in which role it was made.

mod write;

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use data_encoding::HEXLOWER;

use crate::{
    action::{Currency, Exponent},
    event::{FounderKey, Genesis},
    json::{self, JsonError, Members, Place},
    key::{BadKey, CoseThumbprint, PublicKey},
    limits,
    log::{
        note::{BadName, KeyKind, KeyName, NoteKey},
        tree::{LeafHash, TreeSize},
        witness_policy::{WitnessPolicy, WitnessPolicyError},
    },
    passkey::Site,
    passport::Audience,
    time::UnixMillis,
};

/// Logs in a trust file.
pub const LOGS_MAX: usize = 64;
/// Log keys, and seal keys, of one log.
pub const KEYS_MAX: usize = 64;
/// Targets, and web origins of one log.
pub const NAMES_MAX: usize = 64;
/// The witness policy that asks for nobody.
pub const NO_WITNESSES: &str = "quorum none\n";

const EPOCH: UnixMillis = match UnixMillis::new(0) {
    Some(time) => time,
    None => UnixMillis::MAX,
};

/// The platform, its logs, how many witnesses are enough, and for whom Passports are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    platform: String,
    logs: Vec<TrustedLog>,
    policy_text: String,
    policy: WitnessPolicy,
    targets: Vec<Audience>,
    skew_s: u64,
}

/// One log, and who may speak for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedLog {
    origin: KeyName,
    genesis_leaf: LeafHash,
    founder: FounderKey,
    log_keys: Vec<LogKey>,
    seal_keys: Vec<SealKey>,
    rp_id: Option<String>,
    web_origins: Vec<String>,
    currency: Currency,
    exponent: Exponent,
}

/// A key that signs tree heads, and of which sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    key: NoteKey,
    from_size: TreeSize,
    to_size: Option<TreeSize>,
}

/// A key that seals Passports, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealKey {
    key: PublicKey,
    not_before: UnixMillis,
    not_after: Option<UnixMillis>,
}

/// Why bytes are not a trust file. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not the closed JSON of the format, or a member out of range.
    #[error("trust file: {0}")]
    Json(#[from] JsonError),
    /// The genesis entry names a log that cannot be one.
    #[error("origin `{0}` cannot name a log")]
    Origin(String),
    /// The witness policy inside.
    #[error("witness policy of the trust file")]
    Policy(#[from] WitnessPolicyError),
    /// Two logs of one origin.
    #[error("trust file lists `{0}` twice: keep one")]
    RepeatedOrigin(KeyName),
    /// A log without a key of one kind.
    #[error("trust file lists no {what} for `{origin}`")]
    NoKey {
        /// The log.
        origin: KeyName,
        /// The kind of key.
        what: &'static str,
    },
    /// A log key whose name is not the origin, or that is a witness's.
    #[error("log key `{key}` is not a key of log `{origin}` (type 0x01, named after the log)")]
    ForeignKey {
        /// The log.
        origin: KeyName,
        /// The verifier key found.
        key: String,
    },
    /// A window that ends before it begins, or two of one log that overlap.
    #[error("sizes of the log keys of `{0}` overlap or end before they begin")]
    Sizes(KeyName),
    /// A seal key whose time ends before it begins.
    #[error("a seal key of `{0}` ends before it begins")]
    Times(KeyName),
    /// One public key in two places.
    #[error(
        "key `{key}` stands twice in the trust file: each log and each role has keys of its own"
    )]
    SharedKey {
        /// The key, in base64url.
        key: String,
    },
    /// A target of no log of the file.
    #[error("target `{0}` is of a log that the trust file does not list")]
    Target(String),
}

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    /// [`TrustError`], in the order of its variants.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        // TR-1. The witness policy is the one text of several lines.
        let mut members = json::parse_with_lines(bytes, limits::TRUST_BYTES_MAX)?.object()?;
        members.integer("version", 1..=1)?;
        let platform = members.text("platform")?;
        let logs = list(&mut members, "logs", LOGS_MAX, TrustedLog::parse)?;
        let policy_text = members.lines("policy")?;
        let targets = list(&mut members, "targets", NAMES_MAX, |place| {
            place.parsed(|text| Audience::parse(text).ok_or("expected `<origin>#<system id>`"))
        })?;
        let skew_s = members.integer("skew_s", 0..=limits::PASSPORT_SKEW_S_MAX)?;
        members.finish()?;
        Self {
            platform,
            logs,
            // TR-7.
            policy: WitnessPolicy::parse(&policy_text)?,
            policy_text,
            targets,
            skew_s,
        }
        .checked()
    }

    /// The trust file that a log's genesis entry amounts to: its keys for ever, no witnesses, no targets. A pure
    /// function, so that the one in an export can be compared byte for byte (**TR-8**). It is worth what
    /// `genesis_leaf` is worth: compare that with somebody else's.
    ///
    /// # Errors
    /// [`TrustError`]: a genesis entry that no log of ours has.
    pub fn from_genesis(genesis: &Genesis, genesis_leaf: LeafHash) -> Result<Self, TrustError> {
        let origin = KeyName::parse(&genesis.origin)
            .map_err(|BadName| TrustError::Origin(genesis.origin.clone()))?;
        let log = TrustedLog {
            log_keys: alloc::vec![LogKey {
                key: NoteKey::new(origin.clone(), KeyKind::Ed25519, genesis.log_key),
                from_size: TreeSize::EMPTY,
                to_size: None,
            }],
            seal_keys: alloc::vec![SealKey {
                key: genesis.seal_key,
                not_before: EPOCH,
                not_after: None,
            }],
            origin,
            genesis_leaf,
            founder: genesis.founder.key(),
            rp_id: genesis.rp_id().map(String::from),
            web_origins: genesis
                .web_origins()
                .into_iter()
                .map(String::from)
                .collect(),
            currency: genesis.currency,
            exponent: genesis.exponent,
        };
        let trust = Self {
            platform: genesis.platform.clone(),
            logs: alloc::vec![log],
            policy: WitnessPolicy::parse(NO_WITNESSES)?,
            policy_text: NO_WITNESSES.to_string(),
            targets: Vec::new(),
            skew_s: limits::PASSPORT_SKEW_S,
        }
        .checked()?;
        // An entry may hold texts that no trust file can (controls), and more of them: read it as a stranger would.
        Self::parse(&trust.encode())
    }

    /// What no single member shows.
    fn checked(self) -> Result<Self, TrustError> {
        // TR-2.
        for (at, log) in self.logs.iter().enumerate() {
            if self
                .logs
                .iter()
                .take(at)
                .any(|other| other.origin == log.origin)
            {
                return Err(TrustError::RepeatedOrigin(log.origin.clone()));
            }
            log.check()?;
        }
        // TR-5, INVARIANT (one key, one role).
        let mut seen: Vec<String> = Vec::new();
        let witnesses = self.policy.witnesses().iter();
        let own = self.logs.iter().flat_map(TrustedLog::keys);
        for key in own.chain(witnesses.map(|witness| witness.key().public_key().to_base64url())) {
            if seen.contains(&key) {
                return Err(TrustError::SharedKey { key });
            }
            seen.push(key);
        }
        // TR-6.
        for target in &self.targets {
            if self.log(target.origin()).is_none() {
                return Err(TrustError::Target(target.to_string()));
            }
        }
        Ok(self)
    }

    /// The canonical bytes: compact, members in the order of `spec/trust.md`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write::trust(self).into_bytes()
    }

    /// Who runs the logs: the `iss` of Passports.
    #[must_use]
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// The logs, in the order of the file.
    #[must_use]
    pub fn logs(&self) -> &[TrustedLog] {
        &self.logs
    }

    /// The log of this origin.
    #[must_use]
    pub fn log(&self, origin: &str) -> Option<&TrustedLog> {
        self.logs.iter().find(|log| log.origin.as_str() == origin)
    }

    /// Which witnesses count, and how many are enough. The logs in it are not asked.
    #[must_use]
    pub const fn policy(&self) -> &WitnessPolicy {
        &self.policy
    }

    /// For whom Passports are checked; empty if the holder is no target.
    #[must_use]
    pub fn targets(&self) -> &[Audience] {
        &self.targets
    }

    /// Clock difference allowed on a Passport, `0..=60` s.
    #[must_use]
    pub const fn skew_s(&self) -> u64 {
        self.skew_s
    }

    /// The same trust for another set of targets: a gate's own.
    ///
    /// # Errors
    /// [`TrustError::Target`] for one that is of no log of the file.
    pub fn with_targets(mut self, targets: Vec<Audience>) -> Result<Self, TrustError> {
        self.targets = targets;
        self.checked()
    }
}

impl TrustedLog {
    fn parse(place: Place) -> Result<Self, JsonError> {
        let mut members = place.object()?;
        let origin = members.parsed("origin", |text| {
            KeyName::parse(text).map_err(|e| e.to_string())
        })?;
        let genesis_leaf = members.parsed("genesis_leaf", |text| {
            let bytes = HEXLOWER.decode(text.as_bytes()).ok();
            let leaf = bytes.and_then(|bytes| bytes.try_into().ok());
            leaf.map(LeafHash::from_bytes)
                .ok_or("expected 64 lower-case hex digits")
        })?;
        let founder = members.parsed("founder", FounderKey::from_base64url)?;
        let log_keys = list(&mut members, "log_keys", KEYS_MAX, LogKey::parse)?;
        let seal_keys = list(&mut members, "seal_keys", KEYS_MAX, SealKey::parse)?;
        let rp_id = members.optional_text("rp_id")?;
        let web_origins = list(&mut members, "web_origins", NAMES_MAX, Place::text)?;
        let currency = members.parsed("currency", |text| {
            Currency::parse(text).ok_or("expected three letters `A-Z`")
        })?;
        let place = members.required("exponent")?;
        let refusal = place.refuse(String::from("expected an integer from 0 to 4"));
        let exponent = Exponent::new(place.integer(0..=4)?).ok_or(refusal)?;
        members.finish()?;
        Ok(Self {
            origin,
            genesis_leaf,
            founder,
            log_keys,
            seal_keys,
            rp_id,
            web_origins,
            currency,
            exponent,
        })
    }

    fn check(&self) -> Result<(), TrustError> {
        for (empty, what) in [
            (self.log_keys.is_empty(), "log key"),
            (self.seal_keys.is_empty(), "seal key"),
        ] {
            if empty {
                let origin = self.origin.clone();
                return Err(TrustError::NoKey { origin, what });
            }
        }
        // TR-3.
        for key in &self.log_keys {
            if key.key.kind() != KeyKind::Ed25519 || *key.key.name() != self.origin {
                return Err(TrustError::ForeignKey {
                    origin: self.origin.clone(),
                    key: key.key.encode(),
                });
            }
        }
        // TR-4: in the order of the file each window ends before the next begins (decision 46), so that one
        // key at most may sign a size.
        let mut next = 0;
        for key in &self.log_keys {
            let last = key.to_size.map_or(u64::MAX, TreeSize::entries);
            if key.from_size.entries() < next || last < key.from_size.entries() {
                return Err(TrustError::Sizes(self.origin.clone()));
            }
            next = last.saturating_add(1);
        }
        if self
            .seal_keys
            .iter()
            .any(|key| key.not_after.is_some_and(|end| end < key.not_before))
        {
            return Err(TrustError::Times(self.origin.clone()));
        }
        Ok(())
    }

    /// Every public key of the log, whatever for, as base64url.
    fn keys(&self) -> impl Iterator<Item = String> + '_ {
        let log_keys = self.log_keys.iter().map(|key| *key.key.public_key());
        core::iter::once(self.founder.to_base64url()).chain(
            log_keys
                .chain(self.seal_keys.iter().map(|key| key.key))
                .map(|key| key.to_base64url()),
        )
    }

    /// The permanent name of the log.
    #[must_use]
    pub const fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// The leaf hash of the entry at index 0.
    #[must_use]
    pub const fn genesis_leaf(&self) -> LeafHash {
        self.genesis_leaf
    }

    /// The tenant's founder key.
    #[must_use]
    pub const fn founder(&self) -> &FounderKey {
        &self.founder
    }

    /// The keys that sign heads, in the order of their sizes.
    #[must_use]
    pub fn log_keys(&self) -> &[LogKey] {
        &self.log_keys
    }

    /// The keys that seal Passports.
    #[must_use]
    pub fn seal_keys(&self) -> &[SealKey] {
        &self.seal_keys
    }

    /// The one key that may sign heads of `size`.
    #[must_use]
    pub fn log_key_at(&self, size: TreeSize) -> Option<&NoteKey> {
        self.log_keys
            .iter()
            .find(|key| key.from_size <= size && key.to_size.is_none_or(|last| size <= last))
            .map(|key| &key.key)
    }

    /// The seal key of this thumbprint.
    #[must_use]
    pub fn seal_key(&self, kid: CoseThumbprint) -> Option<&SealKey> {
        self.seal_keys
            .iter()
            .find(|key| key.key.cose_thumbprint() == kid)
    }

    /// Where people judge; `None` in a log without people.
    #[must_use]
    pub fn approval_site(&self) -> Option<Site> {
        match (self.web_origins.as_slice(), &self.rp_id) {
            ([_, approval], Some(rp_id)) => Site::new(approval, rp_id).ok(),
            _ => None,
        }
    }

    /// Whether a genesis entry says what this file says of the log.
    #[must_use]
    pub fn agrees_with(&self, genesis: &Genesis) -> bool {
        genesis.origin == self.origin.as_str()
            && genesis.founder.key() == self.founder
            && self
                .log_keys
                .first()
                .is_some_and(|key| *key.key.public_key() == genesis.log_key)
            && self.seal_keys.iter().any(|key| key.key == genesis.seal_key)
            && genesis.rp_id() == self.rp_id.as_deref()
            && genesis.web_origins() == self.web_origins
            && genesis.currency == self.currency
            && genesis.exponent == self.exponent
    }
}

impl LogKey {
    fn parse(place: Place) -> Result<Self, JsonError> {
        let mut members = place.object()?;
        let key = members.parsed("vkey", |text| NoteKey::parse(text).map_err(explain))?;
        let from_size = size(members.required("from_size")?)?;
        let to_size = members.optional("to_size").map(size).transpose()?;
        members.finish()?;
        Ok(Self {
            key,
            from_size,
            to_size,
        })
    }

    /// The key, named after the log.
    #[must_use]
    pub const fn key(&self) -> &NoteKey {
        &self.key
    }
}

impl SealKey {
    fn parse(place: Place) -> Result<Self, JsonError> {
        let mut members = place.object()?;
        let key = members.parsed("key", |text| {
            PublicKey::from_base64url(text).map_err(|e: BadKey| e)
        })?;
        let not_before = time(members.required("not_before")?)?;
        let not_after = members.optional("not_after").map(time).transpose()?;
        members.finish()?;
        Ok(Self {
            key,
            not_before,
            not_after,
        })
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether it may have sealed in this second. A Passport says whole seconds, the window milliseconds: a
    /// second that lies in it in part counts.
    #[must_use]
    pub fn may_seal_in(&self, second: u64) -> bool {
        let first = second.saturating_mul(1000);
        let last = first.saturating_add(999);
        self.not_before.millis() <= last && self.not_after.is_none_or(|end| first <= end.millis())
    }
}

/// A list of at most `max` items.
fn list<T>(
    members: &mut Members,
    name: &str,
    max: usize,
    read: impl FnMut(Place) -> Result<T, JsonError>,
) -> Result<Vec<T>, JsonError> {
    let place = members.required(name)?;
    let refusal = place.refuse(format!("expected at most {max} items"));
    let items = place.array()?;
    if items.len() > max {
        return Err(refusal);
    }
    items.into_iter().map(read).collect()
}

fn size(place: Place) -> Result<TreeSize, JsonError> {
    let refusal = place.refuse(String::from("expected a tree size"));
    TreeSize::new(place.integer(0..=limits::JSON_INTEGER_MAX)?).ok_or(refusal)
}

fn time(place: Place) -> Result<UnixMillis, JsonError> {
    let refusal = place.refuse(String::from("expected milliseconds"));
    UnixMillis::new(place.integer(0..=limits::JSON_INTEGER_MAX)?).ok_or(refusal)
}

fn explain(error: impl core::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
