//! Schedules: deployed definitions that launch themselves.
//!
//! Each name has at most one, in a row that says which version is launched next, and when. The row
//! comes with the version, in one commit. When it is due, one commit decides that a process starts
//! ([`super::decided`]) and moves the row to the next instant, so that each instant counts once.
//! The process belongs to the user who deployed the version, and obeys that user's rules as a launch
//! does. An instant that is more than a minute old when the engine gets to it counts as missed.

use super::{
    Planner,
    decided::{LaunchRecord, decide},
    jobs::Waiting,
    transaction::Transaction,
};
use crate::{
    catalog::{DefinitionRecord, Deployer},
    compute::{JobOutcome, Task},
    definitions::Loaded,
};
use bureaucrat_model::{
    Bond, ChildDefinition, DefinitionName, DeployedProgram, Fields, Launch, Millis, Missed,
    ProcessId, ProgramHash, Schedule, ShardId, Timestamp, Version,
};
use bureaucrat_policy::{Permission, Rule};
use bureaucrat_schedule::Timetable;
use bureaucrat_store::{StoreError, Table, keys, keys::OutboxKind, records};
use bureaucrat_wire::{Report, notice};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What is launched next under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRecord {
    pub version: Version,
    pub program: ProgramHash,
    pub by: Deployer,
    pub schedule: Schedule,
    pub next: Timestamp,
}

/// A launch that comes later than this was missed.
const LATE: Millis = Millis(60_000);
/// Schedules that fire per loop.
const PORTION: usize = 64;

/// The schedules of all names, as they are after everything that was planned.
#[derive(Debug, Default)]
pub(crate) struct Schedules {
    records: BTreeMap<DefinitionName, ScheduleRecord>,
    /// When to look at which; a name that is being looked at is not in it.
    due: BTreeSet<(Timestamp, DefinitionName)>,
}

impl Schedules {
    pub fn insert(&mut self, name: &DefinitionName, record: ScheduleRecord) {
        self.remove(name);
        self.due.insert((record.next, name.clone()));
        self.records.insert(name.clone(), record);
    }

    fn remove(&mut self, name: &DefinitionName) {
        self.records.remove(name);
        self.due.retain(|(_, other)| other != name);
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    fn take_due(&mut self, now: Timestamp) -> Option<DefinitionName> {
        let (due, _) = self.due.first()?;
        if *due > now {
            return None;
        }
        self.due.pop_first().map(|(_, name)| name)
    }
}

impl Planner {
    /// A version is deployed: its schedule takes the place of that of an older one.
    pub(crate) fn schedule_deployed(
        &mut self,
        transaction: &mut Transaction,
        (name, version): (&DefinitionName, Version),
        (record, schedule): (&DefinitionRecord, Option<&Schedule>),
    ) -> Result<(), StoreError> {
        let next = schedule.and_then(|schedule| next_after(schedule, self.now()));
        let (Some(schedule), Some(next)) = (schedule, next) else {
            self.end_schedule(transaction, name);
            return Ok(());
        };
        let scheduled = ScheduleRecord {
            version,
            program: record.program,
            by: record.by.clone(),
            schedule: schedule.clone(),
            next,
        };
        self.put_schedule(transaction, name, scheduled)
    }

    /// These versions are retired: their schedule ends.
    pub(crate) fn schedule_retired(
        &mut self,
        transaction: &mut Transaction,
        name: &DefinitionName,
        versions: &[Version],
    ) {
        let scheduled = self.schedules.records.get(name);
        if scheduled.is_some_and(|scheduled| versions.contains(&scheduled.version)) {
            self.end_schedule(transaction, name);
        }
    }

    fn end_schedule(&mut self, transaction: &mut Transaction, name: &DefinitionName) {
        if self.schedules.records.contains_key(name) {
            let shard = self.shared.router.shard_of_definition(name);
            transaction.delete(Table::Schedules, keys::name(shard, name));
            self.schedules.remove(name);
        }
    }

    fn put_schedule(
        &mut self,
        transaction: &mut Transaction,
        name: &DefinitionName,
        record: ScheduleRecord,
    ) -> Result<(), StoreError> {
        let key = keys::name(transaction.shard, name);
        transaction.put(Table::Schedules, key, records::encode(&record)?);
        self.schedules.insert(name, record);
        Ok(())
    }

    /// Launches what is due; returns how many schedules were looked at.
    pub(crate) fn fire_schedules(&mut self) -> Result<usize, StoreError> {
        let mut count = 0;
        while count < PORTION
            && let Some(name) = self.schedules.take_due(self.now())
        {
            count += 1;
            let Some(record) = self.schedules.records.get(&name) else {
                continue;
            };
            let (program, user) = (record.program, record.by.user().cloned());
            match self.shared.definitions.cached_program(program) {
                Some(loaded) => self.launch_scheduled(&name, &loaded)?,
                None => self.submit(user, Task::Load(program), Waiting::Scheduled(name)),
            }
        }
        Ok(count)
    }

