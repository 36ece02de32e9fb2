//! The sandbox: from bytes to a loaded guest, and from a guest to an outcome.

use crate::{
    admission::{self, Admitted},
    bounds,
    cache::{Cache, Entry},
    class::Class,
    code::TrustedCode,
    compile::Compiler,
    config::{RuntimeClass, SandboxConfig},
    engines::{self, Clearing, Ticker},
    error::{LoadError, Refusal, SandboxError},
    evaluate::{self, Tracing},
    executable::check_executable_memory,
    guest::{Guest, Ready},
    host::{self, Run},
    limits::{Budget, CompileBudget, SandboxLimits},
    loaded::{Loaded, Origin},
    outcome::{Evaluated, Outcome},
    reads::Reads,
};
use bureaucrat_model::{EvaluationBounds, ModuleHash, View, lock};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

/// Admits, compiles, caches and evaluates guests. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

struct Shared {
    limits: SandboxLimits,
    /// The same for guests with a language runtime inside.
    runtime_limits: SandboxLimits,
    runtime_class: RuntimeClass,
    /// For the guests of programs, which our own compiler made.
    inline: Pool,
    small: Pool,
    runtime: Option<Pool>,
    loaded: Mutex<Loaded>,
    cache: Option<Cache>,
    compiler: Compiler,
    _ticker: Ticker,
}

/// An engine with its slots, and the linker for its guests.
struct Pool {
    engine: Engine,
    linker: Linker<Run>,
    compatibility: [u8; 32],
}

/// An admitted component that is being loaded.
struct Candidate<'a> {
    origin: Origin,
    component: &'a [u8],
    hash: ModuleHash,
    admitted: Admitted,
}

impl Pool {
    fn new(class: Class, clearing: Clearing, config: &SandboxConfig) -> Result<Self, SandboxError> {
        let engine = engines::evaluating_engine(class, clearing, config.threads, &config.limits)?;
        let mut linker = Linker::new(&engine);
        host::add_to(&mut linker).map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        Ok(Self {
            compatibility: engines::compatibility(&engine),
            engine,
            linker,
        })
    }
}

