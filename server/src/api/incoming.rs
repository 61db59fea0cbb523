//! From HTTP to a signed message: headers once each, a configured name, a bounded body.

use agentsigna_verifier::signed_request::{self, Message, Profile, Signed};
use axum::{
    body::{Body, HttpBody as _, to_bytes},
    http::{HeaderMap, HeaderName, header, request::Parts},
};

use super::{Door, Received};
use crate::domain::{Kind, Refusal};

/// A signed message and its content.
pub(super) struct Incoming {
    pub(super) signed: Signed,
    pub(super) body: Vec<u8>,
    pub(super) parts: Parts,
}

/// Reads a request that must be signed under `profile`, with at most `body_bytes_max` of content.
///
/// # Errors
/// [`Refusal`], in the order of `spec/requests.md §5`: lengths, form of the headers; then the size of the body.
pub(super) async fn read(
    door: &Door,
    request: Received,
    profile: Profile,
    media_type: Option<&str>,
    body_bytes_max: usize,
) -> Result<Incoming, Refusal> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let content_type = once(headers, &header::CONTENT_TYPE)?;
    let content_digest = once(headers, &HeaderName::from_static("content-digest"))?;
    let signature_input = once(headers, &HeaderName::from_static("signature-input"))?;
    let signature = once(headers, &HeaderName::from_static("signature"))?;
    let authority = authority(door, &parts)?;
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let signed = signed_request::parse(
        &Message {
            method: parts.method.as_str(),
            authority,
            target,
            content_type,
            content_digest,
            passport: None,
            signature_input,
            signature,
        },
        profile,
    )?;
    if let Some(expected) = media_type
        && content_type.is_none_or(|found| !found.eq_ignore_ascii_case(expected))
    {
        return Err(Refusal::new(
            Kind::Malformed,
            "media-type",
            format!("expected content of the type `{expected}`"),
        ));
    }
    // JS-1, RQ-4: what says that it is too long is refused unread.
    let code = match media_type {
        Some(super::agent::JSON) => "json-size",
        _ => "body-size",
    };
    let body = content(body, body_bytes_max, code).await?;
    Ok(Incoming {
        signed,
        body,
        parts,
    })
}

async fn content(body: Body, bytes_max: usize, code: &'static str) -> Result<Vec<u8>, Refusal> {
    let refused = || {
        Refusal::new(
            Kind::TooLarge,
            code,
            format!("content longer than {bytes_max} bytes, or cut off"),
        )
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(refused());
    }
    let bytes = to_bytes(body, bytes_max).await.map_err(|_| refused())?;
    Ok(bytes.into())
}

/// RQ-17: the value of a header that stands once at most, as visible ASCII.
fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let fault = |what: &str| {
        Refusal::new(
            Kind::Unauthenticated,
            "component-malformed",
            format!("header `{name}` {what}"),
        )
    };
    if values.next().is_some() {
        return Err(fault("stands more than once"));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| fault("has bytes that are not ASCII"))
}

/// RQ-18: the configured name that equals the received one. Forwarded headers are not read.
fn authority<'a>(door: &'a Door, parts: &Parts) -> Result<&'a str, Refusal> {
    let received = once(&parts.headers, &header::HOST)?.unwrap_or_default();
    let same = |name: &&String| name.eq_ignore_ascii_case(received);
    match door.authorities.iter().find(same) {
        // An absolute request target names an authority of its own: not the origin form that was signed.
        Some(name) if parts.uri.authority().is_none() => Ok(name),
        _ => Err(Refusal::new(
            Kind::Misdirected,
            "authority-mismatch",
            format!("this server does not answer to `{received}`"),
        )),
    }
}
