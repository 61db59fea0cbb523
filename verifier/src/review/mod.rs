//! Review: what people are shown before they judge, and whether enough of them agreed (`spec/sheet.md`,
//! `spec/approval.md`).
//!
//! | Module | Does |
//! |---|---|
//! | [`quorum`] | whether people fill the slots that a demand asks for |
//! | [`facts`] | what is unusual about an action, from the agent's other cases |
//! | [`builtin`] | title, reason and values of the product's own rules |
//! | [`sheet`] | the review sheet and its parts |
//! | [`draw`] | the sheet as a function of decision, snapshot and rows |
//! | `form` | its bytes, and what every sheet keeps |
//! | [`words`] | the sheet as lines of plain text |
//!
//! Pure functions of their arguments. Nothing here knows who may judge: callers hand in people that were
//! admitted. The texts of a tenant's rules need the policy engine and come from feature `rules`.

pub mod builtin;
pub mod draw;
pub mod facts;
mod form;
pub mod quorum;
pub mod sheet;
pub mod words;

pub use draw::{SheetError, SheetInput};
pub use facts::{Fact, HistoryCase, Pair};
pub use quorum::Quorum;
pub use sheet::{Comparison, Exclusion, Operator, RuleShown, Sheet};

#[cfg(test)]
mod form_tests;
#[cfg(test)]
pub(crate) mod tests;
