//! Sheets drawn, encoded, read and redrawn.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{
    draw::{excluded, recent},
    facts::HistoryCase,
    sheet::*,
    words::{amount, date},
    *,
};
use crate::{
    action::{Action, ActionType, Currency, Exponent, Parameter, ParameterName},
    case::CaseState,
    cbor::Value,
    decision::{Decision, Verdict},
    digest::{Digest, Noun},
    entry::CaseId,
    id::Id,
    key::JwkThumbprint,
    snapshot::{Approval, Risk, tests::Facts},
    standing::PerBand,
    time::UnixMillis,
};

pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

pub(crate) fn time(millis: u64) -> UnixMillis {
    UnixMillis::new(millis).unwrap()
}

pub(crate) fn case(n: u8) -> CaseId {
    CaseId::from_bytes([n; 16])
}

/// All that a sheet is drawn from, to be changed one at a time.
#[derive(Debug, Clone)]
pub(crate) struct Drawing {
    pub(crate) facts: Facts,
    pub(crate) verdict: Verdict,
    pub(crate) demand: Vec<(Id, u8)>,
    pub(crate) rules: Vec<RuleShown>,
    pub(crate) case: CaseId,
    pub(crate) round: u64,
    pub(crate) asked_at: UnixMillis,
    pub(crate) deadline: UnixMillis,
    pub(crate) statement: Option<String>,
    pub(crate) name: String,
    pub(crate) first_seen_at: UnixMillis,
    pub(crate) activated_at: UnixMillis,
    pub(crate) activated_by: Vec<Id>,
    pub(crate) scores: PerBand,
    pub(crate) history: Vec<HistoryCase>,
    pub(crate) states: BTreeMap<CaseId, CaseState>,
    pub(crate) chain: Vec<Digest>,
}

impl Drawing {
    /// A purchase by an agent without latitude that asked once before.
    pub(crate) fn usual() -> Self {
        let facts = Facts {
            latitude: -1,
            bundle: Some(Digest::from_bytes([9; 32])),
            ..Facts::usual()
        };
        let history = |n, amount_minor, ago_ms| HistoryCase {
            case: case(n),
            kind: ActionType::Purchase,
            counterparty: id("acme"),
            amount_minor,
            asked_at: time(Facts::NOON - ago_ms),
        };
        let esc = RuleShown {
            id: "esc.amount".to_string(),
            title: "Large purchases".to_string(),
            reason: "more than 1,000.00".to_string(),
            source: Some("forbid(\n  principal, action, resource);".to_string()),
            values: vec![Comparison {
                left: "context.amount_minor".to_string(),
                operator: Operator::Greater,
                right: "100000".to_string(),
                left_value: "125000".to_string(),
                right_value: "100000".to_string(),
            }],
        };
        let latitude = builtin::show("builtin.latitude", &facts.snapshot()).unwrap();
        Self {
            facts,
            verdict: Verdict::Escalated,
            demand: vec![(id("approvers"), 1), (id("finance"), 2)],
            rules: vec![latitude, esc],
            case: case(1),
            round: 1,
            asked_at: time(Facts::NOON),
            deadline: time(Facts::NOON + 4 * 60 * 60 * 1000),
            statement: Some("the usual paper".to_string()),
            name: "Acme Ltd".to_string(),
            first_seen_at: time(Facts::NOON - 400 * DAY_MS),
            activated_at: time(Facts::NOON - 30 * DAY_MS),
            activated_by: vec![id("dana"), id("emil")],
            scores: core::array::from_fn(|band| if band < 3 { 812 } else { 0 }),
            history: vec![history(2, 60_000, DAY_MS), history(1, 125_000, 0)],
            states: BTreeMap::from([(case(2), CaseState::Issued)]),
            chain: vec![Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32])],
        }
    }

    pub(crate) fn draw(&self) -> Result<Sheet, SheetError> {
        let escalated = self.verdict == Verdict::Escalated;
        let decision = Decision::new(
            self.verdict,
            self.rules.iter().map(|rule| rule.id.clone()).collect(),
            if escalated {
                self.demand.clone()
            } else {
                Vec::new()
            },
            escalated.then_some(1),
            "engine".to_string(),
        )
        .unwrap();
        self.draw_of(&decision)
    }

    fn draw_of(&self, decision: &Decision) -> Result<Sheet, SheetError> {
        self.with(decision, |input| Sheet::draw(input, self.rules.clone()))
    }

    /// Hands out the input that this drawing is.
    pub(crate) fn with<T>(
        &self,
        decision: &Decision,
        work: impl FnOnce(&SheetInput<'_>) -> T,
    ) -> T {
        work(&SheetInput {
            case: self.case,
            round: self.round,
            asked_at: self.asked_at,
            deadline: self.deadline,
            decision,
            snapshot: &self.facts.snapshot(),
            statement: self.statement.as_deref(),
            name: &self.name,
            first_seen_at: self.first_seen_at,
            activated_at: self.activated_at,
            activated_by: &self.activated_by,
            scores: self.scores,
            history: &self.history,
            states: &self.states,
            chain: &self.chain,
        })
    }
}

