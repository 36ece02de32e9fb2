//! Arguments by position and by name, evaluated in the order in which they are written.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::super::functions::Missing;
use super::super::{Checked, Checker};
use super::tables::Parameter;
use crate::Refusal;
use crate::ir::Node;
use crate::nearest::nearest;

/// The arguments of a call in the order of the parameters.
pub(super) struct Bound {
    pub(super) values: Vec<Node>,
    /// One bit for each parameter that is given.
    pub(super) given: i32,
    /// Arguments that are evaluated before, as they are written in another order.
    pub(super) before: Vec<(u32, Node)>,
}

impl Bound {
    pub(super) fn node(self, make: impl FnOnce(Vec<Node>, i32) -> Node) -> Node {
        let body = make(self.values, self.given);
        let before = self.before.into_iter().rev();
        before.fold(body, |body, (variable, value)| Node::Let {
            variable,
            value: Box::new(value),
            body: Box::new(body),
        })
    }
}

impl Checker<'_> {
    pub(super) fn bound(
        &mut self,
        call: &ExprCall,
        parameters: &[Parameter],
    ) -> Result<Bound, Refusal> {
        let (arguments, keywords) = (&call.arguments.args, &call.arguments.keywords);
        self.no_unpacking(arguments)?;
        let most = parameters.len();
        if arguments.len() > most {
            let count = arguments.len();
            return self.refuse(
                call,
                format!("this call has {count} arguments; expected at most {most}"),
            );
        }
        let mut values = vec![None; most];
        let mut before = Vec::new();
        for (slot, argument) in values.iter_mut().zip(arguments) {
            *slot = Some(self.argument(argument, keywords.is_empty(), &mut before)?);
        }
        for keyword in keywords {
            let Some(name) = &keyword.arg else {
                return self.refuse(keyword, "unpacking by `**` is not allowed in a call");
            };
            let known = parameters
                .iter()
                .position(|(known, _)| *known == name.as_str());
            let Some(place) = known else {
                return self.refuse_keyword(name, parameters);
            };
            if values.get(place).is_some_and(Option::is_some) {
                return self.refuse(keyword, format!("`{name}` is given twice"));
            }
            values[place] = Some(self.argument(&keyword.value, false, &mut before)?);
        }
        let mut bound = Bound {
            values: Vec::new(),
            given: 0,
            before,
        };
        for (place, (value, (name, missing))) in values.into_iter().zip(parameters).enumerate() {
            bound.given |= i32::from(value.is_some()) << place;
            bound.values.push(match value {
                Some(value) => value,
                None if *missing == Missing::Refused && name.is_empty() => {
                    return self.refuse(call, format!("this call needs {most} arguments"));
                }
                None if *missing == Missing::Refused => {
                    return self.refuse(call, format!("this call lacks `{name}`"));
                }
                None => missing.node(),
            });
        }
        Ok(bound)
    }

    /// An argument, evaluated in its place among the others.
    fn argument(
        &mut self,
        argument: &Expr,
        in_order: bool,
        before: &mut Vec<(u32, Node)>,
    ) -> Checked {
        let value = self.node(argument)?;
        if in_order {
            return Ok(value);
        }
        let variable = self.fresh();
        before.push((variable, value));
        Ok(Node::Variable(variable))
    }

    fn refuse_keyword<T>(
        &self,
        name: &ruff_python_ast::Identifier,
        parameters: &[Parameter],
    ) -> Result<T, Refusal> {
        let known = || parameters.iter().map(|(known, _)| *known);
        let known = || known().filter(|known| !known.is_empty());
        let meant = nearest(name.as_str(), known());
        let all: Vec<_> = known().map(|known| format!("`{known}`")).collect();
        let reason = match meant {
            Some(meant) => format!("there is no argument `{name}`; did you mean `{meant}`?"),
            None if all.is_empty() => format!("there is no argument `{name}`"),
            None => format!(
                "there is no argument `{name}`; there are {}",
                all.join(", ")
            ),
        };
        let mut refusal = self.wrapped.refusal(name.range().start(), reason);
        refusal.suggestion = meant.and_then(|meant| self.wrapped.with(name, meant));
        Err(refusal)
    }
}
