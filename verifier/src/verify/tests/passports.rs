//! Passports by themselves.

use super::*;
use crate::{
    cbor::Value,
    entry::EntryHead,
    log::note::Note,
    passport::{Audience, Claims, Delivery, Passport},
    verify::{
        Outcome,
        testing::{Role, signing_key},
        verify_at_gate,
    },
};

fn ready() -> (Tenant, Vec<u8>, Trust) {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    tenant.rejected("r-2");
    let passport = tenant.passport(case);
    let trust = tenant.trust();
    (tenant, passport, trust)
}

/// A tenant with one Passport whose claims were changed before sealing.
fn forged(forge: impl FnOnce(&mut Claims)) -> (Vec<u8>, Trust) {
    let mut tenant = Tenant::ready(1);
    let case = tenant.request("r-1", &crate::verify::testing::payment(12_500));
    tenant.decide(case, crate::decision::Verdict::Authorized);
    tenant.issue(case, forge);
    (tenant.passport(case), tenant.trust())
}

fn redelivered(passport: &[u8], change: impl FnOnce(&mut Delivery)) -> Vec<u8> {
    let passport = Passport::parse(passport).unwrap();
    let mut delivery = passport.delivery().unwrap().clone();
    change(&mut delivery);
    passport.delivered(&delivery)
}

fn with_head(passport: &[u8], change: impl FnOnce(&mut EntryHead)) -> Vec<u8> {
    redelivered(passport, |delivery| change(&mut delivery.head))
}

fn with_proof(passport: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
    redelivered(passport, |delivery| {
        let text = String::from_utf8(delivery.proof.clone()).unwrap();
        delivery.proof = change(text).into_bytes();
    })
}

#[test]
fn a_good_passport_is_valid_and_gives_authority() {
    let (tenant, passport, trust) = ready();
    let report = verify(&passport, &trust, &at(NOW));
    assert_eq!(word(&report), "VALID", "{:?}", report.checks());
    assert_eq!(
        report.authority().unwrap().claims().agent.as_str(),
        "ap-bot"
    );
    assert_eq!(report.not_reached().count(), 0);
    assert!(
        report
            .not_checked()
            .iter()
            .any(|item| item.what == "request")
    );
    // Expecting authority changes nothing for a Passport.
    let question = Question {
        expects_authority: true,
        ..at(NOW)
    };
    assert_eq!(word(&verify(&passport, &trust, &question)), "VALID");
    assert!(passport.len() <= crate::limits::PASSPORT_BYTES_MAX);
    drop(tenant);
}

/// Goal: the promise of decision 11. Method: every bit of the Passport.
#[test]
fn ve_6_every_flipped_bit_of_a_passport_is_refused() {
    let (_, passport, trust) = ready();
    flips(&passport, 0..passport.len() * 8, |changed| {
        matches!(
            verify(changed, &trust, &at(NOW)).outcome(),
            Outcome::Refused(_)
        )
    });
}

#[test]
fn ve_1_pa_2_cut_or_longer_bytes_are_refused() {
    let (_, passport, trust) = ready();
    for length in 0..passport.len() {
        assert_eq!(ask(&passport[..length], &trust), "REFUSED malformed");
    }
    // PA-2.
    let mut longer = passport;
    longer.push(0);
    assert_eq!(ask(&longer, &trust), "REFUSED malformed");
}

#[test]
fn ve_12_time_decides_to_the_millisecond() {
    let (_, passport, trust) = ready();
    let claims = Passport::parse(&passport).unwrap().claims().clone();
    let from = claims.not_before_s * 1000 - 30_000;
    let until = claims.expires_s * 1000 + 30_000;
    for (ms, expected) in [
        (from - 1, "REFUSED not-yet-valid"),
        (from, "VALID"),
        (until - 1, "VALID"),
        (until, "REFUSED expired"),
    ] {
        assert_eq!(word(&verify(&passport, &trust, &at(ms))), expected, "{ms}");
    }
    let question = Question { at: None, ..at(0) };
    let report = verify(&passport, &trust, &question);
    assert_eq!(word(&report), "INCOMPLETE no-clock");
    assert!(report.authority().is_none());
}

