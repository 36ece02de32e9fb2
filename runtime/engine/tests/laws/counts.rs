//! What is counted: instructions against budgets, and fuel in the history.

use bureaucrat_model::{
    Answer, Effect, EngineLimits, HistoryEvent, Input, Instance, TaskEnd, Turn,
};

/// An input from outside resets the budget. An evaluation counts as an instruction, and its fuel is
/// recorded.
pub fn check(
    limits: &EngineLimits,
    before: &Instance,
    input: &Input,
    after: &Instance,
    effects: &[Effect],
) {
    check_told(input, effects);
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
        | Input::TaskRefused { .. }
        | Input::TaskDelayed { .. } => assert!(ops <= share, "{ops} in a share of {share}"),
    }
}

/// No participant that has answered is told that nobody waits, and any other one is.
fn check_told(input: &Input, effects: &[Effect]) {
    let settled = effects.iter().filter_map(|effect| {
        let Effect::WithdrawTask {
            turn,
            end: TaskEnd::Settled,
        } = effect
        else {
            return None;
        };
        Some(*turn)
    });
    let settled: Vec<Turn> = settled.collect();
    let Input::Answer { turn, answer, .. } = input else {
        assert_eq!(settled, [], "{input:?}");
        return;
    };
    let is_last = !matches!(answer, Answer::Progress(_) | Answer::Suspended(_));
    assert_eq!(settled.len(), usize::from(is_last), "{input:?}");
    assert!(turn.is_none_or(|turn| settled.iter().all(|settled| *settled == turn)));
}
