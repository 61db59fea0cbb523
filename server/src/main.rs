//! `agentsigna`: the server and its host commands.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use agentsigna_server::{
    api,
    domain::{Office, Rates},
    host::{
        command::{Command, Progress, explain},
        control,
        folder::Folder,
        settings::{Portal, Settings},
    },
    ledger::Ledger,
};
use clap::{Parser, Subcommand};
use serde_json::Value;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// The AgentSigna server: signed requests in, Passports out.
#[derive(Parser)]
#[command(name = "agentsigna", version)]
struct Arguments {
    /// Answer in JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Cli,
}

#[derive(Subcommand)]
enum Cli {
    /// Make a new data folder.
    Init {
        /// The folder; must not be there yet.
        folder: PathBuf,
        /// Who runs the logs, as a host name: the first part of every log's permanent name.
        #[arg(long, default_value = "localhost")]
        platform: String,
        /// Where the agent API listens; loopback only, TLS is a proxy's job.
        #[arg(long, default_value = "127.0.0.1:8471")]
        listen: SocketAddr,
        /// A name agents reach it under (repeatable); default: the listening address.
        #[arg(long)]
        authority: Vec<String>,
        /// The key-encryption key's file; made if it is not there. Default: `kek` in the folder.
        #[arg(long)]
        key_encryption_key: Option<PathBuf>,
        /// A file, best on another disk, that signed heads are appended to.
        #[arg(long)]
        anchors: Option<PathBuf>,
        /// Free bytes below which writes are refused.
        #[arg(long, default_value_t = 1 << 30)]
        reserve_bytes: u64,
        /// Where both sites for people listen; loopback only. Tenants made from then on have people.
        #[arg(long, requires_all = ["portal_site", "approval_site"])]
        portal_listen: Option<SocketAddr>,
        /// The web origin where people sign in and rule, as browsers see it: `https://tenant.example.com`.
        #[arg(long, requires = "portal_listen")]
        portal_site: Option<String>,
        /// The web origin where people judge cases, on another host: `https://approve.example.com`.
        #[arg(long, requires = "portal_listen")]
        approval_site: Option<String>,
    },
    /// Serve the agent API until told to stop.
    Serve {
        /// The data folder.
        folder: PathBuf,
        /// Threads that verify and decide; default: one for each processor.
        #[arg(long)]
        lanes: Option<usize>,
    },
    /// Found or list tenants.
    #[command(subcommand)]
    Tenant(TenantCli),
    /// Write a tenant's log into a folder: tlog-tiles, blobs, trust file.
    Export {
        /// The data folder.
        folder: PathBuf,
        /// The tenant's name.
        tenant: String,
        /// The folder to write; must not be there yet.
        to: PathBuf,
    },
    /// Rebuild all derived state from the entries and compare.
    Fsck {
        /// The data folder.
        folder: PathBuf,
        /// One tenant; default: all.
        tenant: Option<String>,
    },
}

#[derive(Subcommand)]
enum TenantCli {
    /// Found a tenant: its log begins now.
    Create {
        /// The data folder.
        folder: PathBuf,
        /// The tenant's name.
        name: String,
        /// The founder's public key file, made by `agentsigna-verify keygen`. Its private half stays with the tenant.
        #[arg(long, required_unless_present = "link", conflicts_with = "link")]
        founder: Option<PathBuf>,
        /// Instead of a key: print a link for the founder, whose passkey begins the log. Good for ten minutes.
        #[arg(long, conflicts_with = "trust")]
        link: bool,
        /// The one currency of the log.
        #[arg(long, default_value = "EUR")]
        currency: String,
        /// Digits after that currency's decimal point.
        #[arg(long, default_value_t = 2)]
        exponent: u64,
        /// Write the trust file here: what verifiers pin.
        #[arg(long)]
        trust: Option<PathBuf>,
    },
    /// List the tenants with their origins and genesis hashes.
    List {
        /// The data folder.
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no failures; the message itself may fail to print, and then nobody reads it.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(3)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let json = arguments.json;
    match run(arguments.command, json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut io::stderr(), &format!("agentsigna: {error}\n"));
            ExitCode::from(3)
        }
    }
}

