//! Where tasks are on their way out, for operators who ask.
//!
//! What is in memory is answered here. The message of a task that is set aside is in the store alone: who asks reads there
//! where it goes, and asks again for that destination, so that an operator's question never makes the driver read.

use super::{Actor, outbox::Publishing, troubles::Destination};
use crate::operate::query::{BrokerState, TaskState, Undelivered};
use bureaucrat_model::Millis;
use bureaucrat_store::keys::OutboxKey;
use crossbeam_channel::Sender;

/// A question about tasks on their way, to the driver.
#[derive(Debug)]
pub enum Ask {
    /// Where these rows are, and whether the broker is there.
    Rows {
        keys: Vec<OutboxKey>,
        reply: Sender<Standing>,
    },
    /// What becomes of messages that are set aside for these destinations.
    Destinations {
        destinations: Vec<Destination>,
        reply: Sender<Standing>,
    },
}

/// What is known about tasks, in the order of the question.
#[derive(Debug)]
pub struct Standing {
    pub broker: BrokerState,
    /// None for those that memory does not have.
    pub tasks: Vec<Option<TaskState>>,
    /// Messages in the outbox, and those of them that the broker has not confirmed yet.
    pub waiting: usize,
    pub in_flight: usize,
    pub timers: TimersDue,
    pub held: Held,
}

/// Timers whose time has come, and which have not fired yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimersDue {
    /// At most [`TimersDue::MOST`] of those that wait are counted.
    pub count: usize,
    /// How late the first one is.
    pub late: Millis,
}

impl TimersDue {
    pub const MOST: usize = 100_000;
}

/// Bytes in memory, as they count against the limits of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Processes.
    pub residents: usize,
    /// What is on its way to the store.
    pub submitted: usize,
}

impl Actor {
    pub(crate) fn tell(&self, ask: Ask, held: Held) {
        let (tasks, reply) = match ask {
            Ask::Rows { keys, reply } => {
                let row = |key: OutboxKey| self.outbox.standing(key).or_else(|| self.leaving(key));
                (keys.into_iter().map(row).collect(), reply)
            }
            Ask::Destinations {
                destinations,
                reply,
            } => {
                let aside = |destination| Some(self.set_aside_for(destination));
                (destinations.into_iter().map(aside).collect(), reply)
            }
        };
        let broker = match self.outbox.publishing() {
            Publishing::Up => BrokerState::Connected,
            Publishing::Down => BrokerState::Away,
        };
        // The asker may be gone.
        let _ = reply.try_send(Standing {
            broker,
            tasks,
            waiting: self.outbox.len(),
            in_flight: self.outbox.in_flight(),
            timers: self.timers.due(self.shared.time.now()),
            held,
        });
    }

    /// A row that is about to be set aside.
    fn leaving(&self, key: OutboxKey) -> Option<TaskState> {
        let destination = self.aside.destination_of(key)?;
        Some(self.set_aside_for(destination.clone()))
    }

    fn set_aside_for(&self, destination: Destination) -> TaskState {
        if self.outbox.publishing() == Publishing::Down {
            return TaskState::BrokerAway;
        }
        let Some(told) = self.outbox.troubles.told(&destination) else {
            return TaskState::InLine;
        };
        let (exchange, routing_key) = destination;
        TaskState::Undelivered(Undelivered {
            exchange,
            routing_key,
            reason: told.reason,
            tries: told.tries,
            next_try: told.next_try,
        })
    }
}
