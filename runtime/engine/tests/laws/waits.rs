//! What fibers wait for, against the books.

use super::world::{Books, World};
use bureaucrat_engine::{task_fields, unstarted_call};
use bureaucrat_model::{Called, Deadline, FiberId, FiberState, WaitKind};
use std::collections::BTreeSet;

impl World<'_> {
    /// What fibers wait for is exactly what the books contain, under unique turns. Nothing can run
    /// unless the instance yielded.
    pub fn check_waits(&self) {
        let (mut seen, mut found) = (BTreeSet::new(), Books::default());
        let mut stuck = 0;
        if let Some(Deadline::Ahead { due, turn }) = self.instance.deadline {
            found.timers.insert((FiberId::DEADLINE, turn), due);
        }
        for (id, fiber) in self.instance.fibers.iter() {
            let FiberState::Waiting(wait) = &fiber.state else {
                let runs_later = self.yielded || self.continues_when_resumed();
                assert!(runs_later, "a fiber was left to run");
                continue;
            };
            assert!(seen.insert(wait.turn) && wait.turn.0 < self.instance.next_turn);
            let key = (id, wait.turn);
            if let Some(due) = wait.timer {
                found.timers.insert(key, due);
            }
            match &wait.kind {
                WaitKind::Answer { .. } => {
                    let (_, site) = self.program.op(fiber.at).unwrap();
                    let sent_as = wait.task_activity(&site.path);
                    found.tasks.insert(wait.turn, sent_as.clone());
                    let fields = task_fields(&self.instance, wait.turn);
                    assert!(fields.is_some());
                }
                WaitKind::Timer { due, .. } => {
                    found.timers.insert(key, *due);
                }
                WaitKind::Event {
                    check,
                    subscriptions,
                    ..
                } => {
                    let rows = subscriptions.iter().cloned();
                    found
                        .subscriptions
                        .extend(rows.map(|row| (id, wait.turn, row)));
                    let asked = self.evaluations.get(&key);
                    assert_eq!(check.as_ref().map(|check| &check.condition), asked);
                }
                WaitKind::Operator { .. } => stuck += 1,
                WaitKind::Child {
                    definition: Called::Sought(_),
                    ..
                } => assert!(self.sought.contains(&key)),
                WaitKind::Child { child, .. } => {
                    found.children.insert(key, *child);
                    let call = unstarted_call(self.program, &self.instance, id);
                    assert!(self.effects.contains(&call.unwrap()));
                }
                WaitKind::Listening {
                    check,
                    subscription,
                    ..
                } => {
                    let rows = subscription.iter().cloned();
                    found
                        .subscriptions
                        .extend(rows.map(|row| (id, wait.turn, row)));
                    let asked = self.evaluations.get(&key);
                    // Of one that takes no more of them, a verdict that is on its way counts no more.
                    if subscription.is_some() {
                        assert_eq!(check.as_ref().map(|check| &check.condition), asked);
                    }
                }
                WaitKind::Compensation { .. } => self.kept_once(id),
                WaitKind::Admission => assert!(self.asked.contains(&key)),
                WaitKind::Condition { condition } | WaitKind::Fault { condition, .. } => {
                    assert_eq!(self.evaluations.get(&key), Some(condition));
                }
                WaitKind::Branches { remaining } | WaitKind::Stopping { remaining, .. } => {
                    assert!(*remaining > 0);
                    let mut called = 0;
                    if let WaitKind::Stopping {
                        called: Some(child),
                        ..
                    } = &wait.kind
                    {
                        found.children.insert(key, *child);
                        called = 1;
                    }
                    let below = self.instance.fibers.iter().filter(|(_, fiber)| {
                        fiber
                            .branch
                            .as_ref()
                            .is_some_and(|branch| branch.parent == id)
                    });
                    assert_eq!(
                        below.count() + called,
                        *remaining as usize,
                        "{id:?} waits for others"
                    );
                }
            }
        }
        assert_eq!(found, self.books);
        assert_eq!(stuck, self.instance.stuck);
    }

    /// Exactly one scope keeps each compensation, and nothing else.
    fn kept_once(&self, id: FiberId) {
        let lists = self.instance.fibers.iter().flat_map(|(_, fiber)| {
            let inside = fiber.scopes.iter().flat_map(|scope| &scope.completed);
            fiber.completed.iter().chain(inside)
        });
        let lists: Vec<FiberId> = lists.copied().collect();
        assert_eq!(lists.iter().filter(|one| **one == id).count(), 1);
        assert!(lists.iter().all(|one| {
            let fiber = self.instance.fibers.get(*one);
            fiber.is_some_and(|fiber| fiber.is_compensation())
        }));
    }
}
