//! Step one: who asks, and for what.

use agentsigna_verifier::{
    act::{Act as _, ActionRequest},
    action::Action,
    entry::CaseId,
    event::{ActionRequested, Signed},
    id::Id,
    key::{JwkThumbprint, PublicKey},
    signed_request::{Authentic, Signed as SignedMessage},
    snapshot::{Agent, Counterparty, Moment, Snapshot, Target, Tenant as SnapshotTenant},
    state::{self, CaseRow, Row, RowName, Subject},
    time::UnixMillis,
};

use super::{Kind, Refusal, row};
use crate::ledger::{Ledger, Reading, Standing, Tenant};

/// Who asks: proven by a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The tenant's founder.
    Founder,
    /// An enrolled agent.
    Agent(Id),
    /// An enrolled target system.
    System(Id),
}

/// An agent's request that can be decided.
pub(super) struct Asked {
    pub(super) case: CaseId,
    pub(super) body: ActionRequested,
    pub(super) snapshot: Snapshot,
    /// The agent's own words, for people.
    pub(super) statement: Option<String>,
    pub(super) key: PublicKey,
}

/// What an agent's request turned out to be.
pub(super) enum Found {
    /// New: to be decided.
    New(Box<Asked>),
    /// The same request, asked before: the same case.
    Again(CaseId),
}

/// RQ-19: the tenant of a key and who holds it. The tenant comes from the key alone; nothing in a request can name one.
///
/// # Errors
/// `unknown-key`: the same answer whether the key was never enrolled or is not confirmed yet.
pub(super) fn find(ledger: &Ledger, key: JwkThumbprint) -> Result<Tenant, Refusal> {
    ledger.owner(key).ok_or_else(|| {
        Refusal::new(
            Kind::Unauthenticated,
            "key-unknown",
            format!(
                "no enrolled key has the thumbprint `{}`",
                key.to_base64url()
            ),
        )
    })
}

/// Who holds the key, and the key itself.
pub(super) fn holder(
    reading: &mut Reading,
    thumbprint: JwkThumbprint,
) -> Result<(Caller, PublicKey), Refusal> {
    let unknown = || {
        Refusal::new(
            Kind::Unauthenticated,
            "key-unknown",
            format!(
                "no enrolled key has the thumbprint `{}`",
                thumbprint.to_base64url()
            ),
        )
    };
    let founder = reading.tenant().genesis().founder.file_key().copied();
    if let Some(founder) = founder.filter(|key| key.jwk_thumbprint() == thumbprint) {
        return Ok((Caller::Founder, founder));
    }
    let Some(Row::Key(subject)) = row(reading, &RowName::Key(thumbprint))? else {
        return Err(unknown());
    };
    let (caller, stage) = match subject {
        Subject::Agent(id) => match row(reading, &RowName::Agent(id.clone()))? {
            Some(Row::Agent(found)) => (Caller::Agent(id), found.stage),
            _ => return Err(unknown()),
        },
        Subject::System(id) => match row(reading, &RowName::System(id.clone()))? {
            Some(Row::System(found)) => (Caller::System(id), found.stage),
            _ => return Err(unknown()),
        },
    };
    // ST-2: a key that was replaced has its row, and signs nothing.
    match stage.enrolled_key() {
        Some(key) if key.jwk_thumbprint() == thumbprint => Ok((caller, *key)),
        _ => Err(unknown()),
    }
}

/// Checks time, signature and digest (RQ steps 4 to 6) of `message` with the key its holder enrolled.
pub(super) fn authenticate(
    message: SignedMessage,
    now: UnixMillis,
    key: &PublicKey,
    body: &[u8],
) -> Result<Authentic, Refusal> {
    Ok(message.check(now, key, body)?)
}

/// The signed request as evidence for the log.
pub(super) fn evidence(authentic: &Authentic, body: Option<&[u8]>) -> Signed {
    Signed::Http {
        base: authentic.signed().base().as_bytes().to_vec(),
        signature: *authentic.signed().signature(),
        body: body.map(<[u8]>::to_vec),
    }
}

/// Reads an agent's request and finds out all that policy weighs.
pub(super) fn read(
    reading: &mut Reading,
    caller: &Caller,
    authentic: &Authentic,
    body: &[u8],
    now: UnixMillis,
) -> Result<Found, Refusal> {
    let act = ActionRequest::parse(body)?;
    let Caller::Agent(agent) = caller else {
        return Err(Refusal::new(
            Kind::Forbidden,
            "caller-kind",
            "only agents ask for actions",
        ));
    };
    check_target(authentic.statement().target(), &act.target())?;
    check_origin(reading, act.origin())?;
    // RQ-29: an agent asks for itself.
    if act.agent != *agent {
        return Err(Refusal::new(
            Kind::Forbidden,
            "other-agent",
            format!(
                "body names agent `{}`, the key is that of `{agent}`",
                act.agent
            ),
        ));
    }
    let request = RowName::Request(act.agent.clone(), act.request_id.clone());
    if let Some(Row::Request(case)) = row(reading, &request)? {
        return again(reading, case, authentic);
    }
    let asked = weigh(reading, authentic, act, body, now)?;
    Ok(Found::New(Box::new(asked)))
}

