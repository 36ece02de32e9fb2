//! What each effect opens and closes.

use super::World;
use bureaucrat_model::{Effect, TaskEnd};

impl World<'_> {
    pub(super) fn account_one(&mut self, effect: &Effect) {
        match effect {
            Effect::Evaluate {
                fiber,
                turn,
                condition,
                ..
            } => {
                self.turns.insert(*turn);
                let old = self.evaluations.insert((*fiber, *turn), *condition);
                assert_eq!(old, None);
            }
            Effect::SendTask { activity, turn, .. } => {
                // The timer of the wait has the same turn, and comes first.
                self.turns.insert(*turn);
                let before = self.books.tasks.insert(*turn, activity.clone());
                let again = self.sent_again.take().filter(|again| again == turn);
                assert_eq!(before, again.map(|_| activity.clone()), "sent again");
            }
            Effect::WithdrawTask { turn, end } => {
                let activity = self.books.tasks.remove(turn);
                assert!(activity.is_some());
                // Without the program nobody knows which activity it was for.
                if let TaskEnd::Abandoned(task) = end
                    && !self.program_is_unknown
                {
                    assert_eq!(task.activity, activity, "the notice is for another task");
                }
            }
            Effect::StartTimer { fiber, turn, due } => {
                self.turns.insert(*turn);
                self.books.timers.insert((*fiber, *turn), *due);
            }
            Effect::StopTimer { fiber, turn, due } => {
                assert_eq!(self.books.timers.remove(&(*fiber, *turn)), Some(*due));
            }
            Effect::Subscribe {
                fiber,
                turn,
                subscription,
            } => {
                self.turns.insert(*turn);
                let row = (*fiber, *turn, subscription.clone());
                assert!(self.books.subscriptions.insert(row));
            }
            Effect::Unsubscribe {
                fiber,
                turn,
                subscription,
            } => {
                let row = (*fiber, *turn, subscription.clone());
                assert!(self.books.subscriptions.remove(&row));
            }
            Effect::Emit { fiber, turn, .. } | Effect::Send { fiber, turn, .. } => {
                assert!(self.turns.insert(*turn) && self.asked.insert((*fiber, *turn)));
            }
            Effect::StartChild { child, caller, .. } => {
                assert!(self.turns.insert(caller.turn));
                let earlier = |effect: &Effect| matches!(effect, Effect::StartChild { child: other, .. } if other == child);
                assert!(
                    !self.effects.iter().any(earlier),
                    "{child} is started twice"
                );
                self.books
                    .children
                    .insert((caller.fiber, caller.turn), *child);
            }
            Effect::FindDefinition { fiber, turn, .. } => {
                assert!(self.sought.insert((*fiber, *turn)));
            }
            Effect::CancelChild {
                child,
                turn,
                awaited_by: Some(fiber),
            } => assert_eq!(self.books.children.get(&(*fiber, *turn)), Some(child)),
            Effect::CancelChild { child, turn, .. } => {
                let before = self.books.children.len();
                self.books
                    .children
                    .retain(|(_, at), open| (at, &*open) != (turn, child));
                assert_eq!(self.books.children.len() + 1, before);
            }
            Effect::End(_) => self.ended = true,
            Effect::Record(_)
            | Effect::TakeKept { .. }
            | Effect::TakeEvent { .. }
            | Effect::EndRecall { .. } => {}
            Effect::Yield => self.yielded = true,
        }
    }
}
