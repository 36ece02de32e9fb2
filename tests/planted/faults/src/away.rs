//! Faults about a store that gives no answers for a while: what is done about commits that are late, and about reads
//! and commits that failed.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "LateCommitActedOn",
        says: "When many commits wait, what follows from the oldest is done before it is durable.",
        found_by: FoundBy::StoreAway,
        edits: &[
            Edit {
                file: "runtime/host/src/commit/pipeline.rs",
                before: "pub fn submit(\n        &mut self,\n        plans: Vec<Plan>,",
                after: "pub fn presumed(&mut self) -> Option<Durable> {
                    if self.submitted.len() <= 5 {
                        return None;
                    }
                    self.submitted.front_mut()?.plans.pop()
                }
                pub fn submit(
                    &mut self,
                    plans: Vec<Plan>,",
            },
            Edit {
                file: "runtime/host/src/driver.rs",
                before: "let submitted = self.submit()?;",
                after: "let submitted = self.submit()?;
                if PLANTED {
                    while let Some(durable) = self.pipeline.presumed() {
                        self.durable(durable)?;
                    }
                }",
            },
        ],
    },
    Fault {
        name: "LateMemoryForgotten",
        says: "When many commits wait, the messages in them are forgotten, so that repeats of them count.",
        found_by: FoundBy::StoreAway,
        edits: &[Edit {
            file: "runtime/host/src/driver.rs",
            before: "self.planner.begin_turn();",
            after: "self.planner.begin_turn();
            if PLANTED && self.pipeline.next() - self.pipeline.durable() > 5 {
                self.planner.memories.clear();
            }",
        }],
    },
    Fault {
        name: "LateTimersForgotten",
        says: "When many commits wait, the mark of the timers that have fired passes those that are in them.",
        found_by: FoundBy::StoreAway,
        edits: &[
            Edit {
                file: "runtime/host/src/driver/submitting.rs",
                before: "let closing = self.closing(now)?;",
                after: "if PLANTED && self.pipeline.next() - self.pipeline.durable() > 5 {
                    self.actor.timers.forget_planned();
                }
                let closing = self.closing(now)?;",
            },
            Edit {
                file: "runtime/host/src/act/timers.rs",
                before: "pub fn plan(&mut self, due: Timestamp, wait: WaitKey) {",
                after: "pub fn forget_planned(&mut self) {
                    self.planned.clear();
                }
                pub fn plan(&mut self, due: Timestamp, wait: WaitKey) {",
            },
        ],
    },
    Fault {
        name: "FailedCommitPassedOver",
        says: "The engine does not end when a commit has failed.",
        found_by: FoundBy::StoreAway,
        edits: &[Edit {
            file: "runtime/host/src/driver/submitting.rs",
            before: "for durable in self.pipeline.settle(outcome)? {",
            after: "let settled = match self.pipeline.settle(outcome) {
                Err(_) if PLANTED => return Ok(()),
                settled => settled?,
            };
            for durable in settled {",
        }],
    },
    Fault {
        name: "UnansweredTakenForMissing",
        says: "A read to which no answer comes is taken for one that found nothing.",
        found_by: FoundBy::StoreAway,
        edits: &[Edit {
            file: "runtime/host/src/plan/instances.rs",
            before: "let read = self.shared.store.get(table, key);",
            after: "let read = match self.shared.store.get(table, key) {
                Err(StoreError::Read { .. }) if PLANTED => Ok(None),
                read => read,
            };",
        }],
    },
];