pub(super) fn usual() -> Sheet {
    Drawing::usual().draw().unwrap()
}

#[test]
fn a_sheet_reads_back() {
    // SH-4
    let sheet = usual();
    let bytes = sheet.encode();
    assert_eq!(Sheet::decode(&bytes).as_ref(), Ok(&sheet));
    assert_eq!(sheet.digest(), Digest::of(Noun::Blob, &bytes));
    assert_eq!(sheet.difference(&sheet, true), None);
    // The members of the page, in CBOR's order.
    let Ok(Value::Map(members)) = Value::decode(&bytes, SHEET_BYTES_MAX) else {
        unreachable!()
    };
    let page = include_str!("../../../spec/sheet.md");
    for (name, _) in members {
        let Value::Text(name) = name else {
            unreachable!()
        };
        assert!(page.contains(&std::format!("`{name}`")), "{name}");
    }
    // Everything that may be null or empty, is.
    let mut bare = Drawing::usual();
    bare.statement = None;
    bare.activated_by.clear();
    bare.history.clear();
    bare.rules.remove(1);
    let bare = bare.draw().unwrap();
    assert_eq!(Sheet::decode(&bare.encode()).as_ref(), Ok(&bare));
    assert_eq!((bare.counterparty().pair, bare.statement()), (None, None));
}

