//! Comprehensions and generators, and the scope of their variables.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{Comprehension, Expr, ExprDictComp};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Clause, Node, SequenceKind};

impl Checker<'_> {
    pub(super) fn comprehension(
        &mut self,
        collected: SequenceKind,
        element: &Expr,
        generators: &[Comprehension],
    ) -> Checked {
        self.sets |= collected == SequenceKind::Set;
        let (element, clauses) = self.loops(element, generators)?;
        Ok(Node::Comprehension {
            collected,
            element: Box::new(element),
            clauses,
        })
    }

    pub(super) fn dict_comprehension(&mut self, comprehension: &ExprDictComp) -> Checked {
        let Some(key) = &comprehension.key else {
            return self.refuse(
                &*comprehension.value,
                "unpacking by `**` is not allowed in a comprehension",
            );
        };
        let outside = self.scope.len();
        let clauses = self.clauses(&comprehension.generators)?;
        let (key, value) = (self.node(key)?, self.node(&comprehension.value)?);
        self.scope.truncate(outside);
        Ok(Node::DictComprehension {
            key: Box::new(key),
            value: Box::new(value),
            clauses,
        })
    }

    /// The element and its loops.
    pub(super) fn loops(
        &mut self,
        element: &Expr,
        generators: &[Comprehension],
    ) -> Result<(Node, Vec<Clause>), Refusal> {
        let outside = self.scope.len();
        let clauses = self.clauses(generators)?;
        let element = self.node(element)?;
        self.scope.truncate(outside);
        Ok((element, clauses))
    }

    /// The loops. A variable is visible from its own conditions on, until the caller takes it out
    /// of scope.
    fn clauses(&mut self, generators: &[Comprehension]) -> Result<Vec<Clause>, Refusal> {
        let mut clauses = Vec::new();
        for generator in generators {
            if generator.is_async {
                return self.refuse(
                    &generator.target,
                    "asynchronous comprehensions are not supported",
                );
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
        Ok(clauses)
    }

    fn targets(&mut self, target: &Expr) -> Result<Vec<u32>, Refusal> {
        match target {
            Expr::Name(name) => Ok(vec![self.variable(name.id.as_str())]),
            Expr::Tuple(tuple) if tuple.elts.len() > 1 => tuple
                .elts
                .iter()
                .map(|part| match part {
                    Expr::Name(name) => Ok(self.variable(name.id.as_str())),
                    _ => self.refuse(part, "a loop variable must be a name"),
                })
                .collect(),
            _ => self.refuse(target, "a loop variable must be a name"),
        }
    }

    /// Takes a name into scope.
    pub(super) fn variable(&mut self, name: &str) -> u32 {
        let number = self.fresh();
        self.scope.push((name.to_owned(), number));
        number
    }
}
