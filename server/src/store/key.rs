//! What a row is called. One prefix byte per kind, numbers big-endian, everything else behind an HMAC.
//!
//! INVARIANT (nothing readable in keys): the bytes of a key are a prefix, a number, a random id or
//! `HMAC-SHA256(index key, …)`. Names come only from a [`TenantScope`](super::TenantScope), which holds the
//! index key, so no caller can put an e-mail address or a request id into a key (`spec/storage.md`, SO-4).

use core::fmt;

use super::{keyring::IndexKey, random};

/// The bytes of a random family id.
pub(super) const FAMILY_BYTES: usize = 16;

const ENTRY: u8 = 0x01;
const TILE: u8 = 0x02;
const HEAD: u8 = 0x03;
const BLOB: u8 = 0x04;
const ROW: u8 = 0x05;
const NONCE: u8 = 0x06;
const SECRET: u8 = 0x08;
/// Begins no key.
const MARK: u8 = 0x09;
const DIRECTORY: u8 = 0x41;
const KEY_OWNER: u8 = 0x42;

/// The random name of one tenant's column family: 16 bytes, shown as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FamilyId([u8; FAMILY_BYTES]);

/// `HMAC-SHA256` of a value under one tenant's index key; only a scope makes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub(super) [u8; 32]);

/// A row of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A log entry by its index. Written once, in order, without gaps.
    Entry(u64),
    /// A complete tile of the log. Written once.
    Tile {
        /// `0..=63`; entries' hashes are level 0.
        level: u8,
        /// Position in the level, from 0.
        index: u64,
    },
    /// The newest signed head.
    Head,
    /// A content-addressed blob, by its digest (hidden behind the index key on disk). Written once.
    Blob([u8; 32]),
    /// A state row; made by [`TenantScope::row_key`](super::TenantScope::row_key).
    Row {
        /// The caller's kind of row.
        kind: u8,
        /// What the row is about.
        name: Name,
    },
    /// A nonce that was used; made by [`TenantScope::nonce_key`](super::TenantScope::nonce_key).
    Nonce {
        /// Minutes since the epoch in which the nonce may be forgotten.
        bucket: u64,
        /// The nonce and its owner.
        name: Name,
    },
    /// Something that falls due.
    Deadline {
        /// For whom.
        calendar: Calendar,
        /// Milliseconds since the epoch.
        time_ms: u64,
        /// The case it is about. Whoever knows a case's parts can compute it, so on disk it is hidden behind the
        /// index key, and stands in the sealed value for scans to read back.
        case: [u8; 16],
    },
    /// A secret of a person, of which the log has a digest alone; made by
    /// [`TenantScope::secret_key`](super::TenantScope::secret_key). SO-18: what stands here stands nowhere else.
    Secret {
        /// Whose it is.
        name: Name,
    },
}

/// Cases that fall due, by what for: each is a range of keys of its own, so that none is searched through for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calendar {
    /// Reviews that end.
    Reviews,
    /// Passports that lapse, and outcomes that count.
    Endings,
    /// Cases that are past their time: people have to ask.
    Overdue,
}

/// A row of the whole store. It can say whose a thing is, never what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GlobalKey {
    /// The tenant that a public key belongs to, by the key's thumbprint.
    KeyOwner([u8; 32]),
}

impl FamilyId {
    /// A new random id.
    ///
    /// # Errors
    /// The operating system's, if it has no random bytes.
    pub(super) fn random() -> Result<Self, random::NoRandom> {
        Ok(Self(random::bytes()?))
    }

    pub(super) const fn from_bytes(bytes: [u8; FAMILY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads a column family's name.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; FAMILY_BYTES] {
        &self.0
    }
}

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl Name {
    /// `HMAC-SHA256(index key, 0x05 || kind || value)`.
    pub(super) fn of_row(index_key: &IndexKey, kind: u8, value: &[u8]) -> Self {
        Self(index_key.name(&[&[ROW, kind], value]))
    }

    /// `HMAC-SHA256(index key, 0x08 || value)`.
    pub(super) fn of_secret(index_key: &IndexKey, value: &[u8]) -> Self {
        Self(index_key.name(&[&[SECRET], value]))
    }

    /// `HMAC-SHA256(index key, 0x06 || value)`.
    pub(super) fn of_nonce(index_key: &IndexKey, value: &[u8]) -> Self {
        Self(index_key.name(&[&[NONCE], value]))
    }
}

impl Calendar {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Reviews, Self::Endings, Self::Overdue];

    const fn prefix(self) -> u8 {
        match self {
            Self::Reviews => 0x07,
            Self::Endings => 0x0A,
            Self::Overdue => 0x0B,
        }
    }

    fn of(prefix: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|calendar| calendar.prefix() == prefix)
    }
}

