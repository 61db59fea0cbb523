//! Goal: what is answered is durable, in order, provable, and the same after every way of stopping. Method: a
//! real RocksDB in a folder of its own, events that are really signed, a writer that can be held, counted and made
//! to fail, and a clock moved by hand. The rules are those of `spec/ledger.md`.

mod batches;
mod faults;
mod growth;
mod nonces;
pub(crate) mod org;
mod recovery;
mod refused;
mod repair;
mod secrets;
mod stale;
pub(crate) mod support;
mod turns;
