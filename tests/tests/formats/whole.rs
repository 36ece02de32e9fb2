//! Processes that are certain to start, and schedules.

use super::{
    holds,
    samples::{deployed, fault, fields, instance, process, waiting},
};
use bureaucrat_host::{catalog::Deployer, decided::LaunchRecord, schedules::ScheduleRecord};
use bureaucrat_model::{
    Called, ChildDefinition, Instance, Missed, ProgramHash, Schedule, Status, Timestamp, Version,
    WaitKind,
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
    let record = |definition| LaunchRecord {
        definition,
        name: "order".into(),
        user: Some("ada".into()),
        fields: fields(),
        key: Some("k-7".into()),
    };
    let values = [
        ("deployed", record(ChildDefinition::Deployed(deployed()))),
        ("text", record(ChildDefinition::Text("<process/>".into()))),
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
