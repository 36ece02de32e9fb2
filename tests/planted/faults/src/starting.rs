//! Faults in what an engine takes over from its previous run: time, order, unfinished work.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "CallForgottenAtStart",
        says: "A call that was committed and not started is not started after a restart.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "planner.restart_call(call)?;",
            after: "if !PLANTED { planner.restart_call(call)?; }",
        }],
    },
    Fault {
        name: "NowBehindKept",
        says: "Time begins at wall time, whatever earlier runs saw.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/clock.rs",
            before: "now: wall.max(kept.0)",
            after: "now: if PLANTED { wall } else { wall.max(kept.0) }",
        }],
    },
    Fault {
        name: "NowFollowsWall",
        says: "Time follows the wall clock, both ways.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/clock.rs",
            before: "let slew = spare / SLEW;",
            after: "let slew = if PLANTED { u64::MAX } else { spare / SLEW };",
        }],
    },
    Fault {
        name: "SleepTakenForAJump",
        says: "Time that the machine slept is followed slowly, as a wall clock that was set.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "tests/src/simulation/clock.rs",
            before: "awake + self.asleep.load(Ordering::Relaxed)",
            after: "awake + if PLANTED { 0 } else { self.asleep.load(Ordering::Relaxed) }",
        }],
    },
    Fault {
        name: "SequenceBeginsAnew",
        says: "The order of commits begins again at a start.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/marks.rs",
            before: "sequence: marks.iter().map(|mark| mark.sequence).max().unwrap_or(0) + SEQUENCE_GAP,",
            after: "
                sequence: match PLANTED {
                    true => 0,
                    false => marks.iter().map(|mark| mark.sequence).max().unwrap_or(0) + SEQUENCE_GAP,
                },",
        }],
    },
    Fault {
        name: "HandoutForgottenAtStart",
        says: "Events that were not handed out to all are forgotten at a start.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "planner.handouts.add(arrived, shared.time.now());",
            after: "if !PLANTED { planner.handouts.add(arrived, shared.time.now()); }",
        }],
    },
];
