//! The tenant portal: two sites on one listener (`spec/tenant-api.md`).
//!
//! | Room | Routes |
//! |---|---|
//! | `entering` | sign-in, join, founding, files that pages load |
//! | `acts` | what people rule: shown, proposed, signed; `forms` makes the pages around it |
//! | `queue` | cases that wait for people |
//! | `cases` | cases, what a search finds, their files, the verifier's report |
//! | `outcomes` | cases past their time, and what became of permissions |
//! | `log` | the ledger: its head, its entries, all of it to take along, the verifier's report |
//! | `passports` | Passports, and their bytes |
//! | `events` | news for pages that are open |
//! | `directory` | agents and target systems, with the forms of acts on them |
//! | `counterparties` | the same of counterparties |
//! | `people` | people and delegations, with theirs |
//! | `policies` | bundles: what differs, what would have been decided, drafts |
//! | `passwords` | setting a password, and signing in with one |
//! | `judging` | the way to the approval site, and all of that site |
//!
//! Each room has a table of its routes with who may ask, and a router of the same paths. `around` makes what stands
//! around every page. A room decides nothing: it asks the office and draws a struct of [`pages`].
//!
//! Absent on purpose: a header or a path that names a tenant, CORS, inline scripts, a session on the approval site.

mod acts;
mod around;
mod body;
mod cases;
mod counterparties;
mod directory;
mod entering;
mod entrance;
mod events;
mod forms;
mod guard;
mod judging;
mod log;
mod notice;
mod outcomes;
pub mod pages;
mod paging;
mod passports;
mod passwords;
mod people;
mod policies;
mod query;
mod queue;
mod routes;
mod standings;
mod stream;
mod tar;
mod told;

use std::sync::Arc;

use agentsigna_verifier::event::Sites;
use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    middleware,
    response::Response,
};

pub use routes::{On, Route, Who, portal_routes};

use super::{agent::answer, error::Refused};
use crate::domain::{Office, Refusal, Visitor};

/// What every route of the portal has at hand.
struct Door {
    office: Office,
    sites: Sites,
}

type Shared = State<Arc<Door>>;
type Outcome = Result<Response, Refused>;
type Signed = Extension<Arc<Visitor>>;

/// The two sites of `sites`, over `office`.
pub fn router(office: Office, sites: Sites) -> Router {
    let door = Arc::new(Door { office, sites });
    // Who may ask is in the tables of the rooms, and looked up by the guard: a route that is only here is not there.
    entering::router()
        .merge(acts::router())
        .merge(queue::router())
        .merge(cases::router())
        .merge(directory::router())
        .merge(counterparties::router())
        .merge(people::router())
        .merge(judging::router())
        .merge(outcomes::router())
        .merge(log::router())
        .merge(passports::router())
        .merge(events::router())
        .merge(policies::router())
        .merge(passwords::router())
        .fallback(async || Refused(Refusal::not_found()))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&door),
            guard::guard,
        ))
        .layer(middleware::map_response(guard::locked_down))
        .with_state(door)
}

fn html(text: String) -> Response {
    typed("text/html; charset=utf-8", Body::from(text))
}

fn typed(kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
