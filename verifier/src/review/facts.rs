//! What is unusual about an action: five comparisons of integers, no score (`spec/sheet.md` §3.2).
//!
//! Facts are made from the agent's *other cases*: those of its history row, the case at hand aside. They say what
//! differs, not that it is wrong; nothing decides on them.

use alloc::{string::String, vec::Vec};

use crate::{
    action::{Action, ActionType},
    cbor::{CborError, Items, Value},
    entry::CaseId,
    id::Id,
    limits::AMOUNT_MINOR_MAX,
    time::UnixMillis,
};

/// Cases in an agent's history row.
pub const HISTORY_CASES_MAX: usize = 32;
/// How long changed payment details are a fact: 90 days, in milliseconds.
pub const DETAILS_CHANGED_MS: u64 = 90 * 24 * 60 * 60 * 1000;
/// The first and the last hour of a usual day, UTC.
pub const USUAL_HOURS: core::ops::RangeInclusive<u64> = 6..=19;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// One case of an agent's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCase {
    /// Its name.
    pub case: CaseId,
    /// What was asked for.
    pub kind: ActionType,
    /// With whom.
    pub counterparty: Id,
    /// For how much, in minor units.
    pub amount_minor: u64,
    /// When.
    pub asked_at: UnixMillis,
}

/// What the agent asked for with one counterparty, as far as its history goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// How many cases, `1..=32`.
    pub cases: u64,
    /// The median of their amounts in minor units, the lower of two in the middle.
    pub median_minor: u64,
    /// When the last of them was asked for.
    pub last_at: UnixMillis,
}

/// When an action was asked for and decided on, and with whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The time of the request.
    pub asked_at: UnixMillis,
    /// The time of the decision.
    pub decided_at: UnixMillis,
    /// When the counterparty's payment details last changed.
    pub details_changed_at: Option<UnixMillis>,
}

/// One thing that differs from what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// None of the other cases was with this counterparty.
    FirstWithCounterparty,
    /// The amount is more than twice the median of the pair.
    AmountAboveMedian {
        /// The amount, in minor units.
        amount_minor: u64,
        /// The median, in minor units.
        median_minor: u64,
    },
    /// None of the other cases was of this type.
    NewActionType,
    /// Payment details changed within 90 days before the decision, at this time.
    DetailsChanged(UnixMillis),
    /// Asked for in this hour, UTC, which is not from 6 to 19.
    OutsideHours(u64),
}

/// What `others` say of `counterparty`; `None` if none of them is with it. `others` are oldest first.
#[must_use]
pub fn pair(counterparty: &Id, others: &[HistoryCase]) -> Option<Pair> {
    let with: Vec<&HistoryCase> = others
        .iter()
        .filter(|other| other.counterparty == *counterparty)
        .collect();
    let mut amounts: Vec<u64> = with.iter().map(|other| other.amount_minor).collect();
    amounts.sort_unstable();
    // The lower of two in the middle: place 0 of 2, 1 of 3, 1 of 4.
    let middle = amounts.len().checked_sub(1)? / 2;
    Some(Pair {
        cases: u64::try_from(amounts.len()).ok()?,
        median_minor: *amounts.get(middle)?,
        last_at: with.last()?.asked_at,
    })
}

/// What is unusual about `action`, in the order of the page. `others` are the agent's other cases, oldest first.
#[must_use]
pub fn unusual(action: &Action, moment: Moment, others: &[HistoryCase]) -> Vec<Fact> {
    let pair = pair(action.counterparty(), others);
    let new_type = !others.iter().any(|other| other.kind == action.kind());
    follow(action, moment, pair.as_ref(), new_type)
}

/// The facts that follow from what a sheet shows; only whether the type is new does not show.
pub(super) fn follow(
    action: &Action,
    moment: Moment,
    pair: Option<&Pair>,
    new_type: bool,
) -> Vec<Fact> {
    let amount_minor = action.amount_minor();
    let first = pair.is_none().then_some(Fact::FirstWithCounterparty);
    let above = pair
        .filter(|pair| amount_minor > pair.median_minor.saturating_mul(2))
        .map(|pair| Fact::AmountAboveMedian {
            amount_minor,
            median_minor: pair.median_minor,
        });
    let new_type = new_type.then_some(Fact::NewActionType);
    let since = |at: UnixMillis| moment.decided_at.millis().saturating_sub(at.millis());
    let changed = moment
        .details_changed_at
        .filter(|at| since(*at) <= DETAILS_CHANGED_MS)
        .map(Fact::DetailsChanged);
    let hour = moment.asked_at.millis() / HOUR_MS % 24;
    let outside = (!USUAL_HOURS.contains(&hour)).then_some(Fact::OutsideHours(hour));
    [first, above, new_type, changed, outside]
        .into_iter()
        .flatten()
        .collect()
}

