//! `launch`: starts a process through the broker, and waits for its end if requested.

use super::{check, id, print_line, settings};
use crate::{
    Exit,
    arguments::{Launch, Options},
    configuration::Configuration,
    failure::{Failure, Kind},
    files,
    progress::Progress,
    screen::{clean, tell},
};
use anyhow::{Context, bail};
use bureaucrat_client::{
    Duplicate, Ending, LaunchError, Launcher, LauncherConfig, NamedLaunch, Refusals,
};
use bureaucrat_model::{DefinitionRef, Fields, JsonText, ProcessId};
use serde_json::json;
use std::{
    future::Future,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, time::timeout};

/// How long broker and engine may take for a launch or an event by default.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How much longer connecting may take than one attempt, to report how that ended.
const GRACE: Duration = Duration::from_millis(500);

/// Launches, prints the id or the final fields.
pub fn run(options: &Options, launch: &Launch) -> anyhow::Result<Exit> {
    let given = files::Given {
        object: launch.fields.as_deref(),
        single: &launch.field,
        texts: &launch.text,
    };
    let wanted = match deployed_name(&launch.definition) {
        Some(process) => Wanted::Named(NamedLaunch {
            process,
            fields: files::fields(&given)?,
            key: launch.key.clone(),
            duplicate: match launch.replace {
                true => Duplicate::Replace,
                false => Duplicate::Refuse,
            },
        }),
        None if launch.key.is_some() => bail!(
            "--key needs a deployed definition: deploy {} first, and launch it by its name",
            launch.definition.display()
        ),
        None => {
            check_name(&launch.definition)?;
            let definition = files::read_text(&launch.definition)?;
            let fields = files::launch_fields(&definition, &given)?;
            for warning in files::undeclared(&definition, &given, &fields) {
                tell(&format!("warning: {warning}"));
            }
            Wanted::Definition { definition, fields }
        }
    };
    let settings = settings(options)?;
    let patience = launch.timeout.unwrap_or(PATIENCE);
    let mut config = launcher(&settings, patience);
    if let Some(exchange) = &launch.exchange {
        config.exchange.clone_from(exchange);
    }
    if let Some(routing_key) = &launch.routing_key {
        config.routing_key.clone_from(routing_key);
    }
    runtime()?.block_on(launched(options, launch, &config, patience, &wanted))
}

/// What is launched.
enum Wanted {
    /// A deployed definition.
    Named(NamedLaunch),
    /// One that comes along.
    Definition { definition: String, fields: Fields },
}

/// The name of a deployed definition, unless it is or looks like a file.
fn deployed_name(given: &Path) -> Option<DefinitionRef> {
    let text = given.to_str()?;
    let is_path = text.contains('/') || text.ends_with(".xml") || given.exists();
    text.parse().ok().filter(|_| !is_path)
}

