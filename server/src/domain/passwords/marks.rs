//! Marks of browsers in which somebody signed in before (`spec/tenant-api.md §4.2`).
//!
//! A mark opens nothing: it gives a count of its own, which strangers cannot use up (TA-9). Whoever steals one has
//! five tries in a quarter of an hour, as every stranger has.

use agentsigna_verifier::{cbor::Value, id::Id, time::UnixMillis};
use data_encoding::BASE64URL_NOPAD;

use crate::{
    domain::{Refusal, random},
    ledger::Tenant,
};

/// For how many days a mark is known.
const DAYS_MAX: u32 = 90;
const DAY_S: u64 = 24 * 60 * 60;
const NONCE_BYTES: usize = 16;
const DAY_BYTES: usize = 4;
const MAC_BYTES: usize = 32;

/// What tells the marks of one person apart.
pub(super) type Nonce = [u8; NONCE_BYTES];

fn day_of(now: UnixMillis) -> u32 {
    u32::try_from(now.seconds() / DAY_S).unwrap_or(u32::MAX)
}

/// What the mac of a mark is over.
fn marked(user: &Id, nonce: &Nonce, day: u32) -> Vec<u8> {
    Value::array([
        Value::from(user.as_str()),
        Value::bytes(nonce),
        Value::Uint(u64::from(day)),
    ])
    .encode()
}

/// A new mark for the browser in which `user` signs in.
///
/// # Errors
/// When there is no randomness.
pub(in crate::domain) fn new(
    tenant: &Tenant,
    user: &Id,
    now: UnixMillis,
) -> Result<String, Refusal> {
    Ok(written(
        |value| tenant.mark(value),
        user,
        &random()?,
        day_of(now),
    ))
}

fn written(mac: impl Fn(&[u8]) -> [u8; MAC_BYTES], user: &Id, nonce: &Nonce, day: u32) -> String {
    let mut bytes = Vec::with_capacity(NONCE_BYTES + DAY_BYTES + MAC_BYTES);
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(&day.to_be_bytes());
    bytes.extend_from_slice(&mac(&marked(user, nonce, day)));
    BASE64URL_NOPAD.encode(&bytes)
}

/// The nonce of `mark`, if it was given to `user` here in the last 90 days.
pub(super) fn known(tenant: &Tenant, user: &Id, mark: &str, now: UnixMillis) -> Option<Nonce> {
    read(|value| tenant.mark(value), user, mark, now)
}

fn read(
    mac: impl Fn(&[u8]) -> [u8; MAC_BYTES],
    user: &Id,
    mark: &str,
    now: UnixMillis,
) -> Option<Nonce> {
    let bytes = BASE64URL_NOPAD.decode(mark.as_bytes()).ok()?;
    let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let (day, found) = rest.split_first_chunk::<DAY_BYTES>()?;
    let found: &[u8; MAC_BYTES] = found.try_into().ok()?;
    let day = u32::from_be_bytes(*day);
    let expected = mac(&marked(user, nonce, day));
    // Every byte is looked at, wherever two differ.
    let differ = expected
        .iter()
        .zip(found)
        .fold(0, |differ, (one, other)| differ | (one ^ other));
    let age = day_of(now).checked_sub(day)?;
    (differ == 0 && age <= DAYS_MAX).then_some(*nonce)
}

#[cfg(test)]
mod tests {
    //! Goal: a mark is known to whom it was given, for 90 days, and as it was given. Method: each bit of it flipped.

    use agentsigna_verifier::digest::{Digest, Noun};

    use super::*;

    /// Stands for the index key of a tenant.
    fn mac(key: u8) -> impl Fn(&[u8]) -> [u8; MAC_BYTES] {
        move |value| *Digest::of(Noun::Act, &[&[key], value].concat()).as_bytes()
    }

    fn day(day: u64) -> UnixMillis {
        UnixMillis::new(day * DAY_S * 1000).unwrap()
    }

    #[test]
    fn ta_9_a_mark_is_known_to_whom_it_was_given_for_90_days() {
        let [finn, dana] = ["finn", "dana"].map(|user| Id::parse(user).unwrap());
        let nonce = [7; NONCE_BYTES];
        let mark = written(mac(1), &finn, &nonce, 20_000);
        assert_eq!(read(mac(1), &finn, &mark, day(20_000)), Some(nonce));
        assert_eq!(read(mac(1), &finn, &mark, day(20_090)), Some(nonce));
        assert_eq!(read(mac(1), &finn, &mark, day(20_091)), None);
        // From a day that is to come.
        assert_eq!(read(mac(1), &finn, &mark, day(19_999)), None);
        // Of another person, of another log.
        assert_eq!(read(mac(1), &dana, &mark, day(20_000)), None);
        assert_eq!(read(mac(2), &finn, &mark, day(20_000)), None);
    }

    #[test]
    fn ta_9_a_mark_that_was_changed_is_none() {
        let finn = Id::parse("finn").unwrap();
        let mark = written(mac(1), &finn, &[7; NONCE_BYTES], 20_000);
        let bytes = BASE64URL_NOPAD.decode(mark.as_bytes()).unwrap();
        assert_eq!(bytes.len(), NONCE_BYTES + DAY_BYTES + MAC_BYTES);
        let known = |bytes: &[u8]| {
            let mark = BASE64URL_NOPAD.encode(bytes);
            read(mac(1), &finn, &mark, day(20_000)).is_some()
        };
        assert!(known(&bytes));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                assert!(!known(&other), "bit {bit} of byte {at}");
            }
            assert!(!known(&bytes[..at]));
        }
        assert!(!known(&[&*bytes, &[0]].concat()));
        for none in ["", "=", "%%", "é"] {
            assert_eq!(read(mac(1), &finn, none, day(20_000)), None);
        }
    }
}
