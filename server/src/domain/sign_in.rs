//! Who comes in, and who is there: sign-ins with passkeys, and the sessions that they begin.

use std::sync::Arc;

use agentsigna_verifier::{
    digest::{Digest, Noun},
    event::{Body, EndReason, SignInMethod, SignedIn},
    id::Id,
    key::JwkThumbprint,
    passkey::{
        Assertion, CredentialId, Site,
        context::{Nonce, SignInContext},
    },
    people::Role,
    state::{PersonPasskey, PersonRow, Row, RowName, check_signed},
};

use super::{
    Kind, Office, Refusal,
    ceremonies::{Begun, Holder},
    event,
    office::Inner,
    passwords::marks,
    random,
    reply::Reply,
    row,
    sessions::Use,
    signing::{Given, refused},
};
use crate::ledger::{AdmitError, Change, Reading, Tenant};

/// How long a device may take, in milliseconds.
pub(super) const CHALLENGE_MS: u64 = 5 * 60 * 1000;
/// How often a sign-in is tried again because a row changed meanwhile.
pub(super) const TRIES_MAX: usize = 4;

/// What a browser is asked to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The context, as it is kept.
    pub context: Vec<u8>,
    /// Its digest.
    pub challenge: Digest,
}

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    /// The id of the new session.
    pub id: String,
    /// What this browser keeps beyond the session.
    pub mark: String,
}

/// A person of a tenant, found through a session: the only way to one (TA-4).
pub struct Visitor {
    pub(super) tenant: Tenant,
    pub(super) user: Id,
    pub(super) session: u64,
    pub(super) row: PersonRow,
    /// What the session may sign with.
    pub(super) passkey: Option<PersonPasskey>,
    renewed: Option<String>,
}

impl Visitor {
    /// Who it is.
    #[must_use]
    pub const fn user(&self) -> &Id {
        &self.user
    }

    /// Name, roles and groups, as they are now (TA-12).
    #[must_use]
    pub const fn row(&self) -> &PersonRow {
        &self.row
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.tenant.origin()
    }

    /// Whether one of `roles` is the person's.
    #[must_use]
    pub fn has_one_of(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.row.roles.has(*role))
    }

    /// Whether the session began with a passkey, and may sign.
    #[must_use]
    pub const fn may_sign(&self) -> bool {
        self.passkey.is_some()
    }

    /// The new id of the session, if it got one.
    #[must_use]
    pub fn renewed(&self) -> Option<&str> {
        self.renewed.as_deref()
    }
}

impl Office {
    /// A challenge for whoever signs in at `portal`.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn sign_in_challenge(&self, portal: &Site) -> Result<Challenge, Refusal> {
        let now = self.inner.ledger.clock().now();
        let context = SignInContext {
            site: portal.clone(),
            nonce: Nonce::new(random()?),
            expires_at: now.plus(CHALLENGE_MS),
        };
        let given = Challenge {
            context: context.encode(),
            challenge: context.challenge(),
        };
        let until = context.expires_at;
        let mut open = self.inner.ceremonies.sign_ins();
        open.give(given.challenge, until, context, now);
        Ok(given)
    }

    /// Somebody signs in with a passkey; the new session, once the sign-in is durable.
    ///
    /// # Errors
    /// `sign-in-refused`, whatever is wrong: who is a person of which log is nobody's to know (TA-13). The log of the
    /// credential says more (TA-8).
    pub async fn sign_in(&self, context: &[u8], assertion: Assertion) -> Result<Entered, Refusal> {
        let challenge = Digest::of(Noun::SignIn, context);
        let now = self.inner.ledger.clock().now();
        let taken = self
            .inner
            .ceremonies
            .sign_ins()
            .take(&challenge, now, |_| true);
        let (reply, given) = Reply::new();
        let inner = Arc::clone(&self.inner);
        let credential = assertion.credential().clone();
        self.submit(credential, move |_| {
            sign_in(&inner, taken.as_ref(), &assertion, &reply);
        })?;
        self.begin(given.await.map_err(|_| Refusal::stopping())??)
    }

    /// The session of somebody whose sign-in is durable.
    pub(super) fn begin(&self, holder: Holder) -> Result<Entered, Refusal> {
        let now = self.inner.ledger.clock().now();
        let mark = marks::new(&holder.tenant, &holder.user, now)?;
        let same = holder.clone();
        let mut sessions = self.inner.ceremonies.sessions();
        let id = sessions.begin(
            holder,
            |other| other.tenant.is(&same.tenant) && other.user == same.user,
            now,
        )?;
        Ok(Entered { id, mark })
    }

    /// TA-4: who comes with the session id `id`, for what.
    ///
    /// # Errors
    /// What is our own fault. A session that is over is `None`.
    pub fn visitor(&self, id: &str, made: Use) -> Result<Option<Visitor>, Refusal> {
        let now = self.inner.ledger.clock().now();
        let found = self.inner.ceremonies.sessions().find(id, made, now)?;
        let Some(found) = found else { return Ok(None) };
        let Holder {
            tenant,
            user,
            begun,
        } = found.holder;
        let row = tenant
            .durable_row(&RowName::Person(user.clone()))
            .map_err(|error| Refusal::broken(&error))?;
        // TA-12: what the person may do is what the rows say now.
        let row = match row {
            Some(Row::Person(row)) if row.is_active() => Some(row),
            _ => None,
        };
        let ours = |row: &PersonRow| {
            let mut passkeys = row.passkeys.iter();
            passkeys
                .find(|found| begun == Begun::Passkey(found.thumbprint))
                .cloned()
        };
        let signs_with = row.as_ref().and_then(ours);
        // What it began with still counts.
        let counts = match begun {
            Begun::Passkey(_) => signs_with.is_some(),
            Begun::Password(secret) => {
                let row = tenant.durable_row(&RowName::Password(user.clone()));
                let row = row.map_err(|error| Refusal::broken(&error))?;
                matches!(row, Some(Row::Password(row)) if row.secret == Some(secret))
            }
        };
        let Some(row) = row.filter(|_| counts) else {
            let mut sessions = self.inner.ceremonies.sessions();
            sessions.end(found.number, EndReason::Ended);
            return Ok(None);
        };
        Ok(Some(Visitor {
            tenant,
            user,
            session: found.number,
            row,
            passkey: signs_with,
            renewed: found.renewed,
        }))
    }

    /// The person leaves.
    pub fn sign_out(&self, visitor: &Visitor) {
        let mut sessions = self.inner.ceremonies.sessions();
        sessions.end(visitor.session, EndReason::Left);
    }
}

