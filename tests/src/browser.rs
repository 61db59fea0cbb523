//! A real browser, headless: Chromium, spoken to over its DevTools protocol on a pipe.
//!
//! Each [`Person`] has cookies and passkeys of their own. Nothing here knows the product; pages are driven as people
//! drive them, by what is on them.

use std::{
    cell::{Cell, RefCell},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    rc::Rc,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::programs;

/// How long one command, one page load or one expected change may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running browser. Killed when dropped.
pub struct Browser {
    wire: Rc<Wire>,
}

/// Somebody with a browser profile: what one of them stores, another does not see.
pub struct Person {
    wire: Rc<Wire>,
    context: String,
}

/// One tab.
pub struct Page {
    wire: Rc<Wire>,
    session: String,
    target: String,
}

/// A virtual authenticator of one page: what stands for the person's device.
pub struct Device<'p> {
    page: &'p Page,
    id: String,
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether the person prefers dark pages.
    pub dark: bool,
}

struct Wire {
    child: RefCell<Child>,
    stdin: RefCell<ChildStdin>,
    said: Receiver<Value>,
    events: RefCell<Vec<Value>>,
    next: Cell<u64>,
    _profile: TempDir,
}

impl Browser {
    /// Starts Chromium.
    ///
    /// # Panics
    /// If there is none, or it does not answer.
    #[must_use]
    pub fn start() -> Self {
        let profile = TempDir::new().expect("a scratch folder");
        let program = ["chromium-headless-shell", "chromium"]
            .into_iter()
            .find(|name| programs::is_installed(name))
            .expect("no Chromium: run `.ci/prepare test`, then try again");
        // The pipe of the protocol is the descriptors 3 (in) and 4 (out); the shell makes them of ours.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            ])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--no-first-run",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().expect("a pipe");
        let (tell, said) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut message = Vec::new();
            while stdout
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else {
                    break;
                };
                if tell.send(value).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let wire = Wire {
            child: RefCell::new(child),
            stdin: RefCell::new(stdin),
            said,
            events: RefCell::default(),
            next: Cell::new(1),
            _profile: profile,
        };
        wire.call(None, "Browser.getVersion", &json!({}));
        Self {
            wire: Rc::new(wire),
        }
    }

    /// Somebody new, with an empty profile.
    #[must_use]
    pub fn person(&self) -> Person {
        let made = self
            .wire
            .call(None, "Target.createBrowserContext", &json!({}));
        Person {
            wire: Rc::clone(&self.wire),
            context: text(&made, "browserContextId"),
        }
    }
}

impl Person {
    /// A new tab, empty.
    #[must_use]
    pub fn page(&self) -> Page {
        let made = self.wire.call(
            None,
            "Target.createTarget",
            &json!({ "url": "about:blank", "browserContextId": self.context }),
        );
        let target = text(&made, "targetId");
        let attached = self.wire.call(
            None,
            "Target.attachToTarget",
            &json!({ "targetId": target, "flatten": true }),
        );
        let page = Page {
            wire: Rc::clone(&self.wire),
            session: text(&attached, "sessionId"),
            target,
        };
        page.call("Page.enable", json!({}));
        page.call("Runtime.enable", json!({}));
        page.call("Log.enable", json!({}));
        page.call("WebAuthn.enable", json!({}));
        page
    }
}

impl Page {
    /// Goes to `url` and waits until it is there.
    ///
    /// # Panics
    /// If it cannot be reached.
    pub fn open(&self, url: &str) {
        self.forget("Page.loadEventFired");
        let gone = self.call("Page.navigate", json!({ "url": url }));
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
        self.arrive();
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.forget("Page.loadEventFired");
        self.call("Page.reload", json!({}));
        self.arrive();
    }

