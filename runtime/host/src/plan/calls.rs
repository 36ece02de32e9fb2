//! Calls whose child starts in a separate transaction, from a row that survives a crash.

use super::{
    Planner,
    business::{Holder, KeyHash},
    decided::{KeyClaim, LaunchRecord, decide},
    jobs::Waiting,
    transaction::{Cause, Transaction, Work},
};
use crate::{
    catalog::Resolution,
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, Loaded, LoadedProgram},
    intake::refusal::KeyTaken,
    sharing::Sharing,
};
use bureaucrat_engine::unstarted_call;
use bureaucrat_model::{
    Bond, Caller, ChildDefinition, DefinitionRef, DeployedProgram, Duplicate, Effect, Fault,
    FaultCode, FiberId, Fields, Input, Instance, Launch, ProcessId, Turn,
};
use bureaucrat_store::{
    StoreError,
    keys::{OutboxKey, OutboxKind},
};
use std::sync::Arc;

/// A called process to start after the commit.
#[derive(Debug, Clone)]
pub struct CallStart {
    pub child: ProcessId,
    pub caller: Caller,
    pub definition: ChildDefinition,
    /// The fields that it begins with, over its own context.
    pub fields: Fields,
    pub bond: Bond,
}

/// The key of a process that starts without a launch.
pub(super) type ChildKey = (KeyHash, String, KeyClaim);

/// Called processes that one transaction starts itself. Further ones start in separate
/// transactions, so that processes that call again and again yield to others.
const CHILDREN_WITHIN: usize = 32;

impl Planner {
    /// Starts a called process: within the transaction if its definition is ready, otherwise after
    /// the commit, from a row that survives a crash.
    pub(super) fn start_child(
        &mut self,
        transaction: &mut Transaction,
        call: CallStart,
    ) -> Result<(), StoreError> {
        let definitions = &self.shared.definitions;
        let ready = match &call.definition {
            ChildDefinition::Text(text) => definitions.cached(text.as_bytes()),
            ChildDefinition::Deployed(deployed) => definitions.cached_program(deployed.program),
        };
        if transaction.launched < CHILDREN_WITHIN
            && let Some(loaded) = ready
        {
            transaction.launched += 1;
            let user = transaction.user(call.caller.process);
            let work = self.child_launch(transaction, &call, user, loaded)?;
            transaction.work.push_back(work);
            return Ok(());
        }
        transaction.call(call_row(&call.caller), call);
        Ok(())
    }

    /// The version that a call by name runs, if its user's processes may.
    pub(super) fn find_called(
        &self,
        user: Option<&String>,
        wanted: &DefinitionRef,
    ) -> Result<DeployedProgram, String> {
        let found = self.resolve_for(user, wanted);
        match found.map_err(|unresolved| unresolved.to_string())? {
            // Plans become durable in order, so this version is durable before its caller.
            Resolution::Ready(resolved) | Resolution::Pending(resolved) => Ok(DeployedProgram {
                name: resolved.name,
                version: resolved.version,
                program: resolved.program,
            }),
        }
    }

