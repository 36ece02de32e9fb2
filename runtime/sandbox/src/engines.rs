//! The engines, and the clock that interrupts them.
//!
//! Settings of the pool apply to a whole engine, so inline guests, small modules and guests with a
//! language runtime have an engine each. The compile worker builds the same engines without a pool:
//! the settings that determine the machine code are the same.

use crate::{class::Class, error::SandboxError, features, limits::SandboxLimits};
use bureaucrat_model::{lock, unpoisoned};
use sha2::{Digest, Sha256};
use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::Duration,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig,
};

/// Fuel for `memory.grow` and `table.grow`, which take far longer than other instructions even if
/// they fail.
pub(crate) const GROW_FUEL: u8 = 100;
/// Fuel for each page that `memory.grow` adds: 64 KiB that the system must clear.
pub(crate) const GROW_PAGE_FUEL: u8 = 255;
/// Bytes of a table that stay resident between instances.
const TABLE_RESIDENT_BYTES: usize = 4 << 10;

/// How a pool clears a memory for the next instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clearing {
    /// All of it up to [`WHOLE_BYTES`], without a system call: 0.7 µs less for one page, which is
    /// what an inline guest has. From three pages on this is more expensive.
    Whole,
    /// Only the pages that were written to, if the system can tell.
    WrittenPages,
}

/// How much of a memory is cleared as a whole; the system takes back what a guest grew beyond it.
const WHOLE_BYTES: usize = 256 << 10;

/// The settings that determine the machine code, the same for evaluating and for compiling.
fn code_config(class: Class) -> Config {
    let mut cost = OperatorCost::new();
    cost.MemoryGrow = GROW_FUEL;
    cost.TableGrow = GROW_FUEL;
    cost.variable.memory_grow_per_page = GROW_PAGE_FUEL;
    let mut config = Config::new();
    config
        .wasm_features(features::allowed(class), true)
        .wasm_features(features::refused(class), false)
        .consume_fuel(true)
        .operator_cost(cost)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false)
        .generate_address_map(false)
        .memory_init_cow(match class {
            Class::Small => false,
            Class::Runtime => true,
        });
    config
}

/// The engine of the compile worker: no instances, so no pool.
pub(crate) fn compiling_engine(class: Class) -> Result<Engine, SandboxError> {
    Engine::new(&code_config(class)).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

/// An engine that evaluates, with one slot per thread.
pub(crate) fn evaluating_engine(
    class: Class,
    clearing: Clearing,
    threads: usize,
    limits: &SandboxLimits,
) -> Result<Engine, SandboxError> {
    let slots = u32::try_from(threads.max(1))
        .ok()
        .filter(|slots| *slots <= 4_096)
        .ok_or(SandboxError::Threads(threads))?;
    let (resident_bytes, pagemap) = match clearing {
        Clearing::Whole => (WHOLE_BYTES, Enabled::No),
        Clearing::WrittenPages => (class.resident_bytes(), Enabled::Auto),
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(class.core_instances(limits)))
        .total_memories(slots * class.memories())
        .total_tables(slots * class.tables())
        .max_core_instances_per_component(class.core_instances(limits))
        .max_memories_per_component(class.memories())
        .max_tables_per_component(class.tables())
        .max_memories_per_module(class.memories())
        .max_tables_per_module(class.tables())
        .max_memory_size(class.memory_bytes(limits))
        .table_elements(class.table_elements(limits))
        .linear_memory_keep_resident(resident_bytes.min(class.memory_bytes(limits)))
        .table_keep_resident(TABLE_RESIDENT_BYTES)
        .pagemap_scan(pagemap)
        .max_unused_warm_slots(slots);
    let mut config = code_config(class);
    config
        .max_wasm_stack(limits.stack_bytes)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

/// What an engine's machine code is compatible with, as one hash: wasmtime's version, the processor and the settings.
pub(crate) fn compatibility(engine: &Engine) -> [u8; 32] {
    struct IntoSha(Sha256);
    impl Hasher for IntoSha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = IntoSha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Ticks per deadline; a deadline is accurate to one tick.
pub(crate) const TICKS_OF_DEADLINE: u64 = 10;

/// The thread that advances the engines' epochs. It ends when this is dropped.
pub(crate) struct Ticker {
    ended: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts to tick [`TICKS_OF_DEADLINE`] times in each `deadline`.
    pub(crate) fn start(engines: Vec<Engine>, deadline: Duration) -> Result<Self, SandboxError> {
        let tick = (deadline / u32::try_from(TICKS_OF_DEADLINE).unwrap_or(1))
            .max(Duration::from_millis(1));
        let ended = Arc::new((Mutex::new(false), Condvar::new()));
        let shared = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name("sandbox-epochs".to_owned())
            .spawn(move || {
                let (flag, changed) = &*shared;
                let mut flag = lock(flag);
                while !*flag {
                    flag = unpoisoned(changed.wait_timeout(flag, tick)).0;
                    engines.iter().for_each(Engine::increment_epoch);
                }
            })
            .map_err(|error| SandboxError::Thread(error.to_string()))?;
        Ok(Self {
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *lock(&self.ended.0) = true;
        self.ended.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
    }
}
