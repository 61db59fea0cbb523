//! What a batch must satisfy before its first byte is written.
//!
//! INVARIANT (written once): an entry, tile or blob never changes and never goes (A12). Entries are counted;
//! tiles and blobs are looked up, which their filters make cheap for what is not there.
//! INVARIANT (no rows before the directory row): a family without a directory row is empty, so opening the
//! store may drop it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    Registry, Tenant, WriteError,
    batch::{Act, Batch, Global},
    database::Database,
    key::{FamilyId, GlobalKey, Key},
    scope::TenantScope,
};

/// A batch found good.
pub(super) struct Checked {
    /// For each act, whether it changes anything.
    pub(super) wanted: Vec<bool>,
    /// The length of each log that grows.
    pub(super) entry_counts: Vec<(TenantScope, u64)>,
    /// The tenants that come into being.
    pub(super) tenants: Vec<Tenant>,
}

/// What the batch does so far, as its acts are gone through in order.
struct Check<'a> {
    database: &'a Arc<Database>,
    global: &'a Global,
    registry: &'a Registry,
    new: BTreeMap<FamilyId, &'a Tenant>,
    entry_counts: BTreeMap<FamilyId, (TenantScope, u64)>,
    once: HashMap<(FamilyId, Key), &'a [u8]>,
    owners: HashMap<GlobalKey, Option<FamilyId>>,
}

/// Checks every act against the disk and against the acts before it.
pub(super) fn check(
    batch: &Batch,
    database: &Arc<Database>,
    global: &Global,
    registry: &Registry,
) -> Result<Checked, WriteError> {
    let mut check = Check {
        database,
        global,
        registry,
        new: BTreeMap::new(),
        entry_counts: BTreeMap::new(),
        once: HashMap::new(),
        owners: HashMap::new(),
    };
    check.directories(batch.acts())?;
    let wanted = batch
        .acts()
        .iter()
        .map(|act| check.act(act))
        .collect::<Result<_, _>>()?;
    Ok(Checked {
        wanted,
        tenants: check.new.into_values().cloned().collect(),
        entry_counts: check.entry_counts.into_values().collect(),
    })
}

impl<'a> Check<'a> {
    /// New tenants come first: their rows may stand anywhere in the batch.
    fn directories(&mut self, acts: &'a [Act]) -> Result<(), WriteError> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for act in acts {
            let Act::Directory(tenant) = act else {
                continue;
            };
            if !tenant.scope.is_of(self.database) {
                return Err(WriteError::OtherStore);
            }
            // SO-12: a name means one tenant for ever.
            if self.registry.by_name(&tenant.name).is_some() || !names.insert(&tenant.name) {
                return Err(WriteError::NameTaken {
                    name: tenant.name.clone(),
                });
            }
            let family = tenant.scope.family();
            if self.registry.by_family(&family).is_some()
                || self.new.insert(family, tenant).is_some()
            {
                return Err(WriteError::WrittenOnce { kind: "directory" });
            }
        }
        Ok(())
    }

    /// Whether the act changes anything.
    fn act(&mut self, act: &'a Act) -> Result<bool, WriteError> {
        let (Act::Put(scope, ..)
        | Act::Delete(scope, _)
        | Act::DeleteNoncesBefore(scope, _)
        | Act::Directory(Tenant { scope, .. })
        | Act::Own(_, scope)
        | Act::Disown(_, scope)) = act;
        if !scope.is_of(self.database) {
            return Err(WriteError::OtherStore);
        }
        let family = scope.family();
        // SO-11: no rows before the directory row.
        if self.registry.by_family(&family).is_none() && !self.new.contains_key(&family) {
            return Err(WriteError::NoDirectory { family });
        }
        match act {
            Act::Put(_, Key::Entry(index), value) => self.entry(scope, *index, value.plaintext()),
            Act::Put(_, key, value) if key.is_written_once() => {
                self.once(scope, *key, value.plaintext())
            }
            Act::Delete(_, key) if key.is_written_once() => {
                Err(WriteError::WrittenOnce { kind: key.kind() })
            }
            Act::Own(key, _) => self.own(*key, family, Some(family)),
            Act::Disown(key, _) => self.own(*key, family, None),
            Act::Put(..) | Act::Delete(..) | Act::DeleteNoncesBefore(..) | Act::Directory(_) => {
                Ok(true)
            }
        }
    }

    /// SO-9: the next entry is new, an earlier one must be what is there, a later one would leave a gap.
    fn entry(
        &mut self,
        scope: &TenantScope,
        index: u64,
        value: &'a [u8],
    ) -> Result<bool, WriteError> {
        let (_, count) = self
            .entry_counts
            .entry(scope.family())
            .or_insert_with(|| (scope.clone(), scope.entry_count()));
        if index < *count {
            return self.once(scope, Key::Entry(index), value);
        }
        if index > *count {
            return Err(WriteError::EntryGap {
                index,
                expected: *count,
            });
        }
        *count = count.checked_add(1).ok_or(WriteError::EntryGap {
            index,
            expected: *count,
        })?;
        self.once.insert((scope.family(), Key::Entry(index)), value);
        Ok(true)
    }

    /// SO-10: what is there already must be the same bytes.
    fn once(&mut self, scope: &TenantScope, key: Key, value: &'a [u8]) -> Result<bool, WriteError> {
        let same = match self.once.insert((scope.family(), key), value) {
            Some(earlier) => earlier == value,
            None => match scope.get(key)? {
                Some(stored) => stored == value,
                None => return Ok(true),
            },
        };
        if same {
            Ok(false)
        } else {
            Err(WriteError::WrittenOnce { kind: key.kind() })
        }
    }

    /// SO-12: what one tenant has, another cannot take.
    fn own(
        &mut self,
        key: GlobalKey,
        by: FamilyId,
        after: Option<FamilyId>,
    ) -> Result<bool, WriteError> {
        let before = match self.owners.get(&key) {
            Some(owner) => *owner,
            None => self.global.owner(self.database, key)?,
        };
        if before.is_some_and(|owner| owner != by) {
            return Err(WriteError::KeyTaken);
        }
        self.owners.insert(key, after);
        Ok(before != after)
    }
}
