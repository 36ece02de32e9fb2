//! Does the work of a transaction, item by item, until it is finished or must wait for a job.

use super::{
    Planner,
    calls::never_began,
    evaluating::evaluation,
    evidence,
    jobs::{Kept, Waiting},
    tasks::Told,
    tenancy::Authority,
    transaction::{Cause, Transaction, Work},
};
use crate::{
    compute::{JobOutcome, Task},
    definitions::LoadFailure,
};
use bureaucrat_engine::{Environment, Rejection, step, unhandled};
use bureaucrat_model::{EngineLimits, Input, Parking, ProcessId, Status, Unhandled};
use bureaucrat_store::StoreError;
use std::collections::VecDeque;

/// Whether a work item is done.
pub(crate) enum Done {
    Yes,
    /// A job must be done first; then continue with this item.
    After(Task, Box<Work>),
}

impl Done {
    /// A job must be done first; then continue with `resume`.
    pub(super) fn after(task: Task, resume: Work) -> Self {
        Self::After(task, Box::new(resume))
    }
}

impl Planner {
    /// Begins a transaction on a process, or makes it wait while a job blocks the process's call
    /// tree.
    pub(crate) fn begin(
        &mut self,
        process: ProcessId,
        transaction: Transaction,
    ) -> Result<(), StoreError> {
        if self.jobs.are_idle() {
            return self.run(None, process, transaction);
        }
        let root = self.root_of(process)?;
        match self.jobs.wait(root, transaction) {
            Some(transaction) => self.run(Some(root), process, transaction),
            None => Ok(()),
        }
    }

    /// Whether a job blocks the call tree of this process.
    pub(crate) fn is_busy(&self, process: ProcessId) -> Result<Kept, StoreError> {
        if self.jobs.are_idle() {
            return Ok(Kept::Free);
        }
        Ok(self.jobs.keeps(self.root_of(process)?))
    }

    fn run(
        &mut self,
        root: Option<ProcessId>,
        process: ProcessId,
        mut transaction: Transaction,
    ) -> Result<(), StoreError> {
        self.look_at_clock();
        while let Some(work) = transaction.next() {
            match self.perform(&mut transaction, work)? {
                Done::Yes => {}
                Done::After(task, resume) => {
                    let root = match root {
                        Some(root) => root,
                        None => self.root_within(&transaction, process)?,
                    };
                    let user = transaction.user(process);
                    let transaction = Box::new(transaction);
                    self.submit(
                        user,
                        task,
                        Waiting::Transaction {
                            root,
                            transaction,
                            resume,
                        },
                    );
                    return Ok(());
                }
            }
        }
        self.finish(transaction)
    }

    /// Continues with a transaction whose job is done, then with those that waited behind it.
    pub(super) fn resume_after(
        &mut self,
        root: ProcessId,
        mut transaction: Transaction,
        resume: Work,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        match (resume, outcome) {
            (
                Work::Outcome {
                    process,
                    fiber,
                    turn,
                    condition,
                    asked,
                },
                JobOutcome::Evaluated(evaluated),
            ) => {
                self.charge_job(&transaction, (process, condition), &evaluated);
                match evaluation(evaluated, || self.ran_as_job(&asked)) {
                    Ok(evaluation) => {
                        let work = Work::evaluated(process, fiber, turn, condition, evaluation);
                        transaction.work.push_front(work);
                    }
                    Err(reason) => self.park(&mut transaction, process, reason)?,
                }
            }
            (work, JobOutcome::Loaded(Ok(loaded))) => {
                self.shared.definitions.keep(&loaded);
                transaction.work.push_front(work);
            }
            (work, JobOutcome::Loaded(Err(failure))) => {
                let reason = match failure {
                    LoadFailure::Refused { reasons, .. } => reasons.join("; "),
                    LoadFailure::Environment(reason) => reason,
                };
                self.park_work(&mut transaction, work, reason)?;
            }
            (work, JobOutcome::Evaluated(_) | JobOutcome::Admitted(_)) => {
                transaction.work.push_front(work);
            }
        }
        let waiting = self.jobs.free(root);
        self.run(Some(root), root, transaction)?;
        self.run_all(root, waiting)
    }

