//! What lay in the broker's queues when the engine began to consume. A time that runs beside messages, such as the
//! timeout of an attempt, is not over before an answer, an event or a result that came earlier was taken.

use crate::broker::{DeliveryHandle, Source};
use bureaucrat_model::{Millis, Timestamp};

/// The longest that times are held for it: a message that can't be taken stops nobody for good.
const PATIENCE: Millis = Millis(60_000);

/// How much of it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backlog {
    /// The engine does not consume: nobody knows what waits.
    Away,
    Ahead {
        generation: u64,
        /// Messages that were there and have not been taken.
        left: u64,
        /// The submission that the last one of them was part of.
        last: u64,
        until: Timestamp,
    },
    Taken,
}

impl Backlog {
    /// The engine begins to consume, and so many answers, events and results lie there.
    pub(super) fn begin(generation: u64, waiting: u64, now: Timestamp) -> Self {
        match waiting {
            0 => Self::Taken,
            left => Self::Ahead {
                generation,
                left,
                last: 0,
                until: now.after(PATIENCE),
            },
        }
    }

    /// The planner has a delivery, for the submission with this number.
    pub(super) fn took(&mut self, delivery: DeliveryHandle, submission: u64) {
        if let (
            Self::Ahead {
                generation,
                left,
                last,
                ..
            },
            Source::Answers | Source::Events | Source::Results,
        ) = (&mut *self, delivery.source)
            && *generation == delivery.generation
            && *left > 0
        {
            (*left, *last) = (*left - 1, submission);
        }
    }

    /// Whether times that run beside messages may be over, when all submissions up to `durable` are durable.
    /// `handing_out` says whether events are still on their way to those who wait for them.
    pub(super) fn is_taken(&mut self, now: Timestamp, durable: u64, handing_out: bool) -> bool {
        if let Self::Ahead {
            left, last, until, ..
        } = *self
            && ((left == 0 && durable >= last && !handing_out) || now >= until)
        {
            *self = Self::Taken;
        }
        *self == Self::Taken
    }

    /// When it is over whatever comes.
    pub(super) const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Ahead { until, .. } => Some(*until),
            Self::Away | Self::Taken => None,
        }
    }
}
