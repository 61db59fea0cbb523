//! The host commands that need the ledger.

use std::path::PathBuf;

use agentsigna_verifier::{
    action::{Currency, Exponent},
    event::Founder,
    key::PublicKey,
    log::tree::LeafHash,
    trust::Trust,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::settings::Settings;
use crate::domain::{Office, Promise};
use crate::ledger::{Founding, Ledger, Tenant, export, fsck};

/// One command, as it goes through the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Founds a tenant.
    TenantCreate {
        /// Its name in the host's words.
        name: String,
        /// The founder's public key, 43 base64url characters.
        founder: String,
        /// ISO 4217.
        currency: String,
        /// Digits after the decimal point.
        exponent: u64,
    },
    /// Promises a tenant to whoever uses the link with a passkey: there is no log before.
    TenantPromise {
        /// Its name in the host's words.
        name: String,
        /// ISO 4217.
        currency: String,
        /// Digits after the decimal point.
        exponent: u64,
    },
    /// Lists the tenants.
    TenantList,
    /// Writes a tenant's log into a folder.
    Export {
        /// The tenant.
        tenant: String,
        /// An absolute path.
        to: PathBuf,
    },
    /// Compares what is derived with what the entries say.
    Fsck {
        /// One tenant, or all.
        tenant: Option<String>,
    },
}

/// Where a long command has got to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Entries done.
    pub done: u64,
    /// Entries in all.
    pub total: u64,
}

impl Command {
    /// Runs the command on `ledger`. The answer is for people and scripts alike.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub fn run(
        self,
        ledger: &Ledger,
        office: Option<&Office>,
        settings: &Settings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Value, String> {
        match self {
            Self::TenantCreate {
                name,
                founder,
                currency,
                exponent,
            } => create(ledger, settings, name, &founder, &currency, exponent),
            Self::TenantPromise {
                name,
                currency,
                exponent,
            } => promise(office, settings, &name, &currency, exponent),
            Self::TenantList => Ok(Value::Array(
                ledger
                    .tenants()
                    .iter()
                    .map(|(name, tenant)| describe(name, tenant))
                    .collect(),
            )),
            Self::Export { tenant, to } => {
                let found = find(ledger, &tenant)?;
                export(&found, &to, |done, total| {
                    progress(Progress { done, total });
                })
                .map_err(|error| explain(&error))?;
                Ok(json!({ "tenant": tenant, "origin": found.origin(), "folder": to }))
            }
            Self::Fsck { tenant } => {
                let tenants = match tenant {
                    Some(name) => vec![(name.clone(), find(ledger, &name)?)],
                    None => ledger.tenants(),
                };
                let mut reports = Vec::new();
                for (name, tenant) in tenants {
                    let report = fsck(&tenant, |done, total| progress(Progress { done, total }))
                        .map_err(|error| format!("tenant `{name}`: {}", explain(&error)))?;
                    reports.push(json!({
                        "tenant": name,
                        "entries": report.entries,
                        "rows": report.rows,
                        "tiles": report.tiles,
                        "blobs": report.blobs,
                        "nonces": report.nonces,
                    }));
                }
                Ok(Value::Array(reports))
            }
        }
    }
}

fn create(
    ledger: &Ledger,
    settings: &Settings,
    name: String,
    founder: &str,
    currency: &str,
    exponent: u64,
) -> Result<Value, String> {
    let founder =
        PublicKey::from_base64url(founder).map_err(|error| format!("founder: {error}"))?;
    let (currency, exponent) = money(currency, exponent)?;
    let founding = Founding {
        origin: Founding::new_origin(&settings.platform).map_err(|error| explain(&error))?,
        founder: Founder::File(founder),
        currency,
        exponent,
        platform: settings.platform.clone(),
        name,
        sites: settings.sites().map_err(|error| explain(&error))?,
    };
    let tenant = ledger.found(&founding).map_err(|error| explain(&error))?;
    Ok(describe(&founding.name, &tenant))
}

fn promise(
    office: Option<&Office>,
    settings: &Settings,
    name: &str,
    currency: &str,
    exponent: u64,
) -> Result<Value, String> {
    let Some(office) = office else {
        return Err("a link is used at a running server: start it first".to_owned());
    };
    let Some(sites) = settings.sites().map_err(|error| explain(&error))? else {
        return Err(
            "this server has no portal: set `portal` in its settings, or give `--founder`"
                .to_owned(),
        );
    };
    let (currency, exponent) = money(currency, exponent)?;
    let portal = sites.portal().origin().to_owned();
    let promised = office
        .promise(Promise {
            name: name.to_owned(),
            platform: settings.platform.clone(),
            currency,
            exponent,
            sites,
        })
        .map_err(|refusal| refusal.detail)?;
    Ok(json!({
        "tenant": name,
        "origin": promised.origin,
        // In the fragment, which no server and no log of one sees.
        "link": format!("{portal}/found#code={}", promised.code),
        "expires_at": promised.expires_at.millis(),
    }))
}

fn money(currency: &str, exponent: u64) -> Result<(Currency, Exponent), String> {
    Ok((
        Currency::parse(currency).ok_or("currency: expected three capital letters, as `EUR`")?,
        Exponent::new(exponent).ok_or("exponent: expected 0 to 4")?,
    ))
}

/// What a founder compares with others before trusting the log: above all the leaf hash of its genesis.
fn describe(name: &str, tenant: &Tenant) -> Value {
    let genesis = tenant.entry_bytes(0).map(|bytes| LeafHash::of(&bytes));
    let trust = genesis
        .as_ref()
        .ok()
        .and_then(|leaf| Trust::from_genesis(tenant.genesis(), *leaf).ok())
        .and_then(|trust| String::from_utf8(trust.encode()).ok());
    json!({
        "tenant": name,
        "origin": tenant.origin(),
        "genesis_leaf": genesis.map(|leaf| leaf.to_string()).ok(),
        "entries": tenant.head().tree().size().entries(),
        "trust": trust,
    })
}

fn find(ledger: &Ledger, name: &str) -> Result<Tenant, String> {
    ledger
        .tenant(name)
        .ok_or_else(|| format!("there is no tenant `{name}`"))
}

/// An error and what caused it, on one line.
#[must_use]
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
