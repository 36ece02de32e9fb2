//! The store is away for a while, as a database on another machine can be: reads and commits wait for it, up to a
//! patience; or commits alone do, as when a standby does not confirm. A commit whose answer is lost may have taken
//! effect. After the patience a read or a commit fails, so the engine ends, and none starts before the store is back.
//!
//! The driver reads while it plans, so that a read that waits is seen as time that passes in the middle of a turn;
//! what the broker does meanwhile comes after it. Numbers are drawn apart from all others, so runs without this
//! trouble are what they were.

use super::{Random, Trouble, World};
use bureaucrat_host::clock::ClockSource as _;

/// How long reads and commits wait.
const PATIENCE: u64 = 60_000;

/// What becomes of a commit while the store is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It fails, and did not take effect.
    Refused,
    /// It fails, and took effect.
    Lost,
    /// It takes effect; its answer comes when the store is back.
    Late,
}

/// The store is away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outage {
    /// When it is back, by the time that has passed.
    pub until: u64,
    /// Whether reads wait, too.
    pub is_silent: bool,
    pub answer: Answer,
}

impl Outage {
    /// How long a read waits at a time, and whether it succeeds then.
    pub fn wait(&self, elapsed: u64) -> (u64, bool) {
        if !self.is_silent {
            return (0, true);
        }
        let left = self.until.saturating_sub(elapsed);
        (left.min(PATIENCE), left <= PATIENCE)
    }
}

/// What the committer waits for.
#[derive(Debug, Clone, Copy)]
enum Stuck {
    /// The answer to a commit that took effect.
    Answer,
    /// To send a commit.
    Store,
    /// Nothing that comes in time.
    InVain { until: u64, answer: Answer },
}

/// How the world sees outages.
#[derive(Debug)]
pub(super) struct Away {
    random: Random,
    stuck: Option<Stuck>,
}

impl Away {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed ^ 0x5f61_7761_795f_5f5f),
            stuck: None,
        }
    }

    /// The engine is lost, with what it waited for.
    pub fn engine_gone(&mut self) {
        self.stuck = None;
    }
}

impl World {
    /// Outages begin and end, and time passes faster while the store is away.
    pub(super) fn outages(&mut self) -> Result<(), String> {
        if !self.plan.has(Trouble::Away) {
            return Ok(());
        }
        let now = self.clock.elapsed();
        match self.disk.outage() {
            Some(_) => {
                self.clock.advance(self.away.random.below(1_000));
                self.outage_passes()
            }
            None if self.away.random.once_in(120) => {
                let longest = match self.away.random.once_in(3) {
                    true => 3 * PATIENCE,
                    false => PATIENCE / 2,
                };
                let length = self.away.random.below(longest);
                let is_silent = self.away.random.once_in(3);
                let what = if is_silent { "nothing" } else { "no commit" };
                self.note(format_args!("the store answers {what} for {length} ms"));
                self.facts.count("times that the store was away");
                self.disk.set_outage(Some(Outage {
                    until: now + length,
                    is_silent,
                    answer: Answer::Refused,
                }));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether the store is away; it may have come back while a read waited.
    pub(super) fn is_away(&self) -> bool {
        let now = self.clock.elapsed();
        self.disk.outage().is_some_and(|outage| now < outage.until)
    }

    /// What waits succeeds or fails, as far as it is time.
    pub(super) fn outage_passes(&mut self) -> Result<(), String> {
        let now = self.clock.elapsed();
        let Some(outage) = self.disk.outage() else {
            return Ok(());
        };
        if let Some(Stuck::InVain { until, answer }) = self.away.stuck
            && now >= until
        {
            self.away.stuck = None;
            self.disk.set_outage(Some(Outage { answer, ..outage }));
            self.note(format_args!("a commit fails, {answer:?}"));
            self.facts.count(match answer {
                Answer::Lost => "commits that took effect, though they failed",
                Answer::Refused | Answer::Late => "commits for which the store was away too long",
            });
            if let Some(engine) = &self.engine {
                self.facts.committing(engine.next_batch());
                engine.commit(usize::MAX);
            }
            let answer = Answer::Refused;
            self.disk.set_outage(Some(Outage { answer, ..outage }));
            self.poll()?;
        }
        if now >= outage.until {
            self.disk.set_outage(None);
            self.note("the store is back");
            if let (Some(Stuck::Answer), Some(engine)) = (self.away.stuck.take(), &self.engine) {
                engine.answers_come();
            }
        }
        Ok(())
    }

    /// The committer has something to write while the store is away.
    pub(super) fn commit_waits(&mut self, most: usize) {
        let (Some(outage), Some(engine)) = (self.disk.outage(), &self.engine) else {
            return;
        };
        if self.away.stuck.is_some() || !engine.has_batches() {
            return;
        }
        let until = self.clock.elapsed() + PATIENCE;
        let random = &mut self.away.random;
        let is_sent = random.once_in(2);
        self.away.stuck = Some(match (outage.until > until, is_sent) {
            (true, true) => Stuck::InVain {
                until,
                answer: Answer::Lost,
            },
            (true, false) => Stuck::InVain {
                until,
                answer: Answer::Refused,
            },
            (false, true) => Stuck::Answer,
            (false, false) => Stuck::Store,
        });
        if let Some(Stuck::Answer) = self.away.stuck {
            let answer = Answer::Late;
            self.disk.set_outage(Some(Outage { answer, ..outage }));
            self.facts.committing(engine.next_batch());
            let count = engine.commit_unanswered(most);
            let answer = Answer::Refused;
            self.disk.set_outage(Some(Outage { answer, ..outage }));
            self.facts.count("commits whose answer came late");
            self.note(format_args!("{count} batches are committed, unanswered"));
        }
    }

    /// The store is back, or will be soon.
    pub(super) fn end_outage(&mut self, within: u64) -> Result<(), String> {
        if let Some(outage) = self.disk.outage() {
            let until = outage.until.min(self.clock.elapsed() + within);
            self.disk.set_outage(Some(Outage { until, ..outage }));
        }
        self.outage_passes()
    }
}
