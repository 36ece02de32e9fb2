//! Golden bytes: what was stored once is read forever, and is written the same today.
//!
//! Each line of a file in `golden/` is a name and the bytes in hexadecimal. A change of them is a change of a format:
//! docs/formats.md says what that takes. `UPDATE_GOLDEN=1` writes the files again, for a person to judge the difference.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "formats/audit_log.rs"]
mod audit_log;
#[path = "formats/bulk.rs"]
mod bulk;
#[path = "formats/happened.rs"]
mod happened;
#[path = "formats/ops.rs"]
mod ops;
#[path = "formats/samples.rs"]
mod samples;
#[path = "formats/store.rs"]
mod store;
#[path = "formats/tables.rs"]
mod tables;
#[path = "formats/whole.rs"]
mod whole;

use bureaucrat_host::events::EventRecord;
use bureaucrat_model::{
    Arrivals, Asker, Branch, Called, Check, ConditionIndex, Ending, EventSource, Expiry, FiberId,
    FiberState, Hex, HistoryHead, JsonText, Millis, OpIndex, Pace, Parking, Program, Progress,
    Recall, ReplyTo, ShardId, Sharing, Status, Subscription, Then, Timestamp, Turn, WaitKind, Way,
};
use bureaucrat_store::{
    Group, MemoryStore, Store, Table, Unit, Write,
    instances::{InstanceRows, read_instance, write_instance},
    keys::{self, OutboxKey, OutboxKind, WaitKey},
    records,
};
use bureaucrat_wire::{Report, Results, Routes, Task, Via, dead_letter, notice, reply, task};
use samples::{fault, fiber, fields, inputs, instance, kept_keys, path, process, program, waiting};
use std::{fmt::Debug, fs, path::Path};

type Lines = Vec<(String, Vec<u8>)>;

/// Compares records with their golden file and gives the golden bytes back, to be read.
fn golden(file: &str, found: &Lines) -> Lines {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{file}"));
    let text: String = found
        .iter()
        .map(|(name, bytes)| format!("{name} {}\n", Hex(bytes)))
        .collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    for (expected, found) in expected.lines().zip(text.lines()) {
        assert_eq!(expected, found, "{file}: the bytes have changed");
    }
    let count = expected.lines().count();
    assert_eq!(count, found.len(), "{file}: records came or went");
    let line = |line: &str| {
        let (name, digits) = line.split_once(' ').unwrap();
        (name.to_owned(), bytes(digits))
    };
    expected.lines().map(line).collect()
}

fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Encodes every value, compares with the file, and reads the file's bytes back.
fn holds<T: PartialEq + Debug>(
    file: &str,
    values: &[(&str, T)],
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> T,
) {
    let found: Lines = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), encode(value)))
        .collect();
    for ((name, value), (golden_name, bytes)) in values.iter().zip(golden(file, &found)) {
        assert_eq!(*name, golden_name);
        assert_eq!(decode(&bytes), *value, "{file}: {name} reads otherwise");
    }
}

#[test]
fn programs() {
    holds(
        "programs.hex",
        &[("every-instruction", program())],
        |program| program.encode().unwrap(),
        |bytes| Program::decode(bytes).unwrap(),
    );
}

