//! Rows as they will be once some events have followed: what a later step of the same change must know of the steps
//! before it. Nothing is changed by it; admission applies the same events once more.

use agentsigna_verifier::state::{self, Ahead, Completeness, Row, RowName, Rows, StateError};

use super::{NewEvent, Reading, RowError, Tenant};

/// Rows of one tenant, and how much of its log is in them.
pub trait Standing: Rows<Error = RowError> {
    /// The tenant.
    fn tenant(&self) -> &Tenant;
    /// As [`Reading::standing_at`].
    fn standing_at(&self) -> u64;
}

impl Standing for Reading {
    fn tenant(&self) -> &Tenant {
        Self::tenant(self)
    }

    fn standing_at(&self) -> u64 {
        Self::standing_at(self)
    }
}

impl Standing for Preview<'_> {
    fn tenant(&self) -> &Tenant {
        self.rows.below().tenant()
    }

    fn standing_at(&self) -> u64 {
        self.rows.below().standing_at()
    }
}

/// The rows of a reading, and ahead of them those that events have set here.
pub struct Preview<'a> {
    rows: Ahead<'a, Reading>,
    followed: u64,
}

impl<'a> Preview<'a> {
    /// The rows as `reading` has them.
    #[must_use]
    pub fn over(reading: &'a mut Reading) -> Self {
        Self {
            rows: Ahead::of(reading),
            followed: 0,
        }
    }

    /// Lets `event` follow, as if it had the next position: which one it gets, only admission knows.
    ///
    /// # Errors
    /// [`StateError`] if it may not follow.
    pub fn follow(&mut self, event: &NewEvent) -> Result<(), StateError<RowError>> {
        let index = self.standing_at().saturating_add(self.followed);
        state::apply(
            &mut self.rows,
            event.event(),
            event.digest(),
            index,
            Completeness::Whole,
        )?;
        self.followed = self.followed.saturating_add(1);
        Ok(())
    }
}

impl Rows for Preview<'_> {
    type Error = RowError;

    fn row(&mut self, name: &RowName) -> Result<Option<Row>, RowError> {
        self.rows.row(name)
    }

    fn set(&mut self, name: RowName, row: Row) {
        self.rows.set(name, row);
    }
}
