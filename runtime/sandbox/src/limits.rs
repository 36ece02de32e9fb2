//! Every limit of the sandbox, by name and with its unit.
//!
//! Three groups: what one evaluation may use, what an uploaded component may contain, and what
//! compiling it may use. The host sets them from its policy; the defaults are safe for strangers.

use std::time::Duration;

/// The limits on evaluation, admission and compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxLimits {
    /// Fuel for one evaluation: about one unit per instruction, and more for host calls.
    pub fuel: u64,
    /// The largest linear memory of a small guest, in bytes.
    pub memory_bytes: usize,
    /// The largest linear memory of a guest with a language runtime inside, in bytes.
    pub runtime_memory_bytes: usize,
    /// Elements of a small guest's table.
    pub table_elements: usize,
    /// Elements of each table of a guest with a language runtime inside.
    pub runtime_table_elements: usize,
    /// Core instances that a small guest may consist of.
    pub instances: u32,
    /// Core instances that a guest with a language runtime inside may consist of.
    pub runtime_instances: u32,
    /// Stack of a guest, in bytes. The calling thread's own stack must be larger by some hundred kilobytes.
    pub stack_bytes: usize,
    /// Wall-clock time after which an evaluation is stopped without an outcome.
    pub deadline: Duration,
    /// Calls of `fields` in one evaluation.
    pub host_calls: u64,
    /// The longest pointer that a guest may pass to `fields`, in bytes.
    pub pointer_bytes: usize,
    /// Everything that `fields` returns to one evaluation, in bytes.
    pub host_bytes_returned: usize,
    /// Keys that `keys` returns at once.
    pub keys: usize,
    /// The longest error text of a guest, in bytes.
    pub error_text_bytes: usize,
    /// The longest value that a guest returns, in bytes.
    pub result_bytes: usize,

    /// The size of an uploaded component, in bytes.
    pub module_bytes: usize,
    /// Functions in all core modules of a component.
    pub functions: u32,
    /// The body of one function, in bytes.
    pub function_body_bytes: usize,
    /// Locals of one function, its parameters left aside.
    pub locals: u32,
    /// Nested blocks in a function.
    pub nesting: u32,
    /// Targets of one `br_table`.
    pub br_table: u32,
    /// Types, core and component ones, in all of a component.
    pub types: u32,
    /// Imports, exports, globals, segments and everything else without a limit of its own.
    pub items: u32,
    /// Nested components and modules.
    pub component_depth: u32,

    /// CPU seconds that compiling one component may take.
    pub compile_seconds: u32,
    /// Memory that compiling one component may take, in bytes.
    pub compile_memory_bytes: u64,
    /// Machine code of one component, in bytes.
    pub code_bytes: usize,

    /// Guests kept ready in memory.
    pub loaded_guests: usize,
    /// Machine code of all guests kept ready in memory, in bytes.
    pub loaded_bytes: usize,
    /// All files of the cache of machine code, in bytes.
    pub cache_bytes: u64,
}

/// What one evaluation may use, if that is less than the sandbox's own limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub fuel: u64,
    /// All linear memories together, in bytes.
    pub memory_bytes: u64,
    pub table_elements: u64,
    /// Calls of `fields`.
    pub host_calls: u64,
    /// All that `fields` returns, in bytes.
    pub host_bytes_returned: u64,
}

impl Budget {
    /// As much as the sandbox allows.
    pub const FULL: Self = Self {
        fuel: u64::MAX,
        memory_bytes: u64::MAX,
        table_elements: u64::MAX,
        host_calls: u64::MAX,
        host_bytes_returned: u64::MAX,
    };
}

/// The smaller of a size and a number that this machine may not be able to address.
pub(crate) fn lesser(size: usize, number: u64) -> usize {
    usize::try_from(number).map_or(size, |number| number.min(size))
}

/// What compiling one component may use, if that is less than the sandbox's own limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileBudget {
    /// CPU seconds.
    pub seconds: u32,
    pub memory_bytes: u64,
}

impl CompileBudget {
    /// As much as the sandbox allows.
    pub const FULL: Self = Self {
        seconds: u32::MAX,
        memory_bytes: u64::MAX,
    };
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self {
            fuel: 20_000_000,
            memory_bytes: 1 << 20,
            runtime_memory_bytes: 64 << 20,
            table_elements: 10_000,
            runtime_table_elements: 100_000,
            instances: 4,
            runtime_instances: 64,
            stack_bytes: 256 << 10,
            deadline: Duration::from_secs(2),
            // As many as the fuel can pay for; under a policy the default is lower.
            host_calls: 200_000,
            pointer_bytes: 1_024,
            host_bytes_returned: 1 << 20,
            keys: 10_000,
            error_text_bytes: 4_096,
            result_bytes: 64 << 10,
            module_bytes: 1 << 20,
            functions: 10_000,
            function_body_bytes: 64 << 10,
            locals: 1_000,
            nesting: 200,
            br_table: 1_000,
            types: 10_000,
            items: 100_000,
            component_depth: 4,
            compile_seconds: 20,
            compile_memory_bytes: 1 << 30,
            code_bytes: 64 << 20,
            loaded_guests: 1_000,
            loaded_bytes: 256 << 20,
            cache_bytes: 1 << 30,
        }
    }
}

impl SandboxLimits {
    /// The same for evaluations, but with as much room for a guest's contents as guests with a
    /// language runtime have.
    #[must_use]
    pub fn admitting_more(&self) -> Self {
        Self {
            fuel: self.fuel,
            host_calls: self.host_calls,
            ..self.for_runtimes()
        }
    }

    /// The limits for guests with a language runtime (Go, JavaScript, Python): their components
    /// have some megabytes and contain functions that no small guest needs, they take seconds to
    /// compile, and each evaluation begins with the start of their runtime. Limits that are already
    /// higher in `self` stay.
    pub fn for_runtimes(&self) -> Self {
        Self {
            fuel: self.fuel.max(200_000_000),
            host_calls: self.host_calls.max(1_000_000),
            module_bytes: self.module_bytes.max(32 << 20),
            functions: self.functions.max(100_000),
            function_body_bytes: self.function_body_bytes.max(1 << 20),
            locals: self.locals.max(10_000),
            nesting: self.nesting.max(1_000),
            br_table: self.br_table.max(10_000),
            types: self.types.max(100_000),
            items: self.items.max(1_000_000),
            component_depth: self.component_depth.max(8),
            compile_seconds: self.compile_seconds.max(120),
            compile_memory_bytes: self.compile_memory_bytes.max(4 << 30),
            code_bytes: self.code_bytes.max(256 << 20),
            ..*self
        }
    }
}
