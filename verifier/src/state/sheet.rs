//! What the rows say for a review sheet (AV-14, `spec/sheet.md §3`): one function for the server, which freezes the
//! sheet, and for an auditor, who draws it again.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{
    CounterpartyRow, Row, RowName, Rows, StateError,
    apply::{broken, counterparty},
    cases::case,
    trust::standing,
};
use crate::{
    case::CaseState,
    digest::Digest,
    entry::CaseId,
    event::DecisionMade,
    id::Id,
    review::{HistoryCase, SheetInput, draw},
    standing::{PerBand, Rated},
    time::UnixMillis,
};

/// What the rows before `review.opened` say, after the decision that asks people.
#[derive(Debug, Clone)]
pub struct SheetFacts {
    case: CaseId,
    round: u64,
    deadline: UnixMillis,
    counterparty: CounterpartyRow,
    activated_at: UnixMillis,
    activated_by: Vec<Id>,
    scores: PerBand,
    history: Vec<HistoryCase>,
    states: BTreeMap<CaseId, CaseState>,
    chain: Vec<Digest>,
}

impl SheetFacts {
    /// Reads them. `made` is the last decision of the case, which these rows have seen.
    ///
    /// # Errors
    /// [`StateError::Broken`] where no review is asked for.
    pub fn of<R: Rows>(
        rows: &mut R,
        id: CaseId,
        made: &DecisionMade,
    ) -> Result<Self, StateError<R::Error>> {
        let row = case(rows, id)?;
        let name = RowName::Review(id);
        let Some(Row::Review(review)) = rows.row(&name).map_err(StateError::Rows)? else {
            return broken("case-step", format!("nobody is asked about case {id}"));
        };
        let Some(Row::Policy(policy)) = rows.row(&RowName::Policy).map_err(StateError::Rows)?
        else {
            return broken("unpublished-bundle", "no policy is active: nobody is asked");
        };
        let rated = Rated::Agent(row.agent.clone());
        let standing = standing(rows, &rated)?.on(made.snapshot.decided_at());
        let name = RowName::History(row.agent.clone());
        let history = match rows.row(&name).map_err(StateError::Rows)? {
            Some(Row::History(history)) => history,
            _ => Vec::new(),
        };
        let mut states = BTreeMap::new();
        for other in draw::recent(&history, id) {
            states.insert(other.case, case(rows, other.case)?.state);
        }
        Ok(Self {
            case: id,
            round: review.round.get().into(),
            deadline: review.deadline,
            counterparty: counterparty(rows, made.snapshot.counterparty().id())?,
            activated_at: policy.activated_at,
            activated_by: policy.by,
            scores: standing.scores(),
            states,
            history,
            chain: row.events.iter().map(|event| event.digest).collect(),
        })
    }

    /// What a sheet is drawn from. `asked_at` is `decided_at` of `action.requested`, `statement` the agent's own
    /// words in the body that it signed ([`crate::act::ActionRequest`]).
    #[must_use]
    pub fn input<'a>(
        &'a self,
        made: &'a DecisionMade,
        asked_at: UnixMillis,
        statement: Option<&'a str>,
    ) -> SheetInput<'a> {
        let name: &String = &self.counterparty.name;
        SheetInput {
            case: self.case,
            round: self.round,
            asked_at,
            deadline: self.deadline,
            decision: &made.decision,
            snapshot: &made.snapshot,
            statement,
            name,
            first_seen_at: self.counterparty.first_seen_at,
            activated_at: self.activated_at,
            activated_by: &self.activated_by,
            scores: self.scores,
            history: &self.history,
            states: &self.states,
            chain: &self.chain,
        }
    }
}
