//! The engine's jobs: when they are done, and that they fail because of the machine.

use super::{Trouble, World};

impl World {
    /// One job is done, or fails.
    pub(super) fn job(&mut self) {
        let place = self.random.place(3);
        let fails = self.plan.has(Trouble::Jobs) && self.random.once_in(6);
        // Nor does a job that reads the store end while that is away.
        let is_away = self.is_away();
        let Some(engine) = &self.engine else { return };
        if is_away && engine.loads(place).is_some() {
            return;
        }
        let may_fail = |program| !self.facts.is_deployed(program);
        // A launch whose program can't be read would be refused.
        if engine
            .loads(place)
            .is_some_and(|program| !may_fail(program))
        {
            self.disk.fail_reading(None);
        }
        if fails && engine.fail_job(place, may_fail) {
            self.facts.count("jobs that failed");
            self.note("a job fails");
        } else if engine.do_job(place) {
            self.note("a job is done");
        }
    }
}
