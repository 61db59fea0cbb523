//! The bytes of a sheet, and what every sheet keeps (`spec/sheet.md` §3, SH-4).

use alloc::vec::Vec;

use super::{
    builtin, draw,
    facts::{self, Fact, HistoryCase, Moment, Pair},
    sheet::{
        AgentShown, CHAIN_MAX, Comparison, CounterpartyShown, Exclusion, Operator, PolicyShown,
        RECENT_CASES_MAX, ROUNDS_MAX, RULE_VALUES_MAX, RecentCase, RuleShown, SHEET_BYTES_MAX,
        SHEET_VALUES_MAX, STATEMENT_CHARS_MAX, Sheet, VALUE_BYTES_MAX,
    },
};
use crate::{
    action::{Action, ActionType, Exponent, Latitude, Parameter, is_control_or_bidi},
    case::CaseState,
    cbor::{CborError, Fields, Items, Value},
    decision::{APPROVERS_MAX, BuiltinRule, GROUPS_MAX, RULE_IDS_BYTES_MAX, is_rule_id},
    digest::{Digest, Noun},
    entry::CaseId,
    event::{per_band, read_per_band},
    id::Id,
    key::JwkThumbprint,
    limits,
    snapshot::{Approval, EXPOSURE_MINOR_MAX, Risk, Tier},
    standing::SCORE_MAX,
};

const TYPE: &str = "agentsigna/review-sheet/v1";
const WHAT: &str = "review sheet";
/// A title, a reason or a name, in characters.
const TEXT_CHARS_MAX: usize = 120;

