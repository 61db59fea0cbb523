//! One key that calls one server. Every call has a nonce of its own.
//!
//! ```no_run
//! # use agentsigna_tests::{client::Client, keys::Key, server::Server};
//! # use agentsigna_verifier::signed_request::Profile;
//! # let server = Server::start();
//! let client = Client::new(server.door(), Key::generate());
//! client.read("/v1/log").expect(401);
//! // A call can be spoilt before it is signed, and after:
//! let mut signed = client.call(Profile::Read, "/v1/log").signed();
//! signed.set("Signature", "as1=:AAAA:");
//! assert_eq!(signed.send().code(), "signature-malformed");
//! ```

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use agentsigna_verifier::signed_request::{Content, Draft, Profile, Request};
use serde_json::Value;

use crate::{
    keys::{self, Key},
    server::Door,
    wire::{self, Connection, Message},
};

/// Seconds that a signature lives unless a test says otherwise.
const LIFE_S: u64 = 50;

/// One key that calls one server, over a connection that is kept open. Threads may share it: whoever finds the
/// connection in use opens another.
pub struct Client {
    door: Door,
    key: Key,
    open: Mutex<Option<(String, Connection)>>,
}

/// A request before it is signed. Change what the test is about.
pub struct Call<'a> {
    client: &'a Client,
    /// The profile that is signed under.
    pub profile: Profile,
    /// `GET` for a read, else `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What is signed as `@authority` and sent as `Host`.
    pub authority: String,
    /// The content and its type.
    pub content: Option<(String, Vec<u8>)>,
    /// The Passport to show; only for [`Profile::Exec`].
    pub passport: Option<Vec<u8>>,
    /// Seconds since the epoch.
    pub created_s: u64,
    /// Seconds after `created_s`.
    pub life_s: u64,
    /// `None` for [`Profile::Exec`].
    pub nonce: Option<String>,
    /// `Accept`, if any.
    pub accept: Option<String>,
}

