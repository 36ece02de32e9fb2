//! Schedules among the facts: each instant counts once, as the rule says, in the commit that moves
//! the schedule to the next one.

use super::{Facts, LaunchFacts, decided::Decided, engine::SECRET, facts::Known};
use bureaucrat_host::{decided::LaunchRecord, schedules::ScheduleRecord};
use bureaucrat_model::{Missed, OfDefinition, ProcessId, Timestamp};
use bureaucrat_store::{Table, keys, records};
use bureaucrat_wire::Duplicate;
use std::collections::BTreeMap;

/// The time between two instants of each schedule.
const MINUTE: u64 = 60_000;

/// A schedule that was written.
#[derive(Debug)]
pub(super) struct Moved {
    name: String,
    pub before: Option<ScheduleRecord>,
    after: Option<ScheduleRecord>,
}

impl Moved {
    /// The process of the instant that was due before.
    pub fn process(&self) -> Option<ProcessId> {
        let ScheduleRecord { version, next, .. } = self.before.as_ref()?;
        let name = self.name.parse().ok()?;
        Some(ProcessId::scheduled(&SECRET, &name, *version, *next))
    }
}

impl Decided {
    /// Whether nothing of a name's schedule is due.
    fn is_idle(&self, name: &str, now: Timestamp) -> bool {
        let record = self.schedules.get(name);
        record.is_none_or(|record| now < record.next)
    }
}

impl Facts {
    /// Whether the last version of a schedule may be deployed, in the calm since which it is `now`.
    pub fn may_end_schedule(&self, launch: usize, now: Option<Timestamp>) -> bool {
        let known = self.known();
        let launch = known.launches.get(launch).zip(now);
        launch.is_some_and(|(launch, now)| known.may_end_schedule(launch, now))
    }
}

impl Known {
    pub fn schedule_written(&mut self, key: &[u8], record: Option<&Vec<u8>>) {
        let Ok((_, name)) = keys::name_of::<OfDefinition>(key) else {
            return self.violate(format!("a schedule has the key {key:02x?}"));
        };
        let read = |record: &Vec<u8>| records::decode(Table::Schedules, key, record);
        let after: Option<ScheduleRecord> = match record.map(read).transpose() {
            Ok(after) => after,
            Err(error) => return self.violate(error.to_string()),
        };
        let name = name.to_string();
        let before = match after.clone() {
            Some(after) => self.decided.schedules.insert(name.clone(), after),
            None => self.decided.schedules.remove(&name),
        };
        let moved = Moved {
            name,
            before,
            after,
        };
        self.decided.unit.moved.push(moved);
    }

    /// A schedule was written: by a newer version of its name, or since an instant has come, which
    /// counts as the rule says.
    pub fn move_fits(&mut self, moved: &Moved, decided: &BTreeMap<ProcessId, LaunchRecord>) {
        let Moved {
            name,
            before,
            after,
        } = moved;
        let (now, newest) = (self.now.0, self.deployed.newest(name).unwrap_or(0));
        let next = after.as_ref().map(|after| after.next.0);
        if next.is_some_and(|next| !next.is_multiple_of(MINUTE) || next > now + MINUTE) {
            return self.violate(format!("at {now} the next instant of {name} is {next:?}"));
        }
        let version = after
            .as_ref()
            .map_or(newest, |after| after.version.number());
        if version != newest {
            return self.violate(format!("{name}@{newest} is there, scheduled is {version}"));
        }
        let Some(before) = before else { return };
        if before.version.number() != newest {
            return;
        }
        let (due, id) = (before.next.0, moved.process());
        let Some(next) = next.filter(|next| due < *next && due <= now) else {
            let what = format!("at {now} the schedule of {name} moves from {due} to {next:?}");
            return self.violate(what);
        };
        let is_launched = id.is_some_and(|id| decided.contains_key(&id));
        // The plan is older than the commit. It was made before the next instant.
        let is_late = next - due > MINUTE;
        let is_doubtful = next - due == 2 * MINUTE && now - due < MINUTE + 1_000;
        let is_wanted = !is_late || before.schedule.missed == Missed::Once;
        let is_right = match (is_launched, is_wanted) {
            (true, false) => is_doubtful,
            (false, true) => self.holds_a_key(name),
            (true, true) | (false, false) => true,
        };
        if is_late {
            *self.counts.entry("instants missed").or_default() += 1;
        }
        if !is_right {
            let rule = before.schedule.missed;
            self.violate(format!(
                "{name} was due at {due}, at {now} its next is {next}, {rule:?}: launched is {is_launched}"
            ));
        }
    }

    /// Whether a process of this name has a business key, or will, and is not replaced.
    fn holds_a_key(&self, name: &str) -> bool {
        let launch = self.launches.iter().find(|launch| launch.name == name);
        if launch.is_some_and(|launch| launch.key == Some(Duplicate::Replace)) {
            return false;
        }
        let live = self.instances.values();
        let mut live = live.filter(|one| one.name == name && !one.has_ended());
        let mut waiting = self.decided.waiting.values();
        live.any(|one| one.key.is_some())
            || waiting.any(|record| record.name == name && record.key.is_some())
    }

    fn may_end_schedule(&self, launch: &LaunchFacts, now: Timestamp) -> bool {
        let others = launch.versions.len().saturating_sub(1);
        let newest = self.deployed.newest(&launch.name).unwrap_or(0);
        let are_there = usize::try_from(newest).is_ok_and(|newest| newest >= others);
        are_there && self.decided.is_idle(&launch.name, now)
    }
}
