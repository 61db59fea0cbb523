//! The comparisons that a policy's `when` conditions make, as text and as values (`spec/sheet.md` §3.1).
//!
//! Read from Cedar's JSON form, whose operators are a closed list (PO-14), and written as Cedar again, so that
//! the engine itself evaluates what people read. Recursion is bounded by [`super::compile::FORM_DEPTH_MAX`] and
//! happens on a [`super::BigStack`] only (PO-26).

use alloc::{
    format,
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use cedar_policy::{Entities, EvalResult, Expression, Request, eval_expression};
use serde_json::Value as Json;

use crate::review::{
    Comparison, Operator,
    sheet::{RULE_VALUES_MAX, VALUE_BYTES_MAX},
    words::is_unseen,
};

/// How tightly an expression holds together: an operand that holds less tightly gets brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    If,
    Or,
    And,
    Relation,
    Sum,
    Product,
    Unary,
    Member,
}

/// An expression as Cedar text.
struct Written {
    text: String,
    level: Level,
}

/// The comparisons of a policy, first ones first, at most `most` and at most 16. `form` is the policy's JSON form.
pub(super) fn comparisons(
    form: &Json,
    most: usize,
    request: &Request,
    entities: &Entities,
) -> Vec<Comparison> {
    let conditions = form.get("conditions").and_then(Json::as_array);
    conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition.get("kind").and_then(Json::as_str) == Some("when"))
        .filter_map(|condition| condition.get("body"))
        .flat_map(members)
        .filter_map(|member| comparison(member, request, entities))
        .take(most.min(RULE_VALUES_MAX))
        .collect()
}

/// The members of the `&&` chain that `body` is, in order; `body` itself if it is none. Does not recurse: chains
/// are the longest thing a policy can hold.
fn members(body: &Json) -> Vec<&Json> {
    let mut members = Vec::new();
    let mut open = vec![body];
    while let Some(expression) = open.pop() {
        match expression.get("&&") {
            Some(and) => open.extend(and.get("right").into_iter().chain(and.get("left"))),
            None => members.push(expression),
        }
    }
    members
}

/// The comparison that an expression is, if it is one.
fn comparison(expression: &Json, request: &Request, entities: &Entities) -> Option<Comparison> {
    let (operator, operands) = only_member(expression)?;
    let operator = Operator::parse(operator)?;
    let left = write(operands.get("left")?)?;
    let value = |text: &str| value(text, request, entities).unwrap_or_default();
    let (left, right, left_value, right_value) = match operator {
        Operator::Has => {
            let attributes = attributes(operands.get("attr")?)?;
            let mut path = left.as_operand(Level::Member);
            for attribute in &attributes {
                path.push_str(&access(attribute));
            }
            let left = left.as_operand(Level::Sum);
            (left, tested(&attributes), value(&path), String::new())
        }
        Operator::Like => {
            let (left, pattern) = (
                left.as_operand(Level::Sum),
                pattern(operands.get("pattern")?)?,
            );
            let left_value = value(&left);
            (left, pattern.clone(), left_value, pattern)
        }
        _ => {
            let (least_left, least_right) = match operator {
                Operator::Contains | Operator::ContainsAll | Operator::ContainsAny => {
                    (Level::Member, Level::If)
                }
                _ => (Level::Sum, Level::Sum),
            };
            let left = left.as_operand(least_left);
            let right = write(operands.get("right")?)?.as_operand(least_right);
            let (left_value, right_value) = (value(&left), value(&right));
            (left, right, left_value, right_value)
        }
    };
    Some(Comparison {
        left: cut(left),
        operator,
        right: cut(right),
        left_value: cut(left_value),
        right_value: cut(right_value),
    })
}

/// What the engine makes of an expression; `None` if it errs.
fn value(text: &str, request: &Request, entities: &Entities) -> Option<String> {
    let expression: Expression = text.parse().ok()?;
    let result = eval_expression(request, entities, &expression).ok()?;
    Some(show(&result))
}

