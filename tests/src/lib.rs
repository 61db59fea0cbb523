//! What the promise tests, the demo and the measurements have in common: real programs, real keys, real HTTP.
//!
//! | Module | Holds |
//! |---|---|
//! | [`browser`] | Chromium without a window: people, their tabs and their passkeys |
//! | [`programs`] | where the two programs are, and how one is run to its end |
//! | [`server`] | a running `agentsigna serve` with a folder of its own: kill it, start it again |
//! | [`keys`] | private keys and their files |
//! | [`client`] | one key that calls one server; every part of a call can be spoilt before it is sent |
//! | [`wire`] | HTTP/1.1 on a socket, for clients and for the demo's target system |
//! | [`corpus`] | decisions that every release gives again |
//! | [`tenant`] | a tenant with its founder, agents, target systems, counterparties and policy |
//!
//! A test usually begins so:
//!
//! ```no_run
//! use agentsigna_tests::{server::Server, tenant::Tenant};
//!
//! let server = Server::start();
//! let tenant = Tenant::ready(&server, "north");
//! let buyer = tenant.agent("buyer-1");
//! let answer = buyer.buy("po-1", 125_000).expect(200);
//! assert_eq!(answer["verdict"], "authorized");
//! ```
//!
//! Nothing here knows the server's code: it is spoken to over HTTP and its command line, and judged by the
//! verifier. What goes wrong in the harness panics, with the server's own words beside it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a harness that cannot go on ends its test"
)]

pub mod browser;
pub mod client;
pub mod corpus;
pub mod gate;
pub mod keys;
pub mod person;
pub mod programs;
pub mod server;
pub mod tenant;
pub mod wire;
