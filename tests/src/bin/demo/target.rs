//! The demo's target system: a small order book that admits a call only with a Passport the verifier passes.
//!
//! It has a trust file, a name and a file of the Passports it has seen, and it asks nobody: it opens no
//! connection, knows no server and would not need one. One caller after the other.
//!
//! INVARIANT (single use): the id of a Passport is on the disk before its order is.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use agentsigna_tests::{
    client::now_ms,
    wire::{Connection, Message, encode},
};
use agentsigna_verifier::{
    action::Action,
    json,
    signed_request::{self, Profile},
    time::UnixMillis,
    trust::Trust,
    verify::{Outcome, Question, Report, Result as Ended, verify_at_gate},
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

/// Of an order.
const ORDER_BYTES_MAX: usize = 4096;

/// A target system in a process of its own. Ended when dropped.
pub(crate) struct Process {
    child: Child,
    address: String,
}

/// What a target system is given when it starts, and nothing else.
pub(crate) struct Setup<'a> {
    pub(crate) trust: &'a std::path::Path,
    pub(crate) seen: &'a std::path::Path,
    /// Seconds by which its clock is ahead: how the demo shows an expiry without waiting for one.
    pub(crate) ahead_s: u64,
}

impl Process {
    /// Starts this program once more, as a target system.
    pub(crate) fn start(setup: &Setup<'_>) -> Self {
        use std::io::BufRead as _;
        let mut child = Command::new(std::env::current_exe().expect("the place of this program"))
            .arg("target")
            .args([setup.trust, setup.seen])
            .arg(setup.ahead_s.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        let read = io::BufReader::new(stdout).read_line(&mut line);
        let address = line.trim().strip_prefix("listening on http://");
        match (read, address) {
            (Ok(_), Some(address)) => Self {
                address: address.to_owned(),
                child,
            },
            _ => panic!("the target system did not start: `{line}`"),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why a call is not admitted.
struct Refusal {
    step: &'static str,
    code: &'static str,
    what: String,
}

struct Target {
    trust: Trust,
    authority: String,
    seen_file: PathBuf,
    seen: BTreeSet<String>,
    ahead_ms: u64,
}

/// The role `target`: `demo target TRUST SEEN AHEAD_S`. Serves until it is ended.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let [trust, seen, ahead_s] = arguments else {
        return Err("expected `target TRUST SEEN AHEAD_S`".to_owned());
    };
    let say = |error: &dyn std::fmt::Display| error.to_string();
    let trust = fs::read(trust).map_err(|error| say(&error))?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| say(&error))?;
    let authority = listener
        .local_addr()
        .map_err(|error| say(&error))?
        .to_string();
    let mut target = Target {
        trust: Trust::parse(&trust).map_err(|error| say(&error))?,
        authority: authority.clone(),
        seen_file: PathBuf::from(seen),
        seen: fs::read_to_string(seen)
            .unwrap_or_default()
            .lines()
            .map(ToOwned::to_owned)
            .collect(),
        ahead_ms: ahead_s.parse::<u64>().map_err(|error| say(&error))? * 1000,
    };
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on http://{authority}").map_err(|error| say(&error))?;
    for stream in listener.incoming() {
        // A caller who goes away in the middle harms nobody.
        let _ = stream
            .and_then(Connection::over)
            .and_then(|mut connection| target.serve(&mut connection));
    }
    Ok(())
}

impl Target {
    fn serve(&mut self, connection: &mut Connection) -> io::Result<()> {
        let Some(message) = connection.receive()? else {
            return Ok(());
        };
        let (status, body) = match self.admit(&message) {
            Ok(answer) => ("200 OK", answer),
            Err(Refusal { step, code, what }) => (
                "403 Forbidden",
                json!({ "status": 403, "title": "not admitted", "step": step, "code": code, "detail": what }),
            ),
        };
        let headers = [
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Connection".to_owned(), "close".to_owned()),
        ];
        let answer = encode(
            &format!("HTTP/1.1 {status}"),
            &headers,
            body.to_string().as_bytes(),
        );
        connection.send(&answer)
    }

