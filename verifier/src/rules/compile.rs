//! From policy text to what `decide` evaluates (`spec/policy.md` §2).
//!
//! One policy at a time is parsed, so that an error has a place and a policy cannot lean on its neighbour.
//! Two sets are cut from the file: *authority* (permits and plain forbids) and *oversight* (forbids that say
//! `@escalate`, and one permit for everything else). Each set is sliced by action type, because cost is linear
//! in policies; a slice holds every policy whose scope could match its type, so its verdict is the whole set's.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use cedar_policy::{
    ActionConstraint, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};

use super::{
    annotation::{self, AnnotationError, Escalation},
    bundle::Bundle,
    scan::Place,
    schema::{self, Vocabulary},
    stack::BigStack,
};
use crate::{
    action::ActionType,
    decision::{APPROVERS, GROUPS_MAX, RULE_IDS_BYTES_MAX},
    digest::Digest,
    id::Id,
    limits::POLICY_TOKENS_MAX,
};

/// Nesting of a policy's JSON form. A chain of the most tokens allowed nests two levels per two tokens.
pub const FORM_DEPTH_MAX: usize = 2 * POLICY_TOKENS_MAX + 100;
/// Values in a policy's JSON form: far above what the tokens allowed can make today.
pub const FORM_VALUES_MAX: usize = 10_000;
/// All ids of a bundle together, in bytes: a decision that names all of them, and ours, still fits an entry.
pub const POLICY_IDS_BYTES_MAX: usize = RULE_IDS_BYTES_MAX - 512;

/// The id of the permit in every oversight set. Never in a decision.
const ALL_ELSE: &str = "builtin.all-else";

/// A bundle, ready to decide. Cheap to share between threads, made once per activation.
#[derive(Debug)]
pub struct CompiledBundle {
    digest: Digest,
    rules: BTreeMap<String, Rule>,
    warnings: Vec<String>,
    slices: BTreeMap<ActionType, Slice>,
    pub(super) vocabulary: Vocabulary,
}

/// The policies that can speak about one type of action.
#[derive(Debug)]
pub(super) struct Slice {
    /// Permits and plain forbids.
    pub(super) authority: PolicySet,
    /// Forbids that escalate, and the permit for all else.
    pub(super) oversight: PolicySet,
}

/// One policy, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    title: String,
    effect: Effect,
    source: String,
    line: usize,
}

/// What a policy does where its condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A permit: gives authority.
    Grant,
    /// A plain forbid: takes it, finally.
    Stop,
    /// A forbid that says `@escalate`: asks people.
    Escalate(Escalation),
}

/// Why a bundle does not compile. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A fault inside one policy.
    #[error("policy at {place}: {fault}")]
    Policy {
        /// Where the policy begins.
        place: Place,
        /// What is wrong.
        fault: PolicyFault,
    },
    /// Ids that are too long altogether.
    #[error("{found} bytes of policy ids, at most {POLICY_IDS_BYTES_MAX} allowed: shorten them")]
    IdsTooLong {
        /// Bytes found.
        found: usize,
    },
    /// Too many groups altogether.
    #[error("{found} groups of approvers with `{APPROVERS}`, at most {GROUPS_MAX} allowed")]
    TooManyGroups {
        /// Groups found.
        found: usize,
    },
    /// Not valid under the schema: unknown attributes, other types, unknown actions.
    #[error("not valid under the policy schema: {}", .faults.join("; "))]
    Invalid {
        /// What Cedar's validator says, sorted.
        faults: Vec<String>,
    },
    /// The product's own schema or permit does not stand: a fault of the release.
    #[error("policy engine out of order: {0}")]
    Engine(String),
}

/// What is wrong with one policy. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// Cedar cannot parse it.
    #[error("{0}")]
    Syntax(String),
    /// Its expression is too large or too deep after parsing.
    #[error("expression too large or too deep after parsing: split the policy")]
    TooLarge,
    /// A call of an extension function (`ip`, `decimal`, `datetime`, `duration`) or an operator nobody knows.
    #[error("`{found}` is not part of the policy language here: compare integers and strings")]
    Extension {
        /// The name found.
        found: String,
    },
    /// Its annotations.
    #[error(transparent)]
    Annotation(#[from] AnnotationError),
    /// An oversight rule that can hold for one of two causes.
    #[error("`@escalate` with `||` at the top: split it in two, so that the id names the cause")]
    TwoCauses,
    /// An id that an earlier policy has.
    #[error("`@id` is `{id}`, as in an earlier policy")]
    DuplicateId {
        /// The id.
        id: String,
    },
}

impl CompileError {
    /// A short name for programs and test data.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Policy { fault, .. } => match fault {
                PolicyFault::Syntax(_) => "syntax",
                PolicyFault::TooLarge => "expression-too-large",
                PolicyFault::Extension { .. } => "extension",
                PolicyFault::Annotation(error) => error.code(),
                PolicyFault::TwoCauses => "two-causes",
                PolicyFault::DuplicateId { .. } => "duplicate-id",
            },
            Self::IdsTooLong { .. } => "ids-too-long",
            Self::TooManyGroups { .. } => "too-many-groups",
            Self::Invalid { .. } => "invalid",
            Self::Engine(_) => "engine",
        }
    }
}

