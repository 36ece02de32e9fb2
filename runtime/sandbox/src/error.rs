//! What can go wrong before a guest runs, by who must act.

use std::{fmt, path::PathBuf};

/// The sandbox could not be set up; the operator must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// wasmtime refused the settings, or could not reserve the pool's address space.
    #[error("the WebAssembly engine could not be set up: {0}")]
    Engine(String),
    /// A policy of the system forbids machine code that a program makes itself.
    #[error(
        "this system doesn't let bureaucrat run machine code that it makes ({0}), and every \
         condition is such code. With systemd, remove MemoryDenyWriteExecute=yes from the unit; \
         with SELinux, allow execmem; in a container, look at its seccomp profile"
    )]
    NoExecutableMemory(String),
    /// The thread that interrupts guests could not be started.
    #[error("the thread that interrupts guests could not be started: {0}")]
    Thread(String),
    /// More threads than a pool can have slots for.
    #[error("{0} evaluating threads are too many")]
    Threads(usize),
    /// The cache's folder can't be used.
    #[error("cannot use the cache of machine code at {}: {reason}", folder.display())]
    Cache { folder: PathBuf, reason: String },
}

/// A guest was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The component will never be accepted under these limits; its author must act.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something on our side failed; retrying may help.
    #[error("the guest could not be loaded: {0}")]
    Environment(String),
}

impl Refusal {
    /// The code of its line in docs/errors/module.md.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "module.size",
            Self::CoreModule | Self::NotWasm => "module.no-component",
            Self::Invalid { .. } => "module.invalid",
            Self::TooMany { counted, .. } => match counted {
                Counted::Functions => "module.functions",
                Counted::FunctionBodyBytes => "module.function-body-bytes",
                Counted::Locals => "module.locals",
                Counted::Nesting => "module.nesting",
                Counted::BranchTargets => "module.br-table",
                Counted::Types => "module.types",
                Counted::Items => "module.items",
                Counted::Depth => "module.component-depth",
            },
            Self::Import(_) | Self::ImportType { .. } => "module.import",
            Self::Export(_) | Self::NoFunction => "module.export",
            Self::RuntimeClass(_) => "module.runtime-class",
            Self::Resources(_) => "module.resources",
            Self::Compiler(_) => "module.compiler",
            Self::CompileTime { .. } => "module.compile-seconds",
            Self::CompileMemory { .. } => "module.compile-memory",
            Self::CompilerCrash(_) => "module.compiler-crash",
            Self::CodeTooLarge { .. } => "module.code-bytes",
        }
    }
}

/// Why a component is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is too large to be read.
    #[error("the module has {found} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
        /// The bound in bytes.
        limit: usize,
    },
    #[error(
        "this is a core module, but a component is needed; make one with `bureaucrat module build`"
    )]
    CoreModule,
    /// It is not WebAssembly at all.
    #[error(
        "this is not a WebAssembly component; `bureaucrat module build` makes one from WebAssembly \
         text or a core module"
    )]
    NotWasm,
    /// It is not valid WebAssembly, or uses a feature that guests may not use.
    #[error("the module is not valid at byte {offset}: {reason}")]
    Invalid {
        reason: String,
        /// Where, in bytes from the start.
        offset: usize,
    },
    /// It has too many of something.
    #[error("the module has {found} {counted}, at most {limit} are allowed")]
    TooMany {
        counted: Counted,
        found: u64,
        limit: u64,
    },
    /// It imports something other than the contract's interfaces.
    #[error(
        "the module imports `{0}`, but guests may import only \
             `bureaucrat:condition/fields@1.1.0` and `bureaucrat:condition/log@1.1.0`"
    )]
    Import(String),
    /// It imports one of the interfaces with types other than the contract's.
    #[error(
        "the module imports `{function}` of `{interface}`, which has no function of this name and type"
    )]
    ImportType {
        function: String,
        interface: &'static str,
    },
    /// An export is not a function of one of the contract's two types.
    #[error(
        "the module exports `{0}`, which is neither a function `() -> result<bool, string>` nor `() -> result<string, string>`"
    )]
    Export(String),
    /// It exports no function.
    #[error("the module exports no function that a condition could name")]
    NoFunction,
    /// It needs what only guests with a language runtime may have, and those are switched off.
    #[error("the module needs {0}, but guests with a language runtime inside are switched off")]
    RuntimeClass(String),
    /// It needs more than any guest may have.
    #[error("the module needs more than a guest gets: {0}")]
    Resources(String),
    /// The compiler does not accept it.
    #[error("cannot compile the module: {0}")]
    Compiler(String),
    /// Compiling it takes too long.
    #[error("compiling the module takes more than {seconds} seconds of processor time")]
    CompileTime {
        /// The bound in seconds.
        seconds: u32,
    },
    /// Compiling it takes too much memory.
    #[error("compiling the module takes more than {bytes} bytes of memory")]
    CompileMemory {
        /// The bound in bytes.
        bytes: u64,
    },
    #[error("the compiler crashed on the module: {0}")]
    CompilerCrash(String),
    /// Its machine code is too large.
    #[error("the module's machine code is larger than {limit} bytes")]
    CodeTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
}

/// What a component has too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Functions in all core modules.
    Functions,
    /// Bytes of one function's body.
    FunctionBodyBytes,
    Locals,
    /// Nested blocks in a function.
    Nesting,
    /// Targets of one `br_table`.
    BranchTargets,
    Types,
    /// Imports, exports, globals, segments and the like.
    Items,
    /// Nested components and modules.
    Depth,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Functions => "functions",
            Self::FunctionBodyBytes => "bytes in one function",
            Self::Locals => "locals in one function",
            Self::Nesting => "blocks within one another",
            Self::BranchTargets => "targets of one `br_table`",
            Self::Types => "types",
            Self::Items => "imports, exports, globals, segments and other items",
            Self::Depth => "components and modules within one another",
        })
    }
}
