//! A server that answers one request with bytes made up before.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread::{self, JoinHandle},
    time::Duration,
};

/// Answers once, then hands over what it was sent.
pub(crate) struct Server {
    pub(crate) address: String,
    thread: JoinHandle<String>,
}

impl Server {
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            let mut received = Vec::new();
            let mut buffer = [0; 4096];
            while !is_whole(&received) {
                let count = stream.read(&mut buffer).unwrap();
                assert_ne!(count, 0, "the request ends before it is whole");
                received.extend_from_slice(&buffer[..count]);
            }
            // The client may have had enough before the end.
            let _ = stream.write_all(&answer);
            String::from_utf8(received).unwrap()
        });
        Self { address, thread }
    }

    /// An answer of this status and type.
    pub(crate) fn saying(status: &str, kind: &str, body: &str) -> Self {
        Self::answering(format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// What the client sent.
    pub(crate) fn received(self) -> Received {
        Received(self.thread.join().unwrap())
    }
}

/// A request as it was on the wire.
#[derive(Debug)]
pub(crate) struct Received(String);

impl Received {
    pub(crate) fn request_line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    /// The one header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.0.as_bytes(), name)
    }

    pub(crate) fn body(&self) -> &[u8] {
        let (_, body) = self.0.split_once("\r\n\r\n").unwrap();
        body.as_bytes()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((_, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = header(request, "content-length").map_or(0, |text| text.parse().unwrap());
    body.len() >= length
}

fn header<'a>(request: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(request).unwrap();
    let mut values = text.lines().skip(1).take_while(|line| !line.is_empty());
    values.find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}
