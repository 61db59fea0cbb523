//! What became of a permission (`spec/outcome.md §4`): begun, ended, resolved, counted, lapsed.
//!
//! Judged on the rows alone; that target or person really signed is judged apart, by [`super::check_signed`].

use alloc::{format, vec::Vec};

use super::{
    CaseRow, Deed, Ending, Row, RowName, Rows, Said, StateError,
    apply::{agent, broken, system},
    authority,
    cases::{CaseStep, case, follow, link, with_signers},
    directory::Moment,
    trust,
};
use crate::{
    action::{Band, Exponent},
    case::Step,
    event::{
        DisputeResolved, ExecutionStarted, OutcomeCounted, OutcomeRecorded, PassportLapsed, Signed,
        Speaker,
    },
    id::Id,
    outcome::{DISPUTE_WINDOW_MS, Fault, Found, LAPSE_MS, Outcome},
    passport::Claims,
    snapshot::Status,
    standing::REVERSED,
    time::UnixMillis,
};

/// A case with a Passport, and one event of it.
struct Open {
    row: CaseRow,
    ending: Ending,
}

/// What is remembered of a permission from its Passport on.
pub(super) fn begins(claims: &Claims, exponent: Exponent) -> Ending {
    Ending {
        counterparty: claims.action.counterparty().clone(),
        band: Band::of(claims.action.amount_minor(), exponent),
        pays: claims.action.kind().pays(),
        cti: claims.cti,
        expires_at: UnixMillis::from_seconds(claims.expires_s),
        settled: false,
        disputed_at: None,
        said: None,
        credit: None,
        moved: None,
    }
}

/// OC-1.
pub(super) fn started<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &ExecutionStarted,
) -> Result<(), StateError<R::Error>> {
    let mut open = Open::next(rows, step, Step::Started)?;
    let grounds = by_target(rows, &open.row, &body.system)?;
    if body.passport != open.ending.cti {
        return broken(
            "passport-mismatch",
            "the target was shown another Passport than that of this case",
        );
    }
    open.row.add_grounds(grounds);
    // OC-7: what had lapsed was used after all.
    if core::mem::take(&mut open.ending.settled) {
        open.expose(rows, u64::saturating_add)?;
    }
    open.keep(rows, step);
    Ok(())
}

/// OC-1, OC-2, OC-5, OC-7.
pub(super) fn recorded<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &OutcomeRecorded,
) -> Result<(), StateError<R::Error>> {
    let kind = Step::Ended(body.outcome, body.by.voice());
    let mut open = Open::next(rows, step, kind)?;
    let grounds = spoken(rows, &open.row, &body.by, &body.signed, step)?;
    open.row.add_grounds(grounds);
    match body.outcome {
        Outcome::Completed => {
            open.settle(rows)?;
            if let Speaker::System(_) = body.by {
                open.count(rows, step)?;
            } else {
                open.ending.said = Some(Said {
                    event: step.at.digest,
                    at: step.decided_at,
                });
            }
        }
        Outcome::Reversed => {
            open.settle(rows)?;
            open.ending.said = None;
            open.against(rows, step, body.fault, REVERSED)?;
        }
        Outcome::Rejected => open.settle(rows)?,
        Outcome::Disputed => {
            let before = open.ending.disputed_at.replace(step.decided_at);
            if before.is_some() {
                return broken(
                    "disputed-before",
                    "the case was disputed before: what shows up later is a reversal",
                );
            }
            open.against(rows, step, None, 0)?;
        }
    }
    open.keep(rows, step);
    Ok(())
}

/// OC-2.
pub(super) fn resolved<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &DisputeResolved,
) -> Result<(), StateError<R::Error>> {
    let mut open = Open::next(rows, step, Step::Resolved(body.result))?;
    let grounds = spoken(rows, &open.row, &body.by, &body.signed, step)?;
    open.row.add_grounds(grounds);
    open.settle(rows)?;
    if body.result == Found::Dismissed {
        open.stand_again(rows, step)?;
    } else {
        open.ending.said = None;
        open.against(rows, step, body.fault, body.result.severity())?;
    }
    open.keep(rows, step);
    Ok(())
}

/// OC-4.
pub(super) fn counted<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &OutcomeCounted,
) -> Result<(), StateError<R::Error>> {
    let mut open = Open::next(rows, step, Step::Counted)?;
    let Some(said) = open.ending.said.filter(|said| said.event == body.outcome) else {
        return broken(
            "not-waiting",
            format!(
                "{} is no outcome of this case that waits to be counted",
                body.outcome
            ),
        );
    };
    let from = said.at.plus(DISPUTE_WINDOW_MS);
    if step.decided_at < from {
        return broken(
            "counted-early",
            format!(
                "counted at {} ms, it may be disputed until {from} ms",
                step.decided_at
            ),
        );
    }
    open.count(rows, step)?;
    open.keep(rows, step);
    Ok(())
}

/// OC-6.
pub(super) fn lapsed<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &PassportLapsed,
) -> Result<(), StateError<R::Error>> {
    let mut open = Open::next(rows, step, Step::Lapsed)?;
    let expires_at = open.ending.expires_at;
    if body.expires_at != expires_at {
        return broken(
            "lapsed-otherwise",
            format!(
                "lapsed with an end at {} ms, the Passport ends at {expires_at} ms",
                body.expires_at
            ),
        );
    }
    let from = expires_at.plus(LAPSE_MS);
    if step.decided_at < from {
        return broken(
            "lapsed-early",
            format!(
                "lapsed at {} ms, before {from} ms: it may still be used",
                step.decided_at
            ),
        );
    }
    open.settle(rows)?;
    open.keep(rows, step);
    Ok(())
}

