//! The keyring: every key of the store, wrapped, in one file outside the database and its backups.
//!
//! ```text
//! file    = deterministic CBOR [1, store: bstr, [* [family: bstr16, wrapped: bstr]]], families rising
//! store   = nonce (24) || XChaCha20-Poly1305(data key || index key)                          || tag (16)
//! wrapped = nonce (24) || XChaCha20-Poly1305(data key || index key || log seed || seal seed) || tag (16)
//! AAD     = "agentsigna keyring v1" || " store", or || family id (16)
//! ```
//!
//! They are wrapped by the key-encryption key: 32 raw bytes in a file of its own. Whoever has both files has
//! every key; whoever has the database alone has none. A forger who can write the keyring file alone can take
//! a tenant's keys away (the store then refuses to open), but cannot put keys of his own in.
//!
//! INVARIANT (one writer): only an open [`Store`](super::Store) replaces the file, under the database's lock.

use core::fmt;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use agentsigna_verifier::cbor::{CborError, Value};
use chacha20poly1305::{
    AeadInOut as _, KeyInit as _, Tag, XChaCha20Poly1305, XNonce, aead::inout::InOutBuf,
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{
    files,
    key::FamilyId,
    random::{self, NoRandom},
};

const VERSION: u64 = 1;
const CONTEXT: &[u8] = b"agentsigna keyring v1";
const STORE: &[u8] = b" store";
/// Room for 100,000 tenants at 190 bytes each.
const KEYRING_BYTES_MAX: u64 = 20_000_000;

type Secret = Zeroizing<[u8; 32]>;

/// One tenant's keys. Wiped from memory when dropped; never shown.
pub struct TenantKeys {
    data_key: Secret,
    index_key: Secret,
    log_seed: Secret,
    seal_seed: Secret,
}

/// The keys of the rows that belong to no tenant.
pub(super) struct StoreKeys {
    pub(super) data_key: Secret,
    pub(super) index_key: Secret,
}

/// Makes names for row keys: `HMAC-SHA256(index key, …)`.
pub(super) struct IndexKey(Hmac<Sha256>);

/// The keys of all tenants, read from and written to one file.
pub struct Keyring {
    path: PathBuf,
    kek_path: PathBuf,
    kek: Secret,
    store: StoreKeys,
    tenants: BTreeMap<FamilyId, TenantKeys>,
    /// The bytes of the file as this process last knew them.
    file: Vec<u8>,
}

/// Why a keyring cannot be used. Variants in the order of the checks.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A key file could not be read or written.
    #[error("cannot use key file `{path}`")]
    File {
        /// The file.
        path: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Others than the owner can read or write a key file.
    #[error("key file `{path}` has mode {mode:04o}, expected 0600: run `chmod 600` on it")]
    Permissions {
        /// The file.
        path: String,
        /// The permission bits found.
        mode: u32,
    },
    /// The key-encryption key has the wrong length.
    #[error("key file `{path}` holds {found} bytes, expected 32")]
    KeyLength {
        /// The file.
        path: String,
        /// The bytes found (33 stands for more).
        found: usize,
    },
    /// The keyring is no keyring.
    #[error("keyring `{path}` is damaged: restore it from its own backup")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        #[source]
        source: CborError,
    },
    /// The keyring was written by another version.
    #[error("keyring `{path}` has version {found}, expected 1: use the program that wrote it")]
    Version {
        /// The file.
        path: String,
        /// The version found.
        found: u64,
    },
    /// The key-encryption key opens nothing here, or the keyring was changed.
    #[error("keyring `{path}` does not open: wrong key-encryption key, or damaged file")]
    WrongKey {
        /// The file.
        path: String,
    },
    /// Another hand changed the file while the store was open.
    #[error(
        "keyring `{path}` was changed while in use: stop the server and compare with the backup"
    )]
    Changed {
        /// The file.
        path: String,
    },
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl TenantKeys {
    /// New random keys.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn generate() -> Result<Self, NoRandom> {
        let secret = || random::bytes().map(Secret::new);
        Ok(Self {
            data_key: secret()?,
            index_key: secret()?,
            log_seed: secret()?,
            seal_seed: secret()?,
        })
    }

    /// Seals the tenant's values.
    pub(super) fn data_key(&self) -> &[u8; 32] {
        &self.data_key
    }

    /// Names the tenant's rows.
    pub(super) fn index_key(&self) -> &[u8; 32] {
        &self.index_key
    }

    /// The Ed25519 seed of the tenant's log key.
    #[must_use]
    pub fn log_seed(&self) -> &[u8; 32] {
        &self.log_seed
    }

    /// The Ed25519 seed of the key that seals the tenant's Passports.
    #[must_use]
    pub fn seal_seed(&self) -> &[u8; 32] {
        &self.seal_seed
    }
}