impl Sandbox {
    /// Reserves the pools and starts the thread that interrupts guests.
    ///
    /// # Errors
    /// When this process may not run code that it makes, the address space does not suffice, or the cache's folder can't be used.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        check_executable_memory()?;
        let inline = Pool::new(Class::Small, Clearing::Whole, &config)?;
        let small = Pool::new(Class::Small, Clearing::WrittenPages, &config)?;
        let runtime = match config.runtime_class {
            RuntimeClass::Refused => None,
            RuntimeClass::Allowed => {
                Some(Pool::new(Class::Runtime, Clearing::WrittenPages, &config)?)
            }
        };
        let ticked = [&inline, &small]
            .into_iter()
            .chain(&runtime)
            .map(|pool| pool.engine.clone())
            .collect();
        let cache = config
            .cache
            .map(|cache| Cache::open(cache, &config.limits))
            .transpose()?;
        Ok(Self(Arc::new(Shared {
            limits: config.limits,
            runtime_limits: config.limits.for_runtimes(),
            runtime_class: config.runtime_class,
            inline,
            small,
            runtime,
            loaded: Mutex::new(Loaded::new(&config.limits)),
            cache,
            compiler: Compiler::new(config.worker),
            _ticker: Ticker::start(ticked, config.limits.deadline)?,
        })))
    }

    /// Loads a program's inline guest, which our own expression compiler made. It is compiled on
    /// the calling thread, in some milliseconds, unless it is in memory or in the cache.
    ///
    /// # Errors
    /// If it is not a guest.
    pub fn load_inline(&self, component: &[u8]) -> Result<Guest, LoadError> {
        let hash = ModuleHash::of(component);
        if let Some(guest) = self.loaded().get(Origin::Inline, hash) {
            return Ok(guest);
        }
        let candidate = Candidate {
            origin: Origin::Inline,
            component,
            hash,
            admitted: admission::admit_inline(component)?,
        };
        let guest = match self.cached(&candidate) {
            Some(guest) => guest,
            None => {
                let started = Instant::now();
                let code = self
                    .pool(&candidate)?
                    .engine
                    .precompile_component(component)
                    .map_err(|error| Refusal::Compiler(format!("{error:#}")))?;
                // The bytes came from the compiler itself.
                let code = TrustedCode::vouched_for(code);
                self.keep_and_ready(&candidate, code, started.elapsed())?
            }
        };
        self.loaded().insert(Origin::Inline, guest.clone());
        Ok(guest)
    }

    /// Loads an uploaded module. Unless it is in memory or in the cache, it is compiled in a child
    /// process; the calling thread waits for that, and perhaps for others first.
    ///
    /// # Errors
    /// [`LoadError::Refused`] if it will never be accepted under these limits,
    /// [`LoadError::Environment`] if something on our side failed.
    pub fn load_module(&self, component: &[u8]) -> Result<Guest, LoadError> {
        self.load_module_within(component, CompileBudget::FULL)
    }

    /// Like [`Self::load_module`], with a budget for compiling it. A module that was compiled
    /// before needs none.
    ///
    /// # Errors
    /// As [`Self::load_module`].
    pub fn load_module_within(
        &self,
        component: &[u8],
        budget: CompileBudget,
    ) -> Result<Guest, LoadError> {
        let hash = ModuleHash::of(component);
        if let Some(guest) = self.loaded().get(Origin::Module, hash) {
            return Ok(guest);
        }
        let shared = &*self.0;
        let candidate = Candidate {
            origin: Origin::Module,
            component,
            hash,
            admitted: admission::admit_module(component, &shared.limits, shared.runtime_class)?,
        };
        let class = candidate.admitted.class;
        let guest = match self.cached(&candidate) {
            Some(guest) => guest,
            None => {
                let place = shared.compiler.place();
                if let Some(guest) = self.loaded().get(Origin::Module, hash) {
                    // Another thread compiled it while this one waited for a worker.
                    return Ok(guest);
                }
                let started = Instant::now();
                let limits = self.limits_of(class);
                let limits = SandboxLimits {
                    compile_seconds: limits.compile_seconds.min(budget.seconds),
                    compile_memory_bytes: limits.compile_memory_bytes.min(budget.memory_bytes),
                    ..*limits
                };
                let code = shared.compiler.compile(&place, component, class, &limits)?;
                self.keep_and_ready(&candidate, code, started.elapsed())?
            }
        };
        self.loaded().insert(Origin::Module, guest.clone());
        Ok(guest)
    }

    /// Evaluates a function of a guest on some fields, in a new instance on the calling thread.
    pub fn evaluate(&self, guest: &Guest, function: &str, view: impl Into<View>) -> Evaluated {
        self.evaluate_within(guest, function, view, Budget::FULL)
    }

    /// Like [`Self::evaluate`], within a budget. If the fuel is enough, more of it does not change
    /// the outcome.
    pub fn evaluate_within(
        &self,
        guest: &Guest,
        function: &str,
        view: impl Into<View>,
        budget: Budget,
    ) -> Evaluated {
        let bounds = (self.limits_of(guest.class()), budget);
        evaluate::evaluate(guest, function, view.into(), bounds, Tracing::Off).0
    }

    /// The same, and which fields the guest read.
    pub fn evaluate_traced(
        &self,
        guest: &Guest,
        function: &str,
        view: impl Into<View>,
        budget: Budget,
    ) -> (Evaluated, Reads) {
        let bounds = (self.limits_of(guest.class()), budget);
        evaluate::evaluate(guest, function, view.into(), bounds, Tracing::On)
    }

    /// What an evaluation of a guest of this class within a budget runs under.
    pub fn bounds(&self, class: Class, budget: Budget) -> EvaluationBounds {
        bounds::of(self.limits_of(class), class, budget)
    }

    /// Makes an instance of a guest and drops it: what each evaluation does first.
    ///
    /// # Errors
    /// The outcome that any evaluation would have.
    pub fn instantiate(&self, guest: &Guest) -> Result<(), Outcome> {
        evaluate::instantiate(guest, self.limits_of(guest.class()))
    }

    /// The bounds of small guests.
    pub fn limits(&self) -> &SandboxLimits {
        &self.0.limits
    }

    /// The bounds of a class.
    pub fn limits_of(&self, class: Class) -> &SandboxLimits {
        match class {
            Class::Small => &self.0.limits,
            Class::Runtime => &self.0.runtime_limits,
        }
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        lock(&self.0.loaded)
    }

    fn pool(&self, candidate: &Candidate<'_>) -> Result<&Pool, LoadError> {
        match (candidate.origin, candidate.admitted.class) {
            (Origin::Inline, Class::Small) => Ok(&self.0.inline),
            (Origin::Module, Class::Small) => Ok(&self.0.small),
            (Origin::Inline | Origin::Module, Class::Runtime) => {
                self.0.runtime.as_ref().ok_or_else(|| {
                    LoadError::Environment(
                        "guests with a language runtime inside have no pool".to_owned(),
                    )
                })
            }
        }
    }

    fn entry(&self, candidate: &Candidate<'_>) -> Result<Entry, LoadError> {
        Ok(Entry {
            hash: candidate.hash,
            class: candidate.admitted.class,
            compatibility: self.pool(candidate)?.compatibility,
        })
    }

    /// A guest from the cache of machine code; if the file is unusable, it is compiled again.
    fn cached(&self, candidate: &Candidate<'_>) -> Option<Guest> {
        let entry = self.entry(candidate).ok()?;
        let code = self.0.cache.as_ref()?.read(&entry)?;
        self.ready(candidate, code, None).ok()
    }

    fn keep_and_ready(
        &self,
        candidate: &Candidate<'_>,
        code: TrustedCode,
        compile_time: Duration,
    ) -> Result<Guest, LoadError> {
        if let Some(cache) = &self.0.cache {
            cache.write(&self.entry(candidate)?, &code);
        }
        self.ready(candidate, code, Some(compile_time))
    }

    fn ready(
        &self,
        candidate: &Candidate<'_>,
        code: TrustedCode,
        compile_time: Option<Duration>,
    ) -> Result<Guest, LoadError> {
        let pool = self.pool(candidate)?;
        let admitted = &candidate.admitted;
        let code_bytes = code.as_bytes().len();
        // What does not fit into the pool's slots is refused here, before anything runs.
        let resources = |error: wasmtime::Error| Refusal::Resources(format!("{error:#}"));
        let compiled: Component = code.into_component(&pool.engine).map_err(resources)?;
        let pre = pool.linker.instantiate_pre(&compiled).map_err(resources)?;
        let indices: Option<Vec<_>> = admitted
            .exports
            .iter()
            .map(|export| compiled.get_export_index(None, export.name.as_str()))
            .collect();
        let indices = indices.ok_or(Refusal::NoFunction)?;
        Ok(Guest(Arc::new(Ready {
            pre,
            exports: admitted.exports.clone(),
            indices,
            class: admitted.class,
            hash: candidate.hash,
            size: candidate.component.len(),
            code_bytes,
            compile_time,
        })))
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}
