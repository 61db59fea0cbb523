//! Goal: a password with a code lets its person read, and nobody sign, guess or keep others out; nothing of it leaves the
//! host (TA-9, TA-23, TA-24, PE-15, PE-16, SO-18, SO-19). Method: the whole way over HTTP, as a browser without scripts
//! sends it; each thing wrong once; at the end the log is audited, and its bytes are searched.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use agentsigna_tests::{
    client::{Answer, now_ms},
    server::Server,
    tenant::Tenant,
};
use agentsigna_verifier::{
    digest::Noun,
    event::{Body, EndReason, SignInMethod},
};
use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha1::Sha1;

use crate::{
    at_the_portal::{Person, ask, assertion, challenge},
    audited::{Log, audit},
};

const STEP_S: u64 = 30;
const PASSWORD: &str = "correct Horse, bätterie & 100% staple";
const RULES: &[&str] = &["administrator"];
const JUDGES: &[&str] = &["approver"];
const REFUSED: &str = "log, person, password or code is not right, or passwords rest";

/// The app of a person: RFC 6238 once more, with the key that a page showed. Gives each code once.
pub(crate) struct App {
    key: Vec<u8>,
    last: u64,
}

fn step_now() -> u64 {
    now_ms() / 1000 / STEP_S
}

impl App {
    pub(crate) fn new(key: &str) -> Self {
        let key = BASE32_NOPAD.decode(key.as_bytes()).unwrap();
        assert_eq!(key.len(), 20);
        Self { key, last: 0 }
    }

    fn code_of(&self, step: u64) -> String {
        let mut mac = <Hmac<Sha1> as hmac::KeyInit>::new_from_slice(&self.key).unwrap();
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 15);
        let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A code that counts now and was not given before: of the step before, of this one, of the next; then it waits.
    pub(crate) fn next(&mut self) -> String {
        // Not at the very end of a step, so that the server is in the same one.
        while now_ms() / 1000 % STEP_S > STEP_S - 3 {
            thread::sleep(Duration::from_millis(200));
        }
        self.last = (self.last + 1).max(step_now() - 1);
        while self.last > step_now() + 1 {
            thread::sleep(Duration::from_millis(200));
        }
        self.code_of(self.last)
    }

    /// A code that does not count.
    fn wrong(&self) -> String {
        let near: Vec<String> = (step_now() - 2..step_now() + 4)
            .map(|step| self.code_of(step))
            .collect();
        let mut numbers = (0..100).map(|number| format!("{number:06}"));
        numbers.find(|code| !near.contains(code)).unwrap()
    }
}

