//! Loops: comprehensions, `any` and `all`, `next`, and the variables that they bind.

use wasm_encoder::{BlockType, Instruction, MemArg};

use super::Emitter;
use crate::ir::{Clause, Node, Quantifier, SequenceKind};
use crate::library::FAULT_GLOBAL;

impl Emitter<'_> {
    pub(super) fn comprehension(
        &mut self,
        collected: SequenceKind,
        element: &Node,
        clauses: &[Clause],
    ) {
        let (tag, put) = match collected {
            SequenceKind::List => ("LIST", "list_put"),
            SequenceKind::Tuple => ("TUPLE", "list_put"),
            SequenceKind::Set | SequenceKind::Members => ("SET", "set_put"),
        };
        let list = self.new_sequence(tag);
        self.clauses(clauses, &mut |emitter| {
            emitter.push(Instruction::LocalGet(list));
            emitter.value(element);
            emitter.call(put);
        });
        self.push(Instruction::LocalGet(list));
        self.free.push(list);
    }

    pub(super) fn dict_comprehension(&mut self, key: &Node, value: &Node, clauses: &[Clause]) {
        let dict = self.new_sequence("DICT");
        self.clauses(clauses, &mut |emitter| {
            emitter.push(Instruction::LocalGet(dict));
            emitter.value(key);
            emitter.value(value);
            emitter.call("dict_put");
        });
        self.push(Instruction::LocalGet(dict));
        self.free.push(dict);
    }

    pub(super) fn fold(
        &mut self,
        start: Option<&Node>,
        step: &str,
        element: &Node,
        clauses: &[Clause],
    ) {
        let found = self.local();
        match start {
            Some(start) => self.value(start),
            None => self.number(0),
        }
        self.push(Instruction::LocalSet(found));
        self.clauses(clauses, &mut |emitter| {
            emitter.push(Instruction::LocalGet(found));
            emitter.value(element);
            emitter.call(step);
            emitter.push(Instruction::LocalSet(found));
        });
        self.push(Instruction::LocalGet(found));
        self.free.push(found);
    }

    /// The default is evaluated before anything is iterated, as in Python.
    pub(super) fn first(&mut self, element: &Node, clauses: &[Clause], default: Option<&Node>) {
        let result = self.local();
        match default {
            Some(default) => self.value(default),
            None => self.number(0),
        }
        self.push(Instruction::LocalSet(result));
        let all = self.open(Instruction::Block(BlockType::Empty));
        self.clauses(clauses, &mut |emitter| {
            emitter.value(element);
            emitter.push(Instruction::LocalSet(result));
            emitter.push(Instruction::Br(emitter.to(all)));
        });
        self.close();
        self.push(Instruction::LocalGet(result));
        if default.is_none() {
            self.call("or_stop");
        }
        self.free.push(result);
    }

    pub(super) fn quantified(
        &mut self,
        quantifier: Quantifier,
        element: &Node,
        clauses: &[Clause],
    ) {
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
