//! Cases that are past their time.

use agentsigna_verifier::{entry::CaseId, id::Id};
use askama::Template;

use super::{
    frame::Frame,
    parts::{Chip, Late, Money, When},
};

/// `GET /open`.
#[derive(Debug, Clone, Template)]
#[template(path = "open.html")]
pub struct OpenPage {
    /// Around it.
    pub frame: Frame,
    /// The oldest first.
    pub cases: Vec<OpenRow>,
    /// When it was so.
    pub at: When,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct OpenRow {
    /// Its name.
    pub case: CaseId,
    /// For how long nobody has spoken.
    pub late: Late,
    /// From when on.
    pub since: When,
    /// What was asked for.
    pub kind: &'static str,
    /// For how much.
    pub amount: Money,
    /// With whom.
    pub counterparty: Id,
    /// Who asked.
    pub agent: Id,
    /// Where: whom to ask.
    pub target: Id,
    /// Where it stands.
    pub state: Chip,
}

super::frame::stands!(OpenPage at "/open");
