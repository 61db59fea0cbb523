//! Acts by forms: the page on which one is signed, the form again if it cannot be taken, and what is shown once it is on
//! record (`spec/tenant-api.md §5.6`).

use agentsigna_verifier::{
    cbor, entry::CaseId, id::Id, passkey::context::ActContext, people::PROPOSAL_LIFE_MS,
    people::Role, time::UnixMillis,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::Value;

use super::{
    Door,
    around::{drawn, frame},
    body, counterparties, directory, entrance,
    pages::{
        act::{ActPage, CodePage, Second},
        directory::{AgentForm, CounterpartyForm},
        form,
        frame::Problem,
        parts::{Block, Hash, Sentence, Shown, Theirs, When},
        people::{DelegationForm, PersonForm},
    },
    people,
};
use crate::domain::{Answer, Follows, Kind, Prepared, Refusal, Said, Visitor};

/// A form as it came: the path of its act, and its other fields.
pub(super) struct Typed {
    path: String,
    fields: Vec<(String, String)>,
}

impl Typed {
    pub(super) const fn new(path: String, fields: Vec<(String, String)>) -> Self {
        Self { path, fields }
    }

    /// The path of the act, and the body that the fields make.
    pub(super) fn body(&self, visitor: &Visitor) -> Result<(String, Vec<u8>), Vec<Problem>> {
        let body = form::body(visitor.origin(), &self.path, &self.fields)?;
        let body = body::checked(body.into_bytes()).map_err(|refusal| self.problems(&refusal))?;
        Ok((self.path.clone(), body))
    }

    /// What was refused, at the field that it is about.
    fn problems(&self, refusal: &Refusal) -> Vec<Problem> {
        let pointer = refusal.pointer.as_deref().unwrap_or_default();
        // The place in the body is the field itself.
        let place = format!(" at `{pointer}`");
        let detail = refusal.detail.as_str();
        vec![Problem {
            field: form::element(&self.path, pointer),
            text: Sentence::new(detail.strip_suffix(&place).unwrap_or(detail)),
        }]
    }

    /// TA-20: the form again with what was typed, if it is one that can be filled in otherwise; else why not.
    pub(super) fn refused(&self, door: &Door, visitor: &Visitor, refusal: Refusal) -> Response {
        match refusal.kind {
            Kind::Invalid | Kind::Malformed | Kind::Conflict | Kind::TooLarge => {
                self.again(door, visitor, self.problems(&refusal))
            }
            _ => entrance::refused(refusal, self.place()),
        }
    }

    /// TA-20: the page of the form with what was typed and what is wrong: 422.
    pub(super) fn again(&self, door: &Door, visitor: &Visitor, problems: Vec<Problem>) -> Response {
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
        let mut response = match segments.as_slice() {
            ["v1", "agents"] => {
                let form = self.agent(problems);
                drawn(directory::agents(door, visitor, None, Some(form)))
            }
            ["v1", "systems"] => {
                let system = self.first("system");
                drawn(directory::systems(door, visitor, None, system, problems))
            }
            ["v1", "counterparties"] => {
                let form = Some(self.counterparty(problems));
                drawn(counterparties::counterparties(
                    door, visitor, None, None, form,
                ))
            }
            ["v1", "counterparties", id] => drawn(counterparties::counterparty(
                door, visitor, None, id, problems,
            )),
            ["v1", "users"] => {
                let form = self.person(problems);
                drawn(people::people(door, visitor, None, Some(form)))
            }
            ["v1", "users", user, "change"] => {
                let form = self.person(problems);
                drawn(people::person(door, visitor, None, user, Some(form)))
            }
            ["v1", "delegations"] => {
                let form = self.delegation(problems);
                drawn(people::delegations(door, visitor, None, Some(form)))
            }
            // Nothing was typed that could be typed otherwise, or its page is not there yet.
            _ => return entrance::untaken(&problems, self.place()),
        };
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        }
        response
    }

    /// The page that the form stands on.
    fn place(&self) -> String {
        place_of(&self.path, self.all("case").next())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.fields.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.as_str())
    }

    fn first(&self, name: &str) -> String {
        self.all(name).next().unwrap_or_default().to_owned()
    }

    fn agent(&self, problems: Vec<Problem>) -> AgentForm {
        AgentForm {
            agent: self.first("agent"),
            sponsor: self.first("sponsor"),
            tier: self.first("tier"),
            sponsors: Vec::new(),
            problems,
        }
    }

    fn counterparty(&self, problems: Vec<Problem>) -> CounterpartyForm {
        CounterpartyForm {
            counterparty: self.first("counterparty"),
            name: self.first("name"),
            status: self.first("status"),
            risk: self.first("risk"),
            payments_before: self.first("payments_before"),
            problems,
        }
    }

    fn person(&self, problems: Vec<Problem>) -> PersonForm {
        PersonForm {
            user: self.first("user"),
            name: self.first("name"),
            status: self.first("status"),
            roles: self
                .all("roles")
                .flat_map(|words| words.split(','))
                .filter_map(|word| Role::parse(word.trim()))
                .collect(),
            groups: self.first("groups"),
            problems,
        }
    }

    fn delegation(&self, problems: Vec<Problem>) -> DelegationForm {
        DelegationForm {
            chosen: self.first("to"),
            chosen_groups: self.all("groups").map(str::to_owned).collect(),
            starts_at: self.first("starts_at"),
            ends_at: self.first("ends_at"),
            problems,
            ..DelegationForm::default()
        }
    }
}

