//! Base64 as C2SP writes it: RFC 4648 §4 with padding, one spelling per value.

use alloc::vec::Vec;

use data_encoding::BASE64;

/// Reads text that encodes back to itself. The library's decoder alone also takes padded pieces one after
/// another (`AQ==AQ==`), so that a file could be changed without changing what it says.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    (BASE64.encode(&bytes) == text).then_some(bytes)
}

/// As [`decode`], for 32 bytes.
pub(super) fn decode_hash(text: &str) -> Option<[u8; 32]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_bytes_is_read() {
        assert_eq!(decode("AQ=="), Some([1].into()));
        assert_eq!(decode(""), Some(Vec::new()));
        for bad in [
            "AQ==AQ==", "AQ=AQ===", "AR==", "AQ=", "AQ", "AQ==\n", " AQ==", "A_-=", "====",
        ] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
        // What the line above is there for.
        assert!(BASE64.decode(b"AQ==AQ==").is_ok());
        assert_eq!(decode_hash("AQ=="), None);
    }
}
