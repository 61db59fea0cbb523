//! Who must lie so that a log is shown that others do not see.
//!
//! An honest witness signs a head only if it extends the last one it signed: so the line of one who was shown the other
//! log is not to be had, and what a forger puts in its place is a stranger's.

use ed25519_dalek::Signer as _;

use super::{
    scripts::{honest, replaced, signed_by_a_stranger},
    *,
};
use crate::{
    event::Body,
    log::{
        cosignature::{self, CosignedAt},
        note::{Note, SignatureLine},
    },
    verify::testing::{Role, signing_key},
};

/// The log goes two ways after its beginning: on one of them the case is, on the other it is not.
fn two_ways() -> (Forged, Forged) {
    let with = honest(&nobody_lacking());
    let mut without = honest(&nobody_lacking());
    let first = without.tenant.case(without.case).events[0].index;
    let kept = usize::try_from(first).unwrap();
    without.tenant.entries.truncate(kept);
    let mut rest = without.tenant.clone();
    // What the others are shown is as long.
    while rest.entries.len() < with.tenant.entries.len() {
        // Any event: a witness reads none.
        let event = Body::LogCreated(rest.genesis());
        let event = rest.event(None, event);
        rest.append_anyway(&event.encode());
    }
    let without = Forged {
        tenant: rest,
        case: with.case,
    };
    (with, without)
}

/// The lines of these witnesses; the one that is `without` is a stranger's.
fn cosigned(bytes: &[u8], tenant: &Tenant, without: Option<u8>) -> Vec<u8> {
    let Some(at) = without else {
        return bytes.to_vec();
    };
    let checkpoint = tenant.checkpoint(tenant.entries.len());
    let line = |line: SignatureLine| {
        let note = Note::new(&checkpoint.text(), &[line]).unwrap().encode();
        let line = note.lines().find(|line| line.starts_with('—'));
        line.unwrap().as_bytes().to_vec()
    };
    let witness = &witnesses()[usize::from(at) - 1];
    let when = CosignedAt::new(START_MS / 1000 + 60).unwrap();
    let signature = signing_key(77, Role::Stranger)
        .sign(&cosignature::message(&checkpoint, when))
        .to_bytes();
    let stranger = cosignature::line(&witness.key(), when, &signature).unwrap();
    replaced(bytes, &line(witness.line(&checkpoint)), &line(stranger))
}

fn chosen(set: &[u8]) -> Vec<NamedWitness> {
    let all = witnesses();
    set.iter()
        .map(|at| all[usize::from(*at) - 1].clone())
        .collect()
}

fn numbers(set: &[Holder]) -> Vec<u8> {
    let found = (1..=3).filter(|at| set.contains(&witness(*at)));
    found.collect()
}

const SHOWN: [Profile; 3] = [
    Profile::Passport,
    Profile::CaseWithPassport,
    Profile::Ledger,
];

/// WL-6, *in the log*. Goal: a quorum that lies is needed, and is enough. Method: a head that no honest witness will sign,
/// for each holds another log; with the lines of the set, and of one fewer.
#[test]
fn wl_6_a_false_head_needs_the_log_and_a_quorum() {
    let (with, without) = two_ways();
    let size = without.tenant.entries.len();
    // Why the honest refuse: the head shown does not extend theirs.
    assert_eq!(with.tenant.entries.len(), size);
    assert_ne!(with.tenant.head(size), without.tenant.head(size));
    for profile in SHOWN {
        let honest_report = judged(profile, &with);
        for set in sets(&honest_report, About::InLog) {
            assert_eq!(set[0], Holder::LogKey);
            let liars = numbers(&set);
            assert_eq!(liars.len(), 2);
            let show = |signers: &[u8], change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
                let signers = chosen(signers);
                let signers: Vec<&NamedWitness> = signers.iter().collect();
                word(&judged_by(profile, &with, &signers, change))
            };
            assert_eq!(show(&liars, &|bytes| bytes), "VALID", "{profile:?}");
            let found = show(&liars, &|bytes| {
                signed_by_a_stranger(&bytes, &with.tenant, size)
            });
            assert_eq!(found, "REFUSED bad-checkpoint");
            for honest in &liars {
                let others: Vec<u8> = liars.iter().copied().filter(|at| at != honest).collect();
                assert_eq!(show(&others, &|bytes| bytes), "INCOMPLETE quorum");
                let found = show(&liars, &|bytes| {
                    cosigned(&bytes, &with.tenant, Some(*honest))
                });
                assert_eq!(found, "REFUSED bad-cosignature");
            }
        }
    }
}

/// WL-6, *the same log*. Goal: who signs two logs is needed, and is enough. Method: two heads that do not extend each
/// other, each shown to half of the honest witnesses; over all ways to show them.
#[test]
fn wl_6_two_logs_need_the_log_and_a_split() {
    let (with, without) = two_ways();
    let size = with.tenant.entries.len();
    // The other half is shown the head alone: what is in it, nobody need judge.
    let other_head_valid = |signers: &[u8]| {
        let signers = chosen(signers);
        let keys: Vec<_> = signers.iter().map(NamedWitness::key).collect();
        let signed = without
            .tenant
            .signed_head(&signers.iter().collect::<Vec<_>>());
        let policy = trusting(&without.tenant).policy().clone();
        assert_eq!(
            policy.check_witnesses(&signed).is_ok(),
            policy.is_met_by(&keys)
        );
        policy.check_witnesses(&signed).is_ok()
    };
    for profile in SHOWN {
        let shown = |signers: &[u8], change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
            let signers = chosen(signers);
            let signers: Vec<&NamedWitness> = signers.iter().collect();
            word(&judged_by(profile, &with, &signers, change))
        };
        // Each honest witness signs one of the two, liars both.
        let both_valid = |liars: &[u8]| {
            (0..8_u8).any(|choice| {
                let sees = |at: u8, first: bool| {
                    liars.contains(&at) || (choice & (1 << (at - 1)) != 0) == first
                };
                let first: Vec<u8> = (1..=3).filter(|at| sees(*at, true)).collect();
                let second: Vec<u8> = (1..=3).filter(|at| sees(*at, false)).collect();
                other_head_valid(&second) && shown(&first, &|bytes| bytes) == "VALID"
            })
        };
        for set in sets(&judged(profile, &with), About::SameLog) {
            let liars = numbers(&set);
            assert_eq!((&set[0], liars.len()), (&Holder::LogKey, 1));
            assert!(both_valid(&liars), "{profile:?} {set:?}");
            let found = shown(&[1, 2, 3], &|bytes| {
                signed_by_a_stranger(&bytes, &with.tenant, size)
            });
            assert_eq!(found, "REFUSED bad-checkpoint");
            let found = shown(&[1, 2, 3], &|bytes| {
                cosigned(&bytes, &with.tenant, Some(liars[0]))
            });
            assert_eq!(found, "REFUSED bad-cosignature");
        }
        assert!(!both_valid(&[]), "{profile:?}");
    }
}