impl Key {
    /// The bytes in the tenant's family.
    pub(super) fn encode(&self, index_key: &IndexKey) -> Vec<u8> {
        match self {
            Self::Entry(index) => join(ENTRY, &[&index.to_be_bytes()]),
            Self::Tile { level, index } => join(TILE, &[&[*level], &index.to_be_bytes()]),
            Self::Head => join(HEAD, &[]),
            Self::Blob(digest) => join(BLOB, &[&index_key.name(&[&[BLOB], digest])]),
            Self::Row { kind, name } => join(ROW, &[&[*kind], &name.0]),
            Self::Nonce { bucket, name } => join(NONCE, &[&bucket.to_be_bytes(), &name.0]),
            Self::Deadline {
                calendar,
                time_ms,
                case,
            } => {
                let name = index_key.name(&[&[calendar.prefix()], case.as_slice()]);
                join(calendar.prefix(), &[&time_ms.to_be_bytes(), &name])
            }
            Self::Secret { name } => join(SECRET, &[&name.0]),
        }
    }

    /// What the key hides and a scan must tell all the same: the sealed value starts with it.
    pub(super) fn hidden(&self) -> &[u8] {
        match self {
            Self::Deadline { case, .. } => case,
            _ => &[],
        }
    }

    /// Reads back a key that a scan met, with its opened value. Blobs cannot be: no scan is over them.
    pub(super) fn decode(bytes: &[u8], value: &[u8]) -> Option<Self> {
        let (&prefix, rest) = bytes.split_first()?;
        match prefix {
            ENTRY => Some(Self::Entry(u64::from_be_bytes(rest.try_into().ok()?))),
            TILE => {
                let (&level, index) = rest.split_first()?;
                let index = u64::from_be_bytes(index.try_into().ok()?);
                Some(Self::Tile { level, index })
            }
            HEAD if rest.is_empty() => Some(Self::Head),
            ROW => {
                let (&kind, name) = rest.split_first()?;
                let name = Name(name.try_into().ok()?);
                Some(Self::Row { kind, name })
            }
            NONCE => {
                let (bucket, name) = rest.split_first_chunk()?;
                Some(Self::Nonce {
                    bucket: u64::from_be_bytes(*bucket),
                    name: Name(name.try_into().ok()?),
                })
            }
            SECRET => Some(Self::Secret {
                name: Name(rest.try_into().ok()?),
            }),
            prefix => {
                let calendar = Calendar::of(prefix)?;
                let (time_ms, name) = rest.split_first_chunk()?;
                let _: &[u8; 32] = name.try_into().ok()?;
                Some(Self::Deadline {
                    calendar,
                    time_ms: u64::from_be_bytes(*time_ms),
                    case: *value.first_chunk()?,
                })
            }
        }
    }

    /// Whether the row, once written, can neither change nor go (A12).
    pub(super) const fn is_written_once(&self) -> bool {
        matches!(self, Self::Entry(_) | Self::Tile { .. } | Self::Blob(_))
    }

    /// What the row is called in errors.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Entry(_) => "entry",
            Self::Tile { .. } => "tile",
            Self::Head => "head",
            Self::Blob(_) => "blob",
            Self::Row { .. } => "state",
            Self::Nonce { .. } => "nonce",
            Self::Deadline { .. } => "deadline",
            Self::Secret { .. } => "secret",
        }
    }

    /// First key of all entries from `index` on.
    pub(super) fn entries_from(index: u64) -> Vec<u8> {
        join(ENTRY, &[&index.to_be_bytes()])
    }

    /// First key after all entries.
    pub(super) fn entries_end() -> Vec<u8> {
        vec![ENTRY + 1]
    }

    /// First key of all rows of `kind`, and first key after them.
    pub(super) fn rows(kind: u8) -> [Vec<u8>; 2] {
        let end = kind
            .checked_add(1)
            .map_or_else(|| vec![ROW + 1], |next| vec![ROW, next]);
        [vec![ROW, kind], end]
    }

    /// First key of all nonces, and first key from `bucket` on.
    pub(super) fn nonces_before(bucket: u64) -> [Vec<u8>; 2] {
        [vec![NONCE], join(NONCE, &[&bucket.to_be_bytes()])]
    }

    /// First key of all secrets, and first key after them.
    pub(super) fn secrets() -> [Vec<u8>; 2] {
        [vec![SECRET], vec![SECRET + 1]]
    }

    /// First key of a calendar, and first key after those at `time_ms`.
    pub(super) fn deadlines_until(calendar: Calendar, time_ms: u64) -> [Vec<u8>; 2] {
        let prefix = calendar.prefix();
        let end = time_ms.checked_add(1).map_or_else(
            || vec![prefix.saturating_add(1)],
            |next| join(prefix, &[&next.to_be_bytes()]),
        );
        [vec![prefix], end]
    }
}

impl GlobalKey {
    /// The bytes in the default family.
    pub(super) fn encode(&self, index_key: &IndexKey) -> Vec<u8> {
        match self {
            Self::KeyOwner(thumbprint) => join(
                KEY_OWNER,
                &[&index_key.name(&[&[KEY_OWNER], thumbprint.as_slice()])],
            ),
        }
    }
}

