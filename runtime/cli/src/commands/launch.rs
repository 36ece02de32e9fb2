//! `launch`: starts a process through the broker, and waits for its end when asked to.

use super::{id, print_line, settings};
use crate::{
    Exit,
    arguments::{Event, Launch, Options},
    configuration::Configuration,
    files,
    progress::Progress,
};
use anyhow::{Context, anyhow, bail};
use bureaucrat_client::{Ending, LaunchError, Launcher, LauncherConfig};
use bureaucrat_model::{Fields, ProcessId};
use serde_json::json;
use std::{future::Future, time::Duration};
use tokio::{runtime::Runtime, time::timeout};

/// How long broker and engine may take for a launch or an event when nobody says.
const PATIENCE: Duration = Duration::from_secs(30);

/// Launches, prints the id or the final fields.
pub fn run(options: &Options, launch: &Launch) -> anyhow::Result<Exit> {
    let definition = files::read_text(&launch.file)?;
    let fields = files::fields(launch.fields.as_deref(), &launch.field)?;
    let settings = settings(options)?;
    let patience = launch.timeout.unwrap_or(PATIENCE);
    let mut config = launcher(&settings, patience);
    if let Some(exchange) = &launch.exchange {
        config.exchange.clone_from(exchange);
    }
    if let Some(routing_key) = &launch.routing_key {
        config.routing_key.clone_from(routing_key);
    }
    let started = std::time::Instant::now();
    let runtime = runtime()?;
    runtime.block_on(async {
        let launcher = connected(&config, patience).await?;
        let launched = within(patience, "launching", launcher.launch(&definition, &fields)).await;
        let Some(launched) = launched else {
            return Err(silent(patience));
        };
        let launched = match launched {
            Ok(launched) => launched,
            Err(LaunchError::Rejected { reasons }) => return rejected(launch, &reasons),
            Err(LaunchError::TimedOut(_)) => return Err(silent(patience)),
            Err(error) => return Err(error.into()),
        };
        let process = launched.process();
        if !launch.wait {
            let line = json!({"status": "launched", "process": id(process)}).to_string();
            print_line(&if launch.json {
                line
            } else {
                process.to_string()
            })?;
            return Ok(Exit::Done);
        }
        if !launch.json {
            eprintln!("process {process}");
        }
        let waiting = "waiting for the process to end";
        let Some(patience) = launch.timeout else {
            let progress = Progress::start(waiting);
            let ending = launched.ending().await;
            drop(progress);
            return finish(launch, process, ending?);
        };
        match within(
            patience.saturating_sub(started.elapsed()),
            waiting,
            launched.ending(),
        )
        .await
        {
            Some(ending) => finish(launch, process, ending?),
            None => {
                eprintln!("bureaucrat: the process has not ended yet; it goes on");
                Ok(Exit::TimedOut)
            }
        }
    })
}

fn silent(patience: Duration) -> anyhow::Error {
    anyhow!(
        "no engine answered in {} s; the launch stays in its queue until one does",
        patience.as_secs()
    )
}

fn rejected(launch: &Launch, reasons: &[String]) -> anyhow::Result<Exit> {
    if launch.json {
        print_line(&json!({"status": "rejected", "reasons": reasons}).to_string())?;
    } else {
        for reason in reasons {
            eprintln!("rejected: {reason}");
        }
    }
    Ok(Exit::Failed)
}

fn finish(launch: &Launch, process: ProcessId, ending: Ending) -> anyhow::Result<Exit> {
    let process = id(process);
    match ending {
        Ending::Completed(fields) => {
            let fields = fields.to_json();
            print_line(&if launch.json {
                format!(r#"{{"status": "completed", "process": {process}, "fields": {fields}}}"#)
            } else {
                fields
            })?;
            Ok(Exit::Done)
        }
        Ending::Failed {
            code,
            message,
            activity,
            line,
        } => {
            if launch.json {
                let fault =
                    json!({"code": code, "message": message, "activity": activity, "line": line});
                print_line(
                    &json!({"status": "failed", "process": process, "fault": fault}).to_string(),
                )?;
            } else {
                eprintln!("failed: {code}: {message} (activity {activity}, line {line})");
            }
            Ok(Exit::Failed)
        }
    }
}

pub fn publish_event(options: &Options, event: &Event, fields: &Fields) -> anyhow::Result<Exit> {
    let patience = event.timeout.unwrap_or(PATIENCE);
    let mut config = launcher(&settings(options)?, patience);
    if let Some(exchange) = &event.exchange {
        config.exchange.clone_from(exchange);
    }
    if let Some(routing_key) = &event.routing_key {
        config.event_routing_key.clone_from(routing_key);
    }
    runtime()?.block_on(async {
        let launcher = connected(&config, patience).await?;
        match within(
            patience,
            "publishing the event",
            launcher.event(&event.name, fields),
        )
        .await
        {
            Some(published) => published?,
            None => bail!(
                "the broker did not confirm the event in {} s",
                patience.as_secs()
            ),
        }
        if event.json {
            print_line(&json!({"status": "published"}).to_string())?;
        }
        Ok(Exit::Done)
    })
}

fn launcher(settings: &Configuration, patience: Duration) -> LauncherConfig {
    LauncherConfig {
        routing_key: settings.launch_queue.clone(),
        event_routing_key: settings.event_queue.clone(),
        reply_timeout: patience,
        ..LauncherConfig::new(settings.amqp.clone())
    }
}

/// One thread is enough for one message.
fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the connection's runtime can't be started")
}

async fn connected(config: &LauncherConfig, patience: Duration) -> anyhow::Result<Launcher> {
    match within(
        patience,
        "connecting to the broker",
        Launcher::connect(config),
    )
    .await
    {
        Some(launcher) => Ok(launcher?),
        None => Err(anyhow!(
            "the broker did not answer in {} s",
            patience.as_secs()
        )),
    }
}

/// What comes of `work`, or `None` when it takes longer than `patience`.
async fn within<T>(
    patience: Duration,
    what: &'static str,
    work: impl Future<Output = T>,
) -> Option<T> {
    let progress = Progress::start(what);
    let done = timeout(patience, work).await;
    drop(progress);
    done.ok()
}