/// The page of what the act at `path` is about: of `case`, if it is about one.
fn place_of(path: &str, case: Option<&str>) -> String {
    match case.and_then(CaseId::from_hex) {
        Some(case) => format!("/cases/{case}"),
        None => place(path),
    }
}

/// The page of what the act at `path` is about.
fn place(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let of = |list: &str, id: &str| match Id::parse(id) {
        Ok(id) => format!("{list}/{id}"),
        Err(_) => list.to_owned(),
    };
    match segments.as_slice() {
        ["v1", "agents", id, _] => of("/agents", id),
        ["v1", "agents", ..] => "/agents".to_owned(),
        ["v1", "systems", id, _] => of("/systems", id),
        ["v1", "systems", ..] => "/systems".to_owned(),
        ["v1", "counterparties", id] => of("/counterparties", id),
        ["v1", "counterparties", ..] => "/counterparties".to_owned(),
        ["v1", "users", _, "password", ..] => "/password".to_owned(),
        ["v1", "users", user, _] => of("/people", user),
        ["v1", "users", ..] => "/people".to_owned(),
        ["v1", "delegations", ..] => "/delegations".to_owned(),
        ["v1", "outcomes" | "disputes", ..] => "/cases".to_owned(),
        ["v1", "policies", ..] => "/policies".to_owned(),
        _ => "/queue".to_owned(),
    }
}

