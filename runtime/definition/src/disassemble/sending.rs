//! What is sent to participants and to the broker, as text.

use super::{COMPUTED, again, carried, operand, place, span_of, taken};
use bureaucrat_model::{Carries, Op, Operand, Part, WrittenWay};
use std::fmt::Write as _;

pub(super) fn action(op: &Op) -> String {
    let Op::Action {
        participant,
        way,
        carries,
        taking,
        timeout,
        heartbeat,
        retry,
        attempt,
    } = op
    else {
        return String::new();
    };
    let mut text = format!(
        "action {}{}",
        operand(participant),
        match carries {
            Carries::All => String::new(),
            Carries::Fields(names) => carried(Some(names)),
            Carries::Arguments { args, kwargs } => format!(" args {args} kwargs {kwargs:?}"),
        }
    );
    if let Some(way) = way {
        text.push_str(&routed(way));
    }
    text.push_str(&taken(taking));
    for (name, limit) in [("timeout", timeout), ("heartbeat", heartbeat)] {
        if let Some(limit) = limit {
            let _ = write!(text, " {name} {}", span_of(limit));
        }
    }
    if let Some(retry) = retry {
        let _ = write!(text, " {} from {}", again(retry), place(*attempt));
    }
    text
}

fn routed(way: &WrittenWay) -> String {
    let mut text = String::new();
    if let Some(via) = way.via {
        let _ = write!(text, " via {}", via.name());
    }
    let names = [
        ("queue", &way.queue),
        ("exchange", &way.exchange),
        ("routing-key", &way.routing_key),
    ];
    for (name, found) in names {
        if let Some(found) = found {
            let _ = write!(text, " {name} {}", operand(found));
        }
    }
    match &way.priority {
        Some(Operand::Fixed(priority)) => {
            let _ = write!(text, " priority {priority}");
        }
        Some(Operand::Computed) => {
            let _ = write!(text, " priority {COMPUTED}");
        }
        None => {}
    }
    text
}

pub(super) fn message(op: &Op) -> String {
    let Op::Send {
        exchange,
        routing_key,
        content_type,
        headers,
        body,
    } = op
    else {
        return String::new();
    };
    let mut text = "send".to_owned();
    for (name, found) in [("exchange", exchange), ("routing-key", routing_key)] {
        if let Some(found) = found {
            let _ = write!(text, " {name} {}", operand(found));
        }
    }
    let _ = write!(text, " {content_type:?} {headers:?}");
    if *body == Part::Computed {
        text.push_str(" body");
    }
    text
}
