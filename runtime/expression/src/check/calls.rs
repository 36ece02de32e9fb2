//! Calls: the functions and methods that exist, with the arguments that they take.
//!
//! A wrong number of arguments is refused, where Python would fail as it runs.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{Expr, ExprAttribute, ExprCall};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Constant, Helper, Node, Quantifier, SequenceKind};

/// Which values have a method: names of the helpers that set the `AttributeError`.
const TEXT: Helper = "need_text";
const DICT: Helper = "need_dict";
const ORDERED: Helper = "need_ordered";

/// What a missing argument stands for.
#[derive(Clone, Copy)]
enum Missing {
    /// It has to be there.
    Refused,
    None,
    MinusOne,
}

struct Method {
    name: &'static str,
    receiver: Helper,
    helper: Helper,
    arguments: &'static [Missing],
}

const fn method(
    name: &'static str,
    receiver: Helper,
    helper: Helper,
    arguments: &'static [Missing],
) -> Method {
    Method {
        name,
        receiver,
        helper,
        arguments,
    }
}

/// The methods that give a value.
const METHODS: &[Method] = &[
    method("capitalize", TEXT, "text_capitalize", &[]),
    method("count", ORDERED, "count", &[Missing::Refused]),
    method("find", TEXT, "text_find", &[Missing::Refused]),
    method("get", DICT, "dict_get", &[Missing::Refused, Missing::None]),
    method("index", ORDERED, "index", &[Missing::Refused]),
    method("join", TEXT, "text_join", &[Missing::Refused]),
    method("lower", TEXT, "text_lower", &[]),
    method("lstrip", TEXT, "text_lstrip", &[Missing::None]),
    method(
        "removeprefix",
        TEXT,
        "text_remove_prefix",
        &[Missing::Refused],
    ),
    method(
        "removesuffix",
        TEXT,
        "text_remove_suffix",
        &[Missing::Refused],
    ),
    method(
        "replace",
        TEXT,
        "text_replace",
        &[Missing::Refused, Missing::Refused, Missing::MinusOne],
    ),
    method("rfind", TEXT, "text_rfind", &[Missing::Refused]),
    method("rstrip", TEXT, "text_rstrip", &[Missing::None]),
    method(
        "split",
        TEXT,
        "text_split",
        &[Missing::None, Missing::MinusOne],
    ),
    method("strip", TEXT, "text_strip", &[Missing::None]),
    method("title", TEXT, "text_title", &[]),
    method("upper", TEXT, "text_upper", &[]),
];

/// The methods that give a truth.
const TESTS: &[Method] = &[
    method("endswith", TEXT, "text_ends", &[Missing::Refused]),
    method("isalnum", TEXT, "text_is_alnum", &[]),
    method("isalpha", TEXT, "text_is_alpha", &[]),
    method("isdigit", TEXT, "text_is_digit", &[]),
    method("islower", TEXT, "text_is_lower", &[]),
    method("isspace", TEXT, "text_is_space", &[]),
    method("isupper", TEXT, "text_is_upper", &[]),
    method("startswith", TEXT, "text_starts", &[Missing::Refused]),
];

/// Methods whose result can only be gone through.
const VIEWS: &[(&str, Helper)] = &[
    ("items", "dict_items"),
    ("keys", "dict_keys"),
    ("values", "dict_values"),
];

