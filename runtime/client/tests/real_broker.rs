//! The client on a real RabbitMQ, with an engine of a few lines that replies like the real one.
#![allow(clippy::unwrap_used)]

use bureaucrat_client::{Ending, Fields, LaunchError, Launcher, LauncherConfig, ProcessId};
use bureaucrat_model::{ActivityPath, Fault, FaultCode, HistoryHead, ReplyTo};
use bureaucrat_wire::{Report, WireLimits, decode_event, reply};
use futures_core::Stream;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use std::{future::poll_fn, pin::Pin, time::Duration};

fn url() -> String {
    std::env::var("BUREAUCRAT_TEST_AMQP")
        .expect("BUREAUCRAT_TEST_AMQP has to name a RabbitMQ, for instance what `scripts/rabbitmq start DIR` prints")
}

/// A separate queue and its incoming messages.
async fn engine() -> (Connection, Channel, String, Consumer) {
    let connection = Connection::connect(&url(), ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare("".into(), exclusive, FieldTable::default())
        .await
        .unwrap();
    let consume = BasicConsumeOptions {
        no_ack: true,
        ..BasicConsumeOptions::default()
    };
    let name = queue.name().clone();
    let consumer = channel
        .basic_consume(name.clone(), "".into(), consume, FieldTable::default())
        .await
        .unwrap();
    (connection, channel, name.to_string(), consumer)
}

async fn next(consumer: &mut Consumer) -> lapin::message::Delivery {
    poll_fn(|context| Pin::new(&mut *consumer).poll_next(context))
        .await
        .unwrap()
        .unwrap()
}

fn config(queue: &str) -> LauncherConfig {
    LauncherConfig {
        routing_key: queue.to_owned(),
        event_routing_key: queue.to_owned(),
        reply_timeout: Duration::from_secs(20),
        ..LauncherConfig::of(&url()).unwrap()
    }
}

/// What the engine does with a launch, depending on its definition.
async fn answer(channel: &Channel, delivery: &lapin::message::Delivery) {
    let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string);
    let to = ReplyTo {
        queue: text(delivery.properties.reply_to()).unwrap(),
        correlation_id: text(delivery.properties.correlation_id()),
    };
    assert!(delivery.properties.message_id().is_some());
    let definition = std::str::from_utf8(&delivery.data).unwrap();
    let process = ProcessId::from_seed([7; 16]);
    let fields = Fields::parse(r#"{"n": 6}"#).unwrap();
    let fault = Fault {
        code: FaultCode::new("KeyError"),
        message: "'x'".to_owned(),
        activity: ActivityPath(vec![0]),
        line: 3,
        data: None,
        source: bureaucrat_model::FaultSource::Other,
    };
    let history = HistoryHead::EMPTY;
    let reports = if definition.contains("refused") {
        vec![Report::Rejected {
            reasons: &REASONS[..],
        }]
    } else if definition.contains("fails") {
        vec![
            Report::Launched,
            Report::Failed {
                fault: &fault,
                history,
            },
        ]
    } else {
        vec![
            Report::Launched,
            Report::Completed {
                fields: &fields,
                history,
            },
        ]
    };
    for report in reports {
        let message = reply(&to, Some(process), report);
        let properties = BasicProperties::default()
            .with_correlation_id(to.correlation_id.clone().unwrap().into());
        channel
            .basic_publish(
                "".into(),
                message.routing_key.as_str().into(),
                BasicPublishOptions::default(),
                &message.body,
                properties,
            )
            .await
            .unwrap();
    }
}

static REASONS: std::sync::LazyLock<[String; 1]> =
    std::sync::LazyLock::new(|| ["it is refused".to_owned()]);

#[tokio::test(flavor = "multi_thread")]
async fn launches_get_their_own_replies() {
    let (_connection, channel, queue, mut consumer) = engine().await;
    let launcher = std::sync::Arc::new(Launcher::connect(&config(&queue)).await.unwrap());
    let fields = Fields::parse(r#"{"n": 5}"#).unwrap();
    let launch = |name: &str| {
        let (launcher, fields) = (launcher.clone(), fields.clone());
        let definition = format!("<process name=\"{name}\"/>");
        tokio::spawn(async move { launcher.launch_and_wait(&definition, &fields).await })
    };
    let (fine, refused, fails) = (launch("fine"), launch("refused"), launch("fails"));
    for _ in 0..3 {
        let delivery = next(&mut consumer).await;
        assert!(
            std::str::from_utf8(&delivery.data)
                .unwrap()
                .contains(r#"<property name="n" type="int">5</property>"#)
        );
        answer(&channel, &delivery).await;
    }
    assert_eq!(
        fine.await.unwrap(),
        Ok(Ending::Completed(Fields::parse(r#"{"n": 6}"#).unwrap()))
    );
    assert_eq!(
        refused.await.unwrap(),
        Err(LaunchError::Rejected {
            reasons: REASONS.to_vec()
        })
    );
    let Ok(Ending::Failed {
        code,
        message,
        line,
        ..
    }) = fails.await.unwrap()
    else {
        panic!("it did not fail");
    };
    assert_eq!(
        (code.as_str(), message.as_str(), line),
        ("KeyError", "'x'", 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_and_what_nobody_takes_is_an_error() {
    let (_connection, _channel, queue, mut consumer) = engine().await;
    let launcher = Launcher::connect(&config(&queue)).await.unwrap();
    launcher
        .event("paid", &Fields::parse(r#"{"n": 5}"#).unwrap())
        .await
        .unwrap();
    let delivery = next(&mut consumer).await;
    let event = decode_event(&delivery.data, &WireLimits::default()).unwrap();
    assert_eq!(
        (event.name.as_str(), event.event.as_str()),
        ("paid", r#"{"event": "paid", "n": 5}"#)
    );
    launcher.close().await;

    let lost = Launcher::connect(&config("nobody.there")).await.unwrap();
    assert_eq!(
        lost.event("x", &Fields::new()).await,
        Err(LaunchError::Unroutable("nobody.there".to_owned()))
    );
    let refused = LauncherConfig {
        exchange: "no.such.exchange".to_owned(),
        ..config(&queue)
    };
    let refused = Launcher::connect(&refused).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(
            refused.event("x", &Fields::new()).await,
            Err(LaunchError::Refused(_))
        ));
    }
    let away = LauncherConfig::of("amqp://guest:guest@127.0.0.1:9/%2f").unwrap();
    assert!(matches!(
        Launcher::connect(&away).await,
        Err(LaunchError::Connect(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_away_is_told() {
    let (_connection, _channel, queue, _consumer) = engine().await;
    let config = LauncherConfig {
        reply_timeout: Duration::from_millis(100),
        ..config(&queue)
    };
    let launcher = Launcher::connect(&config).await.unwrap();
    let launched = launcher.launch("<process/>", &Fields::new()).await;
    assert_eq!(
        launched.map(|launched| launched.process()),
        Err(LaunchError::TimedOut(Duration::from_millis(100)))
    );
}
