//! What ends the engine: a signal, or an error of the host.

use anyhow::{Context, anyhow};
use bureaucrat_host::Host;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::time::Duration;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, sleep_until},
};

/// How long the engine may take to end after a signal. What it waits for then, such as a database that says nothing, may
/// never come.
const PATIENCE: Duration = Duration::from_secs(30);
/// A signal that comes so long after the first one is meant to end the engine at once. One that comes earlier may be the
/// same wish, told by somebody else.
const INSISTING: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Signal(&'static str),
    Failure,
}

/// Noted once and kept, so that a signal before the engine runs counts as well.
pub struct Ending {
    noted: watch::Sender<Option<Reason>>,
    seen: watch::Receiver<Option<Reason>>,
}

impl Ending {
    /// Catches the signals that end the engine from now on.
    pub fn catch(runtime: &Runtime) -> anyhow::Result<Self> {
        let caught = runtime.block_on(async {
            let terminate = signal(SignalKind::terminate())?;
            Ok((terminate, signal(SignalKind::interrupt())?))
        });
        let (mut terminate, mut interrupt) = caught
            .map_err(|error: std::io::Error| anyhow!(error).context("cannot catch signals"))?;
        let (noted, seen) = watch::channel(None);
        let signalled = noted.clone();
        runtime.spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            signalled.send_replace(Some(Reason::Signal(name)));
            let began = Instant::now();
            let insisted = async {
                loop {
                    tokio::select! {
                        _ = terminate.recv() => {}
                        _ = interrupt.recv() => {}
                    }
                    if began.elapsed() >= INSISTING {
                        return;
                    }
                }
            };
            tokio::select! {
                () = insisted => {}
                () = sleep_until(began + PATIENCE) => {}
            }
            give_up(name, began.elapsed());
        });
        Ok(Self { noted, seen })
    }

    /// An error of this host ends the engine from now on; one of an earlier host is over.
    pub fn of_failure(&self, host: &Host) -> anyhow::Result<()> {
        self.noted.send_if_modified(|reason| {
            let was_failure = *reason == Some(Reason::Failure);
            if was_failure {
                *reason = None;
            }
            was_failure
        });
        let (failures, noted) = (host.failed(), self.noted.clone());
        std::thread::Builder::new()
            .name("failure".into())
            .spawn(move || {
                if failures.recv().is_ok() {
                    noted.send_if_modified(|reason| {
                        let is_first = reason.is_none();
                        reason.get_or_insert(Reason::Failure);
                        is_first
                    });
                }
            })
            .context("cannot start a thread")?;
        Ok(())
    }

    /// The signal that has ended the engine, if one has.
    pub fn signal(&self) -> Option<&'static str> {
        match *self.seen.borrow() {
            Some(Reason::Signal(name)) => Some(name),
            Some(Reason::Failure) | None => None,
        }
    }

    /// Waits for the end: the name of a signal, or none after an error.
    pub async fn wait(&self) -> Option<&'static str> {
        // We have a sender ourselves.
        let _ = self.seen.clone().wait_for(Option::is_some).await;
        self.signal()
    }
}

/// Ends the process as a power cut would, which loses nothing: an orderly end would wait for threads that hang.
fn give_up(name: &str, waited: Duration) {
    tracing::error!(
        "{name}: the work in progress has not ended for {} seconds, because the records or the broker do not answer; the \
         engine kills itself now, and loses nothing that it has confirmed",
        waited.as_secs()
    );
    if let Err(error) = kill(Pid::this(), Signal::SIGKILL) {
        tracing::error!(%error, "the engine cannot kill itself");
    }
}
