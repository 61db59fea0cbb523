//! The review queue as a page: a filter is in the address, all of it, so that an address is a view to keep.

use std::{collections::BTreeSet, fmt::Display, sync::Arc};

use agentsigna_verifier::{decision::is_rule_id, id::Id};
use axum::{
    Extension, Router,
    extract::{Request, State},
    response::Response,
    routing::get,
};

use super::{
    Door, Shared, Signed,
    around::{drawn, frame},
    pages::{
        frame::Problem,
        parts::{Left, Money, Plain, Sentence, Theirs, When},
        queue::{Filter, Queue, Slots, View, Waiting as Row},
    },
    query::Query,
    routes::{On, Route, Who, page},
};
use crate::domain::{Order, Refusal, Visitor, Waiting, Wanted};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[page(On::Portal, "GET", "/queue", Who::Person)];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new().route("/queue", get(queue))
}

/// Cases on one page.
const ROWS_MAX: usize = 50;
const HOUR_MS: u64 = 3_600_000;
/// The words of `due`, and how near each is.
const DUE: [(&str, u64); 3] = [("1h", HOUR_MS), ("4h", 4 * HOUR_MS), ("24h", 24 * HOUR_MS)];
const SORTS: [(&str, Order); 3] = [
    ("deadline", Order::Deadline),
    ("newest", Order::Newest),
    ("amount", Order::Amount),
];
/// Views with a name: what of the address makes them.
const VIEWS: [(&str, &str); 4] = [
    ("All", ""),
    ("Asks me", "mine=1"),
    ("Due in 4 hours", "due=4h"),
    ("Due in 24 hours", "due=24h"),
];

async fn queue(State(door): Shared, Extension(visitor): Signed, request: Request) -> Response {
    let page = Query::of(&request).and_then(|query| drawn_from(&door, &visitor, &query));
    drawn(page)
}

fn drawn_from(door: &Door, visitor: &Visitor, query: &Query) -> Result<Queue, Refusal> {
    let (mut waiting, now) = door.office.waiting_for(visitor)?;
    let (currency, exponent) = visitor.currency();
    let mut asked = Asked::read(query, exponent.digits().into());
    asked.offer(&waiting);
    let views = VIEWS.map(|(name, address)| {
        let is = |what: &str| address == what;
        let wanted = Wanted {
            mine: is("mine=1"),
            due_ms: DUE
                .iter()
                .find(|(word, _)| address == format!("due={word}"))
                .map(|(_, ms)| *ms),
            ..Wanted::default()
        };
        View {
            name,
            address: addressed(address, 0),
            count: count(waiting.iter().filter(|one| wanted.takes(one, now)).count()),
            here: asked.problems.is_empty()
                && asked.wanted == wanted
                && asked.order == Order::Deadline,
        }
    });
    // What cannot be read is no filter, and what nobody filtered is not what was asked for.
    let sound = asked.problems.is_empty();
    waiting.retain(|one| sound && asked.wanted.takes(one, now));
    asked.order.sort(&mut waiting);
    let after = query.number("after")?.unwrap_or_default();
    let skipped = usize::try_from(after).unwrap_or(usize::MAX);
    let following = after.saturating_add(count(ROWS_MAX));
    let all = count(waiting.len());
    let rows = waiting.into_iter().skip(skipped).take(ROWS_MAX);
    let money = |minor| Money {
        minor,
        exponent,
        currency,
    };
    let rows = rows.map(|one| row(door, visitor, &one, &money, now));
    Ok(Queue {
        frame: frame(door, visitor, None)?,
        views: views.into(),
        cases: rows.collect::<Result<_, _>>()?,
        count: all,
        next: (following < all).then(|| addressed(&asked.address(), following)),
        at: When(now),
        filter: asked.filter,
        problems: asked.problems,
    })
}

fn row(
    door: &Door,
    visitor: &Visitor,
    waiting: &Waiting,
    money: &impl Fn(u64) -> Money,
    now: agentsigna_verifier::time::UnixMillis,
) -> Result<Row, Refusal> {
    let review = &waiting.queued.review;
    let sheet = door.office.sheet(visitor, review)?;
    let slots = door.office.slots(visitor, review)?.into_iter();
    let titled = |id: &String| {
        let mut shown = sheet.iter().flat_map(|sheet| sheet.rules());
        let title = shown
            .find(|rule| rule.id == *id)
            .map(|rule| rule.title.as_str());
        (id.clone(), Plain::new(title.unwrap_or_default()))
    };
    let action = &waiting.asked.action;
    let named = sheet
        .as_ref()
        .map(|sheet| sheet.counterparty().name.as_str());
    Ok(Row {
        case: waiting.queued.case,
        kind: action.kind().name(),
        amount: money(action.amount_minor()),
        counterparty: action.counterparty().clone(),
        counterparty_name: Theirs::new(named.unwrap_or_default()),
        agent: waiting.asked.agent.clone(),
        rules: review.rules.iter().map(titled).collect(),
        slots: slots
            .map(|slots| Slots {
                group: slots.group,
                filled: slots.filled,
                asked: slots.asked,
            })
            .collect(),
        asked_at: When(waiting.asked_at),
        deadline: When(review.deadline),
        left: Left {
            at: review.deadline,
            now,
        },
        asks_me: waiting.asks_me,
    })
}

/// What the address asks for: as it was typed, and as it was read.
struct Asked {
    filter: Filter,
    wanted: Wanted,
    order: Order,
    problems: Vec<Problem>,
}

