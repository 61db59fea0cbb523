//! The body of an act from the fields of its form: what the templates name, read again.
//!
//! Decides nothing: whether ids exist, texts are allowed and the person may sign is judged where every act is
//! judged. The same fields make the same bytes.

use std::fmt::Write as _;

use serde_json::Value;

use super::{frame::Problem, parts::Sentence};

/// What a field of a form becomes in the body.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Text, as typed without spaces around it.
    Text,
    /// Text that may be absent.
    Maybe,
    /// An integer from 0.
    Integer,
    /// Words: fields of the same name, and what commas part; rising, each once. May be none.
    Words,
    /// A box that is ticked or not.
    Flag,
    /// `2026-11-22T09:41`, UTC, as milliseconds.
    Time,
}

/// Name, kind, and the id of the form's element.
type Member = (&'static str, Kind, &'static str);

const USER: Member = ("user", Kind::Text, "user");
const NAME: Member = ("name", Kind::Text, "name");
const ROLES: Member = ("roles", Kind::Words, "roles");
const GROUPS: Member = ("groups", Kind::Words, "groups");
const AGENT: Member = ("agent", Kind::Text, "agent");
const SPONSOR: Member = ("sponsor", Kind::Text, "sponsor");
const TIER: Member = ("tier", Kind::Integer, "tier");
const SYSTEM: Member = ("system", Kind::Text, "system");
const KEY: Member = ("key", Kind::Text, "");
const STATUS: Member = ("status", Kind::Text, "status");
const RISK: Member = ("risk", Kind::Text, "risk");
const COUNTERPARTY: Member = ("counterparty", Kind::Text, "counterparty");
const FROM: Member = ("from", Kind::Text, "");
const CASE: Member = ("case", Kind::Text, "");
const FAULT: Member = ("fault", Kind::Maybe, "");
const REASON: Member = ("reason", Kind::Text, "");
const TO: Member = ("to", Kind::Text, "to");

/// The members of the body at a path, beside `origin` (`spec/agent-api.md` §3, `spec/people.md` §3.3).
fn members(path: &str) -> Option<&'static [Member]> {
    let segments: Vec<_> = path.split('/').skip(1).collect();
    Some(match segments.as_slice() {
        ["v1", "agents"] => &[AGENT, SPONSOR, TIER],
        ["v1", "agents", _, "confirm"] => &[AGENT, SPONSOR, TIER, KEY],
        ["v1", "agents", _, "status"] => &[AGENT, STATUS],
        ["v1", "systems"] => &[SYSTEM],
        ["v1", "systems", _, "confirm"] => &[SYSTEM, KEY],
        ["v1", "systems", _, "status"] => &[SYSTEM, STATUS],
        ["v1", "counterparties"] => &[
            COUNTERPARTY,
            NAME,
            STATUS,
            RISK,
            ("payments_before", Kind::Integer, "payments-before"),
        ],
        ["v1", "counterparties", _] => &[
            COUNTERPARTY,
            STATUS,
            RISK,
            ("payment_details_changed", Kind::Flag, ""),
        ],
        ["v1", "policies", "activate"] => &[("bundle", Kind::Text, "")],
        ["v1", "users"] => &[USER, NAME, ROLES, GROUPS],
        ["v1", "users", _, "confirm"] => &[
            USER,
            NAME,
            ROLES,
            GROUPS,
            ("sign_in", Kind::Text, ""),
            ("approval", Kind::Maybe, ""),
        ],
        ["v1", "users", _, "change"] => &[USER, STATUS, ROLES, GROUPS],
        ["v1", "users", _, "revoke"] => &[USER, ("passkey", Kind::Text, "")],
        ["v1", "users", _, "password", "end"] => &[USER],
        ["v1", "delegations"] => &[
            FROM,
            TO,
            GROUPS,
            ("starts_at", Kind::Time, "starts-at"),
            ("ends_at", Kind::Time, "ends-at"),
        ],
        ["v1", "delegations", "end"] => &[FROM, TO],
        ["v1", "outcomes"] => &[CASE, ("outcome", Kind::Text, ""), FAULT, REASON],
        ["v1", "disputes", "resolve"] => &[CASE, ("result", Kind::Text, ""), FAULT, REASON],
        _ => return None,
    })
}

