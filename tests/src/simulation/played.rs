//! What a random definition must come to: its activities played on fields, without an engine.

use super::definitions::{Definition, Expected, Failure, Given, Handling, Node, Way};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub(super) type Played = Result<(), BTreeSet<&'static str>>;

/// A process so far.
pub(super) struct Play {
    pub fields: Map<String, Value>,
    /// Fields that may be missing, because a fault stopped the branches that set them.
    pub uncertain: BTreeSet<String>,
    pub number: i64,
    pub broken: &'static str,
}

impl Play {
    pub fn all(&mut self, nodes: &[Node]) -> Played {
        nodes.iter().try_for_each(|node| self.one(node))
    }

    /// What an activity does to the fields. Branches write their own fields, so their order does not
    /// matter.
    fn one(&mut self, node: &Node) -> Played {
        match node {
            Node::Set(k) | Node::Assign(k) | Node::Event(k, _) => self.set(*k),
            Node::ByName(k, _) => {
                self.set(*k);
                self.uncertain.insert(format!("p{k}"));
            }
            Node::Count(k, bound, body) => {
                let count = format!("c{k}");
                while self.fields[&count]
                    .as_i64()
                    .is_some_and(|count| count < *bound)
                {
                    self.all(body)?;
                    let next = self.fields[&count].as_i64().unwrap_or(0) + 1;
                    self.fields.insert(count.clone(), json!(next));
                }
            }
            Node::Sequence(nodes) => self.all(nodes)?,
            Node::Finally(k, nodes) => {
                let played = self.all(nodes);
                self.set(*k);
                played?;
            }
            Node::Way(k, way) => {
                self.set(*k);
                let list = match way {
                    Way::Each(_) => Some(json!([2, 4, 6])),
                    Way::Undone => Some(json!(2)),
                    Way::Race
                    | Way::RaceWithFinally
                    | Way::Timed
                    | Way::Limited
                    | Way::After
                    | Way::Local
                    | Way::Interrupted
                    | Way::Listening
                    | Way::Recalled
                    | Way::Counting
                    | Way::Attempts
                    | Way::Decided
                    | Way::DecidedBefore => None,
                };
                if let Some(list) = list {
                    self.fields.insert(format!("l{k}"), list);
                }
            }
            Node::All(nodes) => {
                // Whichever branch fails first, the process has its fault.
                let played = nodes.iter().filter_map(|node| self.one(node).err());
                let codes: BTreeSet<_> = played.flatten().collect();
                if !codes.is_empty() {
                    nodes
                        .iter()
                        .for_each(|node| names(node, &mut self.uncertain));
                    return Err(codes);
                }
            }
            Node::Switch(cases) => {
                let number = self.number;
                let fits = |(remainder, _): &&(i64, Node)| number % 3 == *remainder;
                if let Some((_, node)) = cases.iter().find(fits) {
                    self.one(node)?;
                }
            }
            Node::Delay(_) | Node::Await(_) | Node::Send(_) => {}
            Node::Call(k, inner, given) => {
                if *given == Given::Participant {
                    let text = json!(inner.text("called", None));
                    self.fields.insert(format!("d{k}"), text);
                }
                let mut called = Play {
                    fields: inner.context(),
                    uncertain: BTreeSet::new(),
                    number: 0,
                    broken: self.broken,
                };
                called.all(&inner.body)?;
                self.fields.extend(called.fields);
                self.uncertain.extend(called.uncertain);
            }
            Node::Catch(k, nodes, handling) => {
                if let Err(codes) = self.all(nodes) {
                    match handling {
                        Handling::Default | Handling::Pattern => self.set(*k),
                        Handling::Again => return Err(codes),
                    }
                }
            }
            Node::Fail(_, failure) => {
                return Err(BTreeSet::from([match failure {
                    Failure::Participant => self.broken,
                    Failure::Condition => "ZeroDivisionError",
                    Failure::Call => "CallError",
                    Failure::Task => "TaskRefused",
                }]));
            }
        }
        Ok(())
    }

    fn set(&mut self, k: u32) {
        self.fields.insert(format!("f{k}"), json!(k));
    }
}

/// The fields that an activity may write.
fn names(node: &Node, found: &mut BTreeSet<String>) {
    match node {
        Node::Set(k) | Node::Assign(k) | Node::Event(k, _) => {
            found.insert(format!("f{k}"));
        }
        Node::ByName(k, _) => {
            found.extend([format!("f{k}"), format!("p{k}")]);
        }
        Node::Count(k, _, nodes) => {
            found.insert(format!("c{k}"));
            nodes.iter().for_each(|node| names(node, found));
        }
        Node::Catch(k, nodes, _) => {
            found.insert(format!("f{k}"));
            nodes.iter().for_each(|node| names(node, found));
        }
        Node::Sequence(nodes) | Node::All(nodes) => {
            nodes.iter().for_each(|node| names(node, found));
        }
        Node::Finally(k, nodes) => {
            found.insert(format!("f{k}"));
            nodes.iter().for_each(|node| names(node, found));
        }
        Node::Way(k, _) => {
            found.extend([format!("f{k}"), format!("l{k}")]);
        }
        Node::Switch(cases) => cases.iter().for_each(|(_, node)| names(node, found)),
        Node::Call(k, inner, given) => {
            if *given == Given::Participant {
                found.insert(format!("d{k}"));
            }
            found.extend(inner.context().keys().cloned());
            inner.body.iter().for_each(|node| names(node, found));
        }
        Node::Delay(_) | Node::Await(_) | Node::Send(_) | Node::Fail(..) => {}
    }
}

impl Definition {
    /// How the process of launch `number` ends; `broken` is the code of a participant's failure in
    /// the dialect.
    pub fn expected(&self, number: usize, broken: &'static str) -> Expected {
        let mut fields = self.context();
        fields.insert("number".into(), json!(number));
        let number = i64::try_from(number).unwrap_or(0);
        let mut played = Play {
            fields,
            uncertain: BTreeSet::new(),
            number,
            broken,
        };
        match played.all(&self.body) {
            Ok(()) => Expected::Completed(played.fields, played.uncertain),
            Err(codes) => Expected::Failed(codes),
        }
    }

    pub(super) fn context(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for counter in &self.counters {
            fields.insert(format!("c{counter}"), json!(0));
        }
        for (number, (text, given)) in &self.texts {
            if *given == Given::Context {
                fields.insert(format!("d{number}"), json!(text));
            }
        }
        fields
    }
}
