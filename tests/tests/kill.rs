//! The real engine over the real broker, killed again and again while 500 processes of all activity kinds run.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::{Context, Result, bail, ensure};
use bureaucrat_tests::{
    engine::{Engine, broker_url},
    simulation::Random,
};
use futures_lite::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const PROCESSES: u64 = 500;
const KILLS: u64 = 50;
const PREFIX: &str = "killed";

/// Every activity kind, with an end that can be computed.
const DEFINITION: &str = r#"<process name="everything">
  <context><property name="n" type="int">0</property><property name="number" type="int">NUMBER</property></context>
  <action participant="killed.child"/>
  <while><condition>context["n"] &lt; 3</condition><action participant="killed.add"/></while>
  <all><action participant="killed.left"/><sequence><action participant="killed.add"/><action participant="killed.right"/></sequence></all>
  <switch>
    <case><condition>context["n"] == 4</condition><delay duration="0.5"/></case>
    <case><condition>True</condition><action participant="killed.never"/></case>
  </switch>
  <await event="killed.go"><condition>context["event"]["number"] == context["number"]</condition></await>
  <call process="$inner"/>
</process>"#;

const INNER: &str = r#"<process name="inner"><context><property name="m" type="int">0</property></context>
  <while><condition>context["m"] &lt; 2</condition><action participant="killed.inner"/></while>
</process>"#;

