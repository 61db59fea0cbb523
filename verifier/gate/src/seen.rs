//! Passports that were used: one file each, in a folder that gates of one machine share (`spec/gate.md` §4.1).
//!
//! INVARIANT (once): [`Seen::claim`] answers `true` once for a `cti`, whoever asks and however often the machine stops;
//! then the name is on the disk.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use data_encoding::HEXLOWER;

/// Seconds in which the Passports of one folder end.
const HOUR_S: u64 = 3600;
/// Hours after which a folder may go: by then no clock within its skew takes the Passports in it.
const KEPT_HOURS: u64 = 2;
/// The longest report, in bytes.
const REPORT_BYTES_MAX: u64 = 1024;

/// One admission that is to be reported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Report {
    /// The Passport that was used.
    pub cti: [u8; 16],
    /// The body of `POST /v1/executions`.
    pub body: Vec<u8>,
}

/// The folder.
#[derive(Debug)]
pub struct Seen {
    folder: PathBuf,
    /// Names of files that are being written are never used twice.
    mark: String,
    count: AtomicU64,
}

/// The folder cannot be read or written. Nothing is admitted then.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: a gate admits nothing that it cannot write down", path.display())]
pub struct SeenError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SeenError {
    move |source| SeenError {
        path: path.to_owned(),
        source,
    }
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> Result<(), SeenError> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(at(folder))
}

fn make(folder: &Path) -> Result<(), SeenError> {
    match fs::create_dir(folder) {
        Ok(()) => folder.parent().map_or(Ok(()), sync),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(at(folder)(error)),
    }
}

impl Seen {
    /// Opens the folder, and makes it if it is not there.
    ///
    /// # Errors
    /// [`SeenError`].
    pub fn open(folder: &Path) -> Result<Self, SeenError> {
        make(folder)?;
        for part in ["seen", "new", "reported"] {
            make(&folder.join(part))?;
        }
        let mut mark = [0; 8];
        getrandom::fill(&mut mark).map_err(|error| at(folder)(io::Error::other(error)))?;
        Ok(Self {
            folder: folder.to_owned(),
            mark: HEXLOWER.encode(&mark),
            count: AtomicU64::new(0),
        })
    }

    /// Whether the Passport `cti`, which ends at `expires_s`, is used now for the first time. `report` is what the
    /// platform will be told; durable when this returns `true`. GA-8, GA-10
    ///
    /// # Errors
    /// [`SeenError`]; then the Passport may be used up, and nothing may be admitted.
    pub fn claim(&self, cti: &[u8; 16], expires_s: u64, report: &[u8]) -> Result<bool, SeenError> {
        let hour = self
            .folder
            .join("seen")
            .join((expires_s / HOUR_S).to_string());
        let name = hour.join(HEXLOWER.encode(cti));
        if name.exists() {
            return Ok(false);
        }
        make(&hour)?;
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let new = self
            .folder
            .join("new")
            .join(format!("{}-{count}", self.mark));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&new)
            .map_err(at(&new))?;
        let written = file.write_all(report).and_then(|()| file.sync_all());
        // The lock: a name is given once.
        let linked = written.and_then(|()| fs::hard_link(&new, &name));
        // What is left behind here is in nobody's way.
        let _ = fs::remove_file(&new);
        match linked {
            Ok(()) => {
                sync(&hour)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(at(&name)(error)),
        }
    }

    /// Reports that nobody has taken yet, of all gates on this folder.
    ///
    /// # Errors
    /// [`SeenError`].
    pub fn unreported(&self) -> Result<Vec<Report>, SeenError> {
        let mut found = Vec::new();
        for (_, file) in self.files()? {
            let Some(cti) = cti_of(&file) else { continue };
            if self.reported(&cti).exists() {
                continue;
            }
            let length = fs::metadata(&file).map_err(at(&file))?.len();
            if length <= REPORT_BYTES_MAX {
                let body = fs::read(&file).map_err(at(&file))?;
                found.push(Report { cti, body });
            }
        }
        Ok(found)
    }

    /// Notes that the platform knows. If this is lost, it is told again.
    ///
    /// # Errors
    /// [`SeenError`].
    pub fn note_reported(&self, cti: &[u8; 16]) -> Result<(), SeenError> {
        let path = self.reported(cti);
        File::create(&path).map(drop).map_err(at(&path))
    }

