//! The handle that the host holds.

use crate::{
    AmqpConfig, NamesError,
    celery_events::EventReader,
    connection::Blocked,
    consume::{Acknowledging, Consuming, SOURCES},
    flights::Job,
    in_hand::InHand,
    looking::look,
    pending::Pending,
    publish::Publishing,
    reports::Reports,
};
use bureaucrat_connect::Dialer;
use bureaucrat_host::{
    CeleryEvents,
    broker::{Broker, BrokerEvents, DeliveryHandle, Source, Ticket},
    facts::FactAnswer,
};
use bureaucrat_model::lock;
use bureaucrat_wire::Outgoing;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinHandle,
};

/// How far shutting down has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// Nothing is consumed any more; acknowledgements and publishes continue.
    Draining,
    /// What is in progress is finished, then the connections close.
    Closing,
}

/// Waits until this or a later phase is reached.
pub(crate) async fn wait_for(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    // The sender lives as long as the broker; without it there is nothing to wait for.
    let _ = phase.wait_for(|now| *now >= wanted).await;
}

/// The broker could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The engine's queues have the same or invalid names.
    #[error(transparent)]
    Names(#[from] NamesError),
}

/// The broker did not become ready in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the broker is not ready after {0:?}")]
pub struct NotReady(pub Duration);

/// The broker over AMQP. Dropping it closes it like [`Self::shutdown`], without waiting.
pub struct AmqpBroker {
    events: Arc<dyn BrokerEvents>,
    acknowledging: Arc<Acknowledging>,
    dialer: Arc<Dialer>,
    blocked: Arc<Blocked>,
    jobs: UnboundedSender<Job>,
    phase: watch::Sender<Phase>,
    consuming: watch::Receiver<bool>,
    publishing: watch::Receiver<bool>,
    foreign: watch::Receiver<Option<String>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    in_hand: [Arc<InHand>; 4],
}

impl AmqpBroker {
    /// Starts the connections on a runtime and returns at once; a broker that is away is tried again without end.
    ///
    /// # Errors
    /// When the queues' names can't be used.
    pub fn start(
        config: AmqpConfig,
        events: Arc<dyn BrokerEvents>,
        runtime: &Handle,
    ) -> Result<Self, StartError> {
        config.names.check()?;
        let dialer = Arc::new(Dialer::new(config.addresses.clone()));
        let reports = Arc::<Reports>::default();
        let (phase, phases) = watch::channel(Phase::Running);
        let (consuming_up, consuming) = watch::channel(false);
        let (publishing_up, publishing) = watch::channel(false);
        let (foreign_is, foreign) = watch::channel(None);
        let blocked = Arc::<Blocked>::default();
        let (jobs, jobs_out) = unbounded_channel();
        let acknowledging = Arc::<Acknowledging>::default();
        let in_hand: [_; 4] = std::array::from_fn(|_| InHand::new(config.in_hand));
        let consumer = Consuming {
            config: config.clone(),
            dialer: Arc::clone(&dialer),
            reports: Arc::clone(&reports),
            events: Arc::clone(&events),
            acknowledging: Arc::clone(&acknowledging),
            in_hand: in_hand.clone(),
            phase: phases.clone(),
            up: consuming_up,
            foreign: foreign_is,
        };
        let celery_events = match config.celery_events {
            CeleryEvents::Read => Some(EventReader {
                config: config.clone(),
                dialer: Arc::clone(&dialer),
                reports: Arc::clone(&reports),
                events: Arc::clone(&events),
                phase: phases.clone(),
                consuming: consuming.clone(),
            }),
            CeleryEvents::Ignored => None,
        };
        let publisher = Publishing {
            config,
            dialer: Arc::clone(&dialer),
            reports,
            events: Arc::clone(&events),
            jobs: Arc::new(jobs_out.into()),
            phase: phases,
            up: publishing_up,
            keys: Arc::default(),
            suspects: Arc::default(),
            nodes: Arc::default(),
            blocked: Arc::clone(&blocked),
        };
        let mut tasks = vec![
            runtime.spawn(consumer.run()),
            runtime.spawn(publisher.run()),
        ];
        tasks.extend(celery_events.map(|reader| runtime.spawn(reader.run())));
        Ok(Self {
            events,
            acknowledging,
            dialer,
            blocked,
            jobs,
            phase,
            consuming,
            publishing,
            foreign,
            tasks: Mutex::new(tasks),
            in_hand,
        })
    }

    /// Bytes of the messages that were delivered from each queue and are not settled.
    pub fn in_hand(&self) -> [(Source, usize); 4] {
        let held = self.in_hand.each_ref().map(|in_hand| in_hand.held());
        let mut held = held.into_iter();
        SOURCES.map(|(source, _)| (source, held.next().unwrap_or(0)))
    }

    /// Waits until messages are consumed and published.
    ///
    /// # Errors
    /// When that takes longer than `timeout`.
    pub async fn wait_ready(&self, timeout: Duration) -> Result<(), NotReady> {
        let (mut consuming, mut publishing) = (self.consuming.clone(), self.publishing.clone());
        let both = async {
            let _ = consuming.wait_for(|up| *up).await;
            let _ = publishing.wait_for(|up| *up).await;
        };
        tokio::time::timeout(timeout, both)
            .await
            .map_err(|_| NotReady(timeout))
    }

    /// Waits until it is known that the queues belong to another storage, and returns which one:
    /// this engine does not consume them. Otherwise never returns.
    pub async fn foreign(&self) -> String {
        let mut foreign = self.foreign.clone();
        let words = match foreign.wait_for(Option::is_some).await {
            Ok(words) => words.clone(),
            Err(_) => None,
        };
        match words {
            Some(words) => words,
            None => std::future::pending().await,
        }
    }

    /// How these queues are now. Takes a few seconds at most, whatever the broker does.
    pub async fn look_at(&self, queues: &[String]) -> FactAnswer {
        FactAnswer::Queues {
            queues: look(&self.dialer, queues).await,
            blocked: self.blocked.borrow().clone(),
        }
    }

    /// Stops consuming. Delivered messages can still be acknowledged, and publishing continues.
    pub fn stop_consuming(&self) {
        self.advance(Phase::Draining);
    }

    /// Sends the acknowledgements that wait, gives publishes a few seconds to be confirmed, and closes.
    pub async fn shutdown(&self) {
        self.advance(Phase::Closing);
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            // A task that panicked has nothing more to finish.
            let _ = task.await;
        }
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let later = to > *phase;
            if later {
                *phase = to;
            }
            later
        });
    }
}

impl Broker for AmqpBroker {
    fn acknowledge(&self, delivery: DeliveryHandle) {
        self.acknowledging.acknowledge(delivery);
    }

    fn publish(&self, ticket: Ticket, message: Outgoing) {
        let pending = Pending::new(ticket, Arc::clone(&self.events));
        // If the publisher is gone, the job is dropped, which reports it as lost.
        let message = Arc::new(message);
        let _ = self.jobs.send(Job::new(pending, message));
    }
}
