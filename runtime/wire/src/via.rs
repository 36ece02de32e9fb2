//! How a task is wrapped, and where it goes when nothing else is said: the two settings of the
//! original, dialect and kind of task queue, and the four ways that they come to.

use crate::Address;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The exchange and the routing key of Celery's tasks where nothing else is said, as Celery has
/// them.
pub(crate) const CELERY: &str = "celery";

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// A workitem to the queue `worker_PARTICIPANT`.
    Taskqueue,
    /// A workitem as the one argument of a Celery task.
    CeleryWorkitem,
    /// The message dialect to the queue `worker_PARTICIPANT`.
    Message,
    /// The message dialect in a Celery task.
    CeleryMessage,
}

impl Via {
    pub const ALL: [Self; 4] = [
        Self::Taskqueue,
        Self::CeleryWorkitem,
        Self::Message,
        Self::CeleryMessage,
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
        }
    }

    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Taskqueue | Self::CeleryWorkitem => Dialect::Workitem,
            Self::Message | Self::CeleryMessage => Dialect::Message,
        }
    }

    pub const fn task_queue(self) -> TaskQueue {
        match self {
            Self::Taskqueue | Self::Message => TaskQueue::Taskqueue,
            Self::CeleryWorkitem | Self::CeleryMessage => TaskQueue::Celery,
        }
    }

    /// Where a participant's tasks go when nothing else is said.
    pub(crate) fn address(self, participant: &str) -> Address {
        let both = |name: &str| Address {
            exchange: name.to_owned(),
            routing_key: name.to_owned(),
        };
        match self {
            Self::Taskqueue | Self::Message => Address {
                exchange: String::new(),
                routing_key: format!("worker_{participant}"),
            },
            Self::CeleryWorkitem => both(CELERY),
            Self::CeleryMessage => both(participant.split('.').next().unwrap_or_default()),
        }
    }
}

impl FromStr for Via {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|via| via.name() == text);
        found.ok_or_else(|| UnknownName {
            text: text.to_owned(),
            expected: "taskqueue, celery-workitem, message, celery-message",
        })
    }
}
