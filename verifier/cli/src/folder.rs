//! A folder as an export. Nothing outside of it is ever read: a link is no file, wherever it stands (CL-41).

use std::{
    fs::{self, File, ReadDir},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use agentsigna_verifier::verify::ledger::Export;

use crate::failure::Failure;

/// A folder with the files of an export.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

/// A file or folder that is there and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`")]
pub(crate) struct Unreadable {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl Folder {
    /// Accepts a folder, or a link to one: the caller has named it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let place = format!("`{}`", path.display());
        let real = path
            .canonicalize()
            .map_err(|error| Failure::of(&place, &error))?;
        if !real.is_dir() {
            return Err(Failure::new(format!(
                "{place} is not a folder, expected one that `agentsigna export` wrote"
            )));
        }
        Ok(Self(real))
    }

    /// The regular file of this path, reached through folders only.
    fn regular(&self, path: &str) -> Result<Option<PathBuf>, Unreadable> {
        let mut reached = self.0.clone();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            reached.push(part);
            let kind = match fs::symlink_metadata(&reached) {
                Ok(metadata) => metadata.file_type(),
                Err(error) if is_absence(&error) => return Ok(None),
                Err(source) => return Err(unreadable(reached, source)),
            };
            let expected = if parts.peek().is_some() {
                kind.is_dir()
            } else {
                kind.is_file()
            };
            if !expected {
                return Ok(None);
            }
        }
        Ok(Some(reached))
    }
}

impl Export for Folder {
    type Error = Unreadable;

    fn file(&mut self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(path) = self.regular(path)? else {
            return Ok(None);
        };
        let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
            .map_err(|source| unreadable(path, source))?;
        Ok(Some(bytes))
    }

    fn names(
        &mut self,
    ) -> Result<Box<dyn Iterator<Item = Result<String, Unreadable>> + '_>, Unreadable> {
        let open = list(&self.0)?;
        Ok(Box::new(Names {
            open: vec![(String::new(), open)],
        }))
    }
}

/// Goes through the folders, the deepest first. Folders are not files: an empty one has no name.
struct Names {
    /// The folders begun, each with its path and a stroke behind it.
    open: Vec<(String, ReadDir)>,
}

impl Names {
    /// The name of the next file, or `None` if a folder was begun instead.
    fn step(&mut self, prefix: &str, entry: &fs::DirEntry) -> Result<Option<String>, Unreadable> {
        let name = entry.file_name();
        // A name that is not UTF-8 is no name of an export, and will be told as a surplus file.
        let name = format!("{prefix}{}", name.to_string_lossy());
        let kind = entry
            .file_type()
            .map_err(|source| unreadable(entry.path(), source))?;
        if kind.is_dir() {
            self.open.push((format!("{name}/"), list(&entry.path())?));
            return Ok(None);
        }
        Ok(Some(name))
    }
}

impl Iterator for Names {
    type Item = Result<String, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (prefix, folder) = self.open.last_mut()?;
            let prefix = prefix.clone();
            match folder.next() {
                None => {
                    self.open.pop();
                }
                Some(Err(source)) => return Some(Err(unreadable(PathBuf::from(prefix), source))),
                Some(Ok(entry)) => {
                    if let Some(name) = self.step(&prefix, &entry).transpose() {
                        return Some(name);
                    }
                }
            }
        }
    }
}

fn list(path: &Path) -> Result<ReadDir, Unreadable> {
    fs::read_dir(path).map_err(|source| unreadable(path.to_path_buf(), source))
}

const fn unreadable(path: PathBuf, source: io::Error) -> Unreadable {
    Unreadable { path, source }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        // CL-41
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("checkpoint"), "outside").unwrap();
        let inside = tempfile::tempdir().unwrap();
        fs::create_dir(inside.path().join("tile")).unwrap();
        fs::write(inside.path().join("tile/0"), "inside").unwrap();
        symlink(outside.path(), inside.path().join("blob")).unwrap();
        symlink(
            outside.path().join("checkpoint"),
            inside.path().join("checkpoint"),
        )
        .unwrap();
        symlink("tile/0", inside.path().join("trust.json")).unwrap();

        let mut folder = Folder::open(inside.path()).unwrap();
        assert_eq!(folder.file("tile/0", 100).unwrap().unwrap(), b"inside");
        for path in [
            "checkpoint",
            "blob/checkpoint",
            "trust.json",
            "tile",
            "tile/0/x",
            "absent",
            "absent/x",
        ] {
            assert_eq!(folder.file(path, 100).unwrap(), None, "{path}");
        }
        // Yet they are named, so that the audit can say that they do not belong there.
        let mut names: Vec<_> = folder.names().unwrap().map(Result::unwrap).collect();
        names.sort();
        assert_eq!(names, ["blob", "checkpoint", "tile/0", "trust.json"]);
    }

    #[test]
    fn of_a_long_file_one_byte_too_many_is_read() {
        // CL-3
        let inside = tempfile::tempdir().unwrap();
        fs::write(inside.path().join("checkpoint"), [b'a'; 1000]).unwrap();
        let mut folder = Folder::open(inside.path()).unwrap();
        assert_eq!(folder.file("checkpoint", 10).unwrap().unwrap().len(), 11);
        assert_eq!(
            folder.file("checkpoint", 1000).unwrap().unwrap().len(),
            1000
        );
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_no_empty_folder() {
        assert!(Folder::open(Path::new("/nowhere/at/all")).is_err());
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Folder::open(file.path()).is_err());
    }
}
