//! A Passport by itself: profiles `passport` and `gate`.

use alloc::format;

use super::{
    Profile, Question, Report, Step, Voucher, approvals,
    head::{self, Unknown},
    lies,
    report::{Checks, Halt, Stop, ensure, gap, refuse},
};
use crate::{
    entry::EntryHead,
    event::Body,
    limits,
    log::{checkpoint::SignedCheckpoint, inclusion::Included, proof::TlogProof, tree::LeafHash},
    passport::{Claims, Delivery, Passport},
    time::UnixMillis,
    trust::{Trust, TrustedLog},
};

pub(super) fn verify(bytes: &[u8], trust: &Trust, question: &Question, profile: Profile) -> Report {
    let mut checks = Checks::new(profile);
    let _ = checks.made(Step::Pinned, head::pinned(question.pinned));
    let authority = alone(&mut checks, bytes, trust, question).ok();
    if let Some((claims, _)) = &authority {
        checks.lies(lies::of_passport(claims, trust));
    }
    for (what, why) in [
        (
            "request",
            "what the agent signed is not in a Passport: the seal vouches for it; ask for the case file",
        ),
        (
            "decision",
            "inputs and rules are not in a Passport: the seal vouches for them; ask for the case file",
        ),
        (
            "people",
            "who invited and confirmed the agent is not in a Passport: ask for the case file",
        ),
        (
            "revocation",
            "nothing offline shows what happened after the head",
        ),
        (
            "possession",
            "whether the agent's own key signed the call is for the gate to check",
        ),
        (
            "single use",
            "whether it was used before is for the gate to know",
        ),
    ] {
        checks.not_checked(what, why);
    }
    checks.finish(authority)
}

fn alone(
    checks: &mut Checks,
    bytes: &[u8],
    trust: &Trust,
    question: &Question,
) -> Result<(Claims, Included), Halt> {
    let (passport, delivery) = checks.made(Step::Format, format(bytes))?;
    let claims = passport.claims();
    say(checks, claims);
    let log = checks.made(Step::Issuer, issuer(claims, trust))?;
    approvals::say(checks, claims);
    sealed(checks, &passport, log, trust)?;
    let proof = placed(checks, claims, &delivery)?;
    let signed = checks.made(
        Step::Checkpoint,
        head::open(proof.note().clone(), log, trust, Unknown::Refused),
    )?;
    head::witnessed(checks, &signed, trust);
    let included = ending(
        checks,
        &passport,
        &delivery.head,
        &proof,
        &signed,
        trust,
        question,
    )?;
    Ok((claims.clone(), included))
}

/// PA-2, PA-5: the size and layout of a delivered Passport.
pub(super) fn format(bytes: &[u8]) -> Result<(Passport, Delivery), Stop> {
    let passport = match Passport::parse(bytes) {
        Ok(passport) => passport,
        Err(error) => return refuse("malformed", error),
    };
    match passport.delivery().cloned() {
        Some(delivery) => Ok((passport, delivery)),
        None => refuse(
            "malformed",
            "Passport without entry head and proof: ask for it as delivered",
        ),
    }
}

/// VE-3.
pub(super) fn issuer<'a>(claims: &Claims, trust: &'a Trust) -> Result<&'a TrustedLog, Stop> {
    ensure(
        claims.issuer == trust.platform(),
        "unknown-issuer",
        format!(
            "issued by `{}`, the trust file is for `{}`",
            claims.issuer,
            trust.platform()
        ),
    )?;
    let log = head::log(trust, &claims.origin)?;
    ensure(
        claims.audience.origin() == claims.origin,
        "wrong-tenant",
        format!(
            "log `{}` gives permission for `{}`, which is another tenant's",
            claims.origin, claims.audience
        ),
    )?;
    Ok(log)
}

