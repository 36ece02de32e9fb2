//! Checks `<condition>`: an expression as text, or a function of a module.

use super::{Checker, Node};
use crate::{
    Limits,
    checked::{Argument, Written},
    diagnostic::{Counted, ValueProblem, Wanted, cut, nearest},
    grammar::Tag,
    inline::{self, Explained, Inline, Kind, Refusal},
    syntax::{Attribute, Element},
};
use bureaucrat_model::{Condition, ConditionIndex, ConditionRange, Guest, Reads};

/// The conditions of a definition, and their expressions for the guest.
#[derive(Default)]
pub(crate) struct Conditions {
    list: Vec<Condition>,
    pub(crate) inline: Inline,
    is_full: bool,
    /// Where the first expression is.
    pub(crate) first: usize,
}

impl Conditions {
    pub(super) fn take_list(&mut self) -> Vec<Condition> {
        std::mem::take(&mut self.list)
    }
}

/// The element whose text people take for its message.
const FAULT: &str = "fault";

/// The most literals among the arguments of a call, of those by place and of those by name; further
/// ones are computed, and count as such.
const LITERALS: usize = 1_000;

/// The default function of a module.
const DEFAULT_FUNCTION: &str = "evaluate";

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// The conditions directly in an element.
    pub(super) fn conditions_of(&mut self, node: &Node<'t, 's>) -> ConditionRange {
        let first = self.conditions.list.len();
        for child in node.children(Tag::Condition) {
            if self.has_room(child.element.start).is_none() {
                break;
            }
            let child = self.shape(child);
            if let Some(condition) = self.condition(&child) {
                self.conditions.list.push(condition);
            }
        }
        let count = self.conditions.list.len() - first;
        let range = ConditionRange {
            first: ConditionIndex(u32::try_from(first).unwrap_or(u32::MAX)),
            count: u32::try_from(count).unwrap_or(u32::MAX),
        };
        self.review_conditions(node, range);
        range
    }

    /// The value that an element's text or its attributes `module` and `function` name.
    pub(super) fn computed(&mut self, node: &Node<'t, 's>) -> Option<ConditionIndex> {
        self.has_room(node.element.start)?;
        let value = self.function(node, Kind::Value)?;
        Some(self.add_function(value))
    }

    /// An argument of a call that has so many others: a literal, or a value as [`Self::computed`].
    pub(super) fn argument(&mut self, node: &Node<'t, 's>, others: usize) -> Option<Argument> {
        let element = node.element;
        let names = ["module", "function"];
        let is_text =
            element.refused == 0 && names.iter().all(|name| element.attribute(name).is_none());
        let text = element.text.trimmed();
        if is_text && others < LITERALS && text.as_str().len() <= self.limits.condition_bytes {
            let text = text.html_unescaped().trimmed();
            if let Some(value) = inline::literal(text.as_str()) {
                return Some(Written::Fixed(value));
            }
        }
        self.computed(node).map(Written::Computed)
    }

    /// The value of the expression that an element's text is.
    pub(super) fn expression_text(&mut self, element: &Element<'s>) -> Option<ConditionIndex> {
        self.has_room(element.start)?;
        let value = self.expression(element, Kind::Value)?;
        Some(self.add_function(value))
    }

    /// The value of the expression that an attribute holds.
    pub(super) fn expression_attribute(
        &mut self,
        node: &Node<'t, 's>,
        name: &'static str,
    ) -> Option<ConditionIndex> {
        let attribute = node.element.attribute(name)?;
        self.has_room(attribute.start)?;
        let text = self.nonempty(node, name, attribute)?.to_owned();
        self.expression_of(attribute, &text)
    }

    pub(super) fn expression_of(
        &mut self,
        attribute: &Attribute<'s>,
        text: &str,
    ) -> Option<ConditionIndex> {
        let (index, explained) = (self.conditions.list.len(), self.explained());
        let inline = &mut self.conditions.inline;
        let added = inline.add(text, Kind::Value, index, explained);
        self.value_of(attribute, added.map(Some))
    }

    /// What an attribute says, with the expressions in its braces.
    pub(super) fn template(&mut self, attribute: &Attribute<'s>) -> Option<Written<String>> {
        let text = &*attribute.value;
        if !text.contains('{') {
            return Some(Written::Fixed(text.to_owned()));
        }
        self.has_room(attribute.start)?;
        let (index, explained) = (self.conditions.list.len(), self.explained());
        let added = self.conditions.inline.add_template(text, index, explained);
        if added == Ok(None) {
            return Some(Written::Fixed(text.to_owned()));
        }
        self.value_of(attribute, added).map(Written::Computed)
    }

    fn value_of(
        &mut self,
        attribute: &Attribute<'s>,
        added: Result<Option<String>, Refusal>,
    ) -> Option<ConditionIndex> {
        let text = attribute.value.to_string();
        let function = match added {
            Ok(function) => function?,
            Err(refusal) => {
                let at = refusal.offset_in(&text).min(text.len().saturating_sub(1));
                let problem = ValueProblem::Expression {
                    what: Wanted::Value,
                    reason: refusal.reason,
                    suggestion: refusal.suggestion.map(|meant| as_xml(&meant)),
                };
                self.note(attribute.value_start + at, problem);
                return None;
            }
        };
        if self.conditions.first == 0 {
            self.conditions.first = attribute.value_start;
        }
        self.weigh(attribute.start);
        let reads = reads(&text);
        let selects = self.conditions.inline.selects(&function);
        Some(self.add_function(Condition {
            guest: Guest::Inline,
            function,
            text,
            span: self.diagnostics.span(attribute.start),
            reads,
            selects,
        }))
    }

    /// Notes once when the expressions have become too long together.
    fn weigh(&mut self, offset: usize) {
        let limit = self.limits.conditions_bytes;
        if self.conditions.inline.went_over(limit) {
            let what = Counted::ConditionsBytes;
            self.note(
                offset,
                crate::diagnostic::XmlProblem::TooMany { what, limit },
            );
        }
    }

    fn explained(&self) -> Explained {
        match self.diagnostics.is_full() {
            true => Explained::No,
            false => Explained::Yes,
        }
    }

    /// None when there are as many functions as there may be, which is noted once.
    pub(super) fn has_room(&mut self, offset: usize) -> Option<()> {
        let limit = self.limits.conditions;
        if self.conditions.list.len() < limit {
            return Some(());
        }
        // Said once: the list does not grow any more.
        if !self.conditions.is_full {
            let what = Counted::Conditions;
            self.note(
                offset,
                crate::diagnostic::XmlProblem::TooMany { what, limit },
            );
        }
        self.conditions.is_full = true;
        None
    }

    fn add_function(&mut self, function: Condition) -> ConditionIndex {
        let index = self.conditions.list.len();
        self.conditions.list.push(function);
        ConditionIndex(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn condition(&mut self, node: &Node<'t, 's>) -> Option<Condition> {
        self.function(node, Kind::Verdict)
    }

    fn function(&mut self, node: &Node<'t, 's>, kind: Kind) -> Option<Condition> {
        let element = node.element;
        let text = element.text.first_visible();
        match (element.attribute("module"), text) {
            (Some(_), Some(offset)) => {
                self.note(offset, ValueProblem::TwoConditions);
                None
            }
            (Some(_), None) => self.function_of_module(node),
            (None, _) if element.refused > 0 => None,
            (None, _) => {
                if let Some(function) = element.attribute("function") {
                    self.note(function.start, ValueProblem::FunctionWithoutModule);
                    return None;
                }
                self.expression(element, kind)
            }
        }
    }

    fn function_of_module(&mut self, node: &Node<'t, 's>) -> Option<Condition> {
        let module = self.name(node, "module");
        let function = match node.element.attribute("function") {
            None => Some(DEFAULT_FUNCTION.to_owned()),
            Some(attribute) if is_wit_name(&attribute.value) => Some(attribute.value.to_string()),
            Some(attribute) => {
                let found = cut(&attribute.value);
                self.note(attribute.value_start, ValueProblem::BadFunction { found });
                None
            }
        };
        let module = module?;
        let known = self.modules.iter().find(|known| known.name == module);
        let Some(hash) = known.map(|known| known.hash) else {
            let names = self.modules.iter().map(|known| &*known.name);
            let problem = ValueProblem::UnknownModule {
                nearest: nearest(&module, names).map(str::to_owned),
                found: cut(&module),
            };
            let offset = node.element.attribute("module")?.value_start;
            self.note(offset, problem);
            return None;
        };
        let function = function?;
        Some(Condition {
            guest: Guest::Module(hash),
            text: format!("{module}#{function}"),
            function,
            span: self.diagnostics.span(node.element.start),
            reads: Reads::Reserved,
            selects: Vec::new(),
        })
    }

    fn expression(&mut self, element: &Element<'s>, kind: Kind) -> Option<Condition> {
        let limit = self.limits.condition_bytes;
        let text = element.text.trimmed();
        // Limited before it is unescaped and parsed.
        if text.as_str().len() > limit {
            let what = Counted::ConditionBytes;
            let offset = text.offset(0);
            self.note(
                offset,
                crate::diagnostic::XmlProblem::TooMany { what, limit },
            );
            return None;
        }
        let text = text.html_unescaped().trimmed();
        if text.as_str().is_empty() && kind == Kind::Value {
            self.note(element.start, ValueProblem::EmptyValue);
            return None;
        }
        if text.as_str().is_empty() && !element.attributes.is_empty() {
            // An attribute that a condition does not have has been noted.
            return None;
        }
        if text.as_str().is_empty() {
            self.note(element.start, ValueProblem::EmptyCondition);
            return None;
        }
        if self.conditions.inline.is_empty() {
            self.conditions.first = text.offset(0);
        }
        let index = self.conditions.list.len();
        let explained = self.explained();
        let added = self
            .conditions
            .inline
            .add(text.as_str(), kind, index, explained);
        let function = match added {
            Ok(function) => function,
            Err(refusal) => {
                let at = refusal.offset_in(text.as_str());
                // What is missing at the end is said at the last character, which is in the source.
                let offset = text.offset(at.min(text.as_str().len().saturating_sub(1)));
                let problem = ValueProblem::Expression {
                    what: match kind {
                        Kind::Verdict => Wanted::Condition,
                        Kind::Value if element.name == FAULT => Wanted::Data,
                        Kind::Value => Wanted::Value,
                    },
                    reason: refusal.reason,
                    suggestion: refusal.suggestion.map(|meant| as_xml(&meant)),
                };
                self.note(offset, problem);
                return None;
            }
        };
        if kind == Kind::Verdict {
            self.review(index, &text);
        }
        self.weigh(element.start);
        let selects = self.conditions.inline.selects(&function);
        Some(Condition {
            guest: Guest::Inline,
            function,
            selects,
            text: text.as_str().to_owned(),
            span: self.diagnostics.span(element.start),
            reads: reads(text.as_str()),
        })
    }
}

/// What an expression may read. The reserved names are quoted in it, and `now()` reads one of them.
fn reads(expression: &str) -> Reads {
    match expression.contains("inst:") || expression.contains("now") {
        true => Reads::Reserved,
        false => Reads::Fields,
    }
}

/// An expression as it is written in XML.
pub(super) fn as_xml(expression: &str) -> String {
    expression.replace('&', "&amp;").replace('<', "&lt;")
}

/// Whether a text is a label of WIT: words of letters and digits, each all lower or all upper case, with `-` between.
fn is_wit_name(text: &str) -> bool {
    let word = |word: &str| {
        let lower = word
            .bytes()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
        let upper = word
            .bytes()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit());
        !word.is_empty() && (lower || upper)
    };
    text.len() <= Limits::IDENTIFIER_BYTES
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.split('-').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_names_of_wit() {
        for name in ["evaluate", "is-high", "a1", "is-HTTP-ok", "x-2"] {
            assert!(is_wit_name(name), "{name}");
        }
        for name in ["", "-a", "a-", "a--b", "isHigh", "is_high", "1a", "ä"] {
            assert!(!is_wit_name(name), "{name}");
        }
    }
}
