//! The broker stops, is killed, loses queues, runs short of memory, closes connections, while processes of all activity kinds
//! run; nothing is lost and nothing happens twice.
//!
//! `BUREAUCRAT_FAULT_ROUNDS` asks for more rounds of all kinds; `scripts/faults` does.

use anyhow::{Result, ensure};
use bureaucrat_tests::{
    engine::Engine,
    faults::{Load, Plan, Rabbit, audit, rounds, row},
};
use lapin::{Connection, ConnectionProperties, options::QueueDeleteOptions};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const PREFIX: &str = "faulty";
/// Processes for each fault, and new tasks between two.
const PROCESSES_A_FAULT: u64 = 90;
/// So many of them begin at the fault, and end after it.
const FRESH: u64 = 30;
const TASKS: usize = 250;
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
    let rounds = rounds()?;
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
    // Each fault finds processes that run, however fast the engine is.
    let mut begun = 0;
    let mut count = BTreeMap::<Kind, u64>::new();
    for kind in KINDS.into_iter().cycle().take(rounds * KINDS.len()) {
        begun += PROCESSES_A_FAULT;
        load.hold_back_from(begun - FRESH);
        load.keep_from(begun - FRESH);
        load.progress(TASKS, PATIENCE).await?;
        let (started, before) = (Instant::now(), load.ended());
        println!("{kind:?}: begins with {before} ended");
        happen(kind, &mut rabbit, &load, begun).await?;
        ensure!(!load.have_ended(begun), "{kind:?} proved nothing");
        *count.entry(kind).or_default() += 1;
        println!("{kind:?}: took {:.1} s", started.elapsed().as_secs_f64());
    }
    ensure!(begun == plan.processes, "{begun} of {plan:?} were to begin");
    load.let_all_end();
    load.finish(&engine, PATIENCE).await?;
    let tally = audit(&load, &mut engine)?;
    for (kind, times) in &count {
        row(&format!("broker:{kind:?}"), *times, &tally);
    }
    println!(
        "{count:?}: {} launches ended, none lost, none doubled; {} tasks, {} sent again, {} connections of clients",
        tally.ended, tally.tasks, tally.repeated_tasks, tally.connections
    );
    Ok(())
}

/// Lets a fault happen while processes below `begun` begin.
async fn happen(kind: Kind, rabbit: &mut Rabbit, load: &Load, begun: u64) -> Result<()> {
    if matches!(kind, Kind::EngineQueuesDeleted | Kind::WorkerQueueDeleted) {
        rest(rabbit, load).await?;
    }
    load.hold_back_from(begun);
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
                delete(rabbit.url(), &format!("{PREFIX}.{queue}")).await?;
            }
            load.resume();
            load.launch_again();
        }
        Kind::WorkerQueueDeleted => {
            for participant in ["child", "inner"] {
                load.send_away(participant);
                delete(rabbit.url(), &format!("worker_{PREFIX}.{participant}")).await?;
            }
            load.resume();
            // Meanwhile tasks come back to the engine, and wait there.
            load.progress(TASKS, Duration::from_secs(2)).await?;
            load.call_back();
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

/// Lets everything come to rest, so that no queue holds a message, delivered or not: those would be gone with their queue, by
/// done by the one who deletes it.
async fn rest(rabbit: &Rabbit, load: &Load) -> Result<()> {
    load.hush();
    let deadline = Instant::now() + PATIENCE;
    let mut empty = 0;
    while empty < 2 {
        let columns = ["list_queues", "--no-table-headers", "name", "messages"];
        let queues = rabbit.control(&columns)?;
        // The queue that remembers the storage always has its one message.
        let is_empty = |line: &str| {
            let (name, count) = line.rsplit_once('\t').unwrap_or((line, ""));
            count == "0" || name.ends_with(".storage")
        };
        empty = if queues.lines().all(is_empty) {
            empty + 1
        } else {
            0
        };
        ensure!(
            Instant::now() < deadline,
            "the queues are never empty: {queues}"
        );
    }
    Ok(())
}

async fn delete(url: &str, queue: &str) -> Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel
        .queue_delete(queue.into(), QueueDeleteOptions::default())
        .await?;
    connection.close(200, "done".into()).await?;
    Ok(())
}
