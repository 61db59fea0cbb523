//! CBOR files: Passport, case file, entry, event, policy bundle, review sheet.

use agentsigna_verifier::{
    case_file::{self, CaseFile, ProvenEntry},
    cbor::Value,
    digest::{Digest, Noun},
    entry::{CasePlace, Entry, EntryError, EntryHead, Event},
    event::Body,
    limits,
    log::tree::LeafHash,
    passport::{Claims, Passport},
    review::Sheet,
    rules::Bundle,
};
use data_encoding::BASE64;

use super::{About, broken, cbor, node::Node, notes};
use crate::failure::Failure;

/// What a review sheet says of itself.
const SHEET_TYPE: &str = "agentsigna/review-sheet/v1";

pub(super) fn passport(bytes: &[u8]) -> Result<About, Failure> {
    let passport = Passport::parse(bytes).map_err(|error| broken("a Passport", &error))?;
    Ok(About {
        kind: "passport",
        is: "Passport: a permission for one action, sealed by the host of a log",
        fields: passport_node(bytes, &passport),
        proves_not: vec![
            "that the seal is a key's of the log it names: `agentsigna-verify passport` checks that, and what follows",
            "that it stands in the log, and that others see the same log",
            "that it is good now",
            "what the agent signed, which inputs policy weighed, who enrolled the agent: ask for the case file",
            "that whoever shows it holds the agent's key, or that it was not used before: the gate checks that",
            "that nothing has been revoked since",
        ],
    })
}

fn passport_node(bytes: &[u8], passport: &Passport) -> Node {
    let signature = match Value::decode(bytes, limits::PASSPORT_BYTES_MAX) {
        Ok(Value::Tag(_, item)) => items(&item)
            .last()
            .map(|item| cbor::node("signature", item)),
        _ => None,
    };
    let mut fields = vec![
        ("claims".to_owned(), claims(passport.claims())),
        (
            "sealed by key (COSE thumbprint)".to_owned(),
            Node::hex(passport.kid().as_bytes()),
        ),
        ("seal".to_owned(), signature.unwrap_or(Node::Nothing)),
    ];
    match passport.delivery() {
        None => fields.push((
            "delivery".to_owned(),
            Node::text("none: as registered, without place in the log and proof"),
        )),
        Some(delivery) => {
            let body = Body::PassportIssued(passport.registered());
            let leaf = LeafHash::of(&delivery.head.with_body(body).encode());
            fields.push(("entry head".to_owned(), head(&delivery.head)));
            fields.push(("leaf hash (computed)".to_owned(), Node::text(&leaf)));
            fields.push(("tlog-proof".to_owned(), notes::proof_node(&delivery.proof)));
        }
    }
    Node::Map(fields)
}

fn claims(claims: &Claims) -> Node {
    let rules = claims.rules.iter().map(Node::text);
    Node::map([
        ("issuer", Node::text(&claims.issuer)),
        ("agent", Node::text(&claims.agent.as_str())),
        ("audience", Node::text(&claims.audience)),
        ("not before", Node::Seconds(claims.not_before_s)),
        ("issued", Node::Seconds(claims.issued_s)),
        ("expires", Node::Seconds(claims.expires_s)),
        ("cti", Node::hex(&claims.cti)),
        ("agent key", Node::text(&claims.key.to_base64url())),
        (
            "agent key (thumbprint)",
            Node::text(&claims.key.jwk_thumbprint().to_base64url()),
        ),
        ("log", Node::text(&claims.origin)),
        ("case", Node::text(&claims.case)),
        ("action", cbor::node("action", &claims.action.to_value())),
        ("action digest", Node::text(&claims.action_digest)),
        (
            "action digest (computed)",
            Node::text(&claims.action.digest()),
        ),
        ("bundle", Node::text(&claims.bundle)),
        ("rules", Node::list(rules)),
        ("path", Node::text(&claims.path.as_str())),
        ("approvals", approvals(claims)),
        ("snapshot digest", Node::text(&claims.snapshot)),
        (
            "events of the case before",
            Node::list(claims.chain.iter().map(Node::text)),
        ),
        ("engine", Node::text(&claims.engine)),
    ])
}

/// The claim −70010, as it stands there.
fn approvals(claims: &Claims) -> Node {
    match claims.to_value() {
        Value::Map(members) => members
            .iter()
            .find(|(label, _)| *label == Value::from(-70010_i64))
            .map_or(Node::Nothing, |(_, value)| cbor::node("approvals", value)),
        _ => Node::Nothing,
    }
}

