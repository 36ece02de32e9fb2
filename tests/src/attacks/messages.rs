//! Attacks by messages: bodies of answers and events, properties.

use super::{Attack, How, Stop, attack, elsewhere};

const PROPERTIES: &str = "tests/tests/hostile_properties.rs";
const GUARD: &str = "the guard before lapin";

pub(super) fn attacks() -> Vec<Attack> {
    [bodies(), properties()].concat()
}

fn answer(
    name: &'static str,
    by: &'static str,
    code: &'static str,
    body: impl Into<Vec<u8>>,
) -> Attack {
    attack(name, by, Stop::DeadLetter(code), How::Answer(body.into()))
}

fn event(
    name: &'static str,
    by: &'static str,
    code: &'static str,
    body: impl Into<Vec<u8>>,
) -> Attack {
    attack(name, by, Stop::DeadLetter(code), How::Event(body.into()))
}

fn bodies() -> Vec<Attack> {
    let with = |fields: &str| {
        format!(
            "{{\"header\": {{\"message\": \"response\", \"target\": \"{0}_0\", \"origin\": \"{0}_0\"}}, \"fields\": {fields}}}",
            "0123456789abcdef0123456789abcdef"
        )
    };
    let deep = format!("{{\"a\": {}}}", "[".repeat(100_000));
    vec![
        answer(
            "an answer of 10^5 levels",
            "bodies nest at most 100 deep",
            "wire.too-deep",
            with(&deep),
        ),
        answer(
            "an answer of 17 MiB",
            "bodies, 16 MiB",
            "wire.too-large",
            with(&format!("{{\"a\": \"{}\"}}", "x".repeat(17 << 20))),
        ),
        answer(
            "an answer that is not UTF-8",
            "bodies are checked",
            "wire.not-utf8",
            b"{\"header\": \"\xff\"}",
        ),
        answer(
            "NaN, which is not JSON",
            "bodies are checked",
            "wire.not-json",
            with("{\"a\": NaN}"),
        ),
        answer(
            "a lone surrogate in the header",
            "bodies are checked",
            "wire.not-json",
            "{\"header\": \"\\ud800\", \"fields\": {}}",
        ),
        answer(
            "a message that only the engine may send",
            "inner messages are refused",
            "wire.inner-message",
            with("{}").replace("response", "completed"),
        ),
        answer(
            "an answer whose target is not an activity",
            "ids are checked",
            "wire.not-an-id",
            with("{}").replace("_0", "_x"),
        ),
        event(
            "an event of 10^5 levels",
            "bodies nest at most 100 deep",
            "wire.too-deep",
            deep.clone(),
        ),
        event(
            "an event with a name of a megabyte",
            "names, 255 bytes",
            "wire.name-too-long",
            format!("{{\"event\": \"{}\"}}", "x".repeat(1 << 20)),
        ),
        event(
            "an event without a name",
            "names are checked",
            "wire.no-event-name",
            "{\"event\": \"\"}",
        ),
    ]
}

fn properties() -> Vec<Attack> {
    let tried = |name, holds| {
        elsewhere(
            name,
            GUARD,
            Stop::DeadLetter("wire.properties"),
            PROPERTIES,
            holds,
        )
    };
    vec![
        tried("headers with 20,000 nested tables", "\"20,000 tables\""),
        tried("headers with 25,000 nested lists", "\"25,000 lists\""),
        tried("40,000 headers", "\"40,000 headers\""),
        tried("a header's name that is not UTF-8", "\"a header's name\""),
        tried("a message id that is not UTF-8", "\"a message id\""),
    ]
}
