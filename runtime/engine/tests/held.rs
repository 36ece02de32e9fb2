//! What a process may hold: what its branches share counts once, what each has for itself in full.
#![allow(clippy::unwrap_used)]

use bureaucrat_engine::{Environment, launch, step};
use bureaucrat_model::{
    ActivityPath, Answer, Carries, Conduct, Effect, EngineLimits, Fields, Input, Instance, Join,
    JsonText, Launch, Op, OpIndex, ProcessId, Program, ProgramHash, Site, Span, Timestamp, Turn,
    Unhandled,
};

const MEBIBYTE: usize = 1 << 20;

fn limits() -> EngineLimits {
    EngineLimits {
        ops_per_step: u32::MAX,
        sent_per_step: usize::MAX,
        ..EngineLimits::default()
    }
}

fn environment(limits: &EngineLimits) -> Environment<'_> {
    Environment {
        now: Timestamp(1),
        secret: &[7; 32],
        limits,
        unhandled: Unhandled::Fails,
    }
}

fn large() -> JsonText {
    JsonText::text(&"x".repeat(MEBIBYTE))
}

/// So many branches with the same fields of 1 MiB. Each has an action and then ends.
fn branches(count: usize, carried: Carries) -> Program {
    let mut action = Op::action("p", OpIndex(0));
    if let Op::Action { carries, .. } = &mut action {
        *carries = carried;
    }
    let fork = Op::Fork {
        branches: vec![OpIndex(1); count],
        join: Join::All,
        next: OpIndex(3),
    };
    let ops = vec![fork, action, Op::EndBranch, Op::Complete];
    let site = |place| Site::new(ActivityPath(vec![place]), Span::default());
    Program {
        name: "test".into(),
        context: [("large".to_owned(), large())].into_iter().collect(),
        sites: (0..4).map(site).collect(),
        ops,
        conditions: Vec::new(),
        inline_guest: Vec::new(),
        conduct: Conduct::default(),
    }
}

fn started(program: &Program) -> (Instance, Vec<Turn>) {
    let start = Launch::new(ProcessId::from_seed([3; 16]), ProgramHash::of(b"program"));
    let (instance, effects) = launch(program, &start, &environment(&limits()));
    let mut turns = Vec::new();
    for effect in &effects {
        if let Effect::SendTask { turn, .. } = effect {
            turns.push(*turn);
        }
    }
    (instance, turns)
}

fn answer(program: &Program, instance: &mut Instance, turn: Turn, fields: Fields) {
    let input = Input::Answer {
        activity: ActivityPath(vec![1]),
        turn: Some(turn),
        answer: Answer::Update(fields),
        unusable: Vec::new(),
    };
    step(program, instance, &environment(&limits()), input).unwrap();
}

fn code(instance: &Instance) -> Option<&str> {
    instance.fault().map(|fault| fault.code.as_str())
}

#[test]
fn what_branches_began_with_counts_once() {
    let program = branches(10_000, Carries::Fields(Vec::new()));
    let (mut instance, turns) = started(&program);
    assert_eq!(turns.len(), 10_000);
    assert!(instance.fibers.held_bytes() < 3 * MEBIBYTE);
    for (place, turn) in turns.into_iter().enumerate() {
        let name = format!("answer {place}");
        let fields = [(name, JsonText::of(&place.into()))].into_iter().collect();
        answer(&program, &mut instance, turn, fields);
    }
    assert_eq!(code(&instance), None);
    assert!(instance.has_ended());
}

#[test]
fn every_task_that_carries_all_fields_counts_them() {
    let (instance, turns) = started(&branches(100, Carries::All));
    assert_eq!((code(&instance), turns.len()), (None, 100));
    assert!(instance.fibers.held_bytes() > 100 * MEBIBYTE);
    let (instance, _) = started(&branches(200, Carries::All));
    assert_eq!(code(&instance), Some("LimitExceeded"));
}

#[test]
fn every_changed_copy_counts_in_full() {
    let mut program = branches(200, Carries::Fields(Vec::new()));
    // After its answer, each branch waits again, with what the answer changed.
    program.ops[2] = Op::action("p", OpIndex(0));
    if let Op::Action { carries, .. } = &mut program.ops[2] {
        *carries = Carries::Fields(Vec::new());
    }
    let (mut instance, turns) = started(&program);
    let mut changed = 0;
    for turn in turns {
        if instance.has_ended() {
            break;
        }
        let fields = Fields::parse(r#"{"small": 1}"#).unwrap();
        answer(&program, &mut instance, turn, fields);
        changed += 1;
        assert!(instance.fibers.held_bytes() <= limits().instance_bytes);
    }
    assert_eq!(code(&instance), Some("LimitExceeded"));
    // The process's own fields and what the branches began with are two more.
    assert_eq!(changed, 126);
}

#[test]
fn an_answer_that_changes_nothing_copies_nothing() {
    let mut program = branches(200, Carries::Fields(Vec::new()));
    program.ops[2] = Op::action("p", OpIndex(0));
    if let Op::Action { carries, .. } = &mut program.ops[2] {
        *carries = Carries::Fields(Vec::new());
    }
    let (mut instance, turns) = started(&program);
    let fields: Fields = [("large".to_owned(), large())].into_iter().collect();
    for turn in turns {
        answer(&program, &mut instance, turn, fields.clone());
    }
    assert_eq!(code(&instance), None);
    assert!(instance.fibers.held_bytes() < 3 * MEBIBYTE);
}