    fn now(&self) -> UnixMillis {
        UnixMillis::new(now_ms() + self.ahead_ms).unwrap_or(UnixMillis::MAX)
    }

    fn admit(&mut self, message: &Message) -> Result<Value, Refusal> {
        // 1. The Passport, by the trust file, for this target, now.
        let text = message
            .header("agentsigna-passport")
            .ok_or_else(|| refuse("passport", "no-passport", "no AgentSigna-Passport header"))?;
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| refuse("passport", "malformed", "not base64url"))?;
        let question = Question {
            at: Some(self.now()),
            pinned: true,
            expects_authority: true,
        };
        let report = verify_at_gate(&bytes, &self.trust, &question);
        let Some(authority) = report.authority() else {
            return Err(refused(&report));
        };
        let claims = authority.claims();
        // 2. The call is signed by the key that the Passport names: a thief holds paper.
        let mut start = message.start.split(' ');
        let (method, target) = (start.next(), start.next());
        let signed = signed_request::parse(
            &signed_request::Message {
                method: method.unwrap_or_default(),
                authority: message
                    .header("host")
                    .filter(|host| *host == self.authority)
                    .ok_or_else(|| refuse("possession", "authority-mismatch", "another host"))?,
                target: target.unwrap_or_default(),
                content_type: message.header("content-type"),
                content_digest: message.header("content-digest"),
                passport: Some(text),
                signature_input: message.header("signature-input"),
                signature: message.header("signature"),
            },
            Profile::Exec,
        )
        .and_then(|signed| signed.check(self.now(), &claims.key, &message.body));
        if let Err(error) = signed {
            return Err(refuse("possession", error.code(), &error.to_string()));
        }
        // 3. What is asked for is what was permitted, no more and no less.
        check_order(&message.body, &claims.action)?;
        // 4. Once.
        let id = HEXLOWER.encode(&claims.cti);
        if !self.seen.insert(id.clone()) {
            return Err(refuse(
                "single-use",
                "used-before",
                "this Passport was used before",
            ));
        }
        self.remember(&id)
            .map_err(|error| refuse("single-use", "not-remembered", &error.to_string()))?;
        Ok(json!({
            "ordered": claims.action.reference(),
            "for": claims.agent.as_str(),
            "case": claims.case.to_string(),
        }))
    }

    fn remember(&self, id: &str) -> io::Result<()> {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(&self.seen_file)?;
        file.write_all(format!("{id}\n").as_bytes())?;
        file.sync_data()
    }
}

/// The order, closed: supplier, amount, currency and reference, each as in the Passport.
fn check_order(body: &[u8], action: &Action) -> Result<(), Refusal> {
    let order = || {
        let mut members = json::parse(body, ORDER_BYTES_MAX)?.object()?;
        let order = (
            members.text("supplier")?,
            members.integer("amount_minor", 0..=u64::MAX)?,
            members.text("currency")?,
            members.text("reference")?,
        );
        members.finish()?;
        Ok(order)
    };
    let found = order().map_err(|error: json::JsonError| {
        refuse("action", "malformed-order", &error.to_string())
    })?;
    let permitted = (
        action.counterparty().as_str().to_owned(),
        action.amount_minor(),
        action.currency().to_string(),
        action.reference().to_owned(),
    );
    if found != permitted || action.kind().name() != "purchase" {
        return Err(refuse(
            "action",
            "action-mismatch",
            &format!("ordered {found:?}, permitted {permitted:?}"),
        ));
    }
    Ok(())
}

/// The first check that did not pass.
fn refused(report: &Report) -> Refusal {
    let step = report
        .checks()
        .iter()
        .find(|check| check.result != Ended::Passed)
        .map_or("authority", |check| check.step.as_str());
    match report.outcome() {
        Outcome::Valid => refuse("authority", "not-authorized", "true, but no permission"),
        Outcome::Refused(finding) | Outcome::Incomplete(finding) => {
            refuse(step, finding.code, &finding.what)
        }
    }
}

fn refuse(step: &'static str, code: &'static str, what: &str) -> Refusal {
    Refusal {
        step,
        code,
        what: what.to_owned(),
    }
}
