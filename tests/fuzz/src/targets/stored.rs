//! The contents of a store: programs, instances, other records, keys; and the engine on programs
//! and instances that decode.
//!
//! Damaged storage must never cause a panic: it is reported, or it is a valid record of something
//! else.

use crate::{corpus, random::Random, trace};
use anyhow::Result;
use bureaucrat_engine::{Environment, launch, pending_evaluations, step};
use bureaucrat_host::events::EventRecord;
use bureaucrat_model::{
    ActivityPath, Answer, ConditionIndex, EngineLimits, Evaluation, EvaluationOutcome, EventSource,
    FaultCode, FiberId, Fields, Input, Instance, JsonText, Launch, ProcessId, Program, Timestamp,
    Turn, Unhandled,
};
use bureaucrat_store::{
    Group, MemoryStore, Store, Table, Unit, Write,
    histories::HistoryRow,
    instances::{InstanceRows, StoredFiber, decode_head, read_instance, write_instance},
    keys, records,
};
use bureaucrat_wire::Outgoing;

/// MessagePack that expands to much from few bytes; as text, so ASCII only.
pub const TOKENS: [&str; 12] = [
    "\0",
    "\u{1}",
    "\u{7f}",
    "1",
    "2",
    "3",
    "4",
    "5",
    "\u{1}1",
    "{}",
    "\0\0\0\0\0\0\0\0",
    "{\"a\":1}",
];

/// Stored programs: the golden ones, and those of the repository's definitions.
///
/// # Errors
/// If a file cannot be read.
pub fn programs() -> Result<Vec<Vec<u8>>> {
    let mut seeds = corpus::golden("programs.hex")?;
    for source in corpus::whole("definitions", "xml")? {
        let compiled =
            bureaucrat_definition::compile(&source, &bureaucrat_definition::Limits::default());
        if let Ok(compiled) = compiled {
            seeds.extend(compiled.program.encode());
        }
    }
    Ok(seeds)
}

/// A program: what decodes is valid and encodes to the same bytes.
pub fn program(input: &[u8]) -> u64 {
    match Program::decode(input) {
        Ok(program) => {
            assert_eq!(program.check(), Ok(()));
            let again = program.encode().map(|stored| Program::decode(&stored));
            assert_eq!(again, Ok(Ok(program.clone())));
            let shown = bureaucrat_definition::disassemble(&program);
            trace::of_count("program", shown.len())
        }
        Err(error) => trace::of_text(&error.to_string()),
    }
}

pub fn instance(input: &[u8]) -> u64 {
    let head = match decode_head(b"key", input) {
        Ok(stored) => trace::of_count("head", stored.fibers as usize),
        Err(error) => trace::of_text(&error.to_string()),
    };
    let fiber = match records::decode::<StoredFiber>(Table::Fibers, b"key", input) {
        Ok(fiber) => {
            let stored = records::encode(&fiber).unwrap_or_default();
            let again = records::decode::<StoredFiber>(Table::Fibers, b"key", &stored);
            assert!(again.is_ok_and(|again| again == fiber));
            trace::of_count("fiber", fiber.fields.map_or(0, |fields| fields.len()))
        }
        Err(error) => trace::of_text(&error.to_string()),
    };
    head ^ fiber.rotate_left(1)
}

pub fn record(input: &[u8]) -> u64 {
    let trace = |result: Result<usize, bureaucrat_store::StoreError>| match result {
        Ok(kind) => kind as u64,
        Err(error) => trace::of_text(&error.to_string()),
    };
    let history = HistoryRow::decode(b"key", input);
    if let Ok(entry) = &history {
        let stored = records::encode(entry).unwrap_or_default();
        assert!(HistoryRow::decode(b"key", &stored).is_ok_and(|again| again == *entry));
    }
    trace(history.map(|_| 1))
        ^ trace(records::decode::<Outgoing>(Table::Outbox, b"key", input).map(|_| 2))
        ^ trace(records::decode::<EventRecord>(Table::Events, b"key", input).map(|_| 4))
        ^ trace(records::decode::<u64>(Table::Meta, b"key", input).map(|_| 16))
}

/// A key of every table: what is read encodes to the same bytes.
pub fn key(input: &[u8]) -> u64 {
    let mut read = 0;
    if let Ok(process) = keys::instance_of(input) {
        assert_eq!(keys::instance(process), input);
        read |= 1;
    }
    if let Ok((due, wait)) = keys::timer_of(input) {
        assert_eq!(keys::timer(due, wait), input);
        read |= 2;
    }
    if keys::subscription_of(input).is_ok() {
        read |= 4;
    }
    if let Ok((shard, sequence)) = keys::event_of(input) {
        assert_eq!(keys::event(shard, sequence), input);
        read |= 8;
    }
    if let Ok(key) = keys::OutboxKey::from_bytes(input) {
        assert_eq!(key.to_bytes(), input);
        read |= 16;
    }
    if let Ok(number) = keys::history_number(input) {
        assert_eq!(number.to_be_bytes(), input[16..]);
        read |= 32;
    }
    if let Ok((attribute, place)) = keys::searched_of(input) {
        assert_eq!(keys::searched(&attribute, place), input);
    }
    if keys::expired_of(input).is_ok() {
        read |= 64;
    }
    assert!(keys::successor(input).as_slice() > input);
    read | u64::from(!input.is_empty() && keys::prefix_end(input).as_slice() > input) << 7
}

