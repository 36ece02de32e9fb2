//! Comprehensions and generators, and the scope of their variables.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{Comprehension, Expr};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Clause, Node};

impl Checker<'_> {
    pub(super) fn comprehension(
        &mut self,
        element: &Expr,
        generators: &[Comprehension],
    ) -> Checked {
        let (element, clauses) = self.loops(element, generators)?;
        Ok(Node::Comprehension {
            element: Box::new(element),
            clauses,
        })
    }

    /// The element and its loops; a variable is in sight from its own conditions on.
    pub(super) fn loops(
        &mut self,
        element: &Expr,
        generators: &[Comprehension],
    ) -> Result<(Node, Vec<Clause>), Refusal> {
        let outside = self.scope.len();
        let mut clauses = Vec::new();
        for generator in generators {
            if generator.is_async {
                return self.refuse(&generator.target, "an asynchronous comprehension");
            }
            let source = self.iterable(&generator.iter)?;
            let targets = self.targets(&generator.target)?;
            let conditions = self.nodes(&generator.ifs)?;
            clauses.push(Clause {
                source,
                targets,
                conditions,
            });
        }
        let element = self.node(element)?;
        self.scope.truncate(outside);
        Ok((element, clauses))
    }

    fn targets(&mut self, target: &Expr) -> Result<Vec<u32>, Refusal> {
        match target {
            Expr::Name(name) => Ok(vec![self.variable(name.id.as_str())]),
            Expr::Tuple(tuple) if tuple.elts.len() > 1 => tuple
                .elts
                .iter()
                .map(|part| match part {
                    Expr::Name(name) => Ok(self.variable(name.id.as_str())),
                    _ => self.refuse(part, "a loop variable that is no name"),
                })
                .collect(),
            _ => self.refuse(target, "a loop variable that is no name"),
        }
    }

    fn variable(&mut self, name: &str) -> u32 {
        let number = self.variables;
        self.variables += 1;
        self.scope.push((name.to_owned(), number));
        number
    }
}
