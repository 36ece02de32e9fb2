//! Faults in what keeps an engine that was replaced from changing anything.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "EpochKept",
        says: "An engine that takes over writes under the epoch of the one before.",
        found_by: FoundBy::Takeovers,
        edits: &[Edit {
            file: "runtime/store/src/memory.rs",
            before: "state.owners.take(groups, epoch);",
            after: "
                let before = groups.iter().next().and_then(|group| state.owners.of(group));
                let epoch = before.filter(|_| PLANTED).unwrap_or(epoch);
                state.owners.take(groups, epoch);",
        }],
    },
    Fault {
        name: "CommitWithoutFence",
        says: "The store writes units of an earlier owner, too.",
        found_by: FoundBy::Takeovers,
        edits: &[Edit {
            file: "runtime/store/src/memory.rs",
            before: "let verdict = self.owners.verdict(unit.owner);",
            after: "let verdict = if PLANTED { Verdict::Committed } else { self.owners.verdict(unit.owner) };",
        }],
    },
    Fault {
        name: "FencedCounts",
        says: "What follows from a commit is done even if it was fenced.",
        found_by: FoundBy::Takeovers,
        edits: &[Edit {
            file: "runtime/host/src/commit/pipeline.rs",
            before: "if let Verdict::Fenced { present } = verdict {",
            after: "if let Verdict::Fenced { present } = verdict && !PLANTED {",
        }],
    },
    Fault {
        name: "FencedIsPassedOver",
        says: "A fenced commit is dropped, and its engine continues.",
        found_by: FoundBy::Takeovers,
        edits: &[Edit {
            file: "runtime/host/src/commit/pipeline.rs",
            before: "return Err(StoreError::Fenced { present: present.0 });",
            after: "
                if PLANTED {
                    let _ = self.submitted.pop_front();
                    return Ok(Vec::new());
                }
                return Err(StoreError::Fenced { present: present.0 });",
        }],
    },
    Fault {
        name: "InstancesOfNobody",
        says: "What a transaction writes has no owner.",
        found_by: FoundBy::Takeovers,
        edits: &[Edit {
            file: "runtime/host/src/plan/transaction.rs",
            before: "owner: Owner::Shard(self.shard, epoch),",
            after: "owner: if PLANTED { Owner::Nobody } else { Owner::Shard(self.shard, epoch) },",
        }],
    },
    Fault {
        name: "MarkOfNobody",
        says: "The mark of time and sequence has no owner.",
        found_by: FoundBy::Takeovers,
        edits: &[Edit {
            file: "runtime/host/src/driver/submitting.rs",
            before: "owner: Owner::Shard(first.first(), self.shared.epoch),",
            after: "owner: if PLANTED { Owner::Nobody } else { Owner::Shard(first.first(), self.shared.epoch) },",
        }],
    },
    Fault {
        name: "OutboxOfNobody",
        says: "The removal of rows that were sent has no owner.",
        found_by: FoundBy::Takeovers,
        edits: &[Edit {
            file: "runtime/host/src/act/mod.rs",
            before: "let empty = || Plan::empty(Owner::Shard(shard, epoch));",
            after: "
                let owner = if PLANTED { Owner::Nobody } else { Owner::Shard(shard, epoch) };
                let empty = || Plan::empty(owner);",
        }],
    },
];
