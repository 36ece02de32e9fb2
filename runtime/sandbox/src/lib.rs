//! Runs conditions: WebAssembly components, under limits.
//!
//! It promises that a guest sees only the fields that it is given, uses no more fuel, memory and
//! time than [`SandboxLimits`] allows, and leaves nothing behind; and that the same guest on the
//! same fields has the same outcome, whatever the machine is doing (what depends on the machine is
//! [`Outcome::Environmental`], which is not an outcome). What strangers upload is bounded and
//! validated before it is compiled, and compiled in a child process. Machine code that this crate
//! did not produce never runs.
//!
//! It leaves to others: which guests a definition may use and what quota it has (the host's
//! policy), what follows from an outcome (the engine), and what conditions mean (the expression
//! compiler and the guests).
//!
//! Unsafe code is in one place, the module `code`, with its proof.
#![deny(unsafe_code)]

mod admission;
mod bounds;
mod build;
mod cache;
mod census;
mod class;
mod code;
mod compile;
mod config;
mod contract;
mod document;
mod engines;
mod error;
mod evaluate;
mod executable;
mod features;
mod guest;
mod host;
mod limits;
mod loaded;
mod meter;
mod names;
mod outcome;
mod pointer;
mod reads;
mod sandbox;
mod settings;
mod value;
mod worker;

pub use admission::beyond_small;
pub use bounds::{BoundsError, WASMTIME, costs, costs_the_same, to_limits};
pub use build::{BuildError, build_module};
pub use class::Class;
pub use config::{CacheConfig, RuntimeClass, SandboxConfig, WorkerCommand};
pub use contract::imports;
pub use error::{Counted, LoadError, Refusal, SandboxError};
pub use executable::check_executable_memory;
pub use guest::{Export, ExportKind, Guest};
pub use host::Log;
pub use limits::{Budget, CompileBudget, SandboxLimits};
pub use outcome::{Evaluated, Outcome, codes};
pub use reads::{FieldRead, READ_BYTES_MAX, Reads, shortened};
pub use sandbox::Sandbox;
pub use settings::{Setting, SettingError};
pub use worker::compile_worker_main;
