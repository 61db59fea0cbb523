//! `passport FILE --trust FILE`: is this Passport or case file to be believed?

use std::path::PathBuf;

use agentsigna_verifier::{
    case_file::CaseFile,
    limits,
    review::Sheet,
    time::UnixMillis,
    verify::{Question, Report, Result as Ended, Step, verify},
};

use crate::{
    Exit,
    failure::Failure,
    files,
    print::{self, Page},
    report, trust_file,
};

/// Judge a Passport or a case file, offline.
///
/// Exit status: 0 valid, 1 refused, 2 incomplete, 3 could not run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A Passport (bytes or base64url text) or a case file; `-` is standard input.
    file: PathBuf,
    /// Whom to believe: had before, and by another way.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The time to judge at, in milliseconds since 1970. Now, if absent.
    #[arg(long, value_name = "MS", value_parser = moment)]
    at: Option<UnixMillis>,
    /// Refuse what is true but permits nothing: the case file of a rejected case.
    #[arg(long)]
    expect_authority: bool,
}

pub(crate) fn run(
    arguments: &Arguments,
    now: Option<UnixMillis>,
    page: &mut Page,
) -> Result<Exit, Failure> {
    let trust = trust_file::read(&arguments.trust)?;
    let bytes = files::read_judged(&arguments.file, limits::CASE_FILE_BYTES_MAX)?;
    let bytes = files::passport_bytes(bytes);
    let question = Question {
        // CL-40
        at: arguments.at.or(now),
        pinned: true,
        expects_authority: arguments.expect_authority,
    };
    let judged = verify(&bytes, &trust, &question);
    let exit = report::say(&judged, &question, page)?;
    if !page.wants_json() {
        sheets(&bytes, &judged, page);
    }
    Ok(exit)
}

/// CL-44: what people were shown, drawn from the bytes of each sheet; whether the log says so too.
fn sheets(bytes: &[u8], judged: &Report, page: &mut Page) {
    let Ok(file) = CaseFile::parse(bytes) else {
        return;
    };
    let drawn = judged
        .checks()
        .iter()
        .any(|check| check.step == Step::Sheets && check.result == Ended::Passed);
    let blobs = file.blobs().iter();
    let mut sheets: Vec<Sheet> = blobs.filter_map(|blob| Sheet::decode(blob).ok()).collect();
    sheets.sort_by_key(Sheet::round);
    for sheet in sheets {
        let word = if drawn {
            "as the log says"
        } else {
            "nobody has drawn it again"
        };
        page.heading(&format!(
            "What people were shown in round {}: {word}",
            sheet.round()
        ));
        for line in sheet.words() {
            page.item(print::plain(&line));
        }
    }
}

/// Milliseconds, `0..=2^53 − 1`.
fn moment(text: &str) -> Result<UnixMillis, String> {
    text.parse()
        .ok()
        .and_then(UnixMillis::new)
        .ok_or_else(|| String::from("expected milliseconds since 1970-01-01T00:00:00Z"))
}
