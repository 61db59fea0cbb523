//! What becomes of a request: ST-6, ST-7, ST-9, CA-1, CA-3.

use super::*;
use crate::{
    action::{Action, ActionType, Currency},
    case::CaseState,
    decision::Verdict,
    entry::CaseId,
    event::{ActionRequested, CaseExpired, ReviewOpened},
    passport::{Audience, Claims, Delivery, Passport},
    verify::testing::{Role, payment},
};

type Change = fn(&mut Claims);

/// A tenant with one case that was asked for, and was not decided.
pub(super) fn asked() -> (Tenant, CaseId) {
    let mut tenant = Tenant::ready(1);
    let case = tenant.request("r-1", &payment(12_500));
    (tenant, case)
}

fn decided(verdict: Verdict) -> (Tenant, CaseId) {
    let (mut tenant, case) = asked();
    tenant.decide(case, verdict);
    (tenant, case)
}

fn in_review() -> (Tenant, CaseId) {
    let (mut tenant, case) = decided(Verdict::Escalated);
    tenant.open_review(case);
    (tenant, case)
}

fn request(tenant: &mut Tenant, request_id: &str, action: &Action) -> (CasePlace, ActionRequested) {
    let (key, origin) = (tenant.key(Role::Agent), String::from(tenant.origin()));
    tenant.asked(request_id, action, &key, &origin)
}

fn deadline(tenant: &mut Tenant, case: CaseId) -> UnixMillis {
    tenant.case(case).deadline.unwrap()
}

fn review(round: u64, deadline: UnixMillis) -> Body {
    Body::ReviewOpened(ReviewOpened {
        round,
        deadline,
        sheet: None,
    })
}

fn expired(round: u64, deadline: UnixMillis) -> Body {
    Body::CaseExpired(CaseExpired { round, deadline })
}

fn requests() -> Vec<Broken> {
    let mut tenant = Tenant::ready(1);
    let (place, body) = request(&mut tenant, "r-1", &payment(12_500));
    let other = CasePlace {
        case: CaseId::from_bytes([7; 16]),
        ..place
    };
    let mut found = Vec::from([
        case(
            OK,
            next(&tenant, Some(place), Body::ActionRequested(body.clone())),
            "as it should be",
        ),
        case(
            "case-id",
            next(&tenant, Some(other), Body::ActionRequested(body.clone())),
            "another case",
        ),
    ]);
    // The same words under another request id, agent or log make another case.
    let mut renamed = body.clone();
    renamed.request_id = RequestId::parse("r-2").unwrap();
    found.push(case(
        "case-id",
        next(&tenant, Some(place), Body::ActionRequested(renamed)),
        "request id",
    ));
    for (agent, expected) in [("nobody", "unknown-agent"), ("new-bot", "not-enrolled")] {
        let mut tenant = tenant.clone();
        tenant.invite_agent("new-bot", &tenant.key(Role::Founder));
        let mut of_other = body.clone();
        of_other.agent = id(agent);
        let place = CasePlace {
            case: CaseId::of(tenant.origin(), &of_other.agent, &of_other.request_id),
            ..place
        };
        found.push(case(
            expected,
            next(&tenant, Some(place), Body::ActionRequested(of_other)),
            agent,
        ));
    }
    let mut in_dollars = body.clone();
    in_dollars.action = Action::new(
        ActionType::Payment,
        12_500,
        Currency::parse("USD").unwrap(),
        id("acme"),
        id("erp"),
        "",
        BTreeMap::new(),
    )
    .unwrap();
    found.push(case(
        "currency",
        next(&tenant, Some(place), Body::ActionRequested(in_dollars)),
        "USD",
    ));
    tenant.append(Some(place), Body::ActionRequested(body.clone()));
    found.push(case(
        "request-repeated",
        next(&tenant, Some(place), Body::ActionRequested(body)),
        "again",
    ));
    found
}

