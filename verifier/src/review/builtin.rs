//! What a sheet says of the product's own rules (`spec/sheet.md` §3.1): fixed texts, and the numbers compared.
//!
//! Only rules of oversight are here: whatever else is built in rejects, and a rejection is nobody's to judge.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use super::sheet::{Comparison, Operator, RuleShown};
use crate::{
    action::Category,
    decision::{self, BuiltinRule, DETAILS_FRESH_MS, EXPOSURE_TOPS},
    snapshot::{Snapshot, Tier},
};

/// Every built-in rule that can be in an escalation.
pub fn rules() -> impl Iterator<Item = BuiltinRule> {
    let always = Category::ALL.into_iter().map(BuiltinRule::Always);
    always.chain([
        BuiltinRule::FirstPayment,
        BuiltinRule::DetailsChanged,
        BuiltinRule::Latitude,
        BuiltinRule::Exposure,
    ])
}

/// Why the rule asks people; `None` for a rule that rejects.
#[must_use]
pub const fn reason(rule: BuiltinRule) -> Option<&'static str> {
    match rule {
        BuiltinRule::Always(_) => Some("no policy and no standing lets an agent do this alone"),
        BuiltinRule::FirstPayment => Some("somebody should know who is paid"),
        BuiltinRule::DetailsChanged => Some(
            "changed details are how payments are diverted: ask the counterparty on another way",
        ),
        BuiltinRule::Latitude => {
            Some("an agent acts alone up to its latitude, in tier 4 not at all")
        }
        BuiltinRule::Exposure => Some(
            "what is authorised and not settled, with this, is above four tops of its latitude",
        ),
        BuiltinRule::BundleMismatch
        | BuiltinRule::AgentSuspended
        | BuiltinRule::TargetSuspended
        | BuiltinRule::CounterpartyBlocked
        | BuiltinRule::NoPolicy
        | BuiltinRule::EngineError
        | BuiltinRule::NoAuthority => None,
    }
}

/// The comparison that made the rule hold, from the snapshot.
fn values(rule: BuiltinRule, snapshot: &Snapshot) -> Option<Comparison> {
    let agent = snapshot.agent();
    let counterparty = snapshot.counterparty();
    match rule {
        BuiltinRule::FirstPayment => Some(compare(
            "payments_before",
            Operator::Equal,
            "0",
            counterparty.payments_before(),
            0_u64,
        )),
        BuiltinRule::DetailsChanged => {
            let changed_at = counterparty.payment_details_changed_at()?.millis();
            let since = snapshot.decided_at().millis().saturating_sub(changed_at);
            Some(compare(
                "decided_at - details_changed_at",
                Operator::LessOrEqual,
                "2592000000",
                since,
                DETAILS_FRESH_MS,
            ))
        }
        BuiltinRule::Latitude if agent.tier() == Tier::SUPERVISED => Some(compare(
            "tier",
            Operator::Equal,
            "4",
            agent.tier().number(),
            Tier::SUPERVISED.number(),
        )),
        BuiltinRule::Latitude => Some(compare(
            "action_band",
            Operator::Greater,
            "latitude",
            snapshot.action().band(snapshot.exponent()).number(),
            agent.latitude().number(),
        )),
        BuiltinRule::Exposure => {
            let top = agent.latitude().band()?.top_minor(snapshot.exponent());
            Some(compare(
                "exposure_minor + amount_minor",
                Operator::Greater,
                "4 * top(latitude)",
                decision::exposure_after_minor(snapshot),
                EXPOSURE_TOPS.saturating_mul(top),
            ))
        }
        _ => None,
    }
}

/// What a sheet says of the built-in rule of this id; `None` if it is none, or does not hold for `snapshot`.
#[must_use]
pub fn show(id: &str, snapshot: &Snapshot) -> Option<RuleShown> {
    let holding = decision::oversight(snapshot);
    let rule = holding.into_iter().find(|rule| rule.id() == id)?;
    Some(RuleShown {
        id: String::from(rule.id()),
        title: String::from(rule.title()),
        reason: String::from(reason(rule)?),
        source: None,
        values: values(rule, snapshot).into_iter().collect::<Vec<_>>(),
    })
}

