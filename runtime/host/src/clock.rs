//! Time: the engine's `now`, which never runs backwards, made of a wall clock and one of elapsed time.
//!
//! Between starts it follows elapsed time, which a machine's sleep is part of, and slews towards wall time, by at most a tenth of what passes; its
//! highest value is kept in the store, so that a clock that was set back while the engine was down holds it still.

use bureaucrat_model::{Timestamp, lock};
use nix::time::{ClockId, clock_gettime};
use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// The two clocks that time is derived from.
pub trait ClockSource: Send + Sync {
    /// Milliseconds since the Unix epoch, according to the machine; may jump.
    fn wall(&self) -> u64;
    /// Milliseconds since some point in the past, those that the machine slept included; never jumps. It tells a sleep,
    /// after which timers are due, from a wall clock that was set.
    fn elapsed(&self) -> u64;
}

#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    /// The clock that counts sleep, when it was started; none where the system has none.
    booted: Option<Duration>,
}

impl SystemClock {
    /// The clocks of this machine.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            booted: since_boot(),
        }
    }
}

/// Linux's elapsed clock, which `Instant` reads, stands still while the machine sleeps; this one does not.
fn since_boot() -> Option<Duration> {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?;
    Some(Duration::from(time))
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ClockSource for SystemClock {
    fn wall(&self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> u64 {
        let elapsed = match (self.booted, since_boot()) {
            (Some(booted), Some(now)) => now.saturating_sub(booted),
            (None, _) | (_, None) => self.started.elapsed(),
        };
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A difference between wall and engine time that is logged, in milliseconds.
const JUMP: u64 = 10_000;

/// The fraction of elapsed time by which it adjusts: one tenth.
const SLEW: u64 = 10;

#[derive(Debug, Clone, Copy)]
struct Reading {
    now: u64,
    elapsed: u64,
    /// Elapsed milliseconds that have not led to an adjustment yet; fewer than [`SLEW`].
    spare: u64,
    /// Whether the last reading was further than [`JUMP`] from wall time, so that a jump is logged
    /// only once.
    apart: bool,
}

pub struct EngineTime {
    source: std::sync::Arc<dyn ClockSource>,
    reading: Mutex<Reading>,
}

impl EngineTime {
    /// Time that begins at wall time or at `kept`, the highest value of earlier runs, whichever is
    /// later.
    pub fn new(source: std::sync::Arc<dyn ClockSource>, kept: Timestamp) -> Self {
        let wall = source.wall();
        if kept.0 > wall.saturating_add(JUMP) {
            tracing::warn!(
                behind_ms = kept.0 - wall,
                "the machine's clock is behind the time of the last run; the engine's time runs \
                 slower until the clock catches up"
            );
        }
        let reading = Reading {
            now: wall.max(kept.0),
            elapsed: source.elapsed(),
            spare: 0,
            apart: false,
        };
        Self {
            source,
            reading: Mutex::new(reading),
        }
    }

    /// The current time. Never earlier than what any thread read before.
    pub fn now(&self) -> Timestamp {
        // A reading is replaced as a whole, so it is valid even after a panic elsewhere.
        let mut reading = lock(&self.reading);
        let elapsed = self.source.elapsed();
        let wall = self.source.wall();
        let passed = elapsed.saturating_sub(reading.elapsed);
        let straight = reading.now.saturating_add(passed);
        // Adjust by no more than the elapsed time, so that time never runs backwards.
        let spare = reading.spare.saturating_add(passed);
        let slew = spare / SLEW;
        let now = wall.clamp(straight.saturating_sub(slew), straight.saturating_add(slew));
        let apart = wall.abs_diff(now) > JUMP;
        if apart && !reading.apart {
            tracing::warn!(
                wall_ms = wall,
                engine_ms = now,
                "the machine's clock jumped; the engine's time follows gradually"
            );
        }
        // Short steps keep their remainder: the elapsed mark moves only when time did.
        if passed > 0 {
            *reading = Reading {
                now,
                elapsed,
                spare: spare % SLEW,
                apart,
            };
        }
        Timestamp(reading.now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    #[derive(Default)]
    struct Hands {
        wall: AtomicU64,
        elapsed: AtomicU64,
    }

    impl ClockSource for Hands {
        fn wall(&self) -> u64 {
            self.wall.load(Ordering::Relaxed)
        }
        fn elapsed(&self) -> u64 {
            self.elapsed.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn time_never_runs_backwards_and_finds_back_to_wall_time() {
        let hands = Arc::new(Hands::default());
        hands.wall.store(1_000_000, Ordering::Relaxed);
        let time = EngineTime::new(hands.clone(), Timestamp(0));
        assert_eq!(time.now(), Timestamp(1_000_000));
        hands.wall.store(900_000, Ordering::Relaxed);
        let mut last = time.now();
        assert_eq!(last, Timestamp(1_000_000));
        for _ in 0..20_000 {
            hands.wall.fetch_add(100, Ordering::Relaxed);
            hands.elapsed.fetch_add(100, Ordering::Relaxed);
            let now = time.now();
            assert!(now > last);
            last = now;
        }
        assert_eq!(last.0, hands.wall());
    }

    #[test]
    fn time_finds_back_though_it_is_read_each_millisecond() {
        let hands = Arc::new(Hands::default());
        hands.wall.store(10_000, Ordering::Relaxed);
        let time = EngineTime::new(hands.clone(), Timestamp(0));
        for jump in [9_000, 11_000] {
            hands
                .wall
                .store(time.now().0 - 10_000 + jump, Ordering::Relaxed);
            let mut last = time.now();
            for _ in 0..11_000 {
                hands.wall.fetch_add(1, Ordering::Relaxed);
                hands.elapsed.fetch_add(1, Ordering::Relaxed);
                let now = time.now();
                assert!(now >= last);
                last = now;
            }
            assert_eq!(last.0, hands.wall());
        }
    }

    #[test]
    fn time_begins_where_it_was_left() {
        let hands = Arc::new(Hands::default());
        hands.wall.store(5, Ordering::Relaxed);
        assert_eq!(EngineTime::new(hands, Timestamp(77)).now(), Timestamp(77));
    }

    #[test]
    fn a_sleep_is_over_at_once_and_a_set_clock_is_followed_slowly() {
        let hour = 3_600_000;
        let hands = Arc::new(Hands::default());
        hands.wall.store(1_000_000, Ordering::Relaxed);
        let time = EngineTime::new(hands.clone(), Timestamp(0));
        let begun = time.now();
        hands.wall.fetch_add(hour, Ordering::Relaxed);
        hands.elapsed.fetch_add(hour, Ordering::Relaxed);
        assert_eq!(time.now().since(begun).0, hour);
        hands.wall.fetch_add(hour, Ordering::Relaxed);
        hands.elapsed.fetch_add(1_000, Ordering::Relaxed);
        assert_eq!(time.now().since(begun).0, hour + 1_100);
    }
}
