//! Conditions, or operands of `and`, `or` and `not`, whose truth is known before anything runs.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use super::{Reviewer, is_fields, is_literal, is_zero, word};
use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprBoolOp, ExprCompare, ExprTuple, UnaryOp};
use ruff_text_size::{Ranged, TextRange};

/// The truth of an expression whatever the fields are, where that is certain.
pub(super) fn truth(expression: &Expr) -> Option<bool> {
    match expression {
        Expr::BooleanLiteral(literal) => Some(literal.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::NumberLiteral(number) => Some(!is_zero(number)),
        Expr::StringLiteral(text) => Some(!text.value.is_empty()),
        Expr::Tuple(tuple) => has_items(&tuple.elts),
        Expr::List(list) => has_items(&list.elts),
        Expr::Set(set) => has_items(&set.elts),
        Expr::Dict(dict) if dict.items.iter().all(|item| item.key.is_some()) => {
            Some(!dict.items.is_empty())
        }
        Expr::UnaryOp(operation) => match operation.op {
            UnaryOp::Not => truth(&operation.operand).map(|holds| !holds),
            UnaryOp::USub | UnaryOp::UAdd if is_literal(&operation.operand) => {
                truth(&operation.operand)
            }
            UnaryOp::USub | UnaryOp::UAdd | UnaryOp::Invert => None,
        },
        Expr::BoolOp(operation) => {
            let decisive = operation.op == BoolOp::Or;
            let mut truths = operation.values.iter().map(truth);
            if truths.clone().any(|known| known == Some(decisive)) {
                return Some(decisive);
            }
            truths.all(|known| known.is_some()).then_some(!decisive)
        }
        Expr::If(choice) => match truth(&choice.test) {
            Some(true) => truth(&choice.body),
            Some(false) => truth(&choice.orelse),
            None => truth(&choice.body).filter(|body| truth(&choice.orelse) == Some(*body)),
        },
        Expr::Named(named) => truth(&named.value),
        _ => None,
    }
}

fn has_items(items: &[Expr]) -> Option<bool> {
    let starred = items.iter().any(|item| matches!(item, Expr::Starred(_)));
    (!starred).then_some(!items.is_empty())
}

impl Reviewer<'_> {
    /// Doubts about what the condition's verdict is made of.
    pub(super) fn whole(&mut self, expression: &Expr) {
        match expression {
            Expr::BooleanLiteral(_) => {}
            Expr::BoolOp(operation) => self.operands(operation),
            Expr::UnaryOp(operation) if operation.op == UnaryOp::Not => {
                self.whole(&operation.operand);
            }
            Expr::If(choice) if truth(&choice.test).is_some() => {
                self.doubt(&*choice.test, "what this `if` tests never changes");
            }
            Expr::If(choice) if truth(expression).is_some() => {
                let reason = format!(
                    "both results of this `if` count as {}, so the condition never changes",
                    shown(truth(expression) == Some(true))
                );
                self.doubt(choice, reason);
            }
            Expr::If(choice) => {
                self.whole(&choice.test);
                for result in [&choice.body, &choice.orelse] {
                    if truth(result).is_none() {
                        self.whole(result);
                    }
                }
            }
            Expr::Tuple(tuple) if !tuple.elts.is_empty() => self.tuple(tuple),
            Expr::Named(named) if truth(&named.value).is_some() => {
                let name = self.written(&*named.target);
                let value = self.written(&*named.value);
                let meant = format!("context[\"{name}\"] == {value}");
                let at = named.target.range().start().to_usize();
                let reason = "`:=` sets a variable; to compare, write `==`";
                let meant = self.with(named.range(), &meant);
                self.doubt_with(at, reason, meant);
            }
            _ if is_fields(expression) => {
                self.doubt(
                    expression,
                    "all fields together are true as soon as there is one; name a field, as in `context[\"x\"]`",
                );
            }
            _ => self.constant(expression),
        }
    }

    fn constant(&mut self, expression: &Expr) {
        let Some(holds) = truth(expression) else {
            return;
        };
        let always = format!("always {}", shown(holds));
        let at = expression.range().start().to_usize();
        match expression {
            Expr::StringLiteral(text) => {
                let inner = text.value.to_str();
                let is_condition = inner.contains("context[") || inner.contains("workitem.fields");
                let (reason, meant) = if is_condition {
                    ("the condition is in quotes, so it is a text, which is always true; remove the quotes".to_owned(), Some(inner.to_owned()))
                } else {
                    (
                        format!("this text is {always}; compare a field with it"),
                        None,
                    )
                };
                let meant = meant.and_then(|meant| self.with(expression.range(), &meant));
                self.doubt_with(at, reason, meant);
            }
            Expr::List(list) if holds => {
                let meant = single(&list.elts).map(|one| self.written(one).to_owned());
                let meant = meant.and_then(|meant| self.with(expression.range(), &meant));
                self.doubt_with(
                    at,
                    "square brackets make this a list, which is always true; remove them",
                    meant,
                );
            }
            Expr::Set(set) if holds => {
                let inner = match single(&set.elts) {
                    Some(Expr::Set(inner)) => single(&inner.elts),
                    other => other,
                };
                let meant = inner.map(|one| self.written(one).to_owned());
                let meant = meant.and_then(|meant| self.with(expression.range(), &meant));
                self.doubt_with(
                    at,
                    "braces make this a set, which is always true; remove them",
                    meant,
                );
            }
            Expr::Dict(_) => self.doubt(
                expression,
                format!("a dict is {always} here; compare a field"),
            ),
            _ => {
                let meant = if holds { "True" } else { "False" };
                let written = self.written(expression).to_owned();
                let reason = format!("`{written}` is {always}; if that is meant, write `{meant}`");
                self.doubt(expression, reason);
            }
        }
    }

    fn tuple(&mut self, tuple: &ExprTuple) {
        if let [one] = &*tuple.elts {
            let end = one.range().end().to_usize();
            let comma = self.text.get(end..).and_then(|rest| rest.find(','));
            let meant = self.written(one).to_owned();
            let meant = self.with(tuple.range(), &meant);
            let reason = "the comma makes this a tuple, which is always true; remove the comma";
            return self.doubt_with(end + comma.unwrap_or(0), reason, meant);
        }
        if let Some((at, meant)) = self.thousands(tuple) {
            let reason = "a number is written without commas; this comma makes a tuple, which is always true";
            return self.doubt_with(at, reason, Some(meant));
        }
        let first = tuple.elts[0].range().end().to_usize();
        let reason = format!(
            "the commas make this a tuple of {} values, which is always true; join conditions by `and` or `or`",
            tuple.elts.len()
        );
        self.doubt_with(first, reason, None);
    }

    /// `1,000`: the comma, and the text without such commas.
    fn thousands(&self, tuple: &ExprTuple) -> Option<(usize, String)> {
        let inner = self.source;
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let is_thousand = |at: usize| {
            let before = inner.as_bytes().get(at.checked_sub(1)?)?;
            (before.is_ascii_digit() && digits(&inner[at + 1..]) == 3).then_some(at)
        };
        let commas: Vec<usize> = inner
            .match_indices(',')
            .filter_map(|(at, _)| is_thousand(at))
            .collect();
        if commas.len() + 1 != tuple.elts.len() {
            return None;
        }
        let kept = inner.char_indices().filter(|(at, _)| !commas.contains(at));
        Some((
            commas[0] + 1,
            kept.map(|(_, character)| character).collect(),
        ))
    }

    /// Operands of `and` and `or`.
    fn operands(&mut self, operation: &ExprBoolOp) {
        if let Some(constant) = operation.values.iter().find(|value| is_odd(value)) {
            let is_or = operation.op == BoolOp::Or;
            let holds = truth(constant) == Some(true);
            let effect = match (is_or, holds) {
                (true, true) => "makes the condition always true",
                (false, false) => "makes the condition always false",
                (true, false) | (false, true) => "changes nothing",
            };
            let reason = format!(
                "`{}` beside `{}` is compared with nothing and {effect}",
                self.written(constant),
                word(operation)
            );
            let meant = self.each_compared(operation);
            let at = constant.range().start().to_usize();
            self.doubt_with(at, reason, meant);
            return;
        }
        let decided = operation.values.iter().find(|value| {
            let known = truth(value);
            known == Some(operation.op == BoolOp::Or)
        });
        if let Some(decisive) = decided {
            let reason = format!(
                "`{} {}` makes the condition always {}",
                word(operation),
                self.written(decisive),
                shown(operation.op == BoolOp::Or)
            );
            self.doubt(decisive, reason);
            return;
        }
        for value in &operation.values {
            self.whole(value);
        }
    }

    /// `x == 1 or 2` as `x in [1, 2]`; `"a" or "b" in x` as `"a" in x or "b" in x`.
    fn each_compared(&self, operation: &ExprBoolOp) -> Option<String> {
        let (first, rest) = operation.values.split_first()?;
        if let Expr::Compare(compare) = first
            && let ([operator], [value]) = (&*compare.ops, &*compare.comparators)
            && rest.iter().all(is_literal)
            && is_literal(value)
        {
            let operator = match operator {
                CmpOp::Eq => "in",
                CmpOp::NotEq => "not in",
                _ => return None,
            };
            return self.among(
                operation.range(),
                &compare.left,
                operator,
                std::iter::once(value).chain(rest),
            );
        }
        let (last, before) = operation.values.split_last()?;
        if let Expr::Compare(ExprCompare {
            left,
            ops,
            comparators,
            ..
        }) = last
            && let ([CmpOp::In], [inside]) = (&**ops, &**comparators)
            && is_literal(left)
            && before.iter().all(is_literal)
        {
            let inside = self.written(inside);
            let sides = before.iter().chain(std::iter::once(&**left));
            let tests: Vec<String> = sides
                .map(|side| format!("{} in {inside}", self.written(side)))
                .collect();
            return self.with(
                operation.range(),
                &tests.join(&format!(" {} ", word(operation))),
            );
        }
        None
    }

    /// The whole text with `value in […]` at a range.
    pub(super) fn among<'e>(
        &self,
        range: TextRange,
        value: &Expr,
        operator: &str,
        literals: impl Iterator<Item = &'e Expr>,
    ) -> Option<String> {
        let literals: Vec<&str> = literals.map(|literal| self.written(literal)).collect();
        let test = format!(
            "{} {operator} [{}]",
            self.written(value),
            literals.join(", ")
        );
        self.with(range, &test)
    }
}

/// A literal that is not `True` or `False`: as an operand of `and` and `or` it was hardly meant.
fn is_odd(expression: &Expr) -> bool {
    is_literal(expression) && !matches!(expression, Expr::BooleanLiteral(_))
}

fn single(items: &[Expr]) -> Option<&Expr> {
    match items {
        [one] => Some(one),
        _ => None,
    }
}

fn shown(holds: bool) -> &'static str {
    if holds { "true" } else { "false" }
}
