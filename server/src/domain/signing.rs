//! Acts that people sign with passkeys: what will be signed, and what follows once it is (`spec/people.md`).
//!
//! The change is the one that the founder's file key would make, with another proof in it. Where two people are asked
//! for, the first signature makes a proposal, the second the act (PE-9). Who signed what is judged by the verifier's
//! own functions, on the event itself: what is admitted here, an audit accepts.

use std::sync::Arc;

use agentsigna_verifier::{
    digest::{self, Digest, Noun},
    event::{ActProposed, Body, Speaker},
    id::Id,
    log::note::KeyName,
    passkey::{
        Assertion, CredentialId,
        context::{ActContext, ActPath, Life, Nonce},
    },
    people::PROPOSAL_LIFE_MS,
    rules::BigStack,
    state::{Blobs, People, Row, RowName, SignedError, Signer, StateError, check_signed, may_sign},
    time::UnixMillis,
};

use super::{
    Act, Answer, Kind, Office, Refusal, Step, Visitor, Words,
    answer::Pending,
    asked::Asked,
    ceremonies::OpenAct,
    directory::Desk,
    event,
    lane::{self, Done, TRIES_MAX},
    objection,
    office::{self, Inner},
    outcome,
    passwords::needs_passkey,
    policy,
    proof::Proof,
    random,
    reply::Reply,
    row,
    sign_in::CHALLENGE_MS,
};
use crate::ledger::{AdmitError, Change, Reading, RowError, SecretChange};

/// Acts of one session that may wait for a device.
const OPEN_MAX: usize = 16;

/// An act that will be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// In words (TA-10).
    pub words: Words,
    /// Its path.
    pub path: String,
    /// The bytes that are signed.
    pub body: Vec<u8>,
    /// The context, as it is kept.
    pub context: Vec<u8>,
    /// Its digest: what the device is given.
    pub challenge: Digest,
    /// The passkey that must sign: that of the session.
    pub credential: CredentialId,
    /// What follows from the signature.
    pub follows: Follows,
}

/// What follows from a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follows {
    /// The act is done.
    Done,
    /// The act is done: this person proposed it.
    Second(Id),
    /// The act is proposed to the other administrators.
    Proposed,
}

/// The blobs of a change, for whoever checks what was signed.
pub(super) struct Given<'a>(&'a [Vec<u8>]);

impl Given<'_> {
    /// No blob.
    pub(super) const fn none() -> Self {
        Self(&[])
    }
}

impl Blobs for Given<'_> {
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        let mut blobs = self.0.iter();
        blobs
            .find(|blob| Digest::of(Noun::Blob, blob) == *digest)
            .cloned()
    }
}

/// A signature that does not stand behind its event.
pub(super) fn refused(error: SignedError<RowError>) -> Refusal {
    match error {
        SignedError::Rows(error) => Refusal::broken(&error),
        error => Refusal::new(Kind::Forbidden, error.code(), error.to_string()),
    }
}

pub(super) fn not_allowed(error: StateError<RowError>) -> Refusal {
    match error {
        StateError::Rows(error) => Refusal::broken(&error),
        StateError::Broken { code, what } => AdmitError::Broken { code, what }.into(),
    }
}

impl Office {
    /// What `visitor` will sign to do the act of `path` with `body`.
    ///
    /// # Errors
    /// [`Refusal`]: not an act, not of this log, or none that this person may sign.
    pub async fn prepare(
        &self,
        visitor: Arc<Visitor>,
        path: String,
        body: Vec<u8>,
    ) -> Result<Prepared, Refusal> {
        let (reply, prepared) = Reply::new();
        let inner = Arc::clone(&self.inner);
        self.submit(
            (visitor.origin().to_owned(), visitor.user.clone()),
            move |stack| {
                reply.give(prepare(&inner, stack, &visitor, &path, body));
            },
        )?;
        prepared.await.map_err(|_| Refusal::stopping())?
    }

