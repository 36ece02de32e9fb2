//! Faults in sending: the outbox, its rows, and failing destinations.

use crate::{Edit, Fault, FoundBy};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "LateTaskLosesTime",
        says: "The time of an attempt counts though there was no connection to send its task.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/outbox/row.rs",
            before: "key.kind == OutboxKind::Task && self.waited == Waited::Yes",
            after: "!PLANTED && key.kind == OutboxKind::Task && self.waited == Waited::Yes",
        }],
    },
    Fault {
        name: "PublishBeforeCommit",
        says: "Messages are published when their plan is submitted.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/mod.rs",
            before: "match publish.place { Place::Outbox => plan.unit.writes.push(",
            after: "if PLANTED { self.outbox.activate(key, publish.place, message.clone()); }
            match publish.place { Place::Outbox => plan.unit.writes.push(",
        }],
    },
    Fault {
        name: "ForgetOutboxOnReconnect",
        says: "The outbox in memory is forgotten when publishing goes down.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/driver.rs",
            before: "self.actor.outbox.set_publishing(Publishing::Down);",
            after: "if PLANTED {
                let in_flight = self.shared.config.publishes_in_flight;
                let (large, full) = (self.shared.large.clone(), self.shared.full.clone());
                self.actor.outbox = crate::act::outbox::Outbox::new(in_flight, large, full);
            }
            self.actor.outbox.set_publishing(Publishing::Down);",
        }],
    },
    Fault {
        name: "TrimOnReturn",
        says: "A returned message's row is trimmed.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/outgoing.rs",
            before: "outcome: PublishOutcome) -> Option<ForProcess> {",
            after: "outcome: PublishOutcome) -> Option<ForProcess> {
            let outcome = match outcome {
                PublishOutcome::Unroutable | PublishOutcome::Refused(_) if PLANTED => {
                    PublishOutcome::Confirmed
                }
                outcome => outcome,
            };",
        }],
    },
    Fault {
        name: "TrimOnLoss",
        says: "A row is trimmed when its publish is lost with the connection.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/driver.rs",
            before: "match self.actor.published(ticket, outcome) {",
            after: "let outcome = match outcome {
                PublishOutcome::Lost if PLANTED => PublishOutcome::Confirmed,
                outcome => outcome,
            };
            match self.actor.published(ticket, outcome) {",
        }],
    },
    Fault {
        name: "TrimOnPublish",
        says: "A row is trimmed once it is published, without waiting for the confirm.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/outgoing.rs",
            before: "Ok(ticket) => self.shared.broker.publish(ticket, message)",
            after: "Ok(ticket) => {
                self.shared.broker.publish(ticket, message);
                if PLANTED { self.trim(key, Place::Outbox); }
            }",
        }],
    },
    Fault {
        name: "AnsweredTaskStays",
        says: "The row of a task stays though its answer counted.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/plan/effects.rs",
            before: "Effect::WithdrawTask { turn, end } =>",
            after: "Effect::WithdrawTask { .. } if PLANTED => {}
            Effect::WithdrawTask { turn, end } =>",
        }],
    },
    Fault {
        name: "UnsentTold",
        says: "A participant is told to drop a task that was never sent.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/mod.rs",
            before: "match self.outbox.reach(key) {",
            after: "match self.outbox.reach(key) {
            _ if PLANTED => Ok(true),",
        }],
    },
    Fault {
        name: "TroubleNeverRetried",
        says: "A destination that returned a message is never tried again.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/troubles.rs",
            before: "Phase::Waiting { next } if next <= now",
            after: "Phase::Waiting { next } if next <= now && !PLANTED",
        }],
    },
    Fault {
        name: "LostProbeKept",
        says: "A destination whose one try is lost with the connection waits for its outcome.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/troubles.rs",
            before: "Phase::Probing => trouble.phase = Phase::Waiting { next: now }",
            after: "Phase::Probing if PLANTED => {}
            Phase::Probing => trouble.phase = Phase::Waiting { next: now }",
        }],
    },
    Fault {
        name: "RepliesKept",
        says: "Replies and notices that nobody takes are kept and tried again.",
        found_by: FoundBy::Simulation,
        edits: &[
            Edit {
                file: "runtime/host/src/act/outbox.rs",
                before: "const fn is_kept",
                after: "fn is_kept",
            },
            Edit {
                file: "runtime/host/src/act/outbox.rs",
                before: "OutboxKind::Reply | OutboxKind::Notice | OutboxKind::Message => false",
                after: "OutboxKind::Message => false,
        OutboxKind::Reply | OutboxKind::Notice => PLANTED",
            },
        ],
    },
    Fault {
        name: "SetAsideForgotten",
        says: "A row that is to be set aside is forgotten.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/outgoing.rs",
            before: "Err(hash) => self.aside.add(Moved::of(key, hash, &message))",
            after: "Err(_) if PLANTED => {}
            Err(hash) => self.aside.add(Moved::of(key, hash, &message))",
        }],
    },
    Fault {
        name: "BacklogForgottenAtStart",
        says: "What an earlier run set aside is never sent.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/open/opened.rs",
            before: "read_backlog(shared, driver)?;",
            after: "if !PLANTED { read_backlog(shared, driver)?; }",
        }],
    },
    Fault {
        name: "WithdrawnStaysAside",
        says: "A task that is not needed any more stays where it was set aside.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/mod.rs",
            before: "Withdrawn::Perhaps => {",
            after: "Withdrawn::Perhaps if PLANTED => return Ok(()),
            Withdrawn::Perhaps => {",
        }],
    },
    Fault {
        name: "UnsendableNotTold",
        says: "An activity is not told that the broker never takes its task.",
        found_by: FoundBy::Simulation,
        edits: &[Edit {
            file: "runtime/host/src/act/outgoing.rs",
            before: "Some(ForProcess::Unsendable { key, words })",
            after: "Some(ForProcess::Unsendable { key, words }).filter(|_| !PLANTED)",
        }],
    },
];
