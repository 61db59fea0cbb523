//! Who would have had to lie: what is told, and that it is so.
//!
//! For each kind of set the false artefact is made with these keys and found VALID; and with any one of them replaced by a
//! stranger's it is not. Where the host is not of the set, it is honest: it refuses evidence that is not good.

mod scripts;
mod witnesses;

use alloc::collections::BTreeSet;

use self::scripts::{
    Forged, Hands, Script, agent, enrolled_by_people, false_agent, false_approver,
    false_delegation, false_facts, false_people, false_policy, false_refusal, false_state,
    false_verdict, founded_by_a_person, honest, honest_host, sign_in, signed_by_a_stranger,
    thief_of_a_device, thief_of_the_agents_key,
};
use super::*;
use crate::verify::{
    About, Holder, LIES_MAX, Liars, Profile,
    ledger::{Options, audit, consistency},
    lies::of_heads,
    verify_at_gate,
};

/// Three witnesses, of which two are asked for.
fn witnesses() -> [NamedWitness; 3] {
    [1, 2, 3].map(|at| NamedWitness::new(&format!("w{at}.example"), 20 + at))
}

fn policy(threshold: &str) -> String {
    let mut text = String::new();
    for (at, witness) in (1..).zip(witnesses()) {
        text += &format!("witness w{at} {}\n", witness.key().encode());
    }
    text + &format!("group all-three {threshold} w1 w2 w3\nquorum all-three\n")
}

fn trusting(tenant: &Tenant) -> Trust {
    let text = trust_text(&[tenant], &policy("2"), &[]);
    Trust::parse(text.as_bytes()).unwrap()
}

fn witness(at: u8) -> Holder {
    Holder::Witness(format!("w{at}"))
}

/// Judges the artefact of a profile, under the head of `size` entries, signed by these witnesses. `None` of them: all.
fn judged_by(
    profile: Profile,
    forged: &Forged,
    signers: &[&NamedWitness],
    change: &dyn Fn(Vec<u8>) -> Vec<u8>,
) -> Report {
    let Forged { tenant, case } = forged;
    let trust = trusting(tenant);
    let question = Question {
        at: Some(tenant.now()),
        ..at(0)
    };
    let signed = tenant.signed_head(signers);
    let passport = || {
        tenant
            .passport_index(*case)
            .map(|_| tenant.passport_under(*case, &signed))
    };
    match profile {
        Profile::Passport => verify(&change(passport().unwrap()), &trust, &question),
        Profile::Ledger => {
            let mut export = tenant.export();
            let note = change(signed.note().encode().into_bytes());
            export.0.insert("checkpoint".into(), note);
            let options = Options { replay: true };
            audit(&mut export, &trust, &question, options, &mut |_| {}).unwrap()
        }
        _ => {
            let (chain, blobs) = (tenant.chain_of(*case), tenant.blobs_of(*case));
            let file = tenant.case_file_under(*case, &signed, &chain, blobs, passport());
            verify(&change(file), &trust, &question)
        }
    }
}

/// As [`judged_by`], with all witnesses: they are honest, and there is one log.
fn judged(profile: Profile, forged: &Forged) -> Report {
    let all = witnesses();
    let all: Vec<&NamedWitness> = all.iter().collect();
    judged_by(profile, forged, &all, &|bytes| bytes)
}

/// The sets, one a line; or why not.
fn told(report: &Report, about: About) -> Vec<String> {
    let lie = report.lies().iter().find(|lie| lie.about == about).unwrap();
    match &lie.by {
        Liars::Untold(why) => [String::from(*why)].into(),
        Liars::Sets { sets, more } => {
            assert!(!more);
            let words = |set: &Vec<Holder>| {
                let words: Vec<String> = set.iter().map(|holder| format!("{holder}")).collect();
                words.join(", ")
            };
            sets.iter().map(words).collect()
        }
    }
}

fn sets(report: &Report, about: About) -> Vec<Vec<Holder>> {
    let lie = report.lies().iter().find(|lie| lie.about == about).unwrap();
    match &lie.by {
        Liars::Sets { sets, .. } => sets.clone(),
        Liars::Untold(_) => Vec::new(),
    }
}

fn nobody_lacking() -> Hands {
    Hands { lacks: Vec::new() }
}