#[derive(Debug, Default)]
struct Seen {
    /// Final fields by process.
    ended: BTreeMap<String, Value>,
    /// What should not have happened.
    wrong: Vec<String>,
    tasks: u64,
    repeated_tasks: u64,
    double_answers: u64,
    task_ids: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_ends_exactly_once_though_the_engine_is_killed() -> Result<()> {
    let url = broker_url()?;
    let folder = tempfile::tempdir()?;
    let mut engine = Engine::new(&url, folder.path(), PREFIX, &[]);
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    prepare(&connection, &engine, &seen).await?;

    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    for number in 0..PROCESSES {
        let body = DEFINITION.replace("NUMBER", &number.to_string());
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_message_id(format!("killed-{number}").into());
        // Some clients lose their connection after publishing, and publish again.
        for _ in 0..=u64::from(number % 7 == 0) {
            publish(
                &channel,
                &engine.name("launches"),
                body.as_bytes(),
                properties.clone(),
            )
            .await?;
        }
    }

    let mut random = Random::new(PROCESSES);
    engine.start()?;
    let mut kills = 0;
    let mut ended_when_killing_stopped = 0;
    let deadline = Instant::now() + Duration::from_secs(400);
    loop {
        some_progress(&seen).await;
        // Up to a moment more, so that any step may be the last one.
        tokio::time::sleep(Duration::from_millis(random.below(200))).await;
        send_events(&channel, &engine, &seen).await?;
        let (ended, wrong) = {
            let seen = seen.lock().unwrap();
            (seen.ended.len() as u64, seen.wrong.clone())
        };
        ensure!(wrong.is_empty(), "{wrong:?}");
        if kills < KILLS {
            engine.kill()?;
            kills += 1;
            engine.start()?;
            ended_when_killing_stopped = ended;
        } else if ended == PROCESSES {
            break;
        }
        if Instant::now() > deadline {
            bail!(
                "{ended} of {PROCESSES} processes ended after {kills} kills\n{}",
                engine.log_tail()
            );
        }
    }
    ensure!(engine.end()? == 0, "the engine did not end in order");
    audit(&seen)?;
    let seen = seen.lock().unwrap();
    println!(
        "{kills} kills, {} of {PROCESSES} processes ended before the last; {} tasks, {} of them sent again, {} answers twice",
        ended_when_killing_stopped, seen.tasks, seen.repeated_tasks, seen.double_answers
    );
    Ok(())
}

/// Waits until participants have seen some new tasks, or for two seconds, when all are done.
async fn some_progress(seen: &Mutex<Seen>) {
    const NEW_TASKS: usize = 70;
    let count = || seen.lock().unwrap().task_ids.len();
    let (before, deadline) = (count(), Instant::now() + Duration::from_secs(2));
    while count() < before + NEW_TASKS && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn publish(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Result<()> {
    channel
        .basic_publish(
            "".into(),
            queue.into(),
            BasicPublishOptions::default(),
            body,
            properties,
        )
        .await?
        .await?;
    Ok(())
}

/// Declares the queues and starts participants and a listener.
async fn prepare(connection: &Connection, engine: &Engine, seen: &Arc<Mutex<Seen>>) -> Result<()> {
    let channel = connection.create_channel().await?;
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    for queue in ["launches", "answers", "events"] {
        channel
            .queue_declare(
                engine.name(queue).as_str().into(),
                durable,
                FieldTable::default(),
            )
            .await?;
    }
    let exchange = engine.name("processes");
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(
            exchange.as_str().into(),
            ExchangeKind::Topic,
            options,
            FieldTable::default(),
        )
        .await?;
    let listener = engine.name("listener");
    channel
        .queue_declare(listener.as_str().into(), durable, FieldTable::default())
        .await?;
    let bind = QueueBindOptions::default();
    channel
        .queue_bind(
            listener.as_str().into(),
            exchange.as_str().into(),
            "#".into(),
            bind,
            FieldTable::default(),
        )
        .await?;
    consume(
        connection,
        &listener,
        seen.clone(),
        engine.name("answers"),
        listen,
    )
    .await?;
    for participant in ["child", "add", "left", "right", "inner"] {
        let queue = format!("worker_killed.{participant}");
        channel
            .queue_declare(queue.as_str().into(), durable, FieldTable::default())
            .await?;
        consume(
            connection,
            &queue,
            seen.clone(),
            engine.name("answers"),
            work,
        )
        .await?;
    }
    Ok(())
}

/// Consumes a queue; what the handler gives is published as answers, before the message is acknowledged.
async fn consume(
    connection: &Connection,
    queue: &str,
    seen: Arc<Mutex<Seen>>,
    answers: String,
    handle: fn(&mut Seen, &str, Value) -> Vec<Value>,
) -> Result<()> {
    let channel = connection.create_channel().await?;
    channel.basic_qos(50, BasicQosOptions::default()).await?;
    let mut consumer = channel
        .basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let queue = queue.to_owned();
    tokio::spawn(async move {
        while let Some(Ok(delivery)) = consumer.next().await {
            let id = delivery
                .properties
                .message_id()
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            let body: Value = serde_json::from_slice(&delivery.data).unwrap_or_default();
            let result = handle(&mut seen.lock().unwrap(), &format!("{queue} {id}"), body);
            for answer in result {
                let answer = answer.to_string();
                publish(
                    &channel,
                    &answers,
                    answer.as_bytes(),
                    BasicProperties::default().with_delivery_mode(2),
                )
                .await
                .unwrap();
            }
            delivery.ack(BasicAckOptions::default()).await.unwrap();
        }
    });
    Ok(())
}

/// A participant: does its part of the process, and sometimes answers twice.
fn work(seen: &mut Seen, from: &str, mut body: Value) -> Vec<Value> {
    let (queue, id) = from.split_once(' ').unwrap_or_default();
    let plus_one = |value: &Value| json!(value.as_i64().unwrap_or(0) + 1);
    let (name, value) = match queue {
        "worker_killed.add" => ("n", plus_one(&body["fields"]["n"])),
        "worker_killed.inner" => ("m", plus_one(&body["fields"]["m"])),
        "worker_killed.left" => ("left", json!(1)),
        "worker_killed.right" => ("right", json!(1)),
        "worker_killed.child" => ("inner", json!(INNER)),
        other => {
            seen.wrong.push(format!("a task in {other}"));
            return Vec::new();
        }
    };
    seen.tasks += 1;
    if !seen.task_ids.insert(id.to_owned()) {
        seen.repeated_tasks += 1;
    }
    body["fields"][name] = value;
    if seen.tasks.is_multiple_of(5) {
        seen.double_answers += 1;
        return vec![body.clone(), body];
    }
    vec![body]
}

/// A listener: notes how processes end.
fn listen(seen: &mut Seen, _from: &str, notice: Value) -> Vec<Value> {
    let process = notice["process"].as_str().unwrap_or_default().to_owned();
    match (notice["status"].as_str(), notice["name"].as_str()) {
        (Some("completed"), Some("everything")) => {
            let fields = notice["fields"].clone();
            // The notice itself may come again after a kill; what it says may not change.
            if let Some(earlier) = seen.ended.insert(process.clone(), fields.clone())
                && earlier != fields
            {
                seen.wrong
                    .push(format!("{process} ended twice: {earlier} and {fields}"));
            }
        }
        (Some("launched" | "completed"), _) => {}
        _ => seen.wrong.push(notice.to_string()),
    }
    Vec::new()
}

/// An event for each number whose process has not ended.
async fn send_events(channel: &Channel, engine: &Engine, seen: &Arc<Mutex<Seen>>) -> Result<()> {
    let ended: BTreeSet<u64> = seen
        .lock()
        .unwrap()
        .ended
        .values()
        .filter_map(|fields| fields["number"].as_u64())
        .collect();
    for number in (0..PROCESSES).filter(|number| !ended.contains(number)) {
        let body = json!({"event": "killed.go", "number": number}).to_string();
        let properties = BasicProperties::default().with_delivery_mode(2);
        channel
            .basic_publish(
                "".into(),
                engine.name("events").as_str().into(),
                BasicPublishOptions::default(),
                body.as_bytes(),
                properties,
            )
            .await?;
    }
    Ok(())
}

fn audit(seen: &Mutex<Seen>) -> Result<()> {
    let seen = seen.lock().unwrap();
    let mut numbers = BTreeSet::new();
    for (process, fields) in &seen.ended {
        for (name, value) in [("n", 4), ("m", 2), ("left", 1), ("right", 1)] {
            ensure!(
                fields[name] == value,
                "{process}: {name} is {}, not {value}: {fields}",
                fields[name]
            );
        }
        ensure!(
            fields["event"]["number"] == fields["number"],
            "{process} took another's event: {fields}"
        );
        let number = fields["number"]
            .as_u64()
            .context("a process without its number")?;
        ensure!(numbers.insert(number), "launch {number} ran twice");
    }
    ensure!(
        numbers.len() as u64 == PROCESSES,
        "{} of {PROCESSES} launches ended",
        numbers.len()
    );
    Ok(())
}
