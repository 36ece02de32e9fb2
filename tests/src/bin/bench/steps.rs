//! How many engine steps per second one thread runs, without I/O.

use crate::statistics::per_second;
use bureaucrat_model::{
    ActivityPath, Answer, EngineLimits, Fields, Input, Launch, Op, OpIndex, ProcessId, Program,
    Site, Span, Timestamp, Turn,
};
use std::time::{Duration, Instant};

/// Prints the rate for a loop of one action: each step takes an answer and sends the next task.
pub fn measure(time: Duration) {
    let site = || Site::new(ActivityPath(vec![0, 0]), Span { line: 1, column: 1 });
    let ops = vec![Op::action("p", OpIndex(0)), Op::Jump { target: OpIndex(0) }];
    let program = Program {
        name: String::new(),
        context: Fields::parse(r#"{"n": 0, "text": "some text that goes along"}"#).unwrap(),
        sites: ops.iter().map(|_| site()).collect(),
        ops,
        conditions: Vec::new(),
        inline_guest: Vec::new(),
        conduct: bureaucrat_model::Conduct::default(),
    };
    let launch = Launch::new(
        ProcessId::from_seed([1; 16]),
        Program::hash(&program.encode().unwrap()),
    );
    let limits = EngineLimits::default();
    let environment = bureaucrat_engine::Environment {
        now: Timestamp(0),
        secret: &[0; 32],
        limits: &limits,
    };
    let (mut instance, _) = bureaucrat_engine::launch(&program, &launch, &environment);
    let answer = Answer::Update(Fields::parse(r#"{"n": 1}"#).unwrap());
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < time {
        for _ in 0..1_000 {
            let input = Input::Answer {
                activity: ActivityPath(vec![0, 0]),
                turn: Some(Turn(count)),
                answer: answer.clone(),
                unusable: Vec::new(),
            };
            bureaucrat_engine::step(&program, &mut instance, &environment, input).unwrap();
            count += 1;
        }
    }
    println!(
        "engine steps    {:>9.0} /s  take an answer and ask for the next task, no I/O, one thread",
        per_second(count, started.elapsed())
    );
}
