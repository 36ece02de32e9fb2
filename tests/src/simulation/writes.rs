//! The facts follow the log: what each durable write changes in them, and what may not be written.

use super::{
    audit::Timers, facts::Known, histories::happened, shared::Numbered, withdrawn::Withdrawals,
};
use bureaucrat_model::{HistoryEntry, HistoryEvent, Instance, ProcessId, Turn};
use bureaucrat_store::{
    Group, Store, Table, Unit, Write,
    instances::read_instance,
    keys::{self, OutboxKey, OutboxKind},
    records,
};
use bureaucrat_wire::{Outgoing, REASON_HEADER};
use std::collections::BTreeSet;

impl Known {
    pub fn unit(&mut self, unit: &Unit, touched: &mut BTreeSet<ProcessId>) {
        let mut instances = (BTreeSet::new(), Unit::default());
        let (mut left, mut handled) = (Vec::new(), BTreeSet::new());
        self.shared.unit(unit);
        self.forwards(unit);
        self.messages_fit(unit);
        let withdrawals = Withdrawals::of(unit);
        self.tells(&withdrawals);
        self.names_operators(unit);
        self.are_in_audit_log(unit);
        self.histories_fit(unit);
        for write in &unit.writes {
            let (table, key, value) = match write {
                Write::Put { table, key, value } => (*table, key, Some(value)),
                Write::Delete { table, key } => (*table, key, None),
            };
            match table {
                Table::Instances | Table::Fibers | Table::Values => {
                    instances.0.extend(process_of(key));
                    instances.1.writes.push(write.clone());
                }
                Table::Timers => self.timer_written(key, value.is_some(), touched),
                Table::Subscriptions => self.subscription_written(key, value, touched),
                Table::Events => self.event_written(key, value, unit),
                Table::Outbox | Table::Aside => {
                    self.tasks.late.row_written(table, key, value);
                    self.outbox_written(key, value, touched, &mut left);
                }
                Table::Definitions => self.version_written(key, value),
                Table::Sources => self.source_written(key, value),
                Table::Programs => self.program_written(key, value.is_some()),
                Table::History => {
                    let entries = value.map(|value| happened(key, value));
                    for HistoryEntry { event, .. } in entries.unwrap_or_default() {
                        self.decided.happened(&event);
                        handled.extend(handled_in(key, &event));
                    }
                }
                Table::Modules => self.module_written(key, value),
                Table::ModuleNames => self.module_name_written(key, value),
                Table::ModuleRecords
                | Table::Seen
                | Table::Meta
                | Table::Backlog
                | Table::Recent
                | Table::Letters
                | Table::Recalls => {}
                Table::Searched => self.searched_written(key, value.is_some()),
                Table::BulkJobs => self.bulk_job_written(key, value),
                Table::AuditLog => self.audit_entry_written(key, value),
                Table::BulkOutcomes => self.bulk_outcome_written(key, value, unit),
                Table::Schedules => self.schedule_written(key, value),
                Table::Launches => touched.extend(self.launch_written(key, value)),
                Table::Kept => self.kept_written(key, value),
                Table::Taken => self.taken_written(key, value.is_some()),
                Table::BusinessKeys => touched.extend(self.key_written(key, value)),
            }
        }
        for (process, before) in self.instances_written(instances.0, instances.1) {
            touched.insert(process);
            self.has_program(process);
            if let Some(before) = &before {
                self.withdrawn(process, before, &withdrawals);
                self.had_its_time(process, before, unit);
            }
            let timers = match handled.contains(&process) {
                true => Timers::MayStop,
                false => Timers::Fire,
            };
            self.changed(process, before.as_ref(), timers);
            self.is_found(process);
        }
        self.unit_fits();
        for (key, row) in left {
            // A row that is set aside moves from one table to another.
            if !self.outbox.contains_key(&key) {
                self.row_left(key, &row);
            }
        }
    }

    fn program_written(&mut self, key: &[u8], is_there: bool) {
        if is_there {
            self.programs.insert(key.to_vec());
            return;
        }
        self.programs.remove(key);
        *self.counts.entry("programs removed").or_default() += 1;
        let mut users = self.instances.iter();
        if let Some((process, _)) = users.find(|(_, instance)| instance.program.0 == *key) {
            self.violate(format!("the program of {process} was removed"));
        }
        self.version_keeps_program(key);
    }

    fn has_program(&mut self, process: ProcessId) {
        if let Some(instance) = self.instances.get(&process)
            && !self.programs.contains(instance.program.0.as_slice())
        {
            self.violate(format!("{process} was written without its program"));
        }
    }

    /// The processes of these rows, with their previous states.
    fn instances_written(
        &mut self,
        processes: BTreeSet<ProcessId>,
        rows: Unit,
    ) -> Vec<(ProcessId, Option<Instance>)> {
        if let Err(error) = self.rows.commit(&Group { units: vec![rows] }) {
            self.violate(error.to_string());
        }
        let mut changed = Vec::new();
        for process in processes {
            let before = match read_instance(&self.rows, process) {
                Ok(Some(stored)) => self.instances.insert(process, stored.instance),
                Ok(None) => {
                    self.removed.insert(process);
                    self.instances.remove(&process)
                }
                Err(error) => {
                    self.violate(error.to_string());
                    continue;
                }
            };
            changed.push((process, before));
        }
        changed
    }

