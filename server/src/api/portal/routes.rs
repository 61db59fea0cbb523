//! The one table of the portal's routes: on which site, and who may ask (TA-1). What is not in it does not exist.

use agentsigna_verifier::people::Role;

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

const fn page(on: On, method: &'static str, path: &'static str, who: Who) -> Route {
    Route {
        on,
        method,
        path,
        who,
        page: true,
    }
}

const fn data(on: On, method: &'static str, path: &'static str, who: Who) -> Route {
    Route {
        page: false,
        ..page(on, method, path, who)
    }
}

/// Every route of the two sites. A test holds this against who is answered.
pub const PORTAL_ROUTES: &[Route] = &[
    data(On::Both, "GET", "/static/sign.js", Who::Anybody),
    data(On::Both, "GET", "/static/portal.css", Who::Anybody),
    data(On::Both, "GET", "/static/portal.js", Who::Anybody),
    page(On::Portal, "GET", "/sign-in", Who::Anybody),
    data(On::Portal, "POST", "/sign-in/challenge", Who::Anybody),
    data(On::Portal, "POST", "/sign-in", Who::Anybody),
    data(On::Portal, "POST", "/sign-out", Who::Person),
    page(On::Both, "GET", "/join", Who::Anybody),
    data(On::Both, "POST", "/join/challenge", Who::Invited),
    data(On::Both, "POST", "/join", Who::Invited),
    page(On::Portal, "GET", "/found", Who::Anybody),
    data(On::Portal, "POST", "/found/challenge", Who::Invited),
    data(On::Portal, "POST", "/found", Who::Invited),
    page(On::Portal, "GET", "/", Who::Person),
    data(On::Portal, "GET", "/me", Who::Person),
    data(
        On::Portal,
        "GET",
        "/proposals",
        Who::Roles(&[Role::Administrator]),
    ),
    data(On::Portal, "GET", "/queue.json", Who::Person),
    page(
        On::Portal,
        "GET",
        "/cases/{case}/review",
        Who::Roles(&[Role::Approver]),
    ),
    page(On::Approval, "GET", "/review", Who::Ticket),
    data(On::Approval, "GET", "/review/sheet", Who::Ticket),
    data(On::Approval, "POST", "/review/challenge", Who::Ticket),
    data(On::Approval, "POST", "/review", Who::Ticket),
    page(On::Portal, "POST", "/acts", Who::Person),
    data(On::Portal, "POST", "/acts/sign", Who::Person),
];

impl Route {
    /// Whether the route is there on `site`, which is one of the two.
    #[must_use]
    pub fn is_on(&self, site: On) -> bool {
        self.on == On::Both || self.on == site
    }
}
