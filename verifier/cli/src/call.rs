//! `call METHOD URL`: a signed request (`spec/requests.md`), the curl of agents, target systems and founders.
//!
//! What is signed is what is sent: method, authority and target are taken from the URL as the HTTP client will
//! write it. Deliberately not here: retries (each would need a new nonce, and the caller's judgement),
//! redirects (a signature is for one host), and belief in the answer (that is `passport`'s).

mod answer;
mod http;

use std::path::PathBuf;

use agentsigna_verifier::{
    limits,
    passport::Passport,
    signed_request::{Content, Draft, Headers, Profile, Request},
    time::UnixMillis,
};
use clap::ValueEnum;
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use crate::{
    Exit,
    failure::Failure,
    files,
    key_file::Key,
    print::{Page, plain},
};
pub(crate) use http::Place;

/// Of a body to send: the longest text policy.
const BODY_BYTES_MAX: usize = limits::POLICY_SOURCE_BYTES_MAX;
/// Random bytes of a nonce: 128 bits (RQ-5).
const NONCE_BYTES: usize = 16;

/// Sign a request and send it, once.
///
/// Exit status: 0 for an answer 2xx, 1 for a refusal 4xx, 3 for anything else.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// In capital letters: GET, POST, …
    method: String,
    /// `https://…`, or `http://…` on this machine.
    url: String,
    /// The private key that signs.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What the signature is for.
    #[arg(long, value_enum)]
    profile: ProfileName,
    /// What to send; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// What it is.
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    content_type: String,
    /// The Passport to show, as bytes or base64url text (profile `exec`).
    #[arg(long, value_name = "FILE")]
    passport: Option<PathBuf>,
    /// What kind of answer to ask for.
    #[arg(long, value_name = "TYPE", default_value = "*/*")]
    accept: String,
    /// Put the body of an answer 2xx into a new file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Let the server wait so many seconds for a change, 0 to 50: adds `?wait=` to the URL.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=50))]
    wait: Option<u64>,
    /// The name of the server, if it is not the URL's: `Host`, and what is signed.
    #[arg(long, value_name = "NAME")]
    authority: Option<String>,
    /// Print what would be signed and sent; send nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The profiles of `spec/requests.md` §3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// An agent or a target system changes something.
    Action,
    /// Anybody reads.
    Read,
    /// A new key claims its place.
    Enrol,
    /// The tenant's founder acts.
    Founder,
    /// An agent calls a target system, with its Passport.
    Exec,
}

impl ProfileName {
    const fn profile(self) -> Profile {
        match self {
            Self::Action => Profile::Action,
            Self::Read => Profile::Read,
            Self::Enrol => Profile::Enrol,
            Self::Founder => Profile::Founder,
            Self::Exec => Profile::Exec,
        }
    }
}

/// A signed request, ready to be sent.
struct Ready<'a> {
    method: &'a str,
    place: Place,
    authority: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    base: String,
}

#[derive(Serialize)]
struct DryRun<'a> {
    method: &'a str,
    url: &'a str,
    authority: &'a str,
    target: &'a str,
    headers: std::collections::BTreeMap<&'static str, &'a str>,
    base: &'a str,
}

pub(crate) fn run(
    arguments: &Arguments,
    now: Option<UnixMillis>,
    page: &mut Page,
) -> Result<Exit, Failure> {
    let now = now.ok_or_else(|| Failure::new("the clock of this machine is wrong: set it"))?;
    let ready = sign(arguments, now)?;
    // CL-24
    if arguments.dry_run {
        return dry_run(&ready, page);
    }
    // CL-10: said before anything is done at the other end.
    if let Some(out) = &arguments.out
        && out.symlink_metadata().is_ok()
    {
        return Err(Failure::new(format!(
            "`{}` is there already: choose another name",
            out.display()
        )));
    }
    let answer = http::send(&ready, arguments.wait.unwrap_or_default())?;
    answer.say(arguments.out.as_deref(), page)
}

