//! Drawing a sheet, and telling two apart (`spec/sheet.md` §3, SH-1).

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    facts::{self, Fact, HistoryCase, Moment},
    sheet::{
        AgentShown, CounterpartyShown, Exclusion, PolicyShown, RECENT_CASES_MAX, RecentCase,
        RuleShown, SHEET_BYTES_MAX, Sheet,
    },
};
use crate::{
    case::CaseState,
    cbor::CborError,
    decision::{Decision, Verdict},
    digest::Digest,
    entry::CaseId,
    id::Id,
    snapshot::Snapshot,
    standing::{BANDS, PerBand},
    time::UnixMillis,
};

/// How long who activated a policy does not judge under it: one day, in milliseconds.
pub const ACTIVATION_FRESH_MS: u64 = 24 * 60 * 60 * 1000;

/// What rows, request and entries say beside decision and snapshot.
#[derive(Debug, Clone)]
pub struct SheetInput<'a> {
    /// The case.
    pub case: CaseId,
    /// The round that opens, `1..=16`.
    pub round: u64,
    /// `decided_at` of `action.requested`.
    pub asked_at: UnixMillis,
    /// The end of the round.
    pub deadline: UnixMillis,
    /// The decision that asks people.
    pub decision: &'a Decision,
    /// What it weighed.
    pub snapshot: &'a Snapshot,
    /// The agent's own words, from the body of the request.
    pub statement: Option<&'a str>,
    /// The counterparty's name.
    pub name: &'a str,
    /// When the counterparty was enrolled.
    pub first_seen_at: UnixMillis,
    /// When the bundle was activated.
    pub activated_at: UnixMillis,
    /// The people who signed that, rising.
    pub activated_by: &'a [Id],
    /// The agent's scores on the day of the decision.
    pub scores: PerBand,
    /// The history row of the agent, oldest first; this case may be in it.
    pub history: &'a [HistoryCase],
    /// Where the cases of [`recent`] stand; others may be in it.
    pub states: &'a BTreeMap<CaseId, CaseState>,
    /// Event digests of the case so far, in order.
    pub chain: &'a [Digest],
}

/// Why no sheet can be drawn. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// Nobody is asked.
    #[error("verdict `{found}`: a sheet is drawn of an escalated decision")]
    NotEscalated {
        /// The verdict.
        found: Verdict,
    },
    /// The snapshot names no bundle.
    #[error("no policy is active: nobody can be asked under none")]
    NoPolicy,
    /// Not the rules of the decision, one for each, in order.
    #[error("rules are shown that are not those of the decision, or some are not")]
    Rules,
    /// The state of a case is not at hand.
    #[error("the state of case {case} is not at hand: a sheet shows the last ten")]
    State {
        /// The case.
        case: CaseId,
    },
    /// A member is out of range, or the sheet is too long.
    #[error(transparent)]
    Form(#[from] CborError),
}

/// The agent's other cases: those of its history row but `case`. Oldest first.
pub fn others(history: &[HistoryCase], case: CaseId) -> impl Iterator<Item = &HistoryCase> {
    history.iter().filter(move |other| other.case != case)
}

/// The other cases a sheet shows: the last ten, newest first. Their states are to be looked up.
#[must_use]
pub fn recent(history: &[HistoryCase], case: CaseId) -> Vec<&HistoryCase> {
    let mut others: Vec<&HistoryCase> = others(history, case).collect();
    others.reverse();
    others.truncate(RECENT_CASES_MAX);
    others
}

/// AV-7: who may not judge at `at`, and why. Rising by person, then by why.
#[must_use]
pub fn excluded(
    sponsor: &Id,
    activated_at: UnixMillis,
    activated_by: &[Id],
    at: UnixMillis,
) -> Vec<(Id, Exclusion)> {
    let fresh = at.millis().saturating_sub(activated_at.millis()) < ACTIVATION_FRESH_MS;
    let mut excluded: Vec<(Id, Exclusion)> = activated_by
        .iter()
        .filter(|_| fresh)
        .map(|person| (person.clone(), Exclusion::Activated))
        .chain([(sponsor.clone(), Exclusion::Sponsor)])
        .collect();
    excluded.sort();
    excluded
}

