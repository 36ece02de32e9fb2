//! What the tests share: a real broker named by `BUREAUCRAT_TEST_AMQP`, a proxy that cuts
//! connections, a host that records everything.
#![allow(dead_code, clippy::unwrap_used)]

use bureaucrat_broker_amqp::{AmqpBroker, AmqpConfig, QueueNames};
use bureaucrat_connect::{Addresses, Defaults};
use bureaucrat_host::broker::{
    BrokerEvent, BrokerEvents, Delivery, PublishOutcome, Source, Ticket,
};
use bureaucrat_wire::{Mandatory, Outgoing, Properties};
use futures_core::Stream;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, options::*, types::FieldTable,
};
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{
        mpsc::{UnboundedReceiver, unbounded_channel},
        watch,
    },
};

/// How long anything may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The id of the storage that tests' queues belong to.
pub const STORAGE: &str = "5ca1ab1e";

/// The broker's URL.
pub fn url() -> String {
    // The broker's log appears next to a failing test.
    let _ = tracing_subscriber::fmt()
        .with_test_writer()
        .with_env_filter("info,lapin=off")
        .try_init();
    std::env::var("BUREAUCRAT_TEST_AMQP")
        .expect("BUREAUCRAT_TEST_AMQP has to name a RabbitMQ, for instance what `scripts/rabbitmq start DIR` prints")
}

/// Queues for one test only.
pub fn names() -> QueueNames {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let prefix = format!(
        "t{}.{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    QueueNames {
        launches: format!("{prefix}.launches"),
        answers: format!("{prefix}.answers"),
        events: format!("{prefix}.events"),
        dead_letters: format!("{prefix}.dead"),
        owner: format!("{prefix}.owner"),
        storage: format!("{prefix}.storage"),
        processes: format!("{prefix}.processes"),
        cancelled: format!("{prefix}.cancelled"),
        results: format!("{prefix}.results"),
        celery: format!("{prefix}.celery"),
        celery_events: format!("{prefix}.celery-events"),
    }
}

pub fn addresses(url: &str) -> Addresses {
    Addresses::parse(url, &Defaults::default()).unwrap()
}

/// Settings for tests.
pub fn config(url: &str, names: &QueueNames) -> AmqpConfig {
    AmqpConfig {
        names: names.clone(),
        retry: (Duration::from_millis(20), Duration::from_millis(200)),
        ..AmqpConfig::new(addresses(url), STORAGE)
    }
}

/// A host that only records.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<BrokerEvent>>);

impl BrokerEvents for Recorder {
    fn receive(&self, event: BrokerEvent) {
        self.0.lock().unwrap().push(event);
    }
}

impl Recorder {
    pub fn events(&self) -> Vec<BrokerEvent> {
        self.0.lock().unwrap().clone()
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        let deliveries = |event| match event {
            BrokerEvent::Delivered(delivery) => Some(delivery),
            BrokerEvent::TaskEvents(_)
            | BrokerEvent::ConsumingUp { .. }
            | BrokerEvent::ConsumingDown { .. }
            | BrokerEvent::Published { .. }
            | BrokerEvent::PublishingUp
            | BrokerEvent::PublishingDown => None,
        };
        self.events().into_iter().filter_map(deliveries).collect()
    }

    /// The outcomes; two for one ticket fail the test.
    pub fn outcomes(&self) -> BTreeMap<u64, PublishOutcome> {
        let mut outcomes = BTreeMap::new();
        for event in self.events() {
            if let BrokerEvent::Published { ticket, outcome } = event {
                let before = outcomes.insert(ticket.0, outcome);
                assert_eq!(before, None, "{ticket:?} has two outcomes");
            }
        }
        outcomes
    }

    /// Checks that the end of a generation was reported once, after all of its deliveries and
    /// before those of the next.
    pub fn ended_once_after_its_deliveries(&self, generation: u64) {
        let down = BrokerEvent::ConsumingDown { generation };
        assert_eq!(self.count(&down), 1, "generation {generation}");
        let events = self.events();
        let place = events.iter().position(|event| *event == down).unwrap();
        for (at, event) in events.iter().enumerate() {
            if let BrokerEvent::Delivered(delivery) = event {
                let is_before = delivery.handle.generation <= generation;
                assert_eq!(at < place, is_before, "{:?}", delivery.handle);
            }
        }
    }

    pub fn count(&self, wanted: &BrokerEvent) -> usize {
        self.events()
            .iter()
            .filter(|event| *event == wanted)
            .count()
    }
}

/// A broker that is starting.
pub fn starting(config: AmqpConfig) -> (AmqpBroker, Arc<Recorder>) {
    let recorder = Arc::<Recorder>::default();
    let broker = AmqpBroker::start(config, recorder.clone(), &Handle::current()).unwrap();
    (broker, recorder)
}

