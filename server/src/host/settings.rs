//! `agentsigna.json` in the data folder: the few things the host may set. Closed; no security rule is among them.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use agentsigna_verifier::event::Sites;
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
    /// Where people come in; absent: this server has no people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub portal: Option<Portal>,
}

/// The two sites for people (`spec/tenant-api.md §3`). Tenants keep those of their day for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portal {
    /// Where both sites listen. Loopback: a proxy in front of it speaks TLS.
    pub listen: SocketAddr,
    /// The web origin where people sign in and rule.
    pub site: String,
    /// The web origin where people judge cases.
    pub approval_site: String,
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
        check_loopback("listen", self.listen)?;
        let Some(sites) = self.sites()? else {
            return Ok(());
        };
        if let Some(portal) = &self.portal {
            check_loopback("portal.listen", portal.listen)?;
        }
        for site in [sites.portal(), sites.approval()] {
            let is_site = |name: &&String| host_of(name) == site.rp_id();
            if let Some(name) = self.authorities.iter().find(is_site) {
                return value(
                    "portal",
                    format!("`{site}` has the host of the agent API, `{name}`: give it another"),
                );
            }
        }
        Ok(())
    }

    /// The sites for people, if there are people.
    ///
    /// # Errors
    /// [`SettingsError::Value`]: not two web origins with different hosts (PE-1).
    pub fn sites(&self) -> Result<Option<Sites>, SettingsError> {
        let Some(portal) = &self.portal else {
            return Ok(None);
        };
        Sites::new(&portal.site, &portal.approval_site)
            .map(Some)
            .map_err(|error| SettingsError::Value {
                name: "portal",
                what: error.to_string(),
            })
    }
}

fn check_loopback(name: &'static str, address: SocketAddr) -> Result<(), SettingsError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(SettingsError::Value {
        name,
        what: format!(
            "`{address}` is no loopback address: this server speaks plain HTTP, so put a TLS proxy in front of it"
        ),
    })
}

/// The host of an authority, without its port.
fn host_of(authority: &str) -> &str {
    authority.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! Goal: the sites for people are two, of different hosts, and none of them the agent API's.

    use super::*;

    fn with_portal(listen: &str, site: &str, approval_site: &str) -> Result<(), SettingsError> {
        let settings = Settings {
            platform: "agentsigna.test".to_owned(),
            authorities: vec!["api.example.com".to_owned()],
            listen: "127.0.0.1:1".parse().unwrap(),
            key_encryption_key: PathBuf::from("kek"),
            anchors: None,
            rates: Rates::default(),
            reserve_bytes: 0,
            portal: Some(Portal {
                listen: listen.parse().unwrap(),
                site: site.to_owned(),
                approval_site: approval_site.to_owned(),
            }),
        };
        settings.check()
    }

    #[test]
    fn pe_1_ta_2_sites_for_people_are_two_hosts_of_their_own() {
        let (portal, approval) = ("https://tenant.example.com", "https://approve.example.com");
        with_portal("127.0.0.1:2", portal, approval).unwrap();
        with_portal("[::1]:2", portal, approval).unwrap();
        for (listen, site, approval_site, says) in [
            ("0.0.0.0:2", portal, approval, "loopback"),
            ("127.0.0.1:2", portal, portal, "one host"),
            (
                "127.0.0.1:2",
                portal,
                "https://tenant.example.com:8443",
                "one host",
            ),
            (
                "127.0.0.1:2",
                "http://tenant.example.com",
                approval,
                "`https`",
            ),
            (
                "127.0.0.1:2",
                "https://tenant.example.com/",
                approval,
                "DNS labels",
            ),
            (
                "127.0.0.1:2",
                "https://api.example.com",
                approval,
                "the agent API",
            ),
            (
                "127.0.0.1:2",
                portal,
                "https://api.example.com:9443",
                "the agent API",
            ),
        ] {
            let error = with_portal(listen, site, approval_site)
                .unwrap_err()
                .to_string();
            assert!(error.contains(says), "{site} {approval_site}: {error}");
        }
    }
}
