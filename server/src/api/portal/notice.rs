//! What a page says of the last act of whoever looks at it: read from the log, never from the request (TA-22).

use agentsigna_verifier::event::Body;
use axum::http::Uri;

use super::{Door, pages::parts::Sentence};
use crate::domain::{Refusal, Visitor};

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
        Body::UserPasswordSet(body) => {
            format!("`{}` can sign in with a password, to read.", body.user)
        }
        Body::UserPasswordEnded(body) => format!("The password of `{}` opens nothing.", body.user),
        Body::ActProposed(_) => {
            "Proposed, not done yet: it happens when another administrator signs the same bytes within a day."
                .to_owned()
        }
        Body::OutcomeRecorded(body) => {
            format!("What became of it is said: {}.", body.outcome.as_str())
        }
        Body::DisputeResolved(body) => {
            format!("The dispute is resolved: {}.", body.result.as_str())
        }
        _ => "Done.".to_owned(),
    }
}
