//! Signed requests: the closed profiles of RFC 9421 (`spec/requests.md`).
//!
//! A profile fixes which parts of a request are signed, in which order, with which parameters. Nothing else
//! is read, so there is no signature that is valid and covers nothing useful. Three sides meet here:
//!
//! | Side | Enter at | Gets |
//! |---|---|---|
//! | server, gate | [`parse`], then [`Signed::check`] | [`Authentic`] |
//! | auditor, offline | [`Evidence::check`] | [`Statement`] |
//! | client | [`Draft::new`], then [`Draft::sign`] | [`Headers`] |
//!
//! Deliberately not here: whose key it is, whether the nonce was seen before, what the content says.
//!
//! INVARIANT (canonical base): a [`Statement`] and its signature base determine each other; every
//! constructor encodes again and refuses a difference. A stored base therefore reads one way only.

mod draft;
mod error;
mod evidence;
mod grammar;
mod message;
mod profile;
mod statement;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use draft::{Content, Draft, Headers, Request};
pub use error::SignedRequestError;
pub use evidence::Evidence;
pub use grammar::{
    AUTHORITY_BYTES_MAX, CONTENT_TYPE_BYTES_MAX, METHOD_BYTES_MAX, NONCE_CHARACTERS_MAX,
    NONCE_CHARACTERS_MIN, SIGNATURE_INPUT_BYTES_MAX, TARGET_BYTES_MAX,
};
pub use message::{Authentic, Message, Signed, parse};
pub use profile::Profile;
pub use statement::Statement;
