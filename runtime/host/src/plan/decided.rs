//! Processes that are certain to start and have not started: detached ones, and those of schedules.
//!
//! The commit that decides about one writes a row, under the id of the process; the commit that
//! starts it removes the row. In between, its definition is made ready. Everything that could
//! prevent it was checked before: its key is claimed, and it counts as a process of its user. So it
//! starts exactly once, whatever happens.
//!
//! The same table has launches that wait long ([`WaitingRecord`]): they may still be refused.
//!
//! One that replaces the process with its key waits for that one's end, and claims the key in the
//! commit that starts it. If a newer one takes its place meanwhile, it never starts.

use super::{
    Planner,
    business::{Holder, free_key},
    jobs::Waiting,
    transaction::{Transaction, Work},
};
use crate::{
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, LoadedProgram},
    intake::{
        refusal::{KeyTaken, Refusal},
        waiting::WaitingRecord,
    },
    operate::commands::Command,
};
use bureaucrat_model::{ChildDefinition, Fields, Initiator, Launch, Millis, ProcessId, Timestamp};
use bureaucrat_store::{StoreError, Table, keys, records};
use bureaucrat_wire::{Report, notice};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaunchRow {
    #[serde(rename = "1")]
    Decided(LaunchRecord),
    #[serde(rename = "2")]
    Waiting(WaitingRecord),
}

/// What starts, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchRecord {
    pub definition: ChildDefinition,
    /// The name in the definition, to which the key belongs.
    pub name: String,
    pub user: Option<String>,
    /// What it begins with over the definition's context.
    pub fields: Fields,
    pub key: Option<String>,
    pub claim: KeyClaim,
}

/// Whether a process that is to start has its business key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyClaim {
    /// It has it, or needs none.
    #[serde(rename = "1")]
    Held,
    /// Another process has it, which is cancelled first.
    #[serde(rename = "2")]
    Replaces,
}

/// How long a process waits for one that is certain to start, to replace it.
const UNTIL_STARTED: Millis = Millis(200);

/// Processes that could not be started for now.
#[derive(Debug, Default)]
pub(crate) struct Delayed {
    /// By the time of the next try.
    due: BTreeSet<(Timestamp, ProcessId)>,
    /// They wait for the end of another process.
    replacing: BTreeSet<ProcessId>,
    /// Their rows are planned and not durable.
    planned: BTreeSet<ProcessId>,
}

impl Delayed {
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// It is planned, for now, that this process starts.
    pub fn plan(&mut self, process: ProcessId) {
        self.planned.insert(process);
    }

    /// What was planned is durable, or given up.
    pub fn settle(&mut self, process: ProcessId) {
        self.planned.remove(&process);
    }

    /// The process that this one waited for has ended.
    pub fn key_is_free(&mut self, process: ProcessId, now: Timestamp) {
        if self.replacing.remove(&process) {
            self.due.insert((now, process));
        }
    }
}

/// Notes in a transaction that a process starts.
pub(super) fn decide(
    transaction: &mut Transaction,
    process: ProcessId,
    record: LaunchRecord,
) -> Result<(), StoreError> {
    let value = records::encode(&LaunchRow::Decided(record.clone()))?;
    transaction.put(Table::Launches, keys::instance(process), value);
    transaction.after.decided.push((process, record));
    Ok(())
}

impl Planner {
    /// A transaction is given up that would have made it certain that these start.
    pub(super) fn decided_given_up(&mut self, decided: &[(ProcessId, LaunchRecord)]) {
        for (process, record) in decided {
            self.delayed.settle(*process);
            if let Some(account) = self.account(record.user.as_ref()) {
                account.end();
            }
        }
    }

    /// Whether it is certain that a process starts, or it has started.
    pub(super) fn is_decided(&self, process: ProcessId) -> Result<bool, StoreError> {
        let key = keys::instance(process);
        Ok(self.delayed.planned.contains(&process)
            || self.knows(process)?
            || self.has(Table::Launches, &key, process)?)
    }

    /// Starts a process whose row is durable, once its definition is ready.
    pub(crate) fn start_decided(
        &mut self,
        process: ProcessId,
        record: LaunchRecord,
    ) -> Result<(), StoreError> {
        self.delayed.settle(process);
        if !self.may_start(process, &record)? {
            return Ok(());
        }
        let definitions = &self.shared.definitions;
        let (ready, task) = match &record.definition {
            ChildDefinition::Text(text) => {
                let source: Arc<[u8]> = Arc::from(text.as_bytes());
                let rules = self.rules(record.user.as_ref());
                (
                    definitions.cached(text.as_bytes()),
                    Task::Compile { source, rules },
                )
            }
            ChildDefinition::Deployed(deployed) => (
                definitions.cached_program(deployed.program),
                Task::Load(deployed.program),
            ),
        };
        match ready {
            Some(loaded) => self.decided_loaded(process, record, JobOutcome::Loaded(Ok(loaded))),
            None => {
                let user = record.user.clone();
                self.submit(user, task, Waiting::Decided(process, Box::new(record)));
                Ok(())
            }
        }
    }

