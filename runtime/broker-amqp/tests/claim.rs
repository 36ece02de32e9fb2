//! The owner of the queues, their type, and their restoration, on a real RabbitMQ.
#![allow(clippy::unwrap_used)]

mod common;

use bureaucrat_broker_amqp::{AmqpConfig, QueueNames, QueueType};
use bureaucrat_host::broker::{Broker, BrokerEvent, PublishOutcome, Source, Ticket};
use common::*;
use lapin::{
    options::{BasicGetOptions, BasicNackOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};

fn of_storage(storage: &str, names: &QueueNames) -> AmqpConfig {
    AmqpConfig {
        storage: storage.to_owned(),
        ..config(&url(), names)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_remember_their_storage() {
    let names = names();
    let (connection, channel) = client().await;
    for _ in 0..3 {
        let (broker, _) = started(of_storage("a", &names)).await;
        broker.shutdown().await;
        until_depth(&connection, &names.storage, 1).await;
    }
    // The state after a crash between confirm and acknowledgement.
    put(&channel, &names.storage, "a").await;
    let (broker, _) = started(of_storage("a", &names)).await;
    broker.shutdown().await;
    until_depth(&connection, &names.storage, 1).await;

    put(&channel, &names.launches, "for a").await;
    let (other, recorder) = starting(of_storage("b", &names));
    let words = tokio::time::timeout(PATIENCE, other.foreign())
        .await
        .unwrap();
    assert!(
        words.contains("the id a,")
            && words.contains("the id b.")
            && words.contains(&names.storage),
        "{words}"
    );
    assert!(recorder.deliveries().is_empty());
    other.shutdown().await;
    until_depth(&connection, &names.storage, 1).await;
    until_depth(&connection, &names.launches, 1).await;

    channel
        .queue_delete(names.storage.as_str().into(), QueueDeleteOptions::default())
        .await
        .unwrap();
    let (other, recorder) = started(of_storage("b", &names)).await;
    until("it has the launch", || recorder.deliveries().len() == 1).await;
    other.shutdown().await;
    assert_eq!(take(&channel, &names.storage).await.as_deref(), Some("b"));
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_holds_something_else_is_left_alone() {
    let names = names();
    let (connection, channel) = client().await;
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let queue = names.storage.as_str().into();
    channel
        .queue_declare(queue, durable, FieldTable::default())
        .await
        .unwrap();
    put(&channel, &names.storage, &"x".repeat(300)).await;
    let (broker, _) = starting(config(&url(), &names));
    let words = tokio::time::timeout(PATIENCE, broker.foreign())
        .await
        .unwrap();
    assert!(words.contains("holds something else"), "{words}");
    broker.shutdown().await;
    until_depth(&connection, &names.storage, 1).await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_dead_letter_queue_comes_back() {
    let names = names();
    let (connection, channel) = client().await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let dead = names.dead_letters.as_str();
    for round in 0..3 {
        channel
            .queue_delete(dead.into(), QueueDeleteOptions::default())
            .await
            .unwrap();
        let outcome = |ticket| recorder.outcomes().get(&ticket).cloned();
        let mut ticket = round * 1_000;
        loop {
            broker.publish(Ticket(ticket), to(dead, "rubbish"));
            until("an outcome", || outcome(ticket).is_some()).await;
            if outcome(ticket) == Some(PublishOutcome::Confirmed) {
                break;
            }
            assert_eq!(outcome(ticket), Some(PublishOutcome::Unroutable));
            // Sooner than the regular check: the returned message triggers it.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            ticket += 1;
            assert!(ticket % 1_000 < 200, "it does not come back");
        }
    }
    channel
        .queue_delete(dead.into(), QueueDeleteOptions::default())
        .await
        .unwrap();
    let start = std::time::Instant::now();
    while !exists(&connection, dead).await {
        assert!(start.elapsed() < PATIENCE, "nobody declares it");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quorum_queue_drops_is_a_dead_letter() {
    let names = names();
    let (connection, channel) = client().await;
    let quorum = AmqpConfig {
        queue_type: Some(QueueType::Quorum),
        ..config(&url(), &names)
    };
    // The id survives more starts than a quorum queue delivers a message.
    for _ in 0..25 {
        let (broker, _) = started(quorum.clone()).await;
        broker.shutdown().await;
    }
    until_depth(&connection, &names.storage, 1).await;
    let (broker, recorder) = started(quorum.clone()).await;
    put(&channel, &names.launches, "precious").await;
    until("it comes", || recorder.deliveries().len() == 1).await;
    broker.shutdown().await;
    // The queues now exist with these arguments.
    let (broker, recorder) = started(quorum).await;
    until("it comes again", || recorder.deliveries().len() == 1).await;
    broker.shutdown().await;
    // A permanently refused message goes where one goes that was delivered too often.
    let got = loop {
        let launches = names.launches.as_str().into();
        let got = channel
            .basic_get(launches, BasicGetOptions::default())
            .await;
        if let Some(got) = got.unwrap() {
            break got;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let reject = BasicNackOptions::default();
    channel
        .basic_nack(got.delivery.delivery_tag, reject)
        .await
        .unwrap();
    until_depth(&connection, &names.dead_letters, 1).await;
    assert_eq!(
        take(&channel, &names.dead_letters).await.as_deref(),
        Some("precious")
    );
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_type_is_named() {
    let names = names();
    let (connection, channel) = client().await;
    let of = |kind| AmqpConfig {
        queue_type: kind,
        ..config(&url(), &names)
    };
    for (there, wanted) in [
        (QueueType::Classic, QueueType::Quorum),
        (QueueType::Quorum, QueueType::Classic),
    ] {
        let (broker, _) = started(of(Some(there))).await;
        broker.shutdown().await;
        let (broker, recorder) = starting(of(Some(wanted)));
        let patience = std::time::Duration::from_secs(2);
        assert!(broker.wait_ready(patience).await.is_err(), "{wanted:?}");
        assert_eq!(recorder.count(&BrokerEvent::PublishingUp), 0);
        broker.shutdown().await;
        // If no type is requested, it is used as it is.
        let (broker, recorder) = started(of(None)).await;
        put(&channel, &names.events, "x").await;
        until("it comes", || recorder.deliveries().len() == 1).await;
        assert_eq!(bodies(&recorder.deliveries(), Source::Events), ["x"]);
        broker.acknowledge(recorder.deliveries()[0].handle);
        broker.shutdown().await;
        clean(&connection, &names).await;
    }
}
