//! The broker of the engine, set up from the settings.

use crate::configuration::Configuration;
use anyhow::Context;
use bureaucrat_broker_amqp::{AmqpBroker, AmqpConfig, QueueNames};
use bureaucrat_host::Host;
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// Begins to connect for a host. Returns at once, even if the broker is unreachable. No messages
/// are taken before `consume_after` has passed.
pub fn start(
    configuration: &Configuration,
    host: &Host,
    consume_after: Duration,
    runtime: &Handle,
) -> anyhow::Result<Arc<AmqpBroker>> {
    let config = AmqpConfig {
        names: names(configuration),
        queue_type: configuration.queue_type,
        consume_after,
        prefetch: configuration.prefetch,
        in_hand: configuration.memory.in_hand(),
        ..AmqpConfig::new(configuration.amqp.clone(), &host.storage_id())
    };
    let broker = AmqpBroker::start(config, host.events(), runtime)
        .context("cannot use the engine's queues")?;
    Ok(Arc::new(broker))
}

/// The engine's own queues, which may not receive replies.
pub fn engine_queues(configuration: &Configuration) -> Vec<String> {
    let names = names(configuration);
    let queues = names.queues().map(|(_, name)| name.to_owned());
    queues.into()
}

/// Checks that the engine's queues have different names, before anything is opened.
///
/// # Errors
/// If they do not.
pub fn check_queues(configuration: &Configuration) -> anyhow::Result<()> {
    names(configuration).check()?;
    Ok(())
}

/// The owner queue and the queue with the storage's id are named after the launch queue, so that
/// engines with other queues do not compete.
fn names(configuration: &Configuration) -> QueueNames {
    QueueNames {
        launches: configuration.launch_queue.clone(),
        answers: configuration.message_queue.clone(),
        events: configuration.event_queue.clone(),
        results: configuration.results.queue.clone(),
        dead_letters: configuration.dead_letter_queue.clone(),
        owner: format!("{}.owner", configuration.launch_queue),
        storage: format!("{}.storage", configuration.launch_queue),
        processes: configuration.notice_exchange.clone(),
        cancelled: configuration.cancel_exchange.clone(),
        celery: configuration.results.exchange.clone(),
    }
}
