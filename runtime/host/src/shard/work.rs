//! Doing the work of a transaction, piece by piece, until it is finished or has to wait for a job.

use super::{Finished, Shard, Waiting, orders::no_program, tenancy::Authority};
use crate::{
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, Loaded},
    planted::{self, planted},
    transaction::{Cause, Held, Transaction, Work},
};
use bureaucrat_engine::{Environment, Rejection, cancel, launch, step};
use bureaucrat_model::{
    EngineLimits, Evaluation, EvaluationOutcome, Fault, Input, Launch, ProcessId, Status,
};
use bureaucrat_sandbox::{Budget, Evaluated, Outcome, codes};
use bureaucrat_store::{
    StoreError, Table,
    instances::InstanceRows,
    keys::{OutboxKey, OutboxKind},
};
use bureaucrat_wire::{Report, notice, reply};
use std::sync::Arc;

/// Whether a piece of work is done.
pub(super) enum Done {
    Yes,
    /// A job has to be done first; then go on with this piece.
    After(Task, Box<Work>),
}

impl Done {
    /// A job has to be done first; then go on with `resume`.
    pub(super) fn after(task: Task, resume: Work) -> Self {
        Self::After(task, Box::new(resume))
    }
}

/// How often a condition is evaluated again when the environment failed, before the process is parked.
const EVALUATIONS: usize = 3;

impl Shard {
    /// Begins a transaction on a process, or lets it wait while a job keeps the process's tree of calls.
    pub(super) fn begin(
        &mut self,
        process: ProcessId,
        transaction: Transaction,
    ) -> Result<(), StoreError> {
        if self.busy.is_empty() {
            return self.run(None, process, transaction);
        }
        let root = self.root_of(process)?;
        if let Some(queue) = self.busy.get_mut(&root) {
            queue.push_back(transaction);
            return Ok(());
        }
        self.run(Some(root), process, transaction)
    }

    /// Whether a job keeps the tree of this process.
    pub(super) fn is_busy(&self, process: ProcessId) -> Result<Kept, StoreError> {
        if self.busy.is_empty() {
            return Ok(Kept::Free);
        }
        let root = self.root_of(process)?;
        Ok(if self.busy.contains_key(&root) {
            Kept::Busy
        } else {
            Kept::Free
        })
    }

    fn run(
        &mut self,
        root: Option<ProcessId>,
        process: ProcessId,
        mut transaction: Transaction,
    ) -> Result<(), StoreError> {
        while let Some(work) = transaction.work.pop_front() {
            match self.perform(&mut transaction, work)? {
                Done::Yes => {}
                Done::After(task, resume) => {
                    let root = match root {
                        Some(root) => root,
                        None => self.root_within(&transaction, process)?,
                    };
                    self.busy.entry(root).or_default();
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

    /// Goes on with a transaction whose job is done, then with those that waited behind it.
    pub(super) fn go_on(
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
                },
                JobOutcome::Evaluated(evaluated),
            ) => match evaluation(evaluated) {
                Ok(evaluation) => {
                    let input = Input::Evaluated {
                        fiber,
                        turn,
                        condition,
                        evaluation,
                    };
                    transaction.work.push_front(Work::Step {
                        process,
                        input,
                        cause: Cause::Other,
                    });
                }
                Err(reason) => self.park(&mut transaction, process, reason)?,
            },
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
                transaction.work.push_front(work)
            }
        }
        let waiting = self.busy.remove(&root).unwrap_or_default();
        self.run(Some(root), root, transaction)?;
        for next in waiting {
            match self.busy.get_mut(&root) {
                Some(queue) => queue.push_back(next),
                None => self.run(Some(root), root, next)?,
            }
        }
        Ok(())
    }

