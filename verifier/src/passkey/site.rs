//! Where a passkey is used: a web origin, and the RP ID that goes with it (`spec/passkeys.md` §3.1).

use alloc::string::String;
use core::fmt;

/// The longest host, in characters (RFC 1035 §2.3.4, without the root's label).
const HOST_BYTES_MAX: usize = 253;
/// The longest label of a host, in characters.
const LABEL_BYTES_MAX: usize = 63;

/// A web origin as RFC 6454 §6.2 writes it: `https://approve.example.com`, `http://approve.localhost:8443`.
/// Its host is the RP ID: no page of another host can use its credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    origin: String,
    /// Bytes of `origin` before the host.
    host_at: usize,
    /// Bytes of `origin` up to the end of the host.
    host_end: usize,
}

/// Why a text is no site. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSite {
    /// Neither `https://` nor `http://` in front.
    #[error("web origin `{origin}`: expected it to begin with `https://`")]
    Scheme {
        /// What was given.
        origin: String,
    },
    /// A host that no RP ID can be: an address, upper case, an empty label, a final dot.
    #[error("web origin `{origin}`: expected a host of lower-case DNS labels after the scheme")]
    Host {
        /// What was given.
        origin: String,
    },
    /// Without TLS for another host than this machine's.
    #[error(
        "web origin `{origin}`: expected `https`, since `http` is only for `localhost` and names under it"
    )]
    Insecure {
        /// What was given.
        origin: String,
    },
    /// A port that is no number from 1 to 65535 in its one form, or the scheme's own; or a path.
    #[error(
        "web origin `{origin}`: expected nothing after the host, or a port that is not the scheme's own"
    )]
    Port {
        /// What was given.
        origin: String,
    },
    /// The RP ID is another than the host.
    #[error("RP ID `{found}`: expected `{expected}`, the whole host of the web origin")]
    RpId {
        /// What was given.
        found: String,
        /// The host.
        expected: String,
    },
}

impl Site {
    /// Reads an origin; the RP ID is its host. WA-1
    ///
    /// # Errors
    /// [`BadSite`], in the order of its variants.
    pub fn parse(origin: &str) -> Result<Self, BadSite> {
        let given = || String::from(origin);
        let (rest, own_port, secure) = match origin.strip_prefix("https://") {
            Some(rest) => (rest, 443, true),
            None => match origin.strip_prefix("http://") {
                Some(rest) => (rest, 80, false),
                None => return Err(BadSite::Scheme { origin: given() }),
            },
        };
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        };
        if !is_host(host) {
            return Err(BadSite::Host { origin: given() });
        }
        if !secure && host != "localhost" && !host.ends_with(".localhost") {
            return Err(BadSite::Insecure { origin: given() });
        }
        if port.is_some_and(|port| !is_port(port, own_port)) {
            return Err(BadSite::Port { origin: given() });
        }
        let host_at = origin.len() - rest.len();
        Ok(Self {
            origin: given(),
            host_at,
            host_end: host_at + host.len(),
        })
    }

    /// Reads an origin that must go with this RP ID. WA-2
    ///
    /// # Errors
    /// [`BadSite`], in the order of its variants.
    pub fn new(origin: &str, rp_id: &str) -> Result<Self, BadSite> {
        let site = Self::parse(origin)?;
        if site.rp_id() == rp_id {
            Ok(site)
        } else {
            Err(BadSite::RpId {
                found: rp_id.into(),
                expected: site.rp_id().into(),
            })
        }
    }

    /// The origin, as browsers write it into client data.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host: what a browser is given as `rp.id` or `rpId`.
    #[must_use]
    pub fn rp_id(&self) -> &str {
        self.origin
            .get(self.host_at..self.host_end)
            .unwrap_or_default()
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// DNS labels of which the last begins with a letter, so that no address of numbers is one.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    host.len() <= HOST_BYTES_MAX
        && host.split('.').all(is_label)
        && host
            .rsplit('.')
            .next()
            .is_some_and(|last| last.starts_with(|first: char| first.is_ascii_lowercase()))
}

fn is_port(port: &str, own: u16) -> bool {
    !port.starts_with('0')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse().is_ok_and(|port: u16| port != own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wa_1_sites_are_origins_in_their_one_form() {
        for (origin, rp_id) in [
            ("https://approve.example.com", "approve.example.com"),
            ("https://example.com:8443", "example.com"),
            ("https://example.com:80", "example.com"),
            ("https://localhost", "localhost"),
            ("http://localhost", "localhost"),
            ("http://approve.localhost:8443", "approve.localhost"),
            ("http://approve.localhost:443", "approve.localhost"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("https://1.2.3.x4", "1.2.3.x4"),
        ] {
            let site = Site::parse(origin).unwrap();
            assert_eq!((site.origin(), site.rp_id()), (origin, rp_id));
        }
        let long = alloc::format!("https://{}", ["a"; 127].join("."));
        assert_eq!(Site::parse(&long).unwrap().rp_id().len(), 253);
    }

    #[test]
    fn wa_1_nothing_else_is_a_site() {
        let code = |origin: &str| match Site::parse(origin) {
            Ok(_) => "ok",
            Err(BadSite::Scheme { .. }) => "scheme",
            Err(BadSite::Host { .. }) => "host",
            Err(BadSite::Insecure { .. }) => "insecure",
            Err(BadSite::Port { .. }) => "port",
            Err(BadSite::RpId { .. }) => "rp",
        };
        for (origin, expected) in [
            ("", "scheme"),
            ("null", "scheme"),
            ("HTTPS://example.com", "scheme"),
            ("ftp://example.com", "scheme"),
            ("android:apk-key-hash:2Dp8", "scheme"),
            ("https://", "host"),
            ("https://Example.com", "host"),
            ("https://example.com.", "host"),
            ("https://.example.com", "host"),
            ("https://a..b", "host"),
            ("https://-a.example", "host"),
            ("https://a-.example", "host"),
            ("https://a_b.example", "host"),
            ("https://127.0.0.1", "host"),
            ("https://1", "host"),
            ("https://0x7f", "host"),
            ("https://[::1]", "host"),
            ("https://u@example.com", "host"),
            ("https://example.com/", "host"),
            ("https://b\u{fc}cher.example", "host"),
            ("http://example.com", "insecure"),
            ("http://localhost.example.com", "insecure"),
            ("http://evillocalhost", "insecure"),
            ("https://example.com:", "port"),
            ("https://example.com:443", "port"),
            ("http://localhost:80", "port"),
            ("https://example.com:0", "port"),
            ("https://example.com:0443", "port"),
            ("https://example.com:+1", "port"),
            ("https://example.com:65536", "port"),
            ("https://example.com:8443/", "port"),
            ("https://example.com:8443:1", "port"),
        ] {
            assert_eq!(code(origin), expected, "{origin}");
        }
        let label = alloc::format!("https://{}.example", "a".repeat(64));
        assert_eq!(code(&label), "host");
        let long = alloc::format!("https://{}.a", ["a"; 127].join("."));
        assert_eq!(code(&long), "host");
    }

    #[test]
    fn wa_2_the_rp_id_is_the_whole_host() {
        let origin = "https://approve.example.com:8443";
        assert!(Site::new(origin, "approve.example.com").is_ok());
        for rp_id in [
            "example.com",
            "com",
            "a.approve.example.com",
            "APPROVE.example.com",
            "approve.example.com:8443",
            "",
        ] {
            let found = Site::new(origin, rp_id);
            assert!(matches!(found, Err(BadSite::RpId { .. })), "{rp_id}");
        }
    }
}