/// Fields as browsers write them.
fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let escaped = |text: &str| -> String {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric();
        text.bytes()
            .map(|byte| match byte {
                b' ' => "+".to_owned(),
                byte if plain(&byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    pairs.join("&").into_bytes()
}

fn post(person: &Person, cookie: Option<&str>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut asked = ask(&person.sites, &person.sites.portal, "POST", path).cookie(cookie);
    asked.set("Content-Type", "application/x-www-form-urlencoded");
    asked.body = form(fields);
    asked.send()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text
        .find(before)
        .unwrap_or_else(|| panic!("no `{before}` in {text}"))
        + before.len();
    let rest = &text[start..];
    &rest[..rest.find(after).unwrap()]
}

fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    between(page, &format!("name=\"{name}\" value=\""), "\"")
}

/// What the pages of a new password showed.
struct Set {
    app: App,
    secret: String,
    key: String,
}

/// Sets a password as the pages lead, up to the signature.
fn prepare(person: &Person, password: &str) -> (Set, Answer) {
    let cookie = person.cookie.as_deref();
    let shown = post(
        person,
        cookie,
        "/password",
        &[("password", password), ("again", password)],
    );
    assert_eq!(shown.status, 200, "{}", shown.text());
    let page = shown.text();
    let key = between(&page, "class=\"one-time\"><code>", "<").replace(' ', "");
    assert!(
        page.contains(&format!("?secret={key}&")) || page.contains(&format!("?secret={key}&#38;"))
    );
    let mut set = Set {
        app: App::new(&key),
        secret: hidden(&page, "secret").to_owned(),
        key,
    };
    let fields = |code: &str| [("secret", set.secret.clone()), ("code", code.to_owned())];
    let sent = |code: &str| {
        let fields = fields(code);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        post(person, cookie, "/password/code", &fields)
    };
    // A wrong code shows the same key once more.
    let wrong = sent(&set.app.wrong());
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert!(wrong.text().contains("not the code of now"));
    assert_eq!(hidden(&wrong.text(), "secret"), set.secret);
    let code = set.app.next();
    let act = post(
        person,
        cookie,
        "/password/code",
        &[("secret", &set.secret), ("code", &code)],
    );
    assert_eq!(act.status, 200, "{}", act.text());
    (set, act)
}

/// Signs the act that the page shows.
fn sign(person: &Person, page: &str) -> Answer {
    let asked = json!({
        "context": hidden(page, "context"),
        "challenge": hidden(page, "challenge"),
    });
    let made = person
        .sign_in
        .clone()
        .assert(&person.portal(), challenge(Noun::Act, &asked));
    person
        .at_portal("POST", "/acts/sign")
        .json(&assertion(&asked, &made))
        .send()
}

fn set(person: &Person, password: &str) -> Set {
    let (set, act) = prepare(person, password);
    let done = sign(person, &act.text()).expect(200);
    assert_eq!(done["user"], person.user.as_str());
    set
}

/// Signs in with a password, without scripts and without a cookie but `mark`.
fn enter(person: &Person, mark: Option<&str>, password: &str, code: &str) -> Answer {
    let fields = [
        ("log", person.log.as_str()),
        ("user", person.user.as_str()),
        ("password", password),
        ("code", code),
    ];
    post(person, mark, "/sign-in/password", &fields)
}

/// The cookies of somebody who came in: the session, and the mark.
#[track_caller]
fn cookies(answer: &Answer) -> (String, String) {
    let set: Vec<&str> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.as_str())
        .collect();
    let [session, mark] = set[..] else {
        panic!("{answer:?}")
    };
    let kind = "Secure; HttpOnly; SameSite=Strict; Path=/";
    let (session, rest) = session.split_once("; ").unwrap();
    assert!(session.starts_with("__Host-agentsigna-tenant=") && rest == kind);
    let (mark, rest) = mark.split_once("; ").unwrap();
    assert!(mark.starts_with("__Host-agentsigna-browser="));
    assert_eq!(rest, format!("Max-Age=7776000; {kind}"));
    (session.to_owned(), mark.to_owned())
}

#[track_caller]
fn came_in(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.header("location"), Some("/"));
    cookies(answer)
}

/// TA-9: the one answer.
#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(answer.text().contains(REFUSED), "{}", answer.text());
    assert_eq!(answer.header("set-cookie"), None);
}

