//! What evidence says of an agent or a counterparty, on its page (SD-1, SD-6, SD-7).

use agentsigna_verifier::{
    action::{Band, Latitude},
    id::Id,
    review::words,
    standing::{Rated, Standing},
    state::{AgentRow, CounterpartyRow},
};

use super::{
    Door,
    around::money,
    pages::{
        directory::{BandRow, StandingShown},
        frame::Facts,
        parts::{Chip, Shown, When},
    },
};
use crate::domain::{Refusal, Visitor};

/// The standing of an agent, and what decisions make of it now.
pub(super) fn agent(
    door: &Door,
    visitor: &Visitor,
    id: &Id,
    row: &AgentRow,
) -> Result<StandingShown, Refusal> {
    let (standing, now) = door.office.standing(visitor, &Rated::Agent(id.clone()))?;
    let weighed = standing.latitude(row.tier, row.latitude, now);
    let latitude = |latitude| Shown::text(in_words(visitor, latitude));
    let mut facts = vec![
        ("Decisions weigh latitude", latitude(weighed)),
        ("Earned", latitude(standing.earned(row.tier))),
        (
            "Granted",
            if standing.adverse {
                Shown::text("ended with the first evidence against it")
            } else {
                latitude(row.latitude)
            },
        ),
    ];
    facts.extend(against(&standing, standing.is_on_probation(now)));
    Ok(shown(visitor, &standing, weighed, facts))
}

/// The standing of a counterparty, and what decisions make of it now.
pub(super) fn counterparty(
    door: &Door,
    visitor: &Visitor,
    id: &Id,
    row: &CounterpartyRow,
) -> Result<StandingShown, Refusal> {
    let rated = Rated::Counterparty(id.clone());
    let (standing, now) = door.office.standing(visitor, &rated)?;
    let risk = standing.risk(row.risk, now).name();
    let mut facts = vec![
        ("Decisions weigh risk", Shown::Chip(Chip::named(risk))),
        (
            "Decisions weigh payments",
            Shown::text(standing.payments_before(row.payments_before)),
        ),
    ];
    facts.extend(against(&standing, standing.is_on_probation(now)));
    Ok(shown(visitor, &standing, Latitude::NONE, facts))
}

fn against(standing: &Standing, on_probation: bool) -> Facts {
    let mut facts = vec![("Evidence against it", Shown::text(standing.bad))];
    if let (true, Some(until)) = (on_probation, standing.probation_until) {
        facts.push(("On probation until", Shown::When(When(until))));
    }
    facts
}

/// Bands up to the highest of which anything is known, at least the first.
fn shown(visitor: &Visitor, standing: &Standing, weighed: Latitude, facts: Facts) -> StandingShown {
    let (currency, exponent) = visitor.currency();
    let open = weighed.band();
    let bands = (0..).map_while(Band::new);
    let known = bands
        .zip(standing.scores())
        .zip(standing.good.into_iter().zip(standing.partners))
        .map(|((band, score), (good, partners))| BandRow {
            band: band.number(),
            below: money((currency, exponent), band.top_minor(exponent)),
            score,
            good,
            partners,
            open: open.is_some_and(|highest| band <= highest),
        });
    let mut bands: Vec<BandRow> = known.collect();
    let last = bands
        .iter()
        .rposition(|row| row.good > 0 || row.open)
        .unwrap_or_default();
    bands.truncate(last.saturating_add(1));
    StandingShown { facts, bands }
}

fn in_words(visitor: &Visitor, latitude: Latitude) -> String {
    let (_, exponent) = visitor.currency();
    match latitude.band() {
        None => "none: people decide".to_owned(),
        Some(band) => format!(
            "band {}, below {}",
            band.number(),
            words::amount(band.top_minor(exponent), exponent)
        ),
    }
}
