//! Processes that start without a launch, among the facts: detached ones, those of schedules, and
//! called ones that are versions of a name. Each is decided about once, starts once, and runs the
//! version that was the newest when it was chosen.

use super::{audit::waits, engine::SECRET, facts::Known, scheduled::Moved};
use bureaucrat_host::{
    decided::{KeyClaim, LaunchRecord, LaunchRow},
    schedules::ScheduleRecord,
    waiting::WaitingRecord,
};
use bureaucrat_model::{
    Called, ChildDefinition, DeployedProgram, HistoryEvent, Instance, ProcessId, WaitKind,
};
use bureaucrat_store::{Table, keys, records};
use std::collections::{BTreeMap, BTreeSet};

/// What is durable about such processes.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// They are certain to start, and have not started.
    pub waiting: BTreeMap<ProcessId, LaunchRecord>,
    /// Launches that wait, and whose messages may be acknowledged.
    kept: BTreeMap<ProcessId, WaitingRecord>,
    /// All that were ever decided about.
    ever: BTreeSet<ProcessId>,
    /// The ids that callers may give to detached processes.
    callers: BTreeMap<ProcessId, ProcessId>,
    /// What callers that wait have chosen for what they call.
    chosen: BTreeMap<ProcessId, DeployedProgram>,
    /// The versions in the order in which they became durable.
    versions: Vec<(String, u32)>,
    /// How many versions there were when a launch was first published.
    published: BTreeMap<usize, usize>,
    /// The same for when a process was last written.
    written: BTreeMap<ProcessId, usize>,
    pub schedules: BTreeMap<String, ScheduleRecord>,
    pub unit: OfUnit,
}

/// What the present unit says.
#[derive(Debug, Default)]
pub(super) struct OfUnit {
    decided: BTreeMap<ProcessId, LaunchRecord>,
    starting: BTreeMap<ProcessId, LaunchRecord>,
    /// Launches that wait no more.
    begun: Vec<(ProcessId, WaitingRecord)>,
    /// What histories call started.
    told: Vec<ProcessId>,
    /// The versions that callers have chosen.
    chosen: Vec<(ProcessId, DeployedProgram)>,
    written: Vec<ProcessId>,
    pub moved: Vec<Moved>,
}

impl Decided {
    /// Whether the process is certain to start, with a business key.
    pub fn has_key(&self, process: ProcessId) -> bool {
        let record = self.waiting.get(&process);
        record.is_some_and(|record| record.key.is_some() && record.claim == KeyClaim::Held)
    }

    /// How many launches with this message wait.
    pub fn kept(&self, body: &[u8]) -> usize {
        let kept = self.kept.values();
        kept.filter(|record| record.body == body).count()
    }

    /// Whether a process that starts in the present unit had waited, so that its delivery was acknowledged.
    pub fn has_waited(&self, process: ProcessId) -> bool {
        let begun = &self.unit.begun;
        begun.iter().any(|(begun, _)| *begun == process)
    }

    /// A launch is published.
    pub fn published(&mut self, launch: usize) {
        let count = self.versions.len();
        self.published.entry(launch).or_insert(count);
    }

    /// A version is durable.
    pub fn deployed(&mut self, version: &(String, u32)) {
        self.versions.push(version.clone());
    }

    /// A history says something.
    pub fn happened(&mut self, event: &HistoryEvent) {
        if let HistoryEvent::Started { process, .. } = event {
            self.unit.told.push(*process);
        }
    }

    /// What is still to be done.
    pub fn left(&self) -> impl Iterator<Item = String> {
        let waiting = self.waiting.keys();
        let waiting = waiting.map(|process| format!("{process} is certain to start"));
        let schedules = self.schedules.iter();
        waiting.chain(schedules.map(|(name, record)| format!("{name} has a schedule: {record:?}")))
    }

    /// The newest version of a name that a caller must know when it chooses one.
    fn floor(&self, name: &str, caller: &Instance) -> u32 {
        let number = caller.name.strip_prefix('L');
        let number = number.and_then(|number| number.parse().ok());
        let of_launch = number.and_then(|number: usize| self.published.get(&number));
        let of_launch = of_launch.filter(|_| caller.caller.is_none());
        let count = self.written.get(&caller.process).or(of_launch);
        let known = self.versions.iter().take(count.copied().unwrap_or(0));
        let of_name = known.filter(|(other, _)| other == name);
        of_name.map(|(_, version)| *version).max().unwrap_or(1)
    }
}

