//! Looks over RocksDB's write-ahead logs before RocksDB opens them.
//!
//! Even with `TolerateCorruptedTailRecords`, RocksDB 11.8.1 does not refuse every flipped bit (measured, each
//! bit of a record's header in turn): a type that becomes a *recyclable* one drops everything if the record is
//! the log's first, and spins for ever if it is not; a length that grows beyond the end of the file looks like
//! a torn tail and drops up to 32 KiB of acknowledged records. These three are found here; every other damage
//! is left to RocksDB's checksums, and a tail that is really torn passes.
//!
//! The format is RocksDB's "Write Ahead Log File Format": blocks of 32 KiB, in them
//! `checksum (4) || length (2) || type (1) || payload`, little-endian, a record never crossing a block.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

const BLOCK_BYTES: usize = 32 * 1024;
const HEADER_BYTES: usize = 7;
/// Whole, first, middle, last: the only types this store's logs hold. We never recycle a log.
const TYPES: std::ops::RangeInclusive<u8> = 1..=4;
/// The same recycled, and the recycled timestamp size.
const RECYCLED: [u8; 5] = [5, 6, 7, 8, 11];

/// Damage that RocksDB would not refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged {
    /// The byte of the file at which the damaged record starts.
    pub(super) at: u64,
}

/// Looks over every log in the database's folder; answers the first damage, with the file's name.
pub(super) fn check_folder(folder: &Path) -> io::Result<Option<(String, Damaged)>> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.extension().is_some_and(|ext| ext == "log")
            && let Some(damaged) = check_file(&mut File::open(&path)?)?
        {
            return Ok(Some((path.display().to_string(), damaged)));
        }
    }
    Ok(None)
}

fn check_file(file: &mut File) -> io::Result<Option<Damaged>> {
    let mut start = 0_u64;
    loop {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        let block_bytes = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        file.by_ref().take(block_bytes).read_to_end(&mut block)?;
        if let Some(at) = damage(&block) {
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            return Ok(Some(Damaged {
                at: start.saturating_add(at),
            }));
        }
        if block.len() < BLOCK_BYTES {
            return Ok(None);
        }
        start = start.saturating_add(block_bytes);
    }
}

/// Where in the block a record starts whose damage RocksDB would not refuse.
fn damage(block: &[u8]) -> Option<usize> {
    let is_last = block.len() < BLOCK_BYTES;
    let mut rest = block;
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let [c0, c1, c2, c3, l0, l1, kind] = *header;
        let at = block.len().saturating_sub(rest.len());
        if RECYCLED.contains(&kind) {
            return Some(at);
        }
        let len = usize::from(u16::from_le_bytes([l0, l1]));
        match after.get(len..) {
            Some(next) => rest = next,
            None if is_last => {
                let checksum = u32::from_le_bytes([c0, c1, c2, c3]);
                return holds_a_whole_record(checksum, kind, after).then_some(at);
            }
            // RocksDB says "bad record length".
            None => return None,
        }
    }
    None
}

/// Whether the checksum fits some shorter payload, with another record or the end of the file behind it: then
/// the record is whole, and it is its length that is damaged. A tail cut short fits by chance, at most once in
/// 10 million.
fn holds_a_whole_record(checksum: u32, kind: u8, after: &[u8]) -> bool {
    let mut crc = Crc::new();
    crc.update(kind);
    let mut rest = after;
    loop {
        let next_kind = rest.get(HEADER_BYTES - 1);
        let ends_well = rest.is_empty() || next_kind.is_some_and(|kind| TYPES.contains(kind));
        if ends_well && crc.masked() == checksum {
            return true;
        }
        let Some((byte, next)) = rest.split_first() else {
            return false;
        };
        crc.update(*byte);
        rest = next;
    }
}

/// CRC-32C (RFC 3720 §B.4), bit by bit: it runs over 32 KiB at most.
struct Crc(u32);

impl Crc {
    const fn new() -> Self {
        Self(u32::MAX)
    }

    fn update(&mut self, byte: u8) {
        self.0 ^= u32::from(byte);
        for _ in 0..8 {
            let carry = self.0 & 1;
            self.0 = (self.0 >> 1) ^ (0x82F6_3B78 * carry);
        }
    }

    /// As RocksDB stores it, so that a checksum over checksums stays a checksum.
    const fn masked(&self) -> u32 {
        (!self.0).rotate_right(15).wrapping_add(0xA282_EAD8)
    }
}

#[cfg(test)]
mod tests {
    //! Goal: damage that RocksDB overlooks is found, a torn tail is not called damage. Method: blocks written
    //! straight from the format, each header bit flipped, cut at every byte.

    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        [kind].iter().chain(payload).for_each(|b| crc.update(*b));
        let mut bytes = crc.masked().to_le_bytes().to_vec();
        bytes.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.push(kind);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn the_checksum_is_crc_32c() {
        let mut crc = Crc::new();
        b"123456789".iter().for_each(|byte| crc.update(*byte));
        assert_eq!(!crc.0, 0xE306_9283);
    }

    #[test]
    fn a_grown_length_or_a_recycled_type_is_damage() {
        let records = [record(1, &[7; 300]), record(1, &[8; 5]), record(1, b"")];
        let block = records.concat();
        assert_eq!(damage(&block), None);
        let mut at = 0;
        for bytes in &records {
            for bit in 0..16 {
                let mut bad = block.clone();
                bad[at + 4 + bit / 8] ^= 1 << (bit % 8);
                let len = usize::from(u16::from_le_bytes([bad[at + 4], bad[at + 5]]));
                let beyond = at + HEADER_BYTES + len > block.len();
                // A length inside the file is RocksDB's to refuse, by checksum.
                if beyond {
                    assert_eq!(damage(&bad), Some(at), "bit {bit} of the length at {at}");
                }
            }
            let mut bad = block.clone();
            bad[at + 6] ^= 4;
            assert_eq!(damage(&bad), Some(at));
            at += bytes.len();
        }
    }

    #[test]
    fn a_torn_tail_is_no_damage() {
        let block = [record(1, &[7; 300]), record(2, &[8; 500])].concat();
        for len in 0..block.len() {
            assert_eq!(damage(&block[..len]), None, "cut to {len}");
        }
    }
}
