//! A transaction: everything that one input causes, in a process or a call tree; written together
//! or not at all.

use super::{
    bulk::BulkNews,
    business::KeyChange,
    calls::CallStart,
    decided::LaunchRecord,
    events::{Arrived, Served},
    evidence::LedBy,
    kept::KeptNews,
};
pub use super::{
    cause::Cause,
    evaluating::{Asked, Evaluate},
    messages::{Publish, Unneeded},
};
use crate::{
    act::{outbox::Place, timers::WaitKey, troubles::Destination},
    broker::DeliveryHandle,
    commit::Plan,
    definitions::LoadedProgram,
    meters::Began,
    module_catalog::NameRecord,
    operate::{Told, audit_log::AuditEntry, commands::Command},
    programs::Use,
    tenants::AccountOf,
};
use bureaucrat_model::{
    ConditionIndex, DefinitionName, Effect, Evaluation, Fault, FiberId, HistoryEntry, Input,
    Instance, Launch, ModuleName, ProcessId, ProgramHash, ShardId, Timestamp, Turn, Version,
};
use bureaucrat_store::{
    Epoch, Owner, Store, StoreError, Table, Unit, Write,
    instances::{InstanceRows, delete_instance, write_instance},
    keys,
    keys::{OutboxKey, OutboxKind},
};
use bureaucrat_wire::Outgoing;
use std::collections::{BTreeMap, VecDeque};

/// An instance as the transaction has changed it.
#[derive(Debug, Clone)]
pub struct Held {
    pub instance: Instance,
    /// What of it is stored.
    pub rows: InstanceRows,
    /// The account that it counts against.
    pub account: AccountOf,
}

/// A work item within a transaction.
#[derive(Debug)]
pub enum Work {
    /// Give an input to a process.
    Step {
        process: ProcessId,
        input: Input,
        cause: Cause,
    },
    /// Carry out the engine's effects.
    Effects {
        process: ProcessId,
        effects: VecDeque<Effect>,
    },
    Launch {
        launch: Box<Launch>,
        loaded: LoadedProgram,
    },
    /// End a process from outside.
    Cancel { process: ProcessId, fault: Fault },
    /// The same for a called process, whose caller may wait for its end; one that has not begun has ended.
    CancelCalled {
        process: ProcessId,
        fault: Fault,
        awaited_by: Option<(ProcessId, FiberId, Turn)>,
    },
    /// Resume a parked process.
    Resume(ProcessId),
    /// The same, if it is still an incident.
    Retry(ProcessId),
    /// End a process at once.
    Terminate(ProcessId, Fault),
    /// Carry out an operator's order.
    Order(Box<Command>),
    /// Park a process as an incident.
    Park { process: ProcessId, reason: String },
    /// Give a process its kept inputs, one after the other, each with all of its consequences.
    Kept {
        process: ProcessId,
        inputs: VecDeque<Input>,
    },
    /// Evaluate a condition, if something still waits for it.
    Evaluate {
        process: ProcessId,
        evaluate: Evaluate,
    },
    /// A condition whose job is in progress; its outcome comes as an input.
    Outcome {
        process: ProcessId,
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
        asked: Box<Asked>,
    },
}

impl Work {
    /// Gives a fiber the outcome of the condition that it requested.
    pub fn evaluated(
        process: ProcessId,
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
        evaluation: Evaluation,
    ) -> Self {
        Self::Step {
            process,
            input: Input::Evaluated {
                fiber,
                turn,
                condition,
                evaluation,
            },
            cause: Cause::Other,
        }
    }
}

