//! Prints how many inputs per second the engine handles on this machine, without any I/O.

use bureaucrat_engine::{Environment, launch, step};
use bureaucrat_model::{
    ActivityPath, Answer, EngineLimits, Fields, Input, JsonText, Launch, Op, OpIndex, ProcessId,
    Program, ProgramHash, Site, Span, Timestamp, Turn, Unhandled,
};
use std::time::Instant;

const STEPS: u64 = 1_000_000;

fn main() {
    let site = Site::new(ActivityPath(vec![0, 1]), Span { line: 1, column: 1 });
    let fields: Fields = (0..10)
        .map(|number| (format!("field{number}"), JsonText::text("a value")))
        .collect();
    let program = Program {
        name: "loop".into(),
        context: fields.clone(),
        ops: vec![Op::action("p", OpIndex(0)), Op::Jump { target: OpIndex(0) }],
        sites: vec![site.clone(), site],
        conditions: Vec::new(),
        inline_guest: Vec::new(),
        conduct: bureaucrat_model::Conduct::default(),
    };
    let limits = EngineLimits::default();
    let environment = Environment {
        now: Timestamp(0),
        secret: &[0; 32],
        limits: &limits,
        unhandled: Unhandled::Fails,
    };
    let start = Launch::new(ProcessId::from_seed([1; 16]), ProgramHash::of(b""));
    let (mut instance, mut effects) = launch(&program, &start, &environment);
    let began = Instant::now();
    for turn in 0..STEPS {
        let input = Input::Answer {
            activity: ActivityPath(vec![0, 1]),
            turn: Some(Turn(turn)),
            answer: Answer::Replace(fields.clone()),
            unusable: Vec::new(),
        };
        match step(&program, &mut instance, &environment, input) {
            Ok(next) => effects = next,
            Err(rejection) => return eprintln!("{rejection}"),
        }
    }
    let rate = STEPS as f64 / began.elapsed().as_secs_f64();
    println!(
        "{rate:.0} answers a second, each with 10 fields, a jump and the next task ({} effects)",
        effects.len()
    );
}
