//! What steps cost in rows and bytes: only what they change, however large the rest is.

use super::{
    generator::{self, Block},
    inputs::start,
    written::Written,
};
use bureaucrat_engine::{Environment, step};
use bureaucrat_model::{
    Answer, Effect, EngineLimits, Fields, Input, Instance, JsonText, Program, Timestamp, Unhandled,
};
use std::collections::VecDeque;

/// A process whose steps are all written.
struct Costed {
    program: Program,
    limits: EngineLimits,
    instance: Instance,
    written: Written,
    tasks: VecDeque<Effect>,
}

impl Costed {
    fn launch(block: &Block, context: Fields) -> Self {
        let mut program = generator::program(block);
        program.context = context;
        let limits = EngineLimits {
            ops_per_step: u32::MAX,
            sent_per_step: usize::MAX,
            ..EngineLimits::default()
        };
        let (mut instance, effects) = start(&program, &limits);
        let mut written = Written::default();
        written.write(&mut instance);
        Self {
            program,
            limits,
            instance,
            written,
            tasks: tasks(effects).into(),
        }
    }

    /// Answers the first open task; returns how many bytes in how many rows that wrote.
    fn answer(&mut self, answer: Answer) -> (usize, usize) {
        let Effect::SendTask { activity, turn, .. } = self.tasks.pop_front().unwrap() else {
            panic!("no task is open");
        };
        let input = Input::Answer {
            activity,
            turn: Some(turn),
            answer,
            unusable: Vec::new(),
        };
        let environment = Environment {
            now: Timestamp(1),
            secret: &[7; 32],
            limits: &self.limits,
            unhandled: Unhandled::Fails,
        };
        let effects = step(&self.program, &mut self.instance, &environment, input).unwrap();
        self.tasks.extend(tasks(effects));
        self.written.write(&mut self.instance)
    }

    fn fields(&self) -> Fields {
        let first = self.instance.fibers.first().unwrap();
        self.instance.fibers.get(first).unwrap().fields.clone()
    }
}

fn tasks(effects: Vec<Effect>) -> Vec<Effect> {
    let is_task = |effect: &Effect| matches!(effect, Effect::SendTask { .. });
    effects.into_iter().filter(is_task).collect()
}

fn text(length: usize) -> JsonText {
    JsonText::text(&"x".repeat(length))
}

fn number(number: usize) -> JsonText {
    JsonText::parse(&number.to_string()).unwrap()
}

/// Bytes written by all steps of an `all` whose branches each answer with the fields they got and
/// one more.
fn all(branches: usize, context: &Fields) -> usize {
    let block = Block::All(vec![Block::Action; branches]);
    let mut costed = Costed::launch(&block, context.clone());
    assert_eq!(costed.tasks.len(), branches);
    for branch in 0..branches {
        // As it arrives from outside: nothing is shared.
        let mut fields = Fields::parse(&context.to_json()).unwrap();
        fields.set(&format!("answer {branch}"), number(branch));
        costed.answer(Answer::Replace(fields));
    }
    assert!(costed.instance.has_ended());
    costed.written.check(&costed.instance);
    costed.written.total
}

#[test]
fn a_fork_of_ten_times_the_branches_writes_at_most_twelve_times_the_bytes() {
    let one: Fields = [("value".to_owned(), text(5 << 10))].into_iter().collect();
    let many = (0..100).map(|place| (format!("field {place}"), text(40)));
    let little = [("value".to_owned(), text(2 << 10))].into_iter().collect();
    for context in [one, many.collect(), little] {
        let (few, many) = (all(1_000, &context), all(10_000, &context));
        assert!(
            many <= 12 * few,
            "{few} bytes for 1,000 branches, {many} for 10,000"
        );
        assert!(few < 8 << 20, "{few} bytes for 1,000 branches");
    }
}

#[test]
fn a_small_field_beside_large_ones_costs_little() {
    let mut context = Fields::new();
    for place in 0..4 {
        context.set(&format!("large {place}"), text((4 << 20) - 1_024));
    }
    context.set("n", number(0));
    let block = Block::Sequence(vec![Block::Action; 20]);
    let mut costed = Costed::launch(&block, context);
    for round in 1..20 {
        let mut fields = costed.fields();
        fields.set("n", number(round));
        // Every other participant sends everything back.
        let answer = match round % 2 {
            0 => Answer::Replace(Fields::parse(&fields.to_json()).unwrap()),
            _ => Answer::Update([("n".to_owned(), number(round))].into_iter().collect()),
        };
        let (bytes, _) = costed.answer(answer);
        assert!(bytes < 64 << 10, "{bytes} bytes");
        costed.written.check(&costed.instance);
    }
    let (bytes, _) = costed.answer(Answer::Update(Fields::new()));
    assert!(
        costed.instance.has_ended() && bytes < 64 << 10,
        "{bytes} bytes"
    );
    costed.written.check(&costed.instance);
}

#[test]
fn one_of_many_fields_costs_its_surroundings() {
    let fields = (0..16_000).map(|place| (format!("field {place}"), text(1_000)));
    let block = Block::Sequence(vec![Block::Action; 40]);
    let mut costed = Costed::launch(&block, fields.collect());
    for round in 0..39 {
        let name = format!("field {}", round * 401);
        let mut fields = costed.fields();
        match round % 3 {
            0 => fields.set(&name, number(round)),
            1 => fields.set(&format!("new {round}"), text(900)),
            _ => assert!(fields.remove(&name).is_some()),
        }
        let (bytes, rows) = costed.answer(Answer::Replace(fields));
        assert!(
            bytes < 64 << 10 && rows < 12,
            "{bytes} bytes of {rows} rows"
        );
    }
    costed.written.check(&costed.instance);
}