    pub(super) fn scheduled_loaded(
        &mut self,
        name: &DefinitionName,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        let Some(record) = self.schedules.records.get(name) else {
            return Ok(());
        };
        let reason = match outcome {
            // Another version may have come meanwhile, whose time is noted already.
            JobOutcome::Loaded(Ok(loaded)) if loaded.hash != record.program => return Ok(()),
            JobOutcome::Loaded(Ok(loaded)) => return self.launch_scheduled(name, &loaded),
            JobOutcome::Loaded(Err(failure)) => format!("{failure:?}"),
            JobOutcome::Admitted(_) | JobOutcome::Evaluated(_) => return Ok(()),
        };
        tracing::error!(
            name = %name,
            reason,
            "a scheduled launch can't begin now; the engine tries again later"
        );
        let due = self.now().after(self.shared.config.incident_retry);
        self.schedules.due.insert((due, name.clone()));
        Ok(())
    }

    /// Decides about the process of an instant, and when the next one is.
    fn launch_scheduled(
        &mut self,
        name: &DefinitionName,
        loaded: &Arc<Loaded>,
    ) -> Result<(), StoreError> {
        let Some(record) = self.schedules.records.get(name).cloned() else {
            return Ok(());
        };
        let now = self.now();
        // While its definition was loaded, the instant may have been dealt with, or a newer version deployed.
        if record.next > now {
            return Ok(());
        }
        let shard = self.shared.router.shard_of_definition(name);
        let mut transaction = Transaction::new(shard);
        let was_missed = now.since(record.next) > LATE;
        let is_launched = !was_missed || record.schedule.missed == Missed::Once;
        if is_launched
            && let Err(reason) = self.decide_scheduled(&mut transaction, name, &record, loaded)?
        {
            self.tell_refused(&mut transaction, shard, name, reason);
        }
        match next_after(&record.schedule, now.max(record.next)) {
            Some(next) => {
                let record = ScheduleRecord { next, ..record };
                self.put_schedule(&mut transaction, name, record)?;
            }
            None => self.end_schedule(&mut transaction, name),
        }
        self.finish(transaction)
    }

    /// Notes that the process of an instant starts, or returns why it does not.
    fn decide_scheduled(
        &mut self,
        transaction: &mut Transaction,
        name: &DefinitionName,
        record: &ScheduleRecord,
        loaded: &Arc<Loaded>,
    ) -> Result<Result<(), String>, StoreError> {
        let (secret, version) = (&self.shared.secret, record.version);
        let process = ProcessId::scheduled(secret, name, version, record.next);
        if self.knows(process)? {
            return Ok(Ok(()));
        }
        let user = record.by.user().cloned();
        let rules = self.rules(user.as_ref());
        if rules.launches == Permission::Refused {
            let violation = rules.broken(Rule::Launches, "launches are not allowed");
            return Ok(Err(violation.to_string()));
        }
        let mut launch = Launch {
            user,
            version: Some(version),
            ..Launch::new(process, loaded.hash)
        };
        let key = match self.child_key(transaction, &launch, loaded, Bond::Detached)? {
            Ok(key) => key,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Err(reason) = self.admit_call(launch.user.as_ref(), 0, Bond::Detached, loaded) {
            return Ok(Err(reason));
        }
        let claim = self.take_key(transaction, &mut launch, key);
        tracing::info!(%process, name = %name, %version, at = %record.next, "launched by its schedule");
        let record = LaunchRecord {
            definition: ChildDefinition::Deployed(DeployedProgram {
                name: name.clone(),
                version,
                program: record.program,
            }),
            name: loaded.program.name.clone(),
            user: launch.user,
            fields: Fields::new(),
            key: launch.key,
            claim,
        };
        decide(transaction, process, record)?;
        Ok(Ok(()))
    }

    /// Nobody waits for a scheduled launch, so a notice tells all listeners why one is refused.
    fn tell_refused(
        &mut self,
        transaction: &mut Transaction,
        shard: ShardId,
        name: &DefinitionName,
        reason: String,
    ) {
        tracing::warn!(name = %name, reason, "a scheduled launch is refused");
        let exchange = &self.shared.config.notice_exchange;
        let reasons = [reason];
        let report = Report::Rejected { reasons: &reasons };
        let message = notice(exchange, None, name.as_str(), report);
        transaction.publish(self.own_key(shard, OutboxKind::Notice), message);
    }
}

fn next_after(schedule: &Schedule, at: Timestamp) -> Option<Timestamp> {
    let timetable = Timetable::new(&schedule.cron, &schedule.zone).ok()?;
    timetable.after(at)
}