/// The body for the act at `path` in the log `origin`, of the fields of a form: JSON, or the policy text.
///
/// A field `body` is taken as it is, save that browsers end lines with CR LF and bodies with LF.
///
/// # Errors
/// What is missing or not of its kind, each with the id of its field; a path that no form is for.
pub fn body(origin: &str, path: &str, fields: &[(String, String)]) -> Result<String, Vec<Problem>> {
    if let Some((_, body)) = fields.iter().find(|(name, _)| name == "body") {
        return Ok(body.replace("\r\n", "\n"));
    }
    let Some(members) = members(path) else {
        let text = format!("`{path}` is no act that a form is for");
        return Err(vec![problem("", text)]);
    };
    let mut problems = Vec::new();
    let mut body = format!("{{\"origin\":{}", Value::from(origin));
    for member in members {
        match read(member, fields) {
            Ok(None) => {}
            Ok(Some(value)) => {
                // Writing to a string does not fail.
                let _ = write!(body, ",\"{}\":{value}", member.0);
            }
            Err(wrong) => problems.push(wrong),
        }
    }
    body.push('}');
    if problems.is_empty() {
        Ok(body)
    } else {
        Err(problems)
    }
}

/// The id of the element whose field became the member at `pointer` (RFC 6901) in the body of the act at `path`;
/// empty if it is none's alone.
#[must_use]
pub fn element(path: &str, pointer: &str) -> &'static str {
    let member = pointer.split('/').nth(1).unwrap_or_default();
    members(path)
        .unwrap_or_default()
        .iter()
        .find(|(name, _, _)| *name == member)
        .map_or("", |(_, _, id)| id)
}

fn problem(field: &'static str, text: impl std::fmt::Display) -> Problem {
    Problem {
        field,
        text: Sentence::new(text),
    }
}

fn read(member: &Member, fields: &[(String, String)]) -> Result<Option<Value>, Problem> {
    let (name, kind, id) = *member;
    let mut given = fields
        .iter()
        .filter(|(field, _)| field == name)
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty());
    if matches!(kind, Kind::Words) {
        let mut words: Vec<&str> = given
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect();
        words.sort_unstable();
        words.dedup();
        return Ok(Some(Value::from(words)));
    }
    let (value, again) = (given.next(), given.next());
    if again.is_some() {
        return Err(problem(
            id,
            format!("`{name}` stands twice: expected it once"),
        ));
    }
    let missing = || problem(id, format!("`{name}` is empty: fill it in"));
    let unread = |value: &str, expected: &str| {
        problem(id, format!("`{name}` is `{value}`: expected {expected}"))
    };
    match (kind, value) {
        (Kind::Flag, value) => Ok(Some(Value::from(value.is_some()))),
        (Kind::Maybe, value) => Ok(value.map(Value::from)),
        (_, None) => Err(missing()),
        (Kind::Integer, Some(value)) => match value.parse::<u64>() {
            Ok(number) => Ok(Some(Value::from(number))),
            Err(_) => Err(unread(value, "an integer from 0")),
        },
        (Kind::Time, Some(value)) => match millis(value) {
            Some(millis) => Ok(Some(Value::from(millis))),
            None => Err(unread(value, "a time as `2026-11-22T09:41`")),
        },
        (Kind::Text | Kind::Words, Some(value)) => Ok(Some(Value::from(value))),
    }
}

