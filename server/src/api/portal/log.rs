//! The ledger: its head, its entries with their proofs, all of it to take along, and what the verifier says of it.

use std::sync::Arc;

use agentsigna_verifier::{entry::Event, people::Role};
use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::{HeaderValue, Uri, header},
    response::Response,
    routing::{get, post},
};
use tokio::task;

use super::{
    Door, Outcome, Shared, Signed, around, body,
    pages::{
        case::Report,
        ledger::{EntryPage, EntryRow, Ledger},
        parts::{Block, Exactly, Hash, Shown},
    },
    paging,
    routes::{On, Route, Who, data, page},
    stream::{self, Sender},
    tar, typed,
};
use crate::{
    domain::{JUDGED_ENTRIES_MAX, Refusal, Visitor},
    ledger::Files,
};

/// Entries on one page.
const ROWS_MAX: usize = 50;

/// Who takes the whole log along, and has it judged.
const AUDITS: &[Role] = &[Role::Auditor, Role::Administrator];

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/ledger", Who::Person),
    page(On::Portal, "GET", "/ledger/{index}", Who::Person),
    data(On::Portal, "GET", "/ledger/export", Who::Roles(AUDITS)),
    page(On::Portal, "POST", "/ledger/verify", Who::Roles(AUDITS)),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/ledger", get(ledger))
        .route("/ledger/{index}", get(entry))
        .route("/ledger/export", get(export))
        .route("/ledger/verify", post(verify))
}

async fn ledger(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    let page = paging::before(&uri).and_then(|before| head(&door, &visitor, before, None));
    around::drawn(page)
}

async fn verify(State(door): Shared, Extension(visitor): Signed, request: Request) -> Response {
    around::drawn(judged(&door, &visitor, request).await)
}

async fn judged(door: &Door, visitor: &Visitor, request: Request) -> Result<Ledger, Refusal> {
    body::nothing(request).await?;
    let judged = door.office.judged(visitor).await?;
    head(door, visitor, None, Some(around::report(&judged)))
}

fn head(
    door: &Door,
    visitor: &Visitor,
    before: Option<u64>,
    report: Option<Report>,
) -> Result<Ledger, Refusal> {
    let head = door.office.head_seen(visitor)?;
    let part = door.office.entries(visitor, before, ROWS_MAX, |logged| {
        let event = &logged.event;
        Ok(Some(EntryRow {
            index: logged.index,
            kind: event.body.kind(),
            case: event.place.as_ref().map(|place| place.case),
            digest: Hash::of(&Event::digest_of(&event.encode())),
            at: Exactly(event.decided_at),
        }))
    })?;
    let audits = visitor.has_one_of(AUDITS);
    Ok(Ledger {
        frame: around::frame(door, visitor, None)?,
        size: head.size,
        root: Hash::new(head.root),
        at: Exactly(head.sequenced_at),
        note: Block(head.note),
        witnesses: head.others,
        export: audits.then(|| "/ledger/export".to_owned()),
        verify: audits.then(|| ("/ledger/verify".to_owned(), JUDGED_ENTRIES_MAX)),
        report,
        entries: part.items,
        next: paging::next("/ledger", part.before),
    })
}

async fn entry(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(index): Path<String>,
) -> Response {
    around::drawn(proven(&door, &visitor, &index))
}

fn proven(door: &Door, visitor: &Visitor, index: &str) -> Result<EntryPage, Refusal> {
    let index = paging::index(index).ok_or_else(Refusal::not_found)?;
    let seen = door.office.entry_seen(visitor, index)?;
    let mut facts = vec![
        ("Event digest", Shown::Hash(Hash::of(&seen.digest))),
        ("Decided", Shown::Exactly(Exactly(seen.event.decided_at))),
        (
            "In the log",
            Shown::Exactly(Exactly(seen.entry.sequenced_at)),
        ),
        ("Leaf hash", Shown::Hash(Hash::new(seen.leaf))),
        ("Leaf before", Shown::Hash(Hash::new(seen.entry.previous))),
    ];
    if let Some(place) = &seen.event.place {
        let address = format!("/cases/{}", place.case);
        facts.insert(0, ("Case", Shown::Link(address, place.case.to_string())));
        facts.insert(1, ("Event of the case", Shown::text(place.index)));
    }
    Ok(EntryPage {
        frame: around::frame(door, visitor, None)?,
        index,
        kind: seen.event.body.kind(),
        facts,
        raw: Block(seen.content.diagnostic()),
        size: seen.size,
        proof: Block(seen.proof),
        before: index.checked_sub(1),
        after: index.checked_add(1).filter(|next| *next < seen.size),
    })
}

/// TA-19: the files, each read when there is room for it.
async fn export(State(door): Shared, Extension(visitor): Signed) -> Outcome {
    let log = door.office.exported(&visitor);
    let folder = format!("ledger-{}", log.size());
    let (sender, body) = stream::open();
    let mut response = typed("application/x-tar", body);
    let name = format!("attachment; filename=\"{folder}.tar\"");
    // Letters and digits stand in every header.
    if let Ok(name) = HeaderValue::from_str(&name) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, name);
    }
    tokio::spawn(async move {
        match pack(log.files(), &folder, &sender).await {
            Ok(true) => sender.finish().await,
            // Nobody reads, or not fast enough.
            Ok(false) => {}
            Err(error) => tracing::error!(error, "an export was cut off"),
        }
    });
    Ok(response)
}

/// Sends the files as they come; whether all of them were taken.
async fn pack(mut files: Files, folder: &str, sender: &Sender) -> Result<bool, String> {
    loop {
        // The disk is read on another thread, and none waits for a slow reader.
        let read = task::spawn_blocking(move || {
            let next = files.next();
            (files, next)
        });
        let (rest, next) = read.await.map_err(|error| error.to_string())?;
        let Some(file) = next else {
            return Ok(sender.send(tar::END.to_vec()).await);
        };
        let (name, bytes) = file.map_err(|error| error.to_string())?;
        let part = tar::file(&format!("{folder}/{name}"), &bytes)
            .ok_or_else(|| format!("`{name}` has no room in a tar file"))?;
        if !sender.send(part).await {
            return Ok(false);
        }
        files = rest;
    }
}
