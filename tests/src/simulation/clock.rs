//! A clock that the simulation sets.

use bureaucrat_host::clock::ClockSource;
use std::sync::atomic::{AtomicU64, Ordering};

/// The monotonic and the wall clock, in milliseconds.
#[derive(Debug)]
pub struct SimulatedClock {
    wall: AtomicU64,
    monotonic: AtomicU64,
}

impl SimulatedClock {
    /// A clock that shows `wall`.
    pub const fn new(wall: u64) -> Self {
        Self {
            wall: AtomicU64::new(wall),
            monotonic: AtomicU64::new(0),
        }
    }

    pub fn advance(&self, millis: u64) {
        self.wall.fetch_add(millis, Ordering::Relaxed);
        self.monotonic.fetch_add(millis, Ordering::Relaxed);
    }

    /// Sets the wall clock back or forward.
    pub fn jump(&self, millis: i64) {
        let _ = self
            .wall
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |wall| {
                Some(wall.saturating_add_signed(millis))
            });
    }
}

impl ClockSource for SimulatedClock {
    fn wall(&self) -> u64 {
        self.wall.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> u64 {
        self.monotonic.load(Ordering::Relaxed)
    }
}
