//! What the host can be told: routes, names, limits, times. Every bound of the host stands here.

use bureaucrat_definition::Limits as DefinitionLimits;
use bureaucrat_model::{EngineLimits, Millis};
use bureaucrat_policy::Policy;
use bureaucrat_wire::{Routes, Via, WireLimits};
use std::sync::Arc;

/// How many shards there can be.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Which way tasks go to their participants.
    pub routes: Routes,
    /// The queue that launches come from; named in dead letters.
    pub launch_queue: String,
    /// The queue that answers come from.
    pub message_queue: String,
    /// The queue that events come from.
    pub event_queue: String,
    /// The queue for messages that can't be used.
    pub dead_letter_queue: String,
    /// The topic exchange that is told of every process's launch and end.
    pub notice_exchange: String,
    /// The queues that belong to the engine: a reply may not go to one.
    pub engine_queues: Vec<String>,
    /// How long an ended process stays visible.
    pub retention: Millis,
    /// How long a message id is remembered.
    pub seen_retention: Millis,
    /// How long a removed process is remembered, to tell late answers from answers to nothing.
    pub tombstone_retention: Millis,
    /// The most history entries of one process; older ones go, but for the first.
    pub history_entries: u64,
    /// The most outbox rows of a shard before it takes no more deliveries.
    pub outbox_rows: usize,
    /// The most publishes of a shard that wait for their outcome.
    pub publishes_in_flight: usize,
    /// The most inputs that one commit takes.
    pub group_inputs: usize,
    /// So many bytes to be written let a commit take no more inputs, so that a few large messages keep nobody waiting.
    pub group_bytes: usize,
    /// A message of so many bytes is large: it waits while others like it are on their way, and small ones pass it.
    pub large_bytes: usize,
    /// So many bytes of large messages, of all shards, are on their way through the store at once, or one message.
    pub large_under_way: usize,
    /// The most launches that one turn begins, so that answers and events come between them.
    pub group_launches: usize,
    /// The most launches of a shard whose definitions are being compiled; others wait in their users' lines.
    pub compiling_launches: usize,
    /// The fuel that a condition may take of its shard's time; one that needs more is evaluated anew by a thread beside.
    pub inline_fuel: u64,
    /// The most inputs that a parked process keeps for later.
    pub incident_inputs: usize,
    /// How long a parked process waits before it is tried again.
    pub incident_retry: Millis,
    /// The most instances of a shard that are kept decoded in memory.
    pub residents: usize,
    /// Bytes of their records.
    pub residents_bytes: usize,
    /// Bytes that are on their way to the store; with more nothing is begun.
    pub submitted_bytes: usize,
    /// So many stored programs that nobody runs any more are removed together.
    pub unused_programs: usize,
    /// The most compiled definitions that are kept in memory.
    pub definitions: usize,
    /// Who may do what; none allows everything and counts nothing.
    pub policy: Option<Arc<Policy>>,
    pub definition_limits: DefinitionLimits,
    pub wire_limits: WireLimits,
    pub engine_limits: EngineLimits,
}

impl Default for HostConfig {
    fn default() -> Self {
        const HOUR: u64 = 3_600_000;
        Self {
            routes: Routes::new(Via::Taskqueue, Vec::new()),
            launch_queue: "bureaucrat".into(),
            message_queue: "bureaucrat_msgs".into(),
            event_queue: "bureaucrat_events".into(),
            dead_letter_queue: "bureaucrat_dead".into(),
            notice_exchange: "bureaucrat.processes".into(),
            engine_queues: [
                "bureaucrat",
                "bureaucrat_msgs",
                "bureaucrat_events",
                "bureaucrat_dead",
                "bureaucrat.owner",
                "bureaucrat.storage",
            ]
            .map(String::from)
            .into(),
            retention: Millis(24 * HOUR),
            seen_retention: Millis(24 * HOUR),
            tombstone_retention: Millis(7 * 24 * HOUR),
            history_entries: 1_000,
            outbox_rows: 100_000,
            publishes_in_flight: 1_000,
            group_inputs: 256,
            group_bytes: 1 << 20,
            large_bytes: 64 << 10,
            large_under_way: 16 << 20,
            group_launches: 64,
            compiling_launches: 4,
            inline_fuel: 100_000,
            incident_inputs: 1_000,
            incident_retry: Millis(30_000),
            residents: 100_000,
            residents_bytes: 64 << 20,
            submitted_bytes: 16 << 20,
            unused_programs: 64,
            definitions: 1_000,
            policy: None,
            definition_limits: DefinitionLimits::default(),
            wire_limits: WireLimits::default(),
            engine_limits: EngineLimits::default(),
        }
    }
}
