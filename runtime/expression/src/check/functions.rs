//! Calls of functions, with their arguments.
//!
//! A wrong number of arguments is refused, where Python would fail at run time.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::{Expr, ExprCall, Keyword};

use super::{Checked, Checker};
use crate::Refusal;
use crate::ir::{Helper, Item, Node, Quantifier, SequenceKind};

/// The meaning of a missing argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is required.
    Refused,
    None,
    Integer(i64),
    Text(&'static str),
}

impl Missing {
    pub(crate) fn node(self) -> Node {
        match self {
            Missing::Refused | Missing::None => Checker::none(),
            Missing::Integer(value) => Node::integer(value),
            Missing::Text(text) => Node::text(text),
        }
    }
}

/// The helper of a function with only positional arguments.
struct Plain {
    name: &'static str,
    helper: Helper,
    arguments: &'static [Missing],
}

const fn plain(name: &'static str, helper: Helper, arguments: &'static [Missing]) -> Plain {
    Plain {
        name,
        helper,
        arguments,
    }
}

const PLAIN: &[Plain] = &[
    plain("abs", "absolute", &[Missing::Refused]),
    plain("ascii", "ascii_text", &[Missing::Refused]),
    plain("bin", "binary_text", &[Missing::Refused]),
    plain("chr", "character_of", &[Missing::Refused]),
    plain(
        "divmod",
        "divide_modulo",
        &[Missing::Refused, Missing::Refused],
    ),
    plain("float", "to_float", &[Missing::Integer(0)]),
    plain("hex", "hexadecimal_text", &[Missing::Refused]),
    plain("int", "to_int", &[Missing::Integer(0)]),
    plain(
        "int",
        "to_int_of_base",
        &[Missing::Refused, Missing::Refused],
    ),
    plain("oct", "octal_text", &[Missing::Refused]),
    plain("ord", "code_of", &[Missing::Refused]),
    plain("pow", "power", &[Missing::Refused, Missing::Refused]),
    plain("repr", "repr", &[Missing::Refused]),
    plain("round", "round", &[Missing::Refused, Missing::None]),
    plain("str", "str", &[Missing::Text("")]),
];

