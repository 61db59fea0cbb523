//! What a command says: a page of text, or one JSON value.
//!
//! INVARIANT (plain): whatever came from a file or a server goes through [`plain`] before it is text on a page,
//! so that no control or bidi character of a stranger reaches a terminal (VE-24). JSON values do not: they are
//! for programs, and are escaped as RFC 8259 asks.

mod json;

use agentsigna_verifier::{review::words, time::UnixMillis};
use serde::Serialize;

use crate::failure::Failure;

pub(crate) use agentsigna_verifier::verify::Style;
pub(crate) use json::indented;

/// What will stand on standard output.
pub(crate) struct Page {
    bytes: Vec<u8>,
    json: bool,
    colours: bool,
}

impl Page {
    pub(crate) fn new(json: bool, terminal: bool) -> Self {
        Self {
            bytes: Vec::new(),
            json,
            // CL-5
            colours: terminal
                && !anstyle_query::no_color()
                && anstyle_query::term_supports_ansi_color(),
        }
    }

    /// Whether one JSON value is asked for.
    pub(crate) const fn wants_json(&self) -> bool {
        self.json
    }

    /// One line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        self.bytes.extend_from_slice(text.as_ref().as_bytes());
        self.bytes.push(b'\n');
    }

    /// One line under a heading.
    pub(crate) fn item(&mut self, text: impl AsRef<str>) {
        self.line(format!("  {}", text.as_ref()));
    }

    /// An empty line, then a heading.
    pub(crate) fn heading(&mut self, text: &str) {
        let text = self.styled(Style::Bold, text);
        self.line("");
        self.line(text);
    }

    /// Names and what they are, in two columns.
    pub(crate) fn table<N: AsRef<str>, V: AsRef<str>>(&mut self, rows: &[(N, V)]) {
        let width = rows
            .iter()
            .map(|(name, _)| name.as_ref().chars().count())
            .max()
            .unwrap_or_default();
        for (name, value) in rows {
            self.line(format!("  {:width$}  {}", name.as_ref(), value.as_ref()));
        }
    }

    /// The words, set off where colours are wanted.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        // ECMA-48 §8.3.117.
        let code = match style {
            Style::Bold => "1",
            Style::Good => "1;32",
            Style::Bad => "1;31",
            Style::Open => "1;33",
            Style::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// CL-7: the one JSON value.
    pub(crate) fn value(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::of("the answer as JSON", &error))?;
        self.line(text);
        Ok(())
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// CL-6: the text with every character escaped that could move the cursor, reorder or hide what a person reads
/// (controls, line separators, bidi controls of UAX #9 §2).
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let is_bidi = matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        if character.is_control() || is_bidi {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Milliseconds since the epoch as a date, and as they are.
pub(crate) fn time(millis: u64) -> String {
    format!("{} ({millis})", date(millis))
}

/// Milliseconds since the epoch as `2026-11-22T04:00:14.000Z` (RFC 3339); what is beyond all times as a number.
pub(crate) fn date(millis: u64) -> String {
    UnixMillis::new(millis).map_or_else(|| millis.to_string(), words::date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_a_date_and_as_it_is() {
        // The second column is `date -u -d @<seconds>`.
        for (millis, date) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_320_014_007, "2026-11-22T04:00:14.007Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (9_007_199_254_740_991, "287396-10-12T08:59:00.991Z"),
        ] {
            assert_eq!(time(millis), format!("{date} ({millis})"));
        }
    }

    #[test]
    fn nothing_of_a_stranger_moves_the_cursor() {
        let hostile = "a\u{1b}[2Jb\rc\u{202e}d\u{9b}e\u{2028}f";
        let shown = plain(hostile);
        assert_eq!(shown, r"a\u{1b}[2Jb\u{d}c\u{202e}d\u{9b}e\u{2028}f");
        assert_eq!(plain("grün, 漢字 ✓"), "grün, 漢字 ✓");
    }

    #[test]
    fn a_page_that_is_not_on_a_terminal_has_no_colours() {
        let page = Page::new(false, false);
        assert_eq!(page.styled(Style::Bad, "REFUSED"), "REFUSED");
    }
}
