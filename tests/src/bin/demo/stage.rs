//! The programs, the files, and how each act is told and judged.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use agentsigna_tests::{
    gate::{AUTHORITY, Gate, Setup, TargetSystem},
    keys::Key,
    person::Person,
    programs::{self, Ended},
    server::Server,
    tenant::{TARGET, Tenant},
};
use serde_json::{Value, json};

/// Stands in a folder that the demo made, and may wipe.
const MARK: &str = "README.txt";
const README: &str = "Left by the AgentSigna demo, and wiped when it runs again. The keys in here are worth nothing.

host/              the server's data folder; host.log is what it said
north/, south/     what each tenant holds: keys, pinned trust file, Passports, case files, and its exported log
north/gate/        the Passports that the gate has seen, one file each
*.txt              what agentsigna-verify said of the file of that name
";

/// Everything the acts work with.
pub(crate) struct Stage {
    out: PathBuf,
    pub(crate) server: Server,
    /// Whether the verifier runs where there is no network.
    namespace: bool,
    act: u32,
}

/// A tenant, and the folder of what it holds.
pub(crate) struct House {
    pub(crate) tenant: Tenant,
    pub(crate) folder: PathBuf,
}

/// What `agentsigna-verify` answered.
pub(crate) struct Verdict(Value, String);

/// What came back from `agentsigna-verify call`.
pub(crate) struct Called {
    pub(crate) status: i32,
    pub(crate) body: Value,
}

impl Stage {
    /// An empty folder `out`, and a server that runs.
    pub(crate) fn set(out: &Path) -> Self {
        if out.join(MARK).is_file() {
            fs::remove_dir_all(out).expect("the folder of an earlier demo");
        }
        fs::create_dir_all(out).expect("a folder for what the demo leaves");
        let empty = fs::read_dir(out).is_ok_and(|mut found| found.next().is_none());
        assert!(
            empty,
            "`{}` holds files that no demo made: name another folder with --out",
            out.display()
        );
        fs::write(out.join(MARK), README).expect("a readme");
        println!(
            "AgentSigna, the whole loop. Agents ask before they act; policy decides; a signed Passport carries the"
        );
        println!(
            "permission; everything is in a log that anybody can check offline. All programs below are the real ones.\n"
        );
        let server = Server::start_with_people_in(&out.join("host"), &[]);
        println!(
            "server        process {}, http://{}, empty data folder {}",
            server.process(),
            server.door().address(),
            server.folder().display()
        );
        let sites = server.sites();
        println!(
            "portal        {}, approvals at {}",
            sites.portal, sites.approval
        );
        let namespace = has_namespaces();
        println!(
            "verifier      {}",
            if namespace {
                "agentsigna-verify, run offline: in a network namespace that has no route anywhere"
            } else {
                "agentsigna-verify; this machine allows no network namespaces, so nothing but its word keeps it offline"
            }
        );
        Self {
            out: out.to_path_buf(),
            server,
            namespace,
            act: 0,
        }
    }

    /// A new act begins.
    pub(crate) fn act(&mut self, title: &str) {
        self.act += 1;
        println!("\n{:>2}  {title}", self.act);
    }

    /// The folder of everything.
    pub(crate) fn out(&self) -> &Path {
        &self.out
    }

    /// A tenant with a new founder key, made by `agentsigna-verify keygen`.
    pub(crate) fn house(&self, name: &str) -> House {
        let folder = self.out.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let founder = keygen(&folder, "founder");
        let tenant = Tenant::found_by(&self.server, name, founder);
        House { tenant, folder }
    }

    /// A person of `house` with two devices in memory, enrolled by the founder and signed in.
    pub(crate) fn person(&self, house: &House, user: &str, seed: u8, role: &str) -> Person {
        let groups: &[&str] = if role == "approver" {
            &["finance"]
        } else {
            &[]
        };
        Person::enrolled(&self.server, &house.tenant, user, seed, &[role], groups)
    }

    /// A gate before `system`, with the house's trust file; it reports to the platform with the system's own key.
    pub(crate) fn gate(&self, house: &House, system: &TargetSystem) -> Gate {
        let (door, key) = (self.server.door(), Key::read(&house.folder.join("erp.key")));
        Gate::start(&Setup {
            folder: &house.folder,
            trust: &house.tenant.trust(&[TARGET]),
            upstream: &system.url(),
            state: &house.folder.join("gate"),
            platform: Some((&door, &key)),
        })
    }

