//! The configuration of a [`Sandbox`](crate::Sandbox).

use crate::limits::SandboxLimits;
use std::{ffi::OsString, path::PathBuf};

#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Threads that evaluate at the same time. Each has one slot in the pool of instances, so the
    /// pool is never full. An evaluation beyond that number has no outcome
    /// ([`Outcome::Environmental`](crate::Outcome::Environmental)).
    pub threads: usize,
    pub limits: SandboxLimits,
    /// Where machine code is kept between runs; `None` keeps it only in memory.
    pub cache: Option<CacheConfig>,
    /// Whether guests with a language runtime are accepted.
    pub runtime_class: RuntimeClass,
    /// How to start the child process that compiles uploads.
    pub worker: WorkerCommand,
}

/// The cache of machine code.
#[derive(Clone)]
pub struct CacheConfig {
    /// The folder; it is created if it is missing. Write access to it is not enough to make this
    /// crate run anything: each file has a MAC that requires the key.
    pub folder: PathBuf,
    /// The key, random and secret; with another key everything is compiled again.
    pub key: [u8; 32],
}

impl std::fmt::Debug for CacheConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheConfig")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Whether guests with a language runtime (Go, JavaScript, Python) are accepted. They need a second
/// pool with much larger slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeClass {
    Refused,
    Allowed,
}

/// The program that compiles uploaded components: it must call
/// [`compile_worker_main`](crate::compile_worker_main) and exit with the code that this returns.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}
