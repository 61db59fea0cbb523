//! Acts on agents, systems, counterparties and policies, and the claim of a new key: who there is, and what decides.
//!
//! Who may sign an act is judged in [`agentsigna_verifier::state`], when the event is applied.

use agentsigna_verifier::{
    act::{
        Act as _, Activation, AgentConfirmation, AgentInvitation, Claim, Claimant,
        CounterpartyChange as ChangeAct, CounterpartyEnrolment, StatusChange, SystemConfirmation,
        SystemInvitation,
    },
    digest::{Digest, Noun},
    event::{
        AgentEnrolled, AgentInvited, Body, Claimed, CounterpartyChanged, CounterpartyEnrolled,
        PolicyActivated, PolicyPublished, Signed, Speaker, StatusChanged, SystemEnrolled,
        SystemInvited,
    },
    id::Id,
    key::{JwkThumbprint, PublicKey},
    rules::BigStack,
    signed_request::Authentic,
    state::{NewKey, Row, RowName, Stage},
    time::UnixMillis,
};
use data_encoding::BASE64URL_NOPAD;

use super::{
    Kind, Refusal, Step,
    answer::Pending,
    event, outcome, passwords, people, policy,
    proof::Proof,
    random,
    request::{check_origin, check_target, evidence},
    row,
};
use crate::ledger::{Change, Reading};

/// How long a one-time code lives, in milliseconds (AP-12).
pub(super) const CODE_LIFE_MS: u64 = 10 * 60 * 1000;

/// An act other than asking for an action; each is one path of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// `POST /v1/agents`
    InviteAgent,
    /// `POST /v1/agents/{agent}/confirm`
    ConfirmAgent,
    /// `POST /v1/agents/{agent}/status`, `POST /v1/systems/{system}/status`
    ChangeStatus,
    /// `POST /v1/systems`
    InviteSystem,
    /// `POST /v1/systems/{system}/confirm`
    ConfirmSystem,
    /// `POST /v1/counterparties`
    EnrolCounterparty,
    /// `POST /v1/counterparties/{counterparty}`
    ChangeCounterparty,
    /// `POST /v1/policies`
    PublishPolicy,
    /// `POST /v1/policies/activate`
    ActivatePolicy,
    /// `POST /v1/users`
    InviteUser,
    /// `POST /v1/users/{user}/confirm`
    ConfirmUser,
    /// `POST /v1/users/{user}/change`
    ChangeUser,
    /// `POST /v1/users/{user}/revoke`
    RevokePasskey,
    /// `POST /v1/delegations`; people only
    Delegate,
    /// `POST /v1/delegations/end`; people only
    EndDelegation,
    /// `POST /v1/users/{user}/password`; people only
    SetPassword,
    /// `POST /v1/users/{user}/password/end`; people only
    EndPassword,
    /// `POST /v1/executions`; target systems only
    StartExecution,
    /// `POST /v1/outcomes`
    RecordOutcome,
    /// `POST /v1/disputes/resolve`
    ResolveDispute,
}

/// What an act has at hand.
pub(super) struct Desk<'a> {
    pub(super) stack: &'a BigStack,
    pub(super) reading: Reading,
    pub(super) proof: Proof<'a>,
    /// Whose proof it is.
    pub(super) by: Speaker,
    pub(super) body: &'a [u8],
    pub(super) now: UnixMillis,
    pub(super) policies: &'a policy::Policies,
}

