//! Quotas: name, unit and default of each limit on what a user may have.

use std::fmt;

macro_rules! quotas {
    ($($(#[$doc:meta])* $variant:ident $name:literal $code:literal $default:literal,)*) => {
        /// A quota. Its key in the policy file is [`Quota::name`], which contains the unit unless
        /// it is a count.
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

            /// The code of its dead letters.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The value if a policy file does not set it; safe for strangers.
            pub const fn default(self) -> u64 {
                match self { $(Self::$variant => $default,)* }
            }
        }
    };
}

quotas! {
    /// Bytes of a definition's XML, including called definitions.
    DefinitionBytes "definition_bytes" "quota.definition-bytes" 65_536,
    /// Activities of a definition that do something: each action, delay, await, call, all, switch
    /// and while.
    Activities "activities" "quota.activities" 500,
    Depth "depth" "quota.depth" 32,
    /// Branches of one `all`.
    Branches "branches" "quota.branches" 50,
    Conditions "conditions" "quota.conditions" 200,
    /// Delays of a definition; a process never has more timers at once.
    Timers "timers" "quota.timers" 50,
    /// The longest delay, in seconds.
    DelaySeconds "delay_seconds" "quota.delay-seconds" 2_678_400,
    /// Bytes of the fields of one fiber, as JSON; at launch, of the context.
    FieldsBytes "fields_bytes" "quota.fields-bytes" 262_144,
    /// Bytes of the fields of all fibers of a process.
    ProcessBytes "process_bytes" "quota.process-bytes" 4_194_304,
    /// Nested calls; 0 allows none.
    CallDepth "call_depth" "quota.call-depth" 4,
    /// Processes that have not ended, called ones included.
    LiveProcesses "live_processes" "quota.live-processes" 1_000,
    /// Bytes of the stored records of processes, including ended ones until they are removed.
    StoredBytes "stored_bytes" "quota.stored-bytes" 67_108_864,
    /// Launch messages per minute; after a pause, as many at once.
    LaunchesPerMinute "launches_per_minute" "quota.launches-per-minute" 600,
    /// Launches that are waiting for their turn in the engine's memory.
    WaitingLaunches "waiting_launches" "quota.waiting-launches" 100,
    /// Messages in the outbox. Tasks that no queue takes stay there.
    OutboxRows "outbox_rows" "quota.outbox-rows" 5_000,
    /// Names of deployed definitions that are the user's.
    DeployedNames "deployed_names" "quota.deployed-names" 20,
    /// Versions that the user has deployed, retired ones included.
    DeployedVersions "deployed_versions" "quota.deployed-versions" 1_000,
    /// Bytes of the texts of these versions.
    DeployedBytes "deployed_bytes" "quota.deployed-bytes" 16_777_216,
    /// Events that the user's messages and processes keep for those who wait for them later.
    KeptEvents "kept_events" "quota.kept-events" 1_000,
    /// Bytes of these events.
    KeptBytes "kept_bytes" "quota.kept-bytes" 4_194_304,
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
    /// Modules that the user was the first to store, in definitions or on their own.
    StoredModules "stored_modules" "quota.stored-modules" 50,
    /// Bytes of these modules.
    StoredModuleBytes "stored_module_bytes" "quota.stored-module-bytes" 16_777_216,
    /// Names of deployed modules that are the user's.
    ModuleNames "module_names" "quota.module-names" 50,
    /// Bytes of one module.
    ModuleBytes "module_bytes" "quota.module-bytes" 1_048_576,
    /// Bytes of memory that compiling one module may take.
    CompileMemoryBytes "compile_memory_bytes" "quota.compile-memory-bytes" 1_073_741_824,
    /// Seconds of processor time that compiling one module may take.
    CompileSeconds "compile_seconds" "quota.compile-seconds" 20,
}

/// A number for each quota; the highest number means unlimited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas(Vec<u64>);

impl Quotas {
    /// Unlimited, except for the engine's own limits.
    pub const UNBOUNDED: u64 = u64::MAX;

    /// The values if a policy file does not set them.
    pub fn strict() -> Self {
        Self(Quota::ALL.iter().map(|quota| quota.default()).collect())
    }

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

    /// A limit on memory, for comparison with lengths.
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
