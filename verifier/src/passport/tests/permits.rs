//! From a permit to a sealed Passport.

use ed25519_dalek::Signer as _;

use super::*;
use crate::{
    decision::Decision,
    digest::Digest,
    rules::{Bundle, CompiledBundle, ENGINE, Permit, decide, on_big_stack},
    snapshot::{Snapshot, tests::Facts},
    verify::testing::POLICY,
};

/// Decides on a payment of `amount_minor` under the policy of the tests.
fn decided(amount_minor: u64) -> (Snapshot, Decision, Option<Permit>) {
    on_big_stack(|stack| {
        let bundle = Bundle::new(POLICY).unwrap();
        let compiled = CompiledBundle::compile(stack, &bundle).unwrap();
        let snapshot = Facts {
            kind: crate::action::ActionType::Payment,
            amount_minor,
            bundle: Some(compiled.digest()),
            ..Facts::usual()
        }
        .snapshot();
        let (decision, permit) = decide(stack, Some(&compiled), &snapshot).into_parts();
        (snapshot, decision, permit)
    })
    .unwrap()
}

fn grounds(life_s: u64) -> Grounds {
    Grounds {
        issuer: String::from("log.example.com"),
        issued_s: 1_795_320_014,
        life_s,
        cti: [0xc7; 16],
        key: Tenant::found(1).public(Role::Agent),
        case: CaseId::from_bytes([7; 16]),
        chain: vec![Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32])],
    }
}

fn seal(unsealed: Unsealed) -> Passport {
    let key = Tenant::found(1).key(Role::Seal);
    let signature = key.sign(&unsealed.to_be_signed()).to_bytes();
    Passport::parse(&unsealed.seal(signature)).unwrap()
}

#[test]
fn pa_1_a_passport_comes_from_a_permit_for_the_same_inputs() {
    let seal_key = Tenant::found(1).public(Role::Seal);
    // Escalated: there is no permit to make a Passport from.
    let (_, decision, permit) = decided(50_001);
    assert_eq!(decision.verdict(), Verdict::Escalated);
    assert!(permit.is_none());
    // Authorized, but used for another amount.
    let (snapshot, decision, permit) = decided(12_500);
    assert_eq!(decision.verdict(), Verdict::Authorized);
    let (other, _, _) = decided(12_501);
    assert!(Unsealed::new(permit.unwrap(), &other, grounds(300), &seal_key).is_none());

    let (_, _, permit) = decided(12_500);
    let permit = permit.unwrap();
    let bundle = permit.bundle();
    let unsealed = Unsealed::new(permit, &snapshot, grounds(300), &seal_key).unwrap();
    let passport = seal(unsealed);
    assert!(passport.is_sealed_by(&seal_key));
    assert_eq!(passport.delivery(), None);
    let expected = Claims {
        issuer: String::from("log.example.com"),
        agent: snapshot.agent().id().clone(),
        audience: Audience::new(
            String::from(snapshot.origin()),
            snapshot.target().id().clone(),
        ),
        expires_s: 1_795_320_314,
        not_before_s: 1_795_320_014,
        issued_s: 1_795_320_014,
        cti: [0xc7; 16],
        key: grounds(300).key,
        origin: String::from(snapshot.origin()),
        case: CaseId::from_bytes([7; 16]),
        action: snapshot.action().clone(),
        action_digest: snapshot.action().digest(),
        bundle,
        rules: decision.rules().to_vec(),
        path: Path::Authorized,
        snapshot: snapshot.digest(),
        chain: grounds(300).chain,
        engine: String::from(ENGINE),
    };
    assert_eq!(*passport.claims(), expected);
}

#[test]
fn pa_6_a_passport_lives_1_to_900_seconds_from_its_issue() {
    let seal_key = Tenant::found(1).public(Role::Seal);
    for (asked, given) in [
        (0, 1),
        (1, 1),
        (limits::PASSPORT_LIFE_S, 300),
        (899, 899),
        (900, 900),
        (901, 900),
        (u64::MAX, 900),
    ] {
        let (snapshot, _, permit) = decided(12_500);
        let unsealed =
            Unsealed::new(permit.unwrap(), &snapshot, grounds(asked), &seal_key).unwrap();
        let passport = seal(unsealed);
        let claims = passport.claims();
        assert_eq!(claims.expires_s - claims.not_before_s, given, "{asked}");
        assert_eq!(claims.not_before_s, claims.issued_s);
    }
}
