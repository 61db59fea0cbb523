//! `call`.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use agentsigna_verifier::{
    key::PublicKey,
    signed_request::{Authentic, Evidence, Message, Profile, parse},
    time::UnixMillis,
};
use data_encoding::BASE64URL_NOPAD;

use crate::{
    Ran, folder_with_key, run,
    server::{Received, Server},
};

const BODY: &[u8] = br#"{"request_id":"po-1001"}"#;

fn call(folder: &Path, method: &str, url: &str, profile: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["call", method, url, "--key", "a.key", "--profile", profile];
    arguments.extend(more);
    run(folder, &arguments)
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis::new(since.as_millis().try_into().unwrap()).unwrap()
}

/// Judges a request on the wire as a server would, steps 1 to 6 of `spec/requests.md` §5.
fn judge(received: &Received, authority: &str, profile: Profile, key: &PublicKey) -> Authentic {
    let mut words = received.request_line().split(' ');
    let message = Message {
        method: words.next().unwrap(),
        target: words.next().unwrap(),
        authority,
        content_type: received.header("content-type"),
        content_digest: received.header("content-digest"),
        passport: received.header("agentsigna-passport"),
        signature_input: received.header("signature-input"),
        signature: received.header("signature"),
    };
    assert_eq!(words.next(), Some("HTTP/1.1"));
    assert_eq!(received.header("host"), Some(authority));
    let signed = parse(&message, profile).unwrap();
    signed.check(now(), key, received.body()).unwrap()
}

#[test]
fn a_server_believes_what_is_sent() {
    // CL-23
    let (folder, key) = folder_with_key();
    fs::write(folder.path().join("body.json"), BODY).unwrap();
    let mut nonces = Vec::new();
    for (word, profile) in [
        ("action", Profile::Action),
        ("enrol", Profile::Enrol),
        ("founder", Profile::Founder),
    ] {
        let server = Server::saying("200 OK", "application/json", "{}");
        let authority = server.address.clone();
        let url = format!("http://{authority}/v1/actions");
        call(folder.path(), "POST", &url, word, &["--body", "body.json"]).ended(0);
        let received = server.received();
        let authentic = judge(&received, &authority, profile, &key);
        let statement = authentic.statement();
        assert_eq!(statement.expires_s(), statement.created_s() + 60);
        let nonce = statement.nonce().unwrap().to_owned();
        assert!(!nonces.contains(&nonce));
        nonces.push(nonce);
        // And so does an auditor, later.
        let evidence = authentic.into_evidence(BODY.to_vec());
        evidence.check(profile, &key, Some(&authority)).unwrap();
    }
}

