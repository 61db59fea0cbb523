//! The pages of the tenant portal: one struct for each, and HTML made of nothing but it (`spec/tenant-api.md`).
//!
//! | Module | Pages |
//! |---|---|
//! | [`parts`] | times, amounts, digests, chips, foreign text: what is escaped by itself |
//! | [`frame`] | what stands around a page, problems with a form |
//! | [`entrance`] | sign in, join, errors |
//! | [`queue`] | the review queue, cases and what a search found |
//! | [`review`] | the sheet, and beside it what is live (approval site) |
//! | [`case`] | one case: timeline, events, the verifier's report |
//! | [`open`] | cases past their time |
//! | [`directory`] | agents, target systems, counterparties |
//! | [`policy`] | bundles: text, what differs, what would have been decided |
//! | [`password`] | a new password and its codes |
//! | [`people`] | people, passkeys, proposals, delegations |
//! | [`ledger`] | head, entries, Passports |
//! | [`form`] | the body of an act from the fields of its form |
//! | [`act`] | what exactly will be signed, and codes that are shown once |
//!
//! Absent on purpose: a clock, the store, the session, any request. What a person may do is in the struct as forms
//! that are there or not; that it is refused otherwise is the routes' business. No page has an inline style, script
//! or handler ([`CSP`]); all but signing works without scripts.
//!
//! What a form sends to `/acts`: `path`, the act's, and either `body`, or fields named like the members of the body,
//! which [`form`] makes of them. A form that asks for a signature has `data-sign` with its kind and a place for
//! the outcome (`data-outcome`); its fields and hidden fields are what the script needs. The script of lists asks for
//! its own page again when `/events` names `queue` or `case`: such a request has `Sec-Fetch-Mode: cors`, and is none
//! that a person made.

pub mod act;
pub mod case;
pub mod directory;
pub mod entrance;
pub mod form;
pub mod frame;
pub mod ledger;
pub mod open;
pub mod parts;
pub mod password;
pub mod people;
pub mod policy;
pub mod queue;
pub mod review;

pub use askama::Template;

/// The policy under which every page works: nothing inline, nothing from elsewhere.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What pages load: path, media type, content.
pub const STATIC_FILES: [(&str, &str, &str); 2] = [
    (
        "/static/portal.css",
        "text/css; charset=utf-8",
        include_str!("../../../../static/portal.css"),
    ),
    (
        "/static/portal.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../../static/portal.js"),
    ),
];

/// A page could not be written. Nothing of it may be sent.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be written: answer 500")]
pub struct Unwritten(#[source] askama::Error);

/// The page as HTML.
///
/// # Errors
/// [`Unwritten`] if memory or a formatter fails; no content makes it fail.
pub fn html(page: &impl Template) -> Result<String, Unwritten> {
    page.render().map_err(Unwritten)
}
