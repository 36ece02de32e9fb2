//! The limits of the engine.

/// The longest names that travel, in bytes.
pub struct NameLimits;

impl NameLimits {
    /// A participant: its queue's name has a prefix, and AMQP allows 255 bytes.
    pub const PARTICIPANT: usize = 255 - "worker_".len();
    pub const EVENT: usize = 255;
    /// The key of an event.
    pub const KEY: usize = 255;
    /// An exchange, a queue, a routing key, a content type: AMQP's short texts.
    pub const SHORT: usize = 255;
}

/// What one process may use inside the engine. Exceeding a limit is a fault of that process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// Instructions that one step runs before it yields to other processes.
    pub ops_per_step: u32,
    /// Bytes of the fields that one step sends in tasks and calls before it yields.
    pub sent_per_step: usize,
    /// Instructions that a process may run without waiting for something outside it.
    pub ops_without_waiting: u64,
    /// Fibers at the same time.
    pub fibers: u32,
    /// Bytes of one fiber's fields as JSON.
    pub fields_bytes: usize,
    /// Bytes of the fields of all fibers of a process, including those that branches started from.
    pub instance_bytes: usize,
    /// Nested calls; a launched process has depth 0.
    pub call_depth: u32,
    /// The longest message of a fault, in bytes. Longer messages are cut.
    pub fault_message_bytes: usize,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            ops_per_step: 1_000,
            sent_per_step: 8 << 20,
            ops_without_waiting: 1_000_000,
            fibers: 20_000,
            fields_bytes: 16 << 20,
            instance_bytes: 128 << 20,
            call_depth: 32,
            fault_message_bytes: 4_096,
        }
    }
}