fn run(command: Cli, json: bool) -> Result<(), String> {
    match command {
        Cli::Init {
            folder,
            platform,
            listen,
            authority,
            key_encryption_key,
            anchors,
            reserve_bytes,
            portal_listen,
            portal_site,
            approval_site,
        } => {
            let portal = match (portal_listen, portal_site, approval_site) {
                (Some(listen), Some(site), Some(approval_site)) => Some(Portal {
                    listen,
                    site,
                    approval_site,
                }),
                _ => None,
            };
            let settings = Settings {
                platform,
                authorities: if authority.is_empty() {
                    vec![listen.to_string()]
                } else {
                    authority
                },
                listen,
                key_encryption_key: absolute(
                    &key_encryption_key.unwrap_or_else(|| folder.join("kek")),
                )?,
                anchors: anchors.as_deref().map(absolute).transpose()?,
                rates: Rates::default(),
                reserve_bytes,
                portal,
            };
            Folder::create(&folder, &settings).map_err(|error| explain(&error))?;
            let next = format!(
                "data folder `{0}` is ready\nnext: agentsigna serve {0}\n      agentsigna tenant create {0} NAME --founder KEY.pub\n",
                folder.display()
            );
            print(&serde_json::json!({ "folder": folder }), json, &next)
        }
        Cli::Serve { folder, lanes } => serve(&Folder::at(&folder), lanes),
        Cli::Tenant(TenantCli::Create {
            folder,
            name,
            founder: None,
            currency,
            exponent,
            ..
        }) => {
            let promise = Command::TenantPromise {
                name,
                currency,
                exponent,
            };
            let answer = on(&Folder::at(&folder), promise)?;
            let text = format!(
                "tenant `{}` will be founded with this link, once, within ten minutes:\n{}\norigin        {}\nthen compare the genesis leaf that the founder sees with `agentsigna tenant list --json`\n",
                text(&answer, "tenant"),
                text(&answer, "link"),
                text(&answer, "origin"),
            );
            print(&answer, json, &text)
        }
        Cli::Tenant(TenantCli::Create {
            folder,
            name,
            founder: Some(founder),
            currency,
            exponent,
            trust,
            ..
        }) => {
            let key = std::fs::read_to_string(&founder)
                .map_err(|error| format!("`{}`: {error}", founder.display()))?;
            let founder = key.split_whitespace().next().unwrap_or_default().to_owned();
            let answer = on(
                &Folder::at(&folder),
                Command::TenantCreate {
                    name,
                    founder,
                    currency,
                    exponent,
                },
            )?;
            if let Some(trust) = trust {
                std::fs::write(&trust, text(&answer, "trust"))
                    .map_err(|error| format!("`{}`: {error}", trust.display()))?;
            }
            let text = format!(
                "tenant `{}` is founded\norigin        {}\ngenesis leaf  {}\ncompare the genesis leaf with the founder over another channel before anybody trusts the log\n",
                text(&answer, "tenant"),
                text(&answer, "origin"),
                text(&answer, "genesis_leaf"),
            );
            print(&answer, json, &text)
        }
        Cli::Tenant(TenantCli::List { folder }) => {
            let answer = on(&Folder::at(&folder), Command::TenantList)?;
            let lines: String = answer
                .as_array()
                .into_iter()
                .flatten()
                .map(|tenant| {
                    format!(
                        "{}  {}  {} entries\n",
                        text(tenant, "tenant"),
                        text(tenant, "origin"),
                        tenant["entries"]
                    )
                })
                .collect();
            print(&answer, json, &lines)
        }
        Cli::Export { folder, tenant, to } => {
            let to = absolute(&to)?;
            let answer = on(&Folder::at(&folder), Command::Export { tenant, to })?;
            let text = format!(
                "log `{}` is in `{}`\nnext: agentsigna-verify ledger {1} --trust TRUST.json\n",
                text(&answer, "origin"),
                text(&answer, "folder"),
            );
            print(&answer, json, &text)
        }
        Cli::Fsck { folder, tenant } => {
            let answer = on(&Folder::at(&folder), Command::Fsck { tenant })?;
            let lines: String = answer
                .as_array()
                .into_iter()
                .flatten()
                .map(|report| {
                    format!(
                        "{}: good ({} entries, {} rows, {} tiles, {} blobs, {} nonces compared)\n",
                        text(report, "tenant"),
                        report["entries"],
                        report["rows"],
                        report["tiles"],
                        report["blobs"],
                        report["nonces"],
                    )
                })
                .collect();
            print(&answer, json, &lines)
        }
    }
}

