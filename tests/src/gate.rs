//! A real `agentsigna-verify gate` in front of a small target system, each with a port of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    client::{Answer, Call, Client},
    keys::Key,
    programs,
    server::Door,
    wire::{self, Connection, Message},
};
use agentsigna_verifier::signed_request::Profile;

/// The mapping of [`TargetSystem`]: purchases by `POST /purchases/{supplier}`.
pub const MAPPING: &str = r#"{
  "version": 1,
  "routes": [
    {
      "method": "POST",
      "path": "/purchases/{supplier}",
      "action": {
        "type": { "literal": "purchase" },
        "amount_minor": { "pointer": "/amount", "decimals": 2 },
        "currency": { "pointer": "/currency" },
        "counterparty": { "path": "supplier" },
        "reference": { "pointer": "/reference" }
      },
      "ignored": ["/note"]
    }
  ]
}
"#;

/// A small target system: it does what it is told and remembers it. It knows nothing of Passports.
pub struct TargetSystem {
    address: String,
    calls: Arc<Mutex<Vec<Message>>>,
}

impl TargetSystem {
    /// Starts it. It runs as long as the process.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its number").to_string();
        let calls = Arc::<Mutex<Vec<Message>>>::default();
        let book = Arc::clone(&calls);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                thread::spawn(move || {
                    let Ok(mut connection) = Connection::over(stream) else {
                        return;
                    };
                    while let Ok(Some(call)) = connection.receive() {
                        let number = {
                            let mut calls = book.lock().unwrap_or_else(PoisonError::into_inner);
                            calls.push(call);
                            calls.len()
                        };
                        let body = format!(r#"{{"order":{number}}}"#);
                        let headers = [
                            ("Content-Type".to_owned(), "application/json".to_owned()),
                            ("X-Order".to_owned(), number.to_string()),
                        ];
                        let answer =
                            wire::encode("HTTP/1.1 201 Created", &headers, body.as_bytes());
                        if connection.send(&answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, calls }
    }

    /// Where it can be reached, as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was told so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Message> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }
}

/// How a gate is set up.
pub struct Setup<'a> {
    /// A scratch folder of the test: trust file, mapping and key are written there.
    pub folder: &'a Path,
    /// The text of the trust file, with targets.
    pub trust: &'a str,
    /// The system behind it, as `http://127.0.0.1:8080`.
    pub upstream: &'a str,
    /// The folder of used Passports.
    pub state: &'a Path,
    /// The platform's door, and the key of the target system that reports there.
    pub platform: Option<(&'a Door, &'a Key)>,
}

/// A running gate. Killed when dropped.
pub struct Gate {
    running: Option<Child>,
    arguments: Vec<String>,
    said: PathBuf,
    door: Door,
    metrics: String,
}

/// The name by which tests call gates: what is signed does not name a port.
pub const AUTHORITY: &str = "erp.example.com";

impl Gate {
    /// Starts a gate.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start(setup: &Setup<'_>) -> Self {
        let file = |name: &str, text: &str| {
            let path = setup.folder.join(name);
            fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let mut arguments = vec![
            "--upstream".to_owned(),
            setup.upstream.to_owned(),
            "--trust".to_owned(),
            file("gate-trust.json", setup.trust),
            "--mapping".to_owned(),
            file("gate-mapping.json", MAPPING),
            "--authority".to_owned(),
            AUTHORITY.to_owned(),
            "--state".to_owned(),
            setup.state.display().to_string(),
        ];
        if let Some((door, key)) = setup.platform {
            arguments.extend([
                "--platform".to_owned(),
                format!("http://{}", door.address()),
            ]);
            let files = key.write(setup.folder, "gate-system");
            arguments.extend(["--key".to_owned(), files.private.display().to_string()]);
        }
        let mut gate = Self {
            running: None,
            arguments,
            said: setup.folder.join("gate.log"),
            door: Door::to("127.0.0.1:1"),
            metrics: String::new(),
        };
        gate.go_on();
        gate
    }

    /// Starts it again, with what it was started with.
    ///
    /// # Panics
    /// If it runs, or does not come up.
    pub fn go_on(&mut self) {
        assert!(self.running.is_none(), "the gate runs");
        let said = fs::File::options()
            .create(true)
            .append(true)
            .open(&self.said)
            .expect("a file for what it says");
        let mut child = Command::new(programs::path("agentsigna-verify"))
            .arg("gate")
            .args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .expect("a process");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        loop {
            let Some(Ok(line)) = lines.next() else {
                let said = fs::read_to_string(&self.said).unwrap_or_default();
                panic!("the gate did not start: {said}");
            };
            if let Some(metrics) = line.strip_prefix("metrics on http://") {
                metrics
                    .trim_end_matches("/metrics")
                    .clone_into(&mut self.metrics);
            }
            if let Some(address) = line.strip_prefix("listening on ") {
                self.door = Door::to(address);
                break;
            }
        }
        self.running = Some(child);
    }

    /// SIGKILL.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut child = self.running.take().expect("a running gate");
        child.kill().expect("SIGKILL");
        let _ = child.wait();
    }

    /// Where it can be called.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Its page of numbers.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn numbers(&self) -> String {
        let mut connection = Connection::open(&*self.metrics).expect("its metrics");
        let call = wire::encode(
            "GET /metrics HTTP/1.1",
            &[("Host".to_owned(), self.metrics.clone())],
            b"",
        );
        connection.send(&call).expect("a request");
        let page = connection.receive().expect("an answer").expect("a page");
        String::from_utf8(page.body).expect("text")
    }

    /// One number of that page.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        let page = self.numbers();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Waits until all it has admitted is reported.
    ///
    /// # Panics
    /// If that takes longer than 20 s.
    pub fn wait_until_reported(&self) {
        for _ in 0..400 {
            if self.number("agentsigna_gate_reports_waiting") == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("not reported: {}", self.numbers());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What an agent orders of the target system, through its gate.
#[derive(Debug, Clone)]
pub struct Order {
    /// With whom.
    pub supplier: String,
    /// As `1250.00`.
    pub amount: String,
    /// The agent's reference, as in the request for authority.
    pub reference: String,
}

impl Order {
    /// As [`crate::tenant::Party::purchase`] asks: `request_id` and cents.
    #[must_use]
    pub fn of(request_id: &str, cents: u64) -> Self {
        Self {
            supplier: crate::tenant::SUPPLIER.to_owned(),
            amount: format!("{}.{:02}", cents / 100, cents % 100),
            reference: request_id.to_uppercase(),
        }
    }

    /// The call, not signed yet.
    #[must_use]
    pub fn call<'a>(&self, client: &'a Client, passport: &[u8]) -> Call<'a> {
        let body = serde_json::json!({
            "amount": self.amount, "currency": "EUR", "reference": self.reference,
        });
        let target = format!("/purchases/{}", self.supplier);
        let mut call = client.call(Profile::Exec, &target).json(&body);
        call.authority = AUTHORITY.to_owned();
        call.passport = Some(passport.to_vec());
        call
    }

    /// Calls the gate at `door` with `key` and `passport`.
    #[must_use]
    pub fn send(&self, door: &Door, key: &Key, passport: &[u8]) -> Answer {
        let client = Client::new(door.clone(), key.clone());
        self.call(&client, passport).send()
    }
}
