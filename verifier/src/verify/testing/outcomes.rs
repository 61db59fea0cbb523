//! What becomes of a permission: the target begins and reports, people report and resolve, standings are said.
//!
//! Functions that answer a body append nothing; those named with a verb append.

use alloc::{format, string::String};

use super::{By, Person, Role, Tenant, acts::id};
use crate::{
    entry::CaseId,
    event::{
        Body, DisputeResolved, ExecutionStarted, OutcomeCounted, OutcomeRecorded, PassportLapsed,
        Signed, Speaker, StandingChanged, cti_to_hex,
    },
    outcome::{Fault, Found, Outcome},
    passkey::context::Reason,
    signed_request::Profile,
    standing::DAY_MS,
    state::Ending,
};

/// Who says what became of a permission.
#[derive(Debug)]
pub enum Says<'a> {
    /// The target system `erp`.
    Target,
    /// The founder's file key.
    Founder,
    /// A person.
    Person(&'a mut Person),
}

fn reason() -> Reason {
    Reason::parse("as delivered").unwrap()
}

fn fault_member(fault: Option<Fault>) -> String {
    fault.map_or_else(String::new, |fault| {
        format!(r#","fault":"{}""#, fault.as_str())
    })
}

impl Tenant {
    /// What the row of a case remembers of its permission.
    pub fn ending(&mut self, case: CaseId) -> Ending {
        self.case(case).ending.unwrap()
    }

    /// What `says` signs, and who they are.
    pub fn said(&mut self, says: Says<'_>, path: &str, body: &str) -> (Signed, Speaker) {
        match says {
            Says::Target => {
                let key = self.key(Role::System);
                let signed = self.sign(Profile::Action, &key, path, body);
                (signed, Speaker::System(id("erp")))
            }
            Says::Founder => (self.sign_by(By::Founder, path, body), Speaker::Founder),
            Says::Person(person) => {
                let by = Speaker::User(person.user.clone());
                (self.sign_act(person, path, body), by)
            }
        }
    }

    /// The target begins, shown the Passport of the case.
    pub fn execution_started(&mut self, case: CaseId) -> ExecutionStarted {
        let passport = self.ending(case).cti;
        let body = format!(
            r#"{{"origin":"{}","case":"{case}","passport":"{}"}}"#,
            self.origin(),
            cti_to_hex(&passport)
        );
        let (signed, _) = self.said(Says::Target, "/v1/executions", &body);
        ExecutionStarted {
            signed,
            system: id("erp"),
            passport,
        }
    }

    /// How it ended, as somebody says.
    pub fn outcome_recorded(
        &mut self,
        case: CaseId,
        says: Says<'_>,
        outcome: Outcome,
        fault: Option<Fault>,
    ) -> OutcomeRecorded {
        let reason = reason();
        let body = format!(
            r#"{{"origin":"{}","case":"{case}","outcome":"{}"{},"reason":"{}"}}"#,
            self.origin(),
            outcome.as_str(),
            fault_member(fault),
            reason.as_str()
        );
        let (signed, by) = self.said(says, "/v1/outcomes", &body);
        OutcomeRecorded {
            signed,
            by,
            outcome,
            fault,
            reason,
        }
    }

    /// What people found.
    pub fn dispute_resolved(
        &mut self,
        case: CaseId,
        says: Says<'_>,
        result: Found,
        fault: Option<Fault>,
    ) -> DisputeResolved {
        let reason = reason();
        let body = format!(
            r#"{{"origin":"{}","case":"{case}","result":"{}"{},"reason":"{}"}}"#,
            self.origin(),
            result.as_str(),
            fault_member(fault),
            reason.as_str()
        );
        let (signed, by) = self.said(says, "/v1/disputes/resolve", &body);
        DisputeResolved {
            signed,
            by,
            result,
            fault,
            reason,
        }
    }

    /// The standings that are to be said next, one after the other.
    pub fn standing_due(&mut self, case: CaseId) -> Option<StandingChanged> {
        self.ending(case).standing_due()
    }

    /// Appends an event of a case, and what it did to standings.
    pub fn and_then(&mut self, case: CaseId, body: Body) {
        let place = self.place(case);
        self.append(Some(place), body);
        while let Some(due) = self.standing_due(case) {
            let place = self.place(case);
            self.append(Some(place), Body::StandingChanged(due));
        }
    }

    /// The target begins.
    pub fn start(&mut self, case: CaseId) {
        let started = self.execution_started(case);
        self.and_then(case, Body::ExecutionStarted(started));
    }

    /// Somebody says how it ended.
    pub fn end(&mut self, case: CaseId, says: Says<'_>, outcome: Outcome, fault: Option<Fault>) {
        let recorded = self.outcome_recorded(case, says, outcome, fault);
        self.and_then(case, Body::OutcomeRecorded(recorded));
    }

    /// The target says that it is done.
    pub fn complete(&mut self, case: CaseId) {
        self.end(case, Says::Target, Outcome::Completed, None);
    }

    /// People resolve a dispute.
    pub fn resolve(&mut self, case: CaseId, says: Says<'_>, result: Found, fault: Option<Fault>) {
        let resolved = self.dispute_resolved(case, says, result, fault);
        self.and_then(case, Body::DisputeResolved(resolved));
    }

    /// What a person said counts, now.
    pub fn counted(&mut self, case: CaseId) -> OutcomeCounted {
        let outcome = self.ending(case).said.unwrap().event;
        OutcomeCounted { outcome }
    }

    /// Seven days later what a person said counts.
    pub fn count(&mut self, case: CaseId) {
        self.wait_ms(7 * DAY_MS);
        let counted = self.counted(case);
        self.and_then(case, Body::OutcomeCounted(counted));
    }

    /// Nobody used it.
    pub fn lapsed(&mut self, case: CaseId) -> PassportLapsed {
        let expires_at = self.ending(case).expires_at;
        PassportLapsed { expires_at }
    }

    /// Six minutes later it lapses.
    pub fn lapse(&mut self, case: CaseId) {
        self.wait_ms(360_000);
        let lapsed = self.lapsed(case);
        self.and_then(case, Body::PassportLapsed(lapsed));
    }
}
