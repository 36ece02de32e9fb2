//! What operators change.

use super::{
    super::{
        held,
        inputs::{SECRET, operator},
    },
    Taken, World,
};
use bureaucrat_engine::{Environment, modify};
use bureaucrat_model::{
    Change, Effect, Instance, Modification, PartOf, Timestamp, Turn, Unhandled,
};

impl World<'_> {
    /// An operator changes something: that is refused and changes nothing, or the books still balance.
    pub(super) fn modify(&mut self, modification: &Modification) {
        let environment = Environment {
            now: Timestamp(self.now),
            secret: &SECRET,
            limits: self.limits,
            unhandled: Unhandled::Fails,
        };
        let verb = modification.change.verb();
        self.note(verb, |fiber| modification.part == PartOf::Fiber(fiber));
        let before = self.instance.clone();
        match modify(
            self.program,
            &mut self.instance,
            &environment,
            modification,
            &operator(),
        ) {
            Ok(effects) => {
                assert!(!self.ended, "an ended process took {modification:?}");
                self.sent_again = sent_again(&before, modification, &effects);
                self.taken
                    .push((self.now, Taken::Modification(modification.clone())));
                self.account(effects);
                held::check(&self.instance, self.limits);
                self.written.follow(&mut self.instance);
            }
            Err(refusal) => {
                assert_eq!(before, self.instance, "{refusal:?}");
                let left = self.instance.take_changes();
                assert_eq!(left, None, "{refusal:?} leaves something to write");
            }
        }
    }
}

/// The turn of the task that this has sent again.
fn sent_again(before: &Instance, modification: &Modification, effects: &[Effect]) -> Option<Turn> {
    if modification.change != Change::Retry {
        return None;
    }
    effects.iter().find_map(|effect| {
        let Effect::SendTask { turn, .. } = effect else {
            return None;
        };
        before.fibers.waiting(*turn).map(|_| *turn)
    })
}
