//! Runs the conditions of process definitions: WebAssembly components, under limits.
//!
//! What it promises: a guest sees nothing but the fields that it is given, spends no more fuel, memory and time than
//! [`SandboxLimits`] says, and leaves nothing behind; the same guest on the same fields gives the same outcome, whatever
//! the machine is doing (what depends on the machine is [`Outcome::Environmental`] and no outcome). What strangers upload is
//! bounded and validated before it is compiled, and compiled in a child process. Machine code that this crate did not make
//! is never run.
//!
//! What it leaves to others: which guests a definition may name and what quota it has (the host's policy), what becomes of an
//! outcome (the engine), and what conditions mean (the expression compiler and the guests).
//!
//! Unsafe code stands in one place, the module `code`, with its proof.
#![deny(unsafe_code)]

mod admission;
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
mod sandbox;
mod settings;
mod value;
mod worker;

pub use admission::beyond_small;
pub use build::{BuildError, build_module};
pub use class::Class;
pub use config::{CacheConfig, RuntimeClass, SandboxConfig, WorkerCommand};
pub use contract::imports;
pub use error::{Counted, LoadError, Refusal, SandboxError};
pub use executable::check_executable_memory;
pub use guest::{Export, ExportKind, Guest};
pub use limits::{Budget, CompileBudget, SandboxLimits};
pub use outcome::{Evaluated, Outcome, codes};
pub use sandbox::Sandbox;
pub use settings::{Setting, SettingError};
pub use worker::compile_worker_main;