/// TA-10: what exactly will be signed.
pub(super) fn before(
    door: &Door,
    visitor: &Visitor,
    prepared: Prepared,
) -> Result<ActPage, Refusal> {
    let context = ActContext::decode(&prepared.context).map_err(|error| Refusal::broken(&error))?;
    let notation = cbor::Value::decode(&prepared.context, prepared.context.len())
        .map_err(|error| Refusal::broken(&error))?
        .diagnostic();
    let b64 = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let hidden = vec![
        ("context", b64(&prepared.context)),
        ("challenge", b64(prepared.challenge.as_bytes())),
        ("credential", prepared.credential.to_base64url()),
        ("rp_id", door.sites.portal().rp_id().to_owned()),
        ("body", b64(&prepared.body)),
    ];
    let second = match prepared.follows {
        Follows::Done => Second::NotNeeded,
        Follows::Second(by) => Second::Completes(by.to_string()),
        Follows::Proposed => {
            // It counts from its own time, which is not before this.
            let until = context.life.issued_at().plus(PROPOSAL_LIFE_MS);
            Second::Proposes(When(until))
        }
    };
    let body: Option<Value> = serde_json::from_slice(&prepared.body).ok();
    let case = body.and_then(|body| Some(body.get("case")?.as_str()?.to_owned()));
    let words = prepared.words.details.into_iter();
    Ok(ActPage {
        frame: frame(door, visitor, None)?,
        title: prepared.words.title,
        follows: prepared
            .words
            .follows
            .into_iter()
            .map(str::to_owned)
            .collect(),
        words: words
            .map(|(name, said)| (named(name), shown(said)))
            .collect(),
        back: place_of(&prepared.path, case.as_deref()),
        path: prepared.path,
        body_bytes: prepared.body.len(),
        body: Block(String::from_utf8_lossy(&prepared.body).into_owned()),
        content: Hash::new(HEXLOWER.encode(&context.content)),
        context: Block(notation),
        challenge: Hash::of(&prepared.challenge),
        until: When(context.life.expires_at()),
        second,
        hidden,
    })
}

/// Times stand as times.
fn named(name: &'static str) -> &'static str {
    name.strip_suffix(" (ms)").unwrap_or(name)
}

fn shown(said: Said) -> Shown {
    match said {
        Said::Text(text) => Shown::Text(text),
        Said::Theirs(text) => Shown::Theirs(Theirs::new(text)),
        Said::Code(code) => Shown::Hash(Hash::new(code)),
        Said::At(time) => Shown::When(When(time)),
    }
}

/// Why the signed `context` came to nothing.
pub(super) fn not_done(context: &[u8], refusal: Refusal) -> Response {
    let path = ActContext::decode(context).map(|context| context.path);
    let back = path.map_or_else(|_| "/queue".to_owned(), |path| place(path.as_str()));
    entrance::refused(refusal, back)
}

/// What follows the signature under `context`: the one-time code, or the page of what changed.
pub(super) fn after(
    door: &Door,
    visitor: &Visitor,
    context: &[u8],
    answer: Answer,
) -> Result<Response, Refusal> {
    let context = ActContext::decode(context).map_err(|error| Refusal::broken(&error))?;
    let Answer::Act { members, .. } = answer else {
        return Err(Refusal::broken(&"an act was answered with a case"));
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let number = |name: &str| members.get(name).and_then(Value::as_u64);
    if let (Some(code), Some(until)) = (text("code"), number("expires_at")) {
        let invited = ["agent", "system", "user"]
            .into_iter()
            .find_map(|member| Some((member, text(member)?)));
        let (member, id) =
            invited.ok_or_else(|| Refusal::broken(&"an invitation of nobody was answered"))?;
        let (subject, back) = match member {
            "agent" => (format!("agent {id}"), format!("/agents/{id}")),
            "system" => (format!("target system {id}"), format!("/systems/{id}")),
            _ => (id.to_owned(), format!("/people/{id}")),
        };
        // TA-21: where to go, and not the code. It stands on this page alone.
        let address = (member == "user").then(|| {
            let log = visitor.origin().replace('/', "%2F");
            format!("{}/join#log={log}&user={id}", door.sites.portal().origin())
        });
        return Ok(drawn(Ok(CodePage {
            frame: frame(door, visitor, None)?,
            subject,
            code: code.to_owned(),
            address,
            until: When(
                UnixMillis::new(until)
                    .ok_or_else(|| Refusal::broken(&"a code lives until a time that is none"))?,
            ),
            back,
        })));
    }
    let index = number("index").unwrap_or_default();
    // A path of our own and a number: they stand in every header.
    Ok(see_other(&format!(
        "{}?done={index}",
        place_of(context.path.as_str(), text("case"))
    )))
}

/// 303, to a page of this site.
pub(super) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}
