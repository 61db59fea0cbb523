//! One pass over the entries: hashes, chain, signatures, transitions, Passports, verdicts, sheets.

mod again;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    vec::Vec,
};

use super::{
    super::{
        Step, Voucher, approvals,
        case::{check_claims, check_request, judge},
        entries::{check_genesis, decode},
        lies::{self, Trail},
        outcomes, passport,
        report::{Checks, Stop, ensure, refuse},
    },
    BLOB_BYTES_MAX, Export, Options, Progress, blob_path,
    signers::Signers,
    tiles::{Made, OpenTiles},
};
use crate::{
    case::CaseState,
    decision::Verdict,
    digest::Digest,
    entry::{CaseId, Entry, Event},
    event::{ActionRequested, Body, DecisionMade},
    limits,
    log::{
        bundle::parse_entries,
        frontier::Frontier,
        tile::Bundle,
        tree::{LeafHash, TreeHead, TreeSize},
    },
    passport::Passport,
    state::{Blobs, Completeness, MemoryRows, Row, RowName, rests},
    time::UnixMillis,
    trust::{Trust, TrustedLog},
};

/// A bundle of 256 entries of 32 KiB with their lengths.
const BUNDLE_BYTES_MAX: usize = 256 * (limits::ENTRY_BYTES_MAX + 2);

/// Why the walk ends early.
pub(super) enum Fault<E> {
    /// The reader failed.
    Export(E),
    /// A check did not pass.
    Step(Step, Stop),
}

/// A case between its request and the write that brings it to rest.
struct Open {
    request: ActionRequested,
    #[cfg_attr(not(feature = "rules"), expect(dead_code, reason = "only made again"))]
    asked_at: UnixMillis,
    /// The last one.
    decision: Option<DecisionMade>,
}

pub(super) struct Walk<'a, E: Export> {
    export: &'a mut E,
    log: &'a TrustedLog,
    trust: &'a Trust,
    size: TreeSize,
    options: Options,
    rows: MemoryRows,
    frontier: Frontier,
    tiles: OpenTiles,
    previous: LeafHash,
    last_at: Option<UnixMillis>,
    open: BTreeMap<CaseId, Open>,
    blobs: BTreeSet<Digest>,
    /// After an event that nobody here understands, the state is unknown: only hashes are judged.
    blind: bool,
    gaps: BTreeMap<&'static str, (Step, Stop)>,
    passports: u64,
    signers: Signers,
    trail: Trail,
    replayed: u64,
    sheets: u64,
    other_engine: u64,
    #[cfg(feature = "rules")]
    compiled: super::super::replay::Compiled,
}

impl<'a, E: Export> Walk<'a, E> {
    pub(super) fn new(
        export: &'a mut E,
        log: &'a TrustedLog,
        trust: &'a Trust,
        size: TreeSize,
        options: Options,
    ) -> Self {
        Self {
            export,
            log,
            trust,
            size,
            options,
            rows: MemoryRows::default(),
            frontier: Frontier::empty(),
            tiles: OpenTiles::new(size),
            previous: LeafHash::from_bytes([0; 32]),
            last_at: None,
            open: BTreeMap::new(),
            blobs: BTreeSet::new(),
            blind: false,
            gaps: BTreeMap::new(),
            passports: 0,
            signers: Signers::default(),
            trail: Trail::default(),
            replayed: 0,
            sheets: 0,
            other_engine: 0,
            #[cfg(feature = "rules")]
            compiled: None,
        }
    }

    /// Reads every bundle, then closes tiles, tree and cases.
    pub(super) fn all(
        &mut self,
        head: &TreeHead,
        progress: &mut dyn FnMut(Progress),
        seen: &mut dyn FnMut(u64, &Event),
    ) -> Result<(), Fault<E::Error>> {
        at(
            Step::Genesis,
            ensure(
                self.size != TreeSize::EMPTY,
                "wrong-genesis",
                "a log without entries",
            ),
        )?;
        for bundle in Bundle::all(self.size) {
            self.bundle(bundle, seen)?;
            progress(Progress {
                entries: self.frontier.size().entries(),
                size: self.size.entries(),
            });
        }
        for made in self.tiles.rest() {
            self.tile(&made)?;
        }
        // VE-29: the head that was signed is the head of these entries.
        at(
            Step::Tree,
            ensure(
                self.frontier.head() == *head,
                "root-mismatch",
                format!(
                    "the entries make root `{}`, the head says `{}`",
                    self.frontier.root(),
                    head.root()
                ),
            ),
        )?;
        at(Step::Completeness, self.at_rest())
    }

