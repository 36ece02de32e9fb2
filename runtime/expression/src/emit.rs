//! From the checked tree to instructions of the main module.
//!
//! Each expression becomes one function without parameters that gives the address of its outcome. Calls name helpers by
//! their index in the helper module; [`crate::component`] gives them their final ones. A value is the address of a cell
//! (helpers/core.wats says how cells look); a truth is 0 or 1. Nothing is checked between helpers, because the first fault
//! sticks and what follows it is harmless; only loops look at it, so that they end.

use std::collections::BTreeSet;

use wasm_encoder::{BlockType, Instruction, MemArg, ValType};

use crate::constants::Constants;
use crate::ir::{Clause, Constant, Node, Quantifier, SequenceKind};
use crate::library::{FAULT_GLOBAL, Library, sugar};
use crate::{Expression, Kind};

/// The instructions of one expression's function, without the prologue that sets the heap.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) instructions: Vec<Instruction<'static>>,
    /// How many `i32` locals it has.
    pub(crate) locals: u32,
    /// Helpers that it calls.
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
    /// Locals that are not in use.
    free: Vec<u32>,
    /// How many blocks are open, for the distances of branches.
    depth: u32,
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

    /// The distance to a block that [`Self::open`] gave.
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
            Node::Field(name) => {
                let cell = self.constants.text(name);
                self.number(cell);
                self.path(name);
                self.call("field");
            }
            Node::FieldOr(name, default) => {
                self.value(default);
                self.path(name);
                self.call("field_or");
            }
            Node::Variable(variable) => self.push(Instruction::LocalGet(*variable)),
            Node::Call(helper, operands) => {
                self.values(operands);
                self.call(helper);
            }
            Node::CallWith(helper, operands, number) => {
                self.values(operands);
                self.number(*number);
                self.call(helper);
            }
            Node::Test(..) | Node::Not(_) | Node::Chain { .. } | Node::Quantified { .. } => {
                self.truth(node);
                self.call("bool_cell");
            }
            Node::And(operands) => self.operand(operands, 0),
            Node::Or(operands) => self.operand(operands, 1),
            Node::If {
                test,
                body,
                otherwise,
            } => {
                self.truth(test);
                self.open(Instruction::If(BlockType::Result(ValType::I32)));
                self.value(body);
                self.push(Instruction::Else);
                self.value(otherwise);
                self.close();
            }
            Node::Sequence(kind, items) => self.sequence(*kind, items),
            Node::Dict(pairs) => self.dict(pairs),
            Node::Comprehension { element, clauses } => self.comprehension(element, clauses),
        }
    }

    /// The JSON pointer of a top-level field: its address and its length.
    fn path(&mut self, name: &str) {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let address = self.constants.bytes(pointer.as_bytes());
        self.number(address);
        self.number(pointer.len() as i32);
    }

    /// The value of `and` (decided by 0) or `or` (decided by 1): the first operand that decides, or the last.
    fn operand(&mut self, operands: &[Node], decided: i32) {
        let kept = self.local();
        let block = self.open(Instruction::Block(BlockType::Empty));
        for (index, operand) in operands.iter().enumerate() {
            self.value(operand);
            if index + 1 == operands.len() {
                self.push(Instruction::LocalSet(kept));
            } else {
                self.push(Instruction::LocalTee(kept));
                self.call("truth");
                if decided == 0 {
                    self.push(Instruction::I32Eqz);
                }
                self.push(Instruction::BrIf(self.to(block)));
            }
        }
        self.close();
        self.push(Instruction::LocalGet(kept));
        self.free.push(kept);
    }

    fn sequence(&mut self, kind: SequenceKind, items: &[Node]) {
        let tag = match kind {
            SequenceKind::List | SequenceKind::Set => "LIST",
            SequenceKind::Tuple => "TUPLE",
        };
        let list = self.new_sequence(tag);
        for item in items {
            self.push(Instruction::LocalGet(list));
            self.value(item);
            self.call("list_put");
        }
        self.push(Instruction::LocalGet(list));
        if kind == SequenceKind::Set {
            self.call("set_of");
        }
        self.free.push(list);
    }

    fn new_sequence(&mut self, tag: &str) -> u32 {
        let list = self.local();
        self.number(tag_number(tag));
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
            } => {
                self.truth(test);
                self.open(Instruction::If(BlockType::Result(ValType::I32)));
                self.truth(body);
                self.push(Instruction::Else);
                self.truth(otherwise);
                self.close();
            }
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
            | Node::Call(..)
            | Node::CallWith(..)
            | Node::Sequence(..)
            | Node::Dict(_)
            | Node::Comprehension { .. } => {
                self.value(node);
                self.call("truth");
            }
        }
    }

    /// Calls the helper of a comparison. Against a constant one that reaches fewer other helpers does the same, which keeps
    /// common conditions small.
    fn test(&mut self, helper: &str, right: Option<&Node>) {
        let kind = match right {
            Some(Node::Constant(Constant::True | Constant::False | Constant::Integer(_))) => "int",
            Some(Node::Constant(Constant::Text(_))) => "text",
            _ => return self.call(helper),
        };
        let operator = match helper {
            "less" => 0,
            "less_equal" => 1,
            "greater" => 2,
            "greater_equal" => 3,
            "equal" => return self.call(&format!("equal_{kind}")),
            "unequal" => {
                self.call(&format!("equal_{kind}"));
                return self.push(Instruction::I32Eqz);
            }
            _ => return self.call(helper),
        };
        self.number(operator);
        self.call(&format!("order_{kind}"));
    }

    /// The truth of `and` (decided by 0) or `or` (decided by 1).
    fn connective(&mut self, operands: &[Node], decided: i32) {
        let block = self.open(Instruction::Block(BlockType::Result(ValType::I32)));
        for (index, operand) in operands.iter().enumerate() {
            if index + 1 == operands.len() {
                self.truth(operand);
                continue;
            }
            self.number(decided);
            self.truth(operand);
            if decided == 0 {
                self.push(Instruction::I32Eqz);
            }
            self.push(Instruction::BrIf(self.to(block)));
            self.push(Instruction::Drop);
        }
        self.close();
    }

    fn chain(&mut self, first: &Node, links: &[(&'static str, Node)]) {
        let kept = self.local();
        let block = self.open(Instruction::Block(BlockType::Result(ValType::I32)));
        self.value(first);
        for (index, (helper, operand)) in links.iter().enumerate() {
            self.value(operand);
            if index + 1 == links.len() {
                self.test(helper, Some(operand));
                break;
            }
            self.push(Instruction::LocalTee(kept));
            self.test(helper, Some(operand));
            let holds = self.local();
            self.push(Instruction::LocalTee(holds));
            self.push(Instruction::LocalGet(holds));
            self.push(Instruction::I32Eqz);
            self.push(Instruction::BrIf(self.to(block)));
            self.push(Instruction::Drop);
            self.push(Instruction::LocalGet(kept));
            self.free.push(holds);
        }
        self.close();
        self.free.push(kept);
    }

    fn comprehension(&mut self, element: &Node, clauses: &[Clause]) {
        let list = self.new_sequence("LIST");
        self.clauses(clauses, &mut |emitter| {
            emitter.push(Instruction::LocalGet(list));
            emitter.value(element);
            emitter.call("list_put");
        });
        self.push(Instruction::LocalGet(list));
        self.free.push(list);
    }

    fn quantified(&mut self, quantifier: Quantifier, element: &Node, clauses: &[Clause]) {
        let result = self.local();
        let start = match quantifier {
            Quantifier::Any => 0,
            Quantifier::All => 1,
        };
        self.number(start);
        self.push(Instruction::LocalSet(result));
        let all = self.open(Instruction::Block(BlockType::Empty));
        self.clauses(clauses, &mut |emitter| {
            emitter.truth(element);
            emitter.push(Instruction::LocalTee(result));
            if start == 1 {
                emitter.push(Instruction::I32Eqz);
            }
            emitter.push(Instruction::BrIf(emitter.to(all)));
        });
        self.close();
        self.push(Instruction::LocalGet(result));
        self.free.push(result);
    }

    /// The loops of a comprehension around what is done with each element.
    fn clauses(&mut self, clauses: &[Clause], inner: &mut dyn FnMut(&mut Self)) {
        let Some((clause, rest)) = clauses.split_first() else {
            inner(self);
            return;
        };
        let (source, index) = (self.local(), self.local());
        self.value(&clause.source);
        self.call("iterable");
        self.push(Instruction::LocalSet(source));
        self.number(0);
        self.push(Instruction::LocalSet(index));
        let end = self.open(Instruction::Block(BlockType::Empty));
        let again = self.open(Instruction::Loop(BlockType::Empty));
        self.push(Instruction::LocalGet(index));
        self.push(Instruction::LocalGet(source));
        self.push(Instruction::I32Load(MemArg {
            offset: 12,
            align: 2,
            memory_index: 0,
        }));
        self.push(Instruction::I32GeU);
        self.push(Instruction::BrIf(self.to(end)));
        self.push(Instruction::LocalGet(source));
        self.push(Instruction::LocalGet(index));
        self.call("item");
        self.targets(&clause.targets);
        self.push(Instruction::LocalGet(index));
        self.number(1);
        self.push(Instruction::I32Add);
        self.push(Instruction::LocalSet(index));
        self.push(Instruction::GlobalGet(FAULT_GLOBAL));
        self.push(Instruction::BrIf(self.to(end)));
        for condition in &clause.conditions {
            self.truth(condition);
            self.push(Instruction::I32Eqz);
            self.push(Instruction::BrIf(self.to(again)));
        }
        self.clauses(rest, inner);
        self.push(Instruction::Br(self.to(again)));
        self.close();
        self.close();
        self.free.extend([source, index]);
    }

    /// Binds the item on the stack.
    fn targets(&mut self, targets: &[u32]) {
        if let [only] = targets {
            self.push(Instruction::LocalSet(*only));
            return;
        }
        let parts = self.local();
        self.number(targets.len() as i32);
        self.call("unpack");
        self.push(Instruction::LocalSet(parts));
        for (position, target) in targets.iter().enumerate() {
            self.push(Instruction::LocalGet(parts));
            self.number(position as i32);
            self.call("item");
            self.push(Instruction::LocalSet(*target));
        }
        self.free.push(parts);
    }
}

fn tag_number(tag: &str) -> i32 {
    sugar::CONSTANTS
        .iter()
        .find(|(name, _)| *name == tag)
        .map_or(0, |(_, number)| *number as i32)
}
