//! The states of a case, and which event may follow which (`spec/case.md`, the table).

use crate::{
    decision::Verdict,
    outcome::{Found, Outcome, Voice},
};

/// Where a case stands. Shown as the words of `spec/case.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseState {
    /// Asked, not decided.
    Requested,
    /// Policy allows it; the Passport comes in the same write.
    Authorized,
    /// Policy asks for people; the review opens in the same write.
    Escalated,
    /// Closed: policy refused.
    Rejected,
    /// People may judge until the deadline.
    InReview,
    /// As many people agreed as were asked for; the Passport comes in the same write.
    Agreed,
    /// Closed: a person refused.
    Refused,
    /// Closed: not enough people agreed in time.
    Expired,
    /// A Passport carries the permission.
    Issued,
    /// The target has begun.
    Executing,
    /// Closed: the Passport ended unused. The target may still tell otherwise.
    Lapsed,
    /// Closed: a person says that it was completed; counts when the window is over.
    Reported,
    /// Closed: done, and it counts.
    Completed,
    /// Closed: not done, as the target or people say.
    Declined,
    /// Closed: undone.
    Reversed,
    /// Somebody disputes it; people resolve.
    Disputed,
    /// Closed: the dispute was without ground.
    Dismissed,
    /// Closed: the dispute was lost, or it was fraud.
    Upheld,
}

/// What happens to a case; each is one event kind, a decision one for each verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `action.requested`
    Requested,
    /// `decision.made`
    Decided(Verdict),
    /// `decision.made` with the verdict escalated, for people who agreed to the same (AV-12).
    DecidedAgain,
    /// `review.opened`
    ReviewOpened,
    /// `approval.given`
    Approved,
    /// `approval.refused`
    Refused,
    /// `case.expired`
    Expired,
    /// `passport.issued`
    PassportIssued,
    /// `execution.started`
    Started,
    /// `passport.lapsed`
    Lapsed,
    /// `outcome.recorded`
    Ended(Outcome, Voice),
    /// `outcome.counted`
    Counted,
    /// `dispute.resolved`
    Resolved(Found),
    /// `standing.changed`
    StandingChanged,
}

/// A step that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{step} cannot follow {}", .from.map_or("nothing", CaseState::as_str))]
pub struct NoSuchStep {
    from: Option<CaseState>,
    step: &'static str,
}

impl CaseState {
    /// Every state.
    pub const ALL: [Self; 18] = [
        Self::Requested,
        Self::Authorized,
        Self::Escalated,
        Self::Rejected,
        Self::InReview,
        Self::Agreed,
        Self::Refused,
        Self::Expired,
        Self::Issued,
        Self::Executing,
        Self::Lapsed,
        Self::Reported,
        Self::Completed,
        Self::Declined,
        Self::Reversed,
        Self::Disputed,
        Self::Dismissed,
        Self::Upheld,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Authorized => "authorized",
            Self::Escalated => "escalated",
            Self::Rejected => "rejected",
            Self::InReview => "in-review",
            Self::Agreed => "agreed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Issued => "issued",
            Self::Executing => "executing",
            Self::Lapsed => "lapsed",
            Self::Reported => "reported",
            Self::Completed => "completed",
            Self::Declined => "declined",
            Self::Reversed => "reversed",
            Self::Disputed => "disputed",
            Self::Dismissed => "dismissed",
            Self::Upheld => "upheld",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// CA-2: whether a case may stand in this state between two writes. The others are passed through inside one.
    #[must_use]
    pub const fn may_rest(self) -> bool {
        !matches!(
            self,
            Self::Requested | Self::Authorized | Self::Escalated | Self::Agreed
        )
    }

    /// Whether a Passport was issued: what became of it may be said.
    #[must_use]
    pub const fn has_passport(self) -> bool {
        match self {
            Self::Issued
            | Self::Executing
            | Self::Lapsed
            | Self::Reported
            | Self::Completed
            | Self::Declined
            | Self::Reversed
            | Self::Disputed
            | Self::Dismissed
            | Self::Upheld => true,
            Self::Requested
            | Self::Authorized
            | Self::Escalated
            | Self::Rejected
            | Self::InReview
            | Self::Agreed
            | Self::Refused
            | Self::Expired => false,
        }
    }
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 25] = [
        Self::Requested,
        Self::Decided(Verdict::Authorized),
        Self::Decided(Verdict::Escalated),
        Self::Decided(Verdict::Rejected),
        Self::DecidedAgain,
        Self::ReviewOpened,
        Self::Approved,
        Self::Refused,
        Self::Expired,
        Self::PassportIssued,
        Self::Started,
        Self::Lapsed,
        Self::Ended(Outcome::Completed, Voice::Target),
        Self::Ended(Outcome::Completed, Voice::People),
        Self::Ended(Outcome::Reversed, Voice::Target),
        Self::Ended(Outcome::Reversed, Voice::People),
        Self::Ended(Outcome::Rejected, Voice::Target),
        Self::Ended(Outcome::Rejected, Voice::People),
        Self::Ended(Outcome::Disputed, Voice::Target),
        Self::Ended(Outcome::Disputed, Voice::People),
        Self::Counted,
        Self::Resolved(Found::Dismissed),
        Self::Resolved(Found::Lost),
        Self::Resolved(Found::Fraud),
        Self::StandingChanged,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Requested => "action.requested",
            Self::Decided(_) | Self::DecidedAgain => "decision.made",
            Self::ReviewOpened => "review.opened",
            Self::Approved => "approval.given",
            Self::Refused => "approval.refused",
            Self::Expired => "case.expired",
            Self::PassportIssued => "passport.issued",
            Self::Started => "execution.started",
            Self::Lapsed => "passport.lapsed",
            Self::Ended(..) => "outcome.recorded",
            Self::Counted => "outcome.counted",
            Self::Resolved(_) => "dispute.resolved",
            Self::StandingChanged => "standing.changed",
        }
    }
}

