//! Where an input came from.

use crate::{act::timers::WaitKey, broker::Delivery};
use bureaucrat_model::Timestamp;

/// Where an input came from: what is to be done when the engine does not take it.
#[derive(Debug)]
pub enum Cause {
    /// An answer; the message is kept for the dead-letter queue.
    Answer(Box<Delivery>),
    /// An answer that can't be read and is a dead letter already, from this user.
    UnreadableAnswer(Option<String>),
    /// A timer, whose row goes in any case.
    Timer(Timestamp, WaitKey),
    /// Anything else: nothing is to be done.
    Other,
}

impl Cause {
    /// Who answered: the user, or none for a message without one; nothing at all for what is no answer.
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
