//! What each instruction does to an instance, and how inputs that do not match are told apart.
#![allow(clippy::unwrap_used)]

use bureaucrat_engine::{
    Environment, Rejection, cancel, launch, step, task_fields, unstarted_call,
};
use bureaucrat_model::{
    ActivityPath, Answer, ConditionIndex, ConditionRange, Effect, Ending, EngineLimits, Evaluation,
    EvaluationOutcome, EventSource, Fault, FaultCode, FiberId, Fields, HistoryEvent, Input,
    Instance, Join, JsonText, Launch, Millis, Op, OpIndex, ProcessId, Program, ProgramHash, Reads,
    Site, Span, Status, Timestamp, Turn, Unhandled,
};

const SECRET: [u8; 32] = [9; 32];

/// A program whose instruction at each place belongs to activity `_PLACE`, on line PLACE + 1.
fn program(ops: Vec<Op>, context: &str) -> Program {
    let sites = (0..ops.len() as u32)
        .map(|place| {
            let (line, column) = (place + 1, 1);
            Site::new(ActivityPath(vec![place]), Span { line, column })
        })
        .collect();
    let condition = bureaucrat_model::Condition {
        guest: bureaucrat_model::Guest::Inline,
        function: "c0".into(),
        text: "c0".into(),
        span: Span::default(),
        selects: Vec::new(),
        reads: Reads::Fields,
    };
    Program {
        name: "test".into(),
        context: Fields::parse(context).unwrap(),
        ops,
        sites,
        conditions: vec![condition.clone(), condition.clone(), condition],
        inline_guest: Vec::new(),
        conduct: bureaucrat_model::Conduct::default(),
    }
}

fn started(program: &Program, limits: &EngineLimits) -> (Instance, Vec<Effect>) {
    let start = Launch::new(ProcessId::from_seed([3; 16]), ProgramHash::of(b"program"));
    launch(program, &start, &environment(limits))
}

fn environment(limits: &EngineLimits) -> Environment<'_> {
    Environment {
        now: Timestamp(1_000),
        secret: &SECRET,
        limits,
        unhandled: Unhandled::Fails,
    }
}

fn go(program: &Program, instance: &mut Instance, input: Input) -> Result<Vec<Effect>, Rejection> {
    step(
        program,
        instance,
        &environment(&EngineLimits::default()),
        input,
    )
}

fn action(participant: &str) -> Op {
    Op::action(participant, OpIndex(0))
}

fn conditions(first: u32, count: u32) -> ConditionRange {
    ConditionRange {
        first: ConditionIndex(first),
        count,
    }
}

fn update(path: &[u32], turn: Option<u64>, fields: &str) -> Input {
    Input::Answer {
        activity: ActivityPath(path.to_vec()),
        turn: turn.map(Turn),
        answer: Answer::Update(Fields::parse(fields).unwrap()),
        unusable: Vec::new(),
    }
}

fn evaluated(fiber: u32, turn: u64, condition: u32, holds: bool) -> Input {
    Input::Evaluated {
        fiber: FiberId(fiber),
        turn: Turn(turn),
        condition: ConditionIndex(condition),
        evaluation: Evaluation {
            outcome: EvaluationOutcome::Verdict(holds),
            fuel: 7,
        },
    }
}

fn code(instance: &Instance) -> &str {
    instance.fault().unwrap().code.as_str()
}

