//! Random definitions whose end can be computed: each place writes its own fields, so that branches
//! do not affect each other, and conditions read only what is known beforehand.

use super::{
    Random,
    services::{self, Named},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// An activity of a definition. Numbers are unique within the definition and those that it calls.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// `setK` puts K into the field `fK`.
    Set(u32),
    /// The definition puts K into the field `fK` by itself.
    Assign(u32),
    /// `incK` adds one to `cK` until it reaches the bound; in each round the other activities come
    /// first.
    Count(u32, i64, Vec<Node>),
    Sequence(Vec<Node>),
    All(Vec<Node>),
    /// Cases, each for one remainder of `number` divided by 3.
    Switch(Vec<(i64, Node)>),
    /// Milliseconds.
    Delay(u64),
    /// Whether it takes only the event of its own process.
    Await(Picky),
    /// The definition is in the field `dK`, set by a property of the context or by `defK`.
    Call(u32, Box<Definition>, Given),
    /// It calls a deployed definition, and then puts K into the field `fK`.
    ByName(u32, Named),
    Fail(u32, Failure),
    /// A fault in these is caught.
    Catch(u32, Vec<Node>, Handling),
    /// The definition puts K into the field `fK` when these have ended, however they do.
    Finally(u32, Vec<Node>),
    /// `setK` puts K into the field `fK`, in a way of its own.
    Way(u32, Way),
    /// The definition sends a message to the queue `toldK`, which is there, or `nobodyK`, which is not.
    Send(u32),
    /// The definition puts K into the field `fK` by an event of its own.
    Event(u32, Awaited),
}

/// How a task is sent, or what happens beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// For each of three items, so many at once; the field `lK` becomes what they give.
    Each(u32),
    /// It wins a race against a delay without end.
    Race,
    /// It wins a race against what has something to do at its end.
    RaceWithFinally,
    /// With one field and times that are never over.
    Timed,
    /// In time, or by a handler if that takes too long.
    Limited,
    /// After a time, since an event never comes.
    After,
    /// In a scope with a field of its own.
    Local,
    /// By what stops a scope after a time.
    Interrupted,
    /// While a scope listens for what never happens.
    Listening,
    /// While a scope counts events that everybody gets.
    Counting,
    /// By an event that was kept for what waits while a scope is active.
    Recalled,
    /// Two scopes complete and are undone: the field `lK` becomes what the last compensation puts there.
    Undone,
    /// In the second attempt at a sequence; what the first one set is discarded.
    Attempts,
    /// By a handler whose condition holds, after one whose condition does not.
    Decided,
    /// The same, and the condition would not hold any more when the handler begins: what was
    /// stopped has changed what it reads.
    DecidedBefore,
}

/// How a process awaits an event of its own, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// While it is emitted.
    Live,
    /// Afterwards: it is kept.
    Kept,
}

/// What a handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// `setK`, whatever the fault.
    Default,
    /// `setK`, by a pattern for all codes after one that matches none.
    Pattern,
    /// It throws the fault again.
    Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picky {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    Context,
    Participant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// `critK` answers with an error if the dialect has one, otherwise with an invalid answer.
    Participant,
    /// A condition divides by zero.
    Condition,
    /// A called definition is refused.
    Call,
    /// The broker never accepts the task of `hugeK`.
    Task,
}

/// The event with a process's own number, and the one that every waiting process takes.
pub const OWN_EVENT: &str = "go";
/// See [`OWN_EVENT`].
pub const COMMON_EVENT: &str = "any";

/// How the names of events begin that nobody publishes.
pub const NEVER: &str = "never";

/// How a process must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// With these fields; `event` is not compared, nor are the fields that stopped branches may
    /// have set.
    Completed(Map<String, Value>, BTreeSet<String>),
    /// A fault with one of these codes.
    Failed(BTreeSet<&'static str>),
}

#[derive(Debug, Clone)]
pub struct Definition {
    pub(super) body: Vec<Node>,
    pub(super) counters: BTreeSet<u32>,
    /// Texts of called definitions, by the number of the field.
    pub(super) texts: BTreeMap<u32, (String, Given)>,
}

struct Generator<'a> {
    random: &'a mut Random,
    /// What it may call by name.
    callable: &'a [Named],
    next: u32,
    depth: u32,
    faults: bool,
    size: u32,
}

