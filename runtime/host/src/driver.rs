//! The driver: takes inputs in order, plans them, submits the plans, and acts on what is durable.
//!
//! One driver drives all shards that the engine owns. It never blocks except to read the store, and
//! everything that it keeps in memory can be read from the store again. The parts do their own
//! work; the order is decided here: nothing is acted on before its ticket has come back.

mod backlog;
mod duties;
mod reasons;
mod submitting;

use crate::{
    act::Actor,
    act::{outbox::Publishing, outgoing::ForProcess},
    broker::{Delivery, PublishOutcome, Ticket},
    commit::Pipeline,
    intake::{
        Intake,
        router::{Arrival, Incoming},
    },
    plan::Planner,
    shared::Shared,
};
use backlog::Backlog;
use bureaucrat_model::{Millis, ShardId, Timestamp};
use bureaucrat_store::StoreError;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{sync::Arc, time::Duration};

/// Whether the driver continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has taken inputs or done duties.
    Busy,
    Idle,
    /// It was told to end, and everything in progress is done.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    Yes { since: Timestamp },
}

/// How often to check for room for large messages.
const ROOM: Millis = Millis(5);
/// The longest sleep.
const SLEEP: Millis = Millis(1_000);
/// How long a driver that was told to end waits for the outcomes of its publishes.
const LAST_PUBLISHES: Millis = Millis(3_000);

