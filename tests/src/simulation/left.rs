//! What has not ended, and who may have ended early.

use super::{Facts, audit::tree, facts::Known};
use bureaucrat_model::{FaultCode, Instance, Parking, ProcessId};

impl Known {
    /// Whether an operator changed where a process of this call tree stands.
    pub fn was_modified(&self, process: ProcessId) -> bool {
        let mut modified = self.modified.iter();
        modified.any(|modified| tree(*modified) == tree(process))
    }
}

impl Known {
    /// A suspended process does nothing until an operator resumes it, or until it is ended from outside.
    pub fn stands_still(&mut self, before: &Instance, after: &Instance) {
        if before.status.parking() != Some(Parking::Suspended) {
            return;
        }
        let process = before.process;
        let is_freed = self.all_resumed
            || self.resumed.contains(&process)
            || after.cancelled.is_some()
            || after.has_ended();
        match after.status.parking() {
            Some(Parking::Suspended) => {
                if before.fibers != after.fibers && !self.was_modified(process) {
                    self.violate(format!(
                        "{process} is suspended and moved, from {:?} to {:?}",
                        before.fibers, after.fibers
                    ));
                }
            }
            Some(Parking::Incident) | None => {
                if !is_freed {
                    self.violate(format!(
                        "{process} was suspended and nobody resumed it: {:?}",
                        after.status
                    ));
                }
            }
        }
    }

    /// A program of ours never has a fiber where it cannot be.
    pub fn is_where_it_can_be(&mut self, instance: &Instance) {
        let fault = instance.fault().map(|fault| fault.code.as_str());
        if fault == Some(FaultCode::PROGRAM_ERROR) {
            let fault = instance.fault().map(ToString::to_string);
            self.violate(format!("{} ended so: {fault:?}", instance.process));
        }
    }
}

impl Facts {
    /// An operator resumes a process.
    pub fn may_be_resumed(&self, process: ProcessId) {
        self.known().resumed.insert(process);
    }

    /// Whether an operator cancelled or changed a process with this name.
    pub fn was_cancelled(&self, name: &str) -> bool {
        let known = self.known();
        let starts = known.starts.get(name).into_iter().flatten();
        starts.into_iter().any(|(process, _)| {
            let mut cancelled = known.cancelled.iter().chain(&known.modified);
            cancelled.any(|cancelled| tree(*cancelled) == tree(*process))
        })
    }

    /// What has not ended.
    pub fn left(&self) -> Vec<String> {
        let known = self.known();
        let mut left = Vec::new();
        for launch in known
            .launches
            .iter()
            .filter(|launch| launch.expected.is_some() && launch.is_launched())
        {
            if !known.starts.contains_key(&launch.name) {
                left.push(format!("{} was not started", launch.name));
            }
        }
        for instance in known
            .instances
            .values()
            .filter(|instance| !instance.has_ended())
        {
            left.push(format!(
                "{} {} has not ended: {:?}",
                instance.name, instance.process, instance.fibers
            ));
        }
        left.extend(
            known
                .outbox
                .keys()
                .map(|key| format!("the outbox holds {key:?}")),
        );
        left.extend(
            known
                .events
                .keys()
                .map(|sequence| format!("the event {sequence} is not handed out")),
        );
        left.extend(known.decided.left());
        left.extend(known.bulk.left());
        left
    }
}
