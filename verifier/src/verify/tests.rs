//! The door as a stranger uses it.

mod approvals;
mod case_files;
mod codes;
mod ledgers;
mod lies;
mod outcomes;
mod passports;
mod people;
#[cfg(feature = "rules")]
mod sheets;
mod vectors;

use alloc::{format, string::String, vec::Vec};

use super::{
    Question, Report, Step,
    testing::{NamedWitness, START_MS, Tenant, trust_text},
    verify,
};
use crate::{time::UnixMillis, trust::Trust};

/// A change that is a fault, and the answer to it.
pub(super) type Cases<T, const N: usize> = [(fn(&mut T), &'static str); N];

/// The question of an auditor who asks about `ms`.
pub(super) fn at(ms: u64) -> Question {
    Question {
        at: UnixMillis::new(ms),
        pinned: true,
        expects_authority: false,
    }
}

/// A minute after the entries of [`Tenant::ready`]: Passports of that time are good.
pub(super) const NOW: u64 = START_MS + 60_000;

pub(super) fn word(report: &Report) -> String {
    match report.outcome().code() {
        None => String::from(report.outcome().as_str()),
        Some(code) => format!("{} {code}", report.outcome().as_str()),
    }
}

pub(super) fn ask(bytes: &[u8], trust: &Trust) -> String {
    word(&verify(bytes, trust, &at(NOW)))
}

/// Goal: no changed bit is believed. Method: flip each of `bits`, counted from the first byte's lowest.
pub(super) fn flips(
    bytes: &[u8],
    bits: impl Iterator<Item = usize>,
    mut refused: impl FnMut(&[u8]) -> bool,
) {
    let mut changed = bytes.to_vec();
    for bit in bits {
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(
            refused(&changed),
            "bit {bit} of {} bytes was not missed",
            bytes.len()
        );
        changed[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn ve_2_a_check_that_was_forgotten_is_not_passed() {
    use super::{Profile, report::Checks};
    for profile in Profile::ALL {
        for left_out in profile.required() {
            let mut checks = Checks::new(profile);
            for step in profile.required().iter().filter(|step| *step != left_out) {
                checks.made(*step, Ok(())).unwrap();
            }
            let report = checks.finish(None);
            assert_eq!(
                word(&report),
                "INCOMPLETE not-reached",
                "{profile:?} {left_out:?}"
            );
            assert_eq!(report.not_reached().collect::<Vec<Step>>(), [*left_out]);
        }
    }
}

#[test]
fn ve_2_failing_weighs_more_than_missing_and_both_more_than_passing() {
    use super::{
        Profile,
        report::{Checks, gap, refuse},
    };
    let steps = Profile::Passport.required();
    for failing in steps {
        for missing in steps.iter().filter(|step| *step != failing) {
            let mut checks = Checks::new(Profile::Passport);
            for step in steps {
                let _ = checks.made::<()>(
                    *step,
                    if step == failing {
                        refuse("expired", "")
                    } else if step == missing {
                        gap("quorum", "")
                    } else {
                        Ok(())
                    },
                );
            }
            assert_eq!(word(&checks.finish(None)), "REFUSED expired");
        }
        let mut checks = Checks::new(Profile::Passport);
        for step in steps {
            let _ = checks.made::<()>(
                *step,
                if step == failing {
                    gap("quorum", "")
                } else {
                    Ok(())
                },
            );
        }
        assert_eq!(word(&checks.finish(None)), "INCOMPLETE quorum");
    }
}

#[test]
fn ve_24_nothing_an_artefact_says_moves_the_cursor() {
    use super::{
        Profile, Voucher,
        report::{Checks, refuse},
    };
    let mut checks = Checks::new(Profile::Passport);
    let _ = checks.made::<()>(
        Step::Issuer,
        refuse("unknown-issuer", "log `\u{1b}[2J\u{202e}x`"),
    );
    checks.claim("log", "a\u{9b}b\n", Voucher::SealKey);
    let report = checks.finish(None);
    let super::Outcome::Refused(finding) = report.outcome() else {
        panic!()
    };
    assert_eq!(finding.what, "log `\\u{1b}[2J\\u{202e}x`");
    assert_eq!(report.claims()[0].value, "a\\u{9b}b\\u{a}");
}
