//! Rows that are set aside for failing destinations: moved out of the outbox's table, under an
//! index of destinations.

use super::{outbox::Place, troubles::Destination};
use bureaucrat_model::{ShardGroups, ShardId};
use bureaucrat_store::{
    Store, StoreError, Table, Write,
    keys::{self, DestinationHash, OutboxKey},
    records,
};
use bureaucrat_wire::Outgoing;
use serde::{Deserialize, Serialize};

/// The destination of a message.
pub fn destination_of(message: &Outgoing) -> Destination {
    (message.exchange.clone(), message.routing_key.clone())
}

/// A row of the outbox to set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub key: OutboxKey,
    pub hash: DestinationHash,
    pub destination: Destination,
}

impl Moved {
    pub fn of(key: OutboxKey, hash: DestinationHash, message: &Outgoing) -> Self {
        Self {
            key,
            hash,
            destination: destination_of(message),
        }
    }
}

/// A row that was removed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gone {
    pub key: OutboxKey,
    pub place: Place,
}

impl Gone {
    /// The writes that remove it.
    pub fn writes(self) -> Vec<Write> {
        let delete = |table, key| Write::Delete { table, key };
        match self.place {
            Place::Outbox => vec![delete(Table::Outbox, self.key.to_bytes())],
            Place::Aside(hash) => vec![
                delete(Table::Aside, self.key.to_bytes()),
                delete(Table::Backlog, keys::backlog(hash, self.key)),
            ],
        }
    }
}

/// The index entry of a row: its destination and its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BacklogRecord {
    pub exchange: String,
    pub routing_key: String,
    pub bytes: u64,
}

/// Rows that are set aside with one submission.
const MOVES_MAX: usize = 256;

/// Rows that will be set aside with the next submission.
#[derive(Debug, Default)]
pub struct SettingAside {
    moves: Vec<Moved>,
}

impl SettingAside {
    pub fn add(&mut self, moved: Moved) {
        self.moves.push(moved);
    }

    /// A row is no longer needed, so it is not set aside.
    pub fn withdraw(&mut self, key: OutboxKey) {
        self.moves.retain(|moved| moved.key != key);
    }

    /// Where a row goes that waits to be set aside.
    pub fn destination_of(&self, key: OutboxKey) -> Option<&Destination> {
        let moved = self.moves.iter().find(|moved| moved.key == key)?;
        Some(&moved.destination)
    }

    /// Whether no more should be added before these are submitted.
    pub fn is_full(&self) -> bool {
        self.moves.len() >= MOVES_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
    }

    /// The rows to set aside now.
    pub fn take(&mut self) -> Vec<Moved> {
        std::mem::take(&mut self.moves)
    }

    /// The writes that set a row aside; none if it is not in the outbox's table any more.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn writes(store: &dyn Store, moved: &Moved) -> Result<Vec<Write>, StoreError> {
        let key = moved.key.to_bytes();
        let value = match store.get(Table::Outbox, &key) {
            Ok(Some(value)) => value,
            // An unreadable row stays where it is.
            Ok(None) | Err(StoreError::Damaged { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut writes = vec![Write::Delete {
            table: Table::Outbox,
            key: key.clone(),
        }];
        let (exchange, routing_key) = &moved.destination;
        writes.extend(rows(moved.key, moved.hash, exchange, routing_key, value)?);
        Ok(writes)
    }

    /// The index's rows of a destination in these groups, after a given one.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn index(
        &self,
        store: &dyn Store,
        groups: ShardGroups,
        hash: DestinationHash,
        behind: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<OutboxKey>, StoreError> {
        let (first, end) = keys::backlog_of(hash);
        let after = behind.map(|key| keys::successor(&keys::backlog(hash, key)));
        let mut found = Vec::new();
        for (from, to) in groups.ranges() {
            let of = |shard: ShardId| [&first[..], &[shard.0]].concat();
            let from = of(from).max(after.clone().unwrap_or_default());
            let to = to.map_or(end.clone(), of);
            if from >= to {
                continue;
            }
            let rows = store.scan(Table::Backlog, &from, &to, limit - found.len())?;
            let key = |(key, _): (Vec<u8>, Vec<u8>)| keys::backlog_row(&key).ok();
            found.extend(rows.into_iter().filter_map(key));
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }
}

/// The writes of a row that is set aside, with its index entry.
///
/// # Errors
/// If the entry cannot be encoded.
pub fn rows(
    key: OutboxKey,
    hash: DestinationHash,
    exchange: &str,
    routing_key: &str,
    value: Vec<u8>,
) -> Result<[Write; 2], StoreError> {
    let record = BacklogRecord {
        exchange: exchange.to_owned(),
        routing_key: routing_key.to_owned(),
        bytes: value.len() as u64,
    };
    Ok([
        Write::Put {
            table: Table::Aside,
            key: key.to_bytes(),
            value,
        },
        Write::Put {
            table: Table::Backlog,
            key: keys::backlog(hash, key),
            value: records::encode(&record)?,
        },
    ])
}
