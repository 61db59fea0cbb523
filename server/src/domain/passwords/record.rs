//! The secret record of a password: what a password and a code are held against (`spec/storage.md`).
//!
//! SO-18: nothing here is printed, and nothing of it but its digest leaves the host.

use agentsigna_verifier::{
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    time::UnixMillis,
};
use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use super::codes;
use crate::domain::{Refusal, random};

const VERSION: u64 = 1;
/// Of the whole record, in bytes: a PHC string of Argon2id has about 100.
const RECORD_BYTES_MAX: usize = 512;
/// Memory of one hash, in KiB; with two passes and one lane (OWASP's first choice).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// What nobody's password is held against, so that nobody is as much work as somebody. No one knows a password
/// that it is of: its hash is 32 times the same byte.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBwYXNzd29yZA$BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

/// What a password is held against.
#[derive(Clone)]
pub(super) struct Record {
    bytes: Zeroizing<Vec<u8>>,
    phc: Zeroizing<String>,
    totp: Zeroizing<[u8; codes::KEY_BYTES]>,
}

/// What a password and a code were found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judged {
    /// Whether it is the password.
    pub(super) password: bool,
    /// The step of the code, if it is one that counts now.
    pub(super) step: Option<u64>,
}

impl Record {
    /// Of a new password, with a new key for codes. Takes as long as [`Self::judge`].
    ///
    /// # Errors
    /// When there is no randomness, or no memory.
    pub(super) fn new(password: &[u8]) -> Result<Self, Refusal> {
        let salt = random::<16>()?;
        let params = Params::new(MEMORY_KIB, PASSES, 1, None);
        let params = params.map_err(|error| Refusal::broken(&error))?;
        let hash = Argon2::from(params).hash_password_with_salt(password, &salt);
        let phc = hash.map_err(|error| Refusal::broken(&error))?.to_string();
        let (totp, beside) = (Zeroizing::new(random()?), random::<16>()?);
        let bytes = Value::array([
            Value::Uint(VERSION),
            Value::from(phc.as_str()),
            Value::bytes(&*totp),
            Value::bytes(&beside),
        ]);
        Ok(Self {
            bytes: Zeroizing::new(bytes.encode()),
            phc: Zeroizing::new(phc),
            totp,
        })
    }

    /// Nobody's: as much work as another, and opened by nothing.
    pub(super) fn nobody() -> Self {
        Self {
            bytes: Zeroizing::default(),
            phc: Zeroizing::new(NOBODY.to_owned()),
            totp: Zeroizing::new([0; codes::KEY_BYTES]),
        }
    }

    /// Reads the bytes of a record.
    ///
    /// # Errors
    /// [`CborError`].
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let expected = |field, expected| CborError::Unexpected {
            what: "secret record",
            field,
            expected,
        };
        let mut items = Value::decode(bytes, RECORD_BYTES_MAX)?.into_items("secret record")?;
        if items.uint("version")? != VERSION {
            return Err(expected("version", "1"));
        }
        let record = Self {
            bytes: Zeroizing::new(bytes.to_vec()),
            phc: Zeroizing::new(items.text("phc")?),
            totp: Zeroizing::new(items.bytes_exact("totp")?),
        };
        let _: [u8; 16] = items.bytes_exact("random")?;
        items.finish()?;
        Ok(record)
    }

    /// Its bytes; none of nobody's.
    pub(super) fn bytes(&self) -> &Zeroizing<Vec<u8>> {
        &self.bytes
    }

    /// What the log has of it.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(Noun::Secret, &self.bytes)
    }

    /// TA-9: looks at both, whatever is wrong with one. Takes 19 MiB and some 20 ms.
    pub(super) fn judge(&self, password: &[u8], code: &str, now: UnixMillis) -> Judged {
        let found = Argon2::default().verify_password(password, self.phc.as_str());
        Judged {
            password: found.is_ok() && !self.bytes.is_empty(),
            step: self.step_of(code, now),
        }
    }

    /// The step of a code, if it counts now.
    pub(super) fn step_of(&self, code: &str, now: UnixMillis) -> Option<u64> {
        codes::step_of(&self.totp, code, now)
    }

    /// The key of the codes, for the person's app: base32, 32 characters. Shown once, to the person alone.
    pub(super) fn key(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&*self.totp))
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a record opens with its password and a code of its key, and with nothing else.

    use super::*;

    fn now() -> UnixMillis {
        UnixMillis::new(1_800_000_000_000).unwrap()
    }

    #[test]
    fn a_record_is_opened_by_its_password_and_code_alone() {
        let password = "a pass phrase – long".as_bytes();
        let record = Record::new(password).unwrap();
        let read = Record::decode(record.bytes()).unwrap();
        assert_eq!(read.digest(), record.digest());
        let key = BASE32_NOPAD.decode(record.key().as_bytes()).unwrap();
        let step = codes::step_at(now());
        let code = codes::code_at(&key.try_into().unwrap(), step);
        let step = Some(step);
        let judged = |password: &[u8], code: &str| read.judge(password, code, now());
        let password_is = |password, step| Judged { password, step };
        assert_eq!(judged(password, &code), password_is(true, step));
        assert_eq!(
            judged(b"another pass phrase", &code),
            password_is(false, step)
        );
        assert_eq!(judged(password, ""), password_is(true, None));
        // No normalization: an e with an accent is not an accent after an e.
        let record = Record::new("caf\u{e9} caf\u{e9} caf\u{e9}".as_bytes()).unwrap();
        let other = "cafe\u{301} cafe\u{301} cafe\u{301}".as_bytes();
        assert!(!record.judge(other, "", now()).password);
        // Two of one password have nothing in common.
        let again = Record::new(password).unwrap();
        assert_ne!(again.digest(), read.digest());
        assert_ne!(*again.key(), *read.key());
    }

    #[test]
    fn nobody_is_opened_by_nothing_and_is_as_much_work() {
        let nobody = Record::nobody();
        assert!(!nobody.judge(b"", "000000", now()).password);
        // The hash is read and computed: what is wrong is the password, and not the string.
        let found = Argon2::default().verify_password(b"", NOBODY);
        let error = found.unwrap_err().to_string();
        let wrong = argon2::password_hash::Error::PasswordInvalid.to_string();
        assert_eq!(error, wrong);
        let real = Record::new(b"another password").unwrap();
        let costs = |phc: &str| phc.split('$').nth(3).map(str::to_owned);
        assert_eq!(costs(&real.phc), costs(NOBODY));
        assert_eq!(real.phc.len(), NOBODY.len());
    }

    #[test]
    fn what_is_no_record_is_not_read() {
        let record = Record::new(b"a password, once").unwrap();
        let bytes = record.bytes();
        for cut in 0..bytes.len() {
            assert!(Record::decode(&bytes[..cut]).is_err(), "{cut}");
        }
        let mut more = bytes.to_vec();
        more.push(0);
        assert!(Record::decode(&more).is_err());
        let mut other = bytes.to_vec();
        // The version.
        other[1] = 2;
        assert!(Record::decode(&other).is_err());
        assert!(Record::decode(Record::nobody().bytes()).is_err());
    }
}