/// Functions whose result can only be gone through.
const STREAMS: &[&str] = &["enumerate", "range", "reversed", "zip"];

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &ExprCall) -> Checked {
        match &*call.func {
            Expr::Name(name)
                if self
                    .scope
                    .iter()
                    .any(|(known, _)| known == name.id.as_str()) =>
            {
                self.refuse(call, "a call of a value")
            }
            Expr::Name(name) => self.function(name.id.as_str(), call),
            Expr::Attribute(attribute) => self.method(attribute, call),
            _ => self.refuse(call, "a call of a value"),
        }
    }

    /// What can be gone through: a value, a generator, a view of a dict, `range` and its like.
    pub(super) fn iterable(&mut self, expression: &Expr) -> Checked {
        match expression {
            Expr::Generator(generator) => self.comprehension(&generator.elt, &generator.generators),
            Expr::Call(call) => match &*call.func {
                Expr::Name(name)
                    if STREAMS.contains(&name.id.as_str())
                        && !self
                            .scope
                            .iter()
                            .any(|(known, _)| known == name.id.as_str()) =>
                {
                    self.stream(name.id.as_str(), call)
                }
                Expr::Attribute(attribute) => {
                    match VIEWS
                        .iter()
                        .find(|(name, _)| *name == attribute.attr.as_str())
                    {
                        Some((name, helper)) => {
                            self.arguments(call, 0, 0)?;
                            let receiver = self.node(&attribute.value)?;
                            Ok(Node::Call(helper, vec![need(DICT, receiver, name)]))
                        }
                        None => self.node(expression),
                    }
                }
                _ => self.node(expression),
            },
            _ => self.node(expression),
        }
    }

    fn stream(&mut self, name: &str, call: &ExprCall) -> Checked {
        match name {
            "range" => {
                let mut bounds = self.nodes(self.arguments(call, 1, 3)?)?;
                if bounds.len() == 1 {
                    bounds.insert(0, Node::Constant(Constant::Integer(0)));
                }
                if bounds.len() == 2 {
                    bounds.push(Node::Constant(Constant::Integer(1)));
                }
                Ok(Node::Call("range", bounds))
            }
            "enumerate" => {
                let arguments = self.arguments(call, 1, 2)?;
                let source = self.iterable(&arguments[0])?;
                let start = match arguments.get(1) {
                    Some(start) => self.node(start)?,
                    None => Node::Constant(Constant::Integer(0)),
                };
                Ok(Node::Call("enumerate", vec![source, start]))
            }
            "reversed" => {
                let arguments = self.arguments(call, 1, 1)?;
                Ok(Node::Call("reversed", vec![self.node(&arguments[0])?]))
            }
            _ => {
                let arguments = self.arguments(call, 0, usize::MAX)?;
                let sources = arguments
                    .iter()
                    .map(|argument| self.iterable(argument))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Node::Call(
                    "zip",
                    vec![Node::Sequence(SequenceKind::List, sources)],
                ))
            }
        }
    }

    /// The positional arguments, of which there are as many as allowed, and no others.
    fn arguments<'c>(
        &self,
        call: &'c ExprCall,
        least: usize,
        most: usize,
    ) -> Result<&'c [Expr], Refusal> {
        if let Some(keyword) = call.arguments.keywords.first() {
            return self.refuse(keyword, "a named argument here");
        }
        self.positional(call, least, most)
    }

    fn positional<'c>(
        &self,
        call: &'c ExprCall,
        least: usize,
        most: usize,
    ) -> Result<&'c [Expr], Refusal> {
        let arguments = &call.arguments.args;
        if let Some(starred) = arguments.iter().find(|argument| argument.is_starred_expr()) {
            return self.refuse(starred, "an unpacking `*`");
        }
        if (least..=most).contains(&arguments.len()) {
            return Ok(arguments);
        }
        let wanted = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        self.refuse(
            call,
            format!(
                "a call with {} arguments where {wanted} are taken",
                arguments.len()
            ),
        )
    }

    fn function(&mut self, name: &str, call: &ExprCall) -> Checked {
        let simple = match name {
            "abs" => Some("absolute"),
            "float" => Some("to_float"),
            "int" => Some("to_int"),
            "repr" => Some("repr"),
            _ => None,
        };
        if let Some(helper) = simple {
            let arguments = self.arguments(call, 1, 1)?;
            return Ok(Node::Call(helper, self.nodes(arguments)?));
        }
        match name {
            "bool" => {
                let arguments = self.arguments(call, 1, 1)?;
                Ok(Node::Test("truth", self.nodes(arguments)?))
            }
            "str" => match self.arguments(call, 0, 1)? {
                [] => Ok(Node::Constant(Constant::Text(String::new()))),
                arguments => Ok(Node::Call("str", self.nodes(arguments)?)),
            },
            "len" => self.over("length", call),
            "list" | "tuple" => match self.arguments(call, 0, 1)? {
                [] if name == "list" => Ok(Node::Sequence(SequenceKind::List, Vec::new())),
                [] => Ok(Node::Sequence(SequenceKind::Tuple, Vec::new())),
                [source] => Ok(Node::Call(
                    if name == "list" {
                        "to_list"
                    } else {
                        "to_tuple"
                    },
                    vec![self.iterable(source)?],
                )),
                _ => self.refuse(call, "a call with too many arguments"),
            },
            "any" => self.quantified(Quantifier::Any, call),
            "all" => self.quantified(Quantifier::All, call),
            "round" => self.round(call),
            "sum" => self.sum(call),
            "sorted" => self.sorted(call),
            "min" => self.extreme(call, 0),
            "max" => self.extreme(call, 2),
            _ if STREAMS.contains(&name) => {
                self.refuse(call, format!("`{name}` where nothing goes through it"))
            }
            _ => self.refuse(call, format!("the function `{name}`")),
        }
    }

    fn over(&mut self, helper: Helper, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 1)?;
        if matches!(arguments[0], Expr::Generator(_)) {
            return self.refuse(
                &arguments[0],
                "a generator outside a function that takes one",
            );
        }
        Ok(Node::Call(helper, vec![self.iterable(&arguments[0])?]))
    }

    fn quantified(&mut self, quantifier: Quantifier, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 1)?;
        if let Expr::Generator(generator) = &arguments[0] {
            let (element, clauses) = self.loops(&generator.elt, &generator.generators)?;
            return Ok(Node::Quantified {
                quantifier,
                element: Box::new(element),
                clauses,
            });
        }
        let helper = match quantifier {
            Quantifier::Any => "any",
            Quantifier::All => "all",
        };
        Ok(Node::Test(helper, vec![self.iterable(&arguments[0])?]))
    }

    fn round(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 2)?;
        let mut operands = self.nodes(arguments)?;
        if operands.len() == 1 {
            operands.push(Self::none());
        }
        Ok(Node::Call("round", operands))
    }

    fn sum(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 2)?;
        let source = self.iterable(&arguments[0])?;
        let start = match arguments.get(1) {
            Some(start) => self.node(start)?,
            None => Node::Constant(Constant::Integer(0)),
        };
        Ok(Node::Call("sum", vec![source, start]))
    }

    fn sorted(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.positional(call, 1, 1)?;
        let mut reverse = 0;
        for keyword in &call.arguments.keywords {
            match (
                keyword.arg.as_ref().map(|name| name.as_str()),
                &keyword.value,
            ) {
                (Some("reverse"), Expr::BooleanLiteral(literal)) => {
                    reverse = i32::from(literal.value)
                }
                _ => {
                    return self.refuse(
                        keyword,
                        "a named argument other than `reverse` with True or False",
                    );
                }
            }
        }
        Ok(Node::CallWith(
            "sorted",
            vec![self.iterable(&arguments[0])?],
            reverse,
        ))
    }

    /// `min` (operator 0, `<`) and `max` (operator 2, `>`).
    fn extreme(&mut self, call: &ExprCall, operator: i32) -> Checked {
        let arguments = self.positional(call, 1, usize::MAX)?;
        let mut default = None;
        for keyword in &call.arguments.keywords {
            match keyword.arg.as_ref().map(|name| name.as_str()) {
                Some("default") if arguments.len() == 1 => default = Some(&keyword.value),
                _ => {
                    return self.refuse(
                        keyword,
                        "a named argument other than `default` of a single iterable",
                    );
                }
            }
        }
        let source = match arguments {
            [only] => self.iterable(only)?,
            several => Node::Sequence(SequenceKind::List, self.nodes(several)?),
        };
        Ok(match default {
            Some(default) => {
                Node::CallWith("extreme_or", vec![source, self.node(default)?], operator)
            }
            None => Node::CallWith("extreme", vec![source], operator),
        })
    }

    fn method(&mut self, attribute: &ExprAttribute, call: &ExprCall) -> Checked {
        let name = attribute.attr.as_str();
        let known = |method: &&Method| method.name == name;
        let value = METHODS.iter().find(known);
        let Some(method) = value.or_else(|| TESTS.iter().find(known)) else {
            if VIEWS.iter().any(|(view, _)| *view == name) {
                return self.refuse(
                    &attribute.attr,
                    format!("`.{name}()` where nothing goes through it"),
                );
            }
            return self.refuse(&attribute.attr, format!("the method `{name}`"));
        };
        let least = method
            .arguments
            .iter()
            .filter(|missing| matches!(missing, Missing::Refused))
            .count();
        let arguments = self.arguments(call, least, method.arguments.len())?;
        let receiver = self.node(&attribute.value)?;
        let mut operands = Vec::new();
        for (position, missing) in method.arguments.iter().enumerate() {
            operands.push(match (arguments.get(position), missing) {
                (Some(argument), _) if method.name == "join" => self.iterable(argument)?,
                (Some(argument), _) => self.node(argument)?,
                (None, Missing::MinusOne) => Node::Constant(Constant::Integer(-1)),
                (None, Missing::None | Missing::Refused) => Self::none(),
            });
        }
        if method.name == "get"
            && receiver == Node::Fields
            && let [Node::Constant(Constant::Text(key)), _] = operands.as_slice()
        {
            let (key, default) = (key.clone(), operands.swap_remove(1));
            return Ok(Node::FieldOr(key, Box::new(default)));
        }
        operands.insert(0, need(method.receiver, receiver, method.name));
        Ok(if value.is_some() {
            Node::Call(method.helper, operands)
        } else {
            Node::Test(method.helper, operands)
        })
    }
}

/// The receiver of a method, which has to have it before the arguments are evaluated.
fn need(helper: Helper, receiver: Node, method: &str) -> Node {
    Node::Call(
        helper,
        vec![receiver, Node::Constant(Constant::Text(method.to_owned()))],
    )
}