impl Asked {
    fn read(query: &Query, digits: usize) -> Self {
        let text = |name| query.text(name).to_owned();
        let filter = Filter {
            rule: text("rule"),
            agent: text("agent"),
            counterparty: text("counterparty"),
            at_least: text("at_least"),
            group: text("group"),
            due: text("due"),
            sort: text("sort"),
            mine: query.text("mine") == "1",
            ..Filter::default()
        };
        let mut problems = Problems(Vec::new());
        let id = |field, text: &str, problems: &mut Problems| {
            problems.read(field, text, |text| {
                Id::parse(text).map_err(|error| format!("is no id: {error}"))
            })
        };
        let wanted = Wanted {
            rule: problems.read("rule", &filter.rule, |text| {
                let rule = is_rule_id(text).then(|| text.to_owned());
                rule.ok_or("is no id of a rule: 1 to 64 of `a` to `z`, `0` to `9`, `.`, `-`")
            }),
            agent: id("agent", &filter.agent, &mut problems),
            counterparty: id("counterparty", &filter.counterparty, &mut problems),
            at_least_minor: problems.read("at-least", &filter.at_least, |text| {
                let minor = minor(text, digits);
                minor.ok_or_else(|| format!("is no amount: write `1250` or `1,250.5`, with at most {digits} digits after the point"))
            }),
            group: id("group", &filter.group, &mut problems),
            due_ms: problems.read("due", &filter.due, |text| {
                let found = DUE.iter().find(|(word, _)| *word == text);
                found.map(|(_, ms)| *ms).ok_or("is no time: expected `1h`, `4h` or `24h`")
            }),
            mine: filter.mine,
        };
        let order = problems.read("sort", &filter.sort, |text| {
            let found = SORTS.iter().find(|(word, _)| *word == text);
            found
                .map(|(_, order)| *order)
                .ok_or("is no order: expected `deadline`, `newest` or `amount`")
        });
        Self {
            filter,
            wanted,
            order: order.unwrap_or_default(),
            problems: problems.0,
        }
    }

    /// Rules and groups to choose from: those that somebody waits for.
    fn offer(&mut self, waiting: &[Waiting]) {
        let reviews = || waiting.iter().map(|one| &one.queued.review);
        let rules: BTreeSet<&String> = reviews().flat_map(|review| &review.rules).collect();
        let groups: BTreeSet<&str> = reviews()
            .flat_map(|review| &review.demand)
            .map(|(group, _)| group.as_str())
            .collect();
        self.filter.rules = rules.into_iter().cloned().collect();
        self.filter.groups = groups.into_iter().map(str::to_owned).collect();
        // What is filtered by stays on offer, also where nobody waits for it any more.
        for (list, chosen) in [
            (&mut self.filter.rules, &self.wanted.rule),
            (
                &mut self.filter.groups,
                &self.wanted.group.as_ref().map(Id::to_string),
            ),
        ] {
            if let Some(chosen) = chosen
                && !list.contains(chosen)
            {
                list.push(chosen.clone());
            }
        }
    }

    /// The query of this view. All of it was read, so nothing in it needs an escape but what [`super::query`] does.
    fn address(&self) -> String {
        let filter = &self.filter;
        let mine = if filter.mine { "1" } else { "" };
        let fields = [
            ("rule", filter.rule.as_str()),
            ("agent", &filter.agent),
            ("counterparty", &filter.counterparty),
            ("at_least", &filter.at_least),
            ("group", &filter.group),
            ("due", &filter.due),
            ("sort", &filter.sort),
            ("mine", mine),
        ];
        let used = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let used = used.map(|(name, value)| format!("{name}={}", super::query::escaped(value)));
        used.collect::<Vec<_>>().join("&")
    }
}

struct Problems(Vec<Problem>);

impl Problems {
    /// The field as `read` reads it; nothing, if it is empty or a problem.
    fn read<T, E: Display>(
        &mut self,
        field: &'static str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        match read(text) {
            Ok(value) => Some(value),
            Err(what) => {
                // Backticks set off what was typed; one in it would end that.
                let typed: String = text.replace('`', "'").chars().take(64).collect();
                self.0.push(Problem {
                    field,
                    text: Sentence::new(format!("`{typed}` {what}")),
                });
                None
            }
        }
    }
}

/// Major units as people write them, in minor units: digits, commas between them, at most `digits` after a point.
fn minor(text: &str, digits: usize) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(&whole) || !is_number(rest) || rest.len() > digits {
        return None;
    }
    format!("{whole}{rest:0<digits$}").parse().ok()
}

fn addressed(query: &str, after: u64) -> String {
    let after = if after == 0 {
        String::new()
    } else {
        format!("after={after}")
    };
    let parts: Vec<&str> = [query, &after]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    match parts.as_slice() {
        [] => "/queue".to_owned(),
        parts => format!("/queue?{}", parts.join("&")),
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    //! Goal: an amount is what was typed, or nothing.

    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, digits, expected) in [
            ("1250", 2, Some(125_000)),
            ("1,250.5", 2, Some(125_050)),
            ("0.05", 2, Some(5)),
            ("7", 0, Some(7)),
            ("7.", 2, Some(700)),
            ("7.1", 0, None),
            ("1.234", 2, None),
            ("-1", 2, None),
            ("1e3", 2, None),
            (".5", 2, None),
            (",", 2, None),
            ("١", 2, None),
            ("99999999999999999999", 2, None),
        ] {
            assert_eq!(minor(text, digits), expected, "{text}");
        }
    }
}
