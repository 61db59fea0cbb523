//! Case files.

use alloc::string::ToString as _;

use super::*;
use crate::{
    case_file::CaseFile,
    cbor::Value,
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    event::Body,
    passport::Claims,
    snapshot::{Approval, Status},
    verify::{
        Outcome, Profile,
        testing::{POLICY, Role, payment, signing_key},
    },
};

type Ending = (fn(&mut Tenant) -> CaseId, Profile);

fn authorized() -> (Tenant, CaseId) {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    (tenant, case)
}

fn refused(file: &[u8], trust: &Trust) -> bool {
    matches!(verify(file, trust, &at(NOW)).outcome(), Outcome::Refused(_))
}

#[test]
fn every_ending_has_a_file_that_is_valid() {
    let endings: [Ending; 4] = [
        (|tenant| tenant.authorized("r-1"), Profile::CaseWithPassport),
        (|tenant| tenant.escalated("r-1"), Profile::Case),
        (|tenant| tenant.expired("r-1"), Profile::Case),
        (|tenant| tenant.rejected("r-1"), Profile::Case),
    ];
    for (make, profile) in endings {
        let mut tenant = Tenant::ready(1);
        let case = make(&mut tenant);
        let file = tenant.case_file(case);
        let report = verify(&file, &tenant.trust(), &at(NOW));
        assert_eq!(word(&report), "VALID", "{profile:?} {:?}", report.checks());
        assert_eq!(report.profile(), profile);
        assert_eq!(
            report.authority().is_some(),
            profile == Profile::CaseWithPassport
        );
        assert_eq!(report.not_reached().count(), 0);
        let replayed = report
            .checks()
            .iter()
            .any(|check| check.step == Step::Replay);
        assert_eq!(replayed, cfg!(feature = "rules"));
        // VE-22.
        let question = Question {
            expects_authority: true,
            ..at(NOW)
        };
        let expected = if profile == Profile::Case {
            "REFUSED not-authorized"
        } else {
            "VALID"
        };
        assert_eq!(word(&verify(&file, &tenant.trust(), &question)), expected);
    }
}

#[test]
fn cf_1_a_file_reads_back_to_its_bytes() {
    let (tenant, case) = authorized();
    let bytes = tenant.case_file(case);
    let file = CaseFile::parse(&bytes).unwrap();
    assert_eq!(file.encode(), bytes);
    assert_eq!((file.origin(), file.case()), (tenant.origin(), case));
}

#[test]
fn a_passport_in_a_file_needs_a_time_and_a_refusal_does_not() {
    let (mut tenant, case) = authorized();
    let question = Question { at: None, ..at(0) };
    let file = tenant.case_file(case);
    assert_eq!(
        word(&verify(&file, &tenant.trust(), &question)),
        "INCOMPLETE no-clock"
    );
    assert_eq!(
        word(&verify(&file, &tenant.trust(), &at(NOW * 2))),
        "REFUSED expired"
    );
    let case = tenant.rejected("r-2");
    assert_eq!(
        word(&verify(&tenant.case_file(case), &tenant.trust(), &question)),
        "VALID"
    );
}

/// Goal: the promise of decision 11 for case files. Method: one bit of each byte; which, the position says.
/// Unoptimised, every fifth byte: a file is read and written again for each.
#[test]
fn ve_6_every_flipped_byte_of_a_case_file_is_refused() {
    let (tenant, case) = authorized();
    let file = tenant.case_file(case);
    let trust = tenant.trust();
    let bits = (0..file.len())
        .step_by(if cfg!(debug_assertions) { 5 } else { 1 })
        .map(|byte| byte * 8 + byte * 7 % 8);
    flips(&file, bits, |changed| refused(changed, &trust));
}

#[test]
fn ve_19_an_event_that_is_left_out_is_missed() {
    let (tenant, case) = authorized();
    let trust = tenant.trust();
    let all = tenant.chain_of(case);
    let passport = tenant.passport(case);
    let mut codes = Vec::new();
    for left_out in &all {
        let rest: Vec<u64> = all
            .iter()
            .copied()
            .filter(|index| index != left_out)
            .collect();
        let file = tenant.case_file_of(case, &rest, tenant.blobs_of(case), Some(passport.clone()));
        let kind = tenant.event_at(*left_out).body.kind();
        codes.push(format!("{kind}: {}", ask(&file, &trust)));
    }
    assert_eq!(
        codes,
        [
            "log.created: REFUSED wrong-genesis",
            "agent.invited: REFUSED wrong-code",
            "agent.claimed: REFUSED not-claimed",
            "agent.enrolled: REFUSED not-enrolled",
            "system.invited: REFUSED wrong-code",
            "system.claimed: REFUSED not-claimed",
            "system.enrolled: REFUSED not-enrolled",
            "counterparty.enrolled: REFUSED unknown-counterparty",
            "policy.published: REFUSED blob-mismatch",
            "policy.activated: REFUSED snapshot-mismatch",
            "action.requested: REFUSED surplus-entry",
            "decision.made: REFUSED surplus-entry",
            "passport.issued: REFUSED case-incomplete",
        ]
    );
}

