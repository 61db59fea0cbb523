//! What the log says that people were shown, kept where their round opens (AV-14): to be drawn again.

use alloc::string::String;

use crate::{
    act::ActionRequest,
    digest::Digest,
    entry::Event,
    event::{Body, DecisionMade},
    state::{MemoryRows, SheetFacts},
    time::UnixMillis,
};

/// What was asked in one case so far.
#[derive(Default)]
pub(super) struct Asked<'a> {
    request: Option<(UnixMillis, Option<String>)>,
    decision: Option<&'a DecisionMade>,
}

/// One sheet, and all that it must say.
#[cfg_attr(
    not(feature = "rules"),
    expect(dead_code, reason = "without the policy engine nothing is drawn")
)]
pub(super) struct Frozen<'a> {
    pub(super) index: u64,
    pub(super) named: Option<Digest>,
    pub(super) facts: SheetFacts,
    pub(super) made: &'a DecisionMade,
    pub(super) asked_at: UnixMillis,
    pub(super) statement: Option<String>,
}

impl<'a> Asked<'a> {
    /// Looks at an event of the case before it is judged, with the rows before it.
    pub(super) fn see(
        &mut self,
        rows: &mut MemoryRows,
        index: u64,
        event: &'a Event,
    ) -> Option<Frozen<'a>> {
        match &event.body {
            Body::ActionRequested(request) => {
                self.request = Some((event.decided_at, statement(request.signed.body())));
                None
            }
            Body::DecisionMade(made) => {
                self.decision = Some(made);
                None
            }
            Body::ReviewOpened(opened) => {
                let (asked_at, statement) = self.request.clone()?;
                let made = self.decision?;
                let case = event.place?.case;
                // What is no review is refused with the history.
                let facts = SheetFacts::of(rows, case, made).ok()?;
                opened.sheet.is_some().then_some(Frozen {
                    index,
                    named: opened.sheet,
                    facts,
                    made,
                    asked_at,
                    statement,
                })
            }
            _ => None,
        }
    }
}

#[cfg_attr(
    not(feature = "rules"),
    expect(dead_code, reason = "without the policy engine nothing is drawn")
)]
impl Frozen<'_> {
    /// The blob that was shown.
    pub(super) const fn sheet(&self) -> Option<Digest> {
        self.named
    }

    /// The bundle that asked.
    pub(super) fn bundle(&self) -> Option<Digest> {
        self.made.snapshot.bundle()
    }
}

/// The agent's own words in the body that it signed.
pub(super) fn statement(body: Option<&[u8]>) -> Option<String> {
    ActionRequest::parse(body?).ok()?.statement
}