/// A broker that consumes and publishes.
pub async fn started(config: AmqpConfig) -> (AmqpBroker, Arc<Recorder>) {
    let (broker, recorder) = starting(config);
    broker.wait_ready(PATIENCE).await.unwrap();
    (broker, recorder)
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A message to a queue.
pub fn to(queue: &str, body: &str) -> Outgoing {
    Outgoing {
        exchange: String::new(),
        routing_key: queue.to_owned(),
        mandatory: Mandatory::Yes,
        properties: Properties::persistent("text/plain"),
        body: body.as_bytes().to_vec(),
    }
}

/// A separate client.
pub async fn client() -> (Connection, Channel) {
    let connection = Connection::connect(&url(), ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    (connection, channel)
}

/// Publishes a message to a queue.
pub async fn put(channel: &Channel, queue: &str, body: &str) {
    channel
        .basic_publish(
            "".into(),
            queue.into(),
            BasicPublishOptions::default(),
            body.as_bytes(),
            BasicProperties::default().with_delivery_mode(2),
        )
        .await
        .unwrap()
        .await
        .unwrap();
}

/// Declares a queue that is deleted with its connection.
pub async fn own_queue(channel: &Channel) -> String {
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare("".into(), exclusive, FieldTable::default())
        .await
        .unwrap();
    queue.name().to_string()
}

/// How many messages are ready in a queue.
pub async fn depth(connection: &Connection, queue: &str) -> u32 {
    let channel = connection.create_channel().await.unwrap();
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await
        .unwrap()
        .message_count()
}

/// Waits until this many messages are ready in a queue; those that a closed connection held come
/// back a moment later.
pub async fn until_depth(connection: &Connection, queue: &str, wanted: u32) {
    let start = Instant::now();
    loop {
        let found = depth(connection, queue).await;
        if found == wanted {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{queue} has {found} messages, not {wanted}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Removes what a test declared durable.
pub async fn clean(connection: &Connection, names: &QueueNames) {
    let channel = connection.create_channel().await.unwrap();
    for queue in [
        &names.launches,
        &names.answers,
        &names.events,
        &names.results,
        &names.dead_letters,
        &names.storage,
    ] {
        let _ = channel
            .queue_delete(queue.as_str().into(), QueueDeleteOptions::default())
            .await;
    }
    for exchange in [&names.processes, &names.celery] {
        let _ = channel
            .exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default())
            .await;
    }
}

/// Sits between an engine and the broker and can cut all connections.
pub struct Proxy {
    pub url: String,
    cut: watch::Sender<u64>,
}

impl Proxy {
    pub async fn start() -> Self {
        let uri: lapin::uri::AMQPUri = url().parse().unwrap();
        let target = (uri.authority.host.clone(), uri.authority.port);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, cuts) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let target = target.clone();
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        let user = &uri.authority.userinfo;
        Self {
            url: format!(
                "amqp://{}:{}@127.0.0.1:{port}/%2f",
                user.username, user.password
            ),
            cut,
        }
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.cut.send_modify(|count| *count += 1);
    }
}

/// Publishes messages made by `make`, with tickets `0..count`.
pub fn publish_all(broker: &AmqpBroker, count: u64, make: impl Fn(u64) -> Outgoing) {
    use bureaucrat_host::broker::Broker;
    for ticket in 0..count {
        broker.publish(Ticket(ticket), make(ticket));
    }
}

/// The bodies of deliveries from one source, in order.
pub fn bodies(deliveries: &[Delivery], source: Source) -> Vec<String> {
    deliveries
        .iter()
        .filter(|delivery| delivery.handle.source == source)
        .map(|delivery| String::from_utf8(delivery.body.clone()).unwrap())
        .collect()
}

/// Takes a message out of a queue.
pub async fn take(channel: &Channel, queue: &str) -> Option<String> {
    let no_ack = BasicGetOptions { no_ack: true };
    let got = channel.basic_get(queue.into(), no_ack).await.unwrap()?;
    Some(String::from_utf8(got.delivery.data).unwrap())
}

/// Consumes direct replies on a channel: the address as the broker writes it, and the bodies that
/// arrive there.
pub async fn direct_consumer(channel: &Channel) -> (String, UnboundedReceiver<String>) {
    let no_ack = BasicConsumeOptions {
        no_ack: true,
        ..BasicConsumeOptions::default()
    };
    let direct = "amq.rabbitmq.reply-to";
    let mut consumer = channel
        .basic_consume(direct.into(), "".into(), no_ack, FieldTable::default())
        .await
        .unwrap();
    let (bodies, replies) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(delivery) =
            std::future::poll_fn(|context| Pin::new(&mut consumer).poll_next(context)).await
        {
            let body = String::from_utf8(delivery.unwrap().data).unwrap();
            if bodies.send(body).is_err() {
                return;
            }
        }
    });
    let queue = own_queue(channel).await;
    let asking = BasicProperties::default().with_reply_to(direct.into());
    channel
        .basic_publish(
            "".into(),
            queue.as_str().into(),
            BasicPublishOptions::default(),
            b"",
            asking,
        )
        .await
        .unwrap()
        .await
        .unwrap();
    let no_ack = BasicGetOptions { no_ack: true };
    let asked = channel.basic_get(queue.as_str().into(), no_ack).await;
    let asked = asked.unwrap().unwrap();
    let address = asked.delivery.properties.reply_to().clone();
    (address.unwrap().to_string(), replies)
}

/// Whether a queue exists.
pub async fn exists(connection: &Connection, queue: &str) -> bool {
    let channel = connection.create_channel().await.unwrap();
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let asked = channel.queue_declare(queue.into(), passive, FieldTable::default());
    asked.await.is_ok()
}
