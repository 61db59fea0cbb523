//! What people are in the middle of: sessions, and challenges that wait for a device.
//!
//! All of it is in memory: a restart ends every session and forgets every challenge.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use agentsigna_verifier::{
    digest::Digest,
    event::{Body, EndReason, PasswordEnded, PasswordSet, SessionEnded, Shown},
    id::Id,
    key::JwkThumbprint,
    passkey::context::{ActContext, RegistrationContext, SignInContext},
    snapshot::Status,
    time::UnixMillis,
};

use super::{
    Act, Refusal,
    challenges::Challenges,
    event,
    founding::Pending,
    judging::{OpenJudgement, OpenTicket},
    office::Inner,
    passwords::OpenPassword,
    sessions::Sessions,
};
use crate::ledger::{AdmitError, Change, NewEvent, Reading, Tenant};

/// Sign-ins that wait for a device. Strangers fill this: a flood must last for minutes to push anybody out.
const SIGN_INS_MAX: usize = 65_536;
/// Registrations that wait for a device; each needed a one-time code.
const JOINS_MAX: usize = 4096;
/// Acts that wait for a device; each may hold a policy of 200,000 bytes.
const ACTS_MAX: usize = 512;
/// Sheets that somebody may read; each was asked for by a person with a session.
const TICKETS_MAX: usize = 8192;
/// New passwords that wait for their codes and signatures; each was asked for by a person with a device.
const PASSWORDS_MAX: usize = 1024;
/// Judgements that wait for a device.
const JUDGEMENTS_MAX: usize = 4096;

/// Ends of sessions in one write.
const ENDS_IN_ONE: usize = 256;

/// Whose a session is.
#[derive(Clone)]
pub(super) struct Holder {
    pub(super) tenant: Tenant,
    pub(super) user: Id,
    /// What the session began with.
    pub(super) begun: Begun,
}

/// What a session began with: with it, it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// A passkey; the session signs with it.
    Passkey(JwkThumbprint),
    /// A password, by the digest of its record. The session signs nothing (TA-23).
    Password(Digest),
}

/// An act that waits for its signature.
pub(super) struct OpenAct {
    /// The session that asked.
    pub(super) session: u64,
    pub(super) act: Act,
    pub(super) context: ActContext,
    pub(super) body: Vec<u8>,
}

/// A registration that waits for a device, by the digest of its one-time code.
pub(super) struct OpenJoin {
    pub(super) code: Digest,
    pub(super) context: RegistrationContext,
}

/// Everything that people are in the middle of.
pub(super) struct Ceremonies {
    sessions: Mutex<Sessions<Holder>>,
    sign_ins: Mutex<Challenges<SignInContext>>,
    joins: Mutex<Challenges<OpenJoin>>,
    acts: Mutex<Challenges<OpenAct>>,
    /// By the digests of the tickets.
    tickets: Mutex<Challenges<OpenTicket>>,
    judgements: Mutex<Challenges<OpenJudgement>>,
    /// By the digests of their records.
    passwords: Mutex<Challenges<OpenPassword>>,
    /// Sign-in passkeys shown at the portal by those who have an approval passkey to show yet: by the digest of the
    /// code, with its end.
    shown: Mutex<HashMap<Digest, (UnixMillis, Shown)>>,
    /// Tenants that were promised, by the digest of the code.
    promises: Mutex<HashMap<Digest, Pending>>,
}

impl Default for Ceremonies {
    fn default() -> Self {
        Self {
            sessions: Mutex::default(),
            sign_ins: Mutex::new(Challenges::new(SIGN_INS_MAX)),
            joins: Mutex::new(Challenges::new(JOINS_MAX)),
            acts: Mutex::new(Challenges::new(ACTS_MAX)),
            tickets: Mutex::new(Challenges::new(TICKETS_MAX)),
            judgements: Mutex::new(Challenges::new(JUDGEMENTS_MAX)),
            passwords: Mutex::new(Challenges::new(PASSWORDS_MAX)),
            shown: Mutex::default(),
            promises: Mutex::default(),
        }
    }
}

/// What an event that is durable ends.
pub(super) struct Ends {
    user: Id,
    which: Which,
}

/// Which sessions of a person.
enum Which {
    All,
    /// Begun with this passkey.
    Passkey(JwkThumbprint),
    /// Begun with a password.
    Password,
}

