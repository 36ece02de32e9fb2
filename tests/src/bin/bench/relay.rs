//! Relays in place of the engine, each in its own process: the bare one does what any engine must
//! do with a broker, the durable one also what any durable engine must do with a disk.

use crate::{
    forward::{self, Ends, Taken},
    log::{Log, commit},
    rows,
};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{engine::broker_url, postgres::filled};
use clap::Args;
use std::{
    future::pending,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
};
use tokio::sync::{
    mpsc::{UnboundedSender, unbounded_channel},
    oneshot,
};

/// Unacknowledged messages, as in the engine's default.
const PREFETCH: u16 = 500;

#[derive(Debug, Clone, Args)]
pub struct Settings {
    #[arg(long)]
    pub from: String,
    #[arg(long)]
    pub to: String,
    /// Makes the relay durable: the folder of its log
    #[arg(long)]
    pub log: Option<PathBuf>,
    /// Makes it commit the rows of an action for each message: the database
    #[arg(long)]
    pub rows: Option<String>,
    /// A second queue that is relayed, on a connection of its own
    #[arg(long)]
    pub flood_from: Option<String>,
    /// Where to; what comes is only acknowledged without it
    #[arg(long)]
    pub flood_to: Option<String>,
}

/// Relays until standard input ends, so that it never outlives what started it.
///
/// # Errors
/// When broker or disk fail.
pub fn run(settings: &Settings) -> Result<()> {
    let (orphaned, orphan) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        drop(orphaned);
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let Settings { from, to, .. } = settings;
        let log = settings.log.as_deref().map(Durable::Log);
        let durable = log.or(settings.rows.as_deref().map(Durable::Rows));
        tokio::select! {
            ended = relay(from, to, durable) => ended,
            ended = flood(settings) => ended,
            _ = orphan => Ok(()),
        }
    })
}

/// Relays a flood as any engine would have to, or waits indefinitely if there is none.
async fn flood(settings: &Settings) -> Result<()> {
    match (&settings.flood_from, &settings.flood_to) {
        (Some(from), Some(to)) => relay(from, to, None).await,
        (Some(from), None) => {
            let ends = Ends::open(&broker_url()?, from, PREFETCH).await?;
            forward::discard(ends.consumer).await
        }
        (None, _) => pending().await,
    }
}

/// What a relay writes before it passes a message on.
#[derive(Debug, Clone, Copy)]
enum Durable<'a> {
    /// A log in this folder.
    Log(&'a Path),
    /// Rows of this database.
    Rows(&'a str),
}

impl Durable<'_> {
    /// Makes groups durable on a thread of its own, until either side is gone.
    fn start(
        self,
        waiting: Receiver<Vec<Taken>>,
        ready: UnboundedSender<Vec<Taken>>,
    ) -> Result<()> {
        let thread = std::thread::Builder::new().name("log".into());
        let durable = move |group| ready.send(group).is_ok();
        match self {
            Self::Log(folder) => {
                let log = Log::create(folder)?;
                thread.spawn(move || {
                    if let Err(error) = commit(log, &waiting, durable) {
                        eprintln!("the relay's log: {error}");
                    }
                })?;
            }
            Self::Rows(database) => {
                let store = rows::Rows::new(filled(database)?);
                thread.spawn(move || {
                    if let Err(error) = rows::commit(store, &waiting, durable) {
                        eprintln!("the relay's rows: {error:#}");
                    }
                })?;
            }
        }
        Ok(())
    }
}

async fn relay(from: &str, to: &str, durable: Option<Durable<'_>>) -> Result<()> {
    let ends = Ends::open(&broker_url()?, from, PREFETCH).await?;
    let (ready, mut publishable) = unbounded_channel::<Vec<Taken>>();
    let (sent, confirms) = unbounded_channel();
    let publishing = async {
        while let Some(batch) = publishable.recv().await {
            forward::publish(batch, &ends.publishing, to, &sent, Clone::clone).await?;
        }
        anyhow::bail!("the log is gone")
    };
    let acknowledging = forward::acknowledge(confirms, |_| {});
    let ((), (), ()) = match durable {
        None => {
            let reading = forward::read(ends.consumer, move |batch| Ok(ready.send(batch)?));
            tokio::try_join!(reading, publishing, acknowledging)?
        }
        Some(durable) => {
            let (batches, waiting) = channel();
            // It blocks while it connects; nothing else happens yet.
            durable.start(waiting, ready)?;
            let reading = forward::read(ends.consumer, move |batch| {
                batches.send(batch).ok().context("the log is gone")
            });
            tokio::try_join!(reading, publishing, acknowledging)?
        }
    };
    Ok(())
}

/// A relay that runs as a child; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay(Child);

impl Relay {
    /// Starts this same program as a relay.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(settings: &Settings) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["relay", "--from", &settings.from, "--to", &settings.to]);
        if let Some(folder) = &settings.log {
            command.arg("--log").arg(folder);
        }
        if let Some(database) = &settings.rows {
            command.args(["--rows", database]);
        }
        let flood = [
            ("--flood-from", &settings.flood_from),
            ("--flood-to", &settings.flood_to),
        ];
        for (name, value) in flood {
            if let Some(value) = value {
                command.args([name, value]);
            }
        }
        Ok(Self(command.stdin(Stdio::piped()).spawn()?))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// # Errors
    /// When it ended by itself.
    pub fn check(&mut self) -> Result<()> {
        let status = self.0.try_wait()?;
        ensure!(status.is_none(), "the relay ended by itself: {status:?}");
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
