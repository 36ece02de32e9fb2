//! Prepares definitions: compiles them, loads their guests, and caches both by content.
//!
//! Launching the same text again parses nothing. A refusal is the definition's own fault and says
//! why; a failure of the environment is not a verdict and may be retried.

mod cache;
mod routing;

use crate::{
    config::HostConfig,
    module_catalog::{DurableNames, Unresolved, module_class},
};
use bureaucrat_definition::compile_with;
use bureaucrat_model::{
    ConditionIndex, Guest as GuestName, ModuleHash, ModuleName, ModuleRef, ModuleSource, Program,
    ProgramHash, SourceModule, lock,
};
use bureaucrat_policy::{ModuleClass, ModuleFacts, Profile, Quota, Rules};
use bureaucrat_sandbox::{CompileBudget, ExportKind, Guest, LoadError, Sandbox};
use bureaucrat_store::{Store, StoreError, Table};
use cache::Cache;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// A program that is ready to run.
pub struct Loaded {
    pub program: Program,
    pub hash: ProgramHash,
    /// Its stored bytes.
    pub stored: Vec<u8>,
    /// The modules in the definition, to be stored.
    pub modules: Vec<(ModuleHash, Vec<u8>)>,
    /// What a policy must know about it.
    pub profile: Profile,
    /// What the names in its text stood for when it was compiled; nothing for a stored program.
    used: Vec<(ModuleRef, ModuleHash)>,
    inline: Option<Guest>,
    guests: BTreeMap<ModuleHash, Guest>,
}

impl Loaded {
    /// The guest with this name.
    pub fn guest(&self, name: GuestName) -> Option<&Guest> {
        match name {
            GuestName::Inline => self.inline.as_ref(),
            GuestName::Module(hash) => self.guests.get(&hash),
        }
    }
}

/// A program that is ready to run; prints as its hash.
#[derive(Clone)]
pub struct LoadedProgram(pub Arc<Loaded>);

impl std::fmt::Debug for LoadedProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.hash)
    }
}

/// Why a definition cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadFailure {
    Refused {
        /// The code, which has a page: the definition's, or that of one of its modules.
        code: &'static str,
        /// The reasons, each with its place.
        reasons: Vec<String>,
    },
    /// Something in the engine failed; it may work later.
    Environment(String),
}

impl LoadFailure {
    fn definition(reasons: Vec<String>) -> Self {
        Self::Refused {
            code: "definition",
            reasons,
        }
    }
}

impl From<StoreError> for LoadFailure {
    fn from(error: StoreError) -> Self {
        Self::Environment(error.to_string())
    }
}

/// How often a failure of the environment is retried.
const TRIES: usize = 3;

pub struct Definitions {
    config: Arc<HostConfig>,
    store: Arc<dyn Store>,
    sandbox: Sandbox,
    names: Arc<DurableNames>,
    cache: Mutex<Cache>,
}

impl Definitions {
    /// An empty cache on this store and sandbox, and the names of modules.
    pub fn new(
        config: Arc<HostConfig>,
        store: Arc<dyn Store>,
        sandbox: Sandbox,
        names: Arc<DurableNames>,
    ) -> Self {
        Self {
            config,
            store,
            sandbox,
            names,
            cache: Mutex::new(Cache::default()),
        }
    }

    /// The program of a text that was compiled before, if the names of its modules still stand for
    /// what they stood for then.
    pub fn cached(&self, source: &[u8]) -> Option<Arc<Loaded>> {
        let loaded = self.lock().of_source(&source_hash(source));
        loaded.filter(|loaded| {
            let mut used = loaded.used.iter();
            used.all(|(wanted, module)| self.names.resolve(wanted, |_| false) == Ok(*module))
        })
    }

    /// What the names of modules stand for.
    pub(crate) fn names(&self) -> &DurableNames {
        &self.names
    }

    /// A program that was loaded before.
    pub fn cached_program(&self, hash: ProgramHash) -> Option<Arc<Loaded>> {
        self.lock().of_program(hash)
    }

