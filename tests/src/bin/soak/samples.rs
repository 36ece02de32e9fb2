//! What is measured every few seconds: the engine's memory and file handles, the size of its
//! storage, the queues, and progress.

use anyhow::Result;
use bureaucrat_tests::{
    engine::Engine,
    faults::{Load, PARTICIPANTS},
    postgres::sql,
};
use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Seconds between two samples.
pub const EVERY: u64 = 3;

/// One sample of everything. What could not be measured because engine or broker was down is
/// absent.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Seconds since the start.
    pub at: f64,
    /// The engine's process; a new one after each restart.
    pub pid: u32,
    pub memory: Option<f64>,
    pub handles: Option<f64>,
    /// The storage's size in MiB, without the write-ahead log.
    pub disk: f64,
    /// The write-ahead log's size in MiB.
    pub log: f64,
    /// Messages waiting in all queues.
    pub queued: Option<f64>,
    /// Processes that have ended since the start.
    pub ended: u64,
    /// Processes that ended per second since the previous sample.
    pub rate: f64,
}

#[derive(Debug)]
pub struct Watched {
    pid: AtomicU32,
    storage: PathBuf,
    /// The address of the database that has the records, if one does.
    database: Option<String>,
    url: String,
    queues: Vec<String>,
}

impl Watched {
    /// What an engine with this storage, and this database, uses.
    pub fn new((storage, database): (PathBuf, Option<String>), url: &str, prefix: &str) -> Self {
        let own = ["launches", "answers", "events", "listener"].map(|of| format!("{prefix}.{of}"));
        let workers = PARTICIPANTS.map(|of| format!("worker_{prefix}.{of}"));
        Self {
            pid: AtomicU32::new(0),
            storage,
            database,
            url: url.to_owned(),
            queues: own.into_iter().chain(workers).collect(),
        }
    }

    /// Sets the engine's current process.
    pub fn engine_is(&self, engine: &Engine) {
        self.pid.store(engine.pid().unwrap_or(0), Ordering::Relaxed);
    }

    /// The messages waiting in all queues, if the broker answers.
    async fn queued(&self, connection: &mut Option<Connection>) -> Option<f64> {
        let there = match connection.take() {
            Some(there) if there.status().connected() => there,
            _ => Connection::connect(&self.url, ConnectionProperties::default())
                .await
                .ok()?,
        };
        let channel = there.create_channel().await.ok()?;
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let mut sum = 0;
        for queue in &self.queues {
            let queue = channel
                .queue_declare(queue.as_str().into(), passive, FieldTable::default())
                .await
                .ok()?;
            sum += queue.message_count();
        }
        channel.close(200, "seen".into()).await.ok()?;
        *connection = Some(there);
        Some(f64::from(sum))
    }
}

/// Takes samples every few seconds until it is ended.
#[derive(Debug)]
pub struct Sampler {
    samples: Arc<Mutex<Vec<Sample>>>,
    over: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Sampler {
    pub fn start(watched: Arc<Watched>, load: Arc<Load>) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (into, ends) = (samples.clone(), over.clone());
        let task = tokio::spawn(async move {
            let (started, mut connection) = (Instant::now(), None);
            let mut last = (0.0, 0);
            let mut tick = tokio::time::interval(Duration::from_secs(EVERY));
            tick.tick().await;
            while !ends.load(Ordering::Relaxed) {
                tick.tick().await;
                let patience = Duration::from_secs(EVERY);
                let queued = tokio::time::timeout(patience, watched.queued(&mut connection)).await;
                let (at, ended) = (started.elapsed().as_secs_f64(), load.ended());
                let pid = watched.pid.load(Ordering::Relaxed);
                let (mut disk, log) = sizes(&watched.storage);
                if let Some(database) = &watched.database {
                    disk += tokio::task::block_in_place(|| size_of(database));
                }
                let sample = Sample {
                    at,
                    pid,
                    memory: resident(pid),
                    handles: handles(pid),
                    disk: mebibytes(disk),
                    log: mebibytes(log),
                    queued: queued.unwrap_or(None),
                    ended,
                    rate: (ended - last.1) as f64 / (at - last.0),
                };
                last = (at, ended);
                into.lock().unwrap().push(sample);
            }
        });
        Self {
            samples,
            over,
            task,
        }
    }

    /// Ends it, and returns all samples.
    pub async fn end(self) -> Result<Vec<Sample>> {
        self.over.store(true, Ordering::Relaxed);
        self.task.await?;
        let samples = self.samples.lock().unwrap();
        Ok(samples.clone())
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// proc(5): `VmRSS` of `/proc/PID/status`, in kB.
fn resident(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(mebibytes(kilobytes * 1_024))
}

fn handles(pid: u32) -> Option<f64> {
    let count = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    u32::try_from(count).ok().map(f64::from)
}

/// The bytes of all files below a folder without the write-ahead log, and of the log alone. Files
/// that are deleted meanwhile count as nothing.
fn sizes(folder: &Path) -> (u64, u64) {
    let (mut disk, mut log) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(of) if of.is_dir() => {
                let below = sizes(&entry.path());
                (disk, log) = (disk + below.0, log + below.1);
            }
            // RocksDB's names: `000123.log` is part of the write-ahead log, `LOG` is its own log.
            Ok(of) if entry.path().extension().is_some_and(|end| end == "log") => log += of.len(),
            Ok(of) => disk += of.len(),
            Err(_) => {}
        }
    }
    (disk, log)
}

/// The bytes of the tables and their indexes; 0 while the database does not say.
fn size_of(database: &str) -> u64 {
    let asked = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class \
                 WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";
    let said = sql(database, asked).ok();
    said.and_then(|said| said.parse().ok()).unwrap_or_default()
}

/// All samples, with a header line.
pub fn as_csv(samples: &[Sample]) -> String {
    let mut text = String::from(
        "seconds,pid,memory_mib,handles,disk_mib,log_mib,queued,ended,ended_a_second\n",
    );
    let shown = |value: Option<f64>| value.map(|value| format!("{value:.1}")).unwrap_or_default();
    for sample in samples {
        let _ = writeln!(
            text,
            "{:.1},{},{},{},{:.1},{:.1},{},{},{:.1}",
            sample.at,
            sample.pid,
            shown(sample.memory),
            shown(sample.handles),
            sample.disk,
            sample.log,
            shown(sample.queued),
            sample.ended,
            sample.rate
        );
    }
    text
}
