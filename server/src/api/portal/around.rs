//! What stands around the pages of a person who signed in.

use agentsigna_verifier::verify::Outcome;
use axum::response::Response;

use super::{
    Door, entrance, html,
    pages::{
        self, Template,
        case::Report,
        frame::{Frame, Me},
        parts::{Block, Chip, Plain, Sentence},
    },
};
use crate::domain::{Refusal, Verified, Visitor};

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

/// What the command line prints, without colours (TA-31).
pub(super) fn report(verified: &Verified) -> Report {
    let Verified {
        report,
        question,
        size,
    } = verified;
    let lines = report.words(question, &|_, word| word.to_owned());
    Report {
        verdict: Chip::named(match report.outcome() {
            Outcome::Valid => "valid",
            Outcome::Refused(_) => "refused",
            Outcome::Incomplete(_) => "incomplete",
        }),
        text: Block(lines.join("\n")),
        size: *size,
    }
}

/// A page, or what went wrong as a page.
pub(super) fn drawn<P: Template>(page: Result<P, Refusal>) -> Response {
    let text = page.and_then(|page| pages::html(&page).map_err(|error| Refusal::broken(&error)));
    text.map_or_else(entrance::problem, html)
}