    /// Frees a call tree whose transaction was abandoned, and continues with those that waited
    /// behind it.
    pub(super) fn free(&mut self, root: ProcessId) -> Result<(), StoreError> {
        let waiting = self.jobs.free(root);
        self.run_all(root, waiting)
    }

    fn run_all(
        &mut self,
        root: ProcessId,
        waiting: VecDeque<Transaction>,
    ) -> Result<(), StoreError> {
        for next in waiting {
            if let Some(next) = self.jobs.wait(root, next) {
                self.run(Some(root), root, next)?;
            }
        }
        Ok(())
    }

    /// Reverts what an abandoned transaction has counted.
    pub(super) fn give_up(&mut self, transaction: Transaction) {
        for hash in &transaction.after.remembered {
            self.memories.remove(hash);
        }
        self.keys_given_up(&transaction.after.keys);
        self.decided_given_up(&transaction.after.decided);
        self.kept.given_up(&transaction.after.kept);
        for held in transaction.held.into_values() {
            if let (0, Some(account)) = (held.rows.bytes(), held.account)
                && !held.instance.has_ended()
            {
                account.end();
            }
        }
    }

    fn perform(&mut self, transaction: &mut Transaction, work: Work) -> Result<Done, StoreError> {
        match work {
            Work::Step {
                process,
                input,
                cause,
            } => self.step(transaction, process, input, cause),
            Work::Effects { process, effects } => {
                self.effects(transaction, process, effects)?;
                Ok(Done::Yes)
            }
            Work::Evaluate { process, evaluate } => self.evaluate(transaction, process, evaluate),
            Work::Launch { launch, loaded } => self.launch(transaction, *launch, &loaded.0),
            Work::Cancel { process, fault } => self.cancel(transaction, process, fault),
            Work::CancelCalled {
                process,
                fault,
                awaited_by,
            } => {
                if self.hold(transaction, process)? && transaction.has_caller(process) {
                    return self.cancel(transaction, process, fault);
                }
                transaction.work.extend(awaited_by.map(never_began));
                Ok(Done::Yes)
            }
            Work::Terminate(process, fault) => {
                self.end_at_once(transaction, process, fault);
                Ok(Done::Yes)
            }
            Work::Retry(process) => {
                let is_there = self.hold(transaction, process)?;
                let held = transaction.held.get(&process).filter(|_| is_there);
                let parking = held.and_then(|held| held.instance.status.parking());
                if parking == Some(Parking::Incident) {
                    transaction.work.push_front(Work::Resume(process));
                }
                Ok(Done::Yes)
            }
            Work::Resume(process) => self.resume(transaction, process),
            Work::Kept { process, inputs } => Ok(give_next(transaction, process, inputs)),
            Work::Order(command) => self.obey(transaction, *command),
            Work::Park { process, reason } => {
                let is_there = self.hold(transaction, process)?;
                let held = transaction.held.get(&process).filter(|_| is_there);
                let parking = held.map(|held| held.instance.status.parking());
                // What is suspended meanwhile stays so; its calls are looked at when it is resumed.
                if parking.is_some_and(|parking| parking != Some(Parking::Suspended)) {
                    self.park(transaction, process, reason)?;
                }
                Ok(Done::Yes)
            }
            Work::Outcome { .. } => Ok(Done::Yes),
        }
    }

