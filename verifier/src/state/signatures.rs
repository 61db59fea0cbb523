//! Who signed what an event says, and does it say what was signed?

use alloc::{format, string::String, vec::Vec};

use super::{NewKey, Row, RowName, Rows, passkeys};
use crate::{
    act::{
        Act, ActionRequest, Activation, AgentConfirmation, AgentInvitation, Claim, Claimant,
        CounterpartyChange, CounterpartyEnrolment, DisputeResolution, ExecutionStart,
        OutcomeReport, StatusChange, SystemConfirmation, SystemInvitation,
    },
    cbor::Value,
    digest::{Digest, Noun},
    entry::{CaseId, Event},
    event::{Body, Genesis, Signed, Speaker},
    json::JsonError,
    key::PublicKey,
    limits,
    passkey::AssertionError,
    signed_request::{Evidence, Profile, SignedRequestError, Statement},
    time::UnixMillis,
};

/// Why the signature inside an event does not stand behind it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError<E> {
    /// The rows could not be read.
    #[error("rows could not be read")]
    Rows(#[source] E),
    /// A blob that is needed to check the signature is not at hand: not a fault, a gap.
    #[error("blob {0} is not at hand: add it to check who published it")]
    MissingBlob(Digest),
    /// The signature, its key or its form.
    #[error("{}: {error}", .error.code())]
    Request {
        /// What is wrong.
        error: SignedRequestError,
    },
    /// The assertion, or the site it was made for.
    #[error("{}: {error}", .error.code())]
    Passkey {
        /// What is wrong.
        error: AssertionError,
    },
    /// The signed content is not what the event's kind needs.
    #[error("signed content: {0}")]
    Content(JsonError),
    /// The content says something else than the event.
    #[error("{what}")]
    Mismatch {
        /// A word for machines, from the table of `spec/state.md`.
        code: &'static str,
        /// What differs.
        what: String,
    },
}

/// Blobs by digest: a folder of an export, the blobs of a case file, the server's store.
pub trait Blobs {
    /// The bytes, if they are at hand. The caller checks the digest.
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>>;
}

