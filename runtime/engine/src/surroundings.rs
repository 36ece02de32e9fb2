//! What is around an activity: it follows from a program and its paths.

use bureaucrat_model::{ActivityPath, Op, Program};

/// The scopes and branches around an activity, outermost first, as the paths that they begin at.
pub(crate) fn around(program: &Program, activity: &ActivityPath) -> Vec<ActivityPath> {
    let mut around = Vec::new();
    for length in 0..activity.0.len() {
        let outer = activity.0.get(..length).unwrap_or_default();
        let ops = program.ops.iter().zip(&program.sites);
        let of_outer = ops.filter(|(_, site)| *site.path.0 == *outer);
        let is_handler =
            |segment: &u32| matches!(*segment, ActivityPath::FAULTS | ActivityPath::EVENTS);
        let mut has_scope = outer.last().is_some_and(|last| is_region(*last))
            || outer.iter().nth_back(1).is_some_and(is_handler);
        let mut has_branches = false;
        for (op, _) in of_outer {
            has_scope |= matches!(
                op,
                Op::Fork { .. }
                    | Op::EnterScope { .. }
                    | Op::ForkItems { .. }
                    | Op::Listen { .. }
                    | Op::Receive { .. }
                    | Op::Alarm { .. }
            );
            has_branches |= matches!(op, Op::Fork { branches, .. } if branches.len() > 1);
        }
        if has_scope {
            around.push(ActivityPath(outer.to_vec()));
        }
        if has_branches && let Some(branch) = activity.0.get(..=length) {
            around.push(ActivityPath(branch.to_vec()));
        }
    }
    around
}

/// Whether a segment begins handlers, listeners, or what runs at the end of a scope.
const fn is_region(segment: u32) -> bool {
    matches!(
        segment,
        ActivityPath::FAULTS
            | ActivityPath::FINALLY
            | ActivityPath::COMPENSATE
            | ActivityPath::EVENTS
    )
}