/// A value as Cedar text.
fn show(value: &EvalResult) -> String {
    match value {
        EvalResult::Bool(value) => value.to_string(),
        EvalResult::Long(value) => value.to_string(),
        EvalResult::String(text) => quoted(text),
        EvalResult::EntityUid(uid) => entity(&uid.type_name().to_string(), uid.id().unescaped()),
        EvalResult::Set(items) => list('[', items.iter().map(show), ']'),
        EvalResult::Record(members) => list(
            '{',
            members
                .iter()
                .map(|(name, value)| format!("{}: {}", quoted(name), show(value))),
            '}',
        ),
        // No policy has extension types (PO-14).
        EvalResult::ExtensionValue(text) => text.clone(),
    }
}

impl Written {
    const fn new(text: String, level: Level) -> Self {
        Self { text, level }
    }

    /// The text, in brackets if it holds less tightly than `least`.
    fn as_operand(&self, least: Level) -> String {
        if self.level < least {
            format!("({})", self.text)
        } else {
            self.text.clone()
        }
    }
}

/// An expression of the JSON form as Cedar text; `None` for what no compiled policy holds.
fn write(expression: &Json) -> Option<Written> {
    let (operator, operands) = only_member(expression)?;
    let part = |name: &str, least: Level| {
        let operand = operands.get(name)?;
        Some(write(operand)?.as_operand(least))
    };
    let two = |level: Level, left: Level, right: Level| {
        let (left, right) = (part("left", left)?, part("right", right)?);
        Some(Written::new(format!("{left} {operator} {right}"), level))
    };
    let member = |text: String| Some(Written::new(text, Level::Member));
    match operator {
        "Value" => literal(operands),
        "Var" => member(operands.as_str()?.to_string()),
        "!" => Some(Written::new(
            format!("!{}", part("arg", Level::Member)?),
            Level::Unary,
        )),
        "neg" => {
            // `-7` is read as a number, not as the negation of one.
            let arg = part("arg", Level::Member)?;
            let is_number = arg.starts_with(|c: char| c.is_ascii_digit());
            let text = if is_number {
                format!("-({arg})")
            } else {
                format!("-{arg}")
            };
            Some(Written::new(text, Level::Unary))
        }
        "||" => two(Level::Or, Level::Or, Level::And),
        "&&" => two(Level::And, Level::And, Level::Relation),
        "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" => {
            two(Level::Relation, Level::Sum, Level::Sum)
        }
        "+" | "-" => two(Level::Sum, Level::Sum, Level::Product),
        "*" => two(Level::Product, Level::Product, Level::Unary),
        "has" => {
            let right = tested(&attributes(operands.get("attr")?)?);
            let left = part("left", Level::Sum)?;
            Some(Written::new(format!("{left} has {right}"), Level::Relation))
        }
        "like" => {
            let (left, right) = (
                part("left", Level::Sum)?,
                pattern(operands.get("pattern")?)?,
            );
            Some(Written::new(
                format!("{left} like {right}"),
                Level::Relation,
            ))
        }
        "is" => {
            let kind = operands.get("entity_type")?.as_str()?;
            let mut text = format!("{} is {kind}", part("left", Level::Sum)?);
            if operands.get("in").is_some() {
                text.push_str(&format!(" in {}", part("in", Level::Sum)?));
            }
            Some(Written::new(text, Level::Relation))
        }
        "." => {
            let attribute = operands.get("attr")?.as_str()?;
            member(part("left", Level::Member)? + &access(attribute))
        }
        "contains" | "containsAll" | "containsAny" => {
            let (left, right) = (part("left", Level::Member)?, part("right", Level::If)?);
            member(format!("{left}.{operator}({right})"))
        }
        "isEmpty" => member(format!("{}.isEmpty()", part("arg", Level::Member)?)),
        "if-then-else" => {
            let [a, b, c] = ["if", "then", "else"].map(|name| part(name, Level::If));
            let text = format!("if {} then {} else {}", a?, b?, c?);
            Some(Written::new(text, Level::If))
        }
        "Set" => {
            let items = operands.as_array()?.iter();
            let items = items.map(|item| Some(write(item)?.text));
            member(list('[', items.collect::<Option<Vec<_>>>()?, ']'))
        }
        "Record" => {
            let members = operands.as_object()?.iter();
            let members = members
                .map(|(name, item)| Some(format!("{}: {}", quoted(name), write(item)?.text)));
            member(list('{', members.collect::<Option<Vec<_>>>()?, '}'))
        }
        _ => None,
    }
}

