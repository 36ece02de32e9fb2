//! The publishing connection: everything goes over one channel with confirms, many messages at
//! once. Nothing is published before the engine's own queues exist, because a message may be
//! answered at once.
//!
//! A message that might close the channel is published carefully instead. If the channel is closed
//! anyway, the messages on it are published carefully too, which finds the culprit. After the whole
//! connection was closed, this happens when they are published again.

mod usual;

use crate::{
    AmqpConfig,
    asking::Asking,
    backoff::Backoff,
    broker::{Phase, wait_for},
    careful::{Careful, open},
    connection::{Blocked, close, connect, timely, watch_alarms},
    exchanges::Exchanges,
    flights::{Flights, Job, Keys, Nacked},
    nodes::Nodes,
    queues::{declare_all, keep},
    reports::{Reports, Role},
    suspects::Suspects,
};
use bureaucrat_connect::{Dialed, Dialer};
use bureaucrat_host::broker::{BrokerEvent, BrokerEvents};
use lapin::{Channel, Connection};
use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, unbounded_channel},
        watch,
    },
    task::JoinSet,
};
use tracing::info;
use usual::{Scope, Usual};

/// How many messages are published between two checks of confirms.
const BATCH: usize = 128;
/// How often an idle connection is checked.
const LOOK: Duration = Duration::from_millis(250);
/// How long to wait for the reason why a closed connection gave messages no outcome.
const WORDS: Duration = Duration::from_secs(1);
/// How long closing waits for confirms.
const CLOSING: Duration = Duration::from_secs(5);

pub(crate) struct Publishing {
    pub config: AmqpConfig,
    pub dialer: Arc<Dialer>,
    pub reports: Arc<Reports>,
    pub events: Arc<dyn BrokerEvents>,
    pub jobs: UnboundedReceiver<Job>,
    pub phase: watch::Receiver<Phase>,
    pub up: watch::Sender<bool>,
    pub keys: Arc<Keys>,
    pub suspects: Arc<Suspects>,
    pub nodes: Arc<Nodes>,
    pub blocked: Arc<Blocked>,
}

/// Why a connection no longer publishes.
enum Ended {
    OnPurpose,
    Lost(String),
}

