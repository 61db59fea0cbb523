//! The decision itself (`spec/policy.md` §1): the same function for the server that acts and the auditor who
//! replays.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};

use cedar_policy::{AuthorizationError, Authorizer, Response};

use super::{
    bundle::ENGINE,
    compile::{CompiledBundle, Effect, Rule},
    schema::Inexpressible,
    stack::BigStack,
};
use crate::{
    decision::{APPROVERS, BuiltinRule, Decision, REVIEW_MS, Verdict, oversight, refusals},
    digest::Digest,
    id::Id,
    passport::Path,
    snapshot::Snapshot,
    state::Agreed,
};

/// A decision that was made here and now, not read from somewhere. Not `Clone`: it gives one permit.
#[derive(Debug)]
pub struct Decided {
    decision: Decision,
    permit: Option<Permit>,
    /// Of an escalated decision: good once people agreed to it.
    held: Option<Permit>,
}

/// Proof that policy authorized one action, or that it asked people and they agreed: without it no Passport is made.
///
/// INVARIANT (permit): comes only from [`decide`] with the verdict Authorized (PO-27), or Escalated with people who
/// agreed to the same ([`Decided::agreed`]). A forger who could make one
/// could have any action sealed, so there is no constructor, no decoder and no copy.
///
/// ```
/// use agentsigna_verifier::{decision::Decision, rules::{Decided, Permit}};
///
/// fn permitted(decided: Decided) -> Option<Permit> {
///     let (_, permit): (Decision, _) = decided.into_parts();
///     permit
/// }
///
/// fn used(permit: Permit) -> usize {
///     permit.rules().len()
/// }
/// ```
///
/// Nobody else makes one:
///
/// ```compile_fail,E0451
/// use agentsigna_verifier::{digest::Digest, passport::Path, rules::Permit};
///
/// fn forged(digest: Digest) -> Permit {
///     Permit { snapshot: digest, action: digest, bundle: digest, rules: Vec::new(), path: Path::Authorized }
/// }
/// ```
///
/// And nobody has it twice:
///
/// ```compile_fail,E0599
/// use agentsigna_verifier::rules::Permit;
///
/// fn twice(permit: Permit) -> (Permit, Permit) {
///     (permit.clone(), permit)
/// }
/// ```
///
/// ```compile_fail,E0382
/// use agentsigna_verifier::rules::Permit;
///
/// fn twice(permit: Permit) -> (Permit, Permit) {
///     (permit, permit)
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    snapshot: Digest,
    action: Digest,
    bundle: Digest,
    rules: Vec<String>,
    path: Path,
}

impl Permit {
    /// The digest of the snapshot decided on.
    #[must_use]
    pub const fn snapshot(&self) -> Digest {
        self.snapshot
    }

    /// The digest of the action authorized.
    #[must_use]
    pub const fn action(&self) -> Digest {
        self.action
    }

    /// The digest of the bundle that authorized it.
    #[must_use]
    pub const fn bundle(&self) -> Digest {
        self.bundle
    }

    /// The ids of the grants that held, or of the rules that asked the people who agreed; sorted.
    #[must_use]
    pub fn rules(&self) -> &[String] {
        &self.rules
    }

    /// How the permission came about.
    #[must_use]
    pub fn into_path(self) -> Path {
        self.path
    }
}

impl Decided {
    /// What was decided.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The decision, and the permit where it is Authorized.
    #[must_use]
    pub fn into_parts(self) -> (Decision, Option<Permit>) {
        (self.decision, self.permit)
    }

    /// The permit of an escalated decision that people agreed to; `None` if they agreed to another.
    #[must_use]
    pub fn agreed(self, agreed: Agreed) -> Option<Permit> {
        let permit = self.held?;
        (permit.snapshot == agreed.snapshot()).then(|| Permit {
            path: Path::Approved(agreed.into_approvals()),
            ..permit
        })
    }
}

