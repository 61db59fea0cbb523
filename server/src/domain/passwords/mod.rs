//! Passwords of people: how one is set, and what is done with one that is typed (`spec/tenant-api.md §4.1`).
//!
//! | File | Holds |
//! |---|---|
//! | [`rules`] | what may be a password |
//! | [`record`] | the secret record: hash, key of the codes |
//! | [`codes`] | one-time codes |
//! | [`entering`] | signing in with both |
//! | [`tries`], [`marks`] | who failed how often, and which browsers are known |
//!
//! A password opens reading and nothing else (TA-23): the session it begins has no passkey, and every way to a
//! signature asks for one. Absent on purpose: a way to look a password up, and one to set it for somebody else.

mod codes;
mod entering;
pub(super) mod marks;
mod record;
mod rules;
mod tries;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use agentsigna_verifier::{
    act::{Password, PasswordEnd},
    digest::Digest,
    event::{Body, PasswordEnded, PasswordSet},
    id::Id,
    state::{Row, RowName},
    time::UnixMillis,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

pub use entering::Typed;
use marks::Nonce;
use record::Record;
use tries::Tries;

use super::{
    Kind, Office, Refusal, Step, Visitor, answer::Pending, directory::Desk, office::Inner, row,
};
use crate::ledger::{Secret, SecretChange};

/// How long a new password waits for its code and its signature, in milliseconds.
const WAIT_MS: u64 = 10 * 60 * 1000;
/// New passwords of one session that may wait.
const OPEN_MAX: usize = 4;
/// Hashes at one time: each takes 19 MiB and a core.
const RUNNING_MAX: usize = 2;
/// Hashes that run or wait.
const PLACES_MAX: usize = 18;

/// A new password that nobody signed yet.
pub(super) struct OpenPassword {
    session: u64,
    record: Record,
    /// The step of the code that was shown; none yet.
    step: Option<u64>,
}

/// Everything about passwords that is in memory.
pub(super) struct Passwords {
    running: Semaphore,
    places: Semaphore,
    nobody: Record,
    /// Of unknown browsers, by log and person.
    strangers: Tries<(String, Id)>,
    /// Of each mark, by log, person and nonce.
    known: Tries<(String, Id, Nonce)>,
    /// The last step of which a code was taken here, by the digest of the record: what is admitted and not durable
    /// yet counts too (TA-24).
    steps: Mutex<HashMap<Digest, u64>>,
}

/// What a person needs to have their app make codes. Shown once.
pub struct NewPassword {
    /// Digest of the secret record: what the act will name.
    pub secret: Digest,
    /// The key, base32.
    pub key: Zeroizing<String>,
    /// The same as `otpauth://totp/…`.
    pub address: Zeroizing<String>,
}

/// The act that sets the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its path.
    pub path: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            running: Semaphore::new(RUNNING_MAX),
            places: Semaphore::new(PLACES_MAX),
            nobody: Record::nobody(),
            strangers: Tries::default(),
            known: Tries::default(),
            steps: Mutex::default(),
        }
    }
}

impl Passwords {
    /// A place among those whose passwords are hashed.
    ///
    /// # Errors
    /// `busy` if there is none: said at once.
    fn place(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.places.try_acquire().map_err(|_| {
            Refusal::unavailable(
                "busy",
                "too many passwords are being checked: try again, or use your passkey",
            )
        })
    }

    /// Runs `work`, which hashes, on a thread that may block. Who calls has a [`Self::place`].
    async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let _running = self.running.acquire().await;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Refusal::broken(&error))
    }

    /// TA-24: takes the step, if it is after every one that was taken before; `stored` is the last on disk.
    fn take_step(&self, of: Digest, stored: Option<u64>, step: u64, now: UnixMillis) -> bool {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        // Of a step that is over no code counts, whatever is remembered.
        let oldest = codes::step_at(now).saturating_sub(1);
        steps.retain(|_, last| *last >= oldest);
        let last = steps.get(&of).copied().max(stored);
        if last.is_some_and(|last| step <= last) {
            return false;
        }
        steps.insert(of, step);
        true
    }

    /// Lets go of counts that are over.
    pub(super) fn tend(&self, now: UnixMillis) {
        self.strangers.tend(now);
        self.known.tend(now);
    }
}

