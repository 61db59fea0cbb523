//! Goal: what differs is found, and nothing else; a comparison counts each case once, by what was weighed then.

use super::*;
use crate::{
    decision::Verdict::{self, Authorized, Escalated, Rejected},
    entry::CaseId,
    event::DecisionMade,
};

const ONE: &str = "@id(\"a.one\") @title(\"One\")\npermit(principal, action, resource);";
const TWO: &str = "@id(\"b.two\") @title(\"Two\")\nforbid(principal, action, resource)\nwhen { principal.tier == 3 };";
const THREE: &str = "@id(\"c.three\") @title(\"Three\")\nforbid(principal, action, resource);";

fn difference(before: &str, after: &str) -> Difference {
    on_stack(|stack| {
        let [before, after] = [before, after].map(|text| compile(stack, text).unwrap());
        Difference::between(before.rules(), after.rules())
    })
}

fn told(difference: &Difference) -> Vec<String> {
    let changes = difference.changes().iter();
    changes
        .map(|change| format!("{} {}", change.kind().name(), change.id()))
        .collect()
}

#[test]
fn rp_1_every_policy_is_added_removed_changed_or_the_same() {
    let before = format!("{ONE}\n{TWO}\n");
    let changed = TWO.replace("== 3", "== 2").replace("Two", "Second");
    let after = format!("{THREE}\n{changed}\n");
    let found = difference(&before, &after);
    assert_eq!(
        told(&found),
        ["removed a.one", "changed b.two", "added c.three"]
    );
    assert_eq!(found.same(), 0);
    let sides = |at: usize| {
        let change = &found.changes()[at];
        let of =
            |side: Option<&RuleText>| side.map(|text| (text.title.clone(), text.source.clone()));
        (of(change.before()), of(change.after()))
    };
    let text = |title: &str, source: &str| Some((title.to_string(), source.to_string()));
    assert_eq!(sides(0), (text("One", ONE), None));
    assert_eq!(sides(1), (text("Two", TWO), text("Second", &changed)));
    assert_eq!(sides(2), (None, text("Three", THREE)));
    // The other way round, the same policies in the same order.
    let back = difference(&after, &before);
    assert_eq!(
        told(&back),
        ["added a.one", "changed b.two", "removed c.three"]
    );
    // No bundle at all is one without policies.
    assert_eq!(
        told(&difference("", &before)),
        ["added a.one", "added b.two"]
    );
    let same = difference(&before, &before);
    assert_eq!((told(&same), same.same()), (Vec::new(), 2));
}

#[test]
fn rp_2_a_blank_inside_a_policy_is_a_change_and_one_between_is_not() {
    let before = format!("{ONE}\n{TWO}\n");
    for inside in [
        TWO.replace("== 3", "==  3"),
        TWO.replace("when", "// why\nwhen"),
        TWO.replace(";", " ;"),
    ] {
        let found = difference(&before, &format!("{ONE}\n{inside}\n"));
        assert_eq!(
            (told(&found), found.same()),
            (Vec::from(["changed b.two".to_string()]), 1)
        );
    }
    let between = format!("// another order\n{TWO}\n\n\n{ONE} // the end\n");
    let found = difference(&before, &between);
    assert_eq!((told(&found), found.same()), (Vec::new(), 2));
}

/// Cases are numbered from 1; the decision of case n stands in entry `10 * n`.
fn case(number: u8) -> CaseId {
    CaseId::from_bytes([number; 16])
}

/// What `text` decides on purchases of these amounts, as it is recorded.
fn recorded(stack: &BigStack, text: &str, amounts: &[u64]) -> Vec<(CaseId, u64, DecisionMade)> {
    let bundle = compile(stack, text).unwrap();
    let cases = amounts.iter().zip(1_u8..);
    cases
        .map(|(amount_minor, number)| {
            let facts = Facts {
                amount_minor: *amount_minor,
                bundle: Some(bundle.digest()),
                ..Facts::usual()
            };
            let snapshot = facts.snapshot();
            let (decision, _) = decide(stack, Some(&bundle), &snapshot).into_parts();
            (
                case(number),
                u64::from(number) * 10,
                DecisionMade { snapshot, decision },
            )
        })
        .collect()
}

const LIMITS: &str = r#"@id("grant") @title("Anything")
permit(principal, action, resource);
@id("esc") @title("Much") @escalate("much")
forbid(principal, action, resource) when { context.amount_minor > 50000 };
@id("stop") @title("Too much")
forbid(principal, action, resource) when { context.amount_minor > 90000 };
"#;

