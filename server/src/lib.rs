//! The AgentSigna server: requests in, Passports out (`spec/ARCHITECTURE.md`).
//!
//! Four floors, each knowing only those below: `api` knows HTTP, `domain` knows the steps of the loop, `ledger`
//! orders and signs, `store` knows RocksDB.

pub mod api;
pub mod domain;
pub mod host;
pub mod ledger;
pub mod store;
