//! What a sheet says of the rules of a decision (`spec/sheet.md` §3.1), and the sheet itself.
//!
//! A function of bundle, snapshot and decision, so that an auditor writes the same texts. It decides nothing: a
//! comparison that it could not evaluate is shown without values, and the verdict stands.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use cedar_policy::Policy;

use super::{
    clause,
    compile::{CompiledBundle, Effect, Rule},
    stack::BigStack,
};
use crate::{
    decision::Decision,
    digest::Digest,
    review::{RuleShown, Sheet, SheetError, SheetInput, builtin, sheet::SHEET_VALUES_MAX},
    snapshot::Snapshot,
};

/// Why the rules of a decision cannot be shown. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// Another bundle than the one that decided.
    #[error("bundle {found} at hand, the snapshot names {}", .expected.map_or_else(|| "none".to_string(), |digest| digest.to_hex()))]
    Bundle {
        /// The bundle at hand.
        found: Digest,
        /// The one the snapshot names.
        expected: Option<Digest>,
    },
    /// The engine cannot read what it decided on.
    #[error("policy engine out of order: {0}")]
    Engine(String),
    /// A rule that asks nobody, does not hold, or is in no bundle.
    #[error(
        "rule `{id}` asks nobody here: it is no `@escalate` of the bundle and no built-in rule that holds"
    )]
    Rule {
        /// Its id.
        id: String,
    },
    /// The sheet.
    #[error(transparent)]
    Sheet(#[from] SheetError),
}

/// What each rule of an escalated decision is, in the order of the decision. SH-1
///
/// # Errors
/// [`ExplainError`], in the order of its variants.
pub fn explain(
    _stack: &BigStack,
    bundle: &CompiledBundle,
    snapshot: &Snapshot,
    decision: &Decision,
) -> Result<Vec<RuleShown>, ExplainError> {
    if snapshot.bundle() != Some(bundle.digest()) {
        return Err(ExplainError::Bundle {
            found: bundle.digest(),
            expected: snapshot.bundle(),
        });
    }
    let engine = |error: &dyn core::fmt::Display| ExplainError::Engine(error.to_string());
    let (request, entities) = bundle
        .vocabulary
        .express(snapshot, None)
        .map_err(|error| engine(&error))?;
    let mut values_left = SHEET_VALUES_MAX;
    let mut shown = Vec::with_capacity(decision.rules().len());
    for id in decision.rules() {
        let unknown = || ExplainError::Rule { id: id.clone() };
        let mut rule = match bundle.rules().get(id) {
            None => builtin::show(id, snapshot).ok_or_else(unknown)?,
            Some(rule) => {
                let (mut shown, form) = read(id, rule).ok_or_else(unknown)??;
                shown.values = clause::comparisons(&form, values_left, &request, &entities);
                shown
            }
        };
        rule.values.truncate(values_left);
        values_left = values_left.saturating_sub(rule.values.len());
        shown.push(rule);
    }
    Ok(shown)
}

/// The sheet of an escalated decision: its rules in words, and what rows and request say beside it. SH-1
///
/// # Errors
/// [`ExplainError`], in the order of its variants.
pub fn sheet(
    stack: &BigStack,
    bundle: &CompiledBundle,
    input: &SheetInput<'_>,
) -> Result<Sheet, ExplainError> {
    let rules = explain(stack, bundle, input.snapshot, input.decision)?;
    Ok(Sheet::draw(input, rules)?)
}

/// The texts of a tenant's rule, and its JSON form; `None` if it does not ask people.
fn read(id: &str, rule: &Rule) -> Option<Result<(RuleShown, serde_json::Value), ExplainError>> {
    let Effect::Escalate(escalation) = rule.effect() else {
        return None;
    };
    // It was parsed when the bundle was compiled.
    let form = Policy::parse(None, rule.source())
        .map_err(|error| ExplainError::Engine(error.to_string()))
        .and_then(|policy| {
            let form = policy.to_json();
            form.map_err(|error| ExplainError::Engine(error.to_string()))
        });
    Some(form.map(|form| {
        let shown = RuleShown {
            id: String::from(id),
            title: String::from(rule.title()),
            reason: String::from(escalation.reason()),
            source: Some(String::from(rule.source())),
            values: Vec::new(),
        };
        (shown, form)
    }))
}
