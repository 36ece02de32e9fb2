//! How many messages per second are published with confirms, consumed and acknowledged, compared
//! with lapin alone in the same run: `cargo run --release -p bureaucrat-broker-amqp --example
//! throughput -- URL [MESSAGES]`.
#![allow(clippy::unwrap_used)]

use bureaucrat_broker_amqp::{AmqpBroker, AmqpConfig, QueueNames};
use bureaucrat_connect::{Addresses, Defaults};
use bureaucrat_host::broker::{Broker, BrokerEvent, BrokerEvents, PublishOutcome, Ticket};
use bureaucrat_wire::{Mandatory, Outgoing, Properties};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
        QueuePurgeOptions,
    },
    types::FieldTable,
};
use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock, Weak},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, watch};

/// Messages in flight.
const WINDOW: u32 = 1_000;
const BODY: [u8; 300] = [b'x'; 300];

/// Acknowledges at once and counts.
struct Counter {
    broker: OnceLock<Weak<AmqpBroker>>,
    window: Semaphore,
    confirmed: watch::Sender<u64>,
    consumed: watch::Sender<u64>,
}

impl BrokerEvents for Counter {
    fn receive(&self, event: BrokerEvent) {
        match event {
            BrokerEvent::Published { outcome, .. } => {
                assert_eq!(outcome, PublishOutcome::Confirmed);
                self.window.add_permits(1);
                self.confirmed.send_modify(|count| *count += 1);
            }
            BrokerEvent::Delivered(delivery) => {
                if let Some(broker) = self.broker.get().and_then(Weak::upgrade) {
                    broker.acknowledge(delivery.handle);
                }
                self.consumed.send_modify(|count| *count += 1);
            }
            BrokerEvent::TaskEvents(_)
            | BrokerEvent::ConsumingUp { .. }
            | BrokerEvent::ConsumingDown { .. }
            | BrokerEvent::PublishingUp
            | BrokerEvent::PublishingDown => {}
        }
    }
}

async fn bare(url: &str, queue: &str, messages: u64) -> f64 {
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    let start = Instant::now();
    let mut confirms = VecDeque::new();
    for _ in 0..messages {
        if confirms.len() == WINDOW as usize {
            let confirm: lapin::PublisherConfirm = confirms.pop_front().unwrap();
            confirm.await.unwrap();
        }
        let properties = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        confirms.push_back(
            channel
                .basic_publish("".into(), queue.into(), options, &BODY, properties)
                .await
                .unwrap(),
        );
    }
    for confirm in confirms {
        confirm.await.unwrap();
    }
    messages as f64 / start.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the broker's URL");
    let messages: u64 = arguments
        .next()
        .map_or(50_000, |count| count.parse().unwrap());
    let names = QueueNames {
        launches: "throughput.launches".to_owned(),
        answers: "throughput.answers".to_owned(),
        events: "throughput.events".to_owned(),
        dead_letters: "throughput.dead".to_owned(),
        owner: "throughput.owner".to_owned(),
        storage: "throughput.storage".to_owned(),
        processes: "throughput.processes".to_owned(),
        cancelled: "throughput.cancelled".to_owned(),
        results: "throughput.results".to_owned(),
        celery: "throughput.celery".to_owned(),
        celery_events: "throughput.celery-events".to_owned(),
    };
    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let sink = "throughput.sink";
    channel
        .queue_declare(sink.into(), durable, FieldTable::default())
        .await
        .unwrap();
    let bare = bare(&url, sink, messages).await;
    println!("lapin alone, publish with confirm:  {bare:>9.0} messages/s");
    channel
        .queue_purge(sink.into(), QueuePurgeOptions::default())
        .await
        .unwrap();

    let counter = Arc::new(Counter {
        broker: OnceLock::new(),
        window: Semaphore::new(WINDOW as usize),
        confirmed: watch::channel(0).0,
        consumed: watch::channel(0).0,
    });
    let addresses = Addresses::parse(&url, &Defaults::default()).unwrap();
    let config = AmqpConfig {
        names: names.clone(),
        ..AmqpConfig::new(addresses, "throughput")
    };
    let handle = tokio::runtime::Handle::current();
    let broker = Arc::new(AmqpBroker::start(config, counter.clone(), &handle).unwrap());
    let _ = counter.broker.set(Arc::downgrade(&broker));
    broker.wait_ready(Duration::from_secs(30)).await.unwrap();
    let mut ticket = 0;
    for (what, queue) in [
        ("publish with confirm", sink),
        ("publish, consume, acknowledge", &names.answers),
    ] {
        let start = Instant::now();
        for _ in 0..messages {
            counter.window.acquire().await.unwrap().forget();
            let message = Outgoing {
                exchange: String::new(),
                routing_key: queue.to_owned(),
                mandatory: Mandatory::Yes,
                properties: Properties::persistent("text/plain"),
                body: BODY.to_vec(),
            };
            broker.publish(Ticket(ticket), message);
            ticket += 1;
        }
        counter
            .confirmed
            .subscribe()
            .wait_for(|count| *count == ticket)
            .await
            .unwrap();
        if queue == names.answers {
            counter
                .consumed
                .subscribe()
                .wait_for(|count| *count == messages)
                .await
                .unwrap();
        }
        let rate = messages as f64 / start.elapsed().as_secs_f64();
        println!(
            "ours, {what}:  {rate:>9.0} messages/s, {:.2} of lapin alone",
            rate / bare
        );
    }
    broker.shutdown().await;
    for queue in [
        sink,
        &names.launches,
        &names.answers,
        &names.events,
        &names.dead_letters,
    ] {
        let left = channel
            .queue_delete(queue.into(), QueueDeleteOptions::default())
            .await
            .unwrap();
        assert!(
            queue == sink || left == 0,
            "{left} messages are left in {queue}"
        );
    }
    channel
        .exchange_delete(
            names.processes.as_str().into(),
            lapin::options::ExchangeDeleteOptions::default(),
        )
        .await
        .unwrap();
}
