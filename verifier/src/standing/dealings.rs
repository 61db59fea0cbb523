//! What an agent and a counterparty have given each other.

use super::{BANDS, PerBand, Standing, day_of};
use crate::{action::Band, time::UnixMillis};

/// How many credits two give each other in one band.
pub const CREDITS_MAX: u64 = 16;
/// The value of the first.
const FIRST: u64 = 1_000;

/// Credits between one agent and one counterparty, by band.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dealings {
    /// How many were given, `0..=16`; never falls.
    pub given: PerBand,
    /// How many of them stand.
    pub live: PerBand,
}

/// One credit, as the case that earned it remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// `1000 / k`; 0 after the sixteenth.
    pub value: u64,
    /// The day it was given, or given again.
    pub day: u64,
    /// Whether it stands.
    pub live: bool,
}

impl Dealings {
    /// The highest band in which something stands.
    #[must_use]
    pub fn highest(&self) -> Option<Band> {
        let bands = (0..).map_while(Band::new);
        let live = bands.zip(self.live).filter(|(_, live)| *live > 0);
        live.map(|(band, _)| band).last()
    }

    /// A deal of `band` was completed. SD-3
    pub(crate) fn credit(
        &mut self,
        band: Band,
        at: UnixMillis,
        both: [&mut Standing; 2],
    ) -> Credit {
        let mut value = 0;
        if let Some(given) = of(&mut self.given, band)
            && *given < CREDITS_MAX
        {
            *given += 1;
            value = FIRST / *given;
        }
        let mut credit = Credit {
            value,
            day: day_of(at),
            live: false,
        };
        self.stand_again(&mut credit, band, at, both);
        credit
    }

    /// It stands, from the day of `at` on.
    pub(crate) fn stand_again(
        &mut self,
        credit: &mut Credit,
        band: Band,
        at: UnixMillis,
        both: [&mut Standing; 2],
    ) {
        (credit.live, credit.day) = (true, day_of(at));
        let before = self.highest();
        if let (Some(live), true) = (of(&mut self.live, band), credit.value > 0) {
            *live = live.saturating_add(1);
        }
        let after = self.highest();
        for standing in both {
            *standing = standing.on(at);
            standing.credit(band, credit.value);
            standing.partner(before, after);
        }
    }

    /// It stands no more. SD-5
    pub(crate) fn withdraw(
        &mut self,
        credit: &mut Credit,
        band: Band,
        at: UnixMillis,
        both: [&mut Standing; 2],
    ) {
        credit.live = false;
        let before = self.highest();
        if let (Some(live), true) = (of(&mut self.live, band), credit.value > 0) {
            *live = live.saturating_sub(1);
        }
        let after = self.highest();
        for standing in both {
            *standing = standing.on(at);
            standing.withdraw(band, credit.value, credit.day);
            standing.partner(before, after);
        }
    }
}

fn of(bands: &mut [u64; BANDS], band: Band) -> Option<&mut u64> {
    bands.get_mut(usize::from(band.number()))
}
