//! RocksDB: its options, opening it, and its errors made ours.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rocksdb::{
    BlockBasedOptions, BoundColumnFamily, Cache, DBCompressionType, DBRecoveryMode,
    DBWithThreadMode, LogLevel, MultiThreaded, Options, WriteBufferManager,
};

use super::{OpenError, files, wal};

pub(super) type Rocks = DBWithThreadMode<MultiThreaded>;

/// The family of directory rows and the global key index.
pub(super) const DEFAULT: &str = "default";

/// Idle families pin the write-ahead log; beyond this RocksDB flushes them (decision 70).
const WAL_BYTES_MAX: u64 = 128 << 20;
/// One family's write buffer.
const WRITE_BUFFER_BYTES: usize = 8 << 20;
/// All families' write buffers together.
const WRITE_BUFFERS_BYTES: usize = 64 << 20;
/// Blocks kept in memory, for all families together.
const CACHE_BYTES: usize = 64 << 20;
/// 10 bits per key: 1 absent key in 100 costs a read of the disk.
const FILTER_BITS: f64 = 10.0;
/// Files held open. With "all", opening 1,000 families opens every one of their files first.
const OPEN_FILES_MAX: i32 = 1_000;

/// What RocksDB says went wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct DatabaseError {
    what: String,
}

/// The open database.
pub(super) struct Database {
    pub(super) rocks: Rocks,
    pub(super) path: PathBuf,
    options: Options,
}

impl Database {
    /// Makes an empty database in a folder that must not hold one.
    pub(super) fn create(path: &Path) -> Result<(), OpenError> {
        if is_database(path) {
            return Err(OpenError::Exists {
                path: path.display().to_string(),
            });
        }
        let folder = |source| OpenError::Folder {
            path: path.display().to_string(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(folder)?;
        let mut options = options();
        options.create_if_missing(true);
        options.set_error_if_exists(true);
        drop(Rocks::open(&options, path).map_err(|error| refused(path, error))?);
        files::sync_folder_of(path).map_err(folder)
    }

    /// Opens the database with all its families; answers their names, [`DEFAULT`] left out.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<String>), OpenError> {
        if !is_database(path) {
            return Err(OpenError::Absent {
                path: path.display().to_string(),
            });
        }
        // SO-15: before RocksDB reads them, since it would spin or forget.
        let damage = wal::check_folder(path).map_err(|source| OpenError::Folder {
            path: path.display().to_string(),
            source,
        })?;
        if let Some((path, wal::Damaged { at })) = damage {
            return Err(OpenError::LogDamaged { path, at });
        }
        let options = options();
        let refused = |error| refused(path, error);
        let mut names = Rocks::list_cf(&options, path).map_err(refused)?;
        let families = names.iter().map(|name| (name.as_str(), options.clone()));
        let rocks = Rocks::open_cf_with_opts(&options, path, families).map_err(refused)?;
        names.retain(|name| name != DEFAULT);
        let path = path.to_path_buf();
        Ok((
            Self {
                rocks,
                path,
                options,
            },
            names,
        ))
    }

    pub(super) fn family(&self, name: &str) -> Result<Arc<BoundColumnFamily<'_>>, DatabaseError> {
        self.rocks.cf_handle(name).ok_or_else(|| DatabaseError {
            what: format!("column family `{name}` is gone"),
        })
    }

    pub(super) fn create_family(&self, name: &str) -> Result<(), DatabaseError> {
        Ok(self.rocks.create_cf(name, &self.options)?)
    }

    pub(super) fn drop_family(&self, name: &str) -> Result<(), DatabaseError> {
        Ok(self.rocks.drop_cf(name)?)
    }

    /// Free bytes for this user on the database's disk.
    pub(super) fn room(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl DatabaseError {
    pub(super) fn damaged_key() -> Self {
        Self {
            what: String::from("an entry row has a damaged key"),
        }
    }

    pub(super) fn no_keys() -> Self {
        Self {
            what: String::from("the keys just added to the keyring are not in it"),
        }
    }
}

impl From<rocksdb::Error> for DatabaseError {
    fn from(error: rocksdb::Error) -> Self {
        Self {
            what: error.into_string(),
        }
    }
}

fn is_database(path: &Path) -> bool {
    path.join("CURRENT").exists()
}

/// RocksDB names its lock file in the message, and says so in no other way.
fn refused(path: &Path, error: rocksdb::Error) -> OpenError {
    let path = path.display().to_string();
    if error.as_ref().contains("/LOCK: ") {
        OpenError::InUse { path }
    } else {
        OpenError::Refused {
            path,
            source: error.into(),
        }
    }
}

/// The options of the database and of every family in it: write buffers and block cache are shared.
fn options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
    table.set_bloom_filter(FILTER_BITS, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    // The default recovery mode dropped acknowledged rows after one flipped byte (decision 75).
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    options.set_atomic_flush(false);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(
        WRITE_BUFFERS_BYTES,
        false,
    ));
    // Sealed values do not compress.
    options.set_compression_type(DBCompressionType::None);
    options.set_bottommost_compression_type(DBCompressionType::None);
    options.set_max_background_jobs(2);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_skip_stats_update_on_db_open(true);
    // RocksDB's own diary: it names files and families, never values.
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options
}
