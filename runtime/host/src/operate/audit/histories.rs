//! History: every process has its launch as entry 0; each row names the hash of the row before it, and the head that of
//! the newest; nothing is missing but what the head says was left out.

use super::{Auditor, Finding, Kind, Presence, Repair, instances::Processes};
use bureaucrat_model::{HistoryEvent, HistoryHead, ProcessId};
use bureaucrat_store::{
    Store, StoreError, Table, Write,
    histories::{Broken, History, Stored},
    instances::decode_head,
    keys, records,
};

impl Auditor<'_> {
    pub(super) fn histories(&mut self, processes: &Processes) -> Result<(), StoreError> {
        let mut reading: Option<(ProcessId, History)> = None;
        let mut told = 0;
        let gaps = self.each(Table::History, |auditor, key, value| {
            let Some((process, stored)) = parts(&key, &value) else {
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
            match &mut reading {
                Some((reading, history)) if *reading == process => history.rows.push(stored),
                Some(_) | None => {
                    let mut history = History::default();
                    history.rows.push(stored);
                    told += usize::from(processes.known.contains_key(&process));
                    if let Some((process, history)) = reading.replace((process, history)) {
                        auditor.history(processes, process, &history)?;
                    }
                }
            }
            Ok(())
        })?;
        if let Some((process, history)) = reading {
            self.history(processes, process, &history)?;
        }
        if gaps.is_empty() && told < processes.known.len() {
            self.without_history(processes)?;
        }
        Ok(())
    }

    fn history(
        &mut self,
        processes: &Processes,
        process: ProcessId,
        history: &History,
    ) -> Result<(), StoreError> {
        let Some(known) = processes.known.get(&process) else {
            return Ok(());
        };
        let key = |entry| keys::history(process, entry);
        let first = history
            .rows
            .first()
            .and_then(|stored| stored.row.as_ref().ok());
        let first = first.and_then(|row| row.entries.first());
        if history.rows.first().is_some_and(|stored| stored.first == 0)
            && first.is_some_and(|entry| !matches!(entry.event, HistoryEvent::Launched { .. }))
        {
            let what = "the first entry is not a launch".to_owned();
            self.findings
                .inconsistent(Table::History, &key(0), Some(process), what);
        }
        let Some(broken) = history.broken(&known.history) else {
            return Ok(());
        };
        let (kind, key) = match broken {
            Broken::Damaged { entry } => (Kind::Damaged, key(entry)),
            Broken::Missing { entry } => (Kind::Missing, key(entry)),
            Broken::Changed { entry } => (Kind::Inconsistent, key(entry)),
            Broken::Count { found, .. } => (Kind::Missing, key(found)),
            Broken::End => (Kind::Inconsistent, key(known.history.entries)),
        };
        // What was changed is not made to look as if nothing had happened.
        let repair = match kind {
            Kind::Damaged | Kind::Missing => {
                repair_of(self.store, process, &known.history, history)?
            }
            Kind::Inconsistent | Kind::Orphan => Repair::None,
        };
        self.findings.push(Finding {
            table: Table::History,
            key,
            process: Some(process),
            kind,
            what: broken.to_string(),
            repair,
        });
        Ok(())
    }

    fn without_history(&mut self, processes: &Processes) -> Result<(), StoreError> {
        for process in processes.known.keys() {
            let (from, to) = (
                keys::history(*process, 0),
                keys::history(*process, u64::MAX),
            );
            if self.store.scan(Table::History, &from, &to, 1)?.is_empty() {
                self.findings.push(Finding {
                    table: Table::History,
                    key: from,
                    process: Some(*process),
                    kind: Kind::Missing,
                    what: "the process has no history".into(),
                    repair: Repair::None,
                });
            }
        }
        Ok(())
    }
}

/// What is damaged or missing counts as left out.
fn repair_of(
    store: &dyn Store,
    process: ProcessId,
    head: &HistoryHead,
    history: &History,
) -> Result<Repair, StoreError> {
    let key = keys::instance(process);
    let Some(record) = store.get(Table::Instances, &key)? else {
        return Ok(Repair::None);
    };
    let mut stored = decode_head(&key, &record)?;
    let (repaired, gone) = history.repaired(head);
    stored.head.history = repaired;
    let gone = gone.into_iter().map(|number| Write::Delete {
        table: Table::History,
        key: keys::history(process, number),
    });
    let mut writes: Vec<Write> = gone.collect();
    writes.push(Write::Put {
        table: Table::Instances,
        key,
        value: records::encode(&stored)?,
    });
    Ok(Repair::Rebuild(writes))
}

fn parts(key: &[u8], record: &[u8]) -> Option<(ProcessId, Stored)> {
    let process = ProcessId::from_bytes(*key.first_chunk::<16>()?);
    Some((process, Stored::of(key, record).ok()?))
}