    /// The act, or its proposal, once it is durable: `visitor` signed `context` with `assertion`.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed, and the challenge is used up.
    pub async fn sign(
        &self,
        visitor: Arc<Visitor>,
        context: &[u8],
        assertion: Assertion,
    ) -> Result<Answer, Refusal> {
        let challenge = Digest::of(Noun::Act, context);
        let now = self.inner.ledger.clock().now();
        let open = self
            .inner
            .ceremonies
            .acts()
            .take(&challenge, now, |open| open.session == visitor.session);
        let open = open.ok_or_else(|| {
            Refusal::new(
                Kind::Forbidden,
                "unknown-challenge",
                "not asked of you, answered before, or too late: begin again",
            )
        })?;
        let (reply, done) = Reply::new();
        let inner = Arc::clone(&self.inner);
        let moved = outcome::lane(&visitor.tenant, open.act, &open.body);
        let own = (visitor.origin().to_owned(), visitor.user.clone());
        let job = move |stack: &BigStack| {
            if let Err(refusal) = sign(&inner, stack, &visitor, &open, &assertion, &reply) {
                reply.give(Err(refusal));
            }
        };
        // What moves the exposure of an agent goes through its lane.
        match moved {
            Some(agent) => self.submit(agent, job)?,
            None => self.submit(own, job)?,
        }
        office::finish(done).await
    }
}

fn prepare(
    inner: &Inner,
    stack: &BigStack,
    visitor: &Visitor,
    path: &str,
    body: Vec<u8>,
) -> Result<Prepared, Refusal> {
    let Some(passkey) = &visitor.passkey else {
        return Err(needs_passkey());
    };
    let rate = inner.ledger.clock().steady();
    inner
        .rates
        .take(visitor.origin(), passkey.thumbprint, rate)?;
    let now = inner.ledger.clock().now();
    let (Some(act), Some(act_path)) = (Act::at(path), ActPath::parse(path)) else {
        return Err(Refusal::not_found());
    };
    let mut reading = Reading::of(&visitor.tenant);
    let asked = act.read(&mut reading, path, &body)?;
    let follows = follows(&mut reading, &asked, visitor, path, &body, now)?;
    // Said before it is signed.
    objection::check(&mut reading, &asked)?;
    match &asked {
        Asked::PublishPolicy(text) => drop(policy::compile(stack, text)?),
        Asked::SetPassword(act) => drop(inner.new_secret(visitor, &act.secret, now)?),
        _ => {}
    }
    let origin = KeyName::parse(visitor.origin()).map_err(|error| Refusal::broken(&error))?;
    let context = ActContext {
        origin,
        user: visitor.user.clone(),
        credential: passkey.credential.clone(),
        path: act_path,
        content: digest::rfc9530_content(&body),
        nonce: Nonce::new(random()?),
        life: Life::new(now, now.plus(CHALLENGE_MS)).map_err(|error| Refusal::broken(&error))?,
    };
    let prepared = Prepared {
        words: asked.words(),
        path: path.to_owned(),
        body: body.clone(),
        context: context.encode(),
        challenge: context.challenge(),
        credential: passkey.credential.clone(),
        follows,
    };
    let mut acts = inner.ceremonies.acts();
    if acts.count(|open| open.session == visitor.session) >= OPEN_MAX {
        return Err(Refusal::new(
            Kind::TooMany,
            "too-many-waiting",
            format!("{OPEN_MAX} acts wait for your signature: sign one, or wait five minutes"),
        ));
    }
    let open = OpenAct {
        session: visitor.session,
        act,
        context,
        body,
    };
    acts.give(prepared.challenge, now.plus(CHALLENGE_MS), open, now);
    Ok(prepared)
}

fn sign(
    inner: &Inner,
    stack: &BigStack,
    visitor: &Visitor,
    open: &OpenAct,
    assertion: &Assertion,
    reply: &Reply<Done>,
) -> Result<(), Refusal> {
    let tenant = &visitor.tenant;
    let now = inner.ledger.clock().now();
    if let Err(refusal) = authenticate(visitor, open, assertion) {
        // TA-8.
        let subject = format!("user:{}", visitor.user);
        inner.failures.count(tenant, subject, refusal.code, now);
        return Err(refusal);
    }
    let mut tries = 0_usize;
    loop {
        tries = tries.saturating_add(1);
        let step = step(inner, stack, visitor, open, assertion, now)?;
        match lane::admit(inner, tenant, step, None, reply) {
            Err(AdmitError::Stale(_)) if tries < TRIES_MAX => {}
            admitted => return admitted.map_err(Refusal::from),
        }
    }
}

