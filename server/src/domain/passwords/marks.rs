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

fn mac(tenant: &Tenant, user: &Id, nonce: &Nonce, day: u32) -> [u8; MAC_BYTES] {
    let value = Value::array([
        Value::from(user.as_str()),
        Value::bytes(nonce),
        Value::Uint(u64::from(day)),
    ]);
    tenant.mark(&value.encode())
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
    let (nonce, day) = (random()?, day_of(now));
    let mut bytes = Vec::with_capacity(NONCE_BYTES + DAY_BYTES + MAC_BYTES);
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&day.to_be_bytes());
    bytes.extend_from_slice(&mac(tenant, user, &nonce, day));
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// The nonce of `mark`, if it was given to `user` here in the last 90 days.
pub(super) fn known(tenant: &Tenant, user: &Id, mark: &str, now: UnixMillis) -> Option<Nonce> {
    let bytes = BASE64URL_NOPAD.decode(mark.as_bytes()).ok()?;
    let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let (day, found) = rest.split_first_chunk::<DAY_BYTES>()?;
    let found: &[u8; MAC_BYTES] = found.try_into().ok()?;
    let day = u32::from_be_bytes(*day);
    let expected = mac(tenant, user, nonce, day);
    // Every byte is looked at, wherever two differ.
    let differ = expected
        .iter()
        .zip(found)
        .fold(0, |differ, (one, other)| differ | (one ^ other));
    let age = day_of(now).checked_sub(day)?;
    (differ == 0 && age <= DAYS_MAX).then_some(*nonce)
}
