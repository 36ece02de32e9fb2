//! What can be set.

use bureaucrat_host::broker::Source;
use std::time::Duration;

/// The names of the queues and exchanges that the engine uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueNames {
    pub launches: String,
    pub answers: String,
    pub events: String,
    /// Dead letters; declared, not consumed.
    pub dead_letters: String,
    /// The exclusive queue that tells engines apart: whoever holds it consumes.
    pub owner: String,
    /// The topic exchange for news of processes.
    pub processes: String,
}

impl Default for QueueNames {
    fn default() -> Self {
        Self {
            launches: "bureaucrat".to_owned(),
            answers: "bureaucrat_msgs".to_owned(),
            events: "bureaucrat_events".to_owned(),
            dead_letters: "bureaucrat_dead".to_owned(),
            owner: "bureaucrat.owner".to_owned(),
            processes: "bureaucrat.processes".to_owned(),
        }
    }
}

impl QueueNames {
    /// The queue that is consumed in this role.
    pub fn of(&self, source: Source) -> &str {
        match source {
            Source::Launches => &self.launches,
            Source::Answers => &self.answers,
            Source::Events => &self.events,
        }
    }
}

/// How to reach and use the broker.
#[derive(Clone)]
pub struct AmqpConfig {
    /// `amqp://USER:PASSWORD@HOST:PORT/VHOST` or `amqps://…`; a `heartbeat` in its query wins over ours.
    pub url: String,
    pub names: QueueNames,
    /// How many deliveries of each queue may be unacknowledged.
    pub prefetch: u16,
    /// How many bytes of each queue's deliveries may be in memory before no more are read.
    pub in_hand: usize,
    /// What the broker's operators see the connections as.
    pub connection_name: String,
    /// How often the peers tell each other that they live; a connection is given up after twice this time.
    pub heartbeat: Duration,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// The shortest and the longest pause between attempts.
    pub retry: (Duration, Duration),
}

impl AmqpConfig {
    /// The usual settings with this URL.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            names: QueueNames::default(),
            prefetch: 500,
            in_hand: 64 << 20,
            connection_name: "bureaucrat".to_owned(),
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            retry: (Duration::from_millis(100), Duration::from_secs(10)),
        }
    }
}

impl std::fmt::Debug for AmqpConfig {
    /// Leaves the URL out, which holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AmqpConfig")
            .field("names", &self.names)
            .field("prefetch", &self.prefetch)
            .field("connection_name", &self.connection_name)
            .finish_non_exhaustive()
    }
}
