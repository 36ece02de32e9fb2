//! What the committed store says about modules.

use super::{
    DefinitionView, ExportView, Facts, Gives, NAMED_MAX, NamedVersion, NamingProgram, Pointed,
    ShownModule, StoredModule, VersionView,
};
use crate::{
    catalog::DefinitionRecord,
    damage::Damages,
    module_catalog::{ModuleRecord, NameRecord, Returns, VersionRecord},
    operate::{definitions::ByView, modules::ModuleAnswer},
    plan::costs::Costs,
};
use bureaucrat_model::{
    Guest as GuestName, ModuleHash, ModuleName, ModuleRef, Program, ProgramHash, Wanted,
};
use bureaucrat_policy::ModuleClass;
use bureaucrat_store::{
    Store, StoreError, Table, instances::decode_head, keys, reading::scan_all, records,
};
use std::collections::{BTreeMap, BTreeSet};

/// After every key of these tables.
const END: [u8; 160] = [u8::MAX; 160];

/// The names of each module.
type Names = BTreeMap<ModuleHash, Vec<(NamedVersion, VersionRecord)>>;

/// All stored modules: those with names first, by name and version.
///
/// # Errors
/// If the store cannot be read for reasons other than damage.
pub(crate) fn list(store: &dyn Store, damages: &Damages) -> Result<ModuleAnswer, StoreError> {
    let (names, used) = (names(store, damages)?, used(store)?);
    let mut modules = Vec::new();
    each_module(store, |hash, bytes| {
        let named = names.get(&hash).into_iter().flatten();
        modules.push(StoredModule {
            hash,
            bytes,
            programs: used.get(&hash).map_or(0, |programs| programs.len() as u64),
            names: named.map(|(named, _)| named.clone()).collect(),
            facts: None,
        });
        Ok(())
    })?;
    for module in &mut modules {
        module.facts = record(store, damages, module.hash)?.as_ref().map(facts);
    }
    modules.sort_by_cached_key(|module| (module.names.is_empty(), module.names.clone()));
    Ok(ModuleAnswer::Stored { modules })
}

/// Everything about a module.
///
/// # Errors
/// If the store cannot be read for reasons other than damage.
pub(crate) fn show(
    store: &dyn Store,
    damages: &Damages,
    pointed: &Pointed,
    costs: Option<&Costs>,
) -> Result<ModuleAnswer, StoreError> {
    let names = names(store, damages)?;
    let found = match pointed {
        Pointed::Hash(hash) => Some(*hash),
        Pointed::Name(wanted) => find(&names, wanted),
    };
    let stored = match found {
        Some(hash) => store
            .get(Table::Modules, &hash.0)?
            .map(|bytes| (hash, bytes)),
        None => None,
    };
    let Some((hash, component)) = stored else {
        let reason = match pointed {
            Pointed::Hash(hash) => format!("no module {hash} is stored"),
            Pointed::Name(wanted) => match versions_of(&names, &wanted.name).pop() {
                Some((newest, _)) => format!(
                    "there is no `{wanted}`; the newest version is `{}@{}`",
                    newest.name, newest.version
                ),
                None => format!("no module `{}` is deployed here", wanted.name),
            },
        };
        return Ok(ModuleAnswer::Unknown { reason });
    };
    let record = record(store, damages, hash)?;
    let programs = used(store)?.remove(&hash).unwrap_or_default();
    let mut versions: Vec<_> = names.get(&hash).into_iter().flatten().collect();
    versions.sort_by_key(|(named, _)| named);
    if let Pointed::Name(ModuleRef {
        name,
        wanted: Wanted::Newest,
    }) = pointed
    {
        // A name alone asks for all of its versions.
        versions.retain(|(named, _)| named.name != *name);
        versions.extend(versions_of(&names, name));
    }
    let versions = versions.into_iter().map(|(named, version)| VersionView {
        named: named.clone(),
        deployed_at: version.at,
        by: ByView::of(&version.by),
    });
    let exports = record.iter().flat_map(|record| &record.exports);
    let exports = exports.map(|(name, returns)| ExportView {
        name: name.clone(),
        gives: match returns {
            Returns::Verdict => Gives::Verdict,
            Returns::Value => Gives::Value,
        },
    });
    let signatures = record.iter().flat_map(|record| &record.signatures);
    Ok(ModuleAnswer::Shown(Box::new(ShownModule {
        hash,
        bytes: component.len() as u64,
        facts: record.as_ref().map(facts),
        versions: versions.collect(),
        exports: exports.collect(),
        compile_ms: record.as_ref().and_then(|record| record.compile_millis),
        signers: signatures.map(|signature| signature.key).collect(),
        definitions: definitions(store, damages, &programs)?,
        programs: programs.len() as u64,
        running: running(store, &programs)?,
        costs: costs.map_or_else(Vec::new, |costs| costs.of(hash)),
    })))
}

/// The module that a reference stands for.
pub(super) fn module_of(
    store: &dyn Store,
    damages: &Damages,
    wanted: &ModuleRef,
) -> Result<Option<ModuleHash>, StoreError> {
    Ok(find(&names(store, damages)?, wanted))
}

/// The versions of a name, oldest first.
fn versions_of<'a>(names: &'a Names, name: &ModuleName) -> Vec<&'a (NamedVersion, VersionRecord)> {
    let all = names.values().flatten();
    let mut versions: Vec<_> = all.filter(|(named, _)| named.name == *name).collect();
    versions.sort_by_key(|(named, _)| named.version);
    versions
}