    fn step(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        input: Input,
        cause: Cause,
    ) -> Result<Done, StoreError> {
        let is_there = self.hold(transaction, process)?;
        if !is_there && self.is_hidden(process) {
            return self.arrived_for_hidden(transaction, process, cause);
        }
        if let Cause::Timer(due, wait) = &cause {
            transaction.stop_timer(*due, *wait);
        }
        if !is_there {
            return Ok(Done::Yes);
        }
        let Some(held) = transaction.held.get_mut(&process) else {
            return Ok(Done::Yes);
        };
        let program = held.instance.program;
        let loaded = self.shared.definitions.cached_program(program);
        let known = loaded.as_ref().map(|loaded| &loaded.program);
        match self.authority(held, known, &input, &cause) {
            Authority::Enough => {}
            Authority::Unclear => {
                let resume = Work::Step {
                    process,
                    input,
                    cause,
                };
                return Ok(Done::after(Task::Load(program), resume));
            }
            Authority::Missing(violation) => {
                return self.refuse_answer(transaction, cause, &violation);
            }
        }
        if let Status::Parked { .. } = held.instance.status {
            return self.keep_for_parked(transaction, process, input, cause);
        }
        let Some(loaded) = loaded else {
            return Ok(Done::after(
                Task::Load(program),
                Work::Step {
                    process,
                    input,
                    cause,
                },
            ));
        };
        let limits = self.limits_of(held);
        let environment = self.environment(held.instance.user.as_ref(), &limits);
        let told = Told::of(process, &input);
        let unhandled = unhandled(&loaded.program, &held.instance, &environment);
        let waits = unhandled == Unhandled::Waits;
        let event = waits.then(|| evidence::event(&input)).flatten();
        match step(&loaded.program, &mut held.instance, &environment, input) {
            Ok(effects) => {
                if waits {
                    transaction.led_by(process, cause, event);
                }
                transaction.work.push_front(Work::Effects {
                    process,
                    effects: effects.into(),
                });
                Ok(Done::Yes)
            }
            Err(rejection) => {
                let is_late = matches!(rejection, Rejection::Stale(_) | Rejection::Ended(_));
                if let Some(told) = told.filter(|_| is_late) {
                    self.tell_late_worker(transaction, &loaded.program, told)?;
                }
                self.rejected(transaction, process, rejection, cause)
            }
        }
    }

    pub(super) fn rejected(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        rejection: Rejection,
        cause: Cause,
    ) -> Result<Done, StoreError> {
        let Cause::Answer(delivery) = cause else {
            tracing::debug!(%process, %rejection, "an input came too late");
            return Ok(Done::Yes);
        };
        let (shard, reason) = (process.shard(), rejection.to_string());
        let letter = match rejection {
            Rejection::Stale(_) | Rejection::Ended(_) => {
                tracing::debug!(%process, reason, "an answer came too late");
                return Ok(Done::Yes);
            }
            Rejection::NotWaiting(_) => {
                self.dead_letter(shard, &delivery, "not-waiting", &reason)?
            }
            Rejection::Ambiguous { .. } => {
                self.dead_letter(shard, &delivery, "ambiguous-origin", &reason)?
            }
        };
        transaction.absorb(letter);
        Ok(Done::Yes)
    }

    /// What a step of this user's process sees of the outside world.
    pub(super) fn environment<'a>(
        &'a self,
        user: Option<&String>,
        limits: &'a EngineLimits,
    ) -> Environment<'a> {
        let rules = self.policy.of(user.map(String::as_str));
        let unhandled = rules.on_fault.unwrap_or(self.shared.config.on_fault);
        Environment {
            now: self.now(),
            secret: &self.shared.secret,
            limits,
            unhandled,
        }
    }
}

/// Gives a process the next of its kept inputs; the others follow once all of its consequences are
/// done.
fn give_next(
    transaction: &mut Transaction,
    process: ProcessId,
    mut inputs: VecDeque<Input>,
) -> Done {
    if let Some(input) = inputs.pop_front() {
        transaction.work.push_back(Work::Step {
            process,
            input,
            cause: Cause::Other,
        });
    }
    if !inputs.is_empty() {
        transaction.later.push_front(Work::Kept { process, inputs });
    }
    Done::Yes
}
