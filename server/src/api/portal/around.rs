//! What stands around the pages of a person who signed in, and what they have in common.

use agentsigna_verifier::{
    action::{Currency, Exponent},
    event::Body,
    id::Id,
};
use axum::{http::Uri, response::Response};

use super::{
    Door, entrance, html,
    pages::{
        self, Template,
        frame::{Frame, Me},
        parts::{Chip, Money, Plain, Sentence, Theirs, When},
        queue::CaseRow,
    },
};
use crate::domain::{CaseSeen, Refusal, Visitor};

/// Cases at the end of the page of an agent, a target system or a counterparty.
const LAST_CASES: usize = 10;

/// The frame of a page for `visitor`; `done` is what their last act came to.
pub(super) fn frame(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
) -> Result<Frame, Refusal> {
    let row = visitor.row();
    Ok(Frame {
        log: visitor.origin().to_owned(),
        me: Me {
            user: visitor.user().to_string(),
            name: Plain::new(row.name.as_str()),
            roles: row.roles.as_slice().to_vec(),
            signs: visitor.may_sign(),
        },
        waiting: door.office.waiting(visitor)?,
        done,
    })
}

/// TA-22: what the entry that the address names says, if this person signed it a moment ago; of the address itself
/// nothing but a number is read.
pub(super) fn done(door: &Door, visitor: &Visitor, uri: &Uri) -> Result<Option<Sentence>, Refusal> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let mut named = pairs.filter_map(|pair| pair.strip_prefix("done="));
    let (Some(index), None) = (named.next(), named.next()) else {
        return Ok(None);
    };
    let Ok(index) = index.parse() else {
        return Ok(None);
    };
    let signed = door.office.just_signed(visitor, index)?;
    Ok(signed.map(|entry| {
        let what = what_happened(&entry.event.body);
        Sentence::new(format!("{what} On record as entry {index}."))
    }))
}

/// The event of an act, in one sentence.
fn what_happened(body: &Body) -> String {
    match body {
        Body::AgentInvited(body) => format!("Agent `{}` is invited.", body.agent),
        Body::AgentEnrolled(body) => {
            format!("The key of agent `{}` is confirmed: it may ask.", body.agent)
        }
        Body::AgentChanged(body) => format!("Agent `{}` is {}.", body.id, body.status.name()),
        Body::SystemInvited(body) => format!("Target system `{}` is invited.", body.system),
        Body::SystemEnrolled(body) => {
            format!("The key of target system `{}` is confirmed.", body.system)
        }
        Body::SystemChanged(body) => {
            format!("Target system `{}` is {}.", body.id, body.status.name())
        }
        Body::CounterpartyEnrolled(body) => {
            format!("Counterparty `{}` is enrolled.", body.counterparty)
        }
        Body::CounterpartyChanged(body) => {
            format!("Counterparty `{}` is changed.", body.counterparty)
        }
        Body::PolicyPublished(_) => {
            "The policy is published: it decides nothing until it is activated.".to_owned()
        }
        Body::PolicyActivated(_) => "Another policy decides from now on.".to_owned(),
        Body::UserInvited(body) => format!("`{}` is invited.", body.user),
        Body::UserEnrolled(body) => {
            format!("The passkeys of `{}` are confirmed: they count.", body.user)
        }
        Body::UserChanged(body) => format!("`{}` is changed.", body.user),
        Body::UserRevoked(body) => format!("A passkey of `{}` is revoked.", body.user),
        Body::DelegationGiven(body) => {
            format!("`{}` may judge for `{}`.", body.to, body.from)
        }
        Body::DelegationEnded(body) => {
            format!("`{}` judges for `{}` no more.", body.to, body.from)
        }
        Body::ActProposed(_) => {
            "Proposed, not done yet: it happens when another administrator signs the same bytes within a day."
                .to_owned()
        }
        _ => "Done.".to_owned(),
    }
}

/// A page, or what went wrong as a page.
pub(super) fn drawn<P: Template>(page: Result<P, Refusal>) -> Response {
    let text = page.and_then(|page| pages::html(&page).map_err(|error| Refusal::broken(&error)));
    text.map_or_else(entrance::problem, html)
}

/// An amount of the visitor's log.
pub(super) fn money((currency, exponent): (Currency, Exponent), minor: u64) -> Money {
    Money {
        minor,
        exponent,
        currency,
    }
}

/// The last cases that `wanted` takes.
pub(super) fn last_cases(
    door: &Door,
    visitor: &Visitor,
    wanted: impl Fn(&CaseSeen) -> bool,
) -> Result<Vec<CaseRow>, Refusal> {
    let part = door.office.cases(visitor, None, LAST_CASES, wanted)?;
    Ok(part
        .items
        .into_iter()
        .map(|seen| case_row(visitor, seen))
        .collect())
}

fn case_row(visitor: &Visitor, seen: CaseSeen) -> CaseRow {
    let action = &seen.asked.action;
    CaseRow {
        case: seen.case,
        asked_at: When(seen.asked_at),
        reference: Theirs::new(action.reference()),
        kind: action.kind().name(),
        amount: money(visitor.currency(), action.amount_minor()),
        counterparty: action.counterparty().clone(),
        state: Chip::case(seen.row.state),
        agent: seen.asked.agent,
    }
}

/// Ids with commas, as a form has them.
pub(super) fn listed(ids: &[Id]) -> String {
    let ids: Vec<_> = ids.iter().map(Id::as_str).collect();
    ids.join(",")
}
