//! Refuses policy text that could hurt, before Cedar sees it (`spec/policy.md` §2).
//!
//! Cedar's parser recurses once per nested construct and aborts the process when the stack ends: 150 bytes
//! are enough on a small thread. A bound on the tokens of one policy bounds every such construct at once,
//! those without brackets too. The tokens here are Cedar's own (`grammar.lalrpop`, 4.14.1); text that
//! tokenizes differently there does not get through here.

use alloc::vec::Vec;
use core::ops::Range;

use crate::{
    limits::{POLICY_BYTES_MAX, POLICY_SOURCE_BYTES_MAX, POLICY_TOKENS_MAX},
    review::words::is_unseen,
};

/// Policies of a bundle.
pub const POLICIES_MAX: usize = 1_000;
/// Brackets open at once, of all three kinds together.
pub const BRACKET_DEPTH_MAX: usize = 24;
/// `if` of one policy.
pub const IFS_MAX: usize = 16;
/// A string literal, in bytes of source between its quotes.
pub const STRING_BYTES_MAX: usize = 256;

/// Where something stands in policy text, counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why text is not scanned any further, and where. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct ScanError {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

/// What the scanner refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// All text together.
    #[error("{found} bytes of policies, at most {POLICY_SOURCE_BYTES_MAX} allowed")]
    SourceTooLong {
        /// Bytes found.
        found: usize,
    },
    /// U+FEFF in front.
    #[error("byte order mark: save the text as UTF-8 without one")]
    ByteOrderMark,
    /// A control other than line feed (a carriage return, a tab).
    #[error("control character U+{code:04X}: lines end with a line feed, indentation is spaces")]
    Control {
        /// The character.
        code: u32,
    },
    /// A character that hides or reorders what a reviewer reads.
    #[error("invisible character U+{code:04X}: a reviewer would read something else")]
    Invisible {
        /// The character.
        code: u32,
    },
    /// A character that begins no token.
    #[error("`{found}` is not part of the policy language here")]
    Unknown {
        /// The character.
        found: char,
    },
    /// `?principal` and the like.
    #[error("templates are not allowed: name agents by their attributes instead")]
    Template,
    /// A string literal that does not end on its line.
    #[error("string literal without end on its line")]
    StringOpen,
    /// A string literal that is too long.
    #[error("string literal of more than {STRING_BYTES_MAX} bytes")]
    StringTooLong,
    /// A policy of too many tokens.
    #[error("policy of more than {POLICY_TOKENS_MAX} tokens: split it")]
    TooManyTokens,
    /// Too many `if`.
    #[error("policy with more than {IFS_MAX} `if`: split it")]
    TooManyIfs,
    /// Brackets nested too deeply.
    #[error("brackets nested more than {BRACKET_DEPTH_MAX} deep")]
    TooDeep,
    /// A bracket closed that was not open, or a policy that ends inside one.
    #[error("`{found}` does not match the brackets before it")]
    Unbalanced {
        /// The character.
        found: char,
    },
    /// A policy that is too long.
    #[error("policy of more than {POLICY_BYTES_MAX} bytes: split it")]
    PolicyTooLong,
    /// Too many policies.
    #[error("more than {POLICIES_MAX} policies")]
    TooManyPolicies,
    /// Text after the last `;`.
    #[error("the last policy does not end with `;`")]
    Unfinished,
}

impl Fault {
    /// A short name for programs and test data.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SourceTooLong { .. } => "source-too-long",
            Self::ByteOrderMark => "byte-order-mark",
            Self::Control { .. } => "control-character",
            Self::Invisible { .. } => "invisible-character",
            Self::Unknown { .. } => "unknown-character",
            Self::Template => "template",
            Self::StringOpen => "string-without-end",
            Self::StringTooLong => "string-too-long",
            Self::TooManyTokens => "too-many-tokens",
            Self::TooManyIfs => "too-many-ifs",
            Self::TooDeep => "brackets-too-deep",
            Self::Unbalanced { .. } => "unbalanced-brackets",
            Self::PolicyTooLong => "policy-too-long",
            Self::TooManyPolicies => "too-many-policies",
            Self::Unfinished => "unfinished-policy",
        }
    }
}

/// One policy of a text: from its first token to its `;`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Bytes of the text.
    pub(super) bytes: Range<usize>,
    /// Where the first token stands.
    pub(super) place: Place,
}

