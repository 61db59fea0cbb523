//! Goal: a gate lets exactly the permitted action through, by the agent it was permitted to, here and now (GA-1 to GA-7).
//! Method: the vectors of `testdata/gate`; a real Passport with calls that are each wrong in one way.

use std::{borrow::ToOwned as _, format, fs, path::PathBuf, string::String, vec, vec::Vec};

use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::Value as Json;

use super::{mapping::minor_of, *};
use crate::{
    action::{Action, ActionType, Currency, Parameter, ParameterName},
    id::Id,
    limits,
    passport::Audience,
    signed_request::{Content, Draft, Headers, Request},
    verify::testing::{Role, Tenant, payment, public_key, trust_text},
};

fn vectors(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/gate");
    fs::read(folder.join(name)).unwrap()
}

fn mapping() -> Mapping {
    Mapping::parse(&vectors("mapping.json")).unwrap()
}

fn text<'a>(vector: &'a Json, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn message<'a>(method: &'a str, target: &'a str, content_type: Option<&'a str>) -> Message<'a> {
    Message {
        method,
        authority: AUTHORITY,
        target,
        content_type,
        content_digest: None,
        passport: None,
        signature_input: None,
        signature: None,
    }
}

const AUTHORITY: &str = "erp.example.com";

fn action_of(expected: &Json) -> Action {
    let named = expected["parameters"].as_object().unwrap();
    let parameters = named.iter().map(|(name, value)| {
        let value = match value.as_u64() {
            Some(number) => Parameter::Integer(number),
            None => Parameter::Text(value.as_str().unwrap().to_owned()),
        };
        (ParameterName::parse(name).unwrap(), value)
    });
    Action::new(
        ActionType::parse(text(expected, "type")).unwrap(),
        expected["amount_minor"].as_u64().unwrap(),
        Currency::parse(text(expected, "currency")).unwrap(),
        Id::parse(text(expected, "counterparty")).unwrap(),
        Id::parse("erp").unwrap(),
        text(expected, "reference"),
        parameters.collect(),
    )
    .unwrap()
}

