//! The transparency log: tree, proofs, notes.
