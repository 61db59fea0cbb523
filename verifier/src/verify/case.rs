//! A case file: who asked, who let them ask, what policy said, and that all of it is in one tree.

use alloc::{format, string::ToString as _, vec::Vec};

use super::{
    Profile, Question, Report, Step, Voucher, approvals,
    entries::{Held, Proven, check_blobs, entries, genesis},
    head::{self, Unknown},
    lies::{self, Trail},
    outcomes, passport,
    report::{Checks, Halt, Stop, ensure, gap, refuse},
    sheets::{Asked, Frozen},
};
use crate::{
    case_file::{CaseFile, concerns},
    decision::Verdict,
    digest::Digest,
    entry::Event,
    event::{ActionRequested, Body, DecisionMade},
    log::{checkpoint::SignedCheckpoint, inclusion::Included, note::Note},
    passport::{Claims, Delivery, Passport, Path},
    state::{
        Blobs, CaseRow, Completeness, MemoryRows, Row, RowName, Rows as _, SignedError, StateError,
        apply, check_signed, rests,
    },
    trust::{Trust, TrustedLog},
};

/// The steps of the case that the file is about.
struct Steps<'a> {
    request: &'a ActionRequested,
    /// All of them; the last one counts.
    #[cfg_attr(not(feature = "rules"), expect(dead_code, reason = "only made again"))]
    decisions: Vec<&'a DecisionMade>,
    decision: &'a DecisionMade,
    /// The sealed bytes in the log.
    issued: Option<(u64, &'a [u8])>,
}

type Shown = Option<(Passport, Delivery)>;

pub(super) fn verify(bytes: &[u8], trust: &Trust, question: &Question) -> Report {
    let mut checks = Checks::new(Profile::Case);
    let _ = checks.made(Step::Pinned, head::pinned(question.pinned));
    let authority = whole(&mut checks, bytes, trust, question).ok().flatten();
    for (what, why) in [
        (
            "later events",
            "what was added to this case, or changed for its agent, target or counterparty, after what is shown: audit the ledger",
        ),
        (
            "exposure",
            "what the agent had open in other cases when this was decided: audit the ledger",
        ),
        (
            "standing",
            "what other cases say of agent and counterparty, and so latitude, earned risk and scores: audit the ledger",
        ),
        (
            "revocation",
            "nothing offline shows what happened after the head",
        ),
    ] {
        checks.not_checked(what, why);
    }
    checks.finish(authority)
}

fn whole(
    checks: &mut Checks,
    bytes: &[u8],
    trust: &Trust,
    question: &Question,
) -> Result<Option<(Claims, Included)>, Halt> {
    let (file, shown) = checks.made(Step::Format, format(bytes))?;
    if shown.is_some() {
        checks.set_profile(Profile::CaseWithPassport);
    }
    let log = checks.made(Step::Issuer, issuer(&file, shown.as_ref(), trust))?;
    let signed = checks.made(Step::Checkpoint, checkpoint(&file, log, trust))?;
    head::witnessed(checks, &signed, trust);
    let events = checks.made(Step::Entries, entries(&file, &signed))?;
    checks.made(Step::Genesis, genesis(&file, &events, log, trust))?;
    let blobs = Held::of(&file);
    // What hangs on a blob that is not there is judged again below, as far as that goes without it.
    let _ = checks.made(Step::Blobs, check_blobs(&blobs, &events));
    let mut trail = Trail::default();
    let history = history(checks, &file, &events, blobs.clone(), &mut trail);
    let (row, rests, frozen) = history?;
    let steps = checks.made(
        Step::Completeness,
        complete(&file, &events, (&row, rests), shown.is_some()),
    )?;
    say(checks, &steps, &row);
    for proven in events.iter().filter(|proven| of_case(proven, &file)) {
        approvals::say_event(checks, &proven.event.body);
        outcomes::say_event(checks, &proven.event);
    }
    checks.made(Step::Decision, decided(&steps, shown.as_ref()))?;
    replay(checks, &steps, &frozen, &blobs);
    let authority = match &shown {
        Some((passport, delivery)) => {
            let place = (log, &signed);
            Some(issued(
                checks, passport, delivery, &steps, place, trust, question,
            )?)
        }
        None => None,
    };
    if question.expects_authority {
        // VE-22: true evidence of a refusal is no permission.
        let found = ensure(
            authority.is_some(),
            "not-authorized",
            format!(
                "the case ended `{}`: there is no Passport",
                row.state.as_str()
            ),
        );
        checks.made(Step::Authority, found)?;
    }
    checks.lies(lies::of_case(&trail, trust));
    Ok(authority)
}