/// Refuses what is neither a file nor the name of a deployed definition.
fn check_name(given: &Path) -> anyhow::Result<()> {
    let text = given.to_str().unwrap_or_default();
    let is_path = text == "-" || text.contains('/') || text.ends_with(".xml") || given.exists();
    match text.parse::<DefinitionRef>() {
        Err(error) if !is_path => {
            bail!("there is no file `{text}`, and it can't be the name of a definition: {error}")
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn launched(
    options: &Options,
    launch: &Launch,
    config: &LauncherConfig,
    patience: Duration,
    wanted: &Wanted,
) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let launcher = connected(config, patience).await?;
    let left = patience.saturating_sub(started.elapsed());
    let launching = attentive(&launcher, async {
        match wanted {
            Wanted::Named(named) => launcher.launch_named(named).await,
            Wanted::Definition { definition, fields } => launcher.launch(definition, fields).await,
        }
    });
    let launched = within(left, "launching", launching).await;
    let launched = match launched {
        Some(Ok(launched)) => launched,
        Some(Err(LaunchError::Rejected { reasons })) => {
            return rejected(options, launch, wanted, &reasons);
        }
        Some(Err(LaunchError::TimedOut(_))) | None => {
            return Err(silent(&launcher, "launch", patience));
        }
        Some(Err(LaunchError::Closed)) => return Err(lost_before_reply()),
        Some(Err(error)) => return Err(error.into()),
    };
    let process = launched.process();
    if launch.json {
        print_line(&json!({"status": "launched", "process": id(process)}).to_string())?;
    } else if launch.wait {
        tell(&format!("process {process}"));
    } else {
        print_line(&process.to_string())?;
    }
    if !launch.wait {
        return Ok(Exit::Done);
    }
    let waiting = "waiting for the process to end";
    let Some(patience) = launch.timeout else {
        let progress = Progress::start(waiting);
        let ending = launched.ending().await;
        drop(progress);
        return finish(launch, process, ending);
    };
    let left = patience.saturating_sub(started.elapsed());
    match within(left, waiting, launched.ending()).await {
        Some(ending) => finish(launch, process, ending),
        None => Err(Failure::new(
            Kind::TimedOut,
            format!(
                "process {process} did not end within {} s; it keeps running, and \
                 `bureaucrat show {process}` shows how far it is",
                patience.as_secs()
            ),
        )
        .into()),
    }
}

/// Nobody answered; `what` was sent. An engine that may not reply can't say so either.
pub(super) fn silent(launcher: &Launcher, what: &str, patience: Duration) -> anyhow::Error {
    let seconds = patience.as_secs();
    if let Some(words) = launcher.blocking().now() {
        let what = format!(
            "the broker still blocks publishing after {seconds} s ({words}): it has not taken the \
             {what}, but may do so when it accepts messages again; `rabbitmq-diagnostics alarms` \
             says what it lacks"
        );
        return Failure::new(Kind::TimedOut, what).into();
    }
    let what = format!(
        "no engine answered within {seconds} s. If none is running, the {what} waits in its queue until \
         one is. If one is running, its policy may forbid it to reply to this program (rule \
         `reply_to`); then its log and `bureaucrat dead list` say what became of the {what}"
    );
    Failure::new(Kind::TimedOut, what).into()
}

fn lost_before_reply() -> anyhow::Error {
    let what = "the connection to the broker was lost before the engine answered; the launch may \
                have reached it anyway: look with `bureaucrat list` before you launch again";
    Failure::new(Kind::Broker, what).into()
}

/// The process is there, whatever became of the connection.
fn lost(process: ProcessId, error: &LaunchError) -> anyhow::Error {
    let what = match *error == LaunchError::Closed {
        true => "the connection to the broker was lost".to_owned(),
        false => error.to_string(),
    };
    let what = format!(
        "{what} while waiting for the end of process {process}; unless it has ended, it keeps \
         running: `bureaucrat show {process}` shows how far it is"
    );
    Failure::new(Kind::Broker, what).into()
}

fn rejected(
    options: &Options,
    launch: &Launch,
    wanted: &Wanted,
    reasons: &[String],
) -> anyhow::Result<Exit> {
    if launch.json {
        print_line(&json!({"status": "rejected", "reasons": reasons}).to_string())?;
        return Ok(Exit::Failed);
    }
    for reason in reasons {
        tell(&format!("rejected: {reason}"));
    }
    let file = &launch.definition;
    match wanted {
        Wanted::Named(_) => {
            let beside = file.with_extension("xml");
            if beside.is_file() {
                let beside = beside.display();
                tell(&format!(
                    "there is a file {beside}: `bureaucrat launch {beside}` launches that"
                ));
            }
        }
        // What a policy forbids, and which names are the engine's own, only the engine can say.
        Wanted::Definition { definition, .. }
            if file != Path::new("-")
                && check::judge(options, definition.as_bytes())?
                    .compiled
                    .is_none() =>
        {
            let file = file.display();
            tell(&format!("`bureaucrat check {file}` shows the places"));
        }
        Wanted::Definition { .. } => {}
    }
    Ok(Exit::Failed)
}

fn finish(
    launch: &Launch,
    process: ProcessId,
    ending: Result<Ending, LaunchError>,
) -> anyhow::Result<Exit> {
    let ending = ending.map_err(|error| lost(process, &error))?;
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
            data,
        } => {
            if launch.json {
                let mut fault =
                    json!({"code": code, "message": message, "activity": activity, "line": line});
                if let Some(data) = data.as_ref().and_then(JsonText::to_value) {
                    fault["data"] = data;
                }
                print_line(
                    &json!({"status": "failed", "process": process, "fault": fault}).to_string(),
                )?;
            } else {
                let place = match line {
                    // What comes from outside is at no line of the definition.
                    0 => String::new(),
                    line => format!(" (activity {activity}, line {line})"),
                };
                let what = match message.is_empty() {
                    true => code,
                    false => format!("{code}: {message}"),
                };
                tell(&clean(&format!("failed: {what}{place}")));
            }
            Ok(Exit::Failed)
        }
    }
}

pub(super) fn launcher(settings: &Configuration, patience: Duration) -> LauncherConfig {
    for remark in settings.amqp.remarks() {
        tell(&format!("warning: {remark}"));
    }
    LauncherConfig {
        // A slip of somebody who sees the refusal is no business of an operator.
        refusals: Refusals::Told,
        routing_key: settings.launch_queue.clone(),
        event_routing_key: settings.event_queue.clone(),
        reply_timeout: patience,
        ..LauncherConfig::new(settings.amqp.clone())
    }
}

/// One thread is enough for one message.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime for the connection")
}

pub(super) async fn connected(
    config: &LauncherConfig,
    patience: Duration,
) -> anyhow::Result<Launcher> {
    // The address's own time ends first, so that the error names who is silent.
    let config = LauncherConfig {
        addresses: config.addresses.clone().within(patience),
        ..config.clone()
    };
    let started = Instant::now();
    let connecting = Launcher::connect(&config);
    match within(patience + GRACE, "connecting to the broker", connecting).await {
        Some(Ok(launcher)) => Ok(launcher),
        Some(Err(error)) if started.elapsed() >= patience => {
            Err(Failure::new(Kind::TimedOut, error.to_string()).into())
        }
        Some(Err(error)) => Err(error.into()),
        None => Err(Failure::new(
            Kind::TimedOut,
            format!("the broker did not answer within {} s", patience.as_secs()),
        )
        .into()),
    }
}

/// Does the work, and says when the broker begins or ceases to block publishing meanwhile.
pub(super) async fn attentive<T>(launcher: &Launcher, work: impl Future<Output = T>) -> T {
    let mut blocking = launcher.blocking();
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            now = blocking.changed() => tell(&match now {
                Some(words) => format!(
                    "the broker blocks publishing ({words}); waiting until it accepts messages"
                ),
                None => "the broker accepts messages again".to_owned(),
            }),
        }
    }
}

/// The result of `work`, or `None` if it takes longer than `patience`.
pub(super) async fn within<T>(
    patience: Duration,
    what: &'static str,
    work: impl Future<Output = T>,
) -> Option<T> {
    let progress = Progress::start(what);
    let done = timeout(patience, work).await;
    drop(progress);
    done.ok()
}
