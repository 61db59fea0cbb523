//! Reads: a case, its Passport, its file, the head. Nothing here changes anything.

use std::{sync::PoisonError, time::Duration};

use agentsigna_verifier::{
    case::CaseState,
    entry::{CaseId, EntryHead, Event},
    event::{Body, DecisionMade},
    key::{JwkThumbprint, PublicKey},
    limits,
    signed_request::Signed as SignedMessage,
    state::{CaseRow, Row, RowName},
    time::UnixMillis,
};

use super::{
    Caller, CaseAnswer, Kind, Office, Refusal,
    answer::{deliver, review},
    case_file,
    office::Inner,
    request,
};
use crate::ledger::{Reading, Tenant};

/// The longest a read may wait, in seconds: its signature lives 60 (AP-11).
pub const WAIT_S_MAX: u64 = 50;
/// Reads of one key that may wait at the same time (AP-11).
const WAITING_MAX: usize = 4;

/// How long a read may be held (AP-15): no longer than a signature may be ahead, and a second for the clock's steps.
const HELD_MAX: Duration = Duration::from_secs(limits::REQUEST_SKEW_S + 1);

/// A reader, proven by a signature.
pub(super) struct Reader {
    pub(super) tenant: Tenant,
    pub(super) caller: Caller,
}

impl Office {
    /// The case as it is now, or as soon as it leaves its review, or when `wait_s` seconds are over.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn case(
        &self,
        message: SignedMessage,
        case: &str,
        wait_s: u64,
    ) -> Result<CaseAnswer, Refusal> {
        let key = message.keyid();
        let reader = self.reader(message).await?;
        let (case, state) = reader.visible(case)?;
        if wait_s > 0 && state == CaseState::InReview {
            let _place = Waiting::take(&self.inner, key)?;
            let mut told_to_stop = self.inner.told_to_stop.subscribe();
            // AP-11: decided, time over, or the server stops: the case is answered as it then is.
            tokio::select! {
                () = reader.until_decided(case) => {}
                () = tokio::time::sleep(Duration::from_secs(wait_s.min(WAIT_S_MAX))) => {}
                _ = told_to_stop.wait_for(|told| *told) => {}
            }
        }
        Ok(self::case(&reader.tenant, case)?.0)
    }

    /// The Passport of a case, as delivered, with its end in milliseconds.
    ///
    /// # Errors
    /// [`Refusal`]; a case without a Passport has none to show: `not-found`.
    pub async fn passport(
        &self,
        message: SignedMessage,
        case: &str,
    ) -> Result<(CaseAnswer, Vec<u8>), Refusal> {
        let reader = self.reader(message).await?;
        let (case, _) = reader.visible(case)?;
        let (answer, delivered) = self::case(&reader.tenant, case)?;
        Ok((answer, delivered.ok_or_else(Refusal::not_found)?))
    }

    /// The case file: all that a stranger needs.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn file(&self, message: SignedMessage, case: &str) -> Result<Vec<u8>, Refusal> {
        let reader = self.reader(message).await?;
        let (case, _) = reader.visible(case)?;
        case_file::assemble(&reader.tenant, case)
    }

    /// The newest head of the caller's log: origin and signed note.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn log(&self, message: SignedMessage) -> Result<(String, String), Refusal> {
        let reader = self.reader(message).await?;
        Ok((
            reader.tenant.origin().to_owned(),
            reader.tenant.head().note(),
        ))
    }

    pub(super) async fn reader(&self, message: SignedMessage) -> Result<Reader, Refusal> {
        let inner = &self.inner;
        let thumbprint = message.keyid();
        let tenant = request::find(&inner.ledger, message.keyid())?;
        let now = inner.ledger.clock().now();
        let (caller, key) = request::holder(&mut Reading::of(&tenant), message.keyid())?;
        let read = self.proven(message, &tenant, now, &key);
        if let Err(refusal) = &read {
            inner.failures.note(&tenant, &caller, refusal, now);
        }
        self.hold(thumbprint, read?).await?;
        Ok(Reader { tenant, caller })
    }

    /// AP-15: returns in the second `created_s` or later. Whoever answers a read has waited here, and a read that
    /// was answered is therefore older than whatever comes after.
    async fn hold(&self, key: JwkThumbprint, created_s: u64) -> Result<(), Refusal> {
        let created_ms = created_s.saturating_mul(1000);
        let ahead = || created_ms.saturating_sub(self.inner.ledger.clock().now().millis());
        if ahead() == 0 {
            return Ok(());
        }
        let _place = Waiting::take(&self.inner, key)?;
        let mut told_to_stop = self.inner.told_to_stop.subscribe();
        let reached = async {
            while ahead() > 0 {
                tokio::time::sleep(Duration::from_millis(ahead())).await;
            }
        };
        tokio::select! {
            () = reached => Ok(()),
            () = tokio::time::sleep(HELD_MAX) => Err(Refusal::unavailable(
                "clock",
                "the server's clock stands still: try again in a second",
            )),
            _ = told_to_stop.wait_for(|told| *told) => Err(Refusal::stopping()),
        }
    }

    /// Checks that the holder of `key` signed this read, in this run and once; the second in which it was signed.
    fn proven(
        &self,
        message: SignedMessage,
        tenant: &Tenant,
        now: UnixMillis,
        key: &PublicKey,
    ) -> Result<u64, Refusal> {
        let inner = &self.inner;
        let authentic = request::authenticate(message, now, key, &[])?;
        let statement = authentic.statement();
        // AP-15: nonces of reads are kept in memory alone, so a read signed before the start may be a copy.
        if statement.created_s() < inner.first_second {
            return Err(Refusal::new(
                Kind::Unauthenticated,
                "signature-before-start",
                "signed before the server started: sign again",
            ));
        }
        let nonce = statement.nonce().unwrap_or_default().to_owned();
        let mut seen = inner
            .read_nonces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // AP-3
        let key = (statement.keyid(), nonce);
        if seen.contains_key(&key) {
            return Err(Refusal::conflict(
                "replayed",
                "nonce used before: sign again with a new one",
            ));
        }
        inner.rates.take(
            tenant.origin(),
            statement.keyid(),
            inner.ledger.clock().steady(),
        )?;
        seen.insert(key, statement.expires_s());
        Ok(statement.created_s())
    }
}

