//! The transparency log: tree, proofs, tiles, notes (`spec/checkpoint.md`, `spec/proof.md`).
//!
//! Two halves. *Tree* knows hashes only: [`tree`], [`inclusion`], [`consistency`], [`frontier`], [`tile`],
//! [`bundle`], [`prove`]. *Note* knows who signed: [`note`], [`checkpoint`], [`cosignature`], [`proof`],
//! [`witness_policy`].
//!
//! Nothing in here reads a tile, asks for a key or signs: callers pass bytes in, and get told which bytes to
//! sign. Values that prove a check was made ([`inclusion::Included`], [`consistency::Extends`],
//! [`checkpoint::SignedCheckpoint`], [`cosignature::Cosigned`], [`witness_policy::QuorumMet`]) have no other
//! constructor than that check.

mod base64;
pub mod bundle;
pub mod checkpoint;
pub mod consistency;
pub mod cosignature;
mod decimal;
pub mod frontier;
pub mod inclusion;
pub mod note;
pub mod proof;
pub mod prove;
pub mod tile;
pub mod tree;
pub mod witness_policy;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod rs_merkle_tests;
#[cfg(test)]
mod signer;
#[cfg(test)]
mod vector_tests;
