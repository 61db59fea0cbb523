//! In which tenants a credential id stands: a sign-in names nobody, so its credential says where to look.
//!
//! Proves nothing. Whose the credential is, and whether it counts, the rows of the tenant say; two tenants may hold
//! one id, for ids are no secret and whoever rules over a log may put a foreign one into it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use agentsigna_verifier::passkey::CredentialId;

use super::Tenant;

/// Tenants by credential id.
#[derive(Default)]
pub(super) struct Credentials(Mutex<HashMap<CredentialId, Vec<Tenant>>>);

impl Credentials {
    /// From here on `credential` is looked for in `tenant` too.
    pub(super) fn add(&self, credential: CredentialId, tenant: &Tenant) {
        let mut credentials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tenants = credentials.entry(credential).or_default();
        if !tenants.iter().any(|known| known.is(tenant)) {
            tenants.push(tenant.clone());
        }
    }

    /// The tenants in which `credential` was confirmed.
    pub(super) fn tenants(&self, credential: &CredentialId) -> Vec<Tenant> {
        let credentials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.get(credential).cloned().unwrap_or_default()
    }
}
