//! Dates: what makes them, their methods, attributes and formats.
//!
//! Fields hold no dates. So an expression that makes none has none, and in such an expression the
//! methods and attributes of dates are refused, as is a method of a date on a field.

use ruff_python_ast::{Expr, ExprAttribute, ExprCall};
use ruff_text_size::{Ranged, TextSize};

use super::functions::Missing;
use super::{Checked, Checker};
use crate::ir::{Helper, Node};
use crate::library::sugar::named;
use crate::nearest::nearest;
use crate::{Expression, Refusal};

use Missing::{Integer, None as Nothing, Refused};

/// A parameter's name, empty if it is given by position alone, and the meaning of its absence.
type Parameter = (&'static str, Missing);

/// A function that makes dates, or a method of a class that does.
pub(crate) struct Maker {
    /// The class of a method, otherwise empty.
    class: &'static str,
    pub(crate) name: &'static str,
    helper: Helper,
    parameters: &'static [Parameter],
}

const fn maker(
    class: &'static str,
    name: &'static str,
    helper: Helper,
    parameters: &'static [Parameter],
) -> Maker {
    Maker {
        class,
        name,
        helper,
        parameters,
    }
}

const TEXT: &[Parameter] = &[("", Refused)];

pub(crate) const MAKERS: &[Maker] = &[
    maker(
        "",
        "date",
        "make_date",
        &[("year", Refused), ("month", Refused), ("day", Refused)],
    ),
    maker(
        "",
        "datetime",
        "make_datetime",
        &[
            ("year", Refused),
            ("month", Refused),
            ("day", Refused),
            ("hour", Integer(0)),
            ("minute", Integer(0)),
            ("second", Integer(0)),
            ("microsecond", Integer(0)),
            ("tzinfo", Nothing),
        ],
    ),
    maker("", "now", "now", &[]),
    maker(
        "",
        "time",
        "make_time",
        &[
            ("hour", Integer(0)),
            ("minute", Integer(0)),
            ("second", Integer(0)),
            ("microsecond", Integer(0)),
            ("tzinfo", Nothing),
        ],
    ),
    maker(
        "",
        "timedelta",
        "make_delta",
        &[
            ("days", Integer(0)),
            ("seconds", Integer(0)),
            ("microseconds", Integer(0)),
            ("milliseconds", Integer(0)),
            ("minutes", Integer(0)),
            ("hours", Integer(0)),
            ("weeks", Integer(0)),
        ],
    ),
    maker("", "timezone", "make_zone", &[("offset", Refused)]),
    maker("date", "fromisoformat", "date_of_iso", TEXT),
    maker("datetime", "fromisoformat", "datetime_of_iso", TEXT),
    maker("time", "fromisoformat", "time_of_iso", TEXT),
    maker(
        "datetime",
        "fromtimestamp",
        "datetime_of_timestamp",
        &[("timestamp", Refused), ("tz", Nothing)],
    ),
    maker(
        "datetime",
        "strptime",
        "datetime_of_format",
        &[("", Refused), ("", Refused)],
    ),
    maker(
        "datetime",
        "combine",
        "datetime_combined",
        &[("date", Refused), ("time", Refused)],
    ),
];

/// A method or an attribute, and the tags of the values that have it.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    helper: Helper,
    of: &'static [&'static str],
    parameters: &'static [Parameter],
}

const fn member(name: &'static str, helper: Helper, of: &'static [&'static str]) -> Member {
    taking(name, helper, of, &[])
}

const fn taking(
    name: &'static str,
    helper: Helper,
    of: &'static [&'static str],
    parameters: &'static [Parameter],
) -> Member {
    Member {
        name,
        helper,
        of,
        parameters,
    }
}

const DAYS: &[&str] = &["DATETIME", "DATE"];
const CLOCKS: &[&str] = &["DATETIME", "TIME"];
const ZONED: &[&str] = &["DATETIME", "TIME", "ZONE"];
const DATETIMES: &[&str] = &["DATETIME"];
const ALL: &[&str] = &["DATETIME", "DATE", "TIME"];
const DELTAS: &[&str] = &["DELTA"];

pub(crate) const METHODS: &[Member] = &[
    taking(
        "astimezone",
        "date_astimezone",
        DATETIMES,
        &[("tz", Refused)],
    ),
    member("date", "date_date", DATETIMES),
    member("isocalendar", "date_isocalendar", DAYS),
    taking(
        "isoformat",
        "date_isoformat",
        ALL,
        &[("sep", Nothing), ("timespec", Nothing)],
    ),
    member("isoweekday", "date_isoweekday", DAYS),
    taking("replace", "date_replace", ALL, REPLACED),
    taking("strftime", "date_strftime", ALL, &[("format", Refused)]),
    member("time", "date_time", DATETIMES),
    member("timestamp", "date_timestamp", DATETIMES),
    member("timetz", "date_timetz", DATETIMES),
    member("toordinal", "date_toordinal", DAYS),
    member("total_seconds", "total_seconds", DELTAS),
    member("tzname", "date_tzname", ZONED),
    member("utcoffset", "date_utcoffset", ZONED),
    member("weekday", "date_weekday", DAYS),
];