    /// `agentsigna-verify WORDS` on `file`, by the trust file of `house`; offline if this machine can.
    /// What it says for people goes to `FILE.txt`.
    pub(crate) fn judge(&self, words: &str, file: &Path, house: &House, more: &[&str]) -> Verdict {
        let run = |form: &[&str]| {
            let mut command = self.verifier();
            command
                .arg(words)
                .arg(file)
                .arg("--trust")
                .arg(house.trust());
            programs::run(command.args(more).args(form))
        };
        let page = run(&[]);
        let mut name = file.as_os_str().to_owned();
        name.push(".txt");
        fs::write(name, &page.stdout).expect("a page");
        let Ended {
            status,
            stdout,
            stderr,
        } = run(&["--json"]);
        let told: Value = serde_json::from_str(&stdout)
            .unwrap_or_else(|_| panic!("agentsigna-verify ended with {status}: {stderr}"));
        let expected = match told["outcome"].as_str() {
            Some("VALID") => 0,
            Some("REFUSED") => 1,
            _ => 2,
        };
        assert_eq!((page.status, status), (expected, expected), "{page:?}");
        let more = more
            .iter()
            .fold(String::new(), |all, word| all + " " + word);
        println!(
            "    $ agentsigna-verify {words} {} --trust {}{more}",
            self.short(file),
            self.short(&house.trust())
        );
        let verdict = Verdict(told, page.stdout);
        println!("      {}", verdict.line());
        verdict
    }

    fn verifier(&self) -> Command {
        let program = programs::path("agentsigna-verify");
        if !self.namespace {
            return Command::new(program);
        }
        let mut command = Command::new("unshare");
        command.args(["-rn", "--"]).arg(program);
        command
    }

    /// An agent's process: `agentsigna-verify call POST http://ADDRESS/PATH` with the key `who`.
    pub(crate) fn call(&self, house: &House, who: &str, at: &At<'_>) -> Called {
        let body = house.folder.join(".body.json");
        let mut command = Command::new(programs::path("agentsigna-verify"));
        command
            .arg("call")
            .arg(if at.profile == "read" { "GET" } else { "POST" })
            .arg(format!("http://{}{}", at.address, at.path))
            .arg("--key")
            .arg(house.folder.join(format!("{who}.key")))
            .args(["--profile", at.profile, "--json"]);
        if let Some(content) = at.body {
            fs::write(&body, content.to_string()).expect("a body");
            command.arg("--body").arg(&body);
        }
        if let Some(passport) = at.passport {
            command.arg("--passport").arg(passport);
        }
        if let Some(authority) = at.authority {
            command.args(["--authority", authority]);
        }
        if let Some(out) = at.out {
            command.arg("--out").arg(out).args(["--accept", at.accept]);
        }
        let Ended {
            status,
            stdout,
            stderr,
        } = programs::run(&mut command);
        let _ = fs::remove_file(&body);
        assert!(status < 2, "agentsigna-verify call: {stderr}{stdout}");
        Called {
            status,
            body: serde_json::from_str(&stdout).unwrap_or_default(),
        }
    }

    /// An agent asks the server.
    pub(crate) fn ask(&self, house: &House, who: &str, body: &Value) -> Value {
        let address = self.server.door().address();
        let at = At {
            body: Some(body),
            ..At::new(&address, "/v1/actions", "action")
        };
        let called = self.call(house, who, &at);
        assert_eq!(called.status, 0, "{}", called.body);
        called.body
    }

    /// An agent fetches something of its case into a file.
    pub(crate) fn fetch(
        &self,
        house: &House,
        who: &str,
        case: &Value,
        what: &str,
        name: &str,
    ) -> PathBuf {
        let out = house.folder.join(name);
        let address = self.server.door().address();
        let path = format!("/v1/cases/{}{what}", text(case, "case"));
        let mut at = At::new(&address, &path, "read");
        at.out = Some(&out);
        if what == "/passport" {
            at.accept = "application/cose";
        }
        let called = self.call(house, who, &at);
        assert_eq!(called.status, 0, "{}", called.body);
        out
    }

    /// An agent calls the target system through its gate, with its Passport and an order.
    pub(crate) fn present(
        &self,
        house: &House,
        who: &str,
        gate: &Gate,
        passport: &Path,
        order: &Value,
    ) -> Called {
        let at = At {
            body: Some(order),
            passport: Some(passport),
            authority: Some(AUTHORITY),
            ..At::new(&gate.door().address(), "/purchases/acme", "exec")
        };
        self.call(house, who, &at)
    }

    /// Somebody with a key file tells the platform something.
    pub(crate) fn tell(&self, house: &House, who: &str, path: &str, body: &Value) -> Called {
        let address = self.server.door().address();
        let profile = if who == "founder" {
            "founder"
        } else {
            "action"
        };
        let at = At {
            body: Some(body),
            ..At::new(&address, path, profile)
        };
        self.call(house, who, &at)
    }

    /// `path` as seen from the folder of everything.
    pub(crate) fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.out)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

/// Where a call goes, and with what.
pub(crate) struct At<'a> {
    address: &'a str,
    path: &'a str,
    profile: &'a str,
    pub(crate) body: Option<&'a Value>,
    passport: Option<&'a Path>,
    out: Option<&'a Path>,
    accept: &'a str,
    authority: Option<&'a str>,
}

