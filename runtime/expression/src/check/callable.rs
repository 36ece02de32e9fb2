//! Functions where a value is expected: `key=`, `map`, `filter`. They are not values here: their
//! body is compiled into the code that calls them.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{Expr, ExprLambda};

use super::methods::{self, Receiver};
use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::Node;

impl Checker<'_> {
    /// The result of a lambda, a function name or a type's method for these variables.
    pub(super) fn apply(&mut self, callable: &Expr, variables: &[u32]) -> Checked {
        match callable {
            Expr::Lambda(lambda) => self.lambda(lambda, variables),
            Expr::Name(name) if self.variable_called(name.id.as_str()).is_none() => {
                match (self.function_of_one(name.id.as_str(), variables), variables) {
                    (Some(node), [_]) => Ok(node),
                    _ => self.refuse(
                        callable,
                        format!("`{}` cannot be used as a function here", name.id.as_str()),
                    ),
                }
            }
            Expr::Attribute(attribute) if self.is_builtin(&attribute.value, "str") => {
                let name = attribute.attr.as_str();
                match (methods::without_arguments(name), variables) {
                    (Some(method), [variable]) if method.receiver == Receiver::Text => {
                        let text = vec![Node::Variable(*variable), Node::text(name)];
                        Ok(method.node(Node::Call("need_own_text", text), method.defaults()))
                    }
                    _ => self.refuse(
                        callable,
                        format!("`str.{name}` cannot be used as a function here"),
                    ),
                }
            }
            Expr::Attribute(attribute) if let [variable] = variables => {
                match self.class_method_of_one(attribute, *variable) {
                    Some(node) => Ok(node),
                    None => self.refuse(callable, "expected a lambda or the name of a function"),
                }
            }
            _ => self.refuse(callable, "expected a lambda or the name of a function"),
        }
    }

    fn lambda(&mut self, lambda: &ExprLambda, variables: &[u32]) -> Checked {
        let names = self.parameters(lambda)?;
        if names.len() != variables.len() {
            return self.refuse(
                lambda,
                format!(
                    "this lambda has {} parameters; expected {}",
                    names.len(),
                    variables.len()
                ),
            );
        }
        let outside = self.scope.len();
        self.scope
            .extend(names.into_iter().zip(variables.iter().copied()));
        self.lambdas += 1;
        let body = self.node(&lambda.body);
        self.lambdas -= 1;
        self.scope.truncate(outside);
        body
    }

    fn parameters(&self, lambda: &ExprLambda) -> Result<Vec<String>, Refusal> {
        let Some(parameters) = &lambda.parameters else {
            return Ok(Vec::new());
        };
        let plain = parameters.vararg.is_none()
            && parameters.kwarg.is_none()
            && parameters.kwonlyargs.is_empty();
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        if !plain
            || positional
                .clone()
                .any(|parameter| parameter.default.is_some())
        {
            return self.refuse(lambda, "a lambda may only have plain parameters");
        }
        Ok(positional
            .map(|parameter| parameter.parameter.name.as_str().to_owned())
            .collect())
    }
}