fn literal(value: &Json) -> Option<Written> {
    let member = |text: String| Some(Written::new(text, Level::Member));
    match value {
        Json::Bool(value) => member(value.to_string()),
        Json::Number(n) if n.as_i64()? < 0 => Some(Written::new(n.to_string(), Level::Unary)),
        Json::Number(n) => member(n.to_string()),
        Json::String(text) => member(quoted(text)),
        Json::Object(members) => {
            let uid = members.get("__entity")?;
            let part = |name| uid.get(name).and_then(Json::as_str);
            member(entity(part("type")?, part("id")?))
        }
        Json::Null | Json::Array(_) => None,
    }
}

/// The one member of a map, which is how the JSON form writes an operator and its operands.
fn only_member(expression: &Json) -> Option<(&str, &Json)> {
    let mut members = expression.as_object()?.iter();
    let (operator, operands) = members.next()?;
    members.next().is_none().then_some((operator, operands))
}

/// The attribute of a `has`, or the path of one.
fn attributes(attribute: &Json) -> Option<Vec<&str>> {
    match attribute {
        Json::String(name) => Some(vec![name]),
        Json::Array(names) => names.iter().map(Json::as_str).collect(),
        _ => None,
    }
}

/// What stands behind `has`.
fn tested(attributes: &[&str]) -> String {
    match attributes {
        [one] if !is_name(one) => quoted(one),
        _ => attributes.join("."),
    }
}

fn access(attribute: &str) -> String {
    if is_name(attribute) {
        format!(".{attribute}")
    } else {
        format!("[{}]", quoted(attribute))
    }
}

/// Whether a name can stand behind a dot.
fn is_name(text: &str) -> bool {
    const RESERVED: [&str; 10] = [
        "true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar",
    ];
    text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && text.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
        && !RESERVED.contains(&text)
}

fn entity(kind: &str, id: &str) -> String {
    format!("{kind}::{}", quoted(id))
}

fn list(open: char, items: impl IntoIterator<Item = String>, close: char) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("{open}{}{close}", items.join(", "))
}

/// A string literal: quotes, backslashes and unseen characters escaped.
fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    text.chars().for_each(|c| push_escaped(&mut literal, c));
    literal.push('"');
    literal
}

fn push_escaped(literal: &mut String, c: char) {
    if matches!(c, '"' | '\\') {
        literal.push('\\');
    }
    if is_unseen(c) {
        literal.extend(c.escape_unicode());
    } else {
        literal.push(c);
    }
}

/// The pattern of a `like`: `*` for anything, `\*` for an asterisk.
fn pattern(elements: &Json) -> Option<String> {
    let mut literal = String::from("\"");
    for element in elements.as_array()? {
        match element {
            Json::String(wildcard) if wildcard == "Wildcard" => literal.push('*'),
            _ => {
                for c in element.get("Literal")?.as_str()?.chars() {
                    if c == '*' {
                        literal.push('\\');
                    }
                    push_escaped(&mut literal, c);
                }
            }
        }
    }
    literal.push('"');
    Some(literal)
}

/// At most [`VALUE_BYTES_MAX`] bytes: longer text ends with `…`.
fn cut(mut text: String) -> String {
    const MARK: char = '…';
    if text.len() > VALUE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX - MARK.len_utf8()));
        text.push(MARK);
    }
    text
}

/// The text of a condition, for tests that read it again.
#[cfg(test)]
pub(super) fn rewrite(body: &Json) -> Option<String> {
    write(body).map(|written| written.text)
}