/// Milliseconds of `2026-11-22T09:41` or `2026-11-22T09:41:05`, UTC, from 1970 to 9999.
fn millis(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let time = if time.len() == "09:41".len() {
        format!("{time}:00")
    } else {
        time.to_owned()
    };
    let [hour, minute, second] = numbers(&time, ':')?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of = |month: u64| match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_date = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = year - 1;
    // Leap days of the years before this one, less those before 1970.
    let leap_days = before / 4 - before / 100 + before / 400 - 477;
    let days = (year - 1970) * 365 + leap_days + (1..month).map(days_of).sum::<u64>() + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

/// Three numbers of digits alone.
fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<u64> = text
        .split(between)
        .map(|part| digits(part).then(|| part.parse().ok())?)
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    //! Goal: what a form says is what is signed. Method: every act of the pages, and each member left out.

    use agentsigna_verifier::{review::words, time::UnixMillis};

    use super::*;

    fn fields(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    const ORIGIN: &str = "log.example.com/t/0011223344556677";

    #[test]
    fn a_form_becomes_the_body_that_is_signed() {
        let invited = fields(&[
            ("user", " finn "),
            ("name", "Finn \"F\" Aalto"),
            ("roles", "approver"),
            ("roles", "administrator"),
            ("groups", "treasury, finance,,finance"),
            ("another", "ignored"),
        ]);
        assert_eq!(
            body(ORIGIN, "/v1/users", &invited).unwrap(),
            "{\"origin\":\"log.example.com/t/0011223344556677\",\"user\":\"finn\",\"name\":\"Finn \\\"F\\\" Aalto\",\
             \"roles\":[\"administrator\",\"approver\"],\"groups\":[\"finance\",\"treasury\"]}"
        );
        let changed = fields(&[
            ("counterparty", "acme"),
            ("status", "watch"),
            ("risk", "low"),
        ]);
        let read = body(ORIGIN, "/v1/counterparties/acme", &changed).unwrap();
        assert!(
            read.ends_with("\"risk\":\"low\",\"payment_details_changed\":false}"),
            "{read}"
        );
        let agent = fields(&[("agent", "buyer-1"), ("sponsor", "dora"), ("tier", "2")]);
        let read = body(ORIGIN, "/v1/agents", &agent).unwrap();
        assert!(read.ends_with("\"sponsor\":\"dora\",\"tier\":2}"), "{read}");
        // A text area ends its lines as browsers do.
        let policy = fields(&[("body", "permit(principal,\r\naction, resource);\r\n")]);
        let read = body(ORIGIN, "/v1/policies", &policy).unwrap();
        assert_eq!(read, "permit(principal,\naction, resource);\n");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_at_its_field() {
        let wrong = |path: &str, of: &[(&str, &str)]| {
            let problems = body(ORIGIN, path, &fields(of)).unwrap_err();
            problems
                .into_iter()
                .map(|problem| problem.field)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            wrong("/v1/agents", &[("sponsor", " ")]),
            ["agent", "sponsor", "tier"]
        );
        assert_eq!(
            wrong(
                "/v1/agents",
                &[("agent", "a"), ("sponsor", "d"), ("tier", "-1")]
            ),
            ["tier"]
        );
        assert_eq!(
            wrong("/v1/systems", &[("system", "a"), ("system", "b")]),
            ["system"]
        );
        assert_eq!(
            wrong(
                "/v1/delegations",
                &[
                    ("from", "a"),
                    ("to", "b"),
                    ("starts_at", "2026-02-29T00:00")
                ]
            ),
            ["starts-at", "ends-at"]
        );
        for path in ["/v1/actions", "/v1/claims", "/v1/log", "v1/agents", ""] {
            assert_eq!(wrong(path, &[]), [""], "{path}");
        }
    }

    /// Every path that has members asks for each of them.
    #[test]
    fn every_act_of_the_pages_has_its_members() {
        for path in [
            "/v1/agents",
            "/v1/agents/a/confirm",
            "/v1/agents/a/status",
            "/v1/systems",
            "/v1/systems/s/confirm",
            "/v1/systems/s/status",
            "/v1/counterparties",
            "/v1/counterparties/c",
            "/v1/policies/activate",
            "/v1/users",
            "/v1/users/u/confirm",
            "/v1/users/u/change",
            "/v1/users/u/revoke",
            "/v1/users/u/password/end",
            "/v1/delegations",
            "/v1/delegations/end",
            "/v1/outcomes",
            "/v1/disputes/resolve",
        ] {
            let all: Vec<(String, String)> = members(path)
                .unwrap()
                .iter()
                .map(|(name, kind, _)| {
                    let value = match kind {
                        Kind::Integer => "1",
                        Kind::Time => "2026-11-22T09:41",
                        _ => "x",
                    };
                    ((*name).to_owned(), value.to_owned())
                })
                .collect();
            let read: Value = serde_json::from_str(&body(ORIGIN, path, &all).unwrap()).unwrap();
            assert_eq!(read.as_object().unwrap().len(), all.len() + 1, "{path}");
        }
    }

    #[test]
    fn a_time_is_the_one_that_the_sheet_would_show() {
        for millis_of in [
            0,
            951_782_400_000,
            1_795_340_460_000,
            4_107_542_340_000,
            253_402_300_740_000,
        ] {
            let date = words::date(UnixMillis::new(millis_of).unwrap());
            let typed = date.get(..16).unwrap();
            assert_eq!(
                millis(typed),
                Some(millis_of - millis_of % 60_000),
                "{typed}"
            );
        }
        assert_eq!(millis("2026-11-22T09:41:05"), Some(1_795_340_465_000));
        for wrong in [
            "",
            "T",
            "2026-11-22",
            "2026-11-22 09:41",
            "2026-13-01T00:00",
            "2026-00-01T00:00",
            "2026-04-31T00:00",
            "2025-02-29T00:00",
            "1969-12-31T23:59",
            "2026-11-22T24:00",
            "2026-11-22T09:60",
            "2026-11-22T09:41:60",
            "2026-11-22T+9:41",
            "2026-11-22T09:41Z",
            "2026-11-22-01T09:41",
        ] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