impl Open {
    /// The case after this step, as far as the table and the chain go.
    fn next<R: Rows>(
        rows: &mut R,
        step: &CaseStep,
        kind: Step,
    ) -> Result<Self, StateError<R::Error>> {
        let mut row = case(rows, step.place.case)?;
        row.state = follow(Some(row.state), kind)?;
        let Some(mut ending) = row.ending.take() else {
            return broken("case-step", "the case has no Passport");
        };
        // SD-8: what moved is said before anything else happens.
        if ending.moved.take().is_some_and(|moved| moved.is_due()) {
            return broken(
                "standing-due",
                "a standing moved and is not said: `standing.changed` comes first",
            );
        }
        link(&mut row, step)?;
        Ok(Self { row, ending })
    }

    fn keep<R: Rows>(self, rows: &mut R, step: &CaseStep) {
        let ending = Some(self.ending);
        let row = CaseRow { ending, ..self.row };
        rows.set(RowName::Case(step.place.case), Row::Case(row));
    }

    /// OC-7: the amount is no exposure any more.
    fn settle<R: Rows>(&mut self, rows: &mut R) -> Result<(), StateError<R::Error>> {
        if core::mem::replace(&mut self.ending.settled, true) {
            return Ok(());
        }
        self.expose(rows, u64::saturating_sub)
    }

    /// The agent's exposure and the amount, put together by `how`.
    fn expose<R: Rows>(
        &self,
        rows: &mut R,
        how: fn(u64, u64) -> u64,
    ) -> Result<(), StateError<R::Error>> {
        let mut agent_row = agent(rows, &self.row.agent)?;
        agent_row.exposure_minor = how(agent_row.exposure_minor, self.row.amount_minor);
        let name = RowName::Agent(self.row.agent.clone());
        rows.set(name, Row::Agent(agent_row));
        Ok(())
    }

    /// It counts: SD-3.
    fn count<R: Rows>(
        &mut self,
        rows: &mut R,
        step: &CaseStep,
    ) -> Result<(), StateError<R::Error>> {
        self.ending.said = None;
        trust::moves(
            rows,
            &self.row,
            &mut self.ending,
            step,
            |ending, between| {
                let both = [&mut between.agent, &mut between.counterparty];
                let credit = between.dealings.credit(ending.band, step.decided_at, both);
                ending.credit = Some(credit);
                pay(ending, &mut between.counterparty.payments, true);
            },
        )
    }

    /// The credit stands no more, and there is bad evidence, if it was somebody's fault: SD-4, SD-5.
    fn against<R: Rows>(
        &mut self,
        rows: &mut R,
        step: &CaseStep,
        fault: Option<Fault>,
        severity: u64,
    ) -> Result<(), StateError<R::Error>> {
        let at = step.decided_at;
        trust::moves(
            rows,
            &self.row,
            &mut self.ending,
            step,
            |ending, between| {
                let live = ending.credit.filter(|credit| credit.live);
                if let Some(mut credit) = live {
                    let both = [&mut between.agent, &mut between.counterparty];
                    between
                        .dealings
                        .withdraw(&mut credit, ending.band, at, both);
                    ending.credit = Some(credit);
                    pay(ending, &mut between.counterparty.payments, false);
                }
                match fault {
                    Some(Fault::Agent) => between.agent.debit(severity, at),
                    Some(Fault::Counterparty) => between.counterparty.debit(severity, at),
                    Some(Fault::Nobody) | None => {}
                }
            },
        )
    }

    /// The credit stands again, if there was one: SD-5.
    fn stand_again<R: Rows>(
        &mut self,
        rows: &mut R,
        step: &CaseStep,
    ) -> Result<(), StateError<R::Error>> {
        trust::moves(
            rows,
            &self.row,
            &mut self.ending,
            step,
            |ending, between| {
                if let Some(mut credit) = ending.credit {
                    let both = [&mut between.agent, &mut between.counterparty];
                    let at = step.decided_at;
                    between
                        .dealings
                        .stand_again(&mut credit, ending.band, at, both);
                    ending.credit = Some(credit);
                    pay(ending, &mut between.counterparty.payments, true);
                }
            },
        )
    }
}

/// SD-7: a completed payment is one more, and one less when it does not stand.
fn pay(ending: &Ending, payments: &mut u64, completed: bool) {
    if !ending.pays {
        return;
    }
    *payments = if completed {
        payments.saturating_add(1)
    } else {
        payments.saturating_sub(1)
    };
}

/// OC-1, OC-2: whoever speaks may. Answers the entries that say so.
fn spoken<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    by: &Speaker,
    signed: &Signed,
    step: &CaseStep,
) -> Result<Vec<u64>, StateError<R::Error>> {
    if let Speaker::System(system) = by {
        return by_target(rows, row, system);
    }
    let sponsor = agent(rows, &row.agent)?.sponsor;
    let moment = Moment {
        at: step.decided_at,
        entry: step.at.index,
        by: Vec::new(),
    };
    let signers = authority::act(rows, &Deed::Outcome { sponsor: &sponsor }, signed, &moment)?;
    match signers.by.first() {
        Some(user) => with_signers(rows, Vec::new(), Some(user.clone())),
        None => Ok(Vec::new()),
    }
}

fn by_target<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    named: &Id,
) -> Result<Vec<u64>, StateError<R::Error>> {
    if *named != row.target {
        return broken(
            "other-target",
            format!(
                "`{named}` is not the target of this case: `{}` is",
                row.target
            ),
        );
    }
    let target = system(rows, named)?;
    if target.status == Status::Suspended {
        return broken(
            "target-suspended",
            format!("target system `{}` is suspended", named),
        );
    }
    with_signers(rows, target.entries, None)
}