/// What to do once the transaction is durable.
#[derive(Debug, Default)]
pub struct After {
    pub acknowledge: Vec<DeliveryHandle>,
    /// Messages that were put into the outbox.
    pub publish: Vec<Publish>,
    /// Destinations of rows that were set aside.
    pub moved: Vec<Destination>,
    /// Rows that were removed from the outbox for good.
    pub left: Vec<OutboxKey>,
    /// Timers that were set.
    pub timers: Vec<(Timestamp, WaitKey)>,
    /// Timers that were removed.
    pub stopped: Vec<(Timestamp, WaitKey)>,
    /// Called processes to start.
    pub calls: Vec<CallStart>,
    /// Processes that are certain to start.
    pub decided: Vec<(ProcessId, LaunchRecord)>,
    /// Events to hand out.
    pub arrived: Vec<Arrived>,
    /// The subscriber's delivery of an event.
    pub served: Option<Served>,
    pub kept: KeptNews,
    /// Messages that the store remembers from now on.
    pub remembered: Vec<[u8; 32]>,
    /// The programs of new instances.
    pub uses: Vec<Use>,
    /// The programs of instances that no longer exist.
    pub unused: Vec<ProgramHash>,
    /// Operators to answer.
    pub(crate) told: Vec<Told>,
    /// Bulk jobs that begin, and outcomes of their processes.
    pub(crate) bulk: Vec<BulkNews>,
    /// Names of modules that stand for something else from now on, or are gone.
    pub modules: Vec<(ModuleName, Option<NameRecord>)>,
    /// Business keys that are claimed or freed.
    pub keys: Vec<KeyChange>,
    /// Versions that can be launched from now on.
    pub deployed: Vec<(DefinitionName, Version)>,
    pub began: Option<Began>,
}

/// A transaction under construction. Everything that it writes belongs to one shard.
#[derive(Debug)]
pub struct Transaction {
    pub shard: ShardId,
    /// The instances that it reads or changes.
    pub held: BTreeMap<ProcessId, Box<Held>>,
    removed: Vec<ProcessId>,
    /// Its writes, except for instances and messages.
    pub(super) writes: Vec<Write>,
    /// Messages that are no longer needed.
    withdrawn: Vec<Unneeded>,
    pub after: After,
    /// Work that is left.
    pub work: VecDeque<Work>,
    /// Work to do after that.
    pub later: VecDeque<Work>,
    /// Called processes that it started itself.
    pub launched: usize,
    /// What happened to processes and is not among the writes yet.
    pub(super) happened: BTreeMap<ProcessId, Vec<HistoryEntry>>,
    /// The message that led to it, for an incident.
    pub(super) led_by: Option<(ProcessId, LedBy)>,
    /// The order that it carries out, for the audit log.
    pub(crate) audited: Option<AuditEntry>,
}

impl Transaction {
    pub fn new(shard: ShardId) -> Self {
        Self {
            shard,
            held: BTreeMap::new(),
            removed: Vec::new(),
            writes: Vec::new(),
            withdrawn: Vec::new(),
            after: After::default(),
            work: VecDeque::new(),
            later: VecDeque::new(),
            launched: 0,
            happened: BTreeMap::new(),
            led_by: None,
            audited: None,
        }
    }

    /// A transaction on a process that begins with this work item.
    pub fn of(process: ProcessId, work: Work) -> Self {
        Self::new(process.shard()).then(work)
    }

    /// A transaction that acknowledges a delivery.
    pub fn acknowledging(shard: ShardId, handle: DeliveryHandle) -> Self {
        let mut transaction = Self::new(shard);
        transaction.after.acknowledge.push(handle);
        transaction
    }

    /// The user of an instance that it holds.
    pub fn user(&self, process: ProcessId) -> Option<String> {
        self.held.get(&process)?.instance.user.clone()
    }

    /// Adds work after the existing work.
    #[must_use]
    pub fn then(mut self, work: Work) -> Self {
        self.work.push_back(work);
        self
    }

    /// The next work item.
    pub fn next(&mut self) -> Option<Work> {
        self.work.pop_front().or_else(|| self.later.pop_front())
    }

    /// Whether everything that it acknowledges is from connections up to this one, and is redelivered.
    pub fn is_stale(&self, generation: u64) -> bool {
        let mut handles = self.after.acknowledge.iter();
        !self.after.acknowledge.is_empty() && handles.all(|handle| handle.generation <= generation)
    }

