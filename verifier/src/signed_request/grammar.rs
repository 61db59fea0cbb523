//! The closed grammar: each part of a signed request has exactly one form (`spec/requests.md` §4).
//!
//! Functions here take one value and either read it whole or refuse it. None of them knows of profiles
//! beyond the list, nonce and tag that [`Parameters::parse`] expects.

use alloc::{format, string::String, vec::Vec};

use data_encoding::{BASE64, BASE64URL_NOPAD};

use super::{Profile, SignedRequestError as Error};
use crate::{key::JwkThumbprint, limits, time::UnixMillis};

/// The longest method, in bytes.
pub const METHOD_BYTES_MAX: usize = 16;
/// The longest authority (host and port), in bytes: a DNS name of 253, a colon and a port of 5.
pub const AUTHORITY_BYTES_MAX: usize = 259;
/// The longest request target, in bytes.
pub const TARGET_BYTES_MAX: usize = 2048;
/// The longest content type, in bytes.
pub const CONTENT_TYPE_BYTES_MAX: usize = 128;
/// The longest `Content-Digest`, in bytes. The one form has 54; two digests are refused for what they are.
pub(super) const CONTENT_DIGEST_BYTES_MAX: usize = 256;
/// The longest `Signature-Input`, in bytes: the longest that is well formed has 268.
pub const SIGNATURE_INPUT_BYTES_MAX: usize = 512;
/// The longest `Signature`, in bytes. The one form has 94; two signatures are refused for what they are.
pub(super) const SIGNATURE_BYTES_MAX: usize = 384;
/// The shortest nonce, in characters: 128 bits.
pub const NONCE_CHARACTERS_MIN: usize = 22;
/// The longest nonce, in characters: 256 bits.
pub const NONCE_CHARACTERS_MAX: usize = 43;
/// A Passport in base64url, in bytes.
pub(super) const PASSPORT_CHARACTERS_MAX: usize = limits::PASSPORT_BYTES_MAX.div_ceil(3) * 4;

/// The only label of a signature.
pub(super) const LABEL: &str = "as1=";

/// RQ-4: no part is longer than its limit.
pub(super) const fn check_length(part: &'static str, value: &str, max: usize) -> Result<(), Error> {
    if value.len() > max {
        return Err(Error::TooLong {
            part,
            found: value.len(),
            max,
        });
    }
    Ok(())
}

/// RQ-10: upper-case letters.
pub(super) fn check_method(value: &str) -> Result<(), Error> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::ComponentMalformed {
            component: "@method",
            expected: "upper-case letters only",
        });
    }
    Ok(())
}

/// RQ-11: RFC 9421 §2.2.3, as normalised there: a lower-case DNS name, an IPv4 address or an IPv6 address in
/// brackets; a port from 1 to 65535 without leading zeros, and not 443, the default.
pub(super) fn check_authority(value: &str) -> Result<(), Error> {
    let (host, port) = if let Some(rest) = value.strip_prefix('[') {
        match rest.split_once(']') {
            Some((host, "")) => (is_ipv6(host), None),
            Some((host, port)) => (is_ipv6(host), Some(port.strip_prefix(':').unwrap_or(""))),
            None => (false, None),
        }
    } else {
        match value.split_once(':') {
            Some((host, port)) => (is_host(host), Some(port)),
            None => (is_host(value), None),
        }
    };
    if !host || !port.is_none_or(is_port) {
        return Err(Error::ComponentMalformed {
            component: "@authority",
            expected: "a lower-case host, with a port only if it is not 443",
        });
    }
    Ok(())
}

fn is_host(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// RFC 5952: the one text of an address.
fn is_ipv6(host: &str) -> bool {
    host.parse::<core::net::Ipv6Addr>()
        .is_ok_and(|address| format!("{address}") == host)
}

fn is_port(port: &str) -> bool {
    port != "443"
        && !port.starts_with('0')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok()
}

/// RQ-12: origin-form, the characters of RFC 3986 §3.3 and §3.4 and nothing else.
pub(super) fn check_target(value: &str) -> Result<(), Error> {
    let malformed = Err(Error::ComponentMalformed {
        component: "@request-target",
        expected: "a path from `/` with an optional query, of the characters of RFC 3986",
    });
    if !value.starts_with('/') {
        return malformed;
    }
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = match byte {
            b'%' => {
                let mut hex = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                hex() && hex()
            }
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b';' | b'=' | b':' | b'@' | b'/' | b'?' => true,
            other => other.is_ascii_alphanumeric(),
        };
        if !allowed {
            return malformed;
        }
    }
    Ok(())
}

/// RQ-13: printable ASCII, no space at either end.
pub(super) fn check_content_type(value: &str) -> Result<(), Error> {
    let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if value.is_empty() || !printable || value.starts_with(' ') || value.ends_with(' ') {
        return Err(Error::ComponentMalformed {
            component: "content-type",
            expected: "printable ASCII without spaces around it",
        });
    }
    Ok(())
}

