//! The ledger and the Passports in it.

use agentsigna_verifier::{entry::CaseId, id::Id};
use askama::Template;

use super::{
    case::Report,
    frame::{Facts, Frame},
    parts::{Block, Chip, Exactly, Hash, Money, When},
};

/// `GET /ledger`.
#[derive(Debug, Clone, Template)]
#[template(path = "ledger.html")]
pub struct Ledger {
    /// Around it.
    pub frame: Frame,
    /// Entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// When its last entry got its place.
    pub at: Exactly,
    /// The signed note.
    pub note: Block,
    /// Whose lines the note has beside the log's own.
    pub witnesses: Vec<String>,
    /// Where the whole log can be had, if it can.
    pub export: Option<String>,
    /// Where to ask for a verification, if the person may, and entries that are judged there at most.
    pub verify: Option<(String, u64)>,
    /// The verifier's report.
    pub report: Option<Report>,
    /// Entries, newest first.
    pub entries: Vec<EntryRow>,
    /// The next page.
    pub next: Option<String>,
}

/// One entry.
#[derive(Debug, Clone)]
pub struct EntryRow {
    /// Its position.
    pub index: u64,
    /// The kind of its event.
    pub kind: &'static str,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// Event digest.
    pub digest: Hash,
    /// `decided_at`.
    pub at: Exactly,
}

/// `GET /ledger/{index}`.
#[derive(Debug, Clone, Template)]
#[template(path = "entry.html")]
pub struct EntryPage {
    /// Around it.
    pub frame: Frame,
    /// Its position.
    pub index: u64,
    /// The kind of its event.
    pub kind: &'static str,
    /// What else is known of it: names and values.
    pub facts: Facts,
    /// The event in it, in diagnostic notation.
    pub raw: Block,
    /// Entries of the head that the proof leads to.
    pub size: u64,
    /// The proof, as C2SP tlog-proof.
    pub proof: Block,
    /// The entry before it.
    pub before: Option<u64>,
    /// The entry after it.
    pub after: Option<u64>,
}

/// `GET /passports`.
#[derive(Debug, Clone, Template)]
#[template(path = "passports.html")]
pub struct Passports {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub passports: Vec<PassportRow>,
    /// The next page.
    pub next: Option<String>,
}

/// One Passport.
#[derive(Debug, Clone)]
pub struct PassportRow {
    /// The case, which is also its name.
    pub case: CaseId,
    /// Who may act.
    pub agent: Id,
    /// In which system.
    pub target: Id,
    /// What.
    pub kind: &'static str,
    /// For how much.
    pub amount: Money,
    /// `authorized` by policy or `approved` by people.
    pub path: &'static str,
    /// When it was issued.
    pub issued_at: When,
    /// When it ends.
    pub expires_at: When,
    /// Valid or expired, when the page was made.
    pub status: Chip,
}

/// `GET /passports/{case}`.
#[derive(Debug, Clone, Template)]
#[template(path = "passport.html")]
pub struct PassportPage {
    /// Around it.
    pub frame: Frame,
    /// The case.
    pub case: CaseId,
    /// Valid or expired, when the page was made.
    pub status: Chip,
    /// Its claims: names and values.
    pub claims: Facts,
    /// Who approved: person, for whom, reason, when.
    pub people: Vec<(Id, Option<Id>, super::parts::Plain, When)>,
    /// Where its bytes can be had.
    pub download: String,
}

super::frame::stands!(Ledger at "/ledger", EntryPage at "/ledger", Passports at "/passports", PassportPage at "/passports");
