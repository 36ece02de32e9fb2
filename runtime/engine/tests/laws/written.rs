//! A store that receives only an instance's changes, and must return the whole instance.

use bureaucrat_model::Instance;
use bureaucrat_store::{
    Group, MemoryStore, Store, Table, Unit,
    instances::{InstanceRows, StoredInstance, read_instance, searched_keys, write_instance},
};
use std::collections::BTreeSet;

/// A store, and what it contains of one instance.
#[derive(Default)]
pub struct Written {
    rows: InstanceRows,
    store: MemoryStore,
    /// Bytes of keys and records written so far.
    pub total: usize,
}

impl Written {
    /// Writes what changed; returns how many bytes in how many rows.
    pub fn write(&mut self, instance: &mut Instance) -> (usize, usize) {
        let mut unit = Unit::default();
        write_instance(instance, &mut self.rows, &mut unit.writes).unwrap();
        let (bytes, rows) = (unit.bytes(), unit.writes.len());
        self.total += bytes;
        self.store.commit(&Group { units: vec![unit] }).unwrap();
        (bytes, rows)
    }

    pub fn dump(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        self.store.dump()
    }

    /// Checks that the store contains the whole instance.
    pub fn check(&self, instance: &Instance) {
        let read = read_instance(&self.store, instance.process).unwrap();
        let StoredInstance {
            instance: stored,
            rows,
        } = read.unwrap();
        assert_eq!(&stored, instance);
        assert_eq!(stored.searched, stored.to_search());
        let dump = self.store.dump().into_iter();
        let found = dump.filter(|(table, ..)| *table == Table::Searched);
        let wanted: BTreeSet<_> = searched_keys(&stored).collect();
        assert_eq!(
            found.map(|(_, key, _)| key).collect::<BTreeSet<_>>(),
            wanted
        );
        assert_eq!(rows, self.rows);
        assert_eq!(rows.unnamed_values().count(), 0);
        assert_eq!(stored.fibers.held_bytes(), instance.fibers.held_bytes());
        let shares = |instance: &Instance| -> Vec<bool> {
            let fibers = instance.fibers.iter();
            fibers.map(|(_, fiber)| fiber.shares_base()).collect()
        };
        assert_eq!(shares(&stored), shares(instance));
        assert_eq!(stored.fibers.first_ready(), instance.fibers.first_ready());
        let dump = self.store.dump().into_iter();
        let records = dump.map(|(_, _, record)| record.len());
        assert_eq!(records.sum::<usize>() as u64, self.rows.bytes());
    }

    /// Writes what changed, and checks it.
    pub fn follow(&mut self, instance: &mut Instance) {
        self.write(instance);
        self.check(instance);
    }
}
