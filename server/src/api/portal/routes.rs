//! The tables of the portal's routes: on which site, and who may ask (TA-1). What is in none does not exist.

use agentsigna_verifier::people::Role;

use super::{
    acts, cases, counterparties, directory, entering, events, judging, log, outcomes, passports,
    passwords, people, policies, queue,
};

/// One of the two sites, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Where people sign in and rule.
    Portal,
    /// Where people judge cases.
    Approval,
    /// Both.
    Both,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Nobody yet: what it says to a stranger is all there is to say.
    Anybody,
    /// Whoever has a one-time code, in the body.
    Invited,
    /// Whoever has a ticket, in the query or the body.
    Ticket,
    /// Every active person with a session.
    Person,
    /// Every active person with a session and one of these roles.
    Roles(&'static [Role]),
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where.
    pub on: On,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path, as the router writes it.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    /// Whether people look at the answer: a page, which leads strangers to the sign-in.
    pub page: bool,
}

pub(super) const fn page(on: On, method: &'static str, path: &'static str, who: Who) -> Route {
    Route {
        on,
        method,
        path,
        who,
        page: true,
    }
}

pub(super) const fn data(on: On, method: &'static str, path: &'static str, who: Who) -> Route {
    Route {
        page: false,
        ..page(on, method, path, who)
    }
}

/// The tables of the rooms.
const ROOMS: [&[Route]; 14] = [
    entering::ROUTES,
    acts::ROUTES,
    queue::ROUTES,
    cases::ROUTES,
    directory::ROUTES,
    counterparties::ROUTES,
    people::ROUTES,
    policies::ROUTES,
    passwords::ROUTES,
    judging::ROUTES,
    outcomes::ROUTES,
    log::ROUTES,
    passports::ROUTES,
    events::ROUTES,
];

/// Every route of the two sites. A test holds this against who is answered.
pub fn portal_routes() -> impl Iterator<Item = &'static Route> {
    ROOMS.into_iter().flatten()
}

impl Route {
    /// Whether the route is there on `site`, which is one of the two.
    #[must_use]
    pub fn is_on(&self, site: On) -> bool {
        self.on == On::Both || self.on == site
    }
}
