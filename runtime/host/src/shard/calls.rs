//! Calls whose child is started in a transaction of its own, from a row that outlives a crash.

use super::{Shard, Waiting, effects::call_row};
use crate::{
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, Loaded},
    transaction::{CallStart, Cause, LoadedProgram, Transaction, Work},
};
use bureaucrat_engine::unstarted_call;
use bureaucrat_model::{Effect, Input, Instance, Launch};
use bureaucrat_store::{StoreError, Table, keys::OutboxKey};
use std::sync::Arc;

impl Shard {
    /// Starts a called process whose row is durable, once its definition is compiled.
    pub(super) fn start_call(&mut self, call: CallStart) {
        if self.calling.insert(call.child) {
            let source: Arc<[u8]> = Arc::from(call.definition.as_bytes());
            self.submit(Task::Compile(source), Waiting::Call(call));
        }
    }

    pub(super) fn call_compiled(
        &mut self,
        call: CallStart,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        self.calling.remove(&call.child);
        let JobOutcome::Loaded(loaded) = outcome else {
            return Ok(());
        };
        let caller = call.caller.process;
        let row = call_row(&call.caller);
        if self
            .shared
            .store
            .get(Table::Outbox, &row.to_bytes())?
            .is_none()
        {
            // The caller failed meanwhile.
            return Ok(());
        }
        let mut transaction = Transaction::default();
        transaction.withdraw(row);
        let work = match loaded {
            Ok(loaded) => self.child_launch(&call, loaded)?,
            Err(LoadFailure::Refused(reasons)) => {
                let input = Input::ChildRefused {
                    fiber: call.caller.fiber,
                    turn: call.caller.turn,
                    reason: reasons.join("; "),
                };
                Work::Step {
                    process: caller,
                    input,
                    cause: Cause::Other,
                }
            }
            Err(LoadFailure::Environment(reason)) => {
                // The row stays: the call is tried again with its caller.
                return self.begin(
                    caller,
                    Transaction::of(Work::Park {
                        process: caller,
                        reason,
                    }),
                );
            }
        };
        self.begin(caller, transaction.then(work))
    }

    /// The launch of a called process; it has its caller's user.
    pub(super) fn child_launch(
        &self,
        call: &CallStart,
        loaded: Arc<Loaded>,
    ) -> Result<Work, StoreError> {
        let caller = self.peek(call.caller.process)?;
        let launch = Launch {
            process: call.child,
            program: loaded.hash,
            user: caller.and_then(|held| held.instance.user),
            reply_to: None,
            caller: Some(call.caller.clone()),
            message_id: None,
            redelivered: bureaucrat_model::Redelivered::No,
        };
        Ok(Work::Launch {
            launch: Box::new(launch),
            loaded: LoadedProgram(loaded),
        })
    }

    /// The call of an outbox row that was left from an earlier run.
    pub(super) fn unstarted(&self, row: OutboxKey) -> Result<Option<CallStart>, StoreError> {
        let Some(held) = self.peek(row.process)? else {
            return Ok(None);
        };
        let Ok(loaded) = self.shared.definitions.load(held.instance.program) else {
            return Ok(None);
        };
        Ok(awaited(&loaded, &held.instance)
            .into_iter()
            .find(|call| call.caller.turn.0 == row.number))
    }
}

/// The calls that an instance waits for, started or not.
pub(super) fn awaited(loaded: &Loaded, instance: &Instance) -> Vec<CallStart> {
    let waited = |fiber| unstarted_call(&loaded.program, instance, fiber);
    let effects = instance.fibers.keys().filter_map(|fiber| waited(*fiber));
    effects
        .filter_map(|effect| {
            let Effect::StartChild {
                child,
                caller,
                definition,
            } = effect
            else {
                return None;
            };
            Some(CallStart {
                child,
                caller,
                definition,
            })
        })
        .collect()
}
