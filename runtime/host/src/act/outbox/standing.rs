//! Where a message is, as far as memory tells.

use super::{Departed, Outbox, Publishing, Row, RowState, Waited};
use crate::operate::query::TaskState;
use bureaucrat_store::keys::OutboxKey;

/// Whether the broker may have a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It was never published.
    Here,
    Perhaps,
    /// It was set aside, unless it has left.
    Aside,
}

impl Outbox {
    /// Whether the broker may have the message of a row that was put here once.
    pub fn reach(&self, key: OutboxKey) -> Reach {
        match self.rows.get(&key) {
            Some(Row {
                departed: Departed::No,
                ..
            }) => Reach::Here,
            // The broker said that it never takes it.
            Some(Row {
                state: RowState::Unsendable(_),
                ..
            }) => Reach::Here,
            Some(_) => Reach::Perhaps,
            None if self.troubles.is_empty() || self.troubles.is_leaving(key) => Reach::Perhaps,
            None => Reach::Aside,
        }
    }

    /// The time of a task's attempt is over: whether the broker has not confirmed the task, so that the attempt begins
    /// again. Whatever the reason, such as a broker that blocks or says nothing, its participant could not answer.
    pub fn hold_up(&mut self, key: OutboxKey) -> bool {
        let Some(row) = self.rows.get_mut(&key) else {
            return false;
        };
        match row.state {
            RowState::Planned | RowState::Queued | RowState::InFlight => {
                row.waited = Waited::Yes;
                row.is_delayed(key)
            }
            RowState::Unsendable(_) | RowState::Left => false,
        }
    }

    /// Whether it is a task that could not be sent for a while, so that its attempt begins when it is.
    pub fn is_delayed(&self, key: OutboxKey) -> bool {
        self.rows.get(&key).is_some_and(|row| row.is_delayed(key))
    }

    /// Where a row is on its way; none when it is not in memory.
    pub fn standing(&self, key: OutboxKey) -> Option<TaskState> {
        let row = self.rows.get(&key)?;
        Some(match (row.state, self.up) {
            (RowState::Unsendable(_), _) => TaskState::NeverTaken,
            (RowState::Left, _) => TaskState::Delivered,
            (_, Publishing::Down) => TaskState::BrokerAway,
            (RowState::InFlight, Publishing::Up) => TaskState::UnderWay,
            (RowState::Planned | RowState::Queued, Publishing::Up) => TaskState::InLine,
        })
    }
}
