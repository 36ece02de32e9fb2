//! Faults of engines that share a store: what each may do, what it sends to the others, and what it continues after.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "ForwardAcknowledgedEarly",
        says: "A message that is forwarded is acknowledged before its row is durable.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/intake/forwarding.rs",
            before: "transaction.after.acknowledge.push(delivery.handle);",
            after: "if PLANTED { self.shared.broker.acknowledge(delivery.handle); } else { transaction.after.acknowledge.push(delivery.handle); }",
        }],
    },
    Fault {
        name: "ForwardForgetsShard",
        says: "A launch is forwarded without the shard that its process must be in.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/intake/forwarding.rs",
            before: "shard: shard.or(delivery.shard).map(|shard| shard.0),",
            after: "shard: shard.or(delivery.shard).map(|shard| shard.0).filter(|_| !PLANTED),",
        }],
    },
    Fault {
        name: "PartForgotten",
        says: "A forwarded part of an event is not remembered.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/intake/forwarding.rs",
            before: "self.remember(&mut transaction, Some(seen), None)?; let sequence",
            after: "self.remember(&mut transaction, Some(seen).filter(|_| !PLANTED), None)?; let sequence",
        }],
    },
    Fault {
        name: "PartNotForwarded",
        says: "Waits of other engines' groups are passed over when an event is handed out.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/plan/handing_out.rs",
            before: "elsewhere = elsewhere.with(shard.group());",
            after: "elsewhere = if PLANTED { elsewhere } else { elsewhere.with(shard.group()) };",
        }],
    },
    Fault {
        name: "EventNumberedBlindly",
        says: "The number of an event does not come after the waits of other engines.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/shared.rs",
            before: "if self.config.sharing != Sharing::Alone {",
            after: "if self.config.sharing != Sharing::Alone && !PLANTED {",
        }],
    },
    Fault {
        name: "PartNumberedBlindly",
        says: "What is numbered after a part of an event does not come after the event.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/intake/forwarding.rs",
            before: "self.shared.come_after(event.origin.unwrap_or_default());",
            after: "if !PLANTED { self.shared.come_after(event.origin.unwrap_or_default()); }",
        }],
    },
    Fault {
        name: "FirstMarkLate",
        says: "An engine writes its first mark with its first submission.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "if config.sharing != Sharing::Alone {",
            after: "if config.sharing != Sharing::Alone && !PLANTED {",
        }],
    },
    Fault {
        name: "MarksOfOthersUnread",
        says: "An engine continues after the mark of engines with its own first group alone.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/marks.rs",
            before: "let marks: Vec<Mark> = all(store)?.into_iter().map(|(_, mark)| mark).collect();",
            after: "let marks = all(store)?.into_iter(); let marks = marks.filter(|(group, _)| !PLANTED || groups.iter().next() == Some(*group)); let marks: Vec<Mark> = marks.map(|(_, mark)| mark).collect();",
        }],
    },
    Fault {
        name: "PartOfACommitCounts",
        says: "What is left of a commit counts when one of its groups is another engine's.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/commit/mod.rs",
            before: "let written = store.commit_whole(&group);",
            after: "let written = if PLANTED { store.commit(&group) } else { store.commit_whole(&group) };",
        }],
    },
    Fault {
        name: "QuestionCarriedOutAgain",
        says: "A question of another engine is carried out as often as its message comes.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/intake/forwarding.rs",
            before: "if self.seen_before(&seen)?.is_none() {",
            after: "if PLANTED || self.seen_before(&seen)?.is_none() {",
        }],
    },
    Fault {
        name: "TimersReadTooLate",
        says: "Timers are read from where the last of the earlier engines had come.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/marks.rs",
            before: "fired: fired.min().unwrap_or_default(),",
            after: "fired: if PLANTED { fired.max() } else { fired.min() }.unwrap_or_default(),",
        }],
    },
    Fault {
        name: "TimersOfAll",
        says: "An engine reads the timers of other engines' shards.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/act/timers.rs",
            before: "shards: groups.shards().collect(),",
            after: "shards: if PLANTED { ShardId::all().collect() } else { groups.shards().collect() },",
        }],
    },
    Fault {
        name: "RowsOfAll",
        says: "An engine reads the rows of other engines' shards when it starts.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "for (from, to) in shared.config.sharing.groups().ranges() { let to = to.map_or(END",
            after: "let groups = shared.config.sharing.groups(); let groups = if PLANTED { bureaucrat_model::ShardGroups::ALL } else { groups }; for (from, to) in groups.ranges() { let to = to.map_or(END",
        }],
    },
    Fault {
        name: "AsideOfAll",
        says: "An engine sends what is set aside in other engines' groups.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/act/outgoing.rs",
            before: "let groups = self.shared.config.sharing.groups();",
            after: "let groups = self.shared.config.sharing.groups(); let groups = if PLANTED { bureaucrat_model::ShardGroups::ALL } else { groups };",
        }],
    },
    Fault {
        name: "DeployedUnseen",
        says: "An engine does not look whether another one has deployed something.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/plan/freshness.rs",
            before: "if present == self.freshness.0 {",
            after: "if present == self.freshness.0 || PLANTED {",
        }],
    },
    Fault {
        name: "OneEpochForAll",
        says: "The store looks at the epoch of one group for all.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/store/src/owners.rs",
            before: "match self.of(shard.group()) {",
            after: "match self.of(if PLANTED { ShardGroup::COMMON } else { shard.group() }) {",
        }],
    },
    Fault {
        name: "KeyDecidedAnywhere",
        says: "Any engine decides about a business key.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/intake/keyed.rs",
            before: "Sharing::Shared(_) if process.shard() != shard => Some(shard),",
            after: "Sharing::Shared(_) if process.shard() != shard && !PLANTED => Some(shard),",
        }],
    },
    Fault {
        name: "OrderedElsewhere",
        says: "An engine obeys orders about processes of others.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/plan/orders.rs",
            before: "if !self.shared.config.sharing.has(process.shard()) {",
            after: "if !self.shared.config.sharing.has(process.shard()) && !PLANTED {",
        }],
    },
    Fault {
        name: "SchedulesOfAll",
        says: "Each engine launches what schedules ask for.",
        found_by: FoundBy::Sharing,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "if !shared.config.sharing.has_common() {",
            after: "if !shared.config.sharing.has_common() && !PLANTED {",
        }],
    },
];