#[test]
fn each_input_is_on_the_sheet_and_on_the_page() {
    // SH-1, SH-2. Method: change one input alone; the digest changes, `difference` names the member, and the lines
    // that a person reads change.
    type Change = fn(&mut Drawing);
    let changes: [(&str, Change); 32] = [
        ("case", |d| {
            d.case = case(7);
            d.history[1].case = case(7);
        }),
        ("round", |d| d.round = 2),
        ("asked_at", |d| d.asked_at = time(Facts::NOON - 1)),
        ("decided_at", |d| d.facts.decided_at += 1),
        ("deadline", |d| d.deadline = time(Facts::NOON + 1)),
        ("rules", |d| d.rules[1].title.push('!')),
        ("rules", |d| d.rules[1].reason.push('!')),
        ("rules", |d| {
            d.rules[1].source = Some("permit(principal, action, resource);".to_string());
        }),
        ("rules", |d| d.rules[1].values[0].left.push('x')),
        ("rules", |d| {
            d.rules[1].values[0].operator = Operator::GreaterOrEqual;
        }),
        ("rules", |d| d.rules[1].values[0].right_value.push('1')),
        ("rules", |d| d.rules[1].values.clear()),
        ("action", |d| d.facts.kind = ActionType::Payment),
        ("action", |d| d.facts.amount_minor += 1),
        ("action", |d| d.facts.reference = "PO-1002"),
        ("action", |d| d.facts.target_id = "crm"),
        ("agent", |d| d.facts.sponsor = "doris"),
        ("agent", |d| d.facts.tier = 3),
        ("agent", |d| d.facts.exposure_minor = 1),
        ("scores", |d| d.scores[3] = 1),
        ("recent", |d| {
            *d.states.get_mut(&case(2)).unwrap() = CaseState::Expired;
        }),
        ("recent", |d| d.history[0].kind = ActionType::Refund),
        ("recent", |d| d.history[0].amount_minor = 61_000),
        ("counterparty", |d| d.name.push('!')),
        ("counterparty", |d| d.facts.status = Approval::Watch),
        ("counterparty", |d| d.facts.risk = Risk::High),
        ("counterparty", |d| d.facts.payments_before += 1),
        ("counterparty", |d| d.first_seen_at = time(5)),
        ("counterparty", |d| d.facts.changed_at = Some(5)),
        ("policy", |d| d.activated_by = vec![id("dana")]),
        ("statement", |d| d.statement = None),
        ("chain", |d| d.chain.push(Digest::from_bytes([3; 32]))),
    ];
    let more: [(&str, Change); 8] = [
        ("rules", |d| {
            d.rules.remove(1);
        }),
        ("action", |d| d.facts.amount_minor = 120_001),
        ("agent", |d| d.facts.latitude = 0),
        ("policy", |d| d.activated_at = time(Facts::NOON)),
        ("policy", |d| {
            d.facts.bundle = Some(Digest::from_bytes([8; 32]));
        }),
        ("demand", |d| d.demand[1].1 = 3),
        ("demand", |d| d.demand[0].0 = id("board")),
        ("statement", |d| d.statement = Some(String::new())),
    ];
    let sheet = usual();
    for (member, change) in changes.into_iter().chain(more) {
        let mut drawing = Drawing::usual();
        change(&mut drawing);
        let changed = drawing
            .draw()
            .unwrap_or_else(|error| panic!("{member}: {error}"));
        assert_ne!(changed.digest(), sheet.digest(), "{member}");
        assert_eq!(changed.difference(&sheet, true), Some(member));
        assert_ne!(changed.words(), sheet.words(), "{member}");
        let bytes = changed.encode();
        assert_eq!(Sheet::decode(&bytes).as_ref(), Ok(&changed), "{member}");
        assert_eq!(Sheet::decode(&bytes).unwrap().words(), changed.words());
        // What speaks of other cases is not known from a part of a log; all else is.
        let known = member != "recent" && member != "scores";
        assert_eq!(changed.difference(&sheet, false), known.then_some(member));
    }
}

#[test]
fn what_comes_from_the_snapshot_alone_is_on_the_sheet_and_on_the_page() {
    // SH-1, SH-2: the members that the facts above cannot change.
    type Change = fn(&mut Sheet);
    let changes: [(&str, Change); 8] = [
        ("origin", |s| s.origin.push('0')),
        ("exponent", |s| s.exponent = Exponent::new(0).unwrap()),
        ("agent", |s| s.agent.id = id("buyer-2")),
        ("agent", |s| {
            s.agent.key = JwkThumbprint::from_bytes([8; 32]);
        }),
        ("action", |s| s.action = with(&s.action, "USD", &[])),
        ("action", |s| {
            let text = Parameter::Text("\u{200b}".to_string());
            s.action = with(&s.action, "EUR", &[("note", text)]);
        }),
        ("action", |s| {
            let parameters = [("a", Parameter::Integer(7)), ("b", Parameter::Integer(8))];
            s.action = with(&s.action, "EUR", &parameters);
        }),
        ("deadline", |s| s.deadline = UnixMillis::MAX),
    ];
    let sheet = usual();
    for (member, change) in changes {
        let mut changed = sheet.clone();
        change(&mut changed);
        assert_eq!(Sheet::decode(&changed.encode()).as_ref(), Ok(&changed));
        assert_ne!(changed.digest(), sheet.digest(), "{member}");
        assert_ne!(changed.words(), sheet.words(), "{member}");
        for whole in [true, false] {
            assert_eq!(changed.difference(&sheet, whole), Some(member));
        }
    }
}

