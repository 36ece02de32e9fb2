//! Where an input came from.

use crate::{act::timers::WaitKey, broker::Delivery};
use bureaucrat_model::Timestamp;

/// Where an input came from: decides what to do if the engine does not accept it.
#[derive(Debug)]
pub enum Cause {
    /// An answer; the message is kept for the dead-letter queue.
    Answer(Box<Delivery>),
    /// An unreadable answer, which is already a dead letter, from this user.
    UnreadableAnswer(Option<String>),
    /// A timer; its row is removed in any case.
    Timer(Timestamp, WaitKey),
    /// Anything else: nothing to do.
    Other,
}

impl Cause {
    /// Who answered: the user, or `None` for a message without one. Nothing at all if it is not an
    /// answer.
    #[expect(
        clippy::option_option,
        reason = "an answer or none, and then: with a user or without"
    )]
    pub fn answerer(&self) -> Option<Option<&String>> {
        match self {
            Self::Answer(delivery) => Some(delivery.properties.user_id.as_ref()),
            Self::UnreadableAnswer(user) => Some(user.as_ref()),
            Self::Timer(..) | Self::Other => None,
        }
    }
}
