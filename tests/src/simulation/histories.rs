//! Histories: each row names the hash of the row before it, each head that of the newest row, and the notice of an end
//! the hash of all that led to it.

use super::facts::Known;
use bureaucrat_model::{HistoryEntry, HistoryHash, ProcessId};
use bureaucrat_store::{
    Table, Unit, Write,
    histories::HistoryRow,
    instances::decode_head,
    keys::{self, OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::Outgoing;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many entries each process has, and the hash of its newest row.
#[derive(Debug, Default)]
pub(super) struct Histories(BTreeMap<ProcessId, (u64, HistoryHash)>);

/// What a row of a history says.
pub(super) fn happened(key: &[u8], value: &[u8]) -> Vec<HistoryEntry> {
    let row = HistoryRow::decode(key, value);
    row.map(|row| row.entries).unwrap_or_default()
}

impl Known {
    pub(super) fn histories_fit(&mut self, unit: &Unit) {
        for write in &unit.writes {
            let wrong = match write {
                Write::Put { table, key, value } if *table == Table::History => {
                    self.histories.row_written(key, value)
                }
                Write::Put { table, key, value } if *table == Table::Instances => {
                    self.histories.head_written(key, value)
                }
                Write::Put { table, key, value } if *table == Table::Outbox => {
                    self.histories.notice_written(key, value)
                }
                Write::Delete { table, key } if *table == Table::Instances => {
                    let process = keys::instance_of(key).ok();
                    process.and_then(|process| self.histories.0.remove(&process));
                    None
                }
                Write::Delete { table, key } if *table == Table::History => {
                    first_row_goes(key, unit)
                }
                Write::Put { .. } | Write::Delete { .. } => None,
            };
            if let Some(wrong) = wrong {
                self.violate(wrong);
            }
        }
    }
}

/// The launch stays as long as its process.
fn first_row_goes(key: &[u8], unit: &Unit) -> Option<String> {
    let process = ProcessId::from_bytes(*key.first_chunk()?);
    let head = Write::Delete {
        table: Table::Instances,
        key: keys::instance(process),
    };
    let is_first = keys::history_number(key) == Ok(0);
    (is_first && !unit.writes.contains(&head))
        .then(|| format!("{process}: the first row of its history is removed"))
}

impl Histories {
    fn row_written(&mut self, key: &[u8], value: &[u8]) -> Option<String> {
        let process = ProcessId::from_bytes(*key.first_chunk()?);
        let Ok(row) = HistoryRow::decode(key, value) else {
            return Some(format!("{process}: a row of its history can't be read"));
        };
        let known = self.0.entry(process).or_insert((0, HistoryHash::NONE));
        let (entries, before) = *known;
        *known = (
            entries + row.entries.len() as u64,
            HistoryHash::of_row(key, value),
        );
        let number = keys::history_number(key).ok()?;
        if number != entries {
            return Some(format!(
                "{process}: entry {number} of its history follows {entries} entries"
            ));
        }
        (row.before != before).then(|| {
            format!("{process}: entry {number} of its history does not follow the row before it")
        })
    }

    fn head_written(&self, key: &[u8], value: &[u8]) -> Option<String> {
        let head = decode_head(key, value).ok()?.head;
        let known = self.0.get(&head.process).copied();
        let (entries, newest) = known.unwrap_or((0, HistoryHash::NONE));
        let says = head.history;
        ((says.entries, says.newest) != (entries, newest)).then(|| {
            format!(
                "{}: its head says {says:?}, its history has {entries} entries with {newest}",
                head.process
            )
        })
    }

    fn notice_written(&self, key: &[u8], value: &[u8]) -> Option<String> {
        let key = OutboxKey::from_bytes(key).ok()?;
        if key.kind != OutboxKind::Notice {
            return None;
        }
        let notice: Outgoing = records::decode(Table::Outbox, b"", value).ok()?;
        let body: Value = serde_json::from_slice(&notice.body).ok()?;
        if !matches!(body["status"].as_str(), Some("completed" | "failed")) {
            return None;
        }
        let (entries, hash) = self.0.get(&key.process)?;
        let says = &body["history"];
        let fits = says["entries"] == *entries && says["hash"] == hash.to_string();
        (!fits).then(|| {
            format!(
                "{}: the notice of its end says {says}, its history has {entries} entries with {hash}",
                key.process
            )
        })
    }
}
