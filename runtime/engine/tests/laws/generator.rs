//! Random programs: structured ones as a compiler makes them, and arbitrary lists of instructions.

use bureaucrat_model::{
    ActivityPath, Condition, ConditionIndex, ConditionRange, Fields, Guest, Millis, Op, OpIndex,
    Program, Site, Span,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub enum Block {
    Action,
    Delay(u64),
    Await(u32),
    Call(&'static str),
    Sequence(Vec<Block>),
    Switch(Vec<(u32, Block)>),
    While(u32, Box<Block>),
    All(Vec<Block>),
}

pub fn block() -> impl Strategy<Value = Block> {
    let leaf = prop_oneof![
        3 => Just(Block::Action),
        1 => (0_u64..50).prop_map(Block::Delay),
        1 => (0_u32..3).prop_map(Block::Await),
        1 => prop_oneof![Just("d"), Just("number"), Just("missing")].prop_map(Block::Call),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Block::Sequence),
            prop::collection::vec((0_u32..3, inner.clone()), 0..3).prop_map(Block::Switch),
            (0_u32..3, inner.clone()).prop_map(|(count, body)| Block::While(count, Box::new(body))),
            prop::collection::vec(inner, 0..4).prop_map(Block::All),
        ]
    })
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
        self.sites.push(Site {
            path: path.clone(),
            span: Span { line, column: 1 },
        });
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
                self.push(Op::Action { participant }, path);
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
        }
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
        Just(Op::Action {
            participant: "p".into()
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
    ]
}
