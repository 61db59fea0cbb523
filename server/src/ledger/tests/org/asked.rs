//! What a request asks, and what is weighed for it.

use super::*;

impl Asked {
    pub(crate) fn send(
        self,
        ledger: &Ledger,
    ) -> Result<mpsc::Receiver<Option<Committed>>, AdmitError> {
        send(ledger, self.reading, self.change)
    }
}

/// All that policy weighs, from the rows.
pub(crate) fn weigh(reading: &mut Reading, action: &Action, at: UnixMillis) -> Snapshot {
    let genesis = reading.tenant().genesis().clone();
    let AgentRow {
        stage,
        sponsor,
        tier,
        latitude,
        status,
        exposure_minor,
        ..
    } = match reading.row(&RowName::Agent(id("buyer"))).unwrap() {
        Some(Row::Agent(row)) => row,
        other => panic!("no agent: {other:?}"),
    };
    let target: SystemRow = match reading.row(&RowName::System(id("erp"))).unwrap() {
        Some(Row::System(row)) => row,
        other => panic!("no target: {other:?}"),
    };
    let acme: CounterpartyRow = match reading.row(&RowName::Counterparty(id("acme"))).unwrap() {
        Some(Row::Counterparty(row)) => row,
        other => panic!("no counterparty: {other:?}"),
    };
    let bundle = match reading.row(&RowName::Policy).unwrap() {
        Some(Row::Policy(row)) => Some(row.bundle),
        _ => None,
    };
    Snapshot::new(
        Money {
            origin: genesis.origin,
            currency: genesis.currency,
            exponent: genesis.exponent,
        },
        Agent::new(
            id("buyer"),
            sponsor,
            tier,
            status,
            latitude,
            exposure_minor,
            stage.enrolled_key().unwrap().jwk_thumbprint(),
        )
        .unwrap(),
        Target::new(id("erp"), target.status),
        Counterparty::new(
            id("acme"),
            acme.status,
            acme.risk,
            acme.payments_before,
            acme.payment_details_changed_at,
        )
        .unwrap(),
        action.clone(),
        Moment {
            bundle,
            decided_at: at,
            standing_at: reading.standing_at(),
        },
    )
    .unwrap()
}
