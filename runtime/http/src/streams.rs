//! Streams of server-sent events: how many there are, and what they cost.
//!
//! The driver only counts its commits. One task looks at that number for all streams, and not at all
//! while there is none. Each token has a share, so that one cannot take all streams. Open pages
//! hear of news in turn, at a pace that follows from what it costs to answer them: together they
//! use a small part of the time, however many they are and however much is committed.

use crate::{engine::Engine, problem::Problem};
use bureaucrat_model::lock;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// How often the number of commits is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// A stream without news says so, so that a client that is gone is noticed.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// The most streams.
const STREAMS_MAX: usize = 512;
/// The most streams of one token.
const SHARE_MAX: usize = 256;
/// Answering open pages takes one part in so many of the time.
const PART: u32 = 60;
/// So much of the time that pages left unused may be used at once: a few pages hear of news together.
const CREDIT: Duration = Duration::from_secs(1);
/// The longest time between two pages that are told, however slow an answer was.
const STEP_MAX: Duration = Duration::from_secs(2);
/// The longest time until a page's turn, however many turns were taken before it.
const TURN_MAX: Duration = Duration::from_secs(60);

pub struct Streams {
    open: Mutex<HashMap<String, usize>>,
    commits: watch::Sender<u64>,
    pace: Mutex<Pace>,
}

/// A stream's room; it is free again when this is dropped.
pub struct Held {
    streams: Arc<Streams>,
    token: String,
}

/// What an open page asks when it is told that there is something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Whether its process is another.
    Process,
    /// The whole page.
    Page,
}

struct Pace {
    /// When the time of all turns so far is used up.
    next: Instant,
    /// What an answer costs, as the average of the last ones.
    process: Duration,
    page: Duration,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            commits: watch::Sender::new(0),
            pace: Mutex::new(Pace {
                next: Instant::now(),
                process: Duration::ZERO,
                page: Duration::ZERO,
            }),
        }
    }
}

impl Streams {
    /// Room for a stream of a token.
    ///
    /// # Errors
    /// If there is none.
    pub fn enter(self: &Arc<Self>, token: &str) -> Result<Held, Problem> {
        let mut open = lock(&self.open);
        if open.values().sum::<usize>() >= STREAMS_MAX {
            return Err(Problem::unavailable("there are too many streams"));
        }
        let own = open.entry(token.to_owned()).or_default();
        if *own >= SHARE_MAX {
            let what = format!("the token has {SHARE_MAX} streams already");
            return Err(Problem::unavailable(what));
        }
        *own += 1;
        Ok(Held {
            streams: self.clone(),
            token: token.to_owned(),
        })
    }

    /// The number of commits, as it was last looked at.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Looks at the number of commits, without end.
    pub async fn look(&self, engine: &dyn Engine) {
        loop {
            sleep(LOOK).await;
            if self.commits.receiver_count() == 0 {
                continue;
            }
            let commits = engine.commits();
            self.commits.send_if_modified(|known| {
                let is_new = *known != commits;
                *known = commits;
                is_new
            });
        }
    }

    /// When it is the turn of one more to ask.
    pub fn turn(&self, asked: Asked, now: Instant) -> Instant {
        let mut pace = lock(&self.pace);
        let unused = now.checked_sub(CREDIT).unwrap_or(now);
        let used = pace.next.clamp(unused, now + TURN_MAX);
        pace.next = used + pace.step(asked);
        used.max(now)
    }

    /// How long an answer took.
    pub fn took(&self, asked: Asked, time: Duration) {
        let mut pace = lock(&self.pace);
        let average = match asked {
            Asked::Process => &mut pace.process,
            Asked::Page => &mut pace.page,
        };
        *average = (*average * 7 + time) / 8;
    }
}

impl Pace {
    fn step(&self, asked: Asked) -> Duration {
        let cost = match asked {
            Asked::Process => self.process,
            Asked::Page => self.page,
        };
        (cost * PART).min(STEP_MAX)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = lock(&self.streams.open);
        if let Some(own) = open.get_mut(&self.token) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_token_takes_all_streams() {
        let streams = Arc::new(Streams::default());
        let take = |token: &str| {
            let one_more = || streams.enter(token).ok();
            std::iter::repeat_with(one_more)
                .map_while(|held| held)
                .collect::<Vec<_>>()
        };
        let greedy = take("greedy");
        assert_eq!(greedy.len(), SHARE_MAX);
        let others: Vec<_> = ["a", "b", "c"].into_iter().flat_map(take).collect();
        assert_eq!(greedy.len() + others.len(), STREAMS_MAX);
        drop(others);
        assert_eq!(take("b").len(), SHARE_MAX);
        assert!(streams.enter("greedy").is_err());
        drop(greedy);
        assert!(streams.open.lock().unwrap().is_empty());
    }

    #[test]
    fn many_pages_take_turns_by_what_they_cost() {
        let streams = Streams::default();
        let now = Instant::now();
        // Nothing is known of the cost yet.
        assert_eq!(streams.turn(Asked::Page, now), now);
        for _ in 0..100 {
            streams.took(Asked::Page, Duration::from_millis(4));
        }
        let turns: Vec<_> = (0..201)
            .map(|_| streams.turn(Asked::Page, now) - now)
            .collect();
        let all = *turns.last().unwrap();
        // 200 answers of 4 ms each are a sixtieth of this.
        let wanted = Duration::from_secs(45)..Duration::from_secs(49);
        assert!(wanted.contains(&all), "{all:?}");
        // A few pages are told as soon as they ask.
        let later = now + Duration::from_secs(60);
        for _ in 0..5 {
            assert_eq!(streams.turn(Asked::Page, later), later);
        }
        assert!(streams.turn(Asked::Page, later) > later);
        // An answer that took a minute doesn't silence the others.
        streams.took(Asked::Page, Duration::from_secs(60));
        let first = streams.turn(Asked::Page, later);
        assert!(streams.turn(Asked::Page, later) - first <= STEP_MAX);
        // Nor does somebody who takes turns and leaves.
        for _ in 0..1_000 {
            streams.turn(Asked::Page, later);
        }
        assert!(streams.turn(Asked::Page, later) - later <= TURN_MAX);
    }
}