/// The action in another currency, with other parameters.
fn with(action: &Action, currency: &str, parameters: &[(&str, Parameter)]) -> Action {
    let named = parameters.iter().map(|(name, value)| {
        let name = ParameterName::parse(name).unwrap();
        (name, value.clone())
    });
    Action::new(
        action.kind(),
        action.amount_minor(),
        Currency::parse(currency).unwrap(),
        action.counterparty().clone(),
        action.target().clone(),
        action.reference(),
        named.collect(),
    )
    .unwrap()
}

#[test]
fn other_cases_are_compared_only_where_they_are_known() {
    // SH-1
    let sheet = usual();
    let mut part = Drawing::usual();
    part.history.clear();
    part.scores = [0; 16];
    let part = part.draw().unwrap();
    assert_ne!(part.unusual(), sheet.unusual());
    assert_eq!(part.difference(&sheet, false), None);
    assert_eq!(part.difference(&sheet, true), Some("recent"));
    // The pair alone: a case that is too old to be among the ten.
    let mut long = Drawing::usual();
    let filler = |n: u8| HistoryCase {
        case: case(n),
        counterparty: id("bolt"),
        ..long.history[0].clone()
    };
    let fillers: Vec<HistoryCase> = (10..20).map(filler).collect();
    long.states
        .extend((10..20).map(|n| (case(n), CaseState::Issued)));
    long.history.splice(1..1, fillers);
    let mut shorter = long.clone();
    shorter.history.remove(0);
    let (long, shorter) = (long.draw().unwrap(), shorter.draw().unwrap());
    assert_eq!(long.difference(&shorter, true), Some("pair"));
    assert_eq!(long.difference(&shorter, false), None);
    // Facts that follow from the sheet itself are compared always.
    let mut night = Drawing::usual();
    night.facts.changed_at = Some(Facts::NOON - DAY_MS);
    let night = night.draw().unwrap();
    assert_eq!(night.difference(&sheet, false), Some("counterparty"));
}

#[test]
fn the_last_ten_other_cases_are_shown_newest_first() {
    let mut drawing = Drawing::usual();
    drawing.history = (1..=32)
        .map(|n| HistoryCase {
            case: case(n),
            ..drawing.history[0].clone()
        })
        .collect();
    drawing.states = (1..=32).map(|n| (case(n), CaseState::Rejected)).collect();
    // The case at hand stands in the middle: it was asked for, then others, then a second round opened.
    drawing.case = case(28);
    let sheet = drawing.draw().unwrap();
    let shown: Vec<CaseId> = sheet.agent().recent.iter().map(|r| r.asked.case).collect();
    let expected = [32, 31, 30, 29, 27, 26, 25, 24, 23, 22].map(case);
    assert_eq!(shown, expected);
    let named: Vec<CaseId> = recent(&drawing.history, drawing.case)
        .iter()
        .map(|other| other.case)
        .collect();
    assert_eq!(named, expected);
    assert_eq!(sheet.counterparty().pair.unwrap().cases, 31);
    // One state that is not at hand is enough for no sheet; of an older case none is needed.
    drawing.states.remove(&case(21));
    assert!(drawing.draw().is_ok());
    drawing.states.remove(&case(22));
    assert_eq!(drawing.draw(), Err(SheetError::State { case: case(22) }));
}

