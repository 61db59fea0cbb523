//! Passkeys: what a person's device registers and signs (`spec/passkeys.md`, WebAuthn Level 3).
//!
//! | Side | Enter at | Gets |
//! |---|---|---|
//! | server, before | a context ([`context`]), then its `challenge()` | what the browser is asked to have signed |
//! | server, after; auditor, offline | `check` of the same context | [`Asserted`] or [`Credential`] |
//!
//! An auditor has the context's bytes, the assertion and the directory, and checks as the server did.
//!
//! Deliberately not here: attestation (which model made a key), extensions, algorithms other than ES256,
//! whose credential it is, whether a nonce was given out, and what time it is.
//!
//! INVARIANT (purpose): a challenge comes from `challenge()` of a context, which hashes under the noun of its
//! purpose. An assertion made for one purpose therefore never passes for another (WA-15).

mod assertion;
mod authenticator;
mod client;
pub mod context;
mod credential;
mod key;
mod registration;
mod signature;
mod site;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use assertion::{ASSERTION_BYTES_MAX, Asserted, Assertion, AssertionError};
pub use authenticator::{
    Attested, AuthenticatorData, AuthenticatorDataError, Backup, Counter, Flags,
};
pub use client::{CLIENT_DATA_BYTES_MAX, CLIENT_DATA_DEPTH_MAX, ClientData, ClientDataError};
pub use credential::{BadCredentialId, CREDENTIAL_ID_BYTES_MAX, CredentialId};
pub use key::{BadPasskeyKey, PasskeyKey};
pub use registration::{Credential, REGISTRATION_BYTES_MAX, Registration, RegistrationError};
pub use signature::{BadSignature, SIGNATURE_BYTES_MAX, SIGNATURE_BYTES_MIN, Signature};
pub use site::{BadSite, Site};
