//! The XML of random definitions.

use super::definitions::{COMMON_EVENT, Failure, Given, Node, OWN_EVENT, Picky};
use std::{collections::BTreeSet, fmt::Write};

pub(super) fn write_node(xml: &mut String, node: &Node) {
    let inside = |xml: &mut String, tag: &str, nodes: &[Node]| {
        let _ = write!(xml, "<{tag}>");
        nodes.iter().for_each(|node| write_node(xml, node));
        let _ = write!(xml, "</{tag}>");
    };
    // Writing to a String cannot fail.
    let _ = match node {
        Node::Set(k) => write!(xml, "<action participant=\"set{k}\"/>"),
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

pub(super) fn participants(node: &Node, found: &mut BTreeSet<String>) {
    match node {
        Node::Set(k) => {
            found.insert(format!("set{k}"));
        }
        Node::Count(k, _, body) => {
            found.insert(format!("inc{k}"));
            body.iter().for_each(|node| participants(node, found));
        }
        Node::Sequence(nodes) | Node::All(nodes) => {
            nodes.iter().for_each(|node| participants(node, found))
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
        Node::Delay(_)
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
