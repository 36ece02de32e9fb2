//! What the name of a module stands for.

use super::NameRecord;
use crate::catalog::nearest::nearest;
use bureaucrat_model::{Alias, ModuleHash, ModuleName, ModuleRef, Version, Wanted, lock};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

/// Why a reference stands for no module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    #[error("no module `{name}` is deployed here{}", hint(meant.as_ref()))]
    Name {
        name: ModuleName,
        meant: Option<ModuleName>,
    },
    #[error("`{0}` has no versions any more; deploy one again")]
    Empty(ModuleName),
    #[error("`{name}` has no version {version}; its newest is {newest}")]
    Version {
        name: ModuleName,
        version: Version,
        newest: Version,
    },
    #[error("`{name}` has no alias `{alias}`{}", others(aliases))]
    Alias {
        name: ModuleName,
        alias: Alias,
        aliases: Vec<Alias>,
    },
    #[error(
        "the record of the name `{0}` is damaged; `bureaucrat fsck` on the stopped engine says what can be done"
    )]
    Damaged(ModuleName),
}

impl Unresolved {
    /// What somebody is told who may not know of a name.
    pub(crate) fn hidden(name: &ModuleName) -> Self {
        Self::Name {
            name: name.clone(),
            meant: None,
        }
    }
}

fn hint(meant: Option<&ModuleName>) -> String {
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

fn others(aliases: &[Alias]) -> String {
    let aliases: Vec<_> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
    match aliases.is_empty() {
        true => String::new(),
        false => format!("; it has {}", aliases.join(", ")),
    }
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KnownName {
    Readable(NameRecord),
    /// Its record cannot be read.
    Damaged,
}

pub(super) type Names = BTreeMap<ModuleName, KnownName>;

/// What a reference stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolved<'a> {
    pub version: Version,
    pub module: ModuleHash,
    /// Of the name.
    pub record: &'a NameRecord,
}

/// Finds what a reference stands for. A suggestion is one of the names that `may_know` allows.
pub(super) fn resolve<'a>(
    names: &'a Names,
    wanted: &ModuleRef,
    may_know: impl Fn(&ModuleName) -> bool,
) -> Result<Resolved<'a>, Unresolved> {
    let name = &wanted.name;
    let record = match names.get(name) {
        None => {
            return Err(Unresolved::Name {
                name: name.clone(),
                meant: nearest(name, names.iter(), |name, _| may_know(name)).cloned(),
            });
        }
        Some(KnownName::Damaged) => return Err(Unresolved::Damaged(name.clone())),
        Some(KnownName::Readable(record)) => record,
    };
    let newest = record.versions.keys().next_back().copied();
    let newest = newest.ok_or_else(|| Unresolved::Empty(name.clone()))?;
    let version = match &wanted.wanted {
        Wanted::Newest => newest,
        Wanted::Version(version) => *version,
        Wanted::Alias(alias) => match record.aliases.get(alias) {
            Some(found) => found.version,
            None => {
                return Err(Unresolved::Alias {
                    name: name.clone(),
                    alias: alias.clone(),
                    aliases: record.aliases.keys().take(10).cloned().collect(),
                });
            }
        },
    };
    match record.versions.get(&version) {
        Some(found) => Ok(Resolved {
            version,
            module: found.module,
            record,
        }),
        None => Err(Unresolved::Version {
            name: name.clone(),
            version,
            newest,
        }),
    }
}

/// The names as they are durable, for the threads that compile definitions.
#[derive(Debug, Default)]
pub struct DurableNames(Mutex<Names>);

impl DurableNames {
    /// The module that a reference stands for now. A suggestion is one of the names that `may_know` allows.
    ///
    /// # Errors
    /// If it stands for none.
    pub fn resolve(
        &self,
        wanted: &ModuleRef,
        may_know: impl Fn(&ModuleName) -> bool,
    ) -> Result<ModuleHash, Unresolved> {
        resolve(&self.lock(), wanted, may_know).map(|resolved| resolved.module)
    }

    /// These are the names at a start.
    pub(super) fn begin(&self, names: Names) {
        *self.lock() = names;
    }

    /// The records of names, or their removals, are durable.
    pub(crate) fn durable(&self, records: Vec<(ModuleName, Option<NameRecord>)>) {
        if records.is_empty() {
            return;
        }
        let mut names = self.lock();
        for (name, record) in records {
            match record {
                Some(record) => names.insert(name, KnownName::Readable(record)),
                None => names.remove(&name),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        lock(&self.0)
    }
}
