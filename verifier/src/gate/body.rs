//! The content of a call, as far as a mapping speaks of it.

use alloc::{
    borrow::ToOwned as _,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{BODY_BYTES_MAX, Call, GateError};
use crate::json::{self, Value};

/// What a call brings: nothing, or members.
pub(super) struct Body(Vec<(String, Value)>);

impl Body {
    /// GA-3: strict JSON, an object.
    pub(super) fn read(call: &Call<'_>) -> Result<Self, GateError> {
        if call.body.len() > BODY_BYTES_MAX {
            return Err(GateError::BodySize {
                found: call.body.len(),
            });
        }
        let found = call.message.content_type.unwrap_or_default();
        if found != "application/json" {
            return Err(GateError::BodyType {
                found: found.to_owned(),
            });
        }
        let value = json::parse(call.body, BODY_BYTES_MAX)?;
        match value {
            Value::Object(members) => Ok(Self(members)),
            // The same refusal as everywhere.
            other => Err(other.object().err().map_or_else(
                || GateError::BodyType {
                    found: found.to_owned(),
                },
                GateError::Body,
            )),
        }
    }

    /// GA-3: a route that names nothing in the content has none.
    pub(super) fn none(call: &Call<'_>) -> Result<Self, GateError> {
        match call.body.len() {
            0 => Ok(Self(Vec::new())),
            found => Err(GateError::BodyNotEmpty { found }),
        }
    }

    /// What stands at `pointer`, which leads through objects only.
    pub(super) fn at(&self, pointer: &str) -> Option<&Value> {
        let mut members = &self.0;
        let mut steps = pointer.strip_prefix('/')?.split('/').peekable();
        while let Some(step) = steps.next() {
            let name = step.replace("~1", "/").replace("~0", "~");
            let (_, value) = members.iter().find(|(found, _)| *found == name)?;
            if steps.peek().is_none() {
                return Some(value);
            }
            let Value::Object(inner) = value else {
                return None;
            };
            members = inner;
        }
        None
    }

    /// GA-4: the first value that is neither a source's nor at or below an ignored pointer.
    pub(super) fn unnamed(&self, sources: &[&str], ignored: &[String]) -> Option<String> {
        unnamed(&self.0, &mut String::new(), sources, ignored)
    }
}

/// As deep as the reader lets a text be (JS-4).
fn unnamed(
    members: &[(String, Value)],
    pointer: &mut String,
    sources: &[&str],
    ignored: &[String],
) -> Option<String> {
    for (name, value) in members {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        let found = if ignored.iter().any(|one| one == pointer) {
            None
        } else {
            match value {
                Value::Object(inner) if !inner.is_empty() => {
                    unnamed(inner, pointer, sources, ignored)
                }
                _ if sources.contains(&pointer.as_str()) => None,
                _ => Some(pointer.to_string()),
            }
        };
        pointer.truncate(length);
        if found.is_some() {
            return found;
        }
    }
    None
}
