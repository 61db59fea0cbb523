//! How often a key and a tenant may ask (AP-14): token buckets in memory.
//!
//! A bucket is kept as the time at which it will be full again: taking a token moves that time on by what one token
//! takes to come back, and more than a whole bucket ahead it cannot lie. A bucket that is full is the same as none,
//! so it is forgotten. Only enrolled keys have buckets: strangers cannot make this grow.
//!
//! Absent on purpose: what is spent by a request whose signature was not checked, or that is refused here.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agentsigna_verifier::key::JwkThumbprint;
use serde::{Deserialize, Serialize};

use super::{Kind, Refusal};

/// The most that either number of a rate may be.
const RATE_MAX: u32 = 1_000_000;
const SECOND: Duration = Duration::from_secs(1);

/// How often something may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Rate {
    /// Requests that come back in a second, `1..=1_000_000`.
    per_s: u32,
    /// Requests at once after a pause, `1..=1_000_000`.
    burst: u32,
}

/// A rate as it is written in the settings.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    per_s: u32,
    burst: u32,
}

/// The rates of every key and of every tenant (`spec/limits.md §3.1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Of one key.
    key: Rate,
    /// Of all keys of one tenant together.
    tenant: Rate,
}

/// A rate that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` of a rate is {found}, expected 1 to {RATE_MAX}")]
pub struct RateOutside {
    name: &'static str,
    found: u32,
}

/// The buckets of all keys and tenants. A bucket is the [steady](crate::ledger::LedgerClock::steady) time at which
/// it is full.
pub(super) struct Buckets {
    rates: Rates,
    full_at: Mutex<FullAt>,
}

#[derive(Default)]
struct FullAt {
    keys: HashMap<JwkThumbprint, Duration>,
    /// By origin.
    tenants: HashMap<String, Duration>,
}

impl Rate {
    /// `per_s` requests in a second, and `burst` at once after a pause.
    ///
    /// # Errors
    /// [`RateOutside`] if one of them is not `1..=1_000_000`.
    pub const fn new(per_s: u32, burst: u32) -> Result<Self, RateOutside> {
        if per_s < 1 || per_s > RATE_MAX {
            return Err(RateOutside {
                name: "per_s",
                found: per_s,
            });
        }
        if burst < 1 || burst > RATE_MAX {
            return Err(RateOutside {
                name: "burst",
                found: burst,
            });
        }
        Ok(Self { per_s, burst })
    }

    /// When a bucket that was full at `full_at` is full again after one more token is taken `now`; `None` if it
    /// has none.
    fn take(self, full_at: Option<Duration>, now: Duration) -> Option<Duration> {
        let one = SECOND.checked_div(self.per_s).unwrap_or(SECOND);
        let later = full_at.unwrap_or(now).max(now).saturating_add(one);
        let whole = one.saturating_mul(self.burst);
        (later.saturating_sub(now) <= whole).then_some(later)
    }
}

impl TryFrom<Written> for Rate {
    type Error = RateOutside;

    fn try_from(written: Written) -> Result<Self, RateOutside> {
        Self::new(written.per_s, written.burst)
    }
}

impl From<Rate> for Written {
    fn from(rate: Rate) -> Self {
        Self {
            per_s: rate.per_s,
            burst: rate.burst,
        }
    }
}

impl Default for Rates {
    /// LI-2: the rates of `spec/limits.md §3.1`.
    fn default() -> Self {
        Self {
            key: Rate {
                per_s: 200,
                burst: 1_000,
            },
            tenant: Rate {
                per_s: 10_000,
                burst: 20_000,
            },
        }
    }
}

impl Buckets {
    /// Full buckets for everybody.
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            rates,
            full_at: Mutex::default(),
        }
    }

    /// AP-14: takes one request of `key` and of the tenant with the log `origin`, or none of either.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) fn take(
        &self,
        origin: &str,
        key: JwkThumbprint,
        now: Duration,
    ) -> Result<(), Refusal> {
        let Rates {
            key: of_key,
            tenant: of_tenant,
        } = self.rates;
        let mut full_at = self.full_at();
        let key_then = of_key
            .take(full_at.keys.get(&key).copied(), now)
            .ok_or_else(|| over("this key asks", of_key))?;
        let tenant_then = of_tenant
            .take(full_at.tenants.get(origin).copied(), now)
            .ok_or_else(|| over("the keys of this log together ask", of_tenant))?;
        full_at.keys.insert(key, key_then);
        match full_at.tenants.get_mut(origin) {
            Some(then) => *then = tenant_then,
            None => {
                full_at.tenants.insert(origin.to_owned(), tenant_then);
            }
        }
        Ok(())
    }

    /// Forgets the buckets that are full.
    pub(super) fn forget_full(&self, now: Duration) {
        let mut full_at = self.full_at();
        full_at.keys.retain(|_, then| *then > now);
        full_at.tenants.retain(|_, then| *then > now);
    }

    fn full_at(&self) -> MutexGuard<'_, FullAt> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over(who: &str, Rate { per_s, burst }: Rate) -> Refusal {
    Refusal::new(
        Kind::TooMany,
        "rate-limited",
        format!(
            "{who} for more than {per_s} requests a second, {burst} at once: try again in a second"
        ),
    )
}

#[cfg(test)]
mod tests {
    //! Goal: exactly what the rate allows, to the token. Method: against a naive count of what was allowed in every
    //! window of time; then one bucket beside another.

