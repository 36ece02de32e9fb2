//! From the checked tree to instructions of the main module.
//!
//! Each expression becomes one function without parameters that returns the address of its outcome.
//! Calls refer to helpers by their index in the helper module; [`crate::component`] assigns the
//! final ones. A value is the address of a cell (helpers/core.wats describes cells); a boolean is 0
//! or 1. Nothing is checked between helpers, because the first fault is kept and what follows it is
//! harmless; only loops check for a fault, so that they end.

use std::collections::BTreeSet;

use wasm_encoder::{BlockType, Instruction, ValType};

use crate::constants::Constants;
use crate::ir::{Item, Node, SequenceKind};
use crate::library::{Library, sugar};
use crate::{Expression, Kind, repr};

mod logic;
mod loops;

/// The instructions of one expression's function, without the prologue that sets the heap.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) instructions: Vec<Instruction<'static>>,
    /// How many `i32` locals it has.
    pub(crate) locals: u32,
    pub(crate) calls: BTreeSet<u32>,
}

/// Compiles one expression; its constants are added to `constants`.
pub(crate) fn function(expression: &Expression, kind: Kind, constants: &mut Constants) -> Body {
    let mut emitter = Emitter {
        constants,
        body: Body {
            instructions: Vec::new(),
            locals: expression.variables,
            calls: BTreeSet::new(),
        },
        free: Vec::new(),
        depth: 0,
        sets: expression.sets,
        dates: expression.dates,
    };
    match kind {
        Kind::Verdict => {
            emitter.truth(&expression.node);
            emitter.call("verdict");
        }
        Kind::Value => {
            emitter.value(&expression.node);
            emitter.call("value");
        }
    }
    emitter.push(Instruction::End);
    emitter.body
}

struct Emitter<'a> {
    constants: &'a mut Constants,
    body: Body,
    /// Unused locals.
    free: Vec<u32>,
    /// The number of open blocks, for the distances of branches.
    depth: u32,
    /// Whether a set can occur; fields contain none.
    sets: bool,
    /// Whether a date can occur; fields contain none.
    dates: bool,
}

