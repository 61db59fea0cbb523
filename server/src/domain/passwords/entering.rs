//! Signing in with a password and a code (TA-9, TA-24).
//!
//! Whatever is wrong, the same is done: a hash is computed, three codes are compared, and one answer is given. What
//! was wrong is for the log of the person alone.

use std::sync::Arc;

use agentsigna_verifier::{
    event::{Body, SignInLocked, SignInMethod, SignedIn},
    id::Id,
    state::{Row, RowName},
    time::UnixMillis,
};
use zeroize::Zeroizing;

use super::{
    marks::{self, Nonce},
    record::{Judged, Record},
    rules,
    tries::Rests,
};
use crate::{
    domain::{
        Kind, Office, Refusal,
        ceremonies::{Begun, Holder},
        event,
        office::Inner,
        reply::Reply,
        row,
        sign_in::{Entered, TRIES_MAX},
    },
    ledger::{AdmitError, Change, Reading, Secret, SecretChange, Tenant},
};

/// What somebody typed who signs in, and the mark that the browser sent.
pub struct Typed {
    /// The log.
    pub log: String,
    /// The person.
    pub user: String,
    /// The password, as typed.
    pub password: Zeroizing<Vec<u8>>,
    /// The one-time code.
    pub code: String,
    /// Of this browser, if it has one.
    pub mark: Option<String>,
}

/// A person of a log.
struct Known {
    tenant: Tenant,
    user: Id,
    /// What the row names.
    opened: Option<Opened>,
    /// Of this browser, if it is known to this person.
    nonce: Option<Nonce>,
}

struct Opened {
    record: Record,
    step: Option<u64>,
}

impl Office {
    /// Somebody signs in with a password; the id of the new session, once the sign-in is durable.
    ///
    /// # Errors
    /// `sign-in-refused`, whatever is wrong; `busy`.
    pub async fn sign_in_with_password(&self, typed: Typed) -> Result<Entered, Refusal> {
        let office = self.clone();
        // To its end, whoever hangs up: a try that was begun is counted and judged.
        let entered = tokio::spawn(async move { office.enter_typed(typed).await });
        entered.await.map_err(|error| Refusal::broken(&error))?
    }

    async fn enter_typed(&self, typed: Typed) -> Result<Entered, Refusal> {
        let inner = &self.inner;
        let _place = inner.passwords.place()?;
        let now = inner.ledger.clock().now();
        let known = known(inner, &typed, now)?;
        let begun = known.as_ref().map(|known| known.begin(inner, now));
        let record = known
            .as_ref()
            .and_then(|known| known.opened.as_ref())
            .map_or_else(
                || inner.passwords.nobody.clone(),
                |opened| opened.record.clone(),
            );
        let Typed { password, code, .. } = typed;
        // No stored password is longer, and nobody has much hashed here.
        let password = if password.len() > rules::BYTES_MAX {
            Zeroizing::default()
        } else {
            password
        };
        let judged = inner
            .passwords
            .hash(move || record.judge(&password, &code, now))
            .await?;
        let Some(known) = known else {
            return Err(nobody());
        };
        let reason = match (&known.opened, begun, judged) {
            (None, ..) => "no-password",
            (_, Some(Err(Rests)) | None, _) => "password-rests",
            (
                _,
                _,
                Judged {
                    password: false, ..
                },
            ) => "password-wrong",
            (_, _, Judged { step: None, .. }) => "code-wrong",
            (
                Some(opened),
                Some(Ok(())),
                Judged {
                    step: Some(step), ..
                },
            ) => {
                return self.enter(&known, opened, step, now).await;
            }
        };
        if begun == Some(Ok(())) {
            known.fail(inner, now);
        }
        Err(known.refuse(inner, reason, now))
    }

    /// Both are right: the sign-in goes on record, with the step.
    async fn enter(
        &self,
        known: &Known,
        opened: &Opened,
        step: u64,
        now: UnixMillis,
    ) -> Result<Entered, Refusal> {
        let inner = &self.inner;
        if !inner
            .passwords
            .take_step(opened.record.digest(), opened.step, step, now)
        {
            known.fail(inner, now);
            return Err(known.refuse(inner, "code-used", now));
        }
        let (reply, given) = Reply::new();
        let task = Arc::clone(inner);
        let (tenant, user) = (known.tenant.clone(), known.user.clone());
        let secret = Secret::new(opened.record.bytes().clone(), Some(step));
        let submitted = self.submit(known.of(), move |_| {
            if let Err(refusal) = record(&task, &tenant, &user, &secret, &reply) {
                reply.give(Err(refusal));
            }
        });
        let entered = match submitted {
            Ok(()) => given.await.map_err(|_| Refusal::stopping()).flatten(),
            Err(refusal) => Err(refusal),
        };
        // Right ones are no failures, whatever came of them.
        known.take_back(inner, now);
        match entered {
            Ok(holder) => self.begin(holder),
            Err(refusal) if matches!(refusal.kind, Kind::Unavailable | Kind::Broken) => {
                Err(refusal)
            }
            Err(refusal) => Err(known.refuse(inner, refusal.code, now)),
        }
    }
}

impl Known {
    fn of(&self) -> (String, Id) {
        (self.tenant.origin().to_owned(), self.user.clone())
    }

