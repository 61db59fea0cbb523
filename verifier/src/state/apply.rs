//! One event, applied: may it follow, and what is true after it?

use alloc::{format, string::String};

use super::{
    AgentRow, BundleRow, CaseEvent, CounterpartyRow, Deed, PolicyRow, Row, RowName, Rows, Subject,
    SystemRow, authority,
    cases::{self, CaseStep},
    directory::{self, Moment},
    password, people,
};
use crate::{
    digest::Digest,
    entry::Event,
    event::{Body, Founder, Genesis, PolicyActivated},
};

/// Whether every event before this one was applied, or only those that a case file brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// A whole log: every number of a snapshot must be what the log says.
    Whole,
    /// A part of it: exposure cannot be known, for it counts other cases.
    Part,
}

/// Why an event cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError<E> {
    /// The rows could not be read.
    #[error("rows could not be read")]
    Rows(#[source] E),
    /// A rule of `spec/state.md` is broken.
    #[error("{what}")]
    Broken {
        /// A word for machines, from the table of `spec/state.md`.
        code: &'static str,
        /// For people: what was found and what was expected.
        what: String,
    },
}

pub(super) fn broken<T, E>(
    code: &'static str,
    what: impl Into<String>,
) -> Result<T, StateError<E>> {
    Err(StateError::Broken {
        code,
        what: what.into(),
    })
}

/// Judges whether `event`, whose bytes have the digest `digest`, may stand at `index`, and sets the rows it
/// changes. Signatures are not judged here.
///
/// # Errors
/// [`StateError::Broken`] if it may not; then no row was set that a caller should keep.
pub fn apply<R: Rows>(
    rows: &mut R,
    event: &Event,
    digest: Digest,
    index: u64,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    // ST-1: the first entry founds the log, and no other does.
    if (index == 0) != matches!(event.body, Body::LogCreated(_)) {
        return broken(
            "genesis",
            format!(
                "`{}` at index {index}: `log.created` stands at index 0 and nowhere else",
                event.body.kind()
            ),
        );
    }
    if let Some(place) = event.place {
        let step = CaseStep {
            place,
            at: CaseEvent { index, digest },
            decided_at: event.decided_at,
            completeness,
        };
        return cases::apply(rows, &event.body, &step);
    }
    let moment = Moment {
        at: event.decided_at,
        entry: index,
        by: alloc::vec::Vec::new(),
    };
    outside_case(rows, &event.body, moment, completeness)
}

fn outside_case<R: Rows>(
    rows: &mut R,
    body: &Body,
    mut moment: Moment,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    // PE-7, PE-9: whoever signed it may, and a second person where two are asked for.
    let signers = match Deed::of(body) {
        Some((deed, signed)) => authority::act(rows, &deed, signed, &moment)?,
        None => authority::Signers::default(),
    };
    moment.by.clone_from(&signers.by);
    let moment = &moment;
    match body {
        Body::LogCreated(genesis) => {
            rows.set(RowName::Log, Row::Log(genesis.clone()));
            match &genesis.founder {
                Founder::File(_) => Ok(()),
                Founder::Passkey(founder) => people::founded(rows, founder, moment),
            }
        }
        Body::PolicyPublished(body) => {
            let name = RowName::Bundle(body.bundle);
            // The first publication stays: an activation between two of one bundle rests on the first.
            if rows.row(&name).map_err(StateError::Rows)?.is_none() {
                let row = BundleRow {
                    bytes: body.bytes,
                    entry: moment.ground(),
                };
                rows.set(name, Row::Bundle(row));
            }
            Ok(())
        }
        Body::PolicyActivated(body) => activated(rows, body, signers, moment),
        Body::UserInvited(body) => people::invited(rows, body, &signers, moment),
        Body::UserClaimed(body) => people::claimed(rows, body, moment),
        Body::UserEnrolled(body) => people::enrolled(rows, body, &signers, moment, completeness),
        Body::UserChanged(body) => people::changed(rows, body, &signers, moment, completeness),
        Body::UserRevoked(body) => people::revoked(rows, body, &signers, moment, completeness),
        Body::DelegationGiven(body) => people::delegated(rows, body, moment),
        Body::DelegationEnded(body) => people::delegation_ended(rows, body, moment),
        Body::ActProposed(body) => authority::proposed(rows, body, moment, completeness),
        Body::AuthSignedIn(body) => people::signed_in(rows, body),
        Body::AuthEnded(body) => people::of_the_log(rows, &body.user).map(drop),
        Body::AuthLocked(body) => people::of_the_log(rows, &body.user).map(drop),
        Body::UserPasswordSet(body) => password::set(rows, body, moment),
        Body::UserPasswordEnded(body) => password::ended(rows, body, moment),
        Body::AuthFailed(_) => Ok(()),
        body => directory::apply(rows, body, moment),
    }
}