/// WL-2, WL-5: the example of the page, and the other two profiles of the same log.
#[test]
fn wl_5_what_is_told_of_a_case_that_people_agreed_to() {
    let forged = honest(&nobody_lacking());
    let witnessed = [
        "the log key, witness w1, witness w2",
        "the log key, witness w1, witness w3",
        "the log key, witness w2, witness w3",
    ];
    let split = [
        "the log key, witness w1",
        "the log key, witness w2",
        "the log key, witness w3",
    ];
    let case = judged(Profile::CaseWithPassport, &forged);
    assert_eq!(word(&case), "VALID", "{case:?}");
    // The page shows exactly this.
    let page = include_str!("../../../../spec/lies.md");
    let (_, example) = page.split_once("```\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let words = case.words(&at(0), &|_, text| String::from(text)).join("\n");
    assert!(words.contains(&format!("\n{example}")), "{words}");
    let administrators = "dana's sign-in device, erin's sign-in device";
    assert_eq!(
        told(&case, About::Asked),
        ["agent ap-bot's key", "the founder"]
    );
    assert_eq!(
        told(&case, About::Decided),
        ["the founder", administrators, "the log key, the seal key"]
    );
    let agreed = [
        "the founder",
        "finn's approval device",
        "gerd's approval device",
        administrators,
    ];
    assert_eq!(told(&case, About::Agreed), agreed);
    let passport = judged(Profile::Passport, &forged);
    assert_eq!(
        told(&passport, About::Asked),
        [
            "agent ap-bot's key",
            "who enrolled ap-bot",
            "the log key, the seal key"
        ]
    );
    assert_eq!(
        told(&passport, About::Decided),
        [
            "who signed the policy and what it was told",
            "the log key, the seal key"
        ]
    );
    assert_eq!(
        told(&passport, About::Agreed),
        [
            "finn's approval device",
            "gerd's approval device",
            "who enrolled finn",
            "who enrolled gerd",
            "the log key, the seal key"
        ]
    );
    let ledger = judged(Profile::Ledger, &forged);
    assert_eq!(word(&ledger), "VALID", "{ledger:?}");
    assert_eq!(told(&ledger, About::Asked), told(&case, About::Asked));
    assert_eq!(told(&ledger, About::Agreed), agreed);
    let rulers = ["the founder", administrators];
    if cfg!(feature = "rules") {
        assert_eq!(told(&ledger, About::Decided), rulers);
    } else {
        assert_eq!(told(&ledger, About::Decided), told(&case, About::Decided));
    }
    for report in [case, passport, ledger] {
        assert_eq!(told(&report, About::InLog), witnessed);
        assert_eq!(told(&report, About::SameLog), split);
        assert_eq!(told(&report, About::UsedOnce), ["the gate of erp"]);
        let order: Vec<About> = report.lies().iter().map(|lie| lie.about).collect();
        assert_eq!(order, About::ALL);
    }
}

/// The scripts that make a claim false with this set. What a Passport does not name, a script knows.
fn scripts(about: About, set: &[Holder]) -> Vec<(Script, Vec<Holder>)> {
    let administrators = || [sign_in("dana"), sign_in("erin")].to_vec();
    let founder = || [Holder::Founder].to_vec();
    let own = |script: Script| [(script, set.to_vec())].to_vec();
    match (about, set) {
        (About::Asked, [Holder::Agent(_)]) => own(thief_of_the_agents_key),
        (About::Asked, [Holder::Founder | Holder::Enrolment(_)]) => {
            [(false_agent as Script, founder())].to_vec()
        }
        (About::Asked, [Holder::LogKey, Holder::SealKey]) => own(thief_of_the_agents_key),
        (About::Decided, [Holder::Founder]) => own(false_facts),
        (About::Decided, [Holder::SignIn(_), Holder::SignIn(_)]) => own(false_policy),
        (About::Decided, [Holder::Rule]) => [
            (false_facts as Script, founder()),
            (false_policy, administrators()),
        ]
        .to_vec(),
        (About::Decided, [Holder::LogKey, Holder::SealKey]) => own(false_state),
        (About::Agreed, [Holder::Approval(_)]) => own(thief_of_a_device),
        (About::Agreed, [Holder::SignIn(_), Holder::SignIn(_)]) => own(false_approver),
        (About::Agreed, [Holder::Founder]) => own(false_people),
        (About::Agreed, [Holder::Enrolment(_)]) => [
            (false_approver as Script, administrators()),
            (false_people, founder()),
        ]
        .to_vec(),
        (About::Agreed, [Holder::LogKey, Holder::SealKey]) => own(false_approver),
        _ => Vec::new(),
    }
}

/// Runs a script: what the host says if it is honest, then what the verifier says.
fn played(profile: Profile, script: Script, set: &[Holder], without: Option<&Holder>) -> String {
    let host_lies = set.contains(&Holder::LogKey);
    let mut lacks: Vec<Holder> = without.into_iter().cloned().collect();
    if host_lies {
        // Whoever else would have had to sign did not; approvers who do are deceived, or made up.
        lacks.extend([agent(), Holder::Founder, sign_in("dana"), sign_in("erin")]);
    }
    let hands = Hands { lacks };
    let forged = script(&hands);
    if !host_lies && let Some(code) = honest_host(&forged.tenant) {
        // A case file and a log show it even where the host looks away; of a Passport the host is all there is.
        if profile != Profile::Passport {
            let report = judged(profile, &forged);
            assert_ne!(word(&report), "VALID", "{profile:?} {without:?}");
        }
        return format!("REFUSED {code} by the host");
    }
    let size = forged.tenant.entries.len();
    let all = witnesses();
    let all: Vec<&NamedWitness> = all.iter().collect();
    let report = judged_by(profile, &forged, &all, &|bytes| {
        if without == Some(&Holder::LogKey) {
            signed_by_a_stranger(&bytes, &forged.tenant, size)
        } else {
            bytes
        }
    });
    word(&report)
}

/// WL-3, WL-4, WL-5. Goal: each set is enough, and none has a member too many. Method: of each profile, each set that is
/// told of what was asked, decided and agreed; with it the claim is made false and VALID, with each member a stranger it
/// is not.
#[test]
fn wl_3_wl_4_wl_5_each_set_forges_and_none_with_one_key_fewer() {
    let mut forgeries = 0;
    let mut faults = 0;
    for profile in [
        Profile::Passport,
        Profile::CaseWithPassport,
        Profile::Ledger,
    ] {
        let report = judged(profile, &honest(&nobody_lacking()));
        for about in [About::Asked, About::Decided, About::Agreed] {
            if profile == Profile::Ledger && about == About::Decided && !cfg!(feature = "rules") {
                continue;
            }
            for told in sets(&report, about) {
                let scripts = scripts(about, &told);
                assert!(!scripts.is_empty(), "{profile:?} {about:?} {told:?}");
                for (script, set) in scripts {
                    let found = played(profile, script, &set, None);
                    assert_eq!(found, "VALID", "{profile:?} {about:?} {set:?}");
                    forgeries += 1;
                    for without in &set {
                        let found = played(profile, script, &set, Some(without));
                        assert!(
                            found.starts_with("REFUSED"),
                            "{profile:?} {about:?} {set:?} without {without:?}: {found}"
                        );
                        faults += 1;
                    }
                }
            }
        }
    }
    // Passport 3 + 3 + 7, case 2 + 3 + 4, ledger 2 + 2 + 4.
    let ledgers = if cfg!(feature = "rules") { 8 } else { 6 };
    assert_eq!(forgeries, 13 + 9 + ledgers);
    assert!(faults > forgeries);
}

/// WL-5: what a case file takes from the log's word, a log shows.
#[cfg(feature = "rules")]
#[test]
fn wl_5_an_audit_sees_what_log_and_seal_make_up() {
    let lies: [(Script, &str); 3] = [
        (false_state, "REFUSED snapshot-mismatch"),
        (false_refusal, "REFUSED snapshot-mismatch"),
        (false_verdict, "REFUSED verdict-mismatch"),
    ];
    for (lie, expected) in lies {
        let forged = lie(&nobody_lacking());
        assert_eq!(word(&judged(Profile::Ledger, &forged)), expected);
    }
}

/// WL-5: without a Passport the log key is enough; in a log, where no verdict is made again.
#[test]
fn wl_5_a_refusal_needs_no_seal() {
    let hands = nobody_lacking();
    let forged = false_refusal(&hands);
    let report = judged(Profile::Case, &forged);
    assert_eq!(word(&report), "VALID", "{report:?}");
    assert_eq!(sets(&report, About::Decided)[1], [Holder::LogKey]);
    assert_eq!(told(&report, About::Agreed), ["nobody judged"]);
    let no_use = "there is no Passport in it that could be used";
    assert_eq!(told(&report, About::UsedOnce), [no_use]);
    let stranger = |forged: &Forged, profile| {
        let all = witnesses();
        let size = forged.tenant.entries.len();
        let report = judged_by(profile, forged, &all.iter().collect::<Vec<_>>(), &|bytes| {
            signed_by_a_stranger(&bytes, &forged.tenant, size)
        });
        word(&report)
    };
    assert_eq!(stranger(&forged, Profile::Case), "REFUSED bad-checkpoint");
    // A log, its verdicts not made again.
    let forged = false_verdict(&hands);
    let question = Question { at: None, ..at(0) };
    let options = Options { replay: false };
    let mut export = forged.tenant.export();
    let trust = forged.tenant.trust();
    let report = audit(&mut export, &trust, &question, options, &mut |_| {}).unwrap();
    assert_eq!(word(&report), "VALID");
    assert!(sets(&report, About::Decided).contains(&[Holder::LogKey].to_vec()));
    assert_eq!(stranger(&forged, Profile::Ledger), "REFUSED bad-checkpoint");
}

/// WL-4. Goal: a key in place of the agent's needs who confirms it, and the code. Method: `dana` invites and `erin`
/// confirms; the code comes from `dana`, or from the host that drew it, or from nobody.
#[test]
fn wl_4_another_key_needs_its_confirmation_and_the_code() {
    let ask = |forged: &Forged| judged(Profile::Case, forged);
    let forged = enrolled_by_people(true, &nobody_lacking(), true);
    let report = ask(&forged);
    assert_eq!(word(&report), "VALID", "{report:?}");
    assert_eq!(honest_host(&forged.tenant), None);
    assert_eq!(
        told(&report, About::Asked),
        [
            "agent ap-bot's key",
            "the founder",
            "dana's sign-in device, erin's sign-in device",
            "erin's sign-in device, the log key"
        ]
    );
    for lacks in [sign_in("dana"), sign_in("erin")] {
        let hands = Hands {
            lacks: [lacks].into(),
        };
        let forged = enrolled_by_people(true, &hands, true);
        assert_eq!(word(&ask(&forged)), "REFUSED bad-assertion");
    }
    // Its tier was in both acts; the policy was activated by both.
    assert_eq!(
        told(&report, About::Decided),
        [
            "the founder",
            "the log key",
            "dana's sign-in device, erin's sign-in device"
        ]
    );
    // Neither inviter nor host tells the code.
    let forged = enrolled_by_people(true, &nobody_lacking(), false);
    assert_eq!(word(&ask(&forged)), "REFUSED wrong-code");
    // Whom `dana` alone enrolled adds nothing to her.
    let report = ask(&enrolled_by_people(false, &nobody_lacking(), true));
    let expected = ["agent ap-bot's key", "the founder", "dana's sign-in device"];
    let last = "erin's sign-in device, the log key";
    assert_eq!(told(&report, About::Asked)[..3], expected);
    assert_eq!(told(&report, About::Asked)[3..], [last]);
}

/// WL-5. Goal: who agrees for another needs that other's word. Method: a delegation signed by a thief, and by a stranger.
#[test]
fn wl_5_a_delegation_is_the_word_of_who_gave_it() {
    let set = [sign_in("finn")];
    for profile in [
        Profile::Passport,
        Profile::CaseWithPassport,
        Profile::Ledger,
    ] {
        let report = judged(profile, &false_delegation(&nobody_lacking()));
        let told = sets(&report, About::Agreed);
        assert!(told.contains(&set.to_vec()), "{profile:?} {report:?}");
        let found = played(profile, false_delegation, &set, None);
        assert_eq!(found, "VALID", "{profile:?}");
        let found = played(profile, false_delegation, &set, Some(&set[0]));
        assert_eq!(found, "REFUSED bad-assertion by the host");
    }
}

/// WL-3: a founder with a passkey is the founder; what that person signs goes back no further.
#[test]
fn wl_3_a_founder_in_a_device_is_the_end_of_the_trail() {
    let forged = founded_by_a_person();
    let report = verify(
        &forged.tenant.case_file(forged.case),
        &forged.tenant.trust(),
        &at(NOW),
    );
    assert_eq!(word(&report), "VALID", "{report:?}");
    assert_eq!(
        told(&report, About::Asked),
        [
            "agent ap-bot's key",
            "the founder",
            "erin's sign-in device, the log key"
        ]
    );
}

/// WL-6: with no witness asked for, the log key alone; and what the witnesses sign is not what they read.
#[test]
fn wl_6_without_witnesses_the_log_key_is_enough() {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let report = verify(&tenant.passport(case), &tenant.trust(), &at(NOW));
    for about in [About::InLog, About::SameLog] {
        assert_eq!(told(&report, about), ["the log key"]);
    }
    assert_eq!(told(&report, About::Agreed), ["nobody was asked"]);
    for lie in of_heads(&tenant.trust()) {
        let of_the_log = matches!(lie.about, About::InLog | About::SameLog);
        // WL-7
        assert_eq!(matches!(lie.by, Liars::Sets { .. }), of_the_log);
    }
}

/// WL-5, *used once*. Goal: nothing but the gate stands against a second use. Method: the same Passport twice, at a gate
/// that remembers and at one that does not; the verifier cannot tell.
#[test]
fn wl_5_a_second_use_is_the_gates_to_see() {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let passport = tenant.passport(case);
    let target = format!("{}#erp", tenant.origin());
    let trust = trust_text(&[&tenant], "quorum none\n", &[&target]);
    let trust = Trust::parse(trust.as_bytes()).unwrap();
    let mut seen = BTreeSet::new();
    let mut admitted = [0, 0];
    for _ in 0..2 {
        let report = verify_at_gate(&passport, &trust, &at(NOW));
        assert_eq!(told(&report, About::UsedOnce), ["the gate of erp"]);
        let claims = report.authority().unwrap().claims();
        admitted[0] += usize::from(seen.insert(claims.cti));
        admitted[1] += 1;
    }
    assert_eq!(admitted, [1, 2]);
}

/// WL-1. Goal: nobody is named for what nobody believes. Method: answers that are REFUSED or INCOMPLETE.
#[test]
fn wl_1_only_what_is_valid_had_to_be_made_up() {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    let (passport, file, trust) = (
        tenant.passport(case),
        tenant.case_file(case),
        tenant.trust(),
    );
    for bytes in [passport, file] {
        assert_eq!(verify(&bytes, &trust, &at(NOW)).lies().len(), 6);
        let unpinned = Question {
            pinned: false,
            ..at(NOW)
        };
        for question in [unpinned, at(NOW * 2), Question { at: None, ..at(0) }] {
            let report = verify(&bytes, &trust, &question);
            assert_ne!(word(&report), "VALID");
            assert!(report.lies().is_empty());
        }
    }
}

/// WL-2: smaller ones first, none holds another, and no more than 64.
#[test]
fn wl_2_sets_are_the_smallest_in_order_and_bounded() {
    let mut text = String::new();
    let mut names = String::new();
    for at in 0..12 {
        let key = NamedWitness::new(&format!("w{at}.example"), 30 + at).key();
        text += &format!("witness w{at:02} {}\n", key.encode());
        names += &format!(" w{at:02}");
    }
    let text = format!("{text}group g 6{names}\nquorum g\n");
    let mut tenant = Tenant::ready(1);
    let _ = tenant.authorized("r-1");
    let trust = trust_text(&[&tenant], &text, &[]);
    let trust = Trust::parse(trust.as_bytes()).unwrap();
    let lies = of_heads(&trust);
    let Liars::Sets { sets, more } = &lies[3].by else {
        panic!("no sets")
    };
    assert_eq!((sets.len(), *more), (LIES_MAX, true));
    // Six of twelve: nobody need sign twice.
    let Liars::Sets { sets, more } = &lies[4].by else {
        panic!("no sets")
    };
    assert_eq!(
        (sets.as_slice(), *more),
        (&[[Holder::LogKey].to_vec()][..], false)
    );
    for lie in &lies {
        let Liars::Sets { sets, .. } = &lie.by else {
            continue;
        };
        for (at, set) in sets.iter().enumerate() {
            assert!(set.is_sorted());
            for later in &sets[at + 1..] {
                assert!((set.len(), set) < (later.len(), later));
                assert!(!set.iter().all(|holder| later.contains(holder)));
            }
        }
    }
}

/// WL-7: a log without a case, and two heads.
#[test]
fn wl_7_of_nothing_nothing_is_told() {
    let tenant = Tenant::ready(1);
    let question = Question { at: None, ..at(0) };
    let options = Options { replay: true };
    let trust = tenant.trust();
    let report = audit(
        &mut tenant.export(),
        &trust,
        &question,
        options,
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(word(&report), "VALID");
    let about = [About::Asked, About::Decided, About::Agreed, About::UsedOnce];
    assert_eq!(about.map(|about| sets(&report, about).len()), [0, 0, 0, 0]);
    let old = tenant.signed_head_at(3, &[]).note().encode();
    let report = consistency(old.as_bytes(), &mut tenant.export(), &trust, &question).unwrap();
    assert_eq!(word(&report), "VALID");
    assert_eq!(about.map(|about| sets(&report, about).len()), [0, 0, 0, 0]);
    assert_eq!(told(&report, About::InLog), ["the log key"]);
    assert_eq!(told(&report, About::SameLog), ["the log key"]);
}