impl Act {
    /// Makes the change that the act asks for.
    pub(super) fn take(self, desk: Desk<'_>) -> Result<Step, Refusal> {
        match self {
            Self::InviteAgent => invite_agent(desk),
            Self::ConfirmAgent => confirm_agent(desk),
            Self::ChangeStatus => change_status(desk),
            Self::InviteSystem => invite_system(desk),
            Self::ConfirmSystem => confirm_system(desk),
            Self::EnrolCounterparty => enrol_counterparty(desk),
            Self::ChangeCounterparty => change_counterparty(desk),
            Self::PublishPolicy => publish_policy(desk),
            Self::ActivatePolicy => activate_policy(desk),
            Self::InviteUser => people::invite(desk),
            Self::ConfirmUser => people::confirm(desk),
            Self::ChangeUser => people::change(desk),
            Self::RevokePasskey => people::revoke(desk),
            Self::Delegate => people::delegate(desk),
            Self::EndDelegation => people::end_delegation(desk),
            Self::SetPassword => passwords::set(desk),
            Self::EndPassword => passwords::end(desk),
            Self::StartExecution => outcome::start(desk),
            Self::RecordOutcome => outcome::record(desk),
            Self::ResolveDispute => outcome::resolve(desk),
        }
    }
}

impl Desk<'_> {
    pub(super) fn signed(&self) -> Signed {
        self.proof.evidence(Some(self.body))
    }

    pub(super) fn check(&self, act: &impl agentsigna_verifier::act::Act) -> Result<(), Refusal> {
        check_target(self.proof.target(), &act.target())?;
        check_origin(&self.reading, act.origin())
    }

    pub(super) fn step(
        self,
        body: Body,
        blobs: Vec<Vec<u8>>,
        answer: Pending,
    ) -> Result<Step, Refusal> {
        let change = Change {
            events: vec![event(self.now, body)?],
            blobs,
            ..Change::default()
        };
        Ok(Step {
            reading: self.reading,
            change,
            answer,
        })
    }
}

/// A code of 128 random bits, and what is kept of it (AP-12).
pub(super) fn new_code() -> Result<(String, Digest), Refusal> {
    let code = BASE64URL_NOPAD.encode(&random::<16>()?);
    let digest = Digest::of(Noun::Code, code.as_bytes());
    Ok((code, digest))
}

fn invite_agent(desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = AgentInvitation::parse(desk.body)?;
    desk.check(&act)?;
    let (code, digest) = new_code()?;
    let expires_at = desk.now.plus(CODE_LIFE_MS);
    let answer = Pending::act(
        true,
        [
            ("agent", act.agent.as_str().into()),
            ("code", code.into()),
            ("expires_at", expires_at.millis().into()),
        ],
    );
    let body = Body::AgentInvited(AgentInvited {
        signed: desk.signed(),
        agent: act.agent,
        sponsor: act.sponsor,
        tier: act.tier,
        latitude: act.latitude,
        code: digest,
        expires_at,
    });
    desk.step(body, Vec::new(), answer)
}

fn confirm_agent(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = AgentConfirmation::parse(desk.body)?;
    desk.check(&act)?;
    let stage = match row(&mut desk.reading, &RowName::Agent(act.agent.clone()))? {
        Some(Row::Agent(row)) => row.stage,
        _ => return Err(Refusal::not_found()),
    };
    let key = shown_key(&stage, act.key)?;
    let answer = Pending::act(
        false,
        [
            ("agent", act.agent.as_str().into()),
            ("key", act.key.to_base64url().into()),
        ],
    );
    let body = Body::AgentEnrolled(AgentEnrolled {
        signed: desk.signed(),
        agent: act.agent,
        sponsor: act.sponsor,
        tier: act.tier,
        latitude: act.latitude,
        key,
    });
    desk.step(body, Vec::new(), answer)
}

fn invite_system(desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = SystemInvitation::parse(desk.body)?;
    desk.check(&act)?;
    let (code, digest) = new_code()?;
    let expires_at = desk.now.plus(CODE_LIFE_MS);
    let answer = Pending::act(
        true,
        [
            ("system", act.system.as_str().into()),
            ("code", code.into()),
            ("expires_at", expires_at.millis().into()),
        ],
    );
    let body = Body::SystemInvited(SystemInvited {
        signed: desk.signed(),
        system: act.system,
        code: digest,
        expires_at,
    });
    desk.step(body, Vec::new(), answer)
}