    /// The value of an expression on the page, as if the person had asked for it. Waits for a promise.
    ///
    /// # Panics
    /// If it throws.
    #[must_use]
    pub fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression)
            .unwrap_or_else(|thrown| panic!("{expression}: {thrown}"))
    }

    /// As [`Self::eval`].
    ///
    /// # Errors
    /// What it throws, as text.
    pub fn try_eval(&self, expression: &str) -> Result<Value, String> {
        let answer = self.call(
            "Runtime.evaluate",
            json!({
                "expression": expression,
                "awaitPromise": true,
                "returnByValue": true,
                "userGesture": true,
            }),
        );
        match answer.pointer("/exceptionDetails") {
            Some(details) => Err(details
                .pointer("/exception/description")
                .or_else(|| details.get("text"))
                .unwrap_or(details)
                .to_string()),
            None => Ok(answer.pointer("/result/value").cloned().unwrap_or_default()),
        }
    }

    /// Clicks what `selector` finds, and waits for the page it leads to.
    pub fn follow(&self, selector: &str) {
        self.forget("Page.loadEventFired");
        self.click(selector);
        self.arrive();
    }

    /// Clicks what `selector` finds.
    ///
    /// # Panics
    /// If it finds nothing.
    pub fn click(&self, selector: &str) {
        self.on(selector, "found.click()");
    }

    /// Writes `value` into the field that `selector` finds.
    ///
    /// # Panics
    /// If it finds none.
    pub fn fill(&self, selector: &str, value: &str) {
        self.on(
            selector,
            &format!(
                "found.value = {}; found.dispatchEvent(new Event('input', {{ bubbles: true }}))",
                Value::from(value)
            ),
        );
    }

    /// Waits until an expression on the page is true.
    ///
    /// # Panics
    /// If it is not in time; says what stands on the page then.
    pub fn wait_until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // While a page goes and the next one comes there is nothing to ask.
            if self.try_eval(expression) == Ok(Value::Bool(true)) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "`{expression}` did not come true on {}:\n{}",
                self.url(),
                self.text()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// All that a person can read on the page.
    #[must_use]
    pub fn text(&self) -> String {
        self.eval("document.body.innerText")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Where the page is.
    #[must_use]
    pub fn url(&self) -> String {
        self.eval("location.href")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Turns scripts of pages off or on, from the next page on.
    pub fn scripts(&self, on: bool) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            json!({ "value": !on }),
        );
    }

    /// A device with passkeys for this page's person; `verifies` whether it checks who touches it.
    #[must_use]
    pub fn device(&self, verifies: bool) -> Device<'_> {
        let made = self.call(
            "WebAuthn.addVirtualAuthenticator",
            json!({ "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": true,
                "hasUserVerification": true,
                "isUserVerified": verifies,
                "automaticPresenceSimulation": true,
            }}),
        );
        Device {
            page: self,
            id: text(&made, "authenticatorId"),
        }
    }

    /// What the page's own scripts and the browser complained of: exceptions, refused resources, broken policies.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.wire.listen(Duration::ZERO);
        let events = self.wire.events.borrow();
        events
            .iter()
            .filter(|event| self.is_mine(event))
            .filter_map(|event| match event.get("method")?.as_str()? {
                "Runtime.exceptionThrown" => Some(event.pointer("/params/exceptionDetails")?),
                "Log.entryAdded" if event.pointer("/params/entry/level")? == "error" => {
                    Some(event.pointer("/params/entry/text")?)
                }
                _ => None,
            })
            .map(ToString::to_string)
            .collect()
    }

    /// Sets how the page is looked at.
    pub fn look(&self, look: Look) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({
                "width": look.width,
                "height": look.height,
                "deviceScaleFactor": 1,
                "mobile": look.width < 600,
            }),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
    }

    /// Writes a picture of the whole page to `file` (PNG).
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn picture(&self, file: &Path) {
        let taken = self.call(
            "Page.captureScreenshot",
            json!({ "format": "png", "captureBeyondViewport": true }),
        );
        let png = data_encoding::BASE64
            .decode(text(&taken, "data").as_bytes())
            .expect("base64");
        fs::write(file, png).expect("a place for the picture");
    }

    fn on(&self, selector: &str, what: &str) {
        let quoted = Value::from(selector);
        let found = self.eval(&format!(
            "(() => {{ const found = document.querySelector({quoted}); if (!found) return false; {what}; return true; }})()"
        ));
        assert!(
            found == Value::Bool(true),
            "no `{selector}` on {}:\n{}",
            self.url(),
            self.text()
        );
    }

    fn arrive(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.wire.events.borrow().iter().any(|event| {
            self.is_mine(event) && event.get("method") == Some(&"Page.loadEventFired".into())
        }) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the page did not come: {}", self.url());
            self.wire.listen(left);
        }
    }

    fn forget(&self, method: &str) {
        self.wire
            .events
            .borrow_mut()
            .retain(|event| !(self.is_mine(event) && event.get("method") == Some(&method.into())));
    }

    fn is_mine(&self, event: &Value) -> bool {
        event.get("sessionId").and_then(Value::as_str) == Some(&self.session)
    }

    #[expect(clippy::needless_pass_by_value, reason = "built where it is passed")]
    fn call(&self, method: &str, params: Value) -> Value {
        self.wire.call(Some(&self.session), method, &params)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.wire.call(
                None,
                "Target.closeTarget",
                &json!({ "targetId": self.target }),
            );
        }
    }
}

impl Device<'_> {
    /// From now on the device checks who touches it, or does not.
    pub fn verifies(&self, verifies: bool) {
        self.page.call(
            "WebAuthn.setUserVerified",
            json!({ "authenticatorId": self.id, "isUserVerified": verifies }),
        );
    }

    /// The passkeys on the device, as the browser lists them.
    #[must_use]
    pub fn passkeys(&self) -> Vec<Value> {
        let listed = self.page.call(
            "WebAuthn.getCredentials",
            json!({ "authenticatorId": self.id }),
        );
        listed
            .get("credentials")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    /// Puts a passkey of another page's device on this one: a person has one device and several tabs.
    pub fn add(&self, passkey: &Value) {
        self.page.call(
            "WebAuthn.addCredential",
            json!({ "authenticatorId": self.id, "credential": passkey }),
        );
    }

    /// The device is lost with all that is on it.
    pub fn lose(self) {
        self.page.call(
            "WebAuthn.removeVirtualAuthenticator",
            json!({ "authenticatorId": self.id }),
        );
    }
}

impl Wire {
    fn call(&self, session: Option<&str>, method: &str, params: &Value) -> Value {
        let id = self.next.replace(self.next.get() + 1);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.stdin
            .borrow_mut()
            .write_all(&bytes)
            .expect("the browser listens");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let said = self
                .said
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("no answer of the browser to {method}"));
            if said.get("id") != Some(&id.into()) {
                self.events.borrow_mut().push(said);
                continue;
            }
            assert!(said.get("error").is_none(), "{method}: {said}");
            return said.get("result").cloned().unwrap_or_default();
        }
    }

    /// Takes in events for at most `patience`, until there is one.
    fn listen(&self, patience: Duration) {
        if let Ok(said) = self.said.recv_timeout(patience) {
            let mut events = self.events.borrow_mut();
            events.push(said);
            events.extend(self.said.try_iter());
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        // It may have ended already; a test that failed says so itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn text(value: &Value, member: &str) -> String {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no `{member}` in {value}"))
        .to_owned()
}
