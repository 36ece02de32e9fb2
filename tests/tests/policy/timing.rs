//! How long one user's launches take, while somebody else does whatever they do.

use crate::rig::{PATIENCE, Rig, With, by, channel, send};
use anyhow::{Result, ensure};
use lapin::options::BasicConsumeOptions;
use std::time::{Duration, Instant};

/// Launches that are timed.
pub const FEW: usize = 100;

/// Launches that are all different, so that each has to be compiled.
pub fn different(number: usize) -> String {
    format!(
        r#"<process name="n{number}"><while><condition>context.get("x", {number}) &lt; 0</condition><action participant="polx.never"/></while></process>"#
    )
}

/// When each correlation id was first seen.
pub type Served = std::sync::Arc<std::sync::Mutex<std::collections::BTreeMap<String, Instant>>>;

/// Notes when each correlation id was first seen.
pub async fn listen(replies: &str) -> Result<Served> {
    use futures_lite::StreamExt;
    let channel = channel("guest").await?;
    let options = BasicConsumeOptions {
        no_ack: true,
        ..BasicConsumeOptions::default()
    };
    let mut consumer = channel
        .basic_consume(replies.into(), "".into(), options, Default::default())
        .await?;
    let served = Served::default();
    let seen = served.clone();
    tokio::spawn(async move {
        let _channel = channel;
        while let Some(Ok(delivery)) = consumer.next().await {
            if let Some(id) = delivery.properties.correlation_id() {
                let mut seen = seen.lock().unwrap();
                seen.entry(id.to_string()).or_insert_with(Instant::now);
            }
        }
    });
    Ok(served)
}

/// Launches some of bob's; the median and the 99th percentile of the time from the publish to the first reply.
pub async fn serve_bob(
    rig: &Rig,
    launches: &str,
    replies: &str,
    served: &Served,
    first: usize,
) -> Result<(Duration, Duration)> {
    let mut started = Vec::new();
    for number in first..first + FEW {
        let with = With {
            reply_to: Some(replies),
            correlation: Some(format!("bob-{number}")),
            message_id: Some(format!("bob-{number}")),
            ..by("bob")
        };
        started.push((format!("bob-{number}"), Instant::now()));
        send(&rig.bob, launches, &different(number), with)
            .await?
            .await?;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut times = Vec::new();
    for (id, started) in started {
        loop {
            if let Some(told) = served.lock().unwrap().get(&id) {
                times.push(told.saturating_duration_since(started));
                break;
            }
            ensure!(
                Instant::now() < deadline,
                "{id} is not served:\n{}",
                rig.operated.engine.log_tail()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    times.sort();
    Ok((times[FEW / 2], times[FEW * 99 / 100 - 1]))
}
