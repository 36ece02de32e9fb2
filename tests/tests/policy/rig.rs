//! An engine with a policy, and three users of the broker: guest, who runs everything, alice and bob.

use anyhow::{Context, Result, bail, ensure};
use bureaucrat_tests::{engine::broker_url, operating::Operated};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    message::BasicGetMessage,
    options::{
        BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueDeclareOptions,
    },
    types::FieldTable,
};
use serde_json::Value;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Launches of this run of the tests, for telling their replies apart.
static LAUNCHES: AtomicU64 = AtomicU64::new(0);

/// How long anything may take; generous, since machines are busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The engine and its users.
pub struct Rig {
    /// The engine.
    pub operated: Operated,
    /// guest's.
    pub operator: Channel,
    /// alice's.
    pub alice: Channel,
    /// bob's.
    pub bob: Channel,
}

/// What a user publishes beside the body.
#[derive(Default, Clone)]
pub struct With<'a> {
    pub user: Option<&'a str>,
    pub reply_to: Option<&'a str>,
    pub correlation: Option<String>,
    pub message_id: Option<String>,
    pub content_type: Option<&'a str>,
}

/// What the user `name` says of itself.
pub fn by(name: &str) -> With<'_> {
    With {
        user: Some(name),
        ..With::default()
    }
}

/// A channel of a user, with confirms.
pub async fn channel(user: &str) -> Result<Channel> {
    let url = broker_url()?;
    let (_, place) = url.split_once('@').context("a URL with a user")?;
    let url = format!("amqp://{user}:{user}@{place}");
    let connection = Connection::connect(&url, ConnectionProperties::default())
        .await
        .with_context(|| format!("scripts/rabbitmq makes the user {user}"))?;
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}