    /// Compiles a definition and loads its guests for a user with these rules. Modules that they do not
    /// allow by name or by hash do not exist for it. The result is cached for all users; the policy decides each time who may use it.
    ///
    /// # Errors
    /// If it is refused, or the environment fails.
    pub fn compile(&self, source: &[u8], rules: &Rules) -> Result<Arc<Loaded>, LoadFailure> {
        if let Some(loaded) = self.cached(source) {
            return Ok(loaded);
        }
        let find = |wanted: &ModuleRef| {
            let may_know = |name: &ModuleName| rules.modules.has(Some(name), None);
            let found = self.names.resolve(wanted, may_know);
            let module = found.as_ref().ok().copied();
            match rules.modules.has(Some(&wanted.name), module) {
                true => found.map_err(|unresolved| unresolved.to_string()),
                false => Err(Unresolved::hidden(&wanted.name).to_string()),
            }
        };
        let limits = &self.config.definition_limits;
        let compiled = compile_with(source, limits, &find).map_err(|diagnostics| {
            LoadFailure::definition(diagnostics.iter().map(ToString::to_string).collect())
        })?;
        routing::check(&self.config.routes, &compiled.program)?;
        let (mut modules, mut used) = (Vec::new(), Vec::new());
        for SourceModule {
            name,
            hash,
            source,
            span,
        } in compiled.modules
        {
            let stored = || {
                self.stored_module(hash)?.ok_or_else(|| {
                    LoadFailure::definition(vec![format!(
                        "{}:{}: module `{name}`: no module {hash} is stored on this engine",
                        span.line, span.column
                    )])
                })
            };
            let bytes = match source {
                ModuleSource::Bytes(bytes) => bytes,
                ModuleSource::Stored => stored()?,
                ModuleSource::Deployed(wanted) => {
                    used.push((wanted, hash));
                    stored()?
                }
            };
            modules.push((hash, bytes));
        }
        let refused = |error: bureaucrat_model::ProgramError| {
            LoadFailure::definition(vec![error.to_string()])
        };
        let stored = compiled.program.encode().map_err(refused)?;
        let loaded = self.prepare(compiled.program, stored, modules, compile_budget(rules))?;
        let loaded = Arc::new(Loaded { used, ..loaded });
        self.remember(source_hash(source), &loaded);
        Ok(loaded)
    }

    /// Admits and compiles a module that will be stored, within the budget.
    ///
    /// # Errors
    /// If it is refused, or the environment fails.
    pub fn admit(&self, component: &[u8], budget: CompileBudget) -> Result<Guest, LoadFailure> {
        let load = || self.sandbox.load_module_within(component, budget);
        retried(load, || String::from("the module"))
    }

    /// Prepares a stored program.
    ///
    /// # Errors
    /// If it does not exist or is damaged, or its guests cannot be loaded.
    pub fn load(&self, hash: ProgramHash) -> Result<Arc<Loaded>, LoadFailure> {
        if let Some(loaded) = self.cached_program(hash) {
            return Ok(loaded);
        }
        let stored = self.store.get(Table::Programs, &hash.0)?.ok_or_else(|| {
            LoadFailure::Environment(format!("program {hash} is not in the store"))
        })?;
        let damaged = |reason: String| {
            LoadFailure::Environment(format!(
                "a record is damaged: table programs, key {hash}: {reason}"
            ))
        };
        if Program::hash(&stored) != hash {
            return Err(damaged("its bytes have a different hash".into()));
        }
        let program = Program::decode(&stored).map_err(|error| damaged(error.to_string()))?;
        let mut modules = BTreeMap::new();
        for condition in &program.conditions {
            if let GuestName::Module(hash) = condition.guest
                && !modules.contains_key(&hash)
            {
                let bytes = self.stored_module(hash)?.ok_or_else(|| {
                    LoadFailure::Environment(format!("module {hash} is not in the store"))
                })?;
                modules.insert(hash, bytes);
            }
        }
        let modules = modules.into_iter().collect();
        // The user who launched it was allowed to have it compiled.
        let loaded = Arc::new(self.prepare(program, stored, modules, CompileBudget::FULL)?);
        // A stored program has no source any more; its own hash takes its place.
        self.remember(hash.0, &loaded);
        Ok(loaded)
    }

    /// Puts a loaded program into the cache again, in case others have displaced it before its user
    /// takes it.
    pub fn keep(&self, loaded: &Arc<Loaded>) {
        self.remember(loaded.hash.0, loaded);
    }