#[test]
fn rp_5_verdicts_are_counted_as_recorded_and_by_the_candidate() {
    on_stack(|stack| {
        let amounts = [10_000, 30_000, 40_000, 60_000, 80_000, 95_000];
        let recorded = recorded(stack, LIMITS, &amounts);
        let verdicts = recorded.iter().map(|(.., made)| made.decision.verdict());
        let expected = [
            Authorized, Authorized, Authorized, Escalated, Escalated, Rejected,
        ];
        assert!(verdicts.eq(expected));
        let compared = |text: &str| {
            let candidate = compile(stack, text).unwrap();
            let mut comparison = Comparison::default();
            for (case, index, made) in &recorded {
                comparison.add(stack, &candidate, *case, *index, made);
            }
            comparison
        };
        // The same policy says the same: RP-4, its digest aside.
        let same = compared(LIMITS);
        assert_eq!(same.counts(), [[3, 0, 0], [0, 2, 0], [0, 0, 1]]);
        assert_eq!((same.moved(), same.otherwise()), (Vec::new(), 0));
        let stricter = LIMITS.replace("50000", "20000").replace("90000", "70000");
        let found = compared(&stricter);
        assert_eq!(found.counts(), [[1, 2, 0], [0, 1, 1], [0, 0, 1]]);
        assert_eq!(found.cases(), 6);
        let moved: Vec<(CaseId, Verdict, Verdict, String)> = found
            .moved()
            .into_iter()
            .map(|moved| (moved.case, moved.before, moved.after, moved.rules.join(" ")))
            .collect();
        let row =
            |number, before, after, rule: &str| (case(number), before, after, rule.to_string());
        assert_eq!(
            moved,
            [
                row(5, Escalated, Rejected, "stop"),
                row(3, Authorized, Escalated, "esc"),
                row(2, Authorized, Escalated, "esc"),
            ]
        );
        // By other names, or asking other people: the same verdict, and said apart.
        let renamed = LIMITS.replace("\"grant\"", "\"grant.all\"");
        let found = compared(&renamed);
        assert_eq!((found.moved().len(), found.otherwise()), (0, 3));
        let others = LIMITS.replace("\"much\")", "\"much\") @approvers(\"finance:2\")");
        assert_eq!(compared(&others).otherwise(), 2);
        // No authority at all.
        assert_eq!(compared("").counts(), [[0, 0, 3], [0, 0, 2], [0, 0, 1]]);
    });
}

#[test]
fn rp_3_a_case_counts_once_by_its_last_decision() {
    on_stack(|stack| {
        let recorded = recorded(stack, LIMITS, &[60_000, 10_000, 95_000]);
        let candidate = compile(stack, LIMITS).unwrap();
        let mut comparison = Comparison::default();
        for (_, index, made) in &recorded {
            comparison.add(stack, &candidate, case(1), *index, made);
        }
        assert_eq!(comparison.counts(), [[0, 0, 0], [0, 0, 0], [0, 0, 1]]);
        assert_eq!(comparison.cases(), 1);
        // The last ones are those that were decided last.
        let mut comparison = Comparison::default();
        for (case, index, made) in &recorded {
            comparison.add(stack, &candidate, *case, *index, made);
        }
        comparison.keep_last(3);
        assert_eq!(comparison.cases(), 3);
        comparison.keep_last(2);
        assert_eq!(comparison.counts(), [[1, 0, 0], [0, 0, 0], [0, 0, 1]]);
        comparison.keep_last(0);
        assert_eq!(comparison.cases(), 0);
    });
}

#[test]
fn rp_4_everything_but_the_bundle_is_as_weighed() {
    on_stack(|stack| {
        // Recorded without any policy, and while the agent was suspended: the candidate is asked all the same, and
        // what was weighed then still counts.
        let candidate = compile(stack, GRANT).unwrap();
        let mut made = recorded(stack, LIMITS, &[10_000]).remove(0).2;
        made.snapshot = Facts::usual().snapshot();
        made.decision = decide(stack, None, &made.snapshot).into_parts().0;
        assert_eq!(made.decision.rules(), ["builtin.no-policy"]);
        let mut comparison = Comparison::default();
        comparison.add(stack, &candidate, case(1), 7, &made);
        made.snapshot = Facts {
            agent: crate::snapshot::Status::Suspended,
            ..Facts::usual()
        }
        .snapshot();
        comparison.add(stack, &candidate, case(2), 8, &made);
        assert_eq!(comparison.counts(), [[0, 0, 0], [0, 0, 0], [1, 0, 1]]);
        // RP-6: what is asked is another snapshot than the one recorded.
        let asked = made.snapshot.clone().under_bundle(Some(candidate.digest()));
        assert_ne!(asked.digest(), made.snapshot.digest());
    });
}
