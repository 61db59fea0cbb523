//! Pages for people without a session: signing in, joining, and what went wrong.

use askama::Template;

use super::{
    frame::{Problem, wrong},
    parts::Sentence,
};

/// `GET /sign-in`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// The log, as it was typed.
    pub log: String,
    /// The person, as typed.
    pub user: String,
    /// What was wrong with the last try; says nothing about who exists.
    pub problems: Vec<Problem>,
}

/// `GET /join`, on both sites.
#[derive(Debug, Clone, Template)]
#[template(path = "join.html")]
pub struct Join {
    /// The host of the page.
    pub site: String,
    /// The host of the other site.
    pub other: String,
    /// How far the person is.
    pub step: JoinStep,
    /// As in the invitation's address; a script fills it from the fragment.
    pub log: String,
    /// Likewise.
    pub user: String,
    /// What was wrong with the last try.
    pub problems: Vec<Problem>,
}

/// Which passkey somebody makes who joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinStep {
    /// On the portal: the sign-in passkey.
    SignIn,
    /// On the approval site: the approval passkey.
    Approval,
}

/// `GET /found`: the first passkey of a log.
#[derive(Debug, Clone, Template)]
#[template(path = "found.html")]
pub struct Found {
    /// The host of the page.
    pub site: String,
    /// What was wrong with the last try.
    pub problems: Vec<Problem>,
}

/// A page that is not there, or not for this person: the problem of the agent API, as text.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// The status.
    pub status: u16,
    /// What happened, in a few words.
    pub title: String,
    /// What was found, expected, and the next step.
    pub detail: Sentence,
    /// Where to go from here: address and words.
    pub next: (String, String),
}
