//! Checks `assign`: the field, and the value that is put there.

use super::{Checker, Node};
use crate::{
    checked::ActivityKind,
    diagnostic::{ValueProblem, cut},
};
use bureaucrat_model::FieldPath;

impl<'t, 's> Checker<'t, 's, '_, '_> {
    pub(super) fn assign(&mut self, node: &Node<'t, 's>) -> Option<ActivityKind> {
        let target = self.target(node);
        let value = self.computed(node);
        Some(ActivityKind::Assign {
            target: target?,
            value: value?,
        })
    }

    fn target(&mut self, node: &Node<'t, 's>) -> Option<FieldPath> {
        let attribute = node.element.attribute("property")?;
        let target = FieldPath::new(&attribute.value);
        if target.is_none() {
            let found = cut(&attribute.value);
            self.note(attribute.value_start, ValueProblem::BadPath { found });
        }
        target
    }
}