fn format(bytes: &[u8]) -> Result<(CaseFile, Shown), Stop> {
    let file = match CaseFile::parse(bytes) {
        Ok(file) => file,
        Err(error) => return refuse("malformed", error),
    };
    let shown = file.passport().map(passport::format).transpose()?;
    Ok((file, shown))
}

/// VE-3: of the Passport too, which is of the log of the file.
fn issuer<'a>(
    file: &CaseFile,
    shown: Option<&(Passport, Delivery)>,
    trust: &'a Trust,
) -> Result<&'a TrustedLog, Stop> {
    let log = head::log(trust, file.origin())?;
    if let Some((passport, _)) = shown {
        let own = passport::issuer(passport.claims(), trust)?;
        ensure(
            own.origin() == log.origin(),
            "wrong-tenant",
            format!(
                "case file of log `{}`, its Passport of `{}`",
                log.origin(),
                own.origin()
            ),
        )?;
    }
    Ok(log)
}

fn checkpoint(file: &CaseFile, log: &TrustedLog, trust: &Trust) -> Result<SignedCheckpoint, Stop> {
    match Note::parse(file.checkpoint()) {
        Ok(note) => head::open(note, log, trust, Unknown::Refused),
        Err(error) => refuse("bad-checkpoint", error),
    }
}

/// VE-17: the rules of the server, run again over what is shown.
fn history<'a>(
    checks: &mut Checks,
    file: &CaseFile,
    events: &'a [Proven],
    mut blobs: Held<'_>,
    trail: &mut Trail,
) -> Result<(CaseRow, bool, Vec<Frozen<'a>>), Halt> {
    let mut rows = MemoryRows::default();
    let mut frozen = Vec::new();
    let folded = fold(&mut rows, file, events, &mut blobs, (&mut frozen, trail));
    match folded {
        // A gap keeps nothing else from being judged: the rows are whole.
        Err(stop @ Stop::NotMade(_)) => {
            let _ = checks.made::<()>(Step::History, Err(stop));
        }
        other => checks.made(Step::History, other)?,
    }
    match rows.row(&RowName::Case(file.case())) {
        Ok(Some(Row::Case(row))) => {
            let rests = match rests(&mut rows, file.case(), &row) {
                Ok(rests) => rests,
                Err(never) => match never {},
            };
            Ok((row, rests, frozen))
        }
        _ => checks.made(
            Step::Completeness,
            refuse(
                "case-incomplete",
                format!("no entry of the file is of case {}", file.case()),
            ),
        ),
    }
}

fn fold<'a>(
    rows: &mut MemoryRows,
    file: &CaseFile,
    events: &'a [Proven],
    blobs: &mut Held<'_>,
    (frozen, trail): (&mut Vec<Frozen<'a>>, &mut Trail),
) -> Result<(), Stop> {
    check_subjects(file, events)?;
    let mut missing = Ok(());
    let mut asked = Asked::default();
    for proven in events {
        if of_case(proven, file) {
            frozen.extend(asked.see(rows, proven.index, &proven.event));
        }
        if let Err(stop) = judge(
            rows,
            blobs,
            proven.index,
            proven.digest,
            &proven.event,
            Completeness::Part,
        ) {
            match stop {
                Stop::NotMade(_) => missing = Err(stop),
                Stop::Failed(_) => return Err(stop),
            }
        }
        trail.see(rows, proven.index, &proven.event);
    }
    let grounds = match rows.row(&RowName::Case(file.case())) {
        Ok(Some(Row::Case(row))) => row.grounds,
        _ => Vec::new(),
    };
    for proven in outside(file, events) {
        // VE-18, CF-5: exactly what the case rests on.
        ensure(
            grounds.contains(&proven.index),
            "surplus-entry",
            format!(
                "entry {} (`{}`) is no ground of the case: take it out",
                proven.index,
                proven.event.body.kind()
            ),
        )?;
    }
    missing
}

