//! Where an export is read from: the library does not know folders.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::super::report::Halt;

/// The files of an export, by their paths without leading slash: `checkpoint`, `tile/0/000.p/7`, ….
pub trait Export {
    /// Why a file cannot be read.
    type Error: core::error::Error + 'static;

    /// The bytes of a file, `None` if there is none. Of a longer file than `bytes_max` it is enough to read one
    /// byte more.
    ///
    /// # Errors
    /// Whatever keeps the reader from answering.
    fn file(&mut self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The path of every file, in any order; symbolic links and whatever else is no file among them.
    ///
    /// # Errors
    /// Whatever keeps the reader from answering.
    #[expect(
        clippy::type_complexity,
        reason = "a name for it would not be read more easily"
    )]
    fn names(
        &mut self,
    ) -> Result<Box<dyn Iterator<Item = Result<String, Self::Error>> + '_>, Self::Error>;
}

/// Why an audit ends early.
pub(super) enum Reading<E> {
    /// The reader failed: no answer.
    Export(E),
    /// A check failed: it is written down.
    Halt(Halt),
}

impl<E> From<Halt> for Reading<E> {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

/// A file of at most `bytes_max` bytes. A longer one is cut to one byte more, so that no reader takes it for
/// whole.
pub(super) fn read<E: Export>(
    export: &mut E,
    path: &str,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, Reading<E::Error>> {
    let mut file = export.file(path, bytes_max).map_err(Reading::Export)?;
    if let Some(bytes) = &mut file {
        bytes.truncate(bytes_max.saturating_add(1));
    }
    Ok(file)
}
