//! Faults in scopes: handlers and their conditions, compensation, events, races.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "CompensationInOrder",
        says: "What completed first is undone first.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/compensate.rs",
            before: "found.max().map(|(_, id)| id)",
            after: "let mut found: Vec<_> = found.collect();
            found.sort_unstable();
            if PLANTED { found.reverse(); }
            found.last().map(|(_, id)| *id)",
        }],
    },
    Fault {
        name: "CompensationChangesLost",
        says: "A compensation runs over no fields.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/compensate.rs",
            before: "machine.add_fiber(kept, Fiber::new(at, fields, None));",
            after: "let fields = if PLANTED { bureaucrat_model::Fields::new() } else { fields };
            machine.add_fiber(kept, Fiber::new(at, fields, None));",
        }],
    },
    Fault {
        name: "CompensationForgotten",
        says: "What completed in a branch that ends is not kept by the one that forked it.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/compensate.rs",
            before: "parent.completed_here().extend(&ended.completed);",
            after: "if !PLANTED { parent.completed_here().extend(&ended.completed); }",
        }],
    },
    Fault {
        name: "HandlerConditionsIgnored",
        says: "A handler is for a fault whether its conditions hold or not.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/choosing.rs",
            before: "None if handler.conditions.count == 0 =>",
            after: "None if handler.conditions.count == 0 || PLANTED =>",
        }],
    },
    Fault {
        name: "AttemptsNeverEnd",
        says: "A sequence is tried again without end.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/try_again.rs",
            before: "scope.tried_again = scope.tried_again.saturating_add(1);",
            after: "if !PLANTED { scope.tried_again = scope.tried_again.saturating_add(1); }",
        }],
    },
    Fault {
        name: "ListenersOutliveBody",
        says: "Listeners stay when the body of their scope has ended.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/listen.rs",
            before: "if is_body {",
            after: "if is_body && !PLANTED {",
        }],
    },
    Fault {
        name: "SharedChangesLost",
        says: "What the body of a scope with events changes is lost.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/fields.rs",
            before: "change(&mut joined);",
            after: "if !PLANTED { change(&mut joined); }",
        }],
    },
    Fault {
        name: "LoserStays",
        says: "What loses a race continues.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/fork.rs",
            before: "_ => machine.stop_below(parent, Then::GoTo(next))",
            after: "_ if PLANTED => machine.go_to(parent, next),
        _ => machine.stop_below(parent, Then::GoTo(next))",
        }],
    },
    Fault {
        name: "StoppedChangesMerged",
        says: "What a stopped branch changed is applied anyway.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/stopping.rs",
            before: "self.unshare(id);",
            after: "if PLANTED
            && let Some(stopped) = self.instance.fibers.get(id)
            && let Some(branch) = stopped.branch.clone()
        {
            let changed = stopped.fields.clone();
            self.instance.fibers.change(branch.parent, |parent| {
                parent.fields.merge(&branch.base, &changed);
            });
        }
        self.unshare(id);",
        }],
    },
    Fault {
        name: "DecisionForgotten",
        says: "What the conditions of a handler decided is not stored.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/stored_fiber.rs",
            before: "decision: scope.decision.clone(),",
            after: "decision: if PLANTED { None } else { scope.decision.clone() },",
        }],
    },
    Fault {
        name: "InterruptGoesOn",
        says: "A time that interrupts its scope runs beside it.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/listen.rs",
            before: "Interrupt::Yes => interrupt_scope(machine, fiber, None)",
            after: "Interrupt::Yes if PLANTED => delay::fire(machine, fiber, turn, due),
            Interrupt::Yes => interrupt_scope(machine, fiber, None)",
        }],
    },
];