/// A signed request. Change what was signed, if that is what the test is about.
pub struct SignedCall<'a> {
    client: &'a Client,
    /// Method and target.
    pub start: String,
    /// The headers, without `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl Client {
    /// `key` at `door`.
    #[must_use]
    pub const fn new(door: Door, key: Key) -> Self {
        Self {
            door,
            key,
            open: Mutex::new(None),
        }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// The door.
    #[must_use]
    pub const fn door(&self) -> &Door {
        &self.door
    }

    /// A request that a server would read, without content so far.
    #[must_use]
    pub fn call(&self, profile: Profile, target: &str) -> Call<'_> {
        Call {
            client: self,
            profile,
            method: if profile == Profile::Read {
                "GET"
            } else {
                "POST"
            }
            .to_owned(),
            target: target.to_owned(),
            authority: self.door.address(),
            content: None,
            passport: None,
            created_s: now_s(),
            life_s: LIFE_S,
            nonce: profile.has_nonce().then(keys::nonce),
            accept: None,
        }
    }

    /// An act: `POST` of a JSON body, signed afresh.
    #[must_use]
    pub fn act(&self, profile: Profile, target: &str, body: &Value) -> Answer {
        self.call(profile, target).json(body).send()
    }

    /// A read: `GET`, signed afresh.
    #[must_use]
    pub fn read(&self, target: &str) -> Answer {
        self.call(Profile::Read, target).send()
    }

    /// Asks again, each time signed afresh, while the server is away or answers 503; at most for `patience`.
    ///
    /// # Panics
    /// If the patience is over.
    #[must_use]
    pub fn act_until_heard(
        &self,
        profile: Profile,
        target: &str,
        body: &Value,
        patience: Duration,
    ) -> Answer {
        let since = Instant::now();
        loop {
            let last = match self.call(profile, target).json(body).signed().try_send() {
                Ok(answer) if answer.status != 503 => return answer,
                Ok(answer) => answer.code(),
                Err(error) => error.to_string(),
            };
            assert!(since.elapsed() < patience, "not heard: {last}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends bytes as they are, on the open connection or a new one.
    ///
    /// # Errors
    /// The operating system's; `UnexpectedEof` if the server closed without an answer.
    pub fn send_raw(&self, bytes: &[u8]) -> io::Result<Answer> {
        let address = self.door.address();
        let kept = self.kept().take();
        if let Some((to, mut connection)) = kept
            && to == address
            && connection.send(bytes).is_ok()
        {
            // Closed meanwhile by the server: it has read nothing of this request.
            match connection.receive() {
                Ok(Some(message)) => return self.keep(address, connection, message),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) => return Err(error),
            }
        }
        let mut connection = Connection::open(&*address)?;
        connection.send(bytes)?;
        match connection.receive()? {
            Some(message) => self.keep(address, connection, message),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<(String, Connection)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, address: String, open: Connection, message: Message) -> io::Result<Answer> {
        if message.header("connection") != Some("close") {
            *self.kept() = Some((address, open));
        }
        let status = message
            .start
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(Answer {
            status,
            headers: message.headers,
            body: message.body,
        })
    }
}

impl Clone for Client {
    /// The same key at the same door, over a connection of its own.
    fn clone(&self) -> Self {
        Self::new(self.door.clone(), self.key.clone())
    }
}

impl<'a> Call<'a> {
    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.content("application/json", body.to_string().into_bytes())
    }

    /// With any content.
    #[must_use]
    pub fn content(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.content = Some((kind.to_owned(), body.into()));
        self
    }

    /// Asks for a media type.
    #[must_use]
    pub fn accept(mut self, kind: &str) -> Self {
        self.accept = Some(kind.to_owned());
        self
    }

    /// Signs it.
    ///
    /// # Panics
    /// If the verifier would not read it: spoil such a request after it was signed.
    #[must_use]
    pub fn signed(self) -> SignedCall<'a> {
        let key = &self.client.key;
        let draft = Draft::new(
            self.profile,
            &Request {
                method: &self.method,
                authority: &self.authority,
                target: &self.target,
                content: self
                    .content
                    .as_ref()
                    .map(|(kind, body)| Content { kind, body }),
                passport: self.passport.as_deref(),
                created_s: self.created_s,
                expires_s: self.created_s + self.life_s,
                nonce: self.nonce.as_deref(),
            },
            key.public(),
        )
        .expect("a request that a server would read");
        let signed = draft
            .sign(&key.sign(draft.base()))
            .expect("a signature of this key");
        let kind = self.content.as_ref().map(|(kind, _)| kind.clone());
        let headers = [
            ("Host", Some(self.authority)),
            ("Accept", self.accept),
            ("Content-Type", kind),
            ("Content-Digest", signed.content_digest),
            ("AgentSigna-Passport", signed.passport),
            ("Signature-Input", Some(signed.signature_input)),
            ("Signature", Some(signed.signature)),
        ];
        SignedCall {
            client: self.client,
            start: format!("{} {} HTTP/1.1", self.method, self.target),
            headers: headers
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)))
                .collect(),
            body: self.content.map(|(_, body)| body).unwrap_or_default(),
        }
    }

    /// Signs and sends it.
    ///
    /// # Panics
    /// As [`Self::signed`] and [`SignedCall::send`].
    #[must_use]
    pub fn send(self) -> Answer {
        self.signed().send()
    }
}

impl SignedCall<'_> {
    /// Puts `value` in the place of the header `name`, or adds it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Leaves the header `name` out.
    pub fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
    }

    /// The header `name`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter();
        found
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        wire::encode(&self.start, &self.headers, &self.body)
    }

    /// Sends it. Sending it again sends the same nonce.
    ///
    /// # Panics
    /// If there is no answer.
    #[must_use]
    pub fn send(&self) -> Answer {
        self.try_send()
            .unwrap_or_else(|error| panic!("`{}`: {error}", self.start))
    }

    /// As [`Self::send`], for a server that may be away.
    ///
    /// # Errors
    /// The operating system's; `UnexpectedEof` if the server closed without an answer.
    pub fn try_send(&self) -> io::Result<Answer> {
        self.client.send_raw(&self.bytes())
    }
}

impl Answer {
    /// The header `name`, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter();
        found
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} `{}`", self.status, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of a problem, the end of its `type`; empty if this is no problem.
    #[must_use]
    pub fn code(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let kind = problem["type"].as_str().unwrap_or_default();
        kind.strip_prefix("urn:agentsigna:problem:")
            .unwrap_or_default()
            .to_owned()
    }

    /// The JSON body, if the status is `status`.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    #[allow(clippy::must_use_candidate, reason = "often the status is all")]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "answer `{}`", self.text());
        self.json()
    }

    /// Checks status and problem code.
    ///
    /// # Panics
    /// If one is another.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.code().as_str()),
            (status, code),
            "answer `{}`",
            self.text()
        );
    }
}

/// The system's clock, in seconds.
#[must_use]
pub fn now_s() -> u64 {
    now_ms() / 1000
}

/// The system's clock, in milliseconds.
///
/// # Panics
/// If it stands before 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.expect("a clock after 1970").as_millis()).expect("a clock before 10^8")
}
