//! Checks how processes begin, and that each ends as its definition says.

use super::{Expected, audit::tree, facts::Known};
use bureaucrat_model::{Ending, Instance, Status};
use bureaucrat_wire::Duplicate;
use serde_json::{Map, Value};

impl Known {
    pub fn started(&mut self, instance: &Instance) {
        let process = instance.process;
        if self.removed.contains(&process) {
            return self.violate(format!("{process} was removed and is there again"));
        }
        let now = self.now;
        if instance.caller.is_some() {
            self.started_by_caller(instance);
        } else {
            let found = self
                .launches
                .iter()
                .find(|launch| launch.name == instance.name);
            let Some(launch) = found.cloned() else {
                return self.violate(format!("{process} was never launched: {}", instance.name));
            };
            if !launch.is_launched() {
                self.started_by_decision(instance);
                return self.ended(instance);
            }
            let retention = self.seen_retention;
            let starts = self.starts.entry(instance.name.clone()).or_default();
            starts.push((process, now));
            let twice = starts.len() > 1 && now < starts[0].1.after(retention);
            if twice && launch.has_id {
                return self.violate(format!(
                    "{} has a message id and started twice",
                    instance.name
                ));
            }
            if launch.expected.is_none() {
                return self.violate(format!("{} was to be refused and started", instance.name));
            }
            if !launch.has_id && !self.decided.has_waited(process) {
                self.started_from_delivery(&instance.name);
            }
            self.started_version(&launch, instance);
        }
        self.ended(instance);
    }

    /// Compares an instance that has just ended with what its definition says.
    pub fn ended(&mut self, instance: &Instance) {
        let Status::Ended(ending) = &instance.status else {
            return;
        };
        self.is_where_it_can_be(instance);
        *self
            .counts
            .entry(match (ending, &instance.caller) {
                (Ending::Completed(_), None) => "processes completed",
                (Ending::Failed(_), None) => "processes failed",
                (_, Some(_)) => "called processes ended",
            })
            .or_default() += 1;
        let is_called = instance.caller.is_some();
        if is_called && instance.version.is_none() {
            return;
        }
        let launch = self
            .launches
            .iter()
            .find(|launch| launch.name == instance.name);
        let Some(expected) = launch.and_then(|launch| self.expected(launch, instance)) else {
            return;
        };
        let holds = match (&expected, ending) {
            (Expected::Completed(expected, uncertain), Ending::Completed(fields)) => {
                let certain = |fields: &Map<String, Value>| {
                    let certain = fields
                        .iter()
                        .filter(|(name, _)| *name != "event" && !uncertain.contains(*name));
                    certain
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect::<Map<_, _>>()
                };
                serde_json::from_str::<Map<String, Value>>(&fields.to_json())
                    .is_ok_and(|found| certain(&found) == certain(expected))
            }
            (Expected::Failed(codes), Ending::Failed(fault)) => codes.contains(fault.code.as_str()),
            (Expected::Completed(..), Ending::Failed(_))
            | (Expected::Failed(_), Ending::Completed(_)) => false,
        };
        let is_cancelled = self.cancelled.contains(&instance.process)
            || self
                .cancelled
                .iter()
                .any(|process| tree(*process) == tree(instance.process));
        let cancelled = is_cancelled
            && instance
                .fault()
                .is_some_and(|fault| ["Cancelled", "Terminated"].contains(&fault.code.as_str()));
        let refused = self.unsendable.contains(&tree(instance.process))
            && instance
                .fault()
                .is_some_and(|fault| fault.code.as_str() == "TaskRefused");
        // Its caller waits for it no more.
        let is_stopped = is_called
            && instance
                .fault()
                .is_some_and(|fault| fault.code.as_str() == "Cancelled");
        let replaced = launch.is_some_and(|launch| launch.key == Some(Duplicate::Replace));
        let is_replaced = replaced
            && instance
                .fault()
                .is_some_and(|fault| fault.code.as_str() == "Cancelled");
        let modified = self.was_modified(instance.process);
        if !modified && !holds && !cancelled && !refused && !is_replaced && !is_stopped {
            let name = &instance.name;
            self.violate(format!(
                "{name} ended with {ending:?}; expected was {expected:?}"
            ));
        }
    }
}