/// Every function whose result is a value.
pub(crate) const FUNCTIONS: &[&str] = &[
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "chr",
    "dict",
    "divmod",
    "float",
    "format",
    "hex",
    "int",
    "isinstance",
    "len",
    "list",
    "max",
    "min",
    "next",
    "oct",
    "ord",
    "pow",
    "repr",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
];

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &ExprCall) -> Checked {
        match &*call.func {
            Expr::Name(name) if self.variable_called(name.id.as_str()).is_none() => {
                self.function(name.id.as_str(), call)
            }
            Expr::Attribute(attribute) => self.method(attribute, call),
            _ => self.refuse(call, "only functions and methods can be called"),
        }
    }

    /// The positional arguments, as many as allowed, and no others.
    pub(super) fn arguments<'c>(
        &self,
        call: &'c ExprCall,
        least: usize,
        most: usize,
    ) -> Result<&'c [Expr], Refusal> {
        if let Some(keyword) = call.arguments.keywords.first() {
            return self.refuse(keyword, "a named argument is not allowed here");
        }
        self.positional(call, least, most)
    }

    pub(super) fn positional<'c>(
        &self,
        call: &'c ExprCall,
        least: usize,
        most: usize,
    ) -> Result<&'c [Expr], Refusal> {
        let arguments = &call.arguments.args;
        self.no_unpacking(arguments)?;
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
                "this call has {} arguments; expected {wanted}",
                arguments.len()
            ),
        )
    }

    /// The named arguments in the order of these names; no others, and none that is also given by
    /// position.
    pub(super) fn keywords<'c, const COUNT: usize>(
        &self,
        call: &'c ExprCall,
        names: [&str; COUNT],
    ) -> Result<[Option<&'c Expr>; COUNT], Refusal> {
        let mut found = [None; COUNT];
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_ref().map(|name| name.as_str());
            match names.iter().position(|known| Some(*known) == name) {
                Some(position) => found[position] = Some(&keyword.value),
                None => {
                    let known = names.map(|name| format!("`{name}`")).join(" and ");
                    return self
                        .refuse(keyword, format!("unknown named argument; expected {known}"));
                }
            }
        }
        Ok(found)
    }

    /// The positional arguments and one that may be named, but is not given twice.
    pub(super) fn with_keyword<'c>(
        &self,
        call: &'c ExprCall,
        name: &str,
        least: usize,
        most: usize,
    ) -> Result<(&'c [Expr], Option<&'c Expr>), Refusal> {
        let [named] = self.keywords(call, [name])?;
        let arguments = self.positional(call, least, most - usize::from(named.is_some()))?;
        Ok((arguments, named))
    }

    /// The result of a function with one argument for a variable, where `map` or the like calls it.
    pub(super) fn function_of_one(&mut self, name: &str, variables: &[u32]) -> Option<Node> {
        let operands: Vec<Node> = variables.iter().copied().map(Node::Variable).collect();
        if name == "bool" {
            return Some(Node::Test("truth", operands));
        }
        let others: &[(&str, Helper)] = &[
            ("len", "length"),
            ("list", "to_list"),
            ("set", "to_set"),
            ("tuple", "to_tuple"),
        ];
        self.sets |= name == "set";
        if let Some((_, helper)) = others.iter().find(|(known, _)| *known == name) {
            return Some(Node::Call(helper, operands));
        }
        let plain = PLAIN.iter().find(|plain| plain.name == name)?;
        let rest = plain.arguments.get(1..).unwrap_or_default();
        if rest.contains(&Missing::Refused) {
            return None;
        }
        let rest = rest.iter().map(|missing| missing.node());
        Some(Node::Call(
            plain.helper,
            operands.into_iter().chain(rest).collect(),
        ))
    }

    fn function(&mut self, name: &str, call: &ExprCall) -> Checked {
        if let Some(checked) = self.made(name, call) {
            return checked;
        }
        let count = call.arguments.args.len();
        let of_name = || PLAIN.iter().filter(|plain| plain.name == name);
        let fitting = of_name().find(|plain| count <= plain.arguments.len());
        if let Some(plain) = fitting.or_else(|| of_name().next_back()) {
            let refused = |missing: &&Missing| **missing == Missing::Refused;
            let least = plain.arguments.iter().filter(refused).count();
            let arguments = self.arguments(call, least, plain.arguments.len())?;
            let mut operands = self.nodes(arguments)?;
            let rest = plain.arguments.iter().skip(operands.len());
            operands.extend(rest.map(|missing| missing.node()));
            return Ok(Node::Call(plain.helper, operands));
        }
        match name {
            "bool" => match self.arguments(call, 0, 1)? {
                [] => Ok(Node::Not(Box::new(Node::integer(1)))),
                arguments => Ok(Node::Test("truth", self.nodes(arguments)?)),
            },
            "len" => self.length(call),
            "list" => self.collected(call, SequenceKind::List, "to_list"),
            "tuple" => self.collected(call, SequenceKind::Tuple, "to_tuple"),
            "set" => self.collected(call, SequenceKind::Set, "to_set"),
            "dict" => self.dict_of(call),
            "any" => self.quantified(Quantifier::Any, call),
            "all" => self.quantified(Quantifier::All, call),
            "sum" => self.sum(call),
            "sorted" => self.sorted(call),
            "min" => self.extreme(call, 0),
            "max" => self.extreme(call, 2),
            "next" => self.next(call),
            "format" => self.format_function(call),
            "isinstance" => self.is_instance(call),
            "type" => self.refuse(
                call,
                "`type(x)` is only allowed in a comparison with a type, and as `type(x).__name__`",
            ),
            _ if super::STREAMS.contains(&name) => self.refuse(
                call,
                format!(
                    "`{name}` is only allowed where its items are used, as in `list({name}(…))`"
                ),
            ),
            _ => self.refuse(call, format!("the function `{name}` does not exist here")),
        }
    }

    fn length(&mut self, call: &ExprCall) -> Checked {
        let arguments = self.arguments(call, 1, 1)?;
        let lazy = match &arguments[0] {
            Expr::Generator(_) => true,
            Expr::Call(inner) => super::STREAMS
                .iter()
                .any(|name| *name != "range" && self.is_builtin(&inner.func, name)),
            _ => false,
        };
        if lazy {
            return self.refuse(&arguments[0], "this has no length; write `len(list(…))`");
        }
        Ok(Node::Call("length", vec![self.iterable(&arguments[0])?]))
    }

    fn collected(&mut self, call: &ExprCall, kind: SequenceKind, helper: Helper) -> Checked {
        self.sets |= kind == SequenceKind::Set;
        match self.arguments(call, 0, 1)? {
            [source] => Ok(Node::Call(helper, vec![self.iterable(source)?])),
            _ => Ok(Node::Sequence(kind, Vec::new())),
        }
    }

    /// `dict()`, `dict(mapping or pairs)`, each with further named items.
    fn dict_of(&mut self, call: &ExprCall) -> Checked {
        let source = match self.positional(call, 0, 1)? {
            [source] => Some(self.iterable(source)?),
            _ => None,
        };
        let mut pairs = Vec::new();
        for Keyword { arg, value, .. } in &call.arguments.keywords {
            match arg {
                Some(name) => pairs.push((Node::text(name.as_str()), self.node(value)?)),
                None => return self.refuse(call, "unpacking by `**` is not allowed in a call"),
            }
        }
        Ok(match source {
            None => Node::Dict(pairs),
            Some(source) if pairs.is_empty() => Node::Call("to_dict", vec![source]),
            Some(source) => Node::Call("to_dict_with", vec![source, Node::Dict(pairs)]),
        })
    }

    /// The arguments of a method that takes any number.
    pub(super) fn iterables(&mut self, call: &ExprCall) -> Checked {
        if let Some(keyword) = call.arguments.keywords.first() {
            return self.refuse(keyword, "a named argument is not allowed here");
        }
        let items = call
            .arguments
            .args
            .iter()
            .map(|argument| match argument {
                Expr::Starred(starred) => Ok(Item::Each(self.iterable(&starred.value)?)),
                argument => Ok(Item::One(self.iterable(argument)?)),
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        Ok(Node::Sequence(SequenceKind::List, items))
    }
}
