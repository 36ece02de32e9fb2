//! What a failure keeps that waits for an operator.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_engine::{
    Environment, evidence_room, keep_message, launch, modify, step, view_of_failed,
};
use bureaucrat_model::{
    ActivityPath, Caller, Change, Condition, ConditionIndex, Conduct, Effect, EngineLimits,
    Evaluation, EvaluationBounds, EvaluationOutcome, Evidence, FaultCode, Fiber, FiberId,
    FiberState, FieldPath, Fields, Guest, Initiator, Input, Instance, JsonText, KeptBody,
    KeptMessage, Launch, MessageKind, Modification, Op, Operator, PartOf, ProcessId, Program,
    ProgramHash, Ran, Reads, Seen, Site, Span, Timestamp, Turn, Unhandled, View, Wait, WaitKind,
};

const LIMITS: EngineLimits = EngineLimits {
    ops_per_step: 1_000,
    sent_per_step: 8 << 20,
    ops_without_waiting: 1_000,
    fibers: 100,
    fields_bytes: 8 << 20,
    instance_bytes: 64 << 20,
    call_depth: 4,
    fault_message_bytes: 4_096,
};

const fn environment(now: u64, unhandled: Unhandled) -> Environment<'static> {
    Environment {
        now: Timestamp(now),
        secret: &[0; 32],
        limits: &LIMITS,
        unhandled,
    }
}

/// One expression whose value goes into a field; what becomes of its fault is `unhandled`.
fn program(unhandled: Option<Unhandled>) -> Program {
    let program = Program {
        name: "values".into(),
        context: Fields::new(),
        ops: vec![
            Op::Evaluate {
                function: ConditionIndex(0),
            },
            Op::Store {
                targets: vec![FieldPath::new("x").unwrap()],
            },
            Op::Complete,
        ],
        sites: vec![Site::new(ActivityPath(vec![0]), Span { line: 7, column: 1 }); 3],
        conditions: vec![Condition {
            guest: Guest::Inline,
            function: "e0".into(),
            text: "context['y']".into(),
            span: Span { line: 7, column: 1 },
            reads: Reads::Reserved,
            selects: Vec::new(),
        }],
        inline_guest: vec![1],
        conduct: Conduct {
            unhandled,
            ..Conduct::default()
        },
    };
    program.check().unwrap();
    program
}

/// A process whose expression has failed: it, and what the expression saw.
fn failed(unhandled: Option<Unhandled>, fields: &str, host: Unhandled) -> (Instance, View) {
    failed_of(None, unhandled, fields, host)
}

fn failed_of(
    caller: Option<Caller>,
    unhandled: Option<Unhandled>,
    fields: &str,
    host: Unhandled,
) -> (Instance, View) {
    let program = program(unhandled);
    let mut start = Launch::new(ProcessId::from_seed([1; 16]), ProgramHash::of(b""));
    start.fields = Fields::parse(fields).unwrap();
    start.caller = caller;
    let (mut instance, effects) = launch(&program, &start, &environment(1_000, host));
    let is_asked = |effect: &Effect| matches!(effect, Effect::Evaluate { .. });
    let Some(Effect::Evaluate {
        fiber, turn, view, ..
    }) = effects.into_iter().find(is_asked)
    else {
        panic!("nothing is evaluated");
    };
    let outcome = EvaluationOutcome::Fault {
        code: FaultCode::new("KeyError"),
        message: "'y'".into(),
        data: None,
        ran: Some(Box::new(Ran {
            fields: view.fields.clone(),
            bounds: EvaluationBounds::default(),
        })),
    };
    let input = Input::Evaluated {
        fiber,
        turn,
        condition: ConditionIndex(0),
        evaluation: Evaluation { outcome, fuel: 42 },
    };
    // The outcome comes later than it was asked for.
    step(&program, &mut instance, &environment(5_000, host), input).unwrap();
    (instance, view)
}

fn evidence(instance: &Instance) -> Option<&Evidence> {
    match &instance.fibers.get(FiberId(0))?.state {
        FiberState::Waiting(Wait {
            kind: WaitKind::Operator { evidence, .. },
            ..
        }) => Some(evidence),
        FiberState::Waiting(_) | FiberState::Ready => None,
    }
}

fn operator() -> Initiator {
    Initiator::Operator(Operator::named("ada"))
}

