//! Decimal numbers as C2SP writes them: ASCII digits, no sign, no leading zero save `0` itself.

/// Reads a number that [`alloc::string::ToString`] writes back byte for byte. `u64::from_str` alone also takes
/// `+8` and `007`.
pub(super) fn parse(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.len() > 1 && text.starts_with('0') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_a_number_is_read() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("10"), Some(10));
        assert_eq!(parse("18446744073709551615"), Some(u64::MAX));
        for bad in [
            "",
            "+8",
            "-1",
            "00",
            "08",
            " 8",
            "8 ",
            "1_0",
            "0x8",
            "18446744073709551616",
            "८",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
