//! HTTP/1.1 on a socket, as much as tests need: messages with `Content-Length`, one after the other.
//!
//! A library would mend what a test wants to send broken, and costs more than the server that is measured.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpStream, ToSocketAddrs},
    time::Duration,
};

/// How long a message may take to arrive. Longer than the longest `wait`.
const PATIENCE: Duration = Duration::from_secs(70);
/// Of a body.
const BODY_BYTES_MAX: usize = 64 << 20;

/// One connection. Kept open from message to message.
pub struct Connection(BufReader<TcpStream>);

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    /// The headers, names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects to `address`, as `127.0.0.1:8471`.
    ///
    /// # Errors
    /// The operating system's.
    pub fn open(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::over(TcpStream::connect(address)?)
    }

    /// Takes a stream that somebody else opened.
    ///
    /// # Errors
    /// The operating system's.
    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::with_capacity(16 << 10, stream)))
    }

    /// Sends `bytes` as they are.
    ///
    /// # Errors
    /// The operating system's.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// The operating system's.
    pub fn end(&mut self) -> io::Result<()> {
        self.0.get_mut().shutdown(Shutdown::Write)
    }

    /// The next message, or `None` if the other side has closed.
    ///
    /// # Errors
    /// The operating system's; `InvalidData` for what is no message; `UnexpectedEof` for one that was cut off.
    pub fn receive(&mut self) -> io::Result<Option<Message>> {
        let Some(mut message) = self.head()? else {
            return Ok(None);
        };
        if message.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk()? {
                message.body.extend(chunk);
            }
            return Ok(Some(message));
        }
        let length = match message.header("content-length") {
            None => 0,
            Some(text) => text.parse().map_err(|_| malformed(text))?,
        };
        if length > BODY_BYTES_MAX {
            return Err(malformed("a body that is too long"));
        }
        message.body = vec![0; length];
        self.0.read_exact(&mut message.body)?;
        Ok(Some(message))
    }

    /// The next piece of a body that comes in chunks (RFC 9112 §7.1), `None` after the last.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = usize::from_str_radix(&line, 16).map_err(|_| malformed(&line))?;
        if length > BODY_BYTES_MAX {
            return Err(malformed("a chunk that is too long"));
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes)?;
        let end = self.line()?;
        if !end.is_empty() {
            return Err(malformed(&end));
        }
        Ok((length > 0).then_some(bytes))
    }

    /// The next message without its body.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn head(&mut self) -> io::Result<Option<Message>> {
        let start = self.line()?;
        if start.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Some(Message {
            start,
            headers,
            body: Vec::new(),
        }))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        // A header that never ends is cut off, and then has no end.
        (&mut self.0).take(64 << 10).read_line(&mut line)?;
        if line.is_empty() {
            return Ok(line);
        }
        let text = line.strip_suffix('\n').ok_or_else(|| malformed(&line))?;
        Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
    }
}

impl Message {
    /// The one header `name`, given in lower case; `None` also if it stands twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(found, _)| found == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// The bytes of a message. `Content-Length` is added if there is content.
#[must_use]
pub fn encode(start: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1024 + body.len());
    bytes.extend_from_slice(start.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !body.is_empty() || !start.starts_with("GET") {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: `{what}`"))
}
