//! What is counted: instructions against budgets, and fuel in the history.

use bureaucrat_model::{Effect, EngineLimits, HistoryEvent, Input, Instance};

/// An input from outside resets the budget. An evaluation counts as an instruction, and its fuel is
/// recorded.
pub fn check(
    limits: &EngineLimits,
    before: &Instance,
    input: &Input,
    after: &Instance,
    effects: &[Effect],
) {
    let (earlier, ops) = (before.ops_without_waiting, after.ops_without_waiting);
    let share = u64::from(limits.ops_per_step);
    match input {
        Input::Evaluated { evaluation, .. } => {
            let was_spent = earlier > 0 && earlier.is_multiple_of(share);
            let has_ended = after.has_ended();
            assert!(
                ops > earlier || was_spent || has_ended,
                "{ops} after {earlier}"
            );
            let noted = effects.iter().find_map(|effect| {
                let Effect::Record(HistoryEvent::ConditionEvaluated { fuel, .. }) = effect else {
                    return None;
                };
                Some(*fuel)
            });
            assert!(noted == Some(evaluation.fuel) || noted.is_none() && has_ended);
        }
        // What the host says to an effect does not come from outside.
        Input::Continue
        | Input::ChildRefused { .. }
        | Input::DefinitionFound { .. }
        | Input::Detached { .. }
        | Input::Recalled { .. }
        | Input::Admitted { .. }
        | Input::Refused { .. } => {}
        Input::Answer { .. }
        | Input::TimerFired { .. }
        | Input::Event { .. }
        | Input::ChildEnded { .. }
        | Input::Retry
        | Input::TaskRefused { .. } => assert!(ops <= share, "{ops} in a share of {share}"),
    }
}
