//! Messages whose properties lapin can't read, against the real engine over the real broker: each becomes a dead letter
//! with its body whole, the engine continues, and launches beside them are served.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_tests::{
    engine::broker_url,
    operating::Operated,
    raw_amqp::{HEADERS, MESSAGE_ID, RawPublisher, long, nested, short},
};
use lapin::{
    Channel, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{BasicAckOptions, BasicGetOptions},
    types::AMQPValue,
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends at once.
const BENIGN: &str = "<process><delay duration=\"0.001\"/></process>";

struct Hostile {
    name: &'static str,
    flags: u16,
    properties: Vec<u8>,
    reason: &'static str,
}

fn hostile(name: &'static str, flags: u16, properties: Vec<u8>, reason: &'static str) -> Hostile {
    Hostile {
        name,
        flags,
        properties,
        reason,
    }
}

/// Each of these ended the engine, or its connection again and again, before there was a guard.
fn all() -> Vec<Hostile> {
    let deep = "headers nest deeper than 32 levels";
    let utf8 = "a short text is not UTF-8";
    vec![
        hostile("20,000 tables", HEADERS, nested(b'F', 20_000), deep),
        hostile("25,000 lists", HEADERS, nested(b'A', 25_000), deep),
        hostile("1,000 tables", HEADERS, nested(b'F', 1_000), deep),
        hostile("a header's name", HEADERS, long(b"\x02\xff\xfet\x01"), utf8),
        hostile("a message id", MESSAGE_ID, short(b"\xff\xfe"), utf8),
        hostile(
            "40,000 headers",
            HEADERS,
            long(&b"\0V".repeat(40_000)),
            "headers hold more than 4096 values",
        ),
    ]
}

async fn get(channel: &Channel, queue: &str) -> BasicGetMessage {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let got = channel.basic_get(queue.into(), BasicGetOptions::default());
        if let Some(message) = got.await.unwrap() {
            message.ack(BasicAckOptions::default()).await.unwrap();
            return message;
        }
        assert!(Instant::now() < deadline, "nothing comes in {queue}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn header(message: &BasicGetMessage, name: &str) -> String {
    let headers = message.properties.headers().as_ref().unwrap();
    match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn properties_that_can_not_be_read_make_dead_letters_and_nothing_worse() {
    let url = broker_url().unwrap();
    let mut operated = Operated::new(&format!("properties.{}", std::process::id()), &[]).unwrap();
    operated.start().unwrap();
    operated.launch(BENIGN).unwrap();
    let pid = operated.engine.pid();
    let connection = Connection::connect(&url, ConnectionProperties::default());
    let connection = connection.await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let dead = operated.engine.name("dead");
    let mut publisher = RawPublisher::connect(&url).unwrap();
    for queue in ["launches", "answers", "events"].map(|of| operated.engine.name(of)) {
        let mut wanted = BTreeMap::new();
        for (number, hostile) in all().into_iter().enumerate() {
            let body = format!("{BENIGN} {number} {}", "x".repeat(200_000));
            publisher
                .publish(&queue, hostile.flags, &hostile.properties, body.as_bytes())
                .unwrap();
            wanted.insert(body, hostile);
        }
        while !wanted.is_empty() {
            let letter = get(&channel, &dead).await;
            let body = String::from_utf8(letter.data.clone()).unwrap();
            let hostile = wanted.remove(&body);
            let hostile = hostile.unwrap_or_else(|| panic!("twice, or not whole: {:.60}", body));
            let (code, reason) = (
                header(&letter, "bureaucrat-code"),
                header(&letter, "bureaucrat-reason"),
            );
            assert_eq!(code, "wire.properties", "{}", hostile.name);
            assert!(
                reason.ends_with(hostile.reason),
                "{}: {reason}",
                hostile.name
            );
            assert_eq!(header(&letter, "bureaucrat-queue"), queue);
            let original = header(&letter, "bureaucrat-original");
            assert!(original.contains("bureaucrat-unreadable-raw"), "{original}");
        }
        operated.launch(BENIGN).unwrap();
        assert_eq!(operated.engine.pid(), pid);
    }
    operated.end().unwrap();
    let log = operated.engine.log_tail();
    assert!(
        !log.contains("not consuming"),
        "the connection stood:\n{log}"
    );
    connection.close(200, "bye".into()).await.unwrap();
}
