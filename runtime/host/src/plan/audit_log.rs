//! Writes the audit log: the entry of an order in the commit of that order, under the next number. What is too old, or more
//! than is kept, goes with the next commit, a portion at a time.

use super::{Planner, transaction::Transaction};
use crate::{
    damage::Damages,
    operate::audit_log::{AuditEntry, AuditRecord},
    sharing::Sharing,
};
use bureaucrat_model::{Millis, ShardGroup, Timestamp};
use bureaucrat_store::{Store, StoreError, Table, Write, keys, reading::scan_around, records};

/// Entries that go with one commit.
const TRIMMED: u64 = 500;
/// When to look again at an oldest entry that can't be read.
const LATER: Millis = Millis(3_600_000);

/// Which entries there are, durable or not.
#[derive(Debug)]
pub struct AuditLog {
    /// The number of the oldest.
    oldest: u64,
    /// The number that the next one gets.
    next: u64,
    /// When the oldest goes, once that is known.
    due: Option<Timestamp>,
}

impl Default for AuditLog {
    fn default() -> Self {
        Self {
            oldest: 1,
            next: 1,
            due: None,
        }
    }
}

impl AuditLog {
    /// What is stored.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) fn open(store: &dyn Store, damages: &Damages) -> Result<Self, StoreError> {
        let Some(newest) = found(store, damages, u64::MAX)? else {
            return Ok(Self::default());
        };
        let (mut low, mut high) = (0, newest);
        while low < high {
            let middle = low + (high - low) / 2;
            match found(store, damages, middle)? {
                Some(number) => high = number,
                None => low = middle + 1,
            }
        }
        Ok(Self {
            oldest: high,
            next: newest.saturating_add(1),
            due: None,
        })
    }

    /// When the oldest entries go, up to so many of them; none for one that can't be read.
    fn look(
        &self,
        store: &dyn Store,
        retention: Millis,
        most: u64,
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let (from, end) = keys::audit_entries_from(self.oldest + (most - 1));
        let portion = scan_around(store, Table::AuditLog, &from, &end, most as usize)?;
        let mut found = Vec::new();
        for (key, value) in &portion.rows {
            let read = records::decode::<AuditRecord>(Table::AuditLog, key, value);
            let due = read.ok().map(|record| record.at.after(retention));
            if let Ok(number) = keys::audit_entry_of(key)
                && let Some(place) = number.checked_sub(self.oldest)
            {
                let place = place as usize;
                found.resize(found.len().max(place + 1), None);
                found[place] = due;
            }
        }
        Ok(found)
    }

    fn forget_up_to(&mut self, next: u64) -> impl Iterator<Item = Write> + use<> {
        let gone = self.oldest..next;
        self.oldest = next;
        self.due = None;
        gone.map(|number| Write::Delete {
            table: Table::AuditLog,
            key: keys::audit_entry(number),
        })
    }
}

/// The newest number up to this one that an entry has.
fn found(store: &dyn Store, damages: &Damages, up_to: u64) -> Result<Option<u64>, StoreError> {
    let (mut from, end) = keys::audit_entries_from(up_to);
    loop {
        let portion = scan_around(store, Table::AuditLog, &from, &end, 1)?;
        damages.note_gaps(Table::AuditLog, &portion.gaps);
        if let Some((key, _)) = portion.rows.first() {
            match keys::audit_entry_of(key) {
                Ok(number) => return Ok(Some(number)),
                Err(_) => damages.note_key(Table::AuditLog, key),
            }
        }
        match portion.next {
            Some(next) => from = next,
            None => return Ok(None),
        }
    }
}

impl Planner {
    /// Writes the entry of a transaction, if that is an order.
    pub(super) fn write_audit_log(
        &mut self,
        transaction: &mut Transaction,
        entry: Option<AuditEntry>,
    ) -> Result<(), StoreError> {
        let Some(entry) = entry else {
            return Ok(());
        };
        let number = self.next_audit_number()?;
        let at = self.shared.time.now();
        let record = records::encode(&AuditRecord { number, at, entry })?;
        transaction.put(Table::AuditLog, keys::audit_entry(number), record);
        Ok(())
    }

    /// Engines that share the log leave gaps, so that two of them never give the same number.
    fn next_audit_number(&mut self) -> Result<u64, StoreError> {
        let log = &mut self.audit_log;
        let sharing = &self.shared.config.sharing;
        if let Sharing::Shared(_) = sharing {
            let newest = found(&*self.shared.store, &self.shared.damages, u64::MAX)?;
            let next = log.next.max(newest.map_or(1, |newest| newest + 1));
            let lanes = ShardGroup::COUNT as u64;
            let first = next - next % lanes + sharing.lane();
            log.next = match first < next {
                true => first + lanes,
                false => first,
            };
        }
        let number = log.next;
        log.next += 1;
        Ok(number)
    }

    /// The removal of a portion of what is too old or too much.
    pub(crate) fn trim_audit_log(&mut self, now: Timestamp) -> Result<Vec<Write>, StoreError> {
        let (config, log) = (&self.shared.config, &mut self.audit_log);
        let excess = (log.next - log.oldest).saturating_sub(config.audit_entries.max(1));
        if excess > 0 {
            let next = log.oldest + excess.min(TRIMMED);
            return Ok(log.forget_up_to(next).collect());
        }
        if log.oldest == log.next || log.due.is_some_and(|due| due > now) {
            return Ok(Vec::new());
        }
        let store = &*self.shared.store;
        if log.due.is_none() {
            // It may not be durable yet.
            let Some(due) = log.look(store, config.audit_retention, 1)?.pop() else {
                return Ok(Vec::new());
            };
            log.due = Some(due.unwrap_or_else(|| now.after(LATER)));
            return self.trim_audit_log(now);
        }
        let portion = log.look(store, config.audit_retention, TRIMMED)?;
        let is_over = |due: &Option<Timestamp>| due.is_some_and(|due| due <= now);
        match portion.iter().rposition(is_over) {
            Some(last) => Ok(log.forget_up_to(log.oldest + last as u64 + 1).collect()),
            None => {
                log.due = Some(now.after(LATER));
                Ok(Vec::new())
            }
        }
    }
}