/// Cuts `text` into policies, or says why it must not reach Cedar. PO-1
///
/// # Errors
/// [`ScanError`] for the first fault met.
pub(super) fn scan(text: &str) -> Result<Vec<Piece>, ScanError> {
    let mut scanner = Scanner {
        text,
        at: 0,
        place: Place { line: 1, column: 1 },
    };
    if text.len() > POLICY_SOURCE_BYTES_MAX {
        return Err(scanner.error(Fault::SourceTooLong { found: text.len() }));
    }
    if text.starts_with('\u{feff}') {
        return Err(scanner.error(Fault::ByteOrderMark));
    }
    let mut pieces = Vec::new();
    let mut policy: Option<Policy> = None;
    while let Some(found) = scanner.token()? {
        let Policy {
            start,
            place,
            tokens,
            ifs,
            open,
        } = policy.get_or_insert_with(|| Policy {
            start: found.start,
            place: found.place,
            tokens: 0,
            ifs: 0,
            open: Vec::new(),
        });
        let error = |fault| ScanError {
            place: found.place,
            fault,
        };
        *tokens += 1;
        if *tokens > POLICY_TOKENS_MAX {
            return Err(error(Fault::TooManyTokens));
        }
        match found.token {
            Token::If => {
                *ifs += 1;
                if *ifs > IFS_MAX {
                    return Err(error(Fault::TooManyIfs));
                }
            }
            Token::Open(bracket) => {
                open.push(bracket);
                if open.len() > BRACKET_DEPTH_MAX {
                    return Err(error(Fault::TooDeep));
                }
            }
            Token::Close(bracket) => {
                if open.pop().map(closing) != Some(bracket) {
                    return Err(error(Fault::Unbalanced { found: bracket }));
                }
            }
            Token::Other => {}
            Token::End => {
                if !open.is_empty() {
                    return Err(error(Fault::Unbalanced { found: ';' }));
                }
            }
        }
        if scanner.at - *start > POLICY_BYTES_MAX {
            return Err(error(Fault::PolicyTooLong));
        }
        if found.token == Token::End {
            if pieces.len() == POLICIES_MAX {
                return Err(error(Fault::TooManyPolicies));
            }
            pieces.push(Piece {
                bytes: *start..scanner.at,
                place: *place,
            });
            policy = None;
        }
    }
    if policy.is_some() {
        return Err(scanner.error(Fault::Unfinished));
    }
    Ok(pieces)
}

/// A policy whose `;` has not come yet.
struct Policy {
    start: usize,
    place: Place,
    tokens: usize,
    ifs: usize,
    open: Vec<char>,
}

/// A token, as far as the limits care.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    If,
    Open(char),
    Close(char),
    End,
    Other,
}

struct Found {
    token: Token,
    start: usize,
    place: Place,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    place: Place,
}

impl Scanner<'_> {
    fn error(&self, fault: Fault) -> ScanError {
        ScanError {
            place: self.place,
            fault,
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character; refuses those that no policy may hold, in strings and comments too.
    fn peek(&self) -> Result<Option<char>, ScanError> {
        match self.rest().chars().next() {
            Some(c) if c == '\n' => Ok(Some(c)),
            Some(c) if c.is_control() => Err(self.error(Fault::Control { code: c.into() })),
            Some(c) if is_unseen(c) => Err(self.error(Fault::Invisible { code: c.into() })),
            other => Ok(other),
        }
    }

    fn step(&mut self, c: char) {
        self.at += c.len_utf8();
        if c == '\n' {
            self.place.line += 1;
            self.place.column = 1;
        } else {
            self.place.column += 1;
        }
    }

    fn step_while(&mut self, go_on: impl Fn(char) -> bool) -> Result<(), ScanError> {
        while let Some(c) = self.peek()? {
            if !go_on(c) {
                break;
            }
            self.step(c);
        }
        Ok(())
    }

    /// Steps over white space and comments to the next token, and over it.
    fn token(&mut self) -> Result<Option<Found>, ScanError> {
        while let Some(c) = self.peek()? {
            match c {
                ' ' | '\n' => self.step(c),
                '/' if self.rest().starts_with("//") => self.step_while(|c| c != '\n')?,
                _ => {
                    let (start, place) = (self.at, self.place);
                    let token = self.token_at(c)?;
                    return Ok(Some(Found {
                        token,
                        start,
                        place,
                    }));
                }
            }
        }
        Ok(None)
    }

    fn token_at(&mut self, c: char) -> Result<Token, ScanError> {
        let start = self.at;
        match c {
            '_' | 'a'..='z' | 'A'..='Z' => {
                self.step_while(|c| c == '_' || c.is_ascii_alphanumeric())?;
                let word = self.text.get(start..self.at);
                return Ok(if word == Some("if") {
                    Token::If
                } else {
                    Token::Other
                });
            }
            '0'..='9' => {
                self.step_while(|c| c.is_ascii_digit())?;
                return Ok(Token::Other);
            }
            '"' => return self.string(),
            '?' => return Err(self.error(Fault::Template)),
            _ => {}
        }
        for pair in ["::", "==", "!=", "<=", ">=", "||", "&&"] {
            if self.rest().starts_with(pair) {
                self.step(c);
                self.step(c);
                return Ok(Token::Other);
            }
        }
        let token = match c {
            '(' | '[' | '{' => Token::Open(c),
            ')' | ']' | '}' => Token::Close(c),
            ';' => Token::End,
            '@' | '.' | ',' | ':' | '<' | '>' | '+' | '-' | '*' | '!' => Token::Other,
            _ => return Err(self.error(Fault::Unknown { found: c })),
        };
        self.step(c);
        Ok(token)
    }

    /// A string literal, whose first quote is next. A backslash takes the character after it along.
    fn string(&mut self) -> Result<Token, ScanError> {
        let opened = self.place;
        let error = |fault| ScanError {
            place: opened,
            fault,
        };
        self.step('"');
        let start = self.at;
        loop {
            match self.peek()? {
                None | Some('\n') => return Err(error(Fault::StringOpen)),
                Some('"') => {
                    if self.at - start > STRING_BYTES_MAX {
                        return Err(error(Fault::StringTooLong));
                    }
                    self.step('"');
                    return Ok(Token::Other);
                }
                Some('\\') => {
                    self.step('\\');
                    match self.peek()? {
                        None | Some('\n') => return Err(error(Fault::StringOpen)),
                        Some(c) => self.step(c),
                    }
                }
                Some(c) => self.step(c),
            }
        }
    }
}

const fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}
