//! `event`: tells the engine that something happened, and the user who waited for it.

use super::{
    finding,
    launch::{self, PATIENCE},
    print_line, settings,
};
use crate::{
    Exit,
    arguments::{Addressed, Event, Options},
    configuration::Configuration,
    control::Control,
    failure::{Failure, Kind},
    files,
};
use anyhow::bail;
use bureaucrat_client::{EventOutcome, EventRequest, Fields, LaunchError, Millis};
use bureaucrat_wire::{Address, WireLimits, decode_event};
use serde_json::json;

pub fn run(options: &Options, event: &Event) -> anyhow::Result<Exit> {
    let fields = files::fields(&files::Given {
        object: event.fields.as_deref(),
        single: &event.field,
        texts: &event.text,
    })?;
    if let Some(words) = reserved(&event.name, &fields) {
        return Err(Failure::new(Kind::Usage, words).into());
    }
    let settings = settings(options)?;
    let request = request(&settings, event, &fields)?;
    let patience = event.timeout.unwrap_or(PATIENCE);
    let mut config = launch::launcher(&settings, patience);
    if let Some(exchange) = &event.exchange {
        config.exchange.clone_from(exchange);
    }
    if let Some(routing_key) = &event.routing_key {
        config.event_routing_key.clone_from(routing_key);
    }
    let outcome = launch::runtime()?.block_on(async {
        let started = std::time::Instant::now();
        let launcher = launch::connected(&config, patience).await?;
        let left = patience.saturating_sub(started.elapsed());
        let handing_out = launcher.send_event_and_wait(&request);
        match launch::within(left, "waiting for the event's outcome", handing_out).await {
            Some(Err(LaunchError::TimedOut(_))) | None => Err(launch::silent("event", patience)),
            Some(Err(LaunchError::Closed)) => Err(Failure::new(
                Kind::Broker,
                "the connection to the broker was lost before the engine answered; the event may \
                 have reached it anyway",
            )
            .into()),
            Some(outcome) => outcome.map_err(anyhow::Error::from),
        }
    })?;
    tell(event, outcome)
}

/// Why fields can't be given: the engine reads some of them as something else than fields.
fn reserved(event: &str, fields: &Fields) -> Option<String> {
    if fields.get("event").is_some() {
        return Some(
            "the field `event` would replace the name of the event, which is the first argument; \
             give the field another name"
                .to_owned(),
        );
    }
    let nowhere = Address {
        exchange: String::new(),
        routing_key: String::new(),
    };
    let message = bureaucrat_wire::event(&nowhere, &EventRequest::new(event, fields), "", None);
    let read = decode_event(&message.body, &WireLimits::default()).ok()?;
    let (name, meaning) = if read.key.is_some() {
        ("key", "the event's key")
    } else if read.keep.is_some() {
        ("keep", "how long it keeps the event")
    } else if read.process.is_some() {
        ("process", "the only process that the event is for")
    } else {
        return None;
    };
    Some(format!(
        "the engine reads the field `{name}` as {meaning}; use --{name} instead"
    ))
}

fn request(
    settings: &Configuration,
    event: &Event,
    fields: &Fields,
) -> anyhow::Result<EventRequest> {
    let Addressed { key, keep, process } = &event.addressed;
    let given = [
        ("key", key.is_some()),
        ("keep", keep.is_some()),
        ("process", process.is_some()),
    ];
    for (name, is_given) in given {
        if is_given && fields.get(name).is_some() {
            bail!("--{name} would replace the field `{name}` of the event; omit one of them");
        }
    }
    let process = match process {
        None => None,
        Some(prefix) => Some(match prefix.whole() {
            Some(process) => process,
            // Only an engine knows which process a beginning means.
            None => finding::process(&mut Control::connect(&settings.storage)?, prefix)?,
        }),
    };
    Ok(EventRequest {
        key: key.clone(),
        keep: *keep,
        process,
        ..EventRequest::new(&event.name, fields)
    })
}

