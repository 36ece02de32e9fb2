//! Checks `select` of a `foreach`: an expression, or the names on the way to a field with dots
//! between, as the original wrote it. What is certainly no list and no record is an error.

use super::{Checker, Node};
use crate::diagnostic::{ValueProblem, cut};
use bureaucrat_model::ConditionIndex;

/// Names that are expressions by themselves.
const ROOTS: [&str; 5] = ["context", "workitem", "True", "False", "None"];

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// What a `foreach` goes through.
    pub(super) fn selected(&mut self, node: &Node<'t, 's>) -> Option<ConditionIndex> {
        let attribute = node.element.attribute("select")?;
        self.has_room(attribute.start)?;
        let written = self.nonempty(node, "select", attribute)?.to_owned();
        let text = written.trim();
        let found = cut(text);
        if is_scalar(text) {
            self.note(
                attribute.value_start,
                ValueProblem::NothingToSelect { found },
            );
            return None;
        }
        if let Some(meant) = slip(text) {
            let problem = ValueProblem::BadSelection { found, meant };
            self.note(attribute.value_start, problem);
            return None;
        }
        let expression = dotted_path(text);
        self.expression_of(attribute, expression.as_deref().unwrap_or(&written))
    }
}

/// Whether a text is one literal that is neither a list nor a record.
fn is_scalar(text: &str) -> bool {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
        && text.parse::<f64>().is_ok();
    let is_text = |quote: char| {
        let inside = text.strip_prefix(quote);
        let inside = inside.and_then(|inside| inside.strip_suffix(quote));
        inside.is_some_and(|inside| !inside.contains([quote, '\\']))
    };
    is_number || ["True", "False", "None"].contains(&text) || ['"', '\''].into_iter().any(is_text)
}

fn is_name(part: &str) -> bool {
    let mut letters = part.chars();
    letters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || "_-".contains(letter))
}

/// The expression for a field that is named as the original did, `order.lines`; none for what is an
/// expression anyway.
fn dotted_path(text: &str) -> Option<String> {
    let first = text.split('.').next()?;
    if ROOTS.contains(&first) || !text.split('.').all(is_name) {
        return None;
    }
    let steps = text.split('.').map(|name| format!("[\"{name}\"]"));
    Some(format!("context{}", steps.collect::<String>()))
}

/// What was meant by a dotted name that is none: with a dot too many, or with the number of an
/// element.
fn slip(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('.').filter(|part| !part.is_empty()).collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (first, later) = parts.split_first()?;
    let is_path = is_name(first)
        && !ROOTS.contains(first)
        && later.iter().all(|part| is_name(part) || is_number(part));
    if !is_path || !text.contains('.') || dotted_path(text).is_some() {
        return None;
    }
    if !later.iter().any(is_number) {
        return Some(parts.join("."));
    }
    let steps = parts.iter().map(|part| match is_number(part) {
        true => format!("[{part}]"),
        false => format!("[\"{part}\"]"),
    });
    Some(format!("context{}", steps.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_literals_are_scalars() {
        for text in ["5", "-1.5", ".5", "'abc'", "\"a b\"", "None", "True"] {
            assert!(is_scalar(text), "{text}");
        }
        for text in [
            "nan",
            "items",
            "[5]",
            "'a' and context['b'] or 'c'",
            "'a,b'.split(',')",
            "5 * [1]",
        ] {
            assert!(!is_scalar(text), "{text}");
        }
    }

    #[test]
    fn dotted_names_with_slips_say_what_was_meant() {
        for (text, meant) in [
            ("order..lines", Some("order.lines")),
            ("order.lines.", Some("order.lines")),
            (".order", Some("order")),
            ("order.2", Some("context[\"order\"][2]")),
            ("order.lines", None),
            ("context..x", None),
            ("a + b.c", None),
            ("...", None),
        ] {
            assert_eq!(slip(text).as_deref(), meant, "{text}");
        }
    }
}