impl Sheet {
    /// The canonical bytes: a blob of the ledger.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let demand = self
            .demand
            .iter()
            .map(|(group, n)| Value::array([group.as_str().into(), u64::from(*n).into()]));
        let excluded = self
            .excluded
            .iter()
            .map(|(person, why)| Value::array([person.as_str().into(), why.as_str().into()]));
        Value::map([
            ("type", Value::from(TYPE)),
            ("origin", Value::from(self.origin.as_str())),
            ("case", Value::bytes(self.case.as_bytes())),
            ("round", Value::from(self.round)),
            ("asked_at", Value::from(self.asked_at)),
            ("decided_at", Value::from(self.decided_at)),
            ("deadline", Value::from(self.deadline)),
            (
                "rules",
                Value::array(self.rules.iter().map(RuleShown::to_value)),
            ),
            ("action", action_to_value(&self.action, self.exponent)),
            ("agent", self.agent.to_value()),
            ("counterparty", self.counterparty.to_value()),
            ("policy", self.policy.to_value()),
            (
                "unusual",
                Value::array(self.unusual.iter().map(|fact| fact.to_value())),
            ),
            ("demand", Value::array(demand)),
            ("excluded", Value::array(excluded)),
            ("statement", Value::or_null(self.statement.as_deref())),
            (
                "chain",
                Value::array(self.chain.iter().copied().map(Value::from)),
            ),
        ])
        .encode()
    }

    /// `SHA-256("agentsigna/blob/v1\n" || encoding)`: what approvals sign.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Noun::Blob, &self.encode())
    }

    /// Reads the bytes of a sheet. SH-4
    ///
    /// # Errors
    /// [`CborError`]: not deterministic CBOR, or the member that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let mut fields = Value::decode(bytes, SHEET_BYTES_MAX)?.into_fields(WHAT)?;
        if fields.text("type")? != TYPE {
            return Err(fields.unexpected("type", "`agentsigna/review-sheet/v1`"));
        }
        let (action, exponent) = action_from_value(fields.value("action")?)?;
        let sheet = Self {
            origin: fields.text("origin")?,
            case: CaseId::from_bytes(fields.bytes_exact("case")?),
            round: fields.uint("round")?,
            asked_at: fields.time("asked_at")?,
            decided_at: fields.time("decided_at")?,
            deadline: fields.time("deadline")?,
            rules: fields
                .value("rules")?
                .into_list("rules", RuleShown::from_value)?,
            action,
            exponent,
            agent: AgentShown::from_value(fields.value("agent")?)?,
            counterparty: CounterpartyShown::from_value(fields.value("counterparty")?)?,
            policy: PolicyShown::from_value(fields.value("policy")?)?,
            unusual: fields
                .value("unusual")?
                .into_list("unusual", Fact::from_value)?,
            demand: fields.value("demand")?.into_list("demand", |pair| {
                let mut items = pair.into_items("demand")?;
                let group = items.text_as("group", ID, id)?;
                let people = u8::try_from(items.uint("people")?).unwrap_or(u8::MAX);
                items.finish()?;
                Ok((group, people))
            })?,
            excluded: fields.value("excluded")?.into_list("excluded", |pair| {
                let mut items = pair.into_items("excluded")?;
                let person = items.text_as("person", ID, id)?;
                let why = items.text_as("why", "`activated` or `sponsor`", Exclusion::parse)?;
                items.finish()?;
                Ok((person, why))
            })?,
            statement: match fields.value("statement")? {
                Value::Null => None,
                text => Some(text.into_text("statement")?),
            },
            chain: fields
                .value("chain")?
                .into_list("chain", |digest| digest.into_digest("chain"))?,
        };
        fields.finish()?;
        sheet.check()?;
        Ok(sheet)
    }

    /// What types do not say already: ranges, order, and that the members agree. SH-4
    pub(super) fn check(&self) -> Result<(), CborError> {
        let origin = (1..=255).contains(&self.origin.len())
            && self
                .origin
                .bytes()
                .all(|b| matches!(b, 0x21..=0x7e) && b != b'+');
        ensure(origin, "origin", "the origin of a log")?;
        let round = (1..=ROUNDS_MAX).contains(&self.round);
        ensure(round, "round", "an integer from 1 to 16")?;
        check_rules(&self.rules)?;
        let agent = self.agent.recent.len() <= RECENT_CASES_MAX
            && self.agent.recent.iter().all(|recent| {
                // CA-2: between two writes, a case stands where it may rest.
                recent.state.may_rest()
                    && recent.asked.case != self.case
                    && recent.asked.amount_minor <= limits::AMOUNT_MINOR_MAX
            });
        ensure(agent, "recent", "at most ten other cases, each at rest")?;
        let exposure = self.agent.exposure_minor <= EXPOSURE_MINOR_MAX;
        ensure(exposure, "exposure_minor", "an integer from 0 to 10^18")?;
        let scores = self.agent.scores.iter().all(|score| *score <= SCORE_MAX);
        ensure(scores, "scores", "16 integers from 0 to 999")?;
        let counterparty = self.counterparty.id == *self.action.counterparty();
        ensure(counterparty, "counterparty", "that of the action")?;
        let status = self.counterparty.status != Approval::Blocked;
        ensure(status, "status", "`approved` or `watch`")?;
        let name = (1..=TEXT_CHARS_MAX).contains(&self.counterparty.name.chars().count());
        ensure(name, "name", "1 to 120 characters")?;
        let payments = self.counterparty.payments_before <= limits::JSON_INTEGER_MAX;
        ensure(payments, "payments_before", "an integer below 2^53")?;
        let signed = &self.policy.activated_by;
        let signed = signed.len() <= 2 && is_rising(signed);
        ensure(signed, "activated_by", "at most two people, rising")?;
        let moment = Moment {
            asked_at: self.asked_at,
            decided_at: self.decided_at,
            details_changed_at: self.counterparty.details_changed_at,
        };
        let new_type = self.unusual.contains(&Fact::NewActionType);
        let pair = self.counterparty.pair.as_ref();
        let unusual = self.unusual == facts::follow(&self.action, moment, pair, new_type);
        ensure(unusual, "unusual", "what the sheet itself says")?;
        let groups = self.demand.iter().map(|(group, _)| group);
        let demand = (1..=GROUPS_MAX).contains(&self.demand.len())
            && is_rising(groups)
            && self
                .demand
                .iter()
                .all(|(_, n)| (1..=APPROVERS_MAX).contains(n));
        ensure(
            demand,
            "demand",
            "1 to 32 groups, rising, with 1 to 8 people each",
        )?;
        let excluded = draw::excluded(
            &self.agent.sponsor,
            self.policy.activated_at,
            &self.policy.activated_by,
            self.decided_at,
        );
        ensure(
            self.excluded == excluded,
            "excluded",
            "the sponsor, and who activated the policy less than a day before",
        )?;
        let statement = self
            .statement
            .as_ref()
            .is_none_or(|text| text.chars().count() <= STATEMENT_CHARS_MAX);
        ensure(statement, "statement", "at most 280 characters")?;
        let chain = (2..=CHAIN_MAX).contains(&self.chain.len());
        ensure(chain, "chain", "2 to 4096 event digests")
    }
}

