//! The control socket: host commands to a running server. Unix, mode 0600, not HTTP.
//!
//! One command a connection. The client writes one line of JSON, the server answers lines of JSON:
//! `{"progress":{…}}` any number of times, then `{"done":…}` or `{"error":"…"}`. Who may open the socket is the
//! folder's owner; that is the whole of its access control, as it is for the files beside it.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    thread,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    command::{Command, Progress},
    settings::Settings,
};
use crate::domain::Office;

/// The longest line, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// One line of an answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Progress(Progress),
    Done(Value),
    Error(String),
}

/// Takes commands at `path` until the process ends.
///
/// # Errors
/// If the socket cannot be made.
pub fn listen(path: &Path, office: Office, settings: Settings) -> io::Result<()> {
    match fs::remove_file(path) {
        // Left by a server that was killed; nobody else has the data folder open, the database lock says.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            for stream in listener.incoming() {
                let answered = stream.and_then(|stream| answer(&stream, &office, &settings));
                if let Err(error) = answered {
                    tracing::warn!(%error, "a host command was cut off");
                }
            }
        })?;
    Ok(())
}

fn answer(stream: &UnixStream, office: &Office, settings: &Settings) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    let result = match serde_json::from_str::<Command>(&line) {
        Ok(command) => {
            tracing::info!(?command, "host command");
            command.run(office.ledger(), Some(office), settings, &mut |progress| {
                // A client that went away does not stop the work.
                let _ = send(stream, &Line::Progress(progress));
            })
        }
        Err(error) => Err(format!("not a command of this version: {error}")),
    };
    send(stream, &result.map_or_else(Line::Error, Line::Done))
}

fn send(mut stream: &UnixStream, line: &Line) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line).map_err(io::Error::other)?;
    bytes.push(b'\n');
    stream.write_all(&bytes)
}

/// Sends `command` to the server that listens at `path`; `None` if none does.
///
/// # Errors
/// The server's own words, or how the connection failed.
pub fn ask(
    path: &Path,
    command: &Command,
    progress: &mut dyn FnMut(Progress),
) -> Option<Result<Value, String>> {
    let stream = UnixStream::connect(path).ok()?;
    Some(converse(&stream, command, progress))
}

fn converse(
    mut stream: &UnixStream,
    command: &Command,
    progress: &mut dyn FnMut(Progress),
) -> Result<Value, String> {
    let mut line = serde_json::to_vec(command).map_err(|error| error.to_string())?;
    line.push(b'\n');
    stream
        .write_all(&line)
        .map_err(|error| format!("control socket: {error}"))?;
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(|error| format!("control socket: {error}"))?;
        match serde_json::from_str(&line).map_err(|error| format!("control socket: {error}"))? {
            Line::Progress(step) => progress(step),
            Line::Done(value) => return Ok(value),
            Line::Error(error) => return Err(error),
        }
    }
    Err("the server closed the control socket before it answered".to_owned())
}