    /// Starts a called process whose row is durable, once its definition is ready.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn start_call(&mut self, call: CallStart) -> Result<(), StoreError> {
        if self.calling.insert(call.child) {
            let user = self.user_of(call.caller.process)?;
            let task = match &call.definition {
                ChildDefinition::Text(text) => Task::Compile {
                    source: Arc::from(text.as_bytes()),
                    rules: self.rules(user.as_ref()),
                },
                ChildDefinition::Deployed(deployed) => Task::Load(deployed.program),
            };
            self.submit(user, task, Waiting::Call(call));
        }
        Ok(())
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
                let user = self.user_of(caller)?;
                self.child_launch(&mut transaction, &call, user, loaded)?
            }
            Err(LoadFailure::Refused { reasons, .. }) => refused(&call, reasons.join("; ")),
            Err(LoadFailure::Environment(reason)) => return self.park_caller(caller, reason),
        };
        self.begin(caller, transaction.then(work))
    }

    /// The launch of a called process under its caller's user, or what its caller is told.
    fn child_launch(
        &mut self,
        transaction: &mut Transaction,
        call: &CallStart,
        user: Option<String>,
        loaded: Arc<Loaded>,
    ) -> Result<Work, StoreError> {
        // The caller was parked before it was told, and asks again.
        if call.bond == Bond::Detached && self.is_decided(call.child)? {
            return Ok(detached(call));
        }
        let version = match &call.definition {
            ChildDefinition::Text(_) => None,
            ChildDefinition::Deployed(deployed) => Some(deployed.version),
        };
        let mut launch = Launch {
            user,
            caller: (call.bond == Bond::Awaited).then(|| call.caller.clone()),
            fields: call.fields.clone(),
            version,
            ..Launch::new(call.child, loaded.hash)
        };
        let key = match self.child_key(transaction, &launch, &loaded, call.bond)? {
            Ok(key) => key,
            Err(reason) => return Ok(refused(call, reason)),
        };
        let size = match &call.definition {
            ChildDefinition::Text(text) => text.len() as u64,
            // It was checked when it was deployed.
            ChildDefinition::Deployed(_) => 0,
        };
        if let Err(reason) = self.admit_call(launch.user.as_ref(), size, call.bond, &loaded) {
            return Ok(refused(call, reason));
        }
        let claim = self.take_key(transaction, &mut launch, key);
        match call.bond {
            Bond::Awaited => Ok(Work::Launch {
                launch: Box::new(launch),
                loaded: LoadedProgram(loaded),
            }),
            Bond::Detached => {
                let record = LaunchRecord {
                    definition: call.definition.clone(),
                    name: loaded.program.name.clone(),
                    user: launch.user,
                    fields: launch.fields,
                    key: launch.key,
                    claim,
                };
                decide(transaction, call.child, record)?;
                self.delayed.plan(call.child);
                Ok(detached(call))
            }
        }
    }

    /// The key of a process that starts without a launch, unless another process has it. A detached
    /// one may replace that, as a launch does; a called one replaces none.
    pub(super) fn child_key(
        &self,
        transaction: &Transaction,
        launch: &Launch,
        loaded: &Loaded,
        bond: Bond,
    ) -> Result<Result<Option<ChildKey>, String>, StoreError> {
        let key = match self.key_at_launch(launch, loaded) {
            Ok(Some(key)) => key,
            Ok(None) => return Ok(Ok(None)),
            Err(reason) => return Ok(Err(reason.to_string())),
        };
        let name = loaded.program.name.clone();
        let hash = self.key_hash(launch.user.as_ref(), &name, &key.text);
        if self.shared.config.sharing != Sharing::Alone && launch.process.shard().0 != hash[0] {
            let text = key.text;
            return Ok(Err(format!(
                "`{name}` has a business key (`{text}`): engines that share a store start such processes only by messages"
            )));
        }
        Ok(match self.key_holder_within(transaction, &hash)? {
            Holder::Nobody => Ok(Some((hash, key.text, KeyClaim::Held))),
            Holder::Process(holder)
                if (bond, key.duplicate) == (Bond::Detached, Duplicate::Replace)
                    && !self.is_hidden(holder) =>
            {
                Ok(Some((hash, key.text, KeyClaim::Replaces)))
            }
            Holder::Process(holder) => {
                let key = key.text;
                Err(KeyTaken::Held { name, key, holder }.to_string())
            }
            Holder::Unknown => Err(format!(
                "the record of the key `{}` of `{name}` is damaged",
                key.text
            )),
        })
    }

    /// Gives a process its key, or notes that it waits for it.
    pub(super) fn take_key(
        &mut self,
        transaction: &mut Transaction,
        launch: &mut Launch,
        key: Option<ChildKey>,
    ) -> KeyClaim {
        let Some((hash, text, claim)) = key else {
            return KeyClaim::Held;
        };
        if claim == KeyClaim::Held {
            self.claim_key(transaction, hash, launch.process);
        }
        launch.key = Some(text);
        claim
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
                    Some(call) => self.start_call(call),
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
    told(
        call,
        Input::ChildRefused {
            fiber: call.caller.fiber,
            turn: call.caller.turn,
            reason,
        },
    )
}

fn told(call: &CallStart, input: Input) -> Work {
    Work::Step {
        process: call.caller.process,
        input,
        cause: Cause::Other,
    }
}

impl Transaction {
    /// Whether a process ends with its caller. A detached one runs on, also when its caller has not been told yet that
    /// it runs.
    pub(super) fn has_caller(&self, process: ProcessId) -> bool {
        let held = self.held.get(&process);
        held.is_some_and(|held| held.instance.caller.is_some())
    }
}

/// A detached process is certain to start.
fn detached(call: &CallStart) -> Work {
    let (fiber, turn) = (call.caller.fiber, call.caller.turn);
    told(call, Input::Detached { fiber, turn })
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
                bond,
            } = effect
            else {
                return None;
            };
            Some(CallStart {
                child,
                caller,
                definition,
                fields,
                bond,
            })
        })
        .collect()
}

/// Tells a caller that what it called was cancelled before it began.
pub(super) fn never_began((process, fiber, turn): (ProcessId, FiberId, Turn)) -> Work {
    Work::Step {
        process,
        input: Input::ChildRefused {
            fiber,
            turn,
            reason: "it was cancelled before it began".into(),
        },
        cause: Cause::Other,
    }
}

/// Cancels a called process whose caller waits for it no more.
pub(super) fn cancel_child(
    transaction: &mut Transaction,
    process: ProcessId,
    child: ProcessId,
    awaited_by: Option<(ProcessId, FiberId, Turn)>,
) {
    let message = format!("the calling process {process} no longer waits for it");
    let fault = Fault::from_outside(FaultCode::CANCELLED, message);
    transaction.work.push_back(Work::CancelCalled {
        process: child,
        fault,
        awaited_by,
    });
}

/// The row of a call whose child must be started.
pub(super) fn call_row(caller: &Caller) -> OutboxKey {
    OutboxKey {
        kind: OutboxKind::Call,
        process: caller.process,
        number: caller.turn.0,
    }
}