#[test]
fn instances() {
    let running = |fiber| instance(Status::Running, vec![fiber]);
    let event = |check| WaitKind::Event {
        subscriptions: vec![Subscription {
            event: "paid".into(),
            key: Some("k".into()),
            since: Some(Timestamp(1_800_000_000_000)),
        }],
        check,
        recall: Recall::Pending,
        untaken: samples::untaken(),
    };
    let mut branch = fiber(FiberState::Ready);
    branch.branch = Some(Branch {
        parent: FiberId(0),
        base: fields(),
        item: Some(3),
        sharing: Sharing::InPlace,
    });
    let incident = Status::Parked {
        parking: Parking::Incident,
        reason: "out of time".into(),
        inputs: inputs(),
    };
    let seen = JsonText::parse(r#"{"event": "paid"}"#).unwrap();
    let values = [
        ("ready", running(fiber(FiberState::Ready))),
        (
            "answer",
            running(waiting(WaitKind::Answer {
                participant: "worker".into(),
                way: Some(Box::default()),
                fields: Some(fields()),
                expiry: Expiry {
                    timeout: Some(Millis(30_000)),
                    begun: Timestamp(1_800_000_000_000),
                    within: None,
                    heartbeat: Some(Millis(10_000)),
                },
                progress: Some(Progress {
                    at: Timestamp(1_800_000_001_000),
                    value: JsonText::text("half"),
                }),
                activity: Some(path()),
            })),
        ),
        (
            "timer",
            running(waiting(WaitKind::Timer {
                due: Timestamp(1_800_000_060_000),
                pace: Pace::Messages,
            })),
        ),
        ("event", running(waiting(event(None)))),
        (
            "event-in-check",
            running(waiting(event(Some(Check {
                event: seen,
                key: Some("A-17".into()),
                alternative: 0,
                condition: ConditionIndex(1),
                at: Timestamp(1_800_000_000_500),
                source: EventSource::Kept { sequence: 7 },
            })))),
        ),
        (
            "child",
            running(waiting(WaitKind::Child {
                child: process(6),
                fields: fields(),
                definition: Called::Text,
            })),
        ),
        (
            "branches",
            instance(
                Status::Running,
                vec![waiting(WaitKind::Branches { remaining: 1 }), branch],
            ),
        ),
        ("branches-that-share", whole::branches_that_share()),
        (
            "stopping",
            running(waiting(WaitKind::Stopping {
                remaining: 1,
                then: Then::Throw(fault()),
                called: Some(process(6)),
            })),
        ),
        (
            "about-a-fault",
            running(waiting(WaitKind::Fault {
                fault: fault(),
                condition: ConditionIndex(1),
                asker: Asker::Handler {
                    fiber: FiberId(0),
                    outer: 1,
                    handler: 2,
                },
                evaluation: None,
            })),
        ),
        (
            "compensation",
            running(waiting(WaitKind::Compensation { scope: OpIndex(4) })),
        ),
        (
            "listening",
            running(waiting(WaitKind::Listening {
                subscription: Some(Subscription {
                    event: "paid".into(),
                    key: None,
                    since: None,
                }),
                check: None,
                recall: Recall::Pending,
                arrivals: Arrivals::Kept(vec![JsonText::text("kept")]),
            })),
        ),
        (
            "condition",
            running(waiting(WaitKind::Condition {
                condition: ConditionIndex(1),
            })),
        ),
        ("admission", running(waiting(WaitKind::Admission))),
        ("incident-with-every-input", instance(incident, Vec::new())),
        (
            "completed",
            instance(Status::Ended(Ending::Completed(fields())), Vec::new()),
        ),
        (
            "failed",
            instance(Status::Ended(Ending::Failed(fault())), Vec::new()),
        ),
    ];
    let mut found = Lines::new();
    let values: Vec<_> = values.into_iter().chain(whole::waits()).collect();
    for (name, instance) in &values {
        let (mut instance, mut writes) = (instance.clone(), Vec::new());
        write_instance(&mut instance, &mut InstanceRows::default(), &mut writes).unwrap();
        for write in writes {
            let Write::Put { table, key, value } = write else {
                panic!("a new instance deletes {write:?}");
            };
            let key = Hex(&key).to_string();
            found.push((format!("{name}/{}/{key}", table.name()), value));
        }
    }
    let golden = golden("instances.hex", &found);
    for (name, instance) in &values {
        let rows = golden.iter().filter_map(|(row, value)| {
            let (table, key) = row.strip_prefix(name)?.strip_prefix('/')?.split_once('/')?;
            let table = Table::ALL.into_iter().find(|known| known.name() == table)?;
            let (key, value) = (bytes(key), value.clone());
            Some(Write::Put { table, key, value })
        });
        let unit = Unit::of(rows.collect());
        let store = MemoryStore::new();
        store.commit(&Group { units: vec![unit] }).unwrap();
        let read = read_instance(&store, process(1)).unwrap().unwrap();
        assert_eq!(read.instance, *instance, "{name} reads otherwise");
    }
}

#[test]
fn messages_in_the_outbox() {
    let outgoing = |via| {
        let (path, fields) = (path(), fields());
        let wanted = Task {
            process: process(1),
            path: &path,
            turn: Turn(8),
            participant: "shop.pack",
            way: &Way::default(),
            fields: &fields,
            expires: Some(Timestamp(1_795_478_399_999)),
            results: &Results::default(),
        };
        task(&Routes::new(via, Vec::new()), &wanted)
    };
    let to = ReplyTo {
        queue: "replies".into(),
        correlation_id: Some("id".into()),
    };
    let (fields, fault) = (fields(), fault());
    let history = HistoryHead::EMPTY;
    let failed = Report::Failed {
        fault: &fault,
        history,
    };
    let letter = outgoing(Via::Taskqueue);
    let dead = dead_letter(
        "dead",
        "answers",
        "why",
        "not-waiting",
        Timestamp(0),
        &letter.properties,
        b"{".to_vec(),
    );
    let completed = Report::Completed {
        fields: &fields,
        history,
    };
    let rest = [
        ("reply", reply(&to, Some(process(1)), completed)),
        (
            "notice",
            notice("processes", Some(process(1)), "order", failed),
        ),
        ("dead-letter", dead),
    ];
    let tasks = Via::ALL.map(|via| (via.name(), outgoing(via)));
    let values: Vec<_> = tasks.into_iter().chain(rest).collect();
    holds(
        "outbox.hex",
        &values,
        |value| records::encode(value).unwrap(),
        |bytes| records::decode(Table::Outbox, b"key", bytes).unwrap(),
    );
}

#[test]
fn events() {
    let record = EventRecord {
        name: "paid".into(),
        key: Some("k".into()),
        depth: 1,
        event: JsonText::parse(r#"{"event": "paid", "n": 1}"#).unwrap(),
        process: Some(process(1)),
        kept: Some(Timestamp(1_800_000_000_000)),
        origin: None,
    };
    holds(
        "events.hex",
        &[("event", record)],
        |value| records::encode(value).unwrap(),
        |bytes| records::decode(Table::Events, b"key", bytes).unwrap(),
    );
}

#[test]
fn keys_of_all_tables() {
    let wait = WaitKey {
        process: process(1),
        fiber: FiberId(2),
        turn: Turn(3),
    };
    let at = Timestamp(1_800_000_000_000);
    let mut found: Lines = vec![
        ("instance".into(), keys::instance(process(1))),
        ("fiber".into(), keys::fiber(process(1), FiberId(258))),
        ("value".into(), keys::value(process(1), 258)),
        ("timer".into(), keys::timer(at, wait)),
        (
            "subscription".into(),
            keys::subscription("paid", Some("k"), wait),
        ),
        ("event".into(), keys::event(ShardId(3), 258)),
        ("history".into(), keys::history(process(1), 258)),
        (
            "recent".into(),
            keys::recent(
                keys::Phase::Failed,
                keys::Place {
                    launched_at: at,
                    process: process(1),
                },
            ),
        ),
        ("seen".into(), keys::seen(&[9; 32])),
        ("tombstone".into(), keys::tombstone(process(1))),
        ("expiry".into(), keys::expiry(at, &keys::seen(&[9; 32]))),
    ];
    found.extend(kept_keys(wait, at));
    for kind in OutboxKind::ALL {
        let (process, number) = (process(1), 258);
        let key = OutboxKey {
            kind,
            process,
            number,
        };
        found.push((format!("outbox-{}", kind as u8), key.to_bytes()));
    }
    let golden = golden("keys.hex", &found);
    let of = |name: &str| {
        let (_, key) = golden.iter().find(|(found, _)| found == name).unwrap();
        key.as_slice()
    };
    assert_eq!(keys::instance_of(of("instance")), Ok(process(1)));
    assert_eq!(keys::fiber_of(of("fiber")), Ok((process(1), FiberId(258))));
    assert_eq!(keys::value_of(of("value")), Ok((process(1), 258)));
    assert_eq!(keys::timer_of(of("timer")), Ok((at, wait)));
    assert_eq!(keys::subscription_of(of("subscription")), Ok(wait));
    assert_eq!(keys::event_of(of("event")), Ok((ShardId(3), 258)));
    assert_eq!(keys::history_number(of("history")), Ok(258));
    assert_eq!(keys::expired_of(of("expiry")), Ok(of("seen").to_vec()));
    for kind in OutboxKind::ALL {
        let key = OutboxKey::from_bytes(of(&format!("outbox-{}", kind as u8))).unwrap();
        assert_eq!((key.kind, key.process, key.number), (kind, process(1), 258));
    }
}
