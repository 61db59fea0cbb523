//! From bytes to [`Value`]: the rules that hold for every JSON text.
//!
//! Stands on serde_json for the grammar of RFC 8259. serde_json itself would keep the last of two equal
//! members and read `1.0`; our visitor sees every member and number before that happens. The visitor relies
//! on serde_json without `arbitrary_precision`: `tests.rs` notices if a dependency turns it on.

use alloc::{
    collections::BTreeSet,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{JsonError, JsonFault, NAME_BYTES_MAX, Value, push_step};
use crate::limits::{JSON_DEPTH_MAX, JSON_INTEGER_MAX};

/// Reads one JSON text of at most `bytes_max` bytes. White space around the value is allowed.
///
/// # Errors
/// [`JsonError`]: the first fault in reading order.
pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Value, JsonError> {
    read(bytes, bytes_max, false)
}

/// As [`parse`], but strings may hold line feeds (U+000A): for files that carry a text of several lines.
/// [`super::Members::text`] still refuses them; [`super::Members::lines`] does not.
///
/// # Errors
/// [`JsonError`]: the first fault in reading order.
pub fn parse_with_lines(bytes: &[u8], bytes_max: usize) -> Result<Value, JsonError> {
    read(bytes, bytes_max, true)
}

fn read(bytes: &[u8], bytes_max: usize, lines: bool) -> Result<Value, JsonError> {
    let whole = |fault| JsonError::new(fault, String::new());
    // JS-1
    if bytes.len() > bytes_max {
        return Err(whole(JsonFault::Size {
            found: bytes.len(),
            max: bytes_max,
        }));
    }
    // JS-2
    let text = core::str::from_utf8(bytes).map_err(|error| {
        whole(JsonFault::Encoding {
            offset: error.valid_up_to(),
        })
    })?;
    let mut state = State {
        lines,
        fault: None,
        steps: Vec::new(),
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let node = Node {
        state: &mut state,
        depth: 0,
    };
    // JS-3
    let value = node.deserialize(&mut deserializer).map_err(|error| {
        let fault = state.fault.take().unwrap_or(JsonFault::Syntax {
            line: error.line(),
            column: error.column(),
        });
        JsonError::new(fault, state.pointer())
    })?;
    // JS-9
    deserializer.end().map_err(|error| {
        whole(JsonFault::Trailing {
            line: error.line(),
            column: error.column(),
        })
    })?;
    Ok(value)
}

/// What the visitors share. Costs nothing while nothing is wrong.
struct State {
    lines: bool,
    /// Our own fault, if it was not serde_json's.
    fault: Option<JsonFault>,
    /// Filled while a fault travels outwards: the innermost step first.
    steps: Vec<Step>,
}

enum Step {
    Member(String),
    Item(usize),
}

impl State {
    fn refuse<E: serde::de::Error>(&mut self, fault: JsonFault) -> E {
        self.fault = Some(fault);
        E::custom("refused")
    }

    /// JS-6: neither C0 nor C1 controls nor DELETE.
    fn check_text<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        let allowed =
            |character: char| !character.is_control() || (self.lines && character == '\n');
        match text.chars().find(|character| !allowed(*character)) {
            Some(character) => Err(self.refuse(JsonFault::Text {
                character: u32::from(character),
            })),
            None => Ok(()),
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Member(name) => push_step(&mut pointer, name),
                Step::Item(index) => push_step(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }
}

/// Reads one value; `depth` containers are open around it.
struct Node<'s> {
    state: &'s mut State,
    depth: usize,
}

impl Node<'_> {
    /// JS-4: the depth inside one more container.
    fn deeper<E: serde::de::Error>(&mut self) -> Result<usize, E> {
        if self.depth >= JSON_DEPTH_MAX {
            return Err(self.state.refuse(JsonFault::Depth {
                max: JSON_DEPTH_MAX,
            }));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    // JS-5: `-0`, `1.0`, `1e0` and numbers beyond 64 bits arrive as floating point.
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value > JSON_INTEGER_MAX {
            return Err(self.state.refuse(JsonFault::Number));
        }
        Ok(Value::Integer(value))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Value, E> {
        Err(self.state.refuse(JsonFault::Number))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        Err(self.state.refuse(JsonFault::Number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.state.check_text(text)?;
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut values = Vec::new();
        loop {
            let node = Node {
                state: &mut *self.state,
                depth,
            };
            match items.next_element_seed(node) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => return Ok(Value::Array(values)),
                Err(error) => {
                    self.state.steps.push(Step::Item(values.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut members = Vec::new();
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key_seed(Name(&mut *self.state))? {
            // JS-8
            if !names.insert(name.clone()) {
                self.state.steps.push(Step::Member(name));
                return Err(self.state.refuse(JsonFault::Duplicate));
            }
            let node = Node {
                state: &mut *self.state,
                depth,
            };
            match map.next_value_seed(node) {
                Ok(value) => members.push((name, value)),
                Err(error) => {
                    self.state.steps.push(Step::Member(name));
                    return Err(error);
                }
            }
        }
        Ok(Value::Object(members))
    }
}

/// Reads one member name. A name that is refused never becomes part of a pointer.
struct Name<'s>(&'s mut State);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<String, E> {
        // JS-7
        if name.len() > NAME_BYTES_MAX {
            return Err(self.0.refuse(JsonFault::Name { found: name.len() }));
        }
        self.0.check_text(name)?;
        if name.contains('\n') {
            return Err(self.0.refuse(JsonFault::Text { character: 0x0a }));
        }
        Ok(name.into())
    }
}
