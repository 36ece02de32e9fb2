//! Launches in progress: in their users' lines, or waiting for their definitions.

use super::{
    definition::DefinitionText,
    fair::{FairQueue, User},
};
use crate::{broker::Delivery, tenants::Claim};
use bureaucrat_model::ProcessId;
use std::collections::HashMap;

/// A launch that is waiting or whose definition is being compiled, with all of its deliveries.
pub(crate) struct LaunchInHand {
    pub deliveries: Vec<Delivery>,
    /// The definition, as a part of the first delivery's body or beside it.
    pub text: DefinitionText,
    pub seen: Option<[u8; 32]>,
    /// Its place in its user's line.
    pub waiting: Option<Claim>,
}

/// Launches in progress: in their users' lines, or with definitions that are being compiled.
#[derive(Default)]
pub(crate) struct Launching {
    launches: HashMap<ProcessId, LaunchInHand>,
    lines: FairQueue<ProcessId>,
    /// Whether the first of them waits until other definitions are compiled.
    lines_wait: bool,
    compiling: usize,
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
        self.launches.insert(process, launch);
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

    /// No more definitions are compiled now: the launch keeps its place.
    pub fn wait(&mut self, user: User, process: ProcessId) {
        self.lines.give_back(user, process);
        self.lines_wait = true;
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

    /// Removes and returns a launch.
    pub fn take(&mut self, process: ProcessId) -> Option<LaunchInHand> {
        self.launches.remove(&process)
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
