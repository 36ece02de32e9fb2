//! From the outline of a definition to what its picture shows.

use crate::node::{Body, Change, Kind, Line, Node, Tone};
use bureaucrat_definition::{Activity, Outline, Tag};

/// The picture's root. As deep as the outline.
pub(crate) fn process(outline: &Outline) -> Node {
    node(outline, None)
}

fn node(outline: &Outline, parent: Option<Tag>) -> Node {
    let shown = Shown::of(outline, parent);
    let mut found = Node {
        tag: outline.tag,
        kind: shown.kind,
        word: shown.word,
        path: outline.path.clone().unwrap_or_default(),
        line: outline.line,
        id: outline.attribute("id").map(str::to_owned),
        title: outline.attribute("title").map(str::to_owned),
        subject: shown.subject,
        lines: lines(outline),
        body: shown.body,
        children: Vec::new(),
        attached: Vec::new(),
        hidden: 0,
        written: written(outline),
        change: Change::None,
    };
    for child in &outline.children {
        match child.path {
            Some(_) => found.children.push(node(child, Some(outline.tag))),
            None => attached(child, &mut found.attached),
        }
    }
    // As they matter to a reader, not as they are written.
    found.attached.sort_by_key(|part| order(part.tag));
    found
}

/// The parts of a scope, which are below its `context`.
fn attached(outline: &Outline, found: &mut Vec<Node>) {
    for child in &outline.children {
        match child.path {
            Some(_) => found.push(node(child, Some(outline.tag))),
            None => attached(child, found),
        }
    }
}

const fn order(tag: Tag) -> u8 {
    if matches!(tag, Tag::Listener | Tag::Alarm) {
        1
    } else if matches!(tag, Tag::Finally) {
        2
    } else if matches!(tag, Tag::Compensation) {
        3
    } else {
        0
    }
}

/// What an element is in a picture.
struct Shown {
    kind: Kind,
    word: &'static str,
    subject: Option<String>,
    body: Body,
}

impl Shown {
    fn of(outline: &Outline, parent: Option<Tag>) -> Self {
        let attribute = |name| outline.attribute(name).map(str::to_owned);
        let shown = |kind, body, subject| Self {
            kind,
            word: outline.name,
            subject,
            body,
        };
        let activity = match outline.tag {
            Tag::Activity(activity) => activity,
            Tag::Process => return shown(Kind::Process, Body::Sequence, attribute("name")),
            Tag::Case => return shown(Kind::Flow, Body::Sequence, None),
            Tag::Default if parent == Some(Tag::Faults) => {
                return Self {
                    word: "handler",
                    ..shown(Kind::Fault, Body::Sequence, Some("any other fault".into()))
                };
            }
            Tag::Default => return shown(Kind::Flow, Body::Sequence, None),
            Tag::Handler => {
                let codes = attribute("code");
                return Self {
                    word: "handler",
                    ..shown(
                        Kind::Fault,
                        Body::Sequence,
                        codes.or(Some("any fault".into())),
                    )
                };
            }
            Tag::On | Tag::Listener => {
                return shown(Kind::Wait, Body::Sequence, attribute("event"));
            }
            Tag::After | Tag::Alarm => return shown(Kind::Wait, Body::Sequence, time(outline)),
            Tag::Finally | Tag::Compensation => return shown(Kind::End, Body::Sequence, None),
            Tag::Schedule
            | Tag::Module
            | Tag::Condition
            | Tag::Context
            | Tag::Scope
            | Tag::Property
            | Tag::Faults
            | Tag::Retry
            | Tag::Local
            | Tag::Events
            | Tag::In
            | Tag::Arg
            | Tag::Kwarg
            | Tag::Out
            | Tag::Field
            | Tag::Header
            | Tag::Payload => return shown(Kind::Data, Body::Leaf, None),
        };
        match activity {
            Activity::Sequence => shown(Kind::Flow, Body::Sequence, None),
            Activity::Action => shown(Kind::Task, Body::Leaf, attribute("participant")),
            Activity::Switch => {
                let has_default = outline.children.iter().any(|case| case.tag == Tag::Default);
                let body = match has_default {
                    true => Body::Choice,
                    false => Body::ChoiceOrNone,
                };
                shown(Kind::Flow, body, None)
            }
            Activity::While => shown(Kind::Flow, Body::Loop, None),
            Activity::Foreach => shown(Kind::Flow, Body::Loop, attribute("property")),
            Activity::All => shown(Kind::Flow, Body::All, None),
            Activity::Race => shown(Kind::Flow, Body::Race, None),
            Activity::Pick => shown(Kind::Wait, Body::Choice, None),
            Activity::Call => shown(Kind::Task, Body::Leaf, attribute("process")),
            Activity::Delay => shown(Kind::Wait, Body::Leaf, time(outline)),
            Activity::Await => shown(Kind::Wait, Body::Leaf, attribute("event")),
            Activity::Assign => shown(Kind::Data, Body::Leaf, attribute("property")),
            Activity::Emit => shown(Kind::Task, Body::Leaf, attribute("event")),
            Activity::Send => {
                let to = attribute("routing-key").or_else(|| attribute("exchange"));
                shown(Kind::Task, Body::Leaf, to)
            }
            Activity::Fault => {
                let code = attribute("code").unwrap_or_else(|| "the same again".into());
                shown(Kind::Fault, Body::Leaf, Some(code))
            }
            Activity::Compensate => {
                let scope = attribute("scope").unwrap_or_else(|| "all that completed".into());
                shown(Kind::End, Body::Leaf, Some(scope))
            }
        }
    }
}

