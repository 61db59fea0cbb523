//! Goal: the arithmetic holds for any evidence, up to the ends of the integers. Method: properties, and a second
//! implementation written from the page.

use alloc::vec::Vec;

use proptest::{collection::vec, prelude::*};

use super::{
    scenarios::{World, band, day, tier},
    *,
};

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Deal(usize, u64),
    /// The credit of an earlier deal is withdrawn, or stands again.
    Turn(usize),
    Bad(u64),
    /// Days pass.
    Wait(u64),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..5_usize, 0..16_u64).prop_map(|(partner, band)| Deed::Deal(partner, band)),
        1 => (0..8_usize).prop_map(Deed::Turn),
        1 => prop_oneof![Just(REVERSED), Just(LOST), Just(FRAUD), any::<u64>()].prop_map(Deed::Bad),
        2 => (0..400_u64).prop_map(Deed::Wait),
    ]
}

fn any_standing() -> impl Strategy<Value = Standing> {
    let end = prop_oneof![any::<u64>(), Just(u64::MAX), 0..40_000_u64];
    let number = end.clone();
    (
        20_000..20_010_u64,
        vec(number, BANDS),
        end,
        vec(any::<u64>(), BANDS),
        any::<bool>(),
    )
        .prop_map(|(day, good, bad, partners, adverse)| Standing {
            day,
            good: good.try_into().unwrap(),
            bad,
            partners: partners.try_into().unwrap(),
            probation_until: None,
            adverse,
            payments: bad,
        })
}

fn play(deeds: &[Deed]) -> World {
    let mut world = World::of(5);
    let mut credits: Vec<(usize, u64, Credit)> = Vec::new();
    let mut today = 0;
    for deed in deeds {
        match *deed {
            Deed::Deal(partner, b) => {
                let credit = world.deal(partner, band(b), day(today));
                credits.push((partner, b, credit));
            }
            Deed::Turn(at) => {
                if let Some((partner, b, credit)) = credits.get_mut(at) {
                    let (standing, dealings) = &mut world.partners[*partner];
                    let both = [&mut world.agent, standing];
                    if credit.live {
                        dealings.withdraw(credit, band(*b), day(today), both);
                    } else {
                        dealings.stand_again(credit, band(*b), day(today), both);
                    }
                }
            }
            Deed::Bad(severity) => {
                world.agent.debit(severity, day(today));
            }
            Deed::Wait(days) => today += days,
        }
    }
    world
}

proptest! {
    /// SD-3. Good evidence never lowers a score, nor latitude.
    #[test]
    fn good_never_lowers(standing in any_standing(), b in 0..16_u64, value in any::<u64>()) {
        let mut after = standing;
        after.credit(band(b), value);
        for (before, after) in standing.scores().into_iter().zip(after.scores()) {
            prop_assert!(after >= before);
        }
        prop_assert!(after.earned(tier(2)) >= standing.earned(tier(2)));
    }

    /// SD-4. Bad evidence never raises a score, nor latitude, nor makes a risk smaller.
    #[test]
    fn bad_never_raises(standing in any_standing(), severity in any::<u64>(), granted in -1..16_i64) {
        let mut after = standing;
        after.debit(severity, day(0));
        for (before, after) in standing.scores().into_iter().zip(after.scores()) {
            prop_assert!(after <= before);
        }
        let granted = Latitude::new(granted).unwrap();
        for at in [day(0), day(31)] {
            prop_assert!(after.latitude(tier(2), granted, at) <= standing.latitude(tier(2), granted, at));
            prop_assert!(after.risk(Risk::Low, at) >= standing.risk(Risk::Low, at));
        }
    }

    /// SD-1. Nothing overflows at the ends of the integers, and a score is a score there too.
    #[test]
    fn sd_1_the_ends_of_the_integers_hold(standing in any_standing(), days in any::<u32>()) {
        prop_assert!(standing.scores().into_iter().all(|score| score <= 999));
        let later = Standing { day: standing.day + u64::from(days), ..standing };
        prop_assert_eq!(standing.on(UnixMillis::new(later.day * DAY_MS).unwrap_or(day(0))).adverse, standing.adverse);
        prop_assert!(standing.payments_before(u64::MAX) <= limits::JSON_INTEGER_MAX);
    }

    /// SD-2. The order of days does not matter: whole days, once each, however they are split; and never back.
    #[test]
    fn sd_2_days_are_taken_once_each(standing in any_standing(), first in 0..3_000_u64, second in 0..3_000_u64) {
        let in_two = standing.on(day(10 + first)).on(day(10 + first + second));
        prop_assert_eq!(standing.on(day(10 + first + second)), in_two);
        prop_assert_eq!(in_two.on(day(0)), in_two);
        // Word for word as on the page.
        let mut bad = u128::from(standing.bad);
        for _ in standing.day..20_010 + first + second {
            bad = (bad * 4_286_818_749) >> 32;
        }
        prop_assert_eq!(u128::from(in_two.bad), bad);
    }

    /// SD-5. Same deeds, same standing; partners are those with something that stands; what was never withdrawn
    /// counts, what is withdrawn does not.
    #[test]
    fn sd_5_the_same_ledger_gives_the_same_standing(deeds in vec(any_deed(), 0..40)) {
        let (one, other) = (play(&deeds), play(&deeds));
        prop_assert_eq!(one.agent, other.agent);
        for (b, partners) in one.agent.partners.into_iter().enumerate() {
            let behind = one.partners.iter().filter(|(_, dealings)| {
                dealings.highest().is_some_and(|highest| usize::from(highest.number()) >= b)
            });
            prop_assert_eq!(usize::try_from(partners).unwrap(), behind.count());
        }
        for (standing, dealings) in &one.partners {
            for (given, live) in dealings.given.into_iter().zip(dealings.live) {
                prop_assert!(live <= given && given <= CREDITS_MAX);
            }
            prop_assert!(standing.bad == 0 && !standing.adverse);
        }
    }
}

