//! Business keys: of the processes of one user and one name that have not ended, at most one has a
//! given key.
//!
//! The key is claimed in the commit of the launch and freed in the commit of the end, by a row in an
//! index that is read first. What is planned and not durable yet is remembered here, so that the
//! answer is the same as after the commits. A launch that replaces another one waits in memory until
//! the other one has ended, and gets a row if that takes long (`intake/waiting.rs`); a detached process
//! or that of a schedule has one from the beginning ([`super::decided`]).

use super::{
    Planner,
    transaction::{Held, Transaction},
};
use bureaucrat_model::ProcessId;
use bureaucrat_store::{StoreError, Table};
use std::collections::HashMap;

/// User, name and key, as the index has them.
pub(crate) type KeyHash = [u8; 32];

/// A change of the index in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyChange {
    Claimed(KeyHash, ProcessId),
    Freed(KeyHash),
}

impl KeyChange {
    const fn hash(self) -> KeyHash {
        match self {
            Self::Claimed(hash, _) | Self::Freed(hash) => hash,
        }
    }

    const fn holder(self) -> Option<ProcessId> {
        match self {
            Self::Claimed(_, process) => Some(process),
            Self::Freed(_) => None,
        }
    }
}

#[derive(Debug, Default)]
struct Pending {
    /// Who has the key after all of these changes.
    holder: Option<ProcessId>,
    /// Changes that are not durable.
    changes: u32,
}

/// Business keys as they are after everything that was planned.
#[derive(Debug, Default)]
pub(crate) struct BusinessKeys {
    pending: HashMap<KeyHash, Pending>,
    /// Launches that wait for the end of the process that has their key.
    waiting: HashMap<KeyHash, ProcessId>,
}

impl BusinessKeys {
    fn change(&mut self, hash: KeyHash, holder: Option<ProcessId>) {
        let pending = self.pending.entry(hash).or_default();
        pending.holder = holder;
        pending.changes += 1;
    }

    fn settle(&mut self, hash: KeyHash) {
        if let Some(pending) = self.pending.get_mut(&hash) {
            pending.changes = pending.changes.saturating_sub(1);
            if pending.changes == 0 {
                self.pending.remove(&hash);
            }
        }
    }

    /// Makes a launch wait until a key is free; returns the launch that waited before.
    pub fn wait(&mut self, hash: KeyHash, process: ProcessId) -> Option<ProcessId> {
        let earlier = self.waiting.insert(hash, process);
        earlier.filter(|earlier| *earlier != process)
    }
}

/// Who has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Nobody,
    Process(ProcessId),
    /// The record cannot be read.
    Unknown,
}

impl Planner {
    /// The hash of a key among a user's processes with a name.
    pub(crate) fn key_hash(&self, user: Option<&String>, name: &str, key: &str) -> KeyHash {
        let router = &self.shared.router;
        router.business_key(user.map(String::as_str), name, key)
    }

    /// The process that has a key and has not ended.
    pub(crate) fn key_holder(&self, hash: &KeyHash) -> Result<Holder, StoreError> {
        if let Some(pending) = self.business.pending.get(hash) {
            return Ok(pending.holder.map_or(Holder::Nobody, Holder::Process));
        }
        let stored = self.shared.store.get(Table::BusinessKeys, hash);
        Ok(match self.shared.damages.around(None, stored)? {
            None => Holder::Unknown,
            Some(None) => Holder::Nobody,
            Some(Some(process)) => match <[u8; 16]>::try_from(&*process) {
                Ok(bytes) => Holder::Process(ProcessId::from_bytes(bytes)),
                Err(_) => Holder::Unknown,
            },
        })
    }

    /// The same within a transaction, which may have freed or claimed the key itself.
    pub(super) fn key_holder_within(
        &self,
        transaction: &Transaction,
        hash: &KeyHash,
    ) -> Result<Holder, StoreError> {
        match last_change(&transaction.after.keys, hash) {
            Some(change) => Ok(change.holder().map_or(Holder::Nobody, Holder::Process)),
            None => self.key_holder(hash),
        }
    }

    /// A launch takes a free key, from now on.
    pub(crate) fn claim_key(
        &mut self,
        transaction: &mut Transaction,
        hash: KeyHash,
        process: ProcessId,
    ) {
        let value = process.as_bytes().to_vec();
        transaction.put(Table::BusinessKeys, hash.to_vec(), value);
        transaction
            .after
            .keys
            .push(KeyChange::Claimed(hash, process));
        self.business.change(hash, Some(process));
    }

    /// The key of an instance.
    pub(super) fn held_key(&self, held: &Held) -> Option<KeyHash> {
        let instance = &held.instance;
        let key = instance.key.as_ref()?;
        Some(self.key_hash(instance.user.as_ref(), &instance.name, key))
    }

    /// A transaction is planned: launches that wait for the keys that it frees have their turn.
    pub(super) fn keys_planned(&mut self, changes: &[KeyChange]) {
        for change in changes {
            if let KeyChange::Freed(hash) = *change {
                // The same transaction may have given it to another process.
                let holder = last_change(changes, &hash).and_then(KeyChange::holder);
                self.business.change(hash, holder);
                if let Some(process) = self.business.waiting.remove(&hash) {
                    self.launching.begin_again(process);
                    let now = self.now();
                    self.delayed.key_is_free(process, now);
                }
            }
        }
    }

    /// A transaction is durable: the store knows these changes.
    pub(crate) fn keys_durable(&mut self, changes: &[KeyChange]) {
        for change in changes {
            self.business.settle(change.hash());
        }
    }

    /// A transaction is given up: what it had claimed is free.
    pub(super) fn keys_given_up(&mut self, changes: &[KeyChange]) {
        for change in changes {
            if let KeyChange::Claimed(hash, _) = *change {
                self.business.change(hash, None);
                self.business.settle(hash);
                self.business.settle(hash);
            }
        }
    }
}

fn last_change(changes: &[KeyChange], hash: &KeyHash) -> Option<KeyChange> {
    let mut changes = changes.iter().rev().copied();
    changes.find(|change| change.hash() == *hash)
}

/// A process that has a key has ended; the key is free once that is planned.
pub(super) fn free_key(transaction: &mut Transaction, hash: KeyHash) {
    transaction.delete(Table::BusinessKeys, hash.to_vec());
    transaction.after.keys.push(KeyChange::Freed(hash));
}