    pub(super) fn decided_loaded(
        &mut self,
        process: ProcessId,
        record: LaunchRecord,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        let loaded = match outcome {
            JobOutcome::Loaded(Ok(loaded)) => loaded,
            JobOutcome::Loaded(Err(LoadFailure::Refused { reasons, .. })) => {
                return self.abandon(process, &record, &reasons);
            }
            JobOutcome::Loaded(Err(LoadFailure::Environment(reason))) => {
                tracing::error!(
                    %process,
                    reason,
                    "a decided launch can't begin now; the engine tries again later"
                );
                let due = self.now().after(self.shared.config.incident_retry);
                self.delayed.due.insert((due, process));
                return Ok(());
            }
            JobOutcome::Admitted(_) | JobOutcome::Evaluated(_) => return Ok(()),
        };
        if !self.may_start(process, &record)? {
            return Ok(());
        }
        let mut transaction = Transaction::new(process.shard());
        if let (KeyClaim::Replaces, Some(key)) = (record.claim, &record.key) {
            let hash = self.key_hash(record.user.as_ref(), &record.name, key);
            self.claim_key(&mut transaction, hash, process);
        }
        transaction.delete(Table::Launches, keys::instance(process));
        let version = match &record.definition {
            ChildDefinition::Text(_) => None,
            ChildDefinition::Deployed(deployed) => Some(deployed.version),
        };
        let launch = Launch {
            user: record.user,
            fields: record.fields,
            version,
            key: record.key,
            ..Launch::new(process, loaded.hash)
        };
        let work = Work::Launch {
            launch: Box::new(launch),
            loaded: LoadedProgram(loaded),
        };
        self.begin(process, transaction.then(work))
    }

    /// Tries again what could not be started.
    pub(crate) fn retry_decided(&mut self) -> Result<usize, StoreError> {
        let mut count = 0;
        while let Some(&(due, process)) = self.delayed.due.first()
            && due <= self.now()
        {
            self.delayed.due.remove(&(due, process));
            count += 1;
            if let Some(record) = self.read_decided(process)? {
                self.start_decided(process, record)?;
            }
        }
        Ok(count)
    }

    fn read_decided(&self, process: ProcessId) -> Result<Option<LaunchRecord>, StoreError> {
        let key = keys::instance(process);
        let read = records::read::<LaunchRow>(&*self.shared.store, Table::Launches, &key);
        Ok(match self.shared.damages.around(None, read)?.flatten() {
            Some(LaunchRow::Decided(record)) => Some(record),
            Some(LaunchRow::Waiting(_)) | None => None,
        })
    }

    /// Whether no other process has its key. Otherwise that one is cancelled, and the process starts
    /// when it has ended.
    fn may_start(&mut self, process: ProcessId, record: &LaunchRecord) -> Result<bool, StoreError> {
        let (KeyClaim::Replaces, Some(key)) = (record.claim, &record.key) else {
            return Ok(true);
        };
        let hash = self.key_hash(record.user.as_ref(), &record.name, key);
        let holder = match self.key_holder(&hash)? {
            Holder::Nobody => return Ok(true),
            Holder::Process(holder) => Some(holder),
            Holder::Unknown => None,
        };
        let held = match holder {
            Some(holder) => self.peek(holder)?,
            None => None,
        };
        let (Some(holder), Some(held)) = (holder, held) else {
            // It has not started, or its record is damaged.
            let due = self.now().after(UNTIL_STARTED);
            self.delayed.due.insert((due, process));
            return Ok(false);
        };
        let is_cancelled = held.instance.cancelled.is_some();
        self.delayed.replacing.insert(process);
        if let Some(earlier) = self.business.wait(hash, process) {
            let (name, key) = (record.name.clone(), key.clone());
            self.supersede(earlier, (name, key), (holder, process))?;
        } else if !is_cancelled {
            self.cancel_replaced(process, holder, key)?;
        }
        Ok(false)
    }

    /// A process takes the place of an earlier one, which waited for the same key.
    pub(crate) fn supersede(
        &mut self,
        earlier: ProcessId,
        (name, key): (String, String),
        (holder, by): (ProcessId, ProcessId),
    ) -> Result<(), StoreError> {
        let taken = KeyTaken::Superseded {
            name,
            key,
            holder,
            by,
        };
        if let Some(in_hand) = self.launching.take(earlier) {
            return self.refuse_launch(earlier, in_hand, &Refusal::Key(taken));
        }
        if !self.delayed.replacing.remove(&earlier) {
            return Ok(());
        }
        match self.read_decided(earlier)? {
            Some(record) => self.abandon(earlier, &record, &[taken.to_string()]),
            None => Ok(()),
        }
    }

    /// Cancels the process that has the key of another one.
    pub(crate) fn cancel_replaced(
        &mut self,
        process: ProcessId,
        holder: ProcessId,
        key: &str,
    ) -> Result<(), StoreError> {
        let reason = format!("process {process} replaces it under the key `{key}`");
        // The freed key says that it has ended.
        let by = Initiator::Replacement { process };
        self.ordered(Command::cancel(holder, reason, by))
    }

    /// A process never starts: a newer one takes its place, or an engine with other limits refuses
    /// its definition.
    fn abandon(
        &mut self,
        process: ProcessId,
        record: &LaunchRecord,
        reasons: &[String],
    ) -> Result<(), StoreError> {
        tracing::warn!(%process, ?reasons, "the engine gives up on a decided launch");
        if let Some(account) = self.account(record.user.as_ref()) {
            account.end();
        }
        let mut transaction = Transaction::new(process.shard());
        transaction.delete(Table::Launches, keys::instance(process));
        if let (KeyClaim::Held, Some(key)) = (record.claim, &record.key) {
            let hash = self.key_hash(record.user.as_ref(), &record.name, key);
            free_key(&mut transaction, hash);
        }
        let exchange = &self.shared.config.notice_exchange;
        let message = notice(
            exchange,
            Some(process),
            &record.name,
            Report::Rejected { reasons },
        );
        let key = self.own_key(process.shard(), keys::OutboxKind::Notice);
        transaction.publish(key, message);
        self.finish(transaction)
    }
}
