//! Bodies of the portal: strict JSON and forms, and what browsers make of passkeys.

use agentsigna_verifier::{
    json::{self, Members},
    limits,
    passkey::{Assertion, Registration},
    people::PersonName,
};
use axum::{
    body::to_bytes,
    extract::Request,
    http::{HeaderMap, header},
};
use data_encoding::BASE64URL_NOPAD;

use crate::domain::{Invited, Kind, Refusal};

/// A form: a policy text of which every byte may be three.
const FORM_BYTES_MAX: usize = 768 * 1024;
/// A form of a few short fields.
const FIELDS_BYTES_MAX: usize = 8 * 1024;
pub(super) const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a form without fields.
pub(super) async fn nothing(request: Request) -> Result<(), Refusal> {
    check_type(request.headers(), FORM)?;
    let _ = content(request, 0, "body-size").await?;
    Ok(())
}

/// What a request to prepare an act says.
pub(super) enum ActAsked {
    /// A form of a page: the path of the act, and its other fields.
    Form {
        path: String,
        fields: Vec<(String, String)>,
    },
    /// A program: path and body.
    Program { path: String, body: Vec<u8> },
}

/// The members of a JSON body.
pub(super) async fn members(request: Request) -> Result<Members, Refusal> {
    check_type(request.headers(), JSON)?;
    let bytes = content(request, limits::BODY_BYTES_MAX, "json-size").await?;
    Ok(json::parse(&bytes, limits::BODY_BYTES_MAX)?.object()?)
}

/// What is to be prepared: the form of a page, or JSON with `path` and `body`, which is base64url.
pub(super) async fn act(request: Request) -> Result<ActAsked, Refusal> {
    if is_form(request.headers()) {
        let mut fields = fields(request).await?;
        let path = once(&mut fields, "path")?;
        return Ok(ActAsked::Form { path, fields });
    }
    check_type(request.headers(), JSON)?;
    let bytes_max = limits::POLICY_SOURCE_BYTES_MAX.saturating_mul(2);
    let bytes = content(request, bytes_max, "json-size").await?;
    let mut members = json::parse(&bytes, bytes_max)?.object()?;
    let path = members.text("path")?;
    let body = bytes_of(&mut members, "body")?;
    members.finish()?;
    Ok(ActAsked::Program {
        path,
        body: checked(body)?,
    })
}

/// A form of a few short fields, each there once; other fields are not looked at.
pub(super) async fn short_fields<const N: usize>(
    request: Request,
    names: [&str; N],
) -> Result<[Vec<u8>; N], Refusal> {
    check_type(request.headers(), FORM)?;
    let bytes = content(request, FIELDS_BYTES_MAX, "body-size").await?;
    let mut given = form(&bytes)?;
    let mut found: [Vec<u8>; N] = std::array::from_fn(|_| Vec::new());
    for (place, name) in found.iter_mut().zip(names) {
        let mut at = given
            .iter_mut()
            .filter(|(field, _)| field == name.as_bytes());
        match (at.next(), at.next()) {
            (Some((_, value)), None) => *place = std::mem::take(value),
            _ => {
                return Err(Refusal::invalid(
                    "form-field",
                    "",
                    format!("expected the field `{name}` once"),
                ));
            }
        }
    }
    Ok(found)
}

/// Whether a page sent it, and a page is expected.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    check_type(headers, FORM).is_ok()
}

/// A context and the assertion over it, as JSON or as a form of the same names in base64url.
pub(super) async fn signed(request: Request) -> Result<(Vec<u8>, Assertion), Refusal> {
    if !is_form(request.headers()) {
        let mut members = members(request).await?;
        let context = bytes_of(&mut members, "context")?;
        let assertion = assertion(&mut members)?;
        members.finish()?;
        return Ok((context, assertion));
    }
    let mut fields = fields(request).await?;
    let mut bytes = |name: &str| {
        let text = once(&mut fields, name)?;
        BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| {
            Refusal::invalid(
                "form-field",
                "",
                format!("`{name}` is not base64url without padding"),
            )
        })
    };
    let context = bytes("context")?;
    let [credential, authenticator, client, signature] = [
        bytes("credential")?,
        bytes("authenticator")?,
        bytes("client")?,
        bytes("signature")?,
    ];
    let assertion = asserted(credential, &authenticator, &client, &signature)?;
    Ok((context, assertion))
}

