//! Entries in words and as objects.

use super::*;
use bureaucrat_model::{ConditionIndex, FaultCode};

fn evaluated(outcome: ConditionOutcome) -> HistoryEvent {
    HistoryEvent::ConditionEvaluated {
        activity: ActivityPath(vec![0, 1]),
        condition: ConditionIndex(3),
        module: None,
        outcome,
        fuel: 12,
    }
}

#[test]
fn what_was_evaluated_is_told_with_its_text() {
    let expressions = [ExpressionView {
        index: ConditionIndex(3),
        text: "context[\"n\"]\n  + 1".to_owned(),
        line: 7,
    }];
    let fault = ConditionOutcome::Fault {
        code: FaultCode::new("KeyError"),
        message: "'n'".to_owned(),
    };
    for (outcome, known, unknown) in [
        (
            ConditionOutcome::Value("5".to_owned()),
            "_0_1: `context[\"n\"] + 1` is 5 (line 7, fuel 12)",
            "_0_1: expression 3 is 5 (fuel 12)",
        ),
        (
            ConditionOutcome::Verdict(true),
            "_0_1: `context[\"n\"] + 1` is true (line 7, fuel 12)",
            "_0_1: condition 3 is true (fuel 12)",
        ),
        (
            fault,
            "_0_1: `context[\"n\"] + 1` failed: KeyError: 'n' (line 7, fuel 12)",
            "_0_1: expression 3 failed: KeyError: 'n' (fuel 12)",
        ),
    ] {
        let event = evaluated(outcome);
        assert_eq!(words(&event, &expressions), known);
        assert_eq!(words(&event, &[]), unknown);
    }
    let branches = |branches| HistoryEvent::Forked {
        activity: ActivityPath(vec![0]),
        branches,
    };
    assert_eq!(words(&branches(1), &[]), "_0: 1 branch started");
    assert_eq!(words(&branches(2), &[]), "_0: 2 branches started");
    let dropped = |why| HistoryEvent::EventDropped {
        activity: ActivityPath(vec![0]),
        event: "paid".to_owned(),
        why,
    };
    assert_eq!(
        words(&dropped(Dropped::Ended), &[]),
        "_0: event paid dropped: its scope ended before it could be handled"
    );
}