fn activated<R: Rows>(
    rows: &mut R,
    body: &PolicyActivated,
    signers: authority::Signers,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    if rows
        .row(&RowName::Bundle(body.bundle))
        .map_err(StateError::Rows)?
        .is_none()
    {
        return broken(
            "unpublished-bundle",
            format!(
                "bundle {} is activated but was never published",
                body.bundle
            ),
        );
    }
    let row = PolicyRow {
        bundle: body.bundle,
        entry: moment.entry,
        activated_at: moment.at,
        by: signers.by,
        proposal: signers.proposal,
    };
    rows.set(RowName::Policy, Row::Policy(row));
    Ok(())
}

pub(super) fn log<R: Rows>(rows: &mut R) -> Result<Genesis, StateError<R::Error>> {
    match rows.row(&RowName::Log).map_err(StateError::Rows)? {
        Some(Row::Log(genesis)) => Ok(genesis),
        _ => broken("genesis", "the genesis entry is missing"),
    }
}

pub(super) fn agent<R: Rows>(
    rows: &mut R,
    id: &crate::id::Id,
) -> Result<AgentRow, StateError<R::Error>> {
    match rows
        .row(&RowName::Agent(id.clone()))
        .map_err(StateError::Rows)?
    {
        Some(Row::Agent(row)) => Ok(row),
        _ => broken("unknown-agent", format!("agent `{id}` was never invited")),
    }
}

pub(super) fn system<R: Rows>(
    rows: &mut R,
    id: &crate::id::Id,
) -> Result<SystemRow, StateError<R::Error>> {
    match rows
        .row(&RowName::System(id.clone()))
        .map_err(StateError::Rows)?
    {
        Some(Row::System(row)) => Ok(row),
        _ => broken(
            "unknown-target",
            format!("target system `{id}` was never invited"),
        ),
    }
}

pub(super) fn counterparty<R: Rows>(
    rows: &mut R,
    id: &crate::id::Id,
) -> Result<CounterpartyRow, StateError<R::Error>> {
    match rows
        .row(&RowName::Counterparty(id.clone()))
        .map_err(StateError::Rows)?
    {
        Some(Row::Counterparty(row)) => Ok(row),
        _ => broken(
            "unknown-counterparty",
            format!("counterparty `{id}` was never enrolled"),
        ),
    }
}

/// The key row of a thumbprint that is not taken yet.
pub(super) fn take_key<R: Rows>(
    rows: &mut R,
    key: &crate::key::PublicKey,
    subject: Subject,
) -> Result<(), StateError<R::Error>> {
    let genesis = log(rows)?;
    let name = RowName::Key(key.jwk_thumbprint());
    // ST-4: one key, one holder; the keys of the log itself are nobody else's.
    let own = [genesis.log_key, genesis.seal_key];
    if own.contains(key)
        || genesis.founder.file_key() == Some(key)
        || rows.row(&name).map_err(StateError::Rows)?.is_some()
    {
        return broken(
            "key-taken",
            format!(
                "key {} is somebody else's",
                key.jwk_thumbprint().to_base64url()
            ),
        );
    }
    rows.set(name, Row::Key(subject));
    Ok(())
}