impl Emitter<'_> {
    fn push(&mut self, instruction: Instruction<'static>) {
        self.body.instructions.push(instruction);
    }

    fn number(&mut self, number: i32) {
        self.push(Instruction::I32Const(number));
    }

    fn call(&mut self, helper: &str) {
        let index = Library::get().index(helper);
        self.body.calls.insert(index);
        self.push(Instruction::Call(index));
    }

    fn local(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.body.locals += 1;
            self.body.locals - 1
        })
    }

    fn open(&mut self, block: Instruction<'static>) -> u32 {
        self.push(block);
        self.depth += 1;
        self.depth
    }

    fn close(&mut self) {
        self.push(Instruction::End);
        self.depth -= 1;
    }

    /// The distance to a block from [`Self::open`].
    fn to(&self, block: u32) -> u32 {
        self.depth - block
    }

    fn values(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.value(node);
        }
    }

    /// Leaves the address of the value's cell.
    fn value(&mut self, node: &Node) {
        match node {
            Node::Constant(constant) => {
                let address = self.constants.cell(constant);
                self.number(address);
            }
            Node::Fields => self.call("fields"),
            Node::Field(name) => self.field(name),
            Node::FieldOr(name, default) => {
                self.value(default);
                self.path(name);
                self.call("field_or");
            }
            Node::Variable(variable) => self.push(Instruction::LocalGet(*variable)),
            Node::Assigned(variable, name) => {
                self.push(Instruction::LocalGet(*variable));
                let name = self.constants.text(name);
                self.number(name);
                self.call("assigned");
            }
            Node::Assign(variable, value) => {
                self.value(value);
                self.push(Instruction::LocalTee(*variable));
            }
            Node::Call(helper, operands) => {
                self.values(operands);
                self.operation(helper);
            }
            Node::CallWith(helper, operands, number) => {
                self.values(operands);
                self.number(*number);
                self.call(helper);
            }
            Node::Format(helper, operand, format, written) => {
                self.value(operand);
                self.format(helper, *format, written);
            }
            Node::Let {
                variable,
                value,
                body,
            } => {
                self.bind(*variable, value);
                self.value(body);
            }
            Node::Test(..)
            | Node::TestWith(..)
            | Node::Not(_)
            | Node::Chain { .. }
            | Node::Quantified { .. } => {
                self.truth(node);
                self.call("bool_cell");
            }
            Node::And(operands) => self.operand(operands, 0),
            Node::Or(operands) => self.operand(operands, 1),
            Node::If {
                test,
                body,
                otherwise,
            } => self.choice(test, body, otherwise, Self::value),
            Node::Sequence(kind, items) => self.sequence(*kind, items),
            Node::Dict(pairs) => self.dict(pairs),
            Node::Comprehension {
                collected,
                element,
                clauses,
            } => self.comprehension(*collected, element, clauses),
            Node::DictComprehension {
                key,
                value,
                clauses,
            } => self.dict_comprehension(key, value, clauses),
            Node::Fold {
                start,
                step,
                element,
                clauses,
            } => self.fold(start.as_deref(), step, element, clauses),
            Node::First {
                element,
                clauses,
                default,
            } => self.first(element, clauses, default.as_deref()),
        }
    }

    fn bind(&mut self, variable: u32, value: &Node) {
        self.value(value);
        self.push(Instruction::LocalSet(variable));
    }

    /// Calls a helper whose operands are on the stack. Where sets can occur, some helpers have a
    /// version that supports them.
    fn operation(&mut self, helper: &str) {
        match (self.sets, helper) {
            (true, "subtract" | "bit_and" | "bit_or" | "bit_xor") => {
                self.call(&format!("{helper}_sets"));
            }
            _ => self.call(helper),
        }
    }

    /// The text of the value on the stack. A date takes any text for a format.
    fn format(&mut self, helper: &str, format: i64, written: &str) {
        let dated = self.dates.then(|| self.local());
        if let Some(value) = dated {
            let written = self.constants.text(written);
            self.push(Instruction::LocalTee(value));
            self.call("formats_dated");
            self.open(Instruction::If(BlockType::Result(ValType::I32)));
            self.push(Instruction::LocalGet(value));
            self.number(written);
            self.call("date_strftime");
            self.push(Instruction::Else);
            self.push(Instruction::LocalGet(value));
        }
        self.push(Instruction::I64Const(format));
        self.call(helper);
        if let Some(value) = dated {
            self.close();
            self.free.push(value);
        }
    }

    /// One of two nodes, each emitted by `leave`.
    fn choice(&mut self, test: &Node, body: &Node, otherwise: &Node, leave: fn(&mut Self, &Node)) {
        self.truth(test);
        self.open(Instruction::If(BlockType::Result(ValType::I32)));
        leave(self, body);
        self.push(Instruction::Else);
        leave(self, otherwise);
        self.close();
    }

    fn field(&mut self, name: &str) {
        let missing = format!("KeyError: {}", repr::of_text(name));
        let cell = self.constants.text(&missing);
        self.number(cell);
        self.path(name);
        self.call("field");
    }

    /// The JSON pointer of a top-level field: its address and its length.
    fn path(&mut self, name: &str) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let address = self.constants.bytes(pointer.as_bytes());
        self.number(address);
        self.number(pointer.len() as i32);
    }

    fn sequence(&mut self, kind: SequenceKind, items: &[Item]) {
        let tag = match kind {
            SequenceKind::List | SequenceKind::Set | SequenceKind::Members => "LIST",
            SequenceKind::Tuple => "TUPLE",
        };
        let list = self.new_sequence(tag);
        for item in items {
            self.push(Instruction::LocalGet(list));
            match item {
                Item::One(value) => {
                    self.value(value);
                    self.call("list_put");
                }
                Item::Each(source) => {
                    self.value(source);
                    self.call("list_put_all");
                }
            }
        }
        self.push(Instruction::LocalGet(list));
        match kind {
            SequenceKind::Set => self.call("set_of"),
            SequenceKind::Members => self.call("members_of"),
            SequenceKind::List | SequenceKind::Tuple => {}
        }
        self.free.push(list);
    }

    fn new_sequence(&mut self, tag: &str) -> u32 {
        let list = self.local();
        self.number(sugar::named(tag) as i32);
        self.call("list_new");
        self.push(Instruction::LocalSet(list));
        list
    }

    fn dict(&mut self, pairs: &[(Node, Node)]) {
        let list = self.new_sequence("LIST");
        for part in pairs.iter().flat_map(|(key, value)| [key, value]) {
            self.push(Instruction::LocalGet(list));
            self.value(part);
            self.call("list_put");
        }
        self.push(Instruction::LocalGet(list));
        self.call("dict_of");
        self.free.push(list);
    }

    /// Leaves 0 or 1.
    fn truth(&mut self, node: &Node) {
        match node {
            Node::Test(helper, operands) => {
                self.values(operands);
                self.test(helper, operands.last());
            }
            Node::TestWith(helper, operands, number) => {
                self.values(operands);
                self.number(*number);
                self.call(helper);
            }
            Node::Let {
                variable,
                value,
                body,
            } => {
                self.bind(*variable, value);
                self.truth(body);
            }
            Node::Not(operand) => {
                self.truth(operand);
                self.push(Instruction::I32Eqz);
            }
            Node::And(operands) => self.connective(operands, 0),
            Node::Or(operands) => self.connective(operands, 1),
            Node::If {
                test,
                body,
                otherwise,
            } => self.choice(test, body, otherwise, Self::truth),
            Node::Chain { first, links } => self.chain(first, links),
            Node::Quantified {
                quantifier,
                element,
                clauses,
            } => self.quantified(*quantifier, element, clauses),
            Node::Constant(_)
            | Node::Fields
            | Node::Field(_)
            | Node::FieldOr(..)
            | Node::Variable(_)
            | Node::Assigned(..)
            | Node::Assign(..)
            | Node::Call(..)
            | Node::CallWith(..)
            | Node::Format(..)
            | Node::Sequence(..)
            | Node::Dict(_)
            | Node::Comprehension { .. }
            | Node::DictComprehension { .. }
            | Node::Fold { .. }
            | Node::First { .. } => {
                self.value(node);
                self.call("truth");
            }
        }
    }
}
