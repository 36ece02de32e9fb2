//! A transaction: everything that one input brings about, in one process or in a tree of calls; written together or
//! not at all.

use crate::{
    broker::{Delivery, DeliveryHandle},
    commands::{Command, OrderOutcome},
    definitions::Loaded,
    events::Handout,
    planted::{self, planted},
    programs::Use,
    tenants::AccountOf,
    timers::WaitKey,
};
use bureaucrat_model::{
    Caller, ConditionIndex, Effect, Fault, FiberId, HistoryEvent, Input, Instance, Launch,
    ProcessId, ProgramHash, Timestamp, Turn,
};
use bureaucrat_store::{
    Guard, StoreError, Table, Unit, Write,
    instances::{InstanceRows, write_instance},
    keys,
    keys::OutboxKey,
    records,
};
use bureaucrat_wire::Outgoing;
use crossbeam_channel::Sender;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// An instance as the transaction has changed it.
#[derive(Debug, Clone)]
pub struct Held {
    pub instance: Instance,
    /// What of it is in the store.
    pub rows: InstanceRows,
    pub account: AccountOf,
}

/// A called process that is to be started after the commit.
#[derive(Debug, Clone)]
pub struct CallStart {
    /// The id that it gets.
    pub child: ProcessId,
    pub caller: Caller,
    /// The XML of its definition.
    pub definition: String,
}

/// Where an input came from: what is to be done when the engine does not take it.
#[derive(Debug)]
pub enum Cause {
    /// An answer; the message is kept for the dead-letter queue.
    Answer(Box<Delivery>),
    /// An answer that can't be read and is a dead letter already, from this user.
    UnreadableAnswer(Option<String>),
    /// A timer, whose row goes in any case.
    Timer(Timestamp, WaitKey),
    /// Anything else: nothing is to be done.
    Other,
}

impl Cause {
    /// Who answered: the user, or none for a message without one; nothing at all for what is no answer.
    #[expect(
        clippy::option_option,
        reason = "an answer or none, and then: with a user or without"
    )]
    pub fn answerer(&self) -> Option<Option<&String>> {
        match self {
            Self::Answer(delivery) => Some(delivery.properties.user_id.as_ref()),
            Self::UnreadableAnswer(user) => Some(user.as_ref()),
            Self::Timer(..) | Self::Other => None,
        }
    }
}

/// A piece of work within a transaction.
#[derive(Debug)]
pub enum Work {
    /// Give an input to a process.
    Step {
        process: ProcessId,
        input: Input,
        cause: Cause,
    },
    /// Do what the engine asked for.
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
    /// Let a parked process go on.
    Resume(ProcessId),
    /// Do what an operator orders.
    Order(Box<Command>),
    /// Park a process as an incident.
    Park { process: ProcessId, reason: String },
    /// A condition to be evaluated whose job is under way; its outcome comes as an input.
    Outcome {
        process: ProcessId,
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
    },
}

/// A program that is ready to run; prints as its hash.
#[derive(Clone)]
pub struct LoadedProgram(pub Arc<Loaded>);

impl std::fmt::Debug for LoadedProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.hash)
    }
}

/// What is done once the transaction is durable.
#[derive(Debug, Default)]
pub struct After {
    pub acknowledge: Vec<DeliveryHandle>,
    /// Rows that went into the outbox, with their messages.
    pub publish: Vec<(OutboxKey, Outgoing)>,
    /// Rows that were taken out of it.
    pub withdraw: Vec<OutboxKey>,
    pub timers: Vec<(Timestamp, WaitKey)>,
    pub stopped: Vec<(Timestamp, WaitKey)>,
    pub calls: Vec<CallStart>,
    pub handouts: Vec<Handout>,
    /// Events that this shard has handed out.
    pub handed_out: Vec<Handout>,
    /// Processes that are not there any more.
    pub removed: Vec<ProcessId>,
    /// The programs of new instances.
    pub uses: Vec<Use>,
    /// The programs of instances that are not there any more.
    pub unused: Vec<ProgramHash>,
    pub answers: Vec<(Sender<OrderOutcome>, OrderOutcome)>,
}

#[derive(Debug, Default)]
pub struct Transaction {
    /// The instances that it changes.
    pub held: BTreeMap<ProcessId, Held>,
    /// Its writes, but for the instances.
    pub writes: Vec<Write>,
    /// What follows once it is durable.
    pub after: After,
    /// What is left to do.
    pub work: VecDeque<Work>,
    /// Called processes that were started inside of it.
    pub launched: usize,
}

