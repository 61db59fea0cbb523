//! Before every handler of the portal: is it our site, did our own page send it, is there such a route, may this person
//! ask. After it: the headers that no answer is without.

use std::sync::Arc;

use agentsigna_verifier::passkey::Site;
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    Door, body, entrance, pages,
    routes::{On, Route, Who, portal_routes},
};
use crate::{
    api::error::Refused,
    domain::{Entered, Kind, Refusal, Use, Visitor},
};

/// The cookie of a session: for this host alone, over TLS alone, for requests of our own pages alone.
const COOKIE: &str = "__Host-agentsigna-tenant";
const COOKIE_KIND: &str = "Secure; HttpOnly; SameSite=Strict; Path=/";

/// The cookie of a browser in which somebody signed in before (`spec/tenant-api.md §4.2`): opens nothing.
const BROWSER: &str = "__Host-agentsigna-browser";
/// 90 days.
const BROWSER_S: u32 = 7_776_000;

/// Sets the cookies of somebody who signed in: the session's, and the mark of the browser.
pub(super) fn set_cookies(response: &mut Response, entered: &Entered) {
    set_cookie(response, &entered.id);
    let mark = &entered.mark;
    let text = format!("{BROWSER}={mark}; Max-Age={BROWSER_S}; {COOKIE_KIND}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The mark of the browser, if it has exactly one.
pub(super) fn mark(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, BROWSER)
}

/// Sets the cookie of a session.
pub(super) fn set_cookie(response: &mut Response, id: &str) {
    put_cookie(response, &format!("{COOKIE}={id}; {COOKIE_KIND}"));
}

/// Makes the browser forget the cookie.
pub(super) fn forget_cookie(response: &mut Response) {
    put_cookie(response, &format!("{COOKIE}=; Max-Age=0; {COOKIE_KIND}"));
}

fn put_cookie(response: &mut Response, text: &str) {
    // An id is base64url, which stands in every header.
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// The guard: everything of a request that is the same for all routes. Fails closed.
pub(super) async fn guard(
    State(door): State<Arc<Door>>,
    mut request: Request,
    next: Next,
) -> Response {
    let found = match admit(&door, &request) {
        Ok(found) => found,
        Err((refusal, asked)) => return asked.refuse(refusal),
    };
    request.extensions_mut().insert(found.on);
    let renewed = found.visitor.as_deref().and_then(Visitor::renewed);
    let renewed = renewed.map(str::to_owned);
    if let Some(visitor) = found.visitor {
        request.extensions_mut().insert(visitor);
    }
    let mut response = next.run(request).await;
    if let Some(id) = renewed
        && !response.headers().contains_key(header::SET_COOKIE)
    {
        set_cookie(&mut response, &id);
    }
    response
}

struct Found {
    on: On,
    visitor: Option<Arc<Visitor>>,
}

/// What the refused one looks at.
enum Asked {
    Page,
    /// A page for people who are signed in, asked for by somebody who is not.
    Entrance,
    /// Another method, where these are there.
    Method(String),
    Data,
}

impl Asked {
    fn refuse(self, refusal: Refusal) -> Response {
        match self {
            Self::Data => Refused(refusal).into_response(),
            Self::Page => entrance::problem(refusal),
            Self::Method(there) => {
                let mut response = Refused(refusal).into_response();
                // Method names stand in every header.
                if let Ok(there) = HeaderValue::from_str(&there) {
                    response.headers_mut().insert(header::ALLOW, there);
                }
                response
            }
            Self::Entrance => {
                let mut response = StatusCode::SEE_OTHER.into_response();
                let to = HeaderValue::from_static("/sign-in");
                response.headers_mut().insert(header::LOCATION, to);
                response
            }
        }
    }
}

fn admit(door: &Door, request: &Request) -> Result<Found, (Refusal, Asked)> {
    let headers = request.headers();
    let (on, site) = site(door, request).map_err(|refusal| (refusal, Asked::Data))?;
    let reads = request.method() == Method::GET;
    if !reads {
        own(headers, site).map_err(|refusal| (refusal, Asked::Data))?;
    }
    let route = route(on, request)?;
    // Who sends a form looks at the answer; a program sends JSON.
    let looks = if reads {
        route.page
    } else {
        body::is_form(headers)
    };
    let asked = || if looks { Asked::Page } else { Asked::Data };
    let roles: &[_] = match route.who {
        Who::Anybody | Who::Invited | Who::Ticket => return Ok(Found { on, visitor: None }),
        Who::Person => &[],
        Who::Roles(roles) => roles,
    };
    // TA-4: the cookie, and nothing else of the request, says who asks.
    let visitor = match session(headers) {
        Some(id) => door
            .office
            .visitor(id, made(route, request))
            .map_err(|refusal| (refusal, asked()))?,
        None => None,
    };
    let Some(visitor) = visitor else {
        let entrance = if route.page && reads {
            Asked::Entrance
        } else {
            asked()
        };
        return Err((signed_out(), entrance));
    };
    // TA-1, TA-12: what is for other roles is not there.
    if !roles.is_empty() && !visitor.has_one_of(roles) {
        return Err((Refusal::not_found(), asked()));
    }
    Ok(Found {
        on,
        visitor: Some(Arc::new(visitor)),
    })
}

/// TA-17: what a person did to send this. Scripts ask by `fetch` and `EventSource`, both in the mode `cors`; a browser
/// that does not say so makes pages live longer, never shorter.
fn made(route: &Route, request: &Request) -> Use {
    let mut modes = request.headers().get_all("sec-fetch-mode").iter();
    if request.method() != Method::GET {
        Use::Act
    } else if route.path == "/events" || modes.any(|mode| mode == "cors") {
        Use::Background
    } else {
        Use::Read
    }
}

/// TA-2: one of the two sites, byte for byte.
fn site<'a>(door: &'a Door, request: &Request) -> Result<(On, &'a Site), Refusal> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let absolute = request.uri().authority().is_some();
    for (on, site) in [
        (On::Portal, door.sites.portal()),
        (On::Approval, door.sites.approval()),
    ] {
        let own = site.origin().split_once("://").map(|(_, host)| host);
        if own == host && hosts.next().is_none() && !absolute {
            return Ok((on, site));
        }
    }
    Err(Refusal::new(
        Kind::Misdirected,
        "authority-mismatch",
        format!(
            "this server has no site `{}`",
            host.unwrap_or_default().escape_debug()
        ),
    ))
}

/// TA-3: what changes something is sent by a page of the same site.
fn own(headers: &HeaderMap, site: &Site) -> Result<(), Refusal> {
    let is = |name: &HeaderName, expected: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().is_some_and(|value| value == expected) && values.next().is_none()
    };
    if is(&header::ORIGIN, site.origin())
        && is(&HeaderName::from_static("sec-fetch-site"), "same-origin")
    {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Forbidden,
        "cross-site",
        format!("only pages of `{site}` send this: open the page there"),
    ))
}

