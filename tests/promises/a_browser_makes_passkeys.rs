//! Goal: what a real browser makes of a passkey is what the verifier reads. Method: Chromium with a virtual device on
//! two sites of this machine; each answer goes through the checks that server and auditor use, and through one that
//! must fail.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
};

use agentsigna_tests::browser::Browser;

/// Serves one empty page for whatever is asked, until the process ends.
fn empty_pages() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let page = "<!doctype html><title>empty</title><p>nothing here";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    address
}

const MAKE: &str = "(async () => {
  const made = await navigator.credentials.create({ publicKey: {
    challenge: new Uint8Array(32).fill(7), rp: { id: location.hostname, name: 'test' },
    user: { id: new Uint8Array(16), name: 'dana', displayName: 'dana' },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' }, attestation: 'none' } });
  return btoa(String.fromCharCode(...new Uint8Array(made.response.getAuthenticatorData())));
})()";

#[test]
fn a_device_that_checks_nobody_signs_nothing() {
    let port = empty_pages().port();
    let browser = Browser::start();
    let page = browser.person().page();
    page.open(&format!("http://tenant.localhost:{port}/"));
    assert!(page.text().contains("nothing here"));
    let device = page.device(true);
    assert!(page.try_eval(MAKE).is_ok());
    assert_eq!(device.passkeys().len(), 1);
    device.verifies(false);
    let refused = page.try_eval(MAKE).unwrap_err();
    assert!(refused.contains("NotAllowedError"), "{refused}");
    assert_eq!(page.complaints(), [""; 0]);
}
