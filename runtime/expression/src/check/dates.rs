//! Dates: what makes them, their methods, attributes and formats.
//!
//! Fields hold no dates. So an expression that makes none has none, and in such an expression the
//! methods and attributes of dates are refused, as is a method of a date on a field.

use ruff_python_ast::{Expr, ExprAttribute, ExprCall};
use ruff_text_size::{Ranged, TextSize};

use super::{Checked, Checker};
use crate::ir::{Constant, Node};
use crate::nearest::nearest;
use crate::{Expression, Refusal};

mod arguments;
mod tables;

pub(crate) use tables::{ATTRIBUTES, METHODS, makers};
use tables::{MAKERS, Maker, Member, READ_DIRECTIVES, WRITTEN_DIRECTIVES};

/// A use of a date, refused if the expression makes none.
pub(super) struct Use {
    offset: TextSize,
    reason: String,
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
            None => self.refuse_class_method(function, class),
        })
    }

    fn refuse_class_method(&self, function: &ExprAttribute, class: &str) -> Checked {
        let name = function.attr.as_str();
        let mut reason = format!("the method `{class}.{name}` does not exist here");
        let meant = nearest(name, makers(class));
        if let Some(meant) = meant {
            reason += &format!("; did you mean `{class}.{meant}`?");
        }
        let mut refusal = self.wrapped.refusal(function.range().start(), reason);
        refusal.suggestion = meant.and_then(|meant| self.wrapped.with(&function.attr, meant));
        Err(refusal)
    }

    fn make(&mut self, maker: &Maker, call: &ExprCall) -> Checked {
        self.dates = true;
        let bound = self.bound(call, maker.parameters)?;
        if let ("strptime", [_, Node::Constant(Constant::Text(written))]) =
            (maker.name, &*bound.values)
        {
            self.known_directives(call, written, READ_DIRECTIVES)?;
        }
        if let ("timezone", [Node::Constant(Constant::Text(_))]) = (maker.name, &*bound.values) {
            return self.refuse(
                call,
                "there are no time zones by name; write an offset, as in \
                 `timezone(timedelta(hours=1))`",
            );
        }
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
        if name == "replace" && !replaces_parts(call) {
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
        if let ("strftime", [Node::Constant(Constant::Text(written))]) = (name, &*bound.values) {
            self.known_directives(&function.attr, written, WRITTEN_DIRECTIVES)?;
        }
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
        self.known_directives(at, written, WRITTEN_DIRECTIVES)?;
        self.uses_date(at, reason);
        Ok(Node::Call("format_dated", vec![value, Node::text(written)]))
    }

    /// Refuses a directive that does not exist here, where the format is written out.
    fn known_directives(
        &self,
        at: &impl Ranged,
        written: &str,
        known: &str,
    ) -> Result<(), Refusal> {
        let mut rest = written;
        while let Some((_, after)) = rest.split_once('%') {
            let after = after.strip_prefix('-').unwrap_or(after);
            let mut letters = after.chars();
            match letters.next() {
                Some(letter) if !known.contains(letter) => {
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
}

/// Whether a node is a part of the fields, found by names and indexes.
fn is_selected(node: &Node) -> bool {
    match node {
        Node::Fields | Node::Field(_) => true,
        Node::Call("subscript", operands) => operands.first().is_some_and(is_selected),
        _ => false,
    }
}

/// Whether a `replace` is that of dates: the one of texts is called without names.
fn replaces_parts(call: &ExprCall) -> bool {
    let names = call.arguments.keywords.iter();
    let names = names.filter_map(|keyword| keyword.arg.as_ref());
    let of_text = |name: &str| ["old", "new", "count"].contains(&name);
    let named = !call.arguments.keywords.is_empty() && call.arguments.args.is_empty();
    named && !names.into_iter().any(|name| of_text(name.as_str()))
}
