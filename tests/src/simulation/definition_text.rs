//! The XML of random definitions.

use super::{
    definitions::{
        Awaited, COMMON_EVENT, Definition, Failure, Given, Handling, NEVER, Node, OWN_EVENT, Picky,
        Way,
    },
    services,
};
use std::{collections::BTreeSet, fmt::Write};

impl Definition {
    /// The text that `defK` puts into the field `dK`.
    pub fn called(&self, number: u32) -> Option<&str> {
        self.texts.get(&number).map(|(text, _)| text.as_str())
    }

    /// The XML, with the number of its launch.
    pub fn text(&self, name: &str, number: Option<usize>) -> String {
        // Never reached, but it has a timer like any other.
        let deadline = match self.body.len() % 2 {
            0 => " deadline=\"300d\"",
            _ => "",
        };
        let mut xml = format!("<process name=\"{name}\"{deadline}><context>");
        let mut property = |name: &str, kind: &str, value: &str| {
            let _ = write!(
                xml,
                "<property name=\"{name}\" {kind}>{}</property>",
                escaped(value)
            );
        };
        let found = "type=\"int\" searchable=\"yes\"";
        property("number", found, &number.unwrap_or(0).to_string());
        for counter in &self.counters {
            property(&format!("c{counter}"), found, "0");
        }
        for (number, (text, given)) in &self.texts {
            if *given == Given::Context {
                property(&format!("d{number}"), "type=\"str\"", text);
            }
        }
        xml += "</context>";
        self.body.iter().for_each(|node| write_node(&mut xml, node));
        xml += "</process>";
        if number.is_none() {
            // A called process's fields are copied to its caller, which must keep its own number.
            xml = xml.replacen(
                &format!("<property name=\"number\" {found}>0</property>"),
                "",
                1,
            );
        }
        // What is sent is known by its history.
        if let Some(number) = number.filter(|_| !xml.contains("<send")) {
            let kept = ["full", "decisions", "ends"][number % 3];
            xml = xml.replacen("<process", &format!("<process history=\"{kept}\""), 1);
        }
        xml
    }

    /// The participants of this definition and of those that it calls.
    pub fn participants(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.body
            .iter()
            .for_each(|node| participants(node, &mut found));
        found
    }
}

/// Sets the field `fK` to K by an answer, by the result of a Celery task, or by the reply to a request.
fn set(k: u32) -> String {
    let to = format!("participant=\"set{k}\" queue=\"worker_set{k}\" into=\"f{k}\"");
    match k % 4 {
        1 => format!("<action via=\"celery\" {to}><arg>{k}</arg></action>"),
        2 => format!("<action via=\"request\" {to}><in name=\"k\">{k}</in></action>"),
        _ => format!("<action participant=\"set{k}\"/>"),
    }
}