/// TA-23: the refusal of whoever has no device here.
#[must_use]
pub fn needs_passkey() -> Refusal {
    Refusal::new(
        Kind::Forbidden,
        "needs-passkey",
        "signed in with a password: sign in with a passkey to sign",
    )
}

impl Office {
    /// Whether `visitor` has a password.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn has_password(&self, visitor: &Visitor) -> Result<bool, Refusal> {
        let name = RowName::Password(visitor.user.clone());
        let row = visitor.tenant.durable_row(&name);
        let row = row.map_err(|error| Refusal::broken(&error))?;
        Ok(matches!(row, Some(Row::Password(row)) if row.secret.is_some()))
    }

    /// A record of `password` for `visitor`, and the key of its codes.
    ///
    /// # Errors
    /// `needs-passkey`, `password-rule`, `busy`.
    pub async fn new_password(
        &self,
        visitor: &Visitor,
        password: Zeroizing<Vec<u8>>,
    ) -> Result<NewPassword, Refusal> {
        if !visitor.may_sign() {
            return Err(needs_passkey());
        }
        rules::check(&password, &visitor.user, visitor.row.name.as_str())?;
        let passwords = &self.inner.passwords;
        let _place = passwords.place()?;
        let record = passwords.hash(move || Record::new(&password)).await??;
        let key = record.key();
        let new = NewPassword {
            secret: record.digest(),
            address: Zeroizing::new(address(visitor, &key)),
            key,
        };
        let now = self.inner.ledger.clock().now();
        let mut open = self.inner.ceremonies.passwords();
        if open.count(|open| open.session == visitor.session) >= OPEN_MAX {
            return Err(Refusal::new(
                Kind::TooMany,
                "too-many-waiting",
                format!("{OPEN_MAX} new passwords of yours wait: use one, or wait ten minutes"),
            ));
        }
        let waiting = OpenPassword {
            session: visitor.session,
            record,
            step: None,
        };
        open.give(new.secret, now.plus(WAIT_MS), waiting, now);
        Ok(new)
    }

    /// What the app of `visitor` must show again, where a code was wrong.
    ///
    /// # Errors
    /// `secret-unknown`.
    pub fn shown_again(&self, visitor: &Visitor, secret: &Digest) -> Result<NewPassword, Refusal> {
        let now = self.inner.ledger.clock().now();
        let open = self.inner.ceremonies.passwords();
        let found = open.look(secret, now);
        let found = found.filter(|open| open.session == visitor.session);
        let key = found.ok_or_else(unknown)?.record.key();
        Ok(NewPassword {
            secret: *secret,
            address: Zeroizing::new(address(visitor, &key)),
            key,
        })
    }

    /// The act that sets the new password, once `code` shows that the app of `visitor` has its key.
    ///
    /// # Errors
    /// `needs-passkey`, `secret-unknown`, `code-wrong`.
    pub fn setting(
        &self,
        visitor: &Visitor,
        secret: &Digest,
        code: &str,
    ) -> Result<Setting, Refusal> {
        if !visitor.may_sign() {
            return Err(needs_passkey());
        }
        let now = self.inner.ledger.clock().now();
        let mut open = self.inner.ceremonies.passwords();
        let found = open.look_mut(secret, now);
        let found = found.filter(|open| open.session == visitor.session);
        let found = found.ok_or_else(unknown)?;
        let step = found.record.step_of(code, now).ok_or_else(|| {
            Refusal::invalid(
                "code-wrong",
                "/code",
                "this is not the code of now: wait for the next one and type its six digits",
            )
        })?;
        // TA-24: it was shown, so it is used.
        found.step = found.step.max(Some(step));
        let user = &visitor.user;
        let body = serde_json::json!({
            "origin": visitor.origin(),
            "user": user.as_str(),
            "secret": secret.to_hex(),
        });
        Ok(Setting {
            path: format!("/v1/users/{user}/password"),
            body: body.to_string().into_bytes(),
        })
    }
}