/// The fields of a form, as text, in their order.
async fn fields(request: Request) -> Result<Vec<(String, String)>, Refusal> {
    let bytes = content(request, FORM_BYTES_MAX, "body-size").await?;
    form(&bytes)?
        .into_iter()
        .map(|(name, value)| {
            Some((
                String::from_utf8(name).ok()?,
                String::from_utf8(value).ok()?,
            ))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| Refusal::new(Kind::Malformed, "form-encoding", "expected UTF-8"))
}

/// Takes the field `name`, which stands once.
fn once(fields: &mut Vec<(String, String)>, name: &str) -> Result<String, Refusal> {
    let mut found = fields.extract_if(.., |(field, _)| field == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Ok(value),
        _ => Err(Refusal::invalid(
            "form-field",
            "",
            format!("expected the field `{name}` once"),
        )),
    }
}

/// A policy text out of the field `body` of a form, its lines ended as bodies end them.
pub(super) async fn policy_text(request: Request) -> Result<String, Refusal> {
    check_type(request.headers(), FORM)?;
    let mut fields = fields(request).await?;
    let text = once(&mut fields, "body")?.replace("\r\n", "\n");
    if !fields.is_empty() {
        return Err(Refusal::invalid(
            "form-field",
            "",
            "expected the field `body` and no other",
        ));
    }
    if text.len() > limits::POLICY_SOURCE_BYTES_MAX {
        return Err(too_large("body-size", limits::POLICY_SOURCE_BYTES_MAX));
    }
    Ok(text)
}

/// A body is as long as a policy text at most.
pub(super) fn checked(body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    if body.len() > limits::POLICY_SOURCE_BYTES_MAX {
        return Err(too_large("body-size", limits::POLICY_SOURCE_BYTES_MAX));
    }
    Ok(body)
}

/// Who was invited: the first members of a join.
pub(super) fn invited(members: &mut Members) -> Result<Invited, Refusal> {
    Ok(Invited {
        origin: members.text("log")?,
        user: members.text("user")?,
        code: members.text("code")?,
    })
}

/// The name of a person.
pub(super) fn person_name(members: &mut Members) -> Result<PersonName, Refusal> {
    Ok(members.parsed("name", |text| {
        PersonName::parse(text).ok_or(PersonName::EXPECTED)
    })?)
}

/// A member that is base64url.
pub(super) fn bytes_of(members: &mut Members, name: &str) -> Result<Vec<u8>, Refusal> {
    Ok(members.parsed(name, |text| {
        BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| "expected base64url without padding")
    })?)
}

/// The members `credential`, `authenticator`, `client`, `signature`.
pub(super) fn assertion(members: &mut Members) -> Result<Assertion, Refusal> {
    let credential = bytes_of(members, "credential")?;
    let authenticator = bytes_of(members, "authenticator")?;
    let client = bytes_of(members, "client")?;
    let signature = bytes_of(members, "signature")?;
    asserted(credential, &authenticator, &client, &signature)
}

fn asserted(
    credential: Vec<u8>,
    authenticator: &[u8],
    client: &[u8],
    signature: &[u8],
) -> Result<Assertion, Refusal> {
    Assertion::new(credential, authenticator, client, signature)
        .map_err(|error| Refusal::new(Kind::Malformed, error.code(), error.to_string()))
}

/// The members `authenticator`, `client`.
pub(super) fn registration(members: &mut Members) -> Result<Registration, Refusal> {
    let authenticator = bytes_of(members, "authenticator")?;
    let client = bytes_of(members, "client")?;
    Registration::new(authenticator, &client)
        .map_err(|error| Refusal::new(Kind::Malformed, error.code(), error.to_string()))
}

fn check_type(headers: &HeaderMap, expected: &str) -> Result<(), Refusal> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    if types.next().is_some_and(|found| found == expected) && types.next().is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Malformed,
        "media-type",
        format!("expected content of the type `{expected}`"),
    ))
}

async fn content(
    request: Request,
    bytes_max: usize,
    code: &'static str,
) -> Result<Vec<u8>, Refusal> {
    let bytes = to_bytes(request.into_body(), bytes_max).await;
    Ok(bytes.map_err(|_| too_large(code, bytes_max))?.into())
}

fn too_large(code: &'static str, bytes_max: usize) -> Refusal {
    Refusal::new(
        Kind::TooLarge,
        code,
        format!("content longer than {bytes_max} bytes, or cut off"),
    )
}

pub(super) type Field = (Vec<u8>, Vec<u8>);

/// `application/x-www-form-urlencoded`, as browsers write it.
pub(super) fn form(bytes: &[u8]) -> Result<Vec<Field>, Refusal> {
    let parts = bytes.split(|byte| *byte == b'&');
    parts
        .filter(|part| !part.is_empty())
        .map(|part| {
            let mut halves = part.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next(), halves.next());
            Ok((
                decoded(name.unwrap_or_default())?,
                decoded(value.unwrap_or_default())?,
            ))
        })
        .collect()
}

fn decoded(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let [high, low] = [rest.next(), rest.next()].map(hex);
                match (high, low) {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => {
                        return Err(Refusal::new(
                            Kind::Malformed,
                            "form-encoding",
                            "expected two hex digits after `%`",
                        ));
                    }
                }
            }
            plain => *plain,
        });
    }
    Ok(out)
}

fn hex(digit: Option<&u8>) -> Option<u8> {
    let digit = char::from(*digit?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    //! Goal: a form says what its page said, and nothing else is one.

    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let read = form(b"path=%2Fv1%2Fusers&body=%7B%22a%22%3A+1%7D%0D%0A&x").unwrap();
        let expected: [(&[u8], &[u8]); 3] = [
            (b"path", b"/v1/users"),
            (b"body", b"{\"a\": 1}\r\n"),
            (b"x", b""),
        ];
        for ((name, value), (expected_name, expected_value)) in read.iter().zip(expected) {
            assert_eq!((&**name, &**value), (expected_name, expected_value));
        }
        assert_eq!(read.len(), 3);
        assert!(form(b"").unwrap().is_empty());
        // Every byte comes through, written as browsers write it.
        let all: Vec<u8> = (0..=255).collect();
        let written: String = all.iter().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(form(written.as_bytes()).unwrap(), [(all, Vec::new())]);
        for bad in [b"a=%".as_slice(), b"a=%2", b"a=%g0", b"%zz"] {
            assert_eq!(form(bad).unwrap_err().code, "form-encoding");
        }
    }
}
