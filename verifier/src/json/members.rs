//! From [`Value`] to the fields of a format: closed objects.
//!
//! Take every member by name, then call [`Members::finish`], which refuses what is left. A member set to
//! `null` is of the wrong type, never absent.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::{fmt::Display, ops::RangeInclusive};

use super::{JsonError, JsonFault, Value, push_step};
use crate::id::{Id, RequestId};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pointer: String,
    value: Value,
}

/// The members of an object that nobody has taken yet.
#[derive(Debug)]
#[must_use = "unknown members are refused only by `finish`"]
pub struct Members {
    pointer: String,
    members: Vec<(String, Value)>,
}

impl Value {
    /// The members of this value, which is the whole text.
    ///
    /// # Errors
    /// `json-type` if it is no object.
    pub fn object(self) -> Result<Members, JsonError> {
        self.whole().object()
    }

    /// This value as the whole text: its pointer is `""`.
    #[must_use]
    pub const fn whole(self) -> Place {
        Place {
            pointer: String::new(),
            value: self,
        }
    }
}

impl Place {
    /// RFC 6901 pointer from the whole text to here.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The value, without its place.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.value
    }

    /// A string of one line.
    ///
    /// # Errors
    /// `json-type`; `json-string` for a line feed.
    pub fn text(self) -> Result<String, JsonError> {
        let pointer = self.pointer.clone();
        let text = self.lines()?;
        if text.contains('\n') {
            return Err(JsonError::new(JsonFault::Text { character: 0x0a }, pointer));
        }
        Ok(text)
    }

    /// A string, with line feeds if the text was read by [`super::parse_with_lines`].
    ///
    /// # Errors
    /// `json-type`.
    pub fn lines(self) -> Result<String, JsonError> {
        match self.value {
            Value::String(text) => Ok(text),
            other => Err(wrong_type(&other, "string", self.pointer)),
        }
    }

    /// A string of one line that `parse` accepts.
    ///
    /// # Errors
    /// `json-type`, `json-string`; `json-value` with the reason that `parse` gives.
    pub fn parsed<T, E: Display>(
        self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, JsonError> {
        let pointer = self.pointer.clone();
        let text = self.text()?;
        parse(&text).map_err(|error| {
            let reason = error.to_string();
            JsonError::new(JsonFault::Value { reason }, pointer)
        })
    }

    /// An integer in `range`.
    ///
    /// # Errors
    /// `json-type`, `json-range`.
    pub fn integer(self, range: RangeInclusive<u64>) -> Result<u64, JsonError> {
        match self.value {
            Value::Integer(found) if range.contains(&found) => Ok(found),
            Value::Integer(found) => {
                let (min, max) = range.into_inner();
                let fault = JsonFault::Range { found, min, max };
                Err(JsonError::new(fault, self.pointer))
            }
            other => Err(wrong_type(&other, "number", self.pointer)),
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `json-type`.
    pub fn boolean(self) -> Result<bool, JsonError> {
        match self.value {
            Value::Bool(value) => Ok(value),
            other => Err(wrong_type(&other, "boolean", self.pointer)),
        }
    }

    /// The members of an object.
    ///
    /// # Errors
    /// `json-type`.
    pub fn object(self) -> Result<Members, JsonError> {
        match self.value {
            Value::Object(members) => Ok(Members {
                pointer: self.pointer,
                members,
            }),
            other => Err(wrong_type(&other, "object", self.pointer)),
        }
    }

    /// The items of an array.
    ///
    /// # Errors
    /// `json-type`.
    pub fn array(self) -> Result<Vec<Self>, JsonError> {
        match self.value {
            Value::Array(items) => Ok(items
                .into_iter()
                .enumerate()
                .map(|(index, value)| Self {
                    pointer: format!("{}/{index}", self.pointer),
                    value,
                })
                .collect()),
            other => Err(wrong_type(&other, "array", self.pointer)),
        }
    }

    /// A refusal at this place, for a rule that only the caller knows.
    #[must_use]
    pub fn refuse(&self, reason: String) -> JsonError {
        JsonError::new(JsonFault::Value { reason }, self.pointer.clone())
    }
}

impl Members {
    /// RFC 6901 pointer from the whole text to this object.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Takes a member that may be absent.
    pub fn optional(&mut self, name: &str) -> Option<Place> {
        let position = self.members.iter().position(|(found, _)| found == name)?;
        let (_, value) = self.members.remove(position);
        Some(Place {
            pointer: self.pointer_to(name),
            value,
        })
    }

    /// Takes a member that must be there.
    ///
    /// # Errors
    /// `json-missing`.
    pub fn required(&mut self, name: &str) -> Result<Place, JsonError> {
        self.optional(name)
            .ok_or_else(|| JsonError::new(JsonFault::Missing, self.pointer_to(name)))
    }

    /// A required string of one line.
    ///
    /// # Errors
    /// `json-missing`, `json-type`, `json-string`.
    pub fn text(&mut self, name: &str) -> Result<String, JsonError> {
        self.required(name)?.text()
    }

    /// A string of one line, if the member is there.
    ///
    /// # Errors
    /// `json-type`, `json-string`.
    pub fn optional_text(&mut self, name: &str) -> Result<Option<String>, JsonError> {
        self.optional(name).map(Place::text).transpose()
    }

    /// A required string that may hold line feeds.
    ///
    /// # Errors
    /// `json-missing`, `json-type`.
    pub fn lines(&mut self, name: &str) -> Result<String, JsonError> {
        self.required(name)?.lines()
    }

    /// A required string that `parse` accepts.
    ///
    /// # Errors
    /// `json-missing`, `json-type`, `json-string`, `json-value`.
    pub fn parsed<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, JsonError> {
        self.required(name)?.parsed(parse)
    }

    /// A required [`Id`].
    ///
    /// # Errors
    /// `json-missing`, `json-type`, `json-string`, `json-value`.
    pub fn id(&mut self, name: &str) -> Result<Id, JsonError> {
        self.parsed(name, Id::parse)
    }

    /// A required [`RequestId`].
    ///
    /// # Errors
    /// `json-missing`, `json-type`, `json-string`, `json-value`.
    pub fn request_id(&mut self, name: &str) -> Result<RequestId, JsonError> {
        self.parsed(name, RequestId::parse)
    }

    /// A required integer in `range`.
    ///
    /// # Errors
    /// `json-missing`, `json-type`, `json-range`.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<u64>) -> Result<u64, JsonError> {
        self.required(name)?.integer(range)
    }

    /// An integer in `range`, if the member is there.
    ///
    /// # Errors
    /// `json-type`, `json-range`.
    pub fn optional_integer(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, JsonError> {
        self.optional(name)
            .map(|place| place.integer(range))
            .transpose()
    }

    /// A required `true` or `false`.
    ///
    /// # Errors
    /// `json-missing`, `json-type`.
    pub fn boolean(&mut self, name: &str) -> Result<bool, JsonError> {
        self.required(name)?.boolean()
    }

    /// The members of a required object.
    ///
    /// # Errors
    /// `json-missing`, `json-type`.
    pub fn object(&mut self, name: &str) -> Result<Self, JsonError> {
        self.required(name)?.object()
    }

    /// The members of an object, if the member is there.
    ///
    /// # Errors
    /// `json-type`.
    pub fn optional_object(&mut self, name: &str) -> Result<Option<Self>, JsonError> {
        self.optional(name).map(Place::object).transpose()
    }

    /// The items of a required array.
    ///
    /// # Errors
    /// `json-missing`, `json-type`.
    pub fn array(&mut self, name: &str) -> Result<Vec<Place>, JsonError> {
        self.required(name)?.array()
    }

    /// Takes all that is left, in the order of the text: for objects whose names the caller chooses.
    #[must_use]
    pub fn rest(self) -> Vec<(String, Place)> {
        let Self { pointer, members } = self;
        members
            .into_iter()
            .map(|(name, value)| {
                let mut pointer = pointer.clone();
                push_step(&mut pointer, &name);
                (name, Place { pointer, value })
            })
            .collect()
    }

    /// Ends the extraction (JS-10).
    ///
    /// # Errors
    /// `json-unknown`, naming the first member in the order of the text that nobody took.
    pub fn finish(self) -> Result<(), JsonError> {
        match self.members.first() {
            Some((name, _)) => Err(JsonError::new(JsonFault::Unknown, self.pointer_to(name))),
            None => Ok(()),
        }
    }

    fn pointer_to(&self, name: &str) -> String {
        let mut pointer = self.pointer.clone();
        push_step(&mut pointer, name);
        pointer
    }
}

const fn wrong_type(found: &Value, expected: &'static str, pointer: String) -> JsonError {
    let found = found.kind();
    JsonError::new(JsonFault::Type { found, expected }, pointer)
}
