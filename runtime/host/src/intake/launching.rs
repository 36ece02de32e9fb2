//! Launches in progress: in their users' lines, or waiting for their definitions.

use super::{definition::DefinitionText, named::Chosen};
use crate::{
    broker::{Delivery, DeliveryHandle},
    compute::JobOutcome,
    fair::{FairQueue, User},
    plan::launch_keys::LaunchKey,
    tenants::Claim,
};
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_wire::NamedLaunch;
use std::{collections::HashMap, sync::Arc};

/// A launch that is waiting or whose definition is being compiled, with all of its deliveries.
pub(crate) struct LaunchInHand {
    pub deliveries: Vec<Delivery>,
    pub arrived: Timestamp,
    /// The definition, as a part of the first delivery's body or beside it.
    pub text: DefinitionText,
    pub seen: Option<[u8; 32]>,
    /// Its place in its user's line.
    pub waiting: Option<Claim>,
    /// The deployed definition that it names, if it comes without one of its own.
    pub named: Option<Named>,
    /// Its business key, once that is known.
    pub key: Option<LaunchKey>,
    /// The bytes of its row, if it has one.
    pub kept: Option<usize>,
}

/// A launch by name.
pub(crate) struct Named {
    pub launch: Arc<NamedLaunch>,
    /// What it starts, once that is chosen.
    pub chosen: Option<Chosen>,
}

impl LaunchInHand {
    /// The business key that it comes with.
    pub fn given_key(&self) -> Option<LaunchKey> {
        let launch = &self.named.as_ref()?.launch;
        Some(LaunchKey {
            text: launch.key.clone()?,
            duplicate: launch.duplicate,
        })
    }

    /// What a launch by name starts.
    pub fn chosen(&self) -> Option<&Chosen> {
        self.named.as_ref()?.chosen.as_ref()
    }
}

/// Launches in progress: in their users' lines, or with definitions that are being compiled.
#[derive(Default)]
pub(crate) struct Launching {
    launches: HashMap<ProcessId, LaunchInHand>,
    lines: FairQueue<ProcessId>,
    /// Whether the first of them waits: until other definitions are compiled, or until the one that
    /// it names is durable.
    lines_wait: bool,
    compiling: usize,
    /// What rows of them take.
    pub kept: Kept,
    /// When launches that wait long were looked for.
    pub looked: Timestamp,
}

/// How many launches have rows, and how many bytes these have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kept {
    pub rows: usize,
    pub bytes: usize,
}

impl Kept {
    fn add(&mut self, row: Option<usize>) {
        if let Some(bytes) = row {
            self.rows += 1;
            self.bytes += bytes;
        }
    }