/// GA-2 to GA-5 as vectors.
#[test]
fn a_call_is_exactly_one_action_or_none() {
    let mapping = mapping();
    let vectors: Vec<Json> = serde_json::from_slice(&vectors("calls.json")).unwrap();
    assert!(vectors.len() > 50);
    let mut wrong: Vec<String> = Vec::new();
    for vector in &vectors {
        let body = text(vector, "body");
        let call = Call {
            message: message(
                text(vector, "method"),
                text(vector, "target"),
                vector["content_type"].as_str(),
            ),
            body: body.as_bytes(),
        };
        let found = mapping.action(&call, &Id::parse("erp").unwrap());
        match (&found, vector.get("action")) {
            (Ok(found), Some(expected)) => {
                assert_eq!(*found, action_of(expected), "{vector}");
                assert_eq!(found.digest(), action_of(expected).digest());
            }
            (Err(error), None) if error.code() == text(vector, "code") => {}
            _ => wrong.push(format!("{}: {found:?}", vector["name"])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// GA-1
#[test]
fn a_mapping_is_closed() {
    let vectors: Vec<Json> = serde_json::from_slice(&vectors("mappings.json")).unwrap();
    assert!(vectors.len() > 30);
    let mut wrong: Vec<String> = Vec::new();
    for vector in &vectors {
        let code = match Mapping::parse(text(vector, "mapping").as_bytes()).unwrap_err() {
            MappingError::Json(error) => error.code(),
            MappingError::Routes { .. } => "routes",
            MappingError::Overlap { .. } => "overlap",
        };
        if code != text(vector, "code") {
            wrong.push(format!("{}: {code}", vector["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let routes = vec![r#"{"method":"GET","path":"/","action":{}}"#; ROUTES_MAX + 1].join(",");
    let many = format!(r#"{{"version":1,"routes":[{routes}]}}"#);
    let found = Mapping::parse(many.as_bytes()).unwrap_err();
    assert!(matches!(found, MappingError::Routes { found } if found == ROUTES_MAX + 1));
    let large = vec![b' '; MAPPING_BYTES_MAX + 1];
    assert!(Mapping::parse(&large).is_err());
}

#[test]
fn an_amount_has_one_text() {
    for (text, decimals, minor) in [
        ("0.00", 2, Some(0)),
        ("0.01", 2, Some(1)),
        ("12", 0, Some(12)),
        ("1.2345", 4, Some(12_345)),
        ("184467440737095516.15", 2, Some(u64::MAX)),
        ("184467440737095516.16", 2, None),
        ("12.", 0, None),
        ("", 0, None),
        ("00", 0, None),
        ("1.", 1, None),
        ("1.a", 1, None),
    ] {
        assert_eq!(minor_of(text, decimals), minor, "{text}");
    }
}

/// A tenant with one Passport for 125.00 to `acme`, and its gate.
struct Scene {
    tenant: Tenant,
    passport: Vec<u8>,
    trust: Trust,
    mapping: Mapping,
}

const TRANSFERS: &str = r#"{"version":1,"routes":[{"method":"POST","path":"/transfers","action":{
    "type":{"literal":"payment"},"amount_minor":{"pointer":"/cents"},"currency":{"literal":"EUR"},
    "counterparty":{"pointer":"/to"},"reference":{"literal":"INV-7"}}}]}"#;
const BODY: &str = r#"{"cents":12500,"to":"acme"}"#;

fn trust_for(tenant: &Tenant, system: &str) -> Trust {
    let target = format!("{}#{system}", tenant.origin());
    Trust::parse(trust_text(&[tenant], "quorum none\n", &[&target]).as_bytes()).unwrap()
}

impl Scene {
    fn new() -> Self {
        let mut tenant = Tenant::ready(1);
        let case = tenant.authorized("r-1");
        Self {
            passport: tenant.passport(case),
            trust: trust_for(&tenant, "erp"),
            mapping: Mapping::parse(TRANSFERS.as_bytes()).unwrap(),
            tenant,
        }
    }

    fn signed(&self, key: &SigningKey, target: &str, body: &str, passport: &[u8]) -> Headers {
        let created_s = self.tenant.now().seconds();
        let request = Request {
            method: "POST",
            authority: AUTHORITY,
            target,
            content: Some(Content {
                kind: "application/json",
                body: body.as_bytes(),
            }),
            passport: Some(passport),
            created_s,
            expires_s: created_s + 60,
            nonce: None,
        };
        let draft = Draft::new(Profile::Exec, &request, public_key(key)).unwrap();
        draft.sign(&key.sign(draft.base()).to_bytes()).unwrap()
    }

    fn judge_at(
        &self,
        headers: &Headers,
        target: &str,
        body: &str,
        now: UnixMillis,
    ) -> Result<Admissible, GateError> {
        let call = Call {
            message: Message {
                content_digest: headers.content_digest.as_deref(),
                passport: headers.passport.as_deref(),
                signature_input: Some(&headers.signature_input),
                signature: Some(&headers.signature),
                ..message("POST", target, Some("application/json"))
            },
            body: body.as_bytes(),
        };
        judge(&call, &self.trust, &self.mapping, now)
    }

    fn judge(&self, headers: &Headers, body: &str) -> Result<Admissible, GateError> {
        self.judge_at(headers, "/transfers", body, self.tenant.now())
    }

    /// The code with which a call with `body`, signed by `key`, is refused.
    fn code(&self, key: Role, body: &str) -> &'static str {
        let key = self.tenant.key(key);
        let headers = self.signed(&key, "/transfers", body, &self.passport);
        self.judge(&headers, body).unwrap_err().code()
    }
}

#[test]
fn the_permitted_action_goes_through_and_no_other() {
    let scene = Scene::new();
    let agent = scene.tenant.key(Role::Agent);
    let headers = scene.signed(&agent, "/transfers", BODY, &scene.passport);
    let admissible = scene.judge(&headers, BODY).unwrap();
    let claims = admissible.claims();
    assert_eq!(claims.action, payment(12_500));
    assert_eq!(
        claims.audience,
        Audience::parse(&format!("{}#erp", scene.tenant.origin())).unwrap()
    );
    // GA-5: another amount, another counterparty, both.
    for (body, code) in [
        (r#"{"cents":12501,"to":"acme"}"#, "amount-mismatch"),
        (r#"{"cents":0,"to":"acme"}"#, "amount-mismatch"),
        (r#"{"cents":12500,"to":"acme-2"}"#, "action-mismatch"),
        (r#"{"cents":12501,"to":"acme-2"}"#, "action-mismatch"),
    ] {
        assert_eq!(scene.code(Role::Agent, body), code, "{body}");
    }
    // GA-4 through the whole judgement.
    let more = r#"{"cents":12500,"to":"acme","twice":true}"#;
    assert_eq!(scene.code(Role::Agent, more), "unmapped");
}

/// GA-6: a copy of the Passport is paper.
#[test]
fn a_stolen_passport_is_paper() {
    let scene = Scene::new();
    for thief in [
        Role::Stranger,
        Role::OtherAgent,
        Role::System,
        Role::Founder,
    ] {
        assert_eq!(scene.code(thief, BODY), "keyid-mismatch", "{thief:?}");
    }
    let agent = scene.tenant.key(Role::Agent);
    let headers = scene.signed(&agent, "/transfers", BODY, &scene.passport);
    let without = |change: &dyn Fn(&mut Headers)| {
        let mut headers = headers.clone();
        change(&mut headers);
        let call = Call {
            message: Message {
                content_digest: headers.content_digest.as_deref(),
                passport: headers.passport.as_deref(),
                signature_input: Some(&headers.signature_input)
                    .filter(|text| !text.is_empty())
                    .map(String::as_str),
                signature: Some(&headers.signature)
                    .filter(|text| !text.is_empty())
                    .map(String::as_str),
                ..message("POST", "/transfers", Some("application/json"))
            },
            body: BODY.as_bytes(),
        };
        let found = judge(&call, &scene.trust, &scene.mapping, scene.tenant.now());
        let error = found.unwrap_err();
        (error.code(), error.status())
    };
    assert_eq!(
        without(&|headers| headers.passport = None),
        ("passport-missing", 401)
    );
    assert_eq!(
        without(&|headers| headers.signature.clear()),
        ("signature-missing", 401)
    );
    assert_eq!(
        without(&|headers| headers.signature_input.clear()),
        ("signature-missing", 401)
    );
    // The same signature over other content.
    let error = scene
        .judge(&headers, r#"{"cents":12501,"to":"acme"}"#)
        .unwrap_err();
    assert_eq!(error.code(), "digest-mismatch");
    // Over another target of the same host.
    let error = scene
        .judge_at(&headers, "/transfers/2", BODY, scene.tenant.now())
        .unwrap_err();
    assert_eq!(error.code(), "signature-wrong");
    // A day later the call is too old, whatever the Passport is.
    let later = scene.tenant.now().plus(61_000);
    let error = scene
        .judge_at(&headers, "/transfers", BODY, later)
        .unwrap_err();
    assert_eq!(error.code(), "signature-expired");
}

/// GA-7: VALID here and now, or nothing.
#[test]
fn a_passport_that_is_not_valid_here_and_now_opens_nothing() {
    let mut scene = Scene::new();
    // For another system of the same log, in this gate.
    scene.trust = trust_for(&scene.tenant, "crm");
    assert_eq!(scene.code(Role::Agent, BODY), "wrong-audience");
    // A gate that knows no audience cannot tell: incomplete is not enough.
    scene.trust = scene.tenant.trust();
    assert_eq!(scene.code(Role::Agent, BODY), "no-target");
    // Of a log that nobody pinned here.
    let stranger = Tenant::ready(2);
    scene.trust = trust_for(&stranger, "erp");
    assert_eq!(scene.code(Role::Agent, BODY), "unknown-issuer");
    scene.trust = trust_for(&scene.tenant, "erp");
    scene
        .tenant
        .wait_ms((limits::PASSPORT_LIFE_S_MAX + limits::PASSPORT_SKEW_S_MAX) * 1000);
    assert_eq!(scene.code(Role::Agent, BODY), "expired");
    // One flipped bit.
    let mut scene = Scene::new();
    let middle = scene.passport.len() / 2;
    scene.passport[middle] ^= 1;
    let agent = scene.tenant.key(Role::Agent);
    let headers = scene.signed(&agent, "/transfers", BODY, &scene.passport);
    let error = scene.judge(&headers, BODY).unwrap_err();
    assert_eq!(error.status(), 403, "{error}");
}
