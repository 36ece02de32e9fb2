//! Calls of methods, with their arguments.

use ruff_python_ast::{Expr, ExprAttribute, ExprCall};

use super::functions::Missing;
use super::{Checked, Checker, VIEWS};
use crate::Refusal;
use crate::ir::{Constant, Helper, Node};

/// Which values have a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    Text,
    Dict,
    Set,
    Float,
    Ordered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Values(&'static [Missing]),
    /// One iterable.
    Iterable,
    /// Any number of iterables.
    Iterables,
}

/// One method; there are several with one name if a further argument needs another helper.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) receiver: Receiver,
    helper: Helper,
    takes: Takes,
    /// Whether the helper returns a boolean, and not a value.
    test: bool,
}

const fn value(
    name: &'static str,
    receiver: Receiver,
    helper: Helper,
    takes: &'static [Missing],
) -> Method {
    Method {
        name,
        receiver,
        helper,
        takes: Takes::Values(takes),
        test: false,
    }
}

const fn test(
    name: &'static str,
    receiver: Receiver,
    helper: Helper,
    takes: &'static [Missing],
) -> Method {
    Method {
        test: true,
        ..value(name, receiver, helper, takes)
    }
}

const fn taking(method: Method, takes: Takes) -> Method {
    Method { takes, ..method }
}

use Missing::{Integer, None as Nothing, Refused, Text as Filled};
use Receiver::{Dict, Float, Ordered, Set, Text};

/// All of them, by name.
pub(crate) const METHODS: &[Method] = &[
    value("capitalize", Text, "text_capitalize", &[]),
    value("casefold", Text, "text_casefold", &[]),
    value("center", Text, "text_center", &[Refused, Filled(" ")]),
    value("count", Ordered, "count", &[Refused]),
    value("count", Ordered, "count_in", &[Refused, Nothing, Nothing]),
    taking(
        value("difference", Set, "set_difference", &[]),
        Takes::Iterables,
    ),
    test("endswith", Text, "text_ends", &[Refused]),
    test(
        "endswith",
        Text,
        "text_ends_in",
        &[Refused, Nothing, Nothing],
    ),
    value("expandtabs", Text, "text_expand_tabs", &[Integer(8)]),
    value("find", Text, "text_find", &[Refused]),
    value("find", Text, "text_find_in", &[Refused, Nothing, Nothing]),
    value("get", Dict, "dict_get", &[Refused, Nothing]),
    value("index", Ordered, "index", &[Refused]),
    value("index", Ordered, "index_in", &[Refused, Nothing, Nothing]),
    taking(
        value("intersection", Set, "set_intersection", &[]),
        Takes::Iterables,
    ),
    test("is_integer", Float, "is_whole", &[]),
    test("isalnum", Text, "text_is_alnum", &[]),
    test("isalpha", Text, "text_is_alpha", &[]),
    test("isascii", Text, "text_is_ascii", &[]),
    test("isdecimal", Text, "text_is_decimal", &[]),
    test("isdigit", Text, "text_is_digit", &[]),
    taking(
        test("isdisjoint", Set, "set_is_disjoint", &[]),
        Takes::Iterable,
    ),
    test("islower", Text, "text_is_lower", &[]),
    test("isnumeric", Text, "text_is_numeric", &[]),
    test("isspace", Text, "text_is_space", &[]),
    taking(test("issubset", Set, "set_is_subset", &[]), Takes::Iterable),
    taking(
        test("issuperset", Set, "set_is_superset", &[]),
        Takes::Iterable,
    ),
    test("istitle", Text, "text_is_title", &[]),
    test("isupper", Text, "text_is_upper", &[]),
    taking(value("join", Text, "text_join", &[]), Takes::Iterable),
    value("ljust", Text, "text_ljust", &[Refused, Filled(" ")]),
    value("lower", Text, "text_lower", &[]),
    value("lstrip", Text, "text_lstrip", &[Nothing]),
    value("partition", Text, "text_partition", &[Refused]),
    value("removeprefix", Text, "text_remove_prefix", &[Refused]),
    value("removesuffix", Text, "text_remove_suffix", &[Refused]),
    value(
        "replace",
        Text,
        "text_replace",
        &[Refused, Refused, Integer(-1)],
    ),
    value("rfind", Text, "text_rfind", &[Refused]),
    value("rfind", Text, "text_rfind_in", &[Refused, Nothing, Nothing]),
    value("rindex", Text, "text_rindex", &[Refused]),
    value("rjust", Text, "text_rjust", &[Refused, Filled(" ")]),
    value("rpartition", Text, "text_rpartition", &[Refused]),
    value("rsplit", Text, "text_rsplit", &[Nothing, Integer(-1)]),
    value("rstrip", Text, "text_rstrip", &[Nothing]),
    value("split", Text, "text_split", &[Nothing, Integer(-1)]),
    value("splitlines", Text, "text_split_lines", &[Integer(0)]),
    test("startswith", Text, "text_starts", &[Refused]),
    test(
        "startswith",
        Text,
        "text_starts_in",
        &[Refused, Nothing, Nothing],
    ),
    value("strip", Text, "text_strip", &[Nothing]),
    value("swapcase", Text, "text_swapcase", &[]),
    taking(
        value("symmetric_difference", Set, "set_symmetric", &[]),
        Takes::Iterable,
    ),
    value("title", Text, "text_title", &[]),
    taking(value("union", Set, "set_union", &[]), Takes::Iterables),
    value("upper", Text, "text_upper", &[]),
    value("zfill", Text, "text_zfill", &[Refused]),
];

