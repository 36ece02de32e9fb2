//! Publishes over one connection, on its thread.

use super::{
    WORDS,
    usual::{Scope, Usual},
};
use crate::{
    Permit,
    broker::{Phase, wait_for},
    careful::open,
    connection::{Blocked, timely},
    flights::Job,
};
use lapin::Connection;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, mpsc::UnboundedReceiver, watch};

/// How many messages are published between two checks of confirms.
const BATCH: usize = 128;
/// How often an idle connection is checked.
const LOOK: Duration = Duration::from_millis(250);
/// How long closing waits for confirms.
const CLOSING: Duration = Duration::from_secs(5);

/// Why a connection no longer publishes.
pub(super) enum Ended {
    OnPurpose,
    Lost(String),
}

/// A connection that publishes.
pub(super) struct Serving {
    pub connection: Arc<Connection>,
    pub lane: Usual,
    /// Messages that come back to the usual channel.
    pub back: UnboundedReceiver<Job>,
    pub jobs: Arc<Mutex<UnboundedReceiver<Job>>>,
    pub phase: watch::Receiver<Phase>,
    pub permit: Permit,
    pub blocked: Arc<Blocked>,
}

impl Serving {
    /// Publishes until the connection ends. Then every ticket that it saw has an outcome.
    pub async fn run(self) -> Ended {
        let Self {
            connection,
            mut lane,
            mut back,
            jobs,
            mut phase,
            permit,
            blocked,
        } = self;
        let mut jobs = jobs.lock().await;
        let mut look = tokio::time::interval(LOOK);
        let mut closing = None;
        let mut closed: Option<Instant> = None;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let changed = lane.flights.changed();
            tokio::select! {
                () = changed => {}
                job = back.recv() => batch.extend(job),
                count = jobs.recv_many(&mut batch, BATCH), if closing.is_none() && batch.is_empty() => {
                    if count == 0 {
                        closing = Some(tokio::time::Instant::now());
                    }
                }
                () = wait_for(&mut phase, Phase::Closing), if closing.is_none() => {
                    closing = Some(tokio::time::Instant::now());
                    while let Ok(job) = jobs.try_recv() {
                        batch.push(job);
                    }
                }
                _ = look.tick() => {}
            }
            batch.extend(lane.flights.due());
            // Asked here, because the engine may have been suspended while it waited. Without a permit they wait, and the
            // next look asks again.
            if permit.is_given() {
                batch.drain(..).for_each(|job| lane.take(job));
            } else if closing.is_some() {
                // Dropping them reports them as lost.
                batch.clear();
            }
            let gone = match lane.settle() {
                Err(error) => match lane.strand(&error) {
                    Scope::Connection => return Ended::Lost(error.to_string()),
                    Scope::Channel => true,
                },
                // The errors of messages on a closing channel are still to come.
                Ok(()) => lane.flights.is_empty() && !lane.channel.status().connected(),
            };
            if !connection.status().connected() {
                let since = closed.get_or_insert_with(Instant::now);
                if lane.flights.is_empty() || since.elapsed() > WORDS {
                    return Ended::Lost("the connection was closed".to_owned());
                }
                continue;
            }
            if gone || lane.must_renew() {
                match timely(open(&connection)).await {
                    Ok(channel) => lane.go_on(channel),
                    Err(words) => return Ended::Lost(words),
                }
            }
            // A broker that takes nothing confirms nothing; its messages are sent after the next start.
            let is_over = |since: tokio::time::Instant| {
                lane.is_idle() || since.elapsed() > CLOSING || blocked.borrow().is_some()
            };
            if closing.is_some_and(is_over) {
                return Ended::OnPurpose;
            }
        }
    }
}