impl Ends {
    /// Whose sessions `events` end: of who is suspended, and those begun with a passkey that is revoked or with a
    /// password that is replaced or ended.
    pub(super) fn of(events: &[NewEvent]) -> Vec<Self> {
        let ends = |event: &NewEvent| match &event.event().body {
            Body::UserChanged(body) if body.status == Status::Suspended => Some(Self {
                user: body.user.clone(),
                which: Which::All,
            }),
            Body::UserRevoked(body) => Some(Self {
                user: body.user.clone(),
                which: Which::Passkey(body.passkey),
            }),
            Body::UserPasswordSet(PasswordSet { user, .. })
            | Body::UserPasswordEnded(PasswordEnded { user, .. }) => Some(Self {
                user: user.clone(),
                which: Which::Password,
            }),
            _ => None,
        };
        events.iter().filter_map(ends).collect()
    }
}

impl Ceremonies {
    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions<Holder>> {
        lock(&self.sessions)
    }

    pub(super) fn sign_ins(&self) -> MutexGuard<'_, Challenges<SignInContext>> {
        lock(&self.sign_ins)
    }

    pub(super) fn joins(&self) -> MutexGuard<'_, Challenges<OpenJoin>> {
        lock(&self.joins)
    }

    pub(super) fn acts(&self) -> MutexGuard<'_, Challenges<OpenAct>> {
        lock(&self.acts)
    }

    pub(super) fn tickets(&self) -> MutexGuard<'_, Challenges<OpenTicket>> {
        lock(&self.tickets)
    }

    pub(super) fn judgements(&self) -> MutexGuard<'_, Challenges<OpenJudgement>> {
        lock(&self.judgements)
    }

    pub(super) fn passwords(&self) -> MutexGuard<'_, Challenges<OpenPassword>> {
        lock(&self.passwords)
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, HashMap<Digest, (UnixMillis, Shown)>> {
        lock(&self.shown)
    }

    pub(super) fn promises(&self) -> MutexGuard<'_, HashMap<Digest, Pending>> {
        lock(&self.promises)
    }

    /// Ends the sessions that `ends` names in `tenant`.
    pub(super) fn end(&self, tenant: &Tenant, ends: &[Ends]) {
        if ends.is_empty() {
            return;
        }
        self.sessions().end_where(|holder| {
            let over = |end: &Ends| {
                end.user == holder.user
                    && match end.which {
                        Which::All => true,
                        Which::Passkey(passkey) => holder.begun == Begun::Passkey(passkey),
                        Which::Password => matches!(holder.begun, Begun::Password(_)),
                    }
            };
            (holder.tenant.is(tenant) && ends.iter().any(over)).then_some(EndReason::Ended)
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// TA-5: ends sessions that are over, puts every end on the record, and forgets passkeys that were shown in vain.
    pub(super) fn tend_sessions(&self, now: UnixMillis) {
        self.ceremonies.shown().retain(|_, (until, _)| now < *until);
        let mut promises = self.ceremonies.promises();
        promises.retain(|_, pending| now < pending.expires_at);
        drop(promises);
        self.passwords.tend(now);
        let mut by_tenant: Vec<(Tenant, Vec<(Holder, EndReason)>)> = Vec::new();
        for (holder, reason) in self.ceremonies.sessions().take_ended(now) {
            match by_tenant
                .iter_mut()
                .find(|(tenant, _)| tenant.is(&holder.tenant))
            {
                Some((_, ended)) => ended.push((holder, reason)),
                None => by_tenant.push((holder.tenant.clone(), vec![(holder, reason)])),
            }
        }
        for (tenant, ended) in by_tenant {
            for ended in ended.chunks(ENDS_IN_ONE) {
                self.record_ends(&tenant, ended, now);
            }
        }
    }

    fn record_ends(&self, tenant: &Tenant, ended: &[(Holder, EndReason)], now: UnixMillis) {
        let events: Result<Vec<NewEvent>, Refusal> = ended
            .iter()
            .map(|(holder, reason)| {
                let user = holder.user.clone();
                let reason = *reason;
                event(now, Body::AuthEnded(SessionEnded { user, reason }))
            })
            .collect();
        let admitted = match events {
            Ok(events) => {
                let change = Change {
                    events,
                    ..Change::default()
                };
                self.ledger.admit(Reading::of(tenant), change, |_| {})
            }
            Err(_) => Err(AdmitError::Full),
        };
        match admitted {
            Ok(()) => {}
            // No room just now: with the next tick.
            Err(AdmitError::Full | AdmitError::NoRoom) => {
                let mut sessions = self.ceremonies.sessions();
                for (holder, reason) in ended {
                    sessions.give_back(holder.clone(), *reason);
                }
            }
            Err(error) => {
                let origin = tenant.origin();
                tracing::warn!(%error, origin, "ends of sessions are not on the record");
            }
        }
    }
}
