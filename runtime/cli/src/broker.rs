//! The broker of the engine, set up from the settings.

use crate::configuration::Configuration;
use anyhow::Context;
use bureaucrat_broker_amqp::{AmqpBroker, AmqpConfig, QueueNames};
use bureaucrat_host::broker::BrokerEvents;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Begins to connect; returns at once, also when the broker is away.
pub fn start(
    configuration: &Configuration,
    events: Arc<dyn BrokerEvents>,
    runtime: &Handle,
) -> anyhow::Result<Arc<AmqpBroker>> {
    let config = AmqpConfig {
        names: names(configuration),
        prefetch: configuration.prefetch,
        ..AmqpConfig::new(&configuration.amqp)
    };
    let broker =
        AmqpBroker::start(config, events, runtime).context("the broker's address can't be used")?;
    Ok(Arc::new(broker))
}

/// The queues that are the engine's own: replies may not go there.
pub fn engine_queues(configuration: &Configuration) -> Vec<String> {
    let QueueNames {
        launches,
        answers,
        events,
        dead_letters,
        owner,
        processes: _,
    } = names(configuration);
    vec![launches, answers, events, dead_letters, owner]
}

/// The owner's queue is named after the launch queue, so that engines with other queues are no rivals.
fn names(configuration: &Configuration) -> QueueNames {
    QueueNames {
        launches: configuration.launch_queue.clone(),
        answers: configuration.message_queue.clone(),
        events: configuration.event_queue.clone(),
        dead_letters: configuration.dead_letter_queue.clone(),
        owner: format!("{}.owner", configuration.launch_queue),
        processes: configuration.notice_exchange.clone(),
    }
}