impl Sheet {
    /// Draws the sheet: a function of its arguments and nothing else. SH-1
    ///
    /// `rules` say what each rule of the decision is, in its order; with feature `rules`, `rules::sheet` makes them.
    ///
    /// # Errors
    /// [`SheetError`], in the order of its variants.
    pub fn draw(input: &SheetInput<'_>, rules: Vec<RuleShown>) -> Result<Self, SheetError> {
        let SheetInput {
            decision, snapshot, ..
        } = input;
        if decision.verdict() != Verdict::Escalated {
            return Err(SheetError::NotEscalated {
                found: decision.verdict(),
            });
        }
        let bundle = snapshot.bundle().ok_or(SheetError::NoPolicy)?;
        if !rules.iter().map(|rule| &rule.id).eq(decision.rules()) {
            return Err(SheetError::Rules);
        }
        let others: Vec<HistoryCase> = others(input.history, input.case).cloned().collect();
        let recent = recent(input.history, input.case).into_iter().map(|asked| {
            let case = asked.case;
            let state = input.states.get(&case).copied();
            let state = state.ok_or(SheetError::State { case })?;
            let asked = asked.clone();
            Ok(RecentCase { asked, state })
        });
        let recent = recent.collect::<Result<Vec<_>, SheetError>>()?;
        let (action, agent, counterparty) =
            (snapshot.action(), snapshot.agent(), snapshot.counterparty());
        let moment = Moment {
            asked_at: input.asked_at,
            decided_at: snapshot.decided_at(),
            details_changed_at: counterparty.payment_details_changed_at(),
        };
        let sheet = Self {
            origin: snapshot.origin().to_string(),
            case: input.case,
            round: input.round,
            asked_at: input.asked_at,
            decided_at: snapshot.decided_at(),
            deadline: input.deadline,
            rules,
            action: action.clone(),
            exponent: snapshot.exponent(),
            agent: AgentShown {
                id: agent.id().clone(),
                sponsor: agent.sponsor().clone(),
                tier: agent.tier(),
                key: agent.key(),
                latitude: agent.latitude(),
                scores: input.scores,
                exposure_minor: agent.exposure_minor(),
                recent,
            },
            counterparty: CounterpartyShown {
                id: counterparty.id().clone(),
                name: input.name.to_string(),
                status: counterparty.status(),
                risk: counterparty.risk(),
                payments_before: counterparty.payments_before(),
                first_seen_at: input.first_seen_at,
                details_changed_at: counterparty.payment_details_changed_at(),
                pair: facts::pair(counterparty.id(), &others),
            },
            policy: PolicyShown {
                bundle,
                activated_at: input.activated_at,
                activated_by: input.activated_by.to_vec(),
            },
            unusual: facts::unusual(action, moment, &others),
            demand: decision.demand().to_vec(),
            excluded: excluded(
                agent.sponsor(),
                input.activated_at,
                input.activated_by,
                snapshot.decided_at(),
            ),
            statement: input.statement.map(String::from),
            chain: input.chain.to_vec(),
        };
        sheet.check()?;
        // Whoever reads it must be able to: the length as a reader tests it.
        let found = sheet.encode().len();
        if found > SHEET_BYTES_MAX {
            let max = SHEET_BYTES_MAX;
            return Err(CborError::TooLong { found, max }.into());
        }
        Ok(sheet)
    }

    /// The first member in which this sheet differs from `drawn`; `None` if it is the same. SH-1
    ///
    /// From a part of a log (`whole` is false) the agent's other cases cannot be known: `recent`, `pair`, `scores` and
    /// the facts of `unusual` that speak of them are not compared.
    #[must_use]
    pub fn difference(&self, drawn: &Self, whole: bool) -> Option<&'static str> {
        let agent = |sheet: &Self| AgentShown {
            recent: Vec::new(),
            scores: [0; BANDS],
            ..sheet.agent.clone()
        };
        let counterparty = |sheet: &Self| CounterpartyShown {
            pair: None,
            ..sheet.counterparty.clone()
        };
        let unusual = |sheet: &Self| -> Vec<Fact> {
            let facts = sheet.unusual.iter().copied();
            facts
                .filter(|fact| whole || !fact.is_of_other_cases())
                .collect()
        };
        let same = [
            ("origin", self.origin == drawn.origin),
            ("case", self.case == drawn.case),
            ("round", self.round == drawn.round),
            ("asked_at", self.asked_at == drawn.asked_at),
            ("decided_at", self.decided_at == drawn.decided_at),
            ("deadline", self.deadline == drawn.deadline),
            ("rules", self.rules == drawn.rules),
            ("action", self.action == drawn.action),
            ("exponent", self.exponent == drawn.exponent),
            ("agent", agent(self) == agent(drawn)),
            ("recent", !whole || self.agent.recent == drawn.agent.recent),
            ("scores", !whole || self.agent.scores == drawn.agent.scores),
            ("counterparty", counterparty(self) == counterparty(drawn)),
            (
                "pair",
                !whole || self.counterparty.pair == drawn.counterparty.pair,
            ),
            ("policy", self.policy == drawn.policy),
            ("unusual", unusual(self) == unusual(drawn)),
            ("demand", self.demand == drawn.demand),
            ("excluded", self.excluded == drawn.excluded),
            ("statement", self.statement == drawn.statement),
            ("chain", self.chain == drawn.chain),
        ];
        same.into_iter()
            .find(|(_, same)| !same)
            .map(|(member, _)| member)
    }
}