/// Judges the signature in `event`, against the rows before it (ST-5).
///
/// # Errors
/// [`SignedError`]. Events that the log itself makes (decisions, reviews, Passports) carry no request and
/// always pass; a Passport's seal is judged in [`crate::verify`].
pub fn check_signed<R: Rows>(
    rows: &mut R,
    blobs: &mut dyn Blobs,
    event: &Event,
) -> Result<(), SignedError<R::Error>> {
    let at = event.decided_at;
    match &event.body {
        Body::AgentInvited(body) => {
            let act = by_ruler(rows, at, &body.signed, AgentInvitation::parse)?;
            same(
                act.agent == body.agent
                    && act.sponsor == body.sponsor
                    && act.tier == body.tier
                    && act.latitude == body.latitude,
            )
        }
        Body::AgentEnrolled(body) => {
            let act = by_ruler(rows, at, &body.signed, AgentConfirmation::parse)?;
            same(
                act.agent == body.agent
                    && act.sponsor == body.sponsor
                    && act.tier == body.tier
                    && act.latitude == body.latitude
                    && act.key == body.key.jwk_thumbprint(),
            )
        }
        Body::AgentChanged(body) => {
            let act = by_ruler(rows, at, &body.signed, StatusChange::parse)?;
            same(act.who == Claimant::Agent(body.id.clone()) && act.status == body.status)
        }
        Body::SystemInvited(body) => {
            let act = by_ruler(rows, at, &body.signed, SystemInvitation::parse)?;
            same(act.system == body.system)
        }
        Body::SystemEnrolled(body) => {
            let act = by_ruler(rows, at, &body.signed, SystemConfirmation::parse)?;
            same(act.system == body.system && act.key == body.key.jwk_thumbprint())
        }
        Body::SystemChanged(body) => {
            let act = by_ruler(rows, at, &body.signed, StatusChange::parse)?;
            same(act.who == Claimant::System(body.id.clone()) && act.status == body.status)
        }
        Body::CounterpartyEnrolled(body) => {
            let act = by_ruler(rows, at, &body.signed, CounterpartyEnrolment::parse)?;
            same(
                act.counterparty == body.counterparty
                    && act.name == body.name
                    && act.status == body.status
                    && act.risk == body.risk
                    && act.payments_before == body.payments_before,
            )
        }
        Body::CounterpartyChanged(body) => {
            let act = by_ruler(rows, at, &body.signed, CounterpartyChange::parse)?;
            same(
                act.counterparty == body.counterparty
                    && act.status == body.status
                    && act.risk == body.risk
                    && act.payment_details_changed == body.payment_details_changed,
            )
        }
        Body::PolicyActivated(body) => {
            let act = by_ruler(rows, at, &body.signed, Activation::parse)?;
            same(act.bundle == body.bundle)
        }
        Body::PolicyPublished(body) => {
            published(rows, blobs, at, &body.signed, &body.bundle, body.bytes)
        }
        Body::AgentClaimed(body) => {
            let code = stage_code(rows, &RowName::Agent(body.id.clone()))?;
            claimed(
                rows,
                at,
                &body.signed,
                &Claimant::Agent(body.id.clone()),
                &body.key,
                code,
            )
        }
        Body::SystemClaimed(body) => {
            let code = stage_code(rows, &RowName::System(body.id.clone()))?;
            claimed(
                rows,
                at,
                &body.signed,
                &Claimant::System(body.id.clone()),
                &body.key,
                code,
            )
        }
        Body::ActionRequested(body) => {
            let name = RowName::Agent(body.agent.clone());
            let key = match rows.row(&name).map_err(SignedError::Rows)? {
                Some(Row::Agent(row)) => row.stage.enrolled_key().copied(),
                _ => None,
            };
            let Some(key) = key else {
                return mismatch(
                    "not-enrolled",
                    format!("agent `{}` has no enrolled key", body.agent),
                );
            };
            let act = read(
                rows,
                at,
                Profile::Action,
                &key,
                &body.signed,
                ActionRequest::parse,
            )?;
            same(
                act.agent == body.agent
                    && act.request_id == body.request_id
                    && act.action == body.action,
            )
        }
        Body::ExecutionStarted(_) | Body::OutcomeRecorded(_) | Body::DisputeResolved(_) => {
            ended(rows, event)
        }
        body => passkeys::check(rows, at, body),
    }
}

/// OC-1, OC-2: what was said of a case, with the key of its target, of a person, or the founder's.
fn ended<R: Rows>(rows: &mut R, event: &Event) -> Result<(), SignedError<R::Error>> {
    let at = event.decided_at;
    let Some(place) = event.place else {
        return mismatch("case-step", "said of no case");
    };
    match &event.body {
        Body::ExecutionStarted(body) => {
            let key = target_key(rows, place.case)?;
            let parse = ExecutionStart::parse;
            let act = read(rows, at, Profile::Action, &key, &body.signed, parse)?;
            same(act.case == place.case && act.passport == body.passport)
        }
        Body::OutcomeRecorded(body) => {
            let parse = OutcomeReport::parse;
            let act = match body.by {
                Speaker::System(_) => {
                    let key = target_key(rows, place.case)?;
                    read(rows, at, Profile::Action, &key, &body.signed, parse)?
                }
                Speaker::User(_) | Speaker::Founder => by_ruler(rows, at, &body.signed, parse)?,
            };
            same(
                act.case == place.case
                    && act.outcome == body.outcome
                    && act.fault == body.fault
                    && act.reason == body.reason,
            )
        }
        Body::DisputeResolved(body) => {
            let act = by_ruler(rows, at, &body.signed, DisputeResolution::parse)?;
            same(
                act.case == place.case
                    && act.result == body.result
                    && act.fault == body.fault
                    && act.reason == body.reason,
            )
        }
        _ => Ok(()),
    }
}