fn sign(arguments: &Arguments, now: UnixMillis) -> Result<Ready<'_>, Failure> {
    let profile = arguments.profile.profile();
    let place = Place::parse(&arguments.url, arguments.wait)?;
    let authority = arguments
        .authority
        .clone()
        .unwrap_or_else(|| place.authority());
    let body = body(arguments, profile)?;
    let passport = passport(arguments, profile)?;
    // CL-23
    let nonce = profile.has_nonce().then(nonce).transpose()?;
    let created_s = now.seconds();
    let key = Key::read(&arguments.key)?;
    let draft = Draft::new(
        profile,
        &Request {
            method: &arguments.method,
            authority: &authority,
            target: place.target(),
            content: profile.has_content().then_some(Content {
                kind: &arguments.content_type,
                body: &body,
            }),
            passport: passport.as_deref(),
            created_s,
            // RQ-22: the longest life there is.
            expires_s: created_s.saturating_add(limits::REQUEST_LIFE_S_MAX),
            nonce: nonce.as_deref(),
        },
        *key.public(),
    )
    .map_err(|error| Failure::of("request", &error))?;
    let signed = draft
        .sign(&key.sign(draft.base()))
        .map_err(|error| Failure::of("request", &error))?;
    Ok(Ready {
        method: &arguments.method,
        headers: headers(arguments, profile, signed, authority.clone()),
        base: String::from_utf8_lossy(draft.base()).into_owned(),
        place,
        authority,
        body,
    })
}

fn body(arguments: &Arguments, profile: Profile) -> Result<Vec<u8>, Failure> {
    match (&arguments.body, profile) {
        (Some(_), Profile::Read) => Err(Failure::new("a read has no body: leave out `--body`")),
        (Some(path), _) => files::read(path, BODY_BYTES_MAX),
        // A target system may well take a call without content.
        (None, Profile::Read | Profile::Exec) => Ok(Vec::new()),
        (None, Profile::Action | Profile::Enrol | Profile::Founder) => Err(Failure::new(
            "this profile signs content: name it with `--body FILE`",
        )),
    }
}

fn passport(arguments: &Arguments, profile: Profile) -> Result<Option<Vec<u8>>, Failure> {
    match (&arguments.passport, profile.has_passport()) {
        (None, false) => Ok(None),
        (None, true) => Err(Failure::new(
            "a call to a target system shows a Passport: name it with `--passport FILE`",
        )),
        (Some(_), false) => Err(Failure::new(
            "only the profile `exec` shows a Passport: leave out `--passport`",
        )),
        (Some(path), true) => {
            // As text it is a third longer.
            let bytes = files::read(path, limits::PASSPORT_BYTES_MAX * 3 / 2)?;
            let bytes = files::passport_bytes(bytes);
            Passport::parse(&bytes)
                .map_err(|error| Failure::of(format!("`{}`", path.display()), &error))?;
            Ok(Some(bytes))
        }
    }
}

/// 22 characters of base64url.
pub(crate) fn nonce() -> Result<String, Failure> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Failure::of("randomness of the system", &error))?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

fn headers(
    arguments: &Arguments,
    profile: Profile,
    signed: Headers,
    authority: String,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![("Host", authority), ("Accept", arguments.accept.clone())];
    if profile.has_content() {
        headers.push(("Content-Type", arguments.content_type.clone()));
    }
    headers.extend(
        signed
            .content_digest
            .map(|digest| ("Content-Digest", digest)),
    );
    headers.extend(signed.passport.map(|text| ("AgentSigna-Passport", text)));
    headers.push(("Signature-Input", signed.signature_input));
    headers.push(("Signature", signed.signature));
    headers
}

fn dry_run(ready: &Ready<'_>, page: &mut Page) -> Result<Exit, Failure> {
    if page.wants_json() {
        page.value(&DryRun {
            method: ready.method,
            url: ready.place.url(),
            authority: &ready.authority,
            target: ready.place.target(),
            headers: ready
                .headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect(),
            base: &ready.base,
        })?;
        return Ok(Exit::Valid);
    }
    page.line(format!(
        "{} {} HTTP/1.1",
        ready.method,
        ready.place.target()
    ));
    for (name, value) in &ready.headers {
        page.line(format!("{name}: {}", plain(value)));
    }
    page.line("");
    page.line(format!("({} bytes of content)", ready.body.len()));
    page.heading("Signed: the signature base of RFC 9421 §2.5");
    page.line(ready.base.as_str());
    page.line("");
    page.line("Nothing was sent.");
    Ok(Exit::Valid)
}