impl Publishing {
    /// Publishes until the phase says to close; recovers from all connection failures.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.retry);
        loop {
            let words = match self.connected().await {
                None => return,
                Some(Ok(dialed)) => {
                    let since = Instant::now();
                    let hearing = dialed.hearing.clone();
                    let ended = self.session(dialed).await;
                    backoff.worked(since.elapsed());
                    match ended {
                        Ended::OnPurpose => return,
                        Ended::Lost(words) => hearing.last_words().unwrap_or(words),
                    }
                }
                Some(Err(words)) => words,
            };
            self.reports.failed(Role::Publishing, words);
            let mut phase = self.phase.clone();
            let mut pause = pin!(tokio::time::sleep(backoff.pause()));
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    // Dropping a job reports it as lost.
                    job = self.jobs.recv() => if job.is_none() { return },
                    () = wait_for(&mut phase, Phase::Closing) => return,
                }
            }
        }
    }

    /// A new connection, or `None` if there is nothing left to do. Jobs that arrive meanwhile are
    /// lost.
    async fn connected(&mut self) -> Option<Result<Dialed, String>> {
        let dialer = Arc::clone(&self.dialer);
        let mut attempt = pin!(connect(&dialer, "publishing", None));
        let mut phase = self.phase.clone();
        loop {
            tokio::select! {
                dialed = &mut attempt => return Some(dialed),
                job = self.jobs.recv() => drop(job?),
                () = wait_for(&mut phase, Phase::Closing) => return None,
            }
        }
    }

    /// One connection. When this returns, every ticket that it saw has an outcome.
    async fn session(&mut self, dialed: Dialed) -> Ended {
        let (connection, place) = (Arc::new(dialed.connection), dialed.place);
        // A worker may answer before the consuming connection is up: the answer needs its queue
        // then.
        let prepared = async {
            timely(declare_all(
                &connection,
                &self.config.names,
                self.config.queue_type,
            ))
            .await?;
            timely(open(&connection)).await
        };
        let channel = match prepared.await {
            Ok(channel) => channel,
            Err(words) => return Ended::Lost(words),
        };
        self.reports.works(Role::Publishing);
        info!(broker = place, "publishing");
        self.events.receive(BrokerEvent::PublishingUp);
        self.up.send_replace(true);

        let mut tasks = JoinSet::new();
        let (mut lane, mut back) = self.lane(&connection, &place, channel, &mut tasks);
        let ended = self.serve(&connection, &mut lane, &mut back).await;
        drop(lane);
        tasks.shutdown().await;
        self.nodes.end();
        drop(back);
        while self.jobs.try_recv().is_ok() {}
        self.up.send_replace(false);
        self.events.receive(BrokerEvent::PublishingDown);
        close(&connection).await;
        ended
    }

    /// The usual channel, its returned messages, and the tasks beside it.
    fn lane(
        &self,
        connection: &Arc<Connection>,
        place: &str,
        channel: Channel,
        tasks: &mut JoinSet<()>,
    ) -> (Usual, UnboundedReceiver<Job>) {
        let (asking, questions) = unbounded_channel();
        let (careful, care) = unbounded_channel();
        let (usual, back) = unbounded_channel();
        let exchanges = Arc::<Exchanges>::default();
        let cares = Careful {
            config: self.config.clone(),
            dialer: Arc::clone(&self.dialer),
            reports: Arc::clone(&self.reports),
            keys: Arc::clone(&self.keys),
            suspects: Arc::clone(&self.suspects),
            nodes: Arc::clone(&self.nodes),
            usual: usual.clone(),
            busy: Arc::default(),
        };
        let asks = Asking {
            connection: Arc::clone(connection),
            exchanges: Arc::clone(&exchanges),
            usual,
        };
        let busy = Arc::clone(&cares.busy);
        let returned = Arc::<Notify>::default();
        tasks.spawn(asks.run(questions));
        tasks.spawn(cares.run(care));
        tasks.spawn(watch_alarms(connection, place, &self.blocked));
        tasks.spawn(keep(
            Arc::clone(connection),
            self.config.names.clone(),
            self.config.queue_type,
            Arc::clone(&returned),
        ));
        let lane = Usual {
            channel,
            frame_max: connection.configuration().frame_max(),
            flights: Flights::new(Arc::clone(&self.keys), Nacked::TriedAgain),
            keys: Arc::clone(&self.keys),
            suspects: Arc::clone(&self.suspects),
            nodes: Arc::clone(&self.nodes),
            exchanges,
            asking,
            careful,
            busy,
            held: Vec::new(),
            renewing: None,
            opened: Instant::now(),
            dead_letters: self.config.names.dead_letters.clone(),
            returned,
        };
        (lane, back)
    }

    async fn serve(
        &mut self,
        connection: &Connection,
        lane: &mut Usual,
        back: &mut UnboundedReceiver<Job>,
    ) -> Ended {
        let mut look = tokio::time::interval(LOOK);
        let mut closing = None;
        let mut closed: Option<Instant> = None;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let changed = lane.flights.changed();
            let mut phase = self.phase.clone();
            tokio::select! {
                () = changed => {}
                job = back.recv() => batch.extend(job),
                count = self.jobs.recv_many(&mut batch, BATCH), if closing.is_none() && batch.is_empty() => {
                    if count == 0 {
                        closing = Some(tokio::time::Instant::now());
                    }
                }
                () = wait_for(&mut phase, Phase::Closing), if closing.is_none() => {
                    closing = Some(tokio::time::Instant::now());
                    while let Ok(job) = self.jobs.try_recv() {
                        batch.push(job);
                    }
                }
                _ = look.tick() => {}
            }
            batch.extend(lane.flights.due());
            // Asked here, because the engine may have been suspended while it waited. Without a permit they wait, and the
            // next look asks again.
            if self.config.permit.is_given() {
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
                match timely(open(connection)).await {
                    Ok(channel) => lane.go_on(channel),
                    Err(words) => return Ended::Lost(words),
                }
            }
            if closing.is_some_and(|since| lane.is_idle() || since.elapsed() > CLOSING) {
                return Ended::OnPurpose;
            }
        }
    }
}
