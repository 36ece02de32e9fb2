//! Assembles the engine: store, sandbox, host, broker, control socket; and shuts it down in reverse
//! order.

mod answers;
mod ending;
mod standing;

use crate::{
    arguments::RuntimeGuests, broker, commands, configuration::Configuration, control, files,
    handles, lapses::Lapses,
};
use answers::Answers;
use anyhow::{Context, anyhow};
use bureaucrat_host::{Committing, Host, HostConfig, HostError, clock::SystemClock};
use bureaucrat_model::Millis;
use bureaucrat_policy::Policy;
use bureaucrat_sandbox::{CacheConfig, RuntimeClass, Sandbox, SandboxConfig};
use bureaucrat_store::{Store, StoreError};
use ending::Ending;
use standing::{Desk, Ready};
use std::{mem::ManuallyDrop, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

const MACHINE_CODE: &str = "machine-code";
/// The key that authenticates machine code, in the storage.
const MACHINE_CODE_KEY: &str = "machine-code.key";
/// Threads for talking to the broker.
const BROKER_THREADS: usize = 2;
/// Threads that drive shards, and evaluate cheap conditions.
const DRIVERS: usize = 1;
/// Threads that evaluate other conditions.
const COMPUTE_THREADS: usize = 2;
/// Operators for whom conditions are evaluated at the same time.
const OPERATORS: usize = 1;

/// Runs the engine until a signal ends it. Calls `ready` once it runs; the broker may be
/// unreachable then.
///
/// # Errors
/// If the storage cannot be used, at startup or later. What is not committed is not acknowledged.
pub fn run(
    configuration: &Configuration,
    ready: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for remark in &configuration.remarks {
        tracing::warn!("{remark}");
    }
    handles::raise();
    broker::check_queues(configuration).context("the engine's queues")?;
    let policy = policy(configuration)?;
    let lapses = Lapses::open(&configuration.storage);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(BROKER_THREADS)
        .thread_name("broker")
        .enable_all()
        .build()
        .context("cannot start the threads for the broker")?;
    // It lives as long as the process: a thread of the AMQP library that is just connecting would
    // panic if its runtime were gone.
    let runtime = ManuallyDrop::new(runtime);
    // Catch signals before there is anything that they could interrupt.
    let mut ending = Ending::catch(&runtime)?;
    let desk = Desk::default();
    let asked = desk.clone();
    let socket = control::serve(&configuration.storage, move |query, asker| {
        asked.answer(query, asker)
    })?;
    let mut ready = Ready::new(ready);
    let Some(store) = standing::open(configuration, &desk, &ending, &mut ready)? else {
        tracing::info!("bureaucrat has stopped");
        return Ok(());
    };
    for table in store.damaged_tables() {
        tracing::error!(
            table = table.name(),
            "files of this table are damaged and are no longer merged; stop the engine when you \
             can, and run `bureaucrat fsck`"
        );
    }
    let host = Host::open(
        HostConfig {
            policy,
            ..host_config(configuration)
        },
        store.clone() as Arc<dyn Store>,
        Arc::new(SystemClock::new()),
        sandbox(configuration)?,
        files::draw_secret()?,
    )?;
    handles::enough()?;
    ending.of_failure(&host)?;
    reload_on_hangup(&runtime, &host, configuration.policy.clone())?;
    let broker = broker::start(
        configuration,
        &host,
        store.clone(),
        lapses.wait(),
        runtime.handle(),
    )?;
    host.start(broker.clone())?;
    let answers = Answers {
        host: host.clone(),
        store: store.clone(),
        broker: broker.clone(),
        runtime: runtime.handle().clone(),
    };
    let stop_http = serve_http(configuration, answers.clone())?;
    desk.open(answers);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        process = std::process::id(),
        storage = %configuration.storage.display(),
        broker = %configuration.amqp,
        "bureaucrat is running"
    );
    ready.tell()?;
    let (mut foreign, mut taken) = (None, None);
    runtime.block_on(async {
        tokio::select! {
            words = broker.foreign() => foreign = Some(words),
            error = store.clone().taken() => taken = Some(error),
            signal = ending.wait() => match signal {
                Some(name) => tracing::info!("{name}: finishing the work in progress"),
                None => tracing::error!("the engine stops because of an error"),
            },
        }
    });
    if host.failure().is_none() {
        // What clients wait for is carried out by an engine that still works.
        stop_http();
    }
    broker.stop_consuming();
    host.stop();
    runtime.block_on(broker.shutdown());
    store.release();
    drop(socket);
    if let Some(error) = taken {
        return Err(anyhow!(error).context("the engine cannot continue"));
    }
    match (host.failure(), foreign) {
        (Some(failure), _) => {
            // The storage is fine where another engine has it.
            if !matches!(failure, HostError::Store(StoreError::Fenced { .. })) {
                lapses.note();
            }
            Err(anyhow!(failure).context("the engine cannot continue"))
        }
        (None, Some(words)) => Err(anyhow!(words)),
        (None, None) => {
            lapses.forget();
            tracing::info!("bureaucrat has stopped");
            Ok(())
        }
    }
}

