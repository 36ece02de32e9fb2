//! What ends the engine: a signal, or an error of the host.

use anyhow::{Context, anyhow};
use bureaucrat_host::Host;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

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
