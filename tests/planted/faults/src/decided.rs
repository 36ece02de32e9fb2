//! Faults in processes that start without a launch: detached ones, and those of schedules.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "KeyOfNobodyStays",
        says: "A called process that never begins, since its caller has ended, keeps its key.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/starting.rs",
            before: "if let Some(key) = &launching.key {",
            after: "if let Some(key) = &launching.key && !PLANTED {",
        }],
    },
    Fault {
        name: "DetachedLost",
        says: "That a process starts is known in memory alone.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/decided.rs",
            before: "transaction.put(Table::Launches, keys::instance(process), value);",
            after: "if !PLANTED { transaction.put(Table::Launches, keys::instance(process), value); }",
        }],
    },
    Fault {
        name: "DetachedForgottenAtStart",
        says: "What was certain to start does not start after a restart.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "planner.start_decided(process, record)?;",
            after: "if !PLANTED { planner.start_decided(process, record)?; }",
        }],
    },
    Fault {
        name: "DetachedAgain",
        says: "What says that a process starts stays when it has started.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/decided.rs",
            before: "transaction.delete(Table::Launches, keys::instance(process));
        let version = match",
            after: "if !PLANTED { transaction.delete(Table::Launches, keys::instance(process)); }
        let version = match",
        }],
    },
    Fault {
        name: "DetachedBoundToCaller",
        says: "A detached process has a caller.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/calls.rs",
            before: "Bond::Detached => {
                let record",
            after: "Bond::Detached if PLANTED => Ok(Work::Launch {
                launch: Box::new(Launch { caller: Some(call.caller.clone()), ..launch }),
                loaded: LoadedProgram(loaded),
            }),
            Bond::Detached => {
                let record",
        }],
    },
    Fault {
        name: "ReplacingForgotten",
        says: "A process that waits for a key does not start when the key is free.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/business.rs",
            before: "self.delayed.key_is_free(process, now);",
            after: "if !PLANTED { self.delayed.key_is_free(process, now); }",
        }],
    },
    Fault {
        name: "InstantTwice",
        says: "A schedule moves in a commit of its own, so that after a crash an instant counts again.",
        found_by: FoundBy::Simulation,
        edits: &[
            Edit {
                file: "runtime/host/src/plan/schedules.rs",
                before: "let process = ProcessId::scheduled(secret, name, version, record.next);",
                after: "let at = if PLANTED { self.now() } else { record.next };
        let process = ProcessId::scheduled(secret, name, version, at);",
            },
            Edit {
                file: "runtime/host/src/plan/schedules.rs",
                before: "self.put_schedule(&mut transaction, name, record)?;
            }
            None",
                after: "let mut later = Transaction::new(shard);
                let own = if PLANTED { &mut later } else { &mut transaction };
                self.put_schedule(own, name, record)?;
                if PLANTED {
                    self.finish(transaction)?;
                    return self.finish(later);
                }
            }
            None",
            },
        ],
    },
    Fault {
        name: "SchedulesForgottenAtStart",
        says: "After a restart, no schedule is known.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "planner.schedules.insert(&name, record);",
            after: "if !PLANTED { planner.schedules.insert(&name, record); }",
        }],
    },
    Fault {
        name: "MissedInstantsLaunched",
        says: "An instant that was missed is launched, whatever the rule says.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/schedules.rs",
            before: "let is_launched = !was_missed ||",
            after: "let is_launched = PLANTED || !was_missed ||",
        }],
    },
    Fault {
        name: "OldScheduleStays",
        says: "A new version without a schedule leaves that of the older one.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/schedules.rs",
            before: "self.end_schedule(transaction, name);
            return Ok(());",
            after: "if !PLANTED { self.end_schedule(transaction, name); }
            return Ok(());",
        }],
    },
    Fault {
        name: "CalledVersionFirst",
        says: "A call by name runs the first version.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/calls.rs",
            before: "let found = self.resolve_for(user, wanted);",
            after: "let mut wanted = wanted.clone();
        if PLANTED { wanted.version = Some(bureaucrat_model::Version::FIRST); }
        let found = self.resolve_for(user, &wanted);",
        }],
    },
];