impl Known {
    /// A process is certain to start, or starts.
    pub fn launch_written(&mut self, key: &[u8], record: Option<&Vec<u8>>) -> Option<ProcessId> {
        let process = keys::instance_of(key).ok()?;
        let Some(record) = record else {
            if let Some(record) = self.decided.kept.remove(&process) {
                self.decided.unit.begun.push((process, record));
                return Some(process);
            }
            match self.decided.waiting.remove(&process) {
                Some(record) => drop(self.decided.unit.starting.insert(process, record)),
                None => self.violate(format!("the row of {process} was removed twice")),
            }
            return Some(process);
        };
        let read = records::decode::<LaunchRow>(Table::Launches, key, record);
        let record = match read.map_err(|error| self.violate(error.to_string())).ok()? {
            LaunchRow::Decided(record) => record,
            LaunchRow::Waiting(record) => {
                self.launch_kept(process, record);
                return Some(process);
            }
        };
        if self.instances.contains_key(&process) || self.removed.contains(&process) {
            self.violate(format!("{process} has started and is to start"));
        }
        if !self.decided.ever.insert(process) {
            self.violate(format!("it was decided twice that {process} starts"));
        }
        *self.counts.entry("launches decided").or_default() += 1;
        self.decided.unit.decided.insert(process, record.clone());
        self.decided.waiting.insert(process, record);
        Some(process)
    }

    /// A launch waits, and its message may be acknowledged.
    fn launch_kept(&mut self, process: ProcessId, record: WaitingRecord) {
        if self.instances.contains_key(&process) || self.removed.contains(&process) {
            self.violate(format!("{process} has started and waits"));
        }
        if let Some(earlier) = self.decided.kept.get(&process)
            && (&earlier.body, earlier.messages.len()) >= (&record.body, record.messages.len())
        {
            self.violate(format!("{process} waits again with no more messages"));
        }
        *self.counts.entry("launches stored as waiting").or_default() += 1;
        self.decided.kept.insert(process, record);
    }

    /// A process was written: what it may start, and which versions it has chosen.
    pub fn calls_by_name(&mut self, before: Option<&Instance>, after: &Instance) {
        let process = after.process;
        self.decided.unit.written.push(process);
        for count in before.map_or(0, |before| before.next_call)..after.next_call {
            let detached = process.detached(&SECRET, count);
            self.decided.callers.insert(detached, process);
        }
        let was_chosen = |turn| {
            let mut earlier = before.into_iter().flat_map(waits);
            earlier.any(|(_, wait)| wait.turn == turn && chosen(&wait.kind).is_some())
        };
        for (_, wait) in waits(after) {
            if let Some((child, deployed)) = chosen(&wait.kind)
                && !was_chosen(wait.turn)
            {
                self.decided.unit.chosen.push((process, deployed.clone()));
                self.decided.chosen.insert(child, deployed.clone());
            }
        }
    }

    /// A called process begins: it is the version that its caller has chosen.
    pub fn started_by_caller(&mut self, instance: &Instance) {
        let Some(caller) = &instance.caller else {
            return;
        };
        if self.decided.callers.contains_key(&instance.process) {
            let process = instance.process;
            return self.violate(format!("{process} is detached and has a caller"));
        }
        let Some(calling) = self.instances.get(&caller.process) else {
            return;
        };
        let wait = waits(calling).find(|(_, wait)| wait.turn == caller.turn);
        let Some((_, wait)) = wait else { return };
        let WaitKind::Child { child, .. } = &wait.kind else {
            return;
        };
        let expected = chosen(&wait.kind).map(|(_, chosen)| (chosen.version, chosen.program));
        let found = instance.version.map(|version| (version, instance.program));
        if *child == instance.process && expected != found {
            let what = format!("{child} runs {found:?}, its caller has chosen {expected:?}");
            self.violate(what);
        }
        if found.is_some() {
            *self.counts.entry("calls by name").or_default() += 1;
        }
    }

