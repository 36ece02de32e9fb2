//! The engine's own queues on a real RabbitMQ: declared before anything is published, consumed by
//! one engine, consumed again.
#![allow(clippy::unwrap_used)]

mod common;

use bureaucrat_host::broker::{Broker, BrokerEvent, Source};
use common::*;
use lapin::{
    BasicProperties,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, ExchangeDeleteOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::FieldTable,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_stands_by() {
    let names = names();
    let (connection, channel) = client().await;
    let (first, first_recorder) = started(config(&url(), &names)).await;
    let (second, second_recorder) = starting(config(&url(), &names));
    assert!(
        second
            .wait_ready(std::time::Duration::from_secs(2))
            .await
            .is_err()
    );
    put(&channel, &names.launches, "one").await;
    until("the first has it", || {
        first_recorder.deliveries().len() == 1
    })
    .await;
    first.acknowledge(first_recorder.deliveries()[0].handle);
    first.shutdown().await;
    second.wait_ready(PATIENCE).await.unwrap();
    put(&channel, &names.launches, "two").await;
    until("the second has it", || {
        second_recorder.deliveries().len() == 1
    })
    .await;
    assert_eq!(
        bodies(&second_recorder.deliveries(), Source::Launches),
        ["two"]
    );
    second.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_before_its_answer_has_a_queue() {
    let names = names();
    let (connection, channel) = client().await;
    // Another engine consumes, so this one's consuming connection declares nothing.
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    channel
        .queue_declare(
            names.owner.as_str().into(),
            exclusive,
            FieldTable::default(),
        )
        .await
        .unwrap();
    let (broker, recorder) = starting(config(&url(), &names));
    until("it publishes", || {
        recorder.count(&BrokerEvent::PublishingUp) == 1
    })
    .await;
    for queue in [
        &names.launches,
        &names.answers,
        &names.events,
        &names.results,
    ] {
        assert_eq!(depth(&connection, queue).await, 0, "{queue}");
    }
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_consumed_anew() {
    let names = names();
    let (connection, channel) = client().await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    channel
        .queue_delete(
            names.launches.as_str().into(),
            QueueDeleteOptions::default(),
        )
        .await
        .unwrap();
    let mut place = 0;
    while recorder.deliveries().is_empty() {
        put(&channel, &names.launches, "x").await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        place += 1;
        assert!(place < 200, "nothing is delivered");
    }
    broker.acknowledge(recorder.deliveries()[0].handle);
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_through_their_exchange_after_both_were_deleted() {
    let names = names();
    let (connection, channel) = client().await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let exchange = names.celery.as_str();
    let gone = ExchangeDeleteOptions::default();
    channel
        .exchange_delete(exchange.into(), gone)
        .await
        .unwrap();
    let queue = names.results.as_str();
    let gone = QueueDeleteOptions::default();
    channel.queue_delete(queue.into(), gone).await.unwrap();
    let mandatory = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let mut tries = 0;
    while bodies(&recorder.deliveries(), Source::Results).is_empty() {
        // A missing exchange closes the channel.
        let own = connection.create_channel().await.unwrap();
        own.confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        let properties = BasicProperties::default();
        let sent = own.basic_publish(exchange.into(), queue.into(), mandatory, b"r", properties);
        if let Ok(confirmation) = sent.await {
            let _ = confirmation.await;
        }
        tries += 1;
        assert!(tries < 600, "no result is delivered");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    broker.shutdown().await;
    clean(&connection, &names).await;
}
