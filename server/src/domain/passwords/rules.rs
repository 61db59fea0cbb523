//! What may be a password: long enough, and nothing that is tried first. It is taken as it was typed.

use agentsigna_verifier::id::Id;

use crate::domain::Refusal;

/// The fewest bytes of a password.
const BYTES_MIN: usize = 12;
/// The most: far more than anybody types, and little to hash.
pub(super) const BYTES_MAX: usize = 128;

/// What is tried first, of those that are long enough; compared without regard to case.
const COMMON: [&str; 24] = [
    "000000000000",
    "111111111111",
    "121212121212",
    "123123123123",
    "1234567890123",
    "123456789012",
    "123456789123",
    "1q2w3e4r5t6y",
    "abcdefghijkl",
    "administrator",
    "adminadminadmin",
    "agentsigna123",
    "changeme1234",
    "correcthorsebatterystaple",
    "iloveyou1234",
    "letmeinletmein",
    "password1234",
    "password12345",
    "passwordpassword",
    "qwertyqwerty",
    "qwertyuiop123",
    "qwertyuiopasdf",
    "trustno1trustno1",
    "welcome12345",
];

/// Whether `user`, whose name is `name`, may have this password.
///
/// # Errors
/// `password-rule`: what is wrong with it, never the password.
pub(super) fn check(password: &[u8], user: &Id, name: &str) -> Result<(), Refusal> {
    let bytes = password.len();
    if !(BYTES_MIN..=BYTES_MAX).contains(&bytes) {
        return Err(refused(format!(
            "the password has {bytes} bytes: expected {BYTES_MIN} to {BYTES_MAX}"
        )));
    }
    let Ok(text) = std::str::from_utf8(password) else {
        return Err(refused("the password is no text in UTF-8: type another"));
    };
    let text = text.to_lowercase();
    if text == user.as_str() || text == name.to_lowercase() {
        return Err(refused("the password is your id or name: choose another"));
    }
    if COMMON.contains(&text.as_str()) {
        return Err(refused(
            "this password is among those that are tried first: choose another",
        ));
    }
    Ok(())
}

fn refused(detail: impl Into<String>) -> Refusal {
    Refusal::invalid("password-rule", "/password", detail)
}

#[cfg(test)]
mod tests {
    //! Goal: what is tried first, and what is too short, is no password; all else is one as it is.

    use super::*;

    #[test]
    fn a_password_is_long_enough_and_not_the_first_that_is_tried() {
        let user = Id::parse("dana-of-accounting").unwrap();
        let good = |password: &[u8]| check(password, &user, "Dana Dimitrova").is_ok();
        assert!(good(b"twelve bytes"));
        assert!(good(&[b'x'; BYTES_MAX]));
        // Bytes count, not characters.
        assert!(good("ääääää".as_bytes()));
        assert!(good(b" a space at both ends "));
        for bad in [
            b"eleven byte".as_slice(),
            b"",
            &[b'x'; BYTES_MAX + 1],
            &[0xff; BYTES_MIN],
            b"Dana-Of-Accounting",
            b"dana dimitrova",
            b"PasswordPassword",
        ] {
            assert!(!good(bad), "{bad:?}");
        }
        for common in COMMON {
            assert!(common.len() >= BYTES_MIN && common == common.to_lowercase());
            assert!(!good(common.as_bytes()), "{common}");
        }
    }

    #[test]
    fn what_is_refused_is_not_said_again() {
        let user = Id::parse("dana").unwrap();
        let refusal = check(b"hunter2", &user, "Dana").unwrap_err();
        assert!(!format!("{refusal:?}").contains("hunter2"));
    }
}
