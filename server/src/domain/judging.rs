//! Step three, answered: one person approves or refuses one case (`spec/approval.md`).
//!
//! A ticket shows one person one sheet; it lets nobody sign. What counts is the assertion over the context that names
//! case, round, sheet, person and passkey. The last approval, the second decision and what follows are one change
//! (AV-12), made in the lane of the agent whose exposure it raises.

use std::{num::NonZeroU32, sync::Arc};

use agentsigna_verifier::{
    case::{CaseState, Step as CaseStep},
    decision::Verdict,
    digest::{Digest, Noun},
    entry::CaseId,
    event::{ActionRequested, Body, DecisionMade, Judged},
    id::Id,
    log::note::KeyName,
    passkey::{
        Assertion, CredentialId,
        context::{ApprovalContext, Choice, CredentialUse, Life, Nonce, RuleIds},
    },
    people::Role,
    review::Sheet,
    rules::BigStack,
    state::{
        CaseRow, PersonPasskey, PersonRow, ReviewRow, Row, RowName, agreed, check_signed, rests,
    },
    time::UnixMillis,
};
use data_encoding::BASE64URL_NOPAD;

use super::{
    Answer, Chain, Kind, Office, Refusal, Step, Visitor,
    answer::Pending,
    escalation, lane,
    lane::{Done, TRIES_MAX},
    office::{self, Inner},
    outcome::lane_of,
    passport,
    passwords::needs_passkey,
    people,
    queue::{Slots, delegators, in_review, refused_with, sheet_bytes, slots},
    random,
    reply::Reply,
    request, rounds, row,
    sign_in::CHALLENGE_MS,
    signing::{Given, not_allowed, refused},
    view::logged,
};
use crate::ledger::{AdmitError, Change, Preview, Reading, Standing as _, Tenant};

/// How long a ticket shows its sheet, in milliseconds (`spec/tenant-api.md §5`).
const TICKET_MS: u64 = 10 * 60 * 1000;

/// Who may read which sheet.
#[derive(Clone)]
pub(super) struct OpenTicket {
    tenant: Tenant,
    case: CaseId,
    round: NonZeroU32,
    user: Id,
}

/// A judgement that waits for its signature.
pub(super) struct OpenJudgement {
    ticket: OpenTicket,
    context: ApprovalContext,
}

/// What a ticket shows: the sheet, and beside it what is live.
#[derive(Debug, Clone)]
pub struct SheetShown {
    /// The bytes of the sheet.
    pub bytes: Vec<u8>,
    /// What they say.
    pub sheet: Sheet,
    /// Who looks at it.
    pub user: Id,
    /// When.
    pub now: UnixMillis,
    /// Nobody may judge from then on.
    pub deadline: UnixMillis,
    /// Each group that is asked.
    pub groups: Vec<Slots>,
    /// Who agreed so far, for whom, and when.
    pub agreed: Vec<(Id, Option<Id>, UnixMillis)>,
    /// Why this person may not judge now; nothing, if they may.
    pub closed: Option<&'static str>,
    /// Whether a word of this person for themselves would count.
    pub for_self: bool,
    /// Those for whom a word of this person would count: they delegated to them, and are asked.
    pub for_others: Vec<Id>,
    /// What differs from the sheet of the round before, in words; nothing in the first round.
    pub changes: Vec<String>,
}

/// A judgement that will be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The context, as it is kept.
    pub context: Vec<u8>,
    /// Its digest: what the device is given.
    pub challenge: Digest,
    /// The passkey that must sign.
    pub credential: CredentialId,
}

/// What a person says, before the device is asked.
#[derive(Debug, Clone)]
pub struct Word {
    /// Approve or refuse, and why.
    pub choice: Choice,
    /// For whom, if somebody delegated.
    pub delegator: Option<Id>,
    /// With which passkey; the newest, if nothing is said.
    pub credential: Option<CredentialId>,
}

