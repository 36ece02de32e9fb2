//! `and`, `or`, comparisons and chains of them.

use wasm_encoder::{BlockType, Instruction, ValType};

use super::Emitter;
use crate::ir::{Constant, Node};

impl Emitter<'_> {
    /// The value of `and` (decided by 0) or `or` (decided by 1): the first operand that decides, or the last.
    pub(super) fn operand(&mut self, operands: &[Node], decided: i32) {
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

    /// Calls the helper of a comparison. For a constant, one that reaches fewer other helpers does
    /// the same, which keeps common conditions small.
    pub(super) fn test(&mut self, helper: &str, right: Option<&Node>) {
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
    pub(super) fn connective(&mut self, operands: &[Node], decided: i32) {
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

    pub(super) fn chain(&mut self, first: &Node, links: &[(&'static str, Node)]) {
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
}