/// Runs `command` in the server that has the folder open, or here if none has.
fn on(folder: &Folder, command: Command) -> Result<Value, String> {
    let mut shown = progress();
    let answer = match control::ask(&folder.control_socket(), &command, &mut shown) {
        Some(answer) => answer,
        None => {
            let (settings, ledger) = folder.open().map_err(|error| explain(&error))?;
            let answer = command.run(&ledger, None, &settings, &mut shown);
            ledger.close();
            answer
        }
    };
    drop(shown);
    answer
}

fn serve(folder: &Folder, lanes: Option<usize>) -> Result<(), String> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let (settings, ledger) = folder.open().map_err(|error| explain(&error))?;
    let lanes = lanes.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let office =
        Office::open(ledger.clone(), lanes, settings.rates).map_err(|error| explain(&error))?;
    office.wait_for_reads();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let served = runtime.block_on(async {
        let listener = api::bind(settings.listen)
            .await
            .map_err(|error| format!("cannot listen on `{}`: {error}", settings.listen))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let portal = match (
            &settings.portal,
            settings.sites().map_err(|error| explain(&error))?,
        ) {
            (Some(portal), Some(sites)) => {
                let listener = api::bind(portal.listen)
                    .await
                    .map_err(|error| format!("cannot listen on `{}`: {error}", portal.listen))?;
                Some((listener, sites))
            }
            _ => None,
        };
        let mut authorities = settings.authorities.clone();
        if settings.listen.port() == 0 {
            // A port given by the machine is a name nobody could have configured: for tests and demos.
            authorities.push(address.to_string());
        }
        control::listen(&folder.control_socket(), office.clone(), settings.clone())
            .map_err(|error| format!("control socket: {error}"))?;
        let (stop, stopping) = watch::channel(false);
        let (watched, waited_on) = (ledger.clone(), office.clone());
        // Before it says that it listens: whoever reads that may tell it to stop at once.
        let told = Told::listen().map_err(|error| format!("signals: {error}"))?;
        tokio::spawn(async move {
            told.wait(&watched).await;
            waited_on.stop_waiting();
            // Nobody listens any more if the server has ended by itself.
            let _ = stop.send(true);
        });
        say(
            &mut io::stdout(),
            &format!("listening on http://{address}\n"),
        );
        let router = api::router(office.clone(), authorities);
        let people = match portal {
            Some((listener, sites)) => {
                let router = api::portal::router(office.clone(), sites);
                tokio::spawn(api::serve(listener, router, stopping.clone()))
            }
            None => tokio::spawn(async { Ok(()) }),
        };
        let served = api::serve(listener, router, stopping).await;
        let people = people.await.map_err(|error| error.to_string())?;
        served.and(people).map_err(|error| error.to_string())
    });
    office.close();
    // The socket of a server that has ended leads nowhere.
    let _ = std::fs::remove_file(folder.control_socket());
    if ledger.is_stopped() {
        return Err("a write failed: start again to recover from disk".to_owned());
    }
    served
}

/// The signals that end the server.
struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    /// From now on a signal is heard, and does not kill.
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns on SIGTERM, SIGINT, or when the ledger has stopped after a failed write.
    async fn wait(mut self, ledger: &Ledger) {
        let failed = async {
            while !ledger.is_stopped() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = failed => {}
        }
    }
}

/// Shows progress on a terminal, on one line.
fn progress() -> Box<dyn FnMut(Progress)> {
    if !io::stderr().is_terminal() {
        return Box::new(|_| {});
    }
    Box::new(|Progress { done, total }| {
        say(&mut io::stderr(), &format!("\r{done} of {total} entries"));
        if done == total {
            say(&mut io::stderr(), "\n");
        }
    })
}

fn print(value: &Value, json: bool, text: &str) -> Result<(), String> {
    let out = if json {
        format!("{value}\n")
    } else {
        text.to_owned()
    };
    io::stdout()
        .write_all(out.as_bytes())
        .map_err(|error| error.to_string())
}

/// Tells people; if nobody can be told, that is no reason to stop.
fn say(to: &mut dyn io::Write, text: &str) {
    let _ = to.write_all(text.as_bytes());
    let _ = to.flush();
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or("?")
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("`{}`: {error}", path.display()))
}
