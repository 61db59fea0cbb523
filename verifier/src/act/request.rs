//! `POST /v1/actions`.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
};

use super::Act;
use crate::{
    action::{Action, ActionType, Currency, Parameter, ParameterName},
    id::{Id, RequestId},
    json::{self, JsonError, Place, Value},
    limits,
};

/// The longest statement of an agent, in characters.
const STATEMENT_CHARS_MAX: usize = 280;

/// An agent asks: may I?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionRequest {
    /// The log the agent is enrolled in.
    pub origin: String,
    /// Who asks.
    pub agent: Id,
    /// The agent's name for this request.
    pub request_id: RequestId,
    /// What it wants to do.
    pub action: Action,
    /// Its own words, for people. Never weighed.
    pub statement: Option<String>,
}

impl ActionRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// [`JsonError`] with a pointer to the member.
    pub fn parse(body: &[u8]) -> Result<Self, JsonError> {
        let mut members = json::parse(body, limits::ACTION_BODY_BYTES_MAX)?.object()?;
        let origin = members.text("origin")?;
        let agent = members.id("agent")?;
        let request_id = members.request_id("request_id")?;
        let kind = members.parsed("action", |name| {
            ActionType::parse(name)
                .ok_or("expected an action type of the catalogue (`spec/action.md`), or `other`")
        })?;
        let amount_minor = members.integer("amount_minor", 0..=limits::AMOUNT_MINOR_MAX)?;
        let currency = members.parsed("currency", |code| {
            Currency::parse(code).ok_or("expected an ISO 4217 code, `A-Z` thrice")
        })?;
        let counterparty = members.id("counterparty")?;
        let target = members.id("target")?;
        let reference = members.required("reference")?;
        let parameters = members.optional("parameters");
        let statement = match members.optional("statement") {
            None => None,
            Some(place) => {
                let refusal = place.refuse(alloc::format!(
                    "longer than {STATEMENT_CHARS_MAX} characters"
                ));
                let text = place.text()?;
                if text.chars().count() > STATEMENT_CHARS_MAX {
                    return Err(refusal);
                }
                Some(text)
            }
        };
        members.finish()?;
        let action = action(
            kind,
            amount_minor,
            currency,
            counterparty,
            target,
            reference,
            parameters,
        )?;
        Ok(Self {
            origin,
            agent,
            request_id,
            action,
            statement,
        })
    }
}

impl Act for ActionRequest {
    fn target(&self) -> String {
        String::from("/v1/actions")
    }

    fn origin(&self) -> &str {
        &self.origin
    }
}

fn action(
    kind: ActionType,
    amount_minor: u64,
    currency: Currency,
    counterparty: Id,
    target: Id,
    reference: Place,
    parameters: Option<Place>,
) -> Result<Action, JsonError> {
    let mut named = BTreeMap::new();
    if let Some(members) = parameters.clone().map(Place::object).transpose()? {
        for (name, place) in members.rest() {
            let name = ParameterName::parse(&name).ok_or_else(|| {
                place.refuse(String::from("expected a name `[a-z][a-z0-9_]{0,31}`"))
            })?;
            let value = match place.value() {
                Value::Integer(n) => Parameter::Integer(*n),
                _ => Parameter::Text(place.text()?),
            };
            named.insert(name, value);
        }
    }
    let text = reference.clone().text()?;
    Action::new(
        kind,
        amount_minor,
        currency,
        counterparty,
        target,
        &text,
        named,
    )
    .map_err(|error| {
        // The amount was checked on reading, so the fault is in the reference or the parameters.
        let place = parameters
            .filter(|_| error.field() == "parameters")
            .unwrap_or(reference);
        place.refuse(error.to_string())
    })
}
