//! What workers are told about tasks that nobody waits for any more, and what Celery does then.

use super::started::{Settings, Shop, root};
use bureaucrat_tests::engine::broker_url;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicGetOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions,
        QueuePurgeOptions,
    },
    types::FieldTable,
};
use serde_json::{Value, json};
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

/// How long something may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(120);

async fn channel() -> (Connection, Channel) {
    let url = broker_url().unwrap();
    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn declare(channel: &Channel, queue: &str) {
    let exclusive = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(queue.into(), exclusive, FieldTable::default());
    declared.await.unwrap();
}

/// The next message of a queue, and its priority.
async fn next(channel: &Channel, queue: &str) -> (Value, Option<u8>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let options = BasicGetOptions { no_ack: true };
        if let Some(got) = channel.basic_get(queue.into(), options).await.unwrap() {
            let body = serde_json::from_slice(&got.delivery.data).unwrap();
            return (body, *got.delivery.properties.priority());
        }
        assert!(Instant::now() < deadline, "nothing came to {queue}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn publish(channel: &Channel, queue: &str, body: &Value) {
    let body = body.to_string();
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default();
    let sent = channel.basic_publish(
        "".into(),
        queue.into(),
        options,
        body.as_bytes(),
        properties,
    );
    sent.await.unwrap().await.unwrap();
}

/// A queue that gets every notice of a withdrawn task.
async fn listen(channel: &Channel, shop: &Shop) -> String {
    // The engine declares the exchange before it takes a launch.
    shop.completes("<process><delay duration='0'/></process>");
    let queue = shop.operated.engine.name("told");
    declare(channel, &queue).await;
    let exchange = shop.operated.engine.name("cancelled");
    let bound = channel.queue_bind(
        queue.as_str().into(),
        exchange.as_str().into(),
        "#".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bound.await.unwrap();
    queue
}

fn cancel(shop: &Shop, process: &str) {
    let order = ["cancel", process, "--reason", "why"];
    shop.operated.leaves_with(0, &order).unwrap();
}

fn cancel_of(task: &Value) -> Value {
    let mut header = task["header"].clone();
    header["message"] = json!("cancel");
    json!({ "header": header })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_works_in_vain_is_told_once_and_nobody_else() {
    let shop = Shop::open("workers-told", Settings::Workitems);
    let (_connection, channel) = channel().await;
    let told = listen(&channel, &shop).await;
    let name = |participant: &str| format!("{}{participant}", shop.pika_prefix());
    let queue = |participant: &str| format!("worker_{}", name(participant));
    for participant in ["slow", "fast"] {
        declare(&channel, &queue(participant)).await;
    }
    let answers = shop.operated.engine.name("answers");

    // The loser of a race is told; the winner is not.
    let race = format!(
        r#"<process><race><action participant="{}"/><action participant="{}" priority="7"/></race></process>"#,
        name("slow"),
        name("fast"),
    );
    let process = shop.operated.launch(&race).unwrap();
    let (slow, _) = next(&channel, &queue("slow")).await;
    let (fast, priority) = next(&channel, &queue("fast")).await;
    assert_eq!(priority, Some(7));
    publish(&channel, &answers, &fast).await;
    shop.operated.until(&process, "completed").unwrap();
    assert_eq!(next(&channel, &told).await.0, cancel_of(&slow));

    // It is told again when it says that it is still at work.
    let mut progress = slow.clone();
    progress["header"]["message"] = json!("progress");
    publish(&channel, &answers, &progress).await;
    assert_eq!(next(&channel, &told).await.0, cancel_of(&slow));
    publish(&channel, &answers, &slow).await;

    // A fault and a refused answer are answers; a cancelled process tells its worker.
    let one = format!(
        r#"<process><action participant="{}"/></process>"#,
        name("slow")
    );
    let process = shop.operated.launch(&one).unwrap();
    let (mut task, _) = next(&channel, &queue("slow")).await;
    task["fault"] = json!({"code": "Busy", "message": "no", "retry_after": "soon"});
    publish(&channel, &answers, &task).await;
    let shown = shop.operated.until(&process, "failed").unwrap();
    let history = shown["history"].to_string();
    assert_eq!(history.matches("\"left_out\"").count(), 1, "{history}");
    let process = shop.operated.launch(&one).unwrap();
    let (task, _) = next(&channel, &queue("slow")).await;
    cancel(&shop, &process);
    shop.operated.until(&process, "failed").unwrap();
    assert_eq!(next(&channel, &told).await.0, cancel_of(&task));

    // Any other notice would have come before that one.
    let options = QueuePurgeOptions::default();
    let left = channel.queue_purge(told.as_str().into(), options).await;
    assert_eq!(left.unwrap(), 0);
    tokio::task::spawn_blocking(move || shop.close())
        .await
        .unwrap();
}

/// What the shop's Celery worker says to an order.
fn celery(shop: &Shop, order: &[&str]) -> String {
    let program = std::env::var_os("BUREAUCRAT_PYTHON").unwrap();
    let output = Command::new(program)
        .args(["-W", "ignore", "-m", "celery", "--app", "tasks"])
        .args(order)
        .current_dir(root().join("tests/workers"))
        .env("PYTHONPATH", root().join("scripts/demo.d"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BUREAUCRAT_TEST_AMQP", broker_url().unwrap())
        .env("SHOP_QUEUE", shop.queue())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn celery_drops_a_revoked_task_that_has_not_begun() {
    let shop = Shop::open("workers-revoked", Settings::Workitems);
    let (_connection, channel) = channel().await;
    let told = listen(&channel, &shop).await;
    let (gate, mark) = (shop.operated.path("gate"), shop.operated.path("mark"));
    let process = |participant: &str, field: &str, value: &str| {
        format!(
            r#"<process><context><property name="{field}" type="str">{value}</property></context>
            <action participant="{participant}"/></process>"#
        )
    };
    // Two tasks hold the two processes of the pool, so that the third one waits in the worker.
    let waits = process("shop.waits", "gate", gate.to_str().unwrap());
    let held = [(); 2].map(|()| shop.operated.launch(&waits).unwrap());
    let worker = shop.celery();
    let deadline = Instant::now() + PATIENCE;
    let until = |what: &str, said: &str, count: usize| {
        let inspect = ["inspect", "--timeout", "5", what, "--json"];
        while celery(&shop, &inspect).matches(said).count() < count {
            assert!(Instant::now() < deadline, "no {said} is {what}");
        }
    };
    until("active", "\"name\": \"shop.waits\"", 2);
    let marks = process("shop.marks", "mark", mark.to_str().unwrap());
    let third = shop.operated.launch(&marks).unwrap();
    until("reserved", "\"name\": \"shop.marks\"", 1);
    cancel(&shop, &third);
    let (notice, _) = next(&channel, &told).await;
    let origin = notice["header"]["origin"].as_str().unwrap();
    assert!(origin.starts_with(&third), "{origin}");
    until("revoked", origin, 1);
    fs::write(&gate, "").unwrap();
    for process in held {
        shop.operated.until(&process, "completed").unwrap();
    }
    let last = process("shop.greet", "customer", "Ada");
    assert_eq!(shop.completes(&last)["greeting"], "Hello Ada");
    assert!(!mark.exists(), "a revoked task ran");
    drop(worker);
    tokio::task::spawn_blocking(move || shop.close())
        .await
        .unwrap();
}