    fn stored_module(&self, hash: ModuleHash) -> Result<Option<Vec<u8>>, LoadFailure> {
        let stored = self.store.get(Table::Modules, &hash.0)?;
        if stored
            .as_ref()
            .is_some_and(|bytes| ModuleHash::of(bytes) != hash)
        {
            return Err(LoadFailure::Environment(format!(
                "a record is damaged: table modules, key {hash}: its bytes have a different hash"
            )));
        }
        Ok(stored)
    }

    fn prepare(
        &self,
        program: Program,
        stored: Vec<u8>,
        modules: Vec<(ModuleHash, Vec<u8>)>,
        budget: CompileBudget,
    ) -> Result<Loaded, LoadFailure> {
        let inline = if program.inline_guest.is_empty() {
            None
        } else {
            let load = || self.sandbox.load_inline(&program.inline_guest);
            Some(retried(load, || String::from("the expressions"))?)
        };
        let mut guests = BTreeMap::new();
        for (hash, bytes) in &modules {
            let load = || self.sandbox.load_module_within(bytes, budget);
            guests.insert(*hash, retried(load, || place_of(&program, *hash))?);
        }
        let values = program.values();
        for (index, condition) in (0..).map(ConditionIndex).zip(&program.conditions) {
            let (wanted, what) = match values.contains(&index) {
                true => (
                    ExportKind::Value,
                    "value (a function without parameters that returns result<string, string>)",
                ),
                false => (
                    ExportKind::Verdict,
                    "condition (a function without parameters that returns result<bool, string>)",
                ),
            };
            let guest = match condition.guest {
                GuestName::Inline => inline.as_ref(),
                GuestName::Module(hash) => guests.get(&hash),
            };
            let exported = guest.is_some_and(|guest| {
                guest
                    .exports()
                    .iter()
                    .any(|export| export.name == condition.function && export.kind == wanted)
            });
            if !exported {
                return Err(LoadFailure::definition(vec![format!(
                    "{}:{}: the module does not export `{}` as a {what}",
                    condition.span.line, condition.span.column, condition.function
                )]));
            }
        }
        let facts = |hash| {
            let guest: Option<&Guest> = guests.get(&hash);
            ModuleFacts {
                class: guest.map_or(ModuleClass::Small, module_class),
                bytes: guest.map_or(0, |guest| guest.size() as u64),
            }
        };
        Ok(Loaded {
            hash: Program::hash(&stored),
            profile: Profile::of(&program, facts),
            program,
            stored,
            modules,
            used: Vec::new(),
            inline,
            guests,
        })
    }

    fn remember(&self, source: [u8; 32], loaded: &Arc<Loaded>) {
        let most = self.config.definitions.max(1);
        self.lock().insert(source, loaded, most);
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // Whatever a panic left in the cache is still valid.
        lock(&self.cache)
    }
}

/// What compiling a module for a user with these rules may use.
pub(crate) fn compile_budget(rules: &Rules) -> CompileBudget {
    CompileBudget {
        seconds: rules.quotas.count(Quota::CompileSeconds),
        memory_bytes: rules.quotas.get(Quota::CompileMemoryBytes),
    }
}

fn source_hash(source: &[u8]) -> [u8; 32] {
    ModuleHash::of(source).0
}

/// Where a module is first used.
fn place_of(program: &Program, hash: ModuleHash) -> String {
    let mut uses = program.conditions.iter();
    match uses.find(|condition| condition.guest == GuestName::Module(hash)) {
        Some(condition) => format!("{}:{}", condition.span.line, condition.span.column),
        None => format!("module {hash}"),
    }
}

/// Loads a guest; failures of the environment are retried.
pub(crate) fn retried(
    load: impl Fn() -> Result<Guest, LoadError>,
    place: impl FnOnce() -> String,
) -> Result<Guest, LoadFailure> {
    let mut last = String::new();
    for _ in 0..TRIES {
        match load() {
            Ok(guest) => return Ok(guest),
            Err(LoadError::Refused(reason)) => {
                return Err(LoadFailure::Refused {
                    code: reason.code(),
                    reasons: vec![format!("{}: {reason}", place())],
                });
            }
            Err(LoadError::Environment(reason)) => last = reason.to_string(),
        }
    }
    Err(LoadFailure::Environment(last))
}