/// Each step of a case under each wrong number and link.
fn links() -> Vec<Broken> {
    let mut found = Vec::new();
    let mut steps: Vec<(Tenant, CasePlace, Body)> = Vec::new();
    let mut tenant = Tenant::ready(1);
    let (place, body) = request(&mut tenant, "r-1", &payment(12_500));
    steps.push((tenant, place, Body::ActionRequested(body)));
    let (mut tenant, case_id) = asked();
    let made = tenant.decision(case_id, Verdict::Escalated);
    steps.push((
        tenant.clone(),
        tenant.place(case_id),
        Body::DecisionMade(made),
    ));
    let (mut tenant, case_id) = decided(Verdict::Escalated);
    let opened = review(1, deadline(&mut tenant, case_id));
    steps.push((tenant.clone(), tenant.place(case_id), opened));
    let (mut tenant, case_id) = in_review();
    tenant.wait_ms(crate::decision::REVIEW_MS);
    let closed = expired(1, deadline(&mut tenant, case_id));
    steps.push((tenant.clone(), tenant.place(case_id), closed));
    let (mut tenant, case_id) = decided(Verdict::Authorized);
    let claims = tenant.claims(case_id).to_value();
    let issued = Body::PassportIssued(tenant.seal(Role::Seal, &claims));
    steps.push((tenant.clone(), tenant.place(case_id), issued));
    for (tenant, place, body) in steps {
        let kind = body.kind();
        found.push(case(OK, next(&tenant, Some(place), body.clone()), kind));
        for (number, previous) in [
            (place.index + 1, place.previous),
            (place.index.wrapping_sub(1), place.previous),
            (u64::MAX, place.previous),
            (place.index, Digest::from_bytes([0xee; 32])),
        ] {
            let other = CasePlace {
                index: number,
                previous,
                ..place
            };
            found.push(case(
                "case-chain",
                next(&tenant, Some(other), body.clone()),
                kind,
            ));
        }
        if place.index > 0 {
            let first = CasePlace {
                previous: Digest::from_bytes([0; 32]),
                ..place
            };
            found.push(case("case-chain", next(&tenant, Some(first), body), kind));
        }
    }
    found
}

fn passports() -> Vec<Broken> {
    let (mut tenant, case_id) = decided(Verdict::Authorized);
    let place = tenant.place(case_id);
    let honest = tenant.claims(case_id);
    let issue = |claims: &Claims| {
        let sealed = tenant.seal(Role::Seal, &claims.to_value());
        next(&tenant, Some(place), Body::PassportIssued(sealed))
    };
    let changes: [(&str, Change); 14] = [
        (OK, |_| {}),
        ("wrong-tenant", |claims| claims.origin.push('0')),
        ("wrong-tenant", |claims| {
            claims.issuer = String::from("example.com");
        }),
        ("case-mismatch", |claims| {
            claims.case = CaseId::from_bytes([7; 16]);
        }),
        ("agent-mismatch", |claims| claims.agent = id("other-bot")),
        ("audience-mismatch", |claims| {
            claims.audience = Audience::new(claims.origin.clone(), id("crm"));
        }),
        ("audience-mismatch", |claims| {
            claims.audience = Audience::new(format!("{}0", claims.origin), id("erp"));
        }),
        ("policy-mismatch", |claims| {
            claims.bundle = Digest::from_bytes([9; 32]);
        }),
        ("chain-mismatch", |claims| claims.chain.clear()),
        ("chain-mismatch", |claims| claims.chain.reverse()),
        ("chain-mismatch", |claims| {
            claims.chain.push(Digest::from_bytes([9; 32]));
        }),
        ("issue-time", |claims| claims.issued_s += 1),
        ("issue-time", |claims| claims.issued_s -= 1),
        ("key-mismatch", |claims| {
            claims.key = crate::verify::testing::public_key(&crate::verify::testing::signing_key(
                1,
                Role::OtherAgent,
            ));
        }),
    ];
    let mut found = Vec::new();
    for (at, (expected, change)) in changes.into_iter().enumerate() {
        let mut claims = honest.clone();
        change(&mut claims);
        found.push(case(expected, issue(&claims), format!("claims {at}")));
    }
    let sealed = tenant.seal(Role::Seal, &honest.to_value());
    for (bytes, how) in [
        (Vec::new(), "nothing"),
        (sealed[1..].to_vec(), "no tag"),
        ([&sealed[..], b"\x00"].concat(), "a byte more"),
    ] {
        let body = Body::PassportIssued(bytes);
        found.push(case("malformed", next(&tenant, Some(place), body), how));
    }
    // PA-5: what is registered has nothing that is not sealed.
    let mut issued = tenant.clone();
    let index = issued.append(Some(place), Body::PassportIssued(sealed.clone()));
    let delivery = Delivery {
        head: issued.entry_head(index),
        proof: Vec::from(*b"proof"),
    };
    let delivered = Passport::parse(&sealed).unwrap().delivered(&delivery);
    let body = Body::PassportIssued(delivered);
    found.push(case(
        "malformed",
        next(&tenant, Some(place), body),
        "as delivered",
    ));
    found
}

