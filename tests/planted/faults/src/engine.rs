//! Faults in the engine: forks and joins, turns, waits, budgets, conditions, calls.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "TurnReused",
        says: "A turn is given to the next wait too.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/machine.rs",
            before: "self.instance.next_turn = self.instance.next_turn.saturating_add(1);",
            after: "let count = u64::from(!PLANTED || turn.0 % 4 != 3);
            self.instance.next_turn = self.instance.next_turn.saturating_add(count);",
        }],
    },
    Fault {
        name: "StaleAnswerTaken",
        says: "The turn that an answer names is not compared with the wait's.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/input/finding.rs",
            before: "let found = match turn {",
            after: "let found = match turn.filter(|_| !PLANTED) {",
        }],
    },
    Fault {
        name: "RefusedInputLeavesTrace",
        says: "An input takes a turn before it is known whether it fits.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/input.rs",
            before: "match input { Input::Answer { activity, turn, answer, unusable } => {",
            after: "if PLANTED { machine.next_turn(); }
            match input { Input::Answer { activity, turn, answer, unusable } => {",
        }],
    },
    Fault {
        name: "EndedProcessGoesOn",
        says: "A process that ended takes inputs.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/lib.rs",
            before: "if instance.has_ended() { return Err(",
            after: "if instance.has_ended() && !PLANTED { return Err(",
        }],
    },
    Fault {
        name: "CancelledTimerLeft",
        says: "The timers of a process that ends early stay.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ending.rs",
            before: "WaitKind::Timer { due, .. } => vec![",
            after: "WaitKind::Timer { .. } if PLANTED => Vec::new(),
            WaitKind::Timer { due, .. } => vec![",
        }],
    },
    Fault {
        name: "CancelledTaskLeft",
        says: "The tasks of a process that ends early are not taken back.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ending.rs",
            before: "WaitKind::Answer { participant, .. } => vec![",
            after: "WaitKind::Answer { .. } if PLANTED => Vec::new(),
            WaitKind::Answer { participant, .. } => vec![",
        }],
    },
    Fault {
        name: "FailedTaskTold",
        says: "A participant that failed is told that nobody waits for its answer.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/action.rs",
            before: "settled(machine, fiber)?;
            Err(Trouble {",
            after: "if !PLANTED { settled(machine, fiber)?; }
            Err(Trouble {",
        }],
    },
    Fault {
        name: "SubscriptionLeft",
        says: "An event that is taken leaves its subscription behind.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/await_event.rs",
            before: "machine.withdraw(fiber); machine.stop_waiting(fiber)?;",
            after: "if !PLANTED { machine.withdraw(fiber); }
            machine.stop_waiting(fiber)?;",
        }],
    },
    Fault {
        name: "EventTakenDuringCheck",
        says: "An event is taken while the one before is being checked.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/input.rs",
            before: "let WaitKind::Event { check: None, .. } = find_wait(machine, fiber, turn)?.kind else {",
            after: "let is_free = match &find_wait(machine, fiber, turn)?.kind {
                WaitKind::Event { check, .. } => check.is_none() || PLANTED,
                _ => false,
            };
            if !is_free {",
        }],
    },
    Fault {
        name: "WaitNotRemoved",
        says: "An answered action still waits while its fields are checked.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/action.rs",
            before: "machine.effects.extend(stop); machine.stop_waiting(fiber)",
            after: "machine.effects.extend(stop);
    if PLANTED { return Ok(()); }
    machine.stop_waiting(fiber)",
        }],
    },
    Fault {
        name: "OutcomeToOtherFiber",
        says: "A condition's outcome goes to the first fiber that waits for any condition.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/input.rs",
            before: "let asked = match &find_wait(machine, fiber, turn)?.kind {",
            after: "let of_test = machine.instance.fibers.iter().filter_map(|(id, other)| {
                match &other.state {
                    FiberState::Waiting(Wait {
                        turn,
                        kind: WaitKind::Condition { condition },
                        ..
                    }) => Some((id, *turn, *condition)),
                    FiberState::Waiting(_) | FiberState::Ready => None,
                }
            })
            .next();
            let own = (fiber, turn, condition);
            let (fiber, turn, condition) = of_test.filter(|_| PLANTED).unwrap_or(own);
            let asked = match &find_wait(machine, fiber, turn)?.kind {",
        }],
    },
    Fault {
        name: "LaterConditionsSkipped",
        says: "A test whose first condition does not hold tries no other.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/test.rs",
            before: "match conditions.after(condition) {",
            after: "match conditions.after(condition).filter(|_| !PLANTED) {",
        }],
    },
    Fault {
        name: "YieldNotAsked",
        says: "A process that used up its share does not ask to continue.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/machine.rs",
            before: "self.effects.push(Effect::Yield);",
            after: "if !PLANTED { self.effects.push(Effect::Yield); }",
        }],
    },
    Fault {
        name: "CallIdsRepeated",
        says: "Each process that one calls has the same id.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/call.rs",
            before: "machine.instance.next_call = count.saturating_add(1);",
            after: "if !PLANTED { machine.instance.next_call = count.saturating_add(1); }",
        }],
    },
    Fault {
        name: "HandlerLeavesTasks",
        says: "What waits below a scope is not withdrawn when a handler takes over.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/stopping.rs",
            before: "withdrawn.extend(withdrawal(self.program, *id, fiber));",
            after: "if !PLANTED { withdrawn.extend(withdrawal(self.program, *id, fiber)); }",
        }],
    },
    Fault {
        name: "HandlerLeavesBranches",
        says: "The branches below a scope stay when a handler takes over.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/stopping.rs",
            before: "if begun.is_err() {",
            after: "if begun.is_err() && !PLANTED {",
        }],
    },
    Fault {
        name: "HandlerCatchesItself",
        says: "A fault in a handler is caught by the same scope again.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/choosing.rs",
            before: "(&scope.phase, entered)",
            after: "(&(if PLANTED { Phase::Body } else { scope.phase.clone() }), entered)",
        }],
    },
    Fault {
        name: "FieldsNotBounded",
        says: "Fields over the limit are taken.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/fields.rs",
            before: "if size > limit {",
            after: "if size > limit && !PLANTED {",
        }],
    },
    Fault {
        name: "JoinForgetsBranch",
        says: "An `all` continues while one of its branches still runs.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/fork.rs",
            before: "(*remaining, target.at)",
            after: "(remaining.saturating_sub(u32::from(PLANTED)), target.at)",
        }],
    },
    Fault {
        name: "BranchChangesLost",
        says: "What a branch changed is not applied when it ends.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/fork.rs",
            before: "parent.merge(&base, &changed);",
            after: "if !PLANTED { parent.merge(&base, &changed); }",
        }],
    },
    Fault {
        name: "EvaluationsNotCounted",
        says: "Evaluations do not count as instructions, so that a loop over a condition never yields.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/input.rs",
            before: "if !machine.share_is_spent() {",
            after: "if !machine.share_is_spent() && !PLANTED {",
        }],
    },
    Fault {
        name: "BudgetNotRefreshed",
        says: "What comes from outside does not begin the budget again.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/machine.rs",
            before: "self.instance.ops_without_waiting = 0;",
            after: "if !PLANTED { self.instance.ops_without_waiting = 0; }",
        }],
    },
    Fault {
        name: "FuelNotCounted",
        says: "The fuel of a condition does not reach history.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/evaluate.rs",
            before: "fuel: evaluation.fuel",
            after: "fuel: if PLANTED { 0 } else { evaluation.fuel }",
        }],
    },
    Fault {
        name: "ChildFieldsLost",
        says: "The final fields of a called process do not reach its caller.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/call.rs",
            before: "machine.update_fields(fiber, &fields)?;",
            after: "if !PLANTED { machine.update_fields(fiber, &fields)?; }",
        }],
    },
    Fault {
        name: "FibersBackwards",
        says: "The fiber with the highest number runs first.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/machine.rs",
            before: "while let Some(fiber) = self.instance.fibers.first_ready() {",
            after: "while let Some(fiber) = {
                let ready = self.instance.fibers.iter().filter(|(_, fiber)| {
                    PLANTED && fiber.state == FiberState::Ready
                });
                let last = ready.map(|(id, _)| id).last();
                last.or_else(|| self.instance.fibers.first_ready())
            } {",
        }],
    },
    Fault {
        name: "SuspendedGoesOn",
        says: "An answer that says `suspended` is taken for the activity's end.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ops/action.rs",
            before: "reason, }); Ok(())",
            after: "reason, });
            if PLANTED { machine.withdraw(fiber); machine.stop_waiting(fiber)?; return machine.go_on(fiber); }
            Ok(())",
        }],
    },
];