/// The enrolled key of the target of a case: from the rows, never from who is named.
fn target_key<R: Rows>(rows: &mut R, case: CaseId) -> Result<PublicKey, SignedError<R::Error>> {
    let target = match rows.row(&RowName::Case(case)).map_err(SignedError::Rows)? {
        Some(Row::Case(row)) => row.target,
        _ => return mismatch("case-step", format!("case {case} was never requested")),
    };
    let name = RowName::System(target.clone());
    let key = match rows.row(&name).map_err(SignedError::Rows)? {
        Some(Row::System(row)) => row.stage.enrolled_key().copied(),
        _ => None,
    };
    match key {
        Some(key) => Ok(key),
        None => mismatch(
            "not-enrolled",
            format!("target system `{target}` has no enrolled key"),
        ),
    }
}

/// An act of the founder's file key or of a person. Whether they may is judged with the rows ([`super::apply`]).
pub(super) fn by_ruler<R: Rows, A: Act>(
    rows: &mut R,
    at: UnixMillis,
    signed: &Signed,
    parse: impl FnOnce(&[u8]) -> Result<A, JsonError>,
) -> Result<A, SignedError<R::Error>> {
    match signed {
        Signed::Http { .. } => {
            let founder = founder_key(rows)?;
            read(rows, at, Profile::Founder, &founder, signed, parse)
        }
        Signed::Passkey {
            context,
            assertion,
            body,
        } => {
            let Some(body) = body else {
                return mismatch("malformed", "the signed content is missing");
            };
            passkeys::act(rows, at, context, assertion, body)?;
            let act = parse(body).map_err(SignedError::Content)?;
            signed_here(rows, &act, "POST", context.path.as_str())?;
            Ok(act)
        }
    }
}

/// Signature, time, content, then that path and log are those of the act.
fn read<R: Rows, A: Act>(
    rows: &mut R,
    at: UnixMillis,
    profile: Profile,
    key: &PublicKey,
    signed: &Signed,
    parse: impl FnOnce(&[u8]) -> Result<A, JsonError>,
) -> Result<A, SignedError<R::Error>> {
    let Some(body) = signed.body() else {
        return mismatch("malformed", "the signed content is missing");
    };
    let statement = check(at, profile, key, signed, body.to_vec())?;
    let act = parse(body).map_err(SignedError::Content)?;
    signed_here(rows, &act, statement.method(), statement.target())?;
    Ok(act)
}

fn signed_here<R: Rows>(
    rows: &mut R,
    act: &impl Act,
    method: &str,
    target: &str,
) -> Result<(), SignedError<R::Error>> {
    if method != "POST" || target != act.target() {
        return mismatch(
            "signed-elsewhere",
            format!(
                "signed for `{method} {target}`, expected `POST {}`",
                act.target()
            ),
        );
    }
    let origin = genesis(rows)?.origin;
    if act.origin() != origin {
        return mismatch(
            "wrong-tenant",
            format!("signed for log `{}`, found in `{origin}`", act.origin()),
        );
    }
    Ok(())
}

fn check<E>(
    at: UnixMillis,
    profile: Profile,
    key: &PublicKey,
    signed: &Signed,
    body: Vec<u8>,
) -> Result<Statement, SignedError<E>> {
    let Signed::Http {
        base, signature, ..
    } = signed
    else {
        return mismatch(
            "malformed",
            "signed with a passkey, expected a signed request",
        );
    };
    let evidence = Evidence {
        base: base.clone(),
        signature: *signature,
        body,
    };
    let statement = evidence
        .check(profile, key, None)
        .map_err(|error| SignedError::Request { error })?;
    // The step was taken while the signature lived: the server takes one time for both.
    let early = statement
        .created_s()
        .saturating_sub(limits::REQUEST_SKEW_S)
        .saturating_mul(1000);
    let late = statement.expires_s().saturating_mul(1000);
    if at.millis() < early || at.millis() > late {
        return mismatch(
            "signature-time",
            format!(
                "signed for {} s to {} s, used at {at} ms",
                statement.created_s(),
                statement.expires_s()
            ),
        );
    }
    Ok(statement)
}

fn claimed<R: Rows>(
    rows: &mut R,
    at: UnixMillis,
    signed: &Signed,
    claimant: &Claimant,
    key: &PublicKey,
    code: Option<Digest>,
) -> Result<(), SignedError<R::Error>> {
    // Proof of possession: the key shown signs, and knows the code that only the invited one was given.
    let act = read(rows, at, Profile::Enrol, key, signed, Claim::parse)?;
    if code != Some(Digest::of(Noun::Code, act.code.as_bytes())) {
        return mismatch(
            "wrong-code",
            "the one-time code is not the one that was given out",
        );
    }
    same(act.claimant == *claimant && act.key == *key)
}