fn compare(
    left: &str,
    operator: Operator,
    right: &str,
    left_value: impl core::fmt::Display,
    right_value: impl core::fmt::Display,
) -> Comparison {
    Comparison {
        left: left.to_string(),
        operator,
        right: right.to_string(),
        left_value: left_value.to_string(),
        right_value: right_value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;
    use crate::{
        action::{ActionType, is_control_or_bidi},
        snapshot::tests::Facts,
    };

    #[test]
    fn the_table_of_the_page_is_the_one_of_the_code() {
        // SH-1
        let page = include_str!("../../../spec/sheet.md");
        for rule in rules() {
            let id = match rule {
                BuiltinRule::Always(_) => "builtin.always.<category>",
                other => other.id(),
            };
            let reason = reason(rule).unwrap();
            let row = format!("| `{id}` | {} | {reason} | ", rule.title());
            assert!(page.contains(&row), "{row}");
            assert!((1..=120).contains(&reason.len()) && !reason.contains(is_control_or_bidi));
        }
        let rows = page.lines().filter(|line| line.starts_with("| `builtin."));
        assert_eq!(rows.count() - 1 + Category::ALL.len(), rules().count());
    }

    #[test]
    fn rules_that_reject_have_no_reason_to_ask() {
        for rule in [
            BuiltinRule::BundleMismatch,
            BuiltinRule::AgentSuspended,
            BuiltinRule::TargetSuspended,
            BuiltinRule::CounterpartyBlocked,
            BuiltinRule::NoPolicy,
            BuiltinRule::EngineError,
            BuiltinRule::NoAuthority,
        ] {
            assert_eq!(reason(rule), None);
            assert!(rules().all(|other| other != rule));
            assert_eq!(show(rule.id(), &Facts::usual().snapshot()), None);
        }
    }

    #[test]
    fn each_rule_that_holds_shows_what_it_compared() {
        // SH-1: each rule alone, at its edge; and not where it does not hold.
        let page = include_str!("../../../spec/sheet.md");
        let usual = Facts::usual;
        let day_ms = 24 * 60 * 60 * 1000;
        let first = Facts {
            payments_before: 0,
            ..usual()
        };
        let changed = |ago_ms| Facts {
            changed_at: Some(Facts::NOON - ago_ms),
            ..usual()
        };
        let cases: [(&str, Facts, &[&str]); 8] = [
            (
                "builtin.always.first-payment",
                first,
                &["payments_before", "==", "0", "0", "0"],
            ),
            (
                "builtin.always.details-changed",
                changed(30 * day_ms),
                &[
                    "decided_at - details_changed_at",
                    "<=",
                    "2592000000",
                    "2592000000",
                    "2592000000",
                ],
            ),
            (
                "builtin.latitude",
                Facts {
                    latitude: 1,
                    ..usual()
                },
                &["action_band", ">", "latitude", "2", "1"],
            ),
            (
                "builtin.latitude",
                Facts {
                    latitude: -1,
                    amount_minor: 0,
                    ..usual()
                },
                &["action_band", ">", "latitude", "0", "-1"],
            ),
            (
                "builtin.latitude",
                Facts {
                    tier: 4,
                    latitude: 15,
                    ..usual()
                },
                &["tier", "==", "4", "4", "4"],
            ),
            (
                "builtin.exposure",
                Facts {
                    latitude: 2,
                    exposure_minor: 515_001,
                    ..usual()
                },
                &[
                    "exposure_minor + amount_minor",
                    ">",
                    "4 * top(latitude)",
                    "640001",
                    "640000",
                ],
            ),
            (
                "builtin.always.wire",
                Facts {
                    kind: ActionType::Wire,
                    ..usual()
                },
                &[],
            ),
            (
                "builtin.always.deletion",
                Facts {
                    kind: ActionType::DataDelete,
                    ..usual()
                },
                &[],
            ),
        ];
        for (id, facts, expected) in cases {
            let shown = show(id, &facts.snapshot()).unwrap_or_else(|| panic!("{id}"));
            assert_eq!((shown.id.as_str(), &shown.source), (id, &None));
            let found: Vec<String> = shown
                .values
                .iter()
                .flat_map(Comparison::texts)
                .map(String::from)
                .collect();
            assert_eq!(found, expected, "{id}");
            if let [left, operator, right, ..] = expected {
                let on_page = format!("`{left} {operator} {right}`");
                assert!(page.contains(&on_page), "{on_page}");
            }
            assert_eq!(show(id, &usual().snapshot()), None, "{id}");
        }
        // A change later than the decision is as fresh as can be.
        let later = Facts {
            changed_at: Some(Facts::NOON + 5),
            ..usual()
        };
        let shown = show("builtin.always.details-changed", &later.snapshot()).unwrap();
        assert_eq!(shown.values[0].left_value, "0");
        let id = "builtin.always.details-changed";
        assert_eq!(show(id, &changed(30 * day_ms + 1).snapshot()), None);
    }
}