/// The module that a reference stands for.
fn find(names: &Names, wanted: &ModuleRef) -> Option<ModuleHash> {
    let mut versions = versions_of(names, &wanted.name).into_iter();
    let found = match &wanted.wanted {
        Wanted::Newest => versions.next_back(),
        Wanted::Version(version) => versions.find(|(named, _)| named.version == *version),
        Wanted::Alias(alias) => versions.find(|(named, _)| named.aliases.contains(alias)),
    };
    found.map(|(_, entry)| entry.module)
}

/// The programs that refer to a module; at most [`NAMED_MAX`].
pub(super) fn naming(
    store: &dyn Store,
    module: ModuleHash,
) -> Result<Vec<NamingProgram>, StoreError> {
    let mut programs = Vec::new();
    each_program(store, |hash, program| {
        if programs.len() < NAMED_MAX && modules_of(&program).contains(&module) {
            let name = program.name;
            programs.push(NamingProgram { hash, name });
        }
    })?;
    Ok(programs)
}

/// The record of a module.
pub(super) fn record(
    store: &dyn Store,
    damages: &Damages,
    module: ModuleHash,
) -> Result<Option<ModuleRecord>, StoreError> {
    let read = records::read::<ModuleRecord>(store, Table::ModuleRecords, &module.0);
    Ok(damages.around(None, read)?.flatten())
}

fn facts(record: &ModuleRecord) -> Facts {
    Facts {
        by: ByView::of(&record.by),
        stored_at: record.at,
        runtime: record.class == ModuleClass::Runtime,
    }
}

fn names(store: &dyn Store, damages: &Damages) -> Result<Names, StoreError> {
    let mut names = Names::new();
    let table = Table::ModuleNames;
    let gaps = scan_all(store, table, &[], &END, |key, value| {
        let Ok((_, name)) = keys::name_of(&key) else {
            damages.note_key(table, &key);
            return Ok(());
        };
        let name: ModuleName = name;
        let read = records::decode::<NameRecord>(table, &key, &value);
        let Some(record) = damages.around(None, read)? else {
            return Ok(());
        };
        for (version, entry) in record.versions {
            let aliases = record.aliases.iter();
            let aliases = aliases.filter(|(_, entry)| entry.version == version);
            let named = NamedVersion {
                name: name.clone(),
                version,
                aliases: aliases.map(|(alias, _)| alias.clone()).collect(),
            };
            let of_module = names.entry(entry.module).or_default();
            of_module.push((named, entry));
        }
        Ok(())
    })?;
    damages.note_gaps(table, &gaps);
    Ok(names)
}

/// The programs that refer to each module. A program that does not decode does not count, because
/// it cannot run.
fn used(store: &dyn Store) -> Result<BTreeMap<ModuleHash, BTreeSet<ProgramHash>>, StoreError> {
    let mut used: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    each_program(store, |hash, program| {
        for module in modules_of(&program) {
            used.entry(module).or_default().insert(hash);
        }
    })?;
    Ok(used)
}

fn each_program(
    store: &dyn Store,
    mut see: impl FnMut(ProgramHash, Program),
) -> Result<(), StoreError> {
    scan_all(store, Table::Programs, &[], &END, |key, value| {
        if let (Ok(hash), Ok(program)) = (<[u8; 32]>::try_from(key), Program::decode(&value)) {
            see(ProgramHash(hash), program);
        }
        Ok(())
    })
    .map(drop)
}

fn each_module(
    store: &dyn Store,
    mut see: impl FnMut(ModuleHash, u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    scan_all(
        store,
        Table::Modules,
        &[],
        &END,
        |key, value| match <[u8; 32]>::try_from(key) {
            Ok(hash) => see(ModuleHash(hash), value.len() as u64),
            Err(_) => Ok(()),
        },
    )
    .map(drop)
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

/// The deployed definitions that are some of these programs and are not retired.
fn definitions(
    store: &dyn Store,
    damages: &Damages,
    programs: &BTreeSet<ProgramHash>,
) -> Result<Vec<DefinitionView>, StoreError> {
    let mut found = Vec::new();
    let table = Table::Definitions;
    let gaps = scan_all(store, table, &[], &END, |key, value| {
        let Ok(place) = keys::version_of(&key) else {
            damages.note_key(table, &key);
            return Ok(());
        };
        let read = records::decode::<DefinitionRecord>(table, &key, &value);
        if let Some(record) = damages.around(None, read)?
            && record.retired.is_none()
            && programs.contains(&record.program)
            && found.len() < NAMED_MAX
        {
            found.push(DefinitionView {
                name: place.name,
                version: place.version,
            });
        }
        Ok(())
    })?;
    damages.note_gaps(table, &gaps);
    Ok(found)
}

/// How many processes of these programs have not ended. Reads the head of every stored process.
fn running(store: &dyn Store, programs: &BTreeSet<ProgramHash>) -> Result<u64, StoreError> {
    if programs.is_empty() {
        return Ok(0);
    }
    let mut running = 0;
    scan_all(store, Table::Instances, &[], &END, |key, record| {
        if let Ok(stored) = decode_head(&key, &record)
            && !stored.head.has_ended()
            && programs.contains(&stored.head.program)
        {
            running += 1;
        }
        Ok(())
    })?;
    Ok(running)
}
