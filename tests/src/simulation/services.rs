//! Deployed definitions that nobody launches: others call them by name, or a schedule launches
//! them.

use super::{
    Definition, LaunchFacts, Plan, Random, Trouble,
    definitions::{Expected, Node},
};
use bureaucrat_model::Bond;
use bureaucrat_wire::Duplicate;
use serde_json::json;

/// The numbers of the activities of different services differ by so many, and those of the versions
/// of one by the second number.
const APART: (u32, u32) = (100_000, 1_000);

/// Who starts the processes of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starter {
    /// Clients launch it.
    People,
    /// Others call it.
    Callers,
    /// Others call it, with one of two business keys.
    CallersWithKeys,
    /// A schedule, each minute.
    Schedule,
    /// The same, with one business key for all.
    ScheduleWithKey,
}

/// A call by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    /// Which service.
    pub service: usize,
    pub starter: Starter,
    pub bond: Bond,
}

/// The services of a run. Engines that share a store start processes with business keys only by messages.
pub(super) fn starters(random: &mut Random, plan: &Plan) -> Vec<Starter> {
    let mut found = vec![Starter::Callers];
    if random.once_in(2) {
        found.push(Starter::CallersWithKeys);
    }
    match random.below(4) {
        0 => found.push(Starter::Schedule),
        1 => found.push(Starter::ScheduleWithKey),
        _ => {}
    }
    if plan.has(Trouble::Sharing) {
        found = found.into_iter().map(without_key).collect();
    }
    found
}

const fn without_key(starter: Starter) -> Starter {
    match starter {
        Starter::CallersWithKeys => Starter::Callers,
        Starter::ScheduleWithKey => Starter::Schedule,
        Starter::People | Starter::Callers | Starter::Schedule => starter,
    }
}

/// What definitions may call, in each way.
pub(super) fn callable(starters: &[Starter]) -> Vec<Named> {
    let is_called = |starter: &Starter| match starter {
        Starter::Callers | Starter::CallersWithKeys => true,
        Starter::People | Starter::Schedule | Starter::ScheduleWithKey => false,
    };
    let called = starters.iter().copied().enumerate();
    let called = called.filter(|(_, starter)| is_called(starter));
    let both = [Bond::Awaited, Bond::Detached];
    called
        .flat_map(|(service, starter)| {
            both.map(|bond| Named {
                service,
                starter,
                bond,
            })
        })
        .collect()
}

/// The name of a service.
fn name(service: usize) -> String {
    format!("S{service}")
}

/// A service with its versions; the last one of a schedule ends it.
pub(super) fn service(
    service: usize,
    starter: Starter,
    broken: &'static str,
    random: &mut Random,
) -> (LaunchFacts, Vec<Definition>) {
    let name = name(service);
    let (mut versions, mut definitions) = (Vec::new(), Vec::new());
    let count = 2 + random.below(2);
    let (duplicate, rule) = match random.once_in(2) {
        true => (Duplicate::Refuse, "refuse"),
        false => (Duplicate::Replace, "replace"),
    };
    for version in 0..count {
        let of_service = APART.0 * u32::try_from(service + 1).unwrap_or(1);
        let apart = of_service + APART.1 * u32::try_from(version).unwrap_or(0);
        let definition = Definition::service(random, apart);
        let text = definition.text(&name, Some(0));
        let schedule = match (version + 1 < count, random.once_in(2)) {
            (false, _) => "",
            (true, false) => "<schedule cron=\"* * * * *\" missed=\"skip\"/>",
            (true, true) => "<schedule cron=\"* * * * *\" missed=\"once\"/>",
        };
        let with = |text: String, attributes: &str, inside: &str| {
            let text = text.replacen("<process", &format!("<process {attributes}"), 1);
            text.replacen("<context>", &format!("{inside}<context>"), 1)
        };
        let keyed = |key: &str| format!("key=\"{key}\" duplicate=\"{rule}\"");
        let text = match starter {
            Starter::People | Starter::Callers => text,
            Starter::CallersWithKeys => {
                let text = with(text, &keyed("{context['k']}"), "");
                let property = "<context><property name=\"k\" type=\"str\">a</property>";
                text.replacen("<context>", property, 1)
            }
            Starter::Schedule => with(text, "", schedule),
            Starter::ScheduleWithKey => with(text, &keyed("one"), schedule),
        };
        let property = "<context><property name=\"v\" type=\"int\">";
        let text = text.replacen("<context>", &format!("{property}{version}</property>"), 1);
        let mut expected = definition.expected(0, broken);
        if let Expected::Completed(fields, uncertain) = &mut expected {
            fields.insert("v".to_owned(), json!(version));
            uncertain.insert("k".to_owned());
        }
        versions.push((text, expected));
        definitions.push(definition);
    }
    let facts = LaunchFacts {
        name,
        has_id: false,
        expected: versions.first().map(|(_, expected)| expected.clone()),
        versions,
        pinned: None,
        key: match starter {
            Starter::CallersWithKeys | Starter::ScheduleWithKey => Some(duplicate),
            Starter::People | Starter::Callers | Starter::Schedule => None,
        },
        starter,
        calls: false,
    };
    (facts, definitions)
}

/// The call in a definition. Whether it is refused because of its key or not, `fK` becomes K.
pub(super) fn call(k: u32, named: Named) -> String {
    let service = named.service;
    let process = match k % 2 {
        0 => name(service),
        _ => format!("S{{{service} + 0}}"),
    };
    let (key, handlers) = match named.starter {
        Starter::CallersWithKeys => (
            format!("<in name=\"k\">'{}'</in>", ["a", "b"][(k / 2 % 2) as usize]),
            format!(
                "<context><faults><case code=\"CallError\"><assign property=\"f{k}\">{k}</assign>\
                 </case></faults></context>"
            ),
        ),
        Starter::People | Starter::Callers | Starter::Schedule | Starter::ScheduleWithKey => {
            (String::new(), String::new())
        }
    };
    let call = match named.bond {
        Bond::Awaited => {
            format!("<call process=\"{process}\">{key}<out name=\"f{k}\">{k}</out></call>")
        }
        Bond::Detached => format!(
            "<call process=\"{process}\" detached=\"yes\" into=\"p{k}\">{key}</call>\
             <assign property=\"f{k}\">{k}</assign>"
        ),
    };
    format!("<sequence>{handlers}{call}</sequence>")
}

/// Whether an activity calls a service.
pub(super) fn calls(node: &Node) -> bool {
    match node {
        Node::ByName(..) => true,
        Node::Count(_, _, nodes)
        | Node::Sequence(nodes)
        | Node::All(nodes)
        | Node::Catch(_, nodes, _)
        | Node::Finally(_, nodes) => nodes.iter().any(calls),
        Node::Switch(cases) => cases.iter().any(|(_, node)| calls(node)),
        Node::Call(_, inner, _) => inner.body.iter().any(calls),
        Node::Set(_)
        | Node::Assign(_)
        | Node::Way(..)
        | Node::Send(_)
        | Node::Event(..)
        | Node::Delay(_)
        | Node::Await(_)
        | Node::Fail(..) => false,
    }
}
