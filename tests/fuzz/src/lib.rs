//! Fuzzing on stable Rust: inputs that are changed seeds, targets that take them, and what counts as a failure.
//!
//! Promises: the same seed number gives the same inputs, so that a failure can be found again even when its input was lost;
//! what an input made a target do (its [`trace`]) decides whether the input is kept as a seed for more, which is a poor
//! man's coverage and needs neither instrumentation nor a nightly compiler. A panic, an input that takes longer than
//! [`Target::time_max`], and memory beyond [`MEMORY_MAX`] are failures.
//!
//! The binary `fuzz` runs one target in a process of its own: a stack overflow or an abort ends that process, and the
//! input that did it stands in its journal. `scripts/fuzz` and this package's test start it.
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
