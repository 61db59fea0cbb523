//! What a policy would do, before it rules: for people who look at bundles and drafts (`spec/replay.md`).
//!
//! INVARIANT (apart, RP-10): all of it runs on one thread of its own, so that no request of an agent waits for a
//! comparison. Nothing follows from it: no entry, no row, no permit (RP-6).

use std::{
    collections::{BTreeMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agentsigna_verifier::{
    act::Activation as ActivationAct,
    digest::Digest,
    entry::CaseId,
    event::{Body, DecisionMade},
    id::Id,
    rules::{BigStack, Bundle, Comparison, CompiledBundle, Difference, Moved},
    state::{BundleRow, Deed, People, PolicyRow, Row, RowName, Signer, StateError, may_sign},
    time::UnixMillis,
};

use super::{
    Kind, Office, Refusal, Visitor, office::Inner, policy, reply::Reply, view::logged,
    workers::Workers,
};
use crate::ledger::{Reading, RowKind, Tenant};

/// Cases that one comparison decides again, at most (RP-9).
const CASES_MAX: usize = 500;
/// Entries looked at for them, newest first: a log of sign-ins has few cases.
const LOOKED_AT_MAX: u64 = 16_384;
/// Bundles of one list, the newest.
const LISTED_MAX: usize = 100;
/// Comparisons kept for whoever looks again, over all tenants.
const KEPT_MAX: usize = 64;

/// One published bundle in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleListed {
    /// Its digest.
    pub bundle: Digest,
    /// When it was published.
    pub published_at: UnixMillis,
    /// Who signed that; nobody, if it was the founder's key file.
    pub published_by: Vec<Id>,
    /// How many policies it has; `None` if it is written for another engine.
    pub policies: Option<usize>,
    /// Whether it decides now.
    pub active: bool,
}

/// One published bundle, and what it would do.
#[derive(Debug, Clone)]
pub struct BundleSeen {
    /// Its digest.
    pub bundle: Digest,
    /// The policy text.
    pub text: String,
    /// When it was published, and who signed that.
    pub published: (UnixMillis, Vec<Id>),
    /// When it was activated, and who signed that: if it decides now.
    pub activated: Option<(UnixMillis, Vec<Id>)>,
    /// What would change: if another decides now, or none.
    pub rehearsed: Option<Arc<Rehearsed>>,
}

/// What would change if a candidate decided from now on.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// The active bundle; `None` if there is none.
    pub active: Option<Digest>,
    /// The candidate.
    pub candidate: Digest,
    /// The policies that differ between the active bundle and the candidate.
    pub difference: Difference,
    /// What the compiler warns of.
    pub warnings: Vec<String>,
    /// How many cases were decided again.
    pub cases: usize,
    /// When the first of them was decided.
    pub since: Option<UnixMillis>,
    /// Rows: as recorded; columns: by the candidate; authorized, escalated, rejected.
    pub counts: [[u64; 3]; 3],
    /// Cases whose verdicts differ.
    pub moved: Vec<Moved>,
    /// Cases with the same verdict by other rules, or asking other people.
    pub otherwise: usize,
}

/// What a person's signature under an activation would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activation {
    /// It activates: there is no second administrator.
    Alone,
    /// It proposes: another administrator signs after it.
    Proposes,
    /// Nothing: the person proposed it, and another administrator has to sign until then.
    Waits(UnixMillis),
    /// It activates what this administrator proposed, if it is under these bytes and not later than that.
    Seconds(Id, UnixMillis, Vec<u8>),
}

/// The thread of comparisons, and the last ones.
pub(super) struct Rehearsals {
    thread: Workers,
    kept: Mutex<Vec<Kept>>,
}

/// A comparison of a tenant's log at a size. INVARIANT (one tenant): found by the origin, too.
struct Kept {
    origin: String,
    size: u64,
    rehearsed: Arc<Rehearsed>,
}

impl Rehearsals {
    pub(super) fn start() -> io::Result<Self> {
        Ok(Self {
            thread: Workers::start(1)?,
            kept: Mutex::default(),
        })
    }

    pub(super) fn close(&self) {
        self.thread.close();
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, tenant: &Tenant, size: u64, candidate: Digest) -> Option<Arc<Rehearsed>> {
        let kept = self.kept();
        let found = kept.iter().find(|kept| {
            kept.origin == tenant.origin()
                && kept.size == size
                && kept.rehearsed.candidate == candidate
        });
        found.map(|kept| Arc::clone(&kept.rehearsed))
    }

