//! The broker stage: the running binary over RabbitMQ, with participants, launchers and listeners
//! on our own connection.
//!
//! Cases run at the same time on one engine; each uses its own names. The engine's control socket
//! tells what a process awaits, because AMQP does not.

mod events;
mod operators;
mod stage;

use super::{
    case::{Action, Case},
    script::{Launched, Trace, play},
};
use crate::{engine::Engine, faults::Preload};
use bureaucrat_host::query::{Detail, Query, QueryAnswer, State, WaitsFor};
use bureaucrat_model::{ProcessId, lock};
use bureaucrat_wire::{Dialect, ORIGINAL_HEADER, Reply, WireLimits, decode_reply};
use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    message::Delivery,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// How long to wait for anything that should happen.
const PATIENCE: Duration = Duration::from_secs(60);

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// A message in one of our queues.
#[derive(Debug)]
struct Incoming {
    queue: String,
    message: Arrived,
}

/// Its `correlation_id` and its body.
type Arrived = (Option<String>, Vec<u8>);

/// What all cases on one engine share.
pub struct Broker {
    runtime: Runtime,
    connection: Connection,
    engine: Engine,
    /// Lets the engine's machine sleep, with how long it slept so far.
    preload: Option<(Preload, Mutex<u64>)>,
    dead: Arc<Mutex<Vec<String>>>,
    /// How many dead letters each played process must have.
    expected: Mutex<Vec<(ProcessId, usize)>>,
}

impl Broker {
    /// Connects, and listens to the dead letters of a running engine. With a preload, which the engine has, time passes by
    /// letting its machine sleep.
    ///
    /// # Errors
    /// If the broker cannot be reached, or the engine did not declare its queues in time.
    pub fn connect(url: &str, engine: Engine, preload: Option<Preload>) -> Result<Self, Problem> {
        let runtime = Runtime::new()?;
        let dead = Arc::new(Mutex::new(Vec::new()));
        let connection =
            runtime.block_on(Connection::connect(url, ConnectionProperties::default()))?;
        let broker = Self {
            runtime,
            connection,
            engine,
            preload: preload.map(|preload| (preload, Mutex::new(0))),
            dead,
            expected: Mutex::new(Vec::new()),
        };
        broker.await_queues(url)?;
        let letters = broker.dead.clone();
        let queue = broker.engine.name("dead");
        let channel = broker.connection.create_channel();
        let channel = broker.runtime.block_on(channel)?;
        broker
            .runtime
            .block_on(Self::consume(&channel, &queue, move |letter| {
                let mut text = String::from_utf8_lossy(&letter.data).into_owned();
                // A result names its process in its properties alone.
                if let Some(headers) = letter.properties.headers()
                    && let Some(AMQPValue::LongString(original)) =
                        headers.inner().get(ORIGINAL_HEADER)
                {
                    text += &original.to_string();
                }
                lock(&letters).push(text);
            }))?;
        Ok(broker)
    }