/// CA-1, as events: every step on every state that the table does not have for it.
fn steps() -> Vec<Broken> {
    let mut at_ends: Vec<(Tenant, CaseId, &[&str])> = Vec::new();
    let (tenant, case_id) = asked();
    at_ends.push((tenant, case_id, &["decision.made"]));
    let (tenant, case_id) = decided(Verdict::Authorized);
    at_ends.push((tenant, case_id, &["passport.issued"]));
    let (tenant, case_id) = decided(Verdict::Escalated);
    at_ends.push((tenant, case_id, &["review.opened"]));
    let (tenant, case_id) = decided(Verdict::Rejected);
    at_ends.push((tenant, case_id, &[]));
    let (tenant, case_id) = in_review();
    at_ends.push((tenant, case_id, &["case.expired"]));
    let (mut tenant, case_id) = decided(Verdict::Authorized);
    tenant.issue(case_id, |_| {});
    at_ends.push((tenant, case_id, &[]));
    let (mut tenant, case_id) = in_review();
    tenant.wait_ms(crate::decision::REVIEW_MS);
    let closed = expired(1, deadline(&mut tenant, case_id));
    let place = tenant.place(case_id);
    tenant.append(Some(place), closed);
    at_ends.push((tenant, case_id, &[]));

    let mut found = Vec::new();
    for (mut tenant, case_id, possible) in at_ends {
        tenant.wait_ms(crate::decision::REVIEW_MS);
        let row = tenant.case(case_id);
        let place = tenant.place(case_id);
        let until = row.deadline.unwrap_or(tenant.now());
        let decision = Body::DecisionMade(tenant.decision(case_id, Verdict::Escalated));
        // Claims that are right save that the case may not be in the right state.
        let (mut other, other_case) = decided(Verdict::Authorized);
        let mut claims = other.claims(other_case);
        claims.case = case_id;
        claims.issued_s = tenant.now().seconds();
        claims.chain = row.events.iter().map(|event| event.digest).collect();
        claims.bundle = row.bundle.unwrap_or(claims.bundle);
        let passport = Body::PassportIssued(tenant.seal(Role::Seal, &claims.to_value()));
        for body in [decision, review(1, until), expired(1, until), passport] {
            let kind = body.kind();
            let expected = if possible.contains(&kind) {
                OK
            } else if kind == "passport.issued" && row.bundle.is_none() {
                // Not decided: no bundle that it could name.
                "policy-mismatch"
            } else if kind == "decision.made" && row.state == CaseState::InReview {
                // AV-12: nobody agreed.
                "not-agreed"
            } else {
                "case-step"
            };
            let how = format!("{kind} on {}", row.state.as_str());
            found.push(case(
                expected,
                next(&tenant, Some(place), body.clone()),
                how,
            ));
            let nowhere = CasePlace {
                case: CaseId::from_bytes([7; 16]),
                ..place
            };
            let how = format!("{kind} of no case");
            found.push(case("case-step", next(&tenant, Some(nowhere), body), how));
        }
        // A kind that belongs to no case, put into one by hand: bytes like these cannot be read (EN-4).
        let stray = Body::LogCreated(tenant.genesis());
        found.push(case("genesis", next(&tenant, Some(place), stray), "stray"));
        let stray = Body::AuthFailed(crate::event::AuthFailed {
            subject: String::from("founder"),
            reason: String::from("signature-wrong"),
            minute: 1,
            count: 1,
        });
        found.push(case(
            "case-step",
            next(&tenant, Some(place), stray.clone()),
            "stray",
        ));
        found.push(case(OK, next(&tenant, None, stray), "counted"));
        found.push(case(
            "case-step",
            next(&tenant, None, review(1, until)),
            "no place",
        ));
    }
    found
}

