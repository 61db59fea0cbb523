//! What a call of one target system is as an action: a closed file that its keeper writes (`spec/gate.md` §3).

use alloc::{
    borrow::ToOwned as _,
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{Call, GateError, body::Body};
use crate::{
    action::{Action, ActionType, Currency, Parameter, ParameterName},
    id::Id,
    json::{self, JsonError, Members, Place, Value},
};

/// The longest mapping, in bytes.
pub const MAPPING_BYTES_MAX: usize = 256 * 1024;
/// Routes of one mapping.
pub const ROUTES_MAX: usize = 256;
/// Pointers that a route ignores.
const IGNORED_MAX: usize = 64;
/// Digits after the point of an amount.
const DECIMALS_MAX: u64 = 4;

/// Which calls there are, and which action each is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    routes: Vec<Route>,
}

/// Why a text is no mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// It is not the closed JSON of `spec/gate.md` §3.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// None, or more than there may be.
    #[error("{found} routes, expected 1 to {ROUTES_MAX}")]
    Routes {
        /// How many.
        found: usize,
    },
    /// Two routes take the same calls.
    #[error("routes {first} and {second} (from 0) take the same calls: make their paths differ")]
    Overlap {
        /// The first.
        first: usize,
        /// The second.
        second: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    method: String,
    path: Vec<Segment>,
    kind: Source,
    amount_minor: Source,
    currency: Source,
    counterparty: Source,
    reference: Source,
    parameters: BTreeMap<ParameterName, Source>,
    ignored: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Named(String),
}

/// Where a member of the action comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Literal(Parameter),
    Path(String),
    Pointer(String),
    Decimal(String, u32),
}

impl Mapping {
    /// Reads a mapping. GA-1
    ///
    /// # Errors
    /// [`MappingError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MappingError> {
        let mut members = json::parse(bytes, MAPPING_BYTES_MAX)?.object()?;
        members.integer("version", 1..=1)?;
        let places = members.array("routes")?;
        members.finish()?;
        if !(1..=ROUTES_MAX).contains(&places.len()) {
            return Err(MappingError::Routes {
                found: places.len(),
            });
        }
        let mut routes: Vec<Route> = Vec::with_capacity(places.len());
        for (second, place) in places.into_iter().enumerate() {
            let route = Route::read(place)?;
            if let Some(first) = routes.iter().position(|other| other.meets(&route)) {
                return Err(MappingError::Overlap { first, second });
            }
            routes.push(route);
        }
        Ok(Self { routes })
    }

    /// The action that `call` is in the target system `target`. GA-2 to GA-4
    ///
    /// # Errors
    /// [`GateError`], from `NoRoute` to `Unmapped`.
    pub fn action(&self, call: &Call<'_>, target: &Id) -> Result<Action, GateError> {
        let no_route = || GateError::NoRoute {
            method: call.message.method.to_owned(),
            target: call.message.target.to_owned(),
        };
        let segments = segments(call.message.target).ok_or_else(no_route)?;
        let found = self.routes.iter().find_map(|route| {
            let named = route.taken(call.message.method, &segments)?;
            Some((route, named))
        });
        let (route, named) = found.ok_or_else(no_route)?;
        let body = if route.reads_body() {
            Body::read(call)?
        } else {
            Body::none(call)?
        };
        let action = route.action(&named, &body, target)?;
        // GA-4: last, so that the first fault named is one of a value that is asked for.
        let sources: Vec<&str> = route.pointers().collect();
        match body.unnamed(&sources, &route.ignored) {
            Some(pointer) => Err(GateError::Unmapped { pointer }),
            None => Ok(action),
        }
    }
}

/// GA-2: the segments of a target without query, all of them plain.
fn segments(target: &str) -> Option<Vec<&str>> {
    let path = target.strip_prefix('/')?;
    if path.is_empty() {
        return Some(Vec::new());
    }
    let segments: Vec<&str> = path.split('/').collect();
    segments.iter().all(|one| is_plain(one)).then_some(segments)
}

fn is_plain(segment: &str) -> bool {
    let plain =
        |b: u8| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'~' | b'-');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
}

type Named<'a> = Vec<(&'a str, &'a str)>;

