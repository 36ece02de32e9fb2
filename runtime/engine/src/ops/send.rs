//! `send`: a message to the broker, of which nothing is awaited.

use crate::{
    machine::{Machine, Trouble},
    values::bad,
};
use bureaucrat_model::{
    Effect, FiberId, Fields, JsonText, Message, NameLimits, Op, Part, WaitKind,
};

pub(crate) fn start(machine: &mut Machine<'_>, fiber: FiberId, op: &Op) -> Result<(), Trouble> {
    let Op::Send {
        exchange,
        routing_key,
        content_type,
        headers: names,
        body,
    } = op
    else {
        return Err(Trouble::program("the fiber is at no send"));
    };
    let mut values = machine.values(fiber)?;
    let mut name = |operand: &Option<_>, what| match operand {
        Some(operand) => values.name(operand, what, NameLimits::SHORT),
        None => Ok(String::new()),
    };
    let exchange = name(exchange, "exchange")?;
    let routing_key = name(routing_key, "routing key")?;
    let mut headers = Fields::new();
    for name in names {
        headers.set(name, values.take()?);
    }
    check_headers(&headers)?;
    let body = match body {
        Part::Computed => Some(values.take()?),
        Part::Missing => None,
    };
    machine.check_size(body.as_ref().map_or(0, |body| body.as_str().len()))?;
    let turn = machine.next_turn();
    let activity = machine.path(fiber);
    machine.wait(fiber, turn, WaitKind::Admission)?;
    machine.effects.push(Effect::Send {
        activity,
        fiber,
        turn,
        message: Message {
            exchange,
            routing_key,
            content_type: content_type.clone(),
            headers,
            body,
        },
    });
    Ok(())
}

fn check_headers(headers: &Fields) -> Result<(), Trouble> {
    let (bytes, most) = (headers.size(), Message::HEADERS_BYTES);
    if bytes > most {
        return Err(bad(format!(
            "the headers take {bytes} bytes; at most {most} are allowed"
        )));
    }
    let depth = Message::HEADERS_DEPTH;
    let deep = headers.iter().find(|(_, value)| depth_of(value) > depth);
    match deep {
        Some((name, _)) => Err(bad(format!(
            "the header `{name}` nests deeper than {depth} levels"
        ))),
        None => Ok(()),
    }
}

/// How deep lists and records nest.
fn depth_of(value: &JsonText) -> usize {
    let (mut depth, mut deepest, mut is_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in value.as_str().bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
