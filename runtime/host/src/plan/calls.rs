//! Calls whose child starts in a separate transaction, from a row that survives a crash.

use super::{
    Planner,
    effects::call_row,
    jobs::Waiting,
    transaction::{CallStart, Cause, Transaction, Work},
};
use crate::{
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, Loaded, LoadedProgram},
};
use bureaucrat_engine::unstarted_call;
use bureaucrat_model::{Effect, Input, Instance, Launch, ProcessId};
use bureaucrat_store::{StoreError, keys::OutboxKey};
use std::sync::Arc;

impl Planner {
    /// Starts a called process whose row is durable, once its definition is compiled.
    pub(crate) fn start_call(&mut self, call: CallStart) {
        if self.calling.insert(call.child) {
            let source: Arc<[u8]> = Arc::from(call.definition.as_bytes());
            let caller = self.residents.get(call.caller.process);
            let user = caller.and_then(|held| held.instance.user.clone());
            let budget = self.compile_budget(user.as_ref());
            let task = Task::Compile { source, budget };
            self.submit(user, task, Waiting::Call(call));
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
        let mut transaction = Transaction::new(caller.shard());
        transaction.end_call(row);
        if !self.awaits(&transaction, caller, call.child)? {
            // The caller failed meanwhile.
            return self.finish(transaction);
        }
        let work = match loaded {
            Ok(loaded) => {
                let user = self
                    .peek(caller)?
                    .and_then(|held| held.instance.user.clone());
                self.child_launch(&call, user, loaded)
            }
            Err(LoadFailure::Refused { reasons, .. }) => refused(&call, reasons.join("; ")),
            Err(LoadFailure::Environment(reason)) => return self.park_caller(caller, reason),
        };
        self.begin(caller, transaction.then(work))
    }

    /// The launch of a called process under its caller's user, or the refusal for the caller.
    pub(super) fn child_launch(
        &self,
        call: &CallStart,
        user: Option<String>,
        loaded: Arc<Loaded>,
    ) -> Work {
        if let Err(reason) = self.admit_call(user.as_ref(), &call.definition, &loaded) {
            return refused(call, reason);
        }
        let launch = Launch {
            user,
            caller: Some(call.caller.clone()),
            fields: call.fields.clone(),
            ..Launch::new(call.child, loaded.hash)
        };
        Work::Launch {
            launch: Box::new(launch),
            loaded: LoadedProgram(loaded),
        }
    }

    /// Continues with the call of an outbox row from an earlier run.
    pub(crate) fn restart_call(&mut self, row: OutboxKey) -> Result<(), StoreError> {
        let process = row.process;
        let Some(held) = self.peek(process)? else {
            if self.is_hidden(process) {
                return Ok(());
            }
            return self.forget_call(row);
        };
        match self.shared.definitions.load(held.instance.program) {
            Ok(loaded) => {
                let mut calls = awaited(&loaded, &held.instance).into_iter();
                match calls.find(|call| call.caller.turn.0 == row.number) {
                    Some(call) => {
                        self.start_call(call);
                        Ok(())
                    }
                    // The caller failed before its call was started.
                    None => self.forget_call(row),
                }
            }
            Err(LoadFailure::Refused { reasons, .. }) => {
                self.park_caller(process, reasons.join("; "))
            }
            Err(LoadFailure::Environment(reason)) => self.park_caller(process, reason),
        }
    }

    fn forget_call(&mut self, row: OutboxKey) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(row.process.shard());
        transaction.end_call(row);
        self.finish(transaction)
    }

    /// Parks a caller whose call cannot be started now. Its row stays; the call is retried with the
    /// caller.
    fn park_caller(&mut self, process: ProcessId, reason: String) -> Result<(), StoreError> {
        self.begin(
            process,
            Transaction::of(process, Work::Park { process, reason }),
        )
    }
}

/// Tells a caller that its call was refused.
fn refused(call: &CallStart, reason: String) -> Work {
    let input = Input::ChildRefused {
        fiber: call.caller.fiber,
        turn: call.caller.turn,
        reason,
    };
    Work::Step {
        process: call.caller.process,
        input,
        cause: Cause::Other,
    }
}

/// The calls that an instance waits for, started or not.
pub(super) fn awaited(loaded: &Loaded, instance: &Instance) -> Vec<CallStart> {
    let waited = |(fiber, _)| unstarted_call(&loaded.program, instance, fiber);
    let effects = instance.fibers.iter().filter_map(waited);
    effects
        .filter_map(|effect| {
            let Effect::StartChild {
                child,
                caller,
                definition,
                fields,
            } = effect
            else {
                return None;
            };
            Some(CallStart {
                child,
                caller,
                definition,
                fields,
            })
        })
        .collect()
}
