//! Instances: found in memory or in the store, taken into a transaction, followed up to the root of
//! their call tree.

use super::{
    Planner,
    residents::{Found, Taken},
    transaction::{Held, Transaction},
};
use bureaucrat_model::{FiberState, ProcessId, WaitKind};
use bureaucrat_store::{
    StoreError, Table,
    instances::{StoredInstance, read_instance},
    keys,
};

impl Planner {
    /// Takes an instance into the transaction; returns false if there is none.
    pub(crate) fn hold(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
    ) -> Result<bool, StoreError> {
        if transaction.held.contains_key(&process) {
            return Ok(true);
        }
        let held = match self.residents.take(process) {
            Taken::Here(held) => Some(held),
            Taken::Removed => None,
            Taken::Unknown => self.read(process)?.map(Box::new),
        };
        let is_there = held.is_some();
        transaction.held.extend(held.map(|held| (process, held)));
        Ok(is_there)
    }

    /// Whether a process exists, including one with a damaged record.
    pub(crate) fn knows(&self, process: ProcessId) -> Result<bool, StoreError> {
        match self.residents.find(process) {
            Found::Here(_) => return Ok(true),
            Found::Removed => return Ok(false),
            Found::Unknown => {}
        }
        self.has(Table::Instances, &keys::instance(process), process)
    }

    /// Whether a record of a process exists, even if it cannot be read.
    pub(crate) fn has(
        &self,
        table: Table,
        key: &[u8],
        process: ProcessId,
    ) -> Result<bool, StoreError> {
        let read = self.shared.store.get(table, key);
        let found = self.shared.damages.around(Some(process), read)?;
        Ok(found.is_none_or(|record| record.is_some()))
    }

    /// Whether the process's record was found to be damaged.
    pub(crate) fn is_hidden(&self, process: ProcessId) -> bool {
        self.shared.damages.hide(process)
    }

    /// An instance as it is after every finished transaction; `None` if there is none, or its
    /// record is damaged.
    pub(crate) fn peek(&self, process: ProcessId) -> Result<Option<Held>, StoreError> {
        match self.residents.find(process) {
            Found::Here(held) => Ok(Some(Held::clone(held))),
            Found::Removed => Ok(None),
            Found::Unknown => self.read(process),
        }
    }

    /// The user of a process, if that exists and has one.
    pub(crate) fn user_of(&self, process: ProcessId) -> Result<Option<String>, StoreError> {
        let user = |held: &Held| held.instance.user.clone();
        match self.residents.get(process) {
            Some(held) => Ok(user(held)),
            None => Ok(self.peek(process)?.as_ref().and_then(user)),
        }
    }

    fn read(&self, process: ProcessId) -> Result<Option<Held>, StoreError> {
        let read = read_instance(&*self.shared.store, process);
        let read = self.shared.damages.around(Some(process), read)?;
        let Some(StoredInstance { instance, rows }) = read.flatten() else {
            return Ok(None);
        };
        Ok(Some(Held {
            rows,
            account: self.account(instance.user.as_ref()),
            instance,
        }))
    }

    /// The process at the root of the call tree.
    pub(crate) fn root_of(&self, process: ProcessId) -> Result<ProcessId, StoreError> {
        self.root_within(&Transaction::new(process.shard()), process)
    }

    pub(crate) fn root_within(
        &self,
        transaction: &Transaction,
        process: ProcessId,
    ) -> Result<ProcessId, StoreError> {
        let mut root = process;
        for _ in 0..=self.shared.config.engine_limits.call_depth {
            let caller = match transaction
                .held
                .get(&root)
                .map(Box::as_ref)
                .or_else(|| self.residents.get(root))
            {
                Some(held) => held.instance.caller.as_ref().map(|caller| caller.process),
                None => self
                    .peek(root)?
                    .and_then(|held| Some(held.instance.caller.as_ref()?.process)),
            };
            match caller {
                Some(caller) => root = caller,
                None => break,
            }
        }
        Ok(root)
    }

    /// Whether a caller still waits for this called process; it may have failed while the
    /// definition was compiled.
    pub(crate) fn awaits(
        &self,
        transaction: &Transaction,
        caller: ProcessId,
        child: ProcessId,
    ) -> Result<bool, StoreError> {
        let waits = |held: &Held| {
            held.instance.fibers.iter().any(|(_, fiber)| {
                matches!(&fiber.state, FiberState::Waiting(wait) if matches!(wait.kind, WaitKind::Child { child: found, .. } if found == child))
            })
        };
        match transaction.held.get(&caller) {
            Some(held) => Ok(waits(held)),
            None => Ok(self.peek(caller)?.is_some_and(|held| waits(&held))),
        }
    }
}