#[test]
fn the_sponsor_and_who_activated_yesterday_are_excluded() {
    // AV-7
    let (dana, emil) = (id("dana"), id("emil"));
    let at = time(Facts::NOON);
    let both = [dana.clone(), emil.clone()];
    let listed = |activated_at| excluded(&emil, time(activated_at), &both, at);
    let sponsor = (emil.clone(), Exclusion::Sponsor);
    let all = [
        (dana.clone(), Exclusion::Activated),
        (emil.clone(), Exclusion::Activated),
        sponsor,
    ];
    assert_eq!(listed(Facts::NOON - DAY_MS), all[2..]);
    assert_eq!(listed(Facts::NOON - DAY_MS + 1), all);
    assert_eq!(listed(Facts::NOON + 1), all);
    assert_eq!(excluded(&emil, at, &[], at), all[2..]);
}

#[test]
fn no_sheet_is_drawn_of_what_nobody_is_asked_about() {
    let mut drawing = Drawing::usual();
    drawing.verdict = Verdict::Rejected;
    let found = Verdict::Rejected;
    assert_eq!(drawing.draw(), Err(SheetError::NotEscalated { found }));
    let mut drawing = Drawing::usual();
    drawing.facts.bundle = None;
    assert_eq!(drawing.draw(), Err(SheetError::NoPolicy));
    // The rules of another decision.
    let decision = |rules: &[&str]| {
        let rules = rules.iter().map(ToString::to_string).collect();
        let demand = vec![(id("approvers"), 1)];
        Decision::new(Verdict::Escalated, rules, demand, Some(1), "e".to_string()).unwrap()
    };
    for rules in [
        &["builtin.latitude"][..],
        &["builtin.latitude", "esc.amount", "esc.b"],
        &["builtin.latitude", "esc.other"],
    ] {
        let drawn = Drawing::usual().draw_of(&decision(rules));
        assert_eq!(drawn, Err(SheetError::Rules), "{rules:?}");
    }
}

#[test]
fn words_show_what_nobody_vouches_for_apart_and_escaped() {
    // SH-2, SH-3
    let mut drawing = Drawing::usual();
    let words = "ok\n\nEscalated by\n\u{1b}[2J\u{202e}tfel\u{200b}\u{ad}\u{feff}\u{e0041} ä 漢 👍";
    drawing.statement = Some(words.to_string());
    drawing.name = "Acme\r\u{2066}".to_string();
    let lines = drawing.draw().unwrap().words();
    let mark = "In the agent's own words, which nobody vouches for:";
    let at = lines.iter().position(|line| line == mark).unwrap();
    assert_eq!(
        lines[at + 1],
        "  | ok\\u{a}\\u{a}Escalated by\\u{a}\\u{1b}[2J\\u{202e}tfel\\u{200b}\\u{ad}\\u{feff}\\u{e0041} ä 漢 👍"
    );
    assert_eq!(lines[at + 2], "");
    // The words stand there and nowhere else.
    assert_eq!(lines.iter().filter(|line| line.contains("tfel")).count(), 1);
    assert_eq!(
        lines.iter().filter(|line| *line == "Escalated by").count(),
        1
    );
    assert!(lines.contains(&"  name             Acme\\u{d}\\u{2066}".to_string()));
    assert!(lines.iter().all(|line| !line.contains(words::is_unseen)));
    // Lines of a policy are marked too: none looks like one of the sheet.
    assert!(lines.contains(&"    | forbid(".to_string()));
    assert!(lines.contains(&"    |   principal, action, resource);".to_string()));
}

#[test]
fn amounts_and_times_are_shown_as_people_write_them() {
    let digits = |n| Exponent::new(n).unwrap();
    for (minor, exponent, expected) in [
        (0, 2, "0.00"),
        (5, 2, "0.05"),
        (125_000, 2, "1,250.00"),
        (99_999, 2, "999.99"),
        (1_000, 0, "1,000"),
        (999, 0, "999"),
        (12_345_678, 4, "1,234.5678"),
        (10_u64.pow(18), 0, "1,000,000,000,000,000,000"),
    ] {
        assert_eq!(amount(minor, digits(exponent)), expected);
    }
    for (millis, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (Facts::NOON, "2025-11-03T12:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(date(time(millis)), expected);
    }
    assert!(date(UnixMillis::MAX).starts_with("287396-"));
}
