//! People at the portal, with devices in memory: what a browser would send, and what it would keep.

use crate::{
    client::Answer,
    server::{Server, Sites},
    tenant::Tenant,
    wire::{self, Connection},
};
use agentsigna_verifier::{
    digest::{Digest, Noun},
    passkey::{Assertion, Registration, Site, testing::Authenticator},
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// A request as a page of the site would send it. Change what the test is about.
pub struct Ask {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// `Host`.
    pub host: String,
    /// The other headers.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
    address: std::net::SocketAddr,
}

/// Somebody with a device, and a cookie once signed in.
pub struct Person {
    /// Their id.
    pub user: String,
    /// The log.
    pub log: String,
    /// Where they go.
    pub sites: Sites,
    /// The device of the portal.
    pub sign_in: Authenticator,
    /// The device of the approval site.
    pub approval: Authenticator,
    /// The session, once signed in.
    pub cookie: Option<String>,
}

/// A request as a page of `site` sends it.
///
/// # Panics
/// If `site` is no web origin.
#[must_use]
pub fn ask(sites: &Sites, site: &str, method: &'static str, path: &str) -> Ask {
    let (_, host) = site.split_once("://").unwrap();
    let mut ask = Ask {
        method,
        path: path.to_owned(),
        host: host.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        address: sites.address,
    };
    if method != "GET" {
        ask.set("Origin", site);
        ask.set("Sec-Fetch-Site", "same-origin");
    }
    ask
}

impl Ask {
    /// Puts `value` in the place of the header `name`.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Leaves the header out.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(found, _)| found != name);
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.set("Content-Type", "application/json");
        self.body = body.to_string().into_bytes();
        self
    }

    /// The form of a page, as a browser writes it.
    pub fn form(mut self, fields: &[(String, String)]) -> Self {
        self.set("Content-Type", "application/x-www-form-urlencoded");
        let encoded = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                    byte => format!("%{byte:02X}"),
                })
                .collect()
        };
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        self.body = pairs.collect::<Vec<_>>().join("&").into_bytes();
        self
    }

    /// With a session.
    #[must_use]
    pub fn cookie(mut self, cookie: Option<&str>) -> Self {
        if let Some(cookie) = cookie {
            self.set("Cookie", cookie);
        }
        self
    }

    /// Sends it, and leaves the answer to be read.
    pub fn open(&self) -> Connection {
        let mut headers = vec![("Host".to_owned(), self.host.clone())];
        headers.extend(self.headers.iter().cloned());
        let start = format!("{} {} HTTP/1.1", self.method, self.path);
        let mut connection = Connection::open(self.address).unwrap();
        connection
            .send(&wire::encode(&start, &headers, &self.body))
            .unwrap();
        connection
    }

    /// Sends it, over a connection of its own.
    ///
    /// # Panics
    /// If there is no answer.
    #[must_use]
    pub fn send(&self) -> Answer {
        let message = self.open().receive().unwrap().expect("an answer");
        Answer {
            status: message.start.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: message.headers,
            body: message.body,
        }
    }
}

fn b64(bytes: &[u8]) -> Value {
    BASE64URL_NOPAD.encode(bytes).into()
}

/// The bytes of base64url.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn bytes(value: &Value) -> Vec<u8> {
    BASE64URL_NOPAD
        .decode(value.as_str().expect("text").as_bytes())
        .expect("base64url")
}

/// TA-11, as the page does it: the challenge of these bytes, which must be the server's.
pub fn challenge(noun: Noun, asked: &Value) -> Digest {
    let challenge = Digest::of(noun, &bytes(&asked["context"]));
    assert_eq!(challenge.as_bytes().as_slice(), bytes(&asked["challenge"]));
    challenge
}

/// The members of an assertion, with the context that was asked for.
#[must_use]
pub fn assertion(asked: &Value, made: &Assertion) -> Value {
    json!({
        "context": asked["context"],
        "credential": b64(made.credential().as_bytes()),
        "authenticator": b64(made.authenticator().as_bytes()),
        "client": b64(made.client().as_bytes()),
        "signature": b64(made.signature().as_bytes()),
    })
}

impl Person {
    /// Somebody whose two passkeys are made of `seed` and the number after it.
    pub fn new(server: &Server, log: &str, user: &str, seed: u8) -> Self {
        Self {
            user: user.to_owned(),
            log: log.to_owned(),
            sites: server.sites(),
            sign_in: Authenticator::new(seed),
            approval: Authenticator::new(seed + 1),
            cookie: None,
        }
    }