/// VE-18, CF-5: nothing about others, and nothing said after the last word that somebody signed, or the last decision:
/// the case cannot rest on it.
fn check_subjects(file: &CaseFile, events: &[Proven]) -> Result<(), Stop> {
    let mine = || events.iter().filter(|proven| of_case(proven, file));
    let request = mine().find_map(|proven| match &proven.event.body {
        Body::ActionRequested(body) => Some(body),
        _ => None,
    });
    let decides = |body: &Body| matches!(body, Body::DecisionMade(_));
    let judges = |body: &Body| {
        matches!(
            body,
            Body::ApprovalGiven(_)
                | Body::ApprovalRefused(_)
                | Body::ExecutionStarted(_)
                | Body::OutcomeRecorded(_)
                | Body::DisputeResolved(_)
        )
    };
    let decision = mine().find(|proven| decides(&proven.event.body));
    let last = mine()
        .rev()
        .find(|proven| decides(&proven.event.body) || judges(&proven.event.body));
    let last = decision.and(last).map(|proven| proven.index);
    for proven in outside(file, events) {
        let concerned = request.zip(last).is_some_and(|(request, last)| {
            proven.index < last && concerns(&proven.event.body, request)
        });
        ensure(
            concerned,
            "surplus-entry",
            format!(
                "entry {} (`{}`) is not of this case, nor of what it rests on: take it out",
                proven.index,
                proven.event.body.kind()
            ),
        )?;
    }
    Ok(())
}

/// The entries that are not of the case, without the first, which is the genesis entry.
fn outside<'a>(file: &'a CaseFile, events: &'a [Proven]) -> impl Iterator<Item = &'a Proven> {
    let rest = events.iter().skip(1);
    rest.filter(|proven| !of_case(proven, file))
}

/// Signature, then transition; a missing blob only after both.
pub(super) fn judge(
    rows: &mut MemoryRows,
    blobs: &mut dyn Blobs,
    index: u64,
    digest: Digest,
    event: &Event,
    completeness: Completeness,
) -> Result<(), Stop> {
    let signed = match check_signed(rows, blobs, event) {
        Ok(()) => Ok(()),
        Err(error @ SignedError::MissingBlob(_)) => {
            gap("missing-blob", format!("entry {index}: {error}"))
        }
        Err(error) => return refuse(error.code(), format!("entry {index}: {error}")),
    };
    match apply(rows, event, digest, index, completeness) {
        Ok(()) => signed,
        Err(StateError::Broken { code, what }) => refuse(code, format!("entry {index}: {what}")),
        Err(StateError::Rows(never)) => match never {},
    }
}

fn of_case(proven: &Proven, file: &CaseFile) -> bool {
    proven
        .event
        .place
        .is_some_and(|place| place.case == file.case())
}

