//! Quotas: how much a user may have, by name, unit and default.

use std::fmt;

macro_rules! quotas {
    ($($(#[$doc:meta])* $variant:ident $name:literal $code:literal $default:literal,)*) => {
        /// A quota. Its key in the policy file is [`Quota::name`], in which the unit stands where it is not a count.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quota {
            $($(#[$doc])* $variant,)*
        }

        impl Quota {
            /// Every quota, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its key in the policy file.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The code of a dead letter that tells of it.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What holds where a policy file says nothing: it suits strangers.
            pub const fn default(self) -> u64 {
                match self { $(Self::$variant => $default,)* }
            }
        }
    };
}

quotas! {
    /// Bytes of a definition's XML; a called one's too.
    DefinitionBytes "definition_bytes" "quota.definition-bytes" 65_536,
    /// Activities of a definition that do something: each action, delay, await, call, all, and each switch or while.
    Activities "activities" "quota.activities" 500,
    Depth "depth" "quota.depth" 32,
    /// Branches of one `all`.
    Branches "branches" "quota.branches" 50,
    Conditions "conditions" "quota.conditions" 200,
    /// Delays of a definition; a process never has more timers at once.
    Timers "timers" "quota.timers" 50,
    /// The longest delay, in seconds.
    DelaySeconds "delay_seconds" "quota.delay-seconds" 2_678_400,
    /// Bytes of the fields of one line of execution, as JSON; at the launch those of the context.
    FieldsBytes "fields_bytes" "quota.fields-bytes" 262_144,
    /// Bytes of the fields of all of a process's lines of execution together.
    ProcessBytes "process_bytes" "quota.process-bytes" 4_194_304,
    /// Calls within one another; 0 allows none.
    CallDepth "call_depth" "quota.call-depth" 4,
    /// Processes that have not ended, called ones included.
    LiveProcesses "live_processes" "quota.live-processes" 1_000,
    /// Bytes of the stored records of processes, ended ones included until they are removed.
    StoredBytes "stored_bytes" "quota.stored-bytes" 67_108_864,
    /// Launches a minute, by messages; after a pause as many at once.
    LaunchesPerMinute "launches_per_minute" "quota.launches-per-minute" 600,
    /// Launches that wait for their turn in the engine's memory.
    WaitingLaunches "waiting_launches" "quota.waiting-launches" 100,
    /// Messages in the outbox: tasks that no queue takes stay there.
    OutboxRows "outbox_rows" "quota.outbox-rows" 5_000,
    /// Fuel of one evaluation of a condition.
    Fuel "fuel" "quota.fuel" 20_000_000,
    /// Bytes of memory of one evaluation of a condition.
    MemoryBytes "memory_bytes" "quota.memory-bytes" 1_048_576,
    /// Elements of a table of one evaluation of a condition.
    TableElements "table_elements" "quota.table-elements" 10_000,
    /// Calls of the interface `fields` by one evaluation of a condition.
    HostCalls "host_calls" "quota.host-calls" 100_000,
    /// Bytes that the interface `fields` returns to one evaluation of a condition.
    HostBytes "host_bytes" "quota.host-bytes" 1_048_576,
    /// Bytes of one module.
    ModuleBytes "module_bytes" "quota.module-bytes" 1_048_576,
    /// Bytes of memory that compiling one module may take.
    CompileMemoryBytes "compile_memory_bytes" "quota.compile-memory-bytes" 1_073_741_824,
    /// Seconds of processor time that compiling one module may take.
    CompileSeconds "compile_seconds" "quota.compile-seconds" 20,
}

/// A number for each quota; the highest number stands for no bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas(Vec<u64>);

impl Quotas {
    /// No bounds but the engine's own.
    pub const UNBOUNDED: u64 = u64::MAX;

    /// Those that hold where a policy file says nothing.
    pub fn strict() -> Self {
        Self(Quota::ALL.iter().map(|quota| quota.default()).collect())
    }

    /// None.
    pub fn unbounded() -> Self {
        Self(vec![Self::UNBOUNDED; Quota::ALL.len()])
    }

    pub fn get(&self, quota: Quota) -> u64 {
        self.0
            .get(quota as usize)
            .copied()
            .unwrap_or(quota.default())
    }

    pub fn set(&mut self, quota: Quota, value: u64) {
        if let Some(place) = self.0.get_mut(quota as usize) {
            *place = value;
        }
    }

    /// One that bounds memory, for comparison with lengths.
    pub fn size(&self, quota: Quota) -> usize {
        usize::try_from(self.get(quota)).unwrap_or(usize::MAX)
    }

    pub fn count(&self, quota: Quota) -> u32 {
        u32::try_from(self.get(quota)).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