    /// The portal.
    ///
    /// # Panics
    /// If the server named another.
    #[must_use]
    pub fn portal(&self) -> Site {
        Site::parse(&self.sites.portal).unwrap()
    }

    fn approval_site(&self) -> Site {
        Site::parse(&self.sites.approval).unwrap()
    }

    /// A request at the portal, in the session.
    #[must_use]
    pub fn at_portal(&self, method: &'static str, path: &str) -> Ask {
        ask(&self.sites, &self.sites.portal, method, path).cookie(self.cookie.as_deref())
    }

    /// A request at the approval site.
    #[must_use]
    pub fn at_approval(&self, method: &'static str, path: &str) -> Ask {
        ask(&self.sites, &self.sites.approval, method, path)
    }

    fn invited(&self, code: &str) -> Value {
        json!({ "log": self.log, "user": self.user, "code": code })
    }

    /// Shows the sign-in passkey at the portal.
    pub fn show_sign_in(&self, code: &str) -> Answer {
        let mut body = self.invited(code);
        let asked = self.at_portal("POST", "/join/challenge").json(&body).send();
        if asked.status != 200 {
            return asked;
        }
        let asked = asked.json();
        let made = self
            .sign_in
            .register(&self.portal(), challenge(Noun::Passkey, &asked));
        add(&mut body, &asked, &made, &self.sign_in, "tenant.localhost");
        self.at_portal("POST", "/join").json(&body).send()
    }

    /// Shows the approval passkey at the approval site.
    pub fn show_approval(&self, code: &str) -> Answer {
        let mut body = self.invited(code);
        let asked = self
            .at_approval("POST", "/join/challenge")
            .json(&body)
            .send();
        if asked.status != 200 {
            return asked;
        }
        let asked = asked.json();
        let made = self
            .approval
            .register(&self.approval_site(), challenge(Noun::Passkey, &asked));
        add(
            &mut body,
            &asked,
            &made,
            &self.approval,
            "approve.localhost",
        );
        self.at_approval("POST", "/join").json(&body).send()
    }

    /// Uses a founder's link with `device`.
    pub fn found(&self, code: &str, device: &Authenticator) -> Answer {
        let mut body = json!({ "code": code, "user": self.user, "name": "The founder" });
        let asked = self
            .at_portal("POST", "/found/challenge")
            .json(&body)
            .send();
        if asked.status != 200 {
            return asked;
        }
        let asked = asked.json();
        let made = device.register(&self.portal(), challenge(Noun::Passkey, &asked));
        add(&mut body, &asked, &made, device, "tenant.localhost");
        self.at_portal("POST", "/found").json(&body).send()
    }

    /// Asks for a sign-in, and answers as `answer` makes of the challenge.
    pub fn try_sign_in(&self, answer: impl FnOnce(Digest, &Value) -> Value) -> Answer {
        let asked = self
            .at_portal("POST", "/sign-in/challenge")
            .json(&json!({}))
            .send()
            .expect(200);
        let body = answer(challenge(Noun::SignIn, &asked), &asked);
        self.at_portal("POST", "/sign-in").json(&body).send()
    }

    /// Signs in; the cookie is kept.
    pub fn sign_in(&mut self) {
        let (mut device, portal) = (self.sign_in.clone(), self.portal());
        let answer = self
            .try_sign_in(|challenge, asked| assertion(asked, &device.assert(&portal, challenge)));
        answer.expect(200);
        self.keep(&answer);
    }

    /// Keeps the cookie of an answer.
    pub fn keep(&mut self, answer: &Answer) {
        let set = answer.header("set-cookie").expect("a cookie");
        let (pair, kind) = set.split_once("; ").unwrap();
        assert_eq!(kind, "Secure; HttpOnly; SameSite=Strict; Path=/");
        assert!(pair.starts_with("__Host-agentsigna-tenant="));
        self.cookie = Some(pair.to_owned());
    }

    /// What will be signed, in JSON.
    #[must_use]
    pub fn prepare(&self, path: &str, body: &[u8]) -> Answer {
        let body = json!({ "path": path, "body": b64(body) });
        self.at_portal("POST", "/acts").json(&body).send()
    }

    /// Signs the act of `path` with `body`, to which the log is added.
    pub fn act(&self, path: &str, mut body: Value) -> Answer {
        body["origin"] = self.log.clone().into();
        self.act_with(path, body.to_string().as_bytes())
    }

