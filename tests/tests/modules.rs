//! Modules of the running engine: deployed by command and over AMQP, named by hash, removed when nothing names them. And
//! definitions: deployed by name and version, launched by name, retired.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "modules/audited.rs"]
mod audited;
#[path = "modules/audited_pages.rs"]
mod audited_pages;
#[path = "modules/backlog.rs"]
mod backlog;
#[path = "modules/bulk.rs"]
mod bulk;
#[path = "modules/calling.rs"]
mod calling;
#[path = "modules/cancelling.rs"]
mod cancelling;
#[path = "modules/definitions.rs"]
mod definitions;
#[path = "modules/deployed.rs"]
mod deployed;
#[path = "modules/found.rs"]
mod found;
#[path = "modules/keeping.rs"]
mod keeping;
#[path = "modules/keyed.rs"]
mod keyed;
#[path = "modules/migrated.rs"]
mod migrated;
#[path = "modules/modified.rs"]
mod modified;
#[path = "modules/named.rs"]
mod named;
#[path = "modules/replacing.rs"]
mod replacing;
#[path = "modules/rig.rs"]
mod rig;
#[path = "modules/searched.rs"]
mod searched;
#[path = "modules/suspended.rs"]
mod suspended;
#[path = "modules/waiting.rs"]
mod waiting;
#[path = "modules/whole.rs"]
mod whole;

use anyhow::{Context, Result, ensure};
use bureaucrat_tests::{
    engine::broker_url, modules::risk_above, operating::Operated, queues::declare_queue,
};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long anything may take; generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn risk() -> Vec<u8> {
    risk_above(10_000).unwrap()
}

fn definition(hash: &str) -> String {
    format!(
        r#"<process name="risky">
  <module name="risk" hash="{hash}"/>
  <context><property name="order" type="json">{{"amount": 10001}}</property></context>
  <switch><case><condition module="risk" function="is-foreign"/></case></switch>
</process>"#
    )
}

#[test]
fn a_module_is_deployed_named_and_removed() -> Result<()> {
    let mut operated = Operated::new("gst-deploy", &[])?;
    operated.start()?;
    let file = operated.path("risk.wasm");
    std::fs::write(&file, risk())?;
    let file = file.to_str().unwrap();
    let deployed = operated.json(0, &["module", "deploy", "--json", file])?;
    let hash = deployed["hash"].as_str().unwrap().to_owned();
    assert_eq!(deployed["class"], "small");
    assert_eq!(deployed["exports"][0]["name"], "is-high");
    // Once more changes nothing.
    assert_eq!(
        operated.leaves_with(0, &["module", "deploy", file])?.trim(),
        hash
    );
    let listed = operated.json(0, &["module", "list", "--json"])?;
    assert_eq!(
        (&listed["hash"], &listed["programs"]),
        (&Value::from(&*hash), &Value::from(0))
    );

    let broken = operated.path("broken.wasm");
    std::fs::write(&broken, "\0asm")?;
    let refused = ["module", "deploy", "--json", broken.to_str().unwrap()];
    let reason = operated.json(1, &refused)?["refused"].to_string();
    assert!(reason.contains("not a WebAssembly component"), "{reason}");

    let process = operated.launch(&definition(&hash))?;
    operated.until(&process, "completed")?;
    let rm = ["module", "rm", "--json", &hash];
    let stays = operated.json(1, &rm)?;
    assert_eq!(
        (&stays["outcome"], &stays["programs"][0]["name"]),
        (&Value::from("in_use"), &Value::from("risky"))
    );
    let listed = operated.json(0, &["module", "list", "--json"])?;
    assert_eq!(listed["programs"], 1);
    let unknown = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        operated.json(1, &["module", "rm", "--json", &unknown])?["outcome"],
        "unknown"
    );
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

#[test]
fn an_unused_module_is_removed_for_good() -> Result<()> {
    let mut operated = Operated::new("gst-remove", &[])?;
    operated.start()?;
    let file = operated.path("risk.wasm");
    std::fs::write(&file, risk())?;
    let hash = operated.leaves_with(0, &["module", "deploy", file.to_str().unwrap()])?;
    let hash = hash.trim();
    assert_eq!(
        operated.json(0, &["module", "rm", "--json", hash])?["outcome"],
        "removed"
    );
    operated.end()?;
    operated.start()?;
    assert_eq!(operated.leaves_with(0, &["module", "list", "--json"])?, "");
    let file = operated.path("definition.xml");
    std::fs::write(&file, definition(hash))?;
    let refused = operated.leaves_with(1, &["launch", file.to_str().unwrap()])?;
    assert!(refused.contains(hash), "{refused}");
    operated.end()
}

/// The message that comes into a queue.
async fn next(channel: &Channel, queue: &str) -> Result<BasicGetMessage> {
    let deadline = Instant::now() + PATIENCE;
    let options = BasicGetOptions { no_ack: true };
    loop {
        if let Some(message) = channel.basic_get(queue.into(), options).await? {
            return Ok(message);
        }
        ensure!(Instant::now() < deadline, "nothing comes into {queue}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Deploys over AMQP, and gives the reply.
async fn deploy(channel: &Channel, launches: &str, replies: &str, body: &[u8]) -> Result<Value> {
    let properties = BasicProperties::default()
        .with_content_type("application/wasm".into())
        .with_delivery_mode(2)
        .with_reply_to(replies.into())
        .with_correlation_id("17".into());
    let options = BasicPublishOptions::default();
    channel
        .basic_publish("".into(), launches.into(), options, body, properties)
        .await?
        .await?;
    let reply = next(channel, replies).await?;
    let correlation = reply.properties.correlation_id().as_ref();
    ensure!(
        correlation.is_some_and(|id| id.as_str() == "17"),
        "{:?}",
        reply.properties
    );
    serde_json::from_slice(&reply.data).context("the reply is no JSON")
}

#[test]
fn a_module_is_deployed_over_amqp() -> Result<()> {
    let mut operated = Operated::new("gst-amqp", &[])?;
    operated.start()?;
    let (launches, dead) = (
        operated.engine.name("launches"),
        operated.engine.name("dead"),
    );
    let replies = operated.engine.name("replies");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let hash = runtime.block_on(async {
        let connection =
            Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel
            .queue_declare(
                (&*replies).into(),
                QueueDeclareOptions::default(),
                FieldTable::default(),
            )
            .await?;
        // A message would be lost that comes before the engine has declared its queue.
        declare_queue(&channel, &launches).await?;
        let deployed = deploy(&channel, &launches, &replies, &risk()).await?;
        ensure!(deployed["status"] == "deployed", "{deployed}");
        let hash = deployed["hash"].as_str().context("a hash")?.to_owned();

        let refused = deploy(&channel, &launches, &replies, b"no module").await?;
        ensure!(refused["status"] == "rejected", "{refused}");
        ensure!(
            refused["reasons"][0].as_str().is_some_and(|reason| reason
                .starts_with("the module: this is not a WebAssembly component")),
            "{refused}"
        );
        let letter = next(&channel, &dead).await?;
        ensure!(letter.data == b"no module");
        let headers = letter.properties.headers().clone().unwrap_or_default();
        let code = headers.inner().get("bureaucrat-code");
        ensure!(
            matches!(code, Some(AMQPValue::LongString(code)) if code.as_bytes() == b"module.no-component"),
            "{headers:?}"
        );
        anyhow::Ok(hash)
    })?;
    let process = operated.launch(&definition(&hash))?;
    operated.until(&process, "completed")?;
    operated.end()
}
