//! What the host can be told: routes, names, limits, times. Every bound of the host is here.

use crate::sharing::Sharing;
use bureaucrat_definition::Limits as DefinitionLimits;
use bureaucrat_model::{EngineLimits, Millis, Unhandled};
use bureaucrat_policy::Policy;
use bureaucrat_wire::{Results, Routes, Via, WireLimits};
use std::sync::Arc;

/// What is done with the events of Celery's workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeleryEvents {
    Ignored,
    /// They say why tasks failed; failures wait for that.
    Read,
}

/// Which thread commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committing {
    /// The driver's: for a disk of this machine.
    Inline,
    /// One of its own: for a store that may not answer for a while.
    Beside,
}

#[derive(Debug, Clone)]
pub struct HostConfig {
    /// In which format tasks go to their participants, and where.
    pub routes: Routes,
    /// The queue of launches; named in dead letters.
    pub launch_queue: String,
    /// The queue of answers.
    pub message_queue: String,
    /// The queue of events.
    pub event_queue: String,
    /// Where results of calls come back.
    pub results: Results,
    pub celery_events: CeleryEvents,
    /// The queue for messages that cannot be used.
    pub dead_letter_queue: String,
    /// The topic exchange for notices of every process's launch and end.
    pub notice_exchange: String,
    /// The topic exchange for notices of tasks that are withdrawn.
    pub cancel_exchange: String,
    /// The engine's own queues, which may not receive replies.
    pub engine_queues: Vec<String>,
    /// The engine's own exchanges, which definitions may not send to.
    pub engine_exchanges: Vec<String>,
    /// How long an ended process stays visible.
    pub retention: Millis,
    /// How long a message id is remembered.
    pub seen_retention: Millis,
    /// How long a removed process is remembered, so that late answers can be told from answers to
    /// unknown processes.
    pub tombstone_retention: Millis,
    /// How long an entry of the audit log is kept.
    pub audit_retention: Millis,
    /// The most entries of the audit log; older ones are removed.
    pub audit_entries: u64,
    /// The most history entries of one process; older ones are removed, except for the first.
    pub history_entries: u64,
    /// The most outbox rows before no more deliveries are taken.
    pub outbox_rows: usize,
    /// The most publishes that wait for their outcome.
    pub publishes_in_flight: usize,
    /// The most events that are kept for those who wait later, of all users, and their bytes.
    pub kept_events: u64,
    /// See [`Self::kept_events`].
    pub kept_bytes: u64,
    pub committing: Committing,
    pub sharing: Sharing,
    /// The most inputs in one commit.
    pub group_inputs: usize,
    /// With this many bytes to write, a commit takes no more inputs, so that a few large messages
    /// delay nobody else.
    pub group_bytes: usize,
    /// A message of this many bytes is large: it waits while other large ones are in progress, and
    /// small ones overtake it.
    pub large_bytes: usize,
    /// Bytes of large messages that go through the store at the same time; or one message.
    pub large_under_way: usize,
    /// The most launches that begin in one loop, so that answers and events are handled in between.
    pub group_launches: usize,
    /// The most orders of bulk jobs that begin in one loop.
    pub bulk_orders: usize,
    /// The most launches whose definitions are being compiled; others wait in their users' lines.
    pub compiling_launches: usize,
    /// How long a launch waits before it is stored as a waiting one and its message acknowledged.
    pub launch_patience: Millis,
    /// The most launches that are stored so, and their bytes; the messages of others stay with the broker.
    pub waiting_launches: usize,
    /// See [`Self::waiting_launches`].
    pub waiting_bytes: usize,
    /// The fuel that a condition may use on the driver's thread; one that needs more is evaluated
    /// again by another thread.
    pub inline_fuel: u64,
    /// The most inputs that a parked process keeps.
    pub incident_inputs: usize,
    /// How long a parked process waits before it is retried.
    pub incident_retry: Millis,
    /// The most decoded instances in memory.
    pub residents: usize,
    /// Bytes of their records.
    pub residents_bytes: usize,
    /// Bytes on their way to the store; beyond this, nothing new begins.
    pub submitted_bytes: usize,
    /// This many unused programs are removed together.
    pub unused_programs: usize,
    /// The most compiled definitions in memory.
    pub definitions: usize,
    /// What becomes of a fault that nothing handles, where neither the definition nor the policy says.
    pub on_fault: Unhandled,
    /// Who may do what; `None` allows everything and counts nothing.
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
            results: Results::default(),
            celery_events: CeleryEvents::Ignored,
            dead_letter_queue: "bureaucrat_dead".into(),
            notice_exchange: "bureaucrat.processes".into(),
            cancel_exchange: "bureaucrat.cancelled".into(),
            engine_queues: [
                "bureaucrat",
                "bureaucrat_msgs",
                "bureaucrat_events",
                "bureaucrat_results",
                "bureaucrat_dead",
                "bureaucrat.owner",
                "bureaucrat.storage",
                "bureaucrat.celery-events",
            ]
            .map(String::from)
            .into(),
            engine_exchanges: [
                "bureaucrat.processes",
                "bureaucrat.cancelled",
                "bureaucrat.celery",
            ]
            .map(String::from)
            .into(),
            retention: Millis(24 * HOUR),
            seen_retention: Millis(24 * HOUR),
            tombstone_retention: Millis(7 * 24 * HOUR),
            audit_retention: Millis(90 * 24 * HOUR),
            audit_entries: 200_000,
            history_entries: 1_000,
            outbox_rows: 100_000,
            publishes_in_flight: 1_000,
            kept_events: 100_000,
            kept_bytes: 1 << 30,
            committing: Committing::Inline,
            sharing: Sharing::Alone,
            group_inputs: 256,
            group_bytes: 1 << 20,
            large_bytes: 64 << 10,
            large_under_way: 16 << 20,
            group_launches: 64,
            bulk_orders: 32,
            compiling_launches: 4,
            launch_patience: Millis(60_000),
            waiting_launches: 10_000,
            waiting_bytes: 64 << 20,
            inline_fuel: 100_000,
            incident_inputs: 1_000,
            incident_retry: Millis(30_000),
            residents: 100_000,
            residents_bytes: 64 << 20,
            submitted_bytes: 16 << 20,
            unused_programs: 64,
            definitions: 1_000,
            on_fault: Unhandled::Fails,
            policy: None,
            definition_limits: DefinitionLimits::default(),
            wire_limits: WireLimits::default(),
            engine_limits: EngineLimits::default(),
        }
    }
}
