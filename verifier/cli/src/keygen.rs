//! `keygen OUT.key`: a new Ed25519 key, in two files.

use std::{fs, path::PathBuf};

use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::{
    Exit,
    failure::Failure,
    files::{self, Readers},
    key_file::{self, COMMENT_CHARACTERS_MAX, Key},
    print::{Page, plain},
};

/// Make an Ed25519 key for a founder, an agent or a target system.
///
/// Writes OUT.key (private, PKCS#8 PEM, mode 0600) and OUT.pub (one line, to hand on). Never overwrites a file.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the private key goes; the public key goes to the same name ending in `.pub`.
    #[arg(value_name = "OUT.key")]
    out: PathBuf,
    /// What OUT.pub says after the key: at most 120 printable ASCII characters. The name of the file if absent.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    key_file: String,
    public_file: String,
    public_key: String,
    thumbprint: String,
    cose_thumbprint: String,
}

pub(crate) fn run(arguments: &Arguments, page: &mut Page) -> Result<Exit, Failure> {
    let out = &arguments.out;
    if out.extension().is_none_or(|ending| ending != "key") {
        return Err(Failure::new(format!(
            "`{}` does not end in `.key`: name the file of the private key",
            out.display()
        )));
    }
    let comment = comment(arguments)?;
    let public_file = out.with_extension("pub");
    let key = Key::generate()?;
    // CL-10: both or none.
    files::create(out, key.encode().as_bytes(), Readers::Owner)?;
    let line = key_file::encode_public(key.public(), &comment);
    files::create(&public_file, line.as_bytes(), Readers::Default).inspect_err(|_| {
        // Made a moment ago by this run, and of no use alone.
        let _ = fs::remove_file(out);
    })?;

    let answer = Answer {
        key_file: out.display().to_string(),
        public_file: public_file.display().to_string(),
        public_key: key.public().to_base64url(),
        thumbprint: key.public().jwk_thumbprint().to_base64url(),
        cose_thumbprint: HEXLOWER.encode(key.public().cose_thumbprint().as_bytes()),
    };
    if page.wants_json() {
        page.value(&answer)?;
    } else {
        page.table(&[
            (
                "private key",
                format!(
                    "{} (keep it; nobody else needs it)",
                    plain(&answer.key_file)
                ),
            ),
            (
                "public key",
                format!("{} (hand it on)", plain(&answer.public_file)),
            ),
            ("", answer.public_key),
            ("thumbprint", answer.thumbprint),
        ]);
    }
    Ok(Exit::Valid)
}

/// CL-12
fn comment(arguments: &Arguments) -> Result<String, Failure> {
    match &arguments.comment {
        Some(text) if key_file::is_comment(text) => Ok(text.clone()),
        Some(text) => Err(Failure::new(format!(
            "comment `{text}` is not at most {COMMENT_CHARACTERS_MAX} printable ASCII characters"
        ))),
        None => {
            let name = arguments.out.file_stem().unwrap_or_default();
            let name = name.to_string_lossy();
            let printable = name.chars().filter(|c| matches!(c, ' '..='~'));
            Ok(printable.take(COMMENT_CHARACTERS_MAX).collect())
        }
    }
}
