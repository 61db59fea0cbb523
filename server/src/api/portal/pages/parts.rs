//! Small pieces of HTML: each is a value that writes itself, escaped.
//!
//! INVARIANT (escaped): what stands in a type of this module went through `escaped` or holds no text that anybody
//! chose. Only these types are [`HtmlSafe`]; whatever else a template shows is escaped by askama.

use std::fmt::{self, Display, Formatter, Write as _};

use agentsigna_verifier::{
    action::{Currency, Exponent},
    case::CaseState,
    digest::Digest,
    review::words,
    time::UnixMillis,
};
use askama::filters::HtmlSafe;

/// How much of a foreign text is shown, in characters (TA-14).
pub const THEIRS_CHARS_MAX: usize = 280;
/// Digits of a digest where there is no room for all 64.
const SHORT_DIGITS: usize = 12;

/// Words of an agent or a counterparty: shown escaped, with unseen characters by their numbers, cut at 280
/// characters, and marked as theirs. TA-14, SH-3
///
/// What a forger could do with it: write what looks like a fact of ours. The mark stands beside each of them, and
/// names scripts whose letters look like Latin ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theirs(String);

/// A time, to the minute for reading and to the millisecond for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When(pub UnixMillis);

/// A time to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exactly(pub UnixMillis);

/// What is left until a deadline. Never on a sheet: it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The end.
    pub at: UnixMillis,
    /// When the page was made.
    pub now: UnixMillis,
}

/// For how long a case has been past its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// From when on.
    pub since: UnixMillis,
    /// When the page was made.
    pub now: UnixMillis,
}

/// An amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// In minor units.
    pub minor: u64,
    /// Digits of the minor unit.
    pub exponent: Exponent,
    /// The log's currency.
    pub currency: Currency,
}

/// A digest, thumbprint or other long code, shown whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash(String);

/// The first digits of one; all of it in the title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short(String);

/// A thumbprint that two people compare aloud: in groups of four. What is copied from the page is the code alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken(String);

/// How a chip looks: shape and colour beside its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A disc: good, and at rest.
    Good,
    /// A diamond: somebody has to do something.
    Waits,
    /// A square: refused, blocked, ended.
    Stopped,
    /// A ring: nothing to do.
    Quiet,
}

/// A word with a shape: where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chip {
    tone: Tone,
    word: &'static str,
}

/// A value in a list of names and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Our own words, or an id.
    Text(String),
    /// Theirs.
    Theirs(Theirs),
    /// Code, shown whole.
    Hash(Hash),
    /// A time.
    When(When),
    /// A time to the millisecond.
    Exactly(Exactly),
    /// An amount.
    Money(Money),
    /// Where it stands.
    Chip(Chip),
    /// Somewhere in the portal: address and words.
    Link(String, String),
}

/// Text as HTML: escaped, unseen characters by their numbers.
fn escaped(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            unseen if words::is_unseen(unseen) => {
                write!(
                    f,
                    "<span class=\"unseen\">{}</span>",
                    unseen.escape_unicode()
                )?;
            }
            seen => f.write_char(seen)?,
        }
    }
    Ok(())
}

impl Theirs {
    /// Takes any text.
    #[must_use]
    pub fn new(text: impl Display) -> Self {
        Self(text.to_string())
    }

    /// Scripts in the text whose letters look like Latin ones, in the order of their letters.
    fn alike(&self) -> Vec<&'static str> {
        let mut scripts = Vec::new();
        for c in self.0.chars().take(THEIRS_CHARS_MAX) {
            let script = match c {
                '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => "Greek",
                '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' => {
                    "Cyrillic"
                }
                '\u{530}'..='\u{58f}' => "Armenian",
                '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => "Cherokee",
                '\u{300}'..='\u{36f}' => "combining",
                '\u{2100}'..='\u{214f}' | '\u{1d400}'..='\u{1d7ff}' => "mathematical",
                '\u{ff00}'..='\u{ffef}' => "full-width",
                _ => continue,
            };
            if !scripts.contains(&script) {
                scripts.push(script);
            }
        }
        scripts
    }
}

