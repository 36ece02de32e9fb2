//! Kept events: each has the time at which it goes, its place under its key, and notes of those alone
//! who took it; and each wait to which they are being offered has its row.

use super::{
    Auditor, END, Presence, Repair,
    instances::{Need, Processes, Waiting},
};
use crate::{
    act::timers::WaitKey,
    plan::kept::{GoingRecord, KeptRecord, RecallRecord},
};
use bureaucrat_model::Subscription;
use bureaucrat_store::{StoreError, Table, Write, keys, reading::scan_all, records};
use std::collections::{BTreeMap, BTreeSet};

/// A kept event, and which of its rows were found.
struct Found {
    record: Option<KeptRecord>,
    row: Vec<u8>,
    bytes: u64,
    goes: bool,
    has_place: bool,
}

impl Auditor<'_> {
    pub(super) fn kept(&mut self) -> Result<(), StoreError> {
        let mut events: BTreeMap<u64, Found> = BTreeMap::new();
        let gaps = self.each(Table::Kept, |auditor, key, value| {
            auditor.kept_row(&mut events, key, &value);
            Ok(())
        })?;
        if gaps.is_empty() {
            for (sequence, found) in &events {
                self.kept_whole(*sequence, found);
            }
        }
        let mut in_hand = BTreeSet::new();
        let unread = scan_all(self.store, Table::Events, &[], &END, |key, _| {
            in_hand.extend(keys::event_of(&key).ok().map(|(_, sequence)| sequence));
            Ok(())
        })?;
        self.each(Table::Taken, |auditor, key, _| {
            match keys::taken_by(&key) {
                Ok((sequence, _)) if keys::is_taken_by_fiber(&key) => {
                    if unread.is_empty() && !in_hand.contains(&sequence) {
                        let what = "the event that a fiber took has already been handed out".into();
                        auditor.findings.orphan(Table::Taken, &key, None, what);
                    }
                }
                Ok((sequence, _)) if events.contains_key(&sequence) || !gaps.is_empty() => {}
                Ok((_, process)) => {
                    let what = "there is no such kept event";
                    let findings = &mut auditor.findings;
                    findings.orphan(Table::Taken, &key, Some(process), what.into());
                }
                Err(error) => auditor.stranger(Table::Taken, &key, &error.to_string()),
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Rows under a name come before those under its keys, and those that say when events go last.
    fn kept_row(&mut self, events: &mut BTreeMap<u64, Found>, key: Vec<u8>, value: &[u8]) {
        if let Some((until, sequence)) = keys::kept_until_of(&key) {
            let going = records::decode::<GoingRecord>(Table::Kept, &key, value).is_ok();
            match events.get_mut(&sequence) {
                Some(found) if going => {
                    let record = found.record.as_ref();
                    found.goes = record.is_none_or(|record| record.until == until);
                }
                Some(_) | None => {
                    let what = "what it schedules for removal does not exist".into();
                    self.findings.orphan(Table::Kept, &key, None, what);
                }
            }
            return;
        }
        let Ok(sequence) = keys::kept_of(&key) else {
            return self.stranger(
                Table::Kept,
                &key,
                "its key does not have the form of its table",
            );
        };
        self.drawn(sequence);
        if value.is_empty() {
            match events.get_mut(&sequence) {
                Some(found) => found.has_place = true,
                None => {
                    let what = "there is no such kept event".into();
                    self.findings.orphan(Table::Kept, &key, None, what);
                }
            }
            return;
        }
        let record = records::decode::<KeptRecord>(Table::Kept, &key, value);
        if let Err(error) = &record {
            let what = error.to_string();
            let findings = &mut self.findings;
            findings.damaged(Table::Kept, &key, None, what, Repair::None);
        }
        let found = Found {
            record: record.ok(),
            row: key,
            bytes: value.len() as u64,
            goes: false,
            has_place: false,
        };
        events.insert(sequence, found);
    }

    fn kept_whole(&mut self, sequence: u64, found: &Found) {
        let Some(KeptRecord {
            shard,
            user,
            until,
            event,
        }) = &found.record
        else {
            return;
        };
        let (name, key) = (&event.name, event.key.as_deref());
        if keys::kept(name, None, sequence) != found.row {
            let what = "it is not stored under its own name".into();
            self.findings
                .inconsistent(Table::Kept, &found.row, None, what);
        }
        let put = |key, value| Write::Put {
            table: Table::Kept,
            key,
            value,
        };
        if key.is_some() && !found.has_place {
            let write = put(keys::kept(name, key, sequence), Vec::new());
            let what = format!("the kept event {sequence} is not indexed by its key");
            self.findings.missing(write, None, what);
        }
        if found.goes {
            return;
        }
        let going = GoingRecord {
            shard: *shard,
            user: user.clone(),
            name: name.clone(),
            key: event.key.clone(),
            bytes: found.bytes,
        };
        if let Ok(going) = records::encode(&going) {
            let write = put(keys::kept_until(*until, sequence), going);
            let what = format!("nothing schedules the removal of the kept event {sequence}");
            self.findings.missing(write, None, what);
        }
    }

    pub(super) fn recalls(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        self.each(Table::Recalls, |auditor, key, value| {
            let record = records::decode::<RecallRecord>(Table::Recalls, &key, &value);
            let (Ok(wait), Ok(_)) = (keys::recall_of(&key), record) else {
                auditor.stranger(
                    Table::Recalls,
                    &key,
                    "the key or the record does not have its form",
                );
                return Ok(());
            };
            if processes.presence(wait.process) == Presence::Hidden {
                return Ok(());
            }
            let is_it = |waiting: &Waiting| {
                waiting.fiber == wait.fiber && matches!(waiting.need, Need::Recall(_))
            };
            match processes.waiting(wait.process, wait.turn, is_it) {
                Some(waiting) => waiting.met = true,
                None => {
                    let what = "no fiber asks for kept events".into();
                    let findings = &mut auditor.findings;
                    findings.orphan(Table::Recalls, &key, Some(wait.process), what);
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    pub(super) fn unmet_recall(&mut self, wait: WaitKey, wanted: &[Subscription]) {
        let wanted = wanted.to_vec();
        if let Ok(value) = records::encode(&RecallRecord { wanted }) {
            let write = Write::Put {
                table: Table::Recalls,
                key: keys::recall(wait),
                value,
            };
            let what = format!(
                "no row records that fiber {} asks for kept events",
                wait.fiber.0
            );
            self.findings.missing(write, Some(wait.process), what);
        }
    }
}
