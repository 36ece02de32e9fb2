//! Stored modules: deploying, listing, removing.
//!
//! A deployed module passes the same admission as one in a definition, and is stored under the hash
//! of its bytes, by which `<module hash="…">` refers to it. A module that a stored program refers
//! to cannot be removed.

use crate::definitions::{LoadFailure, retried};
use bureaucrat_model::{Guest as GuestName, ModuleHash, Program, ProgramHash};
use bureaucrat_sandbox::{Class, ExportKind, Guest, Sandbox};
use bureaucrat_store::{Group, Store, StoreError, Table, Unit, Write, keys::successor};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The end of the key range: every hash is below.
const END: [u8; 33] = [u8::MAX; 33];
/// Modules and programs per read; each may have some megabytes.
const BATCH: usize = 8;
/// Programs listed in an answer, at most.
pub const NAMED_MAX: usize = 100;

/// An operator's request about stored modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum ModuleQuery {
    Deploy { component: String },
    List,
    Remove { hash: ModuleHash },
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum ModuleAnswer {
    /// It is stored, and durable.
    Deployed(DeployedModule),
    /// It is refused: it will never be accepted under these limits.
    Refused {
        reason: String,
    },
    Stored {
        modules: Vec<StoredModule>,
    },
    Removed,
    /// No such module is stored.
    Unknown,
    /// Programs refer to it, so it stays.
    InUse {
        /// At most [`NAMED_MAX`] of them.
        programs: Vec<NamingProgram>,
    },
}

/// A stored program that refers to a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamingProgram {
    pub hash: ProgramHash,
    /// The `name` of its definition; may be empty.
    pub name: String,
}

/// A module that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedModule {
    pub hash: ModuleHash,
    pub bytes: usize,
    /// Whether it has a language runtime.
    pub runtime: bool,
    /// Its functions, by their WIT names, and whether each returns a verdict (or else a value).
    pub exports: Vec<(String, bool)>,
}

impl DeployedModule {
    fn of(guest: &Guest) -> Self {
        Self {
            hash: guest.hash(),
            bytes: guest.size(),
            runtime: guest.class() == Class::Runtime,
            exports: guest
                .exports()
                .iter()
                .map(|export| (export.name.clone(), export.kind == ExportKind::Verdict))
                .collect(),
        }
    }
}

/// A module in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModule {
    pub hash: ModuleHash,
    pub bytes: usize,
    /// How many stored programs refer to it.
    pub programs: u64,
}

pub struct Modules {
    store: Arc<dyn Store>,
    sandbox: Sandbox,
}

impl Modules {
    /// The modules of a store, admitted by a sandbox.
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox) -> Self {
        Self { store, sandbox }
    }

    /// Admits and stores a module; durable when this returns. Compiling may take seconds.
    ///
    /// # Errors
    /// If it is refused, or the environment fails.
    pub fn deploy(&self, component: &[u8]) -> Result<DeployedModule, LoadFailure> {
        let guest = retried(
            || self.sandbox.load_module(component),
            || String::from("the module"),
        )?;
        self.write(Write::Put {
            table: Table::Modules,
            key: guest.hash().0.to_vec(),
            value: component.to_vec(),
        })?;
        Ok(DeployedModule::of(&guest))
    }

    /// All stored modules, by hash.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn list(&self) -> Result<Vec<StoredModule>, StoreError> {
        let named = self.named()?;
        let mut modules = Vec::new();
        self.each(Table::Modules, |key, value| {
            if let Ok(key) = <[u8; 32]>::try_from(key) {
                let hash = ModuleHash(key);
                modules.push(StoredModule {
                    hash,
                    bytes: value.len(),
                    programs: named.get(&hash).copied().unwrap_or(0),
                });
            }
        })?;
        Ok(modules)
    }

    /// Removes a module that no program refers to.
    ///
    /// # Errors
    /// If the store fails.
    pub fn remove(&self, hash: ModuleHash) -> Result<ModuleAnswer, StoreError> {
        let Some(bytes) = self.store.get(Table::Modules, &hash.0)? else {
            return Ok(ModuleAnswer::Unknown);
        };
        let programs = self.naming(hash)?;
        if !programs.is_empty() {
            return Ok(ModuleAnswer::InUse { programs });
        }
        let key = hash.0.to_vec();
        self.write(Write::Delete {
            table: Table::Modules,
            key: key.clone(),
        })?;
        // A program that arrived meanwhile may have been stored before the module was removed; a
        // later one brings it again.
        let programs = self.naming(hash)?;
        if !programs.is_empty() {
            self.write(Write::Put {
                table: Table::Modules,
                key,
                value: bytes,
            })?;
            return Ok(ModuleAnswer::InUse { programs });
        }
        Ok(ModuleAnswer::Removed)
    }

    fn write(&self, write: Write) -> Result<(), StoreError> {
        let unit = Unit::of(vec![write]);
        self.store.commit(&Group { units: vec![unit] })?;
        Ok(())
    }

    /// How many programs refer to each module. A program that does not decode does not count,
    /// because it cannot run.
    fn named(&self) -> Result<BTreeMap<ModuleHash, u64>, StoreError> {
        let mut named = BTreeMap::new();
        self.each(Table::Programs, |_, value| {
            if let Ok(program) = Program::decode(value) {
                for hash in modules_of(&program) {
                    *named.entry(hash).or_insert(0) += 1;
                }
            }
        })?;
        Ok(named)
    }

    /// The programs that refer to a module.
    fn naming(&self, module: ModuleHash) -> Result<Vec<NamingProgram>, StoreError> {
        let mut programs = Vec::new();
        self.each(Table::Programs, |key, value| {
            if let (Ok(key), Ok(program)) = (<[u8; 32]>::try_from(key), Program::decode(value))
                && programs.len() < NAMED_MAX
                && modules_of(&program).contains(&module)
            {
                programs.push(NamingProgram {
                    hash: ProgramHash(key),
                    name: program.name,
                });
            }
        })?;
        Ok(programs)
    }

    fn each(&self, table: Table, mut see: impl FnMut(&[u8], &[u8])) -> Result<(), StoreError> {
        let mut from = Vec::new();
        loop {
            let rows = self.store.scan(table, &from, &END, BATCH)?;
            for (key, value) in &rows {
                see(key, value);
            }
            match rows.last() {
                Some((key, _)) if rows.len() == BATCH => from = successor(key),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// The modules that a program's conditions refer to.
fn modules_of(program: &Program) -> BTreeSet<ModuleHash> {
    let guests = program.conditions.iter();
    guests
        .filter_map(|condition| match condition.guest {
            GuestName::Module(hash) => Some(hash),
            GuestName::Inline => None,
        })
        .collect()
}
