//! Questions that engines which share a store ask each other: each is carried out at most once.

use super::World;
use bureaucrat_model::ShardGroup;

impl World {
    /// An operator asks the present engine something that another one has to answer, and what others have asked it is carried
    /// out.
    pub(super) fn questions(&mut self) {
        let has_lost_groups = self.has_lost_groups();
        let (Some(engine), Some(sharers)) = (&self.engine, &mut self.sharers) else {
            return;
        };
        while let Some(number) = engine.question() {
            self.facts.carried_out(number);
            self.facts.count("questions of other engines");
        }
        if !sharers.questions.once_in(120) {
            return;
        }
        // One that has lost groups and does not know it asks nobody about them: it takes them for its own.
        let groups = engine.groups();
        let mut others = ShardGroup::all().filter(|group| !groups.contains(*group));
        if let (Some(ours), Some(group)) = (groups.iter().next(), others.next()) {
            let number = engine.ask_another(group, ours);
            // What one that has lost groups asks is never sent.
            if !has_lost_groups {
                self.facts.asked(number);
            }
        }
    }
}