    /// Adds what another transaction writes and publishes.
    pub fn absorb(&mut self, mut other: Self) {
        self.writes.append(&mut other.writes);
        self.after.publish.append(&mut other.after.publish);
    }

    pub fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push(Write::Put { table, key, value });
    }

    pub fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.writes.push(Write::Delete { table, key });
    }

    /// Removes an instance.
    ///
    /// # Errors
    /// When the keys of its rows can't be read.
    pub fn remove(&mut self, store: &dyn Store, process: ProcessId) -> Result<(), StoreError> {
        delete_instance(store, process, &mut self.writes)?;
        self.removed.push(process);
        Ok(())
    }

    /// How many records it writes, without instances.
    pub fn rows(&self) -> usize {
        self.writes.len()
    }

    /// Puts a message into the outbox.
    pub fn publish(&mut self, key: OutboxKey, message: Outgoing) {
        self.after.publish.push(Publish {
            key,
            message,
            place: Place::Outbox,
        });
    }

    /// Removes a message from the outbox.
    pub fn withdraw(&mut self, key: OutboxKey) {
        self.withdraw_telling(key, Vec::new());
    }

    /// Removes a message from the outbox, and sends others if it may have left.
    pub fn withdraw_telling(&mut self, key: OutboxKey, tell: Vec<(OutboxKey, Outgoing)>) {
        let before = self.after.publish.len();
        self.after.publish.retain(|publish| publish.key != key);
        if self.after.publish.len() == before {
            self.withdrawn.push(Unneeded { key, tell });
        }
    }

    /// Notes a call to start after the commit.
    pub fn call(&mut self, row: OutboxKey, call: CallStart) {
        self.put(Table::Outbox, row.to_bytes(), Vec::new());
        self.after.calls.push(call);
    }

    /// A noted call was started, or is no longer needed.
    pub fn end_call(&mut self, row: OutboxKey) {
        self.delete(Table::Outbox, row.to_bytes());
        self.after.calls.retain(|call| {
            (call.caller.process, call.caller.turn.0) != (row.process, row.number)
                || row.kind != OutboxKind::Call
        });
    }

    pub fn set_timer(&mut self, due: Timestamp, wait: WaitKey) {
        self.put(Table::Timers, keys::timer(due, wait), Vec::new());
        self.after.timers.push((due, wait));
    }

    pub fn stop_timer(&mut self, due: Timestamp, wait: WaitKey) {
        self.delete(Table::Timers, keys::timer(due, wait));
        self.after.timers.retain(|timer| *timer != (due, wait));
        self.after.stopped.push((due, wait));
    }

    /// What to commit, the messages that it removes from the outbox, and the instances afterwards.
    ///
    /// # Errors
    /// If an instance cannot be encoded.
    pub fn into_plan(self, epoch: Epoch) -> Result<Planned, StoreError> {
        let (mut writes, mut after) = (self.writes, self.after);
        after.acknowledge.retain(|handle| handle.is_of_the_broker());
        let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
        for (process, mut held) in self.held {
            let before = held.rows.bytes();
            if !write_instance(&mut held.instance, &mut held.rows, &mut writes)? {
                unchanged.push((process, held));
                continue;
            }
            if let Some(account) = &held.account {
                account.resize(before, held.rows.bytes());
            }
            changed.push((process, Some(held)));
        }
        changed.extend(self.removed.into_iter().map(|process| (process, None)));
        let unit = Unit {
            owner: Owner::Shard(self.shard, epoch),
            writes,
        };
        let plan = Plan {
            unit,
            processes: changed.iter().map(|(process, _)| *process).collect(),
            after,
        };
        Ok(Planned {
            plan,
            withdrawn: self.withdrawn,
            changed,
            unchanged,
        })
    }
}

/// A complete transaction.
pub struct Planned {
    pub plan: Plan,
    pub withdrawn: Vec<Unneeded>,
    /// The instances afterwards; `None` for one that is removed.
    pub changed: Vec<(ProcessId, Option<Box<Held>>)>,
    /// Instances that it only read.
    pub unchanged: Vec<(ProcessId, Box<Held>)>,
}
