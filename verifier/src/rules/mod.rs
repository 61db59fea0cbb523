//! Policy: tenants' rules in Cedar, and the function that decides (`spec/policy.md`, feature `rules`).
//!
//! | Module | Does |
//! |---|---|
//! | [`scan`] | refuses hostile text before Cedar sees it |
//! | [`bundle`] | policy text with its versions: the bytes a digest names |
//! | [`compile`] | bundle → checked rules, cut in two sets, sliced by action type |
//! | [`decide`](mod@decide) | snapshot + compiled bundle → verdict |
//! | [`explain`](mod@explain) | what a review sheet says of each rule; the sheet |
//! | [`difference`] | two bundles, policy by policy |
//! | [`comparison`] | recorded decisions under another bundle |
//! | `clause` | the comparisons of a policy, as text and as values |
//! | [`schema`] | what policies can speak about |
//! | [`stack`] | threads on which Cedar cannot run out of stack |
//!
//! Compiling happens at activation, never while a request waits. Deciding reads nothing but its arguments.

pub mod annotation;
pub mod bundle;
mod clause;
pub mod comparison;
pub mod compile;
pub mod decide;
pub mod difference;
pub mod explain;
pub mod scan;
pub mod schema;
pub mod stack;

pub use bundle::{Bundle, BundleError, ENGINE};
pub use comparison::{Comparison, Moved};
pub use compile::{CompileError, CompiledBundle, Effect, Rule};
pub use decide::{Decided, Permit, decide};
pub use difference::{ChangeKind, Difference, RuleChange, RuleText};
pub use explain::{Does, ExplainError, RuleTold, explain, sheet, tell};
pub use scan::ScanError;
pub use stack::{BigStack, on_big_stack};

#[cfg(test)]
mod tests;
