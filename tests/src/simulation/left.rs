//! What has not ended, and who may have ended early.

use super::Facts;

impl Facts {
    /// Whether an operator cancelled a process with this name.
    pub fn was_cancelled(&self, name: &str) -> bool {
        let known = self.known();
        let starts = known.starts.get(name).into_iter().flatten();
        starts.into_iter().any(|(process, _)| {
            // The ids of a call tree begin with the same bytes.
            let key = &process.as_bytes()[..2];
            let mut cancelled = known.cancelled.iter();
            cancelled.any(|cancelled| &cancelled.as_bytes()[..2] == key)
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
        left
    }
}