/// Serves the HTTP API, if a setting says where. Returns what stops it.
#[cfg(feature = "http")]
fn serve_http(
    configuration: &Configuration,
    answers: Answers,
) -> anyhow::Result<Box<dyn FnOnce()>> {
    let Some(http) = &configuration.http else {
        return Ok(Box::new(|| ()));
    };
    let settings = bureaucrat_http::Settings {
        listen: http.listen,
        hosts: http.hosts.clone(),
        tls: http.tls.clone(),
        storage: configuration.storage.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let server = bureaucrat_http::serve(&settings, Arc::new(answers))
        .context("the HTTP API cannot be served")?;
    let scheme = match http.tls {
        Some(_) => "https",
        None => "http",
    };
    tracing::info!("the HTTP API is at {scheme}://{}/api/v1", server.address);
    Ok(Box::new(move || server.stop()))
}

#[cfg(not(feature = "http"))]
fn serve_http(configuration: &Configuration, _: Answers) -> anyhow::Result<Box<dyn FnOnce()>> {
    match configuration.http {
        Some(_) => Err(anyhow!(
            "this program was built without HTTP (the cargo feature `http`); remove the setting `http_listen`"
        )),
        None => Ok(Box::new(|| ())),
    }
}

/// The initial policy; an engine whose policy cannot be read does not run without one.
fn policy(configuration: &Configuration) -> anyhow::Result<Option<Arc<Policy>>> {
    let Some(file) = &configuration.policy else {
        return Ok(None);
    };
    let policy =
        commands::policy::load(file).context("the engine cannot start without its policy")?;
    tracing::info!(file = %file.display(), "the policy is in force");
    Ok(Some(Arc::new(policy)))
}

/// Reads the policy again on each SIGHUP. An invalid one changes nothing.
fn reload_on_hangup(runtime: &Runtime, host: &Host, file: Option<PathBuf>) -> anyhow::Result<()> {
    let _context = runtime.enter();
    let mut hangup = signal(SignalKind::hangup()).context("cannot catch signals")?;
    let host = host.clone();
    runtime.spawn(async move {
        while hangup.recv().await.is_some() {
            let Some(file) = &file else {
                tracing::warn!("SIGHUP: there is no policy file to reload; name one with --policy");
                continue;
            };
            match commands::policy::load(file) {
                Ok(policy) => {
                    host.replace_policy(Arc::new(policy));
                    tracing::info!(file = %file.display(), "SIGHUP: the new policy is in force");
                }
                Err(error) => {
                    tracing::error!(
                        "SIGHUP: the policy file is not valid, the old one stays in force: \
                         {error:#}"
                    );
                }
            }
        }
    });
    Ok(())
}

fn host_config(configuration: &Configuration) -> HostConfig {
    let queues = broker::engine_queues(configuration);
    configuration.memory.of_host(HostConfig {
        routes: configuration.routes.clone(),
        launch_queue: configuration.launch_queue.clone(),
        message_queue: configuration.message_queue.clone(),
        event_queue: configuration.event_queue.clone(),
        results: configuration.results.clone(),
        dead_letter_queue: configuration.dead_letter_queue.clone(),
        notice_exchange: configuration.notice_exchange.clone(),
        engine_queues: queues,
        cancel_exchange: configuration.cancel_exchange.clone(),
        engine_exchanges: broker::engine_exchanges(configuration),
        celery_events: configuration.celery_events,
        on_fault: configuration.on_fault,
        retention: millis(configuration.retention),
        audit_retention: millis(configuration.audit_retention),
        committing: match configuration.store {
            Some(_) => Committing::Beside,
            None => Committing::Inline,
        },
        ..HostConfig::default()
    })
}

fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// The sandbox, with a slot for each thread that may evaluate.
fn sandbox(configuration: &Configuration) -> anyhow::Result<Sandbox> {
    let storage = &configuration.storage;
    let cache = CacheConfig {
        folder: storage.join(MACHINE_CODE),
        key: files::secret(&storage.join(MACHINE_CODE_KEY))?,
    };
    Sandbox::new(SandboxConfig {
        threads: DRIVERS + COMPUTE_THREADS + OPERATORS,
        limits: configuration.limits,
        cache: Some(cache),
        runtime_class: match configuration.runtime_guests {
            RuntimeGuests::Allowed => RuntimeClass::Allowed,
            RuntimeGuests::Refused => RuntimeClass::Refused,
        },
        worker: commands::worker()?,
    })
    .context("cannot set up the sandbox")
}
