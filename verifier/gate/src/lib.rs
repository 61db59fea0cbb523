//! A gate in front of a target system (`spec/gate.md`): for services written with axum as a layer, for all others
//! behind the proxy of `agentsigna-verify gate`.
//!
//! ```no_run
//! use agentsigna_gate::{Gate, Settings};
//! use axum::{Router, middleware, routing::post};
//!
//! # fn gate(settings: Settings) -> Result<Router, Box<dyn std::error::Error>> {
//! let gate = Gate::open(settings)?;
//! let payments = Router::new()
//!     .route("/payments/{counterparty}", post(async || "paid"))
//!     .layer(middleware::from_fn_with_state(gate, agentsigna_gate::admit));
//! # Ok(payments)
//! # }
//! ```
//!
//! | Module | Does |
//! |---|---|
//! | `admission` | reads a call, has it judged, writes it down, hands it on |
//! | `seen` | the folder of Passports that were used |
//! | `reports` | what the platform has not been told yet |
//! | `numbers` | what is counted |
//!
//! The judgement itself is [`agentsigna_verifier::gate`]. Absent on purpose: an HTTP client, a way to admit without
//! writing it down, a switch for any check.

mod admission;
mod numbers;
mod reports;
mod seen;

pub use admission::{Gate, GateProblem, OpenError, Settings, admit, problem};
pub use numbers::Numbers;
pub use reports::{Answered, Reports};
pub use seen::{Report, Seen, SeenError};
