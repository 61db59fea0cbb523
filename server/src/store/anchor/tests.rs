//! Goal: the newest durable head survives whatever happens to the file's end. Method: append, cut the
//! file at every byte, damage each line, open again.

use std::fs;

use super::*;

const A: &str = "log.example/t/0123456789abcdef";
const B: &str = "log.example/t/fedcba9876543210";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_newest_head_is_read_back() {
    let folder = folder();
    let path = folder.path().join("anchor");
    let mut anchors = AnchorFile::open(&path).unwrap();
    assert_eq!(anchors.newest(A), None);
    anchors.offer(A, 1, b"one").unwrap();
    anchors.offer(A, 2, b"two\nwith a line").unwrap();
    anchors.offer(B, 7, b"seven").unwrap();
    assert!(anchors.flush_if_due(5_000).unwrap());
    anchors.offer(A, 2, b"two, cosigned").unwrap();
    anchors.flush(5_001).unwrap();
    drop(anchors);

    let anchors = AnchorFile::open(&path).unwrap();
    assert_eq!(anchors.newest(A).unwrap().note(), b"two, cosigned");
    assert_eq!(anchors.newest(A).unwrap().size(), 2);
    assert_eq!(anchors.newest(B).unwrap().size(), 7);
    assert_eq!(anchors.origins().count(), 2);
    assert_eq!(read(&path).unwrap(), anchors.newest);
    assert_eq!(files::mode(&path).unwrap(), 0o600);
}

/// SO-17.
#[test]
fn a_flush_a_second_and_no_more() {
    let folder = folder();
    let path = folder.path().join("anchor");
    let mut anchors = AnchorFile::open(&path).unwrap();
    assert!(!anchors.flush_if_due(0).unwrap(), "nothing offered");
    for (now_ms, flushes) in [
        (10_000, true),
        (10_999, false),
        (11_000, true),
        (11_500, false),
        (3_000, true),
    ] {
        anchors.offer(A, 1, b"head").unwrap();
        assert_eq!(anchors.flush_if_due(now_ms).unwrap(), flushes, "{now_ms}");
    }
}

/// SO-16.
#[test]
fn a_smaller_head_is_refused() {
    let folder = folder();
    let path = folder.path().join("anchor");
    let mut anchors = AnchorFile::open(&path).unwrap();
    anchors.offer(A, 5, b"five").unwrap();
    let error = anchors.offer(A, 4, b"four").unwrap_err();
    assert!(matches!(
        error,
        AnchorError::Older {
            found: 4,
            newest: 5,
            ..
        }
    ));
    for bad in ["", "a b", "a\nb", "\u{e4}", &"a".repeat(513)] {
        assert!(matches!(
            anchors.offer(bad, 9, b""),
            Err(AnchorError::Origin { .. })
        ));
    }
    let long = vec![0; NOTE_BYTES_MAX + 1];
    assert!(matches!(
        anchors.offer(A, 9, &long),
        Err(AnchorError::Note { .. })
    ));
}

/// SO-16.
#[test]
fn a_torn_end_is_cut_off_and_written_over() {
    let folder = folder();
    let path = folder.path().join("anchor");
    let mut anchors = AnchorFile::open(&path).unwrap();
    anchors.offer(A, 1, b"one").unwrap();
    anchors.flush(0).unwrap();
    let first = fs::read(&path).unwrap().len();
    anchors.offer(A, 2, b"two").unwrap();
    anchors.flush(0).unwrap();
    drop(anchors);
    let whole = fs::read(&path).unwrap();
    for len in first..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let mut anchors = AnchorFile::open(&path).unwrap();
        assert_eq!(anchors.newest(A).unwrap().size(), 1);
        anchors.offer(A, 3, b"three").unwrap();
        anchors.flush(0).unwrap();
        let anchors = AnchorFile::open(&path).unwrap();
        assert_eq!(anchors.newest(A).unwrap().note(), b"three");
    }
}

/// SO-16.
#[test]
fn a_damaged_line_is_named() {
    let folder = folder();
    let path = folder.path().join("anchor");
    for bad in [
        "",
        "x",
        "x 1",
        "x y b25l",
        "x 01 b25l",
        "x +1 b25l",
        "x 1 b25",
        "x 1 b25l ",
        "x 1  b25l",
        "x 1 b25l\r",
        " 1 b25l",
        "x 18446744073709551616 b25l",
        "\0\0\0",
    ] {
        fs::write(&path, format!("x 1 b25l\n{bad}\nx 2 b25l\n")).unwrap();
        let error = AnchorFile::open(&path).unwrap_err();
        assert!(
            matches!(error, AnchorError::Damaged { line: 2, .. }),
            "{bad}"
        );
    }
}

#[test]
fn a_failed_append_leaves_no_torn_line_behind() {
    let folder = folder();
    let path = folder.path().join("anchor");
    let mut anchors = AnchorFile::open(&path).unwrap();
    anchors.offer(A, 1, b"one").unwrap();
    anchors.flush(0).unwrap();
    // A handle that cannot write stands for a full disk; half a line got through.
    anchors.file = File::open(&path).unwrap();
    anchors.offer(B, 2, b"two").unwrap();
    assert!(anchors.flush(0).is_err());
    let mut torn = append(&path).unwrap();
    torn.write_all(b"log.exam").unwrap();
    anchors.flush(0).unwrap();
    let anchors = AnchorFile::open(&path).unwrap();
    assert_eq!(anchors.newest(A).unwrap().size(), 1);
    assert_eq!(anchors.newest(B).unwrap().size(), 2);
}

#[test]
fn a_long_file_is_replaced_by_its_newest_heads() {
    let folder = folder();
    let path = folder.path().join("anchor");
    let mut anchors = AnchorFile::open(&path).unwrap();
    for size in 0..9 {
        anchors.offer(A, size, &[0; 1000]).unwrap();
        anchors.flush(0).unwrap();
    }
    let long = fs::metadata(&path).unwrap().len();
    anchors.file_bytes = FILE_BYTES_MAX + 1;
    anchors.offer(A, 9, b"nine").unwrap();
    anchors.flush(0).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < long / 9);
    anchors.offer(A, 10, b"ten").unwrap();
    anchors.flush(0).unwrap();
    drop(anchors);
    assert_eq!(
        AnchorFile::open(&path).unwrap().newest(A).unwrap().size(),
        10
    );
}