/// How often requests of `user` failed, by the reason on record.
fn failures(log: &Log, user: &str) -> BTreeMap<String, u64> {
    let mut failures = BTreeMap::new();
    for (_, event) in &log.entries {
        if let Body::AuthFailed(body) = &event.body
            && body.subject == format!("user:{user}")
        {
            *failures.entry(body.reason.clone()).or_default() += body.count;
        }
    }
    failures
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// SO-18: nothing of the secret is in the export, in the data folder, or in what the server said.
fn told_nowhere(server: &Server, log: &Log, set: &Set) {
    let secrets: [&[u8]; 4] = [
        b"$argon2id$",
        PASSWORD.as_bytes(),
        &set.app.key,
        set.key.as_bytes(),
    ];
    let said = server.said().into_bytes();
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
    for secret in secrets {
        assert!(!log.holds(secret));
        assert!(!holds(&said, secret));
        for path in files_under(server.folder()) {
            let bytes = fs::read(&path).unwrap_or_default();
            assert!(!holds(&bytes, secret), "{}", path.display());
        }
    }
    // The search finds what is there: the digest is in the log.
    assert!(log.holds(set.secret.as_bytes()));
}

/// TA-23, TA-24, SO-18: set with a passkey; then a form without scripts opens reading, and nothing more.
#[test]
fn ta_23_a_password_reads_and_signs_nothing() {
    let mut server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let mut finn = Person::enrolled(&server, &tenant, "finn", 1, JUDGES, &["finance"]);
    let asked = buyer.buy("po-1", 600_000).expect(200);
    let case = asked["case"].as_str().unwrap().to_owned();
    let page = finn.at_portal("GET", "/password").send();
    assert!(page.text().contains("A password, for reading"));
    assert!(!page.text().contains("/password/end"));
    let mut secret = set(&finn, PASSWORD);
    assert!(
        finn.at_portal("GET", "/password")
            .send()
            .text()
            .contains("/v1/users/finn/password/end")
    );

    // A step is used once: that of the code which set it, too.
    let used = secret.app.code_of(secret.app.last);
    refused(&enter(&finn, None, PASSWORD, &used));
    let code = secret.app.next();
    let entered = enter(&finn, None, PASSWORD, &code);
    let (session, mark) = came_in(&entered);
    refused(&enter(&finn, None, PASSWORD, &code));
    refused(&enter(&finn, Some(&mark), PASSWORD, &code));

    // It reads.
    let with_passkey = finn.cookie.replace(session.clone());
    let me = finn.me().expect(200);
    assert_eq!((&me["user"], &me["signs"]), (&json!("finn"), &json!(false)));
    assert_eq!(finn.at_portal("GET", "/queue").send().status, 200);
    let cases = finn.at_portal("GET", "/queue.json").send().expect(200);
    assert_eq!(cases["cases"][0]["case"], case.as_str());
    // And signs nothing: no act, no ticket, no other password.
    let delegation =
        json!({ "origin": tenant.origin(), "from": "finn", "to": "finn", "groups": ["finance"],
                             "starts_at": now_ms(), "ends_at": now_ms() + 1000 })
        .to_string();
    finn.prepare("/v1/delegations", delegation.as_bytes())
        .refused(403, "needs-passkey");
    let no_page = |answer: Answer| {
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert!(answer.text().contains("sign in with a passkey to sign"));
    };
    let review = format!("/cases/{case}/review");
    no_page(finn.at_portal("GET", &review).send());
    no_page(finn.at_portal("GET", "/password").send());
    let cookie = finn.cookie.clone();
    let twice = [("password", PASSWORD), ("again", PASSWORD)];
    no_page(post(&finn, cookie.as_deref(), "/password", &twice));
    // What the other session prepared is not signed in this one, though the device would.
    finn.cookie.clone_from(&with_passkey);
    assert_eq!(finn.at_portal("GET", &review).send().status, 303);
    let end = json!({ "origin": tenant.origin(), "user": "finn" }).to_string();
    let path = "/v1/users/finn/password/end";
    let open = finn.prepare(path, end.as_bytes()).expect(200);
    finn.cookie = Some(session);
    let made = finn
        .sign_in
        .clone()
        .assert(&finn.portal(), challenge(Noun::Act, &open));
    finn.at_portal("POST", "/acts/sign")
        .json(&assertion(&open, &made))
        .send()
        .refused(403, "unknown-challenge");

    // A restart ends the session and keeps the password, and the step.
    assert_eq!(server.stop(), 0);
    server.go_on();
    refused(&enter(&finn, None, PASSWORD, &code));
    finn.me().refused(401, "signed-out");
    let code = secret.app.next();
    let (session, _) = came_in(&enter(&finn, Some(&mark), PASSWORD, &code));
    finn.cookie = Some(session);
    assert_eq!(finn.me().expect(200)["signs"], false);

    assert_eq!(server.stop(), 0);
    server.go_on();
    let log = audit(&server, &tenant);
    let methods: Vec<bool> = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::AuthSignedIn(body) => Some(body.method == SignInMethod::Password),
            _ => None,
        })
        .collect();
    assert_eq!(methods, [false, true, true]);
    let expected = [("code-used".to_owned(), 4)];
    assert_eq!(failures(&log, "finn"), BTreeMap::from(expected));
    told_nowhere(&server, &log, &secret);
    let _ = server.fsck().expect(0);
}

