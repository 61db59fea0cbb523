//! The api floor: HTTP, and nothing else. A listener for agents and one for people, a route table each, closed
//! requests.
//!
//! Absent on purpose: cookies and sessions for agents, CORS, compression, forwarded headers, an HTTP client.

mod agent;
mod error;
mod incoming;
pub mod portal;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware,
    response::Response,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

pub use agent::ROUTES;

use crate::domain::Office;

/// How long a client may take to send its headers (decision 81).
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at the same time.
const CONNECTIONS_MAX: usize = 1024;

/// What every route of one listener has at hand.
pub(crate) struct Door {
    pub(crate) office: Office,
    /// The names this server answers to, in lower case (decision 29).
    pub(crate) authorities: Vec<String>,
}

/// The agent API for `office`, answering to `authorities` only.
pub fn router(office: Office, authorities: Vec<String>) -> Router {
    agent::router(Arc::new(Door {
        office,
        authorities,
    }))
    .layer(middleware::map_response(locked_down))
}

/// Headers that no page can leave out (A31): around every answer, also 404 and 405.
async fn locked_down(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Serves `router` on `listener` until `stop` says so; then finishes the requests that are there.
///
/// # Errors
/// When the listener can take no more connections.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_headers(64);
    let open = hyper_util::server::graceful::GracefulShutdown::new();
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let (stream, place) = tokio::select! {
            _ = stop.changed() => break,
            accepted = async { (listener.accept().await, place.await) } => match accepted {
                (Ok((stream, _)), Ok(place)) => (stream, place),
                // One connection that failed says nothing of the next; a moment's rest if descriptors ran out.
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                (_, Err(_)) => break,
            },
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let service = TowerToHyperService::new(router.clone());
        let connection = open.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(place);
        });
    }
    tokio::select! {
        () = open.shutdown() => {}
        () = tokio::time::sleep(Duration::from_secs(10)) => tracing::warn!("requests were cut off after 10 s"),
    }
    Ok(())
}

/// Binds `address`.
///
/// # Errors
/// The operating system's.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// A request without its type parameter, for the handlers.
pub(crate) type Received = Request<Body>;
