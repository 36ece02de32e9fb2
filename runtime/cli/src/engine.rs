//! Assembles the engine: store, sandbox, host, broker, control socket; and shuts it down in reverse
//! order.

mod answers;
mod closing;
mod ending;
mod policies;
mod standing;

use crate::{
    arguments::{RuntimeGuests, StoreSharing},
    broker, commands,
    configuration::Configuration,
    control, files, handles,
    lapses::Lapses,
    records::Records,
};
use answers::Answers;
use anyhow::{Context, anyhow};
use bureaucrat_broker_amqp::AmqpBroker;
use bureaucrat_host::{Committing, Host, HostConfig, HostError, clock::SystemClock};
use bureaucrat_model::Millis;
use bureaucrat_policy::Policy;
use bureaucrat_sandbox::{CacheConfig, RuntimeClass, Sandbox, SandboxConfig};
use bureaucrat_store::{Store, StoreError};
use bureaucrat_store_postgres::Change;
use ending::Ending;
use standing::{Desk, Ready};
use std::{mem::ManuallyDrop, sync::Arc, time::Duration};
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle};

const MACHINE_CODE: &str = "machine-code";
/// The key that authenticates machine code, in the storage.
const MACHINE_CODE_KEY: &str = "machine-code.key";
/// Threads for talking to the broker.
const BROKER_THREADS: usize = 2;
/// Threads that drive shards, and evaluate cheap conditions.
const DRIVERS: usize = 1;
/// Threads that evaluate other conditions.
const COMPUTE_THREADS: usize = 2;
/// How long the end of a host may take.
const CLOSING: Duration = Duration::from_secs(5);
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
    let policy = policies::first(configuration)?;
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
    let ending = Ending::catch(&runtime)?;
    let desk = Desk::default();
    let asked = desk.clone();
    let socket = control::serve(&configuration.storage, move |query, asker| {
        asked.answer(query, asker)
    })?;
    let engine = Engine {
        configuration,
        runtime: &runtime,
        sandbox: sandbox(configuration)?,
        desk,
        ending,
        policy,
        policies: policies::reload_on_hangup(&runtime, configuration.policy.clone())?,
        lapses: Lapses::open(&configuration.storage),
    };
    let mut ready = Ready::new(ready);
    loop {
        let Some(store) = standing::open(configuration, &engine.desk, &engine.ending, &mut ready)?
        else {
            break;
        };
        let ended = engine.serve(&store, &mut ready);
        if !closing::close(store, CLOSING) {
            tracing::warn!("a part of the engine still uses the records as they were");
        }
        match ended? {
            Ended::Stopped => {
                engine.lapses.forget();
                break;
            }
            Ended::Changed => {}
        }
    }
    drop(socket);
    tracing::info!("bureaucrat has stopped");
    Ok(())
}

/// The parts of the engine that outlast a host.
struct Engine<'a> {
    configuration: &'a Configuration,
    runtime: &'a Runtime,
    sandbox: Sandbox,
    desk: Desk,
    ending: Ending,
    /// The first policy.
    policy: Option<Arc<Policy>>,
    /// The policies after that.
    policies: watch::Receiver<Option<Arc<Policy>>>,
    lapses: Lapses,
}

/// Why a host has ended that has not failed.
enum Ended {
    Stopped,
    /// The engine is to have other groups of shards.
    Changed,
}