impl Fact {
    /// The word for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::FirstWithCounterparty => "first-with-counterparty",
            Self::AmountAboveMedian { .. } => "amount-above-median",
            Self::NewActionType => "new-action-type",
            Self::DetailsChanged(_) => "details-changed",
            Self::OutsideHours(_) => "outside-hours",
        }
    }

    /// Whether it speaks of the agent's other cases, which a part of a log does not show.
    #[must_use]
    pub const fn is_of_other_cases(&self) -> bool {
        matches!(
            self,
            Self::FirstWithCounterparty | Self::AmountAboveMedian { .. } | Self::NewActionType
        )
    }

    pub(super) fn to_value(self) -> Value {
        let name = Value::from(self.name());
        match self {
            Self::FirstWithCounterparty | Self::NewActionType => Value::array([name]),
            Self::AmountAboveMedian {
                amount_minor,
                median_minor,
            } => Value::array([name, amount_minor.into(), median_minor.into()]),
            Self::DetailsChanged(at) => Value::array([name, at.into()]),
            Self::OutsideHours(hour) => Value::array([name, hour.into()]),
        }
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items: Items = value.into_items("unusual")?;
        let name: String = items.text("fact")?;
        let fact = match name.as_str() {
            "first-with-counterparty" => Self::FirstWithCounterparty,
            "amount-above-median" => Self::AmountAboveMedian {
                amount_minor: items.uint("amount_minor")?,
                median_minor: items.uint("median_minor")?,
            },
            "new-action-type" => Self::NewActionType,
            "details-changed" => Self::DetailsChanged(items.time("time")?),
            "outside-hours" => Self::OutsideHours(items.uint("hour")?),
            _ => return Err(items.unexpected("fact", "one of the five facts")),
        };
        items.finish()?;
        Ok(fact)
    }
}