fn head(head: &EntryHead) -> Node {
    Node::map([
        ("log", Node::text(&head.origin)),
        ("index", Node::Number(head.index)),
        ("sequenced at", Node::Millis(head.sequenced_at.millis())),
        ("previous leaf hash", Node::text(&head.previous)),
        ("place in the case", place(Some(&head.place))),
        ("decided at", Node::Millis(head.decided_at.millis())),
        ("salt", Node::hex(&head.salt)),
    ])
}

fn place(place: Option<&CasePlace>) -> Node {
    place.map_or(Node::Nothing, |place| {
        Node::map([
            ("case", Node::text(&place.case)),
            ("index", Node::Number(place.index)),
            ("previous event digest", Node::text(&place.previous)),
        ])
    })
}

/// An entry is an array that begins with a number, an event one that begins with a text.
pub(super) fn entry_or_event(bytes: &[u8]) -> Result<About, Failure> {
    let value = Value::decode(bytes, limits::ENTRY_BYTES_MAX)
        .map_err(|error| broken("an entry or event", &error))?;
    if matches!(&value, Value::Array(items) if matches!(items.first(), Some(Value::Text(_)))) {
        return event(bytes);
    }
    let entry = Entry::decode(bytes).map_err(|error| broken("an entry", &error))?;
    Ok(About {
        kind: "entry",
        is: "Entry: one leaf of a log",
        fields: entry_node(&entry, LeafHash::of(bytes)),
        proves_not: vec![
            "that it stands in the log: a tlog-proof shows that",
            "that its event may follow what came before: `agentsigna-verify ledger` checks that",
            "that the signed request inside is signed by whom it says",
        ],
    })
}

fn event(bytes: &[u8]) -> Result<About, Failure> {
    let event = Event::decode(bytes).map_err(|error| broken("an event", &error))?;
    Ok(About {
        kind: "event",
        is: "Event: one thing that happened, without its place in a log",
        fields: event_node(&event, bytes),
        proves_not: vec![
            "that it stands in any log",
            "that it may follow what came before: `agentsigna-verify ledger` checks that",
            "that the signed request inside is signed by whom it says",
        ],
    })
}

fn entry_node(entry: &Entry, leaf: LeafHash) -> Node {
    let event = match Event::decode(&entry.event) {
        Ok(event) => event_node(&event, &entry.event),
        Err(error) => unread(&entry.event, &error),
    };
    Node::map([
        ("log", Node::text(&entry.origin)),
        ("index", Node::Number(entry.index)),
        ("sequenced at", Node::Millis(entry.sequenced_at.millis())),
        ("previous leaf hash", Node::text(&entry.previous)),
        ("leaf hash (computed)", Node::text(&leaf)),
        ("event", event),
    ])
}

/// An event of a kind that a later version has, or none at all.
fn unread(bytes: &[u8], error: &EntryError) -> Node {
    Node::map([
        ("not read", Node::text(&error)),
        ("digest (computed)", Node::text(&Event::digest_of(bytes))),
        ("bytes", Node::hex(bytes)),
    ])
}

fn event_node(event: &Event, bytes: &[u8]) -> Node {
    let body = match &event.body {
        Body::PassportIssued(bytes) => match Passport::parse(bytes) {
            Ok(passport) => Node::map([("passport", passport_node(bytes, &passport))]),
            Err(error) => Node::map([
                ("not a Passport", Node::text(&error)),
                ("bytes", Node::hex(bytes)),
            ]),
        },
        body => cbor::node("", &body.to_value()),
    };
    let mut fields = vec![
        ("kind".to_owned(), Node::text(&event.body.kind())),
        ("place in the case".to_owned(), place(event.place.as_ref())),
        (
            "decided at".to_owned(),
            Node::Millis(event.decided_at.millis()),
        ),
        ("salt".to_owned(), Node::hex(&event.salt)),
        (
            "digest (computed)".to_owned(),
            Node::text(&Event::digest_of(bytes)),
        ),
        ("body".to_owned(), body),
    ];
    match &event.body {
        Body::ActionRequested(body) => fields.push((
            "action digest (computed)".to_owned(),
            Node::text(&body.action.digest()),
        )),
        Body::DecisionMade(body) => fields.push((
            "snapshot digest (computed)".to_owned(),
            Node::text(&body.snapshot.digest()),
        )),
        _ => {}
    }
    Node::Map(fields)
}