fn confirm_system(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = SystemConfirmation::parse(desk.body)?;
    desk.check(&act)?;
    let stage = match row(&mut desk.reading, &RowName::System(act.system.clone()))? {
        Some(Row::System(row)) => row.stage,
        _ => return Err(Refusal::not_found()),
    };
    let key = shown_key(&stage, act.key)?;
    let answer = Pending::act(
        false,
        [
            ("system", act.system.as_str().into()),
            ("key", act.key.to_base64url().into()),
        ],
    );
    let body = Body::SystemEnrolled(SystemEnrolled {
        signed: desk.signed(),
        system: act.system,
        key,
    });
    desk.step(body, Vec::new(), answer)
}

/// The key that was shown, if it is the one confirmed.
fn shown_key(stage: &Stage, confirmed: JwkThumbprint) -> Result<PublicKey, Refusal> {
    match stage.new_key() {
        Some(NewKey::Claimed(key)) if key.jwk_thumbprint() == confirmed => Ok(*key),
        Some(NewKey::Claimed(key)) => Err(Refusal::conflict(
            "enrolment-mismatch",
            format!(
                "the key shown has the thumbprint `{}`, another was confirmed",
                key.jwk_thumbprint().to_base64url()
            ),
        )),
        Some(NewKey::Invited { .. }) => Err(Refusal::conflict(
            "not-claimed",
            "no key was shown yet: claim it with the code first",
        )),
        None => Err(Refusal::conflict(
            "already-enrolled",
            "a key is already enrolled: invite again to replace it",
        )),
    }
}

fn change_status(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = StatusChange::parse(desk.body)?;
    desk.check(&act)?;
    let (name, member) = match &act.who {
        Claimant::Agent(id) => (RowName::Agent(id.clone()), "agent"),
        Claimant::System(id) => (RowName::System(id.clone()), "system"),
    };
    if row(&mut desk.reading, &name)?.is_none() {
        return Err(Refusal::not_found());
    }
    let answer = Pending::act(
        false,
        [
            (member, act.who.id().as_str().into()),
            ("status", act.status.name().into()),
        ],
    );
    let changed = StatusChanged {
        signed: desk.signed(),
        id: act.who.id().clone(),
        status: act.status,
    };
    let body = match act.who {
        Claimant::Agent(_) => Body::AgentChanged(changed),
        Claimant::System(_) => Body::SystemChanged(changed),
    };
    desk.step(body, Vec::new(), answer)
}

fn enrol_counterparty(desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = CounterpartyEnrolment::parse(desk.body)?;
    desk.check(&act)?;
    let answer = Pending::act(true, [("counterparty", act.counterparty.as_str().into())]);
    let body = Body::CounterpartyEnrolled(CounterpartyEnrolled {
        signed: desk.signed(),
        counterparty: act.counterparty,
        name: act.name,
        status: act.status,
        risk: act.risk,
        payments_before: act.payments_before,
    });
    desk.step(body, Vec::new(), answer)
}

fn change_counterparty(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = ChangeAct::parse(desk.body)?;
    desk.check(&act)?;
    if row(
        &mut desk.reading,
        &RowName::Counterparty(act.counterparty.clone()),
    )?
    .is_none()
    {
        return Err(Refusal::not_found());
    }
    let answer = Pending::act(false, [("counterparty", act.counterparty.as_str().into())]);
    let body = Body::CounterpartyChanged(CounterpartyChanged {
        signed: desk.signed(),
        counterparty: act.counterparty,
        status: act.status,
        risk: act.risk,
        payment_details_changed: act.payment_details_changed,
    });
    desk.step(body, Vec::new(), answer)
}