impl CompiledBundle {
    /// Compiles a bundle. PO-4 to PO-10
    ///
    /// # Errors
    /// [`CompileError`], in the order of its variants.
    pub fn compile(_stack: &BigStack, bundle: &Bundle) -> Result<Self, CompileError> {
        Self::build(bundle, true)
    }

    /// Every slice holds every policy: what slices are compared with.
    #[cfg(test)]
    pub(super) fn compile_whole(_stack: &BigStack, bundle: &Bundle) -> Result<Self, CompileError> {
        Self::build(bundle, false)
    }

    fn build(bundle: &Bundle, sliced: bool) -> Result<Self, CompileError> {
        let schema = schema::schema().map_err(engine)?;
        let vocabulary = Vocabulary::new(&schema).map_err(engine)?;
        let mut rules = BTreeMap::new();
        let mut parsed = Vec::new();
        for (source, place) in bundle.policies() {
            let at = |fault| CompileError::Policy { place, fault };
            let (id, rule, policy) = read(source, place).map_err(at)?;
            if rules.contains_key(&id) {
                return Err(at(PolicyFault::DuplicateId { id }));
            }
            parsed.push((policy, matches!(rule.effect, Effect::Escalate(_))));
            rules.insert(id, rule);
        }
        check_sizes(&rules)?;
        let warnings = validate(schema, &parsed)?;
        let mut slices = BTreeMap::new();
        for kind in ActionType::ALL {
            let inside = parsed
                .iter()
                .filter(|(policy, _)| !sliced || could_match(policy, kind, &vocabulary));
            slices.insert(kind, Slice::cut(inside)?);
        }
        Ok(Self {
            digest: bundle.digest(),
            rules,
            warnings,
            slices,
            vocabulary,
        })
    }

    /// The digest of the bundle this was compiled from.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Every policy by its id.
    #[must_use]
    pub const fn rules(&self) -> &BTreeMap<String, Rule> {
        &self.rules
    }

    /// What Cedar's validator warns of (a policy that can never hold, …), sorted. For people.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The grants that could speak about a type of action, by id.
    pub(super) fn grants(&self, kind: ActionType) -> impl Iterator<Item = (&str, &Rule)> {
        let authority = self.slice(kind).map(|slice| &slice.authority);
        let ids: BTreeSet<String> = authority
            .into_iter()
            .flat_map(PolicySet::policies)
            .map(|policy| policy.id().to_string())
            .collect();
        self.rules
            .iter()
            .filter(move |(id, rule)| rule.effect == Effect::Grant && ids.contains(*id))
            .map(|(id, rule)| (id.as_str(), rule))
    }

    pub(super) fn slice(&self, kind: ActionType) -> Option<&Slice> {
        self.slices.get(&kind)
    }
}

impl Rule {
    /// What the policy says, in the tenant's words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it does.
    #[must_use]
    pub const fn effect(&self) -> &Effect {
        &self.effect
    }

    /// Its source text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The line of the policy text it begins on, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
}

impl Slice {
    fn cut<'a>(policies: impl Iterator<Item = &'a (Policy, bool)>) -> Result<Self, CompileError> {
        let mut authority = PolicySet::new();
        let mut oversight = PolicySet::new();
        let all_else = Policy::parse(
            Some(PolicyId::new(ALL_ELSE)),
            "permit(principal, action, resource);",
        );
        oversight.add(all_else.map_err(engine)?).map_err(engine)?;
        for (policy, escalates) in policies {
            let set = if *escalates {
                &mut oversight
            } else {
                &mut authority
            };
            set.add(policy.clone()).map_err(engine)?;
        }
        Ok(Self {
            authority,
            oversight,
        })
    }
}

fn engine(error: impl core::fmt::Display) -> CompileError {
    CompileError::Engine(error.to_string())
}

/// Parses one policy and reads its annotations.
fn read(source: &str, place: Place) -> Result<(String, Rule, Policy), PolicyFault> {
    let syntax = |error: &dyn core::fmt::Display| PolicyFault::Syntax(error.to_string());
    let policy = Policy::parse(None, source).map_err(|error| syntax(&error))?;
    let form = policy.to_json().map_err(|error| syntax(&error))?;
    if !is_small(&form) {
        return Err(PolicyFault::TooLarge);
    }
    if let Some(found) = stranger(&form) {
        return Err(PolicyFault::Extension { found });
    }
    let is_permit = policy.effect() == cedar_policy::Effect::Permit;
    let annotations = annotation::read(policy.annotations(), is_permit)?;
    if annotations.escalation.is_some() && has_two_causes(&form) {
        return Err(PolicyFault::TwoCauses);
    }
    let effect = match annotations.escalation {
        Some(escalation) => Effect::Escalate(escalation),
        None if is_permit => Effect::Grant,
        None => Effect::Stop,
    };
    let policy = policy.new_id(PolicyId::new(&annotations.id));
    let rule = Rule {
        title: annotations.title,
        effect,
        source: source.to_string(),
        line: place.line,
    };
    Ok((annotations.id, rule, policy))
}

