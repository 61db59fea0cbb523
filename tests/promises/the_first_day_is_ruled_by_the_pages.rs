//! Goal: whoever begins with a founder's link rules by what stands on the pages, and by nothing else (TA-10, TA-20 to
//! TA-22, PE-6, PE-9). Method: Chromium and two people with devices, from the link to an agent that is suspended; each
//! page judged by axe-core as it then is; without scripts; the log audited at the end.

use std::cell::RefCell;

use agentsigna_tests::{
    browser::{Browser, Look, Page},
    client::Client,
    keys::Key,
    programs,
    server::{Founded, Server},
    tenant::Tenant,
};
use serde_json::Value;

use crate::{
    a_browser_makes_passkeys::{complaints, sign, sign_in, thumbprint},
    audited::audit,
    pages_are_for_everybody::{LOOKS, axe, judged, photograph},
};

/// What looks at every page on the way: by day at a desk, by night on a telephone.
struct Judge {
    axe: Option<String>,
    wrong: RefCell<Vec<String>>,
}

impl Judge {
    fn new() -> Self {
        Self {
            axe: axe(),
            wrong: RefCell::default(),
        }
    }

    fn look(&self, page: &Page, name: &str) {
        for (width, height, dark, shade) in LOOKS {
            if !matches!(shade, "desk-light" | "phone-dark") {
                continue;
            }
            let look = Look {
                width,
                height,
                dark,
            };
            page.look(look);
            let wide = page.eval("document.documentElement.scrollWidth > innerWidth");
            if wide == Value::Bool(true) {
                let text = format!("{name} {shade}: wider than the window");
                self.wrong.borrow_mut().push(text);
            }
            if let Some(axe) = &self.axe {
                let found = judged(page, axe).into_iter();
                let found = found.map(|fault| format!("{name} {shade}: {fault}"));
                self.wrong.borrow_mut().extend(found);
            }
            photograph(page, look, &format!("live-{name}-{shade}"));
        }
        let (width, height, dark, _) = LOOKS[0];
        page.look(Look {
            width,
            height,
            dark,
        });
    }
}

/// What stands in the notice, which has the focus.
fn done(page: &Page) -> String {
    page.wait_until("document.activeElement.className === 'note done'");
    page.eval("document.activeElement.innerText")
        .as_str()
        .unwrap()
        .to_owned()
}

fn is_there(page: &Page, selector: &str) -> bool {
    page.eval(&format!(
        "!!document.querySelector({})",
        Value::from(selector)
    )) == Value::Bool(true)
}

/// Signs what the page shows, and arrives at what follows.
fn sign_act(page: &Page) {
    page.follow("form[data-sign=act] button");
}

fn one_time_code(page: &Page) -> String {
    let code = page.eval("document.querySelector('.one-time').innerText.trim()");
    let code = code.as_str().unwrap().to_owned();
    // TA-21: in no address.
    assert!(!page.url().contains(&code) && code.len() == 22, "{code}");
    code
}

