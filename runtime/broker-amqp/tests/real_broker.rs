//! The broker against a real RabbitMQ.
#![allow(clippy::unwrap_used)]

mod common;

use bureaucrat_host::broker::{
    Broker, BrokerEvent, DeliveryHandle, PublishOutcome, Source, Ticket,
};
use bureaucrat_model::Redelivered;
use bureaucrat_wire::{HeaderValue, Mandatory, Outgoing};
use common::*;

#[tokio::test(flavor = "multi_thread")]
async fn unroutable_messages_come_back_among_confirmed_ones() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = own_queue(&channel).await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    publish_all(&broker, 2_000, |ticket| {
        let to_queue = if ticket % 7 == 3 {
            "nobody.there"
        } else {
            &queue
        };
        to(to_queue, &format!("{}", ticket % 100))
    });
    until("all have outcomes", || recorder.outcomes().len() == 2_000).await;
    for (ticket, outcome) in recorder.outcomes() {
        let expected = if ticket % 7 == 3 {
            PublishOutcome::Unroutable
        } else {
            PublishOutcome::Confirmed
        };
        assert_eq!(outcome, expected, "{ticket}");
    }
    let optional = Outgoing {
        mandatory: Mandatory::No,
        ..to("nobody.there", "x")
    };
    broker.publish(Ticket(2_000), optional);
    until("an optional one", || {
        recorder.outcomes().get(&2_000) == Some(&PublishOutcome::Confirmed)
    })
    .await;
    until_depth(&connection, &queue, 2_000 - 286).await;
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_does_not_exist_disturbs_nobody() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = own_queue(&channel).await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    publish_all(&broker, 300, |ticket| Outgoing {
        exchange: match ticket % 3 {
            0 => String::new(),
            1 => "no.such.exchange".to_owned(),
            _ => names.processes.clone(),
        },
        mandatory: if ticket % 3 == 2 {
            Mandatory::No
        } else {
            Mandatory::Yes
        },
        ..to(&queue, "x")
    });
    until("all have outcomes", || recorder.outcomes().len() == 300).await;
    for (ticket, outcome) in recorder.outcomes() {
        match outcome {
            PublishOutcome::Refused(words) if ticket % 3 == 1 => {
                assert!(words.contains("no.such.exchange"), "{words}")
            }
            other @ (PublishOutcome::Confirmed
            | PublishOutcome::Unroutable
            | PublishOutcome::Refused(_)
            | PublishOutcome::Unsendable(_)
            | PublishOutcome::Lost) => assert!(
                other == PublishOutcome::Confirmed && ticket % 3 != 1,
                "{ticket}: {other:?}"
            ),
        }
    }
    assert_eq!(recorder.count(&BrokerEvent::PublishingDown), 0);
    broker.shutdown().await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_comes_back() {
    let names = names();
    let (connection, channel) = client().await;
    let queue = own_queue(&channel).await;
    let proxy = Proxy::start().await;
    let (broker, recorder) = started(config(&proxy.url, &names)).await;
    for body in ["a", "b", "c"] {
        put(&channel, &names.answers, body).await;
    }
    until("three deliveries", || recorder.deliveries().len() == 3).await;
    let old: Vec<DeliveryHandle> = recorder
        .deliveries()
        .iter()
        .map(|delivery| delivery.handle)
        .collect();
    broker.acknowledge(old[0]);
    until_depth_settles().await;

    let mut sent = 0;
    for _ in 0..500 {
        broker.publish(Ticket(sent), to(&queue, "x"));
        sent += 1;
    }
    proxy.cut();
    until("down", || recorder.count(&BrokerEvent::PublishingDown) == 1).await;
    for _ in 0..10 {
        broker.publish(Ticket(sent), to(&queue, "x"));
        sent += 1;
    }
    until("up again", || {
        recorder.count(&BrokerEvent::PublishingUp) == 2
    })
    .await;
    until("every ticket has its outcome", || {
        recorder.outcomes().len() as u64 == sent
    })
    .await;
    assert!(
        recorder
            .outcomes()
            .values()
            .any(|outcome| *outcome == PublishOutcome::Lost)
    );
    let events = recorder.events();
    let down = events
        .iter()
        .position(|event| *event == BrokerEvent::PublishingDown)
        .unwrap();
    let first = events[..down]
        .iter()
        .filter(|event| matches!(event, BrokerEvent::Published { .. }))
        .count();
    assert!(
        first >= 500,
        "{first} outcomes before the news that publishing is down"
    );

    until("two come again", || recorder.deliveries().len() == 5).await;
    let again = recorder.deliveries().split_off(3);
    assert_eq!(bodies(&again, Source::Answers), ["b", "c"]);
    assert!(
        again
            .iter()
            .all(|delivery| delivery.redelivered == Redelivered::Perhaps)
    );
    assert!(
        again
            .iter()
            .all(|delivery| delivery.handle.generation > old[0].generation)
    );

    let generation = old[0].generation;
    recorder.ended_once_after_its_deliveries(generation);

    // Old handles acknowledge nothing: otherwise the message that has that tag now would be
    // acknowledged.
    old.iter().for_each(|handle| broker.acknowledge(*handle));
    broker.acknowledge(again[1].handle);
    broker.shutdown().await;
    until_depth(&connection, &names.answers, 1).await;
    recorder.ended_once_after_its_deliveries(again[0].handle.generation);
    broker.publish(Ticket(sent), to(&queue, "x"));
    assert_eq!(
        recorder.outcomes()[&sent],
        PublishOutcome::Lost,
        "after shutting down"
    );
    clean(&connection, &names).await;
}