impl Display for Theirs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("<span class=\"theirs\"><q><bdi>")?;
        let mut rest = self.0.chars();
        let shown: String = rest.by_ref().take(THEIRS_CHARS_MAX).collect();
        escaped(f, &shown)?;
        f.write_str("</bdi></q> <span class=\"mark\">their words</span>")?;
        let left = rest.count();
        if left > 0 {
            write!(f, " <span class=\"mark\">{left} more characters cut</span>")?;
        }
        for script in self.alike() {
            write!(f, " <span class=\"mark alike\">{script} letters</span>")?;
        }
        f.write_str("</span>")
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A time as `22 Nov 2026` and `04:00:14.000`.
fn for_reading(date: &str) -> Option<(String, &str)> {
    let (day, time) = date.split_once('T')?;
    let mut parts = day.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.trim_start_matches('0');
    Some((format!("{day} {month} {year}"), time.strip_suffix('Z')?))
}

fn write_time(f: &mut Formatter<'_>, at: UnixMillis, digits: usize) -> fmt::Result {
    let date = words::date(at);
    match for_reading(&date) {
        Some((day, time)) => {
            let time = time.get(..digits).unwrap_or(time);
            write!(f, "<time datetime=\"{date}\">{day}, {time}&nbsp;UTC</time>")
        }
        None => write!(f, "<time datetime=\"{date}\">{date}</time>"),
    }
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_time(f, self.0, "04:00".len())
    }
}

impl Display for Exactly {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_time(f, self.0, "04:00:14.000".len())
    }
}

/// Milliseconds as people say them: `3 h 12 min`.
fn length(ms: u64) -> String {
    let minutes = ms / 60_000;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, rest) {
        (0, 0, 0) => String::from("less than 1 min"),
        (0, 0, rest) => format!("{rest} min"),
        (0, hours, rest) => format!("{hours} h {rest} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

impl Display for Left {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const SOON_MS: u64 = 3_600_000;
        let (at, now) = (self.at.millis(), self.now.millis());
        let (class, text) = if at <= now {
            ("stopped", format!("ended {} ago", length(now - at)))
        } else if at - now <= SOON_MS {
            ("waits", format!("{} left", length(at - now)))
        } else {
            ("quiet", format!("{} left", length(at - now)))
        };
        write!(f, "<span class=\"chip {class}\">{text}</span>")
    }
}

impl Display for Late {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const ALARM_MS: u64 = 3 * 86_400_000;
        let ms = self.now.millis().saturating_sub(self.since.millis());
        let class = if ms < ALARM_MS { "waits" } else { "stopped" };
        write!(
            f,
            "<span class=\"chip {class}\">{} past its time</span>",
            length(ms)
        )
    }
}

impl Money {
    /// The number without the currency.
    #[must_use]
    pub fn number(&self) -> String {
        words::amount(self.minor, self.exponent)
    }
}

impl Display for Money {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (number, currency) = (self.number(), self.currency);
        write!(
            f,
            "<span class=\"money\">{number}&nbsp;<span class=\"currency\">{currency}</span></span>"
        )
    }
}

impl Hash {
    /// Any code.
    #[must_use]
    pub fn new(code: impl Display) -> Self {
        Self(code.to_string())
    }

    /// A digest, 64 hex digits.
    #[must_use]
    pub fn of(digest: &Digest) -> Self {
        Self(digest.to_hex())
    }

    /// The same for two people to compare.
    #[must_use]
    pub fn spoken(&self) -> Spoken {
        Spoken(self.0.clone())
    }

    /// The same with its first digits alone.
    #[must_use]
    pub fn short(self) -> Short {
        Short(self.0)
    }
}

impl Display for Hash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("<code class=\"hash\">")?;
        escaped(f, &self.0)?;
        f.write_str("</code>")
    }
}

impl Display for Spoken {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const GROUP: usize = 4;
        f.write_str("<code class=\"hash spoken\">")?;
        let mut rest = self.0.chars().peekable();
        while rest.peek().is_some() {
            let group: String = rest.by_ref().take(GROUP).collect();
            f.write_str("<span>")?;
            escaped(f, &group)?;
            f.write_str("</span>")?;
        }
        f.write_str("</code>")
    }
}

