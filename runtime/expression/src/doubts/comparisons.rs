//! Comparisons that give the same whatever the fields are, or compare something else than it looks like.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use super::{Literal, Reviewer, is_fields, is_literal, word};
use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprBoolOp, ExprCompare, Operator};
use ruff_text_size::{Ranged, TextRange, TextSize};

impl Reviewer<'_> {
    pub(super) fn comparison(&mut self, compare: &ExprCompare) {
        if compare.ops.len() > 1 {
            return self.chain(compare);
        }
        let ([operator], [right]) = (&*compare.ops, &*compare.comparators) else {
            return;
        };
        let left = &*compare.left;
        self.note_literal(left, *operator, right);
        self.note_literal(right, *operator, left);
        if is_literal(left) && is_literal(right) {
            return self.doubt(
                compare,
                "this compares two constants, so its result never changes",
            );
        }
        let is_same =
            self.written(left) == self.written(right) && !self.written(left).contains(":=");
        if is_same && !matches!(operator, CmpOp::In | CmpOp::NotIn) {
            return self.doubt(compare, "both sides of this comparison are the same");
        }
        match operator {
            CmpOp::In | CmpOp::NotIn => self.membership(right),
            CmpOp::Eq | CmpOp::NotEq => {
                self.dates(left, right);
                self.kinds(left, right);
                self.letters(left, right);
                self.letters(right, left);
                self.chosen(compare, left, right);
            }
            CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => {
                self.dates(left, right);
                self.kinds(left, right);
            }
            CmpOp::Is | CmpOp::IsNot => {}
        }
    }

    /// A field that is compared with a literal.
    fn note_literal(&mut self, side: &Expr, operator: CmpOp, other: &Expr) {
        let compared = match other {
            Expr::StringLiteral(_) => Literal::Text,
            Expr::NumberLiteral(_) => Literal::Number,
            Expr::BooleanLiteral(_) => Literal::Truth,
            _ => return,
        };
        let is_equality = matches!(operator, CmpOp::Eq | CmpOp::NotEq);
        if is_equality
            && self.field(side).is_some()
            && let Expr::Subscript(subscript) = side
        {
            self.read(&subscript.slice, Some(compared));
        }
    }

    /// `a in b == True`: a chain, which compares `b` with True.
    fn chain(&mut self, compare: &ExprCompare) {
        let odd = |operator: &CmpOp| {
            matches!(
                operator,
                CmpOp::In | CmpOp::NotIn | CmpOp::Is | CmpOp::IsNot
            )
        };
        let last = compare.comparators.last();
        let against_truth = matches!(last, Some(Expr::BooleanLiteral(_)))
            && matches!(
                compare.ops.last(),
                Some(CmpOp::Eq | CmpOp::NotEq | CmpOp::Is | CmpOp::IsNot)
            );
        let reason = "this is a chain of comparisons: `a in b == c` means `a in b and b == c`; put brackets around what belongs \
                      together";
        if against_truth && let Some(Expr::BooleanLiteral(wanted)) = last {
            let holds = matches!(compare.ops.last(), Some(CmpOp::Eq | CmpOp::Is)) == wanted.value;
            let before = compare
                .comparators
                .len()
                .checked_sub(2)
                .and_then(|place| compare.comparators.get(place));
            let end = before.map_or(compare.left.range().end(), |before| before.range().end());
            let test = self
                .slice(TextRange::new(compare.left.range().start(), end))
                .to_owned();
            let meant = if holds { test } else { format!("not ({test})") };
            let meant = self.with(compare.range(), &meant);
            return self.doubt_with(compare.range().start().to_usize(), reason, meant);
        }
        if compare.ops.iter().any(odd) {
            self.doubt(compare, reason);
        }
    }

    /// `x in ("a")`, `x in []`.
    fn membership(&mut self, right: &Expr) {
        match right {
            Expr::StringLiteral(_) => {
                let range = right.range();
                let before = self
                    .text
                    .get(..range.start().to_usize())
                    .unwrap_or_default();
                let after = self.text.get(range.end().to_usize()..).unwrap_or_default();
                let is_bracketed =
                    before.trim_end().ends_with('(') && after.trim_start().starts_with(')');
                // The first parenthesis is the one that the text was put in.
                if is_bracketed && before.trim_end().len() > 1 {
                    let text = self.written(right).to_owned();
                    let start = before.trim_end().len() - 1;
                    let end = range.end().to_usize() + (after.len() - after.trim_start().len()) + 1;
                    let size = |at: usize| u32::try_from(at).map_or(range.end(), TextSize::new);
                    let around = TextRange::new(size(start), size(end));
                    let meant = self.with(around, &format!("[{text}]"));
                    let reason = format!(
                        "`({text})` is a text, not a list: `in` looks for a part of it; write `[{text}]`"
                    );
                    self.doubt_with(range.start().to_usize(), reason, meant);
                }
            }
            Expr::List(list) if list.elts.is_empty() => {
                self.doubt(right, "nothing is in an empty list")
            }
            Expr::Tuple(tuple) if tuple.elts.is_empty() => {
                self.doubt(right, "nothing is in an empty tuple")
            }
            _ => {}
        }
    }

    /// `len(x) == "3"`.
    fn kinds(&mut self, left: &Expr, right: &Expr) {
        for (call, other) in [(left, right), (right, left)] {
            let Some((name, kind)) = result(call) else {
                continue;
            };
            let found = match other {
                Expr::StringLiteral(_) => Literal::Text,
                Expr::NumberLiteral(_) => Literal::Number,
                _ => continue,
            };
            if found == kind {
                continue;
            }
            let shown = |kind: Literal| {
                if kind == Literal::Text {
                    "a text"
                } else {
                    "a number"
                }
            };
            let reason = format!(
                "`{name}` returns {}, which never equals {}",
                shown(kind),
                shown(found)
            );
            let text = match other {
                Expr::StringLiteral(text) => text.value.to_str().trim().to_owned(),
                other => format!("\"{}\"", self.written(other)),
            };
            let meant = self.with(other.range(), &text);
            self.doubt_with(other.range().start().to_usize(), reason, meant);
        }
    }

    /// `now() > context["due"]`.
    fn dates(&mut self, left: &Expr, right: &Expr) {
        for (date, other) in [(left, right), (right, left)] {
            let is_text = matches!(other, Expr::StringLiteral(_));
            if self.field(other).is_none() && !is_text {
                continue;
            }
            let Some(class) = made(date) else {
                continue;
            };
            let read = format!("{class}.fromisoformat({})", self.written(other));
            let meant = self.with(other.range(), &read);
            let reason = match is_text {
                true => "a date never compares with a text",
                false => "fields hold no dates, so a date never compares with one",
            };
            let offset = other.range().start().to_usize();
            self.doubt_with(
                offset,
                format!("{reason}; read a text as `{class}.fromisoformat(…)`"),
                meant,
            );
        }
    }

    /// `x.lower() == "ABC"`.
    fn letters(&mut self, call: &Expr, other: &Expr) {
        let Expr::Call(call) = call else {
            return;
        };
        let (Expr::Attribute(attribute), Expr::StringLiteral(text)) = (&*call.func, other) else {
            return;
        };
        let text = text.value.to_str();
        let (name, expected) = match attribute.attr.as_str() {
            name @ ("lower" | "casefold") => (name, text.to_lowercase()),
            name @ "upper" => (name, text.to_uppercase()),
            _ => return,
        };
        if text != expected {
            let reason = format!("`.{name}()` never returns a text with these letters");
            let written = self.written(other).to_owned();
            let meant = written.replace(text, &expected);
            let meant = self.with(other.range(), &meant);
            self.doubt_with(other.range().start().to_usize(), reason, meant);
        }
    }

    /// `x == ("a" or "b")`.
    fn chosen(&mut self, compare: &ExprCompare, left: &Expr, right: &Expr) {
        let Expr::BoolOp(operation) = right else {
            return;
        };
        if !operation.values.iter().all(is_literal) {
            return;
        }
        let operator = if compare.ops.first() == Some(&CmpOp::Eq) {
            "in"
        } else {
            "not in"
        };
        let meant = self.among(compare.range(), left, operator, operation.values.iter());
        let reason = format!(
            "`{}` between constants always returns the same one of them",
            word(operation)
        );
        self.doubt_with(operation.range().start().to_usize(), reason, meant);
    }

    /// `x != 1 or x != 2`, `x == 1 and x == 2`.
    pub(super) fn contradiction(&mut self, operation: &ExprBoolOp) {
        let wanted = match operation.op {
            BoolOp::Or => CmpOp::NotEq,
            BoolOp::And => CmpOp::Eq,
        };
        let mut tests = Vec::new();
        for value in &operation.values {
            let Expr::Compare(compare) = value else {
                return;
            };
            match (&*compare.ops, &*compare.comparators) {
                ([operator], [literal]) if *operator == wanted && is_literal(literal) => {
                    tests.push((&*compare.left, literal));
                }
                _ => return,
            }
        }
        let Some(((value, first), rest)) = tests.split_first() else {
            return;
        };
        let same = |(other, literal): &(&Expr, &Expr)| {
            self.written(*other) == self.written(*value)
                && self.written(*literal) != self.written(*first)
        };
        if rest.is_empty() || !rest.iter().all(same) || is_fields(value) {
            return;
        }
        // 1 and 1.0 are equal, and so are "a" and 'a'.
        let kinds =
            |literal: &Expr| matches!(literal, Expr::StringLiteral(_) | Expr::NumberLiteral(_));
        let distinct = tests.iter().all(|(_, literal)| kinds(literal)) && self.are_distinct(&tests);
        if !distinct {
            return;
        }
        let (reason, operator) = match operation.op {
            BoolOp::Or => (
                "no value equals both, so this is always true; `and` was probably meant",
                "not in",
            ),
            BoolOp::And => (
                "no value equals both, so this is never true; `or` was probably meant",
                "in",
            ),
        };
        let meant = self.among(
            operation.range(),
            value,
            operator,
            tests.iter().map(|(_, literal)| *literal),
        );
        self.doubt_with(operation.range().start().to_usize(), reason, meant);
    }

    fn are_distinct(&self, tests: &[(&Expr, &Expr)]) -> bool {
        let values: Vec<String> = tests
            .iter()
            .map(|(_, literal)| match literal {
                Expr::StringLiteral(text) => format!("text {}", text.value.to_str()),
                other => self
                    .written(*other)
                    .parse::<f64>()
                    .map_or_else(|_| "?".to_owned(), |number| number.to_string()),
            })
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        values
            .iter()
            .all(|value| value != "?" && seen.insert(value))
    }
}