    fn subtract(&mut self, row: Option<usize>) {
        if let Some(bytes) = row {
            self.rows = self.rows.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

impl Launching {
    /// Adds a repeat to a launch in progress; returns the delivery if there is none.
    pub fn repeat(&mut self, process: ProcessId, delivery: Delivery) -> Option<Delivery> {
        match self.launches.get_mut(&process) {
            Some(in_hand) => {
                in_hand.deliveries.push(delivery);
                None
            }
            None => Some(delivery),
        }
    }

    pub fn queue(&mut self, user: User, process: ProcessId, launch: LaunchInHand) {
        self.put_back(process, launch);
        self.lines.push(user, process);
    }

    /// Whether a launch could begin now.
    pub fn may_begin(&self) -> bool {
        !self.lines.is_empty() && !self.lines_wait
    }

    /// The launch whose turn is next.
    pub fn next(&mut self) -> Option<(User, ProcessId)> {
        loop {
            let (user, process) = self.lines.pop()?;
            // A launch whose deliveries will come again has left its place in the line.
            if self.launches.contains_key(&process) {
                return Some((user, process));
            }
        }
    }

    /// The text of its definition.
    pub fn definition(&self, process: ProcessId) -> &[u8] {
        let Some(launch) = self.launches.get(&process) else {
            return &[];
        };
        let first = launch.deliveries.first();
        first.map_or(&[], |first| launch.text.of(&first.body))
    }

    /// The launch by name that it is, if it is one.
    pub fn named(&self, process: ProcessId) -> Option<Arc<NamedLaunch>> {
        let named = self.launches.get(&process)?.named.as_ref()?;
        Some(named.launch.clone())
    }

    /// What a launch by name starts is chosen.
    pub fn chosen(&mut self, process: ProcessId, chosen: Chosen) {
        let launch = self.launches.get_mut(&process);
        if let Some(named) = launch.and_then(|launch| launch.named.as_mut()) {
            named.chosen = Some(chosen);
        }
    }

    /// The launch cannot begin now, and keeps its place.
    pub fn wait(&mut self, user: User, process: ProcessId) {
        self.lines.give_back(user, process);
        self.lines_wait = true;
    }

    /// Whether a launch waits for this outcome: a launch by name that came again is in its line
    /// when the program arrives that was loaded for the first delivery.
    pub fn expects(&self, process: ProcessId, outcome: &JobOutcome) -> bool {
        let launch = self.launches.get(&process);
        let Some(named) = launch.and_then(|launch| launch.named.as_ref()) else {
            return true;
        };
        match (&named.chosen, outcome) {
            (Some(chosen), JobOutcome::Loaded(Ok(loaded))) => loaded.hash == chosen.program,
            (chosen, _) => chosen.is_some(),
        }
    }

    /// What the first in line waited for may be there now.
    pub fn look_again(&mut self) {
        self.lines_wait = false;
    }

    /// A definition was compiled.
    pub fn compiled(&mut self) {
        self.compiling = self.compiling.saturating_sub(1);
        self.lines_wait = false;
    }

    /// Drops deliveries of connections up to this one: they will be redelivered.
    pub fn drop_stale(&mut self, generation: u64) {
        self.launches.retain(|_, launch| {
            let deliveries = &mut launch.deliveries;
            deliveries.retain(|delivery| delivery.handle.generation > generation);
            !deliveries.is_empty()
        });
    }

    /// Keeps a launch that is in no line.
    pub fn put_back(&mut self, process: ProcessId, launch: LaunchInHand) {
        self.kept.add(launch.kept);
        self.launches.insert(process, launch);
    }

    /// Those that arrived before a time, and have messages that are not acknowledged.
    pub fn overdue(&self, before: Timestamp) -> Vec<ProcessId> {
        let is_overdue = |launch: &LaunchInHand| {
            let mut handles = launch.deliveries.iter().map(|delivery| delivery.handle);
            launch.arrived <= before && handles.any(DeliveryHandle::is_of_the_broker)
        };
        let launches = self.launches.iter();
        let overdue = launches.filter(|(_, launch)| is_overdue(launch));
        let mut overdue: Vec<ProcessId> = overdue.map(|(process, _)| *process).collect();
        overdue.sort_unstable();
        overdue
    }

    /// A launch in hand.
    pub fn get_mut(&mut self, process: ProcessId) -> Option<&mut LaunchInHand> {
        self.launches.get_mut(&process)
    }

    /// A launch has a row of so many bytes.
    pub fn keep(&mut self, process: ProcessId, bytes: usize) {
        if let Some(launch) = self.launches.get_mut(&process) {
            self.kept.subtract(launch.kept.replace(bytes));
            self.kept.add(launch.kept);
        }
    }

    /// Puts a launch that is in no line at the end of its user's line.
    pub fn begin_again(&mut self, process: ProcessId) {
        // Its deliveries may have ended with their connection.
        let launch = self.launches.get(&process);
        if let Some(first) = launch.and_then(|launch| launch.deliveries.first()) {
            let user = first.properties.user_id.clone();
            self.lines.push(user, process);
        }
    }

    /// Removes and returns a launch.
    pub fn take(&mut self, process: ProcessId) -> Option<LaunchInHand> {
        let launch = self.launches.remove(&process)?;
        self.kept.subtract(launch.kept);
        Some(launch)
    }

    /// A definition is being compiled.
    pub fn compiling(&mut self) {
        self.compiling += 1;
    }

    /// How many definitions are being compiled.
    pub const fn compilations(&self) -> usize {
        self.compiling
    }
}
