//! Stored modules: which there are, whose they are, and under which names they are deployed.
//!
//! [`ModuleCatalog`] is in memory as a whole, without the components, and is read from the store at
//! each start. It includes what is planned and not durable yet, so that numbers are given once. The
//! threads that compile definitions see [`DurableNames`] instead: what a name stands for once the
//! component is certainly there. What a user may do is the policy's to say; writing is the
//! planner's.

mod class;
mod record;
mod resolving;

pub(crate) use class::module_class;
pub use record::{AliasRecord, ModuleRecord, NameRecord, Returns, VersionRecord};
pub use resolving::{DurableNames, Unresolved};

use crate::{catalog::Deployer, damage::Damages};
use bureaucrat_model::{ModuleHash, ModuleName, ModuleRef};
use bureaucrat_policy::Standing;
use bureaucrat_store::{Store, StoreError, Table, keys, reading::scan_all, records};
use resolving::{KnownName, Names, Resolved};
use std::collections::{BTreeSet, HashMap};

/// Names on one engine. A record has at most some hundred kilobytes.
const NAMES_MAX: usize = 10_000;

/// After every key of these tables.
const END: [u8; 160] = [u8::MAX; 160];

/// What a user has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    pub modules: u64,
    pub bytes: u64,
}

/// Why there is no room for a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    #[error(
        "the record of the name `{0}` is damaged, so its next version is unknown; `bureaucrat fsck` \
         on the stopped engine says what can be done"
    )]
    Damaged(ModuleName),
    #[error(
        "the name `{0}` already has {max} versions, the most that a name may have; `bureaucrat module rm \
         {0}@VERSION` removes one",
        max = NameRecord::VERSIONS_MAX
    )]
    Versions(ModuleName),
    #[error(
        "the engine already holds {NAMES_MAX} names of modules, the most that it may; `bureaucrat module \
         rm NAME` removes one without versions"
    )]
    Names,
}

/// The stored modules.
#[derive(Debug, Default)]
pub struct ModuleCatalog {
    stored: HashMap<ModuleHash, ModuleRecord>,
    names: Names,
    /// The names under which each module is deployed.
    named: HashMap<ModuleHash, BTreeSet<ModuleName>>,
    totals: HashMap<Deployer, Totals>,
    /// How many names each deployer owns.
    owned: HashMap<Deployer, u64>,
    /// Part of the names cannot be read, so that there may be others.
    has_gaps: bool,
}

impl ModuleCatalog {
    /// Reads what is stored, and tells the threads that compile definitions.
    ///
    /// # Errors
    /// If the store cannot be read for reasons other than damage.
    pub fn open(
        store: &dyn Store,
        damages: &Damages,
        durable: &DurableNames,
    ) -> Result<Self, StoreError> {
        let mut catalog = Self::default();
        let table = Table::ModuleRecords;
        let gaps = scan_all(store, table, &[], &END, |key, value| {
            let Ok(hash) = <[u8; 32]>::try_from(key.as_slice()) else {
                damages.note_key(table, &key);
                return Ok(());
            };
            let read = records::decode::<ModuleRecord>(table, &key, &value);
            if let Some(record) = damages.around(None, read)? {
                catalog.note(ModuleHash(hash), record);
            }
            Ok(())
        })?;
        damages.note_gaps(table, &gaps);
        let table = Table::ModuleNames;
        let gaps = scan_all(store, table, &[], &END, |key, value| {
            let Ok((_, name)) = keys::name_of(&key) else {
                damages.note_key(table, &key);
                return Ok(());
            };
            let read = records::decode::<NameRecord>(table, &key, &value);
            match damages.around(None, read)? {
                Some(record) => catalog.put_name(name, record),
                None => {
                    catalog.names.insert(name, KnownName::Damaged);
                }
            }
            Ok(())
        })?;
        damages.note_gaps(table, &gaps);
        catalog.has_gaps = !gaps.is_empty();
        durable.begin(catalog.names.clone());
        Ok(catalog)
    }