impl Engine<'_> {
    /// Runs a host with the groups of shards that the engine has of the records, until it stops or is to have others.
    fn serve<F: FnOnce() -> anyhow::Result<()>>(
        &self,
        store: &Arc<Records>,
        ready: &mut Ready<F>,
    ) -> anyhow::Result<Ended> {
        let configuration = self.configuration;
        for table in store.damaged_tables() {
            tracing::error!(
                table = table.name(),
                "files of this table are damaged and are no longer merged; stop the engine when you \
                 can, and run `bureaucrat fsck`"
            );
        }
        // A port that is taken must be noticed before anything is done.
        let http = bind_http(configuration)?;
        let newest = self.policies.borrow().clone();
        let host = Host::open(
            HostConfig {
                policy: newest.or_else(|| self.policy.clone()),
                ..host_config(configuration, store)
            },
            store.clone() as Arc<dyn Store>,
            Arc::new(SystemClock::new()),
            self.sandbox.clone(),
            files::draw_secret()?,
        )?;
        handles::enough()?;
        self.ending.of_failure(&host)?;
        let following = self.follow_policies(&host);
        let broker = broker::start(
            configuration,
            &host,
            store.clone(),
            self.lapses.wait(),
            self.runtime.handle(),
        )?;
        host.start(broker.clone())?;
        let answers = Answers {
            host: host.clone(),
            store: store.clone(),
            broker: broker.clone(),
            runtime: self.runtime.handle().clone(),
        };
        let stop_http = match serve_http(http, answers.clone()) {
            Ok(stop_http) => stop_http,
            Err(error) => {
                self.end(&host, &broker, &following);
                store.release();
                return Err(error);
            }
        };
        self.desk.open(answers);
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            process = std::process::id(),
            storage = %configuration.storage.display(),
            broker = %configuration.amqp,
            groups = store.groups().len(),
            "bureaucrat is running"
        );
        ready.tell()?;
        let (mut foreign, mut change) = (None, None);
        self.runtime.block_on(async {
            tokio::select! {
                words = broker.foreign() => foreign = Some(words),
                changed = store.clone().changed() => change = Some(changed),
                signal = self.ending.wait() => match signal {
                    Some(name) => tracing::info!("{name}: finishing the work in progress"),
                    None if self.shares() && host.failure().as_ref().is_some_and(is_fenced) => {
                        tracing::info!("another engine has taken a part of the records");
                    }
                    None => tracing::error!("the engine stops because of an error"),
                },
            }
        });
        if host.failure().is_none() || self.shares() {
            // What clients wait for is carried out by an engine that still works; the next host serves at the same port.
            host.wait_for_no_others();
            stop_http();
        }
        self.end(&host, &broker, &following);
        self.desk.close(match self.ending.signal() {
            None if self.shares() => {
                "this engine takes another part of the records; ask again in a moment"
            }
            Some(_) | None => "this engine ends",
        });
        self.ended(store, &host, foreign, change)
    }

    /// Lets what a host has in progress finish.
    fn end(&self, host: &Host, broker: &AmqpBroker, following: &JoinHandle<()>) {
        broker.stop_consuming();
        host.stop();
        self.runtime.block_on(broker.shutdown());
        following.abort();
    }

    fn shares(&self) -> bool {
        self.configuration.store_sharing == StoreSharing::On
    }

    /// What the end of a host means.
    fn ended(
        &self,
        store: &Records,
        host: &Host,
        foreign: Option<String>,
        change: Option<Change>,
    ) -> anyhow::Result<Ended> {
        let failure = host.failure();
        if self.shares() && self.ending.signal().is_none() && foreign.is_none() {
            // Another engine has taken a part of what this one had.
            let is_over = failure.as_ref().is_none_or(is_fenced);
            let is_changed = matches!(
                change,
                Some(Change::Unbalanced | Change::Lost(StoreError::Fenced { .. }))
            );
            if is_over && (is_changed || failure.is_some()) {
                tracing::info!("the engines share the records in other parts");
                store.retire();
                return Ok(Ended::Changed);
            }
        }
        store.release();
        if let Some(Change::Lost(error)) = change {
            return Err(anyhow!(error).context("the engine cannot continue"));
        }
        match (failure, foreign) {
            (Some(failure), _) => {
                // The storage is fine where another engine has it.
                if !is_fenced(&failure) {
                    self.lapses.note();
                }
                Err(anyhow!(failure).context("the engine cannot continue"))
            }
            (None, Some(words)) => Err(anyhow!(words)),
            (None, None) => Ok(Ended::Stopped),
        }
    }

    /// Puts each new policy in force.
    fn follow_policies(&self, host: &Host) -> JoinHandle<()> {
        let (host, mut policies) = (host.clone(), self.policies.clone());
        policies.mark_unchanged();
        self.runtime.spawn(async move {
            while policies.changed().await.is_ok() {
                let policy = policies.borrow_and_update().clone();
                if let Some(policy) = policy {
                    host.replace_policy(policy);
                    tracing::info!("SIGHUP: the new policy is in force");
                }
            }
        })
    }
}

/// Whether a host has failed because another engine has what it had.
const fn is_fenced(failure: &HostError) -> bool {
    matches!(failure, HostError::Store(StoreError::Fenced { .. }))
}

/// Listens for HTTP, if a setting says where.
#[cfg(feature = "http")]
fn bind_http(configuration: &Configuration) -> anyhow::Result<Option<bureaucrat_http::Bound>> {
    let Some(http) = &configuration.http else {
        return Ok(None);
    };
    let settings = bureaucrat_http::Settings {
        listen: http.listen,
        hosts: http.hosts.clone(),
        tls: http.tls.clone(),
        storage: configuration.storage.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let bound = bureaucrat_http::Bound::new(settings).context("the HTTP API cannot be served")?;
    Ok(Some(bound))
}

/// Serves the HTTP API. Returns what stops it.
#[cfg(feature = "http")]
fn serve_http(
    bound: Option<bureaucrat_http::Bound>,
    answers: Answers,
) -> anyhow::Result<Box<dyn FnOnce()>> {
    let Some(bound) = bound else {
        return Ok(Box::new(|| ()));
    };
    let scheme = bound.scheme().name();
    let server = bound
        .serve(Arc::new(answers))
        .context("the HTTP API cannot be served")?;
    tracing::info!("the HTTP API is at {scheme}://{}/api/v1", server.address);
    Ok(Box::new(move || server.stop()))
}

#[cfg(not(feature = "http"))]
fn bind_http(configuration: &Configuration) -> anyhow::Result<()> {
    match configuration.http {
        Some(_) => Err(anyhow!(
            "this program was built without HTTP (the cargo feature `http`); remove the setting `http_listen`"
        )),
        None => Ok(()),
    }
}

#[cfg(not(feature = "http"))]
fn serve_http((): (), _: Answers) -> anyhow::Result<Box<dyn FnOnce()>> {
    Ok(Box::new(|| ()))
}

fn host_config(configuration: &Configuration, store: &Records) -> HostConfig {
    let sharing = broker::sharing(configuration, store);
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
        sharing,
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
