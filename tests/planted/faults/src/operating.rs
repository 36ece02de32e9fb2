//! Faults in what operators do: suspended processes, and parts that are retried, skipped, changed and moved.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "SentAgainAsAnother",
        says: "A task that is sent again has another turn, so its answer counts for nothing.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/ops/action/again.rs",
            before: "machine.set_timer(fiber, due)?; machine.effects.push(",
            after: "machine.set_timer(fiber, due)?;
            let turn = if PLANTED { machine.next_turn() } else { turn };
            machine.effects.push(",
        }],
    },
    Fault {
        name: "RetriedUnseen",
        says: "The history does not say that a task is sent again.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/modifying.rs",
            before: "(WaitKind::Answer { .. }, _) => { machine.record(retried);",
            after: "(WaitKind::Answer { .. }, _) => { if !PLANTED { machine.record(retried); }",
        }],
    },
    Fault {
        name: "SkipKeepsWhatWaits",
        says: "What a skipped activity waits for is not withdrawn.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/modifying.rs",
            before: "machine.stop_below(fiber, then)?;",
            after: "if PLANTED { machine.go_to(fiber, at)?; } else { machine.stop_below(fiber, then)?; }",
        }],
    },
    Fault {
        name: "MoveAcrossScopes",
        says: "A part moves into another scope or branch.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/modifying.rs",
            before: "if around_of(&place.activity) != around_of(&target)",
            after: "if !PLANTED && around_of(&place.activity) != around_of(&target)",
        }],
    },
    Fault {
        name: "ChangedDoesNotContinue",
        says: "What an operator changed while its process was suspended does not run when it is resumed.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/migrating.rs",
            before: "inputs.insert(0, Input::Continue);",
            after: "if !PLANTED { inputs.insert(0, Input::Continue); }",
        }],
    },
    Fault {
        name: "OrderedByAnother",
        says: "The history names another operator than the one who gave the order.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/operate/commands.rs",
            before: "Self::from(process, order, Initiator::Operator(by))",
            after: "let by = if PLANTED { Operator::named(\"root\") } else { by };
            Self::from(process, order, Initiator::Operator(by))",
        }],
    },
    Fault {
        name: "MigratedStaysWhereItWas",
        says: "A part keeps the place that it had in the version before.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/migrating.rs",
            before: "fiber.at = place.at;",
            after: "if !PLANTED { fiber.at = place.at; }",
        }],
    },
    Fault {
        name: "MigratedTaskHasAnotherName",
        says: "After a migration, a task that was sent is expected and withdrawn under its activity's new path.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/migrating.rs",
            before: "*activity = (sent != place.to).then_some(sent);",
            after: "*activity = (sent != place.to && !PLANTED).then_some(sent);",
        }],
    },
    Fault {
        name: "TrimmedAfterSentAgain",
        says: "The row of a task that is sent again is deleted because the one before it left.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/trims.rs",
            before: "self.rows.remove(&row);",
            after: "if !PLANTED { self.rows.remove(&row); }",
        }],
    },
    Fault {
        name: "SuspendedIsTriedAgain",
        says: "The engine tries a suspended process again, as it does with an incident.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/work.rs",
            before: "if parking == Some(Parking::Incident) { transaction.work.push_front(Work::Resume(process));",
            after: "if parking == Some(Parking::Incident) || PLANTED && parking.is_some() { transaction.work.push_front(Work::Resume(process));",
        }],
    },
    Fault {
        name: "TerminatedKeepsWhatWaits",
        says: "The tasks and timers of a terminated process stay.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/engine/src/ending.rs",
            before: "self.instance.failed_fields = fields.unwrap_or_default(); self.withdraw_all();",
            after: "self.instance.failed_fields = fields.unwrap_or_default();
            if !(PLANTED && fault.code.as_str() == \"Terminated\") { self.withdraw_all(); }",
        }],
    },
    Fault {
        name: "SuspendedBecomesAnIncident",
        says: "A suspended process whose call cannot be started becomes an incident, and is tried again.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/work.rs",
            before: "parking.is_some_and(|parking| parking != Some(Parking::Suspended))",
            after: "parking.is_some_and(|parking| PLANTED || parking != Some(Parking::Suspended))",
        }],
    },
    Fault {
        name: "SetChangesWhatFailedSaw",
        says: "Fields that an operator sets count as those that a failed expression saw.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/modifying.rs",
            before: "sticking::keep_seen(&mut fiber.state, &visible, room);",
            after: "if !PLANTED { sticking::keep_seen(&mut fiber.state, &visible, room); }",
        }],
    },
    Fault {
        name: "FailedWhenItWasKnown",
        says: "An incident has the time of an evaluation's outcome in place of its own.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/sticking.rs",
            before: "asked_at: wait.since,",
            after: "asked_at: if PLANTED { machine.environment.now } else { wait.since },",
        }],
    },
    Fault {
        name: "HostOverridesDefinition",
        says: "Where a definition says what becomes of its faults, the host still decides.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/sticking.rs",
            before: "program.conduct.unhandled.unwrap_or(of_host)",
            after: "program.conduct.unhandled.filter(|_| !PLANTED).unwrap_or(of_host)",
        }],
    },
];
