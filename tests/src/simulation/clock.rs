//! A clock that the simulation sets.

use bureaucrat_host::clock::ClockSource;
use std::sync::atomic::{AtomicU64, Ordering};

/// The hands of a machine's clocks, in milliseconds.
#[derive(Debug)]
pub struct SimulatedClock {
    wall: AtomicU64,
    /// Time that the machine was awake.
    awake: AtomicU64,
    /// Time that it slept.
    asleep: AtomicU64,
}

impl SimulatedClock {
    /// A clock that shows `wall`.
    pub const fn new(wall: u64) -> Self {
        Self {
            wall: AtomicU64::new(wall),
            awake: AtomicU64::new(0),
            asleep: AtomicU64::new(0),
        }
    }

    pub fn advance(&self, millis: u64) {
        self.wall.fetch_add(millis, Ordering::Relaxed);
        self.awake.fetch_add(millis, Ordering::Relaxed);
    }

    /// The machine sleeps: everything stands still but time.
    pub fn sleep(&self, millis: u64) {
        self.wall.fetch_add(millis, Ordering::Relaxed);
        self.asleep.fetch_add(millis, Ordering::Relaxed);
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

    fn elapsed(&self) -> u64 {
        let awake = self.awake.load(Ordering::Relaxed);
        awake + self.asleep.load(Ordering::Relaxed)
    }
}