fn kept(ticket: &str) -> Digest {
    Digest::of(Noun::Code, ticket.as_bytes())
}

fn no_ticket() -> Refusal {
    Refusal::not_found()
}

impl Office {
    /// A ticket for `visitor` to read the sheet of `case` on the approval site.
    ///
    /// # Errors
    /// `not-found` where no review is open, or the person is no approver; `needs-passkey` (TA-23).
    pub fn ticket(&self, visitor: &Visitor, case: &str) -> Result<String, Refusal> {
        let case = CaseId::from_hex(case).ok_or_else(Refusal::not_found)?;
        if !visitor.has_one_of(&[Role::Approver]) {
            return Err(Refusal::not_found());
        }
        let mut reading = Reading::of(&visitor.tenant);
        let (_, review) = in_review(&mut reading, case)?;
        // TA-23: a ticket leads to a signature.
        if !visitor.may_sign() {
            return Err(needs_passkey());
        }
        let now = self.inner.ledger.clock().now();
        let ticket = BASE64URL_NOPAD.encode(&random::<32>()?);
        let open = OpenTicket {
            tenant: visitor.tenant.clone(),
            case,
            round: review.round,
            user: visitor.user.clone(),
        };
        let mut tickets = self.inner.ceremonies.tickets();
        tickets.give(kept(&ticket), now.plus(TICKET_MS), open, now);
        Ok(ticket)
    }

    /// What `ticket` shows.
    ///
    /// # Errors
    /// `not-found` for every ticket that is none, or none any more.
    pub fn shown(&self, ticket: &str) -> Result<SheetShown, Refusal> {
        let ticket = self.open_ticket(ticket)?;
        let mut reading = Reading::of(&ticket.tenant);
        let person = people::person(&mut reading, &ticket.user)?.ok_or_else(no_ticket)?;
        let Some(Row::Case(row)) = row(&mut reading, &RowName::Case(ticket.case))? else {
            return Err(no_ticket());
        };
        let review = escalation::review(&mut reading, ticket.case)?
            .filter(|review| review.round == ticket.round)
            .ok_or_else(no_ticket)?;
        let sheet = review.sheet.ok_or_else(no_ticket)?;
        let bytes = sheet_bytes(&ticket.tenant, &sheet)?;
        let sheet = Sheet::decode(&bytes).map_err(|error| Refusal::broken(&error))?;
        let now = self.inner.ledger.clock().now();
        let seats = seats(&mut reading, &ticket, now)?;
        Ok(SheetShown {
            for_self: seats.own.is_none(),
            changes: rounds::changes(&ticket.tenant, &row, &sheet)?,
            sheet,
            bytes,
            closed: closed(&row, &review, &person, &seats, now),
            for_others: seats.others,
            user: ticket.user,
            now,
            deadline: review.deadline,
            groups: slots(&mut reading, &review)?,
            agreed: review
                .approvals
                .iter()
                .map(|given| {
                    let person = &given.person;
                    let (approver, delegator) = (&person.approver, &person.delegator);
                    (approver.clone(), delegator.clone(), person.life.issued_at())
                })
                .collect(),
        })
    }

