//! Step two: policy decides. Compiled on activation and at start, never for a request.

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{Arc, PoisonError, RwLock},
};

use agentsigna_verifier::{
    digest::Digest,
    rules::{BigStack, Bundle, CompiledBundle, Decided, decide as evaluate},
    snapshot::Snapshot,
    state::{Row, RowName},
};

use super::{Kind, Refusal};
use crate::ledger::Tenant;

/// Bundles kept for one tenant: the active one, and the one whose activation is on its way.
const KEPT: usize = 2;

/// The compiled bundles of each tenant, by origin, newest last.
#[derive(Default)]
pub(super) struct Policies {
    ready: RwLock<HashMap<String, Vec<Arc<CompiledBundle>>>>,
}

impl Policies {
    /// Compiles the bundle that is active in `tenant`, for the start of the server.
    pub(super) fn load(&self, stack: &BigStack, tenant: &Tenant) -> Result<(), Refusal> {
        let row = tenant
            .durable_row(&RowName::Policy)
            .map_err(|error| Refusal::broken(&error))?;
        let Some(Row::Policy(policy)) = row else {
            return Ok(());
        };
        let compiled = compile_published(stack, tenant, &policy.bundle)?;
        self.keep(tenant, compiled);
        Ok(())
    }

    /// From now on `compiled` is at hand for `tenant`.
    pub(super) fn keep(&self, tenant: &Tenant, compiled: Arc<CompiledBundle>) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        let kept = ready.entry(tenant.origin().to_owned()).or_default();
        kept.retain(|other| other.digest() != compiled.digest());
        kept.push(compiled);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// Decides on `snapshot`, with the bundle it names.
    pub(super) fn decide(
        &self,
        stack: &BigStack,
        tenant: &Tenant,
        snapshot: &Snapshot,
    ) -> Result<Decided, Refusal> {
        let compiled = self.of(stack, tenant, snapshot)?;
        Ok(evaluate(stack, compiled.as_deref(), snapshot))
    }

    /// The bundle that `snapshot` names, compiled; `None` if it names none.
    pub(super) fn of(
        &self,
        stack: &BigStack,
        tenant: &Tenant,
        snapshot: &Snapshot,
    ) -> Result<Option<Arc<CompiledBundle>>, Refusal> {
        let Some(wanted) = snapshot.bundle() else {
            return Ok(None);
        };
        if let Some(compiled) = self.find(tenant, wanted) {
            return Ok(Some(compiled));
        }
        // Not reached while activations come through this server: what is active was kept before it was active.
        let compiled = compile_published(stack, tenant, &wanted)?;
        self.keep(tenant, Arc::clone(&compiled));
        Ok(Some(compiled))
    }

    /// A bundle that is at hand.
    pub(super) fn find(&self, tenant: &Tenant, wanted: Digest) -> Option<Arc<CompiledBundle>> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        let kept = ready.get(tenant.origin())?;
        kept.iter()
            .find(|compiled| compiled.digest() == wanted)
            .cloned()
    }
}

/// Compiles policy text.
///
/// # Errors
/// `policy-refused`, with the place and the code of `spec/policy.md` in the detail.
pub(super) fn compile(
    stack: &BigStack,
    text: &str,
) -> Result<(Bundle, Arc<CompiledBundle>), Refusal> {
    let refused = |code: &str, error: &dyn Display| {
        Refusal::new(Kind::Invalid, "policy-refused", format!("{error} ({code})"))
    };
    let bundle = Bundle::new(text).map_err(|error| refused(error.fault.code(), &error))?;
    let compiled =
        CompiledBundle::compile(stack, &bundle).map_err(|error| refused(error.code(), &error))?;
    Ok((bundle, Arc::new(compiled)))
}

/// Compiles a bundle that was published before.
///
/// # Errors
/// `unpublished-bundle`; what is on disk and does not compile is our own fault.
pub(super) fn compile_published(
    stack: &BigStack,
    tenant: &Tenant,
    digest: &Digest,
) -> Result<Arc<CompiledBundle>, Refusal> {
    let blob = tenant
        .blob(digest)
        .map_err(|error| Refusal::broken(&error))?;
    let Some(blob) = blob else {
        return Err(Refusal::invalid(
            "unpublished-bundle",
            "/bundle",
            format!("bundle {digest} was not published: publish it first"),
        ));
    };
    let bundle = Bundle::decode(&blob).map_err(|error| Refusal::broken(&error))?;
    let compiled =
        CompiledBundle::compile(stack, &bundle).map_err(|error| Refusal::broken(&error))?;
    Ok(Arc::new(compiled))
}
