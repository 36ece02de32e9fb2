//! Consuming: a separate connection for each of the four queues, and one for all that other engines forward to this one, because one that is not read for
//! a while, when too much of its queue is in memory, must not delay the others. The first one holds
//! the owner queue. Acknowledgements go back over these connections. Both are the work of the threads that lapin gives
//! the connections.
//!
//! Any error on a channel (for example RabbitMQ's consumer timeout) closes all of these connections:
//! their deliveries will be redelivered, and the host must know. The host is told once a generation
//! has handed over its last delivery. The next connections have another generation, so that old
//! tags acknowledge nothing.

use crate::{
    AmqpConfig, EventsOf, Exclusion,
    backoff::Backoff,
    broker::{Phase, wait_for},
    claim::Claim,
    connection::{close, connect, refusal, timely},
    convert::short,
    in_hand::{InHand, Intake},
    lane::{Consumers, Failure, Lane, Queue, acknowledge, in_time},
    queues::{Letters, bind, declare_all, declare_queue, ready},
    reports::{Reports, Role},
};
use bureaucrat_connect::{Dialer, Hearing, Spawner, TaskSet};
use bureaucrat_host::broker::{BrokerEvent, BrokerEvents, DeliveryHandle, Source, Way};
use bureaucrat_model::lock;
use lapin::{
    Channel, Connection,
    options::{BasicQosOptions, QueueDeclareOptions},
    protocol::AMQPSoftError,
    types::FieldTable,
};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};
use tracing::{debug, info, warn};

/// The queues, and the names of their connections for the broker's operators.
pub(crate) const SOURCES: [(Source, &str); 4] = [
    (Source::Launches, "consuming launches"),
    (Source::Answers, "consuming answers"),
    (Source::Events, "consuming events"),
    (Source::Results, "consuming results"),
];

/// The same for what is forwarded. It says itself what it is; what it takes in memory counts as launches do.
const FORWARDED: &str = "consuming what other engines forward";

/// How often an engine that stands by checks whether the queues are free.
const STANDBY_PAUSE: Duration = Duration::from_secs(1);

/// One queue and its connection.
struct Line {
    source: Source,
    way: Way,
    connection: Arc<Connection>,
    hearing: Hearing,
    tasks: Spawner,
    intake: Arc<Intake>,
}

/// Where acknowledgements for the current connections go.
struct Generation {
    number: u64,
    lanes: [Arc<Lane>; 4],
    forwarded: Arc<Lane>,
}

/// The part of the consumer that the broker's handle shares.
#[derive(Default)]
pub(crate) struct Acknowledging {
    current: Mutex<Option<Arc<Generation>>>,
}

impl Acknowledging {
    /// Records an acknowledgement; one for an older connection is dropped.
    pub fn acknowledge(&self, handle: DeliveryHandle) {
        let current = self.lock().clone();
        let Some(generation) = current.filter(|current| current.number == handle.generation) else {
            debug!(
                ?handle,
                "an acknowledgement of an older connection is dropped"
            );
            return;
        };
        let [launches, answers, events, results] = &generation.lanes;
        let lane = match (handle.way, handle.source) {
            (Way::Forwarded, _) => &generation.forwarded,
            (Way::Own, Source::Launches) => launches,
            (Way::Own, Source::Answers) => answers,
            (Way::Own, Source::Events) => events,
            (Way::Own, Source::Results) => results,
        };
        lane.tracker().acknowledge(handle.tag);
        lane.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Generation>>> {
        lock(&self.current)
    }
}

pub(crate) struct Consuming {
    pub config: AmqpConfig,
    pub dialer: Arc<Dialer>,
    pub reports: Arc<Reports>,
    pub events: Arc<dyn BrokerEvents>,
    pub acknowledging: Arc<Acknowledging>,
    /// What each queue has in memory.
    pub in_hand: [Arc<InHand>; 4],
    pub phase: watch::Receiver<Phase>,
    pub up: watch::Sender<bool>,
    /// Why this engine may not consume.
    pub foreign: watch::Sender<Option<String>>,
}

impl Consuming {
    /// Consumes until the phase says to stop; recovers from all connection failures.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.retry);
        let mut number = 0;
        let wait = self.config.consume_after;
        if !wait.is_zero() {
            warn!("taking no messages for {wait:?}, because the last runs failed a short time ago");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = wait_for(&mut self.phase, Phase::Draining) => {}
            }
        }
        while *self.phase.borrow() == Phase::Running {
            number += 1;
            let mut since = None;
            let ended = self.session(number, &mut since).await;
            self.up.send_replace(false);
            let Err(failure) = ended else { break };
            if let Some(since) = since {
                backoff.worked(Instant::elapsed(&since));
            }
            let pause = match failure {
                Failure::Standby(words) => {
                    self.reports.failed(Role::Standby, words);
                    STANDBY_PAUSE
                }
                Failure::Foreign(words) => {
                    self.foreign.send_replace(Some(words));
                    break;
                }
                Failure::Lost(words) => {
                    self.reports.failed(Role::Consuming, words);
                    backoff.pause()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = wait_for(&mut self.phase, Phase::Draining) => break,
            }
        }
        self.up.send_replace(false);
    }

