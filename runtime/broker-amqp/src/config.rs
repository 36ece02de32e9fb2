//! The settings.

use bureaucrat_connect::Addresses;
use bureaucrat_host::{CeleryEvents, broker::Source};
use bureaucrat_wire::SHORT_TEXT_BYTES_MAX;
use std::{fmt, sync::Arc, time::Duration};

/// The names of the queues and exchanges that the engine uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueNames {
    pub launches: String,
    pub answers: String,
    pub events: String,
    /// Results of calls.
    pub results: String,
    /// Dead letters; declared, not consumed.
    pub dead_letters: String,
    /// The exclusive queue that marks the active engine, which consumes.
    pub owner: String,
    /// The queue that remembers which storage the queues belong to.
    pub storage: String,
    /// The topic exchange for notices about processes.
    pub processes: String,
    /// The topic exchange for notices of tasks that are withdrawn.
    pub cancelled: String,
    /// The direct exchange for results of Celery tasks.
    pub celery: String,
    /// The queue of its own for the events of Celery's workers, if they are read.
    pub celery_events: String,
}

impl Default for QueueNames {
    fn default() -> Self {
        Self {
            launches: "bureaucrat".to_owned(),
            answers: "bureaucrat_msgs".to_owned(),
            events: "bureaucrat_events".to_owned(),
            results: "bureaucrat_results".to_owned(),
            dead_letters: "bureaucrat_dead".to_owned(),
            owner: "bureaucrat.owner".to_owned(),
            storage: "bureaucrat.storage".to_owned(),
            processes: "bureaucrat.processes".to_owned(),
            cancelled: "bureaucrat.cancelled".to_owned(),
            celery: "bureaucrat.celery".to_owned(),
            celery_events: "bureaucrat.celery-events".to_owned(),
        }
    }
}

impl QueueNames {
    /// The engine's queues, each with its purpose.
    pub fn queues(&self) -> [(&'static str, &str); 8] {
        [
            ("launches", &self.launches),
            ("answers", &self.answers),
            ("events", &self.events),
            ("results", &self.results),
            ("dead letters", &self.dead_letters),
            ("the owner", &self.owner),
            ("the storage", &self.storage),
            ("Celery's events", &self.celery_events),
        ]
    }

    /// Checks that each queue has a name that AMQP can carry, and that none has two uses: dead
    /// letters that come back as launches would never end.
    ///
    /// # Errors
    /// With the reason.
    pub fn check(&self) -> Result<(), NamesError> {
        let bytes = self.celery.len();
        if !(1..=SHORT_TEXT_BYTES_MAX).contains(&bytes) {
            return Err(NamesError::Exchange { bytes });
        }
        let queues = self.queues();
        for (at, (role, name)) in queues.into_iter().enumerate() {
            if name.is_empty() || name.len() > SHORT_TEXT_BYTES_MAX {
                let bytes = name.len();
                return Err(NamesError::Length { role, bytes });
            }
            if name.starts_with("amq.") {
                let name = name.to_owned();
                return Err(NamesError::Reserved { role, name });
            }
            let mut others = queues.into_iter().skip(at + 1);
            if let Some((other, _)) = others.find(|(_, other)| *other == name) {
                let name = name.to_owned();
                return Err(NamesError::Same { role, other, name });
            }
        }
        Ok(())
    }

    /// The queue that is consumed in this role.
    pub fn of(&self, source: Source) -> &str {
        match source {
            Source::Launches => &self.launches,
            Source::Answers => &self.answers,
            Source::Events => &self.events,
            Source::Results => &self.results,
        }
    }
}

/// Names of queues that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    #[error(
        "the queue for {role} has a name of {bytes} bytes; 1 to {SHORT_TEXT_BYTES_MAX} are allowed"
    )]
    Length { role: &'static str, bytes: usize },
    /// Celery's workers would send results to an exchange of their own.
    #[error(
        "the exchange for results of Celery tasks has a name of {bytes} bytes; 1 to {SHORT_TEXT_BYTES_MAX} are allowed"
    )]
    Exchange { bytes: usize },
    #[error(
        "the queue for {role} is named `{name}`, but the broker reserves names that begin with \
         `amq.`"
    )]
    Reserved { role: &'static str, name: String },
    #[error("the queue for {role} and the queue for {other} are both named `{name}`; rename one")]
    Same {
        role: &'static str,
        other: &'static str,
        name: String,
    },
}