pub(super) fn write_node(xml: &mut String, node: &Node) {
    let inside = |xml: &mut String, tag: &str, nodes: &[Node]| {
        let _ = write!(xml, "<{tag}>");
        nodes.iter().for_each(|node| write_node(xml, node));
        let _ = write!(xml, "</{tag}>");
    };
    // Writing to a String cannot fail.
    let _ = match node {
        Node::Set(k) => write!(xml, "{}", set(*k)),
        Node::Assign(k) => write!(xml, "<assign property=\"f{k}\">{k}</assign>"),
        Node::Count(k, bound, body) => {
            let _ = write!(
                xml,
                "<while><condition>context[\"c{k}\"] &lt; {bound}</condition><sequence>"
            );
            body.iter().for_each(|node| write_node(xml, node));
            write!(xml, "<action participant=\"inc{k}\"/></sequence></while>")
        }
        Node::Sequence(nodes) => {
            inside(xml, "sequence", nodes);
            Ok(())
        }
        Node::Catch(k, nodes, handling) => {
            let set = format!("<action participant=\"set{k}\"/>");
            let handlers = match handling {
                Handling::Default => format!("<default>{set}</default>"),
                Handling::Pattern => format!(
                    "<case code=\"None, of*these\"><fault/></case><case code=\"*\">{set}</case>"
                ),
                Handling::Again => "<default><fault/></default>".to_owned(),
            };
            let _ = write!(
                xml,
                "<sequence><context><faults>{handlers}</faults></context>"
            );
            nodes.iter().for_each(|node| write_node(xml, node));
            write!(xml, "</sequence>")
        }
        Node::Finally(k, nodes) => {
            let _ = write!(
                xml,
                "<sequence><context><finally><assign property=\"f{k}\">{k}</assign></finally></context>"
            );
            nodes.iter().for_each(|node| write_node(xml, node));
            write!(xml, "</sequence>")
        }
        Node::Way(k, way) => write_way(xml, *k, *way),
        Node::Event(k, awaited) => write_event(xml, *k, *awaited),
        Node::ByName(k, named) => {
            *xml += &services::call(*k, *named);
            Ok(())
        }
        Node::Send(k) => write!(
            xml,
            "<send routing-key=\"{}\"><body>{{\"told\": {k}}}</body></send>",
            told(*k)
        ),
        Node::All(nodes) => {
            inside(xml, "all", nodes);
            Ok(())
        }
        Node::Switch(cases) => {
            *xml += "<switch>";
            for (remainder, node) in cases {
                let _ = write!(
                    xml,
                    "<case><condition>context.get(\"number\", 0) % 3 == {remainder}</condition>"
                );
                write_node(xml, node);
                *xml += "</case>";
            }
            write!(xml, "</switch>")
        }
        Node::Delay(millis) => write!(
            xml,
            "<delay duration=\"{}.{:03}\"/>",
            millis / 1_000,
            millis % 1_000
        ),
        Node::Await(Picky::Yes) => write!(
            xml,
            "<await event=\"{OWN_EVENT}\"><condition>context[\"event\"][\"number\"] == context[\"number\"]</condition></await>"
        ),
        Node::Await(Picky::No) => write!(xml, "<await event=\"{COMMON_EVENT}\"/>"),
        Node::Call(k, _, Given::Context) | Node::Fail(k, Failure::Call) => {
            write!(xml, "<call process=\"$d{k}\"/>")
        }
        Node::Call(k, _, Given::Participant) => {
            write!(
                xml,
                "<sequence><action participant=\"def{k}\"/><call process=\"$d{k}\"/></sequence>"
            )
        }
        Node::Fail(k, Failure::Participant) => write!(xml, "<action participant=\"crit{k}\"/>"),
        Node::Fail(k, Failure::Task) => write!(xml, "<action participant=\"huge{k}\"/>"),
        Node::Fail(k, Failure::Condition) => write!(
            xml,
            "<switch><case><condition>{k} // (len(\"a\") - 1) == 0</condition><delay duration=\"1\"/></case></switch>"
        ),
    };
}

fn write_way(xml: &mut String, k: u32, way: Way) -> std::fmt::Result {
    let set = format!("<action participant=\"set{k}\"/>");
    let never = "<delay duration=\"300d\"/>";
    match way {
        Way::Each(parallel) => write!(
            xml,
            "<foreach select=\"[1, 2, 3]\" property=\"x\" parallel=\"{parallel}\" \
             collect=\"context['x'] * 2\" into=\"l{k}\">{set}</foreach>"
        ),
        Way::Race => write!(
            xml,
            "<race>{set}<sequence><assign property=\"lost\">{k}</assign>{never}</sequence></race>"
        ),
        Way::RaceWithFinally => write!(
            xml,
            "<race><sequence><context><finally>{set}</finally></context>{never}</sequence>{set}</race>"
        ),
        Way::Timed => write!(
            xml,
            "<action participant=\"set{k}\" timeout=\"300d\" within=\"300d\" heartbeat=\"300d\">\
             <in name=\"number\">context.get(\"number\", 0)</in><retry attempts=\"2\"/></action>"
        ),
        Way::Limited => write!(
            xml,
            "<sequence><context><faults><case code=\"Timeout\">{set}</case></faults></context>\
             <action participant=\"set{k}\" timeout=\"0.3\"/></sequence>"
        ),
        Way::After => write!(
            xml,
            "<pick><on event=\"{NEVER}{k}\"><fault/></on><after duration=\"{{0.1 * 2}}\">{set}</after></pick>"
        ),
        Way::Interrupted => write!(
            xml,
            "<sequence><context><events><after duration=\"0.2\" interrupt=\"yes\">{set}</after></events>\
             <finally><delay duration=\"0.1\"/></finally></context>{never}</sequence>"
        ),
        Way::Listening => write!(
            xml,
            "<sequence><context><events><on event=\"{NEVER}{k}\" key=\"{k}\"><fault/></on>\
             <after duration=\"300d\"><fault/></after></events></context>{set}</sequence>"
        ),
        Way::Counting => write!(
            xml,
            "<sequence><context><property name=\"x\" type=\"int\">0</property><events>\
             <on event=\"{COMMON_EVENT}\"><out name=\"x\">context['x'] + 1</out></on></events></context>\
             {set}<delay duration=\"0.5\"/></sequence>"
        ),
        Way::Recalled => {
            let event =
                format!("event=\"{NEVER}own\" key=\"{{context['inst:process']['id']}}-{k}\"");
            write!(
                xml,
                "<emit {event} keep=\"100d\"/><sequence><context><events>\
                 <on {event} since=\"launch\" interrupt=\"yes\"><out name=\"f{k}\">{k}</out>{set}</on>\
                 </events></context>{never}</sequence>"
            )
        }
        Way::Undone => {
            let undone = |value: u32, inside: &str| {
                format!(
                    "<sequence><context><property name=\"y\" type=\"int\">{value}</property>\
                     <compensate><delay duration=\"0.1\"/><assign property=\"l{k}\">context[\"y\"]</assign>\
                     </compensate></context>{inside}</sequence>"
                )
            };
            write!(
                xml,
                "<sequence><context><faults><default><compensate/></default></faults></context>\
                 <assign property=\"l{k}\">0</assign>{}{}\
                 <fault code=\"undo\"/></sequence>",
                undone(2, &set),
                undone(1, "<delay duration=\"0.1\"/>")
            )
        }
        Way::Attempts => write!(
            xml,
            "<sequence><retry attempts=\"3\" delay=\"0.1\" on=\"own\"/>\
             <switch><case><condition>context[\"inst:attempt\"] &lt; 2</condition>\
             <assign property=\"discarded\">1</assign><fault code=\"own\"/></case></switch>{set}</sequence>"
        ),
        Way::Decided => {
            let case = |message: &str, inside: &str| {
                format!(
                    "<case code=\"own\"><condition>context[\"inst:fault\"][\"message\"] == \"{message}\"\
                     </condition>{inside}</case>"
                )
            };
            write!(
                xml,
                "<sequence><context><faults>{}{}</faults></context>\
                 <fault code=\"own\" message=\"m{k}\"/></sequence>",
                case("other", "<fault code=\"wrong\"/>"),
                case(&format!("m{k}"), &set)
            )
        }
        Way::DecidedBefore => {
            let event =
                format!("event=\"{NEVER}own\" key=\"{{context['inst:process']['id']}}-{k}\"");
            write!(
                xml,
                "<sequence><context><property name=\"x\" type=\"int\">0</property><events>\
                 <on {event}><assign property=\"x\">1</assign></on></events></context>\
                 <sequence><context><faults><case code=\"own\"><condition>context[\"x\"] == 0\
                 </condition>{set}</case></faults></context><all><sequence><context><finally>\
                 <emit {event}/><delay duration=\"0.5\"/></finally></context>{never}</sequence>\
                 <fault code=\"own\"/></all></sequence></sequence>"
            )
        }
        Way::Local => write!(
            xml,
            "<sequence><context><property name=\"x\" type=\"expr\">[{k}]</property></context>{set}</sequence>"
        ),
    }
}

