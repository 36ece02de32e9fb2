//! The steps in which an operator gives orders about a process, or changes where it stands.

use super::{case::Action, parts::fields};
use bureaucrat_host::commands::Order;
use bureaucrat_model::{Change, DefinitionRef, FiberId, Fields, Modification, PartOf, Version};

/// Reads an order about the whole process: a verb, and maybe a reason. To `suspend` a task is another step.
fn whole(line: &str) -> Option<Order> {
    let (verb, reason) = line.split_once(' ').unwrap_or((line, ""));
    let reason = reason.to_owned();
    match (verb, &*reason) {
        ("cancel", _) => Some(Order::Cancel { reason }),
        ("terminate", _) => Some(Order::Terminate { reason }),
        ("retry", "") => Some(Order::Retry { reason }),
        ("suspend", "") => Some(Order::Suspend { reason }),
        ("resume", "") => Some(Order::Resume { reason }),
        (_, _) => None,
    }
}

/// Reads such a step: a verb, the part (`-` for the only one, `#3` for the third fiber, else an activity), what the verb
/// needs, and maybe why it is refused.
pub(super) fn read(line: &str) -> Result<Option<Action>, String> {
    if let Some(order) = whole(line) {
        return Ok(Some(Action::Order(order)));
    }
    let (line, refused) = match line.split_once(" -> refused ") {
        Some((line, reason)) => (line, Some(reason.to_owned())),
        None => (line, None),
    };
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    if verb == "migrate" {
        let (name, version) = rest.split_once(' ').ok_or("no version")?;
        let to = DefinitionRef {
            name: name.parse().map_err(|error| format!("{name}: {error}"))?,
            version: version.parse().ok().and_then(Version::new),
        };
        return Ok(Some(Action::Migrate(to, refused)));
    }
    let (part, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let change = match verb {
        "retry" => Change::Retry,
        "skip" => Change::Skip {
            fields: fields(rest)?,
        },
        "set" => Change::Set {
            fields: fields(rest)?,
            removed: Vec::new(),
        },
        "remove" => Change::Set {
            fields: Fields::new(),
            removed: rest.split(' ').map(str::to_owned).collect(),
        },
        "move" => Change::Move {
            to: rest.to_owned(),
        },
        _ => return Ok(None),
    };
    let part = match part.strip_prefix('#') {
        Some(number) => PartOf::Fiber(FiberId(number.parse().map_err(|_| "no number after #")?)),
        None if part == "-" => PartOf::Only,
        None => PartOf::Activity(part.to_owned()),
    };
    let modification = Modification {
        part,
        change,
        reason: "a case".into(),
        dry_run: false,
    };
    Ok(Some(Action::Modify(modification, refused)))
}
