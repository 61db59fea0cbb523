//! Entry bundles of C2SP tlog-tiles: for each entry, in index order, `u16 big-endian length || bytes`.
//!
//! A bundle proves nothing: compare the leaf hash of each entry with the level-0 tile, and that with a signed
//! head.

use alloc::vec::Vec;

use super::tile::TILE_WIDTH;
use crate::limits::ENTRY_BYTES_MAX;

/// Why bytes are not a bundle, or entries do not fit in one. In the order of the checks, entry by entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end inside an entry or its length.
    #[error(
        "entry bundle ends inside entry {entry}: expected {expected} more bytes, found {found}"
    )]
    CutShort {
        /// Position in the bundle, from 0.
        entry: usize,
        /// Bytes asked for.
        expected: usize,
        /// Bytes left.
        found: usize,
    },
    /// An entry of more than 32 KiB.
    #[error("entry {entry} of the bundle has {found} bytes, more than {ENTRY_BYTES_MAX}")]
    EntryTooLong {
        /// Position in the bundle, from 0.
        entry: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// Another number of entries than the width says, or more than 256.
    #[error("entry bundle with {found} entries or more, expected {expected}")]
    WrongWidth {
        /// Entries found before the count was clear.
        found: usize,
        /// Entries expected.
        expected: u16,
    },
}

/// Splits a bundle into the bytes of its entries. `width`: `1..=256`, from [`super::tile::Bundle::width`].
///
/// # Errors
/// [`BundleError`], if the bytes are not exactly `width` entries of at most 32 KiB.
pub fn parse_entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(usize::from(width.min(TILE_WIDTH)));
    let mut rest = bytes;
    while !rest.is_empty() {
        let entry = entries.len();
        if entry >= usize::from(width.min(TILE_WIDTH)) {
            return Err(BundleError::WrongWidth {
                found: entry.saturating_add(1),
                expected: width,
            });
        }
        let (length, after) = rest.split_first_chunk().ok_or(BundleError::CutShort {
            entry,
            expected: 2,
            found: rest.len(),
        })?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length > ENTRY_BYTES_MAX {
            return Err(BundleError::EntryTooLong {
                entry,
                found: length,
            });
        }
        let (content, after) = after
            .split_at_checked(length)
            .ok_or(BundleError::CutShort {
                entry,
                expected: length,
                found: after.len(),
            })?;
        entries.push(content);
        rest = after;
    }
    if entries.len() != usize::from(width) {
        return Err(BundleError::WrongWidth {
            found: entries.len(),
            expected: width,
        });
    }
    Ok(entries)
}

/// Puts at most 256 entries, in index order, into a bundle.
///
/// # Errors
/// [`BundleError::EntryTooLong`] and [`BundleError::WrongWidth`].
pub fn encode_entries<'a>(
    entries: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    for (entry, content) in entries.into_iter().enumerate() {
        let found = content.len();
        let too_long = BundleError::EntryTooLong { entry, found };
        if found > ENTRY_BYTES_MAX {
            return Err(too_long);
        }
        if entry >= usize::from(TILE_WIDTH) {
            return Err(BundleError::WrongWidth {
                found: entry.saturating_add(1),
                expected: TILE_WIDTH,
            });
        }
        let length = u16::try_from(found).map_err(|_| too_long)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(content);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_bundle_reads_back() {
        let entries: Vec<Vec<u8>> = (0..256_usize).map(|length| vec![7; length]).collect();
        let bytes = encode_entries(entries.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(parse_entries(&bytes, 256).unwrap(), entries);
        let longest = vec![9; ENTRY_BYTES_MAX];
        let bytes = encode_entries([longest.as_slice()]).unwrap();
        assert_eq!(parse_entries(&bytes, 1).unwrap(), [longest.as_slice()]);
    }

    #[test]
    fn a_bundle_cut_anywhere_is_refused() {
        let entries: [&[u8]; 3] = [b"one", b"", b"three"];
        let bytes = encode_entries(entries).unwrap();
        for length in 0..bytes.len() {
            assert!(parse_entries(&bytes[..length], 3).is_err(), "{length}");
        }
        assert_eq!(
            parse_entries(&bytes[..1], 3),
            Err(BundleError::CutShort {
                entry: 0,
                expected: 2,
                found: 1
            })
        );
    }

    #[test]
    fn a_bundle_has_the_width_it_is_asked_for() {
        let entries: [&[u8]; 3] = [b"one", b"", b"three"];
        let bytes = encode_entries(entries).unwrap();
        for (width, found) in [(2, 3), (4, 3), (0, 1)] {
            assert_eq!(
                parse_entries(&bytes, width),
                Err(BundleError::WrongWidth {
                    found,
                    expected: width
                })
            );
        }
        // 257 empty entries: never read, never written.
        assert_eq!(
            parse_entries(&[0; 514], 257),
            Err(BundleError::WrongWidth {
                found: 257,
                expected: 257
            })
        );
        let empty: &[u8] = &[];
        assert!(encode_entries([empty; 256]).is_ok());
        assert!(encode_entries([empty; 257]).is_err());
    }

    #[test]
    fn an_entry_over_the_limit_is_refused_both_ways() {
        let long = vec![0; ENTRY_BYTES_MAX + 1];
        let refused = Err(BundleError::EntryTooLong {
            entry: 0,
            found: ENTRY_BYTES_MAX + 1,
        });
        assert_eq!(encode_entries([long.as_slice()]), refused);
        let mut bytes = u16::try_from(long.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(&long);
        assert_eq!(parse_entries(&bytes, 1).map(|_| Vec::new()), refused);
    }
}
