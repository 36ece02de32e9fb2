//! Incidents: a process is parked when the host cannot continue it for reasons of its own, and
//! retried later.

use super::{
    Planner, calls,
    tenancy::Authority,
    transaction::{Cause, Transaction, Work},
    work::Done,
};
use crate::{
    act::timers::{self, Purpose},
    broker::Delivery,
    compute::Task,
};
use bureaucrat_engine::{Keeping, awaits_answer, keep, pending_evaluations, unpark};
use bureaucrat_model::{FiberId, HistoryEvent, Input, Parking, ProcessId, ShardId, Status};
use bureaucrat_store::{StoreError, Table, keys};

impl Planner {
    /// Retries a parked process: first the conditions that could not be evaluated, then the inputs
    /// that arrived meanwhile.
    pub(super) fn resume(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
    ) -> Result<Done, StoreError> {
        if !self.hold(transaction, process)? {
            return Ok(Done::Yes);
        }
        let Some(held) = transaction.held.get(&process) else {
            return Ok(Done::Yes);
        };
        if !matches!(held.instance.status, Status::Parked { .. }) {
            return Ok(Done::Yes);
        }
        let program = held.instance.program;
        let Some(loaded) = self.shared.definitions.cached_program(program) else {
            return Ok(Done::after(Task::Load(program), Work::Resume(process)));
        };
        let held = transaction.held.get_mut(&process);
        let Some((held, inputs)) = held.and_then(|held| {
            let inputs = unpark(&mut held.instance)?;
            Some((held, inputs))
        }) else {
            return Ok(Done::Yes);
        };
        let pending = pending_evaluations(&loaded.program, &held.instance);
        let calls = calls::awaited(&loaded, &held.instance);
        for call in calls {
            if !self.knows(call.child)? {
                transaction.after.calls.push(call);
            }
        }
        let entries = self.shared.config.history_entries;
        transaction.record(process, self.now(), HistoryEvent::Resumed, entries)?;
        self.effects(transaction, process, pending.into())?;
        let inputs = inputs.into();
        transaction.later.push_back(Work::Kept { process, inputs });
        Ok(Done::Yes)
    }

    pub(super) fn park_work(
        &mut self,
        transaction: &mut Transaction,
        work: Work,
        reason: String,
    ) -> Result<(), StoreError> {
        match work {
            Work::Step {
                process,
                input,
                cause,
            } => {
                // An answer that may not count must not be kept, because later nobody knows whose
                // it was.
                let held = transaction.held.get(&process);
                let status = held.map(|held| &held.instance.status);
                let is_parked = matches!(status, Some(Status::Parked { .. }));
                let authority = held.map(|held| self.authority(held, None, &input, &cause));
                if matches!(authority, Some(Authority::Unclear | Authority::Missing(_))) {
                    return self.refuse_unclear(transaction, cause);
                }
                // Without its program nobody can say whether an answer fits; that is seen later.
                if !is_parked {
                    self.park(transaction, process, reason)?;
                }
                self.keep(transaction, process, input, cause)
            }
            Work::Cancel { process, fault } | Work::CancelCalled { process, fault, .. } => {
                self.end_at_once(transaction, process, fault);
                Ok(())
            }
            Work::Terminate(process, fault) => {
                self.end_at_once(transaction, process, fault);
                Ok(())
            }
            Work::Retry(process)
            | Work::Resume(process)
            | Work::Evaluate { process, .. }
            | Work::Kept { process, .. }
            | Work::Outcome { process, .. } => self.park(transaction, process, reason),
            Work::Effects { process, .. } | Work::Park { process, .. } => {
                self.park(transaction, process, reason)
            }
            Work::Order(command) => self.cannot_load(transaction, *command, reason),
            Work::Launch { launch, .. } => self.park(transaction, launch.process, reason),
        }
    }

    /// Keeps an input until its process resumes. What the process waits for cannot change until
    /// then, so an answer that matches nothing is reported now, while its message is there; so is
    /// one beyond the limit.
    pub(super) fn keep_for_parked(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        input: Input,
        cause: Cause,
    ) -> Result<Done, StoreError> {
        let Some(held) = transaction.held.get(&process) else {
            return Ok(Done::Yes);
        };
        if let Input::Answer { activity, turn, .. } = &input {
            let program = held.instance.program;
            let Some(loaded) = self.shared.definitions.cached_program(program) else {
                let resume = Work::Step {
                    process,
                    input,
                    cause,
                };
                return Ok(Done::after(Task::Load(program), resume));
            };
            if let Err(rejection) = awaits_answer(&loaded.program, &held.instance, activity, *turn)
            {
                return self.rejected(transaction, process, rejection, cause);
            }
        }
        self.keep(transaction, process, input, cause)?;
        Ok(Done::Yes)
    }