/// The one answer to every sign-in that is none.
fn nobody() -> Refusal {
    Refusal::new(
        Kind::Unauthenticated,
        "sign-in-refused",
        "no passkey of an active person answered this challenge in time: try again",
    )
}

fn sign_in(
    inner: &Inner,
    context: Option<&SignInContext>,
    assertion: &Assertion,
    reply: &Reply<Holder>,
) {
    let mut answer = nobody();
    for tenant in inner.ledger.with_credential(assertion.credential()) {
        let tried = match context {
            Some(context) => enter(inner, &tenant, context, assertion, reply),
            None => Err(Refusal::new(
                Kind::Unauthenticated,
                "unknown-challenge",
                "never made here, answered before, or too late",
            )),
        };
        let Err(refusal) = tried else { return };
        if matches!(
            refusal.kind,
            Kind::Unavailable | Kind::Broken | Kind::TooMany
        ) {
            answer = refusal;
        } else if let Ok(Some((user, _))) = owner(&mut Reading::of(&tenant), assertion.credential())
        {
            // TA-8.
            let (subject, now) = (format!("user:{user}"), inner.ledger.clock().now());
            inner.failures.count(&tenant, subject, refusal.code, now);
        }
    }
    reply.give(Err(answer));
}

/// Puts the sign-in of the one whose credential answered on the record of `tenant`, if it is good there.
fn enter(
    inner: &Inner,
    tenant: &Tenant,
    context: &SignInContext,
    assertion: &Assertion,
    reply: &Reply<Holder>,
) -> Result<(), Refusal> {
    let now = inner.ledger.clock().now();
    let mut tries = 0_usize;
    loop {
        tries = tries.saturating_add(1);
        let mut reading = Reading::of(tenant);
        let (user, passkey) =
            owner(&mut reading, assertion.credential())?.ok_or_else(Refusal::not_found)?;
        let method = SignInMethod::Passkey {
            context: context.clone(),
            assertion: assertion.clone(),
        };
        let holder = Holder {
            tenant: tenant.clone(),
            user: user.clone(),
            begun: Begun::Passkey(passkey),
        };
        let event = event(now, Body::AuthSignedIn(SignedIn { user, method }))?;
        // PE-12, by the function that an auditor runs.
        check_signed(&mut reading, &mut Given::none(), event.event()).map_err(refused)?;
        if tries == 1 {
            // AP-14: each sign-in is an entry.
            let steady = inner.ledger.clock().steady();
            inner.rates.take(tenant.origin(), passkey, steady)?;
        }
        let change = Change {
            events: vec![event],
            ..Change::default()
        };
        let waiting = reply.clone();
        let admitted = inner.ledger.admit(reading, change, move |committed| {
            waiting.give(committed.map(|_| holder).ok_or_else(Refusal::stopping));
        });
        match admitted {
            Err(AdmitError::Stale(_)) if tries < TRIES_MAX => {}
            admitted => return admitted.map_err(Refusal::from),
        }
    }
}

/// Whose credential this is, and its key's thumbprint.
fn owner(
    reading: &mut Reading,
    credential: &CredentialId,
) -> Result<Option<(Id, JwkThumbprint)>, Refusal> {
    let name = RowName::Credential(credential.clone());
    let Some(Row::Credential(thumbprint)) = row(reading, &name)? else {
        return Ok(None);
    };
    match row(reading, &RowName::Passkey(thumbprint))? {
        Some(Row::Passkey(row)) => Ok(Some((row.user, thumbprint))),
        _ => Ok(None),
    }
}