    /// Removes what nobody can use any more at `now_s`: hours that are over, whose reports were taken (or need not be).
    ///
    /// # Errors
    /// [`SeenError`].
    pub fn tidy(&self, now_s: u64, reports: bool) -> Result<(), SeenError> {
        let over = (now_s / HOUR_S).saturating_sub(KEPT_HOURS);
        let mut kept = std::collections::BTreeSet::new();
        let mut old = Vec::new();
        for (hour, file) in self.files()? {
            if hour >= over {
                continue;
            }
            let taken = cti_of(&file).is_some_and(|cti| self.reported(&cti).exists());
            if reports && !taken {
                kept.insert(hour);
            }
            old.push((hour, file));
        }
        for (hour, file) in old.into_iter().filter(|(hour, _)| !kept.contains(hour)) {
            // Another gate may be tidying too.
            let _ = fs::remove_file(&file);
            if let Some(cti) = cti_of(&file) {
                let _ = fs::remove_file(self.reported(&cti));
            }
            let _ = fs::remove_dir(self.folder.join("seen").join(hour.to_string()));
        }
        Ok(())
    }

    fn reported(&self, cti: &[u8; 16]) -> PathBuf {
        self.folder.join("reported").join(HEXLOWER.encode(cti))
    }

    /// Every admission, with the hour of its end.
    fn files(&self) -> Result<Vec<(u64, PathBuf)>, SeenError> {
        let seen = self.folder.join("seen");
        let mut files = Vec::new();
        for hour in entries(&seen)? {
            let number = hour
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok());
            let Some(number) = number else { continue };
            files.extend(entries(&hour)?.into_iter().map(|file| (number, file)));
        }
        Ok(files)
    }
}

/// What is in a folder; nothing, if another gate has removed it.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, SeenError> {
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()
            .map_err(at(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(at(folder)(error)),
    }
}

fn cti_of(file: &Path) -> Option<[u8; 16]> {
    let name = file.file_name()?.to_str()?;
    HEXLOWER.decode(name.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    //! Goal: one Passport, one admission (GA-8, GA-10). Method: many threads and handles at one folder; restarts; a
    //! folder that cannot be written.

    use std::{os::unix::fs::PermissionsExt as _, sync::Arc, thread};

    use super::*;

    const END_S: u64 = 1_795_320_300;

    #[test]
    fn ga_10_of_many_at_once_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        // Two gates, as two processes would have.
        let gates = [(); 2].map(|()| Arc::new(Seen::open(folder.path()).unwrap()));
        for round in 0..20_u8 {
            let racing: Vec<_> = (0..8)
                .map(|number| {
                    let seen = Arc::clone(&gates[number % 2]);
                    thread::spawn(move || seen.claim(&[round; 16], END_S, b"report").unwrap())
                })
                .collect();
            let won = racing
                .into_iter()
                .filter(|_| true)
                .map(|one| one.join().unwrap());
            assert_eq!(won.filter(|won| *won).count(), 1);
        }
        // After a restart too.
        let again = Seen::open(folder.path()).unwrap();
        for round in 0..20_u8 {
            assert!(!again.claim(&[round; 16], END_S, b"other").unwrap());
        }
        let mut reports = again.unreported().unwrap();
        reports.sort();
        assert_eq!(reports.len(), 20);
        assert!(reports.iter().all(|report| report.body == b"report"));
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    }

    #[test]
    fn what_was_told_is_not_told_again_and_goes_in_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::open(folder.path()).unwrap();
        assert!(seen.claim(&[1; 16], END_S, b"one").unwrap());
        assert!(seen.claim(&[2; 16], END_S, b"two").unwrap());
        seen.note_reported(&[1; 16]).unwrap();
        let left = Report {
            cti: [2; 16],
            body: b"two".to_vec(),
        };
        assert_eq!(seen.unreported().unwrap(), [left]);
        // Not yet over; then over but not told; then told.
        seen.tidy(END_S + 2 * HOUR_S, true).unwrap();
        seen.tidy(END_S + 9 * HOUR_S, true).unwrap();
        assert_eq!(seen.unreported().unwrap().len(), 1);
        assert!(!seen.claim(&[1; 16], END_S, b"one").unwrap());
        seen.note_reported(&[2; 16]).unwrap();
        seen.tidy(END_S + 9 * HOUR_S, true).unwrap();
        for part in ["seen", "reported"] {
            let left = fs::read_dir(folder.path().join(part)).unwrap().count();
            assert_eq!(left, 0, "{part}");
        }
        // Without a platform nobody is waited for.
        assert!(seen.claim(&[3; 16], END_S, b"three").unwrap());
        seen.tidy(END_S + 9 * HOUR_S, false).unwrap();
        assert!(seen.unreported().unwrap().is_empty());
    }

    #[test]
    fn ga_8_what_cannot_be_written_is_not_admitted() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::open(folder.path()).unwrap();
        let part = folder.path().join("new");
        // The superuser may write anywhere: a file where the folder was stops even it.
        fs::remove_dir(&part).unwrap();
        fs::write(&part, b"").unwrap();
        assert!(seen.claim(&[1; 16], END_S, b"one").is_err());
        fs::set_permissions(&part, fs::Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(&part).unwrap();
        make(&part).unwrap();
        assert!(seen.claim(&[1; 16], END_S, b"one").unwrap());
    }
}
