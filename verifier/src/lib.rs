//! What an auditor must be able to run again: formats, proofs, rules.
//!
//! No socket, file, clock or randomness in here: callers pass bytes and the time in. The server calls the
//! same functions to act that an auditor calls to check. Without the feature `rules` the library is only
//! hashing, signatures, CBOR and a strict JSON reader, and compiles to WebAssembly.
//!
//! Enter at [`verify`]; the formats are in `spec/`.

#![no_std]
#![cfg_attr(
    test,
    allow(clippy::as_conversions, reason = "tests build small numbers")
)]

extern crate alloc;
#[cfg(any(test, feature = "rules"))]
extern crate std;

pub mod act;
pub mod action;
pub mod case;
pub mod case_file;
pub mod cbor;
pub mod decision;
pub mod digest;
pub mod entry;
pub mod event;
pub mod gate;
pub mod id;
pub mod json;
pub mod key;
pub mod limits;
pub mod log;
pub mod outcome;
pub mod passkey;
pub mod passport;
pub mod people;
pub mod review;
#[cfg(feature = "rules")]
pub mod rules;
pub mod signed_request;
pub mod snapshot;
pub mod standing;
pub mod state;
pub mod time;
pub mod trust;
pub mod verify;
