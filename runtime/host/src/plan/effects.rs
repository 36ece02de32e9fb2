//! Turns the engine's effects into rows and messages of the transaction.

use super::{
    Planner,
    business::free_key,
    calls::CallStart,
    calls::cancel_child,
    events::Emission,
    sending::Asking,
    tasks::Task,
    transaction::{Cause, Evaluate, Transaction, Work},
};
use crate::act::timers::{self, Purpose, WaitKey};
use bureaucrat_model::{Caller, Effect, Ending, HistoryEvent, Input, ProcessId};
use bureaucrat_policy::Rule;
use bureaucrat_store::{
    StoreError, Table, keys,
    keys::{OutboxKey, OutboxKind},
};
use bureaucrat_wire::{Report, notice, reply};
use std::collections::VecDeque;

impl Planner {
    /// Applies all effects of a step. Their results come back as later work items.
    pub(super) fn effects(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        effects: VecDeque<Effect>,
    ) -> Result<(), StoreError> {
        for effect in effects {
            self.effect(transaction, process, effect)?;
        }
        Ok(())
    }

    fn effect(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        effect: Effect,
    ) -> Result<(), StoreError> {
        match effect {
            Effect::Evaluate {
                fiber,
                turn,
                condition,
                view,
            } => {
                let evaluate = Evaluate {
                    fiber,
                    turn,
                    condition,
                    view,
                };
                let work = Work::Evaluate { process, evaluate };
                transaction.work.push_back(work);
            }
            Effect::SendTask {
                activity,
                turn,
                participant,
                way,
                cargo,
                expires,
            } => {
                let task = Task {
                    activity,
                    turn,
                    participant,
                    way,
                    cargo,
                    expires,
                };
                self.send_task(transaction, process, &task);
            }
            Effect::WithdrawTask { turn, end } => {
                self.withdraw_task(transaction, process, turn, end)?;
            }
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
            Effect::Subscribe {
                subscription,
                fiber,
                turn,
            } => {
                let held = transaction.held.get(&process);
                let refused = held
                    .and_then(|held| self.event_refused(held, &subscription.event, Rule::Awaits));
                if let Some(refused) = refused {
                    let asking = Asking {
                        process,
                        fiber,
                        turn,
                    };
                    transaction.work.push_back(asking.refused(refused));
                }
                let wait = WaitKey {
                    process,
                    fiber,
                    turn,
                };
                self.subscribe(transaction, wait, subscription)?;
            }
            Effect::Unsubscribe {
                subscription,
                fiber,
                turn,
            } => {
                transaction.delete(
                    Table::Subscriptions,
                    keys::subscription(
                        &subscription.event,
                        subscription.key.as_deref(),
                        WaitKey {
                            process,
                            fiber,
                            turn,
                        },
                    ),
                );
            }
            Effect::TakeKept { sequence } => self.take_kept(transaction, process, sequence),
            Effect::TakeEvent { fiber, sequence } => {
                // For what was kept for a parked process, this was noted then.
                if transaction.hands_out(sequence) {
                    let key = keys::taken_by_fiber(sequence, process, fiber);
                    transaction.put(Table::Taken, key, Vec::new());
                }
            }
            Effect::EndRecall { fiber, turn } => {
                let wait = WaitKey {
                    process,
                    fiber,
                    turn,
                };
                transaction.delete(Table::Recalls, keys::recall(wait));
                transaction.after.kept.recalls.remove(&wait);
            }
            Effect::Send {
                activity,
                fiber,
                turn,
                message,
            } => {
                let asking = Asking {
                    process,
                    fiber,
                    turn,
                };
                self.send(transaction, asking, activity, &message)?;
            }
            Effect::Emit {
                activity,
                fiber,
                turn,
                event,
                key,
                keep,
                fields,
                depth,
            } => {
                let asking = Asking {
                    process,
                    fiber,
                    turn,
                };
                let emission = Emission {
                    activity,
                    event,
                    key,
                    keep,
                    fields,
                    depth,
                };
                self.emit(transaction, asking, emission)?;
            }
            Effect::StartChild {
                child,
                caller,
                definition,
                fields,
                bond,
            } => {
                let call = CallStart {
                    child,
                    caller,
                    definition,
                    fields,
                    bond,
                };
                self.start_child(transaction, call)?;
            }
            Effect::FindDefinition {
                fiber,
                turn,
                definition,
            } => {
                let user = transaction.user(process);
                self.look_for_deployments()?;
                let input = match self.find_called(user.as_ref(), &definition) {
                    Ok(definition) => Input::DefinitionFound {
                        fiber,
                        turn,
                        definition,
                    },
                    Err(reason) => Input::ChildRefused {
                        fiber,
                        turn,
                        reason,
                    },
                };
                transaction.work.push_back(Work::Step {
                    process,
                    input,
                    cause: Cause::Other,
                });
            }
            Effect::CancelChild {
                child,
                turn,
                awaited_by,
            } => {
                transaction.end_call(OutboxKey {
                    process,
                    kind: OutboxKind::Call,
                    number: turn.0,
                });
                let called = awaited_by.map(|fiber| (process, fiber, turn));
                cancel_child(transaction, process, child, called);
            }
            Effect::End(ending) => self.end(transaction, process, ending)?,
            Effect::Record(event) => {
                if let Some(served) = &mut transaction.after.served {
                    served.note(&event);
                }
                if matches!(event, HistoryEvent::Stuck { .. }) {
                    Self::keep_led_by(transaction, process);
                }
                transaction.record(process, self.now(), event);
            }
            Effect::Yield => {
                if let Some(wait) = timers::reminder(process, Purpose::Continue) {
                    transaction.set_timer(self.now(), wait);
                }
            }
        }
        Ok(())
    }

    /// Tells the caller, the launcher and all listeners, and sets the time at which the process is
    /// removed.
    fn end(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        ending: Ending,
    ) -> Result<(), StoreError> {
        // The notice proves what the history says up to here.
        let entries_max = self.shared.config.history_entries;
        transaction.write_history(process, &*self.shared.store, entries_max)?;
        let Some(held) = transaction.held.get(&process) else {
            return Ok(());
        };
        if let Some(account) = &held.account {
            account.end();
        }
        match &ending {
            Ending::Completed(_) => self.shared.meters.completed.one(),
            Ending::Failed(_) => self.shared.meters.failed.one(),
        }
        let key = self.held_key(held);
        let (reply_to, caller, name) = (
            held.instance.reply_to.clone(),
            held.instance.caller.clone(),
            held.instance.name.clone(),
        );
        let history = held.instance.history;
        let report = match &ending {
            Ending::Completed(fields) => Report::Completed { fields, history },
            Ending::Failed(fault) => Report::Failed { fault, history },
        };
        if let Some(hash) = key {
            free_key(transaction, hash);
        }
        if let Some(reply_to) = reply_to {
            let key = OutboxKey {
                kind: OutboxKind::Reply,
                process,
                number: 1,
            };
            transaction.publish(key, reply(&reply_to, Some(process), report));
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
        );
        if let Some(wait) = timers::reminder(process, Purpose::Remove) {
            transaction.set_timer(self.now().after(self.shared.config.retention), wait);
        }
        if let Some(Caller {
            process: caller,
            fiber,
            turn,
            ..
        }) = caller
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