    /// What the holder of `ticket` will sign to say `word`.
    ///
    /// # Errors
    /// `not-found`; `no-round` if the review is over.
    pub fn word(&self, ticket: &str, word: Word) -> Result<Judgement, Refusal> {
        let ticket = self.open_ticket(ticket)?;
        let now = self.inner.ledger.clock().now();
        let mut reading = Reading::of(&ticket.tenant);
        let (row, review) = in_review(&mut reading, ticket.case)?;
        if review.round != ticket.round {
            return Err(no_ticket());
        }
        let person = people::person(&mut reading, &ticket.user)?.ok_or_else(no_ticket)?;
        let passkey = newest_first(&person)
            .find(|passkey| {
                word.credential
                    .as_ref()
                    .is_none_or(|one| *one == passkey.credential)
            })
            .ok_or_else(|| {
                Refusal::new(
                    Kind::Forbidden,
                    "unknown-passkey",
                    "no such approval passkey of yours: add one with an administrator",
                )
            })?;
        let (credential, thumbprint) = (passkey.credential.clone(), passkey.thumbprint);
        self.inner.rates.take(
            ticket.tenant.origin(),
            thumbprint,
            self.inner.ledger.clock().steady(),
        )?;
        let context = context(&ticket, &row, &review, word, credential.clone(), now)?;
        let judgement = Judgement {
            context: context.encode(),
            challenge: context.challenge(),
            credential,
        };
        let open = OpenJudgement { ticket, context };
        let mut judgements = self.inner.ceremonies.judgements();
        judgements.give(judgement.challenge, now.plus(CHALLENGE_MS), open, now);
        Ok(judgement)
    }

    /// The word of a person, once it is durable: `assertion` was made over `context`, on the approval site.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed, and the challenge is used up.
    pub async fn judge(&self, context: &[u8], assertion: Assertion) -> Result<Answer, Refusal> {
        let challenge = Digest::of(Noun::Approval, context);
        let now = self.inner.ledger.clock().now();
        let open = self
            .inner
            .ceremonies
            .judgements()
            .take(&challenge, now, |_| true);
        let open = open.ok_or_else(|| {
            Refusal::new(
                Kind::Forbidden,
                "unknown-challenge",
                "not asked of you, answered before, or too late: read the sheet again",
            )
        })?;
        let mut reading = Reading::of(&open.ticket.tenant);
        let (row, _) = in_review(&mut reading, open.ticket.case)?;
        let (reply, outcome) = Reply::new();
        let inner = Arc::clone(&self.inner);
        // One behind the other with all that this agent asks for.
        self.submit(lane_of(&open.ticket.tenant, &row), move |stack| {
            if let Err(refusal) = judge(&inner, stack, &open, &assertion, &reply) {
                reply.give(Err(refusal));
            }
        })?;
        office::finish(outcome).await
    }

    fn open_ticket(&self, ticket: &str) -> Result<OpenTicket, Refusal> {
        let now = self.inner.ledger.clock().now();
        let tickets = self.inner.ceremonies.tickets();
        tickets
            .look(&kept(ticket), now)
            .cloned()
            .ok_or_else(no_ticket)
    }
}

/// Why somebody may not judge; for the page, the rules are those of the fold.
fn closed(
    row: &CaseRow,
    review: &ReviewRow,
    person: &PersonRow,
    seats: &Seats,
    now: UnixMillis,
) -> Option<&'static str> {
    if row.state != CaseState::InReview || now >= review.deadline {
        return Some("This round is over: look at the case.");
    }
    if newest_first(person).next().is_none() {
        return Some("You have no approval passkey: have one added by an administrator.");
    }
    if seats.own.is_none() || !seats.others.is_empty() {
        return None;
    }
    Some(match seats.own {
        Some("judged-before") => "You have judged in this round, or somebody has for you.",
        Some("excluded") => {
            "You may not judge this case: you answer for the agent, or activated the policy less than a day ago."
        }
        Some("enrolled-each-other") => {
            "You may not judge beside somebody whom you enrolled less than a day ago, or who enrolled you."
        }
        Some("not-asked") => "This case does not ask you: it asks none of your groups.",
        _ => "You may not judge now: look at your roles and passkeys.",
    })
}

/// For whom a word of somebody would count, be it the one or the other.
struct Seats {
    /// Why none for themselves would; nothing, if one would.
    own: Option<&'static str>,
    /// Those who delegated to them.
    others: Vec<Id>,
}