#[test]
fn ve_18_nothing_else_is_in_the_file() {
    let mut tenant = Tenant::ready(1);
    tenant.enrol_counterparty("globex", 1);
    tenant.enrol_agent(
        "other-bot",
        &tenant.key(Role::OtherAgent),
        &tenant.key(Role::Founder),
    );
    let other = tenant.rejected("r-0");
    let unused = tenant.publish("");
    let case = tenant.authorized("r-1");
    let trust = tenant.trust();
    let chain = tenant.chain_of(case);
    let surplus = (0..tenant.entries.len() as u64).filter(|index| !chain.contains(index));
    for index in surplus.collect::<Vec<u64>>() {
        let mut more = chain.clone();
        more.push(index);
        more.sort_unstable();
        let mut blobs = tenant.blobs_of(case);
        if matches!(tenant.event_at(index).body, Body::PolicyPublished(_)) {
            blobs.push(tenant.blobs[&unused].clone());
        }
        let file = tenant.case_file_of(case, &more, blobs, Some(tenant.passport(case)));
        assert_eq!(ask(&file, &trust), "REFUSED surplus-entry", "{index}");
    }
    assert_eq!(ask(&tenant.case_file(other), &trust), "VALID");
}

/// Goal: a file holds what its decision rests on and no more. Method: true statements about the agent, target,
/// counterparty and policy of the case, said too late, or overruled before the decision.
#[test]
fn cf_5_ve_18_only_what_the_decision_rests_on_is_in_the_file() {
    type Say = fn(&mut Tenant, Digest);
    let says: [Say; 5] = [
        |tenant, _| tenant.change_agent("ap-bot", Status::Active),
        |tenant, _| tenant.change_system("erp", Status::Active),
        |tenant, _| tenant.change_counterparty("acme", Approval::Approved, false),
        |tenant, bundle| tenant.activate(bundle),
        |tenant, _| _ = tenant.publish(POLICY),
    ];
    for (at, say) in says.into_iter().enumerate() {
        let mut tenant = Tenant::ready(1);
        let bundle = *tenant.blobs.keys().next().unwrap();
        // Twice before the decision and once after it.
        say(&mut tenant, bundle);
        say(&mut tenant, bundle);
        let case = tenant.authorized("r-1");
        say(&mut tenant, bundle);
        let trust = tenant.trust();
        assert_eq!(ask(&tenant.case_file(case), &trust), "VALID", "{at}");
        let chain = tenant.chain_of(case);
        let last = tenant.entries.len() as u64 - 1;
        let surplus: Vec<u64> = (0..=last).filter(|index| !chain.contains(index)).collect();
        assert!(surplus.len() >= 2 && surplus.contains(&last), "{at}");
        for index in surplus {
            let mut more = chain.clone();
            more.push(index);
            more.sort_unstable();
            let passport = Some(tenant.passport(case));
            let file = tenant.case_file_of(case, &more, tenant.blobs_of(case), passport);
            assert_eq!(
                ask(&file, &trust),
                "REFUSED surplus-entry",
                "{at} with {index}"
            );
        }
    }
}

#[test]
fn ve_16_blobs_are_those_that_are_named() {
    let (tenant, case) = authorized();
    let trust = tenant.trust();
    let chain = tenant.chain_of(case);
    let file = |blobs: Vec<Vec<u8>>| {
        ask(
            &tenant.case_file_of(case, &chain, blobs, Some(tenant.passport(case))),
            &trust,
        )
    };
    let bundle = tenant.blobs_of(case).remove(0);
    assert_eq!(file([bundle.clone()].into()), "VALID");
    assert_eq!(file(Vec::new()), "INCOMPLETE missing-blob");
    assert_eq!(file([b"another".to_vec()].into()), "REFUSED blob-mismatch");
    assert_eq!(
        file([bundle.clone(), b"more".to_vec()].into()),
        "REFUSED blob-mismatch"
    );
    assert_eq!(
        file([bundle.clone(), bundle].into()),
        "REFUSED blob-mismatch"
    );
}