/// TA-9: strangers who guess wear out the tries of strangers. A known browser and every passkey come in all the same.
#[test]
fn ta_9_whoever_guesses_keeps_out_nobody_else() {
    let mut server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let mut finn = Person::enrolled(&server, &north, "finn", 1, RULES, &[]);
    let gerd = Person::enrolled(&server, &north, "gerd", 3, RULES, &[]);
    let mut secret = set(&finn, PASSWORD);
    let (_, mark) = came_in(&enter(&finn, None, PASSWORD, &secret.app.next()));

    // Whatever is wrong, one answer.
    let wrong = secret.app.wrong();
    let other = Person::new(&server, north.origin(), "nobody", 200);
    refused(&enter(&other, None, PASSWORD, &wrong));
    refused(&enter(&gerd, None, PASSWORD, &wrong));
    let mut elsewhere = Person::new(&server, "log.example.com/t/0000000000000000", "finn", 200);
    refused(&enter(&elsewhere, None, PASSWORD, &wrong));
    elsewhere.log = "\"><script>".to_owned();
    let echoed = enter(&elsewhere, None, PASSWORD, &wrong);
    refused(&echoed);
    assert!(!echoed.text().contains("\"><script>"));
    assert!(!echoed.text().contains(PASSWORD));
    // Five of strangers: a mark of somebody else, a forged one, none.
    let mut forged = mark.clone().into_bytes();
    let last = forged.len() - 2;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let code = secret.app.next();
    refused(&enter(&finn, None, "another password, wrong", &code));
    refused(&enter(&finn, Some(&forged), &format!("{PASSWORD} "), &code));
    refused(&enter(&finn, None, &PASSWORD.to_uppercase(), &code));
    refused(&enter(&finn, None, PASSWORD, &wrong));
    refused(&enter(&finn, None, "", ""));
    // Now right ones of strangers rest, and use up no code.
    refused(&enter(&finn, None, PASSWORD, &code));
    refused(&enter(&finn, Some(&forged), PASSWORD, &code));
    // The known browser comes in, and so does the passkey.
    let (_, mark) = came_in(&enter(&finn, Some(&mark), PASSWORD, &code));
    finn.cookie = None;
    finn.sign_in();
    finn.me().expect(200);
    // A mark wears out its own tries alone.
    for _ in 0..5 {
        refused(&enter(
            &finn,
            Some(&mark),
            "another password, wrong",
            &wrong,
        ));
    }
    let code = secret.app.next();
    refused(&enter(&finn, Some(&mark), PASSWORD, &code));
    // A passkey's sign-in gives a mark too, and that one is fresh.
    let portal = finn.portal();
    let again = finn.try_sign_in(|challenge, asked| {
        assertion(asked, &finn.sign_in.clone().assert(&portal, challenge))
    });
    again.expect(200);
    let (_, fresh) = cookies(&again);
    came_in(&enter(&finn, Some(&fresh), PASSWORD, &code));

    assert_eq!(server.stop(), 0);
    server.go_on();
    let log = audit(&server, &north);
    let locks: Vec<&str> = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::AuthLocked(body) => Some((body, event.decided_at)),
            _ => None,
        })
        .map(|(body, at)| {
            assert_eq!(body.until, at.plus(15 * 60 * 1000));
            body.user.as_str()
        })
        .collect();
    assert_eq!(locks, ["finn"]);
    let expected = [
        ("code-wrong", 1),
        ("password-rests", 3),
        ("password-wrong", 4 + 5),
    ];
    let expected = expected.map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(failures(&log, "finn"), BTreeMap::from(expected));
    let expected = [("no-password".to_owned(), 1)];
    assert_eq!(failures(&log, "gerd"), BTreeMap::from(expected));
    told_nowhere(&server, &log, &secret);
}