/// Decides. Reads nothing but its arguments; the same arguments give the same bytes. PO-19
///
/// `bundle` is the compiled form of the bundle the snapshot names, `None` where it names none.
#[must_use]
pub fn decide(_stack: &BigStack, bundle: Option<&CompiledBundle>, snapshot: &Snapshot) -> Decided {
    // Row 1: what is refused before any policy is asked. PO-20
    let mut refused = refusals(snapshot);
    if bundle.map(CompiledBundle::digest) != snapshot.bundle() {
        refused.insert(BuiltinRule::BundleMismatch);
    }
    if !refused.is_empty() {
        return rejected(refused.into_iter().map(BuiltinRule::id));
    }
    let Some(bundle) = bundle else {
        return rejected([BuiltinRule::NoPolicy.id()]);
    };
    let Ok((authority, oversight)) = evaluate(bundle, snapshot) else {
        return rejected([BuiltinRule::EngineError.id()]);
    };
    // Row 2: a policy that fails is skipped by Cedar, so a forbid that fails would let through. PO-21
    let failed: BTreeSet<String> = authority
        .errors
        .iter()
        .chain(&oversight.errors)
        .cloned()
        .collect();
    if !failed.is_empty() {
        let failed = failed.iter().map(String::as_str);
        return rejected(failed.chain([BuiltinRule::EngineError.id()]));
    }
    // The oversight set permits all else: a denial that names nobody is no answer, and no reason to go on.
    if !oversight.allowed && oversight.reasons.is_empty() {
        return rejected([BuiltinRule::EngineError.id()]);
    }
    if !authority.allowed {
        return if authority.reasons.is_empty() {
            // Row 4: nothing granted it. A28
            rejected([BuiltinRule::NoAuthority.id()])
        } else {
            // Row 3: something stopped it.
            rejected(authority.reasons.iter().map(String::as_str))
        };
    }
    // Rows 5 and 6: oversight, of the product and of the tenant.
    if let Some(decision) = escalated(bundle, snapshot, &oversight) {
        let held = Permit {
            snapshot: snapshot.digest(),
            action: snapshot.action().digest(),
            bundle: bundle.digest(),
            rules: decision.rules().to_vec(),
            path: Path::Authorized,
        };
        return Decided {
            decision,
            permit: None,
            held: Some(held),
        };
    }
    // Row 7.
    let rules: Vec<String> = authority.reasons.into_iter().collect();
    Decided {
        decision: Decision::made(Verdict::Authorized, rules.clone(), Vec::new(), None, ENGINE),
        permit: Some(Permit {
            snapshot: snapshot.digest(),
            action: snapshot.action().digest(),
            bundle: bundle.digest(),
            rules,
            path: Path::Authorized,
        }),
        held: None,
    }
}

/// What one set of policies answered, in an order that does not change from run to run (Cedar's does).
struct Answer {
    allowed: bool,
    reasons: BTreeSet<String>,
    errors: BTreeSet<String>,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let diagnostics = response.diagnostics();
        Self {
            allowed: response.decision() == cedar_policy::Decision::Allow,
            reasons: diagnostics.reason().map(ToString::to_string).collect(),
            errors: diagnostics
                .errors()
                .map(|AuthorizationError::PolicyEvaluationError(error)| {
                    error.policy_id().to_string()
                })
                .collect(),
        }
    }
}

/// Asks both sets.
fn evaluate(
    bundle: &CompiledBundle,
    snapshot: &Snapshot,
) -> Result<(Answer, Answer), Inexpressible> {
    let (request, entities) = bundle.vocabulary.express(snapshot, None)?;
    let slice = bundle
        .slice(snapshot.action().kind())
        .ok_or_else(|| Inexpressible::from("no slice for the type"))?;
    let authorizer = Authorizer::new();
    let ask = |set| Answer::from(authorizer.is_authorized(&request, set, &entities));
    Ok((ask(&slice.authority), ask(&slice.oversight)))
}

fn rejected<'a>(rules: impl IntoIterator<Item = &'a str>) -> Decided {
    Decided {
        decision: Decision::made(
            Verdict::Rejected,
            crate::decision::rule_ids(rules),
            Vec::new(),
            None,
            ENGINE,
        ),
        permit: None,
        held: None,
    }
}

/// The escalation, if any oversight rule holds: their ids, whom they ask, and the shortest time. A built-in
/// rule asks one person of `approvers` within 24 h.
fn escalated(bundle: &CompiledBundle, snapshot: &Snapshot, answer: &Answer) -> Option<Decision> {
    let mut rules: BTreeSet<&str> = BTreeSet::new();
    let mut demand: BTreeMap<Id, u8> = BTreeMap::new();
    let mut review_ms = u64::MAX;
    let mut ask = |group: Id, people: u8| {
        let asked = demand.entry(group).or_insert(0);
        *asked = people.max(*asked);
    };
    for builtin in oversight(snapshot) {
        rules.insert(builtin.id());
        if let Ok(group) = Id::parse(APPROVERS) {
            ask(group, 1);
        }
        review_ms = REVIEW_MS;
    }
    if !answer.allowed {
        for id in &answer.reasons {
            rules.insert(id);
            if let Some(Effect::Escalate(escalation)) = bundle.rules().get(id).map(Rule::effect) {
                for (group, people) in escalation.demand() {
                    ask(group.clone(), *people);
                }
                review_ms = review_ms.min(escalation.review_ms());
            }
        }
    }
    if rules.is_empty() {
        return None;
    }
    Some(Decision::made(
        Verdict::Escalated,
        crate::decision::rule_ids(rules),
        demand.into_iter().collect(),
        Some(review_ms),
        ENGINE,
    ))
}
