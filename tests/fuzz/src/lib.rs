//! Fuzzing on stable Rust: mutated seeds, targets that take them, and what counts as a failure.
//!
//! It promises that the same seed number produces the same inputs, so that a failure can be found
//! again even if its input was lost. What an input made a target do (its [`trace`]) decides whether
//! the input is kept as another seed; this replaces coverage, and needs neither instrumentation nor
//! a nightly compiler. A panic, an input that takes longer than [`Target::time_max`], and memory
//! beyond [`MEMORY_MAX`] are failures.
//!
//! The binary `fuzz` runs one target in its own process: a stack overflow or an abort ends that
//! process, and its journal contains the input. `scripts/fuzz` and this package's test start it.
#![forbid(unsafe_code)]

pub mod corpus;
pub mod mutate;
pub mod random;
pub mod run;
pub mod target;
mod targets;
pub mod trace;

pub use target::Target;

/// How much a target's process may grow after its first thousand inputs, in bytes.
pub const MEMORY_MAX: u64 = 512 << 20;
