//! What becomes of permissions: executed behind the gate, said by the target system or by people, and what that makes of
//! the agent's trust.

use std::{fs, thread, time::Duration};

use agentsigna_tests::client::Client;
use serde_json::{Value, json};

use crate::{
    acts::{BUYER, People, Target, ask},
    stage::{House, Stage, holds, order, say, shown, text},
};

/// Orders that the target system has got when all acts of this file are over.
pub(crate) const ORDERS: usize = 5;

fn state(stage: &Stage, north: &House, answer: &Value) -> String {
    let founder = Client::new(stage.server.door(), north.tenant.founder.key().clone());
    let case = founder
        .read(&format!("/v1/cases/{}", text(answer, "case")))
        .expect(200);
    text(&case, "state").to_owned()
}

/// The gate has told the platform that the target system began.
pub(crate) fn is_executing(stage: &Stage, north: &House, target: &Target, answer: &Value) {
    target.gate.wait_until_reported();
    // The report is answered once it is durable.
    thread::sleep(Duration::from_millis(20));
    let state = state(stage, north, answer);
    assert_eq!(state, "executing", "{answer}");
    shown("the gate reports execution.started, signed by the target system: the case is executing");
}

/// The target system says how it ended.
pub(crate) fn say_outcome(
    stage: &Stage,
    north: &House,
    answer: &Value,
    outcome: &str,
    fault: Option<&str>,
    reason: &str,
) {
    let mut body = json!({
        "origin": north.tenant.origin(), "case": answer["case"], "outcome": outcome, "reason": reason,
    });
    if let Some(fault) = fault {
        body["fault"] = fault.into();
    }
    let called = stage.tell(north, "erp", "/v1/outcomes", &body);
    assert_eq!(called.status, 0, "{}", called.body);
    shown(format_args!(
        "erp says {outcome}: \"{reason}\"; the case is {}",
        text(&called.body, "state")
    ));
}

/// Buys something through the gate.
fn buy(stage: &Stage, north: &House, target: &Target, id: &str, cents: u64) -> Value {
    let answer = ask(stage, north, id, cents, "authorized");
    let passport = stage.fetch(
        north,
        BUYER,
        &answer,
        "/passport",
        &format!("{id}.passport"),
    );
    let reference = id.to_uppercase();
    let called = stage.present(
        north,
        BUYER,
        &target.gate,
        &passport,
        &order(&reference, cents),
    );
    called.is_admitted();
    is_executing(stage, north, target, &answer);
    answer
}

pub(crate) fn others(stage: &mut Stage, north: &House, people: &People, target: &Target) {
    stage.act("Not everything that is permitted ends well");
    let declined = buy(stage, north, target, "po-1005", 30_000);
    say_outcome(stage, north, &declined, "rejected", None, "out of stock");
    let reversed = buy(stage, north, target, "po-1006", 30_000);
    say_outcome(
        stage,
        north,
        &reversed,
        "reversed",
        Some("none"),
        "sent back",
    );
    say("Never by the agent itself, nor by its sponsor:");
    let agent = Client::new(
        stage.server.door(),
        agentsigna_tests::keys::Key::read(&north.folder.join("buyer-1.key")),
    );
    let body = json!({
        "origin": north.tenant.origin(), "case": declined["case"], "outcome": "completed", "reason": "trust me",
    });
    let refused = agent.act(
        agentsigna_verifier::signed_request::Profile::Action,
        "/v1/outcomes",
        &body,
    );
    assert!(refused.status >= 400, "{}", refused.text());
    holds(
        state(stage, north, &declined) == "declined",
        "each ending is an entry of the same shape, linked to its case; the agent's own word is refused",
    );
    let _ = people;
}

pub(crate) fn trust(stage: &mut Stage, north: &House, people: &People, target: &Target) {
    stage.act("A purchase turns out to be fraud: the next decision knows");
    let answer = buy(stage, north, target, "po-1007", 125_000);
    let case = text(&answer, "case").to_owned();
    say(
        "Olga, an operator, disputes it with her passkey; then she finds that the agent lost the money:",
    );
    let disputed = people.olga.act(
        "/v1/outcomes",
        json!({ "case": case, "outcome": "disputed", "reason": "nobody ordered this" }),
    );
    shown(format_args!("disputed: {}", summary(&disputed.expect(200))));
    let lost = people.olga.act(
        "/v1/disputes/resolve",
        json!({ "case": case, "result": "fraud", "fault": "agent", "reason": "invoice was forged" }),
    );
    shown(format_args!("resolved: {}", summary(&lost.expect(200))));
    say("The request of act 3 once more, word for word, under a new name:");
    let again = ask(stage, north, "po-1008", 125_000, "escalated");
    holds(
        again["rules"].to_string().contains("latitude"),
        "what policy authorized this morning now asks people: latitude is none for 30 days",
    );
    let file = stage.fetch(north, BUYER, &answer, "/file", "po-1007.case");
    let _ = stage.judge("passport", &file, north, &[]).expect_valid();
    let page = fs::read_to_string(north.folder.join("po-1007.case.txt")).expect("a page");
    assert!(page.contains("fraud"), "{page}");
    holds(true, "and the case file says so, offline, with who said it");
}

fn summary(answer: &Value) -> String {
    format!("entry {}", answer["index"])
}
