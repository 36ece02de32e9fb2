//! What happens to a fault: which handler runs, what is stopped, what the process is left with.
#![allow(clippy::unwrap_used)]

use bureaucrat_engine::{Environment, Rejection, launch, step};
use bureaucrat_model::{
    ActivityPath, Answer, CodePattern, ConditionRange, Effect, Ending, EngineLimits, FaultCode,
    Fields, Handler, HistoryEvent, Input, Instance, Interrupt, Join, JsonText, Launch, Listener,
    Millis, Op, OpIndex, Operand, ProcessId, Program, ProgramHash, Site, Span, TaskEnd, Timestamp,
    Turn, Unhandled, Unusable, When,
};

const SECRET: [u8; 32] = [9; 32];

fn program(ops: Vec<Op>) -> Program {
    let site = |place: u32| {
        let (line, column) = (place + 1, 1);
        Site::new(ActivityPath(vec![place]), Span { line, column })
    };
    Program {
        name: "test".into(),
        context: Fields::parse(r#"{"a": 1}"#).unwrap(),
        sites: (0..).take(ops.len()).map(site).collect(),
        ops,
        conditions: Vec::new(),
        inline_guest: Vec::new(),
        conduct: bureaucrat_model::Conduct::default(),
    }
}

fn environment(limits: &EngineLimits) -> Environment<'_> {
    Environment {
        now: Timestamp(1_000),
        secret: &SECRET,
        limits,
        unhandled: Unhandled::Fails,
    }
}

fn started(program: &Program) -> (Instance, Vec<Effect>) {
    program.check().unwrap();
    let start = Launch::new(ProcessId::from_seed([3; 16]), ProgramHash::of(b"program"));
    launch(program, &start, &environment(&EngineLimits::default()))
}

fn answer(
    program: &Program,
    instance: &mut Instance,
    place: u32,
    turn: u64,
    answer: Answer,
) -> Result<Vec<Effect>, Rejection> {
    let input = Input::Answer {
        activity: ActivityPath(vec![place]),
        turn: Some(Turn(turn)),
        answer,
        unusable: Vec::new(),
    };
    let limits = EngineLimits {
        fields_bytes: 1_000,
        ..EngineLimits::default()
    };
    step(program, instance, &environment(&limits), input)
}

fn done(fields: &str) -> Answer {
    Answer::Update(Fields::parse(fields).unwrap())
}

fn action() -> Op {
    Op::action("p", OpIndex(0))
}

fn scope(handlers: &[(&str, u32)], next: u32) -> Op {
    let handler = |(code, at): &(&str, u32)| Handler {
        codes: CodePattern::new(code).into_iter().collect(),
        conditions: ConditionRange::default(),
        at: OpIndex(*at),
        retry: None,
    };
    Op::EnterScope {
        handlers: handlers.iter().map(handler).collect(),
        finally: None,
        compensation: None,
        next: OpIndex(next),
    }
}

fn fault(code: &str) -> Op {
    Op::throw((!code.is_empty()).then_some(code), "m")
}

fn ending(effects: &[Effect]) -> String {
    match effects.last() {
        Some(Effect::End(Ending::Completed(fields))) => fields.to_json(),
        Some(Effect::End(Ending::Failed(fault))) => fault.to_string(),
        other => format!("{other:?}"),
    }
}

/// The task of this turn was answered.
const fn answered(turn: Turn) -> Effect {
    Effect::WithdrawTask {
        turn,
        end: TaskEnd::Settled,
    }
}