#[test]
fn ve_17_changes_before_the_decision_are_weighed() {
    // Suspended and set active again; details changed long before: all of it belongs into the file.
    let mut tenant = Tenant::ready(1);
    tenant.change_agent("ap-bot", Status::Suspended);
    let stopped = tenant.request("r-0", &payment(1000));
    let mut made = tenant.decision(stopped, Verdict::Rejected);
    made.decision = crate::decision::Decision::new(
        Verdict::Rejected,
        ["builtin.agent-suspended".into()].into(),
        Vec::new(),
        None,
        made.decision.engine().into(),
    )
    .unwrap();
    let place = tenant.place(stopped);
    tenant.append(Some(place), Body::DecisionMade(made));
    tenant.change_agent("ap-bot", Status::Active);
    tenant.change_system("erp", Status::Active);
    tenant.change_counterparty("acme", Approval::Watch, false);
    tenant.change_counterparty("acme", Approval::Approved, false);
    let case = tenant.authorized("r-1");
    let trust = tenant.trust();
    assert_eq!(ask(&tenant.case_file(case), &trust), "VALID");
    assert_eq!(ask(&tenant.case_file(stopped), &trust), "VALID");
    let chain: Vec<u64> = tenant.chain_of(stopped);
    let kept: Vec<u64> = chain
        .iter()
        .copied()
        .filter(|index| !matches!(tenant.event_at(*index).body, Body::AgentChanged(_)))
        .collect();
    assert!(kept.len() < chain.len());
    let file = tenant.case_file_of(stopped, &kept, tenant.blobs_of(stopped), None);
    assert_eq!(ask(&file, &trust), "REFUSED snapshot-mismatch");
}

#[test]
fn ve_20_what_is_sealed_is_what_was_decided() {
    let cases: Cases<Claims, 8> = [
        (
            |claims| claims.rules.push("grant.more".into()),
            "REFUSED policy-mismatch",
        ),
        (|claims| claims.engine.push('!'), "REFUSED policy-mismatch"),
        (
            |claims| claims.bundle = Digest::from_bytes([1; 32]),
            "REFUSED policy-mismatch",
        ),
        (
            |claims| claims.snapshot = Digest::from_bytes([1; 32]),
            "REFUSED snapshot-mismatch",
        ),
        (
            |claims| {
                claims.action = payment(1);
                claims.action_digest = claims.action.digest();
            },
            "REFUSED action-mismatch",
        ),
        (
            |claims| claims.chain[0] = Digest::from_bytes([1; 32]),
            "REFUSED chain-mismatch",
        ),
        (
            |claims| claims.agent = crate::id::Id::parse("other").unwrap(),
            "REFUSED agent-mismatch",
        ),
        (
            |claims| {
                claims.key = crate::verify::testing::public_key(&signing_key(9, Role::Stranger));
            },
            "REFUSED key-mismatch",
        ),
    ];
    for (at, (forge, expected)) in cases.into_iter().enumerate() {
        let mut tenant = Tenant::ready(1);
        let case = tenant.request("r-1", &payment(12_500));
        tenant.decide(case, Verdict::Authorized);
        tenant.issue(case, forge);
        assert_eq!(
            ask(&tenant.case_file(case), &tenant.trust()),
            expected,
            "{at}"
        );
    }
}

#[test]
fn ve_20_what_is_weighed_is_what_was_asked() {
    // The host weighs a payment with another reference than the one the agent signed.
    let mut tenant = Tenant::ready(1);
    let case = tenant.request("r-1", &payment(12_500));
    let mut made = tenant.decision(case, Verdict::Authorized);
    let other = crate::action::Action::new(
        crate::action::ActionType::Payment,
        12_500,
        crate::action::Currency::parse("EUR").unwrap(),
        crate::id::Id::parse("acme").unwrap(),
        crate::id::Id::parse("erp").unwrap(),
        "INV-8",
        alloc::collections::BTreeMap::new(),
    );
    let other = other.unwrap();
    made.snapshot = tenant.snapshot(&other);
    tenant.misremember(case, &other);
    let place = tenant.place(case);
    tenant.append(Some(place), Body::DecisionMade(made));
    tenant.issue(case, |_| {});
    assert_eq!(
        ask(&tenant.case_file(case), &tenant.trust()),
        "REFUSED action-mismatch"
    );
}