#[test]
fn a_trust_file_that_came_along_proves_nothing() {
    let (_, passport, trust) = ready();
    let question = Question {
        pinned: false,
        ..at(NOW)
    };
    let report = verify(&passport, &trust, &question);
    assert_eq!(word(&report), "INCOMPLETE unpinned");
    assert!(report.authority().is_none());
}

#[test]
fn ve_3_only_logs_of_the_trust_file_are_believed() {
    let (_, passport, trust) = ready();
    let other = Tenant::ready(2);
    assert_eq!(ask(&passport, &other.trust()), "REFUSED unknown-issuer");
    let text = String::from_utf8(trust.encode()).unwrap();
    let elsewhere = text.replacen("\"agentsigna.test\"", "\"elsewhere.test\"", 1);
    let elsewhere = Trust::parse(elsewhere.as_bytes()).unwrap();
    assert_eq!(ask(&passport, &elsewhere), "REFUSED unknown-issuer");
    let (foreign, trust) = forged(|claims| {
        claims.audience = Audience::new(
            "agentsigna.test/t/0000000000000002".into(),
            claims.action.target().clone(),
        );
    });
    assert_eq!(ask(&foreign, &trust), "REFUSED wrong-tenant");
}

#[test]
fn ve_4_only_the_seal_of_the_log_in_its_time_counts() {
    let (tenant, passport, _) = ready();
    let other = Tenant::ready(2);
    let both =
        Trust::parse(trust_text(&[&tenant, &other], "quorum none\n", &[]).as_bytes()).unwrap();
    assert_eq!(ask(&passport, &both), "VALID");

    // PA-4. Another tenant's key, a stranger's key, the log's own key: sealed and registered, none of them counts.
    let claims = Passport::parse(&passport).unwrap().claims().clone();
    let delivery = Passport::parse(&passport)
        .unwrap()
        .delivery()
        .unwrap()
        .clone();
    for (sealed, expected) in [
        (
            other.seal(Role::Seal, &claims.to_value()),
            "REFUSED wrong-tenant",
        ),
        (
            tenant.seal(Role::Stranger, &claims.to_value()),
            "REFUSED bad-seal",
        ),
        (
            tenant.seal(Role::Log, &claims.to_value()),
            "REFUSED bad-seal",
        ),
    ] {
        let passport = Passport::parse(&sealed).unwrap().delivered(&delivery);
        assert_eq!(ask(&passport, &both), expected);
    }

    // The right kid over another's signature.
    let protected = Value::map([
        (1_i64, Value::from(-8_i64)),
        (
            4_i64,
            Value::bytes(tenant.public(Role::Seal).cose_thumbprint().as_bytes()),
        ),
        (16_i64, Value::from(crate::passport::TYPE)),
    ]);
    let sealed = tenant.seal_with(Role::Stranger, &protected, &claims.to_value().encode());
    let passport = Passport::parse(&sealed).unwrap().delivered(&delivery);
    assert_eq!(ask(&passport, &both), "REFUSED bad-seal");
}

#[test]
fn ve_4_a_seal_outside_its_keys_time_is_refused() {
    let (_, passport, trust) = ready();
    let issued_s = Passport::parse(&passport).unwrap().claims().issued_s;
    let text = String::from_utf8(trust.encode()).unwrap();
    for (window, expected) in [
        (format!("\"not_before\":{}", issued_s * 1000 + 999), "VALID"),
        (
            format!("\"not_before\":{}", issued_s * 1000 + 1000),
            "REFUSED seal-key-window",
        ),
        (
            format!("\"not_before\":0,\"not_after\":{}", issued_s * 1000),
            "VALID",
        ),
        (
            format!("\"not_before\":0,\"not_after\":{}", issued_s * 1000 - 1),
            "REFUSED seal-key-window",
        ),
    ] {
        let trust = Trust::parse(text.replace("\"not_before\":0", &window).as_bytes()).unwrap();
        assert_eq!(ask(&passport, &trust), expected, "{window}");
    }
}

