//! Timers, subscriptions, outbox rows and calls: each one belongs to a wait, and each wait has its
//! row.

use super::{
    Auditor, Finding, Kind, Presence, Repair,
    instances::{Known, Need, Phase, Processes, Waiting},
};
use crate::act::aside::BacklogRecord;
use crate::act::timers::{self, Purpose, WaitKey};
use bureaucrat_model::{Parking, ProcessId, Subscription, Timestamp, Turn};
use bureaucrat_store::{
    StoreError, Table, Write, keys,
    keys::{OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::Outgoing;
use std::collections::BTreeSet;

impl Auditor<'_> {
    pub(super) fn timers(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        self.each(Table::Timers, |auditor, key, _| {
            match keys::timer_of(&key) {
                Ok((due, wait)) => auditor.timer(processes, &key, due, wait),
                Err(error) => auditor.stranger(Table::Timers, &key, &error.to_string()),
            }
            Ok(())
        })?;
        Ok(())
    }

    fn timer(&mut self, processes: &mut Processes, key: &[u8], due: Timestamp, wait: WaitKey) {
        let earliest = self.findings.earliest.unwrap_or(due);
        self.findings.earliest = Some(earliest.min(due));
        let process = wait.process;
        let presence = processes.presence(process);
        if presence == Presence::Hidden {
            return;
        }
        let mut orphan = |what: &str| {
            self.findings
                .orphan(Table::Timers, key, Some(process), what.into());
        };
        let known = processes.known.get_mut(&process);
        match timers::purpose(wait) {
            Purpose::Wait => {
                let is_it = |waiting: &Waiting| {
                    waiting.fiber == wait.fiber && waiting.need == Need::Timer(due)
                };
                match processes.waiting(process, wait.turn, is_it) {
                    Some(waiting) => waiting.met = true,
                    None => orphan("no fiber waits for this timer"),
                }
            }
            // These may outlast their purpose, for example after a process was cancelled while it
            // was parked.
            Purpose::Continue => {
                if let Some(known) = known {
                    known.reminders.go_on = true;
                }
            }
            Purpose::Retry => {
                if let Some(known) = known {
                    known.reminders.retry = true;
                }
            }
            Purpose::Remove => match known {
                Some(known) if matches!(known.phase, Phase::Ended(_)) => {
                    known.reminders.remove = true;
                }
                Some(_) => orphan("the process is scheduled for removal, but has not ended"),
                None => orphan("there is no such process to remove"),
            },
        }
    }

    pub(super) fn subscriptions(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        self.each(Table::Subscriptions, |auditor, key, value| {
            let read = keys::subscription_of(&key);
            let (Ok(wait), Some((sequence, _))) = (read, keys::subscribed(&value)) else {
                auditor.stranger(
                    Table::Subscriptions,
                    &key,
                    "key or sequence does not have the form of the table",
                );
                return Ok(());
            };
            auditor.drawn(sequence);
            if processes.presence(wait.process) == Presence::Hidden {
                return Ok(());
            }
            let is_it = |waiting: &Waiting| {
                let Need::Event(Subscription {
                    event, key: wanted, ..
                }) = &waiting.need
                else {
                    return false;
                };
                let row = keys::subscription(event, wanted.as_deref(), wait);
                waiting.fiber == wait.fiber && row == key
            };
            match processes.waiting(wait.process, wait.turn, is_it) {
                Some(waiting) => waiting.met = true,
                None => auditor.findings.orphan(
                    Table::Subscriptions,
                    &key,
                    Some(wait.process),
                    "no fiber awaits this event".into(),
                ),
            }
            Ok(())
        })?;
        Ok(())
    }

    pub(super) fn outbox(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        let mut aside = BTreeSet::new();
        for table in [Table::Outbox, Table::Aside] {
            self.messages(processes, table, &mut aside)?;
        }
        self.backlog(aside)
    }

    /// Messages in the outbox, or set aside.
    fn messages(
        &mut self,
        processes: &mut Processes,
        table: Table,
        aside: &mut BTreeSet<OutboxKey>,
    ) -> Result<(), StoreError> {
        self.each(table, |auditor, key, value| {
            let row = match OutboxKey::from_bytes(&key) {
                Ok(row) => row,
                Err(error) => {
                    auditor.stranger(table, &key, &error.to_string());
                    return Ok(());
                }
            };
            if table == Table::Aside {
                aside.insert(row);
            }
            if is_nobody(row.process) {
                auditor.drawn(row.number);
            }
            if row.kind != OutboxKind::Call
                && let Err(error) = records::decode::<Outgoing>(table, &key, &value)
            {
                let what = error.to_string();
                auditor
                    .findings
                    .damaged(table, &key, Some(row.process), what, Repair::None);
            }
            auditor.outbox_row(processes, table, &key, row);
            Ok(())
        })?;
        Ok(())
    }

    /// Each message that is set aside is in the index of destinations. An entry may outlast its
    /// message.
    fn backlog(&mut self, mut aside: BTreeSet<OutboxKey>) -> Result<(), StoreError> {
        self.each(Table::Backlog, |auditor, key, value| {
            let record = records::decode::<BacklogRecord>(Table::Backlog, &key, &value);
            match (keys::backlog_row(&key), record) {
                (Ok(row), Ok(_)) => {
                    aside.remove(&row);
                }
                (Err(error), _) => auditor.stranger(Table::Backlog, &key, &error.to_string()),
                (Ok(_), Err(error)) => {
                    auditor.stranger(Table::Backlog, &key, &error.to_string());
                }
            }
            Ok(())
        })?;
        for row in aside {
            self.findings.push(Finding {
                table: Table::Aside,
                key: row.to_bytes(),
                process: Some(row.process),
                kind: Kind::Missing,
                what: "it is set aside, but missing from the index of destinations".into(),
                repair: Repair::Rebuild(self.back_in_outbox(row)?),
            });
        }
        Ok(())
    }

    /// The writes that move a message back to the outbox.
    fn back_in_outbox(&self, row: OutboxKey) -> Result<Vec<Write>, StoreError> {
        let key = row.to_bytes();
        let Some(value) = self.store.get(Table::Aside, &key)? else {
            return Ok(Vec::new());
        };
        let delete = Write::Delete {
            table: Table::Aside,
            key: key.clone(),
        };
        Ok(vec![put(Table::Outbox, key, value), delete])
    }

    fn outbox_row(&mut self, processes: &mut Processes, table: Table, key: &[u8], row: OutboxKey) {
        let presence = processes.presence(row.process);
        if presence == Presence::Hidden {
            return;
        }
        match row.kind {
            OutboxKind::Task => match processes.waiting(row.process, Turn(row.number), |waiting| {
                waiting.need == Need::Answer
            }) {
                Some(waiting) => waiting.met = true,
                None => self.findings.orphan(
                    table,
                    key,
                    Some(row.process),
                    "nobody waits for the answer to this task".into(),
                ),
            },
            OutboxKind::Call => {
                let is_call = |waiting: &Waiting| matches!(waiting.need, Need::Child(_));
                // A caller that failed leaves its row to the job that compiles the definition, or
                // to the next start.
                if let Some(waiting) = processes.waiting(row.process, Turn(row.number), is_call) {
                    waiting.met = true;
                }
            }
            OutboxKind::Withdrawal | OutboxKind::Revocation => {
                let is_asked = |waiting: &Waiting| waiting.need == Need::Answer;
                if (processes.waiting(row.process, Turn(row.number), is_asked)).is_some() {
                    let what = "it withdraws a task whose answer is awaited".into();
                    self.findings.orphan(table, key, Some(row.process), what);
                }
            }
            // They may outlast their process if the broker is unreachable for a long time.
            OutboxKind::Reply
            | OutboxKind::Notice
            | OutboxKind::DeadLetter
            | OutboxKind::Message
            | OutboxKind::Resent
            | OutboxKind::Forward => {}
        }
    }

    /// Rows with a malformed key or value: they name no wait, and are rebuilt from instances.
    pub(super) fn stranger(&mut self, table: Table, key: &[u8], what: &str) {
        self.findings
            .damaged(table, key, None, what.to_owned(), Repair::Remove);
    }

    /// Waits, endings and incidents whose row was not found.
    pub(super) fn unmet(&mut self, processes: &Processes) {
        for (process, known) in &processes.known {
            self.reminders(*process, known);
            for waiting in known.waiting.iter().filter(|waiting| !waiting.met) {
                self.unmet_wait(processes, *process, known, waiting);
            }
        }
    }

    fn reminders(&mut self, process: ProcessId, known: &Known) {
        let (purpose, due, what) = match known.phase {
            Phase::Ended(at) if !known.reminders.remove => (
                Purpose::Remove,
                at.after(self.config.retention),
                "nothing schedules the removal of the process",
            ),
            Phase::Parked(Parking::Incident) if !known.reminders.retry => (
                Purpose::Retry,
                self.now,
                "nothing schedules the next try of the parked process",
            ),
            Phase::Running if known.yielded && !known.reminders.go_on => (
                Purpose::Continue,
                self.now,
                "nothing schedules the continuation of the process",
            ),
            Phase::Ended(_) | Phase::Parked(_) | Phase::Running => return,
        };
        if let Some(wait) = timers::reminder(process, purpose) {
            let write = put(Table::Timers, keys::timer(due, wait), Vec::new());
            self.findings.missing(write, Some(process), what.into());
        }
    }

    fn unmet_wait(
        &mut self,
        processes: &Processes,
        process: ProcessId,
        known: &Known,
        waiting: &Waiting,
    ) {
        let wait = WaitKey {
            process,
            fiber: waiting.fiber,
            turn: waiting.turn,
        };
        // What arrived for a parked process has left its table and is kept in the instance.
        if known.kept.contains(&waiting.turn) {
            return;
        }
        match &waiting.need {
            Need::Answer => {}
            Need::Timer(due) => {
                let write = put(Table::Timers, keys::timer(*due, wait), Vec::new());
                let what = format!("fiber {} waits for a timer", waiting.fiber.0);
                self.findings.missing(write, Some(process), what);
            }
            Need::Event(Subscription { event, key, since }) => {
                // A new subscription receives what is published from now on.
                let sequence = self.sequence.saturating_sub(1);
                let sequence = keys::subscription_record(sequence, since.is_some());
                let write = put(
                    Table::Subscriptions,
                    keys::subscription(event, key.as_deref(), wait),
                    sequence,
                );
                let what = format!("fiber {} awaits event {event}", waiting.fiber.0);
                self.findings.missing(write, Some(process), what);
            }
            Need::Recall(wanted) => self.unmet_recall(wait, wanted),
            Need::Child(child) => self.unmet_child(processes, known, wait, *child),
        }
    }

    fn unmet_child(
        &mut self,
        processes: &Processes,
        known: &Known,
        wait: WaitKey,
        child: ProcessId,
    ) {
        let process = wait.process;
        match processes.known.get(&child) {
            Some(called) if !matches!(called.phase, Phase::Ended(_)) => {}
            Some(_) => self.findings.inconsistent(
                Table::Instances,
                &keys::instance(process),
                Some(process),
                format!(
                    "fiber {} waits for process {child}, which has ended",
                    wait.fiber.0
                ),
            ),
            // A parked caller asks for its calls again when it resumes.
            None if processes.is_hidden(child) || matches!(known.phase, Phase::Parked(_)) => {}
            None => {
                let row = OutboxKey {
                    kind: OutboxKind::Call,
                    process,
                    number: wait.turn.0,
                };
                let write = put(Table::Outbox, row.to_bytes(), Vec::new());
                let what = format!(
                    "fiber {} waits for process {child}, which does not exist and will not start",
                    wait.fiber.0
                );
                self.findings.missing(write, Some(process), what);
            }
        }
    }

    /// Called processes whose caller does not wait for them.
    pub(super) fn callers(&mut self, processes: &Processes) {
        for (process, known) in &processes.known {
            let Some(caller) = &known.caller else {
                continue;
            };
            if matches!(known.phase, Phase::Ended(_)) || processes.is_hidden(caller.process) {
                continue;
            }
            let waits = |waiting: &Waiting| {
                waiting.fiber == caller.fiber
                    && waiting.turn == caller.turn
                    && waiting.need == Need::Child(*process)
            };
            let is_awaited = processes
                .known
                .get(&caller.process)
                .is_some_and(|known| known.waiting.iter().any(waits));
            if !is_awaited {
                self.findings.push(Finding {
                    table: Table::Instances,
                    key: keys::instance(*process),
                    process: Some(*process),
                    kind: Kind::Orphan,
                    what: format!("its caller {} does not wait for it", caller.process),
                    repair: Repair::None,
                });
            }
        }
    }
}

/// Whether the id is one of those for rows without a process: two bytes of the shard's range, then
/// zeros.
fn is_nobody(process: ProcessId) -> bool {
    process.as_bytes()[1..].iter().all(|byte| *byte == 0)
}

fn put(table: Table, key: Vec<u8>, value: Vec<u8>) -> Write {
    Write::Put { table, key, value }
}