/// The rules of one sheet: ids as in a decision, texts as in a policy, and no more values than a page holds.
fn check_rules(rules: &[RuleShown]) -> Result<(), CborError> {
    let bytes: usize = rules.iter().map(|rule| rule.id.len()).sum();
    let ids = !rules.is_empty()
        && is_rising(rules.iter().map(|rule| &rule.id))
        && bytes <= RULE_IDS_BYTES_MAX
        && rules.iter().all(|rule| is_rule_id(&rule.id));
    ensure(ids, "rules", "the rules of a decision, rising by id")?;
    for rule in rules {
        match &rule.source {
            None => {
                let fixed = builtin::rules().find(|builtin| builtin.id() == rule.id);
                let same = fixed.is_some_and(|builtin: BuiltinRule| {
                    rule.title == builtin.title()
                        && builtin::reason(builtin) == Some(rule.reason.as_str())
                });
                ensure(
                    same,
                    "source",
                    "the policy as written; null of a built-in rule",
                )?;
            }
            Some(source) => {
                let readable = |text: &str| {
                    (1..=TEXT_CHARS_MAX).contains(&text.chars().count())
                        && !text.chars().any(is_control_or_bidi)
                };
                ensure(readable(&rule.title), "title", TEXT)?;
                ensure(readable(&rule.reason), "reason", TEXT)?;
                let written = !rule.id.starts_with("builtin.")
                    && source.len() <= limits::POLICY_BYTES_MAX
                    && source.ends_with(';')
                    && !source.chars().any(|c| c != '\n' && is_control_or_bidi(c));
                ensure(
                    written,
                    "source",
                    "a policy of at most 10000 bytes, to its `;`",
                )?;
            }
        }
        let few = rule.values.len() <= RULE_VALUES_MAX;
        ensure(few, "values", "at most 16 comparisons")?;
        let short = |comparison: &Comparison| {
            let texts = comparison.texts();
            !comparison.left.is_empty()
                && !comparison.right.is_empty()
                && texts.iter().all(|text| text.len() <= VALUE_BYTES_MAX)
        };
        let short = rule.values.iter().all(short);
        ensure(short, "values", "texts of at most 256 bytes")?;
    }
    let values: usize = rules.iter().map(|rule| rule.values.len()).sum();
    let few = values <= SHEET_VALUES_MAX;
    ensure(few, "values", "at most 256 comparisons altogether")
}

