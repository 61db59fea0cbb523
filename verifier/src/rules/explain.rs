//! What a sheet says of the rules of a decision (`spec/sheet.md` §3.1), and the sheet itself; what an auditor is told
//! of any decision (`spec/replay.md` §5).
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
    decision::{BuiltinRule, Decision},
    digest::Digest,
    review::{
        Comparison, RuleShown, Sheet, SheetError, SheetInput, builtin,
        sheet::{RULE_VALUES_MAX, SHEET_VALUES_MAX},
    },
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

/// One rule of a decision, whatever it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTold {
    /// Its id, as recorded.
    pub id: String,
    /// What it says; empty if nobody knows it.
    pub title: String,
    /// What it does where it holds.
    pub does: Does,
    /// Whether the decision names it. A grant that is told because there was no authority did not hold.
    pub held: bool,
    /// The policy as written; `None` of a built-in rule.
    pub source: Option<String>,
    /// The comparisons in its `when`, first ones first, at most 16.
    pub values: Vec<Comparison>,
}

/// What a rule does where it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Gives authority.
    Grants,
    /// Takes it.
    Stops,
    /// Asks people.
    Asks,
    /// A rule of the product.
    BuiltIn,
}

impl Does {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grants => "grants",
            Self::Stops => "stops",
            Self::Asks => "asks people",
            Self::BuiltIn => "built in",
        }
    }
}

/// Each rule of any decision with what it compared, in the order of the decision; where nothing gave authority, then
/// every grant that could speak about the action's type. `bundle` is the one that the snapshot names: without it,
/// only rules of the product have more than their ids. RP-7
///
/// # Errors
/// [`ExplainError::Bundle`], [`ExplainError::Engine`].
pub fn tell(
    _stack: &BigStack,
    bundle: Option<&CompiledBundle>,
    snapshot: &Snapshot,
    decision: &Decision,
) -> Result<Vec<RuleTold>, ExplainError> {
    let Some(bundle) = bundle else {
        let ids = decision.rules().iter();
        return Ok(ids.map(|id| builtin_told(id, snapshot)).collect());
    };
    if snapshot.bundle() != Some(bundle.digest()) {
        return Err(ExplainError::Bundle {
            found: bundle.digest(),
            expected: snapshot.bundle(),
        });
    }
    let (request, entities) = bundle
        .vocabulary
        .express(snapshot, None)
        .map_err(|error| ExplainError::Engine(error.to_string()))?;
    let tenant = |id: &str, rule: &Rule, held| -> Result<RuleTold, ExplainError> {
        let form = form(rule)?;
        Ok(RuleTold {
            id: String::from(id),
            title: String::from(rule.title()),
            does: match rule.effect() {
                Effect::Grant => Does::Grants,
                Effect::Stop => Does::Stops,
                Effect::Escalate(_) => Does::Asks,
            },
            held,
            source: Some(String::from(rule.source())),
            values: clause::comparisons(&form, RULE_VALUES_MAX, &request, &entities),
        })
    };
    let mut told = Vec::with_capacity(decision.rules().len());
    for id in decision.rules() {
        told.push(match bundle.rules().get(id) {
            Some(rule) => tenant(id, rule, true)?,
            None => builtin_told(id, snapshot),
        });
    }
    if decision
        .rules()
        .iter()
        .any(|id| id == BuiltinRule::NoAuthority.id())
    {
        for (id, rule) in bundle.grants(snapshot.action().kind()) {
            told.push(tenant(id, rule, false)?);
        }
    }
    Ok(told)
}

/// A rule of the product; of one that only rejects there is no more to say than its title.
fn builtin_told(id: &str, snapshot: &Snapshot) -> RuleTold {
    let shown = builtin::show(id, snapshot);
    let rejects = BuiltinRule::REJECTING
        .into_iter()
        .find(|rule| rule.id() == id);
    let (title, values) = match shown {
        Some(shown) => (shown.title, shown.values),
        None => (
            String::from(rejects.map_or("", BuiltinRule::title)),
            Vec::new(),
        ),
    };
    RuleTold {
        id: String::from(id),
        title,
        does: Does::BuiltIn,
        held: true,
        source: None,
        values,
    }
}

/// The JSON form of a rule. It was parsed when the bundle was compiled.
fn form(rule: &Rule) -> Result<serde_json::Value, ExplainError> {
    Policy::parse(None, rule.source())
        .map_err(|error| ExplainError::Engine(error.to_string()))
        .and_then(|policy| {
            let form = policy.to_json();
            form.map_err(|error| ExplainError::Engine(error.to_string()))
        })
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
    let form = form(rule);
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
