//! Pages for people without a session: signing in, joining, and what went wrong.

use askama::Template;

use super::{
    frame::{Problem, wrong},
    parts::{Hash, Plain, Sentence, When},
};

/// `GET /sign-in`.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// What was wrong with the last try; says nothing about who exists.
    pub problems: Vec<Problem>,
    /// What was filled in.
    pub log: String,
    /// What was filled in.
    pub user: String,
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
    /// What was wrong with the last try.
    pub problems: Vec<Problem>,
}

/// How far somebody is who joins.
#[derive(Debug, Clone)]
pub enum JoinStep {
    /// On the portal: code, and the sign-in passkey.
    SignIn {
        /// As in the invitation's address, if it was there.
        log: String,
        /// As in the invitation's address, if it was there.
        user: String,
    },
    /// On the approval site: the approval passkey.
    Approval {
        /// Who joins.
        name: Plain,
        /// What the script sends back.
        hidden: Vec<(&'static str, String)>,
    },
    /// Both are shown: an administrator confirms.
    Shown {
        /// Who joins.
        name: Plain,
        /// Thumbprint of the sign-in passkey.
        sign_in: Hash,
        /// Thumbprint of the approval passkey.
        approval: Option<Hash>,
        /// Until when it has to be confirmed.
        until: When,
    },
}

impl Join {
    const fn at(&self) -> u8 {
        match self.step {
            JoinStep::SignIn { .. } => 1,
            JoinStep::Approval { .. } => 2,
            JoinStep::Shown { .. } => 3,
        }
    }
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
