//! What the facts record about publishes: what the broker has, and what it never takes.

use super::{Facts, audit::tree};

impl Facts {
    /// The broker never takes the task of this row, so its process may fail.
    pub fn unsendable(&self, row: &[u8]) {
        let mut known = self.known();
        let rows = known.outbox.iter().filter(|(_, value)| *value == row);
        let trees: Vec<_> = rows.map(|(key, _)| tree(key.process)).collect();
        known.unsendable.extend(trees);
        known.settled.insert(row.to_vec());
        *known.counts.entry("tasks that can't be sent").or_default() += 1;
    }

    pub fn settle(&self, row: Vec<u8>) {
        self.known().settled.insert(row);
    }
}