#[test]
fn an_action_sends_a_task_and_takes_its_answer_once() {
    let program = program(vec![action("p"), Op::Complete], r#"{"a": 1}"#);
    let (mut instance, effects) = started(&program, &EngineLimits::default());
    assert!(matches!(&effects[1], Effect::SendTask { participant, .. } if participant == "p"));
    assert_eq!(
        task_fields(&instance, Turn(0)),
        Some(program.context.clone())
    );
    assert_eq!(task_fields(&instance, Turn(1)), None);
    let before = instance.clone();
    let never = go(&program, &mut instance, update(&[0], Some(1), "{}"));
    assert!(matches!(never, Err(Rejection::NotWaiting(_))), "{never:?}");
    let nobody = go(&program, &mut instance, update(&[0, 1], None, "{}"));
    assert!(
        matches!(nobody, Err(Rejection::NotWaiting(_))),
        "{nobody:?}"
    );
    assert_eq!(instance, before);
    let effects = go(
        &program,
        &mut instance,
        update(&[0], Some(0), r#"{"b": 2}"#),
    )
    .unwrap();
    let ending = Ending::Completed(Fields::parse(r#"{"a": 1, "b": 2}"#).unwrap());
    assert!(matches!(effects[0], Effect::WithdrawTask { .. }));
    assert_eq!(effects.last(), Some(&Effect::End(ending.clone())));
    assert_eq!(instance.status, Status::Ended(ending));
    let late = go(&program, &mut instance, update(&[0], Some(0), "{}"));
    assert!(matches!(late, Err(Rejection::Ended(_))));
}

#[test]
fn an_answer_to_an_earlier_round_is_stale() {
    let ops = vec![action("p"), Op::Jump { target: OpIndex(0) }];
    let program = program(ops, "{}");
    let (mut instance, _) = started(&program, &EngineLimits::default());
    go(&program, &mut instance, update(&[0], Some(0), "{}")).unwrap();
    let late = go(&program, &mut instance, update(&[0], Some(0), "{}"));
    assert!(matches!(late, Err(Rejection::Stale(_))), "{late:?}");
    go(&program, &mut instance, update(&[0], None, "{}")).unwrap();
    go(&program, &mut instance, update(&[0], Some(2), "{}")).unwrap();
}

#[test]
fn a_bare_answer_after_the_activity_answered_is_stale() {
    let program = program(vec![action("p"), action("q"), Op::Complete], "{}");
    let (mut instance, _) = started(&program, &EngineLimits::default());
    let early = go(&program, &mut instance, update(&[1], None, "{}"));
    assert!(matches!(early, Err(Rejection::NotWaiting(_))));
    go(&program, &mut instance, update(&[0], None, "{}")).unwrap();
    let late = go(&program, &mut instance, update(&[0], None, "{}"));
    assert!(matches!(late, Err(Rejection::Stale(_))));
}

#[test]
fn a_test_tries_its_conditions_in_order() {
    let ops = vec![
        Op::Test {
            conditions: conditions(0, 2),
            otherwise: OpIndex(2),
        },
        action("held"),
        action("none"),
        Op::Complete,
    ];
    let program = program(ops, "{}");
    let (mut instance, effects) = started(&program, &EngineLimits::default());
    assert!(matches!(
        effects[1],
        Effect::Evaluate {
            condition: ConditionIndex(0),
            ..
        }
    ));
    let wrong = go(&program, &mut instance, evaluated(0, 0, 1, true));
    assert!(matches!(wrong, Err(Rejection::NotWaiting(_))));
    let effects = go(&program, &mut instance, evaluated(0, 0, 0, false)).unwrap();
    assert!(matches!(
        effects[1],
        Effect::Evaluate {
            condition: ConditionIndex(1),
            ..
        }
    ));
    let mut other = instance.clone();
    let effects = go(&program, &mut instance, evaluated(0, 0, 1, true)).unwrap();
    assert!(matches!(&effects[1], Effect::SendTask { participant, .. } if participant == "held"));
    let effects = go(&program, &mut other, evaluated(0, 0, 1, false)).unwrap();
    assert!(matches!(&effects[1], Effect::SendTask { participant, .. } if participant == "none"));
}

#[test]
fn an_await_keeps_waiting_until_a_condition_holds() {
    let ops = vec![
        Op::wait_for("e", conditions(1, 1), OpIndex(1)),
        Op::Complete,
    ];
    let program = program(ops, "{}");
    let (mut instance, _) = started(&program, &EngineLimits::default());
    let event = Input::Event {
        fiber: FiberId(0),
        turn: Turn(0),
        name: "e".into(),
        key: None,
        depth: 0,
        event: JsonText::parse(r#"{"event": "e"}"#).unwrap(),
        source: EventSource::Live { sequence: 7 },
    };
    let effects = go(&program, &mut instance, event.clone()).unwrap();
    let Effect::Evaluate { view, .. } = &effects[0] else {
        panic!("{effects:?}");
    };
    assert_eq!(view.fields.to_json(), r#"{"event": {"event": "e"}}"#);
    let second = go(&program, &mut instance, event.clone());
    assert!(matches!(second, Err(Rejection::NotWaiting(_))));
    go(&program, &mut instance, evaluated(0, 0, 1, false)).unwrap();
    let kept = instance.fibers.waiting(Turn(0)).unwrap().1;
    assert_eq!(kept.field("event"), None);
    go(&program, &mut instance, event).unwrap();
    let effects = go(&program, &mut instance, evaluated(0, 0, 1, true)).unwrap();
    assert!(matches!(effects[1], Effect::Unsubscribe { .. }));
    assert!(instance.has_ended());
}

#[test]
fn a_failure_takes_back_what_the_others_had_open() {
    let ops = vec![
        Op::Fork {
            branches: vec![OpIndex(1), OpIndex(3), OpIndex(5), OpIndex(7)],
            join: Join::All,
            next: OpIndex(9),
        },
        action("p"),
        Op::EndBranch,
        Op::delay(Millis(5)),
        Op::EndBranch,
        Op::wait_for("e", ConditionRange::default(), OpIndex(6)),
        Op::EndBranch,
        Op::call("d"),
        Op::EndBranch,
        Op::Complete,
    ];
    let program = program(ops, r#"{"d": "<process/>"}"#);
    let (mut instance, effects) = started(&program, &EngineLimits::default());
    let started_child = effects
        .iter()
        .find(|effect| matches!(effect, Effect::StartChild { .. }));
    assert_eq!(
        unstarted_call(&program, &instance, FiberId(4)).as_ref(),
        started_child
    );
    assert_eq!(unstarted_call(&program, &instance, FiberId(1)), None);
    let (code, message) = (FaultCode::new("Declined"), "no".into());
    let (activity, turn) = (ActivityPath(vec![1]), None);
    let answer = Answer::fault(code, message);
    let declined = Input::Answer {
        activity,
        turn,
        answer,
        unusable: Vec::new(),
    };
    let mut failed = instance.clone();
    let effects = go(&program, &mut failed, declined).unwrap();
    assert!(matches!(
        effects[..],
        [
            Effect::WithdrawTask { .. },
            Effect::StopTimer {
                due: Timestamp(1_005),
                ..
            },
            Effect::Unsubscribe { .. },
            Effect::CancelChild { .. },
            // The end of the called process, at most for a minute.
            Effect::StartTimer { .. },
            Effect::StartTimer { .. },
        ]
    ));
    let called = effects.iter().find_map(|effect| {
        let Effect::CancelChild {
            turn, awaited_by, ..
        } = effect
        else {
            return None;
        };
        awaited_by.map(|fiber| (fiber, *turn))
    });
    let (fiber, turn) = called.unwrap();
    let ending = Ending::Completed(Fields::new());
    let ended = Input::ChildEnded {
        fiber,
        turn,
        ending,
    };
    let effects = go(&program, &mut failed, ended).unwrap();
    assert!(matches!(
        effects[..],
        [
            Effect::StopTimer { .. },
            Effect::StopTimer { .. },
            Effect::Record(HistoryEvent::Failed(_)),
            Effect::End(Ending::Failed(_)),
        ]
    ));
    let fault = failed.fault().unwrap().clone();
    assert_eq!((fault.code.as_str(), fault.line), ("Declined", 2));
    let limits = EngineLimits::default();
    // Cancelled again, it waits for nothing any more.
    for _ in 0..2 {
        assert!(!instance.has_ended());
        let fault = fault.clone();
        cancel(&program, &mut instance, &environment(&limits), fault);
    }
    assert_eq!(instance.status, failed.status);
    assert_eq!(
        cancel(&program, &mut instance, &environment(&limits), fault),
        []
    );
}

#[test]
fn a_childs_fault_is_the_calls_and_leaves_nothing_to_cancel() {
    let program = program(vec![Op::call("d"), Op::Complete], r#"{"d": "<process/>"}"#);
    let (mut instance, _) = started(&program, &EngineLimits::default());
    let ended = Input::ChildEnded {
        fiber: FiberId(0),
        turn: Turn(0),
        ending: Ending::Failed(Fault {
            code: FaultCode::new("KeyError"),
            message: "'x'".into(),
            activity: ActivityPath(vec![4]),
            line: 6,
            data: None,
            source: bureaucrat_model::FaultSource::Other,
        }),
    };
    let effects = go(&program, &mut instance, ended).unwrap();
    assert_eq!(effects.len(), 2, "{effects:?}");
    assert_eq!(code(&instance), "KeyError");
    let message = &instance.fault().unwrap().message;
    assert!(message.contains("_4 (line 6): 'x'"), "{message}");
}

#[test]
fn a_loop_yields_after_its_share_and_fails_after_its_budget() {
    let program = program(vec![Op::Jump { target: OpIndex(0) }], "{}");
    let limits = EngineLimits {
        ops_per_step: 10,
        ops_without_waiting: 35,
        ..EngineLimits::default()
    };
    let (mut instance, effects) = started(&program, &limits);
    assert_eq!(effects.last(), Some(&Effect::Yield));
    for count in [20, 30] {
        let effects = step(
            &program,
            &mut instance,
            &environment(&limits),
            Input::Continue,
        );
        assert_eq!(effects, Ok(vec![Effect::Yield]));
        assert_eq!(instance.ops_without_waiting, count);
    }
    step(
        &program,
        &mut instance,
        &environment(&limits),
        Input::Continue,
    )
    .unwrap();
    assert_eq!(code(&instance), "OpBudgetExceeded");
}

#[test]
fn a_loop_over_a_condition_yields_too() {
    let ops = vec![
        Op::Test {
            conditions: conditions(0, 1),
            otherwise: OpIndex(2),
        },
        Op::Jump { target: OpIndex(0) },
        Op::Complete,
    ];
    let program = program(ops, "{}");
    let limits = EngineLimits {
        ops_per_step: 10,
        ops_without_waiting: 30,
        ..EngineLimits::default()
    };
    let (mut instance, mut effects) = started(&program, &limits);
    let mut yields = 0;
    while !instance.has_ended() {
        let input = match effects.last() {
            Some(Effect::Evaluate { turn, .. }) => evaluated(0, turn.0, 0, true),
            _ => {
                yields += 1;
                Input::Continue
            }
        };
        effects = step(&program, &mut instance, &environment(&limits), input).unwrap();
    }
    assert_eq!((yields, code(&instance)), (3, "OpBudgetExceeded"));
}

#[test]
fn limits_are_faults() {
    let fork = |next| Op::Fork {
        branches: vec![OpIndex(1); 3],
        join: Join::All,
        next: OpIndex(next),
    };
    let looping = program(
        vec![fork(2), fork(2), Op::Complete],
        r#"{"a": "0123456789"}"#,
    );
    for limits in [
        EngineLimits {
            fibers: 30,
            ..EngineLimits::default()
        },
        EngineLimits {
            instance_bytes: 30,
            ..EngineLimits::default()
        },
        EngineLimits {
            fields_bytes: 10,
            ..EngineLimits::default()
        },
    ] {
        let (instance, effects) = started(&looping, &limits);
        assert_eq!(code(&instance), "LimitExceeded", "{limits:?}");
        assert!(matches!(effects.last(), Some(Effect::End(_))));
    }
}

#[test]
fn programs_that_lie_are_faults() {
    for ops in [
        vec![Op::EndBranch],
        vec![Op::Jump { target: OpIndex(7) }],
        vec![action("p")],
        vec![],
    ] {
        let program = program(ops, "{}");
        let (mut instance, _) = started(&program, &EngineLimits::default());
        if !instance.has_ended() {
            go(&program, &mut instance, update(&[0], None, "{}")).unwrap();
        }
        assert_eq!(code(&instance), "ProgramError");
    }
}
