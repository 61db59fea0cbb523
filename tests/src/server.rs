//! A real `agentsigna serve`, in a process and a data folder of its own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    keys::Key,
    programs::{self, Ended},
};

/// How long a server may take to end after SIGTERM.
const END: Duration = Duration::from_secs(15);

/// A running server. Killed when dropped; a folder of [`Server::start`] goes with it.
pub struct Server {
    running: Option<Child>,
    door: Door,
    folder: PathBuf,
    said: PathBuf,
    /// More arguments of `serve`.
    arguments: Vec<String>,
    sites: Option<Sites>,
    _scratch: Option<TempDir>,
}

/// The two sites for people.
#[derive(Debug, Clone)]
pub struct Sites {
    /// Where they listen, whatever their names.
    pub address: SocketAddr,
    /// The web origin of the portal.
    pub portal: String,
    /// The web origin of the approval site.
    pub approval: String,
}

/// Where a server can be reached now: it follows a server that is started again. Clones are the same door.
#[derive(Debug, Clone)]
pub struct Door(Arc<Mutex<String>>);

/// What the host learns when a tenant is founded.
#[derive(Debug, Clone)]
pub struct Founded {
    /// The log's permanent name.
    pub origin: String,
    /// Leaf hash of entry 0, in hex.
    pub genesis_leaf: String,
    /// The trust file that the genesis entry amounts to, without targets.
    pub trust: String,
}