/// Gives an acknowledgement time to be sent.
async fn until_depth_settles() {
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_in_any_order_reach_the_broker() {
    let names = names();
    let (connection, channel) = client().await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    for body in 0..1_200 {
        put(&channel, &names.events, &body.to_string()).await;
    }
    // More than the prefetch: they arrive only as others are acknowledged. The first is kept open.
    let mut acknowledged = 0;
    while acknowledged < 1_199 {
        until("more deliveries", || {
            recorder.deliveries().len() > acknowledged + 1
        })
        .await;
        let deliveries = recorder.deliveries();
        for delivery in deliveries[acknowledged + 1..].iter().rev() {
            broker.acknowledge(delivery.handle);
        }
        acknowledged = deliveries.len() - 1;
    }
    let bodies = bodies(&recorder.deliveries(), Source::Events);
    assert_eq!(
        bodies,
        (0..1_200).map(|body| body.to_string()).collect::<Vec<_>>()
    );
    broker.stop_consuming();
    broker.shutdown().await;
    until_depth(&connection, &names.events, 1).await;
    clean(&connection, &names).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_loses_what_is_published() {
    let recorder = std::sync::Arc::<Recorder>::default();
    let handle = tokio::runtime::Handle::current();
    let config = config("amqp://guest:guest@127.0.0.1:9/%2f", &names());
    let broker =
        bureaucrat_broker_amqp::AmqpBroker::start(config, recorder.clone(), &handle).unwrap();
    broker.publish(Ticket(1), to("q", "x"));
    until("it is lost", || {
        recorder.outcomes().get(&1) == Some(&PublishOutcome::Lost)
    })
    .await;
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_properties_arrive() {
    let names = names();
    let (connection, _channel) = client().await;
    let (broker, recorder) = started(config(&url(), &names)).await;
    let mut message = to(&names.events, "{}");
    message.properties.message_id = Some("m".to_owned());
    message.properties.headers = vec![
        ("i".to_owned(), HeaderValue::Int(-7)),
        ("t".to_owned(), HeaderValue::Text("ü".to_owned())),
        (
            "x".to_owned(),
            HeaderValue::Table(vec![("f".to_owned(), HeaderValue::float(0.5))]),
        ),
    ];
    broker.publish(Ticket(1), message.clone());
    until("it comes", || recorder.deliveries().len() == 1).await;
    let delivery = &recorder.deliveries()[0];
    assert_eq!(delivery.properties, message.properties);
    assert_eq!(
        (delivery.redelivered, delivery.handle.source),
        (Redelivered::No, Source::Events)
    );
    broker.shutdown().await;
    clean(&connection, &names).await;
}