/// An event that the process emits and takes itself; nobody else publishes such ones.
fn write_event(xml: &mut String, k: u32, awaited: Awaited) -> std::fmt::Result {
    let name = format!("event=\"{NEVER}own\" key=\"{{context['inst:process']['id']}}-{k}\"");
    let out = format!("<out name=\"f{k}\">context['inst:answer']['n']</out>");
    let field = format!("<field name=\"n\">{k}</field>");
    match awaited {
        Awaited::Live => write!(
            xml,
            "<all><await {name}>{out}</await><emit {name}>{field}</emit></all>"
        ),
        Awaited::Kept => write!(
            xml,
            "<emit {name} keep=\"100d\">{field}</emit><emit event=\"{NEVER}\" keep=\"1s\"/>\
             <await {name} since=\"launch\">{out}</await>"
        ),
    }
}

/// The queue of a message; one in three is never there.
pub(super) fn told(k: u32) -> String {
    let name = if k.is_multiple_of(3) {
        "nobody"
    } else {
        "told"
    };
    format!("{name}{}", k % 4)
}

pub(super) fn participants(node: &Node, found: &mut BTreeSet<String>) {
    match node {
        Node::Set(k) | Node::Way(k, _) => {
            found.insert(format!("set{k}"));
        }
        Node::Count(k, _, body) => {
            found.insert(format!("inc{k}"));
            body.iter().for_each(|node| participants(node, found));
        }
        Node::Sequence(nodes) | Node::All(nodes) | Node::Finally(_, nodes) => {
            nodes.iter().for_each(|node| participants(node, found))
        }
        Node::Catch(k, nodes, _) => {
            found.insert(format!("set{k}"));
            nodes.iter().for_each(|node| participants(node, found));
        }
        Node::Switch(cases) => cases.iter().for_each(|(_, node)| participants(node, found)),
        Node::Call(k, inner, given) => {
            if *given == Given::Participant {
                found.insert(format!("def{k}"));
            }
            inner.body.iter().for_each(|node| participants(node, found));
        }
        Node::Fail(k, Failure::Participant) => {
            found.insert(format!("crit{k}"));
        }
        Node::Assign(_)
        | Node::Send(_)
        | Node::Event(..)
        | Node::ByName(..)
        | Node::Delay(_)
        | Node::Await(_)
        | Node::Fail(_, Failure::Condition | Failure::Call | Failure::Task) => {}
    }
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
