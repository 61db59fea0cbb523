//! An answer, in words. Nothing in it is believed.

use std::path::Path;

use serde::Deserialize;

use crate::{
    Exit,
    failure::Failure,
    files::{self, Readers},
    print::{self, Page, Style, plain},
};

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    /// `Content-Type`.
    pub(super) kind: String,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

/// RFC 9457. Clients ignore members they do not know (`spec/agent-api.md` §2).
#[derive(Deserialize)]
struct Problem {
    r#type: String,
    title: Option<String>,
    detail: Option<String>,
    pointer: Option<String>,
}

impl Answer {
    /// CL-20
    pub(super) const fn exit(&self) -> Exit {
        match self.status {
            200..=299 => Exit::Valid,
            400..=499 => Exit::Refused,
            _ => Exit::NotRun,
        }
    }

    /// Puts it on the page, and the body of a success into `out`.
    pub(super) fn say(&self, out: Option<&Path>, page: &mut Page) -> Result<Exit, Failure> {
        let exit = self.exit();
        let saved = out.filter(|_| exit == Exit::Valid);
        if let Some(out) = saved {
            files::create(out, &self.body, Readers::Default)?;
        }
        if page.wants_json() {
            if saved.is_none() {
                page.raw(&self.body);
            }
            return Ok(exit);
        }
        let style = if exit == Exit::Valid {
            Style::Good
        } else {
            Style::Bad
        };
        let status = page.styled(style, &format!("{} {}", self.status, self.reason));
        page.line(status.trim_end());
        if let Some(out) = saved {
            let (count, kind) = (self.body.len(), plain(&self.kind));
            let out = plain(&out.display().to_string());
            page.line(format!("{count} bytes of `{kind}` are in {out}"));
        } else if let Some(problem) = self.problem() {
            problem.say(page);
        } else {
            self.say_body(page);
        }
        if exit != Exit::Valid
            && let Some(seconds) = &self.retry_after
        {
            page.item(format!("try again after {} s", plain(seconds)));
        }
        if (300..400).contains(&self.status) {
            page.item("redirects are not followed: a signature is for one host and path");
        }
        Ok(exit)
    }

    fn problem(&self) -> Option<Problem> {
        let kind = self.kind.split(';').next().unwrap_or_default().trim_ascii();
        if !kind.eq_ignore_ascii_case("application/problem+json") {
            return None;
        }
        serde_json::from_slice(&self.body).ok()
    }

    fn say_body(&self, page: &mut Page) {
        if self.body.is_empty() {
            return;
        }
        page.line("");
        if let Some(text) = print::indented(&self.body) {
            page.line(text);
        } else if let Some(text) = self.text() {
            for line in text.lines() {
                page.line(plain(line));
            }
        } else {
            let (count, kind) = (self.body.len(), plain(&self.kind));
            page.line(format!(
                "{count} bytes of `{kind}`: `--out FILE` keeps them"
            ));
        }
    }

    /// A signed note, for example.
    fn text(&self) -> Option<&str> {
        let text = core::str::from_utf8(&self.body).ok()?;
        let is_text = text
            .chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
        is_text.then_some(text)
    }
}

impl Problem {
    fn say(&self, page: &mut Page) {
        let code = self.r#type.strip_prefix("urn:agentsigna:problem:");
        let code = plain(code.unwrap_or(&self.r#type));
        let title = plain(self.title.as_deref().unwrap_or_default());
        page.item(format!("{code}: {title}"));
        if let Some(detail) = &self.detail {
            page.item(plain(detail));
        }
        if let Some(pointer) = &self.pointer {
            page.item(format!("at `{}`", plain(pointer)));
        }
    }
}