/// RQ-14: RFC 9530 §2 with the one member `sha-256`.
pub(super) fn parse_content_digest(value: &str) -> Result<[u8; 32], Error> {
    value
        .strip_prefix("sha-256=:")
        .and_then(|rest| rest.strip_suffix(':'))
        .and_then(|text| BASE64.decode(text.as_bytes()).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(Error::ComponentMalformed {
            component: "content-digest",
            expected: "`sha-256=:`, 44 characters of base64 and `:`",
        })
}

pub(super) fn encode_content_digest(digest: &[u8; 32]) -> String {
    format!("sha-256=:{}:", BASE64.encode(digest))
}

/// RQ-15: canonical base64url without padding.
pub(super) fn parse_passport(value: &str) -> Result<Vec<u8>, Error> {
    match BASE64URL_NOPAD.decode(value.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(Error::ComponentMalformed {
            component: "agentsigna-passport",
            expected: "base64url without padding",
        }),
    }
}

pub(super) fn encode_passport(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// RQ-8: `as1=:` and 64 bytes in base64 and `:`.
pub(super) fn parse_signature(value: &str) -> Result<[u8; 64], Error> {
    let rest = value.strip_prefix(LABEL).ok_or(Error::Label)?;
    rest.strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .and_then(|text| BASE64.decode(text.as_bytes()).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(Error::Malformed {
            header: "signature",
            offset: LABEL.len(),
            expected: "`:`, 88 characters of base64 and `:`, then the end",
        })
}

pub(super) fn encode_signature(signature: &[u8; 64]) -> String {
    format!("{LABEL}:{}:", BASE64.encode(signature))
}

/// What stands after the components: RFC 9421 §2.3, in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Seconds since the epoch.
    pub(super) created_s: u64,
    /// Seconds since the epoch.
    pub(super) expires_s: u64,
    pub(super) nonce: Option<String>,
    pub(super) keyid: JwkThumbprint,
}

impl Parameters {
    /// Reads `Signature-Input` after its label, which is also the value of `@signature-params`. `offset` is
    /// where `text` begins in the header.
    pub(super) fn parse(profile: Profile, text: &str, offset: usize) -> Result<Self, Error> {
        let mut cursor = Cursor { rest: text, offset };
        // RQ-2
        cursor.component_list(profile)?;
        // RQ-3: each parameter once, in this order
        cursor.literal(";created=", "`;created=` and seconds")?;
        let created_s = cursor.seconds()?;
        cursor.literal(";expires=", "`;expires=` and seconds")?;
        let expires_s = cursor.seconds()?;
        let nonce = if profile.has_nonce() {
            cursor.literal(";nonce=", "`;nonce=` and a string")?;
            let nonce = cursor.string()?;
            check_nonce(nonce)?;
            Some(nonce.into())
        } else {
            None
        };
        cursor.literal(";keyid=", "`;keyid=` and a string")?;
        let keyid = cursor.keyid()?;
        cursor.literal(";alg=", "`;alg=` and a string")?;
        // RQ-6
        if cursor.string()? != "ed25519" {
            return Err(Error::Algorithm);
        }
        cursor.literal(";tag=", "`;tag=` and a string")?;
        // RQ-7
        if cursor.string()? != profile.tag() {
            return Err(Error::Tag {
                expected: profile.tag(),
            });
        }
        cursor.end()?;
        Ok(Self {
            created_s,
            expires_s,
            nonce,
            keyid,
        })
    }

    /// The value of `@signature-params`.
    pub(super) fn encode(&self, profile: Profile) -> String {
        let nonce = self
            .nonce
            .as_ref()
            .map(|nonce| format!(";nonce=\"{nonce}\""))
            .unwrap_or_default();
        format!(
            "{components};created={created};expires={expires}{nonce};keyid=\"{keyid}\";alg=\"ed25519\";tag=\"{tag}\"",
            components = profile.component_list(),
            created = self.created_s,
            expires = self.expires_s,
            keyid = self.keyid.to_base64url(),
            tag = profile.tag(),
        )
    }
}

/// RQ-5: at least 128 bits.
fn check_nonce(nonce: &str) -> Result<(), Error> {
    let length = (NONCE_CHARACTERS_MIN..=NONCE_CHARACTERS_MAX).contains(&nonce.len());
    let alphabet = nonce
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if length && alphabet {
        Ok(())
    } else {
        Err(Error::Nonce)
    }
}

/// Reads `Signature-Input` from left to right.
struct Cursor<'a> {
    rest: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    const fn expected(&self, expected: &'static str) -> Error {
        Error::Malformed {
            header: "signature-input",
            offset: self.offset,
            expected,
        }
    }

    fn take(&mut self, length: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.offset += length;
        Some(taken)
    }

    fn component_list(&mut self, profile: Profile) -> Result<(), Error> {
        let list = profile.component_list();
        if self.rest.starts_with(list) {
            self.take(list.len());
            return Ok(());
        }
        Err(Error::Components { expected: list })
    }

    fn literal(&mut self, literal: &str, expected: &'static str) -> Result<(), Error> {
        if !self.rest.starts_with(literal) {
            return Err(self.expected(expected));
        }
        self.take(literal.len());
        Ok(())
    }

    /// Seconds since the epoch that [`UnixMillis`] can hold: digits, no sign, no leading zero.
    fn seconds(&mut self) -> Result<u64, Error> {
        let end = self
            .rest
            .bytes()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(self.rest.len());
        let error = self.expected("seconds since 1970 in digits, without sign and leading zeros");
        match self.take(end) {
            Some(digits) if digits == "0" || !digits.starts_with('0') => digits
                .parse()
                .ok()
                .filter(|seconds| *seconds <= UnixMillis::MAX.seconds())
                .ok_or(error),
            _ => Err(error),
        }
    }

    /// A quoted string of printable ASCII without escapes.
    fn string(&mut self) -> Result<&'a str, Error> {
        self.literal("\"", "a quotation mark")?;
        let error = self.expected("printable ASCII without escapes, then a quotation mark");
        let Some((text, _)) = self.rest.split_once('"') else {
            return Err(error);
        };
        if !text
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\')
        {
            return Err(error);
        }
        self.take(text.len() + 1);
        Ok(text)
    }

    fn keyid(&mut self) -> Result<JwkThumbprint, Error> {
        let error = self.expected("an RFC 7638 thumbprint of 43 base64url characters, quoted");
        JwkThumbprint::from_base64url(self.string()?).ok_or(error)
    }

    fn end(&self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.expected("the end: one signature, no other parameter"))
        }
    }
}