fn tell(event: &Event, outcome: EventOutcome) -> anyhow::Result<Exit> {
    let name = &event.name;
    let (status, counts) = match outcome {
        EventOutcome::Delivered { waiting, taken } => ("delivered", Some((waiting, taken))),
        EventOutcome::Delivering { waiting, taken } => ("delivering", Some((waiting, taken))),
        EventOutcome::Repeated => ("repeated", None),
    };
    if event.json {
        let mut object = json!({"status": status, "event": name});
        if let Some((waiting, taken)) = counts {
            object["waiting"] = json!(waiting);
            object["taken"] = json!(taken);
        }
        print_line(&object.to_string())?;
        return Ok(Exit::Done);
    }
    print_line(&words(name, outcome, event.addressed.keep))?;
    Ok(Exit::Done)
}

fn words(name: &str, outcome: EventOutcome, keep: Option<Millis>) -> String {
    let (waiting, taken, so_far) = match outcome {
        EventOutcome::Delivered { waiting: 0, .. } if keep.is_some() => {
            return format!("nothing waits for `{name}` yet: the event is kept");
        }
        EventOutcome::Delivered { waiting: 0, .. } => {
            return format!("nothing waits for `{name}`: the event was dropped");
        }
        EventOutcome::Delivered { waiting, taken } => (waiting, taken, ""),
        EventOutcome::Delivering { waiting, taken } => (waiting, taken, " so far"),
        EventOutcome::Repeated => return format!("`{name}` took effect before"),
    };
    let waited = match waiting {
        1 => format!("1 activity waited for `{name}`"),
        waiting => format!("{waiting} activities waited for `{name}`"),
    };
    let took = match taken {
        taken if taken == waiting && waiting == 1 => "and took it".to_owned(),
        taken if taken == waiting => "and all took it".to_owned(),
        0 => "and none took it: no condition held, or earlier events are still being handled"
            .to_owned(),
        1 => "and 1 took it; the conditions of the others did not hold".to_owned(),
        taken => format!("and {taken} took it; the conditions of the others did not hold"),
    };
    format!("{waited} {took}{so_far}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_reads_as_something_else_is_not_a_field() {
        let of = |fields: &str| reserved("paid", &Fields::parse(fields).unwrap_or_default());
        let id = "01234567-89ab-8def-8123-456789abcdef";
        for (fields, option) in [
            (r#"{"keep": "1h"}"#.to_owned(), "use --keep"),
            (r#"{"keep": 90}"#.to_owned(), "use --keep"),
            (r#"{"key": "A-17"}"#.to_owned(), "use --key"),
            (format!(r#"{{"process": "{id}"}}"#), "use --process"),
            (r#"{"event": "other"}"#.to_owned(), "another name"),
        ] {
            assert!(
                of(&fields).is_some_and(|words| words.contains(option)),
                "{fields}"
            );
        }
        for fields in [
            r#"{"keep": "soon"}"#,
            r#"{"process": "billing"}"#,
            r#"{"key": true, "n": 1}"#,
        ] {
            assert_eq!(of(fields), None, "{fields}");
        }
    }

    #[test]
    fn the_words_say_who_waited_and_who_took_it() {
        let of = |waiting, taken| words("paid", EventOutcome::Delivered { waiting, taken }, None);
        assert_eq!(of(0, 0), "nothing waits for `paid`: the event was dropped");
        let nobody = EventOutcome::Delivered {
            waiting: 0,
            taken: 0,
        };
        assert_eq!(
            words("paid", nobody, Some(Millis(1))),
            "nothing waits for `paid` yet: the event is kept"
        );
        assert_eq!(of(1, 1), "1 activity waited for `paid` and took it");
        assert_eq!(of(3, 3), "3 activities waited for `paid` and all took it");
        assert_eq!(
            of(3, 1),
            "3 activities waited for `paid` and 1 took it; the conditions of the others did not hold"
        );
        let so_far = EventOutcome::Delivering {
            waiting: 9,
            taken: 9,
        };
        assert_eq!(
            words("paid", so_far, None),
            "9 activities waited for `paid` and all took it so far"
        );
    }
}
