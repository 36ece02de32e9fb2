//! Stands between the broker's socket and lapin, so that no message can hurt what reads it.
//!
//! A publisher chooses the properties of a message, and one that lapin can't read would end the
//! connection, or the whole engine, again each time that the broker delivers it. So what comes
//! passes through a [`filter::Filter`] first. What is written is left alone.

mod filter;
mod properties;

use crate::in_hand::Intake;
use bureaucrat_connect::Tap;
use filter::Filter;
use std::{
    sync::Arc,
    task::{Context, Poll},
};

/// The filter of one connection, and what bounds how much is read ahead of the host.
pub(crate) struct Guard {
    filter: Filter,
    intake: Option<Arc<Intake>>,
}

impl Guard {
    /// For a connection that asks for frames of at most `frame_max` bytes.
    pub fn new(frame_max: u32, intake: Option<Arc<Intake>>) -> Self {
        let filter = Filter::new(frame_max);
        Self { filter, intake }
    }
}

impl Tap for Guard {
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &self.intake {
            Some(intake) => intake.poll_open(context),
            None => Poll::Ready(()),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.filter.feed(bytes);
        if let Some(intake) = &self.intake {
            intake.read(self.filter.take_bodies());
        }
    }

    fn read(&mut self, into: &mut [u8]) -> Option<usize> {
        self.filter.read(into)
    }
}
