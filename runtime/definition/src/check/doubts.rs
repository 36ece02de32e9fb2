//! Doubts about a definition that may still be right: conditions that never change, cases that are
//! never taken, fields whose names are misspelt. Looked for only when somebody asks for a review.

use super::{Checker, Node};
use crate::{
    diagnostic::{Doubt, cut},
    grammar::{Activity, TYPES, Tag},
    syntax::Element,
    text::MappedText,
};
use bureaucrat_expression::{FieldRead, Literal, Review};
use bureaucrat_model::ConditionRange;
use std::collections::{BTreeMap, HashMap};

/// Whether doubts are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Only what is wrong: for launches.
    Compile,
    /// Doubts, too: for people.
    Review,
}

/// What is remembered for doubts.
#[derive(Default)]
pub(super) struct Reviewed {
    /// The type of each property, and the line that it is in.
    pub(super) properties: BTreeMap<String, (Option<&'static str>, u32)>,
    /// The conditions by their index.
    conditions: HashMap<usize, (Review, u32)>,
}

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// Notes a field of an element, which may have the name of another one.
    pub(super) fn declare_local(&mut self, element: &Element<'s>, name: &str) {
        if self.mode == Mode::Compile {
            return;
        }
        let line = self.diagnostics.span(element.start).line;
        let known = &mut self.reviewed.properties;
        known.insert(name.to_owned(), (None, line));
    }

    /// Notes a property.
    pub(super) fn declare(&mut self, element: &Element<'s>, name: &str) {
        if self.mode == Mode::Compile {
            return;
        }
        let kind = element.attribute("type").map(|kind| &*kind.value);
        let kind = TYPES.into_iter().find(|known| Some(*known) == kind);
        let line = self.diagnostics.span(element.start).line;
        let before = self
            .reviewed
            .properties
            .insert(name.to_owned(), (kind, line));
        if let Some((_, line)) = before {
            let name = cut(name);
            self.diagnostics
                .doubt(element.start, Doubt::RepeatedProperty { name, line });
        }
    }

    /// Doubts what has no activities and is there for nothing else; `parts` of its children are
    /// no activities, and what was refused counts as one.
    pub(super) fn doubt_empty(&mut self, node: &Node<'t, 's>, parts: usize) {
        let is_group = matches!(
            node.row.tag,
            Tag::Activity(Activity::Sequence | Activity::All | Activity::Race)
        );
        let element = node.element;
        if self.mode == Mode::Review && is_group && element.children.len() == parts {
            let tag = node.row.name;
            self.diagnostics
                .doubt(element.start, Doubt::EmptyBody { tag });
        }
    }

    /// Notes the doubts about an expression that compiles.
    pub(super) fn review(&mut self, index: usize, text: &MappedText) {
        if self.mode == Mode::Compile {
            return;
        }
        let Ok(review) = bureaucrat_expression::review(text.as_str()) else {
            return;
        };
        for doubt in &review.doubts {
            let problem = Doubt::Condition {
                reason: doubt.reason.clone(),
                suggestion: doubt.suggestion.as_deref().map(super::condition::as_xml),
            };
            self.diagnostics.doubt(text.offset(doubt.offset), problem);
        }
        for read in &review.fields {
            if let Some(problem) = self.field(read) {
                self.diagnostics.doubt(text.offset(read.offset), problem);
            }
        }
        let line = self.diagnostics.span(text.offset(0)).line;
        self.reviewed.conditions.insert(index, (review, line));
    }

    fn field(&self, read: &FieldRead) -> Option<Doubt> {
        let properties = &self.reviewed.properties;
        let Some((declared, _)) = properties.get(&read.name) else {
            let near = properties
                .keys()
                .find(|declared| is_slip(&read.name, declared))?;
            return Some(Doubt::NearField {
                found: cut(&read.name),
                declared: cut(near),
            });
        };
        let literal = match ((*declared)?, read.compared?) {
            ("int" | "float" | "bool", Literal::Text) => "a text",
            ("str", Literal::Number) => "a number",
            ("str", Literal::Truth) => "`True` or `False`",
            _ => return None,
        };
        Some(Doubt::OtherType {
            field: cut(&read.name),
            declared: (*declared)?,
            literal,
        })
    }

