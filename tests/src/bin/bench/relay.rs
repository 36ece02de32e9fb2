//! Relays in place of the engine, each in its own process: the bare one does what any engine must
//! do with a broker, the durable one also what any durable engine must do with a disk.

use crate::{
    forward::{self, Ends, Taken},
    log::{Log, commit},
};
use anyhow::{Context, Result, ensure};
use bureaucrat_tests::engine::broker_url;
use clap::Args;
use std::{
    future::pending,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::channel,
};
use tokio::sync::{mpsc::unbounded_channel, oneshot};

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
        let Settings { from, to, log, .. } = settings;
        tokio::select! {
            ended = relay(from, to, log.as_deref()) => ended,
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

async fn relay(from: &str, to: &str, log: Option<&Path>) -> Result<()> {
    let ends = Ends::open(&broker_url()?, from, PREFETCH).await?;
    let (ready, mut publishable) = unbounded_channel::<Vec<Taken>>();
    let (sent, confirms) = unbounded_channel();
    let publishing = async {
        while let Some(batch) = publishable.recv().await {
            forward::publish(batch, &ends.publishing, to, &sent).await?;
        }
        anyhow::bail!("the log is gone")
    };
    let acknowledging = forward::acknowledge(confirms, |_| {});
    let ((), (), ()) = match log {
        None => {
            let reading = forward::read(ends.consumer, move |batch| Ok(ready.send(batch)?));
            tokio::try_join!(reading, publishing, acknowledging)?
        }
        Some(folder) => {
            let log = Log::create(folder)?;
            let (batches, waiting) = channel();
            std::thread::Builder::new()
                .name("log".into())
                .spawn(move || {
                    let ended = commit(log, &waiting, |group| ready.send(group).is_ok());
                    if let Err(error) = ended {
                        eprintln!("the relay's log: {error}");
                    }
                })?;
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
