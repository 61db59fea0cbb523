//! Goal: what a real browser makes of a passkey is what the verifier reads, and a person comes from the code to a signed
//! act by what stands on the pages (TA-3, TA-10, TA-11, WA-29). Method: Chromium with virtual devices on two sites of this
//! machine; each answer goes through the checks that server and auditor use, and through one that must fail.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
};

use agentsigna_tests::{
    browser::{Browser, Page},
    server::Server,
    tenant::{POLICY, Tenant},
};
use agentsigna_verifier::event::{Body, Signed};
use serde_json::{Value, json};

use crate::audited::audit;

/// Serves one empty page for whatever is asked, until the process ends.
fn empty_pages() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let page = "<!doctype html><title>empty</title><p>nothing here";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    address
}

const MAKE: &str = "(async () => {
  const made = await navigator.credentials.create({ publicKey: {
    challenge: new Uint8Array(32).fill(7), rp: { id: location.hostname, name: 'test' },
    user: { id: new Uint8Array(16), name: 'dana', displayName: 'dana' },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' }, attestation: 'none' } });
  return btoa(String.fromCharCode(...new Uint8Array(made.response.getAuthenticatorData())));
})()";

#[test]
fn a_device_that_checks_nobody_signs_nothing() {
    let port = empty_pages().port();
    let browser = Browser::start();
    let page = browser.person().page();
    page.open(&format!("http://tenant.localhost:{port}/"));
    assert!(page.text().contains("nothing here"));
    let device = page.device(true);
    assert!(page.try_eval(MAKE).is_ok());
    assert_eq!(device.passkeys().len(), 1);
    device.verifies(false);
    let refused = page.try_eval(MAKE).unwrap_err();
    assert!(refused.contains("NotAllowedError"), "{refused}");
    assert_eq!(page.complaints(), [""; 0]);
}

/// Clicks the button of the page's ceremony, and waits for what is said of it.
pub(crate) fn sign(page: &Page, says: &str) -> String {
    page.click("form[data-sign] button");
    page.wait_until(&format!(
        "document.querySelector('[data-outcome]').textContent.includes({})",
        Value::from(says)
    ));
    page.eval("document.querySelector('[data-outcome]').textContent")
        .as_str()
        .unwrap()
        .to_owned()
}

/// Signs in with the device of the page's person, which leads to the queue.
pub(crate) fn sign_in(page: &Page, portal: &str) {
    page.open(&format!("{portal}/sign-in"));
    page.follow("form[data-sign] button");
    assert_eq!(page.url(), format!("{portal}/queue"));
}

/// What the page complained of, save that an answer was a refusal: the test sees those.
pub(crate) fn complaints(page: &Page) -> Vec<String> {
    let mut complaints = page.complaints();
    complaints.retain(|text| !text.contains("the server responded with a status of 4"));
    complaints
}

/// The passkeys that were shown, as the page says them.
pub(crate) fn thumbprint(said: &str, after: &str) -> String {
    let from = said.find(after).expect(after) + after.len();
    said[from..from + 43].to_owned()
}

/// From the one-time code to an act on record: two sites, two passkeys, and no passkey where the device checks nobody.
#[test]
fn a_person_joins_signs_in_and_signs_in_a_real_browser() {
    let server = Server::start_with_people();
    let sites = server.sites();
    let north = Tenant::found(&server, "north");
    let roles = json!(["administrator", "approver"]);
    let person = json!({ "user": "dana", "name": "Dana", "roles": roles, "groups": ["finance"] });
    let invited = north.act("/v1/users", person.clone()).expect(201);
    let code = invited["code"].as_str().unwrap();

    let browser = Browser::start();
    let dana = browser.person();
    let page = dana.page();
    let device = page.device(false);
    page.open(&format!(
        "{}/join#log={}&user=dana&code={code}",
        sites.portal,
        north.origin().replace('/', "%2F"),
    ));
    // WA-29: the browser makes nothing without the person, and the page says so.
    let refused = sign(&page, "allowed");
    assert!(!refused.contains("Sign-in passkey"), "{refused}");
    assert!(device.passkeys().is_empty());
    device.verifies(true);
    let _ = sign(&page, "The first passkey is shown.");
    page.follow("#next");
    assert!(page.url().starts_with(&format!("{}/join#", sites.approval)));
    let said = sign(&page, "Approval passkey");
    let mut confirmation = person;
    confirmation["sign_in"] = thumbprint(&said, "Sign-in passkey: ").into();
    confirmation["approval"] = thumbprint(&said, "Approval passkey: ").into();
    north
        .act("/v1/users/dana/confirm", confirmation)
        .expect(200);

    // A page for people who are signed in leads there.
    page.open(&format!("{}/", sites.portal));
    assert_eq!(page.url(), format!("{}/sign-in", sites.portal));
    device.verifies(false);
    let _ = sign(&page, "allowed");
    device.verifies(true);
    page.follow("form[data-sign] button");
    assert_eq!(page.url(), format!("{}/queue", sites.portal));
    page.open(&format!("{}/people/dana", sites.portal));
    let seen = page.text();
    assert!(
        seen.contains("Dana") && seen.contains("administrator, approver"),
        "{seen}"
    );
    // No script of any page can read the session.
    assert_eq!(page.eval("document.cookie"), "");

    // TA-10: words and bytes, then the signature. A form of our own page passes TA-3.
    let body = format!("{{\"origin\":\"{}\",\"system\":\"erp\"}}", north.origin());
    page.open(&format!("{}/systems", sites.portal));
    page.fill("#system", "erp");
    page.follow("form[action='/acts'] button");
    let shown = page.text();
    assert!(shown.contains("Invite target system erp"), "{shown}");
    assert!(shown.contains(&body), "{shown}");
    // TA-11: a challenge that these bytes do not give, and a body that they do not name, are not signed.
    for (field, value, says) in [
        ("challenge", "AAAA", "another challenge"),
        ("body", "e30", "another body"),
    ] {
        let selector = format!("input[name={field}]");
        let good = page.eval(&format!("document.querySelector('{selector}').value"));
        page.fill(&selector, value);
        let _ = sign(&page, says);
        page.fill(&selector, good.as_str().unwrap());
    }
    // TA-21: the one-time code has a page, and no address.
    page.follow("form[data-sign=act] button");
    assert!(page.text().contains("One-time code for target system erp"));
    assert_eq!(page.url(), format!("{}/acts/sign", sites.portal));

    // Another person of the same machine has no session here.
    let other = browser.person().page();
    other.open(&format!("{}/", sites.portal));
    assert_eq!(other.url(), format!("{}/sign-in", sites.portal));

    assert_eq!(complaints(&page), [""; 0]);
    let log = audit(&server, &north);
    let (_, last) = log.entries.last().unwrap();
    let Body::SystemInvited(invited) = &last.body else {
        panic!("{last:?}");
    };
    assert!(
        matches!(&invited.signed, Signed::Passkey { context, .. } if context.user.as_str() == "dana")
    );
}

/// Shows two passkeys of `user` on `page`, has the founder confirm them, and signs in.
pub(crate) fn join(page: &Page, server: &Server, tenant: &Tenant, user: &str) {
    let sites = server.sites();
    let person =
        json!({ "user": user, "name": user, "roles": ["approver"], "groups": ["finance"] });
    let invited = tenant.act("/v1/users", person.clone()).expect(201);
    page.open(&format!(
        "{}/join#log={}&user={user}&code={}",
        sites.portal,
        tenant.origin().replace('/', "%2F"),
        invited["code"].as_str().unwrap(),
    ));
    let _ = sign(page, "The first passkey is shown.");
    page.follow("#next");
    let said = sign(page, "Approval passkey");
    let mut confirmation = person;
    confirmation["sign_in"] = thumbprint(&said, "Sign-in passkey: ").into();
    confirmation["approval"] = thumbprint(&said, "Approval passkey: ").into();
    let path = format!("/v1/users/{user}/confirm");
    tenant.act(&path, confirmation).expect(200);
    sign_in(page, &sites.portal);
}

/// L11 to L13, L36, A17: two people approve on their own devices what the page shows; without the device's check, with a
/// lost device, or with another sheet, nothing is signed; without scripts the sheet can be read.
#[test]
fn two_people_approve_in_a_real_browser() {
    let server = Server::start_with_people();
    let sites = server.sites();
    let north = Tenant::ready(&server, "north");
    let buyer = north.agent("buyer-1");
    let browser = Browser::start();
    let (finn, gerd) = (browser.person().page(), browser.person().page());
    let (device, lost) = (finn.device(true), gerd.device(true));
    join(&finn, &server, &north, "finn");
    join(&gerd, &server, &north, "gerd");
    let asked = buyer.buy("po-1", 600_000).expect(200);
    let case = asked["case"].as_str().unwrap();

    for page in [&finn, &gerd] {
        page.open(&format!("{}/cases/{case}/review", sites.portal));
        assert!(
            page.url()
                .starts_with(&format!("{}/review", sites.approval))
        );
        let seen = page.text().to_lowercase();
        // L36, before any word: trust and exposure, the counterparty's status, type, amount, and the rule with its values.
        for part in [
            "esc.amount",
            "more than 5,000.00",
            "context.amount_minor",
            "600000",
            "purchase",
            "6,000.00",
            "acme",
            "approved",
            "latitude",
            "dana",
            "finance",
        ] {
            assert!(seen.contains(part), "no `{part}` in\n{seen}");
        }
    }
    // A page whose sheet is another one than the server froze signs nothing.
    let _ = finn.eval(
        "window.fetched = window.fetch; window.fetch = async (path, options) => \
         String(path).startsWith('/review/sheet') ? new Response('another') : window.fetched(path, options)",
    );
    let _ = sign(&finn, "another sheet");
    let _ = finn.eval("window.fetch = window.fetched");
    device.verifies(false);
    let _ = sign(&finn, "allowed");
    device.verifies(true);
    let done = sign(&finn, "On record");
    assert!(done.contains("in-review"), "{done}");

    // A lost device: nobody else's signs for it.
    let passkeys = lost.passkeys();
    assert_eq!(passkeys.len(), 2);
    lost.lose();
    let empty = gerd.device(true);
    let _ = sign(&gerd, "allowed");
    for passkey in &passkeys {
        empty.add(passkey);
    }
    gerd.scripts(false);
    gerd.reload();
    assert!(gerd.text().contains("esc.amount"));
    gerd.scripts(true);
    gerd.reload();
    let done = sign(&gerd, "On record");
    assert!(done.contains("issued"), "{done}");
    let passport = buyer.case(case).expect(200)["passport"].clone();
    assert!(passport.is_string());
    for page in [&finn, &gerd] {
        assert_eq!(complaints(page), [""; 0]);
    }
    let _ = audit(&server, &north);
}

/// What the refusing form says once it is signed or not.
fn refuse(page: &Page, says: &str) -> String {
    let form = "[...document.querySelectorAll('form[data-sign=review]')].find(form => \
                form.elements.decision.value === 'refuse')";
    let _ = page.eval(&format!("{form}.querySelector('button').click()"));
    let outcome = format!("{form}.querySelector('[data-outcome]').textContent");
    page.wait_until(&format!("{outcome}.includes({})", Value::from(says)));
    page.eval(&outcome).as_str().unwrap().to_owned()
}

/// A17, L12: a refusal needs a reason and a gesture, and closes the case; nobody judges after the deadline, whatever page
/// is still open.
#[test]
fn a_refusal_and_a_deadline_in_a_real_browser() {
    let server = Server::start_with_people();
    let sites = server.sites();
    let north = Tenant::ready(&server, "north");
    let _ = north.policy(&POLICY.replace("PT4H", "PT1M"));
    let buyer = north.agent("buyer-1");
    let browser = Browser::start();
    let (finn, gerd) = (browser.person().page(), browser.person().page());
    let devices = [finn.device(true), gerd.device(true)];
    join(&finn, &server, &north, "finn");
    join(&gerd, &server, &north, "gerd");
    let ask = |name: &str| buyer.buy(name, 600_000).expect(200)["case"].clone();
    let [refused, expired] = ["po-1", "po-2"].map(|name| ask(name).as_str().unwrap().to_owned());
    let review = |page: &Page, case: &str| {
        page.open(&format!("{}/cases/{case}/review", sites.portal));
    };

    review(&finn, &refused);
    // Without a reason the browser sends nothing.
    let _ =
        finn.eval("[...document.querySelectorAll('form[data-sign=review] button')].at(-1).click()");
    assert_eq!(buyer.case(&refused).expect(200)["state"], "in-review");
    finn.fill("#refuse-reason", "not this quarter");
    devices[0].verifies(false);
    let _ = refuse(&finn, "allowed");
    devices[0].verifies(true);
    let said = refuse(&finn, "On record");
    assert!(said.contains("refused"), "{said}");
    assert_eq!(buyer.case(&refused).expect(200)["state"], "refused");
    // Another's open page of the same round.
    review(&gerd, &refused);
    assert!(!gerd.text().contains("Approve and sign"), "{}", gerd.text());

    // One of two agrees in time; the other has the page open when time is over.
    review(&finn, &expired);
    let said = sign(&finn, "On record");
    assert!(said.contains("in-review"), "{said}");
    review(&gerd, &expired);
    assert!(gerd.text().contains("Approve and sign"));
    let since = std::time::Instant::now();
    while buyer.case(&expired).expect(200)["state"] == "in-review" {
        assert!(since.elapsed().as_secs() < 90, "the deadline did not come");
        thread::sleep(std::time::Duration::from_millis(500));
    }
    assert_eq!(buyer.case(&expired).expect(200)["state"], "expired");
    let before = gerd.eval("document.querySelector('[data-outcome]').textContent");
    assert_eq!(before, "");
    gerd.click("form[data-sign] button");
    gerd.wait_until(
        "document.querySelector('[data-outcome]').textContent.length > 0 && \
         !document.querySelector('[data-outcome]').textContent.includes('Your device')",
    );
    let said = gerd.eval("document.querySelector('[data-outcome]').textContent");
    assert!(!said.as_str().unwrap().contains("On record"), "{said}");
    finn.open(&format!("{}/queue", sites.portal));
    assert!(finn.text().contains("Nothing waits"), "{}", finn.text());
    for page in [&finn, &gerd] {
        assert_eq!(complaints(page), [""; 0]);
    }
    let log = audit(&server, &north);
    let kinds = |kind: &str| {
        log.entries
            .iter()
            .filter(|(_, event)| event.body.kind() == kind)
            .count()
    };
    assert_eq!(
        (
            kinds("approval.refused"),
            kinds("case.expired"),
            kinds("passport.issued")
        ),
        (1, 1, 0)
    );
}

/// A founder's link, a name and a touch: the page shows the leaf that the host sees.
#[test]
fn a_founder_begins_a_log_in_a_real_browser() {
    let server = Server::start_with_people();
    let run = |words: &[&str], more: &[&str]| -> Value {
        let mut command = server.command(words);
        let done = agentsigna_tests::programs::run(command.args(more).arg("--json"));
        serde_json::from_str(&done.expect(0)).unwrap()
    };
    let promised = run(&["tenant", "create"], &["north", "--link"]);
    let browser = Browser::start();
    let page = browser.person().page();
    let device = page.device(true);
    page.open(promised["link"].as_str().unwrap());
    page.fill("input[name=user]", "dana");
    page.fill("input[name=name]", "Dana");
    let said = sign(&page, "has begun");
    assert_eq!(device.passkeys().len(), 1);
    let listed = run(&["tenant", "list"], &[]);
    let leaf = listed[0]["genesis_leaf"].as_str().unwrap();
    assert!(said.contains(leaf), "{said}");
    let portal = server.sites().portal;
    sign_in(&page, &portal);
    page.open(&format!("{portal}/people/dana"));
    assert!(page.text().contains("administrator"));
    assert_eq!(complaints(&page), [""; 0]);
}