    fn keep(&self, tenant: &Tenant, size: u64, rehearsed: &Arc<Rehearsed>) {
        let mut kept = self.kept();
        kept.retain(|other| {
            other.origin != tenant.origin() || other.rehearsed.candidate != rehearsed.candidate
        });
        kept.push(Kept {
            origin: tenant.origin().to_owned(),
            size,
            rehearsed: Arc::clone(rehearsed),
        });
        let surplus = kept.len().saturating_sub(KEPT_MAX);
        kept.drain(..surplus);
    }
}

impl Office {
    /// The newest published bundles, newest first, and the text of the active one.
    ///
    /// # Errors
    /// What is our own fault, or too much at once.
    pub async fn bundles(
        &self,
        visitor: Arc<Visitor>,
    ) -> Result<(Vec<BundleListed>, Option<String>), Refusal> {
        self.rehearsing(move |_, _| list(&visitor.tenant)).await
    }

    /// A published bundle and what it would change: `not-found` for what is none.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn bundle(
        &self,
        visitor: Arc<Visitor>,
        bundle: Digest,
    ) -> Result<BundleSeen, Refusal> {
        self.rehearsing(move |inner, stack| seen(inner, stack, &visitor, bundle))
            .await
    }

    /// What the policy `text` would change, if it were published and activated. RP-9
    ///
    /// # Errors
    /// `policy-refused`, with what the compiler says in the detail; [`Refusal`].
    pub async fn rehearse(
        &self,
        visitor: Arc<Visitor>,
        text: String,
    ) -> Result<Arc<Rehearsed>, Refusal> {
        self.rehearsing(move |inner, stack| {
            let (_, candidate) = policy::compile(stack, &text)?;
            rehearse(inner, stack, &visitor, &candidate)
        })
        .await
    }

    /// What the signature of `visitor` under the activation of `bundle` would do; `None` if they may not sign it.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn activation(
        &self,
        visitor: &Visitor,
        bundle: Digest,
    ) -> Result<Option<Activation>, Refusal> {
        if !visitor.may_sign() {
            return Ok(None);
        }
        let signer = Signer::Person(&visitor.user);
        let mut reading = Reading::of(&visitor.tenant);
        match may_sign(&mut reading, &Deed::ActivatePolicy, signer) {
            Ok(People::One) => return Ok(Some(Activation::Alone)),
            Ok(People::Two) => {}
            Err(StateError::Rows(error)) => return Err(Refusal::broken(&error)),
            Err(StateError::Broken { .. }) => return Ok(None),
        }
        let proposals = self.proposals(visitor)?;
        let of_this = proposals.into_iter().filter(|proposal| {
            proposal.path == "/v1/policies/activate"
                && ActivationAct::parse(&proposal.body).is_ok_and(|act| act.bundle == bundle)
        });
        let mut own = None;
        for proposal in of_this {
            if proposal.by != visitor.user {
                return Ok(Some(Activation::Seconds(
                    proposal.by,
                    proposal.until,
                    proposal.body,
                )));
            }
            own = own.or(Some(proposal.until));
        }
        Ok(Some(own.map_or(Activation::Proposes, Activation::Waits)))
    }

    /// Runs `work` on the thread of comparisons.
    async fn rehearsing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &BigStack) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, outcome) = Reply::new();
        let inner = Arc::clone(&self.inner);
        let taken = self.inner.rehearsals.thread.submit((), move |stack| {
            reply.give(work(&inner, stack));
        });
        if !taken {
            return Err(Refusal::unavailable(
                "queue-full",
                "too many people look at policies: try again in a second",
            ));
        }
        outcome.await.map_err(|_| Refusal::stopping())?
    }
}

fn list(tenant: &Tenant) -> Result<(Vec<BundleListed>, Option<String>), Refusal> {
    let active = active(tenant)?.map(|row| row.bundle);
    let rows = tenant
        .rows(RowKind::Bundles)
        .map_err(|error| Refusal::broken(&error))?;
    let mut rows: Vec<BundleRow> = rows
        .into_iter()
        .filter_map(|row| match row {
            Row::Bundle(row) => Some(row),
            _ => None,
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.entry.index));
    let mut listed = Vec::new();
    for row in rows.into_iter().take(LISTED_MAX) {
        let event = logged(tenant, row.entry.index)?;
        let Body::PolicyPublished(published) = event.body else {
            return Err(Refusal::broken(&"a bundle row names another entry"));
        };
        listed.push(BundleListed {
            bundle: published.bundle,
            published_at: event.decided_at,
            published_by: row.entry.by,
            policies: Bundle::decode(&blob(tenant, &published.bundle)?)
                .ok()
                .map(|bundle| bundle.policy_count()),
            active: active == Some(published.bundle),
        });
    }
    let text = match active {
        Some(bundle) => Some(read(tenant, &bundle)?.policy().to_owned()),
        None => None,
    };
    Ok((listed, text))
}