    /// Keeps an input with its parked process, if there is room.
    fn keep(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        input: Input,
        cause: Cause,
    ) -> Result<(), StoreError> {
        let room = self.shared.config.incident_inputs;
        let Some(held) = transaction.held.get_mut(&process) else {
            return Ok(());
        };
        let event = event_of(&input);
        match keep(&mut held.instance, input, room) {
            Keeping::Kept => {
                note_taker(transaction, process, event);
                return Ok(());
            }
            Keeping::Needless => {
                tracing::debug!(%process, "an input changes nothing for its parked process");
                return Ok(());
            }
            Keeping::Full => {}
        }
        let reason = format!("process {process} is parked, and {room} inputs already wait for it");
        if let Cause::Answer(delivery) = cause {
            let letter = self.dead_letter(process.shard(), &delivery, "parked", &reason)?;
            transaction.absorb(letter);
        } else {
            tracing::warn!(%process, reason, "an event is dropped");
        }
        Ok(())
    }

    /// It cannot be read whether a message took effect before: the message becomes a dead letter,
    /// whole.
    ///
    /// # Errors
    /// The error itself, if it is not damage.
    pub(crate) fn memory_is_damaged(
        &mut self,
        shard: ShardId,
        delivery: &Delivery,
        error: StoreError,
    ) -> Result<(), StoreError> {
        if !matches!(error, StoreError::Damaged { .. }) {
            return Err(error);
        }
        self.shared.damages.note(None, &error);
        let transaction =
            self.dead_letter(shard, delivery, "damaged-record", &error.to_string())?;
        self.finish(transaction)
    }

    /// Something arrived for a process whose record is damaged. An answer becomes a dead letter,
    /// whole; a timer stays where it is; an event and the end of a called process are dropped, as
    /// for a process that is gone.
    pub(super) fn arrived_for_hidden(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        cause: Cause,
    ) -> Result<Done, StoreError> {
        match cause {
            Cause::Answer(delivery) => {
                let damage = self.shared.damages.of(process);
                let reason = damage.map_or_else(String::new, |damage| damage.to_string());
                let letter =
                    self.dead_letter(process.shard(), &delivery, "damaged-process", &reason)?;
                transaction.absorb(letter);
            }
            Cause::UnreadableAnswer(_) | Cause::Timer(..) | Cause::Other => {
                tracing::warn!(%process, "something came for a process whose record is damaged");
            }
        }
        Ok(Done::Yes)
    }

    /// Parks a process as an incident and sets the time of the next try.
    pub(super) fn park(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        reason: String,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let entries = self.shared.config.history_entries;
        let Some(held) = transaction.held.get_mut(&process) else {
            return Ok(());
        };
        if held.instance.has_ended() {
            return Ok(());
        }
        self.shared.meters.parked.one();
        tracing::error!(%process, reason, "the process is parked as an incident; the engine tries \
                                           again later");
        let status = &mut held.instance.status;
        status.park(Parking::Incident, reason.clone());
        transaction.record(process, now, HistoryEvent::Parked { reason }, entries)?;
        if let Some(wait) = timers::reminder(process, Purpose::Retry) {
            transaction.set_timer(now.after(self.shared.config.incident_retry), wait);
        }
        Ok(())
    }
}

/// Notes that a fiber has an event that is being handed out, so that it does not get it again after a crash. When the
/// process continues, the handing out may be over, and nobody would remove the note.
fn note_taker(transaction: &mut Transaction, process: ProcessId, event: Option<(FiberId, u64)>) {
    if let Some((fiber, sequence)) = event
        && transaction.hands_out(sequence)
    {
        let key = keys::taken_by_fiber(sequence, process, fiber);
        transaction.put(Table::Taken, key, Vec::new());
        transaction.is_kept_by_parked();
    }
}

/// The fiber that an event is for, and the event's number.
const fn event_of(input: &Input) -> Option<(FiberId, u64)> {
    let Input::Event { fiber, source, .. } = input else {
        return None;
    };
    Some((*fiber, source.sequence()))
}