    /// One set of connections, until they are closed on purpose; `since` is when they began to
    /// consume.
    async fn session(&self, number: u64, since: &mut Option<Instant>) -> Result<(), Failure> {
        let mut lines = Vec::with_capacity(SOURCES.len());
        let mut tasks = TaskSet::new();
        let mut phase = self.phase.clone();
        let ended = tokio::select! {
            connected = self.connect(&mut lines) => match connected {
                Ok(place) => self.consume(&lines, number, &place, &mut tasks, since).await,
                Err(words) => Err(words.into()),
            },
            () = wait_for(&mut phase, Phase::Draining) => Ok(()),
        };
        let generation = self.acknowledging.lock().take();
        // A task that still runs could hand something over after the report.
        tasks.shutdown().await;
        if generation.is_some() {
            let generation = number;
            self.events
                .receive(BrokerEvent::ConsumingDown { generation });
        }
        let ended = match ended {
            // What lapin says of a connection that was closed is less than the broker said.
            Err(Failure::Lost(words)) => {
                let said = lines.iter().find_map(|line| line.hearing.last_words());
                Err(Failure::Lost(said.unwrap_or(words)))
            }
            other => other,
        };
        let mut closing = JoinSet::new();
        for line in lines {
            closing.spawn(async move { close(&line.connection).await });
        }
        closing.join_all().await;
        ended
    }

    /// Returns where the last of them leads.
    async fn connect(&self, lines: &mut Vec<Line>) -> Result<String, String> {
        let mut place = String::new();
        let [launches, ..] = &self.in_hand;
        let queues = SOURCES.into_iter().zip(&self.in_hand);
        let queues = queues.map(|((source, role), in_hand)| (source, Way::Own, role, in_hand));
        let forwarded = (Source::Results, Way::Forwarded, FORWARDED, launches);
        let shared = self.config.shared.as_ref().map(|_| forwarded);
        for (source, way, role, in_hand) in queues.chain(shared) {
            let intake = Intake::new(in_hand);
            let dialed = connect(&self.dialer, role, Some(intake.clone())).await?;
            place = dialed.place;
            lines.push(Line {
                source,
                way,
                connection: Arc::new(dialed.connection),
                hearing: dialed.hearing,
                tasks: dialed.tasks,
                intake,
            });
        }
        Ok(place)
    }

