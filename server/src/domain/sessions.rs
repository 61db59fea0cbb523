//! Sessions of people (`spec/tenant-api.md §4`): who goes with a cookie, and for how long.
//!
//! In memory alone, by the digest of their ids: whoever reads the memory or a backup has no id, and a restart ends
//! every session. Knows no cookie and no row. A session has one id at a time; all ids that it had belong to one family,
//! which ends together.

use std::collections::HashMap;

use agentsigna_verifier::{
    digest::{Digest, Noun},
    event::EndReason,
    time::UnixMillis,
};
use data_encoding::BASE64URL_NOPAD;
use tokio::sync::watch;

use super::{Refusal, random};

/// After this without a request that a person made, a session is over.
const IDLE_MS_MAX: u64 = 15 * 60 * 1000;
/// No session is older.
const AGE_MS_MAX: u64 = 8 * 60 * 60 * 1000;
/// An id that is older is replaced at its next use.
const ID_MS_MAX: u64 = 10 * 60 * 1000;
/// A replaced id still reads for this long.
const GRACE_MS: u64 = 30 * 1000;
/// Streams of one session at one time (TA-18).
pub(super) const STREAMS_MAX: usize = 3;
/// Sessions at one time, over all tenants.
const SESSIONS_MAX: usize = 10_000;
/// Sessions of one person at one time; one more ends the oldest.
const OF_ONE_MAX: usize = 8;

/// The sessions of all people; `H` says whose one is.
pub(super) struct Sessions<H> {
    next: u64,
    /// Sessions by their numbers, which are never used again.
    sessions: HashMap<u64, Session<H>>,
    /// Every id of a living session, current or replaced.
    ids: HashMap<Digest, u64>,
    /// Ends that are not on the record yet.
    ended: Vec<(H, EndReason)>,
}

struct Session<H> {
    holder: H,
    began: UnixMillis,
    last: UnixMillis,
    id: Digest,
    id_since: UnixMillis,
    /// Replaced ids, and when each was.
    replaced: Vec<(Digest, UnixMillis)>,
    /// Says nothing, and is gone with the session: whoever listens hears its end.
    life: watch::Sender<()>,
}

/// What a request does with the session it comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Changes something.
    Act,
    /// A person looks at something.
    Read,
    /// A page looks, and nobody asked it to (TA-17).
    Background,
}

/// A session that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<H> {
    /// Its number: one sign-in.
    pub(super) number: u64,
    /// Whose it is.
    pub(super) holder: H,
    /// Its new id, if it got one: whoever asked must be told.
    pub(super) renewed: Option<String>,
}

impl<H> Default for Sessions<H> {
    fn default() -> Self {
        Self {
            next: 0,
            sessions: HashMap::new(),
            ids: HashMap::new(),
            ended: Vec::new(),
        }
    }
}

/// What is kept of an id: it has 256 random bits, as a one-time code has 128.
fn kept(id: &str) -> Digest {
    Digest::of(Noun::Code, id.as_bytes())
}

fn new_id() -> Result<String, Refusal> {
    Ok(BASE64URL_NOPAD.encode(&random::<32>()?))
}

impl<H: Clone> Sessions<H> {
    /// Begins a session; its id is shown here and nowhere else. `is_same` finds the other sessions of that person.
    ///
    /// # Errors
    /// `busy` if there are too many.
    pub(super) fn begin(
        &mut self,
        holder: H,
        is_same: impl Fn(&H) -> bool,
        now: UnixMillis,
    ) -> Result<String, Refusal> {
        let theirs: Vec<(UnixMillis, u64)> = self
            .sessions
            .iter()
            .filter(|(_, session)| is_same(&session.holder))
            .map(|(number, session)| (session.began, *number))
            .collect();
        if theirs.len() >= OF_ONE_MAX
            && let Some((_, oldest)) = theirs.iter().min()
        {
            self.end(*oldest, EndReason::Ended);
        }
        if self.sessions.len() >= SESSIONS_MAX {
            return Err(Refusal::unavailable(
                "busy",
                "too many people are signed in: try again later",
            ));
        }
        let id = new_id()?;
        self.next = self.next.saturating_add(1);
        self.ids.insert(kept(&id), self.next);
        self.sessions.insert(
            self.next,
            Session {
                holder,
                began: now,
                last: now,
                id: kept(&id),
                id_since: now,
                replaced: Vec::new(),
                life: watch::Sender::new(()),
            },
        );
        Ok(id)
    }

