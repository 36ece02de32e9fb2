//! How many engine steps per second one thread runs, without I/O.

use crate::statistics::per_second;
use bureaucrat_definition::{Limits, compile};
use bureaucrat_engine::Environment;
use bureaucrat_model::{
    ActivityPath, Answer, Effect, EngineLimits, Fields, Input, Launch, ProcessId, Program,
    Timestamp, Turn, Unhandled,
};
use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

/// Actions of one process.
const ACTIONS: usize = 200;
/// How often the kinds take turns.
const ROUNDS: u32 = 10;

const PLAIN: &str = r#"<action participant="p"/>"#;
const SCOPED: &str = r#"<sequence>
  <context><faults><case code="Declined"><assign property="n">0</assign></case></faults></context>
  <action participant="p"><retry attempts="3"/></action>
</sequence>"#;

/// Prints the rates of plain actions, and of those that have a scope around them and are tried again: each step takes an
/// answer and sends the next task.
pub fn measure(time: Duration) {
    let kinds = [program(PLAIN), program(SCOPED)];
    let mut took = [Duration::ZERO; 2];
    let mut counts = [0_u64; 2];
    for _ in 0..ROUNDS {
        for ((program, took), count) in kinds.iter().zip(&mut took).zip(&mut counts) {
            let started = Instant::now();
            while started.elapsed() < time / (2 * ROUNDS) {
                *count += run(program);
            }
            *took += started.elapsed();
        }
    }
    let [plain, scoped] = [0, 1].map(|kind| per_second(counts[kind], took[kind]));
    println!(
        "engine steps    {plain:>9.0} /s  take an answer and ask for the next task, no I/O, one thread"
    );
    println!(
        "scoped steps    {scoped:>9.0} /s  the same within a scope with a handler, with a retry; {:.2} of the cost",
        plain / scoped
    );
}

fn program(activity: &str) -> Program {
    let mut text = String::from(
        r#"<process><context><property name="n" type="int">0</property><property name="text" type="str">some text that goes along</property></context>"#,
    );
    for _ in 0..ACTIONS {
        let _ = write!(text, "{activity}");
    }
    text.push_str("</process>");
    compile(text.as_bytes(), &Limits::default())
        .unwrap()
        .program
}

/// Runs one process from its launch to its end; gives the actions.
fn run(program: &Program) -> u64 {
    let launch = Launch::new(
        ProcessId::from_seed([1; 16]),
        Program::hash(b"the bytes of no program"),
    );
    let limits = EngineLimits::default();
    let environment = Environment {
        now: Timestamp(0),
        secret: &[0; 32],
        limits: &limits,
        unhandled: Unhandled::Fails,
    };
    let (mut instance, mut effects) = bureaucrat_engine::launch(program, &launch, &environment);
    let answer = Answer::Update(Fields::parse(r#"{"n": 1}"#).unwrap());
    let mut count = 0;
    while let Some((activity, turn)) = task(&effects) {
        let input = Input::Answer {
            activity,
            turn: Some(turn),
            answer: answer.clone(),
            unusable: Vec::new(),
        };
        effects = bureaucrat_engine::step(program, &mut instance, &environment, input).unwrap();
        count += 1;
    }
    assert_eq!(count, ACTIONS as u64);
    count
}

/// The task that was sent, if one was.
fn task(effects: &[Effect]) -> Option<(ActivityPath, Turn)> {
    effects.iter().find_map(|effect| {
        if let Effect::SendTask { activity, turn, .. } = effect {
            Some((activity.clone(), *turn))
        } else {
            None
        }
    })
}