/// The parameters of `replace`, in the order of the helper's bits.
const REPLACED: &[Parameter] = &[
    ("year", Nothing),
    ("month", Nothing),
    ("day", Nothing),
    ("hour", Nothing),
    ("minute", Nothing),
    ("second", Nothing),
    ("microsecond", Nothing),
    ("tzinfo", Nothing),
];

pub(crate) const ATTRIBUTES: &[Member] = &[
    member("day", "date_day", DAYS),
    member("days", "delta_days", DELTAS),
    member("hour", "date_hour", CLOCKS),
    member("microsecond", "date_microsecond", CLOCKS),
    member("microseconds", "delta_microseconds", DELTAS),
    member("minute", "date_minute", CLOCKS),
    member("month", "date_month", DAYS),
    member("second", "date_second", CLOCKS),
    member("seconds", "delta_seconds", DELTAS),
    member("tzinfo", "date_tzinfo", CLOCKS),
    member("year", "date_year", DAYS),
];

/// The directives of `strftime`; all but the last six may have a `-`.
const DIRECTIVES: &str = "YmdHMSIpyjGVUWwuaAbBFTRfzZ%";

/// A use of a date, refused if the expression makes none.
pub(super) struct Use {
    offset: TextSize,
    reason: String,
}

/// The arguments of a call in the order of the parameters.
struct Bound {
    values: Vec<Node>,
    /// One bit for each parameter that is given.
    given: i32,
    /// Arguments that are evaluated before, as they are written in another order.
    before: Vec<(u32, Node)>,
}

impl Bound {
    fn node(self, make: impl FnOnce(Vec<Node>, i32) -> Node) -> Node {
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
    /// A call of a function that makes dates.
    pub(super) fn made(&mut self, name: &str, call: &ExprCall) -> Option<Checked> {
        let of_name = |maker: &&Maker| maker.class.is_empty() && maker.name == name;
        let maker = MAKERS.iter().find(of_name)?;
        Some(self.make(maker, call))
    }

    /// A call of a method of a class of dates.
    pub(super) fn class_method(
        &mut self,
        function: &ExprAttribute,
        call: &ExprCall,
    ) -> Option<Checked> {
        let class = self.class(&function.value)?;
        let name = function.attr.as_str();
        let found = MAKERS
            .iter()
            .find(|maker| maker.class == class && maker.name == name);
        Some(match found {
            Some(maker) => self.make(maker, call),
            None => self.refuse(
                function,
                format!("the method `{class}.{name}` does not exist here"),
            ),
        })
    }

    fn make(&mut self, maker: &Maker, call: &ExprCall) -> Checked {
        self.dates = true;
        let bound = self.bound(call, maker.parameters)?;
        let helper = maker.helper;
        Ok(bound.node(|values, _| match helper {
            "now" => Node::Call(
                "datetime_of_timestamp",
                vec![
                    Node::Field("inst:now".to_owned()),
                    Node::Call("utc", Vec::new()),
                ],
            ),
            helper => Node::Call(helper, values),
        }))
    }

    /// The class of dates that an expression names.
    pub(super) fn class(&self, expression: &Expr) -> Option<&'static str> {
        let functions = MAKERS.iter().filter(|maker| maker.class.is_empty());
        let mut classes = functions.map(|maker| maker.name);
        classes.find(|name| *name != "now" && self.is_builtin(expression, name))
    }

    /// A class's method of one argument, where `map` or the like calls it.
    pub(super) fn class_method_of_one(
        &mut self,
        function: &ExprAttribute,
        variable: u32,
    ) -> Option<Node> {
        let class = self.class(&function.value)?;
        let name = function.attr.as_str();
        let maker = MAKERS.iter().find(|maker| {
            maker.class == class && maker.name == name && maker.parameters.len() == 1
        })?;
        self.dates = true;
        Some(Node::Call(maker.helper, vec![Node::Variable(variable)]))
    }

    /// A call of a method of dates.
    pub(super) fn dated_method(
        &mut self,
        function: &ExprAttribute,
        call: &ExprCall,
    ) -> Option<Checked> {
        let name = function.attr.as_str();
        let method = METHODS.iter().find(|method| method.name == name)?;
        // Texts have a `replace` too, which takes no names.
        let named = call.arguments.args.is_empty() && !call.arguments.keywords.is_empty();
        if name == "replace" && !named {
            return None;
        }
        Some(self.method_of_date(method, function, call))
    }