    /// TA-4: the session of `id`, if it lives.
    ///
    /// # Errors
    /// When there is no randomness for a new id.
    pub(super) fn find(
        &mut self,
        id: &str,
        made: Use,
        now: UnixMillis,
    ) -> Result<Option<Found<H>>, Refusal> {
        let id = kept(id);
        let Some(number) = self.ids.get(&id).copied() else {
            return Ok(None);
        };
        let Some(session) = self.sessions.get_mut(&number) else {
            return Ok(None);
        };
        // TA-5.
        if let Some(reason) = session.over(now) {
            self.end(number, reason);
            return Ok(None);
        }
        let mut renewed = None;
        if session.id == id {
            // TA-17: a page may give up what it asked for, and the new id with it.
            if made != Use::Background && now.millis() >= session.id_since.plus(ID_MS_MAX).millis()
            {
                let new = new_id()?;
                session.replaced.push((session.id, now));
                session.id = kept(&new);
                session.id_since = now;
                self.ids.insert(kept(&new), number);
                renewed = Some(new);
            }
        } else {
            let until = session
                .replaced
                .iter()
                .find(|(replaced, _)| *replaced == id)
                .map(|(_, at)| at.plus(GRACE_MS));
            if until.is_none_or(|until| now.millis() >= until.millis()) {
                // TA-6: one of two holders is not the person; which, nobody can tell.
                self.end(number, EndReason::Reused);
                return Ok(None);
            }
            if made == Use::Act {
                return Ok(None);
            }
        }
        if made != Use::Background {
            session.last = now;
        }
        Ok(Some(Found {
            number,
            holder: session.holder.clone(),
            renewed,
        }))
    }

    /// TA-18: hears the end of a session, by an error; `None` if it has ended or enough listen already.
    pub(super) fn listen(&self, number: u64) -> Option<watch::Receiver<()>> {
        let session = self.sessions.get(&number)?;
        (session.life.receiver_count() < STREAMS_MAX).then(|| session.life.subscribe())
    }

    /// Ends one session.
    pub(super) fn end(&mut self, number: u64, reason: EndReason) {
        let Some(session) = self.sessions.remove(&number) else {
            return;
        };
        self.ids.remove(&session.id);
        for (id, _) in &session.replaced {
            self.ids.remove(id);
        }
        self.ended.push((session.holder, reason));
    }

    /// Ends the sessions of those for whom `is_over` has a reason.
    pub(super) fn end_where(&mut self, is_over: impl Fn(&H) -> Option<EndReason>) {
        let over: Vec<(u64, EndReason)> = self
            .sessions
            .iter()
            .filter_map(|(number, session)| Some((*number, is_over(&session.holder)?)))
            .collect();
        for (number, reason) in over {
            self.end(number, reason);
        }
    }

    /// TA-5: ends what is over by `now`, and takes all ends that are not on the record yet.
    pub(super) fn take_ended(&mut self, now: UnixMillis) -> Vec<(H, EndReason)> {
        let over: Vec<(u64, EndReason)> = self
            .sessions
            .iter()
            .filter_map(|(number, session)| Some((*number, session.over(now)?)))
            .collect();
        for (number, reason) in over {
            self.end(number, reason);
        }
        std::mem::take(&mut self.ended)
    }

    /// An end that could not be put on the record yet.
    pub(super) fn give_back(&mut self, holder: H, reason: EndReason) {
        self.ended.push((holder, reason));
    }
}

