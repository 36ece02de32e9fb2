//! The publishing connection: everything goes over one channel with confirms, many messages at
//! once, on the connection's own thread. Nothing is published before the engine's own queues exist, because a message may be
//! answered at once.
//!
//! A message that might close the channel is published carefully instead. If the channel is closed
//! anyway, the messages on it are published carefully too, which finds the culprit. After the whole
//! connection was closed, this happens when they are published again.

mod serving;
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
use bureaucrat_connect::{Dialed, Dialer, TaskSet};
use bureaucrat_host::broker::{BrokerEvent, BrokerEvents};
use lapin::{Channel, Connection};
use serving::{Ended, Serving};
use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{
        Mutex, Notify,
        mpsc::{UnboundedReceiver, unbounded_channel},
        watch,
    },
    task::JoinSet,
};
use tracing::info;
use usual::Usual;

/// How long to wait for the reason why a closed connection gave messages no outcome.
const WORDS: Duration = Duration::from_secs(1);

pub(crate) struct Publishing {
    pub config: AmqpConfig,
    pub dialer: Arc<Dialer>,
    pub reports: Arc<Reports>,
    pub events: Arc<dyn BrokerEvents>,
    pub jobs: Arc<Mutex<UnboundedReceiver<Job>>>,
    pub phase: watch::Receiver<Phase>,
    pub up: watch::Sender<bool>,
    pub keys: Arc<Keys>,
    pub suspects: Arc<Suspects>,
    pub nodes: Arc<Nodes>,
    pub blocked: Arc<Blocked>,
}

impl Publishing {
    /// Publishes until the phase says to close; recovers from all connection failures.
    pub async fn run(self) {
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
            let mut jobs = self.jobs.lock().await;
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    // Dropping a job reports it as lost.
                    job = jobs.recv() => if job.is_none() { return },
                    () = wait_for(&mut phase, Phase::Closing) => return,
                }
            }
        }
    }

    /// A new connection, or `None` if there is nothing left to do. Jobs that arrive meanwhile are
    /// lost.
    async fn connected(&self) -> Option<Result<Dialed, String>> {
        let dialer = Arc::clone(&self.dialer);
        let mut attempt = pin!(connect(&dialer, "publishing", None));
        let mut phase = self.phase.clone();
        let mut jobs = self.jobs.lock().await;
        loop {
            tokio::select! {
                dialed = &mut attempt => return Some(dialed),
                job = jobs.recv() => drop(job?),
                () = wait_for(&mut phase, Phase::Closing) => return None,
            }
        }
    }

    /// One connection. When this returns, every ticket that it saw has an outcome.
    async fn session(&self, dialed: Dialed) -> Ended {
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
        let (lane, back) = self.lane(&connection, &place, channel, &mut tasks);
        let serving = Serving {
            connection: Arc::clone(&connection),
            lane,
            back,
            jobs: Arc::clone(&self.jobs),
            phase: self.phase.clone(),
            permit: self.config.permit.clone(),
            blocked: Arc::clone(&self.blocked),
        };
        let mut served = TaskSet::new();
        served.spawn(&dialed.tasks, serving.run());
        let ended = served.join_next().await.flatten();
        let ended = ended.unwrap_or_else(|| Ended::Lost("its task panicked".to_owned()));
        tasks.shutdown().await;
        self.nodes.end();
        let mut jobs = self.jobs.lock().await;
        while jobs.try_recv().is_ok() {}
        drop(jobs);
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
}