impl Route {
    fn read(place: Place) -> Result<Self, JsonError> {
        let mut members = place.object()?;
        let method = members.parsed("method", |text| {
            let upper = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase());
            upper
                .then(|| text.to_owned())
                .ok_or("expected upper-case letters")
        })?;
        let path = members.parsed("path", |text| {
            path(text).ok_or(
                "expected `/` and plain segments, each text of `[A-Za-z0-9._~-]` or a `{name}` that stands once",
            )
        })?;
        let mut action = members.object("action")?;
        let kind = source(&mut action, "type", &path)?;
        let amount_minor = source(&mut action, "amount_minor", &path)?;
        let currency = source(&mut action, "currency", &path)?;
        let counterparty = source(&mut action, "counterparty", &path)?;
        let reference = source(&mut action, "reference", &path)?;
        let mut parameters = BTreeMap::new();
        if let Some(named) = action.optional_object("parameters")? {
            for (name, place) in named.rest() {
                let parsed = ParameterName::parse(&name).ok_or_else(|| {
                    place.refuse(String::from("expected a name `[a-z][a-z0-9_]{0,31}`"))
                })?;
                parameters.insert(parsed, read_source(place, &path)?);
            }
        }
        action.finish()?;
        let ignored = ignored(&mut members)?;
        members.finish()?;
        Ok(Self {
            method,
            path,
            kind,
            amount_minor,
            currency,
            counterparty,
            reference,
            parameters,
            ignored,
        })
    }

    /// Whether one call can be of both.
    fn meets(&self, other: &Self) -> bool {
        let same = |(a, b): (&Segment, &Segment)| match (a, b) {
            (Segment::Literal(a), Segment::Literal(b)) => a == b,
            _ => true,
        };
        self.method == other.method
            && self.path.len() == other.path.len()
            && self.path.iter().zip(&other.path).all(same)
    }

    /// The named segments, if the call is of this route.
    fn taken<'a>(&'a self, method: &str, segments: &[&'a str]) -> Option<Named<'a>> {
        if self.method != method || self.path.len() != segments.len() {
            return None;
        }
        let mut named = Vec::new();
        for (expected, found) in self.path.iter().zip(segments) {
            match expected {
                Segment::Literal(text) if text == found => {}
                Segment::Literal(_) => return None,
                Segment::Named(name) => named.push((name.as_str(), *found)),
            }
        }
        Some(named)
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        [
            &self.kind,
            &self.amount_minor,
            &self.currency,
            &self.counterparty,
            &self.reference,
        ]
        .into_iter()
        .chain(self.parameters.values())
    }

    fn pointers(&self) -> impl Iterator<Item = &str> {
        self.sources().filter_map(|source| match source {
            Source::Pointer(pointer) | Source::Decimal(pointer, _) => Some(pointer.as_str()),
            Source::Literal(_) | Source::Path(_) => None,
        })
    }

    fn reads_body(&self) -> bool {
        self.pointers().next().is_some() || !self.ignored.is_empty()
    }

    fn action(&self, named: &Named<'_>, body: &Body, target: &Id) -> Result<Action, GateError> {
        let from = Given { named, body };
        let kind = from.parsed(
            "type",
            &self.kind,
            "an action type of the catalogue",
            ActionType::parse,
        )?;
        let amount_minor = match from.value("amount_minor", &self.amount_minor)? {
            Parameter::Integer(amount) => amount,
            Parameter::Text(_) => return Err(unfit("amount_minor", "expected an integer")),
        };
        let currency = from.parsed("currency", &self.currency, "an ISO 4217 code", |text| {
            Currency::parse(text)
        })?;
        let counterparty = from.parsed("counterparty", &self.counterparty, "an id", |text| {
            Id::parse(text).ok()
        })?;
        let reference = from.text("reference", &self.reference)?;
        let mut parameters = BTreeMap::new();
        for (name, source) in &self.parameters {
            let value = from.value(&format!("parameters/{name}"), source)?;
            parameters.insert(name.clone(), value);
        }
        Action::new(
            kind,
            amount_minor,
            currency,
            counterparty,
            target.clone(),
            &reference,
            parameters,
        )
        .map_err(|error| unfit(error.field(), &error.to_string()))
    }
}

fn unfit(member: &str, expected: &str) -> GateError {
    GateError::Value {
        member: member.to_owned(),
        expected: expected.to_owned(),
    }
}

/// What a call gives to sources.
struct Given<'a> {
    named: &'a Named<'a>,
    body: &'a Body,
}