impl Keyring {
    /// Writes a new keyring at `path`. Makes the key-encryption key at `kek_path` too unless it is there.
    ///
    /// # Errors
    /// [`KeyringError`]; a keyring that exists is never written over.
    pub fn create(path: &Path, kek_path: &Path) -> Result<Self, KeyringError> {
        let fresh = Secret::new(random::bytes()?);
        match files::create_private(kek_path, fresh.as_slice()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.map_err(|source| file_error(kek_path, source))?,
        }
        let mut keyring = Self {
            path: path.to_path_buf(),
            kek_path: kek_path.to_path_buf(),
            kek: read_kek(kek_path)?,
            store: StoreKeys {
                data_key: Secret::new(random::bytes()?),
                index_key: Secret::new(random::bytes()?),
            },
            tenants: BTreeMap::new(),
            file: Vec::new(),
        };
        keyring.file = keyring.encode()?;
        files::create_private(path, &keyring.file).map_err(|source| file_error(path, source))?;
        Ok(keyring)
    }

    /// Reads the keyring at `path` with the key-encryption key at `kek_path`.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn open(path: &Path, kek_path: &Path) -> Result<Self, KeyringError> {
        Self::read(path, kek_path, read_kek(kek_path)?)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the key-encryption key.
    #[must_use]
    pub fn kek_path(&self) -> &Path {
        &self.kek_path
    }

    /// One tenant's keys.
    pub(super) fn tenant(&self, family: &FamilyId) -> Option<&TenantKeys> {
        self.tenants.get(family)
    }

    /// The keys of what belongs to no tenant.
    pub(super) const fn store(&self) -> &StoreKeys {
        &self.store
    }

    /// Reads the file again, now that nobody else may write it.
    pub(super) fn reread(self) -> Result<Self, KeyringError> {
        Self::read(&self.path, &self.kek_path, self.kek)
    }

    /// Adds a tenant's keys; durable when this returns. On an error the keyring is as before.
    pub(super) fn add(&mut self, family: FamilyId, keys: TenantKeys) -> Result<(), KeyringError> {
        // SO-5: what another hand put there is not written over.
        let found = files::read(&self.path, KEYRING_BYTES_MAX)
            .map_err(|source| file_error(&self.path, source))?;
        if found != self.file {
            return Err(KeyringError::Changed {
                path: shown(&self.path),
            });
        }
        self.tenants.insert(family, keys);
        let written = self.encode().and_then(|bytes| {
            files::replace(&self.path, &bytes).map_err(|source| file_error(&self.path, source))?;
            Ok(bytes)
        });
        match written {
            Ok(bytes) => self.file = bytes,
            Err(error) => {
                self.tenants.remove(&family);
                return Err(error);
            }
        }
        Ok(())
    }

    fn read(path: &Path, kek_path: &Path, kek: Secret) -> Result<Self, KeyringError> {
        check_private(path)?;
        let file =
            files::read(path, KEYRING_BYTES_MAX).map_err(|source| file_error(path, source))?;
        let sealed = Wrapped::decode(path, &file)?;
        let wrong = || KeyringError::WrongKey { path: shown(path) };
        let store = unwrap(&kek, STORE, &sealed.store).ok_or_else(wrong)?;
        let [data_key, index_key] = split(&store).ok_or_else(wrong)?;
        let mut tenants = BTreeMap::new();
        for (family, wrapped) in &sealed.tenants {
            let keys = unwrap(&kek, family.as_bytes(), wrapped).ok_or_else(wrong)?;
            let [data_key, index_key, log_seed, seal_seed] = split(&keys).ok_or_else(wrong)?;
            let keys = TenantKeys {
                data_key,
                index_key,
                log_seed,
                seal_seed,
            };
            tenants.insert(*family, keys);
        }
        Ok(Self {
            path: path.to_path_buf(),
            kek_path: kek_path.to_path_buf(),
            kek,
            store: StoreKeys {
                data_key,
                index_key,
            },
            tenants,
            file,
        })
    }

    /// The bytes of the file, every key wrapped afresh.
    fn encode(&self) -> Result<Vec<u8>, KeyringError> {
        let store = join(&[&self.store.data_key, &self.store.index_key]);
        let mut tenants = Vec::with_capacity(self.tenants.len());
        for (family, keys) in &self.tenants {
            let plain = join(&[
                &keys.data_key,
                &keys.index_key,
                &keys.log_seed,
                &keys.seal_seed,
            ]);
            let wrapped = self.wrap(family.as_bytes(), &plain)?;
            tenants.push(Value::array([
                Value::bytes(family.as_bytes()),
                Value::Bytes(wrapped),
            ]));
        }
        Ok(Value::array([
            Value::Uint(VERSION),
            Value::Bytes(self.wrap(STORE, &store)?),
            Value::Array(tenants),
        ])
        .encode())
    }

