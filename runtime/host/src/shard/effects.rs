//! What the engine asks for, turned into rows and messages of the transaction.

use super::{
    Shard,
    work::{Attempt, Done},
};
use crate::{
    compute::Task,
    planted::{self, planted},
    timers::{self, Purpose, WaitKey},
    transaction::{CallStart, Cause, Transaction, Work},
};
use bureaucrat_engine::task_fields;
use bureaucrat_model::{
    Caller, ConditionIndex, Effect, Ending, Fault, FaultCode, FiberId, Fields, Input, ProcessId,
    Status, Turn,
};
use bureaucrat_sandbox::Class;
use bureaucrat_store::{
    StoreError, Table, keys,
    keys::{OutboxKey, OutboxKind},
};
use bureaucrat_wire::{Report, Task as WireTask, notice, reply, task};
use std::{collections::VecDeque, sync::atomic::Ordering};

/// Called processes that one transaction starts inside of itself; further ones start in transactions of their own, so
/// that processes that call and call give way to others.
const CHILDREN_WITHIN: usize = 32;

impl Shard {
    pub(super) fn effects(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        mut effects: VecDeque<Effect>,
    ) -> Result<Done, StoreError> {
        while let Some(effect) = effects.pop_front() {
            match self.effect(transaction, process, effect)? {
                Done::Yes => {}
                Done::After(task, resume) => {
                    transaction
                        .work
                        .push_front(Work::Effects { process, effects });
                    return Ok(Done::After(task, resume));
                }
            }
        }
        Ok(Done::Yes)
    }

    fn effect(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        effect: Effect,
    ) -> Result<Done, StoreError> {
        match effect {
            Effect::Evaluate {
                fiber,
                turn,
                condition,
                fields,
            } => {
                return self.evaluate(transaction, process, fiber, turn, condition, fields);
            }
            Effect::SendTask {
                activity,
                turn,
                participant,
            } => {
                let held = transaction.held.get(&process);
                if let Some(fault) = held.and_then(|held| self.outbox_fault(held, &activity)) {
                    transaction.work.push_back(Work::Cancel { process, fault });
                    return Ok(Done::Yes);
                }
                let fields = held.and_then(|held| task_fields(&held.instance, turn));
                let Some(fields) = fields else {
                    return Ok(Done::Yes);
                };
                let message = task(
                    self.shared.config.dialect,
                    self.shared.config.task_queue,
                    &WireTask {
                        process,
                        path: &activity,
                        turn,
                        participant: &participant,
                        fields,
                    },
                );
                transaction.publish(task_row(process, turn), message)?;
            }
            Effect::WithdrawTask { .. } if planted(planted::Fault::AnsweredTaskStays) => {}
            Effect::WithdrawTask { turn } => transaction.withdraw(task_row(process, turn)),
            Effect::StartTimer { fiber, turn, due } => {
                transaction.set_timer(
                    due,
                    WaitKey {
                        process,
                        fiber,
                        turn,
                    },
                );
            }
            Effect::StopTimer { fiber, turn, due } => {
                transaction.stop_timer(
                    due,
                    WaitKey {
                        process,
                        fiber,
                        turn,
                    },
                );
            }
            Effect::Subscribe { event, fiber, turn } => {
                let sequence = self.shared.sequence.fetch_add(1, Ordering::AcqRel);
                let key = keys::subscription(
                    &event,
                    WaitKey {
                        process,
                        fiber,
                        turn,
                    },
                );
                transaction.put(Table::Subscriptions, key, sequence.to_be_bytes().to_vec());
            }
            Effect::Unsubscribe { event, fiber, turn } => {
                transaction.delete(
                    Table::Subscriptions,
                    keys::subscription(
                        &event,
                        WaitKey {
                            process,
                            fiber,
                            turn,
                        },
                    ),
                );
            }
            Effect::StartChild {
                child,
                caller,
                definition,
            } => {
                self.start_child(
                    transaction,
                    CallStart {
                        child,
                        caller,
                        definition,
                    },
                )?;
            }
            Effect::CancelChild { .. } if planted(planted::Fault::ChildLeftRunning) => {}
            Effect::CancelChild { child } => self.cancel_child(transaction, process, child),
            Effect::End(ending) => self.end(transaction, process, ending)?,
            Effect::Record(event) => {
                transaction.record(
                    process,
                    self.now(),
                    event,
                    self.shared.config.history_entries,
                )?;
            }
            Effect::Yield if planted(planted::Fault::YieldForgotten) => {}
            Effect::Yield => {
                if let Some(wait) = timers::reminder(process, Purpose::Continue) {
                    transaction.set_timer(self.now(), wait);
                }
            }
        }
        Ok(Done::Yes)
    }