    fn timer_written(&mut self, key: &[u8], is_put: bool, touched: &mut BTreeSet<ProcessId>) {
        let Ok((due, wait)) = keys::timer_of(key) else {
            return self.violate(format!("a timer has the key {key:02x?}"));
        };
        touched.insert(wait.process);
        let timers = self.timers.entry(wait.process).or_default();
        let timer = (due, wait.fiber, wait.turn);
        if is_put {
            timers.insert(timer)
        } else {
            timers.remove(&timer)
        };
    }

    fn subscription_written(
        &mut self,
        key: &[u8],
        value: Option<&Vec<u8>>,
        touched: &mut BTreeSet<ProcessId>,
    ) {
        let Ok(wait) = keys::subscription_of(key) else {
            return self.violate(format!("a subscription has the key {key:02x?}"));
        };
        touched.insert(wait.process);
        let subscription = (subscribed_to(key), wait.fiber, wait.turn);
        match value.map(|value| keys::subscribed(value)) {
            Some(None) => self.violate(format!("a subscription says {value:02x?}")),
            Some(Some((sequence, _))) => {
                self.numbered(sequence, Numbered::Wait(wait.process, wait.turn));
                self.wait_comes_after(wait.process, sequence);
                self.subscriptions
                    .entry(wait.process)
                    .or_default()
                    .insert(subscription, sequence);
            }
            // The sequence is still needed to decide whether the event that ended the wait came
            // after it.
            None => {
                if let Some(sequence) = self
                    .subscriptions
                    .entry(wait.process)
                    .or_default()
                    .remove(&subscription)
                {
                    self.subscribed.insert((wait.process, wait.turn), sequence);
                }
            }
        }
    }

    fn outbox_written(
        &mut self,
        key: &[u8],
        value: Option<&Vec<u8>>,
        touched: &mut BTreeSet<ProcessId>,
        left: &mut Vec<(OutboxKey, Vec<u8>)>,
    ) {
        let Ok(key) = OutboxKey::from_bytes(key) else {
            return self.violate(format!("an outbox row has the key {key:02x?}"));
        };
        if matches!(key.kind, OutboxKind::Task | OutboxKind::Call) {
            touched.insert(key.process);
        }
        let Some(value) = value else {
            left.extend(self.outbox.remove(&key).map(|row| (key, row)));
            return;
        };
        if key.kind == OutboxKind::DeadLetter {
            match records::decode::<Outgoing>(Table::Outbox, &key.to_bytes(), value) {
                Ok(letter) => {
                    let headers = &letter.properties.headers;
                    let reason = headers.iter().find(|(name, _)| name == REASON_HEADER);
                    let reason = reason.map(|(_, reason)| format!("{reason:?}"));
                    self.dead.insert(letter.body, reason.unwrap_or_default());
                }
                Err(error) => self.violate(error.to_string()),
            }
        }
        self.row_is_new(key, value);
        self.outbox.insert(key, value.clone());
    }

    /// A row is removed when the broker has its message, or when it is not needed any more.
    fn row_left(&mut self, key: OutboxKey, row: &[u8]) {
        let waits = self.waits_for_answer(key.process, Turn(key.number));
        let needed = match key.kind {
            OutboxKind::Task => waits,
            OutboxKind::Call => false,
            OutboxKind::Reply
            | OutboxKind::Notice
            | OutboxKind::DeadLetter
            | OutboxKind::Message
            | OutboxKind::Withdrawal
            | OutboxKind::Revocation
            | OutboxKind::Resent
            | OutboxKind::Forward => true,
        };
        if needed && !self.settled.contains(row) {
            self.violate(format!(
                "{key:?} left the outbox and the broker does not have it"
            ));
        }
    }
}

/// The process, if this entry of a history says that something of it was stopped: for a handler, to run what it runs at
/// its end, or because an operator did not want to wait for the next attempt.
fn handled_in(key: &[u8], event: &HistoryEvent) -> Option<ProcessId> {
    let is_stopping = matches!(
        event,
        HistoryEvent::Caught { .. }
            | HistoryEvent::Finishing { .. }
            | HistoryEvent::PartRetried { .. }
    );
    is_stopping.then(|| process_of(key))?
}

/// The process at the beginning of a key of an instance's rows.
fn process_of(key: &[u8]) -> Option<ProcessId> {
    keys::instance_of(key.get(..16)?).ok()
}

/// The name and the wanted key in the key of a subscription.
fn subscribed_to(key: &[u8]) -> (String, Option<String>) {
    let piece = |from: usize| {
        let length = key.get(from..from + 2).unwrap_or(&[0, 0]);
        let length = usize::from(length[0]) << 8 | usize::from(length[1]);
        (length, from + 2)
    };
    let text = |from: usize, length: usize| {
        let bytes = key.get(from..from + length).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    let (length, from) = piece(0);
    let name = text(from, length);
    let (length, from) = piece(from + length);
    (name, length.checked_sub(1).map(|length| text(from, length)))
}
