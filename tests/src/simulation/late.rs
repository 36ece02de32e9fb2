//! Tasks that could not be sent because there was no connection: the time of their attempts begins when they could be.

use super::{
    audit::is_parked,
    facts::{Facts, Known},
    histories::happened,
};
use bureaucrat_model::{
    FaultCode, HistoryEntry, HistoryEvent, Instance, Millis, ProcessId, ShardGroups, Timestamp,
    WaitKind,
};
use bureaucrat_store::{
    Table, Unit, Write,
    keys::{OutboxKey, OutboxKind},
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of tasks that were late.
#[derive(Debug, Default)]
pub(super) struct LateFacts {
    /// Those that the broker did not have when publishing began to work, and when that was.
    waited: BTreeMap<OutboxKey, Timestamp>,
    /// Those that wait for their destination.
    aside: BTreeSet<OutboxKey>,
}

impl LateFacts {
    /// A row of the outbox, or of what is set aside, was written or removed.
    pub fn row_written(&mut self, table: Table, key: &[u8], value: Option<&Vec<u8>>) {
        let Ok(key) = OutboxKey::from_bytes(key) else {
            return;
        };
        if table == Table::Aside && value.is_some() {
            self.aside.insert(key);
            self.waited.remove(&key);
        }
    }
}

impl Facts {
    /// The broker has no room or no queue for the message of this row: from now on it waits for its destination, even
    /// before it is set aside.
    pub fn was_returned(&self, row: &[u8]) {
        let mut known = self.known();
        let rows = known.outbox.iter().filter(|(_, value)| *value == row);
        let keys: Vec<OutboxKey> = rows.map(|(key, _)| *key).collect();
        for key in keys {
            known.tasks.late.aside.insert(key);
            known.tasks.late.waited.remove(&key);
        }
    }

    /// Publishing works again, or for the first time, for an engine with these groups and this time.
    pub fn publishing_works(&self, groups: ShardGroups, its_time: Timestamp) {
        let mut known = self.known();
        let waiting: Vec<OutboxKey> = known
            .outbox
            .iter()
            .filter(|(key, row)| key.kind == OutboxKind::Task && !known.settled.contains(*row))
            .map(|(key, _)| *key)
            .filter(|key| !known.tasks.late.aside.contains(key))
            .filter(|key| groups.has(key.process.shard()))
            .collect();
        // The last commit may be another engine's, whose clock is another one.
        let now = match known.shared.is_shared {
            true => its_time,
            false => known.now,
        };
        for key in waiting {
            *known
                .counts
                .entry("tasks that waited for a connection")
                .or_default() += 1;
            known.tasks.late.waited.insert(key, now);
        }
    }
}

impl Known {
    /// A process was written: if an attempt of it was too slow, it had all of its time.
    pub fn had_its_time(&mut self, process: ProcessId, before: &Instance, unit: &Unit) {
        let Some(at) = too_slow(process, unit) else {
            return;
        };
        // What was kept for it is taken as of when it came: the connection may have been away for longer.
        if is_parked(before) {
            return;
        }
        let waits = super::audit::waits(before);
        let timed: Vec<(OutboxKey, Millis)> = waits
            .filter_map(|(_, wait)| {
                let WaitKind::Answer { expiry, .. } = &wait.kind else {
                    return None;
                };
                Some((wait.turn, expiry.timeout?))
            })
            .filter(|(turn, _)| !self.waits_for_answer(process, *turn))
            .map(|(turn, longest)| {
                let (kind, number) = (OutboxKind::Task, turn.0);
                let key = OutboxKey {
                    kind,
                    process,
                    number,
                };
                (key, longest)
            })
            .collect();
        for (key, longest) in timed {
            *self
                .counts
                .entry("attempts that were too slow")
                .or_default() += 1;
            let Some(sent) = self.tasks.late.waited.get(&key).copied() else {
                continue;
            };
            *self.counts.entry("late tasks with a timeout").or_default() += 1;
            // In the very moment in which publishing began to work, the fault was planned before.
            if at < sent.after(longest) && at != sent {
                self.violate(format!(
                    "{key:?} could not be sent before {sent}, and its attempt was over at {at}, with a timeout of {longest}"
                ));
            }
        }
    }
}

/// When an attempt of the process took longer than its timeout, if this unit says so.
fn too_slow(process: ProcessId, unit: &Unit) -> Option<Timestamp> {
    unit.writes.iter().find_map(|write| {
        let Write::Put { table, key, value } = write else {
            return None;
        };
        if *table != Table::History || !key.starts_with(process.as_bytes()) {
            return None;
        }
        let mut entries = happened(key, value).into_iter();
        entries.find_map(|HistoryEntry { at, event }| {
            let (HistoryEvent::Caught { fault, .. } | HistoryEvent::AttemptFailed { fault, .. }) =
                event
            else {
                return None;
            };
            let is_timeout = fault.code.as_str() == FaultCode::TIMEOUT;
            (is_timeout && fault.message.contains("did not answer")).then_some(at)
        })
    })
}