/// The steps that need the sealed bytes alone.
pub(super) fn sealed(
    checks: &mut Checks,
    passport: &Passport,
    log: &TrustedLog,
    trust: &Trust,
) -> Result<(), Halt> {
    checks.made(Step::Seal, seal(passport, log, trust))?;
    checks.made(Step::Claims, consistent(passport.claims()))?;
    approvals::made(checks, passport.claims(), log)
}

/// The steps that need the unprotected header too, up to the signed head.
pub(super) fn placed(
    checks: &mut Checks,
    claims: &Claims,
    delivery: &Delivery,
) -> Result<TlogProof, Halt> {
    checks.made(Step::EntryHead, entry_head(claims, &delivery.head))?;
    checks.made(Step::Proof, proof(delivery))
}

/// The steps after the signed head.
pub(super) fn ending(
    checks: &mut Checks,
    passport: &Passport,
    entry_head: &EntryHead,
    proof: &TlogProof,
    signed: &SignedCheckpoint,
    trust: &Trust,
    question: &Question,
) -> Result<Included, Halt> {
    let claims = passport.claims();
    let included = checks.made(
        Step::Inclusion,
        inclusion(passport, entry_head, proof, signed),
    )?;
    let in_time = checks.made(Step::Time, time(claims, trust.skew_s(), question.at));
    if !trust.targets().is_empty() || checks.profile() == Profile::Gate {
        checks.made(Step::Audience, audience(claims, trust))?;
    } else {
        checks.not_checked("audience", "the trust file names no targets");
    }
    in_time?;
    Ok(included)
}

/// VE-4: a key of this log, in its time, over these bytes.
pub(super) fn seal(passport: &Passport, log: &TrustedLog, trust: &Trust) -> Result<(), Stop> {
    let Some(key) = log.seal_key(passport.kid()) else {
        let foreign = trust
            .logs()
            .iter()
            .find(|other| other.seal_key(passport.kid()).is_some());
        return match foreign {
            Some(other) => refuse(
                "wrong-tenant",
                format!(
                    "sealed by a key of log `{}`, the Passport is of `{}`",
                    other.origin(),
                    log.origin()
                ),
            ),
            None => refuse(
                "bad-seal",
                format!(
                    "the seal key is none of log `{}` in the trust file",
                    log.origin()
                ),
            ),
        };
    };
    ensure(
        passport.is_sealed_by(key.key()),
        "bad-seal",
        "the seal is not made by its key over these claims",
    )?;
    let issued_s = passport.claims().issued_s;
    ensure(
        key.may_seal_in(issued_s),
        "seal-key-window",
        format!("sealed at {issued_s} s, outside the time of its key"),
    )
}

/// VE-8, PA-6: what the claims say of each other.
pub(super) fn consistent(claims: &Claims) -> Result<(), Stop> {
    let life_s = claims.expires_s.saturating_sub(claims.not_before_s);
    ensure(
        (1..=limits::PASSPORT_LIFE_S_MAX).contains(&life_s),
        "bad-lifetime",
        format!(
            "good from {} s to {} s, expected 1 to {} s",
            claims.not_before_s,
            claims.expires_s,
            limits::PASSPORT_LIFE_S_MAX
        ),
    )?;
    ensure(
        claims.issued_s == claims.not_before_s,
        "issue-time",
        format!(
            "issued at {} s, good from {} s: expected the same",
            claims.issued_s, claims.not_before_s
        ),
    )?;
    ensure(
        claims.action.digest() == claims.action_digest,
        "action-mismatch",
        "the digest in the claims is not that of the action",
    )?;
    ensure(
        claims.audience.system() == claims.action.target(),
        "audience-mismatch",
        format!(
            "for `{}`, but the action is in `{}`",
            claims.audience,
            claims.action.target()
        ),
    )
}

