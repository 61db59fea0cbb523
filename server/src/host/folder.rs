//! The data folder: database, keyring, settings, control socket.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::settings::{Settings, SettingsError};
use crate::{
    ledger::{Anchors, Ledger, LedgerClock, RecoveryError, SystemClock},
    store::{
        self, Keyring, KeyringError, OpenError, Store,
        anchor::{AnchorError, AnchorFile},
    },
};

/// The folder that one server has open.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

/// Why a data folder cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is something already.
    #[error("`{0}` is not empty: give a folder that is not there yet")]
    NotEmpty(PathBuf),
    /// The folder cannot be made.
    #[error("cannot make `{path}`")]
    Make {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The keyring cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The anchor file cannot be used.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// What is on disk is not what was signed.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
}

impl Folder {
    /// The folder at `path`, whatever is there.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
        }
    }

    /// Makes a new data folder, readable by its owner alone.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn create(path: &Path, settings: &Settings) -> Result<Self, FolderError> {
        if fs::read_dir(path).is_ok_and(|mut found| found.next().is_some()) {
            return Err(FolderError::NotEmpty(path.to_path_buf()));
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| FolderError::Make {
                path: path.to_path_buf(),
                source,
            })?;
        let folder = Self::at(path);
        settings.write(path)?;
        let keyring = Keyring::create(&folder.keyring(), &settings.key_encryption_key)?;
        Store::create(&folder.database(), keyring, reserve(settings))?;
        Ok(folder)
    }

    /// The settings.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        Settings::read(&self.path)
    }

    /// Opens the ledger: all checks of a start.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(&self) -> Result<(Settings, Ledger), FolderError> {
        let settings = self.settings()?;
        let keyring = Keyring::open(&self.keyring(), &settings.key_encryption_key)?;
        let store = Store::open(&self.database(), keyring, reserve(&settings))?;
        let anchors = match &settings.anchors {
            Some(path) => Anchors::to(AnchorFile::open(path)?),
            None => Anchors::none(),
        };
        let ledger = Ledger::open(store, LedgerClock::new(SystemClock::new()), anchors)?;
        Ok((settings, ledger))
    }

    /// Where the running server listens for host commands.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    fn database(&self) -> PathBuf {
        self.path.join("db")
    }

    fn keyring(&self) -> PathBuf {
        self.path.join("keyring")
    }
}

const fn reserve(settings: &Settings) -> store::Settings {
    store::Settings {
        reserve_bytes: settings.reserve_bytes,
    }
}
