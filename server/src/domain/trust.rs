//! Step seven, as people look at it: what evidence says of an agent or a counterparty today. Nothing here changes
//! anything, and nothing is computed here: the arithmetic is the verifier's ([`agentsigna_verifier::standing`]).

use agentsigna_verifier::{
    standing::{Rated, Standing},
    state,
    time::UnixMillis,
};

use super::{Office, Refusal, Visitor, signing::not_allowed};
use crate::ledger::Reading;

impl Office {
    /// The standing of `rated`, decayed to today, and the time that is today. Nothing is known of somebody new.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn standing(
        &self,
        visitor: &Visitor,
        rated: &Rated,
    ) -> Result<(Standing, UnixMillis), Refusal> {
        let now = self.inner.ledger.clock().now();
        let mut reading = Reading::of(&visitor.tenant);
        let standing = state::standing(&mut reading, rated).map_err(not_allowed)?;
        Ok((standing.on(now), now))
    }
}
