//! Failures of Celery tasks that say no reason, held until an event says it.
//!
//! An errback tells that a task failed. Why, a worker with `-E` tells in an event, usually a moment
//! later. So a failure without a reason waits here for its event, unacknowledged, for at most
//! [`WAIT`]; then it continues without. Reasons that came first are kept for a while. Everything is
//! bounded, and what is lost is a reason, never a failure: a crash brings the failure again.

use super::{Waiting, router::Arrival};
use crate::{broker::Source, config::CeleryEvents};
use bureaucrat_model::{Millis, Timestamp};
use bureaucrat_wire::{AnswerMessage, FailureDetail, tells_no_reason};
use std::collections::VecDeque;

/// How long a failure waits for its reason.
const WAIT: Millis = Millis(2_000);
/// The most failures that wait; others continue without a reason. They count against the prefetch, so
/// that more could keep results away.
const FAILURES: usize = 100;
/// A larger one does not wait.
const FAILURE_BYTES: usize = 16 << 10;
/// The most reasons that are kept.
const REASONS: usize = 1_000;
/// How long they are kept.
const REASON_AGE: Millis = Millis(30_000);

/// What waits for a reason, and reasons that nothing waits for.
pub struct Failures {
    celery_events: CeleryEvents,
    waiting: VecDeque<(Waiting, Timestamp)>,
    /// Oldest first.
    reasons: VecDeque<(FailureDetail, Timestamp)>,
}

impl Failures {
    pub fn new(celery_events: CeleryEvents) -> Self {
        Self {
            celery_events,
            waiting: VecDeque::new(),
            reasons: VecDeque::new(),
        }
    }

    /// Gives a failure its reason, or has it wait for it. Everything else passes.
    pub fn pass(&mut self, mut waiting: Waiting, now: Timestamp) -> Option<Waiting> {
        if self.celery_events == CeleryEvents::Ignored {
            return Some(waiting);
        }
        let Some(answer) = without_reason(&mut waiting) else {
            return Some(waiting);
        };
        let is_for = |(reason, _): &(FailureDetail, Timestamp)| explains(reason, answer);
        if let Some(place) = self.reasons.iter().position(is_for) {
            if let Some((reason, _)) = self.reasons.remove(place) {
                answer.answer = reason.answer;
            }
            return Some(waiting);
        }
        let is_small = waiting.0.body.len() <= FAILURE_BYTES;
        if !is_small || self.waiting.len() >= FAILURES {
            return Some(waiting);
        }
        self.waiting.push_back((waiting, now.after(WAIT)));
        None
    }

    /// A reason came: the failure that waits for it, if one does.
    pub fn explain(&mut self, reason: FailureDetail, now: Timestamp) -> Option<Waiting> {
        let found = self.waiting.iter_mut().position(|(waiting, _)| {
            without_reason(waiting).is_some_and(|answer| explains(&reason, answer))
        });
        if let Some((mut waiting, _)) = found.and_then(|place| self.waiting.remove(place)) {
            if let Some(answer) = without_reason(&mut waiting) {
                answer.answer = reason.answer;
            }
            return Some(waiting);
        }
        while self.reasons.len() >= REASONS || self.oldest_is_old(now) {
            self.reasons.pop_front();
        }
        let is_same = |(other, _): &(FailureDetail, Timestamp)| {
            (&other.activity, other.turn) == (&reason.activity, reason.turn)
        };
        self.reasons.retain(|other| !is_same(other));
        self.reasons.push_back((reason, now));
        None
    }

    fn oldest_is_old(&self, now: Timestamp) -> bool {
        let oldest = self.reasons.front();
        oldest.is_some_and(|(_, at)| at.after(REASON_AGE) < now)
    }

    /// A failure that has waited long enough.
    pub fn next_overdue(&mut self, now: Timestamp) -> Option<Waiting> {
        let (_, due) = self.waiting.front()?;
        if *due > now {
            return None;
        }
        self.waiting.pop_front().map(|(waiting, _)| waiting)
    }

    /// When the next one has.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.waiting.front().map(|(_, due)| *due)
    }

    /// Drops failures of connections up to this one: they will be redelivered.
    pub fn drop_stale(&mut self, generation: u64) {
        self.waiting
            .retain(|((delivery, _), _)| delivery.handle.generation > generation);
    }
}

fn explains(reason: &FailureDetail, answer: &AnswerMessage) -> bool {
    (&reason.activity, Some(reason.turn)) == (&answer.target, answer.turn)
}

/// The answer that a delivery is, if it is a failure that says no reason.
fn without_reason((delivery, arrival): &mut Waiting) -> Option<&mut AnswerMessage> {
    let is_one = delivery.handle.source == Source::Results && tells_no_reason(&delivery.properties);
    let Arrival::Answer(Ok(answer)) = arrival else {
        return None;
    };
    is_one.then_some(answer)
}
