//! Review pages: sheets with other words in them, and one of the largest kind.

use agentsigna_server::api::portal::pages::{
    self,
    frame::Problem,
    parts::{Left, Sentence, When},
    review::{Group, Judge, Live, Review, SheetPage},
};
use agentsigna_verifier::{cbor::Value, review::Sheet};

use super::samples::{NOW, Words, at, id};

const PURCHASE: &[u8] = include_bytes!("../../../testdata/sheets/purchase.sheet");

/// Puts `value` at a path of members.
fn put(map: &mut Value, path: &[&str], value: Value) {
    let Value::Map(members) = map else {
        panic!("no map at {path:?}");
    };
    let member = members
        .iter_mut()
        .find(|(name, _)| *name == Value::from(path[0]))
        .unwrap_or_else(|| panic!("no {path:?}"));
    match &path[1..] {
        [] => member.1 = value,
        rest => put(&mut member.1, rest, value),
    }
}

fn read(value: &Value) -> Sheet {
    let bytes = value.encode();
    Sheet::decode(&bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// The example of the formats with these words in it.
pub(crate) fn sheet(words: &Words) -> Sheet {
    let mut value = Value::decode(PURCHASE, PURCHASE.len()).unwrap();
    put(
        &mut value,
        &["counterparty", "name"],
        Value::from(&*cut(words.name, 120)),
    );
    put(
        &mut value,
        &["statement"],
        Value::from(&*cut(words.statement, 280)),
    );
    put(
        &mut value,
        &["action", "reference"],
        Value::from(&*cut(words.reference, 64)),
    );
    let parameter: String = cut(words.name, 64)
        .chars()
        .filter(|c| !agentsigna_verifier::review::words::is_unseen(*c))
        .collect();
    let parameters = [
        ("cost_centre", Value::from(&*parameter)),
        ("lines", Value::from(3_u64)),
    ];
    put(
        &mut value,
        &["action", "parameters"],
        Value::map(parameters),
    );
    read(&value)
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// A long one: many rules, ten other cases, nothing said.
pub(crate) fn long() -> Sheet {
    let mut value = Value::decode(PURCHASE, PURCHASE.len()).unwrap();
    let rules = (0..12_u64).map(|n| {
        let id = format!("esc.rule-{n:02}");
        let condition = format!("principal.exposure_minor + context.amount_minor > {n}00000");
        Value::map([
            ("id", Value::from(&*id)),
            ("title", "A rule with a title as long as titles may be, for someone who reads all of them on a telephone".into()),
            ("reason", "more than the group may see pass without a word".into()),
            ("source", Value::from(&*format!("@id(\"{id}\") @title(\"…\")\nforbid(principal, action, resource)\nwhen {{\n  {condition}\n}};"))),
            ("values", Value::array([Value::array([
                "principal.exposure_minor + context.amount_minor".into(), ">".into(), Value::from(&*format!("{n}00000")),
                "8125000".into(), Value::from(&*format!("{n}00000")),
            ])])),
        ])
    });
    put(&mut value, &["rules"], Value::array(rules));
    let recent = (0..10_u8).map(|n| {
        let state = ["issued", "rejected", "expired", "in-review"][usize::from(n) % 4];
        Value::array([
            Value::bytes(&[n + 0x30; 16]),
            "payment-details.change".into(),
            Value::from(&*format!("counterparty-with-a-long-id-{n}")),
            Value::from(u64::from(n) * 1_234_567),
            Value::from(1_762_100_000_000_u64 - u64::from(n) * 7_200_000),
            state.into(),
        ])
    });
    put(&mut value, &["agent", "recent"], Value::array(recent));
    put(&mut value, &["statement"], Value::Null);
    put(&mut value, &["policy", "activated_by"], Value::array([]));
    put(
        &mut value,
        &["excluded"],
        Value::array([Value::array(["dora".into(), "sponsor".into()])]),
    );
    read(&value)
}

fn live(changes: &[&str]) -> Live {
    Live {
        now: When(NOW),
        left: Left {
            at: at(9_000_000),
            now: NOW,
        },
        groups: vec![
            Group {
                group: id("approvers"),
                asked: 1,
                filled: 0,
            },
            Group {
                group: id("finance"),
                asked: 2,
                filled: 1,
            },
        ],
        agreed: vec![(id("gerd"), Some(id("hana")), When(NOW))],
        changes: changes.iter().map(ToString::to_string).collect(),
    }
}

fn review(sheet: &Sheet, live: Live, judge: Judge, problems: Vec<Problem>) -> String {
    let page = Review {
        site: "approve.example.com".into(),
        portal: "https://tenant.example.com".into(),
        approver: id("finn"),
        sheet: SheetPage { sheet },
        live,
        ticket: "mJ5hWq2Zk0m6wNf3rT8vXcB1yD4sG7jLpQ9uEoAiRtY".into(),
        judge,
        problems,
    };
    pages::html(&page).unwrap()
}

/// What of a review page is signed: the sheet, alone.
pub(crate) fn signed_part(sheet: &Sheet) -> String {
    pages::html(&SheetPage { sheet }).unwrap()
}

/// The same sheet, twice: what is live differs.
pub(crate) fn at_two_times(sheet: &Sheet) -> [String; 2] {
    let open = || Judge::Open {
        for_self: true,
        for_others: vec![],
    };
    [
        review(sheet, live(&[]), open(), vec![]),
        review(
            sheet,
            live(&["Counterparty acme is blocked now"]),
            open(),
            vec![],
        ),
    ]
}

pub(crate) fn reviews(words: &Words) -> Vec<(&'static str, String)> {
    let (plain, long) = (sheet(words), long());
    let problem = Problem {
        field: "refuse-reason",
        text: Sentence::new("A refusal needs a reason: say why, in 1 to 280 characters"),
    };
    let delegated = Judge::Open {
        for_self: true,
        for_others: vec![id("hana")],
    };
    let closed = Judge::Closed(
        "You activated the policy less than a day before, so you may not judge.".into(),
    );
    vec![
        ("review", review(&plain, live(&[]), delegated, vec![])),
        (
            "review-problem",
            review(
                &plain,
                live(&["Counterparty acme is on watch now; the sheet says approved"]),
                Judge::Open {
                    for_self: true,
                    for_others: vec![],
                },
                vec![problem],
            ),
        ),
        ("review-long", review(&long, live(&[]), closed, vec![])),
    ]
}
