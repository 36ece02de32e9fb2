//! Publishing: as the user of the connection, confirmed, and to a queue.

use crate::{LaunchError, Launcher, Refusals};
use bureaucrat_connect::advised;
use bureaucrat_wire::{Outgoing, REFUSAL_HEADER, REFUSAL_REPLY};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, Error, ErrorKind,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

impl Launcher {
    /// Publishes, waits for the confirm, and checks whether the message was returned.
    ///
    /// It carries the user's name, which the broker checks, so that the engine knows whose it is.
    pub(crate) async fn publish(&self, message: Outgoing) -> Result<(), LaunchError> {
        match self.publish_as(&message, self.user.as_deref()).await {
            // With tokens, for instance, the broker knows the user by another name.
            Err(LaunchError::Refused(words)) if words.contains("user_id") => {
                self.publish_as(&message, None).await
            }
            outcome => outcome,
        }
    }

    async fn publish_as(&self, message: &Outgoing, user: Option<&str>) -> Result<(), LaunchError> {
        let properties = self.properties(message, user)?;
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let (exchange, routing_key) = (short(&message.exchange)?, short(&message.routing_key)?);
        let mut channel = self.channel.lock().await;
        if !channel.status().connected() {
            // The previous message was refused, and its channel closed.
            let opening = tokio::time::timeout(self.reply_timeout, open(&self.connection)).await;
            *channel = opening
                .map_err(|_| LaunchError::TimedOut(self.reply_timeout))?
                .map_err(refused)?;
        }
        let sent = channel
            .basic_publish(exchange, routing_key, options, &message.body, properties)
            .await
            .map_err(refused)?;
        match sent.await.map_err(refused)? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
                Err(LaunchError::Unroutable(returned.routing_key.to_string()))
            }
            Confirmation::Nack(None) | Confirmation::NotRequested => Err(LaunchError::Refused(
                "it did not accept it (basic.nack)".to_owned(),
            )),
        }
    }

    fn properties(
        &self,
        message: &Outgoing,
        user: Option<&str>,
    ) -> Result<BasicProperties, LaunchError> {
        let mut properties = BasicProperties::default().with_delivery_mode(2);
        let ours = &message.properties;
        type Setter = fn(BasicProperties, ShortString) -> BasicProperties;
        let user = user.map(str::to_owned);
        let texts: [(&Option<String>, Setter); 5] = [
            (&ours.content_type, BasicProperties::with_content_type),
            (&ours.message_id, BasicProperties::with_message_id),
            (&ours.reply_to, BasicProperties::with_reply_to),
            (&ours.correlation_id, BasicProperties::with_correlation_id),
            (&user, BasicProperties::with_user_id),
        ];
        for (text, set) in texts {
            if let Some(text) = text {
                properties = set(properties, short(text)?);
            }
        }
        if self.refusals == Refusals::Told && ours.reply_to.is_some() {
            let mut headers = FieldTable::default();
            let value = AMQPValue::LongString(REFUSAL_REPLY.into());
            headers.insert(REFUSAL_HEADER.into(), value);
            properties = properties.with_headers(headers);
        }
        Ok(properties)
    }
}

/// A channel with confirms.
pub(crate) async fn open(connection: &Connection) -> Result<Channel, Error> {
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}

fn short(text: &str) -> Result<ShortString, LaunchError> {
    ShortString::try_new(text).map_err(|error| LaunchError::Refused(error.to_string()))
}

fn refused(error: Error) -> LaunchError {
    if matches!(error.kind(), ErrorKind::ProtocolError(_)) {
        return LaunchError::Refused(words_of(&error));
    }
    LaunchError::Closed
}

/// The broker's words with what to do, where they are its words.
pub(crate) fn words_of(error: &Error) -> String {
    if let ErrorKind::ProtocolError(error) = error.kind() {
        return advised(error.get_id(), error.get_message().as_str());
    }
    error.to_string()
}