#[test]
fn ve_21_passport_and_file_are_under_one_head() {
    let (mut tenant, case) = authorized();
    let early = tenant.passport(case);
    tenant.enrol_counterparty("globex", 0);
    let trust = tenant.trust();
    let chain = tenant.chain_of(case);
    let blobs = tenant.blobs_of(case);
    let file = tenant.case_file_of(case, &chain, blobs.clone(), Some(early));
    assert_eq!(ask(&file, &trust), "REFUSED head-mismatch");
    assert_eq!(
        ask(&tenant.case_file_of(case, &chain, blobs, None), &trust),
        "REFUSED case-incomplete"
    );
    // Another case's Passport.
    let other = tenant.authorized("r-2");
    let chain = tenant.chain_of(case);
    let file = tenant.case_file_of(
        case,
        &chain,
        tenant.blobs_of(case),
        Some(tenant.passport(other)),
    );
    assert_eq!(ask(&file, &tenant.trust()), "REFUSED snapshot-mismatch");
    // Sealed again for the same case, never registered.
    let shown = crate::passport::Passport::parse(&tenant.passport(case)).unwrap();
    let mut claims = shown.claims().clone();
    claims.cti = [0; 16];
    let sealed = tenant.seal(Role::Seal, &claims.to_value());
    let again = crate::passport::Passport::parse(&sealed)
        .unwrap()
        .delivered(shown.delivery().unwrap());
    let file = tenant.case_file_of(case, &chain, tenant.blobs_of(case), Some(again));
    assert_eq!(ask(&file, &tenant.trust()), "REFUSED entry-mismatch");
}

#[cfg(feature = "rules")]
#[test]
fn ve_23_a_verdict_that_the_policy_does_not_give_is_refused() {
    // 750.00 needs people; the host says otherwise, and seals it.
    let mut tenant = Tenant::ready(1);
    let case = tenant.request("r-1", &payment(75_000));
    tenant.decide(case, Verdict::Authorized);
    tenant.issue(case, |_| {});
    assert_eq!(ask(&tenant.passport(case), &tenant.trust()), "VALID");
    assert_eq!(
        ask(&tenant.case_file(case), &tenant.trust()),
        "REFUSED verdict-mismatch"
    );
    // Rejected though granted.
    let mut tenant = Tenant::ready(1);
    let case = tenant.request("r-1", &payment(12_500));
    tenant.decide(case, Verdict::Rejected);
    assert_eq!(
        ask(&tenant.case_file(case), &tenant.trust()),
        "REFUSED verdict-mismatch"
    );
}

#[test]
fn ve_15_the_genesis_entry_is_the_pinned_one() {
    let (tenant, case) = authorized();
    let file = tenant.case_file(case);
    let text = String::from_utf8(tenant.trust().encode()).unwrap();
    let swap = |from: &str, to: &str| Trust::parse(text.replace(from, to).as_bytes()).unwrap();
    let leaf = format!("{}", tenant.trust().logs()[0].genesis_leaf());
    assert_eq!(
        ask(&file, &swap(&leaf, &"0".repeat(64))),
        "REFUSED wrong-genesis"
    );
    assert_eq!(
        ask(&file, &swap("\"EUR\"", "\"USD\"")),
        "REFUSED trust-file"
    );
    assert_eq!(
        ask(&file, &swap("\"exponent\":2", "\"exponent\":0")),
        "REFUSED trust-file"
    );
    let stranger =
        crate::verify::testing::public_key(&signing_key(9, Role::Stranger)).to_base64url();
    let founder = tenant.public(Role::Founder).to_base64url();
    assert_eq!(ask(&file, &swap(&founder, &stranger)), "REFUSED trust-file");
}

#[test]
fn ve_14_entries_are_under_the_head_and_in_order() {
    let (tenant, case) = authorized();
    let trust = tenant.trust();
    let file = tenant.case_file(case);
    let change = |change: &dyn Fn(&mut Vec<Value>)| {
        let Value::Map(mut members) = Value::decode(&file, file.len()).unwrap() else {
            panic!()
        };
        for (name, value) in &mut members {
            if let (Value::Text(name), Value::Array(items)) = (name, value)
                && name == "entries"
            {
                change(items);
            }
        }
        ask(&Value::Map(members).encode(), &trust)
    };
    let path = |item: &mut Value, change: &dyn Fn(&mut Vec<Value>)| {
        let Value::Array(parts) = item else { panic!() };
        let Value::Array(path) = &mut parts[1] else {
            panic!()
        };
        change(path);
    };
    assert_eq!(change(&|_| {}), "VALID");
    assert_eq!(change(&|items| items.swap(1, 2)), "REFUSED malformed");
    assert_eq!(
        change(&|items| items[2] = items[1].clone()),
        "REFUSED malformed"
    );
    assert_eq!(
        change(&|items| path(&mut items[3], &|path| drop(path.pop()))),
        "REFUSED missing-hash"
    );
    assert_eq!(
        change(&|items| path(&mut items[3], &|path| path.push(path[0].clone()))),
        "REFUSED surplus-hash"
    );
    assert_eq!(
        change(&|items| path(&mut items[3], &|path| path.swap(0, 1))),
        "REFUSED bad-proof"
    );
}