/// VE-19: the case rests, and the file has a Passport exactly if the log has.
fn complete<'a>(
    file: &CaseFile,
    events: &'a [Proven],
    (row, rests): (&CaseRow, bool),
    has_passport: bool,
) -> Result<Steps<'a>, Stop> {
    ensure(
        rests,
        "case-incomplete",
        format!(
            "the case ends `{}`, where no case rests: events are left out",
            row.state.as_str()
        ),
    )?;
    let (mut request, mut decisions, mut issued) = (None, Vec::new(), None);
    for proven in events.iter().filter(|proven| of_case(proven, file)) {
        match &proven.event.body {
            Body::ActionRequested(body) => request = Some(body),
            Body::DecisionMade(body) => decisions.push(body),
            Body::PassportIssued(bytes) => issued = Some((proven.index, bytes.as_slice())),
            _ => {}
        }
    }
    ensure(
        issued.is_some() == has_passport,
        "case-incomplete",
        format!(
            "the case ends `{}`; a Passport belongs into its file exactly if it was issued",
            row.state.as_str()
        ),
    )?;
    match (request, decisions.last().copied()) {
        (Some(request), Some(decision)) => Ok(Steps {
            request,
            decisions,
            decision,
            issued,
        }),
        _ => refuse("case-incomplete", "request or decision is left out"),
    }
}

/// VE-20: what was asked was weighed; what was decided was sealed.
fn decided(steps: &Steps<'_>, shown: Option<&(Passport, Delivery)>) -> Result<(), Stop> {
    check_request(steps.request, steps.decision)?;
    shown.map_or(Ok(()), |(passport, _)| {
        check_claims(passport.claims(), steps.decision)
    })
}

pub(super) fn check_request(
    request: &ActionRequested,
    decision: &DecisionMade,
) -> Result<(), Stop> {
    ensure(
        request.action == *decision.snapshot.action(),
        "action-mismatch",
        "the action that was weighed is not the one the agent signed",
    )
}

pub(super) fn check_claims(claims: &Claims, made: &DecisionMade) -> Result<(), Stop> {
    let (decision, snapshot) = (&made.decision, &made.snapshot);
    // That people agreed to an escalated one, the history says (AV-12, AV-13).
    let expected = match claims.path {
        Path::Authorized => Verdict::Authorized,
        Path::Approved(_) => Verdict::Escalated,
    };
    ensure(
        decision.verdict() == expected,
        "not-authorized",
        format!(
            "a Passport `{}` for a case that was {}",
            claims.path.as_str(),
            decision.verdict()
        ),
    )?;
    ensure(
        claims.action == *snapshot.action(),
        "action-mismatch",
        "the action in the Passport is not the one that was decided",
    )?;
    ensure(
        claims.snapshot == snapshot.digest(),
        "snapshot-mismatch",
        "the Passport names other inputs than those of the decision",
    )?;
    ensure(
        Some(claims.bundle) == snapshot.bundle()
            && claims.rules == decision.rules()
            && claims.engine == decision.engine(),
        "policy-mismatch",
        "bundle, rules or engine in the Passport are not those of the decision",
    )
}

/// The Passport of the file: as by itself, under the head of the file, and the very bytes that were registered.
fn issued(
    checks: &mut Checks,
    shown: &Passport,
    delivery: &Delivery,
    steps: &Steps<'_>,
    (log, signed): (&TrustedLog, &SignedCheckpoint),
    trust: &Trust,
    question: &Question,
) -> Result<(Claims, Included), Halt> {
    passport::say(checks, shown.claims());
    passport::sealed(checks, shown, log, trust)?;
    let proof = passport::placed(checks, shown.claims(), delivery)?;
    checks.made(
        Step::SameHead,
        same_head(shown, delivery, proof.note(), steps, (log, signed), trust),
    )?;
    let included = passport::ending(
        checks,
        shown,
        &delivery.head,
        &proof,
        signed,
        trust,
        question,
    )?;
    Ok((shown.claims().clone(), included))
}

