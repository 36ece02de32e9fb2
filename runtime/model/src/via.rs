//! Where a task goes: how it is wrapped, and what a definition says of where to. Two settings of the
//! original, dialect and kind of task queue, give four ways to wrap one; calls of unmodified Celery
//! tasks and plain requests are two more.

use crate::operand::Operand;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The shape that tasks go out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `{"header": {…}, "fields": {…}}`, the original's documented one.
    #[default]
    Workitem,
    /// `{"name": …, "target": …, "origin": …, "payload": {…}}`, a few weeks younger.
    Message,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskQueue {
    /// A queue `worker_PARTICIPANT` for each participant.
    #[default]
    Taskqueue,
    /// Celery, by its task protocol 1.
    Celery,
}

/// A text that is not one of a closed set of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not one of: {expected}")]
pub struct UnknownName {
    pub text: String,
    /// The names that there are.
    pub expected: &'static str,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Workitem => "workitem",
            Self::Message => "message",
        })
    }
}

impl FromStr for Dialect {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "workitem" => Ok(Self::Workitem),
            "message" => Ok(Self::Message),
            other => Err(UnknownName {
                text: other.to_owned(),
                expected: "workitem, message",
            }),
        }
    }
}

impl fmt::Display for TaskQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taskqueue => "taskqueue",
            Self::Celery => "celery",
        })
    }
}

impl FromStr for TaskQueue {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "taskqueue" => Ok(Self::Taskqueue),
            "celery" => Ok(Self::Celery),
            other => Err(UnknownName {
                text: other.to_owned(),
                expected: "taskqueue, celery",
            }),
        }
    }
}

/// How a task is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Via {
    /// A workitem to the queue `worker_PARTICIPANT`.
    #[serde(rename = "1")]
    Taskqueue,
    /// A workitem as the one argument of a Celery task.
    #[serde(rename = "2")]
    CeleryWorkitem,
    /// The message dialect to the queue `worker_PARTICIPANT`.
    #[serde(rename = "3")]
    Message,
    /// The message dialect in a Celery task.
    #[serde(rename = "4")]
    CeleryMessage,
    /// A call of a Celery task that knows nothing of the engine.
    #[serde(rename = "5")]
    Celery,
    /// The fields as a request, whose reply is the answer.
    #[serde(rename = "6")]
    Request,
}

impl Via {
    pub const ALL: [Self; 6] = [
        Self::Taskqueue,
        Self::CeleryWorkitem,
        Self::Message,
        Self::CeleryMessage,
        Self::Celery,
        Self::Request,
    ];
    pub const NAMES: [&str; 6] = [
        Self::Taskqueue.name(),
        Self::CeleryWorkitem.name(),
        Self::Message.name(),
        Self::CeleryMessage.name(),
        Self::Celery.name(),
        Self::Request.name(),
    ];

    /// What dialect and kind of task queue come to.
    pub const fn of(dialect: Dialect, task_queue: TaskQueue) -> Self {
        match (task_queue, dialect) {
            (TaskQueue::Taskqueue, Dialect::Workitem) => Self::Taskqueue,
            (TaskQueue::Taskqueue, Dialect::Message) => Self::Message,
            (TaskQueue::Celery, Dialect::Workitem) => Self::CeleryWorkitem,
            (TaskQueue::Celery, Dialect::Message) => Self::CeleryMessage,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Taskqueue => "taskqueue",
            Self::CeleryWorkitem => "celery-workitem",
            Self::Message => "message",
            Self::CeleryMessage => "celery-message",
            Self::Celery => "celery",
            Self::Request => "request",
        }
    }

    /// The shape of the task; none for one that has a shape of its own.
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Taskqueue | Self::CeleryWorkitem => Some(Dialect::Workitem),
            Self::Message | Self::CeleryMessage => Some(Dialect::Message),
            Self::Celery | Self::Request => None,
        }
    }

    /// Whether Celery's workers run the task, so that it can be revoked.
    pub const fn is_celery(self) -> bool {
        match self {
            Self::CeleryWorkitem | Self::CeleryMessage | Self::Celery => true,
            Self::Taskqueue | Self::Message | Self::Request => false,
        }
    }
}

impl FromStr for Via {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|via| via.name() == text);
        found.ok_or_else(|| UnknownName {
            text: text.to_owned(),
            expected: "taskqueue, celery-workitem, message, celery-message, celery, request",
        })
    }
}

/// What the definition says of an action's tasks; what it leaves out, the settings say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way<T = String, P = u8> {
    pub via: Option<Via>,
    /// The queue that the workers consume from.
    pub queue: Option<T>,
    pub exchange: Option<T>,
    /// The queue's name where it is not given.
    pub routing_key: Option<T>,
    pub priority: Option<P>,
}

/// A way as an instruction has it. Computed are, in this order: the queue, the exchange, the
/// routing key, the priority.
pub type WrittenWay = Way<Operand<String>, Operand<u8>>;

impl WrittenWay {
    /// The way, if nothing of it is computed.
    pub fn fixed(&self) -> Option<Way> {
        let name = |operand: &Option<Operand<String>>| match operand {
            Some(Operand::Fixed(name)) => Some(Some(name.clone())),
            Some(Operand::Computed) => None,
            None => Some(None),
        };
        let priority = match self.priority {
            Some(Operand::Fixed(priority)) => Some(priority),
            Some(Operand::Computed) => return None,
            None => None,
        };
        Some(Way {
            via: self.via,
            queue: name(&self.queue)?,
            exchange: name(&self.exchange)?,
            routing_key: name(&self.routing_key)?,
            priority,
        })
    }
}

impl<T, P> Default for Way<T, P> {
    fn default() -> Self {
        Self {
            via: None,
            queue: None,
            exchange: None,
            routing_key: None,
            priority: None,
        }
    }
}

impl<T, P> Way<T, P> {
    /// Whether the definition says where tasks go.
    pub const fn has_destination(&self) -> bool {
        self.queue.is_some() || self.exchange.is_some() || self.routing_key.is_some()
    }

    /// The exchange, none for the default one, and the routing key, as far as they are given.
    pub fn destination(&self) -> (Option<&T>, Option<&T>) {
        let routing_key = self.routing_key.as_ref().or(self.queue.as_ref());
        (self.exchange.as_ref(), routing_key)
    }
}