impl<H> Session<H> {
    fn over(&self, now: UnixMillis) -> Option<EndReason> {
        if now.millis() >= self.began.plus(AGE_MS_MAX).millis() {
            Some(EndReason::Absolute)
        } else if now.millis() >= self.last.plus(IDLE_MS_MAX).millis() {
            Some(EndReason::Idle)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    //! Goal: a session ends when it must and its ids change as they must. Method: a clock that the test moves.

    use super::*;

    const S: u64 = 1000;
    const MIN: u64 = 60 * S;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(1_800_000_000_000 + millis).unwrap()
    }

    fn begun() -> (Sessions<&'static str>, String) {
        let mut sessions = Sessions::default();
        let id = sessions.begin("dana", |_| false, at(0)).unwrap();
        assert_eq!(id.len(), 43);
        (sessions, id)
    }

    fn finds(sessions: &mut Sessions<&'static str>, id: &str, reads: bool, now: u64) -> bool {
        let made = if reads { Use::Read } else { Use::Act };
        sessions.find(id, made, at(now)).unwrap().is_some()
    }

    #[test]
    fn ta_17_what_nobody_asked_for_prolongs_and_renews_nothing() {
        let (mut sessions, id) = begun();
        for minute in 1..15 {
            let found = sessions.find(&id, Use::Background, at(minute * MIN));
            assert_eq!(found.unwrap().unwrap().renewed, None);
        }
        let idle = [("dana", EndReason::Idle)];
        assert_eq!(sessions.take_ended(at(15 * MIN)), idle);
        // A replaced id reads in the background for as long as for people, and is a thief's after that.
        let (mut sessions, old) = begun();
        let new = sessions.find(&old, Use::Read, at(10 * MIN)).unwrap();
        let new = new.unwrap().renewed.unwrap();
        let background = |sessions: &mut Sessions<_>, now| {
            let found = sessions.find(&old, Use::Background, at(now));
            found.unwrap().is_some()
        };
        assert!(background(&mut sessions, 10 * MIN + 29 * S));
        assert!(!background(&mut sessions, 10 * MIN + 30 * S));
        assert!(!finds(&mut sessions, &new, true, 10 * MIN + 31 * S));
    }

    #[test]
    fn ta_18_three_may_listen_and_hear_the_end() {
        let (mut sessions, id) = begun();
        let number = sessions
            .find(&id, Use::Read, at(1))
            .unwrap()
            .unwrap()
            .number;
        let mut held: Vec<_> = (0..3).map(|_| sessions.listen(number).unwrap()).collect();
        assert!(sessions.listen(number).is_none());
        held.pop();
        held.push(sessions.listen(number).unwrap());
        assert!(held.iter().all(|life| life.has_changed().is_ok()));
        sessions.end(number, EndReason::Left);
        assert!(held.iter().all(|life| life.has_changed().is_err()));
        assert!(sessions.listen(number).is_none());
    }

    #[test]
    fn ta_5_a_session_ends_15_minutes_after_its_last_use() {
        let (mut sessions, id) = begun();
        assert!(finds(&mut sessions, &id, false, 9 * MIN));
        assert!(finds(&mut sessions, &id, true, 9 * MIN + 59 * S));
        assert_eq!(sessions.take_ended(at(24 * MIN)), []);
        let idle = [("dana", EndReason::Idle)];
        assert_eq!(sessions.take_ended(at(24 * MIN + 59 * S)), idle);
        assert!(!finds(&mut sessions, &id, true, 25 * MIN));
        // Found out at its next use, if that comes before anybody looks.
        let (mut sessions, id) = begun();
        assert!(!finds(&mut sessions, &id, true, 15 * MIN));
        assert_eq!(sessions.take_ended(at(15 * MIN)), idle);
        assert!(sessions.ids.is_empty() && sessions.sessions.is_empty());
    }

    #[test]
    fn ta_5_a_session_ends_after_8_hours_however_busy() {
        let (mut sessions, mut id) = begun();
        for minute in 1..480 {
            let found = sessions
                .find(&id, Use::Act, at(minute * MIN))
                .unwrap()
                .unwrap();
            id = found.renewed.unwrap_or(id);
        }
        assert!(!finds(&mut sessions, &id, false, 480 * MIN));
        let ended = sessions.take_ended(at(480 * MIN));
        assert_eq!(ended, [("dana", EndReason::Absolute)]);
        assert!(sessions.ids.is_empty());
    }

    #[test]
    fn ta_6_an_id_is_replaced_after_10_minutes_and_reads_for_30_s_more() {
        let (mut sessions, old) = begun();
        assert!(finds(&mut sessions, &old, true, 10 * MIN - 1));
        let found = sessions
            .find(&old, Use::Act, at(10 * MIN))
            .unwrap()
            .unwrap();
        let new = found.renewed.unwrap();
        assert_ne!(new, old);
        // The other tab, sent off before: it reads, gets no id of its own, and changes nothing.
        let found = sessions
            .find(&old, Use::Read, at(10 * MIN + 29 * S))
            .unwrap();
        assert_eq!(found.unwrap().renewed, None);
        assert!(!finds(&mut sessions, &old, false, 10 * MIN + 29 * S));
        assert!(finds(&mut sessions, &new, false, 10 * MIN + 29 * S));
        // TA-6: after that it is a thief's, or the person's beside a thief.
        assert!(!finds(&mut sessions, &old, true, 10 * MIN + 30 * S));
        assert!(!finds(&mut sessions, &new, true, 10 * MIN + 31 * S));
        let ended = sessions.take_ended(at(11 * MIN));
        assert_eq!(ended, [("dana", EndReason::Reused)]);
        assert!(sessions.ids.is_empty());
    }

    #[test]
    fn ta_6_every_id_of_the_family_ends_it() {
        let (mut sessions, first) = begun();
        let mut id = first.clone();
        for tenth in 1..6 {
            let found = sessions.find(&id, Use::Read, at(tenth * 10 * MIN)).unwrap();
            id = found.unwrap().renewed.unwrap();
        }
        let other = sessions.begin("finn", |_| false, at(51 * MIN)).unwrap();
        assert!(!finds(&mut sessions, &first, true, 51 * MIN));
        assert!(!finds(&mut sessions, &id, true, 51 * MIN));
        assert!(finds(&mut sessions, &other, true, 51 * MIN));
    }

    #[test]
    fn a_session_that_was_ended_is_gone_and_on_the_record_once() {
        let (mut sessions, id) = begun();
        let number = sessions
            .find(&id, Use::Read, at(1))
            .unwrap()
            .unwrap()
            .number;
        sessions.end(number, EndReason::Left);
        sessions.end(number, EndReason::Left);
        assert!(!finds(&mut sessions, &id, true, 2));
        assert_eq!(sessions.take_ended(at(2)), [("dana", EndReason::Left)]);
        assert_eq!(sessions.take_ended(at(2)), []);
        let (mut sessions, id) = begun();
        sessions.end_where(|who| (*who == "finn").then_some(EndReason::Ended));
        assert!(finds(&mut sessions, &id, true, 1));
        sessions.end_where(|who| (*who == "dana").then_some(EndReason::Ended));
        assert!(!finds(&mut sessions, &id, true, 1));
    }

    #[test]
    fn the_ninth_session_of_a_person_ends_the_first() {
        let mut sessions = Sessions::default();
        let ids: Vec<String> = (0..9)
            .map(|n| sessions.begin("dana", |who| *who == "dana", at(n)).unwrap())
            .collect();
        assert!(!finds(&mut sessions, &ids[0], true, 10));
        assert!(ids[1..].iter().all(|id| finds(&mut sessions, id, true, 10)));
        assert_eq!(sessions.take_ended(at(10)), [("dana", EndReason::Ended)]);
    }
}