fn seats(reading: &mut Reading, ticket: &OpenTicket, now: UnixMillis) -> Result<Seats, Refusal> {
    let mut refused = |other: Option<&Id>| -> Result<Option<&'static str>, Refusal> {
        let word = |word| (ticket.case, word, now);
        match refused_with(reading, word(CaseStep::Approved), &ticket.user, other)? {
            Some(_) => refused_with(reading, word(CaseStep::Refused), &ticket.user, other),
            None => Ok(None),
        }
    };
    let mut others = Vec::new();
    for other in delegators(&ticket.tenant, &ticket.user, now)? {
        if refused(Some(&other))?.is_none() {
            others.push(other);
        }
    }
    Ok(Seats {
        own: refused(None)?,
        others,
    })
}

/// The approval passkeys of a person.
fn newest_first(person: &PersonRow) -> impl Iterator<Item = &PersonPasskey> {
    let mut passkeys: Vec<_> = person
        .passkeys
        .iter()
        .filter(|passkey| passkey.credential_use == CredentialUse::Approval)
        .collect();
    passkeys.sort_by_key(|passkey| std::cmp::Reverse(passkey.index));
    passkeys.into_iter()
}

fn context(
    ticket: &OpenTicket,
    row: &CaseRow,
    review: &ReviewRow,
    word: Word,
    credential: CredentialId,
    now: UnixMillis,
) -> Result<ApprovalContext, Refusal> {
    let broken = |what: &'static str| move || Refusal::broken(&what);
    let request = row.events.first().map(|event| event.digest);
    let opened = review.opened.map(|event| event.digest);
    Ok(ApprovalContext {
        origin: KeyName::parse(ticket.tenant.origin()).map_err(|error| Refusal::broken(&error))?,
        case: ticket.case,
        round: review.round,
        choice: word.choice,
        request: request.ok_or_else(broken("a case without a request"))?,
        bundle: review
            .bundle
            .ok_or_else(broken("a review without a policy"))?,
        rules: RuleIds::new(review.rules.clone()).ok_or_else(broken("a review without rules"))?,
        sheet: review.sheet.ok_or_else(Refusal::not_found)?,
        review: opened.ok_or_else(broken("a review that was not opened"))?,
        approver: ticket.user.clone(),
        delegator: word.delegator,
        credential,
        system: row.target.clone(),
        nonce: Nonce::new(random()?),
        life: Life::new(now, now.plus(CHALLENGE_MS)).map_err(|error| Refusal::broken(&error))?,
    })
}

fn judge(
    inner: &Inner,
    stack: &BigStack,
    open: &OpenJudgement,
    assertion: &Assertion,
    reply: &Reply<Done>,
) -> Result<(), Refusal> {
    let now = inner.ledger.clock().now();
    let mut tries = 0_usize;
    loop {
        tries = tries.saturating_add(1);
        let step = step(inner, stack, open, assertion, now)?;
        match lane::admit(inner, &open.ticket.tenant, step, None, reply) {
            Err(AdmitError::Stale(_)) if tries < TRIES_MAX => {}
            admitted => return admitted.map_err(Refusal::from),
        }
    }
}