/// TA-1: the row of the table. What is on the other site does not exist.
fn route(on: On, request: &Request) -> Result<&'static Route, (Refusal, Asked)> {
    let path = request.extensions().get::<MatchedPath>();
    let here: Vec<&Route> = portal_routes()
        .filter(|route| route.is_on(on) && path.is_some_and(|path| path.as_str() == route.path))
        .collect();
    if here.is_empty() {
        return Err((Refusal::not_found(), Asked::Data));
    }
    let method = request.method().as_str();
    if let Some(route) = here.iter().find(|route| route.method == method) {
        return Ok(route);
    }
    let there: Vec<&str> = here.iter().map(|route| route.method).collect();
    let refusal = Refusal::new(
        Kind::Malformed,
        "method-not-allowed",
        "this path has another method: see `Allow`",
    );
    Err((refusal, Asked::Method(there.join(", "))))
}

/// The id in the session's cookie, if there is exactly one.
fn session(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
}

/// The value of the cookie `name`, if there is exactly one.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut ids = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    let id = ids.next()?;
    ids.next().is_none().then_some(id)
}

fn signed_out() -> Refusal {
    Refusal::new(
        Kind::Unauthenticated,
        "signed-out",
        "you are not signed in, or no longer: sign in",
    )
}

/// Headers that no answer is without: also 404, 405 and scripts.
pub(super) async fn locked_down(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, pages::CSP),
        // With `no-referrer`, browsers send forms with `Origin: null`, which TA-3 refuses.
        (header::REFERRER_POLICY, "same-origin"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
        (
            HeaderName::from_static("permissions-policy"),
            "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), geolocation=(), \
             microphone=(), payment=(), usb=()",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    //! Goal: what a script of a page asks for is told from what a person does.

    use axum::body::Body;

    use super::*;

    #[test]
    fn ta_17_what_scripts_read_is_nobodys_act() {
        let ask = |method: &str, path: &'static str, modes: &[&str]| {
            let mut request = Request::builder().method(method).uri(path);
            for mode in modes {
                request = request.header("Sec-Fetch-Mode", *mode);
            }
            let mut routes = portal_routes();
            let route = routes.find(|route| route.path == path && route.method == method);
            made(route.unwrap(), &request.body(Body::empty()).unwrap())
        };
        assert_eq!(ask("GET", "/ledger", &[]), Use::Read);
        assert_eq!(ask("GET", "/ledger", &["navigate"]), Use::Read);
        assert_eq!(ask("GET", "/ledger", &["cors"]), Use::Background);
        assert_eq!(
            ask("GET", "/ledger", &["navigate", "cors"]),
            Use::Background
        );
        // Whatever a client says of it.
        for modes in [&[][..], &["navigate"], &["cors"]] {
            assert_eq!(ask("GET", "/events", modes), Use::Background);
        }
        // A signature is sent by a script, and is a person's.
        assert_eq!(ask("POST", "/acts/sign", &["cors"]), Use::Act);
        assert_eq!(ask("POST", "/ledger/verify", &["navigate"]), Use::Act);
    }
}
