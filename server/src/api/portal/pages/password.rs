//! Pages on which a person sets a password for reading: the password, then the key of its codes.

use askama::Template;

use super::frame::{Frame, Problem, wrong};

/// `GET /password`.
#[derive(Debug, Clone, Template)]
#[template(path = "password.html")]
pub struct NewPassword {
    /// Around it.
    pub frame: Frame,
    /// Whether the person has one.
    pub is_set: bool,
    /// What ends it.
    pub end: Vec<(&'static str, String)>,
    /// What was wrong with the last try.
    pub problems: Vec<Problem>,
}

/// The answer of `POST /password`: nothing is set yet.
#[derive(Clone, Template)]
#[template(path = "password_code.html")]
pub struct PasswordCode {
    /// Around it.
    pub frame: Frame,
    /// The key, base32, in groups of four.
    pub key: String,
    /// The same for apps that take an address.
    pub address: String,
    /// Digest of what is kept, hex.
    pub secret: String,
    /// What was wrong with the last code.
    pub problems: Vec<Problem>,
}

super::frame::stands!(NewPassword at "/people", PasswordCode at "/people");