    /// Doubts about conditions that are beside one another.
    pub(super) fn review_conditions(&mut self, node: &Node<'t, 's>, range: ConditionRange) {
        if self.mode == Mode::Compile {
            return;
        }
        let element = node.element;
        if node.children(Tag::Condition).next().is_none() {
            // A condition in the wrong place has been noted.
            if !element.attributes.is_empty() || element.text.first_visible().is_some() {
                return;
            }
            // Without a condition an `await` takes any event.
            let problem = if node.row.tag == Tag::Case {
                Doubt::CaseWithoutCondition
            } else if node.row.tag == Tag::Activity(Activity::While) {
                Doubt::WhileWithoutCondition
            } else {
                return;
            };
            return self.diagnostics.doubt(node.element.start, problem);
        }
        let mut seen: HashMap<String, u32> = HashMap::new();
        for (child, index) in node.children(Tag::Condition).zip(indexes(range)) {
            let Some((review, line)) = self.reviewed.conditions.get(&index) else {
                continue;
            };
            if let Some(line) = seen.insert(review.meaning.clone(), *line) {
                self.diagnostics
                    .doubt(child.element.start, Doubt::RepeatedCondition { line });
            }
        }
    }

    /// Whether one of the conditions is sure to hold.
    pub(super) fn is_always_true(&self, range: ConditionRange) -> bool {
        let mut reviews = indexes(range).filter_map(|index| self.reviewed.conditions.get(&index));
        reviews.any(|(review, _)| review.always)
    }

    /// Doubts about cases that come after others.
    pub(super) fn review_cases(&mut self, cases: &[(&'t Element<'s>, ConditionRange)]) {
        let mut always = None;
        let mut seen: HashMap<&str, u32> = HashMap::new();
        for (element, range) in cases {
            let found: Vec<_> = indexes(*range)
                .map(|index| self.reviewed.conditions.get(&index))
                .collect();
            let first = match found.first() {
                Some(Some((review, _))) => seen.get(&*review.meaning).copied(),
                _ => None,
            };
            let is_repeated = found
                .iter()
                .all(|found| found.is_some_and(|(review, _)| seen.contains_key(&*review.meaning)));
            if let Some(line) = always.filter(|_| range.count > 0) {
                self.diagnostics
                    .doubt(element.start, Doubt::UnreachableCase { line });
            } else if let Some(line) = first.filter(|_| is_repeated) {
                self.diagnostics
                    .doubt(element.start, Doubt::RepeatedCase { line });
            }
            for (review, line) in found.into_iter().flatten() {
                seen.entry(&review.meaning).or_insert(*line);
                if review.always {
                    always.get_or_insert(*line);
                }
            }
        }
    }
}

fn indexes(range: ConditionRange) -> std::ops::Range<usize> {
    let first = range.first.0 as usize;
    first..first + range.count as usize
}

/// Whether a name is hardly another one's neighbour on purpose: another case, two letters exchanged, or one letter too
/// many, too few or wrong before the last. Numbered names and plurals are neighbours on purpose.
fn is_slip(found: &str, declared: &str) -> bool {
    if found.eq_ignore_ascii_case(declared) {
        return true;
    }
    let (from, to): (Vec<char>, Vec<char>) = (found.chars().collect(), declared.chars().collect());
    if from.len().min(to.len()) < 4 {
        return false;
    }
    let start = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let ends = from[start..].iter().rev().zip(to[start..].iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let (middle_from, middle_to) = (&from[start..from.len() - end], &to[start..to.len() - end]);
    let letters = |part: &[char]| part.iter().all(|found| found.is_alphabetic());
    if !letters(middle_from) || !letters(middle_to) {
        return false;
    }
    match (middle_from, middle_to) {
        ([a, b], [c, d]) => a == d && b == c,
        ([_] | [], [_] | []) => end > 0 && start > 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_not_neighbours_on_purpose() {
        for (found, declared) in [
            ("custmer", "customer"),
            ("cusotmer", "customer"),
            ("Customer", "customer"),
            ("ammount", "amount"),
            ("amuont", "amount"),
        ] {
            assert!(is_slip(found, declared), "{found} {declared}");
        }
        for (found, declared) in [
            ("items", "item"),
            ("offer_a", "offer_b"),
            ("offer1", "offer2"),
            ("left", "right"),
            ("tries", "retries"),
            ("a", "b"),
            ("step_1_done", "step_2_done"),
            ("event", "events"),
        ] {
            assert!(!is_slip(found, declared), "{found} {declared}");
        }
    }
}
