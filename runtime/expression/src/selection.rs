//! Expressions that only select: `context["order"]["lines"][0]`.
//!
//! A host can copy what they select as JSON text, without a guest and at any size. It does so only
//! where each step finds what it needs, or where [`Step::missing`] has the fault; for anything else,
//! such as an index into a text, it evaluates the expression, which gives the same or Python's fault.

use crate::ir::{Constant, Node};
use crate::{Expression, repr};

/// One step from a value into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a record, by name; a list has no names, not even of digits.
    Name(String),
    /// Into a list; a negative index counts from its end.
    Index(i64),
}

impl Step {
    /// The fault if a record lacks the name, or a list the index.
    pub fn missing(&self) -> String {
        match self {
            Step::Name(name) => format!("KeyError: {}", repr::of_text(name)),
            Step::Index(_) => "IndexError: list index out of range".to_owned(),
        }
    }
}

/// A path into the fields; without steps it is all fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    steps: Vec<Step>,
}

impl Selection {
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The JSON pointer; `None` with an index from the end of a list.
    pub fn pointer(&self) -> Option<String> {
        let mut pointer = String::new();
        for step in &self.steps {
            pointer.push('/');
            match step {
                Step::Name(name) => pointer += &name.replace('~', "~0").replace('/', "~1"),
                Step::Index(index) if *index >= 0 => pointer += &index.to_string(),
                Step::Index(_) => return None,
            }
        }
        Some(pointer)
    }
}

impl Expression {
    /// What it selects, if it does nothing else.
    pub fn selection(&self) -> Option<Selection> {
        let mut steps = Vec::new();
        let mut node = &self.node;
        while let Node::Call("subscript", operands) = node {
            let [value, Node::Constant(index)] = operands.as_slice() else {
                return None;
            };
            steps.push(step(index)?);
            node = value;
        }
        if let Node::Field(name) = node {
            steps.push(Step::Name(name.clone()));
        } else if *node != Node::Fields {
            return None;
        }
        steps.reverse();
        Some(Selection { steps })
    }
}

fn step(index: &Constant) -> Option<Step> {
    match index {
        Constant::Text(name) => Some(Step::Name(name.clone())),
        Constant::Integer(index) => Some(Step::Index(*index)),
        Constant::None
        | Constant::True
        | Constant::False
        | Constant::BigInteger(_)
        | Constant::Float(_) => None,
    }
}
