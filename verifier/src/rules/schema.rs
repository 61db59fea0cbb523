//! What policies can speak about, and a snapshot put in those words (`spec/policy.md` §3).
//!
//! Entities and context are built from typed values, never from JSON: nothing an agent sends can become an
//! entity, an attribute name or a type. The parameters of an action are left out: their names are chosen per
//! request, Cedar's records are not, and a rule on a parameter an agent may simply leave out would be no rule.

use alloc::string::{String, ToString as _};
use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
    Schema,
};

use crate::{
    action::{ActionType, Band},
    decision::exposure_after_minor,
    snapshot::Snapshot,
    time::UnixMillis,
};

/// The schema's text, as tenants read it.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// The namespace of every type and action.
pub const NAMESPACE: &str = "Agentsigna";

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Type names and action entities, parsed once.
#[derive(Debug, Clone)]
pub(super) struct Vocabulary {
    agent: EntityTypeName,
    counterparty: EntityTypeName,
    target: EntityTypeName,
    action: EntityTypeName,
    /// Actions and the categories they are in, the closure of what is in what computed.
    actions: Entities,
}

/// Why a snapshot could not be put into Cedar's words; a decision then is `builtin.engine-error`.
#[derive(Debug, thiserror::Error)]
#[error("not expressible in the policy schema: {0}")]
pub(super) struct Inexpressible(String);

impl From<&str> for Inexpressible {
    fn from(cause: &str) -> Self {
        Self(cause.to_string())
    }
}

fn inexpressible(error: impl core::fmt::Display) -> Inexpressible {
    Inexpressible(error.to_string())
}

/// Parses the schema. Takes milliseconds; done when a bundle is compiled.
pub(super) fn schema() -> Result<Schema, Inexpressible> {
    let (schema, _warnings) = Schema::from_cedarschema_str(SCHEMA).map_err(inexpressible)?;
    Ok(schema)
}

impl Vocabulary {
    pub(super) fn new(schema: &Schema) -> Result<Self, Inexpressible> {
        let name = |name: &str| {
            alloc::format!("{NAMESPACE}::{name}")
                .parse::<EntityTypeName>()
                .map_err(inexpressible)
        };
        Ok(Self {
            agent: name("Agent")?,
            counterparty: name("Counterparty")?,
            target: name("Target")?,
            action: name("Action")?,
            actions: schema.action_entities().map_err(inexpressible)?,
        })
    }

    /// The entity that stands for a type of action.
    pub(super) fn action(&self, kind: ActionType) -> EntityUid {
        uid(&self.action, kind.name())
    }

    /// The type of action an entity of a policy's scope stands for; `None` for categories and strangers.
    pub(super) fn kind(&self, action: &EntityUid) -> Option<ActionType> {
        (*action.type_name() == self.action)
            .then(|| ActionType::parse(action.id().unescaped()))
            .flatten()
    }

    /// The snapshot as Cedar's request and entities. `schema` makes Cedar check them too (in tests).
    pub(super) fn express(
        &self,
        snapshot: &Snapshot,
        schema: Option<&Schema>,
    ) -> Result<(Request, Entities), Inexpressible> {
        let (agent, counterparty, target) =
            (snapshot.agent(), snapshot.counterparty(), snapshot.target());
        let agent_uid = uid(&self.agent, agent.id().as_str());
        let counterparty_uid = uid(&self.counterparty, counterparty.id().as_str());
        let target_uid = uid(&self.target, target.id().as_str());
        let parties = [
            entity(
                &agent_uid,
                [
                    ("id", text(agent.id().as_str())),
                    ("sponsor", text(agent.sponsor().as_str())),
                    ("tier", long(agent.tier().number())?),
                    ("status", text(agent.status().name())),
                    (
                        "latitude",
                        RestrictedExpression::new_long(agent.latitude().number()),
                    ),
                    ("exposure_minor", long(agent.exposure_minor())?),
                ],
            )?,
            entity(
                &counterparty_uid,
                [
                    ("id", text(counterparty.id().as_str())),
                    ("status", text(counterparty.status().name())),
                    ("risk", text(counterparty.risk().name())),
                    ("payments_before", long(counterparty.payments_before())?),
                ],
            )?,
            entity(
                &target_uid,
                [
                    ("id", text(target.id().as_str())),
                    ("status", text(target.status().name())),
                ],
            )?,
        ];
        // The actions never change, and are shared: their closure is not computed for each decision.
        let entities = self.actions.clone();
        let entities = entities
            .add_entities(parties, schema)
            .map_err(inexpressible)?;
        let request = Request::new(
            agent_uid,
            self.action(snapshot.action().kind()),
            counterparty_uid,
            context(snapshot, target_uid)?,
            schema,
        )
        .map_err(inexpressible)?;
        Ok((request, entities))
    }
}

fn context(snapshot: &Snapshot, target: EntityUid) -> Result<Context, Inexpressible> {
    let action = snapshot.action();
    let decided_at = snapshot.decided_at();
    let (hour, weekday) = clock(decided_at);
    let band = Band::of(action.amount_minor(), snapshot.exponent());
    let mut pairs = alloc::vec![
        ("amount_minor", long(action.amount_minor())?),
        ("amount_band", long(band.number())?),
        (
            "action_band",
            long(action.band(snapshot.exponent()).number())?
        ),
        ("currency", text(action.currency().as_str())),
        ("category", text(action.kind().category().name())),
        ("reference", text(action.reference())),
        ("target", RestrictedExpression::new_entity_uid(target)),
        (
            "exposure_after_minor",
            long(exposure_after_minor(snapshot))?
        ),
        ("decided_at", long(decided_at.millis())?),
        ("hour", long(hour)?),
        ("weekday", long(weekday)?),
    ];
    if let Some(changed_at) = snapshot.counterparty().payment_details_changed_at() {
        let days = decided_at.millis().saturating_sub(changed_at.millis()) / DAY_MS;
        pairs.push(("payment_details_changed_days", long(days)?));
    }
    Context::from_pairs(
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_string(), value)),
    )
    .map_err(inexpressible)
}

/// Hour `0..=23` and weekday `1..=7` (Monday is 1) in UTC. 1970-01-01 was a Thursday. PO-9
pub(super) const fn clock(time: UnixMillis) -> (u64, u64) {
    let hour = time.millis() / (60 * 60 * 1000) % 24;
    let weekday = (time.millis() / DAY_MS + 3) % 7 + 1;
    (hour, weekday)
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn entity<const N: usize>(
    uid: &EntityUid,
    attributes: [(&str, RestrictedExpression); N],
) -> Result<Entity, Inexpressible> {
    let attributes: HashMap<String, RestrictedExpression> = attributes
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    Entity::new(uid.clone(), attributes, HashSet::new()).map_err(inexpressible)
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_string())
}

fn long(n: impl Into<u64>) -> Result<RestrictedExpression, Inexpressible> {
    i64::try_from(n.into())
        .map(RestrictedExpression::new_long)
        .map_err(inexpressible)
}