#[test]
fn the_first_handler_that_catches_a_fault_runs_and_the_scope_is_complete() {
    let program = program(vec![
        scope(&[("other", 3), ("Act*", 5), ("", 3)], 7), // 0
        action(),
        Op::LeaveScope,
        fault("never"), // 3
        Op::LeaveScope,
        action(), // 5
        Op::LeaveScope,
        Op::Complete, // 7
    ]);
    let (mut instance, _) = started(&program);
    let effects = answer(
        &program,
        &mut instance,
        1,
        0,
        Answer::fault(FaultCode::new("ActionError"), "no".into()),
    )
    .unwrap();
    assert_eq!(effects[0], answered(Turn(0)));
    let Effect::Record(HistoryEvent::Caught { activity, fault }) = &effects[1] else {
        panic!("{effects:?}");
    };
    assert_eq!(*activity, ActivityPath(vec![0]));
    assert_eq!(fault.to_string(), "ActionError: no (activity _1, line 2)");
    let effects = answer(&program, &mut instance, 5, 1, done(r#"{"b": 2}"#)).unwrap();
    assert_eq!(ending(&effects), r#"{"a": 1, "b": 2}"#);
    // The first task's answer comes late.
    let late = answer(&program, &mut instance, 1, 0, done("{}"));
    assert!(matches!(late, Err(Rejection::Ended(_))));
}

#[test]
fn a_fault_in_a_handler_is_one_for_the_scope_around_it() {
    let program = program(vec![
        scope(&[("", 7)], 9), // 0
        scope(&[("", 4)], 6),
        fault("inner"),
        Op::LeaveScope,
        fault(""), // 4: the same again
        Op::LeaveScope,
        Op::LeaveScope, // 6
        fault(""),      // 7
        Op::LeaveScope,
        Op::Complete, // 9
    ]);
    let (_, effects) = started(&program);
    assert_eq!(ending(&effects), "inner: m (activity _2, line 3)");
    let caught = effects.iter().filter_map(|effect| {
        let Effect::Record(HistoryEvent::Caught { activity, .. }) = effect else {
            return None;
        };
        Some(activity.0[0])
    });
    assert_eq!(caught.collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn a_fault_of_a_branch_stops_the_others_and_leaves_nothing_open() {
    let program = program(vec![
        scope(&[("", 9)], 11), // 0
        Op::Fork {
            branches: vec![OpIndex(2), OpIndex(4), OpIndex(6)],
            join: Join::All,
            next: OpIndex(8),
        },
        action(), // 2
        Op::EndBranch,
        Op::delay(Millis(5)), // 4
        Op::EndBranch,
        action(), // 6
        Op::EndBranch,
        Op::LeaveScope, // 8
        action(),       // 9
        Op::LeaveScope,
        Op::Complete, // 11
    ]);
    let (mut instance, _) = started(&program);
    assert_eq!(instance.fibers.len(), 4);
    answer(&program, &mut instance, 2, 1, done(r#"{"merged": true}"#)).unwrap();
    let critical = Answer::fault(FaultCode::new("ActionError"), "no".into());
    let effects = answer(&program, &mut instance, 6, 3, critical).unwrap();
    let stopped: Vec<_> = effects.iter().take(2).collect();
    assert_eq!(*stopped[0], answered(Turn(3)));
    assert!(
        matches!(stopped[1], Effect::StopTimer { .. }),
        "{stopped:?}"
    );
    assert_eq!(instance.fibers.len(), 1);
    let late = answer(&program, &mut instance, 6, 3, done("{}"));
    assert!(matches!(late, Err(Rejection::Stale(_))), "{late:?}");
    let effects = answer(&program, &mut instance, 9, 4, done(r#"{"b": 2}"#)).unwrap();
    assert_eq!(ending(&effects), r#"{"a": 1, "merged": true, "b": 2}"#);
}

#[test]
fn a_handler_has_the_fields_that_an_answer_too_large_would_have_replaced() {
    let program = program(vec![
        scope(&[("LimitExceeded", 3)], 4), // 0
        action(),
        Op::LeaveScope,
        Op::LeaveScope, // 3
        Op::Complete,   // 4
    ]);
    let (mut instance, _) = started(&program);
    let large = format!(r#"{{"b": "{}"}}"#, "x".repeat(2_000));
    let effects = answer(&program, &mut instance, 1, 0, done(&large)).unwrap();
    assert_eq!(ending(&effects), r#"{"a": 1}"#);
}

#[test]
fn some_faults_are_nobodys_to_catch() {
    let round = vec![
        scope(&[("", 3), ("*", 3), ("OpBudgetExceeded", 3)], 0), // 0
        fault("again"),
        Op::LeaveScope,
        Op::LeaveScope, // 3: and again, without end
        Op::Complete,
    ];
    let program = program(round);
    let (mut instance, mut effects) = started(&program);
    while let Some(Effect::Yield) = effects.last() {
        let limits = EngineLimits::default();
        effects = step(
            &program,
            &mut instance,
            &environment(&limits),
            Input::Continue,
        )
        .unwrap();
    }
    assert!(
        ending(&effects).starts_with("OpBudgetExceeded"),
        "{effects:?}"
    );
}

/// What interrupts a scope stops its body, which runs its `finally` over fields of its own.
#[test]
fn what_a_stopped_body_does_at_its_end_changes_nothing_outside() {
    let end = |finally, next| Op::EnterScope {
        handlers: Vec::new(),
        finally,
        compensation: None,
        next: OpIndex(next),
    };
    let listener = Listener {
        at: OpIndex(8),
        waits: OpIndex(8),
    };
    let program = program(vec![
        end(None, 11),
        Op::Listen {
            listeners: vec![listener],
            end: OpIndex(10),
        },
        end(Some(OpIndex(5)), 7),
        action(),
        Op::LeaveScope,
        action(),
        Op::LeaveScope,
        Op::EndBranch,
        Op::Alarm {
            when: When::After(Operand::Fixed(Millis(5))),
            interrupt: Interrupt::Yes,
        },
        Op::LeaveScope,
        Op::LeaveScope,
        Op::Complete,
    ]);
    let (mut instance, effects) = started(&program);
    let timer = effects.iter().find_map(|effect| {
        let Effect::StartTimer { fiber, turn, .. } = effect else {
            return None;
        };
        Some((*fiber, *turn))
    });
    let (fiber, turn) = timer.unwrap();
    let limits = EngineLimits::default();
    let input = Input::TimerFired { fiber, turn };
    let effects = step(&program, &mut instance, &environment(&limits), input).unwrap();
    let sent = effects.iter().find_map(|effect| {
        let Effect::SendTask { turn, .. } = effect else {
            return None;
        };
        Some(turn.0)
    });
    let effects = answer(
        &program,
        &mut instance,
        5,
        sent.unwrap(),
        done(r#"{"x": 1}"#),
    )
    .unwrap();
    let fields = Fields::parse(r#"{"a": 1}"#).unwrap();
    assert!(effects.contains(&Effect::End(Ending::Completed(fields))));
}

#[test]
fn what_is_left_out_of_a_message_is_recorded_once() {
    let program = program(vec![action(), Op::Complete]);
    let (mut instance, _) = started(&program);
    let told = |instance: &mut Instance, turn| {
        let input = Input::Answer {
            activity: ActivityPath(vec![0]),
            turn: Some(Turn(turn)),
            answer: Answer::Progress(JsonText::text("half")),
            unusable: vec![
                Unusable::retry_after("soon"),
                Unusable::reserved("inst:now", 1),
            ],
        };
        step(
            &program,
            instance,
            &environment(&EngineLimits::default()),
            input,
        )
    };
    let effects = told(&mut instance, 0).unwrap();
    let [Effect::Record(event @ HistoryEvent::LeftOut { .. })] = &effects[..] else {
        panic!("{effects:?}");
    };
    let said = event.to_string();
    assert!(
        said.starts_with("_0: parts of a message ignored (turn 0): `retry_after` is"),
        "{said}"
    );
    assert!(said.contains("; the field \"inst:now\""), "{said}");
    // What nobody waits for leaves no entry.
    assert!(told(&mut instance, 7).is_err());
}

#[test]
fn an_attempt_has_all_of_its_time_once_its_task_could_be_sent() {
    let mut limited = action();
    if let Op::Action { timeout, .. } = &mut limited {
        *timeout = Some(Operand::Fixed(Millis(10_000)));
    }
    let program = program(vec![limited, Op::Complete]);
    let (mut instance, _) = started(&program);
    let mut delayed = |turn, until| {
        let (turn, until) = (Turn(turn), Timestamp(until));
        let limits = EngineLimits::default();
        let input = Input::TaskDelayed { turn, until };
        step(&program, &mut instance, &environment(&limits), input)
    };
    let due = |effect: &Effect| {
        let Effect::StartTimer { due, .. } = effect else {
            return None;
        };
        Some(due.0)
    };
    let effects = delayed(0, 1_001).unwrap();
    assert_eq!(effects.iter().find_map(due), Some(11_001));
    let recorded = effects.iter().find_map(|effect| {
        let Effect::Record(event) = effect else {
            return None;
        };
        Some(event.to_string())
    });
    let words = "_0: the broker had not taken the task, so the time of the attempt began again at";
    assert!(
        recorded
            .as_ref()
            .is_some_and(|told| told.starts_with(words)),
        "{recorded:?}"
    );
    for (turn, until) in [(0, 1_001), (0, 1_000), (1, 1_002)] {
        let stale = delayed(turn, until);
        assert!(matches!(stale, Err(Rejection::Stale(_))), "{stale:?}");
    }
}
