//! The case file: one case and everything it stands on, for a stranger.

use std::collections::BTreeSet;

use agentsigna_verifier::{
    case_file::{CaseFile, ProvenEntry},
    entry::{CaseId, EntryHead, Event},
    passport::{Delivery, Passport},
};

use super::{
    Refusal,
    view::{durable_case, sealed},
};
use crate::ledger::{Head, Tenant};

/// Puts the file of `case` together, all of it under one head.
pub(super) fn assemble(tenant: &Tenant, case: CaseId) -> Result<Vec<u8>, Refusal> {
    let row = durable_case(tenant, case)?;
    let head = tenant.head();
    // Genesis, what the case rests on, and the case itself, in the order of the log.
    let mut indices = vec![0];
    indices.extend(&row.grounds);
    indices.extend(row.events.iter().map(|event| event.index));
    indices.sort_unstable();
    indices.dedup();
    let entries = indices
        .into_iter()
        .map(|index| prove(tenant, &head, index))
        .collect::<Result<Vec<_>, _>>()?;
    let mut named = BTreeSet::new();
    for entry in &entries {
        let event = Event::decode(&entry.entry().event).map_err(|error| Refusal::broken(&error))?;
        named.extend(event.body.blob());
    }
    let blobs = named.iter().map(|digest| {
        let blob = tenant
            .blob(digest)
            .map_err(|error| Refusal::broken(&error))?;
        blob.ok_or_else(|| Refusal::broken(&"a bundle or sheet of a case is not on disk"))
    });
    let blobs = blobs.collect::<Result<Vec<_>, _>>()?;
    let passport = sealed(tenant, &row)?
        .map(|(place, bytes)| deliver(tenant, &head, place, &bytes))
        .transpose()?;
    let file = CaseFile::new(case, head.signed(), entries, blobs, passport)
        .map_err(|error| Refusal::broken(&error))?;
    Ok(file.encode())
}

fn prove(tenant: &Tenant, head: &Head, index: u64) -> Result<ProvenEntry, Refusal> {
    let bytes = tenant
        .entry_bytes(index)
        .map_err(|error| Refusal::broken(&error))?;
    let path = tenant
        .inclusion(index, head)
        .map_err(|error| Refusal::broken(&error))?;
    ProvenEntry::new(bytes, path.hashes().to_vec()).map_err(|error| Refusal::broken(&error))
}

/// The Passport `registered` at `place` with its proof to `head`.
fn deliver(
    tenant: &Tenant,
    head: &Head,
    place: EntryHead,
    registered: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let passport = Passport::parse(registered).map_err(|error| Refusal::broken(&error))?;
    let proof = tenant
        .proof(place.index, head)
        .map_err(|error| Refusal::broken(&error))?;
    Ok(passport.delivered(&Delivery { head: place, proof }))
}