    async fn consume(
        &self,
        lines: &[Line],
        number: u64,
        place: &str,
        tasks: &mut TaskSet<Result<(), Failure>>,
        since: &mut Option<Instant>,
    ) -> Result<(), Failure> {
        let Some(first) = lines.first() else {
            return Ok(());
        };
        let owning = match self.config.exclusion {
            Exclusion::Broker => {
                Some(in_time(own(&first.connection, &self.config.names.owner)).await?)
            }
            Exclusion::Store => None,
        };
        let (names, kind) = (&self.config.names, self.config.queue_type);
        let claim = Claim {
            config: &self.config,
            dialer: &self.dialer,
        };
        claim.make(&first.connection).await?;
        timely(declare_all(&first.connection, names, kind)).await?;
        let shared = self.config.shared.as_ref();
        for queue in shared.into_iter().flat_map(|shared| &shared.all) {
            let letters = Letters::Limited(&names.dead_letters);
            timely(declare_queue(&first.connection, queue, kind, letters)).await?;
            // Results of Celery tasks come to the group of their process at once.
            timely(bind(&first.connection, &names.celery, queue)).await?;
        }
        let mut waiting = 0;
        for queue in [&names.answers, &names.events, &names.results] {
            waiting += timely(ready(&first.connection, queue)).await?;
        }
        let lanes = SOURCES.map(|(source, _)| Arc::new(Lane::new(source, Way::Own)));
        let forwarded = Arc::new(Lane::new(Source::Results, Way::Forwarded));
        *self.acknowledging.lock() = Some(Arc::new(Generation {
            number,
            lanes: lanes.clone(),
            forwarded: forwarded.clone(),
        }));
        let generation = number;
        self.events.receive(BrokerEvent::ConsumingUp {
            generation,
            waiting,
        });
        for (line, lane) in lines.iter().zip(lanes.into_iter().chain([forwarded])) {
            let queues = self.queues_of(line);
            if queues.is_empty() {
                continue;
            }
            let channel = timely(open(&line.connection, self.config.prefetch)).await?;
            for name in queues {
                let queue = Queue {
                    connection: Arc::clone(&line.connection),
                    channel: channel.clone(),
                    name,
                    kind,
                    dead_letters: names.dead_letters.clone(),
                    consumers: match shared {
                        // Also of a group: its earlier owner may be suspended, and still be connected.
                        Some(_) => Consumers::Many,
                        None => Consumers::One,
                    },
                    generation: number,
                    lane: Arc::clone(&lane),
                    intake: Arc::clone(&line.intake),
                    events: Arc::clone(&self.events),
                    phase: self.phase.clone(),
                };
                let consumer = in_time(queue.start()).await?;
                tasks.spawn(&line.tasks, queue.run(consumer));
            }
            let acknowledging =
                acknowledge(channel, lane, self.config.prefetch, self.phase.clone());
            tasks.spawn(&line.tasks, acknowledging);
        }
        *since = Some(Instant::now());
        self.reports.works(Role::Consuming);
        self.reports.works(Role::Standby);
        info!(broker = place, generation = number, "consuming");
        self.up.send_replace(true);
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap_or_else(|| Err(Failure::Lost("a task of it panicked".to_owned())))?;
        }
        drop(owning);
        Ok(())
    }
}

impl Consuming {
    /// The names of the queues that are consumed over a line.
    fn queues_of(&self, line: &Line) -> Vec<String> {
        let name = self.config.names.of(line.source).to_owned();
        let Some(shared) = &self.config.shared else {
            return vec![name];
        };
        match (line.way, line.source, shared.events) {
            (Way::Forwarded, ..) => shared.own.clone(),
            (Way::Own, Source::Events, EventsOf::Another) => Vec::new(),
            (Way::Own, ..) => vec![name],
        }
    }
}

/// A channel with a bounded number of unacknowledged deliveries.
async fn open(connection: &Connection, prefetch: u16) -> Result<Channel, lapin::Error> {
    let channel = connection.create_channel().await?;
    channel
        .basic_qos(prefetch, BasicQosOptions::default())
        .await?;
    Ok(channel)
}

/// Declares the exclusive queue that marks the active engine.
async fn own(connection: &Connection, owner: &str) -> Result<Channel, Failure> {
    let name = short("a queue's name", owner).map_err(|error| error.to_string())?;
    let channel = connection.create_channel().await?;
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    match channel
        .queue_declare(name, exclusive, FieldTable::default())
        .await
    {
        Ok(_) => Ok(channel),
        Err(error) => match refusal(&error) {
            Some((AMQPSoftError::RESOURCELOCKED, words)) => Err(Failure::Standby(words)),
            Some((_, words)) => Err(Failure::Lost(words)),
            None => Err(error.into()),
        },
    }
}