/// SD-3. 1000, 500, 333 …, sixteen times, to no higher band.
#[test]
fn sd_3_a_credit_is_one_over_k_and_the_seventeenth_nothing() {
    let mut world = World::of(1);
    let values: Vec<u64> = (0..18)
        .map(|_| world.deal(0, band(2), day(0)).value)
        .collect();
    assert_eq!(values[..4], [1000, 500, 333, 250]);
    assert_eq!(values[15..], [62, 0, 0]);
    let sum: u64 = values.iter().sum();
    assert_eq!(sum, 3_375);
    assert_eq!(world.agent.good[..4], [sum, sum, sum, 0]);
    assert_eq!(world.agent.good, world.partners[0].0.good);
    // Another band of the same two begins anew.
    assert_eq!(world.deal(0, band(3), day(0)).value, 1000);
    assert_eq!(world.partners[0].1.given[2..4], [16, 1]);
}

/// SD-5. A withdrawal takes what is left of the credit, no more; standing again is as on the first day.
#[test]
fn sd_5_a_withdrawn_credit_leaves_the_others() {
    let mut world = World::of(2);
    let mut credit = world.deal(0, band(1), day(0));
    let without = {
        let mut other = World::of(2);
        other.deal(1, band(1), day(5));
        other.agent
    };
    world.deal(1, band(1), day(5));
    let (standing, dealings) = &mut world.partners[0];
    let both = [&mut world.agent, standing];
    dealings.withdraw(&mut credit, band(1), day(5), both);
    assert_eq!(
        (world.agent.good, world.agent.partners),
        (without.good, without.partners)
    );
    let both = [&mut world.agent, standing];
    dealings.stand_again(&mut credit, band(1), day(5), both);
    assert_eq!(world.agent.good[..3], [2000, 2000, 0]);
    assert_eq!((credit.day, credit.value), (day(5).millis() / DAY_MS, 1000));
    // It still was the first credit: the next is worth half.
    assert_eq!(world.deal(0, band(1), day(5)).value, 500);
}