/// A thumbprint as two people read it to each other.
fn spoken(page: &Page) -> Vec<String> {
    let list = page.eval("[...document.querySelectorAll('.spoken')].map(code => code.textContent)");
    let list = list.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Sends the form that `button` belongs to as a browser without our patterns would.
fn send_unchecked(page: &Page, button: &str) {
    let _ = page.eval(&format!(
        "document.querySelector({}).form.noValidate = true",
        Value::from(button)
    ));
    page.follow(button);
}

/// A log begun by `dana` with a founder's link, on `page`.
fn founded(server: &Server, page: &Page) -> Tenant {
    let mut create = server.command(&["tenant", "create"]);
    let made = programs::run(create.args(["north", "--link", "--json"])).expect(0);
    let promised: Value = serde_json::from_str(&made).unwrap();
    page.open(promised["link"].as_str().unwrap());
    page.fill("input[name=user]", "dana");
    page.fill("input[name=name]", "Dana Novak");
    let _ = sign(page, "has begun");
    let list = programs::run(server.command(&["tenant", "list"]).arg("--json")).expect(0);
    let listed: Value = serde_json::from_str(&list).unwrap();
    Tenant {
        name: "north".to_owned(),
        log: Founded {
            origin: promised["origin"].as_str().unwrap().to_owned(),
            genesis_leaf: listed[0]["genesis_leaf"].as_str().unwrap().to_owned(),
            trust: listed[0]["trust"].as_str().unwrap().to_owned(),
        },
        // There is no founder's key in a file: this client only claims.
        founder: Client::new(server.door(), Key::generate()),
    }
}

const AGENT_BUTTON: &str = "form:has(#agent) button.main";
const PERSON_BUTTON: &str = "form:has(#user) button.main";

/// An agent, from its invitation to its key.
fn agent_comes_in(page: &Page, portal: &str, north: &Tenant, judge: &Judge) {
    page.open(&format!("{portal}/agents"));
    assert!(page.text().contains("No agent yet"));
    judge.look(page, "agents-empty");
    // TA-20: what cannot be taken comes back as it was typed, with the reason at its field.
    page.fill("#agent", "Buyer 1");
    page.click("input[name=tier][value='2']");
    send_unchecked(page, AGENT_BUTTON);
    page.wait_until("document.activeElement.className === 'note wrong'");
    assert_eq!(
        page.eval("document.querySelector('#agent').value"),
        "Buyer 1"
    );
    assert_eq!(
        page.eval("document.querySelector('input[name=tier]:checked').value"),
        "2"
    );
    assert!(is_there(page, "#agent[aria-invalid=true]"));
    judge.look(page, "agents-wrong");
    page.fill("#agent", "buyer-1");
    page.follow(AGENT_BUTTON);
    let shown = page.text();
    for part in [
        "Nothing has happened yet",
        "Invite agent buyer-1",
        "POST /v1/agents",
        "\"agent\":\"buyer-1\",\"sponsor\":\"dana\",\"tier\":2",
        "Your signature is enough",
    ] {
        assert!(shown.contains(part), "no `{part}` in\n{shown}");
    }
    judge.look(page, "act");
    sign_act(page);
    judge.look(page, "code");
    let code = one_time_code(page);
    // Shown once: the page of the agent does not have it.
    page.follow(".crumbs a");
    assert_eq!(page.url(), format!("{portal}/agents/buyer-1"));
    assert!(!page.text().contains(&code));

    let key = Key::generate();
    north.claim("buyer-1", &code, &key).expect(200);
    page.reload();
    // PE-6: the two compare.
    assert_eq!(spoken(page), [key.thumbprint()]);
    judge.look(page, "agent-claimed");
    page.follow(".callout form button");
    assert!(page.text().contains("Confirm the key of agent buyer-1"));
    sign_act(page);
    let said = done(page);
    assert!(
        said.contains("The key of agent buyer-1 is confirmed"),
        "{said}"
    );
    judge.look(page, "agent");
}

/// Another administrator, who shows two passkeys on two sites and is confirmed.
fn person_comes_in(dana: &Page, erik: &Page, portal: &str, judge: &Judge) {
    dana.open(&format!("{portal}/people"));
    dana.fill("#user", "erik");
    dana.fill("#name", "Erik \"E\" Lind");
    dana.fill("#groups", "finance, Legal Dept");
    dana.click("input[name=roles][value=approver]");
    send_unchecked(dana, PERSON_BUTTON);
    dana.wait_until("document.activeElement.className === 'note wrong'");
    assert!(is_there(dana, "#groups[aria-invalid=true]"));
    assert!(is_there(dana, "input[name=roles][value=approver]:checked"));
    assert_eq!(
        dana.eval("document.querySelector('#name').value"),
        "Erik \"E\" Lind"
    );
    dana.fill("#groups", "finance");
    dana.click("input[name=roles][value=administrator]");
    dana.follow(PERSON_BUTTON);
    sign_act(dana);
    let code = one_time_code(dana);
    let address = dana.eval("document.querySelector('.address').innerText");

    erik.open(address.as_str().unwrap());
    erik.fill("input[name=code]", &code);
    let _ = sign(erik, "The first passkey is shown.");
    erik.follow("#next");
    let said = sign(erik, "Approval passkey");
    let told = [
        thumbprint(&said, "Sign-in passkey: "),
        thumbprint(&said, "Approval passkey: "),
    ];
    dana.follow(".crumbs a");
    assert_eq!(dana.url(), format!("{portal}/people/erik"));
    assert_eq!(spoken(dana), told);
    judge.look(dana, "person-claimed");
    dana.follow(".callout form button");
    sign_act(dana);
    let said = done(dana);
    assert!(
        said.contains("The passkeys of erik are confirmed"),
        "{said}"
    );
    assert!(!is_there(dana, ".callout"));
    judge.look(dana, "person");
}

/// PE-9: one proposes, the other sees the same bytes and completes; the first is offered no second signature.
fn two_change_a_role(dana: &Page, erik: &Page, portal: &str, judge: &Judge) {
    dana.open(&format!("{portal}/people/erik"));
    dana.fill("#groups", "finance, legal");
    dana.follow("form:has(#groups) button.main");
    assert!(dana.text().contains("Your signature proposes the act"));
    judge.look(dana, "act-proposes");
    let body = dana.eval("document.querySelector('pre.raw').textContent");
    sign_act(dana);
    let said = done(dana);
    assert!(said.contains("Proposed, not done yet"), "{said}");
    dana.open(&format!("{portal}/people"));
    assert!(dana.text().contains("Waits for a second signature"));
    assert!(!is_there(dana, ".proposals form"));

    erik.open(&format!("{portal}/people"));
    let seen = erik.text();
    assert!(seen.contains("Change erik: status active"), "{seen}");
    assert!(seen.contains("groups finance, legal"), "{seen}");
    judge.look(erik, "people-proposal");
    erik.follow(".proposals form button");
    assert!(erik.text().contains("dana signed the same bytes"));
    assert_eq!(
        erik.eval("document.querySelector('pre.raw').textContent"),
        body
    );
    sign_act(erik);
    let said = done(erik);
    assert!(said.contains("erik is changed"), "{said}");
    assert!(erik.text().contains("finance, legal"));
    // TA-22: of the address nothing is said but what this person signed: another's entry, none, and a text are not.
    let address = erik.eval("location.search");
    for other in ["?done=0", "?done=999999", "?done=All%20is%20well", "?done="] {
        erik.open(&format!("{portal}/people{other}"));
        assert!(!is_there(erik, ".note.done"), "{other}");
    }
    dana.open(&format!("{portal}/people{}", address.as_str().unwrap()));
    assert!(!is_there(dana, ".note.done"));
}

fn agent_is_suspended(page: &Page, portal: &str, judge: &Judge) {
    page.open(&format!("{portal}/agents/buyer-1"));
    page.follow("form:has(input[value=suspended]) button.stop");
    let shown = page.text();
    assert!(shown.contains("Set buyer-1 to suspended"), "{shown}");
    assert!(shown.contains("on record and rejected"), "{shown}");
    sign_act(page);
    let said = done(page);
    assert!(said.contains("Agent buyer-1 is suspended"), "{said}");
    assert!(is_there(page, "h1 .chip.stopped"));
    judge.look(page, "agent-suspended");
}

/// Target systems, counterparties, delegations: each list and each page once.
fn the_rest_is_there(page: &Page, portal: &str, judge: &Judge) {
    page.open(&format!("{portal}/counterparties"));
    page.fill("#counterparty", "acme");
    page.fill("#name", "<b onclick=x>Acme\u{202e}</b>");
    send_unchecked(page, "form:has(#counterparty) button.main");
    page.wait_until("document.activeElement.className === 'note wrong'");
    assert!(is_there(page, "#risk") && is_there(page, "#status"));
    page.fill("#name", "<b onclick=x>Acme</b>");
    page.click("input[name=status][value=approved]");
    page.click("input[name=risk][value=low]");
    page.follow("form:has(#counterparty) button.main");
    // TA-14: theirs, and text.
    assert!(is_there(page, ".facts .theirs") && !is_there(page, "main b"));
    sign_act(page);
    assert!(done(page).contains("Counterparty acme is enrolled"));
    judge.look(page, "counterparties");
    page.open(&format!("{portal}/counterparties/acme"));
    page.click("input[name=payment_details_changed]");
    page.follow("form:has(input[name=payment_details_changed]) button.main");
    assert!(page.text().contains("For 30 days"));
    sign_act(page);
    assert!(done(page).contains("Counterparty acme is changed"));
    judge.look(page, "counterparty");
    page.open(&format!("{portal}/systems"));
    page.fill("#system", "erp");
    page.follow("form:has(#system) button.main");
    sign_act(page);
    let _ = one_time_code(page);
    page.follow(".crumbs a");
    judge.look(page, "system-invited");
    page.open(&format!("{portal}/systems"));
    judge.look(page, "systems");
    page.open(&format!("{portal}/delegations"));
    judge.look(page, "delegations");
}

/// Every page reads without scripts; what cannot be done without them says so.
fn without_scripts(page: &Page, portal: &str) {
    page.scripts(false);
    for (path, part) in [
        ("/agents", "buyer-1"),
        ("/agents/buyer-1", "What is on record"),
        ("/systems", "erp"),
        ("/systems/erp", "Code counts until"),
        ("/counterparties", "acme"),
        ("/counterparties/acme", "Payment details changed"),
        ("/people", "Erik \"E\" Lind"),
        ("/people/erik", "finance, legal"),
        ("/delegations", "Nobody judges for anybody else"),
    ] {
        page.open(&format!("{portal}{path}"));
        let seen = page.text();
        assert!(seen.contains(part), "no `{part}` on {path}:\n{seen}");
    }
    page.open(&format!("{portal}/agents/buyer-1"));
    page.follow("form:has(input[value=active]) button");
    let seen = page.text();
    for part in [
        "Set buyer-1 to active",
        "POST /v1/agents/buyer-1/status",
        "Signing needs scripts",
    ] {
        assert!(seen.contains(part), "no `{part}` in\n{seen}");
    }
    page.scripts(true);
}

#[test]
fn the_first_day_of_a_tenant_in_a_real_browser() {
    let server = Server::start_with_people();
    let portal = server.sites().portal;
    let browser = Browser::start();
    let (dana, erik) = (browser.person().page(), browser.person().page());
    let _devices = (dana.device(true), erik.device(true));
    let judge = Judge::new();
    let north = founded(&server, &dana);
    sign_in(&dana, &portal);
    agent_comes_in(&dana, &portal, &north, &judge);
    person_comes_in(&dana, &erik, &portal, &judge);
    sign_in(&erik, &portal);
    two_change_a_role(&dana, &erik, &portal, &judge);
    agent_is_suspended(&erik, &portal, &judge);
    the_rest_is_there(&erik, &portal, &judge);
    without_scripts(&erik, &portal);
    // Out, by the button of the frame.
    dana.open(&format!("{portal}/people"));
    dana.follow("form[action='/sign-out'] button");
    assert_eq!(dana.url(), format!("{portal}/sign-in"));
    dana.open(&format!("{portal}/people"));
    assert_eq!(dana.url(), format!("{portal}/sign-in"));

    let wrong = judge.wrong.into_inner();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for page in [&dana, &erik] {
        assert_eq!(complaints(page), [""; 0]);
    }
    let log = audit(&server, &north);
    let ruled: Vec<&str> = log
        .kinds_since(0)
        .into_iter()
        .filter(|kind| !kind.starts_with("auth."))
        .collect();
    assert_eq!(
        ruled,
        [
            "log.created",
            "agent.invited",
            "agent.claimed",
            "agent.enrolled",
            "user.invited",
            "user.claimed",
            "user.enrolled",
            "act.proposed",
            "user.changed",
            "agent.changed",
            "counterparty.enrolled",
            "counterparty.changed",
            "system.invited",
        ]
    );
}
