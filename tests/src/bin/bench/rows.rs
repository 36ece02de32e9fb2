//! Commits what the engine would, and nothing else: the rows of an action for each body, one transaction for all that wait.
//!
//! An upper bound for what an engine can reach over this database, not an engine: the rows have the sizes and the tables of
//! an engine's, but nobody reads them.

use anyhow::Result;
use bureaucrat_store::{Group, Store, Table, Unit, Write};
use bureaucrat_store_postgres::PostgresStore;
use std::sync::mpsc::Receiver;

/// Processes whose rows are written in turn.
const PROCESSES: u64 = 1_000;
/// The bytes of an instance's head and of a row of its history, beside the body.
const HEAD: usize = 250;
const HISTORY: usize = 150;

pub struct Rows {
    store: PostgresStore,
    actions: u64,
}

impl Rows {
    pub const fn new(store: PostgresStore) -> Self {
        Self { store, actions: 0 }
    }

    /// The rows of an action: the instance as it is now, what happened, the next task, and without the last one.
    fn of(&mut self, body: &[u8]) -> Unit {
        self.actions += 1;
        let (process, turn) = (self.actions % PROCESSES, self.actions / PROCESSES);
        let key = |number: u64| {
            let mut key = vec![process as u8; 16];
            key[1..9].copy_from_slice(&process.to_be_bytes());
            key.extend_from_slice(&number.to_be_bytes());
            key
        };
        let put = |table, key: Vec<u8>, bytes: usize| Write::Put {
            table,
            key,
            value: vec![7; bytes],
        };
        Unit::of(vec![
            put(
                Table::Instances,
                key(0)[..16].to_vec(),
                HEAD + body.len() / 2,
            ),
            put(Table::History, key(turn), HISTORY),
            put(Table::Outbox, key(turn + 1), body.len() + 100),
            Write::Delete {
                table: Table::Outbox,
                key: key(turn),
            },
        ])
    }
}

/// As [`crate::log::commit`], into a database.
///
/// # Errors
/// If the database fails.
pub fn commit<B: AsRef<[u8]>>(
    mut rows: Rows,
    batches: &Receiver<Vec<B>>,
    durable: impl Fn(Vec<B>) -> bool,
) -> Result<()> {
    while let Ok(mut group) = batches.recv() {
        while let Ok(batch) = batches.try_recv() {
            group.extend(batch);
        }
        let units = group.iter().map(|body| rows.of(body.as_ref())).collect();
        rows.store.commit(&Group { units })?;
        if !durable(group) {
            break;
        }
    }
    Ok(())
}