/// `otpauth` of the apps. The id, the log and base32 need no escapes but the slash of the log's name.
fn address(visitor: &Visitor, key: &str) -> String {
    let log = visitor.origin().replace('/', "%2F");
    format!(
        "otpauth://totp/AgentSigna:{}%20{log}?secret={key}&issuer=AgentSigna&algorithm=SHA1&digits=6&period=30",
        visitor.user
    )
}

fn unknown() -> Refusal {
    Refusal::conflict(
        "secret-unknown",
        "no such password was made in this session in the last ten minutes and shown with its code: begin again",
    )
}

impl Inner {
    /// What is kept with the act that sets the password of `visitor`: made in the same session, its code shown.
    ///
    /// # Errors
    /// `secret-unknown`.
    pub(super) fn new_secret(
        &self,
        visitor: &Visitor,
        secret: &Digest,
        now: UnixMillis,
    ) -> Result<Secret, Refusal> {
        let open = self.ceremonies.passwords();
        let found = open.look(secret, now);
        let found = found.filter(|open| open.session == visitor.session && open.step.is_some());
        let found = found.ok_or_else(unknown)?;
        Ok(Secret::new(found.record.bytes().clone(), found.step))
    }
}

/// `POST /v1/users/{user}/password`: only the event; what is kept beside it is added by who has it.
pub(super) fn set(desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = Password::parse(desk.body)?;
    desk.check(&act)?;
    let answer = Pending::act(false, [("user", act.user.as_str().into())]);
    let body = Body::UserPasswordSet(PasswordSet {
        signed: desk.signed(),
        user: act.user,
        secret: act.secret,
    });
    desk.step(body, Vec::new(), answer)
}

/// `POST /v1/users/{user}/password/end`.
pub(super) fn end(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = PasswordEnd::parse(desk.body)?;
    desk.check(&act)?;
    if row(&mut desk.reading, &RowName::Person(act.user.clone()))?.is_none() {
        return Err(Refusal::not_found());
    }
    let answer = Pending::act(false, [("user", act.user.as_str().into())]);
    let user = act.user.clone();
    let body = Body::UserPasswordEnded(PasswordEnded {
        signed: desk.signed(),
        user: act.user,
    });
    let mut step = desk.step(body, Vec::new(), answer)?;
    // SO-19.
    step.change.secrets.push(SecretChange::remove(user));
    Ok(step)
}

#[cfg(test)]
mod tests {
    //! Goal: a code is taken once, whatever is durable already (TA-24).

    use super::*;

    #[test]
    fn ta_24_a_step_is_taken_once_and_none_before_it() {
        let passwords = Passwords::default();
        let now = UnixMillis::new(1_800_000_000_000).unwrap();
        let step = codes::step_at(now);
        let (dana, finn) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        let take = |of, stored, step| passwords.take_step(of, stored, step, now);
        assert!(!take(dana, Some(step), step));
        assert!(!take(dana, Some(step + 1), step));
        assert!(take(dana, Some(step - 1), step));
        // What is on disk may be older than what was taken.
        assert!(!take(dana, Some(step - 1), step));
        assert!(!take(dana, None, step - 1));
        assert!(take(dana, None, step + 1));
        assert!(!take(dana, None, step + 1));
        assert!(take(finn, None, step));
        // Nothing is forgotten that could be used again.
        let later = now.plus(60_000);
        assert!(!passwords.take_step(dana, None, step + 1, later));
        assert!(passwords.take_step(dana, None, step + 2, later));
    }

    #[test]
    fn places_are_few_and_said_at_once() {
        let passwords = Passwords::default();
        let taken: Vec<_> = (0..PLACES_MAX)
            .map(|_| passwords.place().unwrap())
            .collect();
        assert_eq!(passwords.place().err().map(|busy| busy.code), Some("busy"));
        drop(taken);
        assert!(passwords.place().is_ok());
    }
}