#[test]
fn ve_8_pa_6_claims_that_contradict_each_other_are_refused_whoever_seals_them() {
    let cases: Cases<Claims, 7> = [
        (
            |claims| claims.expires_s = claims.not_before_s + 901,
            "REFUSED bad-lifetime",
        ),
        (
            |claims| claims.expires_s = claims.not_before_s,
            "REFUSED bad-lifetime",
        ),
        (
            |claims| claims.expires_s = claims.not_before_s - 1,
            "REFUSED bad-lifetime",
        ),
        (|claims| claims.issued_s -= 1, "REFUSED issue-time"),
        (
            |claims| claims.action_digest = crate::digest::Digest::from_bytes([7; 32]),
            "REFUSED action-mismatch",
        ),
        (
            |claims| claims.action = crate::verify::testing::payment(12_501),
            "REFUSED action-mismatch",
        ),
        (
            |claims| {
                let system = crate::id::Id::parse("crm").unwrap();
                claims.audience = Audience::new(claims.origin.clone(), system);
            },
            "REFUSED audience-mismatch",
        ),
    ];
    for (at, (forge, expected)) in cases.into_iter().enumerate() {
        let (passport, trust) = forged(forge);
        assert_eq!(ask(&passport, &trust), expected, "{at}");
    }
    // PA-6, at its end.
    let (longest, trust) = forged(|claims| claims.expires_s = claims.not_before_s + 900);
    assert_eq!(ask(&longest, &trust), "VALID");
}

#[test]
fn ve_9_the_entry_head_must_fit_the_claims() {
    let (_, passport, trust) = ready();
    let cases: Cases<EntryHead, 9> = [
        (|head| head.origin.push('0'), "REFUSED wrong-tenant"),
        (
            |head| head.place.case = crate::entry::CaseId::from_bytes([0; 16]),
            "REFUSED case-mismatch",
        ),
        (|head| head.place.index += 1, "REFUSED chain-mismatch"),
        (
            |head| head.place.previous = crate::digest::Digest::from_bytes([0; 32]),
            "REFUSED chain-mismatch",
        ),
        (
            |head| head.decided_at = head.decided_at.plus(1000),
            "REFUSED issue-time",
        ),
        (
            |head| head.sequenced_at = UnixMillis::new(0).unwrap(),
            "REFUSED time-backwards",
        ),
        (|head| head.index += 1, "REFUSED wrong-index"),
        (|head| head.salt[0] ^= 1, "REFUSED bad-proof"),
        (
            |head| head.sequenced_at = head.sequenced_at.plus(1),
            "REFUSED bad-proof",
        ),
    ];
    for (at, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(ask(&with_head(&passport, change), &trust), expected, "{at}");
    }
    let (shorter, trust) = forged(|claims| {
        claims.chain.pop();
    });
    assert_eq!(ask(&shorter, &trust), "REFUSED chain-mismatch");
}

#[test]
fn ve_10_the_proof_is_for_this_index_and_has_the_length_of_its_tree() {
    let (tenant, passport, trust) = ready();
    let lines = |text: &str| -> Vec<String> { text.split('\n').map(String::from).collect() };
    let surplus = with_proof(&passport, |text| {
        let mut lines = lines(&text);
        lines.insert(2, lines[2].clone());
        lines.join("\n")
    });
    assert_eq!(ask(&surplus, &trust), "REFUSED surplus-hash");
    let missing = with_proof(&passport, |text| {
        let mut lines = lines(&text);
        lines.remove(2);
        lines.join("\n")
    });
    assert_eq!(ask(&missing, &trust), "REFUSED missing-hash");
    let outside = with_proof(&passport, |text| {
        let mut lines = lines(&text);
        lines[1] = "index 99".into();
        lines.join("\n")
    });
    assert_eq!(ask(&outside, &trust), "REFUSED outside-tree");
    // The good proof of a neighbour.
    let index = Passport::parse(&passport)
        .unwrap()
        .delivery()
        .unwrap()
        .head
        .index;
    let neighbour = with_proof(&passport, |_| {
        tenant.proof(index - 1, &tenant.signed_head(&[]))
    });
    assert_eq!(ask(&neighbour, &trust), "REFUSED wrong-index");
    let both = redelivered(&neighbour, |delivery| delivery.head.index -= 1);
    assert_eq!(ask(&both, &trust), "REFUSED bad-proof");
    assert_eq!(
        ask(
            &with_proof(&passport, |text| text.replace("@v1", "@v0")),
            &trust
        ),
        "REFUSED malformed-proof"
    );
}