    /// The record of a stored module; `None` also if it is damaged.
    pub fn record(&self, module: ModuleHash) -> Option<&ModuleRecord> {
        self.stored.get(&module)
    }

    pub fn is_stored(&self, module: ModuleHash) -> bool {
        self.stored.contains_key(&module)
    }

    /// A module's record is planned.
    pub fn note(&mut self, module: ModuleHash, record: ModuleRecord) {
        self.forget(module);
        let totals = self.totals.entry(record.by.clone()).or_default();
        totals.modules += 1;
        totals.bytes += record.bytes;
        self.stored.insert(module, record);
    }

    /// The removal of a module is planned.
    pub fn forget(&mut self, module: ModuleHash) {
        if let Some(stored) = self.stored.remove(&module)
            && let Some(totals) = self.totals.get_mut(&stored.by)
        {
            totals.modules = totals.modules.saturating_sub(1);
            totals.bytes = totals.bytes.saturating_sub(stored.bytes);
        }
    }

    /// What a user has stored so far.
    pub fn totals(&self, by: &Deployer) -> Totals {
        self.totals.get(by).copied().unwrap_or_default()
    }

    /// What people did with a module.
    pub fn standing(&self, module: ModuleHash) -> Standing {
        let stored = self.stored.get(&module).into_iter();
        let signatures = stored.flat_map(|record| &record.signatures);
        Standing {
            names: self.names_of(module).cloned().collect(),
            signers: signatures.map(|signature| signature.key).collect(),
        }
    }

    /// The names under which a module is deployed.
    pub fn names_of(&self, module: ModuleHash) -> impl Iterator<Item = &ModuleName> {
        self.named.get(&module).into_iter().flatten()
    }

    /// How many names are somebody's.
    pub fn names_owned_by(&self, deployer: &Deployer) -> u64 {
        self.owned.get(deployer).copied().unwrap_or_default()
    }

    /// The record of a name, planned or durable.
    pub fn name(&self, name: &ModuleName) -> Option<&NameRecord> {
        match self.names.get(name)? {
            KnownName::Readable(record) => Some(record),
            KnownName::Damaged => None,
        }
    }

    /// The record that a new version goes into.
    ///
    /// # Errors
    /// If there is no room.
    pub fn room(&self, name: &ModuleName, by: &Deployer) -> Result<NameRecord, NoRoom> {
        match self.names.get(name) {
            Some(KnownName::Damaged) => Err(NoRoom::Damaged(name.clone())),
            Some(KnownName::Readable(record)) => {
                match record.versions.len() < NameRecord::VERSIONS_MAX {
                    true => Ok(record.clone()),
                    false => Err(NoRoom::Versions(name.clone())),
                }
            }
            None if self.has_gaps => Err(NoRoom::Damaged(name.clone())),
            None if self.names.len() >= NAMES_MAX => Err(NoRoom::Names),
            None => Ok(NameRecord::new(by.clone())),
        }
    }

    /// A name's record is planned.
    pub fn put_name(&mut self, name: ModuleName, record: NameRecord) {
        self.forget_name(&name);
        for version in record.versions.values() {
            let names = self.named.entry(version.module).or_default();
            names.insert(name.clone());
        }
        *self.owned.entry(record.owner.clone()).or_default() += 1;
        self.names.insert(name, KnownName::Readable(record));
    }

    /// The removal of a name is planned.
    pub fn forget_name(&mut self, name: &ModuleName) {
        if let Some(KnownName::Readable(before)) = self.names.remove(name) {
            if let Some(owned) = self.owned.get_mut(&before.owner) {
                *owned = owned.saturating_sub(1);
            }
            for version in before.versions.values() {
                if let Some(names) = self.named.get_mut(&version.module) {
                    names.remove(name);
                    if names.is_empty() {
                        self.named.remove(&version.module);
                    }
                }
            }
        }
    }

    /// What a reference stands for.
    ///
    /// # Errors
    /// If it stands for nothing.
    pub(crate) fn resolve(&self, wanted: &ModuleRef) -> Result<Resolved<'_>, Unresolved> {
        resolving::resolve(&self.names, wanted, |_| true)
    }
}