/// Whether a policy's JSON form keeps [`FORM_DEPTH_MAX`] and [`FORM_VALUES_MAX`]. Does not recurse. PO-2
pub(super) fn is_small(form: &serde_json::Value) -> bool {
    let mut open = alloc::vec![(form, 1_usize)];
    let mut values = 0_usize;
    while let Some((value, depth)) = open.pop() {
        values += 1;
        if depth > FORM_DEPTH_MAX || values > FORM_VALUES_MAX {
            return false;
        }
        match value {
            serde_json::Value::Array(items) => {
                open.extend(items.iter().map(|item| (item, depth + 1)));
            }
            serde_json::Value::Object(members) => {
                open.extend(members.values().map(|item| (item, depth + 1)));
            }
            _ => {}
        }
    }
    true
}

/// The first operator of the conditions that is not of the closed list: extension functions differ with the
/// build of the engine, so no verdict may rest on them. Does not recurse. PO-14
fn stranger(form: &serde_json::Value) -> Option<String> {
    let conditions = form.get("conditions").and_then(serde_json::Value::as_array);
    let mut open: Vec<&serde_json::Value> = conditions
        .into_iter()
        .flatten()
        .filter_map(|condition| condition.get("body"))
        .collect();
    while let Some(expression) = open.pop() {
        let Some(members) = expression.as_object() else {
            return Some(String::from("(not an expression)"));
        };
        for (operator, operands) in members {
            let parts: &[&str] = match operator.as_str() {
                "Value" | "Var" => &[],
                "!" | "neg" | "isEmpty" => &["arg"],
                "." | "has" | "like" => &["left"],
                "is" => &["left", "in"],
                "if-then-else" => &["if", "then", "else"],
                "==" | "!=" | "in" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "+" | "-" | "*"
                | "contains" | "containsAll" | "containsAny" => &["left", "right"],
                "Set" => {
                    open.extend(operands.as_array().into_iter().flatten());
                    &[]
                }
                "Record" => {
                    open.extend(
                        operands
                            .as_object()
                            .into_iter()
                            .flat_map(|map| map.values()),
                    );
                    &[]
                }
                _ => return Some(operator.clone()),
            };
            open.extend(parts.iter().filter_map(|part| operands.get(part)));
        }
    }
    None
}

/// Whether a condition is an "or" at the top: `||` in `when`, and `&&` in `unless`, which is its negation.
/// PO-8
fn has_two_causes(form: &serde_json::Value) -> bool {
    let conditions = form.get("conditions").and_then(serde_json::Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        let or = match condition.get("kind").and_then(serde_json::Value::as_str) {
            Some("unless") => "&&",
            _ => "||",
        };
        condition
            .get("body")
            .is_some_and(|body| body.get(or).is_some())
    })
}

/// What no single policy can keep: limits over all of them.
fn check_sizes(rules: &BTreeMap<String, Rule>) -> Result<(), CompileError> {
    let found = rules.keys().map(String::len).sum();
    if found > POLICY_IDS_BYTES_MAX {
        return Err(CompileError::IdsTooLong { found });
    }
    let mut groups: BTreeSet<&str> = rules
        .values()
        .filter_map(|rule| match &rule.effect {
            Effect::Escalate(escalation) => Some(escalation.demand.keys()),
            _ => None,
        })
        .flatten()
        .map(Id::as_str)
        .collect();
    groups.insert(APPROVERS);
    if groups.len() > GROUPS_MAX {
        return Err(CompileError::TooManyGroups {
            found: groups.len(),
        });
    }
    Ok(())
}

/// Cedar's strict validation of all policies; answers its warnings. PO-10
fn validate(schema: Schema, parsed: &[(Policy, bool)]) -> Result<Vec<String>, CompileError> {
    let policies = parsed.iter().map(|(policy, _)| policy.clone());
    let set = PolicySet::from_policies(policies).map_err(engine)?;
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    if !result.validation_passed() {
        let faults: BTreeSet<String> = result
            .validation_errors()
            .map(|error| format!("{error}"))
            .collect();
        return Err(CompileError::Invalid {
            faults: faults.into_iter().collect(),
        });
    }
    let warnings: BTreeSet<String> = result
        .validation_warnings()
        .map(|warning| format!("{warning}"))
        .collect();
    Ok(warnings.into_iter().collect())
}

/// PO-25: whether the scope leaves room for this type. Whatever is not plainly another type does (decision 41):
/// no constraint, a category, an action nobody knows.
fn could_match(policy: &Policy, kind: ActionType, vocabulary: &Vocabulary) -> bool {
    let is_other = |action| vocabulary.kind(action).is_some_and(|found| found != kind);
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::In(actions) => !actions.iter().all(is_other),
        ActionConstraint::Eq(action) => !is_other(&action),
    }
}