#[test]
fn ve_5_the_head_is_signed_by_the_log_key_of_its_size() {
    let (tenant, passport, trust) = ready();
    let other = Tenant::ready(2);
    let both =
        Trust::parse(trust_text(&[&tenant, &other], "quorum none\n", &[]).as_bytes()).unwrap();
    // The head of another tenant of the trust file, signed as it should be.
    let foreign = with_proof(&passport, |text| {
        let (proof, _) = text.split_once("\n\n").unwrap();
        let mut other = other.clone();
        while other.entries.len() < tenant.entries.len() {
            other.enrol_counterparty(&format!("c-{}", other.entries.len()), 0);
        }
        format!("{proof}\n\n{}", other.signed_head(&[]).note().encode())
    });
    assert_eq!(ask(&foreign, &both), "REFUSED wrong-tenant");

    // A key whose sizes ended before.
    let size = tenant.entries.len();
    let text = String::from_utf8(trust.encode()).unwrap();
    for (to_size, expected) in [(size, "VALID"), (size - 1, "REFUSED log-key-window")] {
        let text = text.replace(
            "\"from_size\":0",
            &format!("\"from_size\":0,\"to_size\":{to_size}"),
        );
        assert_eq!(
            ask(&passport, &Trust::parse(text.as_bytes()).unwrap()),
            expected
        );
    }

    // Signed by another key under the right name and id.
    let forged = with_proof(&passport, |text| {
        let (proof, note) = text.split_once("\n\n").unwrap();
        let note = Note::parse(note.as_bytes()).unwrap();
        let stranger = signing_key(9, Role::Stranger);
        let signature = ed25519_dalek::Signer::sign(&stranger, note.text().as_bytes()).to_bytes();
        let note = Note::new(note.text(), &[tenant.log_key().line(&signature)]).unwrap();
        format!("{proof}\n\n{}", note.encode())
    });
    assert_eq!(ask(&forged, &trust), "REFUSED bad-checkpoint");
}

#[test]
fn ve_6_ve_7_witnesses_are_asked_for_and_strangers_are_not_read() {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let (known, unknown) = (
        NamedWitness::new("w.example", 7),
        NamedWitness::new("x.example", 8),
    );
    let policy = |text: &str| Trust::parse(trust_text(&[&tenant], text, &[]).as_bytes()).unwrap();
    let bare = tenant.passport(case);
    let seen = tenant.passport_under(case, &tenant.signed_head(&[&known]));
    let strange = tenant.passport_under(case, &tenant.signed_head(&[&known, &unknown]));
    let wants = policy(&known.policy());
    assert_eq!(ask(&bare, &wants), "INCOMPLETE quorum");
    assert_eq!(ask(&seen, &wants), "VALID");
    assert_eq!(ask(&strange, &wants), "REFUSED unknown-signature");
    assert_eq!(
        ask(&seen, &policy("quorum none\n")),
        "REFUSED unknown-signature"
    );
    // Listed, but not asked for: still checked.
    let listed = policy(&known.policy().replace("quorum w", "quorum none"));
    assert_eq!(ask(&seen, &listed), "VALID");
    assert_eq!(ask(&bare, &listed), "VALID");
    flips(&seen, (0..seen.len() * 8).step_by(3), |changed| {
        ask(changed, &listed).starts_with("REFUSED")
    });
    // A gap does not hide a fault.
    assert_eq!(
        word(&verify(&bare, &wants, &at(NOW * 2))),
        "REFUSED expired"
    );
}