impl Display for Short {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let first: String = self.0.chars().take(SHORT_DIGITS).collect();
        let more = if first.len() < self.0.len() {
            "…"
        } else {
            ""
        };
        f.write_str("<code class=\"hash\" title=\"")?;
        // No unseen character has a place in an attribute; a code has none.
        f.write_str(&escaped_attribute(&self.0))?;
        f.write_str("\">")?;
        escaped(f, &first)?;
        write!(f, "{more}</code>")
    }
}

/// Text for an attribute in double quotes: unseen characters by their numbers, without markup.
fn escaped_attribute(text: &str) -> String {
    words::plain(text)
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

impl Chip {
    /// A word with a shape.
    #[must_use]
    pub const fn new(tone: Tone, word: &'static str) -> Self {
        Self { tone, word }
    }

    /// Where a case stands.
    #[must_use]
    pub fn case(state: CaseState) -> Self {
        Self::named(state.as_str())
    }

    /// The words of the formats: states of cases, of agents and systems, of counterparties, of people.
    #[must_use]
    pub fn named(word: &'static str) -> Self {
        let tone = match word {
            "issued" | "active" | "approved" | "authorized" | "completed" | "enrolled" | "low"
            | "valid" | "agreed" => Tone::Good,
            "in-review" | "escalated" | "claimed" | "watch" | "medium" | "open" | "incomplete"
            | "disputed" => Tone::Waits,
            "rejected" | "refused" | "suspended" | "blocked" | "high" | "failed" | "reversed"
            | "upheld" => Tone::Stopped,
            _ => Tone::Quiet,
        };
        Self { tone, word }
    }
}

impl Display for Chip {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let class = match self.tone {
            Tone::Good => "good",
            Tone::Waits => "waits",
            Tone::Stopped => "stopped",
            Tone::Quiet => "quiet",
        };
        write!(f, "<span class=\"chip {class}\">")?;
        escaped(f, &self.word.replace('-', " "))?;
        f.write_str("</span>")
    }
}

impl Shown {
    /// Our own words.
    #[must_use]
    pub fn text(text: impl Display) -> Self {
        Self::Text(text.to_string())
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => escaped(f, text),
            Self::Theirs(theirs) => theirs.fmt(f),
            Self::Hash(hash) => hash.fmt(f),
            Self::When(when) => when.fmt(f),
            Self::Exactly(when) => when.fmt(f),
            Self::Money(money) => money.fmt(f),
            Self::Chip(chip) => chip.fmt(f),
            Self::Link(address, text) => {
                write!(f, "<a href=\"{}\">", escaped_attribute(address))?;
                escaped(f, text)?;
                f.write_str("</a>")
            }
        }
    }
}

/// Text that keeps its lines: the source of a policy, the diagnostic notation of an event, a signed note. Escaped,
/// unseen characters by their numbers; only line feeds end a line. SH-3
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block(pub String);

impl Display for Block {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, line) in self.0.split('\n').enumerate() {
            if at > 0 {
                f.write_char('\n')?;
            }
            escaped(f, line)?;
        }
        Ok(())
    }
}

/// Text in one line: as a template would show it, with unseen characters by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain(pub String);

impl Plain {
    /// Takes any text.
    #[must_use]
    pub fn new(text: impl Display) -> Self {
        Self(text.to_string())
    }
}

impl Display for Plain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        escaped(f, &self.0)
    }
}

/// What a program says to people: as text, with what stands in backticks as code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence(String);

impl Sentence {
    /// A sentence of ours; what it quotes may be anybody's.
    #[must_use]
    pub fn new(text: impl Display) -> Self {
        Self(text.to_string())
    }

    /// Two sentences, one after the other.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self(format!("{}; {}", self.0, other.0))
    }
}

impl Display for Sentence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_str();
        while let Some((before, quoted)) = rest.split_once('`') {
            let Some((code, after)) = quoted.split_once('`') else {
                break;
            };
            escaped(f, before)?;
            f.write_str("<code>")?;
            escaped(f, code)?;
            f.write_str("</code>")?;
            rest = after;
        }
        escaped(f, rest)
    }
}

/// Marks the types of the invariant.
macro_rules! safe {
    ($($name:ty),+) => {
        $(
            // INVARIANT (escaped)
            impl HtmlSafe for $name {}
        )+
    };
}
safe!(
    Theirs, When, Exactly, Left, Late, Money, Hash, Short, Chip, Shown, Block, Plain, Sentence,
    Spoken
);
