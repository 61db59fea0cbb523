//! `agentsigna.json` in the data folder: the few things the host may set. Closed; no security rule is among them.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::domain::Rates;

/// The name of the file.
pub const FILE: &str = "agentsigna.json";

/// What the host sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who runs the logs: the first part of every origin, and the issuer of every Passport. Permanent.
    pub platform: String,
    /// The names agents reach this server under, with the port if it is not the scheme's own.
    pub authorities: Vec<String>,
    /// Where the agent API listens. Loopback: a proxy in front of it speaks TLS.
    pub listen: SocketAddr,
    /// The key-encryption key; best on a disk that the data folder's backups do not cover.
    pub key_encryption_key: PathBuf,
    /// Where signed heads are anchored, best on another disk.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub anchors: Option<PathBuf>,
    /// How often keys and tenants may ask (`spec/limits.md §3.1`).
    #[serde(default)]
    pub rates: Rates,
    /// Free bytes below which writes are refused.
    pub reserve_bytes: u64,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read or written.
    #[error("cannot use `{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("`{path}` is not a settings file: {what}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A value that cannot be.
    #[error("setting `{name}`: {what}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What is wrong, and what to do.
        what: String,
    },
}

impl Settings {
    /// Reads the settings of the data folder `folder`.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn read(folder: &Path) -> Result<Self, SettingsError> {
        let path = folder.join(FILE);
        let bytes = fs::read(&path).map_err(|source| SettingsError::File {
            path: path.clone(),
            source,
        })?;
        let settings: Self =
            serde_json::from_slice(&bytes).map_err(|error| SettingsError::Malformed {
                path,
                what: error.to_string(),
            })?;
        settings.check()?;
        Ok(settings)
    }

    /// Writes the settings into the new data folder `folder`.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn write(&self, folder: &Path) -> Result<(), SettingsError> {
        self.check()?;
        let path = folder.join(FILE);
        let mut text =
            serde_json::to_string_pretty(self).map_err(|error| SettingsError::Malformed {
                path: path.clone(),
                what: error.to_string(),
            })?;
        text.push('\n');
        fs::write(&path, text).map_err(|source| SettingsError::File { path, source })
    }

    fn check(&self) -> Result<(), SettingsError> {
        let value = |name, what: String| Err(SettingsError::Value { name, what });
        let host = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':');
        // The origin of a log is `<platform>/t/<16 hex>`, at most 255 bytes, and names its note key.
        if self.platform.is_empty() || self.platform.len() > 200 || !self.platform.bytes().all(host)
        {
            return value(
                "platform",
                format!("`{}` is no host name in lower case", self.platform),
            );
        }
        if self.authorities.is_empty()
            || self.authorities.iter().any(|name| !name.bytes().all(host))
        {
            return value(
                "authorities",
                "expected one or more host names in lower case, with the port if needed".into(),
            );
        }
        if !self.listen.ip().is_loopback() {
            return value(
                "listen",
                format!(
                    "`{}` is no loopback address: this server speaks plain HTTP, so put a TLS proxy in front of it",
                    self.listen
                ),
            );
        }
        Ok(())
    }
}
