//! Events on their way to those who wait for them.
//!
//! An event is written once; each shard hands it out to its own subscribers in bounded batches, from a cursor that is
//! committed with each batch. Only subscriptions that are older than the event are served.

use crate::damage::Damages;
use bureaucrat_model::JsonText;
use bureaucrat_store::{Store, StoreError, Table, keys, reading::scan_all, records};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// An event as it is stored while it is handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    pub name: String,
    /// The whole JSON object.
    pub event: JsonText,
}

/// How far a shard has got with an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventProgress {
    /// The first subscription that has not been looked at; none at the beginning.
    #[serde(with = "serde_bytes")]
    pub from: Vec<u8>,
}

/// An event that is being handed out.
#[derive(Debug, Clone)]
pub struct Handout {
    /// Its place in the order of commits.
    pub sequence: u64,
    pub record: Arc<EventRecord>,
    /// How many shards have not finished; the last one removes the event.
    pub remaining: Arc<AtomicUsize>,
    /// Where this shard goes on; empty at the beginning.
    pub from: Vec<u8>,
}

impl Handout {
    /// Counts this shard out; true for the last one.
    pub fn finish(&self) -> Finished {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            Finished::LastShard
        } else {
            Finished::OthersRemain
        }
    }
}

/// Whether a shard was the last to finish an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// Others still hand it out.
    OthersRemain,
    /// It was the last one.
    LastShard,
}

/// The events that were being handed out when the engine ended, by the shard that has to go on; and events that every
/// shard had finished, whose rows may go.
pub type Leftovers = (Vec<(u16, Handout)>, Vec<u64>);

/// What is left of one event: its body, and the shards that have not finished, each with its cursor.
#[derive(Default)]
struct Left {
    record: Option<EventRecord>,
    shards: Vec<(u16, Vec<u8>)>,
    is_damaged: bool,
}

/// Reads what is left of events. One whose body is damaged stays where it is; a shard whose cursor is damaged begins anew,
/// which serves nobody twice: who was served has another subscription since.
///
/// # Errors
/// When the store can't be read.
pub fn leftovers(store: &dyn Store, damages: &Damages) -> Result<Leftovers, StoreError> {
    let mut events: BTreeMap<u64, Left> = BTreeMap::new();
    let end = [u8::MAX; 11];
    let gaps = scan_all(store, Table::Events, &[], &end, |key, value| {
        let Ok((sequence, shard)) = keys::event_of(&key) else {
            damages.note_key(Table::Events, &key);
            return Ok(());
        };
        let entry = events.entry(sequence).or_default();
        match shard {
            None => {
                let record = records::decode(Table::Events, &key, &value);
                entry.record = damages.around(None, record)?;
                entry.is_damaged = entry.record.is_none();
            }
            Some(shard) => {
                let progress = records::decode::<EventProgress>(Table::Events, &key, &value);
                let progress = damages.around(None, progress)?;
                let from = progress.map(|progress| progress.from).unwrap_or_default();
                entry.shards.push((shard, from));
            }
        }
        Ok(())
    })?;
    damages.note_gaps(Table::Events, &gaps);
    let mut handouts = Vec::new();
    let mut finished = Vec::new();
    for (sequence, left) in events {
        let Left {
            record,
            shards,
            is_damaged,
        } = left;
        // In front of a gap nothing is sure to be finished.
        if is_damaged || (record.is_none() && !gaps.is_empty()) {
            continue;
        }
        let Some(record) = record.filter(|_| !shards.is_empty()) else {
            finished.push(sequence);
            continue;
        };
        let record = Arc::new(record);
        let remaining = Arc::new(AtomicUsize::new(shards.len()));
        for (shard, from) in shards {
            let handout = Handout {
                sequence,
                record: record.clone(),
                remaining: remaining.clone(),
                from,
            };
            handouts.push((shard, handout));
        }
    }
    Ok((handouts, finished))
}
