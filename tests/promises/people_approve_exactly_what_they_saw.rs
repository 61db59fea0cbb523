//! Goal: an escalated case becomes a Passport by the signatures of people over what they saw, and by nothing else (L10
//! to L13, L15, L16, AV-1 to AV-12). Method: devices in memory, the whole way over HTTP; each rule broken once; at the
//! end a stranger audits the log, and judges Passport and case file offline.

use agentsigna_tests::{
    client::{Answer, now_ms},
    server::Server,
    tenant::{Party, Tenant},
};
use agentsigna_verifier::{
    digest::{Digest, Noun},
    passkey::{
        context::ApprovalContext,
        testing::{Authenticator, PRESENT_AND_VERIFIED},
    },
    review::Sheet,
    time::UnixMillis,
    verify::{Outcome, Question, verify},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::{
    at_the_portal::{Person, assertion, bytes, challenge},
    audited::audit,
};

const JUDGES: &[&str] = &["approver"];

struct World {
    server: Server,
    tenant: Tenant,
    buyer: Party,
    finn: Person,
    gerd: Person,
}

/// Two people of finance, and an agent that asks for more than policy gives alone.
fn world() -> World {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let finn = Person::enrolled(&server, &tenant, "finn", 1, JUDGES, &["finance"]);
    let gerd = Person::enrolled(&server, &tenant, "gerd", 3, JUDGES, &["finance"]);
    World {
        server,
        tenant,
        buyer,
        finn,
        gerd,
    }
}

impl World {
    /// A case in review.
    fn escalated(&self, request: &str) -> String {
        let asked = self.buyer.buy(request, 600_000).expect(200);
        assert_eq!(asked["verdict"], "escalated", "{asked}");
        assert_eq!(asked["state"], "in-review");
        asked["case"].as_str().unwrap().to_owned()
    }

    fn state(&self, case: &str) -> String {
        let case = self.buyer.case(case).expect(200);
        case["state"].as_str().unwrap().to_owned()
    }

    /// The Passport and the case file of `case`, as a stranger judges them.
    fn judged_offline(&self, case: &str) -> [Outcome; 2] {
        let question = Question {
            at: UnixMillis::new(now_ms()),
            pinned: true,
            expects_authority: true,
        };
        let trust = self.tenant.trusted(&[]);
        let passport = bytes(&self.buyer.case(case).expect(200)["passport"]);
        let file = self.buyer.case_file(case);
        [passport, file].map(|artefact| verify(&artefact, &trust, &question).outcome().clone())
    }
}

/// A refusal that people look at.
trait Page {
    fn page_of(&self, status: u16);
}

impl Page for Answer {
    fn page_of(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(self.text().contains("<h1>This was not done</h1>"));
    }
}

pub(crate) fn ticket(person: &Person, case: &str) -> String {
    person.ticket(case)
}

fn word(person: &Person, ticket: &str, decision: &str, reason: &str) -> Answer {
    person.word(ticket, decision, reason)
}

fn signed(person: &Person, device: &Authenticator, asked: &Value) -> Value {
    person.judgement(device, asked)
}

fn send(person: &Person, body: &Value) -> Answer {
    person.at_approval("POST", "/review").json(body).send()
}

pub(crate) fn judge(person: &Person, case: &str, decision: &str, reason: &str) -> Answer {
    person.judge(case, decision, reason)
}

/// L10 to L13, L15, L16, AV-12: two people agree, the waiting agent gets its Passport, and a stranger sees it all.
#[test]
fn av_12_two_people_agree_and_the_agent_gets_its_passport() {
    let world = world();
    let case = world.escalated("po-1");
    // L10, L11: in the queue, with all that made it wait.
    let queue = world
        .finn
        .at_portal("GET", "/queue.json")
        .send()
        .expect(200);
    assert_eq!(queue["cases"][0]["case"], case.as_str());
    assert_eq!(queue["cases"][0]["rules"], json!(["esc.amount"]));
    let shown = ticket(&world.finn, &case);
    let bytes_of_sheet = world
        .finn
        .at_approval("GET", &format!("/review/sheet?ticket={shown}"))
        .send();
    let sheet = Sheet::decode(&bytes_of_sheet.body).unwrap();
    let words = sheet.words().join("\n");
    for seen in [
        "esc.amount",
        "buyer-1",
        "acme",
        "erp",
        "finance",
        "context.amount_minor",
    ] {
        assert!(words.contains(seen), "no {seen} in\n{words}");
    }
    // L13: what is signed names the digest of exactly these bytes.
    let asked = word(&world.finn, &shown, "approve", "").expect(200);
    let context = ApprovalContext::decode(&bytes(&asked["context"])).unwrap();
    assert_eq!(context.sheet, Digest::of(Noun::Blob, &bytes_of_sheet.body));

    let own = world
        .tenant
        .party("buyer-1", world.buyer.client.key().clone());
    let path = format!("/v1/cases/{case}?wait=40");
    let waiting = std::thread::spawn(move || own.client.read(&path).expect(200));
    let first = judge(&world.finn, &case, "approve", "as agreed with the plant").expect(200);
    assert_eq!(first["state"], "in-review");
    let second = judge(&world.gerd, &case, "approve", "").expect(200);
    assert_eq!(second["state"], "issued");
    let waited = waiting.join().unwrap();
    assert_eq!(waited["state"], "issued");
    assert_eq!(
        world.judged_offline(&case),
        [Outcome::Valid, Outcome::Valid]
    );

    let log = audit(&world.server, &world.tenant);
    let kinds = log.kinds_since(0);
    assert!(
        kinds.ends_with(&[
            "action.requested",
            "decision.made",
            "review.opened",
            "approval.given",
            "approval.given",
            "decision.made",
            "passport.issued"
        ]),
        "{kinds:?}"
    );
    let _ = world.server.fsck().expect(0);
}

/// AV-11: the first refusal closes the case, is signed too, and needs a reason.
#[test]
fn av_11_one_refusal_closes_the_case() {
    let world = world();
    let case = world.escalated("po-1");
    let shown = ticket(&world.finn, &case);
    word(&world.finn, &shown, "refuse", "").refused(422, "json-value");
    let _ = judge(&world.finn, &case, "approve", "").expect(200);
    let closed = judge(&world.gerd, &case, "refuse", "the supplier is late").expect(200);
    assert_eq!(closed["state"], "refused");
    assert_eq!(world.state(&case), "refused");
    // Nothing follows: the sheet is not shown again, and no word is taken.
    word(&world.finn, &shown, "approve", "").refused(409, "no-round");
    world
        .finn
        .at_portal("GET", &format!("/cases/{case}/review"))
        .send()
        .page_of(409);
    let _ = audit(&world.server, &world.tenant);
}

/// AV-1 to AV-6 and AV-10: each word that must not count does not, and changes no case.
#[test]
fn av_5_no_word_counts_but_the_right_ones() {
    let world = world();
    let (case, other) = (world.escalated("po-1"), world.escalated("po-2"));
    let shown = ticket(&world.finn, &case);
    let asked =
        |decision: &str, reason: &str| word(&world.finn, &shown, decision, reason).expect(200);
    // A device that checks nobody; another person's; the sign-in passkey; a forged site.
    let unverified = world
        .finn
        .approval
        .clone()
        .with_flags(PRESENT_AND_VERIFIED & !0x04);
    let body = signed(&world.finn, &unverified, &asked("approve", ""));
    send(&world.finn, &body).refused(403, "not-verified");
    let body = signed(&world.finn, &world.gerd.approval, &asked("approve", ""));
    send(&world.finn, &body).refused(403, "other-credential");
    let pretender = world
        .gerd
        .approval
        .clone()
        .with_credential(world.finn.approval.credential().as_bytes());
    let body = signed(&world.finn, &pretender, &asked("approve", ""));
    send(&world.finn, &body).refused(403, "bad-assertion");
    let body = signed(&world.finn, &world.finn.sign_in, &asked("approve", ""));
    send(&world.finn, &body).refused(403, "other-credential");
    let now = asked("approve", "");
    let made = world
        .finn
        .approval
        .clone()
        .assert(&world.finn.portal(), challenge(Noun::Approval, &now));
    send(&world.finn, &assertion(&now, &made)).refused(403, "wrong-web-origin");
    // A refusal passed off as an approval: the challenge of the one is not that of the other.
    let (yes, no) = (asked("approve", ""), asked("refuse", "too much"));
    let mut body = signed(&world.finn, &world.finn.approval, &no);
    body["context"] = yes["context"].clone();
    send(&world.finn, &body).refused(403, "wrong-challenge");
    // Another case's sheet.
    let elsewhere = word(&world.finn, &ticket(&world.finn, &other), "approve", "").expect(200);
    let mut body = signed(&world.finn, &world.finn.approval, &elsewhere);
    body["context"] = asked("approve", "")["context"].clone();
    send(&world.finn, &body).refused(403, "wrong-challenge");
    // A context of one's own.
    let now = asked("approve", "");
    let mut context = bytes(&now["context"]);
    *context.last_mut().unwrap() ^= 1;
    let mut body = signed(&world.finn, &world.finn.approval, &now);
    body["context"] = BASE64URL_NOPAD.encode(&context).into();
    send(&world.finn, &body).refused(403, "unknown-challenge");
    // No ticket, no sheet; and a ticket is no session.
    let path = format!("/review/sheet?ticket={}", BASE64URL_NOPAD.encode(&[7; 32]));
    world
        .finn
        .at_approval("GET", &path)
        .send()
        .refused(404, "not-found");
    assert_eq!(world.state(&case), "in-review");

    // One person, one slot, and no second word.
    let _ = judge(&world.finn, &case, "approve", "").expect(200);
    judge(&world.finn, &case, "approve", "").refused(409, "judged-before");
    assert_eq!(world.state(&case), "in-review");
    let _ = audit(&world.server, &world.tenant);
}

/// AV-4, AV-7, AV-10: who may not judge is refused, whatever they sign.
#[test]
fn av_7_the_sponsor_and_those_who_were_not_asked_do_not_judge() {
    let world = world();
    // The sponsor of every agent of these tests.
    let dana = Person::enrolled(
        &world.server,
        &world.tenant,
        "dana",
        5,
        JUDGES,
        &["finance"],
    );
    let lena = Person::enrolled(&world.server, &world.tenant, "lena", 7, JUDGES, &["legal"]);
    let omar = Person::enrolled(
        &world.server,
        &world.tenant,
        "omar",
        9,
        &["operator"],
        &["finance"],
    );
    let case = world.escalated("po-1");
    judge(&dana, &case, "approve", "").refused(409, "excluded");
    judge(&lena, &case, "approve", "").refused(409, "not-asked");
    omar.at_portal("GET", &format!("/cases/{case}/review"))
        .send()
        .page_of(404);
    // Suspended between reading and signing.
    let asked = word(&world.finn, &ticket(&world.finn, &case), "approve", "").expect(200);
    let change =
        json!({ "user": "finn", "status": "suspended", "roles": JUDGES, "groups": ["finance"] });
    let _ = world
        .tenant
        .act("/v1/users/finn/change", change)
        .expect(200);
    let body = signed(&world.finn, &world.finn.approval, &asked);
    send(&world.finn, &body).refused(409, "not-approver");
    assert_eq!(world.state(&case), "in-review");
    let _ = audit(&world.server, &world.tenant);
}

/// AV-12: what changed meanwhile and concerns the question opens a new round, with a new sheet.
#[test]
fn av_12_another_question_is_asked_anew() {
    let world = world();
    let case = world.escalated("po-1");
    let _ = judge(&world.finn, &case, "approve", "").expect(200);
    let change = json!({ "counterparty": "acme", "status": "approved", "risk": "low", "payment_details_changed": true });
    let _ = world
        .tenant
        .act("/v1/counterparties/acme", change)
        .expect(200);
    let second = judge(&world.gerd, &case, "approve", "").expect(200);
    assert_eq!(second["state"], "in-review");
    let queue = world
        .finn
        .at_portal("GET", "/queue.json")
        .send()
        .expect(200);
    assert_eq!(queue["cases"][0]["round"], 2);
    assert_eq!(queue["cases"][0]["agreed"], 0);
    // The old round falls due no more.
    let _ = world.server.fsck().expect(0);
    let _ = audit(&world.server, &world.tenant);
}
