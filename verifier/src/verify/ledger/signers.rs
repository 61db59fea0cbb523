//! Who signed the acts of a log: told, so that a reader sees whose word it rests on.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::super::{Voucher, report::Checks};
use crate::{
    event::{Body, Founder, Signed},
    id::Id,
    signed_request::Profile,
    state::{MemoryRows, Row, RowName},
};

/// Acts by who signed them.
#[derive(Debug, Default)]
pub(super) struct Signers {
    /// With the founder's key in a file.
    founder: u64,
    /// With a passkey, first or second.
    people: BTreeMap<Id, u64>,
}

impl Signers {
    /// Counts an event that was found good.
    pub(super) fn add(&mut self, body: &Body) {
        match body.signed() {
            Some(Signed::Passkey { context, .. }) => {
                let count = self.people.entry(context.user.clone()).or_default();
                *count = count.saturating_add(1);
            }
            Some(Signed::Http { .. }) if body.profile() == Some(Profile::Founder) => {
                self.founder = self.founder.saturating_add(1);
            }
            _ => {}
        }
    }

    pub(super) fn tell(&self, rows: &MemoryRows, checks: &mut Checks) {
        if self.founder > 0 {
            checks.claim(
                "acts of the founder's file key",
                self.founder,
                Voucher::FounderKey,
            );
        }
        let Some(Row::Log(genesis)) = rows.find(&RowName::Log) else {
            return;
        };
        if genesis.sites.is_none() {
            return;
        }
        let people: Vec<String> = self
            .people
            .iter()
            .map(|(user, count)| format!("{user} {count}"))
            .collect();
        if !people.is_empty() {
            checks.claim("acts of people", people.join(", "), Voucher::Passkeys);
        }
        let ruling: &[Id] = match rows.find(&RowName::Administrators) {
            Some(Row::Administrators(ids)) => ids,
            _ => &[],
        };
        let names: Vec<&str> = ruling.iter().map(Id::as_str).collect();
        checks.claim(
            "administrators",
            if names.is_empty() {
                String::from("none")
            } else {
                names.join(", ")
            },
            Voucher::Passkeys,
        );
        if let Founder::File(_) = genesis.founder {
            checks.claim(
                "the founder's file key alone may",
                if ruling.len() >= 2 {
                    "sign every act but activations, delegations and proposals: people too"
                } else {
                    "sign every act but delegations and proposals: people and activations too"
                },
                Voucher::Computed,
            );
        }
    }
}