/// CA-1: the one table. `from` is `None` before the first event.
///
/// # Errors
/// [`NoSuchStep`] for every pair that is not in it.
pub const fn follow(from: Option<CaseState>, step: Step) -> Result<CaseState, NoSuchStep> {
    use CaseState as S;
    match (from, step) {
        (None, Step::Requested) => Ok(S::Requested),
        (Some(S::Requested | S::InReview), Step::Decided(Verdict::Authorized)) => Ok(S::Authorized),
        (Some(S::Requested | S::InReview), Step::Decided(Verdict::Escalated)) => Ok(S::Escalated),
        (Some(S::Requested | S::InReview), Step::Decided(Verdict::Rejected)) => Ok(S::Rejected),
        (Some(S::Authorized | S::Agreed), Step::PassportIssued) => Ok(S::Issued),
        (Some(S::Escalated), Step::ReviewOpened) | (Some(S::InReview), Step::Approved) => {
            Ok(S::InReview)
        }
        (Some(S::InReview), Step::DecidedAgain) => Ok(S::Agreed),
        (Some(S::InReview), Step::Refused) => Ok(S::Refused),
        (Some(S::InReview), Step::Expired) => Ok(S::Expired),
        (Some(S::Issued | S::Lapsed), Step::Started) => Ok(S::Executing),
        (Some(S::Issued), Step::Lapsed) => Ok(S::Lapsed),
        (Some(from), Step::Ended(outcome, voice)) => ended(from, outcome, voice, step),
        (Some(S::Reported | S::Dismissed), Step::Counted) => Ok(S::Completed),
        (Some(S::Disputed), Step::Resolved(Found::Dismissed)) => Ok(S::Dismissed),
        (Some(S::Disputed), Step::Resolved(Found::Lost | Found::Fraud)) => Ok(S::Upheld),
        (
            Some(state @ (S::Completed | S::Reversed | S::Disputed | S::Dismissed | S::Upheld)),
            Step::StandingChanged,
        ) => Ok(state),
        (from, step) => Err(NoSuchStep {
            from,
            step: step.name(),
        }),
    }
}

