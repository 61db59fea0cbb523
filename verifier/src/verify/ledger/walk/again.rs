//! What is made again if it is asked for: verdicts (VE-23) and sheets (AV-14).

#[cfg(feature = "rules")]
use super::{
    super::{
        super::{
            Step,
            replay::{Replayed, redraw, run},
            report::Stop,
            sheets::{Frozen, statement},
        },
        BLOB_BYTES_MAX, blob_path,
    },
    at, named,
};
use super::{Export, Fault, Walk};
use crate::{
    entry::Event,
    event::{Body, DecisionMade},
    state::SheetFacts,
};

impl<E: Export> Walk<'_, E> {
    /// AV-14: what the rows say where a round opens, if it will be asked.
    pub(super) fn facts(&mut self, event: &Event) -> Option<SheetFacts> {
        let (true, Body::ReviewOpened(_), Some(place)) =
            (self.options.replay, &event.body, event.place)
        else {
            return None;
        };
        let made = self.open.get(&place.case)?.decision.as_ref()?;
        // What is no review is refused with the history.
        SheetFacts::of(&mut self.rows, place.case, made).ok()
    }

    #[cfg(feature = "rules")]
    pub(super) fn replay(
        &mut self,
        index: u64,
        made: &DecisionMade,
    ) -> Result<(), Fault<E::Error>> {
        if !self.options.replay {
            return Ok(());
        }
        let bundle = match made.snapshot.bundle() {
            Some(digest)
                if self
                    .compiled
                    .as_ref()
                    .is_some_and(|(held, _)| *held == digest) =>
            {
                Some((digest, None))
            }
            Some(digest) => Some((digest, self.file(&blob_path(&digest), BLOB_BYTES_MAX)?)),
            None => None,
        };
        let bundle = bundle
            .as_ref()
            .map(|(digest, bytes)| (*digest, bytes.as_deref()));
        match run(&mut self.compiled, bundle, made) {
            Replayed::Judged(Err(stop @ Stop::NotMade(_))) => self.gap(Step::Replay, stop),
            Replayed::Judged(found) => {
                at(Step::Replay, named(index, found))?;
                self.replayed = self.replayed.saturating_add(1);
            }
            Replayed::OtherEngine => self.other_engine = self.other_engine.saturating_add(1),
        }
        Ok(())
    }

    /// AV-14, SH-1: the sheet is what the rows make.
    #[cfg(feature = "rules")]
    pub(super) fn sheet(
        &mut self,
        index: u64,
        event: &Event,
        facts: SheetFacts,
    ) -> Result<(), Fault<E::Error>> {
        let (Body::ReviewOpened(opened), Some(place)) = (&event.body, event.place) else {
            return Ok(());
        };
        let Some((named, open)) = opened.sheet.zip(self.open.get(&place.case)) else {
            return Ok(());
        };
        let Some(made) = open.decision.clone() else {
            return Ok(());
        };
        let (asked_at, statement) = (open.asked_at, statement(open.request.signed.body()));
        let frozen = Frozen {
            index,
            named: Some(named),
            facts,
            made: &made,
            asked_at,
            statement,
        };
        let bundle = match frozen.bundle() {
            Some(digest) => self.file(&blob_path(&digest), BLOB_BYTES_MAX)?,
            None => None,
        };
        let sheet = self.file(&blob_path(&named), BLOB_BYTES_MAX)?;
        let compiled = &mut self.compiled;
        match redraw(compiled, bundle.as_deref(), &frozen, sheet.as_deref(), true) {
            Replayed::Judged(Err(stop @ Stop::NotMade(_))) => self.gap(Step::Sheets, stop),
            Replayed::Judged(found) => {
                at(Step::Sheets, found)?;
                self.sheets = self.sheets.saturating_add(1);
            }
            Replayed::OtherEngine => {}
        }
        Ok(())
    }

    #[cfg(not(feature = "rules"))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "as with the feature"
    )]
    pub(super) fn sheet(
        &mut self,
        _index: u64,
        _event: &Event,
        _facts: SheetFacts,
    ) -> Result<(), Fault<E::Error>> {
        Ok(())
    }

    #[cfg(not(feature = "rules"))]
    #[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
    pub(super) fn replay(
        &mut self,
        _index: u64,
        _made: &DecisionMade,
    ) -> Result<(), Fault<E::Error>> {
        self.other_engine = self.other_engine.saturating_add(1);
        Ok(())
    }
}
