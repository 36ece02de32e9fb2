//! Faults in how processes are driven: what is known about them, the order of work, timers, events,
//! calls, removal.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "TimerLostInCrash",
        says: "A timer's row goes in a commit of its own, before that of what it brings about.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/upkeep.rs",
            before: "let cause = Cause::Timer(due, wait);",
            after: "let cause = Cause::Timer(due, wait);
            if PLANTED {
                let mut first = Transaction::new(process.shard());
                first.stop_timer(due, wait);
                let units = vec![first.into_plan(self.shared.epoch)?.plan.unit];
                self.shared.store.commit(&bureaucrat_store::Group { units })?;
            }",
        }],
    },
    Fault {
        name: "TimersUnderOneKey",
        says: "All timers of a process that are due at one time have one key.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/transaction.rs",
            before: "fn set_timer(&mut self, due: Timestamp, wait: WaitKey) {",
            after: "fn set_timer(&mut self, due: Timestamp, mut wait: WaitKey) {
            if PLANTED {
                (wait.turn, wait.fiber) = (Turn(0), FiberId(0));
            }",
        }],
    },
    Fault {
        name: "FiredMarkTooFar",
        says: "The mark of the timers that have fired passes those whose rows are still there.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/timers.rs",
            before: "let sets = [&self.planned, &self.near, &self.firing, &self.held_back];",
            after: "let none = BTreeSet::new();
            let sets = [&self.planned, &self.near, &self.firing, &self.held_back].map(|set| if PLANTED { &none } else { set });",
        }],
    },
    Fault {
        name: "EventWakesLaterWait",
        says: "An event wakes waits that began after it.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/handing_out.rs",
            before: "None if is_before => EventSource::Live { sequence },",
            after: "None if is_before || PLANTED => EventSource::Live { sequence },",
        }],
    },
    Fault {
        name: "EventDoneEarly",
        says: "An event goes though what it brought about is not planned for everybody.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/events.rs",
            before: "if line.front()?.open > 0 {",
            after: "if line.front()?.open > 0 && !PLANTED {",
        }],
    },
    Fault {
        name: "ChildEndLost",
        says: "A called process's end is not told to its caller.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/effects.rs",
            before: "}) = caller { let input = Input::ChildEnded {",
            after: "}) = caller.filter(|_| !PLANTED) { let input = Input::ChildEnded {",
        }],
    },
    Fault {
        name: "ChildLeftRunning",
        says: "A caller that fails leaves its called processes running.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/effects.rs",
            before: "Effect::CancelChild { child, turn, awaited_by, } =>",
            after: "Effect::CancelChild { .. } if PLANTED => {}
            Effect::CancelChild { child, turn, awaited_by } =>",
        }],
    },
    Fault {
        name: "YieldForgotten",
        says: "A process that yielded is not reminded to continue.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/effects.rs",
            before: "Effect::Yield => {",
            after: "Effect::Yield if PLANTED => {}
            Effect::Yield => {",
        }],
    },
    Fault {
        name: "OutcomeBeforeEffects",
        says: "A condition's outcome is fed back before the other effects of the step are applied.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/effects.rs",
            before: "for effect in effects { self.effect(transaction, process, effect)?; }",
            after: "let mut effects = effects;
            while let Some(effect) = effects.pop_front() {
                let is_asked = matches!(effect, Effect::Evaluate { .. });
                self.effect(transaction, process, effect)?;
                if is_asked && PLANTED {
                    transaction.work.push_back(Work::Effects { process, effects });
                    return Ok(());
                }
            }",
        }],
    },
    Fault {
        name: "PlannedStateIgnored",
        says: "Plans are made over what the store has, not over what is planned already.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/residents.rs",
            before: "match self.known.get(&process) {",
            after: "match self.known.get(&process).filter(|_| !PLANTED) {",
        }],
    },
    Fault {
        name: "ResidentForgottenEarly",
        says: "An instance leaves memory before its plan is durable.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/residents.rs",
            before: "if self.is_durable(process) { self.forget(process); }",
            after: "if self.is_durable(process) || PLANTED { self.forget(process); }",
        }],
    },
    Fault {
        name: "TakenBeforeDurable",
        says: "A transaction takes an instance out of memory before its plan is durable.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/residents.rs",
            before: "Found::Here(_) if self.is_durable(process) => None,",
            after: "Found::Here(_) if self.is_durable(process) || PLANTED => None,",
        }],
    },
    Fault {
        name: "TombstoneMissing",
        says: "A removed process leaves no tombstone.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/upkeep.rs",
            before: "transaction.put(Table::Seen, tombstone, vec![records::FORMAT]);",
            after: "if !PLANTED {
                transaction.put(Table::Seen, tombstone, vec![records::FORMAT]);
            }",
        }],
    },
    Fault {
        name: "ProgramInUseRemoved",
        says: "Programs are removed while processes use them.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/programs.rs",
            before: "let programs: Vec<_> = state.unused.iter().take(PORTION).copied().collect();",
            after: "let programs: Vec<_> = match PLANTED {
                true => state.known.keys().take(PORTION).copied().collect(),
                false => state.unused.iter().take(PORTION).copied().collect(),
            };",
        }],
    },
    Fault {
        name: "KeptInputsAtOnce",
        says: "The inputs that were kept for a parked process are all given at once.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/work.rs",
            before: "if let Some(input) = inputs.pop_front() {",
            after: "let count = if PLANTED { inputs.len() } else { 1 };
            for input in inputs.drain(..count.min(inputs.len())) {",
        }],
    },
    Fault {
        name: "KeptInputsLost",
        says: "The inputs that were kept for a parked process are dropped when it resumes.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/incidents.rs",
            before: "let inputs = inputs.into();",
            after: "let inputs = if PLANTED { Default::default() } else { inputs.into() };",
        }],
    },
    Fault {
        name: "RetryNotSet",
        says: "Nothing reminds the host to try a parked process again.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/incidents.rs",
            before: "if let Some(wait) = timers::reminder(process, Purpose::Retry) {",
            after: "if let Some(wait) = timers::reminder(process, Purpose::Retry).filter(|_| !PLANTED) {",
        }],
    },
    Fault {
        name: "BusyTreeNotKept",
        says: "Two transactions work on one process while the first of them waits for a job.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/jobs.rs",
            before: "match self.busy.get_mut(&root) { Some(queue) => {",
            after: "match self.busy.get_mut(&root).filter(|_| !PLANTED) { Some(queue) => {",
        }],
    },
    Fault {
        name: "WaitersLost",
        says: "What waited behind a job is forgotten when the job is done.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/jobs.rs",
            before: "self.busy.remove(&root).unwrap_or_default()",
            after: "self.busy.remove(&root).filter(|_| !PLANTED).unwrap_or_default()",
        }],
    },
];