/// SD-4, SD-6, SD-7. What decisions weigh.
#[test]
fn what_is_weighed() {
    let granted = Latitude::up_to(band(3));
    let mut agent = Standing::default();
    // SD-6: the grant, until there is bad evidence of any size; never in tier 4.
    assert_eq!(agent.latitude(tier(3), granted, day(0)), granted);
    assert_eq!(agent.latitude(tier(4), granted, day(0)), Latitude::NONE);
    agent.debit(1, day(0));
    assert_eq!(agent.probation_until, None);
    assert_eq!(agent.latitude(tier(1), granted, day(0)), Latitude::NONE);
    // SD-4: from 8,000 on probation, which a later, smaller fault does not shorten.
    agent.debit(LOST, day(0));
    agent.debit(REVERSED, day(1));
    assert_eq!(agent.probation_until, Some(day(30)));
    agent.debit(FRAUD, day(2));
    assert_eq!(agent.probation_until, Some(day(32)));
    // The thresholds of the tiers.
    for (number, threshold) in [(1, 700), (2, 750), (3, 800)] {
        let good = (0..200_000)
            .find(|good| score(*good, 0) == threshold)
            .unwrap();
        let at = |good| Standing {
            good: [good; BANDS],
            partners: [6; BANDS],
            ..Standing::default()
        };
        assert_eq!(at(good).earned(tier(number)), Latitude::up_to(band(15)));
        assert_eq!(at(good - 1).earned(tier(number)), Latitude::NONE);
        assert_eq!(at(u64::MAX).earned(tier(4)), Latitude::NONE);
    }
    // SD-7: the hand-set risk can only make it worse.
    let mut counterparty = Standing::default();
    assert_eq!(counterparty.risk(Risk::Low, day(0)), Risk::Low);
    counterparty.debit(1_000, day(0));
    assert_eq!(counterparty.on(day(0)).bad, 1_000);
    assert_eq!(counterparty.risk(Risk::Low, day(0)), Risk::Medium);
    assert_eq!(counterparty.risk(Risk::Low, day(1)), Risk::Low);
    counterparty.debit(LOST, day(1));
    assert_eq!(counterparty.risk(Risk::Low, day(1)), Risk::High);
    assert_eq!(counterparty.risk(Risk::Low, day(31)), Risk::Medium);
    assert_eq!(counterparty.risk(Risk::High, day(4_000)), Risk::High);
    counterparty.payments = 2;
    assert_eq!(counterparty.payments_before(3), 5);
}

/// The page's constants are the code's, and what they are said to be.
#[test]
fn the_page_has_the_constants_of_the_code() {
    let page = include_str!("../../../spec/standing.md");
    for number in ["4,262,016,076", "4,286,818,749"] {
        assert!(page.contains(number));
    }
    // A half in 90 and in 365 days, less what the daily rounding takes.
    let standing = Standing {
        day: 20_000,
        good: [1 << 40; BANDS],
        bad: 1 << 40,
        ..Standing::default()
    };
    let half = 1_u64 << 39;
    assert!((half - 60_000..=half).contains(&standing.on(day(90)).good[0]));
    assert!((half - 60_000..=half).contains(&standing.on(day(365)).bad));
}

/// SD-1 to SD-6. Goal: two implementations agree. Method: `testdata/standing/bes-1.json`, which `testdata/standing.py`
/// computed from the page alone.
#[test]
fn the_vectors_come_out_again() {
    let vectors = include_str!("../../../testdata/standing/bes-1.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let mut seen = 0;
    for vector in vectors.as_array().unwrap() {
        let number = |value: &serde_json::Value| value.as_u64().unwrap();
        let place = |value: &serde_json::Value| usize::try_from(number(value)).unwrap();
        let at = |day: u64| UnixMillis::new(day * DAY_MS).unwrap();
        let mut world = World::of(8);
        let mut deals: Vec<(usize, Band, Credit)> = Vec::new();
        for deed in vector["deeds"].as_array().unwrap() {
            let at = at(number(&deed[1]));
            match deed[0].as_str().unwrap() {
                "deal" => {
                    let (partner, band) = (place(&deed[2]), band(number(&deed[3])));
                    deals.push((partner, band, world.deal(partner, band, at)));
                }
                "bad" => world.agent.debit(number(&deed[2]), at),
                turn => {
                    let (partner, band, credit) = &mut deals[place(&deed[2])];
                    let (standing, dealings) = &mut world.partners[*partner];
                    let both = [&mut world.agent, standing];
                    if turn == "again" {
                        dealings.stand_again(credit, *band, at, both);
                    } else {
                        dealings.withdraw(credit, *band, at, both);
                    }
                }
            }
        }
        let then = at(number(&vector["day"]));
        let agent = world.agent.on(then);
        let granted = Latitude::new(vector["granted"].as_i64().unwrap()).unwrap();
        let latitude = agent.latitude(tier(number(&vector["tier"])), granted, then);
        let found = serde_json::json!({
            "good": agent.good,
            "bad": agent.bad,
            "partners": agent.partners,
            "scores": agent.scores(),
            "latitude": latitude.number(),
            "probation_until": agent.probation_until.map(UnixMillis::millis),
        });
        assert_eq!(found, vector["then"], "{}", vector["description"]);
        seen += 1;
    }
    assert_eq!(seen, 22);
}
