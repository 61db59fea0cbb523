//! Passports as people look at them.

use agentsigna_verifier::{
    action::Exponent,
    entry::CaseId,
    event::Body,
    id::Id,
    passport::{Claims, Passport},
    time::UnixMillis,
};

use super::{
    Logged, Office, Part, Refusal, Visitor,
    view::{case, durable_case, logged},
};

/// A Passport in the log.
#[derive(Debug, Clone)]
pub struct PassportSeen {
    /// The entry that holds it.
    pub index: u64,
    /// What it says.
    pub claims: Claims,
    /// Digits of the log's minor unit.
    pub exponent: Exponent,
    /// When it was looked at.
    pub now: UnixMillis,
}

/// Somebody whose approval is in a Passport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Who.
    pub person: Id,
    /// For whom.
    pub delegator: Option<Id>,
    /// Why; empty if they gave no reason.
    pub reason: String,
    /// When the log took it.
    pub at: UnixMillis,
}

impl PassportSeen {
    /// When it ends.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        moment(self.claims.expires_s)
    }

    /// When it was issued.
    #[must_use]
    pub fn issued_at(&self) -> UnixMillis {
        moment(self.claims.issued_s)
    }

    /// Whether it was good when it was looked at.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let (from, until) = (moment(self.claims.not_before_s), self.expires_at());
        from <= self.now && self.now < until
    }
}

/// Passports count in seconds.
fn moment(seconds: u64) -> UnixMillis {
    UnixMillis::new(seconds.saturating_mul(1000)).unwrap_or(UnixMillis::MAX)
}

impl Office {
    /// Passports below entry `before`, newest first, as [`Self::entries`] does.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn passports(
        &self,
        visitor: &Visitor,
        before: Option<u64>,
        max: usize,
    ) -> Result<Part<PassportSeen>, Refusal> {
        self.entries(visitor, before, max, |logged| self.seen(visitor, &logged))
    }

    /// The Passport of `case`, and who approved it, in the order in which they did.
    ///
    /// # Errors
    /// `not-found` for a case that has none, or is none.
    pub fn passport_seen(
        &self,
        visitor: &Visitor,
        case: CaseId,
    ) -> Result<(PassportSeen, Vec<Agreed>), Refusal> {
        let row = durable_case(&visitor.tenant, case)?;
        let (mut found, mut judged) = (None, Vec::new());
        for event in &row.events {
            let index = event.index;
            let event = logged(&visitor.tenant, index)?;
            if let Body::ApprovalGiven(body) = &event.body {
                judged.push((body.context.approver.clone(), body.round, event.decided_at));
            }
            found = self.seen(visitor, &Logged { index, event })?.or(found);
        }
        let found = found.ok_or_else(Refusal::not_found)?;
        let mut agreed = Vec::new();
        if let Some(approvals) = found.claims.path.approvals() {
            let round = u64::from(approvals.round.get());
            for person in &approvals.people {
                let given = judged
                    .iter()
                    .find(|(who, when, _)| *who == person.approver && *when == round);
                let (_, _, at) = given.ok_or_else(|| {
                    Refusal::broken(&"a Passport names an approval that its case has not")
                })?;
                let reason = person.reason.as_ref();
                agreed.push(Agreed {
                    person: person.approver.clone(),
                    delegator: person.delegator.clone(),
                    reason: reason.map_or_else(String::new, |reason| reason.as_str().to_owned()),
                    at: *at,
                });
            }
        }
        Ok((found, agreed))
    }

    /// The Passport of `case` as its agent gets it, under the newest head.
    ///
    /// # Errors
    /// `not-found` for a case that has none, or is none.
    pub fn passport_file(&self, visitor: &Visitor, name: CaseId) -> Result<Vec<u8>, Refusal> {
        case(&visitor.tenant, name)?
            .1
            .ok_or_else(Refusal::not_found)
    }

    fn seen(&self, visitor: &Visitor, logged: &Logged) -> Result<Option<PassportSeen>, Refusal> {
        let Body::PassportIssued(bytes) = &logged.event.body else {
            return Ok(None);
        };
        let passport = Passport::parse(bytes).map_err(|error| Refusal::broken(&error))?;
        Ok(Some(PassportSeen {
            index: logged.index,
            claims: passport.claims().clone(),
            exponent: visitor.tenant.genesis().exponent,
            now: self.inner.ledger.clock().now(),
        }))
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a Passport is shown as valid from its first second until its last, and not in the one it ends with.

    use super::*;

    const EXAMPLE: &[u8] = include_bytes!("../../../spec/examples/po-1001.passport");

    #[test]
    fn a_passport_is_valid_until_it_ends() {
        let claims = Passport::parse(EXAMPLE).unwrap().claims().clone();
        let (begin, end) = (claims.not_before_s * 1000, claims.expires_s * 1000);
        let is_valid = |now| {
            let seen = PassportSeen {
                index: 16,
                claims: claims.clone(),
                exponent: Exponent::new(2).unwrap(),
                now: UnixMillis::new(now).unwrap(),
            };
            assert_eq!(seen.expires_at().millis(), end);
            seen.is_valid()
        };
        assert!(is_valid(begin) && is_valid(end - 1));
        assert!(!is_valid(begin - 1) && !is_valid(end));
    }
}
