//! Who there is, as people of the tenant look at it: agents, target systems, counterparties, people, delegations; and
//! what the person who looks may sign. Nothing here changes anything.
//!
//! Whether a form is offered is asked of the verifier's own rule ([`may_sign`]), which is asked again when the act is
//! applied (TA-20).

use agentsigna_verifier::{
    action::{Currency, Exponent},
    event::{Body, Founder, Signed},
    id::Id,
    key::JwkThumbprint,
    state::{
        AgentRow, CounterpartyRow, Deed, DelegationRow, Ground, PersonRow, Row, RowName, Signer,
        StateError, SystemRow, may_sign,
    },
    time::UnixMillis,
};

use super::{Logged, Office, Refusal, Visitor, row, view::logged};
use crate::ledger::{Reading, RowKind};

/// How long a page says what its person's last act came to, in milliseconds (TA-22).
const DONE_MS: u64 = 10 * 60 * 1000;

/// One delegation, as people look at it.
#[derive(Debug, Clone)]
pub struct DelegationSeen {
    /// Who gave it.
    pub from: Id,
    /// Who judges.
    pub to: Id,
    /// What stands in its row.
    pub row: DelegationRow,
}

impl Visitor {
    /// The one currency of the log, and the digits of its minor unit.
    #[must_use]
    pub fn currency(&self) -> (Currency, Exponent) {
        let genesis = self.tenant.genesis();
        (genesis.currency, genesis.exponent)
    }
}