    fn evaluate(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
        fields: Fields,
    ) -> Result<Done, StoreError> {
        let Some(held) = transaction.held.get(&process) else {
            return Ok(Done::Yes);
        };
        if !matches!(held.instance.status, Status::Running) {
            return Ok(Done::Yes);
        }
        let (program, budget) = (held.instance.program, self.budget_of(held));
        let again = Effect::Evaluate {
            fiber,
            turn,
            condition,
            fields: fields.clone(),
        };
        let Some(loaded) = self.shared.definitions.cached_program(program) else {
            let resume = Work::Effects {
                process,
                effects: VecDeque::from([again]),
            };
            return Ok(Done::after(Task::Load(program), resume));
        };
        let found = loaded
            .program
            .condition(condition)
            .and_then(|condition| Some((loaded.guest(condition.guest)?, condition)));
        let Some((guest, named)) = found else {
            self.park(
                transaction,
                process,
                format!(
                    "condition {} of program {program} has no guest",
                    condition.0
                ),
            )?;
            return Ok(Done::Yes);
        };
        let attempt = match guest.class() {
            Class::Small => self.evaluate_now(guest, &named.function, &fields, budget),
            Class::Runtime => Ok(Attempt::NeedsMore),
        };
        match attempt {
            Ok(Attempt::Outcome(evaluation)) => {
                let input = Input::Evaluated {
                    fiber,
                    turn,
                    condition,
                    evaluation,
                };
                transaction.work.push_back(Work::Step {
                    process,
                    input,
                    cause: Cause::Other,
                });
            }
            Err(reason) => self.park(transaction, process, reason)?,
            Ok(Attempt::NeedsMore) => {
                let job = Task::Evaluate {
                    guest: guest.clone(),
                    function: named.function.clone(),
                    fields,
                    budget,
                };
                return Ok(Done::after(
                    job,
                    Work::Outcome {
                        process,
                        fiber,
                        turn,
                        condition,
                    },
                ));
            }
        }
        Ok(Done::Yes)
    }

    /// Starts a called process: within the transaction when its definition is at hand, otherwise after the commit, by a
    /// row that outlives a crash.
    fn start_child(
        &mut self,
        transaction: &mut Transaction,
        call: CallStart,
    ) -> Result<(), StoreError> {
        if transaction.launched < CHILDREN_WITHIN
            && let Some(loaded) = self.shared.definitions.cached(call.definition.as_bytes())
        {
            transaction.launched += 1;
            let user = transaction.user(call.caller.process);
            let work = self.child_launch(&call, user, loaded);
            transaction.work.push_back(work);
            return Ok(());
        }
        let row = call_row(&call.caller);
        transaction.put(Table::Outbox, row.to_bytes(), Vec::new());
        transaction.after.calls.push(call);
        Ok(())
    }

    fn cancel_child(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        child: ProcessId,
    ) {
        let fault = Fault {
            code: FaultCode::new(FaultCode::CALL_ERROR),
            message: format!("the calling process {process} ended"),
            activity: bureaucrat_model::ActivityPath::default(),
            line: 0,
        };
        transaction.work.push_back(Work::Cancel {
            process: child,
            fault,
        });
    }

    /// Tells the caller, the launcher and whoever listens, and sets the time at which the process is removed.
    fn end(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        ending: Ending,
    ) -> Result<(), StoreError> {
        let Some(held) = transaction.held.get(&process) else {
            return Ok(());
        };
        if let Some(account) = &held.account {
            account.end();
        }
        let (reply_to, caller, name) = (
            held.instance.reply_to.clone(),
            held.instance.caller.clone(),
            held.instance.name.clone(),
        );
        let report = match &ending {
            Ending::Completed(fields) => Report::Completed { fields },
            Ending::Failed(fault) => Report::Failed { fault },
        };
        if let Some(reply_to) = reply_to {
            let key = OutboxKey {
                kind: OutboxKind::Reply,
                process,
                number: 1,
            };
            transaction.publish(key, reply(&reply_to, Some(process), report))?;
        }
        let message = notice(
            &self.shared.config.notice_exchange,
            Some(process),
            &name,
            report,
        );
        transaction.publish(
            OutboxKey {
                kind: OutboxKind::Notice,
                process,
                number: 1,
            },
            message,
        )?;
        if let Some(wait) = timers::reminder(process, Purpose::Remove) {
            transaction.set_timer(self.now().after(self.shared.config.retention), wait);
        }
        if let Some(Caller {
            process: caller,
            fiber,
            turn,
            ..
        }) = caller
            && !planted(planted::Fault::ChildEndLost)
        {
            let input = Input::ChildEnded {
                fiber,
                turn,
                ending,
            };
            transaction.work.push_back(Work::Step {
                process: caller,
                input,
                cause: Cause::Other,
            });
        }
        Ok(())
    }
}

fn task_row(process: ProcessId, turn: Turn) -> OutboxKey {
    OutboxKey {
        kind: OutboxKind::Task,
        process,
        number: turn.0,
    }
}

/// The row of a call whose child is to be started.
pub(super) fn call_row(caller: &Caller) -> OutboxKey {
    OutboxKey {
        kind: OutboxKind::Call,
        process: caller.process,
        number: caller.turn.0,
    }
}
