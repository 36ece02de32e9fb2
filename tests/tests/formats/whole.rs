//! Processes that are certain to start, schedules, and deployed modules.

use super::{
    holds,
    samples::{deployed, fault, fiber, fields, instance, path, process, waiting},
};
use bureaucrat_host::{
    catalog::Deployer,
    decided::{KeyClaim, LaunchRecord, LaunchRow},
    module_catalog::{AliasRecord, ModuleRecord, NameRecord, Returns, VersionRecord},
    schedules::ScheduleRecord,
    waiting::{WaitingRecord, WaitingText},
};
use bureaucrat_model::{
    Branch, Called, ChildDefinition, ConditionIndex, EvaluationBounds, Evidence, FailedEvaluation,
    Fiber, FiberId, FiberState, Fields, GuestClass, HistoryEvent, Instance, JsonText, KeptBody,
    KeptMessage, MessageKind, Missed, ModuleHash, ProgramHash, Redelivered, Schedule, Seen,
    Sharing, Status, Timestamp, Turn, Unusable, Version, WaitKind,
};
use bureaucrat_policy::ModuleClass;
use bureaucrat_store::{Table, records};
use bureaucrat_wire::Properties;

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
        (
            "operator",
            running(WaitKind::Operator {
                fault: fault(),
                evidence: Box::default(),
            }),
        ),
        (
            "operator-evidence",
            running(WaitKind::Operator {
                fault: fault(),
                evidence: Box::new(evidence()),
            }),
        ),
    ]
}

/// What an evaluation ran under.
pub fn bounds() -> EvaluationBounds {
    EvaluationBounds {
        wasmtime: "48.0.8".into(),
        costs: "call=100".into(),
        class: GuestClass::Runtime,
        fuel: 20_000_000,
        memory_bytes: 1 << 20,
        all_memory_bytes: u64::MAX,
        table_elements: 10_000,
        stack_bytes: 256 << 10,
        host_calls: 200_000,
        host_bytes_returned: 1 << 20,
        pointer_bytes: 1_024,
        keys: 10_000,
        error_text_bytes: 4_096,
        result_bytes: 64 << 10,
        deadline_ms: 2_000,
    }
}

/// All that is kept of a failure.
fn evidence() -> Evidence {
    Evidence {
        evaluation: Some(FailedEvaluation {
            condition: ConditionIndex(1),
            asked_at: Timestamp(1_800_000_000_000),
            attempt: 2,
            fuel: 99,
            bounds: bounds(),
            fields: Seen::Kept(fields()),
        }),
        message: Some(KeptMessage {
            kind: MessageKind::Answer,
            properties: JsonText::parse(r#"{"message_id": "m"}"#).unwrap(),
            body: KeptBody::TooLarge {
                bytes: 2 << 20,
                sha256: vec![7; 32],
            },
        }),
    }
}

/// Two branches whose fields are still those that both began with.
pub fn branches_that_share() -> Instance {
    let begun: Fields = [("long".to_owned(), JsonText::text(&"x".repeat(600)))]
        .into_iter()
        .collect();
    let branch = || Fiber {
        fields: begun.clone(),
        branch: Some(Branch {
            parent: FiberId(0),
            base: begun.clone(),
            item: None,
            sharing: Sharing::Copy,
        }),
        ..fiber(FiberState::Ready)
    };
    let forking = waiting(WaitKind::Branches { remaining: 2 });
    instance(Status::Running, vec![forking, branch(), branch()])
}

#[test]
fn decided_launches() {
    let record = |definition, claim| {
        LaunchRow::Decided(LaunchRecord {
            claim,
            definition,
            name: "order".into(),
            user: Some("ada".into()),
            fields: fields(),
            key: Some("k-7".into()),
        })
    };
    let waiting = |text| {
        LaunchRow::Waiting(WaitingRecord {
            arrived: Timestamp(1_800_000_000_000),
            seen: Some([3; 32]),
            redelivered: Redelivered::Perhaps,
            messages: vec![Properties::persistent("application/xml")],
            body: b"<process/>".to_vec(),
            text,
        })
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
        ("waiting", waiting(WaitingText::Part(0, 10))),
        (
            "waiting-unpacked",
            waiting(WaitingText::Unpacked(b"<process/>".to_vec())),
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

#[test]
fn modules() {
    let key = format!("ed25519:{}=", "A".repeat(43));
    let signature = format!("{key}:{}==", "A".repeat(86));
    let record = ModuleRecord {
        bytes: 2_659,
        by: Deployer::User("ada".into()),
        at: Timestamp(1_800_000_000_000),
        class: ModuleClass::Small,
        exports: vec![
            ("is-high".into(), Returns::Verdict),
            ("rebate".into(), Returns::Value),
        ],
        compile_millis: Some(29),
        signatures: vec![signature.parse().unwrap()],
    };
    let unknown = ModuleRecord {
        by: Deployer::Operator,
        class: ModuleClass::Runtime,
        compile_millis: None,
        signatures: Vec::new(),
        ..record.clone()
    };
    holds(
        "module-records.hex",
        &[("uploaded", record), ("in-a-definition", unknown)],
        |value| records::encode(value).unwrap(),
        |bytes| records::decode(Table::ModuleRecords, b"key", bytes).unwrap(),
    );
    let by = Deployer::Anonymous;
    let at = Timestamp(1_800_000_000_000);
    let mut name = NameRecord::new(by.clone());
    name.next = Version::new(3).unwrap();
    let module = ModuleHash([7; 32]);
    let version = VersionRecord {
        module,
        by: by.clone(),
        at,
    };
    let second = Version::new(2).unwrap();
    name.versions.insert(second, version);
    let alias = AliasRecord {
        version: second,
        by: Deployer::Operator,
        at,
    };
    name.aliases.insert("live".parse().unwrap(), alias);
    holds(
        "module-names.hex",
        &[("name", name)],
        |value| records::encode(value).unwrap(),
        |bytes| records::decode(Table::ModuleNames, b"key", bytes).unwrap(),
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
