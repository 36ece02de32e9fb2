//! Faults on the other side of the host's traits: the store, the broker, and the code that
//! acknowledges.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "StoreDoesNotSync",
        says: "The store says that a commit is durable and has not synced it.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "tests/src/simulation/disk.rs",
            before: "let owners = state.owners;",
            after: "if PLANTED {
                state.tail.extend_from_slice(&record);
                return state.seen.commit(group);
            }
            let owners = state.owners;",
        }],
    },
    Fault {
        name: "WriteErrorIgnored",
        says: "A write that failed is told as a success.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "tests/src/simulation/disk.rs",
            before: "self.is_in_transit(&mut state, &record[..part]);",
            after: "self.is_in_transit(&mut state, &record[..part]);
            if PLANTED {
                return state.seen.commit(group);
            }",
        }],
    },
    Fault {
        name: "OldTagOnNewChannel",
        says: "An acknowledgement with a tag of an older connection reaches the new one.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "tests/src/simulation/link.rs",
            before: "if is_current {",
            after: "if is_current || PLANTED {",
        }],
    },
    Fault {
        name: "CumulativePastOpenTag",
        says: "An acknowledgement that was to be single is cumulative, past deliveries that are not durable.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/broker-amqp/src/tracker.rs",
            before: "acks.push(Ack::One(tag));",
            after: "acks.push(if PLANTED { Ack::UpTo(tag) } else { Ack::One(tag) });",
        }],
    },
    Fault {
        name: "OwnerIgnored",
        says: "A second engine consumes without asking for the owner queue.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "tests/src/simulation/broker.rs",
            before: "if state.owner.is_some() && !is_sharing {",
            after: "if state.owner.is_some() && !is_sharing && !PLANTED {",
        }],
    },
    Fault {
        name: "ReturnTakenForConfirm",
        says: "A publish that was returned is told as confirmed.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "tests/src/simulation/publishing.rs",
            before: "link.confirms.push((ticket, outcome));",
            after: "let outcome = match outcome {
                PublishOutcome::Unroutable if PLANTED => PublishOutcome::Confirmed,
                outcome => outcome,
            };
            link.confirms.push((ticket, outcome));",
        }],
    },
    Fault {
        name: "FencingIgnored",
        says: "A store takes units of an engine that has lost its shards.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/store/src/owners.rs",
            before: "Some(present) if present != epoch =>",
            after: "Some(present) if present != epoch && !PLANTED =>",
        }],
    },
    Fault {
        name: "FiberNotWritten",
        says: "Of a fiber that the store has, a change is not written.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/store/src/instances.rs",
            before: "writes.push(Write::Put { table, key, value });",
            after: "if rows.fibers.get(u64::from(id.0)).is_none() || !PLANTED {
                writes.push(Write::Put { table, key, value });
            }",
        }],
    },
    Fault {
        name: "FiberRowLeft",
        says: "The row of a fiber that ended stays.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/store/src/instances.rs",
            before: "if old.bytes.is_some() && has_row.is_none_or(|row| row.bytes.is_none()) {",
            after: "if old.bytes.is_some() && has_row.is_none_or(|row| row.bytes.is_none()) && !PLANTED {",
        }],
    },
    Fault {
        name: "SearchedAtTheEndOnly",
        says: "What a field holds while the process runs is not found.",
        found_by: FoundBy::EngineTests,
        edits: &[Edit {
            file: "runtime/engine/src/machine.rs",
            before: "if self.instance.head().searched != found {",
            after: "if self.instance.head().searched != found && (self.instance.has_ended() || !PLANTED) {",
        }],
    },
];
