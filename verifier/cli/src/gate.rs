//! `gate`: a reverse proxy in front of a target system (`spec/gate.md`).
//!
//! The admission is `agentsigna-gate`'s; here are the connections: of callers, to the upstream, to the platform.

mod platform;
mod proxy;
mod serve;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use agentsigna_gate::{Gate, Settings};
use agentsigna_verifier::gate::{MAPPING_BYTES_MAX, Mapping};
use axum::{Router, routing::get};
use tokio::{net::TcpListener, runtime, signal::unix, sync::watch, time};

use crate::{Exit, failure::Failure, files, key_file::Key, print::Page, trust_file};

/// How often what ended long ago is removed.
const TIDY: Duration = Duration::from_secs(600);

/// Stand in front of a target system: let a call through once, if a Passport permits exactly this action.
///
/// Runs until it is told to stop (SIGTERM, SIGINT). Exit status: 0 stopped, 3 could not run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where callers connect: address and port.
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The target system: `http://127.0.0.1:8080`, or `https://…`.
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// Whom to believe; its targets are the audiences of this gate.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// What each call is as an action.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// The name by which it is called, with a port if that is not 443. May be given several times.
    #[arg(long = "authority", value_name = "NAME", required = true)]
    authorities: Vec<String>,
    /// The folder of Passports that were used; gates of one machine may share it.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The platform that is told of each admission.
    #[arg(long, value_name = "URL", requires = "key")]
    platform: Option<String>,
    /// The private key of the target system, which signs what the platform is told.
    #[arg(long, value_name = "FILE", requires = "platform")]
    key: Option<PathBuf>,
    /// Where `/metrics` is.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
}

pub(crate) fn run(
    arguments: &Arguments,
    page: &mut Page,
    say: impl Fn(&Page) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let settings = Settings {
        trust: trust_file::read(&arguments.trust)?,
        mapping: mapping(&arguments.mapping)?,
        authorities: arguments.authorities.clone(),
        state: arguments.state.clone(),
        reports: arguments.platform.is_some(),
    };
    let targets: Vec<String> = settings
        .trust
        .targets()
        .iter()
        .map(ToString::to_string)
        .collect();
    let upstream = proxy::Upstream::parse(&arguments.upstream)?;
    let platform = match (&arguments.platform, &arguments.key) {
        (Some(url), Some(key)) => Some(platform::Platform::new(url, Key::read(key)?)?),
        _ => None,
    };
    let (gate, reports) =
        Gate::with_reports(settings).map_err(|error| Failure::of("gate", &error))?;
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::of("threads", &error))?;
    runtime.block_on(async {
        let stop = told_to_stop()?;
        let callers = bind(arguments.listen).await?;
        let metrics = match arguments.metrics {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let at = |listener: &TcpListener| {
            let address = listener.local_addr();
            address.map_err(|error| Failure::of("listener", &error))
        };
        let listening = at(&callers)?;
        let counted = metrics.as_ref().map(at).transpose()?;
        // CL-60: said once everything is there.
        announce(page, listening, counted, &targets)?;
        say(page)?;
        if let (Some(reports), Some(platform)) = (reports, platform) {
            let platform = Arc::new(platform);
            tokio::spawn(reports.run(move |report| {
                let platform = Arc::clone(&platform);
                async move { platform.tell(&report.body).await }
            }));
        }
        let tidied = gate.clone();
        tokio::spawn(async move {
            loop {
                time::sleep(TIDY).await;
                let gate = tidied.clone();
                // What could not be removed is tried again.
                let _ = tokio::task::spawn_blocking(move || gate.tidy()).await;
            }
        });
        if let Some(listener) = metrics {
            let counted = gate.clone();
            let page = Router::new().route("/metrics", get(async move || counted.numbers().text()));
            tokio::spawn(serve::serve(listener, page, stop.clone()));
        }
        serve::serve(callers, proxy::router(gate, upstream), stop)
            .await
            .map_err(|error| Failure::of("listener", &error))
    })?;
    // Reports that were not sent are on the disk.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(Exit::Valid)
}

fn announce(
    page: &mut Page,
    listening: SocketAddr,
    metrics: Option<SocketAddr>,
    targets: &[String],
) -> Result<(), Failure> {
    if page.wants_json() {
        return page.value(&serde_json::json!({
            "listening": listening.to_string(),
            "metrics": metrics.map(|address| address.to_string()),
            "targets": targets,
        }));
    }
    page.line(format!("gate for {}", targets.join(", ")));
    if let Some(metrics) = metrics {
        page.line(format!("metrics on http://{metrics}/metrics"));
    }
    page.line(format!("listening on {listening}"));
    Ok(())
}

fn mapping(path: &Path) -> Result<Mapping, Failure> {
    let bytes = files::read(path, MAPPING_BYTES_MAX)?;
    Mapping::parse(&bytes).map_err(|error| Failure::of(format!("`{}`", path.display()), &error))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| Failure::of(address, &error))
}

/// Heard from the moment this returns.
fn told_to_stop() -> Result<watch::Receiver<bool>, Failure> {
    let (sender, stop) = watch::channel(false);
    for kind in [unix::SignalKind::terminate(), unix::SignalKind::interrupt()] {
        let mut signal = unix::signal(kind).map_err(|error| Failure::of("signals", &error))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            signal.recv().await;
            sender.send_replace(true);
        });
    }
    Ok(stop)
}