/// VE-9: the head that rebuilds the leaf is of the same log, case and moment.
fn entry_head(claims: &Claims, head: &EntryHead) -> Result<(), Stop> {
    ensure(
        head.origin == claims.origin,
        "wrong-tenant",
        format!(
            "entry of log `{}`, Passport of `{}`",
            head.origin, claims.origin
        ),
    )?;
    ensure(
        head.place.case == claims.case,
        "case-mismatch",
        format!(
            "entry of case {}, Passport of case {}",
            head.place.case, claims.case
        ),
    )?;
    let length = u64::try_from(claims.chain.len()).ok();
    ensure(
        Some(head.place.index) == length && Some(&head.place.previous) == claims.chain.last(),
        "chain-mismatch",
        "the entry does not follow the last event that the Passport names",
    )?;
    ensure(
        head.decided_at.seconds() == claims.issued_s,
        "issue-time",
        format!(
            "entry decided at {} ms, Passport issued at {} s",
            head.decided_at, claims.issued_s
        ),
    )?;
    ensure(
        head.decided_at <= head.sequenced_at,
        "time-backwards",
        format!(
            "entry decided at {} ms, after it was put in order at {} ms",
            head.decided_at, head.sequenced_at
        ),
    )
}

fn proof(delivery: &Delivery) -> Result<TlogProof, Stop> {
    let proof = head::parse_proof(&delivery.proof)?;
    // VE-10: only the proof says where the entry is; the head must agree.
    ensure(
        proof.index().position() == delivery.head.index,
        "wrong-index",
        format!(
            "proof for index {}, entry head for index {}",
            proof.index(),
            delivery.head.index
        ),
    )?;
    Ok(proof)
}

/// VE-11, EN-5: the leaf is built from the bytes that were sealed, never taken from the artefact.
fn inclusion(
    passport: &Passport,
    head: &EntryHead,
    proof: &TlogProof,
    signed: &SignedCheckpoint,
) -> Result<Included, Stop> {
    let entry = head.with_body(Body::PassportIssued(passport.registered()));
    let leaf = LeafHash::of(&entry.encode());
    proof
        .inclusion()
        .check(leaf, &signed.head())
        .or_else(head::inclusion)
}

/// VE-12: from `nbf` until before `exp`, give or take the skew of the trust file.
fn time(claims: &Claims, skew_s: u64, at: Option<UnixMillis>) -> Result<(), Stop> {
    let Some(at) = at else {
        return gap(
            "no-clock",
            "no time given: say at which time it should be good",
        );
    };
    let ms = |seconds: u64| seconds.saturating_mul(1000);
    ensure(
        at.millis() < ms(claims.expires_s.saturating_add(skew_s)),
        "expired",
        format!(
            "passport expired at `{}`, asked about `{at}`: ask for a new one",
            ms(claims.expires_s)
        ),
    )?;
    ensure(
        at.millis().saturating_add(ms(skew_s)) >= ms(claims.not_before_s),
        "not-yet-valid",
        format!(
            "passport good from `{}`, asked about `{at}`",
            ms(claims.not_before_s)
        ),
    )
}

/// VE-13.
fn audience(claims: &Claims, trust: &Trust) -> Result<(), Stop> {
    if trust.targets().is_empty() {
        return gap(
            "no-target",
            "the trust file names no targets: add `<origin>#<system id>` of this one",
        );
    }
    ensure(
        trust.targets().contains(&claims.audience),
        "wrong-audience",
        format!(
            "for `{}`, which is none of the targets of the trust file",
            claims.audience
        ),
    )
}

/// What the Passport says, for people.
pub(super) fn say(checks: &mut Checks, claims: &Claims) {
    let seal = Voucher::SealKey;
    checks.claim("verdict", claims.path.as_str(), seal);
    checks.claim("log", &claims.origin, seal);
    checks.claim("case", claims.case, seal);
    checks.claim("agent", &claims.agent, seal);
    checks.claim("agent key", claims.key.to_base64url(), seal);
    checks.claim("action", claims.action.describe(), seal);
    checks.claim("audience", &claims.audience, seal);
    checks.claim("not before (s)", claims.not_before_s, seal);
    checks.claim("expires (s)", claims.expires_s, seal);
    checks.claim("rules", claims.rules.join(" "), seal);
    checks.claim("bundle", claims.bundle, seal);
}
