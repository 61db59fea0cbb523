//! Goal: trust behaves as the page says. Method: the table of `spec/standing.md §5`, line by line, with its numbers.

use alloc::vec::Vec;

use super::*;
use crate::action::Exponent;

/// The first day of the scenarios.
const FIRST_DAY: u64 = 20_000;
const TIER_2: u64 = 2;

/// One agent of tier 2, and those it deals with.
pub(super) struct World {
    pub(super) agent: Standing,
    pub(super) partners: Vec<(Standing, Dealings)>,
}

pub(super) fn tier(number: u64) -> Tier {
    Tier::new(number).unwrap()
}

pub(super) fn band(number: u64) -> Band {
    Band::new(number).unwrap()
}

/// The beginning of a day.
pub(super) fn day(number: u64) -> UnixMillis {
    UnixMillis::new((FIRST_DAY + number) * DAY_MS).unwrap()
}

impl World {
    pub(super) fn of(partners: usize) -> Self {
        Self {
            agent: Standing::default(),
            partners: [(Standing::default(), Dealings::default())].repeat(partners),
        }
    }

    /// A deal that counts at once.
    pub(super) fn deal(&mut self, partner: usize, in_band: Band, at: UnixMillis) -> Credit {
        let (standing, dealings) = &mut self.partners[partner];
        dealings.credit(in_band, at, [&mut self.agent, standing])
    }

    /// So many deals in turn with everybody, so many a day. Answers the score of the band after each.
    fn deals(&mut self, deals: u64, a_day: u64, in_band: Band) -> Vec<u64> {
        let partners = self.partners.len();
        let scores = (0..deals).map(|deal| {
            let partner = usize::try_from(deal).unwrap() % partners;
            self.deal(partner, in_band, day(deal / a_day));
            self.agent.scores()[usize::from(in_band.number())]
        });
        scores.collect()
    }

    fn latitude(&self, at: UnixMillis) -> i64 {
        let latitude = self.agent.latitude(tier(TIER_2), Latitude::NONE, at);
        latitude.number()
    }
}

/// The first deal after which a score is at least 750.
fn passes(scores: &[u64]) -> Option<usize> {
    scores
        .iter()
        .position(|score| *score >= 750)
        .map(|at| at + 1)
}

fn band_of(amount_minor: u64) -> Band {
    Band::of(amount_minor, Exponent::new(2).unwrap())
}

/// SD-3. Many small deeds open no band above their own: a thief of large amounts has to earn large ones first.
#[test]
fn two_thousand_small_deeds_are_worth_a_small_one() {
    let mut world = World::of(50);
    world.deals(2_000, 20, band_of(1_000));
    let scores = world.agent.on(day(100)).scores();
    assert_eq!(scores[..3], [954, 0, 0]);
    assert_eq!(scores[1..], [0; 15]);
    assert_eq!(world.latitude(day(100)), 0);
    let allowed = Latitude::up_to(band(0));
    assert!(allowed.covers(band_of(9_999)) && !allowed.covers(band_of(10_000)));
}

/// SD-1. A band opens at the 18th supervised success, then the next, each four times as high.
#[test]
fn honest_growth_takes_eighteen_deals_a_band() {
    let mut world = World::of(8);
    for in_band in 0..4_u64 {
        let from = 9 * in_band;
        for deal in 0..18_u64 {
            assert_eq!(
                world.latitude(day(from + deal / 2)),
                i64::try_from(in_band).unwrap() - 1,
                "deal {deal} of band {in_band}"
            );
            let partner = usize::try_from(deal).unwrap() % 8;
            world.deal(partner, band(in_band), day(from + deal / 2));
        }
        let reached = i64::try_from(in_band).unwrap();
        assert_eq!(world.latitude(day(from + 8)), reached);
    }
}

/// SD-3. One partner is one voice, however often it speaks; three are three.
#[test]
fn a_small_ring_opens_no_band() {
    for (ring, last, highest) in [(1, 278, 455), (3, 541, 711)] {
        let mut world = World::of(ring);
        let scores = world.deals(1_000, 10, band_of(500_000));
        assert_eq!(scores.last(), Some(&last), "ring of {ring}");
        assert_eq!(scores.iter().max(), Some(&highest), "ring of {ring}");
        assert_eq!(passes(&scores), None);
        assert_eq!(world.latitude(day(99)), -1);
    }
}

/// SD-6. The score of a larger ring passes; from band 3 on six partners are asked for.
#[test]
fn a_ring_of_six_colluders_opens_band_three_and_one_of_five_does_not() {
    assert_eq!(band_of(500_000), band(3));
    for (ring, deal, opens) in [
        (4, 47, false),
        (5, 30, false),
        (6, 23, true),
        (10, 15, true),
    ] {
        let mut world = World::of(ring);
        let scores = world.deals(deal, 10, band_of(500_000));
        assert_eq!(
            passes(&scores),
            usize::try_from(deal).ok(),
            "ring of {ring}"
        );
        let reached = world.latitude(day((deal - 1) / 10));
        assert_eq!(reached, if opens { 3 } else { 2 }, "ring of {ring}");
    }
}

/// SD-4. Theft after a good history: at once, for 30 days, and long after.
#[test]
fn fraud_ends_trust_that_took_long_to_earn() {
    let mut world = World::of(1);
    world.agent = Standing {
        day: FIRST_DAY,
        good: [37_100; BANDS],
        partners: [11; BANDS],
        ..Standing::default()
    };
    assert_eq!(world.agent.scores()[0], 902);
    assert_eq!(world.latitude(day(0)), 15);
    world.agent.debit(FRAUD, day(0));
    assert_eq!(world.agent.scores()[0], 219);
    // Probation, although nothing else had to be asked: neither grant nor score counts.
    let granted = Latitude::up_to(band(5));
    for at in [day(0), day(29)] {
        assert_eq!(
            world.agent.latitude(tier(TIER_2), granted, at),
            Latitude::NONE
        );
        assert!(world.agent.is_on_probation(at));
    }
    assert!(!world.agent.is_on_probation(day(30)));
    assert_eq!(world.agent.on(day(30)).scores()[0], 190);
    assert_eq!(world.agent.on(day(31)).scores()[0], 189);
    // The grant is over; only fresh evidence restores.
    assert_eq!(
        world.agent.latitude(tier(TIER_2), granted, day(30)),
        Latitude::NONE
    );
    let mut fresh = World {
        agent: world.agent,
        partners: World::of(400).partners,
    };
    let mut spent = 0;
    while fresh.latitude(day(31)) < 0 {
        fresh.deal(spent, band(0), day(31));
        spent += 1;
    }
    // First deals of so many new partners, where somebody new needs twelve.
    assert_eq!(spent, FRESH_DEALS);
}

/// How many deals with new partners bring back what one fraud took.
const FRESH_DEALS: usize = 345;

/// SD-1. Whoever leaves and comes back under another name begins where everybody begins.
#[test]
fn coming_back_as_new_is_never_better_than_staying() {
    let new = Standing::default();
    assert_eq!(new.scores(), [0; BANDS]);
    assert_eq!(new.earned(tier(1)), Latitude::NONE);
    let mut world = World::of(8);
    world.deals(40, 2, band(2));
    for (score, of_new) in world.agent.scores().into_iter().zip(new.scores()) {
        assert!(score >= of_new);
    }
    world.agent.debit(FRAUD, day(20));
    assert!(world.agent.scores()[0] > 0);
    assert_eq!(world.latitude(day(20)), new.earned(tier(TIER_2)).number());
}
