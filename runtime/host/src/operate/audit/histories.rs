//! History: every process has its launch as entry 0, then entries without a gap except for the one
//! that is marked.

use super::{Auditor, Finding, Kind, Presence, Repair, instances::Processes};
use bureaucrat_model::{HistoryEntry, HistoryEvent, ProcessId};
use bureaucrat_store::{StoreError, Table, keys, records};
use std::collections::BTreeSet;

/// The process whose entries are being read.
struct Reading {
    process: ProcessId,
    last: u64,
    /// Whether entry 1 says that entries were left out.
    truncated: bool,
    /// Whether an entry could not be read, which explains anything that seems to be missing.
    damaged: bool,
}

impl Auditor<'_> {
    pub(super) fn histories(&mut self, processes: &Processes) -> Result<(), StoreError> {
        let mut reading: Option<Reading> = None;
        let mut told = BTreeSet::new();
        let gaps = self.each(Table::History, |auditor, key, value| {
            let Some((process, number)) = parts(&key) else {
                auditor.stranger(
                    Table::History,
                    &key,
                    "its key does not have the form of its table",
                );
                return Ok(());
            };
            if processes.presence(process) == Presence::Absent {
                auditor.findings.orphan(
                    Table::History,
                    &key,
                    Some(process),
                    "there is no such process".into(),
                );
                return Ok(());
            }
            let entry = records::decode::<HistoryEntry>(Table::History, &key, &value);
            if let Err(error) = &entry {
                auditor.findings.damaged(
                    Table::History,
                    &key,
                    Some(process),
                    error.to_string(),
                    Repair::Remove,
                );
            }
            told.insert(process);
            let follows = reading
                .as_ref()
                .filter(|reading| reading.process == process);
            auditor.entry(&key, process, number, entry.as_ref().ok(), follows);
            let (truncated, damaged) = follows.map_or((false, false), |r| (r.truncated, r.damaged));
            let is_mark = entry
                .as_ref()
                .is_ok_and(|entry| entry.event == HistoryEvent::Truncated);
            reading = Some(Reading {
                process,
                last: number,
                truncated: truncated || is_mark,
                damaged: damaged || entry.is_err(),
            });
            Ok(())
        })?;
        if gaps.is_empty() {
            for process in processes.known.keys() {
                if !told.contains(process) {
                    self.findings.push(Finding {
                        table: Table::History,
                        key: keys::history(*process, 0),
                        process: Some(*process),
                        kind: Kind::Missing,
                        what: "the process has no history".into(),
                        repair: Repair::None,
                    });
                }
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        key: &[u8],
        process: ProcessId,
        number: u64,
        entry: Option<&HistoryEntry>,
        before: Option<&Reading>,
    ) {
        let mut wrong = |what: String| {
            self.findings
                .inconsistent(Table::History, key, Some(process), what);
        };
        match before {
            None if number != 0 => wrong(format!("the first entry has number {number}")),
            None => {
                let is_launch =
                    entry.is_none_or(|entry| matches!(entry.event, HistoryEvent::Launched { .. }));
                if !is_launch {
                    wrong("the first entry is not a launch".into());
                }
            }
            Some(before) => {
                let has_hole = number != before.last + 1;
                if has_hole && !before.truncated && !before.damaged {
                    wrong(format!("entries before number {number} are missing"));
                }
            }
        }
    }
}

fn parts(key: &[u8]) -> Option<(ProcessId, u64)> {
    let process = ProcessId::from_bytes(*key.first_chunk::<16>()?);
    Some((process, keys::history_number(key).ok()?))
}
