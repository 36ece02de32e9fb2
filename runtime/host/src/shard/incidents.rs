//! Incidents: a process is parked when the host can't go on for reasons of its own, and tried again later.

use super::{Shard, calls, work::Done};
use crate::{
    broker::Delivery,
    compute::Task,
    timers::{self, Purpose},
    transaction::{Cause, Transaction, Work},
};
use bureaucrat_engine::pending_evaluations;
use bureaucrat_model::{Effect, HistoryEvent, ProcessId, Status};
use bureaucrat_store::StoreError;
use std::collections::VecDeque;

impl Shard {
    /// Tries a parked process again: the conditions that could not be evaluated, then the inputs that came meanwhile.
    pub(super) fn resume(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
    ) -> Result<Done, StoreError> {
        if !self.hold(transaction, process)? {
            return Ok(Done::Yes);
        }
        let Some(held) = transaction.held.get_mut(&process) else {
            return Ok(Done::Yes);
        };
        if !matches!(held.instance.status, Status::Incident { .. }) {
            return Ok(Done::Yes);
        }
        let program = held.instance.program;
        let Some(loaded) = self.shared.definitions.cached_program(program) else {
            return Ok(Done::After(Task::Load(program), Work::Resume(process)));
        };
        let Status::Incident { inputs, .. } =
            std::mem::replace(&mut held.instance.status, Status::Running)
        else {
            return Ok(Done::Yes);
        };
        let effects: VecDeque<Effect> = pending_evaluations(&held.instance).into();
        for call in calls::awaited(&loaded, &held.instance) {
            if !self.knows(call.child)? {
                transaction.after.calls.push(call);
            }
        }
        let entries = self.shared.config.history_entries;
        transaction.record(process, self.now(), HistoryEvent::Resumed, entries)?;
        transaction
            .work
            .push_back(Work::Effects { process, effects });
        for input in inputs {
            transaction.work.push_back(Work::Step {
                process,
                input,
                cause: Cause::Other,
            });
        }
        Ok(Done::Yes)
    }

    pub(super) fn park_work(
        &mut self,
        transaction: &mut Transaction,
        work: Work,
        reason: String,
    ) -> Result<(), StoreError> {
        match work {
            Work::Step { process, input, .. } => {
                self.park(transaction, process, reason)?;
                if let Some(held) = transaction.held.get_mut(&process)
                    && let Status::Incident { inputs, .. } = &mut held.instance.status
                {
                    inputs.push(input);
                }
                Ok(())
            }
            Work::Resume(process)
            | Work::Cancel { process, .. }
            | Work::Outcome { process, .. } => self.park(transaction, process, reason),
            Work::Effects { process, .. } | Work::Park { process, .. } => {
                self.park(transaction, process, reason)
            }
            // An order never waits for a job.
            Work::Order(_) => Ok(()),
            Work::Launch { launch, .. } => self.park(transaction, launch.process, reason),
        }
    }

    /// Whether a message took effect before can't be read: it is kept whole among the dead letters.
    ///
    /// # Errors
    /// The error itself, when it is another than damage.
    pub(super) fn memory_is_damaged(
        &mut self,
        delivery: &Delivery,
        error: StoreError,
    ) -> Result<(), StoreError> {
        if !matches!(error, StoreError::Damaged { .. }) {
            return Err(error);
        }
        self.shared.damages.note(None, &error);
        let transaction = self.dead_letter(delivery, "damaged-record", &error.to_string())?;
        self.finish(transaction)
    }

    /// Something came for a process whose record is damaged. An answer is kept whole among the dead letters; a timer stays
    /// where it is; an event and the end of a called process are told to nobody, as to a process that is gone.
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
                let letter = self.dead_letter(&delivery, "damaged-process", &reason)?;
                transaction.absorb(letter);
            }
            Cause::Timer(..) | Cause::Other => {
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
        tracing::error!(%process, reason, "the process is parked as an incident; it is tried again later");
        let inputs = match std::mem::replace(&mut held.instance.status, Status::Running) {
            Status::Incident { inputs, .. } => inputs,
            Status::Running | Status::Ended(_) => Vec::new(),
        };
        held.instance.status = Status::Incident {
            reason: reason.clone(),
            inputs,
        };
        transaction.record(process, now, HistoryEvent::Parked { reason }, entries)?;
        if let Some(wait) = timers::reminder(process, Purpose::Retry) {
            transaction.set_timer(now.after(self.shared.config.incident_retry), wait);
        }
        Ok(())
    }
}
