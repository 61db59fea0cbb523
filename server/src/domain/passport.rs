//! Step four: a permit becomes a Passport.

use agentsigna_verifier::{
    event::Body,
    key::PublicKey,
    limits,
    passport::{Grounds, Unsealed},
    rules::Permit,
    snapshot::Snapshot,
};

use super::{Chain, Kind, Refusal, random};
use crate::ledger::Tenant;

/// Seals a Passport for the case that `chain` has just decided, and appends it.
pub(super) fn issue(
    chain: &mut Chain,
    tenant: &Tenant,
    permit: Permit,
    snapshot: &Snapshot,
    key: PublicKey,
) -> Result<(), Refusal> {
    let grounds = Grounds {
        issuer: tenant.genesis().platform.clone(),
        issued_s: snapshot.decided_at().seconds(),
        life_s: limits::PASSPORT_LIFE_S,
        cti: random()?,
        key,
        case: chain.case,
        chain: chain.digests.clone(),
    };
    let unsealed = Unsealed::new(permit, snapshot, grounds, &tenant.genesis().seal_key)
        .ok_or_else(|| Refusal::broken(&"a permit for other inputs"))?;
    let passport = tenant.seal(unsealed);
    // PA-7: what could not be delivered is not issued.
    if passport.len() > limits::PASSPORT_SEALED_BYTES_MAX {
        return Err(Refusal::new(
            Kind::Invalid,
            "passport-too-long",
            "the rules that grant this are too many for a Passport: shorten their ids or merge them",
        ));
    }
    chain.push(Body::PassportIssued(passport))?;
    Ok(())
}