    fn method_of_date(
        &mut self,
        method: &Member,
        function: &ExprAttribute,
        call: &ExprCall,
    ) -> Checked {
        let name = method.name;
        let reason = format!("the method `{name}` does not exist here");
        let receiver = self.node(&function.value)?;
        if is_selected(&receiver) {
            return self.refuse_field(function, name);
        }
        self.uses_date(&function.attr, reason);
        let mut receiver = method.receiver(receiver);
        let mut bound = self.bound(call, method.parameters)?;
        if !bound.before.is_empty() {
            let variable = self.fresh();
            let value = std::mem::replace(&mut receiver, Node::Variable(variable));
            bound.before.insert(0, (variable, value));
        }
        Ok(bound.node(|values, given| {
            let values = match name {
                "replace" => vec![Node::list(values)],
                _ => values,
            };
            let operands = [receiver].into_iter().chain(values).collect();
            match name {
                "isoformat" | "replace" => Node::CallWith(method.helper, operands, given),
                _ => Node::Call(method.helper, operands),
            }
        }))
    }

    /// Refuses a method of dates on a field, which may hold the text of one.
    fn refuse_field(&self, function: &ExprAttribute, name: &str) -> Checked {
        let value = &*function.value;
        let read = format!("datetime.fromisoformat({})", self.wrapped.written(value));
        let mut refusal = self.wrapped.refusal(
            function.attr.range().start(),
            format!(
                "fields hold no dates, so `.{name}()` does not exist here; \
                 read the text as `datetime.fromisoformat(…)`"
            ),
        );
        refusal.suggestion = self.wrapped.with(value, &read);
        Err(refusal)
    }

    /// An attribute of dates, or `timezone.utc`; none if there is no such attribute.
    pub(super) fn dated_attribute(&mut self, attribute: &ExprAttribute) -> Option<Checked> {
        let name = attribute.attr.as_str();
        if let Some(class) = self.class(&attribute.value) {
            if (class, name) != ("timezone", "utc") {
                let reason = format!("`{class}.{name}` does not exist here");
                return Some(self.refuse(attribute, reason));
            }
            self.dates = true;
            return Some(Ok(Node::Call("utc", Vec::new())));
        }
        let found = ATTRIBUTES.iter().find(|member| member.name == name)?;
        let receiver = match self.node(&attribute.value) {
            Ok(receiver) => receiver,
            Err(refusal) => return Some(Err(refusal)),
        };
        if is_selected(&receiver) {
            return None;
        }
        let reason = format!("the attribute `{name}` does not exist here");
        self.uses_date(attribute, reason);
        Some(Ok(Node::Call(found.helper, vec![found.receiver(receiver)])))
    }

    /// A format that no number and no text has: a date's.
    pub(super) fn date_format(&mut self, at: &impl Ranged, value: Node, written: &str) -> Checked {
        let reason = format!("the format `{written}` is not supported");
        if !written.contains('%') {
            return self.refuse(at, reason);
        }
        self.known_directives(at, written)?;
        self.uses_date(at, reason);
        Ok(Node::Call("format_dated", vec![value, Node::text(written)]))
    }

    fn known_directives(&self, at: &impl Ranged, written: &str) -> Result<(), Refusal> {
        let mut rest = written;
        while let Some((_, after)) = rest.split_once('%') {
            let after = after.strip_prefix('-').unwrap_or(after);
            let mut letters = after.chars();
            match letters.next() {
                Some(letter) if !DIRECTIVES.contains(letter) => {
                    return self.refuse(
                        at,
                        format!("the directive `%{letter}` of dates is not supported"),
                    );
                }
                _ => rest = letters.as_str(),
            }
        }
        Ok(())
    }

    /// Notes the first use of a date.
    fn uses_date(&mut self, at: &impl Ranged, reason: String) {
        let offset = at.range().start();
        self.dated.get_or_insert(Use { offset, reason });
    }

    /// Refuses the use of dates by an expression that makes none.
    pub(super) fn finished(self, expression: Expression) -> Result<Expression, Refusal> {
        match self.dated {
            Some(used) if !self.dates => Err(self.wrapped.refusal(used.offset, used.reason)),
            _ => Ok(expression),
        }
    }

    fn bound(&mut self, call: &ExprCall, parameters: &[Parameter]) -> Result<Bound, Refusal> {
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
                None if *missing == Refused && name.is_empty() => {
                    return self.refuse(call, format!("this call needs {most} arguments"));
                }
                None if *missing == Refused => {
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

/// The functions that make dates, or the methods of a class that do.
pub(crate) fn makers(class: &str) -> impl Iterator<Item = &'static str> {
    let of_class = MAKERS.iter().filter(move |maker| maker.class == class);
    of_class.map(|maker| maker.name)
}

impl Member {
    /// A value that has it, or the `AttributeError`, before anything else is evaluated.
    fn receiver(&self, value: Node) -> Node {
        let tags = self.of.iter().map(|tag| 1 << named(tag)).sum();
        let needed = match self.name {
            "replace" => "need_replace",
            _ => "need_kind",
        };
        Node::CallWith(needed, vec![value, Node::text(self.name)], tags)
    }
}

/// Whether a node is a part of the fields, found by names and indexes.
fn is_selected(node: &Node) -> bool {
    match node {
        Node::Fields | Node::Field(_) => true,
        Node::Call("subscript", operands) => operands.first().is_some_and(is_selected),
        _ => false,
    }
}