/// Goal: no answer names witnesses that were not there. Method: each profile, with a witness and without.
#[test]
fn ve_7_without_witnesses_nobody_vouches_for_the_head() {
    use crate::verify::{
        Report, Result, Voucher,
        ledger::{Options, audit, consistency},
    };
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let witness = NamedWitness::new("w.example", 7);
    let trust = |text: &str| Trust::parse(trust_text(&[&tenant], text, &[]).as_bytes()).unwrap();
    // Listed and not asked for; listed and asked for.
    let free = trust(&witness.policy().replace("quorum w", "quorum none"));
    let asks = trust(&witness.policy());
    let reports = |signed_by: &[&NamedWitness], trust: &Trust| -> [Report; 4] {
        let signed = tenant.signed_head(signed_by);
        let passport = tenant.passport_under(case, &signed);
        let indices = tenant.chain_of(case);
        let blobs = tenant.blobs_of(case);
        let file = tenant.case_file_under(case, &signed, &indices, blobs, Some(passport.clone()));
        let mut export = tenant.export();
        let note = signed.note().encode().into_bytes();
        export.0.insert("checkpoint".into(), note.clone());
        let options = Options { replay: false };
        [
            verify(&passport, trust, &at(NOW)),
            verify(&file, trust, &at(NOW)),
            audit(&mut export, trust, &at(NOW), options, &mut |_| {}).unwrap(),
            consistency(&note, &mut export, trust, &at(NOW)).unwrap(),
        ]
    };
    let vouched = |report: &Report| {
        let mut made = report.checks().iter();
        let step = made.find(|check| check.step == Step::Witnesses).unwrap();
        assert_eq!(step.result, Result::Passed);
        let open = report.not_checked().iter();
        let open = open.filter(|item| item.what == "other views of the log");
        (step.by, open.count())
    };
    let none: &[Voucher] = &[];
    for report in reports(&[], &free) {
        assert_eq!(word(&report), "VALID", "{:?}", report.profile());
        assert_eq!(vouched(&report), (none, 1), "{:?}", report.profile());
    }
    for trust in [free, asks] {
        for report in reports(&[&witness], &trust) {
            assert_eq!(word(&report), "VALID", "{:?}", report.profile());
            let witnessed: &[Voucher] = &[Voucher::Witnesses];
            assert_eq!(vouched(&report), (witnessed, 0), "{:?}", report.profile());
        }
    }
}

#[test]
fn ve_13_a_gate_admits_only_what_is_for_it() {
    let (tenant, passport, trust) = ready();
    let gate = |targets: &[&str]| {
        let trust =
            Trust::parse(trust_text(&[&tenant], "quorum none\n", targets).as_bytes()).unwrap();
        word(&verify_at_gate(&passport, &trust, &at(NOW)))
    };
    let [mine, crm] = ["erp", "crm"].map(|system| format!("{}#{system}", tenant.origin()));
    assert_eq!(gate(&[&mine]), "VALID");
    assert_eq!(gate(&[&crm, &mine]), "VALID");
    assert_eq!(gate(&[&crm]), "REFUSED wrong-audience");
    assert_eq!(gate(&[]), "INCOMPLETE no-target");
    // Without targets the passport profile asks nobody; with them it does.
    assert_eq!(ask(&passport, &trust), "VALID");
    let other = Trust::parse(trust_text(&[&tenant], "quorum none\n", &[&crm]).as_bytes()).unwrap();
    assert_eq!(ask(&passport, &other), "REFUSED wrong-audience");
}

#[test]
fn ve_11_en_5_the_leaf_is_built_from_the_sealed_bytes() {
    // EN-5. Two Passports of one tenant: each in the other's place.
    let mut tenant = Tenant::ready(1);
    let (one, two) = (tenant.authorized("r-1"), tenant.authorized("r-2"));
    let trust = tenant.trust();
    let first = Passport::parse(&tenant.passport(one)).unwrap();
    let second = Passport::parse(&tenant.passport(two)).unwrap();
    let swapped = first.delivered(second.delivery().unwrap());
    assert_eq!(ask(&swapped, &trust), "REFUSED case-mismatch");
    // Sealed, never registered: the host seals the same claims with one more second.
    let mut claims = first.claims().clone();
    claims.expires_s += 1;
    let unregistered = Passport::parse(&tenant.seal(Role::Seal, &claims.to_value())).unwrap();
    assert_eq!(
        ask(&unregistered.delivered(first.delivery().unwrap()), &trust),
        "REFUSED bad-proof"
    );
    // PA-5: as registered, without place and proof.
    assert_eq!(ask(&first.registered(), &trust), "REFUSED malformed");
}
