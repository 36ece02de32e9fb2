//! Processes that are certain to start and have not started: detached ones, and those of schedules.
//!
//! The commit that decides about one writes a row, under the id of the process; the commit that
//! starts it removes the row. In between, its definition is made ready. Everything that could
//! prevent it was checked before: its key is claimed, and it counts as a process of its user. So it
//! starts exactly once, whatever happens.

use super::{
    Planner,
    business::free_key,
    jobs::Waiting,
    transaction::{Transaction, Work},
};
use crate::{
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, LoadedProgram},
};
use bureaucrat_model::{ChildDefinition, Fields, Launch, ProcessId, Timestamp};
use bureaucrat_store::{StoreError, Table, keys, records};
use bureaucrat_wire::{Report, notice};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

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
}

/// Processes that could not be started for now, by the time of the next try.
#[derive(Debug, Default)]
pub(crate) struct Delayed(BTreeSet<(Timestamp, ProcessId)>);

impl Delayed {
    pub fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(due, _)| *due)
    }
}

/// Notes in a transaction that a process starts.
pub(super) fn decide(
    transaction: &mut Transaction,
    process: ProcessId,
    record: LaunchRecord,
) -> Result<(), StoreError> {
    let value = records::encode(&record)?;
    transaction.put(Table::Launches, keys::instance(process), value);
    transaction.after.decided.push((process, record));
    Ok(())
}

impl Planner {
    /// Starts a process whose row is durable, once its definition is ready.
    pub(crate) fn start_decided(
        &mut self,
        process: ProcessId,
        record: LaunchRecord,
    ) -> Result<(), StoreError> {
        let definitions = &self.shared.definitions;
        let (ready, task) = match &record.definition {
            ChildDefinition::Text(text) => {
                let source: Arc<[u8]> = Arc::from(text.as_bytes());
                let budget = self.compile_budget(record.user.as_ref());
                (
                    definitions.cached(text.as_bytes()),
                    Task::Compile { source, budget },
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
                self.delayed.0.insert((due, process));
                return Ok(());
            }
            JobOutcome::Admitted(_) | JobOutcome::Evaluated(_) => return Ok(()),
        };
        let mut transaction = Transaction::new(process.shard());
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
        while let Some(&(due, process)) = self.delayed.0.first()
            && due <= self.now()
        {
            self.delayed.0.remove(&(due, process));
            count += 1;
            let key = keys::instance(process);
            let read = records::read::<LaunchRecord>(&*self.shared.store, Table::Launches, &key);
            if let Some(Some(record)) = self.shared.damages.around(None, read)? {
                self.start_decided(process, record)?;
            }
        }
        Ok(count)
    }

    /// A definition that was right when it was decided about is refused now: by an engine with
    /// other limits.
    fn abandon(
        &mut self,
        process: ProcessId,
        record: &LaunchRecord,
        reasons: &[String],
    ) -> Result<(), StoreError> {
        tracing::error!(%process, ?reasons, "the engine gives up on a decided launch");
        if let Some(account) = self.account(record.user.as_ref()) {
            account.end();
        }
        let mut transaction = Transaction::new(process.shard());
        transaction.delete(Table::Launches, keys::instance(process));
        if let Some(key) = &record.key {
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
