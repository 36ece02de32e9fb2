//! Three engines that share the work, over a cluster of three brokers and a database with a standby: each kind of machine
//! is killed or cut off in turn, and the work continues.
//!
//! `BUREAUCRAT_CLUSTER_HARMS` and `BUREAUCRAT_FAULT_SEED` ask for another number and another order;
//! `scripts/demo-cluster` does.

use anyhow::{Context, Result, ensure};
use bureaucrat_host::query::QueryAnswer;
use bureaucrat_tests::{
    database::Database,
    engine::Engine,
    faults::{Load, Plan, Rabbit, asked, audit, row, seed},
    simulation::Random,
};
use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

const PREFIX: &str = "cluster";
/// Harms of one run of the tests: each kind once.
const HARMS: u64 = 6;
/// Half of them begin before the harm, and half after it.
const PROCESSES_EACH: u64 = 48;
/// So many do not end before it.
const KEPT: u64 = 12;
const TASKS: usize = 60;
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    EngineKilled,
    EngineSuspended,
    EngineEnded,
    BrokerNodeKilled,
    BrokerConnectionsClosed,
    /// And its standby promoted; it follows that one later.
    DatabaseKilled,
}

const KINDS: [Harm; 6] = [
    Harm::EngineKilled,
    Harm::BrokerNodeKilled,
    Harm::EngineSuspended,
    Harm::DatabaseKilled,
    Harm::BrokerConnectionsClosed,
    Harm::EngineEnded,
];

/// All that runs.
struct Cluster {
    brokers: Vec<Rabbit>,
    /// The primary, and its standby.
    databases: (Database, Database),
    /// One that works comes first once it was looked for.
    engines: Vec<Engine>,
    /// The one that was ended or suspended.
    away: Option<Engine>,
}

