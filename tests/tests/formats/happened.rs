//! Entries of histories, each kind at least once.

use super::{
    holds,
    samples::{fault, path, process},
    whole,
};
use bureaucrat_model::{
    ConditionIndex, ConditionOutcome, Dropped, FaultCode, HistoryEntry, HistoryEvent, HistoryHash,
    Initiator, Millis, ModuleHash, Operator, ProgramHash, Redelivered, Taken, Timestamp, Turn,
    Version,
};

use bureaucrat_store::{histories::HistoryRow, records};

#[test]
fn history() {
    let at = Timestamp(1_800_000_000_000);
    let values: Vec<_> = history_events()
        .into_iter()
        .chain([("left-out", whole::left_out())])
        .map(|(name, event)| (name, HistoryEntry { at, event }))
        .collect();
    holds(
        "history.hex",
        &values,
        |value| {
            let entries = vec![value.clone()];
            let before = HistoryHash([7; 32]);
            records::encode(&HistoryRow {
                before,
                first: Some(HistoryHash([8; 32])),
                entries,
            })
            .unwrap()
        },
        |bytes| {
            let row = HistoryRow::decode(b"key", bytes).unwrap();
            row.entries.into_iter().next().unwrap()
        },
    );
}

fn operator() -> Initiator {
    Initiator::Operator(Operator::named("grace"))
}

/// Every entry of a history, with a name.
fn history_events() -> Vec<(&'static str, HistoryEvent)> {
    let (activity, turn) = (path(), Turn(2));
    let condition = |outcome| HistoryEvent::ConditionEvaluated {
        activity: path(),
        condition: ConditionIndex(1),
        module: Some(ModuleHash([6; 32])),
        outcome,
        fuel: 99,
    };
    let received = |taken| HistoryEvent::EventReceived {
        activity: path(),
        event: "paid".into(),
        taken,
    };
    let launched = |redelivered| HistoryEvent::Launched {
        message_id: Some("id".into()),
        redelivered,
        program: ProgramHash([5; 32]),
    };
    vec![
        ("launched", launched(Redelivered::No)),
        ("launched-perhaps", launched(Redelivered::Perhaps)),
        (
            "task-sent",
            HistoryEvent::TaskSent {
                activity: activity.clone(),
                turn,
                participant: "worker".into(),
            },
        ),
        (
            "answered",
            HistoryEvent::Answered {
                activity: activity.clone(),
                turn,
            },
        ),
        (
            "suspended",
            HistoryEvent::Suspended {
                activity: activity.clone(),
                turn,
                reason: "later".into(),
            },
        ),
        (
            "delay-started",
            HistoryEvent::DelayStarted {
                activity: activity.clone(),
                duration: Millis(1_500),
                due: Timestamp(1_800_000_001_500),
            },
        ),
        (
            "delay-ended",
            HistoryEvent::DelayEnded {
                activity: activity.clone(),
            },
        ),
        (
            "await-started",
            HistoryEvent::AwaitStarted {
                activity: activity.clone(),
                event: "paid".into(),
            },
        ),
        ("event-taken", received(Taken::Yes)),
        ("event-left", received(Taken::No)),
        (
            "called",
            HistoryEvent::Called {
                activity: activity.clone(),
                child: process(6),
            },
        ),
        (
            "returned",
            HistoryEvent::Returned {
                activity: activity.clone(),
                child: process(6),
            },
        ),
        (
            "started",
            HistoryEvent::Started {
                activity: activity.clone(),
                process: process(6),
            },
        ),
        ("stuck", HistoryEvent::Stuck { fault: fault() }),
        ("condition-held", condition(ConditionOutcome::Verdict(true))),
        (
            "value",
            condition(ConditionOutcome::Value(r#"{"x": 1}"#.into())),
        ),
        (
            "caught",
            HistoryEvent::Caught {
                activity: activity.clone(),
                fault: fault(),
            },
        ),
        (
            "time-restarted",
            HistoryEvent::TimeRestarted {
                activity: activity.clone(),
                turn: Turn(2),
                begun: Timestamp(9),
            },
        ),
        (
            "attempt-failed",
            HistoryEvent::AttemptFailed {
                attempt: 2,
                fault: fault(),
                due: Timestamp(9),
            },
        ),
        (
            "condition-failed",
            condition(ConditionOutcome::Fault {
                code: FaultCode::new("KeyError"),
                message: "'id'".into(),
            }),
        ),
        (
            "forked",
            HistoryEvent::Forked {
                activity: activity.clone(),
                branches: 2,
            },
        ),
        (
            "event-queued",
            HistoryEvent::EventQueued {
                activity: activity.clone(),
                event: "paid".into(),
            },
        ),
        (
            "event-dropped",
            HistoryEvent::EventDropped {
                activity: activity.clone(),
                event: "paid".into(),
                why: Dropped::Full,
            },
        ),
        (
            "interrupted",
            HistoryEvent::Interrupted {
                activity: activity.clone(),
            },
        ),
        (
            "compensating",
            HistoryEvent::Compensating {
                activity: activity.clone(),
            },
        ),
        ("joined", HistoryEvent::Joined { activity }),
        (
            "sent",
            HistoryEvent::Sent {
                activity: path(),
                exchange: "shop".into(),
                routing_key: "paid".into(),
            },
        ),
        ("completed", HistoryEvent::Completed),
        ("failed", HistoryEvent::Failed(fault())),
        (
            "parked",
            HistoryEvent::Parked {
                reason: "out of time".into(),
            },
        ),
        ("resumed", HistoryEvent::Resumed),
        (
            "cancelled",
            HistoryEvent::Cancelled {
                reason: "why".into(),
                by: operator(),
            },
        ),
        (
            "cancelled-by-message",
            HistoryEvent::Cancelled {
                reason: "why".into(),
                by: Initiator::Message {
                    user: Some("ada".into()),
                },
            },
        ),
        (
            "cancelled-by-replacement",
            HistoryEvent::Cancelled {
                reason: "why".into(),
                by: Initiator::Replacement {
                    process: process(7),
                },
            },
        ),
        (
            "retried",
            HistoryEvent::Retried {
                reason: "the worker is back".into(),
                by: operator(),
            },
        ),
        (
            "part-retried",
            HistoryEvent::PartRetried {
                activity: path(),
                reason: "its queue was deleted".into(),
                by: operator(),
            },
        ),
        (
            "skipped",
            HistoryEvent::Skipped {
                activity: path(),
                reason: "paid by hand".into(),
                by: operator(),
            },
        ),
        (
            "fields-set",
            HistoryEvent::FieldsSet {
                activity: path(),
                names: vec!["zip".into(), "city".into()],
                reason: "the customer called".into(),
                by: operator(),
            },
        ),
        (
            "moved",
            HistoryEvent::Moved {
                activity: path(),
                to: path().child(3),
                reason: "the parcel came back".into(),
                by: operator(),
            },
        ),
        (
            "process-suspended",
            HistoryEvent::ProcessSuspended {
                reason: "the bank asks to wait".into(),
                by: operator(),
            },
        ),
        (
            "process-resumed",
            HistoryEvent::ProcessResumed {
                reason: "the bank has called back".into(),
                by: operator(),
            },
        ),
        (
            "migrated",
            HistoryEvent::Migrated {
                from: Version::new(3),
                to: Version::FIRST,
                program: ProgramHash([5; 32]),
                reason: "the carrier has changed".into(),
                by: operator(),
            },
        ),
        (
            "terminated",
            HistoryEvent::Terminated {
                reason: "its finally never ends".into(),
                by: operator(),
            },
        ),
    ]
}
