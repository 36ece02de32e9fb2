//! Doubts about names and times beside one another: a name that is set twice, an alternative behind one that takes
//! everything, an attempt that may take longer than all of them. Looked for only when somebody asks for a review.

use super::{Checker, Node, doubts::Mode};
use crate::{
    checked::{Action, Expected, On, Written},
    diagnostic::{Doubt, cut},
    grammar::{Activity, Tag},
    syntax::Element,
};
use bureaucrat_model::{FieldPath, Millis};
use std::collections::BTreeMap;

/// The fields of an event's body that its name and its key are in.
const OF_EVENTS: [&str; 2] = ["event", "key"];

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// A call that seems to name a file.
    pub(super) fn review_call(&mut self, start: usize, name: &str) {
        if self.mode == Mode::Review
            && let Some(meant) = name.strip_suffix(".xml")
        {
            let (found, meant) = (cut(name), meant.to_owned());
            self.diagnostics
                .doubt(start, Doubt::CallOfFile { found, meant });
        }
    }

    /// Doubts about the names of the parts of one kind, as they are written.
    pub(super) fn review_names(&mut self, node: &Node<'t, 's>, tag: Tag) {
        if self.mode == Mode::Compile {
            return;
        }
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for child in node.children(tag) {
            let Some(attribute) = child.element.attribute("name") else {
                continue;
            };
            let offset = attribute.value_start;
            let line = self.diagnostics.span(offset).line;
            let name = cut(&attribute.value);
            if tag == Tag::Field && OF_EVENTS.contains(&&*attribute.value) {
                self.diagnostics
                    .doubt(offset, Doubt::FieldOfEvents { name });
            } else if tag == Tag::Field && attribute.value == "keep" {
                self.diagnostics.doubt(offset, Doubt::KeepsNothing);
            } else if let Some(line) = seen.insert(&attribute.value, line) {
                let part = child.row.name;
                self.diagnostics
                    .doubt(offset, Doubt::RepeatedName { part, name, line });
            }
        }
    }

    /// A doubt about a `foreach` whose item and whose number have one name.
    pub(super) fn review_item(&mut self, node: &Node<'t, 's>) {
        let named = |name| node.element.attribute(name);
        if let (Mode::Review, Some(item), Some(index)) =
            (self.mode, named("property"), named("index"))
            && item.value == index.value
        {
            let name = cut(&index.value);
            self.diagnostics
                .doubt(index.value_start, Doubt::ItemAndIndex { name });
        }
    }

    /// A doubt about an event that is kept for no time.
    pub(super) fn review_keep(&mut self, node: &Node<'t, 's>, keep: Option<Millis>) {
        if let (Mode::Review, Some(Millis(0)), Some(attribute)) =
            (self.mode, keep, node.element.attribute("keep"))
        {
            self.diagnostics
                .doubt(attribute.value_start, Doubt::KeptForNoTime);
        }
    }

    /// A doubt about branches that set parts of one field, of which one branch's are lost.
    pub(super) fn review_branches(&mut self, node: &Node<'t, 's>) {
        if self.mode == Mode::Compile || node.row.tag == Tag::Activity(Activity::Race) {
            return;
        }
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for (_, child) in node.activities() {
            let mut parts = BTreeMap::new();
            self.parts_set_in(child.element, &mut parts);
            for (field, offset) in parts {
                let line = self.diagnostics.span(offset).line;
                if let Some(line) = seen.get(&field).copied() {
                    let field = cut(&field);
                    self.diagnostics
                        .doubt(offset, Doubt::PartsOfOneField { field, line });
                } else {
                    seen.insert(field, line);
                }
            }
        }
    }

    /// The fields of which parts are set in an element, with one place for each.
    fn parts_set_in(&self, element: &Element<'s>, parts: &mut BTreeMap<String, usize>) {
        let target = match element.name {
            "assign" => element.attribute("property"),
            "out" => element.attribute("name"),
            _ => element.attribute("into"),
        };
        if let Some(target) = target
            && let Some(path) = FieldPath::new(&target.value)
            && path.as_str() != path.name()
        {
            parts.entry(path.name()).or_insert(target.value_start);
        }
        for child in &element.children {
            if let Some(child) = self.tree.element(*child) {
                self.parts_set_in(child, parts);
            }
        }
    }

    /// Doubts about the alternatives of a `pick`, in the order in which they are tried.
    pub(super) fn review_alternatives(&mut self, alternatives: &[On]) {
        if self.mode == Mode::Compile {
            return;
        }
        for (place, on) in alternatives.iter().enumerate() {
            let before = alternatives.iter().take(place);
            let mut before = before.filter(|before| takes_all_of(&before.expected, &on.expected));
            if let Some(before) = before.next() {
                let (line, span) = (before.site.span.line, on.site.span);
                self.diagnostics
                    .doubt_at(span, Doubt::UnreachableAlternative { line });
            }
        }
    }

    /// A doubt about an attempt that may take longer than all of them together.
    pub(super) fn review_times(&mut self, node: &Node<'t, 's>, action: &Action) {
        if let (Mode::Review, Some(Written::Fixed(timeout)), Some(Written::Fixed(within))) =
            (self.mode, &action.timeout, &action.within)
            && timeout > within
            && let Some(attribute) = node.element.attribute("timeout")
        {
            let (timeout, within) = (*timeout, *within);
            self.diagnostics.doubt(
                attribute.value_start,
                Doubt::LongTimeout { timeout, within },
            );
        }
    }
}

/// Whether an alternative takes whatever a later one could.
fn takes_all_of(before: &Expected, later: &Expected) -> bool {
    let (Written::Fixed(one), Written::Fixed(other)) = (&before.event, &later.event) else {
        return false;
    };
    let takes_its_key = match (&before.key, &later.key) {
        (None, _) => true,
        (Some(Written::Fixed(one)), Some(Written::Fixed(other))) => one == other,
        (Some(_), _) => false,
    };
    // A later one with `since` may take a kept event that the earlier one doesn't see.
    one == other && takes_its_key && before.conditions.count == 0 && later.since.is_none()
}
