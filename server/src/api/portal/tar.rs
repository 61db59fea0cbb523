//! Files one behind the other: tar, as POSIX.1-1988 wrote it down (ustar). Regular files alone, of nobody, from 1970.

/// What every part is a multiple of.
const BLOCK: usize = 512;
/// The longest name without the prefix field, which nothing here needs.
const NAME_BYTES_MAX: usize = 100;

/// Two empty blocks: no more files follow.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// A file with its header, filled up to whole blocks. `None` if name or size have no room in a header: at most 100
/// bytes, and less than 8 GiB.
pub(super) fn file(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let size = u64::try_from(bytes.len()).ok()?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || size >= 1 << 33 {
        return None;
    }
    let rest = bytes
        .len()
        .next_multiple_of(BLOCK)
        .checked_sub(bytes.len())?;
    let mut file = header(name, size);
    file.extend_from_slice(bytes);
    file.extend(std::iter::repeat_n(0, rest));
    Some(file)
}

/// The fields in their order (POSIX.1-1988 §10.1.1): numbers octal, ended by a zero byte.
fn header(name: &str, size: u64) -> Vec<u8> {
    let head = |sum: &[u8]| {
        let mut fields = Vec::with_capacity(BLOCK);
        let mut field = |text: &[u8], width: usize| {
            let filled = fields.len().saturating_add(width);
            fields.extend_from_slice(text);
            fields.resize(filled, 0);
        };
        field(name.as_bytes(), NAME_BYTES_MAX);
        field(b"0000644", 8); // mode
        field(b"0000000", 8); // uid
        field(b"0000000", 8); // gid
        field(format!("{size:011o}").as_bytes(), 12);
        field(b"00000000000", 12); // mtime
        field(sum, 8);
        field(b"0", 1); // a regular file
        field(b"", 100); // linkname
        field(b"ustar", 6);
        field(b"00", 2);
        // Owner, group, device, prefix, and what fills the block.
        field(b"", 32 + 32 + 8 + 8 + 155 + 12);
        fields
    };
    // The sum of all bytes, its own field counted as spaces; written as six digits, a zero byte, a space.
    let sum: u32 = head(b"        ").iter().map(|byte| u32::from(*byte)).sum();
    head(format!("{sum:06o}\0 ").as_bytes())
}

#[cfg(test)]
mod tests {
    //! Goal: the system's own program finds exactly the files that were put in. Method: files of awkward lengths and
    //! names, unpacked by `tar`.

    use std::{fs, process::Command};

    use super::*;

    #[test]
    fn tar_unpacks_what_was_packed() {
        let folder = tempfile::tempdir().unwrap();
        let longest = format!("top/{}", "n".repeat(96));
        let files: Vec<(&str, Vec<u8>)> = vec![
            ("top/empty", Vec::new()),
            ("top/tile/0/x001/000.p/7", vec![7; 511]),
            ("top/block", vec![8; 512]),
            (&longest, vec![9; 513]),
            ("top/checkpoint", (0..=255).cycle().take(70_000).collect()),
        ];
        let mut archive = Vec::new();
        for (name, bytes) in &files {
            let part = file(name, bytes).unwrap();
            assert_eq!(part.len() % BLOCK, 0);
            archive.extend(part);
        }
        archive.extend(END);
        fs::write(folder.path().join("a.tar"), archive).unwrap();
        let run = |arguments: &[&str]| {
            let done = Command::new("tar")
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
            String::from_utf8(done.stdout).unwrap()
        };
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        let listed = run(&["tf", "a.tar"]);
        assert_eq!(listed.lines().collect::<Vec<_>>(), names);
        run(&["xf", "a.tar"]);
        for (name, bytes) in &files {
            assert_eq!(
                &fs::read(folder.path().join(name)).unwrap(),
                bytes,
                "{name}"
            );
        }
    }

    #[test]
    fn what_has_no_room_in_a_header_is_no_file() {
        assert!(file(&"n".repeat(100), b"").is_some());
        assert!(file(&"n".repeat(101), b"").is_none());
        assert!(file("", b"").is_none());
    }
}