impl Cluster {
    fn start(folder: &Path) -> Result<Self> {
        // The server of the database may have another user.
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o711))?;
        let first = Rabbit::start(&folder.join("broker1"))?;
        let second = Rabbit::join(&folder.join("broker2"), &first)?;
        let third = Rabbit::join(&folder.join("broker3"), &first)?;
        let brokers = vec![first, second, third];
        let primary = Database::start(&folder.join("database1"))?;
        let standby = primary.standby(&folder.join("database2"))?;
        let mut cluster = Self {
            brokers,
            databases: (primary, standby),
            engines: Vec::new(),
            away: None,
        };
        for number in 1..=3 {
            let folder = folder.join(format!("engine{number}"));
            std::fs::create_dir_all(&folder)?;
            let mut engine = cluster.engine(&folder);
            engine.start()?;
            cluster.engines.push(engine);
        }
        Ok(cluster)
    }

    fn urls(&self) -> Vec<String> {
        let urls = self.brokers.iter().map(Rabbit::url);
        urls.map(ToOwned::to_owned).collect()
    }

    /// An engine that knows all brokers and both databases.
    fn engine(&self, folder: &Path) -> Engine {
        let (primary, standby) = &self.databases;
        let database = format!(
            "postgres://bureaucrat:bureaucrat@{},{}/postgres",
            primary.host(),
            standby.host()
        );
        let options = [
            "--store-lease",
            "3s",
            "--store-sharing",
            "on",
            "--amqp-heartbeat",
            "2s",
            "--queue-type",
            "quorum",
        ];
        Engine::new(&self.urls().join(","), folder, PREFIX, &options).with_database(Some(database))
    }

    /// Waits until one of the engines works; it comes first then.
    fn find_active(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.start_again()?;
            let works =
                |engine: &Engine| matches!(engine.listed(), Ok(QueryAnswer::Processes { .. }));
            if let Some(place) = self.engines.iter().position(works) {
                self.engines.swap(0, place);
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "no engine works:\n{}",
                self.engines
                    .iter()
                    .map(Engine::log_tail)
                    .collect::<Vec<_>>()
                    .join("\n\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a service manager does: an engine that ended by itself, because another one has taken over or the database was
    /// away for too long, is started again.
    fn start_again(&mut self) -> Result<()> {
        for engine in &mut self.engines {
            if engine.has_ended()? {
                engine.start()?;
            }
        }
        Ok(())
    }

    fn harm(&mut self, harm: Harm, random: &mut Random) -> Result<()> {
        match harm {
            Harm::EngineKilled => {
                let mut engine = self.engines.remove(0);
                engine.kill()?;
                self.away = Some(engine);
            }
            Harm::EngineEnded => {
                let mut engine = self.engines.remove(0);
                ensure!(engine.end()? == 0, "{}", engine.log_tail());
                self.away = Some(engine);
            }
            Harm::EngineSuspended => {
                let engine = self.engines.remove(0);
                engine.suspend()?;
                self.away = Some(engine);
            }
            Harm::BrokerNodeKilled => self.brokers[random.place(3)].kill()?,
            Harm::BrokerConnectionsClosed => {
                let node = random.place(3);
                self.brokers[node].control(&["close_all_connections", "by the test"])?;
            }
            Harm::DatabaseKilled => {
                self.databases.0.kill()?;
                self.databases.1.promote()?;
                std::mem::swap(&mut self.databases.0, &mut self.databases.1);
            }
        }
        Ok(())
    }

    /// Repairs what a harm has left, so that the next one finds all of it running.
    fn repair(&mut self, harm: Harm) -> Result<()> {
        match harm {
            Harm::EngineKilled | Harm::EngineEnded | Harm::EngineSuspended => {
                let mut engine = self.away.take().context("no engine is away")?;
                // A suspended one finds out what it has lost, and takes a share again.
                match harm == Harm::EngineSuspended {
                    true => engine.resume()?,
                    false => engine.start()?,
                }
                self.engines.push(engine);
            }
            Harm::BrokerNodeKilled => {
                for broker in &mut self.brokers {
                    broker.start_again()?;
                }
            }
            Harm::BrokerConnectionsClosed => {}
            Harm::DatabaseKilled => self.databases.1.follow(&self.databases.0)?,
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_whatever_fails() -> Result<()> {
    let harms = asked("BUREAUCRAT_CLUSTER_HARMS", HARMS)?;
    let folder = tempfile::tempdir()?;
    let mut cluster = Cluster::start(folder.path())?;
    let plan = Plan {
        processes: harms * PROCESSES_EACH,
        rate: None,
        padding: 0,
    };
    let load = Load::start_on(&cluster.urls(), PREFIX, plan).await?;
    let mut random = Random::new(seed()?);
    let mut took = BTreeMap::<Harm, Vec<Duration>>::new();
    for done in 0..harms {
        let harm = match usize::try_from(done)? {
            first if first < KINDS.len() => KINDS[first],
            _ => KINDS[random.place(KINDS.len())],
        };
        let begun = done * PROCESSES_EACH + PROCESSES_EACH / 2;
        load.hold_back_from(begun);
        load.keep_from(begun - KEPT);
        load.progress(TASKS, PATIENCE).await?;
        cluster.find_active()?;
        let began = Instant::now();
        cluster.harm(harm, &mut random)?;
        ensure!(!load.have_ended(begun), "{harm:?} proved nothing");
        load.hold_back_from((done + 1) * PROCESSES_EACH);
        load.keep_from((done + 1) * PROCESSES_EACH);
        cluster.find_active()?;
        load.progress(TASKS, PATIENCE).await?;
        ensure!(began.elapsed() < PATIENCE, "{harm:?}: nothing moved");
        took.entry(harm).or_default().push(began.elapsed());
        println!(
            "{harm:?}: work continued after {:.2} s",
            began.elapsed().as_secs_f64()
        );
        cluster.repair(harm)?;
    }
    load.let_all_end();
    cluster.find_active()?;
    let mut engines = std::mem::take(&mut cluster.engines).into_iter();
    let mut active = engines.next().context("no engine")?;
    drop(engines);
    load.finish(&active, PATIENCE).await?;
    let tally = audit(&load, &mut active)?;
    for (harm, spans) in &mut took {
        spans.sort();
        let middle = spans[spans.len() / 2];
        row(&format!("cluster:{harm:?}"), spans.len() as u64, &tally);
        println!(
            "{harm:?}: {} times, work continued after {middle:.2?} in the middle",
            spans.len()
        );
    }
    println!(
        "{} launches ended, none lost, none doubled; {} tasks, {} sent again",
        tally.ended, tally.tasks, tally.repeated_tasks
    );
    Ok(())
}