/// PE-15, PE-16, SO-19: what is set is what was shown; what is ended opens nothing, and its sessions are over.
#[test]
fn pe_15_a_password_is_set_as_shown_and_ended_for_good() {
    let mut server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let mut finn = Person::enrolled(&server, &north, "finn", 1, JUDGES, &[]);
    let dana = Person::enrolled(&server, &north, "dana", 3, RULES, &[]);
    let cookie = finn.cookie.clone();
    for (password, again, says) in [
        ("eleven byte", "eleven byte", "expected 12 to 128"),
        ("PasswordPassword", "PasswordPassword", "tried first"),
        ("The person finn", "The person finn", "your id or name"),
        (PASSWORD, "correct Horse", "not the same"),
    ] {
        let fields = [("password", password), ("again", again)];
        let answer = post(&finn, cookie.as_deref(), "/password", &fields);
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains(says), "{}", answer.text());
        assert!(!answer.text().contains(again) || again == "The person finn");
    }
    // A record that nobody made, and one whose code nobody showed.
    let act = |person: &Person, user: &str, secret: &str| {
        let body = json!({ "user": user, "secret": secret });
        person.act(&format!("/v1/users/{user}/password"), body)
    };
    act(&finn, "finn", &"00".repeat(32)).refused(409, "secret-unknown");
    let twice = [("password", PASSWORD), ("again", PASSWORD)];
    let shown = post(&finn, cookie.as_deref(), "/password", &twice);
    let unproven = hidden(&shown.text(), "secret").to_owned();
    act(&finn, "finn", &unproven).refused(409, "secret-unknown");
    // Another's session knows nothing of it; nobody sets one for another.
    let code = [("secret", unproven.as_str()), ("code", "000000")];
    let answer = post(&dana, dana.cookie.as_deref(), "/password/code", &code);
    assert_eq!(answer.status, 409, "{}", answer.text());
    act(&dana, "finn", &unproven).refused(403, "not-permitted");
    let end =
        |person: &Person| person.act("/v1/users/finn/password/end", json!({ "user": "finn" }));
    end(&dana).refused(409, "no-password");

    let (mut secret, page) = prepare(&finn, PASSWORD);
    // Nothing is set before it is signed.
    let code = secret.app.next();
    refused(&enter(&finn, None, PASSWORD, &code));
    sign(&finn, &page.text()).expect(200);
    let code = secret.app.next();
    let (session, _) = came_in(&enter(&finn, None, PASSWORD, &code));
    let with_passkey = finn.cookie.replace(session);
    finn.me().expect(200);
    // A new one ends what began with the old, and the old opens nothing.
    finn.cookie.clone_from(&with_passkey);
    let mut newer = set(&finn, "another password, as long");
    let reads = |session: &str| {
        ask(&finn.sites, &finn.sites.portal, "GET", "/me")
            .cookie(Some(session))
            .send()
    };
    refused(&enter(&finn, None, PASSWORD, &secret.app.next()));
    let code = newer.app.next();
    let (session, mark) = came_in(&enter(&finn, None, "another password, as long", &code));
    reads(&session).expect(200);
    // Suspended: it opens nothing; an administrator ends it.
    let change = |status: &str| {
        let body = json!({ "user": "finn", "status": status, "roles": JUDGES, "groups": [] });
        north.act("/v1/users/finn/change", body).expect(200);
    };
    end(&dana).expect(200);
    reads(&session).refused(401, "signed-out");
    finn.me().expect(200);
    let code = newer.app.next();
    refused(&enter(
        &finn,
        Some(&mark),
        "another password, as long",
        &code,
    ));
    end(&dana).refused(409, "no-password");
    let mut last = set(&finn, PASSWORD);
    change("suspended");
    refused(&enter(&finn, None, PASSWORD, &last.app.next()));
    change("active");
    came_in(&enter(&finn, None, PASSWORD, &last.app.next()));

    assert_eq!(server.stop(), 0);
    server.go_on();
    let log = audit(&server, &north);
    let kinds = log.kinds_since(0);
    let count = |kind: &str| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!(count("user.password-set"), 3);
    assert_eq!(count("user.password-ended"), 1);
    let expected = [("no-password", 2), ("not-active", 1), ("password-wrong", 1)];
    let expected = expected.map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(failures(&log, "finn"), BTreeMap::from(expected));
    let ended = |event: &Body| matches!(event, Body::AuthEnded(body) if body.reason == EndReason::Ended && body.user.as_str() == "finn");
    let ends = log.entries.iter().filter(|(_, event)| ended(&event.body));
    // Two passwords that were no more, the suspension with its one session, and the end of the server.
    assert_eq!(ends.count(), 2 + 1 + 1);
    let _ = server.fsck().expect(0);
}
