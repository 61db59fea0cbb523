//! Policy text with the versions it was written for: what a tenant publishes and a digest names.

use alloc::{string::String, vec::Vec};

use super::scan::{self, Piece, ScanError};
use crate::{
    action::CATALOGUE_VERSION,
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    limits,
};

/// The stamp of the engine: Cedar, its language, our rules around it, the stack it runs on. Whatever could
/// change one verdict changes this text; whether any did, the frozen corpus tells (RP-8).
pub const ENGINE: &str = "cedar 4.14.1/lang 4.6/rules 1/stack 64M";

/// The encoding of a bundle, in bytes: the longest policy text and 256 bytes around it.
pub const BUNDLE_BYTES_MAX: usize = limits::POLICY_SOURCE_BYTES_MAX + 256;

const VERSION: u64 = 1;
const WHAT: &str = "bundle";

/// Scanned policy text. Encoded as `{"version", "engine", "catalogue", "policy"}` in deterministic CBOR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    policy: String,
    pieces: Vec<Piece>,
}

/// Why bytes are not a bundle this engine runs. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not a bundle.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Written for another engine: the verdicts of this one would be no replay.
    #[error("bundle for engine `{found}`, this one is `{ENGINE}`: use the release that carries it")]
    Engine {
        /// The stamp found.
        found: String,
    },
    /// Written for another catalogue of actions.
    #[error(
        "bundle for action catalogue {found}, this one is {CATALOGUE_VERSION}: use the release that carries it"
    )]
    Catalogue {
        /// The version found.
        found: u64,
    },
    /// The text is not safe to parse.
    #[error(transparent)]
    Scan(#[from] ScanError),
}

impl Bundle {
    /// Takes policy text for this engine and catalogue. No text at all is a bundle: it grants nothing.
    ///
    /// # Errors
    /// [`ScanError`] for text that Cedar must not see.
    pub fn new(policy: &str) -> Result<Self, ScanError> {
        Ok(Self {
            pieces: scan::scan(policy)?,
            policy: String::from(policy),
        })
    }

    /// Reads the encoding of a bundle. PO-3
    ///
    /// # Errors
    /// [`BundleError`], in the order of its variants.
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut fields = Value::decode(bytes, BUNDLE_BYTES_MAX)?.into_fields(WHAT)?;
        if fields.uint("version")? != VERSION {
            return Err(fields.unexpected("version", "1").into());
        }
        let engine = fields.text("engine")?;
        let catalogue = fields.uint("catalogue")?;
        let policy = fields.text("policy")?;
        fields.finish()?;
        if engine != ENGINE {
            return Err(BundleError::Engine { found: engine });
        }
        if catalogue != CATALOGUE_VERSION {
            return Err(BundleError::Catalogue { found: catalogue });
        }
        Ok(Self::new(&policy)?)
    }

    /// The canonical bytes: a blob of the ledger.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Value::map([
            ("version", Value::from(VERSION)),
            ("engine", Value::from(ENGINE)),
            ("catalogue", Value::from(CATALOGUE_VERSION)),
            ("policy", Value::from(self.policy.as_str())),
        ])
        .encode()
    }

    /// `SHA-256("agentsigna/blob/v1\n" || encoding)`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Noun::Blob, &self.encode())
    }

    /// The policy text.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// How many policies are in it.
    #[must_use]
    pub const fn policy_count(&self) -> usize {
        self.pieces.len()
    }

    /// Each policy's source and where it begins.
    pub(super) fn policies(&self) -> impl Iterator<Item = (&str, scan::Place)> {
        self.pieces.iter().map(|piece| {
            (
                self.policy.get(piece.bytes.clone()).unwrap_or_default(),
                piece.place,
            )
        })
    }
}
