//! Sample pages on a socket of this machine, under the headers that the portal sends.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use agentsigna_server::api::portal::pages::{CSP, STATIC_FILES};

/// A server of pages by name. Ends with the process.
pub(crate) struct Served {
    port: u16,
    pages: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Served {
    pub(crate) fn start(pages: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages: BTreeMap<_, _> = pages
            .into_iter()
            .map(|(name, page)| (format!("/{name}"), page))
            .collect();
        let pages = Arc::new(Mutex::new(pages));
        let shared = Arc::clone(&pages);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, pages) = (stream.unwrap(), Arc::clone(&shared));
                // A browser that goes away in the middle is no failure.
                thread::spawn(move || answer(&stream, &pages).ok());
            }
        });
        Self { port, pages }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://tenant.localhost:{}/{name}", self.port)
    }

    /// What is at `name` from now on.
    pub(crate) fn put(&self, name: &str, page: String) {
        self.pages.lock().unwrap().insert(format!("/{name}"), page);
    }
}

fn answer(mut stream: &TcpStream, pages: &Mutex<BTreeMap<String, String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    while lines
        .next()
        .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
    {}
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (status, media, body) = match path.as_str() {
        // Asked again a moment later, as browsers do: each time something has changed.
        "/events" => (
            "200 OK",
            "text/event-stream",
            String::from("retry: 200\nevent: queue\ndata: 1\n\n"),
        ),
        "/static/sign.js" => ("200 OK", "text/javascript", String::new()),
        path => match STATIC_FILES.iter().find(|(name, ..)| *name == path) {
            Some((_, media, content)) => ("200 OK", *media, (*content).to_owned()),
            None => match pages.lock().unwrap().get(path) {
                Some(page) => ("200 OK", "text/html; charset=utf-8", page.clone()),
                None => ("404 Not Found", "text/plain", String::new()),
            },
        },
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\ncontent-security-policy: {CSP}\r\n\
         x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