/// The engine on a program that decodes: launched, then given inputs that match and inputs that do
/// not. Sometimes the instance is damaged as its record could be.
pub fn engine(input: &[u8]) -> u64 {
    let Ok(program) = Program::decode(input) else {
        return 0;
    };
    let limits = EngineLimits {
        ops_per_step: 200,
        ops_without_waiting: 2_000,
        fibers: 50,
        ..EngineLimits::default()
    };
    let environment = Environment {
        now: Timestamp(1_000),
        secret: &[7; 32],
        limits: &limits,
        unhandled: Unhandled::Fails,
    };
    let order = Launch::new(ProcessId::from_seed([1; 16]), Program::hash(input));
    let (mut instance, effects) = launch(&program, &order, &environment);
    let mut random = Random::new(input.iter().fold(1, |sum: u64, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
    }));
    let mut trace = trace::of_count("launched", effects.len());
    for _ in 0..12 {
        if random.below(6) == 0
            && let Some(damaged) = damaged(&instance, &mut random)
        {
            instance = damaged;
        }
        let before = instance.clone();
        pending_evaluations(&program, &instance);
        let next = input_for(&instance, &mut random);
        match step(&program, &mut instance, &environment, next) {
            Ok(effects) => trace ^= trace::of_count("stepped", effects.len()).rotate_left(7),
            Err(rejection) => {
                assert_eq!(before, instance, "{rejection}");
                trace ^= trace::of_text(&rejection.to_string());
            }
        }
    }
    trace
}

/// The instance as it reads after some of its stored bytes changed, if it still does.
fn damaged(instance: &Instance, random: &mut Random) -> Option<Instance> {
    let fibers = instance.fibers.iter();
    let fibers = fibers.map(|(id, fiber)| (id, fiber.clone()));
    let mut copy = Instance::new(instance.head().clone(), fibers);
    let mut unit = Unit::default();
    write_instance(&mut copy, &mut InstanceRows::default(), &mut unit.writes).ok()?;
    for _ in 0..=random.below(3) {
        let row = random.below(unit.writes.len());
        if let Some(Write::Put { table, value, .. }) = unit.writes.get_mut(row) {
            let prefix = if *table == Table::Instances { 9 } else { 1 };
            let at = prefix + random.below(value.len().saturating_sub(prefix));
            if let Some(byte) = value.get_mut(at) {
                *byte = random.bits() as u8;
            }
        }
    }
    let store = MemoryStore::new();
    store.commit(&Group { units: vec![unit] }).ok()?;
    Some(read_instance(&store, instance.process).ok()??.instance)
}

fn input_for(instance: &Instance, random: &mut Random) -> Input {
    let fibers: Vec<FiberId> = instance.fibers.iter().map(|(id, _)| id).collect();
    let fiber = random
        .one_of(&fibers)
        .copied()
        .unwrap_or(FiberId(random.below(9) as u32));
    let turn = Turn(instance.next_turn.saturating_sub(random.below(4) as u64));
    let fields = Fields::parse(r#"{"a": 1, "b": [true], "event": "e"}"#).unwrap_or_default();
    match random.below(6) {
        0 => Input::Answer {
            activity: ActivityPath(
                (0..random.below(4))
                    .map(|_| random.below(3) as u32)
                    .collect(),
            ),
            turn: (random.below(2) == 0).then_some(turn),
            answer: match random.below(6) {
                0 => Answer::Replace(fields),
                1 => Answer::Update(fields),
                2 => Answer::fault(FaultCode::new("Declined"), "broken".to_owned()),
                3 => Answer::Suspended("later".to_owned()),
                4 => Answer::Value(JsonText::text("result")),
                _ => Answer::Unreadable("no".to_owned()),
            },
            unusable: Vec::new(),
        },
        1 => Input::TimerFired { fiber, turn },
        2 => Input::Event {
            fiber,
            turn,
            name: "e".to_owned(),
            key: None,
            depth: 0,
            event: JsonText::text("e"),
            source: EventSource::Live { sequence: 7 },
        },
        3 => Input::ChildRefused {
            fiber,
            turn,
            reason: "no such definition".to_owned(),
        },
        4 => Input::Continue,
        _ => Input::Evaluated {
            fiber,
            turn,
            condition: ConditionIndex(random.below(4) as u32),
            evaluation: Evaluation {
                outcome: EvaluationOutcome::Verdict(random.below(2) == 0),
                fuel: 1,
            },
        },
    }
}