impl Inner {
    /// Forgets nonces whose signatures are dead.
    pub(super) fn forget_read_nonces(&self, now: UnixMillis) {
        let mut seen = self
            .read_nonces
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, expires_s| expires_s.saturating_add(1) >= now.seconds());
    }
}

impl Reader {
    /// AP-8: the case, if there is one and the reader may see it. Everything else is the same answer.
    fn visible(&self, case: &str) -> Result<(CaseId, CaseState), Refusal> {
        let case = CaseId::from_hex(case).ok_or_else(Refusal::not_found)?;
        let row = durable_case(&self.tenant, case)?;
        let may = match &self.caller {
            Caller::Founder => true,
            Caller::Agent(id) => row.agent == *id,
            Caller::System(id) => row.target == *id,
        };
        if may {
            Ok((case, row.state))
        } else {
            Err(Refusal::not_found())
        }
    }
}

impl Reader {
    /// AP-11: returns once the case has left its review, or the server stops.
    async fn until_decided(&self, case: CaseId) {
        let mut grown = self.tenant.grown();
        // Looked at again after subscribing, so that no change is missed in between.
        while durable_case(&self.tenant, case).is_ok_and(|row| row.state == CaseState::InReview) {
            if grown.changed().await.is_err() {
                return;
            }
        }
    }
}

/// A place among the waiting reads of one key, given back when dropped.
struct Waiting<'a> {
    inner: &'a Inner,
    key: JwkThumbprint,
}

impl<'a> Waiting<'a> {
    fn take(inner: &'a Inner, key: JwkThumbprint) -> Result<Self, Refusal> {
        let mut waiting = inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(key).or_default();
        if *count >= WAITING_MAX {
            return Err(Refusal::new(
                Kind::TooMany,
                "too-many-waiting",
                format!("{WAITING_MAX} reads of this key wait already"),
            ));
        }
        *count = count.saturating_add(1);
        Ok(Self { inner, key })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self
            .inner
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(&self.key);
            }
        }
    }
}

/// The row of a case; `not-found` if there is none.
pub(super) fn durable_case(tenant: &Tenant, case: CaseId) -> Result<CaseRow, Refusal> {
    match tenant.durable_row(&RowName::Case(case)) {
        Ok(Some(Row::Case(row))) => Ok(row),
        Ok(_) => Err(Refusal::not_found()),
        Err(error) => Err(Refusal::broken(&error)),
    }
}

/// The answer for a case from what is on disk, and its delivered Passport under the newest head.
pub(super) fn case(
    tenant: &Tenant,
    case: CaseId,
) -> Result<(CaseAnswer, Option<Vec<u8>>), Refusal> {
    let row = durable_case(tenant, case)?;
    let decided = decision(tenant, &row)?;
    let mut answer = CaseAnswer {
        case: case.to_string(),
        agent: Some(row.agent.to_string()),
        request_id: Some(row.request_id.to_string()),
        verdict: decided.decision.verdict().name(),
        rules: decided.decision.rules().to_vec(),
        state: row.state.as_str(),
        origin: tenant.origin().to_owned(),
        index: row.events.last().map_or(0, |event| event.index),
        passport: None,
        expires_at: None,
        review: review(&decided.decision, row.deadline),
    };
    let mut delivered = None;
    if let Some((head, bytes)) = sealed(tenant, &row)? {
        let proof = tenant
            .proof(head.index, &tenant.head())
            .map_err(|error| Refusal::broken(&error))?;
        delivered = Some(deliver(&mut answer, &bytes, head, proof)?);
    }
    Ok((answer, delivered))
}

/// The Passport of a case as registered, and its entry; whatever became of it since (AP-5).
pub(super) fn sealed(
    tenant: &Tenant,
    row: &CaseRow,
) -> Result<Option<(EntryHead, Vec<u8>)>, Refusal> {
    if !row.state.has_passport() {
        return Ok(None);
    }
    for place in row.events.iter().rev() {
        let entry = tenant
            .entry(place.index)
            .map_err(|error| Refusal::broken(&error))?;
        let event = Event::decode(&entry.event).map_err(|error| Refusal::broken(&error))?;
        let head = EntryHead::of(&entry, &event);
        if let (Some(head), Body::PassportIssued(bytes)) = (head, event.body) {
            return Ok(Some((head, bytes)));
        }
    }
    Err(Refusal::broken(&"a case with a Passport that is not there"))
}

/// The last decision of a case.
pub(super) fn decision(tenant: &Tenant, row: &CaseRow) -> Result<DecisionMade, Refusal> {
    for event in row.events.iter().rev() {
        if let Body::DecisionMade(made) = logged(tenant, event.index)?.body {
            return Ok(made);
        }
    }
    Err(Refusal::broken(&"a case without a decision"))
}

/// The event at `index`.
pub(super) fn logged(tenant: &Tenant, index: u64) -> Result<Event, Refusal> {
    let entry = tenant
        .entry(index)
        .map_err(|error| Refusal::broken(&error))?;
    Event::decode(&entry.event).map_err(|error| Refusal::broken(&error))
}
