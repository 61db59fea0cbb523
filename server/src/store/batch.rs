//! One change of the store: everything in it becomes durable together, or nothing does.
//!
//! A batch only collects; it is checked as a whole under the store's lock, against what is on disk and against
//! itself, before the first byte is sealed (`spec/storage.md`, SO-9 to SO-12).

use agentsigna_verifier::cbor::{CborError, Value};
use rocksdb::WriteBatch;

use super::{
    NewTenant, Tenant, WriteError,
    database::{DEFAULT, Database, DatabaseError},
    key::{self, FAMILY_BYTES, FamilyId, GlobalKey, Key},
    keyring::{IndexKey, StoreKeys},
    random,
    scope::{ReadError, TenantScope},
    seal::{DoesNotOpen, NONCE_BYTES, Sealer, Unsealed},
};

/// The family id in the associated data of rows that belong to no tenant.
const NO_FAMILY: [u8; FAMILY_BYTES] = [0; FAMILY_BYTES];

/// Rows to write, of any number of tenants, all or none.
#[derive(Default)]
pub struct Batch {
    acts: Vec<Act>,
}

/// One part of a batch.
pub(super) enum Act {
    Put(TenantScope, Key, Unsealed),
    Delete(TenantScope, Key),
    DeleteNoncesBefore(TenantScope, u64),
    Directory(Tenant),
    Own(GlobalKey, TenantScope),
    Disown(GlobalKey, TenantScope),
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// Writes a row of one tenant. Entries come in order and without gaps; entries, tiles and blobs are
    /// written once: the same bytes again change nothing, other bytes are refused with the whole batch.
    pub fn put(&mut self, scope: &TenantScope, key: Key, plaintext: &[u8]) {
        let value = Unsealed::with_prefix(key.hidden(), plaintext);
        self.acts.push(Act::Put(scope.clone(), key, value));
    }

    /// Deletes a row of one tenant. A batch that deletes an entry, tile or blob is refused.
    pub fn delete(&mut self, scope: &TenantScope, key: Key) {
        self.acts.push(Act::Delete(scope.clone(), key));
    }

    /// Forgets one tenant's nonces of all buckets before `bucket` (minutes since the epoch).
    pub fn delete_nonces_before(&mut self, scope: &TenantScope, bucket: u64) {
        self.acts
            .push(Act::DeleteNoncesBefore(scope.clone(), bucket));
    }

    /// Makes a new tenant exist: its directory row, which goes with its first entries. `origin` is the
    /// caller's, and permanent.
    pub fn put_directory(&mut self, tenant: &NewTenant, origin: &[u8]) {
        self.acts.push(Act::Directory(Tenant {
            name: tenant.name.clone(),
            origin: origin.to_vec(),
            scope: tenant.scope.clone(),
        }));
    }

    /// Says that `owner` has the thing called `key`. Refused if another tenant has it.
    pub fn global_put(&mut self, key: GlobalKey, owner: &TenantScope) {
        self.acts.push(Act::Own(key, owner.clone()));
    }

    /// Lets go of the thing called `key`. Refused if another tenant has it.
    pub fn global_delete(&mut self, key: GlobalKey, owner: &TenantScope) {
        self.acts.push(Act::Disown(key, owner.clone()));
    }
}

/// The rows of the default family: seals and names them with the store's own keys.
pub(super) struct Global {
    sealer: Sealer,
    index_key: IndexKey,
}

impl Global {
    pub(super) fn new(keys: &StoreKeys) -> Self {
        Self {
            sealer: Sealer::new(&keys.data_key, NO_FAMILY),
            index_key: IndexKey::new(&keys.index_key),
        }
    }

    /// Who has the thing called `key`.
    pub(super) fn owner(
        &self,
        database: &Database,
        key: GlobalKey,
    ) -> Result<Option<FamilyId>, ReadError> {
        let kind = "key owner";
        let bytes = key.encode(&self.index_key);
        let Some(stored) = database
            .rocks
            .get_pinned(&bytes)
            .map_err(DatabaseError::from)?
        else {
            return Ok(None);
        };
        let value = self.sealer.open(&bytes, &stored);
        let value = value.map_err(|DoesNotOpen| ReadError::DoesNotOpen { kind })?;
        let family = value
            .try_into()
            .map_err(|_| ReadError::DoesNotOpen { kind })?;
        Ok(Some(FamilyId::from_bytes(family)))
    }