    /// TA-9: a try begins, in the count of this browser or in that of all strangers. Who has no password has no
    /// count: nothing can be guessed.
    fn begin(&self, inner: &Inner, now: UnixMillis) -> Result<(), Rests> {
        if self.opened.is_none() {
            return Err(Rests);
        }
        let (origin, user) = self.of();
        match self.nonce {
            Some(nonce) => inner.passwords.known.begin((origin, user, nonce), now),
            None => inner.passwords.strangers.begin((origin, user), now),
        }
    }

    /// The try failed. Of strangers, the one that is too many is an entry.
    fn fail(&self, inner: &Inner, now: UnixMillis) {
        let (origin, user) = self.of();
        if let Some(nonce) = self.nonce {
            let _ = inner.passwords.known.fail(&(origin, user, nonce), now);
            return;
        }
        let Some(until) = inner.passwords.strangers.fail(&self.of(), now) else {
            return;
        };
        let locked = event(now, Body::AuthLocked(SignInLocked { user, until }));
        let admitted = locked.map(|locked| {
            let change = Change {
                events: vec![locked],
                ..Change::default()
            };
            inner
                .ledger
                .admit(Reading::of(&self.tenant), change, |_| {})
        });
        if !matches!(admitted, Ok(Ok(()))) {
            tracing::warn!(
                origin,
                "that passwords of a person rest is not on the record"
            );
        }
    }

    /// The try was right.
    fn take_back(&self, inner: &Inner, began: UnixMillis) {
        let (origin, user) = self.of();
        match self.nonce {
            Some(nonce) => inner.passwords.known.forget(&(origin, user, nonce)),
            None => inner.passwords.strangers.take_back(&(origin, user), began),
        }
    }

    /// TA-8: why is on the record; who asked hears what everybody hears.
    fn refuse(&self, inner: &Inner, reason: &'static str, now: UnixMillis) -> Refusal {
        let subject = format!("user:{}", self.user);
        inner.failures.count(&self.tenant, subject, reason, now);
        nobody()
    }
}

fn nobody() -> Refusal {
    Refusal::new(
        Kind::Unauthenticated,
        "sign-in-refused",
        "log, person, password or code is not right, or passwords rest after too many tries: try again later, or use your passkey",
    )
}

/// Who is meant, if somebody is.
fn known(inner: &Inner, typed: &Typed, now: UnixMillis) -> Result<Option<Known>, Refusal> {
    let (Some(tenant), Ok(user)) = (inner.ledger.by_origin(&typed.log), Id::parse(&typed.user))
    else {
        return Ok(None);
    };
    let broken = |error| Refusal::broken(&error);
    let person = tenant.durable_row(&RowName::Person(user.clone()));
    match person.map_err(broken)? {
        Some(Row::Person(row)) if row.is_of_the_log() => {}
        _ => return Ok(None),
    }
    let opened = opened(&tenant, &user)?;
    let mark = typed.mark.as_deref();
    let nonce = mark.and_then(|mark| marks::known(&tenant, &user, mark, now));
    Ok(Some(Known {
        tenant,
        user,
        opened,
        nonce,
    }))
}

/// SO-19: the record that the row names; one with another digest opens nothing, and is said in the server's log.
fn opened(tenant: &Tenant, user: &Id) -> Result<Option<Opened>, Refusal> {
    let broken = |error| Refusal::broken(&error);
    let name = RowName::Password(user.clone());
    let named = |row| match row {
        Some(Row::Password(row)) => row.secret,
        _ => None,
    };
    // The record is read between two looks at its row: what was replaced meanwhile is looked at once more.
    for _ in 0..TRIES_MAX {
        let Some(secret) = named(tenant.durable_row(&name).map_err(broken)?) else {
            return Ok(None);
        };
        let kept = tenant.secret(user).map_err(broken)?;
        if let Some(kept) = kept.filter(|kept| kept.digest() == secret) {
            let record = Record::decode(kept.record()).map_err(|error| Refusal::broken(&error))?;
            let step = kept.step();
            return Ok(Some(Opened { record, step }));
        }
        if named(tenant.durable_row(&name).map_err(broken)?) == Some(secret) {
            break;
        }
    }
    let origin = tenant.origin();
    tracing::error!(%user, origin, "a secret record is not what its row names: run `agentsigna fsck`");
    Ok(None)
}

/// Puts the sign-in on the record, with the step of its code beside the same record: one write.
fn record(
    inner: &Inner,
    tenant: &Tenant,
    user: &Id,
    secret: &Secret,
    reply: &Reply<Holder>,
) -> Result<(), Refusal> {
    let now = inner.ledger.clock().now();
    let digest = secret.digest();
    let mut tries = 0_usize;
    loop {
        tries = tries.saturating_add(1);
        let mut reading = Reading::of(tenant);
        // Set anew or ended since: what was typed is not the password any more.
        match row(&mut reading, &RowName::Password(user.clone()))? {
            Some(Row::Password(row)) if row.secret == Some(digest) => {}
            _ => return Err(Refusal::conflict("no-password", "the password has changed")),
        }
        let signed_in = SignedIn {
            user: user.clone(),
            method: SignInMethod::Password,
        };
        let change = Change {
            events: vec![event(now, Body::AuthSignedIn(signed_in))?],
            secrets: vec![SecretChange::put(user.clone(), secret.clone())],
            ..Change::default()
        };
        let holder = Holder {
            tenant: tenant.clone(),
            user: user.clone(),
            begun: Begun::Password(digest),
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