impl<'a> At<'a> {
    pub(crate) const fn new(address: &'a str, path: &'a str, profile: &'a str) -> Self {
        Self {
            address,
            path,
            profile,
            body: None,
            passport: None,
            out: None,
            accept: "*/*",
            authority: None,
        }
    }
}

impl House {
    /// The pinned trust file.
    pub(crate) fn trust(&self) -> PathBuf {
        self.folder.join("trust.json")
    }

    /// A new key in the house's folder, made by `agentsigna-verify keygen`.
    pub(crate) fn key(&self, name: &str) -> Key {
        keygen(&self.folder, name)
    }
}

impl Verdict {
    /// `VALID`, or the word, its code, the step and the reason.
    fn line(&self) -> String {
        let outcome = text(&self.0, "outcome");
        if outcome == "VALID" {
            return outcome.to_owned();
        }
        format!(
            "{outcome}({}) at step `{}`: {}",
            text(&self.0, "code"),
            text(&self.0, "step"),
            text(&self.0, "what")
        )
    }

    pub(crate) fn expect_valid(self) -> Self {
        assert_eq!(text(&self.0, "outcome"), "VALID", "{}", self.0);
        self
    }

    pub(crate) fn expect_refused(self, code: &str, step: &str) -> Self {
        let found = ["outcome", "code", "step"].map(|name| text(&self.0, name));
        assert_eq!(found, ["REFUSED", code, step], "{}", self.0);
        self
    }

    pub(crate) fn is_refusal(&self) -> bool {
        text(&self.0, "outcome") == "REFUSED"
    }

    /// Who would have had to lie, as the page says it.
    pub(crate) fn lies(&self) {
        let lines = self.1.lines();
        let section = lines.skip_while(|line| !line.starts_with("Who would have had to lie"));
        for line in section.skip(1).take_while(|line| line.starts_with("  ")) {
            shown(line.trim_end());
        }
    }

    /// The claims `names`, each with who would have had to lie for it to be false.
    pub(crate) fn tell(&self, names: &[&str]) {
        let claims = self.0["claims"].as_array().expect("claims");
        for name in names {
            let claim = claims
                .iter()
                .find(|claim| claim["name"] == **name)
                .unwrap_or_else(|| panic!("no claim `{name}`: {}", self.0));
            println!(
                "        {name:14}  {}  [{}]",
                text(claim, "value"),
                text(claim, "by")
            );
        }
    }

    /// Whose keys the checks that were made rest on. Who held one of them could have lied; nobody else.
    pub(crate) fn vouched(&self) -> String {
        let mut all: Vec<&str> = Vec::new();
        for check in self.0["checks"].as_array().expect("checks") {
            let by = check["by"].as_array().expect("vouchers").iter();
            for by in by.filter_map(Value::as_str) {
                // What is computed here rests on nobody; the trust files of the demo ask for no witnesses.
                let nobody = ["computed here", "the trust file", "the witnesses"].contains(&by);
                if check["result"] == "passed" && !nobody && !all.contains(&by) {
                    all.push(by);
                }
            }
        }
        all.join(", ")
    }
}

impl Called {
    pub(crate) fn is_admitted(&self) {
        assert_eq!(self.status, 0, "{}", self.body);
        shown(format_args!(
            "gate: admitted; the system behind it answered {}",
            self.body
        ));
    }

    pub(crate) fn is_turned_away(&self, code: &str) {
        assert_eq!(
            (self.status, text(&self.body, "code")),
            (1, code),
            "{}",
            self.body
        );
        shown(format_args!(
            "gate: {} {code}: {}",
            self.body["status"],
            text(&self.body, "detail")
        ));
    }
}

/// An order as the target system reads it.
pub(crate) fn order(reference: &str, cents: u64) -> Value {
    json!({ "amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR", "reference": reference })
}

/// One line of the story.
pub(crate) fn say(line: impl Display) {
    println!("    {line}");
}

/// One thing that was shown.
pub(crate) fn shown(line: impl Display) {
    println!("      {line}");
}

/// A promise that held.
pub(crate) fn holds(condition: bool, promise: &str) {
    assert!(condition, "not so: {promise}");
    println!("    ok  {promise}");
}

/// The text `member`, or nothing.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn keygen(folder: &Path, name: &str) -> Key {
    let file = folder.join(format!("{name}.key"));
    let mut command = Command::new(programs::path("agentsigna-verify"));
    let _ = programs::run(command.arg("keygen").arg(&file)).expect(0);
    Key::read(&file)
}

/// Whether a process can be put where there is no network.
fn has_namespaces() -> bool {
    let tried = Command::new("unshare").args(["-rn", "--", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}
