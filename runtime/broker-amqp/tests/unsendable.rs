//! Messages that make a real RabbitMQ close the channel or the connection: each is found, and no
//! other message is lost.
#![allow(clippy::unwrap_used)]

mod common;

use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_host::broker::{Broker, BrokerEvent, PublishOutcome, Ticket};
use bureaucrat_wire::{Mandatory, Outgoing, Properties};
use common::*;
use std::time::{Duration, Instant};

/// A message that makes RabbitMQ close the channel: its user is not ours.
fn forged(queue: &str, body: &str) -> Outgoing {
    let user_id = Some("somebody else".to_owned());
    Outgoing {
        properties: Properties {
            user_id,
            ..Properties::persistent("text/plain")
        },
        ..to(queue, body)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_close_the_channel_are_found_among_others() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = own_queue(&channel).await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let is_forged = |ticket: u64| (100..130).contains(&ticket) || ticket % 100 == 50;
    publish_all(&broker, 300, |ticket| match is_forged(ticket) {
        true => forged(&queue, &ticket.to_string()),
        false => to(&queue, &ticket.to_string()),
    });
    until("all have outcomes", || recorder.outcomes().len() == 300).await;
    for (ticket, outcome) in recorder.outcomes() {
        if !is_forged(ticket) {
            assert_eq!(outcome, PublishOutcome::Confirmed, "{ticket}");
        } else if let PublishOutcome::Unsendable(words) = outcome {
            assert!(words.contains("user_id"), "{words}");
        } else {
            panic!("{ticket} has another outcome: {outcome:?}");
        }
    }
    assert_eq!(recorder.count(&BrokerEvent::PublishingDown), 0);
    let mut bodies = Vec::new();
    while let Some(body) = take(&channel, &queue).await {
        bodies.push(body);
    }
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 300 - 33, "each innocent came at least once");

    // A message that AMQP cannot carry is not even tried.
    broker.publish(Ticket(1_000), to(&"x".repeat(256), "x"));
    until("too long a key", || {
        let outcomes = recorder.outcomes();
        matches!(outcomes.get(&1_000), Some(PublishOutcome::Unsendable(_)))
    })
    .await;
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_disturbs_nobody() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = own_queue(&channel).await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let is_found = |ticket: u64| {
        let outcomes = recorder.outcomes();
        matches!(outcomes.get(&ticket), Some(PublishOutcome::Unsendable(_)))
    };
    for ticket in 0..3 {
        broker.publish(Ticket(ticket), forged(&queue, "x"));
        until("it is found", || is_found(ticket)).await;
    }
    broker.publish(Ticket(10), to(&queue, "y"));
    until("others go", || {
        recorder.outcomes().get(&10) == Some(&PublishOutcome::Confirmed)
    })
    .await;
    broker.shutdown().await;
    clean(&connection, &names).await;
}

/// A direct reply-to address in RabbitMQ's format, of a node that is not part of this broker.
fn address_of_another_broker(number: u64) -> String {
    let node = format!("reply@{}", 10_000 + number);
    let process = [&[131, 88, 118, 0, 11][..], node.as_bytes(), &[0; 12]].concat();
    format!(
        "amq.rabbitmq.reply-to.{}.{}",
        STANDARD.encode(process),
        STANDARD.encode([7; 16])
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_to_another_brokers_clients_end_with_an_outcome() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = own_queue(&channel).await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let start = Instant::now();
    let foreign = Outgoing {
        mandatory: Mandatory::No,
        ..to(&address_of_another_broker(0), "x")
    };
    publish_all(&broker, 100, |ticket| match ticket % 50 {
        25 => foreign.clone(),
        _ => to(&queue, &ticket.to_string()),
    });
    until("all have outcomes", || recorder.outcomes().len() == 100).await;
    for (ticket, outcome) in recorder.outcomes() {
        // RabbitMQ before 3.11 closes the connection, later versions drop it.
        let is_dropped = ticket % 50 == 25 && matches!(outcome, PublishOutcome::Unsendable(_));
        assert!(
            is_dropped || outcome == PublishOutcome::Confirmed,
            "{ticket}: {outcome:?}"
        );
    }
    assert_eq!(recorder.count(&BrokerEvent::PublishingDown), 0);
    assert!(start.elapsed() < Duration::from_secs(10));
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_direct_replies_come_at_once() {
    let names = names();
    let (connection, channel) = client().await;
    let (address, mut replies) = direct_consumer(&channel).await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let start = Instant::now();
    publish_all(&broker, 40, |ticket| Outgoing {
        mandatory: Mandatory::No,
        ..to(&address, &ticket.to_string())
    });
    for ticket in 0..40 {
        let reply = tokio::time::timeout(PATIENCE, replies.recv())
            .await
            .unwrap();
        assert_eq!(reply, Some(ticket.to_string()));
    }
    until("all are confirmed", || {
        let outcomes = recorder.outcomes();
        outcomes.len() == 40
            && outcomes
                .values()
                .all(|outcome| *outcome == PublishOutcome::Confirmed)
    })
    .await;
    assert!(start.elapsed() < Duration::from_secs(10));
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_foreign_addresses_keeps_no_direct_reply_waiting() {
    let names = names();
    let (connection, channel) = client().await;
    let (address, mut replies) = direct_consumer(&channel).await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let reply = |key: &str, ticket: u64| Outgoing {
        mandatory: Mandatory::No,
        ..to(key, &ticket.to_string())
    };
    broker.publish(Ticket(0), reply(&address, 0));
    until("the node is known", || recorder.outcomes().len() == 1).await;
    let start = Instant::now();
    for ticket in 1..=3_000 {
        // A different node each time, or the same one.
        let number = if ticket < 1_500 { ticket } else { 0 };
        let key = address_of_another_broker(number);
        broker.publish(Ticket(ticket), reply(&key, ticket));
    }
    broker.publish(Ticket(3_001), reply(&address, 3_001));
    for expected in ["0", "3001"] {
        let reply = tokio::time::timeout(PATIENCE, replies.recv()).await;
        assert_eq!(reply.unwrap().as_deref(), Some(expected));
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    until("all have outcomes", || recorder.outcomes().len() == 3_002).await;
    assert_eq!(recorder.count(&BrokerEvent::PublishingDown), 0);
    broker.shutdown().await;
    clean(&connection, &names).await;
}
