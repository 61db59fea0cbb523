//! The pages, as plain as they can be: enough to be read and driven, and all HTML of the portal in one place.

use std::fmt::Write as _;

use data_encoding::BASE64URL_NOPAD;

use crate::domain::{Follows, Prepared, Proposal, Queued, Visitor};

/// `text` where HTML may stand, and between double quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // TA-14: seen, not obeyed.
            hidden if is_hidden(hidden) => {
                out.extend(hidden.escape_unicode());
            }
            plain => out.push(plain),
        }
    }
    out
}

/// Control characters but line ends, and what turns the direction of writing.
fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn framed(title: &str, main: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/static/portal.css\">\n<script type=\"module\" src=\"/static/sign.js\"></script>\n<main>\n<h1>{title}</h1>\n{main}</main>\n</html>\n"
    )
}

const OUTCOME: &str = "<p role=\"status\" aria-live=\"polite\" data-outcome></p>\n";

pub(super) fn home(visitor: &Visitor, proposals: &[Proposal], queue: &[Queued]) -> String {
    let row = visitor.row();
    let roles: Vec<&str> = row
        .roles
        .as_slice()
        .iter()
        .map(|role| role.name())
        .collect();
    let mut main = format!(
        "<p>{} ({}), {}, in <code>{}</code></p>\n\
         <form method=\"post\" action=\"/acts\">\n<h2>An act</h2>\n\
         <p><label>Path <input name=\"path\" required></label></p>\n\
         <p><label>Body <textarea name=\"body\" required></textarea></label></p>\n\
         <button type=\"submit\">Look at it, then sign</button>\n</form>\n",
        escaped(row.name.as_str()),
        visitor.user(),
        roles.join(", "),
        escaped(visitor.origin()),
    );
    if !queue.is_empty() {
        main.push_str("<h2>Waiting for people</h2>\n<ul>\n");
    }
    for queued in queue {
        let _ = writeln!(
            main,
            "<li><a href=\"/cases/{0}/review\">{1}, {2} minor units</a>, {3} agreed</li>",
            queued.case,
            escaped(queued.row.agent.as_str()),
            queued.row.amount_minor,
            queued.review.approvals.len(),
        );
    }
    if !queue.is_empty() {
        main.push_str("</ul>\n");
    }
    for proposal in proposals {
        let body = String::from_utf8_lossy(&proposal.body);
        // Writing to a string does not fail.
        let _ = write!(
            main,
            "<form method=\"post\" action=\"/acts\" data-proposal>\n<h2>Proposed by {}</h2>\n\
             <input type=\"hidden\" name=\"path\" value=\"{1}\"><input type=\"hidden\" name=\"body\" value=\"{2}\">\n\
             <p><code>{1}</code></p>\n<pre>{2}</pre>\n<button type=\"submit\">Look at it, then sign</button>\n</form>\n",
            proposal.by,
            escaped(&proposal.path),
            escaped(&body),
        );
    }
    framed("Portal", &main)
}

/// TA-10: the act in words, and the bytes that are signed.
pub(super) fn act(prepared: &Prepared, rp_id: &str) -> String {
    let mut main = String::from("<dl>\n");
    for (name, value) in &prepared.words.details {
        let _ = writeln!(
            main,
            "<dt>{}</dt><dd>{}</dd>",
            escaped(name),
            escaped(value)
        );
    }
    let follows = match &prepared.follows {
        Follows::Done => "Your signature does this.".to_owned(),
        Follows::Second(by) => format!("{by} proposed this. Your signature does it."),
        Follows::Proposed => {
            "Your signature proposes this: it is done when another administrator signs the same within a day."
                .to_owned()
        }
    };
    let _ = write!(
        main,
        "</dl>\n<p>{follows}</p>\n<h2>What is signed</h2>\n<p><code>POST {}</code></p>\n<pre>{}</pre>\n\
         <form data-sign=\"act\" method=\"post\" action=\"/acts/sign\">\n",
        escaped(&prepared.path),
        escaped(&String::from_utf8_lossy(&prepared.body)),
    );
    for (name, value) in [
        ("context", BASE64URL_NOPAD.encode(&prepared.context)),
        (
            "challenge",
            BASE64URL_NOPAD.encode(prepared.challenge.as_bytes()),
        ),
        ("credential", prepared.credential.to_base64url()),
        ("body", BASE64URL_NOPAD.encode(&prepared.body)),
        ("rp_id", rp_id.to_owned()),
    ] {
        let _ = writeln!(
            main,
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escaped(&value)
        );
    }
    let _ = write!(
        main,
        "<button type=\"submit\">Sign with your passkey</button>\n{OUTCOME}</form>\n<p><a href=\"/\">Back, signing nothing</a></p>\n"
    );
    framed(&prepared.words.title, &main)
}

#[cfg(test)]
mod tests {
    //! Goal: no text of others becomes markup, and none is hidden.

    use super::*;

    #[test]
    fn ta_14_text_of_others_is_text() {
        assert_eq!(
            escaped("<a href=\"x\" id='y'>&</a>\u{202e}\u{7}\r\u{e4}\n"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/a&gt;\\u{202e}\\u{7}\\u{d}\u{e4}\n"
        );
    }
}
