//! The section `[participants]`: in which format and where tasks go to which participants.
//!
//! A key is a participant's name, or a prefix of it that ends with `*`; the most specific one
//! counts. A value is the format, and perhaps a destination:
//!
//! ```ini
//! [participants]
//! shop.* = celery-workitem queue=shop
//! shop.charge = taskqueue
//! ```
//!
//! What a route means is `bureaucrat-wire`'s. Here it is read, and held against the names that are
//! the engine's own.

use super::{Configuration, IniFile, Origin, Resolved, ini};
use crate::broker;
use anyhow::{Context, anyhow};
use bureaucrat_wire::{Destination, Pattern, Route, Routes, SHORT_TEXT_BYTES_MAX, Via};
use serde_json::json;

/// The section's name.
pub const PARTICIPANTS: &str = "participants";

/// What a value may look like, for errors.
const FORM: &str = "FORMAT [queue=NAME] [exchange=NAME] [routing_key=KEY]";

/// A line of the section.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub line: usize,
    pub key: &'a str,
    pub value: &'a str,
}

/// Why a line can't be used; it says which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{key} = {value}` in [{PARTICIPANTS}]: {reason}")]
pub struct RouteError {
    line: usize,
    key: String,
    value: String,
    reason: String,
}

/// The routes that a configuration and its file come to, and how `config` shows them.
///
/// # Errors
/// With the first line that can't be used.
pub fn routes_of(
    configuration: &Configuration,
    ini: &IniFile,
    celery_queue: Option<String>,
) -> anyhow::Result<(Routes, Vec<Resolved>)> {
    let mut own = broker::engine_queues(configuration);
    own.push(configuration.notice_exchange.clone());
    own.push(configuration.cancel_exchange.clone());
    own.push(configuration.results.exchange.clone());
    if let Some(queue) = &celery_queue {
        check("celery_queue", queue, &own)
            .map_err(|reason| anyhow!("`celery_queue = {queue}`: {reason}"))?;
    }
    let names = Names {
        own: &own,
        celery_queue: celery_queue.as_deref(),
    };
    let found: Vec<_> = ini.entries(PARTICIPANTS).collect();
    let entries = found.iter().map(|(entry, value)| Entry {
        line: entry.line,
        key: &entry.key,
        value,
    });
    let default = Via::of(configuration.dialect, configuration.task_queue);
    let path = ini.path().display();
    let routes = routes(default, entries, names).with_context(|| path.to_string())?;
    let shown = routes.iter().map(|route| {
        let name = route.pattern.to_string();
        let line = found.iter().find(|(entry, _)| entry.key == name);
        let origin = |(entry, _): &(&ini::Entry, String)| Origin::File {
            path: ini.path().to_owned(),
            line: entry.line,
        };
        Resolved {
            name: format!("{PARTICIPANTS}.{name}"),
            value: json!(route.to_string()),
            unit: None,
            origin: line.map_or(Origin::Default, origin),
        }
    });
    let shown = shown.collect();
    Ok((routes, shown))
}

/// The names that no task may go to, and what Celery's queue is called.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Queues and exchanges of the engine.
    pub own: &'a [String],
    /// The queue of Celery's workers, where it is not the exchange `celery`.
    pub celery_queue: Option<&'a str>,
}

/// Reads the section; `default` is the format for every participant that is not in it.
///
/// # Errors
/// With the first line that can't be used.
pub fn routes<'a>(
    default: Via,
    entries: impl IntoIterator<Item = Entry<'a>>,
    names: Names<'_>,
) -> Result<Routes, RouteError> {
    let mut routes = Vec::new();
    for entry in entries {
        let route = route(entry, names.own).map_err(|reason| RouteError {
            line: entry.line,
            key: entry.key.to_owned(),
            value: entry.value.to_owned(),
            reason,
        })?;
        routes.push(route);
    }
    if let Some(queue) = names.celery_queue {
        let everybody = Pattern::Prefix(String::new());
        let is_default = default.is_celery();
        if is_default && !routes.iter().any(|route| route.pattern == everybody) {
            routes.push(Route {
                pattern: everybody,
                via: default,
                destination: Destination::default(),
            });
        }
        let is_celery = |route: &&mut Route| route.via.is_celery();
        for route in routes.iter_mut().filter(is_celery) {
            if route.destination == Destination::default() {
                route.destination.queue = Some(queue.to_owned());
            }
        }
    }
    let celery_queue = names.celery_queue.map(str::to_owned);
    Ok(Routes::new(default, routes).with_celery_queue(celery_queue))
}