fn step(
    inner: &Inner,
    stack: &BigStack,
    open: &OpenJudgement,
    assertion: &Assertion,
    now: UnixMillis,
) -> Result<Step, Refusal> {
    let mut reading = Reading::of(&open.ticket.tenant);
    let (row, review) = in_review(&mut reading, open.ticket.case)?;
    let digests = row.events.iter().map(|event| event.digest).collect();
    let mut chain = Chain::after(open.ticket.case, now, digests);
    let judged = Judged {
        round: review.round.get().into(),
        context: open.context.clone(),
        assertion: assertion.clone(),
    };
    let word = chain.push(match open.context.choice {
        Choice::Approve { .. } => Body::ApprovalGiven(judged),
        Choice::Refuse { .. } => Body::ApprovalRefused(judged),
    })?;
    // AV-5, by the auditor's own function.
    if let Err(error) = check_signed(&mut reading, &mut Given::none(), word.event()) {
        let refusal = refused(error);
        // TA-8.
        let subject = format!("user:{}", open.ticket.user);
        inner
            .failures
            .count(&open.ticket.tenant, subject, refusal.code, now);
        return Err(refusal);
    }
    let mut preview = Preview::over(&mut reading);
    preview.follow(word).map_err(not_allowed)?;
    let mut blobs = Vec::new();
    let mut state = match open.context.choice {
        Choice::Approve { .. } => CaseState::InReview,
        Choice::Refuse { .. } => CaseState::Refused,
    };
    let Some(Row::Case(after)) = self::row(&mut preview, &RowName::Case(chain.case))? else {
        return Err(Refusal::broken(&"a case that was judged is not there"));
    };
    // AV-12: as many agreed as were asked for, so policy is asked again.
    if !rests(&mut preview, chain.case, &after).map_err(|error| Refusal::broken(&error))? {
        (state, blobs) = decide_again(inner, stack, &mut preview, &mut chain, &row, now)?;
    }
    let prove = (state == CaseState::Issued).then(|| chain.events.len().saturating_sub(1));
    Ok(Step {
        reading,
        change: Change {
            events: chain.events,
            blobs,
            prove,
            ..Change::default()
        },
        answer: Pending::act(
            false,
            [
                ("case", open.ticket.case.to_string().into()),
                ("state", state.as_str().into()),
            ],
        ),
    })
}

/// AV-12: the second decision, and what follows from it. Answers the state of the case, and blobs to keep.
fn decide_again(
    inner: &Inner,
    stack: &BigStack,
    preview: &mut Preview<'_>,
    chain: &mut Chain,
    row: &CaseRow,
    now: UnixMillis,
) -> Result<(CaseState, Vec<Vec<u8>>), Refusal> {
    let tenant = preview.tenant().clone();
    let (asked_at, requested) = request_of(&tenant, row)?;
    let (snapshot, key) = request::snapshot(preview, &requested.agent, &requested.action, now)?;
    let compiled = inner.policies.of(stack, &tenant, &snapshot)?;
    let decided = inner.policies.decide(stack, &tenant, &snapshot)?;
    let made = DecisionMade {
        decision: decided.decision().clone(),
        snapshot,
    };
    let permit = match made.decision.verdict() {
        Verdict::Authorized => decided.into_parts().1,
        Verdict::Escalated => agreed(preview, chain.case, &made, now)
            .map_err(not_allowed)?
            .and_then(|agreed| decided.agreed(agreed)),
        Verdict::Rejected => None,
    };
    let event = chain.push(Body::DecisionMade(made.clone()))?;
    preview.follow(event).map_err(not_allowed)?;
    match (made.decision.verdict(), permit) {
        (Verdict::Rejected, _) => Ok((CaseState::Rejected, Vec::new())),
        (_, Some(permit)) => {
            inner
                .ledger
                .clock()
                .check()
                .map_err(|fault| Refusal::unavailable("clock", fault.to_string()))?;
            passport::issue(chain, &tenant, permit, &made.snapshot, key)?;
            Ok((CaseState::Issued, Vec::new()))
        }
        // What people agreed to is not what is asked now: they are asked anew.
        (_, None) => {
            let statement = escalation::statement(&requested)?;
            let asked = escalation::Asked {
                made: &made,
                at: asked_at,
                statement: statement.as_deref(),
            };
            let opened = escalation::open(stack, compiled.as_deref(), preview, chain, &asked)?;
            Ok((CaseState::InReview, opened.sheet.into_iter().collect()))
        }
    }
}

/// The request of a case, and when it was made.
fn request_of(tenant: &Tenant, row: &CaseRow) -> Result<(UnixMillis, ActionRequested), Refusal> {
    let lost = || Refusal::broken(&"a case without a request");
    let event = logged(tenant, row.events.first().ok_or_else(lost)?.index)?;
    match event.body {
        Body::ActionRequested(body) => Ok((event.decided_at, body)),
        _ => Err(lost()),
    }
}
