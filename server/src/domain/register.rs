//! What people of a tenant look at: lists made of rows and entries, newest or by name. Nothing here changes anything.
//!
//! Everybody who has a session reads their own tenant and nothing else: what is asked for goes through the visitor.

use agentsigna_verifier::{
    entry::{CaseId, Event},
    event::{ActionRequested, Body},
    id::Id,
    state::{CaseRow, Row},
    time::UnixMillis,
};

use super::{
    Office, Refusal, Visitor,
    view::{durable_case, logged},
};
use crate::ledger::{RowKind, Tenant};

/// Entries that one page looks at, at most: what follows is on the next.
const LOOKED_AT_MAX: u64 = 4096;

/// A part of a list, newest first.
#[derive(Debug, Clone)]
pub struct Part<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// Where the next part begins: entries below this index; `None` at the log's beginning.
    pub before: Option<u64>,
}

/// One entry, as people look at it.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its position.
    pub index: u64,
    /// What is in it.
    pub event: Event,
}

/// One case, as people look at it.
#[derive(Debug, Clone)]
pub struct CaseSeen {
    /// Its name.
    pub case: CaseId,
    /// Where it begins.
    pub index: u64,
    /// When it was asked.
    pub asked_at: UnixMillis,
    /// What was asked.
    pub asked: ActionRequested,
    /// What became of it.
    pub row: CaseRow,
}

impl Office {
    /// How many cases wait for people.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn waiting(&self, visitor: &Visitor) -> Result<u64, Refusal> {
        let queue = self.queue(visitor)?;
        Ok(u64::try_from(queue.len()).unwrap_or(u64::MAX))
    }

    /// Entries below index `before` (the newest, if nothing is said) of which `seen` makes something, newest first: at
    /// most `max` of them, and as many entries looked at as one page may cost.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn entries<T>(
        &self,
        visitor: &Visitor,
        before: Option<u64>,
        max: usize,
        mut seen: impl FnMut(Logged) -> Result<Option<T>, Refusal>,
    ) -> Result<Part<T>, Refusal> {
        let tenant = &visitor.tenant;
        let size = tenant.head().tree().size().entries();
        let begin = before.map_or(size, |before| before.min(size));
        let end = begin.saturating_sub(LOOKED_AT_MAX);
        let mut part = Part {
            items: Vec::new(),
            before: (end > 0).then_some(end),
        };
        for index in (end..begin).rev() {
            if part.items.len() >= max {
                part.before = Some(index.saturating_add(1));
                break;
            }
            let event = logged(tenant, index)?;
            part.items.extend(seen(Logged { index, event })?);
        }
        Ok(part)
    }

    /// Cases that `wanted` takes, newest first, as [`Self::entries`] does.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn cases(
        &self,
        visitor: &Visitor,
        before: Option<u64>,
        max: usize,
        wanted: impl Fn(&CaseSeen) -> bool,
    ) -> Result<Part<CaseSeen>, Refusal> {
        self.entries(visitor, before, max, |logged| {
            let seen = seen(&visitor.tenant, logged)?;
            Ok(seen.filter(|case| wanted(case)))
        })
    }

    /// One case: `not-found` for what is none of this tenant's.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn case_seen(&self, visitor: &Visitor, case: CaseId) -> Result<CaseSeen, Refusal> {
        let row = durable_case(&visitor.tenant, case)?;
        let first = row.events.first().ok_or_else(Refusal::not_found)?;
        let logged = Logged {
            index: first.index,
            event: logged(&visitor.tenant, first.index)?,
        };
        seen(&visitor.tenant, logged)?.ok_or_else(Refusal::not_found)
    }

    /// The event at `index`, which is below the size of the visitor's log.
    ///
    /// # Errors
    /// `not-found` beyond the log's end.
    pub fn logged(&self, visitor: &Visitor, index: u64) -> Result<Logged, Refusal> {
        if index >= visitor.tenant.head().tree().size().entries() {
            return Err(Refusal::not_found());
        }
        let event = logged(&visitor.tenant, index)?;
        Ok(Logged { index, event })
    }

    /// All rows of a kind that stands for something with an id, each with its id, by id. The id is in the entry that
    /// made the row: `first` finds that entry in a row, `named` the id in its body.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn named_rows<T>(
        &self,
        visitor: &Visitor,
        kind: RowKind,
        first: impl Fn(Row) -> Option<(T, u64)>,
        named: impl Fn(&Body) -> Option<Id>,
    ) -> Result<Vec<(Id, T)>, Refusal> {
        let rows = visitor.tenant.rows(kind);
        let rows = rows.map_err(|error| Refusal::broken(&error))?;
        let mut found = Vec::with_capacity(rows.len());
        for (row, index) in rows.into_iter().filter_map(first) {
            let event = logged(&visitor.tenant, index)?;
            let id = named(&event.body).ok_or_else(|| {
                Refusal::broken(&"a row of something that its entry does not name")
            })?;
            found.push((id, row));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }
}

/// The case that `logged` begins, if it begins one.
fn seen(tenant: &Tenant, logged: Logged) -> Result<Option<CaseSeen>, Refusal> {
    let (Some(place), Body::ActionRequested(asked)) = (logged.event.place, logged.event.body)
    else {
        return Ok(None);
    };
    Ok(Some(CaseSeen {
        case: place.case,
        index: logged.index,
        asked_at: logged.event.decided_at,
        asked,
        row: durable_case(tenant, place.case)?,
    }))
}