fn time(outline: &Outline) -> Option<String> {
    let until = outline.attribute("until");
    let until = until.map(|time| format!("until {time}"));
    until.or_else(|| outline.attribute("duration").map(duration))
}

/// A number alone is seconds.
fn duration(written: &str) -> String {
    match written.trim().parse::<f64>() {
        Ok(_) => format!("{} s", written.trim()),
        Err(_) => written.to_owned(),
    }
}

/// An expression, or the name of a module's function.
fn expression(outline: &Outline) -> Option<String> {
    match outline.attribute("module") {
        Some(module) => {
            let function = outline.attribute("function").unwrap_or("evaluate");
            Some(format!("{module}#{function}"))
        }
        None => Some(outline.text.clone()).filter(|text| !text.is_empty()),
    }
}

/// Attributes that are shown as they are, and what is written before their values.
const DETAILS: [(&str, &str); 22] = [
    ("key", "key "),
    ("via", "via "),
    ("queue", "to queue "),
    ("exchange", "to exchange "),
    ("priority", "priority "),
    ("countdown", "begins after "),
    ("timeout", "at most "),
    ("heartbeat", "heartbeat "),
    ("within", "within "),
    ("since", "since "),
    ("keep", "kept for "),
    ("detached", "detached "),
    ("interrupt", "interrupts "),
    ("parallel", "at once: "),
    ("index", "number in "),
    ("collect", "collects "),
    ("into", "into "),
    ("message", ""),
    ("content-type", "as "),
    ("deadline", "at most "),
    ("on-fault", "on fault: "),
    ("duplicate", "duplicates: "),
];

/// What is shown below the subject.
fn lines(outline: &Outline) -> Vec<Line> {
    let mut lines = conditions(outline);
    if outline.tag == Tag::Activity(Activity::Foreach) {
        let select = outline.attribute("select").unwrap_or_default();
        lines.push(code(format!("in {select}")));
    }
    if matches!(
        outline.tag,
        Tag::Activity(Activity::Assign | Activity::Fault)
    ) {
        lines.extend(expression(outline).map(code));
    }
    let details = details(outline);
    if !details.is_empty() {
        lines.push(Line {
            tone: Tone::Detail,
            text: details.join(" · "),
        });
    }
    lines
}

fn code(text: String) -> Line {
    Line {
        tone: Tone::Code,
        text,
    }
}

fn conditions(outline: &Outline) -> Vec<Line> {
    let mut lines = Vec::new();
    let conditions = outline
        .children
        .iter()
        .filter(|child| child.tag == Tag::Condition);
    for text in conditions.filter_map(expression) {
        lines.push(code(match lines.is_empty() {
            true => text,
            false => format!("or {text}"),
        }));
    }
    let needs_one = matches!(outline.tag, Tag::Case | Tag::Activity(Activity::While));
    if needs_one && lines.is_empty() {
        lines.push(Line {
            tone: Tone::Detail,
            text: "never, without a condition".into(),
        });
    }
    lines
}

fn details(outline: &Outline) -> Vec<String> {
    let mut details = Vec::new();
    for (name, before) in DETAILS {
        let Some(value) = outline.attribute(name) else {
            continue;
        };
        match (name, value) {
            ("detached" | "interrupt", "no") | ("parallel", "1") => {}
            ("detached" | "interrupt", _) => details.push(before.trim_end().to_owned()),
            ("parallel", "0") => details.push("all at once".into()),
            ("parallel", count) => details.push(format!("{count} at once")),
            (
                "countdown" | "timeout" | "heartbeat" | "within" | "since" | "keep" | "deadline",
                span,
            ) => details.push(format!("{before}{}", duration(span))),
            (_, value) => details.push(format!("{before}{value}")),
        }
    }
    if let (Some(key), Some(exchange)) = (
        outline.attribute("routing-key"),
        outline.attribute("exchange"),
    ) && outline.tag == Tag::Activity(Activity::Action)
        && !exchange.is_empty()
    {
        details.push(format!("routing key {key}"));
    }
    for child in &outline.children {
        if child.tag == Tag::Retry {
            let attempts = child.attribute("attempts").unwrap_or("3");
            let on = child.attribute("on").map(|codes| format!(" on {codes}"));
            let on = on.unwrap_or_default();
            details.push(format!("{attempts} attempts{on}"));
        } else if child.tag == Tag::Schedule {
            let cron = child.attribute("cron").unwrap_or_default();
            let zone = child.attribute("zone").unwrap_or("UTC");
            details.push(format!("at {cron} {zone}"));
        }
    }
    details
}

/// What an element says by itself: its attributes, and those of its parts that hold no activities.
fn written(outline: &Outline) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in &outline.attributes {
        found.push(((*name).to_owned(), value.clone()));
    }
    if !outline.text.is_empty() {
        found.push(("text".to_owned(), outline.text.clone()));
    }
    parts(outline, &mut found);
    found
}

fn parts(outline: &Outline, found: &mut Vec<(String, String)>) {
    for child in outline.children.iter().filter(|child| child.path.is_none()) {
        let name = match child.attribute("name") {
            Some(name) => format!("{} {name}", child.name),
            None => child.name.to_owned(),
        };
        for (attribute, value) in &child.attributes {
            if *attribute != "name" {
                found.push((format!("{name} {attribute}"), value.clone()));
            }
        }
        if !child.text.is_empty() {
            found.push((name, child.text.clone()));
        }
        parts(child, found);
    }
}
