//! Writes the storage of today's format that later engines have to read.

use anyhow::{Result, anyhow};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bureaucrat_engine::{Environment, launch};
use bureaucrat_host::{HostConfig, broker::Source};
use bureaucrat_model::{
    EngineLimits, FiberId, HistoryEntry, HistoryEvent, Launch, ProcessId, Redelivered, Status,
    Timestamp, Turn,
};
use bureaucrat_sandbox::WorkerCommand;
use bureaucrat_store::{
    Group, Store, Table, Unit, Version, Write,
    keys::{self, WaitKey},
    records,
};
use bureaucrat_store_rocksdb::RocksStore;
use bureaucrat_tests::{
    engine::binary,
    polled::{Confirms, Polled, sandbox_with},
    simulation::SimulatedClock,
};
use bureaucrat_wire::Properties;
use std::{fs, path::Path, process::Command, sync::Arc};

/// When the processes were launched: long enough ago that whatever waits for time is due.
const LAUNCHED: u64 = 1_760_000_000_000;

const AWAIT: &str = r#"<await event="sto.fixture"/>"#;
const ACTION: &str = r#"<action participant="sto.fixture"/>"#;
const CONDITION: &str =
    "<switch><case><condition>1 &lt; 2</condition><delay duration=\"1\"/></case></switch>";

fn named(name: &str, activities: &str) -> String {
    format!(r#"<process name="{name}"><sequence>{activities}</sequence></process>"#)
}

fn calling(name: &str, inner: &str) -> String {
    let inner = named(inner, AWAIT)
        .replace('&', "&amp;")
        .replace('<', "&lt;");
    format!(
        r#"<process name="{name}"><context><property name="inner" type="str">{inner}</property></context><call process="$inner"/></process>"#
    )
}

/// A component, as the binary makes it.
fn module() -> Result<String> {
    let folder = tempfile::tempdir()?;
    let made = folder.path().join("risk.wasm");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk/wat/risk.wat");
    let status = Command::new(binary()?)
        .args(["module", "build"])
        .arg(source)
        .arg("-o")
        .arg(&made)
        .status()?;
    assert!(status.success());
    Ok(STANDARD.encode(fs::read(made)?))
}

/// Writes the fixture into a new folder.
pub fn write(folder: &Path) -> Result<()> {
    let state = tempfile::tempdir()?;
    let store = Arc::new(RocksStore::open(state.path())?);
    let clock = Arc::new(SimulatedClock::new(LAUNCHED));
    let sandbox = sandbox_with(WorkerCommand {
        program: binary()?,
        arguments: vec!["compile-worker".into()],
    });
    let sandbox = sandbox.map_err(|error| anyhow!(error))?;
    let config = HostConfig {
        dead_letter_queue: "sto.fixture.dead".into(),
        ..HostConfig::default()
    };
    let mut host = Polled::open(config, store.clone(), clock.clone(), &sandbox)?;
    // One that has ended and was removed, and one that has ended.
    host.deliver(Source::Launches, Some("removed"), &named("removed", ""));
    host.settle()?;
    clock.advance(25 * 3_600_000);
    host.settle()?;
    host.deliver(Source::Launches, Some("ended"), &named("ended", ""));
    host.settle()?;
    // From here on nothing leaves the outbox.
    host.confirms = Confirms::None;
    let modular = format!(
        r#"<process name="modular"><module name="risk">{}</module><sequence>
        <switch><case><condition module="risk" function="is-high"/><delay duration="1"/></case></switch>{AWAIT}</sequence></process>"#,
        module()?
    );
    let definitions = [
        named("asks", ACTION),
        named("delays", r#"<delay duration="60"/>"#),
        named("awaits", AWAIT),
        named("branches", &format!("<all>{ACTION}{AWAIT}</all>")),
        calling("calls", "called"),
        modular,
    ];
    for (number, definition) in definitions.iter().enumerate() {
        host.deliver(Source::Launches, Some(&format!("m{number}")), definition);
    }
    let told = Properties {
        message_id: Some("told".into()),
        reply_to: Some("sto.fixture.nobody".into()),
        ..Properties::default()
    };
    host.deliver_with(Source::Launches, told, &named("told", AWAIT));
    host.deliver(Source::Answers, None, "no answer");
    host.settle()?;
    // A call whose definition is not compiled yet.
    host.deliver(
        Source::Launches,
        Some("late"),
        &calling("calls-late", "late"),
    );
    host.turn()?;
    host.jobs();
    host.turn()?;
    // An event that was handed out by the second shard alone.
    host.deliver(Source::Events, Some("event"), r#"{"event": "sto.fixture"}"#);
    host.turn()?;
    drop(host);
    store.commit(&Group {
        units: vec![parked(&store, Timestamp(LAUNCHED))?],
    })?;
    let made = tempfile::tempdir()?;
    let made = made.path().join("state");
    store.checkpoint(&made)?;
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(&made)? {
        let path = entry?.path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // RocksDB's own notes of its options are long, and not needed.
        if !name.starts_with("OPTIONS") {
            fs::copy(&path, folder.join(name))?;
        }
    }
    Ok(())
}

/// A process that was parked while a condition was evaluated.
fn parked(store: &RocksStore, now: Timestamp) -> Result<Unit> {
    let process = ProcessId::from_seed([0x33; 16]);
    let compiled = bureaucrat_definition::compile(
        named("parked", CONDITION).as_bytes(),
        &HostConfig::default().definition_limits,
    )
    .map_err(|problems| anyhow!("{problems:?}"))?;
    let stored = compiled.program.encode()?;
    let hash = bureaucrat_model::Program::hash(&stored);
    let launching = Launch {
        process,
        program: hash,
        user: None,
        reply_to: None,
        caller: None,
        message_id: None,
        redelivered: Redelivered::No,
    };
    let environment = Environment {
        now,
        secret: &[7; 32],
        limits: &EngineLimits::default(),
    };
    let (mut instance, _) = launch(&compiled.program, &launching, &environment);
    let reason = "out of time".to_owned();
    let inputs = Vec::new();
    instance.status = Status::Incident {
        reason: reason.clone(),
        inputs,
    };
    assert!(store.get(Table::Instances, process.as_bytes())?.is_none());
    let entry = |event| records::encode(&HistoryEntry { at: now, event });
    let launched = HistoryEvent::Launched {
        message_id: None,
        redelivered: Redelivered::No,
    };
    let retry = WaitKey {
        process,
        fiber: FiberId(u32::MAX - 1),
        turn: Turn(0),
    };
    let rows = [
        (Table::Programs, hash.0.to_vec(), stored),
        (
            Table::Instances,
            keys::instance(process),
            records::encode_instance(Version(1), &instance)?,
        ),
        (Table::History, keys::history(process, 0), entry(launched)?),
        (
            Table::History,
            keys::history(process, 1),
            entry(HistoryEvent::Parked { reason })?,
        ),
        (Table::Timers, keys::timer(now, retry), Vec::new()),
    ];
    let writes = rows.map(|(table, key, value)| Write::Put { table, key, value });
    Ok(Unit::of(writes.into()))
}
