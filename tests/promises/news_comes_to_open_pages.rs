//! Goal: who has a page open hears that something changed, no longer than their session lasts, and without being
//! disturbed (TA-13, TA-17, TA-18). Method: streams read chunk by chunk, every end timed; two tabs in Chromium.

use std::{
    thread,
    time::{Duration, Instant},
};

use agentsigna_tests::{
    browser::Browser,
    server::Server,
    tenant::{Party, Tenant},
    wire::Connection,
};
use serde_json::json;

use crate::{
    a_browser_makes_passkeys::join, at_the_portal::Person, audited::audit,
    people_approve_exactly_what_they_saw::judge,
};

/// How soon a stream ends after what it hangs on (TA-18).
const END: Duration = Duration::from_secs(2);

struct Stream(Connection);

impl Stream {
    fn of(person: &Person) -> Self {
        let mut connection = person.at_portal("GET", "/events").open();
        let head = connection.head().unwrap().unwrap();
        assert_eq!(head.start, "HTTP/1.1 200 OK");
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        assert_eq!(head.header("set-cookie"), None);
        let mut stream = Self(connection);
        assert_eq!(stream.part(), ":\n\n");
        stream
    }

    fn part(&mut self) -> String {
        let chunk = self.0.chunk().unwrap().expect("a stream that goes on");
        String::from_utf8(chunk).unwrap()
    }

    /// The kinds of the next news.
    fn news(&mut self) -> Vec<String> {
        loop {
            let part = self.part();
            let kinds: Vec<String> = part
                .lines()
                .filter_map(|line| line.strip_prefix("event: "))
                .map(str::to_owned)
                .collect();
            if !kinds.is_empty() {
                assert!(part.contains("data: ") && part.ends_with("\n\n"), "{part}");
                return kinds;
            }
        }
    }

    /// TA-18: the stream ends by itself, and in time.
    fn ends(&mut self) {
        let since = Instant::now();
        while self.0.chunk().unwrap().is_some() {}
        assert!(since.elapsed() < END, "{:?}", since.elapsed());
    }
}

struct World {
    server: Server,
    tenant: Tenant,
    buyer: Party,
    finn: Person,
    gerd: Person,
}

fn world() -> World {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let approver =
        |user, seed| Person::enrolled(&server, &tenant, user, seed, &["approver"], &["finance"]);
    let (finn, gerd) = (approver("finn", 1), approver("gerd", 3));
    World {
        server,
        tenant,
        buyer,
        finn,
        gerd,
    }
}

/// Each change is told to all who listen in that log, as what it is.
#[test]
fn what_changed_is_told_and_nothing_else() {
    let world = world();
    let south = Tenant::ready(&world.server, "south");
    let mallory = Person::enrolled(&world.server, &south, "mallory", 11, &["auditor"], &[]);
    let other = south.agent("buyer-1");
    let mut streams = [Stream::of(&world.finn), Stream::of(&world.gerd)];
    let mut heard = |expected: &[&str]| {
        for stream in &mut streams {
            assert_eq!(stream.news(), expected);
        }
    };
    world.buyer.buy("po-1", 1_250).expect(200);
    heard(&["case"]);
    // TA-13: what happens in another log is no news.
    let mut theirs = Stream::of(&mallory);
    other.buy("po-1", 600_000).expect(200);
    assert_eq!(theirs.news(), ["queue", "case"]);
    let asked = world.buyer.buy("po-2", 600_000).expect(200);
    heard(&["queue", "case"]);
    let case = asked["case"].as_str().unwrap();
    judge(&world.finn, case, "approve", "").expect(200);
    heard(&["queue", "case"]);
    judge(&world.gerd, case, "refuse", "too late").expect(200);
    heard(&["queue", "case"]);
    // What is of no case is no news: the next that is told is the case after it.
    world.tenant.counterparty("globex");
    world.buyer.buy("po-3", 1_250).expect(200);
    heard(&["case"]);
    let _ = audit(&world.server, &world.tenant);
}

