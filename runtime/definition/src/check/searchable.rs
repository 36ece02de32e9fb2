//! Checks which fields of a process lists can be searched by.

use super::{Checker, Node};
use crate::{
    Limits,
    diagnostic::{Counted, ValueProblem, cut},
};

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// Notes whether lists can be searched by a field.
    pub(super) fn searchable(
        &mut self,
        node: &Node<'t, 's>,
        name: &str,
        searchable: &mut Vec<String>,
    ) {
        searchable.retain(|earlier| earlier != name);
        let Some(attribute) = node.element.attribute("searchable") else {
            return;
        };
        if self.word(node, "searchable") != Some("yes") {
            return;
        }
        let limit = Limits::SEARCHABLE_BYTES;
        if name.len() > limit {
            let problem = ValueProblem::SearchableName {
                found: cut(name),
                limit,
            };
            self.note(attribute.start, problem);
            return;
        }
        let limit = Limits::SEARCHABLE;
        searchable.push(name.to_owned());
        self.count(
            attribute.start,
            Counted::Searchable,
            searchable.len(),
            limit,
        );
    }
}
