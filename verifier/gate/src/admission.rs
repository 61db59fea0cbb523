//! One call: read, judged, written down, handed on.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use agentsigna_verifier::{
    gate::{Admissible, BODY_BYTES_MAX, Call, GateError, Mapping, judge},
    signed_request::Message,
    time::UnixMillis,
    trust::Trust,
};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{sync::mpsc, task};

use crate::{
    numbers::Numbers,
    reports::{self, Reports},
    seen::{Report, Seen, SeenError},
};

/// What was used up here, or speaks of a connection that ends here (GA-9).
const NOT_HANDED_ON: [&str; 16] = [
    "agentsigna-passport",
    "agentsigna-case",
    "agentsigna-agent",
    "signature-input",
    "signature",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "forwarded",
    "expect",
];

/// What a gate knows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom to believe; its targets are the audiences of this gate.
    pub trust: Trust,
    /// What calls there are.
    pub mapping: Mapping,
    /// The names by which the gate is called, normalised (RQ-11).
    pub authorities: Vec<String>,
    /// The folder of [`Seen`].
    pub state: PathBuf,
    /// Whether a platform is told of each admission: then somebody must run [`Reports::run`].
    pub reports: bool,
}

/// A gate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    trust: Trust,
    mapping: Mapping,
    authorities: Vec<String>,
    seen: Arc<Seen>,
    numbers: Arc<Numbers>,
    reports: Option<mpsc::UnboundedSender<Report>>,
}

/// Why a gate cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No call could ever be for this gate.
    #[error(
        "the trust file names no targets: add `<origin>#<system id>` of the system behind this gate"
    )]
    NoTarget,
    /// It has no name.
    #[error("no name by which the gate is called")]
    NoAuthority,
    /// The folder of used Passports.
    #[error(transparent)]
    Seen(#[from] SeenError),
}

/// Why a call was not admitted: a problem (RFC 9457).
#[derive(Debug, thiserror::Error)]
pub enum GateProblem {
    /// The call is for another server.
    #[error("this gate does not answer to `{0}`")]
    Authority(String),
    /// A header twice, or not ASCII. RQ-17
    #[error("header `{0}` stands more than once or is not ASCII")]
    Header(&'static str),
    /// The judgement.
    #[error(transparent)]
    Judged(#[from] GateError),
    /// The content is too long, or was cut off.
    #[error("content longer than {BODY_BYTES_MAX} bytes, or cut off")]
    Body,
    /// The Passport was used before.
    #[error("this Passport was used before: ask for a new one")]
    Used,
    /// The clock of this machine stands before 1970.
    #[error("the clock of this machine is wrong")]
    Clock,
    /// What cannot be written down is not admitted.
    #[error("what is admitted could not be written down: try again later, with a new Passport")]
    Seen(#[source] SeenError),
    /// The thread that was to write it down ended before it could say so.
    #[error("what is admitted may not be written down: try again later, with a new Passport")]
    Unwritten,
}

impl GateProblem {
    /// The code of `spec/gate.md` §6.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Authority(_) => "authority-mismatch",
            Self::Header(_) => "component-malformed",
            Self::Judged(error) => error.code(),
            Self::Body => "body-size",
            Self::Used => "used",
            Self::Clock => "no-clock",
            Self::Seen(_) | Self::Unwritten => "seen-set",
        }
    }

    const fn status(&self) -> u16 {
        match self {
            Self::Authority(_) => 421,
            Self::Header(_) => 401,
            Self::Judged(error) => error.status(),
            Self::Body => 413,
            Self::Used => 403,
            Self::Clock | Self::Seen(_) | Self::Unwritten => 503,
        }
    }
}

impl IntoResponse for GateProblem {
    fn into_response(self) -> Response {
        problem(self.status(), self.code(), &self.to_string())
    }
}

/// A problem of RFC 9457, as those of a gate: `code` is a word of `spec/gate.md` §6.
#[must_use]
pub fn problem(status: u16, code: &str, detail: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({
        "type": format!("urn:agentsigna:problem:{code}"),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    let no_store = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    response
}

/// For [`axum::middleware::from_fn_with_state`]: what is behind it is called once for each Passport that permits it.
pub async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.admit(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl Gate {
    /// Opens a gate.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::with_reports(settings).map(|(gate, _)| gate)
    }

    /// Opens a gate, with its reports for somebody who sends them: none, if the settings ask for none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn with_reports(settings: Settings) -> Result<(Self, Option<Reports>), OpenError> {
        if settings.trust.targets().is_empty() {
            return Err(OpenError::NoTarget);
        }
        if settings.authorities.is_empty() {
            return Err(OpenError::NoAuthority);
        }
        let seen = Arc::new(Seen::open(&settings.state)?);
        let numbers = Arc::<Numbers>::default();
        let mut sender = None;
        let mut reports = None;
        if settings.reports {
            let (outbox, inbox) = mpsc::unbounded_channel();
            let unreported = seen.unreported()?;
            numbers.waiting(unreported.len());
            reports = Some(Reports::new(
                Arc::clone(&seen),
                Arc::clone(&numbers),
                unreported,
                inbox,
            ));
            sender = Some(outbox);
        }
        let inner = Inner {
            trust: settings.trust,
            mapping: settings.mapping,
            authorities: settings.authorities,
            seen,
            numbers,
            reports: sender,
        };
        let gate = Self {
            inner: Arc::new(inner),
        };
        Ok((gate, reports))
    }

    /// What it has counted.
    #[must_use]
    pub fn numbers(&self) -> &Numbers {
        &self.inner.numbers
    }

    /// Removes Passports that ended long ago from the folder.
    ///
    /// # Errors
    /// [`SeenError`].
    pub fn tidy(&self) -> Result<(), SeenError> {
        let now_s = now().map_or(0, |now| now.seconds());
        self.inner.seen.tidy(now_s, self.inner.reports.is_some())
    }

    /// The request as it may be handed on: its Passport is used up, durably.
    ///
    /// # Errors
    /// [`GateProblem`].
    pub async fn admit(&self, request: Request) -> Result<Request, GateProblem> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX)
            .await
            .map_err(|_| GateProblem::Body);
        let begun = Instant::now();
        let admitted = match body {
            Ok(body) => self.judged(parts, body.into()).await,
            Err(problem) => Err(problem),
        };
        let took = begun.elapsed();
        match &admitted {
            Ok(_) => self.inner.numbers.admitted(took),
            Err(problem) => self.inner.numbers.refused(problem.code(), took),
        }
        admitted
    }