/// TA-18: three streams of a session, and a place is free again when one goes.
#[test]
fn ta_18_a_session_has_three_streams_at_most() {
    let world = world();
    world.finn.at_portal("GET", "/me").send().expect(200);
    let mut stranger = world.finn.at_portal("GET", "/events");
    stranger.remove("Cookie");
    stranger.send().refused(401, "signed-out");
    let mut held: Vec<Stream> = (0..3).map(|_| Stream::of(&world.finn)).collect();
    let fourth = || world.finn.at_portal("GET", "/events").open();
    let status = |mut connection: Connection| connection.head().unwrap().unwrap().start;
    assert_eq!(status(fourth()), "HTTP/1.1 429 Too Many Requests");
    world
        .finn
        .at_portal("GET", "/events")
        .send()
        .refused(429, "too-many-streams");
    // Another session is not counted.
    let _other = Stream::of(&world.gerd);
    held.pop();
    let since = Instant::now();
    while status(fourth()) != "HTTP/1.1 200 OK" {
        assert!(since.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(20));
    }
    world.finn.me().expect(200);
}

/// TA-18: leaving, being suspended and the server's stop end a stream, each in time.
#[test]
fn ta_18_streams_end_with_what_they_hang_on() {
    let mut world = world();
    let (mut of_finn, mut of_gerd) = (Stream::of(&world.finn), Stream::of(&world.gerd));
    world.finn.at_portal("POST", "/sign-out").send().expect(200);
    of_finn.ends();
    world
        .finn
        .at_portal("GET", "/events")
        .send()
        .refused(401, "signed-out");
    let body = json!({ "user": "gerd", "status": "suspended", "roles": ["approver"], "groups": ["finance"] });
    world.tenant.act("/v1/users/gerd/change", body).expect(200);
    of_gerd.ends();

    world.finn.sign_in();
    let mut last = [Stream::of(&world.finn), Stream::of(&world.finn)];
    let since = Instant::now();
    assert_eq!(world.server.stop(), 0);
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
    for stream in &mut last {
        stream.ends();
    }
    world.server.go_on();
    let _ = audit(&world.server, &world.tenant);
}

/// A second tab counts along and says that its list has changed; where the person is, nothing moves.
#[test]
fn a_second_tab_changes_by_itself_and_keeps_the_focus() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let browser = Browser::start();
    let finn = browser.person();
    let (first, second) = (finn.page(), finn.page());
    let _device = first.device(true);
    join(&first, &server, &tenant, "finn");
    let passports = format!("{}/passports", server.sites().portal);
    buyer.buy("po-1", 1_250).expect(200);
    second.open(&passports);
    let waiting = |count: u64| {
        format!("document.querySelector('[data-live=waiting]').textContent === '{count}'")
    };
    let focused =
        "document.activeElement.id === 'find' && document.activeElement.value === 'half a word'";
    second.wait_until(&waiting(0));
    let _ = second.eval("document.querySelector('#find').focus()");
    second.fill("#find", "half a word");
    let table = second.eval("document.querySelector('main table').textContent");

    // The stream is open once the first news is heard; a case may come before it is.
    second.wait_until("performance.getEntriesByType('resource').length > 0");
    thread::sleep(Duration::from_secs(1));
    buyer.buy("po-2", 600_000).expect(200);
    second.wait_until(&waiting(1));
    second.wait_until(focused);
    // No Passport came of it: what is on the page is still right.
    assert_eq!(
        second.eval("document.querySelector('[data-news]').textContent"),
        ""
    );
    thread::sleep(Duration::from_secs(1));
    buyer.buy("po-3", 2_500).expect(200);
    second.wait_until(
        "document.querySelector('[data-news]').textContent.includes('This list has changed.')",
    );
    second.wait_until(focused);
    // Nothing of the list moved; the person asks for the new one.
    assert_eq!(
        second.eval("document.querySelector('main table').textContent"),
        table
    );
    second.follow("[data-news] a");
    assert!(second.text().contains("25.00"));
    // The queue itself: on the link that a person is about to follow.
    second.open(&format!("{}/queue", server.sites().portal));
    second.wait_until(&waiting(1));
    let row = "document.querySelector('main tbody th a')";
    let _ = second.eval(&format!("{row}.focus()"));
    thread::sleep(Duration::from_secs(1));
    buyer.buy("po-4", 700_000).expect(200);
    second.wait_until(
        "document.querySelector('[data-news]').textContent.includes('The queue has changed.')",
    );
    second.wait_until(&waiting(2));
    second.wait_until(&format!("document.activeElement === {row}"));
    assert!(!second.text().contains("7,000.00"));
    for page in [&first, &second] {
        assert_eq!(page.complaints(), [""; 0]);
    }
    let _ = audit(&server, &tenant);
}