impl Generator<'_> {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn nodes(&mut self, most: u64, inner: u32) -> Vec<Node> {
        let count = 1 + self.random.below(most);
        (0..count).map(|_| self.node(inner)).collect()
    }

    fn node(&mut self, inner: u32) -> Node {
        self.size += 1;
        if inner >= 3 || self.size > 14 {
            return self.leaf();
        }
        match self.random.below(12) {
            0 => Node::Sequence(self.nodes(3, inner + 1)),
            1 | 2 => {
                let mut branches = self.nodes(3, inner + 1);
                // A branch that fails at once, while the others have just begun.
                if self.faults && self.random.once_in(10) {
                    branches.insert(0, Node::Fail(self.number(), Failure::Condition));
                }
                Node::All(branches)
            }
            3 | 4 => {
                let (number, bound) = (self.number(), 1 + self.random.below(3) as i64);
                let body = if self.random.once_in(2) {
                    self.nodes(1, inner + 1)
                } else {
                    Vec::new()
                };
                Node::Count(number, bound, body)
            }
            5 => {
                let cases = 1 + self.random.below(2);
                Node::Switch(
                    (0..cases)
                        .map(|_| (self.random.below(3) as i64, self.node(inner + 1)))
                        .collect(),
                )
            }
            6 | 7 if self.depth < 2 => self.call(),
            8 => self.caught(inner),
            9 => Node::Finally(self.number(), self.nodes(2, inner + 1)),
            _ => self.leaf(),
        }
    }

    fn leaf(&mut self) -> Node {
        if !self.callable.is_empty() && self.random.once_in(7) {
            let called = self.callable[self.random.place(self.callable.len())];
            return Node::ByName(self.number(), called);
        }
        match self.random.below(16) {
            0..2 => Node::Delay(100 * self.random.below(30)),
            2 | 3 if self.depth == 0 => Node::Await(Picky::Yes),
            4 => Node::Await(Picky::No),
            5 if self.faults && self.random.once_in(3) => {
                let failures = [
                    Failure::Participant,
                    Failure::Condition,
                    Failure::Call,
                    Failure::Task,
                ];
                let failure = failures[self.random.place(failures.len())];
                Node::Fail(self.number(), failure)
            }
            6 => match self.random.below(3) {
                0 => Node::Send(self.number()),
                1 => Node::Event(self.number(), Awaited::Live),
                _ => Node::Event(self.number(), Awaited::Kept),
            },
            7..9 => Node::Assign(self.number()),
            9..13 => {
                let ways = [
                    Way::Each(1),
                    Way::Each(0),
                    Way::Each(2),
                    Way::Race,
                    Way::RaceWithFinally,
                    Way::Timed,
                    Way::After,
                    Way::Local,
                    Way::Interrupted,
                    Way::Listening,
                    Way::Recalled,
                    Way::Counting,
                    Way::Undone,
                    Way::Decided,
                    Way::DecidedBefore,
                    Way::Attempts,
                ];
                Node::Way(self.number(), ways[self.random.place(ways.len())])
            }
            13..15 => Node::Way(self.number(), Way::Limited),
            _ => Node::Set(self.number()),
        }
    }

    fn caught(&mut self, inner: u32) -> Node {
        let number = self.number();
        let mut body = self.nodes(3, inner + 1);
        if self.faults && self.random.once_in(2) {
            let failures = [Failure::Participant, Failure::Condition, Failure::Call];
            let failure = failures[self.random.place(failures.len())];
            let place = self.random.place(body.len() + 1);
            body.insert(place, Node::Fail(self.number(), failure));
        }
        let handling = [Handling::Default, Handling::Pattern, Handling::Again];
        Node::Catch(number, body, handling[self.random.place(handling.len())])
    }

    fn call(&mut self) -> Node {
        let number = self.number();
        let given = if self.depth == 0 && self.random.once_in(2) {
            Given::Participant
        } else {
            Given::Context
        };
        self.depth += 1;
        let body = self.nodes(2, 1);
        self.depth -= 1;
        Node::Call(number, Box::new(Definition::of(body)), given)
    }
}

impl Definition {
    /// A random definition; `faults` says whether it may fail.
    pub(super) fn random(random: &mut Random, faults: bool, callable: &[Named]) -> Self {
        Self::numbered(random, faults, callable, 0)
    }

    /// The same, with activities whose numbers come after this one.
    pub(super) fn numbered(
        random: &mut Random,
        faults: bool,
        callable: &[Named],
        next: u32,
    ) -> Self {
        let mut generator = Generator {
            random,
            callable,
            next,
            depth: 0,
            faults,
            size: 0,
        };
        Self::of(generator.nodes(4, 0))
    }

    /// A small definition that calls none, and always completes.
    pub(super) fn service(random: &mut Random, next: u32) -> Self {
        let mut generator = Generator {
            random,
            callable: &[],
            next,
            depth: 2,
            faults: false,
            size: 0,
        };
        Self::of(generator.nodes(2, 2))
    }

    /// Whether it calls others by name.
    pub(super) fn calls(&self) -> bool {
        self.body.iter().any(services::calls)
    }

    fn of(body: Vec<Node>) -> Self {
        let mut definition = Self {
            body: Vec::new(),
            counters: BTreeSet::new(),
            texts: BTreeMap::new(),
        };
        body.iter().for_each(|node| definition.note(node));
        definition.body = body;
        definition
    }

    fn note(&mut self, node: &Node) {
        match node {
            Node::Count(number, _, body) => {
                self.counters.insert(*number);
                body.iter().for_each(|node| self.note(node));
            }
            Node::Sequence(nodes)
            | Node::All(nodes)
            | Node::Catch(_, nodes, _)
            | Node::Finally(_, nodes) => nodes.iter().for_each(|node| self.note(node)),
            Node::Switch(cases) => cases.iter().for_each(|(_, node)| self.note(node)),
            Node::Call(number, inner, given) => {
                self.texts
                    .insert(*number, (inner.text("called", None), *given));
            }
            Node::Fail(number, Failure::Call) => {
                self.texts.insert(
                    *number,
                    ("<process><bad/></process>".into(), Given::Context),
                );
            }
            Node::Set(_)
            | Node::Assign(_)
            | Node::Way(..)
            | Node::Send(_)
            | Node::Event(..)
            | Node::ByName(..)
            | Node::Delay(_)
            | Node::Await(_)
            | Node::Fail(_, Failure::Participant | Failure::Condition | Failure::Task) => {}
        }
    }
}