/// VE-21.
fn same_head(
    shown: &Passport,
    delivery: &Delivery,
    note: &Note,
    steps: &Steps<'_>,
    (log, signed): (&TrustedLog, &SignedCheckpoint),
    trust: &Trust,
) -> Result<(), Stop> {
    ensure(
        note.text() == signed.checkpoint().text(),
        "head-mismatch",
        "the Passport's proof leads to another head than the file's: take both at one size",
    )?;
    // The lines under it are checked too, for nothing in the file may be unchecked.
    let own = head::open(note.clone(), log, trust, Unknown::Refused)?;
    match head::witnesses(&own, trust) {
        Err(Stop::Failed(finding)) => return Err(Stop::Failed(finding)),
        Ok(_) | Err(Stop::NotMade(_)) => {}
    }
    ensure(
        steps.issued == Some((delivery.head.index, &shown.registered())),
        "entry-mismatch",
        "the Passport of the file is not the one in the entry of the case",
    )
}

#[cfg(feature = "rules")]
fn replay(checks: &mut Checks, steps: &Steps<'_>, frozen: &[Frozen<'_>], blobs: &Held<'_>) {
    use super::replay::{Replayed, redraw, run};
    let mut compiled = None;
    let mut other_engine = None;
    let mut found = None;
    // VE-23: each decision of the case; the first that does not come out again is told.
    for made in &steps.decisions {
        let bundle = made.snapshot.bundle();
        let bundle = bundle.map(|digest| (digest, blobs.find(&digest)));
        match run(&mut compiled, bundle, made) {
            Replayed::Judged(judged) => found = Some(found.unwrap_or(Ok(())).and(judged)),
            Replayed::OtherEngine => other_engine = Some(made.decision.engine()),
        }
    }
    if let Some(found) = found {
        let same = checks.made(Step::Replay, found).is_ok();
        if same && other_engine.is_none() {
            checks.claim(
                "verdict",
                steps.decision.decision.verdict(),
                Voucher::PolicyReplay,
            );
        }
    }
    if let Some(engine) = other_engine {
        checks.not_checked(
            "verdict replay",
            format!("decided by `{engine}`, which this release does not carry"),
        );
    }
    // AV-14, SH-1: each sheet, drawn again.
    let mut drawn = None;
    for frozen in frozen {
        let bundle = frozen.bundle().and_then(|digest| blobs.find(&digest));
        let sheet = frozen.sheet().and_then(|digest| blobs.find(&digest));
        if let Replayed::Judged(judged) = redraw(&mut compiled, bundle, frozen, sheet, false) {
            drawn = Some(drawn.unwrap_or(Ok(())).and(judged));
        }
    }
    if let Some(drawn) = drawn {
        let _ = checks.made(Step::Sheets, drawn);
        checks.not_checked(
            "other cases on the sheet",
            "what the sheet says of the agent's other cases: audit the ledger",
        );
    }
}

#[cfg(not(feature = "rules"))]
fn replay(checks: &mut Checks, _steps: &Steps<'_>, frozen: &[Frozen<'_>], _blobs: &Held<'_>) {
    checks.not_checked(
        "verdict replay",
        "this build has no policy engine (feature `rules`)",
    );
    if !frozen.is_empty() {
        checks.not_checked(
            "sheets",
            "this build has no policy engine (feature `rules`) that could draw them again",
        );
    }
}

fn say(checks: &mut Checks, steps: &Steps<'_>, row: &CaseRow) {
    let snapshot = &steps.decision.snapshot;
    let decision = &steps.decision.decision;
    checks.claim("case ended", row.state.as_str(), Voucher::LogKey);
    checks.claim("asked by", &steps.request.agent, Voucher::AgentKey);
    checks.claim(
        "asked for",
        steps.request.action.describe(),
        Voucher::AgentKey,
    );
    checks.claim("sponsor", snapshot.agent().sponsor(), Voucher::FounderKey);
    checks.claim("decided", decision.verdict(), Voucher::LogKey);
    checks.claim("by rules", decision.rules().join(" "), Voucher::LogKey);
    checks.claim(
        "exposure before",
        snapshot.agent().exposure_minor().to_string(),
        Voucher::LogKey,
    );
    if let Some(deadline) = row.deadline {
        checks.claim("review until (ms)", deadline, Voucher::LogKey);
    }
}