/// What a function gives for sure.
fn result(call: &Expr) -> Option<(&'static str, Literal)> {
    let Expr::Call(call) = call else {
        return None;
    };
    let Expr::Name(name) = &*call.func else {
        return None;
    };
    match name.id.as_str() {
        "len" => Some(("len", Literal::Number)),
        "int" => Some(("int", Literal::Number)),
        "float" => Some(("float", Literal::Number)),
        "str" => Some(("str", Literal::Text)),
        _ => None,
    }
}

/// The class of the date that an expression is sure to make.
fn made(expression: &Expr) -> Option<&'static str> {
    match expression {
        Expr::Call(call) => {
            let name = match &*call.func {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => match &*attribute.value {
                    Expr::Name(class) if attribute.attr.as_str().starts_with("from") => {
                        class.id.as_str()
                    }
                    _ => return None,
                },
                _ => return None,
            };
            match name {
                "now" | "datetime" => Some("datetime"),
                "date" => Some("date"),
                "time" => Some("time"),
                _ => None,
            }
        }
        // A date and a timedelta.
        Expr::BinOp(operation) => match operation.op {
            Operator::Add => made(&operation.left).or_else(|| made(&operation.right)),
            Operator::Sub if made(&operation.right).is_none() => made(&operation.left),
            _ => None,
        },
        _ => None,
    }
}
