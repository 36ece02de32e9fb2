//! Processes that are certain to start, and schedules.

use super::{
    holds,
    samples::{deployed, fault, fields, instance, path, process, waiting},
};
use bureaucrat_host::{
    catalog::Deployer,
    decided::{KeyClaim, LaunchRecord},
    schedules::ScheduleRecord,
};
use bureaucrat_model::{
    Called, ChildDefinition, HistoryEvent, Instance, Missed, ProgramHash, Schedule, Status,
    Timestamp, Turn, Unusable, Version, WaitKind,
};
use bureaucrat_store::{Table, records};

/// Waits that come with calls by name, and with `on-fault`.
pub fn waits() -> Vec<(&'static str, Instance)> {
    let running = |kind| instance(Status::Running, vec![waiting(kind)]);
    let child = |definition| WaitKind::Child {
        child: process(6),
        fields: fields(),
        definition,
    };
    vec![
        ("child-found", running(child(Called::Found(deployed())))),
        (
            "child-sought",
            running(child(Called::Sought("order@3".parse().unwrap()))),
        ),
        ("operator", running(WaitKind::Operator { fault: fault() })),
    ]
}

#[test]
fn decided_launches() {
    let record = |definition, claim| LaunchRecord {
        claim,
        definition,
        name: "order".into(),
        user: Some("ada".into()),
        fields: fields(),
        key: Some("k-7".into()),
    };
    let values = [
        (
            "deployed",
            record(ChildDefinition::Deployed(deployed()), KeyClaim::Held),
        ),
        (
            "text",
            record(
                ChildDefinition::Text("<process/>".into()),
                KeyClaim::Replaces,
            ),
        ),
    ];
    holds(
        "launches.hex",
        &values,
        |value| records::encode(value).unwrap(),
        |bytes| records::decode(Table::Launches, b"key", bytes).unwrap(),
    );
}

#[test]
fn schedules() {
    let record = ScheduleRecord {
        version: Version::FIRST,
        program: ProgramHash([2; 32]),
        by: Deployer::User("ada".into()),
        schedule: Schedule {
            cron: "30 2 * * *".into(),
            zone: "Europe/Berlin".into(),
            missed: Missed::Skip,
        },
        next: Timestamp(1_800_000_000_000),
    };
    holds(
        "schedules.hex",
        &[("schedule", record)],
        |value| records::encode(value).unwrap(),
        |bytes| records::decode(Table::Schedules, b"key", bytes).unwrap(),
    );
}

pub fn left_out() -> HistoryEvent {
    HistoryEvent::LeftOut {
        activity: path(),
        turn: Turn(2),
        parts: vec![
            Unusable::Data {
                bytes: 5_000,
                limit: 4_096,
            },
            Unusable::retry_after("soon"),
            Unusable::Progress {
                bytes: 20_000,
                limit: 16_384,
            },
            Unusable::reserved("inst:now", 2),
        ],
    }
}