impl Rig {
    /// A running engine whose queues begin with `prefix`, under this policy.
    pub async fn start(prefix: &str, policy: &str, options: &[&str]) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("{prefix}-{}.toml", std::process::id()));
        std::fs::write(&folder, policy)?;
        let file = folder.to_str().context("a path in UTF-8")?.to_owned();
        let options = [&["--policy", &file], options].concat();
        let mut rig = Self {
            operated: Operated::new(prefix, &options)?,
            operator: channel("guest").await?,
            alice: channel("alice").await?,
            bob: channel("bob").await?,
        };
        rig.declare(&rig.replies()).await?;
        for of in ["launches", "answers", "events", "dead"] {
            rig.declare(&rig.operated.engine.name(of)).await?;
        }
        rig.operated.start()?;
        Ok(rig)
    }

    /// The queue of replies.
    pub fn replies(&self) -> String {
        self.operated.engine.name("replies")
    }

    /// The file that holds the policy.
    pub fn policy_file(&self, prefix: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("{prefix}-{}.toml", std::process::id()))
    }

    /// Sends SIGHUP, and waits until the log says once more what became of it.
    pub fn hang_up(&self, said: &str) -> Result<()> {
        let count = || self.operated.engine.log_tail().matches(said).count();
        let (before, deadline) = (count(), Instant::now() + PATIENCE);
        self.operated.engine.hang_up()?;
        while count() == before {
            ensure!(
                Instant::now() < deadline,
                "{}",
                self.operated.engine.log_tail()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Declares a durable queue again: what a run that failed left in it would be taken for this one's.
    pub async fn declare(&self, queue: &str) -> Result<()> {
        self.operator
            .queue_delete(queue.into(), Default::default())
            .await?;
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        self.operator
            .queue_declare(queue.into(), durable, FieldTable::default())
            .await?;
        Ok(())
    }

    /// Publishes to one of the engine's queues, and waits for the broker's confirm.
    pub async fn publish(
        &self,
        channel: &Channel,
        of: &str,
        body: &str,
        with: With<'_>,
    ) -> Result<()> {
        let queue = self.operated.engine.name(of);
        send(channel, &queue, body, with).await?.await?;
        Ok(())
    }

    /// Launches, and gives the status and the whole of the reply. Earlier replies that come again after a kill are passed over.
    pub async fn launch(
        &self,
        channel: &Channel,
        user: Option<&str>,
        definition: &str,
    ) -> Result<(String, Value)> {
        let replies = self.replies();
        let number = LAUNCHES.fetch_add(1, Ordering::Relaxed);
        let with = With {
            user,
            reply_to: Some(&replies),
            correlation: Some(format!("launch {number}")),
            ..With::default()
        };
        let correlation = with.correlation.clone();
        self.publish(channel, "launches", definition, with).await?;
        loop {
            let message = self.next(&replies).await?;
            let of = message.properties.correlation_id().as_ref();
            if of.map(ToString::to_string) == correlation {
                let reply: Value = serde_json::from_slice(&message.data)?;
                let status = reply["status"].as_str().unwrap_or_default().to_owned();
                return Ok((status, reply));
            }
        }
    }

    /// Launches what is refused, and gives the dead letter's code and reason.
    pub async fn refused(
        &self,
        channel: &Channel,
        user: Option<&str>,
        definition: &str,
    ) -> Result<(String, String)> {
        let (status, reply) = self.launch(channel, user, definition).await?;
        ensure!(status == "rejected", "{reply}");
        let letter = self.letter(definition.as_bytes()).await?;
        ensure!(
            reply["reasons"].to_string().contains(&letter.1),
            "{reply} {letter:?}"
        );
        Ok(letter)
    }

    /// The code and the reason of the next dead letter, which is this body, whole.
    pub async fn letter(&self, body: &[u8]) -> Result<(String, String)> {
        let letter = self.next(&self.operated.engine.name("dead")).await?;
        ensure!(letter.data == body, "another letter");
        let headers = letter.properties.headers().clone().unwrap_or_default();
        let header = |name: &str| match headers.inner().get(name) {
            Some(lapin::types::AMQPValue::LongString(text)) => text.to_string(),
            _ => String::new(),
        };
        Ok((header("bureaucrat-code"), header("bureaucrat-reason")))
    }

    /// The next message of a queue.
    pub async fn next(&self, queue: &str) -> Result<BasicGetMessage> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let got = self
                .operator
                .basic_get(queue.into(), BasicGetOptions::default())
                .await?;
            if let Some(message) = got {
                message.ack(BasicAckOptions::default()).await?;
                return Ok(message);
            }
            if Instant::now() > deadline {
                bail!(
                    "nothing comes to {queue}:\n{}",
                    self.operated.engine.log_tail()
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Everything that runs or ended.
    pub fn processes(&self) -> Result<Vec<Value>> {
        let text = self
            .operated
            .leaves_with(0, &["list", "--limit", "0", "--json"])?;
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Removes the engine's queues.
    pub async fn clean(&self, more: &[&str]) -> Result<()> {
        let own = ["launches", "answers", "events", "dead", "replies"];
        let own = own.map(|of| self.operated.engine.name(of));
        for queue in own.iter().map(String::as_str).chain(more.iter().copied()) {
            self.operator
                .queue_delete(queue.into(), Default::default())
                .await?;
        }
        Ok(())
    }
}

/// Publishes by the default exchange; the outcome comes later.
pub async fn send(
    channel: &Channel,
    queue: &str,
    body: &str,
    with: With<'_>,
) -> Result<impl Future<Output = lapin::Result<Confirmation>> + Send + 'static> {
    let mut properties = BasicProperties::default().with_delivery_mode(2);
    if let Some(user) = with.user {
        properties = properties.with_user_id(user.into());
    }
    if let Some(queue) = with.reply_to {
        properties = properties.with_reply_to(queue.into());
    }
    if let Some(correlation) = with.correlation {
        properties = properties.with_correlation_id(correlation.into());
    }
    if let Some(id) = with.message_id {
        properties = properties.with_message_id(id.into());
    }
    if let Some(content_type) = with.content_type {
        properties = properties.with_content_type(content_type.into());
    }
    Ok(channel
        .basic_publish(
            "".into(),
            queue.into(),
            BasicPublishOptions::default(),
            body.as_bytes(),
            properties,
        )
        .await?)
}