impl Server {
    /// A new server with an empty folder that lasts as long as it.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start() -> Self {
        let scratch = TempDir::new().expect("a scratch folder");
        let mut server = Self::start_in(&scratch.path().join("data"));
        server._scratch = Some(scratch);
        server
    }

    /// As [`Self::start`], with the two sites for people on a port of their own: tenants made here have people.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start_with_people() -> Self {
        Self::start_with_people_and(&[])
    }

    /// As [`Self::start_with_people`], with more arguments of `serve`.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start_with_people_and(serve: &[&str]) -> Self {
        let scratch = TempDir::new().expect("a scratch folder");
        let mut server = Self::start_with_people_in(&scratch.path().join("data"), serve);
        server._scratch = Some(scratch);
        server
    }

    /// As [`Self::start_in`], with the two sites for people and more arguments of `serve`.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start_with_people_in(folder: &Path, serve: &[&str]) -> Self {
        // A site names its port before the server listens: one that is free now.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("its number");
        drop(free);
        let sites = Sites::at(address);
        let init = [
            "--portal-listen",
            &address.to_string(),
            "--portal-site",
            &sites.portal,
            "--approval-site",
            &sites.approval,
        ];
        let mut server = Self::start_with(folder, &init, serve);
        server.sites = Some(sites);
        server
    }

    /// The sites for people.
    ///
    /// # Panics
    /// If it was started without.
    #[must_use]
    pub fn sites(&self) -> Sites {
        self.sites.clone().expect("a server with people")
    }

    /// A new server with the new data folder `folder`. Beside it, `FOLDER.log` holds what the server says.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start_in(folder: &Path) -> Self {
        Self::start_with(folder, &[], &[])
    }

    /// As [`Self::start_in`], with more arguments of `init` and of `serve`.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start_with(folder: &Path, init: &[&str], serve: &[&str]) -> Self {
        let made = programs::run(
            Command::new(programs::path("agentsigna"))
                .arg("init")
                .arg(folder)
                .args(["--platform", "agentsigna.test", "--listen", "127.0.0.1:0"])
                // Scratch disks are small; the reserve has a test of its own.
                .args(["--reserve-bytes", "1048576"])
                .args(init),
        );
        let _ = made.expect(0);
        Self::open(folder, serve)
    }

    /// A server on a data folder that is there, with more arguments of `serve`.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn open(folder: &Path, serve: &[&str]) -> Self {
        let mut server = Self {
            running: None,
            door: Door(Arc::default()),
            folder: folder.to_path_buf(),
            said: folder.with_extension("log"),
            arguments: serve.iter().map(ToString::to_string).collect(),
            sites: None,
            _scratch: None,
        };
        server.go().unwrap_or_else(|why| panic!("{why}"));
        server
    }

    /// Starts the server on its folder again. Clients follow it to its new port.
    ///
    /// # Panics
    /// If it runs, or does not come up.
    pub fn go_on(&mut self) {
        self.go().unwrap_or_else(|why| panic!("{why}"));
    }

    /// As [`Self::go_on`], for a start that may be refused.
    ///
    /// # Errors
    /// What the server said.
    ///
    /// # Panics
    /// If it runs.
    pub fn go(&mut self) -> Result<(), String> {
        assert!(self.running.is_none(), "the server runs");
        let said = File::options()
            .create(true)
            .append(true)
            .open(&self.said)
            .expect("a file for what it says");
        let mut child = Command::new(programs::path("agentsigna"))
            .arg("serve")
            .arg(&self.folder)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .expect("a process");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        let read = BufReader::new(stdout).read_line(&mut line);
        let address = line.trim().strip_prefix("listening on http://");
        if let (Ok(_), Some(address)) = (read, address) {
            self.door.set(address);
            self.running = Some(child);
            return Ok(());
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(format!(
            "the server did not start: `{line}`\n{}",
            self.said()
        ))
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut child = self.running.take().expect("a running server");
        child.kill().expect("SIGKILL");
        let _ = child.wait();
    }

    /// SIGTERM, and waits for the end. The exit status.
    ///
    /// # Panics
    /// If it does not run, or does not end.
    pub fn stop(&mut self) -> i32 {
        let mut child = self.running.take().expect("a running server");
        // The shell's own `kill`: a small machine has no other.
        let told = Command::new("sh")
            .args(["-c", r#"kill -TERM "$0""#, &child.id().to_string()])
            .status();
        assert!(told.is_ok_and(|status| status.success()), "SIGTERM");
        let since = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("its status") {
                return status.code().unwrap_or(-1);
            }
            if since.elapsed() > END {
                let _ = child.kill();
                panic!(
                    "the server did not end within {END:?} of SIGTERM\n{}",
                    self.said()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Where clients find it.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of its process.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.running.as_ref().expect("a running server").id()
    }

    /// Puts `value` into its settings, for the next start.
    ///
    /// # Panics
    /// If there is no settings file.
    pub fn set(&self, name: &str, value: Value) {
        let file = self.folder.join("agentsigna.json");
        let text = fs::read(&file).expect("a settings file");
        let mut settings: Value = serde_json::from_slice(&text).expect("JSON");
        settings[name] = value;
        fs::write(&file, settings.to_string()).expect("a settings file");
    }

    /// What it has said on standard error, over all its starts.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Founds the tenant `name`: `agentsigna tenant create`. [`crate::tenant::Tenant::found`] is friendlier.
    ///
    /// # Panics
    /// If that is refused.
    #[must_use]
    pub fn found(&self, name: &str, founder: &Key) -> Founded {
        let scratch = TempDir::new().expect("a scratch folder");
        let files = founder.write(scratch.path(), name);
        let mut command = self.command(&["tenant", "create"]);
        command.arg(name).arg("--founder").arg(&files.public);
        let answer: Value =
            serde_json::from_str(&programs::run(command.arg("--json")).expect(0)).expect("JSON");
        let text = |member: &str| answer[member].as_str().expect(member).to_owned();
        Founded {
            origin: text("origin"),
            genesis_leaf: text("genesis_leaf"),
            trust: text("trust"),
        }
    }

    /// `agentsigna export`: the log of the tenant `name` into the new folder `to`.
    #[must_use]
    pub fn export(&self, name: &str, to: &Path) -> Ended {
        programs::run(self.command(&["export"]).arg(name).arg(to))
    }

    /// `agentsigna fsck` of all tenants; again, while a log grows under it (the end of a session is an entry too).
    #[must_use]
    pub fn fsck(&self) -> Ended {
        let mut ended = programs::run(&mut self.command(&["fsck"]));
        for _ in 0..8 {
            if !ended.stderr.contains("the log grew") {
                break;
            }
            std::thread::sleep(Duration::from_millis(300));
            ended = programs::run(&mut self.command(&["fsck"]));
        }
        ended
    }

    /// `agentsigna WORDS FOLDER`, ready for more arguments.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(programs::path("agentsigna"));
        command.args(words).arg(&self.folder);
        command
    }
}

impl Sites {
    fn at(address: SocketAddr) -> Self {
        let port = address.port();
        Self {
            address,
            portal: format!("http://tenant.localhost:{port}"),
            approval: format!("http://approve.localhost:{port}"),
        }
    }
}

impl Door {
    /// A door that leads to `address`, as `127.0.0.1:8471`.
    #[must_use]
    pub fn to(address: &str) -> Self {
        Self(Arc::new(Mutex::new(address.to_owned())))
    }

    /// The address, which is also the authority that requests are signed for.
    #[must_use]
    pub fn address(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, address: &str) {
        address.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.said());
        }
    }
}
