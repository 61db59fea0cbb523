//! Goal: each form that leads to a signature has the fields of its act, no more and no fewer. Method: every form on
//! every page, filled in as a browser would send it, becomes a body; without any one of its fields it does not, or
//! it becomes another one.

use std::collections::BTreeSet;

use agentsigna_server::api::portal::pages::form;
use serde_json::Value;

use crate::pages::{
    all,
    html::{self, Element, Read},
    samples::TAME,
};

const ORIGIN: &str = "log.example.com/t/0011223344556677";

/// The fields of one form, each filled: what people type by `typed`, of the field's name and those before it, and else
/// with something of its kind. Of choices, the first.
pub(crate) fn filled(
    page: &Read,
    form: &Element,
    typed: impl Fn(&str, &[(String, String)]) -> Option<&'static str>,
) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for field in &page.0 {
        let is_field = matches!(field.tag.as_str(), "input" | "select" | "textarea");
        let inside = field
            .inside
            .iter()
            .any(|place| std::ptr::eq(&raw const page.0[*place], form));
        if !is_field || !inside {
            continue;
        }
        let name = field.attributes["name"].clone();
        if fields.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let kind = field.attributes.get("type").map_or("text", String::as_str);
        let value = match (kind, typed(&name, &fields)) {
            ("hidden" | "radio" | "checkbox", _) => field.attributes["value"].clone(),
            (_, Some(text)) => text.to_owned(),
            ("datetime-local", None) => "2026-11-22T09:41".to_owned(),
            _ if name == "payments_before" => "7".to_owned(),
            _ => "something".to_owned(),
        };
        fields.push((name, value));
    }
    fields
}

#[test]
fn every_form_becomes_the_body_of_its_act() {
    let mut paths = BTreeSet::new();
    for (name, page) in all(&TAME) {
        let page = html::read(&page).unwrap();
        let forms = page
            .of("form")
            .filter(|form| form.attributes["action"] == "/acts");
        for one in forms {
            let mut fields = filled(&page, one, |_, _| None);
            let at = fields.iter().position(|(name, _)| name == "path");
            let (_, path) = fields.remove(at.unwrap_or_else(|| panic!("{name}: no path")));
            let body = form::body(ORIGIN, &path, &fields)
                .unwrap_or_else(|problems| panic!("{name}: {path}: {problems:?}"));
            for left_out in 0..fields.len() {
                let mut fewer = fields.clone();
                fewer.remove(left_out);
                let other = form::body(ORIGIN, &path, &fewer);
                let (field, _) = &fields[left_out];
                assert!(
                    other.is_err() || other.unwrap() != body,
                    "{name}: {path} ignores `{field}`"
                );
            }
            if fields.iter().all(|(name, _)| name != "body") {
                let read: Value = serde_json::from_str(&body).unwrap();
                assert_eq!(read["origin"], ORIGIN, "{name}");
                assert_eq!(
                    read.as_object().unwrap().len(),
                    fields.len() + 1,
                    "{name}: {path}"
                );
            }
            paths.insert(path);
        }
    }
    let expected = [
        "/v1/agents",
        "/v1/agents/buyer-1/status",
        "/v1/counterparties",
        "/v1/counterparties/nordwind-papier",
        "/v1/delegations",
        "/v1/delegations/end",
        "/v1/disputes/resolve",
        "/v1/outcomes",
        "/v1/policies",
        "/v1/policies/activate",
        "/v1/systems",
        "/v1/systems/erp/confirm",
        "/v1/users",
        "/v1/users/finn/change",
        "/v1/users/finn/confirm",
        "/v1/users/finn/password/end",
        "/v1/users/finn/revoke",
    ];
    assert_eq!(paths, expected.map(String::from).into());
}