/// Who signs is proven before anything that the content says.
fn authenticate(visitor: &Visitor, open: &OpenAct, assertion: &Assertion) -> Result<(), Refusal> {
    let genesis = visitor.tenant.genesis();
    let (Some(passkey), Some(sites)) = (&visitor.passkey, &genesis.sites) else {
        return Err(Refusal::broken(
            &"a session that signs has a passkey and a site",
        ));
    };
    match open.context.check(assertion, &passkey.key, sites.portal()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::new(
            Kind::Forbidden,
            error.code(),
            error.to_string(),
        )),
    }
}

fn step(
    inner: &Inner,
    stack: &BigStack,
    visitor: &Visitor,
    open: &OpenAct,
    assertion: &Assertion,
    now: UnixMillis,
) -> Result<Step, Refusal> {
    let (path, body) = (open.context.path.as_str(), &open.body);
    let mut reading = Reading::of(&visitor.tenant);
    let asked = open.act.read(&mut reading, path, body)?;
    let follows = follows(&mut reading, &asked, visitor, path, body, now)?;
    let proof = Proof::Passkey {
        context: &open.context,
        assertion,
    };
    // Also for a proposal: what names nobody is not proposed. Whether the act may follow is judged when it is done.
    let mut step = open.act.take(Desk {
        stack,
        reading,
        proof,
        body,
        now,
        by: Speaker::User(visitor.user.clone()),
        policies: &inner.policies,
    })?;
    if let Asked::SetPassword(act) = &asked {
        // SO-19.
        let secret = inner.new_secret(visitor, &act.secret, now)?;
        let kept = SecretChange::put(act.user.clone(), secret);
        step.change.secrets.push(kept);
    }
    if follows == Follows::Proposed {
        let proposed = Body::ActProposed(ActProposed {
            signed: proof.evidence(Some(body)),
            path: path.to_owned(),
        });
        step.change = Change {
            events: vec![event(now, proposed)?],
            ..Change::default()
        };
        step.answer = Pending::act(true, [("proposed", path.into())]);
    }
    // PE-8 and all that an auditor asks of the evidence, by the auditor's own function.
    let mut blobs = Given(&step.change.blobs);
    for event in &step.change.events {
        check_signed(&mut step.reading, &mut blobs, event.event()).map_err(refused)?;
    }
    Ok(step)
}

/// PE-7, PE-9: whether the signature does the act or proposes it. Judged again when the event is applied.
pub(super) fn follows(
    reading: &mut Reading,
    asked: &Asked,
    visitor: &Visitor,
    path: &str,
    body: &[u8],
    now: UnixMillis,
) -> Result<Follows, Refusal> {
    let signer = Signer::Person(&visitor.user);
    match may_sign(reading, &asked.deed(), signer).map_err(not_allowed)? {
        People::One => return Ok(Follows::Done),
        People::Two => {}
    }
    let content = Digest::from_bytes(digest::rfc9530_content(body));
    let proposal = match row(reading, &RowName::Proposal(path.to_owned(), content))? {
        Some(Row::Proposal(proposal)) => proposal,
        _ => return Ok(Follows::Proposed),
    };
    let administrators = match row(reading, &RowName::Administrators)? {
        Some(Row::Administrators(row)) => row.ids,
        _ => Vec::new(),
    };
    let good = proposal.open
        && proposal.user != visitor.user
        && now <= proposal.decided_at.plus(PROPOSAL_LIFE_MS)
        && administrators.contains(&proposal.user);
    Ok(if good {
        Follows::Second(proposal.user)
    } else {
        Follows::Proposed
    })
}
