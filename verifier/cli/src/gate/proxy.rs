//! From an admitted call to the upstream, and its answer back.

use std::{sync::Arc, time::Duration};

use agentsigna_gate::{Gate, admit, problem};
use agentsigna_verifier::gate::BODY_BYTES_MAX;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware,
    response::Response,
};
use reqwest::{Client, Url, redirect::Policy};

use crate::failure::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two bytes of an answer.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// The system behind the gate.
pub(super) struct Upstream {
    base: Url,
    client: Client,
}

impl Upstream {
    /// A server: `http://…` or `https://…`, no path.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let refuse = |why: &str| Failure::new(format!("upstream `{text}` {why}"));
        let base = Url::parse(text).map_err(|error| refuse(&format!("is no URL: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(refuse("is neither `http:` nor `https:`"));
        }
        // The path of a call is judged as it is: nothing is put before it.
        let bare = base.path() == "/" && base.query().is_none() && base.fragment().is_none();
        if !bare || !base.username().is_empty() || base.password().is_some() {
            return Err(refuse(
                "has more than scheme, host and port: leave the rest out",
            ));
        }
        Ok(Self {
            client: client(&base)?,
            base,
        })
    }
}

/// A client that follows nothing and goes through nobody.
pub(super) fn client(to: &Url) -> Result<Client, Failure> {
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT);
    if to.scheme() == "http" {
        builder = builder.tls_certs_only([]);
    }
    // Fails if one is installed already: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder
        .build()
        .map_err(|error| Failure::of("HTTP client", &error))
}

/// Everything goes through the gate, then to `upstream`.
pub(super) fn router(gate: Gate, upstream: Upstream) -> Router {
    Router::new()
        .fallback(forward)
        .with_state(Arc::new(upstream))
        .layer(middleware::from_fn_with_state(gate, admit))
}

async fn forward(State(upstream): State<Arc<Upstream>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut url = upstream.base.clone();
    url.set_path(parts.uri.path());
    // The client writes its own, of the upstream.
    parts.headers.remove(header::HOST);
    parts.headers.remove(header::CONTENT_LENGTH);
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return lost("its content was lost here");
    };
    let call = upstream
        .client
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body);
    match call.send().await {
        Ok(answer) => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(Body::new(reqwest::Body::from(answer)));
            *response.status_mut() = status;
            *response.headers_mut() = end_to_end(headers);
            response
        }
        Err(error) if error.is_connect() => lost("it could not be reached"),
        Err(_) => lost("it did not answer"),
    }
}

fn lost(why: &str) -> Response {
    let detail = format!(
        "the system behind the gate may or may not have acted: {why}; the Passport is used up"
    );
    problem(502, "upstream", &detail)
}

/// RFC 9110 §7.6.1.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ] {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_a_server() {
        for url in ["http://127.0.0.1:8080", "https://erp.example.com/"] {
            assert!(Upstream::parse(url).is_ok(), "{url}");
        }
        for url in [
            "127.0.0.1:8080",
            "ftp://127.0.0.1",
            "http://127.0.0.1/base",
            "http://127.0.0.1/?x",
            "http://u@127.0.0.1/",
            "unix:/run/erp",
        ] {
            assert!(Upstream::parse(url).is_err(), "{url}");
        }
    }
}