impl RuleShown {
    fn to_value(&self) -> Value {
        let values = self
            .values
            .iter()
            .map(|comparison| Value::array(comparison.texts().map(Value::from)));
        Value::map([
            ("id", Value::from(self.id.as_str())),
            ("title", Value::from(self.title.as_str())),
            ("reason", Value::from(self.reason.as_str())),
            ("source", Value::or_null(self.source.as_deref())),
            ("values", Value::array(values)),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("rule")?;
        let rule = Self {
            id: fields.text("id")?,
            title: fields.text("title")?,
            reason: fields.text("reason")?,
            source: match fields.value("source")? {
                Value::Null => None,
                text => Some(text.into_text("source")?),
            },
            values: fields
                .value("values")?
                .into_list("values", Comparison::from_value)?,
        };
        fields.finish()?;
        Ok(rule)
    }
}

impl Comparison {
    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("values")?;
        let comparison = Self {
            left: items.text("left")?,
            operator: items.text_as("operator", "an operator that compares", Operator::parse)?,
            right: items.text("right")?,
            left_value: items.text("value of left")?,
            right_value: items.text("value of right")?,
        };
        items.finish()?;
        Ok(comparison)
    }
}

fn action_to_value(action: &Action, exponent: Exponent) -> Value {
    let parameters = action.parameters().iter().map(|(name, parameter)| {
        let value = match parameter {
            Parameter::Integer(n) => Value::from(*n),
            Parameter::Text(text) => Value::from(text.as_str()),
        };
        (name.as_str(), value)
    });
    Value::map([
        ("type", Value::from(action.kind().name())),
        ("category", Value::from(action.kind().category().name())),
        ("amount_minor", Value::from(action.amount_minor())),
        ("currency", Value::from(action.currency().as_str())),
        ("exponent", Value::from(u64::from(exponent.digits()))),
        ("counterparty", Value::from(action.counterparty().as_str())),
        ("target", Value::from(action.target().as_str())),
        ("reference", Value::from(action.reference())),
        ("parameters", Value::map(parameters)),
    ])
}

/// The action goes through its own reader (`spec/action.md`): one place judges what an action is.
fn action_from_value(value: Value) -> Result<(Action, Exponent), CborError> {
    let mut fields = value.into_fields("action")?;
    let members = [
        "type",
        "amount_minor",
        "currency",
        "counterparty",
        "target",
        "reference",
        "parameters",
    ];
    let mut numbered = Vec::with_capacity(members.len());
    for (key, member) in (1_u64..).zip(members) {
        numbered.push((key, fields.value(member)?));
    }
    let category = fields.text("category")?;
    let exponent = Exponent::new(fields.uint("exponent")?)
        .ok_or_else(|| fields.unexpected("exponent", "an integer from 0 to 4"))?;
    let action = Action::from_value(Value::map(numbered))?;
    if category != action.kind().category().name() {
        return Err(fields.unexpected("category", "the category of the type"));
    }
    fields.finish()?;
    Ok((action, exponent))
}

impl AgentShown {
    fn to_value(&self) -> Value {
        Value::map([
            ("id", Value::from(self.id.as_str())),
            ("sponsor", Value::from(self.sponsor.as_str())),
            ("tier", Value::from(u64::from(self.tier.number()))),
            ("key", Value::bytes(self.key.as_bytes())),
            ("latitude", Value::from(self.latitude.number())),
            ("scores", per_band(&self.scores)),
            ("exposure_minor", Value::from(self.exposure_minor)),
            (
                "recent",
                Value::array(self.recent.iter().map(RecentCase::to_value)),
            ),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("agent")?;
        let agent = Self {
            id: read_id(&mut fields, "id")?,
            sponsor: read_id(&mut fields, "sponsor")?,
            tier: Tier::new(fields.uint("tier")?)
                .ok_or_else(|| fields.unexpected("tier", "an integer from 1 to 4"))?,
            key: JwkThumbprint::from_bytes(fields.bytes_exact("key")?),
            latitude: Latitude::new(fields.int("latitude")?)
                .ok_or_else(|| fields.unexpected("latitude", "an integer from -1 to 15"))?,
            scores: read_per_band(fields.value("scores")?)?,
            exposure_minor: fields.uint("exposure_minor")?,
            recent: fields
                .value("recent")?
                .into_list("recent", RecentCase::from_value)?,
        };
        fields.finish()?;
        Ok(agent)
    }
}

impl RecentCase {
    fn to_value(&self) -> Value {
        Value::array([
            Value::bytes(self.asked.case.as_bytes()),
            Value::from(self.asked.kind.name()),
            Value::from(self.asked.counterparty.as_str()),
            Value::from(self.asked.amount_minor),
            Value::from(self.asked.asked_at),
            Value::from(self.state.as_str()),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items: Items = value.into_items("recent")?;
        let recent = Self {
            asked: HistoryCase {
                case: CaseId::from_bytes(items.bytes_exact("case")?),
                kind: items.text_as("type", "a type of the catalogue", ActionType::parse)?,
                counterparty: items.text_as("counterparty", ID, id)?,
                amount_minor: items.uint("amount_minor")?,
                asked_at: items.time("asked_at")?,
            },
            state: items.text_as("state", "a state of a case", CaseState::parse)?,
        };
        items.finish()?;
        Ok(recent)
    }
}

impl CounterpartyShown {
    fn to_value(&self) -> Value {
        Value::map([
            ("id", Value::from(self.id.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("status", Value::from(self.status.name())),
            ("risk", Value::from(self.risk.name())),
            ("payments_before", Value::from(self.payments_before)),
            ("first_seen_at", Value::from(self.first_seen_at)),
            (
                "details_changed_at",
                Value::or_null(self.details_changed_at),
            ),
            ("pair", self.pair.map_or(Value::Null, Pair::to_value)),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("counterparty")?;
        let counterparty = Self {
            id: read_id(&mut fields, "id")?,
            name: fields.text("name")?,
            status: fields.text_as("status", "`approved` or `watch`", Approval::parse)?,
            risk: fields.text_as("risk", "`low`, `medium` or `high`", Risk::parse)?,
            payments_before: fields.uint("payments_before")?,
            first_seen_at: fields.time("first_seen_at")?,
            details_changed_at: fields.time_or_null("details_changed_at")?,
            pair: match fields.value("pair")? {
                Value::Null => None,
                pair => Some(Pair::from_value(pair)?),
            },
        };
        fields.finish()?;
        Ok(counterparty)
    }
}

impl PolicyShown {
    fn to_value(&self) -> Value {
        let people = self.activated_by.iter().map(|id| Value::from(id.as_str()));
        Value::map([
            ("bundle", Value::from(self.bundle)),
            ("activated_at", Value::from(self.activated_at)),
            ("activated_by", Value::array(people)),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("policy")?;
        let policy = Self {
            bundle: fields.digest("bundle")?,
            activated_at: fields.time("activated_at")?,
            activated_by: fields
                .value("activated_by")?
                .into_list("activated_by", |person| {
                    id(&person.into_text("activated_by")?)
                        .ok_or_else(|| unexpected("policy", "activated_by", ID))
                })?,
        };
        fields.finish()?;
        Ok(policy)
    }
}

const ID: &str = "an id";
const TEXT: &str = "1 to 120 characters without controls and bidi controls";

fn id(text: &str) -> Option<Id> {
    Id::parse(text).ok()
}

fn read_id(fields: &mut Fields, field: &'static str) -> Result<Id, CborError> {
    fields.text_as(field, ID, id)
}

fn is_rising<T: Ord>(items: impl IntoIterator<Item = T>) -> bool {
    items.into_iter().is_sorted_by(|a, b| a < b)
}

fn ensure(holds: bool, field: &'static str, expected: &'static str) -> Result<(), CborError> {
    if holds {
        Ok(())
    } else {
        Err(unexpected(WHAT, field, expected))
    }
}

const fn unexpected(what: &'static str, field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what,
        field,
        expected,
    }
}