    fn bundle(
        &mut self,
        bundle: Bundle,
        seen: &mut dyn FnMut(u64, &Event),
    ) -> Result<(), Fault<E::Error>> {
        let path = bundle.path();
        let Some(bytes) = self.file(&path, BUNDLE_BYTES_MAX)? else {
            return at(
                Step::Entries,
                refuse("missing-tile", format!("`{path}` is not there")),
            );
        };
        let entries = match parse_entries(&bytes, bundle.width()) {
            Ok(entries) => entries,
            Err(error) => {
                return at(
                    Step::Entries,
                    refuse("malformed", format!("`{path}`: {error}")),
                );
            }
        };
        for entry in entries {
            self.entry(entry, seen)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        bytes: &[u8],
        seen: &mut dyn FnMut(u64, &Event),
    ) -> Result<(), Fault<E::Error>> {
        let index = self.frontier.size().entries();
        let leaf = LeafHash::of(bytes);
        // The tile first: where both differ, it says which entry was changed after it was hashed.
        for made in self.tiles.add(leaf) {
            self.tile(&made)?;
        }
        if let Err(error) = self.frontier.append(leaf) {
            return at(Step::Tree, refuse("size-mismatch", error));
        }
        let entry = at(Step::Entries, self.chained(index, bytes))?;
        self.previous = leaf;
        self.last_at = Some(entry.sequenced_at);
        let event = match decode(index, &entry.event) {
            Ok(event) => event,
            Err(stop @ Stop::NotMade(_)) => {
                self.blind = true;
                self.gap(Step::Entries, stop);
                return Ok(());
            }
            Err(stop) => return at(Step::Entries, Err(stop)),
        };
        at(
            Step::Entries,
            ensure(
                event.decided_at <= entry.sequenced_at,
                "time-backwards",
                format!("entry {index} was decided after it was put in order"),
            ),
        )?;
        if index == 0 {
            at(
                Step::Genesis,
                check_genesis(index, leaf, &event, self.log, self.trust),
            )?;
            self.trust_file(&event, leaf)?;
        }
        if self.blind {
            return Ok(());
        }
        let facts = self.facts(&event);
        self.history(index, &Event::digest_of(&entry.event), &event)?;
        if let Some(facts) = facts {
            self.sheet(index, &event, facts)?;
        }
        self.case(index, &event)?;
        seen(index, &event);
        Ok(())
    }

    /// VE-25, EN-6, EN-7, EN-8: of this log, at this index, after the entry before, not before its time.
    fn chained(&self, index: u64, bytes: &[u8]) -> Result<Entry, Stop> {
        let entry = match Entry::decode(bytes) {
            Ok(entry) => entry,
            Err(error) => return refuse("malformed", format!("entry {index}: {error}")),
        };
        ensure(
            entry.origin == self.log.origin().as_str(),
            "wrong-tenant",
            format!("entry {index} is of log `{}`", entry.origin),
        )?;
        ensure(
            entry.index == index,
            "index-gap",
            format!("entry with index {} stands at {index}", entry.index),
        )?;
        ensure(
            entry.previous == self.previous,
            "previous-mismatch",
            format!("entry {index} does not name the entry before it"),
        )?;
        ensure(
            self.last_at.is_none_or(|last| last <= entry.sequenced_at),
            "time-backwards",
            format!("entry {index} is older than the entry before it"),
        )?;
        Ok(entry)
    }

    /// VE-26: the export's own trust file is what its genesis entry makes, byte for byte.
    fn trust_file(&mut self, event: &Event, leaf: LeafHash) -> Result<(), Fault<E::Error>> {
        let Body::LogCreated(genesis) = &event.body else {
            return Ok(());
        };
        let found = self.file("trust.json", limits::TRUST_BYTES_MAX)?;
        let same = match Trust::from_genesis(genesis, leaf) {
            Ok(made) => ensure(
                found.is_some_and(|bytes| bytes == made.encode()),
                "trust-file",
                "`trust.json` is missing, or is not what the genesis entry makes",
            ),
            Err(error) => refuse("trust-file", error),
        };
        at(Step::TrustFile, same)
    }

    /// VE-17, with every row known.
    fn history(
        &mut self,
        index: u64,
        digest: &Digest,
        event: &Event,
    ) -> Result<(), Fault<E::Error>> {
        let mut blobs = FromExport {
            export: &mut *self.export,
            error: None,
        };
        let judged = judge(
            &mut self.rows,
            &mut blobs,
            index,
            *digest,
            event,
            Completeness::Whole,
        );
        if let Some(error) = blobs.error {
            return Err(Fault::Export(error));
        }
        self.blobs.extend(event.body.blob());
        match judged {
            Err(stop @ Stop::NotMade(_)) => {
                self.gap(Step::History, stop);
                Ok(())
            }
            other => {
                at(Step::History, other)?;
                self.signers.add(&event.body);
                self.trail.see(&self.rows, index, event);
                Ok(())
            }
        }
    }

    /// VE-27: request, decision and Passport of a case say the same; the Passport is sealed, the verdict comes
    /// out again.
    fn case(&mut self, index: u64, event: &Event) -> Result<(), Fault<E::Error>> {
        let Some(place) = event.place else {
            return Ok(());
        };
        match &event.body {
            Body::ActionRequested(request) => {
                let open = Open {
                    request: request.clone(),
                    asked_at: event.decided_at,
                    decision: None,
                };
                self.open.insert(place.case, open);
            }
            Body::DecisionMade(made) => {
                let asked = self
                    .open
                    .get(&place.case)
                    .map(|open| check_request(&open.request, made));
                at(Step::History, named(index, asked.unwrap_or(Ok(()))))?;
                self.replay(index, made)?;
                if made.decision.verdict() == Verdict::Rejected {
                    self.open.remove(&place.case);
                } else if let Some(open) = self.open.get_mut(&place.case) {
                    open.decision = Some(made.clone());
                }
            }
            Body::PassportIssued(bytes) => {
                let decision = self.open.remove(&place.case).and_then(|open| open.decision);
                at(
                    Step::Passports,
                    named(index, self.passport(bytes, decision.as_ref())),
                )?;
                self.passports = self.passports.saturating_add(1);
            }
            Body::ApprovalRefused(_) | Body::CaseExpired(_) => {
                self.open.remove(&place.case);
            }
            _ => {}
        }
        Ok(())
    }

    fn passport(&self, bytes: &[u8], decision: Option<&DecisionMade>) -> Result<(), Stop> {
        let passport = match Passport::parse(bytes) {
            Ok(passport) => passport,
            Err(error) => return refuse("malformed", error),
        };
        passport::seal(&passport, self.log, self.trust)?;
        passport::consistent(passport.claims())?;
        approvals::check(passport.claims(), self.log)?;
        match decision {
            Some(decision) => check_claims(passport.claims(), decision),
            None => refuse("not-authorized", "a Passport without a decision"),
        }
    }

    fn tile(&mut self, made: &Made) -> Result<(), Fault<E::Error>> {
        let path = made.tile.path();
        // VE-28: every tile is there, and is what the entries make.
        let found = match self.file(&path, made.bytes.len())? {
            Some(bytes) => ensure(
                bytes == made.bytes,
                "tile-mismatch",
                format!("`{path}` has other hashes than the entries make"),
            ),
            None => refuse("missing-tile", format!("`{path}` is not there")),
        };
        at(Step::Tiles, found)
    }

    /// VE-19 and CA-2 for every case.
    fn at_rest(&mut self) -> Result<(), Stop> {
        let mut to_ask = Vec::new();
        for (name, row) in self.rows.iter() {
            if let (RowName::Case(id), Row::Case(case)) = (name, row) {
                self.rests(*id, case.state, case.state.may_rest())?;
                let moved = case.ending.as_ref().is_some_and(|e| e.moved.is_some());
                if case.state == CaseState::InReview || moved {
                    to_ask.push((*id, case.clone()));
                }
            }
        }
        for (id, case) in to_ask {
            let rests = match rests(&mut self.rows, id, &case) {
                Ok(rests) => rests,
                Err(never) => match never {},
            };
            self.rests(id, case.state, rests)?;
        }
        Ok(())
    }

    fn rests(&self, id: CaseId, state: CaseState, rests: bool) -> Result<(), Stop> {
        ensure(
            self.blind || rests,
            "case-incomplete",
            format!("case {id} ends `{}`, where no case rests", state.as_str()),
        )
    }

    fn file(&mut self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Fault<E::Error>> {
        let mut file = self.export.file(path, bytes_max).map_err(Fault::Export)?;
        if let Some(bytes) = &mut file {
            bytes.truncate(bytes_max.saturating_add(1));
        }
        Ok(file)
    }

    fn gap(&mut self, step: Step, stop: Stop) {
        self.gaps.entry(step.as_str()).or_insert((step, stop));
    }

    /// How each step of the walk ended, once it went to the end.
    pub(super) fn findings(&mut self) -> Vec<(Step, Result<(), Stop>)> {
        let mut gaps = core::mem::take(&mut self.gaps);
        let unknown = gaps
            .get(Step::Entries.as_str())
            .map(|(_, stop)| stop.clone());
        let steps = [
            Step::Entries,
            Step::Genesis,
            Step::TrustFile,
            Step::History,
            Step::Passports,
            Step::Tiles,
            Step::Tree,
            Step::Completeness,
        ];
        let mut found: Vec<(Step, Result<(), Stop>)> = steps
            .into_iter()
            .map(|step| {
                let gap = gaps.remove(step.as_str()).map(|(_, stop)| stop);
                let hangs_on_state =
                    matches!(step, Step::History | Step::Passports | Step::Completeness);
                let gap = gap.or_else(|| unknown.clone().filter(|_| hangs_on_state));
                (step, gap.map_or(Ok(()), Err))
            })
            .collect();
        for (asked, made) in [(Step::Replay, self.replayed), (Step::Sheets, self.sheets)] {
            if let Some((step, stop)) = gaps.remove(asked.as_str()) {
                found.push((step, Err(stop)));
            } else if made > 0 {
                found.push((asked, Ok(())));
            }
        }
        found
    }

    /// What the log holds, and what was left out.
    pub(super) fn tell(&self, checks: &mut Checks) {
        let cases = self
            .rows
            .iter()
            .filter(|(_, row)| matches!(row, Row::Case(_)))
            .count();
        checks.claim("cases", cases, Voucher::LogKey);
        checks.claim("passports", self.passports, Voucher::SealKey);
        outcomes::tell_open(checks, &self.rows, self.last_at);
        self.signers.tell(&self.rows, checks);
        checks.claim("verdicts made again", self.replayed, Voucher::PolicyReplay);
        if self.sheets > 0 {
            checks.claim("sheets drawn again", self.sheets, Voucher::PolicyReplay);
        }
        if !self.options.replay {
            checks.not_checked("verdict replay", "not asked for");
        } else if self.other_engine > 0 {
            let why = format!(
                "{} decisions of engines that this release does not carry",
                self.other_engine
            );
            checks.not_checked("verdict replay", why);
        }
        checks.lies(lies::of_ledger(&self.trail, self.trust, self.replayed));
    }

    pub(super) fn named_blobs(self) -> impl Iterator<Item = Digest> {
        self.blobs.into_iter()
    }
}

/// Blobs of the export, for the signatures that need them.
struct FromExport<'a, E: Export> {
    export: &'a mut E,
    error: Option<E::Error>,
}

impl<E: Export> Blobs for FromExport<'_, E> {
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        match self.export.file(&blob_path(digest), BLOB_BYTES_MAX) {
            Ok(blob) => blob,
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }
}

fn at<T, E>(step: Step, found: Result<T, Stop>) -> Result<T, Fault<E>> {
    found.map_err(|stop| Fault::Step(step, stop))
}

/// Says at which entry.
fn named(index: u64, found: Result<(), Stop>) -> Result<(), Stop> {
    found.map_err(|stop| match stop {
        Stop::Failed(mut finding) => {
            finding.what = format!("entry {index}: {}", finding.what);
            Stop::Failed(finding)
        }
        other => other,
    })
}
