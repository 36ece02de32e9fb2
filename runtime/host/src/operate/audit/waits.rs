//! Whether what fibers wait for fits their instructions and each other.

use bureaucrat_model::{FiberId, Input, Instance, Op, Turn, WaitKind};

/// Each compensation is in one list, and each list names compensations only.
pub(super) fn wrong_compensations(instance: &Instance) -> Vec<String> {
    let fibers = || instance.fibers.iter();
    let lists = fibers().flat_map(|(_, fiber)| {
        let inside = fiber.scopes.iter().flat_map(|scope| &scope.completed);
        fiber.completed.iter().chain(inside)
    });
    let mut listed: Vec<FiberId> = lists.copied().collect();
    let kept = fibers().filter(|(_, fiber)| fiber.is_compensation());
    let kept: Vec<FiberId> = kept.map(|(id, _)| id).collect();
    listed.sort_unstable();
    if listed == kept {
        return Vec::new();
    }
    vec![format!(
        "its scopes list the compensations {listed:?}, but there are {kept:?}"
    )]
}

pub(super) fn fits(op: &Op, kind: &WaitKind) -> bool {
    match kind {
        WaitKind::Answer { .. } => matches!(op, Op::Action { .. }),
        WaitKind::Timer { .. } => {
            matches!(
                op,
                Op::Delay { .. }
                    | Op::Alarm { .. }
                    | Op::TryAgain { .. }
                    | Op::Action { retry: Some(_), .. }
            )
        }
        WaitKind::Event { .. } => matches!(op, Op::Await { .. }),
        WaitKind::Child { .. } => matches!(op, Op::Call { .. }),
        WaitKind::Listening { .. } => matches!(op, Op::Receive { .. }),
        WaitKind::Branches { .. } => matches!(
            op,
            Op::Fork { .. } | Op::ForkItems { .. } | Op::Listen { .. } | Op::Compensate { .. }
        ),
        WaitKind::Condition { .. } => matches!(op, Op::Test { .. } | Op::Evaluate { .. }),
        // What was stopped, or failed, may have been anywhere; a compensation begins with anything.
        WaitKind::Stopping { .. }
        | WaitKind::Fault { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Operator { .. } => true,
        WaitKind::Admission => matches!(op, Op::Send { .. } | Op::Emit { .. }),
    }
}

/// The wait that an input is for.
pub(super) fn turn_of(input: &Input) -> Option<Turn> {
    match input {
        Input::TimerFired { turn, .. }
        | Input::ChildEnded { turn, .. }
        | Input::ChildRefused { turn, .. }
        | Input::DefinitionFound { turn, .. }
        | Input::Detached { turn, .. }
        | Input::Event { turn, .. }
        | Input::Recalled { turn, .. }
        | Input::Admitted { turn, .. }
        | Input::Refused { turn, .. }
        | Input::Evaluated { turn, .. } => Some(*turn),
        Input::Answer { turn, .. } => *turn,
        Input::Continue | Input::Retry | Input::TaskRefused { .. } | Input::TaskDelayed { .. } => {
            None
        }
    }
}
