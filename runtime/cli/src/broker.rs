//! The broker of the engine, set up from the settings.

use crate::{arguments::StoreSharing, configuration::Configuration, records::Records};
use anyhow::Context;
use bureaucrat_broker_amqp::{
    AmqpBroker, AmqpConfig, CELERY_EVENTS, EventsOf, Permit, QueueNames, SharedQueues,
};
use bureaucrat_host::{CeleryEvents, Host, Share, Sharing};
use bureaucrat_model::{ShardGroup, ShardGroups};
use std::{sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// Begins to connect for a host. Returns at once, even if the broker is unreachable. No messages
/// are taken before `consume_after` has passed, and none are sent while the records may be another engine's.
pub fn start(
    configuration: &Configuration,
    host: &Host,
    store: Arc<Records>,
    consume_after: Duration,
    runtime: &Handle,
) -> anyhow::Result<Arc<AmqpBroker>> {
    let config = AmqpConfig {
        names: names(configuration),
        exclusion: store.exclusion(),
        shared: shared_queues(&sharing(configuration, &store)),
        permit: Permit::new(move || store.may_publish()),
        queue_type: configuration.queue_type,
        consume_after,
        celery_events: configuration.celery_events,
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
    let queues = names.queues().into_iter().map(|(_, name)| name.to_owned());
    // Those of the groups have the same names whichever of them this engine has.
    let sharing = of_groups(configuration, ShardGroups::ALL);
    let groups = ShardGroup::all().filter_map(|group| sharing.queue_of(group));
    queues.chain(groups).collect()
}

/// What this engine has of the records.
pub fn sharing(configuration: &Configuration, store: &Records) -> Sharing {
    of_groups(configuration, store.groups())
}

fn of_groups(configuration: &Configuration, groups: ShardGroups) -> Sharing {
    match configuration.store_sharing {
        StoreSharing::On if configuration.store.is_some() => Sharing::Shared(Share {
            groups,
            queue: configuration.shard_queues(),
        }),
        StoreSharing::On | StoreSharing::Off => Sharing::Alone,
    }
}

fn shared_queues(sharing: &Sharing) -> Option<SharedQueues> {
    let Sharing::Shared(share) = sharing else {
        return None;
    };
    Some(SharedQueues {
        all: ShardGroup::all()
            .map(|group| share.queue_of(group))
            .collect(),
        own: share
            .groups
            .iter()
            .map(|group| share.queue_of(group))
            .collect(),
        events: match sharing.has_common() {
            true => EventsOf::This,
            false => EventsOf::Another,
        },
    })
}

/// The engine's own exchanges, which definitions may not send to: nor may they explain failures.
pub fn engine_exchanges(configuration: &Configuration) -> Vec<String> {
    let mut exchanges = vec![
        configuration.notice_exchange.clone(),
        configuration.cancel_exchange.clone(),
        configuration.results.exchange.clone(),
    ];
    if configuration.celery_events == CeleryEvents::Read {
        exchanges.push(CELERY_EVENTS.to_owned());
    }
    exchanges
}

/// Checks that the engine's queues have different names, before anything is opened.
///
/// # Errors
/// If they do not.
pub fn check_queues(configuration: &Configuration) -> anyhow::Result<()> {
    names(configuration).check()?;
    Ok(())
}

/// The owner queue, the queue with the storage's id and that of Celery's events are named after the launch queue, so that
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
        celery_events: format!("{}.celery-events", configuration.launch_queue),
    }
}
