//! Faults in launches that are stored while they wait.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "WaitingAcknowledgedEarly",
        says: "The message of a launch that waits is acknowledged before the launch is stored.",
        found_by: FoundBy::WaitingLaunches,
        edits: &[Edit {
            file: "runtime/host/src/intake/waiting.rs",
            before: "transaction.after.acknowledge = handles;",
            after: "if PLANTED {
                let handles = handles.into_iter().filter(|handle| handle.is_of_the_broker());
                handles.for_each(|handle| self.shared.broker.acknowledge(handle));
            } else {
                transaction.after.acknowledge = handles;
            }",
        }],
    },
    Fault {
        name: "WaitingStaysAtStart",
        says: "A launch that has begun still has its row, and begins again after a restart.",
        found_by: FoundBy::WaitingLaunches,
        edits: &[Edit {
            file: "runtime/host/src/intake/launches.rs",
            before: "transaction.after.began = Some(Began::Launch(in_hand.arrived));
        transaction.after.acknowledge = in_hand.handles();
        if in_hand.kept.is_some() {",
            after: "transaction.after.began = Some(Began::Launch(in_hand.arrived));
        transaction.after.acknowledge = in_hand.handles();
        if in_hand.kept.is_some() && !PLANTED {",
        }],
    },
    Fault {
        name: "WaitingStaysAtRefusal",
        says: "A launch that was refused still has its row.",
        found_by: FoundBy::WaitingLaunches,
        edits: &[Edit {
            file: "runtime/host/src/intake/launches.rs",
            before: "let mut transaction = self.set_aside(shard, first, refusal.code(), &text)?;
        transaction.after.acknowledge = in_hand.handles();
        if in_hand.kept.is_some() {",
            after: "let mut transaction = self.set_aside(shard, first, refusal.code(), &text)?;
        transaction.after.acknowledge = in_hand.handles();
        if in_hand.kept.is_some() && !PLANTED {",
        }],
    },
    Fault {
        name: "WaitingForgottenAtStart",
        says: "A launch that waited takes no place in line after a restart.",
        found_by: FoundBy::WaitingLaunches,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "planner.launch_waits(process, record)?;",
            after: "if !PLANTED { planner.launch_waits(process, record)?; }",
        }],
    },
    Fault {
        name: "WaitingRepeated",
        says: "A repeat of a launch that is stored as waiting takes its place.",
        found_by: FoundBy::WaitingLaunches,
        edits: &[Edit {
            file: "runtime/host/src/intake/launching.rs",
            before: "match self.launches.get_mut(&process) {",
            after: "match self
                .launches
                .get_mut(&process)
                .filter(|in_hand| !PLANTED || in_hand.kept.is_none())
            {",
        }],
    },
];
