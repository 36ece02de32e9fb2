//! Whether what fibers wait for fits their instructions and each other.

use bureaucrat_model::{
    Evidence, FiberId, FiberState, Input, Instance, Op, Program, Turn, Wait, WaitKind,
};

/// What is wrong with its fibers as a whole.
pub(super) fn wrong_as_a_whole(instance: &Instance, program: Option<&Program>) -> Vec<String> {
    let mut wrong = wrong_compensations(instance);
    wrong.extend(
        program
            .into_iter()
            .flat_map(|program| wrong_evidence(instance, program)),
    );
    wrong
}

/// Each compensation is in one list, and each list names compensations only.
fn wrong_compensations(instance: &Instance) -> Vec<String> {
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

/// What is kept of failures is about expressions of the program, and bounded.
fn wrong_evidence(instance: &Instance, program: &Program) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut bytes = 0_usize;
    for (id, fiber) in instance.fibers.iter() {
        let FiberState::Waiting(Wait {
            kind: WaitKind::Operator { evidence, .. },
            ..
        }) = &fiber.state
        else {
            continue;
        };
        bytes = bytes.saturating_add(evidence.bytes());
        let failed = evidence.evaluation.as_ref();
        if failed.is_some_and(|failed| program.condition(failed.condition).is_none()) {
            wrong.push(format!(
                "its fiber {} failed with an expression that its program does not have",
                id.0
            ));
        }
    }
    if bytes > Evidence::BYTES_MAX {
        let most = Evidence::BYTES_MAX;
        wrong.push(format!(
            "its incidents keep {bytes} bytes of messages and fields, at most {most} are kept"
        ));
    }
    wrong
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
