//! The wire: one request, one answer, no redirects, limits on time and size.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Method, Url,
    blocking::{Client, Response},
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};

use super::{Ready, answer::Answer};
use crate::{failure::Failure, files};

/// Of an answer: four times the largest case file.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the whole exchange, without the seconds that the server was asked to wait.
const TIMEOUT_S: u64 = 30;

/// Where a request goes: what of a URL can be signed.
pub(crate) struct Place {
    url: Url,
    target: String,
}

impl Place {
    /// Accepts `https://host[:port]/path[?query]`, and `http://` for this machine (CL-22).
    pub(crate) fn parse(text: &str, wait_s: Option<u64>) -> Result<Self, Failure> {
        let refuse = |why: &str| Failure::new(format!("URL `{text}` {why}"));
        let mut url = Url::parse(text).map_err(|error| refuse(&format!("is none: {error}")))?;
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err(refuse("is neither `https:` nor `http:`")),
        };
        if plain && !is_this_machine(&url) {
            return Err(refuse("would be read by others on its way: use `https:`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(
                "holds a user name: requests are signed, leave it out",
            ));
        }
        if url.fragment().is_some() {
            return Err(refuse(
                "holds a fragment, which is never sent: leave it out",
            ));
        }
        if let Some(wait_s) = wait_s {
            if url.query().is_some() {
                return Err(refuse("has a query already: write `wait` there"));
            }
            url.set_query(Some(&format!("wait={wait_s}")));
        }
        let mut target = url.path().to_owned();
        if let Some(query) = url.query() {
            target.push('?');
            target.push_str(query);
        }
        Ok(Self { url, target })
    }

    /// As RFC 9421 §2.2.3 writes it: without the scheme's own port.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Path and query, as on the wire.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) const fn address(&self) -> &Url {
        &self.url
    }
}

/// Whether what is sent stays on this machine: a loopback address, or the name that RFC 6761 §6.3 keeps for it.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Sends the request once and reads the answer.
pub(super) fn send(ready: &Ready<'_>, wait_s: u64) -> Result<Answer, Failure> {
    let fail = |error: &reqwest::Error| Failure::of("request not answered", error);
    let mut request = client(&ready.place.url, wait_s)?
        .request(method(ready.method)?, ready.place.url.clone())
        .headers(header_map(&ready.headers)?);
    if !ready.body.is_empty() {
        request = request.body(ready.body.clone());
    }
    let response = request.send().map_err(|error| fail(&error))?;
    read(response)
}

fn client(url: &Url, wait_s: u64) -> Result<Client, Failure> {
    let mut builder = Client::builder()
        .user_agent(concat!("agentsigna-verify/", env!("CARGO_PKG_VERSION")))
        // CL-21: the signature is for this host and target.
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(Duration::from_secs(TIMEOUT_S.saturating_add(wait_s)));
    if url.scheme() == "http" {
        // This machine: no proxy on the way, and no certificates to load.
        builder = builder.no_proxy().tls_certs_only([]);
    }
    // Fails if one is installed already: then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder
        .build()
        .map_err(|error| Failure::of("HTTP client", &error))
}

fn method(name: &str) -> Result<Method, Failure> {
    Method::from_bytes(name.as_bytes()).map_err(|error| Failure::of(format!("`{name}`"), &error))
}

fn header_map(headers: &[(&'static str, String)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value)
            .map_err(|error| Failure::of(format!("header `{name}`"), &error))?;
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|error| Failure::of(format!("header `{name}`"), &error))?;
        map.insert(name, value);
    }
    Ok(map)
}

/// CL-3: at most 16 MiB of it.
fn read(response: Response) -> Result<Answer, Failure> {
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (kind, retry_after) = (header("content-type"), header("retry-after"));
    let status = response.status();
    let body = files::read_up_to(response, "the answer", ANSWER_BYTES_MAX)?;
    Ok(Answer {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        retry_after,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_the_client_sends() {
        for (url, authority, target) in [
            ("https://API.example.com", "api.example.com", "/"),
            ("https://api.example.com:443/a", "api.example.com", "/a"),
            (
                "https://api.example.com:8443/a/../b?c=%20",
                "api.example.com:8443",
                "/b?c=%20",
            ),
            ("http://127.0.0.1:8080/v1/log", "127.0.0.1:8080", "/v1/log"),
            ("http://[::1]:8080/", "[::1]:8080", "/"),
            ("http://localhost/", "localhost", "/"),
        ] {
            let place = Place::parse(url, None).unwrap();
            assert_eq!(place.authority(), authority, "{url}");
            assert_eq!(place.target(), target, "{url}");
        }
        let place = Place::parse("https://a.example/v1/cases/x", Some(50)).unwrap();
        assert_eq!(place.target(), "/v1/cases/x?wait=50");
    }

    #[test]
    fn a_request_leaves_this_machine_only_encrypted() {
        // CL-22
        for url in [
            "http://api.example.com/",
            "http://10.0.0.1/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://0.0.0.0/",
            "ftp://localhost/",
            "https://user@api.example.com/",
            "https://api.example.com/#x",
            "/v1/actions",
        ] {
            assert!(Place::parse(url, None).is_err(), "{url}");
        }
        assert!(Place::parse("https://api.example.com/?a", Some(1)).is_err());
    }
}
