//! Goal: a body asks for one thing, and has one reading. Method: each act as it should be, each member taken
//! away, given another type or a value that it cannot have, one member more.

use alloc::string::ToString as _;

use super::*;

const INVITATION: &str = r#"{"origin":"o","user":"dana","name":"Dana","roles":["administrator","approver"],"groups":["finance","legal"]}"#;
const CONFIRMATION: &str = r#"{"origin":"o","user":"dana","name":"Dana","roles":["auditor"],"groups":[],"sign_in":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","approval":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}"#;
const CHANGE: &str =
    r#"{"origin":"o","user":"dana","status":"suspended","roles":["operator"],"groups":[]}"#;
const REVOCATION: &str =
    r#"{"origin":"o","user":"dana","passkey":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
const DELEGATION: &str =
    r#"{"origin":"o","from":"dana","to":"finn","groups":["finance"],"starts_at":1,"ends_at":2}"#;
const END: &str = r#"{"origin":"o","from":"dana","to":"finn"}"#;
const PASSWORD: &str = r#"{"origin":"o","user":"dana","secret":"0000000000000000000000000000000000000000000000000000000000000000"}"#;
const PASSWORD_END: &str = r#"{"origin":"o","user":"dana"}"#;

/// Path and log, or the code of the refusal.
fn read(kind: usize, body: &str) -> Result<(String, String), &'static str> {
    fn both<A: Act>(act: Result<A, JsonError>) -> Result<(String, String), &'static str> {
        act.map(|act| (act.target(), String::from(act.origin())))
            .map_err(|error| {
                assert!(!error.to_string().is_empty());
                error.code()
            })
    }
    let body = body.as_bytes();
    match kind {
        0 => both(UserInvitation::parse(body)),
        1 => both(UserConfirmation::parse(body)),
        2 => both(UserChange::parse(body)),
        3 => both(PasskeyRevocation::parse(body)),
        4 => both(Delegation::parse(body)),
        5 => both(DelegationEnd::parse(body)),
        6 => both(Password::parse(body)),
        _ => both(PasswordEnd::parse(body)),
    }
}

const BODIES: [(&str, &str); 8] = [
    (INVITATION, "/v1/users"),
    (CONFIRMATION, "/v1/users/dana/confirm"),
    (CHANGE, "/v1/users/dana/change"),
    (REVOCATION, "/v1/users/dana/revoke"),
    (DELEGATION, "/v1/delegations"),
    (END, "/v1/delegations/end"),
    (PASSWORD, "/v1/users/dana/password"),
    (PASSWORD_END, "/v1/users/dana/password/end"),
];

#[test]
fn each_act_has_its_path() {
    for (kind, (body, path)) in BODIES.into_iter().enumerate() {
        let expected = (String::from(path), String::from("o"));
        assert_eq!(read(kind, body), Ok(expected), "{body}");
    }
    let without = CONFIRMATION.replace(
        r#","approval":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE""#,
        "",
    );
    let act = UserConfirmation::parse(without.as_bytes()).unwrap();
    assert_eq!(act.approval, None);
    let act = UserConfirmation::parse(CONFIRMATION.as_bytes()).unwrap();
    assert_eq!(act.sign_in, JwkThumbprint::from_bytes([0; 32]));
    assert!(act.approval.is_some());
}

#[test]
fn no_act_has_a_member_too_many_or_too_few() {
    for (kind, (body, _)) in BODIES.into_iter().enumerate() {
        let serde_json::Value::Object(whole) = serde_json::from_str(body).unwrap() else {
            panic!("{body}")
        };
        for name in whole.keys() {
            let mut fewer = whole.clone();
            fewer.remove(name);
            let fewer = serde_json::to_string(&fewer).unwrap();
            let expected = if name == "approval" {
                None
            } else {
                Some("json-missing")
            };
            assert_eq!(read(kind, &fewer).err(), expected, "{fewer}");
            let mut wrong = whole.clone();
            wrong.insert(name.clone(), serde_json::Value::Null);
            let wrong = serde_json::to_string(&wrong).unwrap();
            assert_eq!(read(kind, &wrong).err(), Some("json-type"), "{wrong}");
        }
        let more = body.replacen('{', r#"{"note":1,"#, 1);
        assert_eq!(read(kind, &more).err(), Some("json-unknown"), "{more}");
        // No two acts share a set of members.
        for other in (0..BODIES.len()).filter(|other| *other != kind) {
            assert!(read(other, body).is_err(), "{body} as {other}");
        }
    }
}

#[test]
fn a_value_that_cannot_be_is_refused() {
    for (kind, from, to) in [
        (0, r#""dana""#, r#""Dana""#),
        (0, r#""Dana""#, r#""""#),
        (0, r#""Dana""#, "\"D\u{202e}ana\""),
        (0, r#"["administrator","approver"]"#, "[]"),
        (
            0,
            r#"["administrator","approver"]"#,
            r#"["approver","administrator"]"#,
        ),
        (
            0,
            r#"["administrator","approver"]"#,
            r#"["approver","approver"]"#,
        ),
        (0, r#"["administrator","approver"]"#, r#"["founder"]"#),
        (0, r#"["finance","legal"]"#, r#"["legal","finance"]"#),
        (0, r#"["finance","legal"]"#, r#"["finance","finance"]"#),
        (0, r#"["finance","legal"]"#, r#"["Finance"]"#),
        (2, "suspended", "gone"),
        (3, "AAAA\"", "AAAA=\""),
        (4, r#"["finance"]"#, "[]"),
        (6, "00\"}", "0\"}"),
    ] {
        let body = BODIES[kind].0;
        assert!(body.contains(from));
        let bad = body.replacen(from, to, 1);
        assert_eq!(read(kind, &bad).err(), Some("json-value"), "{bad}");
    }
    let late = DELEGATION.replace(":2}", ":9007199254740992}");
    assert!(read(4, &late).is_err());
}

#[test]
fn only_acts_for_two_can_be_proposed() {
    let activation = r#"{"origin":"o","bundle":"0000000000000000000000000000000000000000000000000000000000000000"}"#;
    for (path, body) in [
        ("/v1/users", INVITATION),
        ("/v1/users/dana/confirm", CONFIRMATION),
        ("/v1/users/dana/change", CHANGE),
        ("/v1/users/dana/revoke", REVOCATION),
        ("/v1/policies/activate", activation),
    ] {
        let act = Proposable::parse(path, body.as_bytes()).unwrap();
        assert_eq!((act.target().as_str(), act.origin()), (path, "o"));
        assert!(Proposable::parse(path, END.as_bytes()).is_err());
    }
    for path in [
        "/v1/delegations",
        "/v1/policies",
        "/v1/users/dana",
        "/v1/users/dana/suspend",
        "/v1/users/Dana/confirm",
        "/v1/users/dana/x/confirm",
        "/v1/agents",
        "",
    ] {
        let refused = Proposable::parse(path, b"{}").unwrap_err();
        assert_eq!(refused.pointer(), "", "{path}");
        assert!(!is_proposable(path), "{path}");
    }
}