/// The rows of `outcome.recorded`. What had lapsed, only the target can know better.
const fn ended(
    from: CaseState,
    outcome: Outcome,
    voice: Voice,
    step: Step,
) -> Result<CaseState, NoSuchStep> {
    use CaseState as S;
    let open = match from {
        S::Issued | S::Executing => true,
        S::Lapsed => matches!(voice, Voice::Target),
        _ => false,
    };
    match (outcome, voice, from) {
        (Outcome::Completed, Voice::Target, _) if open || matches!(from, S::Reported) => {
            Ok(S::Completed)
        }
        (Outcome::Completed, Voice::People, _) if open => Ok(S::Reported),
        (Outcome::Reversed, _, S::Reported | S::Completed | S::Dismissed) => Ok(S::Reversed),
        (Outcome::Reversed, ..) if open => Ok(S::Reversed),
        (Outcome::Rejected, ..) if open => Ok(S::Declined),
        (Outcome::Disputed, _, S::Reported | S::Completed) => Ok(S::Disputed),
        (Outcome::Disputed, ..) if open => Ok(S::Disputed),
        _ => Err(NoSuchStep {
            from: Some(from),
            step: step.name(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The kinds behind a Passport.
    const BEHIND: [&str; 6] = [
        "execution.started",
        "passport.lapsed",
        "outcome.recorded",
        "outcome.counted",
        "dispute.resolved",
        "standing.changed",
    ];

    /// CA-1. Goal: no step is possible but those of the table. Method: all pairs, against the page's list.
    #[test]
    fn only_the_steps_of_the_table_exist() {
        let mut possible = Vec::new();
        for from in core::iter::once(None).chain(CaseState::ALL.into_iter().map(Some)) {
            for step in Step::ALL {
                if let Ok(to) = follow(from, step) {
                    possible.push((
                        from.map_or("-", CaseState::as_str),
                        step.name(),
                        to.as_str(),
                    ));
                }
            }
        }
        let of_people: Vec<_> = possible
            .iter()
            .filter(|(_, step, _)| !BEHIND.contains(step))
            .copied()
            .collect();
        assert_eq!(
            of_people,
            [
                ("-", "action.requested", "requested"),
                ("requested", "decision.made", "authorized"),
                ("requested", "decision.made", "escalated"),
                ("requested", "decision.made", "rejected"),
                ("authorized", "passport.issued", "issued"),
                ("escalated", "review.opened", "in-review"),
                ("in-review", "decision.made", "authorized"),
                ("in-review", "decision.made", "escalated"),
                ("in-review", "decision.made", "rejected"),
                ("in-review", "decision.made", "agreed"),
                ("in-review", "approval.given", "in-review"),
                ("in-review", "approval.refused", "refused"),
                ("in-review", "case.expired", "expired"),
                ("agreed", "passport.issued", "issued"),
            ]
        );
        assert_eq!(possible.len(), of_people.len() + 44);
        // What became of a permission is said only where there is one.
        for state in CaseState::ALL {
            let goes_on = possible
                .iter()
                .any(|(from, step, _)| *from == state.as_str() && BEHIND.contains(step));
            assert_eq!(
                goes_on,
                state.has_passport() && state != CaseState::Declined,
                "{}",
                state.as_str()
            );
        }
        for state in CaseState::ALL {
            assert_eq!(CaseState::parse(state.as_str()), Some(state));
        }
        assert_eq!(CaseState::parse("in review"), None);
    }

    /// CA-1 and CA-2. Goal: code and page have the same tables. Method: the rows of `spec/case.md §3`.
    #[test]
    fn ca_2_page_and_code_have_the_same_tables() {
        let page: Vec<Vec<&str>> = include_str!("../../spec/case.md")
            .lines()
            .filter(|line| line.starts_with("| "))
            .map(|line| line.split('|').map(str::trim).collect())
            .collect();
        let mut rest = 0;
        for state in CaseState::ALL {
            let row = page
                .iter()
                .find(|cells| cells[1] == state.as_str() && matches!(cells[2], "yes" | "no"))
                .unwrap();
            assert_eq!(row[2] == "yes", state.may_rest(), "{}", state.as_str());
            rest += usize::from(state.may_rest());
        }
        assert_eq!(rest, 14);
        let mut steps = 0;
        for from in core::iter::once(None).chain(CaseState::ALL.into_iter().map(Some)) {
            for step in Step::ALL {
                let event = match step {
                    Step::Decided(verdict) => {
                        alloc::format!("`decision.made`, verdict {}", verdict.name())
                    }
                    Step::DecidedAgain => "`decision.made`, the same again".into(),
                    Step::Ended(outcome, voice) => alloc::format!(
                        "`outcome.recorded`, {}, by {}",
                        outcome.as_str(),
                        match voice {
                            Voice::Target => "the target",
                            Voice::People => "people",
                        }
                    ),
                    Step::Resolved(Found::Dismissed) => "`dispute.resolved`, dismissed".into(),
                    Step::Resolved(_) => "`dispute.resolved`, lost or fraud".into(),
                    _ => alloc::format!("`{}`", step.name()),
                };
                let before = from.map_or("–", CaseState::as_str);
                let on_page = page
                    .iter()
                    .find(|cells| cells[1] == before && cells[2] == event)
                    .map(|cells| cells[3]);
                assert_eq!(follow(from, step).ok().map(CaseState::as_str), on_page);
                steps += usize::from(on_page.is_some());
            }
        }
        let on_page = page.iter().filter(|cells| cells.len() == 5);
        let on_page = on_page.filter(|cells| cells[2].starts_with('`'));
        // Lost and fraud are one row.
        assert_eq!(steps, on_page.count() + 1);
    }
}
