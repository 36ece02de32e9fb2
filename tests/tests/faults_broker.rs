//! The broker stops, is killed, loses queues, runs short of memory, closes connections, while processes of all activity kinds
//! run; nothing is lost and nothing happens twice.
//!
//! `BUREAUCRAT_FAULT_ROUNDS` asks for more rounds of all kinds; `scripts/faults` does.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::Engine,
    faults::{Load, Plan, Rabbit, audit},
};
use lapin::{
    Connection, ConnectionProperties,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const PREFIX: &str = "faulty";
/// Processes for each fault, and new tasks between two.
const PROCESSES_A_FAULT: u64 = 40;
const TASKS: usize = 150;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    ConnectionsClosed,
    MemoryAlarm,
    EngineQueuesDeleted,
    WorkerQueueDeleted,
    StoppedInOrder,
    Killed,
}

const KINDS: [Kind; 6] = [
    Kind::ConnectionsClosed,
    Kind::MemoryAlarm,
    Kind::EngineQueuesDeleted,
    Kind::WorkerQueueDeleted,
    Kind::StoppedInOrder,
    Kind::Killed,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_the_broker_does() -> Result<()> {
    let rounds: usize =
        std::env::var("BUREAUCRAT_FAULT_ROUNDS").map_or(1, |text| text.parse().unwrap());
    let folder = tempfile::tempdir()?;
    let mut rabbit = Rabbit::start(&folder.path().join("rabbitmq"))?;
    let mut engine = Engine::new(rabbit.url(), folder.path(), PREFIX, &[]);
    let faults = (rounds * KINDS.len()) as u64;
    let plan = Plan {
        processes: faults * PROCESSES_A_FAULT,
        rate: None,
        padding: 0,
    };
    let load = Load::start(rabbit.url(), PREFIX, plan).await?;
    engine.start()?;
    let mut count = BTreeMap::<Kind, u64>::new();
    for kind in KINDS.into_iter().cycle().take(rounds * KINDS.len()) {
        load.progress(TASKS, PATIENCE).await?;
        let (started, before) = (Instant::now(), load.ended());
        println!("{kind:?}: begins with {before} ended");
        happen(kind, &mut rabbit, &load).await?;
        *count.entry(kind).or_default() += 1;
        println!("{kind:?}: took {:.1} s", started.elapsed().as_secs_f64());
    }
    load.finish(&engine, PATIENCE).await?;
    let tally = audit(&load, &mut engine)?;
    println!(
        "{count:?}: {} launches ended, none lost, none doubled; {} tasks, {} sent again, {} connections of clients",
        tally.ended, tally.tasks, tally.repeated_tasks, tally.connections
    );
    Ok(())
}

async fn happen(kind: Kind, rabbit: &mut Rabbit, load: &Load) -> Result<()> {
    match kind {
        Kind::ConnectionsClosed => {
            for _ in 0..3 {
                rabbit.control(&["close_all_connections", "by the test"])?;
            }
        }
        Kind::MemoryAlarm => {
            rabbit.control(&["set_vm_memory_high_watermark", "absolute", "1"])?;
            let blocked = rabbit.control(&["list_connections", "state"])?;
            ensure!(
                blocked.contains("block"),
                "no connection is blocked: {blocked}"
            );
            tokio::time::sleep(Duration::from_secs(2)).await;
            rabbit.control(&["set_vm_memory_high_watermark", "0.8"])?;
        }
        Kind::EngineQueuesDeleted => {
            for queue in ["answers", "events", "launches"] {
                delete_when_empty(rabbit.url(), &format!("{PREFIX}.{queue}"), queue).await?;
            }
            load.launch_again();
        }
        Kind::WorkerQueueDeleted => {
            for participant in ["add", "inner"] {
                let queue = format!("worker_{PREFIX}.{participant}");
                delete_when_empty(rabbit.url(), &queue, participant).await?;
            }
        }
        Kind::StoppedInOrder => {
            rabbit.stop()?;
            rabbit.start_again()?;
        }
        Kind::Killed => {
            rabbit.kill()?;
            rabbit.start_again()?;
        }
    }
    Ok(())
}

/// Deletes a queue at a moment when no message waits in it: those would be gone by the deleter's deed. Launches may be in it,
/// since their publishers send them again.
async fn delete_when_empty(url: &str, queue: &str, which: &str) -> Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let channel = connection.create_channel().await?;
        let options = QueueDeleteOptions {
            if_empty: which != "launches",
            ..QueueDeleteOptions::default()
        };
        if channel.queue_delete(queue.into(), options).await.is_ok() {
            break;
        }
        ensure!(
            Instant::now() < deadline,
            "{queue} was never empty, so it was not deleted"
        );
    }
    // Whoever needs it declares it again; that may take a moment.
    loop {
        let channel = connection.create_channel().await?;
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let there = channel
            .queue_declare(queue.into(), passive, FieldTable::default())
            .await;
        if there.is_ok() {
            break;
        }
        ensure!(Instant::now() < deadline, "nobody declared {queue} again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    connection.close(200, "done".into()).await?;
    Ok(())
}