#[test]
fn ve_17_signatures_of_others_are_refused() {
    // Another founder confirms the agent.
    let mut tenant = Tenant::found(1);
    let forger = signing_key(9, Role::Founder);
    tenant.enrol_agent("ap-bot", &tenant.key(Role::Agent), &forger);
    tenant.enrol_system("erp", &tenant.key(Role::System));
    tenant.enrol_counterparty("acme", 3);
    let bundle = tenant.publish(POLICY);
    tenant.activate(bundle);
    let case = tenant.authorized("r-1");
    assert_eq!(ask(&tenant.passport(case), &tenant.trust()), "VALID");
    assert_eq!(
        ask(&tenant.case_file(case), &tenant.trust()),
        "REFUSED keyid-mismatch"
    );

    // Another key asks in the agent's name; the agent's own request for another log.
    for (key, origin, expected) in [
        (signing_key(9, Role::Agent), None, "REFUSED keyid-mismatch"),
        (
            signing_key(1, Role::Agent),
            Some("agentsigna.test/t/0000000000000002"),
            "REFUSED wrong-tenant",
        ),
    ] {
        let mut tenant = Tenant::ready(1);
        let signed_origin: String = origin.unwrap_or(tenant.origin()).into();
        let (place, requested) = tenant.asked("r-1", &payment(12_500), &key, &signed_origin);
        tenant.append(Some(place), Body::ActionRequested(requested));
        tenant.decide(place.case, Verdict::Authorized);
        tenant.issue(place.case, |_| {});
        assert_eq!(
            ask(&tenant.case_file(place.case), &tenant.trust()),
            expected
        );
    }
}

#[test]
fn the_example_of_the_page_is_the_file() {
    let page = include_str!("../../../../spec/case-file.md");
    let (tenant, case) = authorized();
    let file = tenant.case_file(case);
    let root = tenant.head(tenant.entries.len()).root();
    let bytes = format!("{},{:03} bytes", file.len() / 1000, file.len() % 1000);
    for said in [format!("h'{case}'"), format!("{root}"), bytes] {
        assert!(page.contains(&said), "{said}");
    }
    for index in tenant.chain_of(case) {
        let row = format!("| {index} | `{}` |", tenant.event_at(index).body.kind());
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn cf_2_cf_3_cf_4_other_types_and_more_items_are_not_read() {
    let (tenant, case) = authorized();
    let signed = tenant.signed_head(&[]);
    let file = CaseFile::parse(&tenant.case_file(case)).unwrap();
    let with =
        |entries: Vec<_>, blobs: Vec<Vec<u8>>| CaseFile::new(case, &signed, entries, blobs, None);
    let many = alloc::vec![file.entries()[0].clone(); crate::case_file::ENTRIES_MAX + 1];
    assert!(
        with(many, Vec::new())
            .unwrap_err()
            .to_string()
            .contains("at most 1024")
    );
    let blobs = alloc::vec![Vec::new(); crate::case_file::BLOBS_MAX + 1];
    assert!(
        with(Vec::new(), blobs)
            .unwrap_err()
            .to_string()
            .contains("at most 64")
    );
    let twice = alloc::vec![file.entries()[1].clone(); 2];
    assert!(
        with(twice, Vec::new())
            .unwrap_err()
            .to_string()
            .contains("not in the order")
    );
    let entry = tenant.entries[0].clone();
    let long = crate::case_file::ProvenEntry::new(entry, alloc::vec![[0; 32]; 64]).unwrap();
    assert!(
        with([long].into(), Vec::new())
            .unwrap_err()
            .to_string()
            .contains("at most 63")
    );
    let other = Value::map([("type", Value::from("agentsigna/case-file/v2"))]).encode();
    assert!(
        CaseFile::parse(&other)
            .unwrap_err()
            .to_string()
            .contains("of type `agentsigna/case-file/v2`")
    );
    let long = alloc::vec![0; crate::limits::CASE_FILE_BYTES_MAX + 1];
    assert!(CaseFile::parse(&long).is_err());
    // The ids: CF-2, CF-3, CF-4. CF-5 is broken in `ve_18_nothing_else_is_in_the_file`.
}