impl Given<'_> {
    fn value(&self, member: &str, source: &Source) -> Result<Parameter, GateError> {
        match source {
            Source::Literal(value) => Ok(value.clone()),
            Source::Path(name) => {
                let found = self.named.iter().find(|(found, _)| found == name);
                // Every name that a source has is in the path: read so.
                let (_, value) = found.ok_or_else(|| unfit(member, "expected a segment"))?;
                Ok(Parameter::Text((*value).to_owned()))
            }
            Source::Pointer(pointer) => match self.body.at(pointer) {
                Some(Value::Integer(number)) => Ok(Parameter::Integer(*number)),
                Some(Value::String(text)) => Ok(Parameter::Text(text.clone())),
                found => {
                    let found = found.map_or("nothing", Value::kind);
                    Err(unfit(
                        member,
                        &format!("expected text or an integer at `{pointer}`, found {found}"),
                    ))
                }
            },
            Source::Decimal(pointer, decimals) => match self.body.at(pointer) {
                Some(Value::String(text)) => minor(text, *decimals).map(Parameter::Integer),
                _ => None,
            }
            .ok_or_else(|| {
                let expected = match decimals {
                    0 => format!("expected digits as text at `{pointer}`"),
                    n => format!("expected digits, a point and {n} digits as text at `{pointer}`"),
                };
                unfit(member, &expected)
            }),
        }
    }

    fn text(&self, member: &str, source: &Source) -> Result<String, GateError> {
        match self.value(member, source)? {
            Parameter::Text(text) => Ok(text),
            Parameter::Integer(_) => Err(unfit(member, "expected text")),
        }
    }

    fn parsed<T>(
        &self,
        member: &str,
        source: &Source,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, GateError> {
        let text = self.text(member, source)?;
        parse(&text).ok_or_else(|| unfit(member, &format!("expected {expected}")))
    }
}

/// `"1250.00"` with two decimals is 125000: one text for each number, nothing rounded.
fn minor(text: &str, decimals: u32) -> Option<u64> {
    let (whole, rest) = match decimals {
        0 => (text, ""),
        _ => text.split_once('.')?,
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let right_length = u32::try_from(rest.len()).ok()? == decimals;
    if !digits(whole) || leading_zero || !right_length || (decimals > 0 && !digits(rest)) {
        return None;
    }
    let unit = 10_u64.checked_pow(decimals)?;
    let rest: u64 = if rest.is_empty() {
        0
    } else {
        rest.parse().ok()?
    };
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(unit)?
        .checked_add(rest)
}

fn path(text: &str) -> Option<Vec<Segment>> {
    let rest = text.strip_prefix('/')?;
    let mut path = Vec::new();
    if rest.is_empty() {
        return Some(path);
    }
    for segment in rest.split('/') {
        let read = match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
            Some(name) => Segment::Named(ParameterName::parse(name)?.as_str().to_owned()),
            None if is_plain(segment) => Segment::Literal(segment.to_owned()),
            None => return None,
        };
        if matches!(read, Segment::Named(_)) && path.contains(&read) {
            return None;
        }
        path.push(read);
    }
    Some(path)
}

fn source(members: &mut Members, name: &str, path: &[Segment]) -> Result<Source, JsonError> {
    read_source(members.required(name)?, path)
}

fn read_source(place: Place, path: &[Segment]) -> Result<Source, JsonError> {
    let refusal = place.refuse(String::from(
        "expected exactly one of `literal`, `path`, `pointer`, with `pointer` perhaps `decimals`",
    ));
    let mut members = place.object()?;
    let source = if let Some(literal) = members.optional("literal") {
        Source::Literal(match literal.value() {
            Value::Integer(number) => Parameter::Integer(*number),
            _ => Parameter::Text(literal.text()?),
        })
    } else if let Some(name) = members.optional("path") {
        let unknown = name.refuse(String::from("no segment of the path has this name"));
        let name = name.text()?;
        if !path.contains(&Segment::Named(name.clone())) {
            return Err(unknown);
        }
        Source::Path(name)
    } else if let Some(pointer) = members.optional("pointer") {
        let pointer = pointer_of(pointer)?;
        match members.optional_integer("decimals", 0..=DECIMALS_MAX)? {
            // At most 4.
            Some(decimals) => Source::Decimal(pointer, u32::try_from(decimals).unwrap_or(0)),
            None => Source::Pointer(pointer),
        }
    } else {
        return Err(refusal);
    };
    members.finish()?;
    Ok(source)
}

fn ignored(members: &mut Members) -> Result<Vec<String>, JsonError> {
    let Some(place) = members.optional("ignored") else {
        return Ok(Vec::new());
    };
    let refusal = place.refuse(format!("expected at most {IGNORED_MAX} pointers"));
    let places = place.array()?;
    if places.len() > IGNORED_MAX {
        return Err(refusal);
    }
    places.into_iter().map(pointer_of).collect()
}

/// RFC 6901, not the whole text.
fn pointer_of(place: Place) -> Result<String, JsonError> {
    place.parsed(|text| {
        let escapes = text
            .split('~')
            .skip(1)
            .all(|after| after.starts_with(['0', '1']));
        if text.starts_with('/') && escapes {
            Ok(text.to_owned())
        } else {
            Err("expected a pointer (RFC 6901): `/` and names")
        }
    })
}

#[cfg(test)]
pub(super) fn minor_of(text: &str, decimals: u32) -> Option<u64> {
    minor(text, decimals)
}
