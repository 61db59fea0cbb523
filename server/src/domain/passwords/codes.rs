//! One-time codes of an authenticator app: RFC 6238 with SHA-1, six digits, steps of 30 s from 0.
//!
//! SHA-1 because every app has it; what counts here is the HMAC (RFC 6238 §1.2). That a code is accepted once is judged
//! where the last step is known (TA-24).

use agentsigna_verifier::time::UnixMillis;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The bytes of a key: as many as SHA-1 gives (RFC 4226 §4, R6).
pub(super) const KEY_BYTES: usize = 20;
/// The length of a step, in seconds.
const STEP_S: u64 = 30;
/// Codes are below this.
const CODES: u32 = 1_000_000;
/// SHA-1's block; a shorter key is filled up with zeros (RFC 2104 §2).
const BLOCK_BYTES: usize = 64;

/// The step of a time.
pub(super) const fn step_at(now: UnixMillis) -> u64 {
    now.seconds() / STEP_S
}

/// The code of a step (RFC 4226 §5.3).
fn code(key: &[u8; KEY_BYTES], step: u64) -> u32 {
    let mut block = zeroize::Zeroizing::new([0; BLOCK_BYTES]);
    for (byte, key) in block.iter_mut().zip(key) {
        *byte = *key;
    }
    let mut mac = <Hmac<Sha1>>::new((&*block).into());
    mac.update(&step.to_be_bytes());
    let hash: [u8; 20] = mac.finalize().into_bytes().into();
    let [.., last] = hash;
    let offset = usize::from(last & 0x0f);
    // The offset is at most 15, and four bytes from there are the 19th at most.
    let part = hash.get(offset..).and_then(<[u8]>::first_chunk::<4>);
    let number = u32::from_be_bytes(part.copied().unwrap_or_default()) & 0x7fff_ffff;
    number % CODES
}

/// Six digits as they are typed; spaces between them are the app's.
fn typed(text: &str) -> Option<u32> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    if digits.len() != 6 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(&digits).ok()?;
    digits.parse().ok()
}

/// The step of which `text` is the code: the one of `now`, the one before or the one after. All three are looked at,
/// whatever is found.
pub(super) fn step_of(key: &[u8; KEY_BYTES], text: &str, now: UnixMillis) -> Option<u64> {
    // What is no code is none of these either, after the same work.
    let typed = typed(text).unwrap_or(CODES);
    let step = step_at(now);
    let mut found = None;
    for near in [step.saturating_sub(1), step, step.saturating_add(1)] {
        if code(key, near) ^ typed == 0 {
            found = Some(near);
        }
    }
    found
}

#[cfg(test)]
pub(super) fn code_at(key: &[u8; KEY_BYTES], step: u64) -> String {
    format!("{:06}", code(key, step))
}

#[cfg(test)]
mod tests {
    //! Goal: codes are those of every app. Method: the vectors of RFC 4226 and RFC 6238, and steps around a code.

    use super::*;

    const KEY: &[u8; KEY_BYTES] = b"12345678901234567890";

    fn at_s(seconds: u64) -> UnixMillis {
        UnixMillis::new(seconds * 1000).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfcs() {
        // RFC 4226, appendix D.
        let counted = [
            755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871,
            520_489,
        ];
        for (step, expected) in (0..).zip(counted) {
            assert_eq!(code(KEY, step), expected, "{step}");
        }
        // RFC 6238, appendix B, SHA1: the last six of eight digits.
        for (seconds, expected) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code(KEY, step_at(at_s(seconds))), expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_one_step_before_and_after_its_own() {
        let (own, text) = (1_000_000, code_at(KEY, 1_000_000));
        for (step, expected) in [
            (own - 2, None),
            (own - 1, Some(own)),
            (own, Some(own)),
            (own + 1, Some(own)),
            (own + 2, None),
        ] {
            for second in [0, STEP_S - 1] {
                let found = step_of(KEY, &text, at_s(step * STEP_S + second));
                assert_eq!(found, expected, "{step}");
            }
        }
        assert_eq!(step_of(&[7; KEY_BYTES], &text, at_s(own * STEP_S)), None);
    }

    #[test]
    fn a_code_is_six_digits() {
        assert_eq!(typed("000000"), Some(0));
        assert_eq!(typed("081 804"), Some(81_804));
        for wrong in [
            "",
            "00000",
            "0000000",
            "+00000",
            "08180a",
            "٠٠٠٠٠٠",
            "-1",
            "1e5",
        ] {
            assert_eq!(typed(wrong), None, "{wrong}");
        }
        // A text that is none is not taken for the number that stands for it.
        assert_eq!(step_of(KEY, "1000000", at_s(59)), None);
    }
}
