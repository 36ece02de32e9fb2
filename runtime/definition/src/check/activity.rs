//! Checks activities.

use super::{Checker, Node};
use crate::{
    Limits,
    checked::{Activity, ActivityKind, Case},
    diagnostic::{Counted, GrammarProblem, ValueProblem, cut, meant},
    grammar::Tag,
    syntax::Element,
};
use bureaucrat_model::{ActivityPath, Millis};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// The activities in an element, numbered below `path`.
    pub(super) fn activities(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> Vec<Activity> {
        let mut activities = Vec::new();
        let mut index = 0;
        for (tag, child) in node.all_children() {
            if matches!(tag, Tag::Condition | Tag::Context | Tag::Module) {
                continue;
            }
            if !self.count_activity(child) {
                break;
            }
            let path = path.child(index);
            index += 1;
            let node = self.shape(tag, child);
            if let Some(kind) = self.kind(&node, &path) {
                let span = self.diagnostics.span(child.start);
                activities.push(Activity { path, span, kind });
            }
        }
        activities
    }

    fn count_activity(&mut self, element: &Element<'s>) -> bool {
        self.activities += 1;
        let limit = self.limits.activities;
        self.count(element.start, Counted::Activities, self.activities, limit)
    }

    fn kind(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> Option<ActivityKind> {
        Some(match node.tag {
            Tag::Sequence => ActivityKind::Sequence(self.activities(node, path)),
            Tag::All => self.all(node, path),
            Tag::Switch => self.switch(node, path),
            Tag::While => self.while_loop(node, path),
            Tag::Action => ActivityKind::Action {
                participant: self.name(node, "participant", Limits::PARTICIPANT_BYTES)?,
            },
            Tag::Call => ActivityKind::Call {
                field: self.called_field(node)?,
            },
            Tag::Delay => ActivityKind::Delay {
                duration: self.duration(node)?,
            },
            Tag::Await => {
                let conditions = self.conditions_of(node);
                ActivityKind::Await {
                    event: self.name(node, "event", Limits::EVENT_BYTES)?,
                    conditions,
                }
            }
            // The grammar's table gives none of these as an activity.
            Tag::Process
            | Tag::Context
            | Tag::Property
            | Tag::Module
            | Tag::Case
            | Tag::Condition => return None,
        })
    }

    fn all(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> ActivityKind {
        for (place, (_, child)) in node.all_children().enumerate() {
            let limit = self.limits.branches;
            if !self.count(child.start, Counted::Branches, place + 1, limit) {
                break;
            }
        }
        ActivityKind::All(self.activities(node, path))
    }

    fn switch(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> ActivityKind {
        let mut cases = Vec::new();
        let mut written = Vec::new();
        for (index, child) in (0..).zip(node.children(Tag::Case)) {
            if !self.count_activity(child) {
                break;
            }
            let path = path.child(index);
            let case = self.shape(Tag::Case, child);
            let conditions = self.conditions_of(&case);
            let body = self.activities(&case, &path);
            let span = self.diagnostics.span(child.start);
            written.push((child, conditions));
            cases.push(Case {
                path,
                span,
                conditions,
                body,
            });
        }
        self.review_cases(&written);
        ActivityKind::Switch(cases)
    }

    fn while_loop(&mut self, node: &Node<'t, 's>, path: &ActivityPath) -> ActivityKind {
        let conditions = self.conditions_of(node);
        // Elements that were refused count: something has been said about them.
        let only_conditions = node.element.children.len() == node.children(Tag::Condition).count();
        if only_conditions {
            self.note(node.element.start, GrammarProblem::EmptyWhile);
        }
        ActivityKind::While {
            conditions,
            body: self.activities(node, path),
        }
    }

    fn called_field(&mut self, node: &Node<'t, 's>) -> Option<String> {
        let attribute = node.element.attribute("process")?;
        let field = attribute.value.strip_prefix('$');
        match field.filter(|field| !field.trim().is_empty()) {
            Some(field) => Some(field.to_owned()),
            None => {
                let found = cut(&attribute.value);
                let is_name = found
                    .chars()
                    .all(|character| character.is_alphanumeric() || character == '_');
                let meant = (is_name && !found.is_empty()).then(|| format!("${found}"));
                let problem = ValueProblem::BadCall { found, meant };
                self.note(attribute.value_start, problem);
                None
            }
        }
    }

    fn duration(&mut self, node: &Node<'t, 's>) -> Option<Millis> {
        let attribute = node.element.attribute("duration")?;
        let Some(duration) = millis(&attribute.value) else {
            let found = cut(&attribute.value);
            let meant = meant::seconds(&attribute.value);
            let problem = ValueProblem::BadDuration { found, meant };
            self.note(attribute.value_start, problem);
            return None;
        };
        let limit = self.limits.delay;
        if duration > limit {
            self.note(attribute.value_start, ValueProblem::LongDuration { limit });
            return None;
        }
        Some(duration)
    }
}

/// A number of seconds as milliseconds, rounded to the nearest; none for what is negative, infinite or no number.
fn millis(seconds: &str) -> Option<Millis> {
    let seconds = super::float_as_json(seconds.trim())?;
    let seconds: f64 = seconds.parse().ok()?;
    if seconds.is_sign_negative() && seconds != 0.0 {
        return None;
    }
    // The cast stays at the end of the range, which is beyond every limit.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is not negative, and casts of floats saturate"
    )]
    let millis = (seconds * 1_000.0).round() as u64;
    Some(Millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_to_the_millisecond() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1_000)),
            ("0.5", Some(500)),
            (".25", Some(250)),
            ("5.", Some(5_000)),
            ("1e3", Some(1_000_000)),
            ("+2", Some(2_000)),
            (" 3 ", Some(3_000)),
            ("0.0004", Some(0)),
            ("-0", Some(0)),
            ("86400.001", Some(86_400_001)),
            ("1e300", Some(u64::MAX)),
            ("-1", None),
            ("", None),
            (".", None),
            ("1s", None),
            ("nan", None),
            ("inf", None),
            ("1e999", None),
            ("0x10", None),
            ("1_000", None),
        ] {
            assert_eq!(millis(text), expected.map(Millis), "{text}");
        }
    }
}