/// A method that can be called without arguments.
pub(crate) fn without_arguments(name: &str) -> Option<Method> {
    METHODS
        .iter()
        .find(|method| match method.takes {
            Takes::Values(values) => method.name == name && !values.contains(&Refused),
            Takes::Iterable | Takes::Iterables => false,
        })
        .copied()
}

impl Method {
    /// The arguments if none are given.
    pub(crate) fn defaults(&self) -> Vec<Node> {
        match self.takes {
            Takes::Values(values) => values.iter().map(|missing| missing.node()).collect(),
            Takes::Iterable | Takes::Iterables => Vec::new(),
        }
    }

    pub(crate) fn node(&self, receiver: Node, arguments: Vec<Node>) -> Node {
        let operands = [receiver].into_iter().chain(arguments).collect();
        if self.test {
            Node::Test(self.helper, operands)
        } else {
            Node::Call(self.helper, operands)
        }
    }

    /// The most arguments that it takes.
    fn most(&self) -> usize {
        match self.takes {
            Takes::Values(values) => values.len(),
            Takes::Iterable => 1,
            Takes::Iterables => usize::MAX,
        }
    }
}

impl Receiver {
    /// The helper that raises the `AttributeError` for other values.
    fn needed(self) -> Helper {
        match self {
            Receiver::Text => "need_text",
            Receiver::Dict => "need_dict",
            Receiver::Set => "need_set",
            Receiver::Float => "need_float",
            Receiver::Ordered => "need_ordered",
        }
    }
}

impl Checker<'_> {
    pub(super) fn method(&mut self, attribute: &ExprAttribute, call: &ExprCall) -> Checked {
        let name = attribute.attr.as_str();
        if name == "format" {
            return self.braces(&attribute.value, call);
        }
        if let Some(checked) = self.class_method(attribute, call) {
            return checked;
        }
        if let Some(checked) = self.dated_method(attribute, call) {
            return checked;
        }
        let count = call.arguments.args.len();
        let of_name = || METHODS.iter().filter(|method| method.name == name);
        let fitting = of_name().find(|method| count <= method.most());
        let Some(method) = fitting.or_else(|| of_name().next_back()) else {
            return self.refuse(&attribute.attr, unknown(name));
        };
        let receiver = self.node(&attribute.value)?;
        let mut operands = self.method_arguments(method, call)?;
        if let ("get", [key, _], Some(at)) = (name, &*operands, call.arguments.args.first()) {
            self.known_field(&receiver, key, at)?;
        }
        if name == "get"
            && receiver == Node::Fields
            && let [Node::Constant(Constant::Text(key)), _] = operands.as_slice()
        {
            let (key, default) = (key.clone(), operands.swap_remove(1));
            return Ok(Node::FieldOr(key, Box::new(default)));
        }
        // The receiver must have the method before the arguments are evaluated.
        let receiver = Node::Call(
            method.receiver.needed(),
            vec![receiver, Node::text(method.name)],
        );
        Ok(method.node(receiver, operands))
    }

    fn method_arguments(&mut self, method: &Method, call: &ExprCall) -> Result<Vec<Node>, Refusal> {
        match method.takes {
            Takes::Iterables => Ok(vec![self.iterables(call)?]),
            Takes::Iterable => {
                let arguments = self.arguments(call, 1, 1)?;
                Ok(vec![self.iterable(&arguments[0])?])
            }
            Takes::Values(values) => {
                let refused = |missing: &&Missing| **missing == Refused;
                let least = values.iter().filter(refused).count();
                let (arguments, named) =
                    self.method_positional(method, call, least, values.len())?;
                let mut operands = self.nodes(arguments)?;
                let rest = values.iter().enumerate().skip(operands.len());
                for (position, missing) in rest.collect::<Vec<_>>() {
                    let last = position + 1 == values.len();
                    operands.push(match named {
                        Some(named) if last => self.node(named)?,
                        _ => missing.node(),
                    });
                }
                Ok(operands)
            }
        }
    }

    /// `split` and similar methods also take their last argument by name.
    fn method_positional<'c>(
        &self,
        method: &Method,
        call: &'c ExprCall,
        least: usize,
        most: usize,
    ) -> Result<(&'c [Expr], Option<&'c Expr>), Refusal> {
        let named = match method.name {
            "split" | "rsplit" => "maxsplit",
            "splitlines" => "keepends",
            "expandtabs" => "tabsize",
            _ => return Ok((self.arguments(call, least, most)?, None)),
        };
        self.with_keyword(call, named, least, most)
    }
}

/// Why a method does not exist.
fn unknown(name: &str) -> String {
    if VIEWS.iter().any(|(view, _)| *view == name) {
        return format!(
            "`.{name}()` is only allowed where its items are used, as in `list(x.{name}())`"
        );
    }
    let changing = [
        "append",
        "add",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    ];
    if changing.contains(&name) {
        return format!("the method `{name}` changes a value; a condition changes nothing");
    }
    format!("the method `{name}` does not exist here")
}