impl Transaction {
    /// A transaction that begins with this piece of work.
    pub fn of(work: Work) -> Self {
        Self {
            work: VecDeque::from([work]),
            ..Self::default()
        }
    }

    /// A transaction that acknowledges a delivery.
    pub fn acknowledging(handle: DeliveryHandle) -> Self {
        Self {
            after: After {
                acknowledge: vec![handle],
                ..After::default()
            },
            ..Self::default()
        }
    }

    /// The user of an instance that it holds.
    pub fn user(&self, process: ProcessId) -> Option<String> {
        self.held.get(&process)?.instance.user.clone()
    }

    /// Adds work to be done after what is there.
    #[must_use]
    pub fn then(mut self, work: Work) -> Self {
        self.work.push_back(work);
        self
    }

    /// Takes over what another transaction writes and publishes.
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

    /// Puts a message into the outbox.
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn publish(&mut self, key: OutboxKey, message: Outgoing) -> Result<(), StoreError> {
        self.put(Table::Outbox, key.to_bytes(), records::encode(&message)?);
        self.after.publish.push((key, message));
        Ok(())
    }

    /// Takes a row out of the outbox.
    pub fn withdraw(&mut self, key: OutboxKey) {
        self.delete(Table::Outbox, key.to_bytes());
        self.after.publish.retain(|(other, _)| *other != key);
        self.after.calls.retain(|call| {
            (call.caller.process, call.caller.turn.0) != (key.process, key.number)
                || key.kind != keys::OutboxKind::Call
        });
        self.after.withdraw.push(key);
    }

    pub fn set_timer(&mut self, due: Timestamp, wait: WaitKey) {
        let same = planted(planted::Fault::TimersUnderOneKey);
        let wait = if same {
            WaitKey {
                turn: Turn(0),
                fiber: FiberId(0),
                ..wait
            }
        } else {
            wait
        };
        self.put(Table::Timers, keys::timer(due, wait), Vec::new());
        self.after.timers.push((due, wait));
    }

    pub fn stop_timer(&mut self, due: Timestamp, wait: WaitKey) {
        self.delete(Table::Timers, keys::timer(due, wait));
        self.after.timers.retain(|timer| *timer != (due, wait));
        self.after.stopped.push((due, wait));
    }

    /// Notes what happened to a process, within `entries_max` entries: the first one stays, then the newest.
    ///
    /// # Errors
    /// When an entry can't be encoded.
    pub fn record(
        &mut self,
        process: ProcessId,
        at: Timestamp,
        event: HistoryEvent,
        entries_max: u64,
    ) -> Result<(), StoreError> {
        let Some(held) = self.held.get_mut(&process) else {
            return Ok(());
        };
        let number = held.instance.next_history;
        held.instance.next_history += 1;
        let entry = bureaucrat_model::HistoryEntry { at, event };
        self.put(
            Table::History,
            keys::history(process, number),
            records::encode(&entry)?,
        );
        // Entry 0 is the launch and entry 1 the mark that something was left out.
        let oldest = number.saturating_sub(entries_max.max(3));
        if oldest >= 1 {
            if oldest == 1 {
                let mark = bureaucrat_model::HistoryEntry {
                    at,
                    event: HistoryEvent::Truncated,
                };
                self.put(
                    Table::History,
                    keys::history(process, 1),
                    records::encode(&mark)?,
                );
            } else {
                self.delete(Table::History, keys::history(process, oldest));
            }
        }
        Ok(())
    }

    /// The unit to commit, and the instances with the versions that they have after it.
    ///
    /// # Errors
    /// When an instance can't be encoded.
    pub fn into_unit(self) -> Result<(Unit, BTreeMap<ProcessId, Held>, After), StoreError> {
        let mut writes = self.writes;
        let mut guards = Vec::new();
        let mut held = self.held;
        for (process, held) in &mut held {
            guards.push(Guard {
                process: *process,
                expected: held.rows.version(),
            });
            let before = held.rows.bytes();
            write_instance(&mut held.instance, &mut held.rows, &mut writes)?;
            if let Some(account) = &held.account {
                account.resize(before, held.rows.bytes());
            }
        }
        Ok((Unit { guards, writes }, held, self.after))
    }
}