    fn wrap(&self, what: &[u8], plain: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let nonce: [u8; 24] = random::bytes()?;
        let mut text = Zeroizing::new(plain.to_vec());
        let tag = XChaCha20Poly1305::new((&*self.kek).into())
            .encrypt_inout_detached(
                &XNonce::from(nonce),
                &[CONTEXT, what].concat(),
                InOutBuf::from(text.as_mut_slice()),
            )
            .map_err(|_| KeyringError::WrongKey {
                path: shown(&self.path),
            })?;
        Ok([nonce.as_slice(), &text, &tag].concat())
    }
}

/// The file as it is, before any key is opened.
struct Wrapped {
    store: Vec<u8>,
    tenants: Vec<(FamilyId, Vec<u8>)>,
}

impl Wrapped {
    fn decode(path: &Path, bytes: &[u8]) -> Result<Self, KeyringError> {
        let damaged = |source| KeyringError::Damaged {
            path: shown(path),
            source,
        };
        let mut items = Value::decode(bytes, bytes.len())
            .and_then(|value| value.into_items("keyring"))
            .map_err(damaged)?;
        let found = items.uint("version").map_err(damaged)?;
        if found != VERSION {
            return Err(KeyringError::Version {
                path: shown(path),
                found,
            });
        }
        let mut read = || {
            let store = items.bytes("store")?;
            let tenants = items.value("tenants")?.into_list("tenants", |item| {
                let mut item = item.into_items("tenant")?;
                let family = FamilyId::from_bytes(item.bytes_exact("family")?);
                let wrapped = item.bytes("wrapped")?;
                item.finish()?;
                Ok((family, wrapped))
            })?;
            if !tenants.is_sorted_by(|(a, _), (b, _)| a < b) {
                return Err(CborError::NotDeterministic);
            }
            Ok(Self { store, tenants })
        };
        let wrapped = read().map_err(damaged)?;
        items.finish().map_err(damaged)?;
        Ok(wrapped)
    }
}

impl IndexKey {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // RFC 2104 §2: a key shorter than the hash's block is filled up with zeros.
        let mut block = Zeroizing::new([0; 64]);
        for (byte, key) in block.iter_mut().zip(key) {
            *byte = *key;
        }
        Self(<Hmac<Sha256> as hmac::KeyInit>::new((&*block).into()))
    }

    /// `HMAC-SHA256(index key, parts joined)`.
    pub(super) fn name(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn unwrap(kek: &Secret, what: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = wrapped.split_first_chunk::<24>()?;
    let (text, tag) = rest.split_last_chunk::<16>()?;
    let mut text = Zeroizing::new(text.to_vec());
    XChaCha20Poly1305::new((&**kek).into())
        .decrypt_inout_detached(
            &XNonce::from(*nonce),
            &[CONTEXT, what].concat(),
            InOutBuf::from(text.as_mut_slice()),
            &Tag::from(*tag),
        )
        .ok()?;
    Some(text)
}

fn join(keys: &[&Secret]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(keys.len() * 32));
    for key in keys {
        plain.extend_from_slice(key.as_slice());
    }
    plain
}

fn split<const N: usize>(plain: &[u8]) -> Option<[Secret; N]> {
    let (keys, []) = plain.as_chunks::<32>() else {
        return None;
    };
    let keys: &[[u8; 32]; N] = keys.try_into().ok()?;
    Some(keys.map(Secret::new))
}

fn read_kek(path: &Path) -> Result<Secret, KeyringError> {
    check_private(path)?;
    let bytes = files::read(path, 33).map_err(|source| file_error(path, source))?;
    let bytes = Zeroizing::new(bytes);
    <[u8; 32]>::try_from(bytes.as_slice())
        .map(Secret::new)
        .map_err(|_| KeyringError::KeyLength {
            path: shown(path),
            found: bytes.len(),
        })
}

/// SO-5: nobody but the owner.
fn check_private(path: &Path) -> Result<(), KeyringError> {
    let mode = files::mode(path).map_err(|source| file_error(path, source))?;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(KeyringError::Permissions {
            path: shown(path),
            mode,
        })
    }
}

fn file_error(path: &Path, source: io::Error) -> KeyringError {
    KeyringError::File {
        path: shown(path),
        source,
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKeys(redacted)")
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("path", &self.path)
            .field("tenants", &self.tenants.len())
            .finish_non_exhaustive()
    }
}