/// All are maps; a case file and a sheet say their type.
pub(super) fn case_file_or_bundle(bytes: &[u8]) -> Result<About, Failure> {
    let value = Value::decode(bytes, limits::CASE_FILE_BYTES_MAX)
        .map_err(|error| broken("a case file or bundle", &error))?;
    if member(&value, "type") == Some(&Value::from(SHEET_TYPE)) {
        let sheet = Sheet::decode(bytes).map_err(|error| broken("a review sheet", &error))?;
        return Ok(About {
            kind: "review-sheet",
            is: "Review sheet: what a person is shown before judging",
            fields: sheet_node(&sheet, &value),
            proves_not: vec![
                "that any of it is what the log says: `agentsigna-verify passport` draws the sheet of a case file again",
                "that anybody was shown it, or signed it",
                "what the agent says in its own words",
            ],
        });
    }
    if member(&value, "policy").is_some() {
        let bundle = Bundle::decode(bytes).map_err(|error| broken("a policy bundle", &error))?;
        return Ok(About {
            kind: "bundle",
            is: "Policy bundle: the rules that decide, once they are activated",
            fields: bundle_node(&bundle, &value),
            proves_not: vec![
                "that anybody published or activated it: the log shows that",
                "who reviewed it",
            ],
        });
    }
    let file = CaseFile::parse(bytes).map_err(|error| broken("a case file", &error))?;
    Ok(About {
        kind: "case-file",
        is: "Case file: one case and everything it stands on",
        fields: case_node(&file, &value),
        proves_not: vec![
            "any of what it says: `agentsigna-verify passport` checks it, with a trust file",
            "that nothing has happened in the case since its head",
            "anything about other cases",
        ],
    })
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Map(members) = value else {
        return None;
    };
    let found = members.iter().find(|(key, _)| *key == Value::from(name));
    found.map(|(_, value)| value)
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        _ => &[],
    }
}

fn bundle_node(bundle: &Bundle, value: &Value) -> Node {
    let mut fields = match cbor::node("", value) {
        Node::Map(fields) => fields,
        other => vec![("bundle".to_owned(), other)],
    };
    let digest = Node::text(&bundle.digest());
    fields.insert(0, ("digest (computed)".to_owned(), digest));
    Node::Map(fields)
}

fn sheet_node(sheet: &Sheet, value: &Value) -> Node {
    let mut fields = match cbor::node("", value) {
        Node::Map(fields) => fields,
        other => vec![("sheet".to_owned(), other)],
    };
    let words = Node::Block(sheet.words().join("\n"));
    fields.insert(0, ("in words".to_owned(), words));
    let digest = Node::text(&sheet.digest());
    fields.insert(0, ("digest (computed)".to_owned(), digest));
    Node::Map(fields)
}

fn case_node(file: &CaseFile, value: &Value) -> Node {
    let items = member(value, "entries").map_or(&[][..], items);
    let paths = items.iter().map(|item| self::items(item).get(1));
    let entries = file.entries().iter().zip(paths);
    let blobs = file.blobs().iter().map(|blob| blob_node(blob));
    let passport = file.passport().map_or(Node::Nothing, |bytes| {
        Passport::parse(bytes).map_or_else(
            |error| Node::text(&format!("not a Passport: {error}")),
            |passport| passport_node(bytes, &passport),
        )
    });
    Node::map([
        ("type", Node::text(&case_file::TYPE)),
        ("log", Node::text(&file.origin())),
        ("case", Node::text(&file.case())),
        ("checkpoint", notes::checkpoint_node(file.checkpoint())),
        (
            "entries",
            Node::list(entries.map(|(entry, path)| proven_node(entry, path))),
        ),
        ("blobs", Node::list(blobs)),
        ("passport", passport),
    ])
}

/// `path` is the second item of `[entry, path]`, as the file has it.
fn proven_node(proven: &ProvenEntry, path: Option<&Value>) -> Node {
    let hashes = match path {
        Some(Value::Array(hashes)) => hashes.as_slice(),
        _ => &[],
    };
    let hashes = hashes.iter().map(|hash| match hash {
        Value::Bytes(bytes) => Node::Text(BASE64.encode(bytes)),
        other => cbor::node("", other),
    });
    Node::map([
        ("entry", entry_node(proven.entry(), proven.leaf())),
        ("path to the root", Node::list(hashes)),
    ])
}

fn blob_node(bytes: &[u8]) -> Node {
    let value = Value::decode(bytes, limits::CASE_FILE_BYTES_MAX);
    if let Ok(value) = value {
        if let Ok(bundle) = Bundle::decode(bytes) {
            return bundle_node(&bundle, &value);
        }
        if let Ok(sheet) = Sheet::decode(bytes) {
            return sheet_node(&sheet, &value);
        }
    }
    let digest = Digest::of(Noun::Blob, bytes);
    Node::map([
        ("digest (computed)", Node::text(&digest)),
        ("bytes", Node::text(&bytes.len())),
    ])
}