fn reviews() -> Vec<Broken> {
    let (mut tenant, case_id) = decided(Verdict::Escalated);
    let (place, until) = (tenant.place(case_id), deadline(&mut tenant, case_id));
    let mut found = Vec::from([
        case(
            OK,
            next(&tenant, Some(place), review(1, until)),
            "as decided",
        ),
        case(
            "review-round",
            next(&tenant, Some(place), review(0, until)),
            "round 0",
        ),
        case(
            "review-round",
            next(&tenant, Some(place), review(2, until)),
            "round 2",
        ),
        case(
            "review-deadline",
            next(&tenant, Some(place), review(1, until.plus(1))),
            "later",
        ),
        case(
            "review-deadline",
            next(&tenant, Some(place), review(1, tenant.now())),
            "sooner",
        ),
    ]);
    tenant.append(Some(place), review(1, until));
    let place = tenant.place(case_id);
    let early = until.millis() - tenant.now().millis() - 1;
    tenant.wait_ms(early);
    found.push(case(
        "expired-early",
        next(&tenant, Some(place), expired(1, until)),
        "1 ms early",
    ));
    found.push(case(
        "review-deadline",
        next(&tenant, Some(place), expired(1, tenant.now())),
        "its own deadline",
    ));
    tenant.wait_ms(1);
    found.push(case(
        OK,
        next(&tenant, Some(place), expired(1, until)),
        "in time",
    ));
    found.push(case(
        "review-round",
        next(&tenant, Some(place), expired(2, until)),
        "round 2",
    ));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = requests();
    all.extend(links());
    all.extend(passports());
    all.extend(steps());
    all.extend(reviews());
    all
}

#[test]
fn st_6_a_request_makes_its_case_once() {
    check(&requests());
}

#[test]
fn st_7_each_event_links_to_the_one_before() {
    check(&links());
}

#[test]
fn st_9_a_passport_says_what_its_case_says() {
    check(&passports());
}

#[test]
fn ca_1_a_case_takes_the_steps_of_the_table() {
    check(&steps());
}

#[test]
fn ca_3_a_review_ends_when_the_decision_says() {
    check(&reviews());
    // The deadline is `decided_at` plus `review_ms`, to the millisecond.
    let (mut tenant, case_id) = asked();
    let at = tenant.now();
    let made = tenant.decision(case_id, Verdict::Escalated);
    let review_ms = made.decision.review_ms().unwrap();
    let place = tenant.place(case_id);
    tenant.append(Some(place), Body::DecisionMade(made));
    assert_eq!(deadline(&mut tenant, case_id), at.plus(review_ms));
    // Without a review there is none.
    let (mut tenant, case_id) = decided(Verdict::Rejected);
    assert_eq!(tenant.case(case_id).deadline, None);
}

/// What a Passport permits counts against the agent; a refusal does not.
#[test]
fn exposure_is_the_sum_of_what_was_permitted() {
    let mut tenant = Tenant::ready(1);
    let exposure = |tenant: &mut Tenant| match tenant.rows.row(&RowName::Agent(id("ap-bot"))) {
        Ok(Some(Row::Agent(row))) => row.exposure_minor,
        other => panic!("{other:?}"),
    };
    tenant.rejected("r-1");
    tenant.escalated("r-2");
    assert_eq!(exposure(&mut tenant), 0);
    tenant.authorized("r-3");
    assert_eq!(exposure(&mut tenant), 12_500);
    tenant.authorized("r-4");
    assert_eq!(exposure(&mut tenant), 25_000);
}

/// `grounds` name the entries with which a stranger makes the same rows.
#[test]
fn a_decision_names_its_grounds() {
    let (mut tenant, case_id) = decided(Verdict::Authorized);
    let grounds = tenant.case(case_id).grounds;
    let kinds: Vec<&str> = grounds
        .iter()
        .map(|index| tenant.event_at(*index).body.kind())
        .collect();
    assert_eq!(
        kinds,
        [
            "agent.invited",
            "agent.claimed",
            "agent.enrolled",
            "system.invited",
            "system.claimed",
            "system.enrolled",
            "counterparty.enrolled",
            "policy.published",
            "policy.activated"
        ]
    );
    assert!(grounds.windows(2).all(|pair| pair[0] < pair[1]));
}

/// Goal: a storage that fails is not taken for a row that is missing.
#[test]
fn rows_that_cannot_be_read_are_no_finding() {
    for kind in Body::KINDS {
        let event = crate::entry::tests::example(kind);
        let index = u64::from(*kind != "log.created");
        let digest = Digest::from_bytes([0; 32]);
        let judged = apply(&mut Unreadable, &event, digest, index, Completeness::Whole);
        let blind = ["log.created", "auth.failed"].contains(kind);
        let expected = if blind {
            Ok(())
        } else {
            Err(StateError::Rows("disk"))
        };
        assert_eq!(judged, expected, "{kind}");
    }
}