/// Drives the shards of an engine.
pub struct Driver {
    shared: Arc<Shared>,
    receiver: Receiver<Incoming>,
    intake: Intake,
    planner: Planner,
    pipeline: Pipeline,
    actor: Actor,
    backlog: Backlog,
    /// The shard whose remembered messages are checked next, and when.
    forget_next: (ShardId, Timestamp),
    stopping: Stopping,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        receiver: Receiver<Incoming>,
        pipeline: Pipeline,
        fired: Timestamp,
    ) -> Self {
        Self {
            receiver,
            intake: Intake::new(shared.large.clone(), shared.router.clone(), &shared.config),
            planner: Planner::new(shared.clone()),
            pipeline,
            actor: Actor::new(shared.clone(), fired),
            backlog: Backlog::Away,
            forget_next: (shared.config.sharing.groups().place(0), shared.time.now()),
            stopping: Stopping::No,
            shared,
        }
    }

    pub(crate) fn parts(&mut self) -> (&mut Planner, &mut Actor) {
        (&mut self.planner, &mut self.actor)
    }

    /// Waits for inputs while nothing is due, then takes them.
    ///
    /// # Errors
    /// If the store fails. The driver must not be used any more, and nothing that is not durable is
    /// acknowledged.
    pub fn wait(&mut self) -> Result<Progress, StoreError> {
        let wait = self.next_wake().since(self.shared.time.now());
        match self.receiver.recv_timeout(Duration::from_millis(wait.0)) {
            Ok(first) => self.turn(Some(first)),
            Err(RecvTimeoutError::Timeout) => self.turn(None),
            Err(RecvTimeoutError::Disconnected) => Ok(Progress::Ended),
        }
    }

    /// Takes the waiting inputs, without waiting for more.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn poll(&mut self) -> Result<Progress, StoreError> {
        self.turn(None)
    }

    /// When something is due, as far as is known now.
    pub fn next_wake(&self) -> Timestamp {
        let now = self.shared.time.now();
        if self.planner.is_ready() || !self.actor.aside.is_empty() {
            return now;
        }
        let mut wake = now.after(SLEEP);
        // Without room nothing begins; room comes with an input.
        if self.has_room() {
            let is_due = self.planner.launching.may_begin()
                || self.planner.handouts.are_ready()
                || self.planner.kept.are_ready()
                || (self.stopping == Stopping::No && self.planner.bulk.are_ready())
                || self.intake.has_held();
            if is_due {
                return now;
            }
            if self.intake.has_large() {
                // Room for large messages may come without an input.
                wake = now.after(if self.shared.large.has_room() {
                    Millis(0)
                } else {
                    ROOM
                });
            }
            wake = wake
                .min(self.actor.timers.next_due())
                .min(self.forget_next.1);
            wake = wake.min(self.backlog.until().unwrap_or(wake));
            wake = wake.min(self.intake.failures.next_due().unwrap_or(wake));
            wake = wake.min(self.actor.removals.next().unwrap_or(wake));
            wake = wake.min(self.planner.next().unwrap_or(wake));
        }
        if self.actor.outbox.is_open() {
            let next = self.actor.outbox.troubles.next_try();
            wake = wake.min(next.unwrap_or(wake));
        }
        wake = wake.min(self.actor.trims.due().unwrap_or(wake));
        if self.stopping != Stopping::No {
            wake = wake.min(now.after(Millis(20)));
        }
        wake
    }

    fn turn(&mut self, first: Option<Incoming>) -> Result<Progress, StoreError> {
        self.planner.begin_turn();
        let taken = self.take_inputs(first)?;
        let begun = self.begin_what_waits()?;
        let duties = self.duties()?;
        let submitted = self.submit()?;
        // What is left is sent after the next start.
        if self.stopping == Stopping::No {
            self.actor.drain()?;
        }
        if let Stopping::Yes { since } = self.stopping
            && self.has_ended(since)
        {
            return Ok(Progress::Ended);
        }
        Ok(if taken + begun + duties + submitted > 0 {
            Progress::Busy
        } else {
            Progress::Idle
        })
    }

    fn take_inputs(&mut self, first: Option<Incoming>) -> Result<usize, StoreError> {
        let mut taken = 0;
        let mut next = first.or_else(|| self.receiver.try_recv().ok());
        while let Some(input) = next {
            self.take(input)?;
            taken += 1;
            let more = taken < self.shared.config.group_inputs && !self.has_much();
            next = if more {
                self.receiver.try_recv().ok()
            } else {
                None
            };
        }
        Ok(taken)
    }

    fn take(&mut self, input: Incoming) -> Result<(), StoreError> {
        match input {
            Incoming::Arrived { delivery, arrival } => self.arrived(delivery, arrival),
            Incoming::Explained(reasons) => self.explained(reasons),
            Incoming::Published { ticket, outcome } => self.published(ticket, outcome),
            Incoming::PublishingUp => {
                self.actor.outbox.set_publishing(Publishing::Up);
                Ok(())
            }
            Incoming::PublishingDown => {
                self.actor.outbox.set_publishing(Publishing::Down);
                Ok(())
            }
            Incoming::ConsumingUp {
                generation,
                waiting,
            } => {
                let now = self.shared.time.now();
                self.backlog = Backlog::begin(generation, waiting, now);
                Ok(())
            }
            Incoming::ConsumingDown { generation } => {
                self.backlog = Backlog::Away;
                self.intake.drop_stale(generation);
                self.planner.drop_stale(generation)
            }
            Incoming::Committed(outcome) => self.committed(outcome),
            Incoming::Done { job, outcome } => self.planner.done(job, outcome),
            Incoming::Ordered(command) => self.planner.ordered(command),
            Incoming::OrderedLetter(command) => self.planner.letter_ordered(command),
            Incoming::OrderedDefinition(command) => self.planner.definition_ordered(command),
            Incoming::OrderedModule(command) => self.planner.module_ordered(command),
            Incoming::OrderedBulk(command) => self.planner.bulk_ordered(command),
            Incoming::SentOn { group, asked } => self.planner.tell_another(group, *asked),
            Incoming::Asked(ask) => {
                self.actor.tell(ask, self.held());
                Ok(())
            }
            Incoming::Stop => {
                if self.stopping == Stopping::No {
                    let since = self.shared.time.now();
                    self.stopping = Stopping::Yes { since };
                }
                Ok(())
            }
        }
    }

    fn arrived(&mut self, delivery: Delivery, arrival: Arrival) -> Result<(), StoreError> {
        if self.stopping != Stopping::No {
            // It stays with the broker, which delivers it to the next engine.
            return Ok(());
        }
        let delivery = match self.has_room() {
            true => self.intake.pass(delivery, arrival),
            false => self.intake.hold(delivery, arrival),
        };
        match delivery {
            Some((delivery, arrival)) => self.hand_in(delivery, arrival),
            None => Ok(()),
        }
    }

    fn published(&mut self, ticket: Ticket, outcome: PublishOutcome) -> Result<(), StoreError> {
        match self.actor.published(ticket, outcome) {
            Some(ForProcess::Unsendable { key, words }) => self.planner.task_refused(key, words),
            Some(ForProcess::Delayed { key, until }) => self.planner.task_delayed(key, until),
            None => Ok(()),
        }
    }

    /// Begins launches, inputs that were held back, and large messages, as far as there is room.
    fn begin_what_waits(&mut self) -> Result<usize, StoreError> {
        let mut begun = 0;
        while self.has_room() && !self.has_much() {
            let Some((delivery, arrival)) = self.intake.next_held() else {
                break;
            };
            begun += 1;
            if let Some((delivery, arrival)) = self.intake.pass(delivery, arrival) {
                self.hand_in(delivery, arrival)?;
            }
        }
        begun += self.begin_unexplained()?;
        if self.has_room() {
            begun += self.planner.serve_lines()?;
        }
        while self.has_room() && !self.has_much() {
            let Some((delivery, arrival)) = self.intake.next_large() else {
                break;
            };
            begun += 1;
            self.hand_in(delivery, arrival)?;
        }
        Ok(begun)
    }

    /// Whether more may begin: the outbox limits what waits to be sent, the pipeline what waits to
    /// be written.
    fn has_room(&self) -> bool {
        self.actor.outbox.len() < self.shared.config.outbox_rows
            && self.pipeline.bytes() < self.shared.config.submitted_bytes
    }

    /// Whether so much must be written that no more is taken first.
    fn has_much(&self) -> bool {
        self.planner.ready_bytes() >= self.shared.config.group_bytes
    }

    fn has_ended(&self, since: Timestamp) -> bool {
        let now = self.shared.time.now();
        let is_settled = self.pipeline.is_settled() && !self.planner.is_ready();
        let has_published = self.actor.outbox.in_flight() == 0 && self.actor.trims.is_empty();
        let is_late = now.since(since) > LAST_PUBLISHES;
        self.receiver.is_empty() && is_settled && (has_published || is_late)
    }
}