    async fn judged(&self, mut parts: Parts, body: Vec<u8>) -> Result<Request, GateProblem> {
        let admissible = self.judge(&parts, &body)?;
        let claims = admissible.claims();
        let report = reports::body(claims);
        let (cti, expires_s) = (claims.cti, claims.expires_s);
        let (seen, written) = (Arc::clone(&self.inner.seen), report.clone());
        // GA-8: on the disk before anybody is called.
        let first = task::spawn_blocking(move || seen.claim(&cti, expires_s, &written));
        match first.await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(GateProblem::Used),
            Ok(Err(error)) => return Err(GateProblem::Seen(error)),
            Err(_) => return Err(GateProblem::Unwritten),
        }
        if let Some(reports) = &self.inner.reports {
            // Nobody sends them: they are on the disk for the next start.
            let _ = reports.send(Report { cti, body: report });
        }
        hand_on(&mut parts.headers, &admissible);
        Ok(Request::from_parts(parts, Body::from(body)))
    }

    fn judge(&self, parts: &Parts, body: &[u8]) -> Result<Admissible, GateProblem> {
        let headers = &parts.headers;
        let host = once(headers, "host")?.unwrap_or_default();
        let known = self.inner.authorities.iter();
        let authority = known
            .filter(|_| parts.uri.authority().is_none())
            .find(|name| name.eq_ignore_ascii_case(host))
            .ok_or_else(|| GateProblem::Authority(host.escape_debug().to_string()))?;
        let now = now().ok_or(GateProblem::Clock)?;
        let call = Call {
            message: Message {
                method: parts.method.as_str(),
                authority,
                target: parts
                    .uri
                    .path_and_query()
                    .map_or("/", |target| target.as_str()),
                content_type: once(headers, "content-type")?,
                content_digest: once(headers, "content-digest")?,
                passport: once(headers, "agentsigna-passport")?,
                signature_input: once(headers, "signature-input")?,
                signature: once(headers, "signature")?,
            },
            body,
        };
        Ok(judge(&call, &self.inner.trust, &self.inner.mapping, now)?)
    }
}

fn now() -> Option<UnixMillis> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    UnixMillis::new(u64::try_from(since.as_millis()).ok()?)
}

/// RQ-17.
fn once<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, GateProblem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(GateProblem::Header(name)),
    }
}

/// GA-9: what the upstream sees.
fn hand_on(headers: &mut HeaderMap, admissible: &Admissible) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let forwarded: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-forwarded-"))
        .cloned()
        .collect();
    for name in named.into_iter().chain(forwarded) {
        headers.remove(name);
    }
    for name in NOT_HANDED_ON {
        headers.remove(name);
    }
    let claims = admissible.claims();
    for (name, value) in [
        ("agentsigna-case", claims.case.to_string()),
        ("agentsigna-agent", claims.agent.to_string()),
    ] {
        // Hex digits and ids stand in every header.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