fn published<R: Rows>(
    rows: &mut R,
    blobs: &mut dyn Blobs,
    at: UnixMillis,
    signed: &Signed,
    bundle: &Digest,
    bytes: u64,
) -> Result<(), SignedError<R::Error>> {
    let Some(blob) = blobs.blob(bundle) else {
        return Err(SignedError::MissingBlob(*bundle));
    };
    if Digest::of(Noun::Blob, &blob) != *bundle || u64::try_from(blob.len()) != Ok(bytes) {
        return mismatch(
            "blob-mismatch",
            format!("the bytes of blob {bundle} have another digest or length"),
        );
    }
    let Some(policy) = policy_text(&blob) else {
        return mismatch("malformed", format!("blob {bundle} is no policy bundle"));
    };
    let (method, target) = match signed {
        Signed::Http { .. } => {
            let founder = founder_key(rows)?;
            let statement = check(at, Profile::Founder, &founder, signed, policy.into_bytes())?;
            (
                String::from(statement.method()),
                String::from(statement.target()),
            )
        }
        Signed::Passkey {
            context, assertion, ..
        } => {
            passkeys::act(rows, at, context, assertion, policy.as_bytes())?;
            (String::from("POST"), String::from(context.path.as_str()))
        }
    };
    if method != "POST" || target != "/v1/policies" || signed.body().is_some() {
        return mismatch("signed-elsewhere", "not signed as a policy to publish");
    }
    Ok(())
}

/// The founder's key in a file, if the log has one.
fn founder_key<R: Rows>(rows: &mut R) -> Result<PublicKey, SignedError<R::Error>> {
    match genesis(rows)?.founder.file_key() {
        Some(key) => Ok(*key),
        None => mismatch("not-permitted", "the log has no founder key in a file"),
    }
}

/// The policy text of a bundle, whatever engine it is for.
fn policy_text(bundle: &[u8]) -> Option<String> {
    let bytes_max = limits::POLICY_SOURCE_BYTES_MAX.saturating_add(1024);
    let mut fields = Value::decode(bundle, bytes_max)
        .ok()?
        .into_fields("bundle")
        .ok()?;
    fields.text("policy").ok()
}

fn stage_code<R: Rows>(
    rows: &mut R,
    name: &RowName,
) -> Result<Option<Digest>, SignedError<R::Error>> {
    let stage = match rows.row(name).map_err(SignedError::Rows)? {
        Some(Row::Agent(row)) => Some(row.stage),
        Some(Row::System(row)) => Some(row.stage),
        _ => None,
    };
    Ok(match stage.as_ref().and_then(|stage| stage.new_key()) {
        Some(NewKey::Invited { code, .. }) => Some(*code),
        _ => None,
    })
}

pub(super) fn genesis<R: Rows>(rows: &mut R) -> Result<Genesis, SignedError<R::Error>> {
    match rows.row(&RowName::Log).map_err(SignedError::Rows)? {
        Some(Row::Log(genesis)) => Ok(genesis),
        _ => mismatch("genesis", "the genesis entry is missing"),
    }
}

pub(super) fn same<E>(same: bool) -> Result<(), SignedError<E>> {
    if same {
        Ok(())
    } else {
        mismatch(
            "signed-otherwise",
            "the event says something else than the request that was signed",
        )
    }
}

pub(super) fn mismatch<T, E>(
    code: &'static str,
    what: impl Into<String>,
) -> Result<T, SignedError<E>> {
    Err(SignedError::Mismatch {
        code,
        what: what.into(),
    })
}

impl<E> SignedError<E> {
    /// A word for machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rows(_) => "rows",
            Self::MissingBlob(_) => "missing-blob",
            Self::Request { error } => error.code(),
            Self::Passkey { error } => error.code(),
            Self::Content(error) => error.code(),
            Self::Mismatch { code, .. } => code,
        }
    }
}
