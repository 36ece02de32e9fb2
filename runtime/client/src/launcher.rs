//! The launcher.

use crate::{
    Blocking, LaunchError, Launched, LauncherConfig, Refusals,
    launched::Ending,
    publishing::{open, words_of},
    replies::Waiting,
};
use bureaucrat_connect::{Dialer, PassThrough};
use bureaucrat_model::{Fields, Millis, NameLimits, ProcessId, ReplyTo};
use bureaucrat_wire::{
    Address, CancelOutcome, CancelRequest, EventOutcome, EventRequest, NamedLaunch, Outgoing,
    Reply, WireLimits, cancel, event, launch, launch_named, merge_fields,
};
use lapin::{
    Channel, Connection, Error,
    options::{BasicConsumeOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use std::time::Duration;
use tokio::{sync::Mutex, task::JoinHandle};

/// A connection to the broker that launches and cancels processes and publishes events.
pub struct Launcher {
    /// Kept because dropping it closes the connection.
    pub(crate) connection: Connection,
    /// One message at a time: with several in flight, a return could not be assigned to one of
    /// them.
    pub(crate) channel: Mutex<Channel>,
    launches: Address,
    events: Address,
    reply_queue: String,
    pub(crate) reply_timeout: Duration,
    pub(crate) refusals: Refusals,
    /// The user whose messages these are.
    pub(crate) user: Option<String>,
    waiting: Waiting,
    replies: JoinHandle<()>,
    blocking: Blocking,
    alarms: JoinHandle<()>,
}

impl Launcher {
    /// Connects, within a tokio runtime.
    ///
    /// # Errors
    /// If the broker cannot be reached or refuses.
    pub async fn connect(config: &LauncherConfig) -> Result<Self, LaunchError> {
        let dialer = Dialer::new(config.addresses.clone());
        let dialed = dialer.dial("client", |_| PassThrough::default()).await;
        let dialed = dialed.map_err(|failures| LaunchError::Connect(failures.to_string()))?;
        let (connection, place, hearing) = (dialed.connection, dialed.place, dialed.hearing);
        let failed = |error: Error| {
            let words = hearing.last_words();
            let own = || format!("{place}: {}", words_of(&error));
            LaunchError::Connect(words.unwrap_or_else(own))
        };
        // From the beginning, so that no alarm is missed.
        let (blocking, alarms) = Blocking::of(&connection);
        let channel = open(&connection).await.map_err(failed)?;
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        // Replies have a separate channel: if a publish closes its own, they are not affected.
        let reply_channel = connection.create_channel().await.map_err(failed)?;
        let queue = reply_channel
            .queue_declare(ShortString::default(), exclusive, FieldTable::default())
            .await
            .map_err(failed)?;
        let consume = BasicConsumeOptions {
            no_ack: true,
            exclusive: true,
            ..BasicConsumeOptions::default()
        };
        let consumer = reply_channel
            .basic_consume(
                queue.name().clone(),
                ShortString::default(),
                consume,
                FieldTable::default(),
            )
            .await
            .map_err(failed)?;
        let waiting = Waiting::default();
        let replies = tokio::spawn(waiting.clone().run(consumer));
        let address = |routing_key: &str| Address {
            exchange: config.exchange.clone(),
            routing_key: routing_key.to_owned(),
        };
        Ok(Self {
            connection,
            channel: Mutex::new(channel),
            launches: address(&config.routing_key),
            events: address(&config.event_routing_key),
            reply_queue: queue.name().to_string(),
            reply_timeout: config.reply_timeout,
            refusals: config.refusals,
            waiting,
            replies,
            blocking,
            alarms,
            user: hearing.user().map(str::to_owned),
        })
    }

    /// Launches a process with `fields` in addition to its definition's context, and waits until
    /// the engine confirms it.
    ///
    /// # Errors
    /// If the definition is refused, or the launch fails.
    pub async fn launch(&self, definition: &str, fields: &Fields) -> Result<Launched, LaunchError> {
        self.launch_definition(&merge_fields(definition, fields)?)
            .await
    }

    /// Launches a process with its definition's own context.
    ///
    /// # Errors
    /// As for [`Self::launch`].
    pub async fn launch_definition(&self, definition: &str) -> Result<Launched, LaunchError> {
        let id = new_id()?;
        let queue = Some(&*self.reply_queue);
        let message = launch(&self.launches, definition, &id, queue, Some(&id));
        self.launched(&id, message).await
    }

    /// Launches a deployed definition by its name, and waits until the engine confirms it.
    ///
    /// # Errors
    /// As for [`Self::launch`]; a name that is not deployed is refused.
    pub async fn launch_named(&self, named: &NamedLaunch) -> Result<Launched, LaunchError> {
        let id = new_id()?;
        let reply_to = self.reply_to(&id);
        let message = launch_named(&self.launches, named, &id, Some(&reply_to));
        self.launched(&id, message).await
    }

    fn reply_to(&self, id: &str) -> ReplyTo {
        ReplyTo {
            queue: self.reply_queue.clone(),
            correlation_id: Some(id.to_owned()),
        }
    }

    /// Publishes a launch, and waits for the first reply.
    async fn launched(&self, id: &str, message: Outgoing) -> Result<Launched, LaunchError> {
        let mut replies = self.waiting.wait(id);
        self.publish(message).await?;
        let first = tokio::time::timeout(self.reply_timeout, replies.recv()).await;
        match first
            .map_err(|_| LaunchError::TimedOut(self.reply_timeout))?
            .ok_or(LaunchError::Closed)??
        {
            Reply::Launched { process } => Ok(Launched { process, replies }),
            Reply::Rejected { reasons } => Err(LaunchError::Rejected { reasons }),
            Reply::Completed { .. }
            | Reply::Failed { .. }
            | Reply::Event(_)
            | Reply::Cancelled { .. } => Err(LaunchError::OutOfOrder),
        }
    }

    /// Launches a process like [`Self::launch`] and waits for its end.
    ///
    /// # Errors
    /// As for [`Self::launch`] and [`Launched::ending`]. A process that failed is not an error
    /// here.
    pub async fn launch_and_wait(
        &self,
        definition: &str,
        fields: &Fields,
    ) -> Result<Ending, LaunchError> {
        self.launch(definition, fields).await?.ending().await
    }

    /// Publishes an event: `fields` and its name.
    ///
    /// # Errors
    /// If it fails.
    pub async fn event(&self, name: &str, fields: &Fields) -> Result<(), LaunchError> {
        self.send_event(&EventRequest::new(name, fields)).await
    }

    /// Publishes an event that may have a key, be kept for those who wait for it later, or be for one process alone.
    ///
    /// # Errors
    /// If it fails.
    pub async fn send_event(&self, request: &EventRequest) -> Result<(), LaunchError> {
        check_event(request)?;
        let message = event(&self.events, request, &new_id()?, None);
        self.publish(message).await
    }

    /// Publishes an event as [`Self::event`] does, and waits until the engine says who waited for it.
    ///
    /// # Errors
    /// As for [`Self::send_event_and_wait`].
    pub async fn event_and_wait(
        &self,
        name: &str,
        fields: &Fields,
    ) -> Result<EventOutcome, LaunchError> {
        let request = EventRequest::new(name, fields);
        self.send_event_and_wait(&request).await
    }

    /// Publishes an event as [`Self::send_event`] does, and waits until the engine says who waited for it: once it is
    /// handed out to all of them, or how many had it after 10 seconds. An engine that is started again meanwhile says
    /// nothing.
    ///
    /// # Errors
    /// When the event does not get through, is refused, or no engine says anything in time.
    pub async fn send_event_and_wait(
        &self,
        request: &EventRequest,
    ) -> Result<EventOutcome, LaunchError> {
        check_event(request)?;
        let id = new_id()?;
        let message = event(&self.events, request, &id, Some(&self.reply_to(&id)));
        match self.replied(&id, message).await? {
            Reply::Event(outcome) => Ok(outcome),
            Reply::Rejected { reasons } => Err(LaunchError::Rejected { reasons }),
            Reply::Launched { .. }
            | Reply::Completed { .. }
            | Reply::Failed { .. }
            | Reply::Cancelled { .. } => Err(LaunchError::OutOfOrder),
        }
    }

    /// Cancels a process, and waits until that is durable; what its scopes run at their ends may still run. To users who
    /// did not launch it and whom the policy does not let, the engine says that there is no such process.
    ///
    /// # Errors
    /// When the request does not get through, is refused, or no engine says anything in time.
    pub async fn cancel(
        &self,
        process: ProcessId,
        reason: &str,
    ) -> Result<CancelOutcome, LaunchError> {
        let id = new_id()?;
        let request = CancelRequest {
            process,
            reason: reason.to_owned(),
        };
        let message = cancel(&self.launches, &request, &id, Some(&self.reply_to(&id)));
        match self.replied(&id, message).await? {
            Reply::Cancelled { outcome, .. } => Ok(outcome),
            Reply::Rejected { reasons } => Err(LaunchError::Rejected { reasons }),
            Reply::Launched { .. }
            | Reply::Completed { .. }
            | Reply::Failed { .. }
            | Reply::Event(_) => Err(LaunchError::OutOfOrder),
        }
    }

    /// Publishes a message, and waits for its only reply.
    async fn replied(&self, id: &str, message: Outgoing) -> Result<Reply, LaunchError> {
        let mut replies = self.waiting.wait(id);
        self.publish(message).await?;
        let reply = tokio::time::timeout(self.reply_timeout, replies.recv()).await;
        let reply = reply.map_err(|_| LaunchError::TimedOut(self.reply_timeout))?;
        Ok(reply.ok_or(LaunchError::Closed)??)
    }

    /// Whether the broker blocks publishing, as it does while it lacks memory or disk space.
    pub fn blocking(&self) -> Blocking {
        self.blocking.clone()
    }

    /// Closes the connection cleanly; dropping the launcher closes it too.
    pub async fn close(self) {
        // It may already be closed.
        let _ = self.connection.close(200, "bye".into()).await;
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.replies.abort();
        self.alarms.abort();
    }
}

/// A random UUID.
fn new_id() -> Result<String, LaunchError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| LaunchError::Random(error.to_string()))?;
    Ok(uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string())
}

/// The engine could make nothing of such an event.
fn check_event(event: &EventRequest) -> Result<(), LaunchError> {
    let limit = WireLimits::default().name_bytes;
    let bytes = event.name.len();
    if !(1..=limit).contains(&bytes) {
        return Err(LaunchError::EventName { bytes, limit });
    }
    let (limit, bytes) = (NameLimits::KEY, event.key.as_ref().map_or(1, String::len));
    if !(1..=limit).contains(&bytes) {
        return Err(LaunchError::EventKey { bytes, limit });
    }
    match event.keep {
        Some(keep) if keep.0 == 0 || keep > Millis::LONGEST => Err(LaunchError::EventKeep(keep)),
        Some(_) | None => Ok(()),
    }
}