    /// The tenant's name and origin from its directory row.
    pub(super) fn open_directory(
        &self,
        key: &[u8],
        stored: &[u8],
    ) -> Result<(FamilyId, String, Vec<u8>), ReadError> {
        let kind = "directory";
        let family = key::directory_family(key).ok_or(ReadError::DamagedKey { kind })?;
        let value = self.sealer.open(key, stored);
        let value = value.map_err(|DoesNotOpen| ReadError::DoesNotOpen { kind })?;
        let (name, origin) =
            decode_directory(&value).map_err(|_| ReadError::DoesNotOpen { kind })?;
        Ok((family, name, origin))
    }
}

/// `cbor [1, name: tstr, origin: bstr]`
fn encode_directory(tenant: &Tenant) -> Vec<u8> {
    Value::array([
        Value::Uint(1),
        Value::from(tenant.name.as_str()),
        Value::bytes(&tenant.origin),
    ])
    .encode()
}

fn decode_directory(bytes: &[u8]) -> Result<(String, Vec<u8>), CborError> {
    let mut items = Value::decode(bytes, bytes.len())?.into_items("directory row")?;
    if items.uint("version")? != 1 {
        return Err(items.unexpected("version", "1"));
    }
    let row = (items.text("name")?, items.bytes("origin")?);
    items.finish()?;
    Ok(row)
}

impl Batch {
    pub(super) fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// Seals the acts for which `wanted` says so, into one write.
    pub(super) fn seal(
        self,
        wanted: &[bool],
        database: &Database,
        global: &Global,
    ) -> Result<WriteBatch, WriteError> {
        let mut batch = WriteBatch::default();
        let mut nonces = Nonces::new(self.acts.len())?;
        let default = database.family(DEFAULT).map_err(ReadError::from)?;
        for (act, _) in self.acts.into_iter().zip(wanted).filter(|(_, is)| **is) {
            match act {
                Act::Put(scope, key, value) => {
                    let key = scope.key_bytes(key);
                    let stored = scope.sealer().seal(&key, nonces.next()?, value)?;
                    let family = database.family(scope.family_name());
                    batch.put_cf(&family.map_err(ReadError::from)?, key, stored);
                }
                Act::Delete(scope, key) => {
                    let family = database.family(scope.family_name());
                    batch.delete_cf(&family.map_err(ReadError::from)?, scope.key_bytes(key));
                }
                Act::DeleteNoncesBefore(scope, bucket) => {
                    let [from, until] = Key::nonces_before(bucket);
                    let family = database.family(scope.family_name());
                    batch.delete_range_cf(&family.map_err(ReadError::from)?, from, until);
                }
                Act::Directory(tenant) => {
                    let key = key::directory(&tenant.scope.family());
                    let value = Unsealed::new(&encode_directory(&tenant));
                    let stored = global.sealer.seal(&key, nonces.next()?, value)?;
                    batch.put_cf(&default, key, stored);
                }
                Act::Own(key, owner) => {
                    let key = key.encode(&global.index_key);
                    let value = Unsealed::new(owner.family().as_bytes());
                    let stored = global.sealer.seal(&key, nonces.next()?, value)?;
                    batch.put_cf(&default, key, stored);
                }
                Act::Disown(key, _) => batch.delete_cf(&default, key.encode(&global.index_key)),
            }
        }
        Ok(batch)
    }
}

/// Fresh nonces for one batch, from one call to the operating system.
struct Nonces {
    fresh: std::vec::IntoIter<[u8; NONCE_BYTES]>,
}

impl Nonces {
    fn new(count: usize) -> Result<Self, random::NoRandom> {
        let mut fresh = vec![[0; NONCE_BYTES]; count];
        random::fill(fresh.as_flattened_mut())?;
        Ok(Self {
            fresh: fresh.into_iter(),
        })
    }

    /// INVARIANT (a nonce is used once): each is handed out by value and gone.
    fn next(&mut self) -> Result<[u8; NONCE_BYTES], random::NoRandom> {
        self.fresh.next().map_or_else(random::bytes, Ok)
    }
}
