//! What the host says when it builds a [`Sandbox`](crate::Sandbox).

use crate::limits::SandboxLimits;
use std::{ffi::OsString, path::PathBuf};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Threads that evaluate at once; each has one slot of the pool of instances, so that the pool is never full. An
    /// evaluation beyond that number has no outcome ([`Outcome::Environmental`](crate::Outcome::Environmental)).
    pub threads: usize,
    pub limits: SandboxLimits,
    /// Where machine code is kept between runs; `None` keeps it in memory alone.
    pub cache: Option<CacheConfig>,
    /// Whether guests with a language runtime inside are taken.
    pub runtime_class: RuntimeClass,
    /// How the child process is started that compiles what strangers upload.
    pub worker: WorkerCommand,
}

/// The cache of machine code.
#[derive(Clone)]
pub struct CacheConfig {
    /// The folder; it is created if it is missing. Whoever can write to it can't make this crate run anything: each file
    /// carries a code that takes the key to make.
    pub folder: PathBuf,
    /// The key, drawn once and kept secret; with another one everything is compiled again.
    pub key: [u8; 32],
}

impl std::fmt::Debug for CacheConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheConfig")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Whether guests with a language runtime inside (Go, JavaScript, Python) are taken. They need a second pool with much
/// larger slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeClass {
    Refused,
    Allowed,
}

/// The program that compiles uploaded components: it must call [`compile_worker_main`](crate::compile_worker_main) and end
/// with the code that this returns.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}