    /// Waits until the engine has declared its queues. A passive declaration that fails closes its
    /// channel, and others of its connection can hear of that, so each try has a connection of its own.
    fn await_queues(&self, url: &str) -> Result<(), Problem> {
        let deadline = Instant::now() + PATIENCE;
        for queue in ["launches", "answers", "events", "dead"] {
            let name = self.engine.name(queue);
            while let Err(problem) = self.runtime.block_on(async {
                let own = Connection::connect(url, ConnectionProperties::default()).await?;
                let channel = own.create_channel().await?;
                let passive = QueueDeclareOptions {
                    passive: true,
                    ..QueueDeclareOptions::default()
                };
                channel
                    .queue_declare(name.as_str().into(), passive, FieldTable::default())
                    .await
            }) {
                if Instant::now() > deadline {
                    let log = self.engine.log_tail();
                    return Err(format!("{name}: {problem}\n{log}").into());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// Forwards every message of a queue.
    async fn consume(
        channel: &Channel,
        queue: &str,
        take: impl Fn(Delivery) + Send + 'static,
    ) -> Result<(), lapin::Error> {
        let channel = channel.clone();
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let mut consumer = channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await?;
        tokio::spawn(async move {
            // The channel lives as long as its consumer.
            let _channel = channel;
            while let Some(Ok(delivery)) = consumer.next().await {
                take(delivery);
            }
        });
        Ok(())
    }

    /// Plays a case.
    ///
    /// # Errors
    /// When the broker refuses what the case needs.
    pub fn play(&self, case: &Case, dialect: Dialect) -> Result<Trace, Problem> {
        let mut stage = self.stage(case)?;
        Ok(play(case, dialect, &mut stage))
    }

    /// What is wrong with the dead letters once all cases were played: some may have arrived after
    /// their case.
    pub fn recount(&self) -> Vec<String> {
        let expected = lock(&self.expected);
        let count = |process| self.dead_letters(process);
        expected
            .iter()
            .filter(|(process, wanted)| count(*process) != *wanted)
            .map(|(process, wanted)| {
                let found = count(*process);
                format!("process {process} has {found} dead letters, not {wanted}")
            })
            .collect()
    }

    /// Stops the engine cleanly.
    ///
    /// # Errors
    /// If it does not stop.
    pub fn end(mut self) -> Result<i32, Problem> {
        Ok(self.engine.end()?)
    }

    fn stage(&self, case: &Case) -> Result<OnBroker<'_>, Problem> {
        let (sender, incoming) = channel();
        let canary = format!("{}.canary", case.name);
        let replies = format!("replies_{}", case.name);
        let mut queues = BTreeSet::from([replies.clone(), worker(&canary)]);
        for step in &case.steps {
            if let Action::Task { participant, .. } = &step.action {
                queues.insert(worker(participant));
            } else if let Action::Message { queue, .. } | Action::Call { queue, .. } = &step.action
            {
                queues.insert(queue.clone());
            }
        }
        let channel = self.runtime.block_on(async {
            let channel = self.connection.create_channel().await?;
            let exclusive = QueueDeclareOptions {
                exclusive: true,
                auto_delete: true,
                ..QueueDeclareOptions::default()
            };
            for queue in &queues {
                channel
                    .queue_declare(queue.as_str().into(), exclusive, FieldTable::default())
                    .await?;
                Self::consume(&channel, queue, forward(queue, &sender)).await?;
            }
            Ok::<_, lapin::Error>(channel)
        })?;
        Ok(OnBroker {
            broker: self,
            channel,
            incoming,
            waiting: BTreeMap::new(),
            replies,
            canary,
            launches: 0,
            root: None,
        })
    }

    fn question(&self, query: &Query) -> Result<QueryAnswer, String> {
        let answer = self.engine.ask(query);
        answer.map_err(|problem| problem.to_string())
    }

    /// Asks the engine about a process; `None` if it does not know it (yet).
    fn ask(&self, process: ProcessId) -> Result<Option<(State, Vec<WaitsFor>)>, String> {
        let query = Query::Show {
            process,
            history: Detail::State,
        };
        let answer = self.question(&query)?;
        if let QueryAnswer::Unknown { .. } = answer {
            return Ok(None);
        }
        let QueryAnswer::Process(detail) = answer else {
            return Err(format!("{answer:?}"));
        };
        let waits = detail.summary.waits.into_iter().map(|wait| wait.waits_for);
        Ok(Some((detail.summary.state, waits.collect())))
    }

    /// How many dead letters name the process.
    fn dead_letters(&self, process: ProcessId) -> usize {
        let dead = lock(&self.dead);
        let name = process.to_string();
        dead.iter().filter(|body| body.contains(&name)).count()
    }
}

fn worker(participant: &str) -> String {
    format!("worker_{participant}")
}

fn forward(queue: &str, sender: &Sender<Incoming>) -> impl Fn(Delivery) + Send + 'static {
    let (queue, sender) = (queue.to_owned(), sender.clone());
    move |delivery| {
        let queue = queue.clone();
        let id = delivery.properties.correlation_id().as_ref();
        let message = (id.map(|id| id.as_str().to_owned()), delivery.data);
        // The case may have ended; then the message is not needed.
        let _ = sender.send(Incoming { queue, message });
    }
}

/// One case on the broker.
struct OnBroker<'b> {
    broker: &'b Broker,
    channel: Channel,
    incoming: Receiver<Incoming>,
    waiting: BTreeMap<String, VecDeque<Arrived>>,
    replies: String,
    canary: String,
    launches: u32,
    root: Option<ProcessId>,
}

impl OnBroker<'_> {
    fn publish(&self, queue: &str, body: &str, properties: BasicProperties) -> Result<(), String> {
        let published = self.broker.runtime.block_on(async {
            let options = BasicPublishOptions::default();
            self.channel
                .basic_publish(
                    "".into(),
                    queue.into(),
                    options,
                    body.as_bytes(),
                    properties,
                )
                .await
        });
        published
            .map(drop)
            .map_err(|problem| format!("{queue}: {problem}"))
    }

    /// The body of the next message of a queue.
    fn next(&mut self, queue: &str) -> Result<Vec<u8>, String> {
        self.next_message(queue).map(|(_, body)| body)
    }

    fn next_message(&mut self, queue: &str) -> Result<Arrived, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let first = self.waiting.get_mut(queue).and_then(VecDeque::pop_front);
            if let Some(message) = first {
                return Ok(message);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(incoming) = self.incoming.recv_timeout(left) else {
                let state = self.root.map(|root| self.broker.ask(root));
                return Err(format!("nothing came to {queue}; the process: {state:?}"));
            };
            self.keep(incoming);
        }
    }

    fn keep(&mut self, incoming: Incoming) {
        let queue = self.waiting.entry(incoming.queue).or_default();
        queue.push_back(incoming.message);
    }

    fn next_reply(&mut self) -> Result<Reply, String> {
        let replies = self.replies.clone();
        let body = self.next(&replies)?;
        decode_reply(&body, &WireLimits::default()).map_err(|error| error.to_string())
    }

    fn start(&mut self, definition: &str) -> Result<Launched, String> {
        self.launches += 1;
        let id = format!("{}-{}", self.replies, self.launches);
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_message_id(id.as_str().into())
            .with_correlation_id(id.as_str().into())
            .with_reply_to(self.replies.as_str().into());
        let queue = self.broker.engine.name("launches");
        self.publish(&queue, definition, properties)?;
        match self.next_reply()? {
            Reply::Launched { process } => Ok(Launched::Process(process)),
            Reply::Rejected { reasons } => Ok(Launched::Refused(reasons.join("; "))),
            other @ (Reply::Completed { .. }
            | Reply::Failed { .. }
            | Reply::Event(_)
            | Reply::Cancelled { .. }) => Err(format!("{other:?}")),
        }
    }
}
