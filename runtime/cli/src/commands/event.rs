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
use bureaucrat_client::{EventCounts, EventOutcome, EventRequest, Fields, LaunchError};
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
        let handing_out = launch::attentive(&launcher, handing_out);
        match launch::within(left, "waiting for the event's outcome", handing_out).await {
            Some(Err(LaunchError::TimedOut(_))) | None => {
                Err(launch::silent(&launcher, "event", patience))
            }
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
        EventOutcome::Delivered(counts) => ("delivered", Some(counts)),
        EventOutcome::Delivering(counts) => ("delivering", Some(counts)),
        EventOutcome::Repeated => ("repeated", None),
    };
    if event.json {
        let mut object = json!({"status": status, "event": name});
        if let Some(counts) = counts {
            object["waiting"] = json!(counts.waiting);
            object["taken"] = json!(counts.taken);
            object["parked"] = json!(counts.parked);
        }
        print_line(&object.to_string())?;
        return Ok(Exit::Done);
    }
    print_line(&words(name, outcome, &event.addressed))?;
    Ok(Exit::Done)
}

fn words(name: &str, outcome: EventOutcome, addressed: &Addressed) -> String {
    let name = match &addressed.key {
        Some(key) => format!("`{name}` with the key `{key}`"),
        None => format!("`{name}`"),
    };
    let (counts, so_far) = match outcome {
        EventOutcome::Delivered(EventCounts { waiting: 0, .. }) => {
            return match addressed.keep {
                Some(_) => format!("nothing waits for {name} yet: the event is kept"),
                None => format!("nothing waits for {name}: the event was dropped"),
            };
        }
        EventOutcome::Delivered(counts) => (counts, ""),
        EventOutcome::Delivering(counts) => (counts, " so far"),
        EventOutcome::Repeated => return format!("{name} took effect before"),
    };
    let EventCounts {
        waiting,
        taken,
        parked,
    } = counts;
    let waited = match waiting {
        1 => format!("1 activity waited for {name}"),
        waiting => format!("{waiting} activities waited for {name}"),
    };
    if parked == waiting {
        let whose = match parked {
            1 => "its process is parked, and gets the event when it continues",
            _ => "their processes are parked, and get the event when they continue",
        };
        return format!("{waited}{so_far}; {whose}");
    }
    let others = match taken + parked < waiting {
        true => "; the conditions of the others did not hold",
        false => "",
    };
    let took = match taken {
        1 if waiting == 1 => "and took it".to_owned(),
        taken if taken == waiting => "and all took it".to_owned(),
        0 => "and none took it: no condition held, or earlier events are still being handled"
            .to_owned(),
        taken => format!("and {taken} took it{others}"),
    };
    let kept = match parked {
        0 => String::new(),
        1 => "; 1 is in a parked process, which gets the event when it continues".to_owned(),
        parked => {
            format!("; {parked} are in parked processes, which get the event when they continue")
        }
    };
    format!("{waited} {took}{so_far}{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bureaucrat_client::Millis;

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
        let addressed = Addressed {
            key: None,
            keep: None,
            process: None,
        };
        let counts = |waiting, taken, parked| EventCounts {
            waiting,
            taken,
            parked,
        };
        for (waiting, taken, parked, expected) in [
            (0, 0, 0, "nothing waits for `paid`: the event was dropped"),
            (1, 1, 0, "1 activity waited for `paid` and took it"),
            (3, 3, 0, "3 activities waited for `paid` and all took it"),
            (
                3,
                1,
                0,
                "3 activities waited for `paid` and 1 took it; the conditions of the others did \
                 not hold",
            ),
            (
                1,
                0,
                1,
                "1 activity waited for `paid`; its process is parked, and gets the event when it \
                 continues",
            ),
            (
                3,
                2,
                1,
                "3 activities waited for `paid` and 2 took it; 1 is in a parked process, which \
                 gets the event when it continues",
            ),
        ] {
            let outcome = EventOutcome::Delivered(counts(waiting, taken, parked));
            assert_eq!(words("paid", outcome, &addressed), expected);
        }
        let nobody = EventOutcome::Delivered(counts(0, 0, 0));
        let kept = Addressed {
            key: Some("A-17".to_owned()),
            keep: Some(Millis(1)),
            process: None,
        };
        assert_eq!(
            words("paid", nobody, &kept),
            "nothing waits for `paid` with the key `A-17` yet: the event is kept"
        );
        let so_far = EventOutcome::Delivering(counts(9, 9, 0));
        assert_eq!(
            words("paid", so_far, &addressed),
            "9 activities waited for `paid` and all took it so far"
        );
    }
}