    use agentsigna_verifier::key::PublicKey;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn rates(key: (u32, u32), tenant: (u32, u32)) -> Rates {
        Rates {
            key: Rate::new(key.0, key.1).unwrap(),
            tenant: Rate::new(tenant.0, tenant.1).unwrap(),
        }
    }

    fn key(seed: u8) -> JwkThumbprint {
        let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        PublicKey::from_bytes(&key.verifying_key().to_bytes())
            .unwrap()
            .jwk_thumbprint()
    }

    /// AP-14: in every window of `t` seconds at most `burst + per_s · t` requests pass, and who keeps to `per_s` is
    /// never refused.
    #[test]
    fn ap_14_no_window_holds_more_than_burst_and_rate() {
        let (per_s, burst) = (10, 5);
        let buckets = Buckets::new(rates((per_s, burst), (1_000, 1_000)));
        let mut passed: Vec<u64> = Vec::new();
        let mut at: u64 = 0;
        for step in 0_u64..3_000 {
            // Bunches and pauses, without a pattern of the rate's own.
            at += step.wrapping_mul(2_654_435_761) % 97;
            if buckets.take("log", key(1), ms(at)).is_ok() {
                passed.push(at);
            }
        }
        for (first, from) in passed.iter().enumerate() {
            for (count, to) in (1_u64..).zip(&passed[first..]) {
                let most = u64::from(burst) * 1_000 + u64::from(per_s) * (to - from);
                assert!(count * 1_000 <= most, "{count} from {from} to {to} ms");
            }
        }
        assert!(passed.len() > 1_000, "{}", passed.len());
        let buckets = Buckets::new(rates((per_s, 1), (1_000, 1_000)));
        for tick in 0..1_000 {
            assert!(buckets.take("log", key(1), ms(tick * 100)).is_ok());
            assert!(buckets.take("log", key(1), ms(tick * 100 + 99)).is_err());
        }
    }

    /// AP-14: a refusal spends nothing, of the key or of the tenant; another key and another tenant have their own.
    #[test]
    fn ap_14_a_refusal_spends_nothing_and_concerns_nobody_else() {
        let buckets = Buckets::new(rates((1, 2), (1, 3)));
        let take = |origin: &str, seed, at| {
            buckets
                .take(origin, key(seed), ms(at))
                .map_err(|refusal| (refusal.kind, refusal.code))
        };
        let refused = Err((Kind::TooMany, "rate-limited"));
        assert_eq!(take("north", 1, 0), Ok(()));
        assert_eq!(take("north", 1, 0), Ok(()));
        for _ in 0..10 {
            assert_eq!(take("north", 1, 0), refused);
        }
        // The third and last of the tenant, although its first key tried ten times more.
        assert_eq!(take("north", 2, 0), Ok(()));
        for _ in 0..10 {
            assert_eq!(take("north", 2, 0), refused);
        }
        assert_eq!(take("south", 3, 0), Ok(()));
        // What the tenant refused was not taken from the key.
        assert_eq!(take("north", 2, 1_000), Ok(()));
        assert_eq!(take("north", 2, 2_000), Ok(()));
    }

    /// AP-14: what is full is forgotten, and nothing else; a time before the last one gives nothing away.
    #[test]
    fn ap_14_memory_holds_only_buckets_that_are_not_full() {
        let buckets = Buckets::new(rates((1, 2), (1_000, 1_000)));
        for seed in 1..=3 {
            buckets.take("log", key(seed), ms(0)).unwrap();
        }
        buckets.take("log", key(3), ms(500)).unwrap();
        buckets.forget_full(ms(1_000));
        assert_eq!(buckets.full_at().keys.len(), 1);
        assert_eq!(buckets.full_at().tenants.len(), 0);
        assert!(buckets.take("log", key(3), ms(0)).is_err());
        buckets.forget_full(ms(2_000));
        assert_eq!(buckets.full_at().keys.len(), 0);
    }

    /// LI-2: the range of both numbers, at its edges, as written in the settings; what is absent is the page's.
    #[test]
    fn li_2_rates_have_a_range_and_the_defaults_of_the_page() {
        for (per_s, burst, good) in [
            (1, 1, true),
            (1_000_000, 1_000_000, true),
            (0, 1, false),
            (1, 0, false),
            (1_000_001, 1, false),
            (1, 1_000_001, false),
        ] {
            let text = format!(r#"{{"key":{{"per_s":{per_s},"burst":{burst}}}}}"#);
            let read = serde_json::from_str::<Rates>(&text);
            assert_eq!(read.is_ok(), good, "{text}");
            if let Ok(read) = read {
                assert_eq!(read.tenant, Rates::default().tenant);
                assert_eq!((read.key.per_s, read.key.burst), (per_s, burst));
            }
        }
        for text in [
            r#"{"key":{"per_s":1}}"#,
            r#"{"key":{"per_s":1,"burst":1,"off":true}}"#,
            r#"{"off":true}"#,
        ] {
            assert!(serde_json::from_str::<Rates>(text).is_err(), "{text}");
        }
        let page = include_str!("../../../spec/limits.md");
        let written = page
            .lines()
            .find(|line| line.starts_with(r#"{ "rates""#))
            .unwrap();
        let written: serde_json::Value = serde_json::from_str(written).unwrap();
        assert_eq!(
            written["rates"],
            serde_json::to_value(Rates::default()).unwrap()
        );
    }
}
