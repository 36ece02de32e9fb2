//! Doubts about loops that never end: a condition that is always true around activities that neither
//! wait nor fail. Looked for only when somebody asks for a review.

use super::{Checker, Node};
use crate::{
    checked::{Activity, ActivityKind, Body},
    diagnostic::Doubt,
};
use bureaucrat_model::ConditionRange;

impl<'t, 's> Checker<'t, 's, '_, '_> {
    /// A doubt about a `while` that only its limit of instructions ends.
    pub(super) fn review_loop(
        &mut self,
        node: &Node<'t, 's>,
        conditions: ConditionRange,
        body: &Body,
    ) {
        // What was refused is not in the body, and may be what waits.
        let is_whole = node.activities().count() == body.activities.len();
        if is_whole
            && !body.activities.is_empty()
            && self.is_always_true(conditions)
            && runs_through(body)
        {
            self.diagnostics
                .doubt(node.element.start, Doubt::EndlessLoop);
        }
    }
}

/// Whether nothing in a body waits, and no `fault` leaves it.
fn runs_through(body: &Body) -> bool {
    let scope = &body.scope;
    let mut ends = scope.finally.iter().chain(&scope.compensation);
    scope.events.is_empty()
        && body.activities.iter().all(is_passed)
        && ends.all(|end| runs_through(&end.body))
}

fn is_passed(activity: &Activity) -> bool {
    match &activity.kind {
        ActivityKind::Assign { .. } => true,
        ActivityKind::Sequence { body, retry } => retry.is_none() && runs_through(body),
        ActivityKind::All(body) | ActivityKind::Race(body) | ActivityKind::While { body, .. } => {
            runs_through(body)
        }
        ActivityKind::Foreach(foreach) => runs_through(&foreach.body),
        ActivityKind::Switch(cases) => cases.iter().all(|case| runs_through(&case.body)),
        // What is sent waits until the engine accepts it.
        ActivityKind::Action(_)
        | ActivityKind::Call { .. }
        | ActivityKind::Emit { .. }
        | ActivityKind::Send(_)
        | ActivityKind::Pick { .. }
        | ActivityKind::Delay { .. }
        | ActivityKind::Await { .. }
        | ActivityKind::Fault { .. }
        | ActivityKind::Compensate { .. } => false,
    }
}