fn route(entry: Entry<'_>, own: &[String]) -> Result<Route, String> {
    let pattern = Pattern::parse(entry.key).ok_or(
        "the key must be a participant's name, or its beginning followed by one `*` at the \
                end",
    )?;
    let mut words = entry.value.split_whitespace();
    let first = words.next().ok_or_else(|| format!("expected {FORM}"))?;
    let via: Via = first
        .parse()
        .map_err(|error| format!("{error}; expected {FORM}"))?;
    let mut destination = Destination::default();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("`{word}` is not NAME=VALUE; expected {FORM}"))?;
        let place = match name {
            "queue" => &mut destination.queue,
            "exchange" => &mut destination.exchange,
            "routing_key" | "routing-key" => &mut destination.routing_key,
            _ => return Err(format!("`{name}` is not known; expected {FORM}")),
        };
        if place.is_some() {
            return Err(format!("`{name}` is given twice"));
        }
        check(name, value, own)?;
        *place = Some(value.to_owned());
    }
    let Destination {
        queue,
        exchange,
        routing_key,
    } = &destination;
    if exchange.is_none() && queue.is_some() && routing_key.is_some() && queue != routing_key {
        return Err(format!(
            "without an exchange a task goes straight to the queue `{}`; leave `routing_key` out, or name the exchange",
            queue.as_deref().unwrap_or_default()
        ));
    }
    Ok(Route {
        pattern,
        via,
        destination,
    })
}

/// Refuses what can't be a destination, or must not be one.
fn check(name: &str, value: &str, own: &[String]) -> Result<(), String> {
    if value.is_empty() {
        return Err(format!("`{name}` is empty"));
    }
    if value.len() > SHORT_TEXT_BYTES_MAX {
        let bytes = value.len();
        return Err(format!(
            "`{name}` has {bytes} bytes, more than the {SHORT_TEXT_BYTES_MAX} of AMQP"
        ));
    }
    if own.iter().any(|own| own == value) {
        return Err(format!(
            "`{value}` is the engine's own; tasks need a queue that a worker consumes from"
        ));
    }
    if name != "routing_key" && (value.starts_with("amq.") || value.ends_with(".pidbox")) {
        return Err(format!(
            "`{value}` is a name that the broker or Celery keeps for itself"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(lines: &[(&str, &str)], celery_queue: Option<&str>) -> Result<Routes, String> {
        let own = ["bureaucrat".to_owned(), "bureaucrat.processes".to_owned()];
        let entries = lines.iter().enumerate();
        let entries = entries.map(|(at, (key, value))| Entry {
            line: at + 3,
            key,
            value,
        });
        let names = Names {
            own: &own,
            celery_queue,
        };
        routes(Via::CeleryWorkitem, entries, names).map_err(|error| error.to_string())
    }

    #[test]
    fn ways_and_destinations_are_read() {
        let lines = [
            (
                "shop.charge",
                "celery-workitem queue=shop exchange=celery routing_key=shop",
            ),
            ("shop.*", "taskqueue"),
            ("Print", "message   routing-key=printers exchange=work"),
        ];
        let routes = read(&lines, None).unwrap();
        let shown: Vec<String> = routes
            .iter()
            .map(|route| format!("{} = {route}", route.pattern))
            .collect();
        assert_eq!(
            shown,
            [
                "shop.charge = celery-workitem queue=shop exchange=celery routing_key=shop",
                "shop.* = taskqueue",
                "Print = message exchange=work routing_key=printers",
            ]
        );
    }

    #[test]
    fn another_queue_of_celery_holds_where_a_line_names_none() {
        let lines = [
            ("a", "celery-workitem"),
            ("b", "celery-workitem queue=own"),
            ("c", "taskqueue"),
        ];
        let routes = read(&lines, Some("jobs")).unwrap();
        let shown: Vec<String> = routes.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "celery-workitem queue=jobs",
                "celery-workitem queue=own",
                "taskqueue",
                "celery-workitem queue=jobs",
            ]
        );
    }

    #[test]
    fn a_line_that_can_not_be_used_says_why() {
        let cases = [
            (
                ("shop.charge", "celery-task queue=shop"),
                "`celery-task` is not one of: taskqueue, celery-workitem, message, celery-message, \
                 celery, request",
            ),
            (("a", ""), "expected FORMAT [queue=NAME]"),
            (("a", "taskqueue shop"), "`shop` is not NAME=VALUE"),
            (
                ("a", "taskqueue que=shop"),
                "`que` is not known; expected FORMAT",
            ),
            (("a", "taskqueue queue=x queue=y"), "`queue` is given twice"),
            (("a", "taskqueue queue="), "`queue` is empty"),
            (("a.*.b", "taskqueue"), "one `*` at the end"),
            (("a", "taskqueue queue=bureaucrat"), "the engine's own"),
            (
                ("a", "message exchange=bureaucrat.processes"),
                "the engine's own",
            ),
            (("a", "taskqueue queue=amq.gen-x"), "keeps for itself"),
            (
                ("a", "celery-workitem exchange=celery.pidbox"),
                "keeps for itself",
            ),
            (
                ("a", "taskqueue queue=x routing_key=y"),
                "leave `routing_key` out",
            ),
        ];
        for ((key, value), reason) in cases {
            let error = read(&[(key, value)], None).unwrap_err();
            let start = format!("line 3: `{key} = {value}` in [participants]: ");
            assert!(error.starts_with(&start), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        let long = "x".repeat(256);
        let error = read(&[("a", &format!("taskqueue queue={long}"))], None).unwrap_err();
        assert!(error.contains("256 bytes"), "{error}");
    }
}
