//! What the facts record about publishes: what the broker has, what it never takes, and what
//! definitions send.

use super::{Facts, audit::tree, facts::Known, histories::happened};
use bureaucrat_model::{HistoryEntry, HistoryEvent};
use bureaucrat_store::{
    Table, Unit, Write,
    keys::{OutboxKey, OutboxKind},
};

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

impl Known {
    /// A message that a process sends is written once, with the history's word of it.
    pub fn messages_fit(&mut self, unit: &Unit) {
        let (mut rows, mut entries) = (0, 0);
        for write in &unit.writes {
            let Write::Put { table, key, value } = write else {
                continue;
            };
            if *table == Table::History {
                let is_sent =
                    |entry: &&HistoryEntry| matches!(entry.event, HistoryEvent::Sent { .. });
                entries += happened(key, value).iter().filter(is_sent).count();
            }
            let row = OutboxKey::from_bytes(key);
            if *table == Table::Outbox && row.is_ok_and(|row| row.kind == OutboxKind::Message) {
                rows += 1;
                if !self.told.insert(key.clone()) {
                    self.violate(format!("a message was sent twice: {row:?}"));
                }
            }
        }
        if rows != entries {
            self.violate(format!(
                "{rows} messages of definitions for {entries} in histories"
            ));
        }
    }
}
