//! The bounds that the engine keeps.

/// What one process may spend inside the engine. Every bound that is passed is a fault of that process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// Instructions that one step runs before it yields to other processes.
    pub ops_per_step: u32,
    /// Instructions that a process may run without waiting for something outside of it.
    pub ops_without_waiting: u64,
    /// Fibers that are alive at once.
    pub fibers: u32,
    /// Bytes of one fiber's fields as JSON.
    pub fields_bytes: usize,
    /// Bytes of the fields of all of a process's fibers together, those that branches started from included.
    pub instance_bytes: usize,
    /// Calls nested in one another; a process that was launched has depth 0.
    pub call_depth: u32,
    /// The longest message of a fault, in bytes; longer ones are cut.
    pub fault_message_bytes: usize,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            ops_per_step: 1_000,
            ops_without_waiting: 1_000_000,
            fibers: 20_000,
            fields_bytes: 16 << 20,
            instance_bytes: 128 << 20,
            call_depth: 32,
            fault_message_bytes: 4_096,
        }
    }
}