#[test]
fn a_read_has_no_content_and_may_wait() {
    let (folder, key) = folder_with_key();
    let server = Server::saying("200 OK", "application/json", r#"{"origin":"x","head":"y"}"#);
    let authority = server.address.clone();
    let url = format!("http://{authority}/v1/cases/00");
    let more = ["--wait", "3", "--accept", "application/json"];
    let ran = call(folder.path(), "GET", &url, "read", &more).ended(0);
    assert_eq!(
        ran.stdout,
        "200 OK\n\n{\n  \"origin\": \"x\",\n  \"head\": \"y\"\n}\n"
    );
    let received = server.received();
    assert_eq!(received.request_line(), "GET /v1/cases/00?wait=3 HTTP/1.1");
    assert_eq!(received.header("content-type"), None);
    assert_eq!(received.header("content-length"), None);
    assert_eq!(received.header("accept"), Some("application/json"));
    judge(&received, &authority, Profile::Read, &key);
}

#[test]
fn another_authority_is_signed_and_sent() {
    let (folder, key) = folder_with_key();
    let server = Server::saying("200 OK", "application/json", "{}");
    let url = format!("http://{}/v1/log", server.address);
    let more = ["--authority", "api.example.com"];
    call(folder.path(), "GET", &url, "read", &more).ended(0);
    judge(&server.received(), "api.example.com", Profile::Read, &key);
}

#[test]
fn a_passport_is_shown_whether_it_came_as_bytes_or_as_text() {
    // CL-4
    let (folder, key) = folder_with_key();
    let passport = passport();
    fs::write(folder.path().join("bytes"), &passport).unwrap();
    let text = BASE64URL_NOPAD.encode(&passport) + "\n";
    fs::write(folder.path().join("text"), text).unwrap();
    for name in ["bytes", "text"] {
        let server = Server::saying("200 OK", "text/plain", "done");
        let authority = server.address.clone();
        let url = format!("http://{authority}/orders");
        let ran = call(folder.path(), "POST", &url, "exec", &["--passport", name]).ended(0);
        assert_eq!(ran.stdout, "200 OK\n\ndone\n");
        let authentic = judge(&server.received(), &authority, Profile::Exec, &key);
        assert_eq!(authentic.statement().passport(), Some(passport.as_slice()));
    }
}

#[test]
fn a_dry_run_shows_what_would_be_signed_and_sends_nothing() {
    // CL-24: there is nobody at this address.
    let (folder, key) = folder_with_key();
    fs::write(folder.path().join("body.json"), BODY).unwrap();
    let url = "https://api.example.invalid/v1/actions";
    let more = ["--body", "body.json", "--dry-run", "--json"];
    let dry = call(folder.path(), "POST", url, "action", &more)
        .ended(0)
        .json();
    let header = |name: &str| dry["headers"][name].as_str().unwrap();
    let message = Message {
        method: dry["method"].as_str().unwrap(),
        authority: dry["authority"].as_str().unwrap(),
        target: dry["target"].as_str().unwrap(),
        content_type: Some(header("Content-Type")),
        content_digest: Some(header("Content-Digest")),
        passport: None,
        signature_input: Some(header("Signature-Input")),
        signature: Some(header("Signature")),
    };
    let signed = parse(&message, Profile::Action).unwrap();
    assert_eq!(signed.base(), dry["base"].as_str().unwrap());
    let evidence = Evidence {
        base: signed.base().into(),
        signature: *signed.signature(),
        body: BODY.to_vec(),
    };
    let authority = Some("api.example.invalid");
    evidence.check(Profile::Action, &key, authority).unwrap();
    // For people it is the same base.
    let page = call(folder.path(), "POST", url, "action", &more[..3]).ended(0);
    assert!(
        page.stdout
            .contains("\n\"@method\": POST\n\"@authority\": api.example.invalid\n")
    );
    assert!(page.stdout.ends_with("Nothing was sent.\n"), "{page:?}");
}

#[test]
fn a_refusal_is_readable_and_is_1() {
    // CL-20
    let (folder, _) = folder_with_key();
    let problem = r#"{"type":"urn:agentsigna:problem:json-missing","title":"required member is absent","status":422,"detail":"missing at `/counterparty`","pointer":"/counterparty","later":1}"#;
    let server = Server::saying(
        "422 Unprocessable Entity",
        "application/problem+json",
        problem,
    );
    let url = format!("http://{}/v1/log", server.address);
    let ran = call(folder.path(), "GET", &url, "read", &[]).ended(1);
    assert_eq!(
        ran.stdout,
        "422 Unprocessable Entity\n  json-missing: required member is absent\n  missing at `/counterparty`\n  at `/counterparty`\n"
    );
    // CL-7: as it came.
    let server = Server::saying(
        "422 Unprocessable Entity",
        "application/problem+json",
        problem,
    );
    let url = format!("http://{}/v1/log", server.address);
    let ran = call(folder.path(), "GET", &url, "read", &["--json"]).ended(1);
    assert_eq!(ran.stdout, problem);
}

#[test]
fn no_answer_and_a_failed_server_are_3() {
    // CL-20, CL-21
    let (folder, _) = folder_with_key();
    for answer in [
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "what?\r\n\r\n",
        "",
    ] {
        let server = Server::answering(answer);
        let url = format!("http://{}/v1/log", server.address);
        let ran = call(folder.path(), "GET", &url, "read", &[]).ended(3);
        assert!(!ran.stdout.is_empty() || !ran.stderr.is_empty());
        assert_eq!(
            ran.stdout.contains("try again after 7 s"),
            answer.contains("503")
        );
        assert_eq!(ran.stdout.contains("not followed"), answer.contains("307"));
    }
    // Nobody listens at port 1.
    let ran = call(folder.path(), "GET", "http://127.0.0.1:1/", "read", &[]).ended(3);
    assert!(ran.stderr.contains("request not answered"), "{ran:?}");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    // CL-3
    let (folder, _) = folder_with_key();
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n".to_vec();
    answer.resize(answer.len() + 20_000_000, b'a');
    let server = Server::answering(answer);
    let url = format!("http://{}/", server.address);
    let ran = call(folder.path(), "GET", &url, "read", &[]).ended(3);
    assert!(ran.stderr.contains("longer than 16777216 bytes"), "{ran:?}");
}

#[test]
fn a_hostile_answer_does_not_reach_the_terminal() {
    // CL-6
    let (folder, _) = folder_with_key();
    for (kind, body) in [
        ("application/json", "{\"a\":\"\u{9b}2J\u{202e}\"}"),
        (
            "application/problem+json",
            "{\"type\":\"\\u001b[2J\",\"title\":\"\\u009b\",\"detail\":\"\u{202e}\"}",
        ),
        ("text/plain", "a\u{202e}b\rc"),
        ("text/plain", "\u{1b}[2J"),
        ("\u{9b}2J", "\0"),
    ] {
        for status in ["200 OK", "400 Bad Request"] {
            let server = Server::saying(status, kind, body);
            let url = format!("http://{}/", server.address);
            let ran = call(folder.path(), "GET", &url, "read", &[]);
            let hostile = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
            assert!(!ran.stdout.contains(hostile), "{ran:?}");
            assert!(ran.stdout.starts_with(status), "{ran:?}");
        }
    }
}

#[test]
fn only_a_success_is_kept_and_no_file_is_overwritten() {
    // CL-10
    let (folder, _) = folder_with_key();
    let out = folder.path().join("out");
    let server = Server::saying("404 Not Found", "application/problem+json", "{}");
    let url = format!("http://{}/", server.address);
    call(folder.path(), "GET", &url, "read", &["--out", "out"]).ended(1);
    assert!(!out.exists());

    let server = Server::saying("200 OK", "application/cose", "\0\u{1}");
    let url = format!("http://{}/", server.address);
    let ran = call(folder.path(), "GET", &url, "read", &["--out", "out"]).ended(0);
    assert_eq!(
        ran.stdout,
        "200 OK\n2 bytes of `application/cose` are in out\n"
    );
    assert_eq!(fs::read(&out).unwrap(), b"\0\x01");

    // Nothing is asked for that could not be kept: nobody listens at port 1.
    let ran = call(
        folder.path(),
        "GET",
        "http://127.0.0.1:1/",
        "read",
        &["--out", "out"],
    )
    .ended(3);
    assert!(ran.stderr.contains("`out` is there already"), "{ran:?}");
}

#[test]
fn what_a_server_would_refuse_is_not_sent() {
    let (folder, _) = folder_with_key();
    fs::write(folder.path().join("body.json"), BODY).unwrap();
    fs::write(folder.path().join("paper"), "not a passport").unwrap();
    fs::write(folder.path().join("long"), vec![b'a'; 200_001]).unwrap();
    let url = "http://127.0.0.1:1/v1/actions";
    for (method, profile, more, why) in [
        ("POST", "action", &[][..], "--body"),
        ("POST", "read", &[], "`@method`"),
        ("post", "action", &["--body", "body.json"], "`@method`"),
        ("GET", "read", &["--body", "body.json"], "--body"),
        ("POST", "exec", &[], "--passport"),
        ("POST", "exec", &["--passport", "paper"], "`paper`"),
        (
            "POST",
            "action",
            &["--body", "body.json", "--passport", "paper"],
            "--passport",
        ),
        (
            "POST",
            "action",
            &["--body", "long"],
            "longer than 200000 bytes",
        ),
        ("POST", "action", &["--body", "absent"], "`absent`"),
        ("POST", "action", &["--body", "."], "is a folder"),
        (
            "GET",
            "read",
            &["--authority", "API.example.com"],
            "`@authority`",
        ),
        (
            "POST",
            "action",
            &["--body", "body.json", "--content-type", " a"],
            "`content-type`",
        ),
    ] {
        let ran = call(folder.path(), method, url, profile, more).ended(3);
        assert!(ran.stderr.contains(why), "{why}: {ran:?}");
    }
    let key = [
        "call",
        "GET",
        url,
        "--profile",
        "read",
        "--key",
        "body.json",
    ];
    let ran = run(folder.path(), &key).ended(3);
    assert!(ran.stderr.contains("not a private Ed25519 key"), "{ran:?}");
    // CL-22
    let ran = call(folder.path(), "GET", "http://api.example.com/", "read", &[]).ended(3);
    assert!(ran.stderr.contains("use `https:`"), "{ran:?}");
}

fn passport() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/examples/po-1001.passport");
    fs::read(path).unwrap()
}