    /// A transaction is complete: it goes into the group.
    pub(super) fn finish(&mut self, mut transaction: Transaction) -> Result<(), StoreError> {
        if planted(planted::Fault::AcknowledgeBeforeCommit) {
            let handles = transaction.after.acknowledge.drain(..);
            handles.for_each(|handle| self.shared.broker.acknowledge(handle));
        }
        if planted(planted::Fault::PublishBeforeCommit) {
            let rows = transaction.after.publish.drain(..);
            rows.for_each(|(key, message)| self.outbox.insert(key, Some(message), None));
            self.drain()?;
        }
        let (unit, held, after) = transaction.into_unit()?;
        let processes = held.keys().copied().collect();
        self.residents.extend(held);
        self.finished_bytes += unit.bytes();
        self.finished.push(Finished {
            unit,
            processes,
            after,
        });
        Ok(())
    }

    fn perform(&mut self, transaction: &mut Transaction, work: Work) -> Result<Done, StoreError> {
        match work {
            Work::Step {
                process,
                input,
                cause,
            } => self.step(transaction, process, input, cause),
            Work::Effects { process, effects } => self.effects(transaction, process, effects),
            Work::Launch { launch, loaded } => self.launch(transaction, *launch, &loaded.0),
            Work::Cancel { process, fault } => self.cancel(transaction, process, fault),
            Work::Resume(process) => self.resume(transaction, process),
            Work::Order(command) => self.obey(transaction, *command),
            Work::Park { process, reason } => {
                if self.hold(transaction, process)? {
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
                // The answer is all that the transaction is about: nothing of the process changes, so nothing is written.
                transaction.held.remove(&process);
                return self.refuse_answer(transaction, cause, &violation);
            }
        }
        if let Status::Incident { .. } = held.instance.status {
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
        let environment = self.environment(&limits);
        match step(&loaded.program, &mut held.instance, &environment, input) {
            Ok(effects) => {
                transaction.work.push_front(Work::Effects {
                    process,
                    effects: effects.into(),
                });
                Ok(Done::Yes)
            }
            Err(rejection) => self.rejected(transaction, process, rejection, cause),
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
        match rejection {
            Rejection::Stale(_) | Rejection::Ended(_) => {
                tracing::debug!(%process, %rejection, "an answer came too late");
            }
            Rejection::NotWaiting(_) => {
                let letter = self.dead_letter(&delivery, "not-waiting", &rejection.to_string())?;
                transaction.absorb(letter);
            }
        }
        Ok(Done::Yes)
    }

    fn launch(
        &mut self,
        transaction: &mut Transaction,
        launching: Launch,
        loaded: &Arc<Loaded>,
    ) -> Result<Done, StoreError> {
        let process = launching.process;
        if let Some(caller) = &launching.caller
            && !self.awaits(transaction, caller.process, process)?
        {
            tracing::debug!(%process, "its caller ended before it was started");
            if let Some(account) = self.account(launching.user.as_ref()) {
                account.end();
            }
            return Ok(Done::Yes);
        }
        self.store_program(transaction, loaded)?;
        let limits = self.limits_of_user(launching.user.as_ref());
        let environment = self.environment(&limits);
        let (instance, effects) = launch(&loaded.program, &launching, &environment);
        let now = self.now();
        if let Some(reply_to) = &instance.reply_to {
            let key = OutboxKey {
                kind: OutboxKind::Reply,
                process,
                number: 0,
            };
            transaction.publish(key, reply(reply_to, Some(process), Report::Launched))?;
        }
        let message = notice(
            &self.shared.config.notice_exchange,
            Some(process),
            &instance.name,
            Report::Launched,
        );
        transaction.publish(
            OutboxKey {
                kind: OutboxKind::Notice,
                process,
                number: 0,
            },
            message,
        )?;
        tracing::debug!(%process, name = instance.name, at = %now, "launched");
        transaction.held.insert(
            process,
            Held {
                rows: InstanceRows::default(),
                account: self.account(launching.user.as_ref()),
                instance,
            },
        );
        transaction.work.push_front(Work::Effects {
            process,
            effects: effects.into(),
        });
        Ok(Done::Yes)
    }

    fn store_program(
        &mut self,
        transaction: &mut Transaction,
        loaded: &Loaded,
    ) -> Result<(), StoreError> {
        let programs = &self.shared.programs;
        transaction.after.uses.push(programs.begin_use(loaded.hash));
        if programs.is_stored(loaded.hash) {
            return Ok(());
        }
        let stored = self.shared.store.get(Table::Programs, &loaded.hash.0);
        // One that can't be read is written once more.
        if self
            .shared
            .damages
            .around(None, stored)?
            .flatten()
            .is_some()
        {
            // Only what was read from the store is remembered: a transaction may still fail.
            programs.note_stored(loaded.hash);
            return Ok(());
        }
        transaction.put(
            Table::Programs,
            loaded.hash.0.to_vec(),
            loaded.stored.clone(),
        );
        for (hash, bytes) in &loaded.modules {
            transaction.put(Table::Modules, hash.0.to_vec(), bytes.clone());
        }
        Ok(())
    }

    fn cancel(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        fault: Fault,
    ) -> Result<Done, StoreError> {
        if !self.hold(transaction, process)? {
            return Ok(Done::Yes);
        }
        let Some(held) = transaction.held.get_mut(&process) else {
            return Ok(Done::Yes);
        };
        if held.instance.has_ended() {
            return Ok(Done::Yes);
        }
        let environment = self.environment(&self.shared.config.engine_limits);
        let effects = cancel(&no_program(), &mut held.instance, &environment, fault);
        transaction.work.push_front(Work::Effects {
            process,
            effects: effects.into(),
        });
        Ok(Done::Yes)
    }

    /// Evaluates a condition on this thread, as often as the environment needs, with no more fuel than the thread can spare.
    /// What is left to the pool begins anew there, so that its outcome and its fuel are those of one whole evaluation.
    pub(super) fn evaluate_now(
        &self,
        guest: &bureaucrat_sandbox::Guest,
        function: &str,
        fields: &bureaucrat_model::Fields,
        budget: Budget,
    ) -> Result<Attempt, String> {
        let portion = Budget {
            fuel: budget.fuel.min(self.shared.config.inline_fuel),
            ..budget
        };
        let fuel = budget.fuel.min(self.shared.sandbox.limits().fuel);
        let mut last = String::new();
        for _ in 0..EVALUATIONS {
            let sandbox = &self.shared.sandbox;
            match evaluation(sandbox.evaluate_within(guest, function, fields, portion)) {
                Ok(evaluation) if portion.fuel < fuel && is_spent(&evaluation) => {
                    return Ok(Attempt::NeedsMore);
                }
                Ok(evaluation) => return Ok(Attempt::Outcome(evaluation)),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }

    pub(super) fn environment<'a>(&'a self, limits: &'a EngineLimits) -> Environment<'a> {
        Environment {
            now: self.now(),
            secret: &self.shared.secret,
            limits,
        }
    }
}

/// What came of an evaluation on the shard's thread.
pub(super) enum Attempt {
    Outcome(Evaluation),
    /// It takes more fuel than the thread can spare.
    NeedsMore,
}

fn is_spent(evaluation: &Evaluation) -> bool {
    match &evaluation.outcome {
        EvaluationOutcome::Verdict(_) => false,
        EvaluationOutcome::Fault { code, .. } => code.as_str() == codes::FUEL,
    }
}

/// Whether a job keeps a tree of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// None does.
    Free,
    Busy,
}

/// An outcome that counts, or why there is none.
fn evaluation(evaluated: Evaluated) -> Result<Evaluation, String> {
    let outcome = match evaluated.outcome {
        Outcome::Verdict(verdict) => EvaluationOutcome::Verdict(verdict),
        Outcome::Fault { code, message } => EvaluationOutcome::Fault { code, message },
        Outcome::Value(_) => EvaluationOutcome::Fault {
            code: bureaucrat_model::FaultCode::new(bureaucrat_model::FaultCode::CONDITION_ERROR),
            message: "the function gives a value where a verdict is needed".into(),
        },
        Outcome::Environmental(reason) => return Err(reason),
    };
    Ok(Evaluation {
        outcome,
        fuel: evaluated.fuel,
    })
}
