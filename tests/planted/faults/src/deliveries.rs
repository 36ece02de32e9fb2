//! Faults in handling deliveries: acknowledgements, answers, remembered messages, inputs that are
//! held back.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "AcknowledgeBeforeCommit",
        says: "Deliveries are acknowledged as soon as what they bring about is planned.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/mod.rs",
            before: "let Planned { plan, withdrawn, changed, unchanged } = transaction.into_plan(self.shared.epoch)?;",
            after: "let mut transaction = transaction;
            if PLANTED {
                let handles = transaction.after.acknowledge.drain(..);
                handles.for_each(|handle| self.shared.broker.acknowledge(handle));
            }
            let Planned { plan, withdrawn, changed, unchanged } = transaction.into_plan(self.shared.epoch)?;",
        }],
    },
    Fault {
        name: "AcknowledgeBeforeTicket",
        says: "Deliveries are acknowledged when their plan is submitted.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/mod.rs",
            before: "for publish in &mut plan.after.publish {",
            after: "if PLANTED {
                let handles = plan.after.acknowledge.drain(..);
                handles.for_each(|handle| self.shared.broker.acknowledge(handle));
            }
            for publish in &mut plan.after.publish {",
        }],
    },
    Fault {
        name: "CommitErrorIgnored",
        says: "What follows from a plan is done though its commit failed.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/commit/pipeline.rs",
            before: "let verdicts = outcome.verdicts?;",
            after: "let verdicts = match outcome.verdicts {
                Err(_) if PLANTED => Vec::new(),
                verdicts => verdicts?,
            };",
        }],
    },
    Fault {
        name: "BatchLeftOut",
        says: "Of the batches that are written together only the first is.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/commit/mod.rs",
            before: "group.units.extend(batch.units);",
            after: "if PLANTED && !group.units.is_empty() {
                group.units.extend(batch.units.into_iter().map(|_| Unit::of(Vec::new())));
            } else {
                group.units.extend(batch.units);
            }",
        }],
    },
    Fault {
        name: "EarlierTurnAccepted",
        says: "An answer is matched by its activity alone, whatever its turn.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/arrivals.rs",
            before: "turn: answer.turn",
            after: "turn: answer.turn.filter(|_| !PLANTED)",
        }],
    },
    Fault {
        name: "DedupeDroppedEarly",
        says: "A message id is forgotten at once.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/arrivals.rs",
            before: "let until = self.now().after(retention);",
            after: "let until = if PLANTED { self.now() } else { self.now().after(retention) };",
        }],
    },
    Fault {
        name: "DedupeForgetsGroup",
        says: "Two messages of one id whose plans are not durable count both.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/arrivals.rs",
            before: "self.memories.insert(hash, process);",
            after: "if !PLANTED { self.memories.insert(hash, process); }",
        }],
    },
    Fault {
        name: "MemoryForgottenEarly",
        says: "Messages are forgotten when their plan is submitted, before the store remembers them.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/mod.rs",
            before: "self.ready_bytes = 0;",
            after: "self.ready_bytes = 0;
            if PLANTED { self.memories.clear(); }",
        }],
    },
    Fault {
        name: "RepeatNotWaiting",
        says: "The repeat of an event is acknowledged though the first is not durable.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/arrivals.rs",
            before: "tracing::debug!(event = event.name, \"an event with this message id took effect before\");",
            after: "if PLANTED {
                let handles = transaction.after.acknowledge.drain(..);
                handles.for_each(|handle| self.shared.broker.acknowledge(handle));
            }",
        }],
    },
    Fault {
        name: "LaunchInHandForgotten",
        says: "A second delivery of a launch that is being compiled is compiled and started too.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/launches.rs",
            before: "let Some(delivery) = self.launching.repeat(process, delivery) else {",
            after: "let repeated = match PLANTED {
                true => Some(delivery),
                false => self.launching.repeat(process, delivery),
            };
            let Some(delivery) = repeated else {",
        }],
    },
    Fault {
        name: "HeldBackDropped",
        says: "Inputs that a full outbox holds back are dropped.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/mod.rs",
            before: "self.held.push_back((delivery, arrival));",
            after: "if !PLANTED { self.held.push_back((delivery, arrival)); }",
        }],
    },
    Fault {
        name: "DeadLetterCut",
        says: "A dead letter carries the first half of the body.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/arrivals.rs",
            before: "&delivery.properties, delivery.body.clone()",
            after: "&delivery.properties,
            delivery.body[..delivery.body.len() / if PLANTED { 2 } else { 1 }].to_vec()",
        }],
    },
    Fault {
        name: "StaleDeliveriesKept",
        says: "What waits on behalf of deliveries is kept when their connection ends, though they come again.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/driver.rs",
            before: "self.intake.drop_stale(generation); self.planner.drop_stale(generation)",
            after: "if PLANTED { return Ok(()); }
            self.intake.drop_stale(generation);
            self.planner.drop_stale(generation)",
        }],
    },
    Fault {
        name: "LaunchRepeatNotWaiting",
        says: "The repeat of a launch is acknowledged though the first waits for a job.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/intake/launches.rs",
            before: "Some(process) => self.begin(process, transaction)",
            after: "Some(_) if PLANTED => self.finish(transaction),
            Some(process) => self.begin(process, transaction)",
        }],
    },
];