#[test]
fn the_definition_decides_before_the_host_does() {
    use Unhandled::{Fails, Waits};
    for (written, host, waits) in [
        (None, Fails, false),
        (None, Waits, true),
        (Some(Fails), Waits, false),
        (Some(Waits), Fails, true),
    ] {
        let (instance, _) = failed(written, "{}", host);
        assert_eq!(evidence(&instance).is_some(), waits, "{written:?} {host:?}");
        assert_eq!(instance.has_ended(), !waits);
    }
}

#[test]
fn the_fault_of_a_called_process_is_for_its_caller() {
    use Unhandled::Waits;
    let caller = Caller {
        process: ProcessId::from_seed([2; 16]),
        fiber: FiberId(0),
        turn: Turn(3),
        depth: 1,
    };
    let (instance, _) = failed_of(Some(caller.clone()), None, "{}", Waits);
    assert!(instance.has_ended());
    let (instance, _) = failed_of(Some(caller), Some(Waits), "{}", Waits);
    assert!(evidence(&instance).is_some());
}

#[test]
fn what_failed_is_seen_again_as_it_was() {
    let (mut instance, view) = failed(None, r#"{"a": [1.50]}"#, Unhandled::Waits);
    let kept = evidence(&instance).unwrap().evaluation.as_ref().unwrap();
    assert_eq!((kept.fuel, kept.asked_at), (42, Timestamp(1_000)));
    // The fiber still has its fields: they are not kept twice.
    assert_eq!(kept.fields, Seen::InPlace);
    let program = program(None);
    assert_eq!(
        view_of_failed(&program, &instance, FiberId(0)).unwrap(),
        view
    );

    let set = Modification {
        part: PartOf::Fiber(FiberId(0)),
        change: Change::Set {
            fields: Fields::parse(r#"{"a": 2}"#).unwrap(),
            removed: Vec::new(),
        },
        reason: String::new(),
        dry_run: false,
    };
    let environment = environment(9_000, Unhandled::Waits);
    modify(&program, &mut instance, &environment, &set, &operator()).unwrap();
    assert_eq!(
        view_of_failed(&program, &instance, FiberId(0)).unwrap(),
        view
    );
}

#[test]
fn what_is_kept_of_one_process_is_bounded() {
    let large = format!(r#"{{"a": "{}"}}"#, "x".repeat(2 << 20));
    let (mut instance, _) = failed(None, &large, Unhandled::Waits);
    let program = program(None);
    assert!(view_of_failed(&program, &instance, FiberId(0)).is_some());
    // What does not fit is noted, and nothing else is taken for it.
    let set = Modification {
        part: PartOf::Fiber(FiberId(0)),
        change: Change::Set {
            fields: Fields::parse(r#"{"b": 2}"#).unwrap(),
            removed: Vec::new(),
        },
        reason: String::new(),
        dry_run: false,
    };
    let environment = environment(9_000, Unhandled::Waits);
    modify(&program, &mut instance, &environment, &set, &operator()).unwrap();
    let kept = evidence(&instance).unwrap().evaluation.as_ref().unwrap();
    assert!(matches!(kept.fields, Seen::TooLarge { bytes } if bytes > 2 << 20));
    assert_eq!(view_of_failed(&program, &instance, FiberId(0)), None);

    assert_eq!(evidence_room(&instance), Evidence::BYTES_MAX);
    let message = KeptMessage {
        kind: MessageKind::Event,
        properties: JsonText::parse("{}").unwrap(),
        body: KeptBody::Whole(vec![7; 1_000]),
    };
    keep_message(&mut instance, message.clone());
    assert_eq!(evidence(&instance).unwrap().message, Some(message));
    assert_eq!(evidence_room(&instance), Evidence::BYTES_MAX - 1_002);
}

#[test]
fn a_retry_forgets_it() {
    let (mut instance, _) = failed(None, "{}", Unhandled::Waits);
    let environment = environment(9_000, Unhandled::Waits);
    let program = program(None);
    step(&program, &mut instance, &environment, Input::Retry).unwrap();
    assert_eq!(evidence(&instance), None);
    let fiber: &Fiber = instance.fibers.get(FiberId(0)).unwrap();
    let FiberState::Waiting(Wait {
        turn,
        kind: WaitKind::Condition { .. },
        ..
    }) = &fiber.state
    else {
        panic!("{fiber:?}");
    };
    assert!(*turn > Turn(0));
}
