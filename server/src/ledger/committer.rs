//! Stage three: heads, one write, one fsync; then the answers.

use std::sync::{Arc, mpsc};

use agentsigna_verifier::{
    digest::{Digest, Noun},
    log::{
        checkpoint::{Checkpoint, SignedCheckpoint},
        note::Note,
        proof::TlogProof,
    },
    state::{Row, RowName},
};

use super::{
    Anchors, Committed, Head, Inbox, Shared, StopOnPanic,
    change::Admitted,
    sequencer::{Grown, Sequenced},
    tenant::Tenant,
};
use crate::store::{Batch, GlobalKey, Key, Store, Writing};

/// Tells the sequencer that nobody takes its batches any more, however this thread ends.
struct Ending(mpsc::Sender<Inbox>);

impl Drop for Ending {
    fn drop(&mut self) {
        // A sequencer that has ended needs no telling.
        let _ = self.0.send(Inbox::Ended);
    }
}

pub(super) fn run<W: Writing>(
    shared: &Shared,
    store: &Store<W>,
    inbox: mpsc::Sender<Inbox>,
    built: &mpsc::Receiver<Vec<Grown>>,
    mut anchors: Anchors,
) {
    let ending = Ending(inbox);
    let _guard = StopOnPanic(shared);
    while ending.0.send(Inbox::Ready).is_ok() {
        let Ok(grown) = built.recv() else { break };
        if !commit(shared, store, grown, &anchors) {
            break;
        }
    }
    anchors.close();
}

/// Makes a batch durable and answers; answers whether to go on.
fn commit<W: Writing>(
    shared: &Shared,
    store: &Store<W>,
    grown: Vec<Grown>,
    anchors: &Anchors,
) -> bool {
    // LG-1: the write. Nothing was answered, shown or sent before it; everything may be after it.
    let written = prepare(&grown).and_then(|(batch, heads)| {
        store.write(batch).map_err(|error| describe(&error))?;
        Ok(heads)
    });
    let heads = match written {
        Ok(heads) => heads,
        Err(why) => {
            // LG-10: first nothing more is admitted, then those who wait are told.
            shared.stop(&why);
            drop(grown);
            return false;
        }
    };
    for (part, head) in grown.iter().zip(&heads) {
        let tenant = &part.tenant;
        if let Some(head) = head {
            tenant.publish(Arc::clone(head));
            tenant.admission().committed(head.tree().size().entries());
            anchors.note(tenant, head);
        }
    }
    for (part, head) in grown.into_iter().zip(heads) {
        let head = head.unwrap_or_else(|| part.tenant.head());
        for sequenced in part.changes {
            answer(sequenced, &head);
        }
    }
    true
}

/// For each part its new head, if it has entries.
type Heads = Vec<Option<Arc<Head>>>;

/// The batch, and the heads that it brings.
fn prepare(grown: &[Grown]) -> Result<(Batch, Heads), String> {
    let mut batch = Batch::new();
    let mut heads = Vec::with_capacity(grown.len());
    for part in grown {
        let (tenant, scope) = (&part.tenant, part.tenant.scope());
        let dead = part
            .nonces_from
            .and_then(|minute| tenant.admission().forget_nonces(minute));
        if let Some(bucket) = dead {
            batch.delete_nonces_before(scope, bucket);
        }
        let head = if part.entries.is_empty() {
            None
        } else {
            put(&mut batch, part);
            let head = sign(part).ok_or("our own head cannot be signed")?;
            batch.put(scope, Key::Head, head.note().as_bytes());
            Some(Arc::new(head))
        };
        put_rows(&mut batch, tenant, &part.changes);
        heads.push(head);
    }
    Ok((batch, heads))
}

/// An error and its causes, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn put(batch: &mut Batch, part: &Grown) {
    let scope = part.tenant.scope();
    for (index, bytes) in &part.entries {
        batch.put(scope, Key::Entry(*index), bytes);
    }
    for tile in &part.tiles {
        let key = Key::Tile {
            level: tile.level,
            index: tile.index,
        };
        batch.put(scope, key, &tile.bytes);
    }
}

/// Rows of all changes, each written once: the last one counts. Nonces and blobs go with them.
fn put_rows(batch: &mut Batch, tenant: &Tenant, changes: &[Sequenced]) {
    let scope = tenant.scope();
    let mut rows: std::collections::BTreeMap<&RowName, &Row> = std::collections::BTreeMap::new();
    for Sequenced { admitted, .. } in changes {
        put_beside(batch, tenant, admitted);
        rows.extend(admitted.rows.iter().map(|(name, row)| (name, row)));
    }
    for (name, row) in rows {
        batch.put(
            scope,
            scope.row_key(name.kind(), &name.encode()),
            &row.encode(),
        );
        if let RowName::Key(key) = name {
            batch.global_put(GlobalKey::KeyOwner(*key.as_bytes()), scope);
        }
    }
}

fn put_beside(batch: &mut Batch, tenant: &Tenant, admitted: &Admitted) {
    let scope = tenant.scope();
    if let Some(nonce) = admitted.nonce {
        batch.put(scope, nonce, &[]);
    }
    // In the order of the changes: a later one may end what an earlier one set.
    for key in &admitted.deadlines.ended {
        batch.delete(scope, *key);
    }
    for key in &admitted.deadlines.set {
        batch.put(scope, *key, &[]);
    }
    for secret in &admitted.change.secrets {
        match secret.write(scope) {
            (key, Some(value)) => batch.put(scope, key, &value),
            (key, None) => batch.delete(scope, key),
        }
    }
    for blob in &admitted.change.blobs {
        let digest = Digest::of(Noun::Blob, blob);
        batch.put(scope, Key::Blob(*digest.as_bytes()), blob);
    }
}

/// LG-2: signs the head of one tenant's part, and opens it again as a stranger would.
fn sign(part: &Grown) -> Option<Head> {
    let key = part.tenant.log_key();
    let checkpoint = Checkpoint::new(key.name().clone(), part.head).ok()?;
    let text = checkpoint.text();
    let note = Note::new(&text, &[key.line(&part.tenant.sign(&text))]).ok()?;
    let signed = SignedCheckpoint::check(note, key).ok()?;
    Some(Head::new(signed, part.edge.clone()))
}

fn answer(sequenced: Sequenced, head: &Arc<Head>) {
    let Sequenced {
        admitted,
        entries,
        path,
    } = sequenced;
    let proof = path
        .and_then(|path| TlogProof::new(path, head.signed()).ok())
        .map(|proof| proof.encode().into_bytes());
    admitted.waiter.give(Committed {
        head: Arc::clone(head),
        entries,
        proof,
    });
}
