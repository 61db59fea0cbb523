//! `inspect FILE`: what a file says, in words. It judges nothing (CL-30): each answer ends with what it does not
//! prove.

mod artefacts;
mod cbor;
mod node;
mod notes;

use std::path::PathBuf;

use agentsigna_verifier::limits;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    Exit,
    failure::Failure,
    files,
    print::{Page, plain},
};
use node::Node;

/// Say what a file of ours holds, field by field, without judging it.
///
/// A Passport, case file, entry, event, policy bundle, review sheet, checkpoint, tlog-proof, trust file or key.
/// Exit status: 0, or 3 if it is none of these.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file; `-` is standard input.
    file: PathBuf,
}

/// What a file is and says.
#[derive(Serialize)]
struct About {
    /// A word for machines.
    kind: &'static str,
    /// The same for people.
    is: &'static str,
    fields: Node,
    /// What nobody may conclude from it.
    proves_not: Vec<&'static str>,
}

pub(crate) fn run(arguments: &Arguments, page: &mut Page) -> Result<Exit, Failure> {
    // It may be a private key.
    let bytes = Zeroizing::new(files::read(&arguments.file, limits::CASE_FILE_BYTES_MAX)?);
    let place = plain(&arguments.file.display().to_string());
    let about = about(&bytes).map_err(|failure| Failure::of(format!("`{place}`"), &failure))?;
    if page.wants_json() {
        page.value(&about)?;
        return Ok(Exit::Valid);
    }
    page.line(about.is);
    page.heading("It says");
    about.fields.say(page);
    page.heading("It does not prove, and nothing here has checked");
    for line in about.proves_not {
        page.item(line);
    }
    Ok(Exit::Valid)
}

/// What the bytes begin like decides what they are read as: no file of ours begins like another (CL-31).
fn about(bytes: &[u8]) -> Result<About, Failure> {
    let unknown = || {
        Failure::new(
            "none of our files: no Passport, case file, entry, event, bundle, sheet, checkpoint, proof, trust file or key",
        )
    };
    let first = bytes.first().ok_or_else(unknown)?;
    // RFC 8949 §3.1: the major type.
    match first >> 5 {
        4 => return artefacts::entry_or_event(bytes),
        5 => return artefacts::case_file_or_bundle(bytes),
        6 => return artefacts::passport(bytes),
        _ => {}
    }
    let text = core::str::from_utf8(bytes).map_err(|_| unknown())?;
    if text.starts_with("{") {
        notes::trust(bytes)
    } else if text.starts_with("c2sp.org/tlog-proof@") {
        notes::proof(bytes)
    } else if text.starts_with("-----BEGIN ") {
        notes::private_key(bytes)
    } else if text.contains("\n\n\u{2014} ") {
        notes::checkpoint(bytes)
    } else if let Some(about) = notes::public_key(bytes) {
        Ok(about)
    } else {
        // CL-4
        let decoded = files::passport_bytes(bytes.to_vec());
        if decoded == bytes {
            return Err(unknown());
        }
        artefacts::passport(&decoded)
    }
}

/// What looks like a file of ours and is none.
fn broken(looks_like: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(format!("looks like {looks_like} and is none"), error)
}