/// RQ-32, AP-5: the same request id is the same case, if the content is the same too; AP-4 if it is not.
fn again(reading: &mut Reading, case: CaseId, authentic: &Authentic) -> Result<Found, Refusal> {
    let Some(Row::Case(CaseRow {
        content,
        request_id,
        ..
    })) = row(reading, &RowName::Case(case))?
    else {
        return Err(Refusal::broken(
            &"a request row names a case that is not there",
        ));
    };
    if Some(content.as_bytes())
        != authentic
            .statement()
            .content_digest()
            .as_ref()
            .map(|digest| *digest)
    {
        return Err(Refusal::conflict(
            "request-conflict",
            format!("`{request_id}` was used before for another request: use a new request id"),
        ));
    }
    Ok(Found::Again(case))
}

fn weigh(
    reading: &mut Reading,
    authentic: &Authentic,
    act: ActionRequest,
    body: &[u8],
    now: UnixMillis,
) -> Result<Asked, Refusal> {
    let genesis = reading.tenant().genesis();
    // AP-6: what cannot be weighed opens no case.
    if act.action.currency() != genesis.currency {
        return Err(Refusal::invalid(
            "currency",
            "/currency",
            format!(
                "`{}` is not the currency of this log, `{}` is",
                act.action.currency(),
                genesis.currency
            ),
        ));
    }
    let case = CaseId::of(&genesis.origin, &act.agent, &act.request_id);
    let (snapshot, key) = snapshot(reading, &act.agent, &act.action, now)?;
    Ok(Asked {
        case,
        body: ActionRequested {
            signed: evidence(authentic, Some(body)),
            agent: act.agent,
            request_id: act.request_id,
            action: act.action,
        },
        snapshot,
        statement: act.statement,
        key,
    })
}

/// What policy weighs when `agent` is to do `action` now, and the agent's key.
pub(super) fn snapshot(
    rows: &mut impl Standing,
    agent: &Id,
    action: &Action,
    now: UnixMillis,
) -> Result<(Snapshot, PublicKey), Refusal> {
    let genesis = rows.tenant().genesis().clone();
    // AP-7: a suspended agent is weighed too, and rejected: its asking is on the record.
    let Some(Row::Agent(row_of_agent)) = row(rows, &RowName::Agent(agent.clone()))? else {
        return Err(Refusal::broken(&"an enrolled agent has no row"));
    };
    let Some(key) = row_of_agent.stage.enrolled_key().copied() else {
        return Err(Refusal::broken(&"an enrolled agent has no key"));
    };
    let target = match row(rows, &RowName::System(action.target().clone()))? {
        Some(Row::System(target)) if target.stage.enrolled_key().is_some() => target,
        _ => {
            return Err(Refusal::invalid(
                "unknown-target",
                "/target",
                format!("no target system `{}` is enrolled", action.target()),
            ));
        }
    };
    let counterparty = RowName::Counterparty(action.counterparty().clone());
    let Some(Row::Counterparty(counterparty)) = row(rows, &counterparty)? else {
        return Err(Refusal::invalid(
            "unknown-counterparty",
            "/counterparty",
            format!("no counterparty `{}` is enrolled", action.counterparty()),
        ));
    };
    let bundle = match row(rows, &RowName::Policy)? {
        Some(Row::Policy(policy)) => Some(policy.bundle),
        _ => None,
    };
    // SD-6, SD-7: what the log's own fold makes of trust, at this time.
    let latitude =
        state::weighed_agent(rows, agent, now).map_err(|error| Refusal::broken(&error))?;
    let weighed = state::weighed_counterparty(rows, action.counterparty(), now)
        .map_err(|error| Refusal::broken(&error))?;
    let impossible =
        |error: &dyn std::fmt::Display| Refusal::invalid("snapshot", "", error.to_string());
    let snapshot = Snapshot::new(
        SnapshotTenant {
            origin: genesis.origin,
            currency: genesis.currency,
            exponent: genesis.exponent,
        },
        Agent::new(
            agent.clone(),
            row_of_agent.sponsor,
            row_of_agent.tier,
            row_of_agent.status,
            latitude,
            row_of_agent.exposure_minor,
            key.jwk_thumbprint(),
        )
        .map_err(|error| impossible(&error))?,
        Target::new(action.target().clone(), target.status),
        Counterparty::new(
            action.counterparty().clone(),
            counterparty.status,
            weighed.risk,
            weighed.payments_before,
            counterparty.payment_details_changed_at,
        )
        .map_err(|error| impossible(&error))?,
        action.clone(),
        Moment {
            bundle,
            decided_at: now,
            standing_at: rows.standing_at(),
        },
    )
    .map_err(|error| impossible(&error))?;
    Ok((snapshot, key))
}

/// AP-2: the path that was signed is the path of what the body asks for.
pub(super) fn check_target(signed: &str, target: &str) -> Result<(), Refusal> {
    if signed == target {
        return Ok(());
    }
    Err(Refusal::invalid(
        "signed-elsewhere",
        "",
        format!("sent to `{signed}`, but the body belongs to `{target}`"),
    ))
}

/// AP-2: a signature for one log is worth nothing in another.
pub(super) fn check_origin(reading: &Reading, origin: &str) -> Result<(), Refusal> {
    if origin == reading.tenant().origin() {
        return Ok(());
    }
    Err(Refusal::invalid(
        "wrong-tenant",
        "/origin",
        format!("`{origin}` is not the log in which this key is enrolled"),
    ))
}
