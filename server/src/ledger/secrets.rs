//! What only the host has of a person: the secret record of a password (`spec/storage.md`, SO-18, SO-19).
//!
//! The log has the digest of the record, in the row of the person's password. What is written beside an entry must be
//! what that row names: admission looks, and so does `fsck`. What is in a record, this floor does not know.
//!
//! INVARIANT (one write, SO-19): a record is set, replaced or taken away by the write of the entry that says so.

use std::fmt;

use agentsigna_verifier::{
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    event::Body,
    id::Id,
    state::{Row, RowName, Rows},
};
use zeroize::Zeroizing;

use super::{AdmitError, Change, RowError, Tenant};
use crate::store::{Key, TenantScope};

/// A record, and the last step of which a one-time code was accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    record: Zeroizing<Vec<u8>>,
    step: Option<u64>,
}

/// What a change does to the secret of a person.
#[derive(Debug)]
pub struct SecretChange {
    user: Id,
    /// None takes it away.
    secret: Option<Secret>,
}

/// Of the record, in bytes; what is longer is none.
const SECRET_BYTES_MAX: usize = 1024;

impl Secret {
    /// The bytes of a record; `step` is the last of which a code was accepted.
    #[must_use]
    pub const fn new(record: Zeroizing<Vec<u8>>, step: Option<u64>) -> Self {
        Self { record, step }
    }

    /// The bytes of the record.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// The last step of which a code was accepted.
    #[must_use]
    pub const fn step(&self) -> Option<u64> {
        self.step
    }

    /// What the log has of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Noun::Secret, &self.record)
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let step = self.step.map_or(Value::Null, Value::Uint);
        Zeroizing::new(Value::array([Value::bytes(&self.record), step]).encode())
    }

    fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let mut items = Value::decode(bytes, SECRET_BYTES_MAX)?.into_items("secret")?;
        let secret = Self {
            record: Zeroizing::new(items.bytes("record")?),
            step: items.uint_or_null("step")?,
        };
        items.finish()?;
        Ok(secret)
    }
}

/// SO-18: in no line of a log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl SecretChange {
    /// From here on, this is the secret of `user`.
    #[must_use]
    pub const fn put(user: Id, secret: Secret) -> Self {
        let secret = Some(secret);
        Self { user, secret }
    }

    /// `user` has none any more.
    #[must_use]
    pub const fn remove(user: Id) -> Self {
        let secret = None;
        Self { user, secret }
    }

    /// Where it stands, and what then stands there.
    pub(super) fn write(&self, scope: &TenantScope) -> (Key, Option<Zeroizing<Vec<u8>>>) {
        (
            key(scope, &self.user),
            self.secret.as_ref().map(Secret::encode),
        )
    }
}

fn key(scope: &TenantScope, user: &Id) -> Key {
    scope.secret_key(user.as_str().as_bytes())
}

/// SO-19: each record of the change is the one that the row names once its events have followed, and no entry about
/// a password comes without.
pub(super) fn check(
    rows: &mut impl Rows<Error = RowError>,
    change: &Change,
) -> Result<(), AdmitError> {
    for event in &change.events {
        let user = match &event.event().body {
            Body::UserPasswordSet(body) => &body.user,
            Body::UserPasswordEnded(body) => &body.user,
            _ => continue,
        };
        if !change.secrets.iter().any(|secret| secret.user == *user) {
            return Err(mismatch(user));
        }
    }
    for secret in &change.secrets {
        let named = match rows.row(&RowName::Password(secret.user.clone()))? {
            Some(Row::Password(row)) => row.secret,
            _ => None,
        };
        if named != secret.secret.as_ref().map(Secret::digest) {
            return Err(mismatch(&secret.user));
        }
    }
    Ok(())
}

fn mismatch(user: &Id) -> AdmitError {
    AdmitError::Broken {
        code: "secret-mismatch",
        what: format!("what would be kept of the password of `{user}` is not what its row names"),
    }
}

/// What is not as the rows say, of those who have a password with the digest that their row names.
pub(super) fn compare<'a>(
    scope: &TenantScope,
    named: impl Iterator<Item = (&'a Id, Digest)>,
) -> Result<Result<u64, (String, &'static str)>, RowError> {
    let mut named: std::collections::BTreeMap<Key, (&Id, Digest)> = named
        .map(|(user, digest)| (key(scope, user), (user, digest)))
        .collect();
    let count = u64::try_from(named.len()).unwrap_or(u64::MAX);
    for found in scope.secrets()? {
        let (key, bytes) = found?;
        let bytes = Zeroizing::new(bytes);
        let Some((user, digest)) = named.remove(&key) else {
            return Ok(Err(("a secret record".to_owned(), "surplus")));
        };
        if Secret::decode(&bytes).map(|secret| secret.digest()) != Ok(digest) {
            let what = format!("the secret record of `{user}`");
            return Ok(Err((what, "not what the entries say")));
        }
    }
    Ok(match named.values().next() {
        Some((user, _)) => Err((format!("the secret record of `{user}`"), "missing")),
        None => Ok(count),
    })
}

impl Tenant {
    /// What is kept of the password of `user`, as the last durable change left it. Whether the row names it, the
    /// caller must ask.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn secret(&self, user: &Id) -> Result<Option<Secret>, RowError> {
        let stored = self.scope().get(key(self.scope(), user))?;
        let stored = stored.map(Zeroizing::new);
        stored
            .map(|bytes| Secret::decode(&bytes).map_err(RowError::Damaged))
            .transpose()
    }

    /// `HMAC-SHA256` over `value` that only this tenant makes: shows later that a thing was given out here.
    #[must_use]
    pub fn mark(&self, value: &[u8]) -> [u8; 32] {
        self.scope().mark(value)
    }
}