impl Office {
    /// The time of the ledger.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.inner.ledger.clock().now()
    }

    /// When the entry at `index` was decided.
    ///
    /// # Errors
    /// `not-found` beyond the log's end.
    pub fn decided_at(&self, visitor: &Visitor, index: u64) -> Result<UnixMillis, Refusal> {
        Ok(self.logged(visitor, index)?.event.decided_at)
    }

    /// Whether `visitor` may sign `deed` now, alone or as one of two, by the rule that judges it when it is signed.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn may(&self, visitor: &Visitor, deed: &Deed<'_>) -> Result<bool, Refusal> {
        if !visitor.may_sign() {
            return Ok(false);
        }
        let mut reading = Reading::of(&visitor.tenant);
        match may_sign(&mut reading, deed, Signer::Person(&visitor.user)) {
            Ok(_) => Ok(true),
            Err(StateError::Broken { .. }) => Ok(false),
            Err(StateError::Rows(error)) => Err(Refusal::broken(&error)),
        }
    }

    /// Whether `visitor` may revoke `passkey` of `user`, whose row is `of`: not the one without which nobody rules
    /// any more (PE-10).
    ///
    /// # Errors
    /// What is our own fault.
    pub fn may_revoke(
        &self,
        visitor: &Visitor,
        user: &Id,
        of: &PersonRow,
        passkey: &JwkThumbprint,
    ) -> Result<bool, Refusal> {
        let mut without = of.clone();
        without.passkeys.retain(|kept| kept.thumbprint != *passkey);
        let needs_one = matches!(visitor.tenant.genesis().founder, Founder::Passkey(_));
        if needs_one && of.is_active_administrator() && !without.is_active_administrator() {
            let mut reading = Reading::of(&visitor.tenant);
            if let Some(Row::Administrators(rule)) = row(&mut reading, &RowName::Administrators)?
                && rule.ids.iter().all(|id| id == user)
            {
                return Ok(false);
            }
        }
        self.may(visitor, &Deed::RevokePasskey { user })
    }

    /// Every agent, by id.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn agents(&self, visitor: &Visitor) -> Result<Vec<(Id, AgentRow)>, Refusal> {
        self.named_rows(
            visitor,
            RowKind::Agents,
            |row| match row {
                Row::Agent(row) => begun(&row.entries).map(|at| (row, at)),
                _ => None,
            },
            |body| match body {
                Body::AgentInvited(body) => Some(body.agent.clone()),
                _ => None,
            },
        )
    }

    /// Every target system, by id.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn systems(&self, visitor: &Visitor) -> Result<Vec<(Id, SystemRow)>, Refusal> {
        self.named_rows(
            visitor,
            RowKind::Systems,
            |row| match row {
                Row::System(row) => begun(&row.entries).map(|at| (row, at)),
                _ => None,
            },
            |body| match body {
                Body::SystemInvited(body) => Some(body.system.clone()),
                _ => None,
            },
        )
    }

    /// Every counterparty, by id.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn counterparties(&self, visitor: &Visitor) -> Result<Vec<(Id, CounterpartyRow)>, Refusal> {
        self.named_rows(
            visitor,
            RowKind::Counterparties,
            |row| match row {
                Row::Counterparty(row) => begun(&row.entries).map(|at| (row, at)),
                _ => None,
            },
            |body| match body {
                Body::CounterpartyEnrolled(body) => Some(body.counterparty.clone()),
                _ => None,
            },
        )
    }

    /// Every person, by id.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn people(&self, visitor: &Visitor) -> Result<Vec<(Id, PersonRow)>, Refusal> {
        self.named_rows(
            visitor,
            RowKind::People,
            |row| match row {
                // The last and not the first, which may be the proposal of the first.
                Row::Person(row) => row.entries.last().copied().map(|at| (row, at)),
                _ => None,
            },
            |body| match body {
                Body::LogCreated(genesis) => match &genesis.founder {
                    Founder::Passkey(founder) => Some(founder.user().clone()),
                    Founder::File(_) => None,
                },
                Body::UserInvited(body) => Some(body.user.clone()),
                Body::UserClaimed(body) => Some(body.user.clone()),
                Body::UserEnrolled(body) => Some(body.user.clone()),
                Body::UserChanged(body) => Some(body.user.clone()),
                Body::UserRevoked(body) => Some(body.user.clone()),
                _ => None,
            },
        )
    }

    /// Every delegation that is the last between its two, newest first.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn delegations(&self, visitor: &Visitor) -> Result<Vec<DelegationSeen>, Refusal> {
        let rows = visitor.tenant.rows(RowKind::Delegations);
        let rows = rows.map_err(|error| Refusal::broken(&error))?;
        let mut seen = Vec::with_capacity(rows.len());
        for row in rows {
            let Row::Delegation(row) = row else {
                return Err(Refusal::broken(&"a delegation row that is none"));
            };
            let Body::DelegationGiven(given) = logged(&visitor.tenant, row.index)?.body else {
                return Err(Refusal::broken(&"a delegation row names another entry"));
            };
            seen.push(DelegationSeen {
                from: given.from,
                to: given.to,
                row,
            });
        }
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.row.index));
        Ok(seen)
    }

    /// One agent.
    ///
    /// # Errors
    /// `not-found`.
    pub fn agent(&self, visitor: &Visitor, id: &str) -> Result<(Id, AgentRow), Refusal> {
        match self.one(visitor, id, RowName::Agent)? {
            (id, Row::Agent(row)) => Ok((id, row)),
            _ => Err(Refusal::not_found()),
        }
    }

    /// One target system.
    ///
    /// # Errors
    /// `not-found`.
    pub fn system(&self, visitor: &Visitor, id: &str) -> Result<(Id, SystemRow), Refusal> {
        match self.one(visitor, id, RowName::System)? {
            (id, Row::System(row)) => Ok((id, row)),
            _ => Err(Refusal::not_found()),
        }
    }

    /// One counterparty.
    ///
    /// # Errors
    /// `not-found`.
    pub fn counterparty(
        &self,
        visitor: &Visitor,
        id: &str,
    ) -> Result<(Id, CounterpartyRow), Refusal> {
        match self.one(visitor, id, RowName::Counterparty)? {
            (id, Row::Counterparty(row)) => Ok((id, row)),
            _ => Err(Refusal::not_found()),
        }
    }

    /// One person.
    ///
    /// # Errors
    /// `not-found`.
    pub fn person(&self, visitor: &Visitor, id: &str) -> Result<(Id, PersonRow), Refusal> {
        match self.one(visitor, id, RowName::Person)? {
            (id, Row::Person(row)) => Ok((id, row)),
            _ => Err(Refusal::not_found()),
        }
    }

    /// The entry at `index`, if `visitor` signed it with a passkey a moment ago (TA-22).
    ///
    /// # Errors
    /// What is our own fault.
    pub fn just_signed(&self, visitor: &Visitor, index: u64) -> Result<Option<Logged>, Refusal> {
        if index >= visitor.tenant.head().tree().size().entries() {
            return Ok(None);
        }
        let mut logged = self.logged(visitor, index)?;
        // SD-8: the standings that an outcome moved stand behind it, of two at most.
        for _ in 0..2 {
            if let Body::StandingChanged(_) = logged.event.body {
                logged = self.logged(visitor, logged.index.saturating_sub(1))?;
            }
        }
        let own = matches!(
            logged.event.body.signed(),
            Some(Signed::Passkey { context, .. }) if context.user == visitor.user
        );
        let fresh = self.now() <= logged.event.decided_at.plus(DONE_MS);
        Ok((own && fresh).then_some(logged))
    }

    fn one(
        &self,
        visitor: &Visitor,
        id: &str,
        name: impl Fn(Id) -> RowName,
    ) -> Result<(Id, Row), Refusal> {
        let id = Id::parse(id).map_err(|_| Refusal::not_found())?;
        let row = visitor.tenant.durable_row(&name(id.clone()));
        let row = row.map_err(|error| Refusal::broken(&error))?;
        Ok((id, row.ok_or_else(Refusal::not_found)?))
    }
}

/// The entry that says whose row it is.
fn begun(entries: &[Ground]) -> Option<u64> {
    entries.first().map(|entry| entry.index)
}
