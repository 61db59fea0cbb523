//! Why a command could not run. One sentence for a person; nothing in here is a verdict.

use std::error::Error;

/// What was found, what was expected, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

impl Failure {
    /// A sentence: lower case, no full stop.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// `place: error: its causes`. A cause that a message above it repeats is left out.
    pub(crate) fn of(place: impl core::fmt::Display, error: &(dyn Error + 'static)) -> Self {
        let mut sentence = format!("{place}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !sentence.contains(&text) {
                sentence.push_str(": ");
                sentence.push_str(&text);
            }
            cause = error.source();
        }
        Self(sentence)
    }
}