impl Pair {
    pub(super) fn to_value(self) -> Value {
        Value::map([
            ("cases", Value::from(self.cases)),
            ("median_minor", Value::from(self.median_minor)),
            ("last_at", Value::from(self.last_at)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("pair")?;
        let pair = Self {
            cases: fields.uint("cases")?,
            median_minor: fields.uint("median_minor")?,
            last_at: fields.time("last_at")?,
        };
        // As many as a history holds: the constant above.
        if !(1..=32).contains(&pair.cases) {
            return Err(fields.unexpected("cases", "an integer from 1 to 32"));
        }
        if pair.median_minor > AMOUNT_MINOR_MAX {
            return Err(fields.unexpected("median_minor", "an integer from 0 to 10^15"));
        }
        fields.finish()?;
        Ok(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::Facts;

    const DAY_MS: u64 = 24 * HOUR_MS;
    /// 2025-11-03T00:00:00Z.
    const MIDNIGHT: u64 = Facts::NOON - 12 * HOUR_MS;

    fn time(millis: u64) -> UnixMillis {
        UnixMillis::new(millis).unwrap()
    }

    fn action(amount_minor: u64) -> Action {
        let mut facts = Facts::usual();
        facts.amount_minor = amount_minor;
        facts.snapshot().action().clone()
    }

    fn other(n: u8, amount_minor: u64) -> HistoryCase {
        HistoryCase {
            case: CaseId::from_bytes([n; 16]),
            kind: ActionType::Purchase,
            counterparty: Id::parse("acme").unwrap(),
            amount_minor,
            asked_at: time(Facts::NOON - DAY_MS * u64::from(100 - n)),
        }
    }

    fn others(amounts: &[u64]) -> Vec<HistoryCase> {
        (0..).zip(amounts).map(|(n, a)| other(n, *a)).collect()
    }

    fn noon() -> Moment {
        Moment {
            asked_at: time(Facts::NOON),
            decided_at: time(Facts::NOON),
            details_changed_at: None,
        }
    }

    #[test]
    fn the_median_is_the_lower_of_two_in_the_middle() {
        let acme = Id::parse("acme").unwrap();
        assert_eq!(pair(&acme, &[]), None);
        for (amounts, median) in [
            (&[5][..], 5),
            (&[9, 1], 1),
            (&[9, 1, 4], 4),
            (&[9, 1, 4, 5], 4),
            (&[7, 7, 7, 1, 100], 7),
        ] {
            let found = pair(&acme, &others(amounts)).unwrap();
            assert_eq!(found.median_minor, median, "{amounts:?}");
            assert_eq!(found.cases, amounts.len() as u64);
            assert_eq!(found.last_at, others(amounts).last().unwrap().asked_at);
        }
        // Cases with others count for nothing, and the last is the last in the row, whatever its time.
        let mut history = others(&[10, 20, 30]);
        history[1].counterparty = Id::parse("bolt").unwrap();
        history[2].asked_at = time(1);
        let found = pair(&acme, &history).unwrap();
        assert_eq!(
            (found.cases, found.median_minor, found.last_at),
            (2, 10, time(1))
        );
        let bolt = pair(&history[1].counterparty, &history).unwrap();
        assert_eq!((bolt.cases, bolt.median_minor), (1, 20));
    }

    #[test]
    fn nothing_is_unusual_about_the_usual() {
        assert_eq!(unusual(&action(20), noon(), &others(&[10])), []);
    }

    #[test]
    fn an_amount_stands_out_above_twice_the_median_and_not_at_it() {
        let history = others(&[10, 10, 50]);
        assert_eq!(unusual(&action(20), noon(), &history), []);
        let above = Fact::AmountAboveMedian {
            amount_minor: 21,
            median_minor: 10,
        };
        assert_eq!(unusual(&action(21), noon(), &history), [above]);
        // Of nothing, anything is more than twice.
        assert_eq!(unusual(&action(0), noon(), &others(&[0])), []);
        assert_eq!(unusual(&action(1), noon(), &others(&[0])).len(), 1);
        let most = others(&[AMOUNT_MINOR_MAX]);
        assert_eq!(unusual(&action(AMOUNT_MINOR_MAX), noon(), &most), []);
    }

    #[test]
    fn first_with_a_counterparty_and_first_of_a_type_are_two_facts() {
        use Fact::{FirstWithCounterparty, NewActionType};
        let none = unusual(&action(20), noon(), &[]);
        assert_eq!(none, [FirstWithCounterparty, NewActionType]);
        let mut history = others(&[10]);
        history[0].kind = ActionType::Payment;
        assert_eq!(unusual(&action(20), noon(), &history), [NewActionType]);
        history[0].kind = ActionType::Purchase;
        history[0].counterparty = Id::parse("bolt").unwrap();
        let first = unusual(&action(20), noon(), &history);
        assert_eq!(first, [FirstWithCounterparty]);
    }

    #[test]
    fn changed_details_are_a_fact_for_ninety_days() {
        let history = others(&[10]);
        let at = |changed_at: u64| Moment {
            details_changed_at: Some(time(changed_at)),
            ..noon()
        };
        let limit = Facts::NOON - 90 * DAY_MS;
        for (changed_at, holds) in [
            (limit - 1, false),
            (limit, true),
            (limit + 1, true),
            (Facts::NOON, true),
            // Later than the decision: two writers with two clocks.
            (Facts::NOON + 1, true),
            (0, false),
        ] {
            let found = unusual(&action(20), at(changed_at), &history);
            let fact = Fact::DetailsChanged(time(changed_at));
            assert_eq!(found, Vec::from_iter(holds.then_some(fact)), "{changed_at}");
        }
        // Counted from the decision, not from the request.
        let mut later = at(limit);
        later.decided_at = time(Facts::NOON + 1);
        assert_eq!(unusual(&action(20), later, &history), []);
    }

    #[test]
    fn hours_are_those_of_the_request_in_utc() {
        let history = others(&[10]);
        for (millis, hour) in [
            (0, Some(0)),
            (5 * HOUR_MS, Some(5)),
            (6 * HOUR_MS - 1, Some(5)),
            (6 * HOUR_MS, None),
            (20 * HOUR_MS - 1, None),
            (20 * HOUR_MS, Some(20)),
            (24 * HOUR_MS - 1, Some(23)),
        ] {
            let asked = Moment {
                asked_at: time(MIDNIGHT + millis),
                ..noon()
            };
            let found = unusual(&action(20), asked, &history);
            let expected = Vec::from_iter(hour.map(Fact::OutsideHours));
            assert_eq!(found, expected, "{millis}");
        }
    }

    #[test]
    fn all_facts_at_once_stand_in_the_order_of_the_page_and_read_back() {
        let page = include_str!("../../../spec/sheet.md");
        let mut history = others(&[10]);
        history[0].kind = ActionType::Payment;
        let night = Moment {
            asked_at: time(MIDNIGHT),
            details_changed_at: Some(time(MIDNIGHT)),
            ..noon()
        };
        let mut all = unusual(&action(21), night, &history);
        all.insert(0, unusual(&action(21), night, &[])[0]);
        assert_eq!(all.len(), 5);
        let mut from = 0;
        for fact in all {
            assert_eq!(Fact::from_value(fact.to_value()), Ok(fact));
            let row = std::format!("| `[\"{}\"", fact.name());
            let at = page.find(&row).unwrap_or_else(|| panic!("{row}"));
            assert!(at > from, "{row}");
            from = at;
            // One item more, one fewer, another name.
            let Value::Array(items) = fact.to_value() else {
                unreachable!()
            };
            let more = items.iter().cloned().chain([Value::Null]);
            assert!(Fact::from_value(Value::array(more)).is_err());
            let fewer = items.split_last().unwrap().1.to_vec();
            assert!(Fact::from_value(Value::Array(fewer)).is_err());
        }
        assert!(Fact::from_value(Value::array([Value::from("odd")])).is_err());
    }
}
