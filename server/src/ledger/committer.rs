//! Stage three: heads, one write, one fsync; then the answers.

use std::sync::{Arc, mpsc};

use agentsigna_verifier::{
    case::CaseState,
    digest::{Digest, Noun},
    log::{
        checkpoint::{Checkpoint, SignedCheckpoint},
        note::Note,
        proof::TlogProof,
    },
    state::{Row, RowName},
};

use super::{
    Anchors, Committed, Head, Shared,
    change::Admitted,
    sequencer::{Grown, Sequenced},
    tenant::Tenant,
};
use crate::store::{Batch, GlobalKey, Key, Store, Writing};

/// A change whose batch is being written.
struct Answer {
    sequenced: Sequenced,
    head: Arc<Head>,
}

pub(super) fn run<W: Writing>(
    shared: &Shared,
    store: &Store<W>,
    built: &mpsc::Receiver<Vec<Grown>>,
    mut anchors: Anchors,
) {
    while let Ok(grown) = built.recv() {
        if let Err(why) = commit(shared, store, grown, &anchors) {
            shared.stop(&why);
            return;
        }
    }
    anchors.close();
}

fn commit<W: Writing>(
    shared: &Shared,
    store: &Store<W>,
    grown: Vec<Grown>,
    anchors: &Anchors,
) -> Result<(), String> {
    let mut batch = Batch::new();
    let mut answers = Vec::new();
    let mut heads = Vec::new();
    let minute = shared.clock.now().seconds() / 60;
    for part in grown {
        let tenant = part.tenant.clone();
        if let Some(bucket) = tenant.admission().forget_nonces(minute) {
            batch.delete_nonces_before(tenant.scope(), bucket);
        }
        let head = if part.entries.is_empty() {
            tenant.head()
        } else {
            put(&mut batch, &part);
            let head = Arc::new(sign(&part).ok_or("our own head cannot be signed")?);
            batch.put(tenant.scope(), Key::Head, head.note().as_bytes());
            heads.push((tenant.clone(), Arc::clone(&head)));
            head
        };
        put_rows(&mut batch, &tenant, &part.changes);
        answers.extend(part.changes.into_iter().map(|sequenced| Answer {
            sequenced,
            head: Arc::clone(&head),
        }));
    }
    // The write. Nothing was answered, shown or sent before it; everything may be after it.
    if let Err(error) = store.write(batch) {
        for answer in answers {
            (answer.sequenced.admitted.done)(None);
        }
        return Err(error.to_string());
    }
    for (tenant, head) in &heads {
        tenant.publish(Arc::clone(head));
        tenant.admission().committed(head.tree().size().entries());
    }
    for answer in answers {
        answer.give();
    }
    for (tenant, head) in heads {
        anchors.note(&tenant, &head);
    }
    Ok(())
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
        match (name, row) {
            (RowName::Key(key), _) => batch.global_put(GlobalKey::KeyOwner(*key.as_bytes()), scope),
            (RowName::Case(case), Row::Case(row)) => {
                if let Some(deadline) = row.deadline {
                    let key = Key::Deadline {
                        time_ms: deadline.millis(),
                        case: *case.as_bytes(),
                    };
                    match row.state {
                        CaseState::InReview => batch.put(scope, key, &[]),
                        _ => batch.delete(scope, key),
                    }
                }
            }
            _ => {}
        }
    }
}

fn put_beside(batch: &mut Batch, tenant: &Tenant, admitted: &Admitted) {
    let scope = tenant.scope();
    if let Some(nonce) = admitted.nonce {
        batch.put(scope, nonce, &[]);
    }
    for blob in &admitted.change.blobs {
        let digest = Digest::of(Noun::Blob, blob);
        batch.put(scope, Key::Blob(*digest.as_bytes()), blob);
    }
}

/// Signs the head of one tenant's part, and opens it again as a stranger would.
fn sign(part: &Grown) -> Option<Head> {
    let key = part.tenant.log_key();
    let checkpoint = Checkpoint::new(key.name().clone(), part.head).ok()?;
    let text = checkpoint.text();
    let note = Note::new(&text, &[key.line(&part.tenant.sign(&text))]).ok()?;
    let signed = SignedCheckpoint::check(note, key).ok()?;
    Some(Head::new(signed, part.edge.clone()))
}

impl Answer {
    fn give(self) {
        let Sequenced {
            admitted,
            entries,
            path,
        } = self.sequenced;
        let proof = path
            .and_then(|path| TlogProof::new(path, self.head.signed()).ok())
            .map(|proof| proof.encode().into_bytes());
        (admitted.done)(Some(Committed {
            head: self.head,
            entries,
            proof,
        }));
    }
}