    /// Signs the act of `path` with these bytes.
    ///
    /// # Panics
    /// If the server names another challenge than the bytes give.
    #[must_use]
    pub fn act_with(&self, path: &str, body: &[u8]) -> Answer {
        let prepared = self.prepare(path, body);
        if prepared.status != 200 {
            return prepared;
        }
        let asked = prepared.json();
        assert_eq!(bytes(&asked["body"]), body);
        let made = self
            .sign_in
            .clone()
            .assert(&self.portal(), challenge(Noun::Act, &asked));
        self.at_portal("POST", "/acts/sign")
            .json(&assertion(&asked, &made))
            .send()
    }

    /// A ticket for the sheet of `case`.
    ///
    /// # Panics
    /// If the server gives none.
    #[must_use]
    pub fn ticket(&self, case: &str) -> String {
        let answer = self
            .at_portal("GET", &format!("/cases/{case}/review"))
            .send();
        assert_eq!(answer.status, 303, "{}", answer.text());
        let to = answer.header("location").expect("the approval site");
        let start = format!("{}/review?ticket=", self.sites.approval);
        to.strip_prefix(&start).expect("a ticket").to_owned()
    }

    /// What will be signed to say `decision` on the sheet of `ticket`.
    #[must_use]
    pub fn word(&self, ticket: &str, decision: &str, reason: &str) -> Answer {
        let body = json!({ "ticket": ticket, "decision": decision, "reason": reason });
        self.at_approval("POST", "/review/challenge")
            .json(&body)
            .send()
    }

    /// Signs with `device` what `asked` says, at the approval site.
    ///
    /// # Panics
    /// If the server names another challenge than the bytes give.
    #[must_use]
    pub fn judgement(&self, device: &Authenticator, asked: &Value) -> Value {
        let made = device
            .clone()
            .assert(&self.approval_site(), challenge(Noun::Approval, asked));
        assertion(asked, &made)
    }

    /// Approves or refuses `case` with the approval passkey.
    ///
    /// # Panics
    /// If there is no review to be seen.
    #[must_use]
    pub fn judge(&self, case: &str, decision: &str, reason: &str) -> Answer {
        let asked = self.word(&self.ticket(case), decision, reason);
        if asked.status != 200 {
            return asked;
        }
        let body = self.judgement(&self.approval, &asked.json());
        self.at_approval("POST", "/review").json(&body).send()
    }

    /// Who the server thinks it is.
    #[must_use]
    pub fn me(&self) -> Answer {
        self.at_portal("GET", "/me").send()
    }

    /// The body of an invitation.
    pub fn invitation(&self, roles: &[&str], groups: &[&str]) -> Value {
        json!({ "user": self.user, "name": format!("The person {}", self.user), "roles": roles, "groups": groups })
    }

    /// The body of the confirmation of the passkeys shown.
    pub fn confirmation(&self, roles: &[&str], groups: &[&str]) -> Value {
        let mut body = self.invitation(roles, groups);
        body["sign_in"] = thumbprint(&self.sign_in).into();
        if roles.contains(&"approver") {
            body["approval"] = thumbprint(&self.approval).into();
        }
        body
    }

    /// Joins by the founder's acts, and signs in.
    pub fn enrolled(
        server: &Server,
        tenant: &Tenant,
        user: &str,
        seed: u8,
        roles: &[&str],
        groups: &[&str],
    ) -> Self {
        let mut person = Self::new(server, tenant.origin(), user, seed);
        let invited = tenant
            .act("/v1/users", person.invitation(roles, groups))
            .expect(201);
        person.show(invited["code"].as_str().unwrap(), roles);
        let path = format!("/v1/users/{user}/confirm");
        tenant
            .act(&path, person.confirmation(roles, groups))
            .expect(200);
        person.sign_in();
        person
    }

    /// Shows the passkeys that somebody in these roles needs.
    pub fn show(&self, code: &str, roles: &[&str]) {
        let shown = self.show_sign_in(code).expect(200);
        let shown = if roles.contains(&"approver") {
            assert_eq!(shown["next"], format!("{}/join", self.sites.approval));
            let shown = self.show_approval(code).expect(200);
            assert_eq!(shown["approval"], thumbprint(&self.approval));
            shown
        } else {
            assert_eq!(shown["approval"], Value::Null);
            shown
        };
        assert_eq!(shown["sign_in"], thumbprint(&self.sign_in));
    }
}

/// The thumbprint of a device's key.
#[must_use]
pub fn thumbprint(device: &Authenticator) -> String {
    device.key().jwk_thumbprint().to_base64url()
}

fn add(body: &mut Value, asked: &Value, made: &Registration, device: &Authenticator, rp_id: &str) {
    assert_eq!(asked["rp_id"], rp_id);
    body["context"] = asked["context"].clone();
    body["authenticator"] = b64(&device.registered(rp_id));
    body["client"] = b64(made.client().as_bytes());
}