fn seen(
    inner: &Inner,
    stack: &BigStack,
    visitor: &Visitor,
    digest: Digest,
) -> Result<BundleSeen, Refusal> {
    let tenant = &visitor.tenant;
    let Some(Row::Bundle(row)) = durable(tenant, &RowName::Bundle(digest))? else {
        return Err(Refusal::not_found());
    };
    let published_at = logged(tenant, row.entry.index)?.decided_at;
    let bundle = read(tenant, &digest)?;
    let activated = active(tenant)?.filter(|row| row.bundle == digest);
    let rehearsed = if activated.is_some() {
        None
    } else {
        let candidate =
            CompiledBundle::compile(stack, &bundle).map_err(|error| Refusal::broken(&error))?;
        Some(rehearse(inner, stack, visitor, &candidate)?)
    };
    Ok(BundleSeen {
        bundle: digest,
        text: bundle.policy().to_owned(),
        published: (published_at, row.entry.by),
        activated: activated.map(|row| (row.activated_at, row.by)),
        rehearsed,
    })
}

/// RP-1, RP-5: what differs from the active bundle, and what the last cases would have come to.
fn rehearse(
    inner: &Inner,
    stack: &BigStack,
    visitor: &Visitor,
    candidate: &CompiledBundle,
) -> Result<Arc<Rehearsed>, Refusal> {
    let tenant = &visitor.tenant;
    let size = tenant.head().tree().size().entries();
    if let Some(rehearsed) = inner.rehearsals.find(tenant, size, candidate.digest()) {
        return Ok(rehearsed);
    }
    if let Some(passkey) = &visitor.passkey {
        let now = inner.ledger.clock().steady();
        inner.rates.take(tenant.origin(), passkey.thumbprint, now)?;
    }
    let active = active(tenant)?.map(|row| row.bundle);
    let difference = match active {
        Some(bundle) => {
            let ruling = policy::compile_published(stack, tenant, &bundle)?;
            Difference::between(ruling.rules(), candidate.rules())
        }
        None => Difference::between(&BTreeMap::new(), candidate.rules()),
    };
    let recorded = recorded(tenant, size)?;
    let mut comparison = Comparison::default();
    for (case, index, made) in &recorded {
        comparison.add(stack, candidate, *case, *index, made);
    }
    let since = recorded.last().map(|(.., made)| made.snapshot.decided_at());
    let rehearsed = Arc::new(Rehearsed {
        active,
        candidate: candidate.digest(),
        difference,
        warnings: candidate.warnings().to_vec(),
        cases: comparison.cases(),
        since,
        counts: comparison.counts(),
        moved: comparison.moved(),
        otherwise: comparison.otherwise(),
    });
    inner.rehearsals.keep(tenant, size, &rehearsed);
    Ok(rehearsed)
}

/// The last decisions of the cases that were decided last, newest first. RP-3
fn recorded(tenant: &Tenant, size: u64) -> Result<Vec<(CaseId, u64, DecisionMade)>, Refusal> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for index in (size.saturating_sub(LOOKED_AT_MAX)..size).rev() {
        let event = logged(tenant, index)?;
        let (Some(place), Body::DecisionMade(made)) = (event.place, event.body) else {
            continue;
        };
        // Newest first: what was met before is later, and counts.
        if seen.insert(place.case) {
            found.push((place.case, index, made));
        }
        if found.len() >= CASES_MAX {
            break;
        }
    }
    Ok(found)
}

fn active(tenant: &Tenant) -> Result<Option<PolicyRow>, Refusal> {
    Ok(match durable(tenant, &RowName::Policy)? {
        Some(Row::Policy(row)) => Some(row),
        _ => None,
    })
}

fn durable(tenant: &Tenant, name: &RowName) -> Result<Option<Row>, Refusal> {
    tenant
        .durable_row(name)
        .map_err(|error| Refusal::broken(&error))
}

fn blob(tenant: &Tenant, digest: &Digest) -> Result<Vec<u8>, Refusal> {
    let blob = tenant
        .blob(digest)
        .map_err(|error| Refusal::broken(&error))?;
    blob.ok_or_else(|| Refusal::broken(&"a bundle that was published is not on disk"))
}

/// The text of a bundle that was published.
fn read(tenant: &Tenant, digest: &Digest) -> Result<Bundle, Refusal> {
    let read = Bundle::decode(&blob(tenant, digest)?);
    // Published by a release with another engine: what it says, this one cannot judge.
    read.map_err(|error| Refusal::new(Kind::Invalid, "policy-refused", error.to_string()))
}
