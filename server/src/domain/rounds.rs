//! What a new round is about (decision 19): the sheet of this round held against the one of the round before.
//!
//! For people, beside the sheet; nobody signs it. Only ids, numbers and our own words: what an agent or a counterparty
//! wrote stands on the sheets, as theirs.

use agentsigna_verifier::{
    action::Exponent,
    event::Body,
    id::Id,
    review::{Sheet, words},
    state::CaseRow,
    time::UnixMillis,
};

use super::{Refusal, queue::sheet_bytes, view::logged};
use crate::ledger::Tenant;

/// What differs between `sheet` and the sheet of the round before it; nothing in round 1.
pub(super) fn changes(
    tenant: &Tenant,
    row: &CaseRow,
    sheet: &Sheet,
) -> Result<Vec<String>, Refusal> {
    let Some(before) = sheet.round().checked_sub(1).filter(|round| *round > 0) else {
        return Ok(Vec::new());
    };
    for event in row.events.iter().rev() {
        if let Body::ReviewOpened(opened) = logged(tenant, event.index)?.body
            && opened.round == before
            && let Some(digest) = opened.sheet
        {
            let bytes = sheet_bytes(tenant, &digest)?;
            let before = Sheet::decode(&bytes).map_err(|error| Refusal::broken(&error))?;
            return Ok(differences(&before, sheet));
        }
    }
    Err(Refusal::broken(&"a round that none came before"))
}

/// Lines being written.
struct Lines(Vec<String>);

impl Lines {
    fn differs<T: PartialEq>(
        &mut self,
        name: &str,
        [was, is]: [&T; 2],
        told: impl Fn(&T) -> String,
    ) {
        if was != is {
            self.0
                .push(format!("{name}: {}, before {}", told(is), told(was)));
        }
    }
}

fn differences(was: &Sheet, is: &Sheet) -> Vec<String> {
    let mut lines = Lines(Vec::new());
    let rules = |sheet: &Sheet| -> Vec<String> {
        let rules = sheet.rules().iter();
        rules.map(|rule| rule.id.clone()).collect()
    };
    lines.differs("Rules that ask", [&rules(was), &rules(is)], |rules| {
        rules.join(", ")
    });
    let demand = |sheet: &Sheet| sheet.demand().to_vec();
    lines.differs("Who is asked", [&demand(was), &demand(is)], |demand| {
        let groups = demand
            .iter()
            .map(|(group, people)| format!("{people} of {group}"));
        groups.collect::<Vec<_>>().join(", ")
    });
    let (before, now) = (was.policy(), is.policy());
    lines.differs("Policy", [&before.bundle, &now.bundle], |bundle| {
        bundle.to_hex()
    });
    let (before, now) = (was.counterparty(), is.counterparty());
    lines.differs("Counterparty", [&before.status, &now.status], |status| {
        status.name().to_owned()
    });
    lines.differs(
        "Risk of the counterparty",
        [&before.risk, &now.risk],
        |risk| risk.name().to_owned(),
    );
    lines.differs(
        "Payments before",
        [&before.payments_before, &now.payments_before],
        u64::to_string,
    );
    lines.differs(
        "Payment details last changed",
        [&before.details_changed_at, &now.details_changed_at],
        |at: &Option<UnixMillis>| at.map_or_else(|| "never".to_owned(), words::date),
    );
    let (before, now) = (was.agent(), is.agent());
    lines.differs(
        "Who answers for the agent",
        [&before.sponsor, &now.sponsor],
        Id::to_string,
    );
    lines.differs("Tier of the agent", [&before.tier, &now.tier], |tier| {
        tier.number().to_string()
    });
    lines.differs(
        "Latitude of the agent",
        [&before.latitude, &now.latitude],
        |latitude| latitude.number().to_string(),
    );
    let money = |exponent: Exponent| move |minor: &u64| words::amount(*minor, exponent);
    lines.differs(
        "Open amounts of the agent",
        [&before.exposure_minor, &now.exposure_minor],
        money(is.exponent()),
    );
    let excluded = |sheet: &Sheet| sheet.excluded().to_vec();
    lines.differs(
        "Who may not judge",
        [&excluded(was), &excluded(is)],
        |excluded| {
            let people = excluded.iter().map(|(person, _)| person.as_str());
            match people.collect::<Vec<_>>().as_slice() {
                [] => "nobody is excluded".to_owned(),
                people => people.join(", "),
            }
        },
    );
    lines.0
}
