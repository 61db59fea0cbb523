//! What became of a permission, as the target or people say (`spec/outcome.md §3`).

use alloc::string::String;

use super::Act;
use crate::{
    entry::CaseId,
    json::{self, JsonError, Members},
    limits,
    outcome::{Fault, Found, Outcome},
    passkey::context::Reason,
};

/// `POST /v1/executions`: the target begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionStart {
    /// The log.
    pub origin: String,
    /// The case.
    pub case: CaseId,
    /// The `cti` of the Passport that the target was shown.
    pub passport: [u8; 16],
}

/// `POST /v1/outcomes`: how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeReport {
    /// The log.
    pub origin: String,
    /// The case.
    pub case: CaseId,
    /// How it ended.
    pub outcome: Outcome,
    /// Whose fault it was; of a reversal, and of nothing else.
    pub fault: Option<Fault>,
    /// Why.
    pub reason: Reason,
}

/// `POST /v1/disputes/resolve`: what people found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeResolution {
    /// The log.
    pub origin: String,
    /// The case.
    pub case: CaseId,
    /// What they found.
    pub result: Found,
    /// Whose fault it was; of nothing that was dismissed.
    pub fault: Option<Fault>,
    /// Why.
    pub reason: Reason,
}

parse! {
    ExecutionStart: |members| Self {
        origin: members.text("origin")?,
        case: case(&mut members)?,
        passport: members.parsed("passport", |text| {
            let cti = CaseId::from_hex(text).map(|cti| *cti.as_bytes());
            cti.ok_or("expected the `cti` of the Passport, 32 lower-case hex digits")
        })?,
    };
    OutcomeReport: |members| {
        let outcome = members.parsed("outcome", |word| {
            Outcome::parse(word).ok_or("expected `completed`, `reversed`, `rejected` or `disputed`")
        })?;
        Self {
            origin: members.text("origin")?,
            case: case(&mut members)?,
            outcome,
            fault: fault(&mut members, |fault| outcome.takes(fault))?,
            reason: reason(&mut members)?,
        }
    };
    DisputeResolution: |members| {
        let result = members.parsed("result", |word| {
            Found::parse(word).ok_or("expected `dismissed`, `lost` or `fraud`")
        })?;
        Self {
            origin: members.text("origin")?,
            case: case(&mut members)?,
            result,
            fault: fault(&mut members, |fault| result.takes(fault))?,
            reason: reason(&mut members)?,
        }
    };
}

acts! {
    ExecutionStart: |_act| String::from("/v1/executions");
    OutcomeReport: |_act| String::from("/v1/outcomes");
    DisputeResolution: |_act| String::from("/v1/disputes/resolve");
}

fn case(members: &mut Members) -> Result<CaseId, JsonError> {
    members.parsed("case", |text| {
        CaseId::from_hex(text).ok_or("expected a case id, 32 lower-case hex digits")
    })
}

/// OC-3: there exactly where it belongs.
fn fault(
    members: &mut Members,
    takes: impl Fn(Option<Fault>) -> bool,
) -> Result<Option<Fault>, JsonError> {
    let Some(place) = members.optional("fault") else {
        if takes(None) {
            return Ok(None);
        }
        // It is missing: say where.
        return members.required("fault").map(|_| None);
    };
    let fault = place.parsed(|word| {
        let fault = Fault::parse(word).filter(|fault| takes(Some(*fault)));
        fault.ok_or("fault is said of a reversal (`agent`, `counterparty`, `none`) and of a dispute lost or fraud (`agent`, `counterparty`)")
    })?;
    Ok(Some(fault))
}

fn reason(members: &mut Members) -> Result<Reason, JsonError> {
    members.parsed("reason", |text| {
        Reason::parse(text).ok_or("expected 1 to 280 bytes on one line")
    })
}