/// The content is the policy text itself: what people read is what is signed.
fn publish_policy(desk: Desk<'_>) -> Result<Step, Refusal> {
    check_target(desk.proof.target(), "/v1/policies")?;
    let text = std::str::from_utf8(desk.body)
        .map_err(|_| Refusal::new(Kind::Invalid, "policy-refused", "policy text is not UTF-8"))?;
    let (bundle, _) = policy::compile(desk.stack, text)?;
    let bytes = bundle.encode();
    let digest = bundle.digest();
    let answer = Pending::act(true, [("bundle", digest.to_hex().into())]);
    let body = Body::PolicyPublished(PolicyPublished {
        signed: desk.proof.evidence(None),
        bundle: digest,
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
    });
    desk.step(body, vec![bytes], answer)
}

fn activate_policy(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = Activation::parse(desk.body)?;
    desk.check(&act)?;
    if row(&mut desk.reading, &RowName::Bundle(act.bundle))?.is_none() {
        return Err(Refusal::invalid(
            "unpublished-bundle",
            "/bundle",
            format!("bundle {} was not published: publish it first", act.bundle),
        ));
    }
    // Compiled here, by the one who activates, and not by the first request after it.
    let tenant = desk.reading.tenant().clone();
    let compiled = policy::compile_published(desk.stack, &tenant, &act.bundle)?;
    desk.policies.keep(&tenant, compiled);
    let answer = Pending::act(false, [("bundle", act.bundle.to_hex().into())]);
    let body = Body::PolicyActivated(PolicyActivated {
        signed: desk.signed(),
        bundle: act.bundle,
    });
    desk.step(body, Vec::new(), answer)
}

/// The stage of whoever claims; `None` for everybody who was not invited.
pub(super) fn stage_of(
    reading: &mut Reading,
    claimant: &Claimant,
) -> Result<Option<Stage>, Refusal> {
    Ok(match claimant {
        Claimant::Agent(id) => match row(reading, &RowName::Agent(id.clone()))? {
            Some(Row::Agent(row)) => Some(row.stage),
            _ => None,
        },
        Claimant::System(id) => match row(reading, &RowName::System(id.clone()))? {
            Some(Row::System(row)) => Some(row.stage),
            _ => None,
        },
    })
}

/// A key is claimed: signed with itself, with the code that only the invited one was given.
pub(super) fn claim(
    mut reading: Reading,
    authentic: &Authentic,
    claim: &Claim,
    body: &[u8],
    now: UnixMillis,
) -> Result<Step, Refusal> {
    check_target(authentic.statement().target(), &claim.target())?;
    let wrong = || {
        Refusal::new(
            Kind::Forbidden,
            "wrong-code",
            "no such invitation, or another code: ask for a new one",
        )
    };
    let stage = stage_of(&mut reading, &claim.claimant)?.ok_or_else(wrong)?;
    // AP-13: only the one whose key it is hears how far it got; who guesses names hears what everybody hears.
    if stage.enrolled_key() == Some(&claim.key) {
        return Err(Refusal::conflict(
            "already-enrolled",
            "this key is already enrolled: show another one",
        ));
    }
    match stage.new_key() {
        Some(NewKey::Invited { code, .. })
            if *code == Digest::of(Noun::Code, claim.code.as_bytes()) => {}
        Some(NewKey::Claimed(key)) if *key == claim.key => {
            return Err(Refusal::conflict(
                "code-used",
                "this key was shown before: wait until it is confirmed",
            ));
        }
        _ => return Err(wrong()),
    }
    let thumbprint = claim.key.jwk_thumbprint().to_base64url();
    let claimed = |id: &Id| Claimed {
        signed: evidence(authentic, Some(body)),
        id: id.clone(),
        key: claim.key,
    };
    let (member, id, body) = match &claim.claimant {
        Claimant::Agent(id) => ("agent", id, Body::AgentClaimed(claimed(id))),
        Claimant::System(id) => ("system", id, Body::SystemClaimed(claimed(id))),
    };
    Ok(Step {
        answer: Pending::act(
            false,
            [(member, id.as_str().into()), ("key", thumbprint.into())],
        ),
        change: Change {
            events: vec![event(now, body)?],
            ..Change::default()
        },
        reading,
    })
}