    /// A process begins that was certain to start: as it was decided.
    pub fn started_by_decision(&mut self, instance: &Instance) {
        let process = instance.process;
        let Some(record) = self.decided.unit.starting.remove(&process) else {
            return self.violate(format!(
                "{process} was started, and nothing says that it is to"
            ));
        };
        let ChildDefinition::Deployed(deployed) = &record.definition else {
            return self.violate(format!("{process} runs a text: {record:?}"));
        };
        let found = (instance.version, instance.program, &instance.key);
        if found != (Some(deployed.version), deployed.program, &record.key) {
            self.violate(format!(
                "{process} began with {found:?}, decided was {record:?}"
            ));
        }
    }

    /// A unit was written: what it says about such processes belongs together.
    pub fn unit_fits(&mut self) {
        let unit = std::mem::take(&mut self.decided.unit);
        for process in &unit.told {
            if !self.decided.ever.contains(process) {
                self.violate(format!(
                    "{process} is said to be started, and nothing starts it"
                ));
            }
        }
        for (process, record) in &unit.starting {
            self.superseded(*process, record);
        }
        for (process, record) in &unit.begun {
            let has_begun = self.instances.contains_key(process);
            if !has_begun && !self.dead.contains_key(&record.body) {
                self.violate(format!(
                    "{process} waited, and neither starts nor is refused"
                ));
            }
        }
        for (process, deployed) in &unit.chosen {
            self.version_fits(*process, deployed);
        }
        for (process, record) in &unit.decided {
            self.decision_fits(*process, record, &unit.moved);
        }
        for moved in &unit.moved {
            self.move_fits(moved, &unit.decided);
        }
        let count = self.decided.versions.len();
        let written = unit.written.into_iter().map(|process| (process, count));
        self.decided.written.extend(written);
    }

    /// A process that was to start does not: a newer one takes its place under its key.
    fn superseded(&mut self, process: ProcessId, record: &LaunchRecord) {
        let mut waiting = self.decided.waiting.values();
        let is_newer = |other: &LaunchRecord| {
            let is_same = (&other.name, &other.key) == (&record.name, &record.key);
            is_same && other.claim == KeyClaim::Replaces
        };
        if record.claim == KeyClaim::Held || !waiting.any(is_newer) {
            self.violate(format!("{process} was certain to start, and does not"));
        }
        *self.counts.entry("launches superseded").or_default() += 1;
    }

    /// A caller has chosen a version: one that is durable, and none that was replaced before.
    fn version_fits(&mut self, caller: ProcessId, deployed: &DeployedProgram) {
        let (name, version) = (deployed.name.as_str(), deployed.version.number());
        let Some(calling) = self.instances.get(&caller) else {
            return;
        };
        let floor = self.decided.floor(name, calling);
        let program = self.deployed.program(name, version);
        if version < floor || program != Some(deployed.program) {
            let what = format!(
                "{caller} has chosen `{deployed}` ({:?}), not older than {floor} is right",
                deployed.program
            );
            self.violate(what);
        }
    }

    /// It was decided that a process starts: by a caller that is written in the same unit, or for
    /// an instant that is past with it.
    fn decision_fits(&mut self, process: ProcessId, record: &LaunchRecord, moved: &[Moved]) {
        let ChildDefinition::Deployed(deployed) = &record.definition else {
            return self.violate(format!("{process} is to run a text: {record:?}"));
        };
        if let Some(caller) = self.decided.callers.get(&process).copied() {
            *self.counts.entry("detached processes").or_default() += 1;
            return match self.decided.chosen.get(&process) {
                // It was chosen when the caller came to the call, and had to be read first.
                Some(chosen) if chosen == deployed => {}
                Some(chosen) => {
                    let what = format!("{process} is to be {deployed}, chosen was {chosen}");
                    self.violate(what);
                }
                None => self.version_fits(caller, deployed),
            };
        }
        let moved = moved.iter().find(|moved| moved.process() == Some(process));
        let before = moved.and_then(|moved| moved.before.as_ref());
        let scheduled = before.map(|before| (before.version, before.program));
        if scheduled != Some((deployed.version, deployed.program)) {
            self.violate(format!(
                "{process} is to start, and nobody asks for it: {record:?}"
            ));
        }
        *self.counts.entry("scheduled processes").or_default() += 1;
    }
}

/// The version that a call has chosen.
fn chosen(kind: &WaitKind) -> Option<(ProcessId, &DeployedProgram)> {
    let WaitKind::Child {
        child,
        definition: Called::Found(deployed),
        ..
    } = kind
    else {
        return None;
    };
    Some((*child, deployed))
}
