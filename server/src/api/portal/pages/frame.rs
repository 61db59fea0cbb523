//! What stands around a page: who looks at it, where they are, what came of the last act.

use agentsigna_verifier::people::Role;

use super::parts::{Plain, Sentence};

/// Around every page of a person who signed in.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The log's origin.
    pub log: String,
    /// Who looks.
    pub me: Me,
    /// Cases in review.
    pub waiting: u64,
    /// What the last act came to, in our words; gets the focus.
    pub done: Option<Sentence>,
}

/// Who looks at a page.
#[derive(Debug, Clone)]
pub struct Me {
    /// Their id.
    pub user: String,
    /// Their name.
    pub name: Plain,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whether the session began with a passkey: without, they read alone.
    pub signs: bool,
}

/// One place of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its address.
    pub address: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Begins a new group.
    pub begins: bool,
}

/// Something in a form that cannot be taken.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The id of the field's element; empty if it is none's alone.
    pub field: &'static str,
    /// What was found, expected, next.
    pub text: Sentence,
}

/// Names and values.
pub type Facts = Vec<(&'static str, super::parts::Shown)>;

/// The places, in order.
pub const PLACES: [Place; 11] = [
    place("/queue", "Queue", false),
    place("/cases", "Cases", false),
    place("/open", "Open", false),
    place("/passports", "Passports", false),
    place("/agents", "Agents", true),
    place("/systems", "Target systems", false),
    place("/counterparties", "Counterparties", false),
    place("/policies", "Policies", true),
    place("/people", "People", false),
    place("/delegations", "Delegations", false),
    place("/ledger", "Ledger", false),
];

const fn place(address: &'static str, name: &'static str, begins: bool) -> Place {
    Place {
        address,
        name,
        begins,
    }
}

impl Me {
    /// Their roles, as words.
    #[must_use]
    pub fn role_names(&self) -> String {
        let names: Vec<_> = self.roles.iter().map(|role| role.name()).collect();
        names.join(", ")
    }
}

/// What stands at a field, if something does.
#[must_use]
pub fn wrong<'p>(problems: &'p [Problem], field: &str) -> Option<&'p Sentence> {
    problems
        .iter()
        .find(|problem| problem.field == field)
        .map(|problem| &problem.text)
}

/// Which place of the navigation a page belongs to.
macro_rules! stands {
    ($($page:ident at $place:literal),+) => {
        $(impl $page {
            /// Templates ask the page itself.
            const fn here(&self) -> &'static str {
                $place
            }
        })+
    };
}
pub(super) use stands;

/// Whether two words are the same, in templates.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a == b
}
