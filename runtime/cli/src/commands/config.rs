//! `config`: the settings that are in force, for whoever wonders which of the four places won.

use super::print_line;
use crate::{
    Exit,
    arguments::{Config, DaemonOptions, LogFormat, Options, RuntimeGuests},
    configuration::{Configuration, without_password},
};
use bureaucrat_sandbox::Setting;
use serde_json::{Map, Value, json};

/// Prints the settings, the password left out.
pub fn run(options: &Options, daemon: &DaemonOptions, config: &Config) -> anyhow::Result<Exit> {
    let settings = Configuration::load(options, daemon)?;
    let shown = view(&settings);
    if config.json {
        print_line(&shown.to_string())?;
        return Ok(Exit::Done);
    }
    let inner = ["participants", "limits"].into_iter().flat_map(|section| {
        let values = shown[section].as_object().into_iter().flatten();
        values.map(move |(name, value)| (format!("{section}.{name}"), value))
    });
    let settings_shown = shown.as_object().into_iter().flatten();
    let settings_shown = settings_shown
        .filter(|(_, value)| !value.is_object())
        .map(|(key, value)| (key.clone(), value));
    for (key, value) in settings_shown.chain(inner) {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        print_line(&format!("{key:<29} {text}"))?;
    }
    for remark in &settings.remarks {
        eprintln!("bureaucrat: {remark}");
    }
    Ok(Exit::Done)
}

fn limits(settings: &Configuration) -> Value {
    Setting::all()
        .map(|setting| {
            (
                setting.name.to_owned(),
                json!(setting.get(&settings.limits)),
            )
        })
        .collect::<Map<_, _>>()
        .into()
}

/// The routes, as they are written in the file.
fn participants(settings: &Configuration) -> Value {
    let routes = settings.routes.iter();
    let shown = routes.map(|route| (route.pattern.to_string(), json!(route.to_string())));
    shown.collect::<Map<_, _>>().into()
}

fn view(settings: &Configuration) -> Value {
    json!({
        "config": settings.source.as_ref().map(|path| path.display().to_string()),
        "amqp": without_password(&settings.amqp),
        "storage": settings.storage.display().to_string(),
        "pid_file": settings.pid_file.display().to_string(),
        "dialect": settings.dialect.to_string(),
        "taskqueue_type": settings.task_queue.to_string(),
        "participants": participants(settings),
        "launch_queue": settings.launch_queue,
        "message_queue": settings.message_queue,
        "event_queue": settings.event_queue,
        "dead_letter_queue": settings.dead_letter_queue,
        "queue_type": settings.queue_type.map(|kind| kind.name()),
        "notice_exchange": settings.notice_exchange,
        "prefetch": settings.prefetch,
        "runtime_guests": match settings.runtime_guests {
            RuntimeGuests::Allowed => "allowed",
            RuntimeGuests::Refused => "refused",
        },
        "retention_seconds": settings.retention.as_secs(),
        "policy": settings.policy.as_ref().map(|path| path.display().to_string()),
        "log": settings.log,
        "log_format": match settings.log_format {
            LogFormat::Human => "human",
            LogFormat::Json => "json",
        },
        "limits": limits(settings),
    })
}
