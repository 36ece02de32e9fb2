//! What the broker refuses for now, and what the engine may not send now.
#![allow(clippy::unwrap_used)]

mod common;

use bureaucrat_broker_amqp::Permit;
use bureaucrat_host::broker::{Broker, PublishOutcome, Ticket};
use common::*;
use lapin::{
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// As a queue does that has just lost its leader: `basic.nack`, and a moment later it takes messages.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_queue_refuses_for_a_moment_reaches_it() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = format!("{}.full", names.launches);
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let mut one = FieldTable::default();
    one.insert("x-max-length".into(), AMQPValue::LongInt(1));
    let refuse = AMQPValue::LongString("reject-publish".into());
    one.insert("x-overflow".into(), refuse);
    channel
        .queue_declare(queue.as_str().into(), exclusive, one)
        .await
        .unwrap();
    let (broker, recorder) = started(config(&url(), &names)).await;
    broker.publish(Ticket(1), to(&queue, "first"));
    until("the first is there", || recorder.outcomes().len() == 1).await;
    broker.publish(Ticket(2), to(&queue, "second"));
    // It has no outcome while there is hope.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(recorder.outcomes().len(), 1);
    assert_eq!(take(&channel, &queue).await.unwrap(), "first");
    until("the second is there", || recorder.outcomes().len() == 2).await;
    assert_eq!(recorder.outcomes()[&2], PublishOutcome::Confirmed);
    // Where there is none, the engine is told.
    broker.publish(Ticket(3), to(&queue, "third"));
    until("the third is refused", || recorder.outcomes().len() == 3).await;
    assert!(
        matches!(&recorder.outcomes()[&3], PublishOutcome::Refused(words) if words.contains("nack"))
    );
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_without_a_permit() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = own_queue(&channel).await;
    let is_given = Arc::new(AtomicBool::new(true));
    let asked = is_given.clone();
    let mut config = config(&url(), &names);
    config.permit = Permit::new(move || asked.load(Ordering::Acquire));
    let (broker, recorder) = started(config).await;
    broker.publish(Ticket(1), to(&queue, "before"));
    until("the first is there", || recorder.outcomes().len() == 1).await;
    is_given.store(false, Ordering::Release);
    broker.publish(Ticket(2), to(&queue, "meanwhile"));
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(recorder.outcomes().len(), 1);
    assert_eq!(depth(&connection, &queue).await, 1);
    is_given.store(true, Ordering::Release);
    until("it is sent later", || recorder.outcomes().len() == 2).await;
    assert_eq!(depth(&connection, &queue).await, 2);
    // An engine that ends without one sends nothing more.
    is_given.store(false, Ordering::Release);
    broker.publish(Ticket(3), to(&queue, "never"));
    broker.shutdown().await;
    assert_eq!(recorder.outcomes()[&3], PublishOutcome::Lost);
    assert_eq!(depth(&connection, &queue).await, 2);
    clean(&connection, &names).await;
}