/// `HMAC-SHA256(index key, 0x09 || value)`: proves later that this tenant marked `value`. Names no row.
pub(super) fn mark(index_key: &IndexKey, value: &[u8]) -> [u8; 32] {
    index_key.name(&[&[MARK], value])
}

/// The key of a directory row in the default family.
pub(super) fn directory(family: &FamilyId) -> Vec<u8> {
    join(DIRECTORY, &[family.as_bytes()])
}

/// First key of all directory rows, and first key after them.
pub(super) fn directories() -> [Vec<u8>; 2] {
    [vec![DIRECTORY], vec![DIRECTORY + 1]]
}

/// Reads back the key of a directory row.
pub(super) fn directory_family(key: &[u8]) -> Option<FamilyId> {
    let rest = key.strip_prefix(&[DIRECTORY])?;
    Some(FamilyId(rest.try_into().ok()?))
}

fn join(prefix: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(48);
    key.push(prefix);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

#[cfg(test)]
mod tests {
    //! Goal: one key, one row, in the order of its numbers. Method: encode, compare, read back.

    use super::*;

    fn deadline(calendar: Calendar, time_ms: u64, case: u8) -> Key {
        Key::Deadline {
            calendar,
            time_ms,
            case: [case; 16],
        }
    }

    #[test]
    fn keys_are_read_back_and_sort_by_number() {
        let index_key = IndexKey::new(&[7; 32]);
        let name = Name::of_row(&index_key, 3, b"agent-1");
        let keys = [
            Key::Entry(0),
            Key::Entry(255),
            Key::Entry(256),
            Key::Entry(u64::MAX),
            Key::Tile { level: 0, index: 9 },
            Key::Tile { level: 1, index: 0 },
            Key::Head,
            Key::Row { kind: 3, name },
            Key::Nonce { bucket: 5, name },
            Key::Nonce { bucket: 6, name },
            deadline(Calendar::Reviews, 1, 1),
            deadline(Calendar::Reviews, 256, 0),
            Key::Secret { name },
            deadline(Calendar::Endings, 1, 1),
            deadline(Calendar::Overdue, 0, 1),
        ];
        let encoded: Vec<_> = keys.iter().map(|key| key.encode(&index_key)).collect();
        assert!(encoded.is_sorted_by(|a, b| a < b));
        for (key, bytes) in keys.iter().zip(&encoded) {
            let value = key.hidden();
            assert_eq!(Key::decode(bytes, value).as_ref(), Some(key));
            for len in 0..bytes.len() {
                assert_eq!(
                    Key::decode(&bytes[..len], value),
                    None,
                    "{key:?} cut to {len}"
                );
            }
            let mut long = bytes.clone();
            long.push(0);
            assert_eq!(Key::decode(&long, value), None, "{key:?} with a byte more");
        }
    }

    #[test]
    fn names_depend_on_tenant_kind_and_value() {
        let [one, two] = [[1; 32], [2; 32]].map(|key| IndexKey::new(&key));
        let name = Name::of_row(&one, 1, b"x");
        assert_eq!(name, Name::of_row(&one, 1, b"x"));
        for other in [
            Name::of_row(&two, 1, b"x"),
            Name::of_row(&one, 2, b"x"),
            Name::of_row(&one, 1, b"y"),
            Name::of_nonce(&one, b"\x01x"),
            Name::of_secret(&one, b"\x01x"),
            Name(mark(&one, b"\x01x")),
        ] {
            assert_ne!(name, other);
        }
        let blob = Key::Blob([0xAB; 32]).encode(&one);
        assert!(!blob.windows(4).any(|part| part == [0xAB; 4]));
        for calendar in Calendar::ALL {
            let key = deadline(calendar, 0, 0xAB).encode(&one);
            assert!(!key.windows(4).any(|part| part == [0xAB; 4]));
        }
    }

    #[test]
    fn a_range_holds_its_kind_and_nothing_else() {
        let index_key = IndexKey::new(&[7; 32]);
        let row = |kind| {
            let name = Name::of_row(&index_key, kind, b"x");
            Key::Row { kind, name }.encode(&index_key)
        };
        for kind in [0, 1, 254, 255] {
            let [start, end] = Key::rows(kind);
            assert!(start <= row(kind) && row(kind) < end);
            assert!(kind == 0 || row(kind - 1) < start);
            assert!(kind == 255 || row(kind + 1) >= end);
        }
        for calendar in Calendar::ALL {
            let [start, end] = Key::deadlines_until(calendar, u64::MAX);
            let last = deadline(calendar, u64::MAX, 255).encode(&index_key);
            assert!(start < last && last < end);
            for other in Calendar::ALL.into_iter().filter(|other| *other != calendar) {
                let key = deadline(other, 5, 5).encode(&index_key);
                assert!(key < start || key >= end);
            }
        }
    }
}