/// The type of the queues that the engine declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueType {
    Classic,
    /// Replicated. What exceeds the broker's delivery limit goes to the dead-letter queue, at least
    /// once.
    Quorum,
}

impl QueueType {
    /// The value of `x-queue-type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }
}

/// Who makes sure that only one engine consumes the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusion {
    /// The broker, by an exclusive queue.
    Broker,
    /// The store, which engines share. A suspended engine then keeps nobody waiting until the broker gives its
    /// connection up.
    Store,
}

/// The queues of an engine that shares a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedQueues {
    /// Where other engines forward to, each queue: they are declared.
    pub all: Vec<String>,
    /// Those of this engine: they are consumed.
    pub own: Vec<String>,
    pub events: EventsOf,
}

/// Which engine takes the queue of events: one of them, so that events of one name keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsOf {
    This,
    Another,
}

/// Whether what is durable may be sent now: asked before messages are sent, for all that wait.
#[derive(Clone)]
pub struct Permit(Arc<dyn Fn() -> bool + Send + Sync>);

impl Permit {
    /// What is asked must answer at once.
    pub fn new(is_given: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_given))
    }

    pub(crate) fn is_given(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.is_given()).finish()
    }
}

/// How to reach and use the broker.
#[derive(Debug, Clone)]
pub struct AmqpConfig {
    pub addresses: Addresses,
    pub names: QueueNames,
    /// The type of queues to declare and to expect; if `None`, existing queues are used as they
    /// are.
    pub queue_type: Option<QueueType>,
    /// The id of the storage that the queues belong to.
    pub storage: String,
    pub exclusion: Exclusion,
    /// None for an engine alone: nobody else may consume its queues then.
    pub shared: Option<SharedQueues>,
    pub permit: Permit,
    /// How long to wait after startup before taking messages: an engine that repeatedly fails over
    /// the same storage must not use up the deliveries that a quorum queue allows.
    pub consume_after: Duration,
    /// Whether the events of Celery's workers are consumed.
    pub celery_events: CeleryEvents,
    /// How many deliveries of each queue may be unacknowledged.
    pub prefetch: u16,
    /// How many bytes of each queue's deliveries may be in memory before no more are read.
    pub in_hand: usize,
    /// The shortest and the longest pause between attempts.
    pub retry: (Duration, Duration),
}

impl AmqpConfig {
    /// The usual settings with these addresses, for the storage of this id.
    pub fn new(addresses: Addresses, storage: &str) -> Self {
        Self {
            addresses,
            names: QueueNames::default(),
            queue_type: None,
            storage: storage.to_owned(),
            exclusion: Exclusion::Broker,
            shared: None,
            permit: Permit::new(|| true),
            consume_after: Duration::ZERO,
            celery_events: CeleryEvents::Ignored,
            prefetch: 500,
            in_hand: 64 << 20,
            retry: (Duration::from_millis(100), Duration::from_secs(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_queue_has_one_use() {
        assert_eq!(QueueNames::default().check(), Ok(()));
        let names = QueueNames {
            dead_letters: "bureaucrat".to_owned(),
            ..QueueNames::default()
        };
        let error = names.check().map_err(|error| error.to_string());
        let words = "the queue for launches and the queue for dead letters are both named \
            `bureaucrat`; rename one";
        assert_eq!(error, Err(words.to_owned()));
        let names = QueueNames {
            events: "bureaucrat.storage".to_owned(),
            ..QueueNames::default()
        };
        assert!(matches!(names.check(), Err(NamesError::Same { .. })));
        let names = QueueNames {
            celery: String::new(),
            ..QueueNames::default()
        };
        assert_eq!(names.check(), Err(NamesError::Exchange { bytes: 0 }));
        for name in [String::new(), "q".repeat(256), "amq.gen".to_owned()] {
            let names = QueueNames {
                answers: name,
                ..QueueNames::default()
            };
            assert!(names.check().is_err());
        }
    }
}
