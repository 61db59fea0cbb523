//! An export in memory.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::convert::Infallible;

use super::{Tenant, artefacts};
use crate::{
    log::{
        bundle::encode_entries,
        tile::{Bundle, Tile},
    },
    verify::ledger::Export,
};

/// Files by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryExport(pub BTreeMap<String, Vec<u8>>);

impl Export for MemoryExport {
    type Error = Infallible;

    fn file(&mut self, path: &str, _bytes_max: usize) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }

    fn names(
        &mut self,
    ) -> Result<Box<dyn Iterator<Item = Result<String, Infallible>> + '_>, Infallible> {
        Ok(Box::new(self.0.keys().cloned().map(Ok)))
    }
}

impl Tenant {
    /// The export of the whole log.
    pub fn export(&self) -> MemoryExport {
        let signed = self.signed_head(&[]);
        let size = signed.head().size();
        let mut files = BTreeMap::from([
            (
                "checkpoint".to_string(),
                signed.note().encode().into_bytes(),
            ),
            ("trust.json".to_string(), self.trust().encode()),
        ]);
        for bundle in Bundle::all(size) {
            let from = usize::try_from(bundle.index()).unwrap() * 256;
            let entries = &self.entries[from..from + usize::from(bundle.width())];
            let bytes = encode_entries(entries.iter().map(Vec::as_slice)).unwrap();
            files.insert(bundle.path(), bytes);
        }
        let leaves = self.leaves(self.entries.len());
        for tile in Tile::all(size) {
            let span = 256_usize.pow(u32::from(tile.level()));
            let first = usize::try_from(tile.index()).unwrap() * 256;
            let hashes = (first..first + usize::from(tile.width()))
                .map(|at| artefacts::root(&leaves[at * span..(at + 1) * span]));
            files.insert(tile.path(), hashes.collect::<Vec<_>>().concat());
        }
        for (digest, blob) in &self.blobs {
            files.insert(format!("blob/{digest}"), blob.clone());
        }
        MemoryExport(files)
    }
}
