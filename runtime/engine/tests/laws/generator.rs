//! Random programs: structured ones as a compiler makes them, and arbitrary lists of instructions.

use bureaucrat_model::{
    ActivityPath, CodePattern, Condition, ConditionIndex, ConditionRange, FaultCode, FieldPath,
    Fields, Guest, Handler, Millis, Op, OpIndex, Program, Retry, Site, Span,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub enum Block {
    Action,
    /// An action that is tried so often.
    Retry(u32),
    Delay(u64),
    Await(u32),
    Call(&'static str),
    Sequence(Vec<Block>),
    Switch(Vec<(u32, Block)>),
    While(u32, Box<Block>),
    All(Vec<Block>),
    /// A place that there is, or not, beside the fields of the context.
    Assign(&'static str),
    Fault(&'static str),
    /// Only in a handler: throws again what it handles.
    Again,
    /// A body, and handlers with what each catches; an empty text for all.
    Scope(Box<Block>, Vec<(&'static str, Block)>),
}

const PLACES: [&str; 5] = ["a", "/r/s", "/x/0", "/x/7", "/number/n"];

pub fn block() -> impl Strategy<Value = Block> {
    let leaf = prop_oneof![
        3 => Just(Block::Action),
        1 => (0_u32..4).prop_map(Block::Retry),
        1 => (0_u64..50).prop_map(Block::Delay),
        1 => (0_u32..3).prop_map(Block::Await),
        1 => prop_oneof![Just("d"), Just("number"), Just("missing")].prop_map(Block::Call),
        1 => prop_oneof![Just("a"), Just("b"), Just("Cancelled")].prop_map(Block::Fault),
        1 => Just(Block::Again),
        2 => prop::sample::select(PLACES.as_slice()).prop_map(Block::Assign),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Block::Sequence),
            prop::collection::vec((0_u32..3, inner.clone()), 0..3).prop_map(Block::Switch),
            (0_u32..3, inner.clone()).prop_map(|(count, body)| Block::While(count, Box::new(body))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Block::All),
            (
                inner.clone(),
                prop::collection::vec((caught(), inner), 0..3)
            )
                .prop_map(|(body, handlers)| Block::Scope(Box::new(body), handlers)),
        ]
    })
}

fn retry(attempts: u32) -> Retry {
    Retry {
        attempts,
        delay: Millis(3),
        factor: 2_000,
        max_delay: Millis(9),
        jitter: 500,
        on: Vec::new(),
    }
}

fn caught() -> impl Strategy<Value = &'static str> {
    const CODES: [&str; 6] = ["", "a", "*", "ActionError", "KeyError", "Cancelled"];
    prop::sample::select(CODES.as_slice())
}

/// Compiles the block as the definition compiler would.
pub fn program(block: &Block) -> Program {
    let mut compiler = Compiler::default();
    compiler.block(block, &ActivityPath(vec![0]));
    compiler.push(Op::Complete, &ActivityPath::default());
    compiler.finish()
}

/// A program of these instructions, each a separate activity.
pub fn flat(ops: Vec<Op>) -> Program {
    let mut compiler = Compiler::default();
    for (place, op) in ops.into_iter().enumerate() {
        compiler.push(op, &ActivityPath(vec![place as u32]));
    }
    compiler.conditions = 4;
    compiler.finish()
}

#[derive(Default)]
struct Compiler {
    ops: Vec<Op>,
    sites: Vec<Site>,
    conditions: u32,
}

impl Compiler {
    fn push(&mut self, op: Op, path: &ActivityPath) -> usize {
        let line = self.ops.len() as u32 + 1;
        self.ops.push(op);
        self.sites
            .push(Site::new(path.clone(), Span { line, column: 1 }));
        self.ops.len() - 1
    }

    fn here(&self) -> OpIndex {
        OpIndex(self.ops.len() as u32)
    }

    fn range(&mut self, count: u32) -> ConditionRange {
        let first = ConditionIndex(self.conditions);
        self.conditions += count;
        ConditionRange { first, count }
    }

    fn test(&mut self, count: u32, path: &ActivityPath) -> usize {
        let conditions = self.range(count);
        let otherwise = OpIndex(0);
        self.push(
            Op::Test {
                conditions,
                otherwise,
            },
            path,
        )
    }

    /// Makes the test or jump at `place` lead to the next instruction.
    fn patch(&mut self, place: usize) {
        let here = self.here();
        if let Op::Test {
            otherwise: target, ..
        }
        | Op::Jump { target } = &mut self.ops[place]
        {
            *target = here;
        }
    }

    fn block(&mut self, block: &Block, path: &ActivityPath) {
        match block {
            Block::Action => {
                let participant = "p".into();
                let retry = None;
                self.push(Op::Action { participant, retry }, path);
            }
            Block::Retry(attempts) => {
                let participant = "p".into();
                let retry = Some(retry(*attempts));
                self.push(Op::Action { participant, retry }, path);
            }
            Block::Delay(duration) => {
                let duration = Millis(*duration);
                self.push(Op::Delay { duration }, path);
            }
            Block::Await(count) => {
                let conditions = self.range(*count);
                let event = "e".into();
                self.push(Op::Await { event, conditions }, path);
            }
            Block::Call(field) => {
                let field = (*field).into();
                self.push(Op::Call { field }, path);
            }
            Block::Sequence(blocks) => {
                for (place, block) in (0..).zip(blocks) {
                    self.block(block, &path.child(place));
                }
            }
            Block::Switch(cases) => {
                let mut ends = Vec::new();
                for (place, (count, body)) in (0..).zip(cases) {
                    let test = self.test(*count, &path.child(place));
                    self.block(body, &path.child(place).child(0));
                    ends.push(self.push(Op::Jump { target: OpIndex(0) }, path));
                    self.patch(test);
                }
                ends.into_iter().for_each(|end| self.patch(end));
            }
            Block::While(count, body) => {
                let top = self.here();
                let test = self.test(*count, path);
                self.block(body, &path.child(0));
                self.push(Op::Jump { target: top }, path);
                self.patch(test);
            }
            Block::All(blocks) => {
                let fork = self.push(Op::Complete, path);
                let mut branches = Vec::new();
                for (place, block) in (0..).zip(blocks) {
                    branches.push(self.here());
                    self.block(block, &path.child(place));
                    self.push(Op::EndBranch, path);
                }
                let next = self.here();
                self.ops[fork] = Op::Fork { branches, next };
            }
            Block::Assign(place) => {
                let target = FieldPath::new(place).unwrap();
                let value = self.range(1).first;
                self.push(Op::Assign { target, value }, path);
            }
            Block::Fault(code) => {
                let code = Some(FaultCode::new(code));
                let message = "thrown".into();
                self.push(Op::Fault { code, message }, path);
            }
            Block::Again => {
                let (code, message) = (None, String::new());
                self.push(Op::Fault { code, message }, path);
            }
            Block::Scope(body, handlers) => self.scope(body, handlers, path),
        }
    }

    fn scope(&mut self, body: &Block, handlers: &[(&str, Block)], path: &ActivityPath) {
        let enter = self.push(Op::Complete, path);
        self.block(body, &path.child(0));
        self.push(Op::LeaveScope, path);
        let mut entries = Vec::new();
        for (place, (code, block)) in (1..).zip(handlers) {
            let codes = CodePattern::new(code).into_iter().collect();
            let at = self.here();
            entries.push(Handler { codes, at });
            self.block(block, &path.child(place));
            self.push(Op::LeaveScope, path);
        }
        let (handlers, next) = (entries, self.here());
        self.ops[enter] = Op::EnterScope { handlers, next };
    }

    fn finish(self) -> Program {
        let condition = |number| Condition {
            guest: Guest::Inline,
            function: format!("c{number}"),
            text: String::new(),
            span: Span::default(),
        };
        Program {
            name: "random".into(),
            context: Fields::parse(r#"{"d": "<process/>", "number": 1, "x": [1.50]}"#).unwrap(),
            ops: self.ops,
            sites: self.sites,
            conditions: (0..self.conditions).map(condition).collect(),
            inline_guest: Vec::new(),
        }
    }
}

/// Any instruction, with indexes that may be invalid.
pub fn any_op() -> impl Strategy<Value = Op> {
    let place = || (0_u32..10).prop_map(OpIndex);
    let range = || {
        (0_u32..6, 0_u32..4).prop_map(|(first, count)| ConditionRange {
            first: ConditionIndex(first),
            count,
        })
    };
    prop_oneof![
        prop::option::of((0_u32..3).prop_map(retry)).prop_map(|retry| Op::Action {
            participant: "p".into(),
            retry
        }),
        (0_u64..9).prop_map(|span| Op::Delay {
            duration: Millis(span)
        }),
        range().prop_map(|conditions| Op::Await {
            event: "e".into(),
            conditions
        }),
        Just(Op::Call { field: "d".into() }),
        place().prop_map(|target| Op::Jump { target }),
        (range(), place()).prop_map(|(conditions, otherwise)| Op::Test {
            conditions,
            otherwise
        }),
        (prop::collection::vec(place(), 0..4), place())
            .prop_map(|(branches, next)| Op::Fork { branches, next }),
        Just(Op::EndBranch),
        Just(Op::Complete),
        (prop::sample::select(PLACES.as_slice()), 0_u32..5).prop_map(|(place, value)| Op::Assign {
            target: FieldPath::new(place).unwrap(),
            value: ConditionIndex(value),
        }),
        Just(Op::LeaveScope),
        prop::option::of(Just(FaultCode::new("a"))).prop_map(|code| Op::Fault {
            code,
            message: String::new()
        }),
        (prop::collection::vec((caught(), place()), 0..3), place()).prop_map(|(handlers, next)| {
            let handler = |(code, at): (&str, OpIndex)| Handler {
                codes: CodePattern::new(code).into_iter().collect(),
                at,
            };
            Op::EnterScope {
                handlers: handlers.into_iter().map(handler).collect(),
                next,
            }
        }),
    ]
}
