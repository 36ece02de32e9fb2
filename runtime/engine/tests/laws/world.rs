//! A world around one instance that keeps books of everything open and checks each step against
//! them.

use super::{counts, written::Written};
use bureaucrat_engine::{Environment, Rejection, launch, step, task_fields, unstarted_call};
use bureaucrat_model::{
    ActivityPath, Answer, ConditionIndex, Effect, Ending, EngineLimits, Evaluation,
    EvaluationOutcome, Fault, FaultCode, FiberId, FiberState, Fields, Input, Instance, JsonText,
    Launch, ProcessId, Program, ProgramHash, Redelivered, Timestamp, Turn, WaitKind,
};
use std::collections::{BTreeMap, BTreeSet};

const SECRET: [u8; 32] = [7; 32];

/// What an instance has open, as its effects say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Books {
    tasks: BTreeMap<Turn, ActivityPath>,
    timers: BTreeMap<(FiberId, Turn), Timestamp>,
    subscriptions: BTreeSet<(FiberId, Turn)>,
    children: BTreeMap<(FiberId, Turn), ProcessId>,
}

pub struct World<'a> {
    program: &'a Program,
    limits: &'a EngineLimits,
    instance: Instance,
    written: Written,
    now: u64,
    books: Books,
    evaluations: BTreeMap<(FiberId, Turn), ConditionIndex>,
    turns: BTreeSet<Turn>,
    ended: bool,
    yielded: bool,
    taken: Vec<(u64, Input)>,
    effects: Vec<Effect>,
}

impl<'a> World<'a> {
    pub fn launch(program: &'a Program, limits: &'a EngineLimits) -> Self {
        let (instance, effects) = start(program, limits);
        let mut world = Self {
            program,
            limits,
            instance,
            written: Written::default(),
            now: 0,
            books: Books::default(),
            evaluations: BTreeMap::new(),
            turns: BTreeSet::new(),
            ended: false,
            yielded: false,
            taken: Vec::new(),
            effects: Vec::new(),
        };
        world.account(effects);
        world.written.follow(&mut world.instance);
        world
    }

    /// Performs the action that the number selects: something that the instance waits for, or
    /// something that it does not.
    pub fn act(&mut self, choice: u64) {
        self.now += choice >> 48;
        let input = self.choose(choice);
        let before = self.instance.clone();
        let environment = Environment {
            now: Timestamp(self.now),
            secret: &SECRET,
            limits: self.limits,
        };
        match step(
            self.program,
            &mut self.instance,
            &environment,
            input.clone(),
        ) {
            Ok(effects) => {
                assert!(!self.ended, "an ended process took {input:?}");
                if let Input::ChildEnded { fiber, turn, .. }
                | Input::ChildRefused { fiber, turn, .. } = &input
                {
                    self.books.children.remove(&(*fiber, *turn));
                }
                if let Input::Evaluated { fiber, turn, .. } = &input {
                    self.evaluations.remove(&(*fiber, *turn));
                }
                counts::check(self.limits, &before, &input, &self.instance, &effects);
                self.taken.push((self.now, input));
                self.account(effects);
                self.written.follow(&mut self.instance);
            }
            Err(rejection) => {
                assert_eq!(before, self.instance, "{rejection:?}");
                let left = self.instance.take_changes();
                assert_eq!(left, None, "{rejection:?} leaves something to write");
                assert_eq!(self.ended, matches!(rejection, Rejection::Ended(_)));
            }
        }
    }

    /// The activities with an open task, in the order in which they began to wait.
    pub fn asked(&self) -> Vec<&ActivityPath> {
        self.books.tasks.values().collect()
    }

    /// Repeating the same inputs from the start produces the same bytes and effects.
    pub fn check_replay(&self) {
        let (mut instance, mut effects) = start(self.program, self.limits);
        let mut written = Written::default();
        written.follow(&mut instance);
        for (now, input) in &self.taken {
            let environment = Environment {
                now: Timestamp(*now),
                secret: &SECRET,
                limits: self.limits,
            };
            effects.extend(step(self.program, &mut instance, &environment, input.clone()).unwrap());
            written.follow(&mut instance);
        }
        assert_eq!(written.dump(), self.written.dump());
        assert_eq!(effects, self.effects);
    }

    fn choose(&self, choice: u64) -> Input {
        let detail = (choice >> 8) as usize;
        let fiber = FiberId((detail % 5) as u32);
        let turn = Turn(detail as u64 % 12);
        let pick = |count: usize| detail % count.max(1);
        if let Some(((fiber, turn), condition)) = self.evaluations.first_key_value()
            && !choice.is_multiple_of(8)
        {
            return Input::Evaluated {
                fiber: *fiber,
                turn: *turn,
                condition: *condition,
                evaluation: evaluation(detail),
            };
        }
        if self.yielded && choice.is_multiple_of(3) {
            return Input::Continue;
        }
        let task = self.books.tasks.iter().nth(pick(self.books.tasks.len()));
        let timer = self.books.timers.keys().nth(pick(self.books.timers.len()));
        let await_place = pick(self.books.subscriptions.len());
        let subscription = self.books.subscriptions.iter().nth(await_place);
        let child = self
            .books
            .children
            .keys()
            .nth(pick(self.books.children.len()));
        match choice % 8 {
            0..=2 => {
                let (turn, activity) = task.map_or_else(
                    || (turn, ActivityPath(vec![0, fiber.0])),
                    |(turn, activity)| (*turn, activity.clone()),
                );
                Input::Answer {
                    activity,
                    turn: (!detail.is_multiple_of(4)).then_some(turn),
                    answer: answer(detail),
                }
            }
            3 => {
                let (fiber, turn) = timer.copied().unwrap_or((fiber, turn));
                Input::TimerFired { fiber, turn }
            }
            4 => {
                let (fiber, turn) = subscription.copied().unwrap_or((fiber, turn));
                let event = JsonText::parse(r#"{"event": "e"}"#).unwrap();
                Input::Event { fiber, turn, event }
            }
            5 => {
                let (fiber, turn) = child.copied().unwrap_or((fiber, turn));
                ended(fiber, turn, detail)
            }
            6 => Input::Evaluated {
                fiber,
                turn,
                condition: ConditionIndex(detail as u32 % 4),
                evaluation: evaluation(detail),
            },
            _ => Input::Continue,
        }
    }

    fn account(&mut self, effects: Vec<Effect>) {
        self.yielded = false;
        for effect in &effects {
            assert!(!self.ended && !self.yielded, "{effect:?} after the last");
            self.account_one(effect);
        }
        self.effects.extend(effects);
        assert_eq!(self.ended, self.instance.has_ended());
        assert_eq!(self.ended, self.instance.ended_at.is_some());
        if self.ended {
            assert_eq!(self.books, Books::default());
            assert!(self.instance.fibers.is_empty());
            self.evaluations.clear();
        }
        // A branch that was stopped takes no outcome any more.
        let open = &self.instance.fibers;
        self.evaluations
            .retain(|(_, turn), _| open.waiting(*turn).is_some());
        self.check_waits();
    }

    fn account_one(&mut self, effect: &Effect) {
        match effect {
            Effect::Evaluate {
                fiber,
                turn,
                condition,
                ..
            } => {
                self.turns.insert(*turn);
                let old = self.evaluations.insert((*fiber, *turn), *condition);
                assert_eq!(old, None);
            }
            Effect::SendTask { activity, turn, .. } => {
                assert!(self.turns.insert(*turn));
                self.books.tasks.insert(*turn, activity.clone());
            }
            Effect::WithdrawTask { turn } => assert!(self.books.tasks.remove(turn).is_some()),
            Effect::StartTimer { fiber, turn, due } => {
                assert!(self.turns.insert(*turn));
                self.books.timers.insert((*fiber, *turn), *due);
            }
            Effect::StopTimer { fiber, turn, due } => {
                assert_eq!(self.books.timers.remove(&(*fiber, *turn)), Some(*due));
            }
            Effect::Subscribe { fiber, turn, .. } => {
                assert!(self.turns.insert(*turn));
                self.books.subscriptions.insert((*fiber, *turn));
            }
            Effect::Unsubscribe { fiber, turn, .. } => {
                assert!(self.books.subscriptions.remove(&(*fiber, *turn)));
            }
            Effect::StartChild { child, caller, .. } => {
                assert!(self.turns.insert(caller.turn));
                let earlier = |effect: &Effect| matches!(effect, Effect::StartChild { child: other, .. } if other == child);
                assert!(
                    !self.effects.iter().any(earlier),
                    "{child} is started twice"
                );
                self.books
                    .children
                    .insert((caller.fiber, caller.turn), *child);
            }
            Effect::CancelChild { child, turn } => {
                let before = self.books.children.len();
                self.books
                    .children
                    .retain(|(_, at), open| (at, &*open) != (turn, child));
                assert_eq!(self.books.children.len() + 1, before);
            }
            Effect::End(_) => self.ended = true,
            Effect::Record(_) => {}
            Effect::Yield => self.yielded = true,
        }
    }

    /// What fibers wait for is exactly what the books contain, under unique turns. Nothing can run
    /// unless the instance yielded.
    fn check_waits(&self) {
        let (mut seen, mut found) = (BTreeSet::new(), Books::default());
        for (id, fiber) in self.instance.fibers.iter() {
            let FiberState::Waiting(wait) = &fiber.state else {
                assert!(self.yielded, "a fiber was left to run");
                continue;
            };
            assert!(seen.insert(wait.turn) && wait.turn.0 < self.instance.next_turn);
            let key = (id, wait.turn);
            match &wait.kind {
                WaitKind::Answer { .. } => {
                    let (_, site) = self.program.op(fiber.at).unwrap();
                    found.tasks.insert(wait.turn, site.path.clone());
                    let fields = task_fields(&self.instance, wait.turn);
                    assert_eq!(fields, Some(&fiber.fields));
                }
                WaitKind::Timer { due } => {
                    found.timers.insert(key, *due);
                }
                WaitKind::Event { check, .. } => {
                    found.subscriptions.insert(key);
                    let asked = self.evaluations.get(&key);
                    assert_eq!(check.as_ref().map(|(_, condition)| condition), asked);
                }
                WaitKind::Child { child } => {
                    found.children.insert(key, *child);
                    let call = unstarted_call(self.program, &self.instance, id);
                    assert!(self.effects.contains(&call.unwrap()));
                }
                WaitKind::Condition { condition } => {
                    assert_eq!(self.evaluations.get(&key), Some(condition));
                }
                WaitKind::Branches { remaining } => assert!(*remaining > 0),
            }
        }
        assert_eq!(found, self.books);
    }
}

pub fn start(program: &Program, limits: &EngineLimits) -> (Instance, Vec<Effect>) {
    let start = Launch {
        process: ProcessId::from_seed([1; 16]),
        program: ProgramHash::of(b"random"),
        user: None,
        reply_to: None,
        caller: None,
        message_id: Some("m".into()),
        redelivered: Redelivered::No,
        fields: Fields::new(),
        version: None,
        key: None,
    };
    let environment = Environment {
        now: Timestamp(0),
        secret: &SECRET,
        limits,
    };
    launch(program, &start, &environment)
}

fn evaluation(detail: usize) -> Evaluation {
    let outcome = match detail % 16 {
        0 => EvaluationOutcome::Fault {
            code: FaultCode::new("KeyError"),
            message: "ü".repeat(99),
        },
        1..=5 => EvaluationOutcome::Value(JsonText::parse(r#"{"v": [1.50]}"#).unwrap()),
        other => EvaluationOutcome::Verdict(other % 2 == 0),
    };
    Evaluation {
        outcome,
        fuel: detail as u64,
    }
}

fn answer(detail: usize) -> Answer {
    let fields = |text: &str| Fields::parse(text).unwrap();
    match detail % 20 {
        0 => Answer::Fault {
            code: FaultCode::new("Declined"),
            message: "c".into(),
        },
        1 => Answer::Unreadable("u".into()),
        2 | 3 => Answer::Suspended("s".into()),
        4..=9 => Answer::Replace(fields(r#"{"d": "<process/>", "y": 1e2}"#)),
        10 => Answer::Update(fields(&format!(r#"{{"z": "{}"}}"#, "z".repeat(3_000)))),
        11 => Answer::Update(fields(&format!(r#"{{"l": "{}"}}"#, "l".repeat(5_000)))),
        12 => Answer::Update(many(detail)),
        _ => Answer::Update(fields(r#"{"z": {"k": 1}, "x": null}"#)),
    }
}

/// Fields that take more than one row.
fn many(detail: usize) -> Fields {
    let value = JsonText::text(&"m".repeat(200));
    let name = |place| format!("m{}", place * (1 + detail % 3));
    (0..30).map(|place| (name(place), value.clone())).collect()
}

fn ended(fiber: FiberId, turn: Turn, detail: usize) -> Input {
    let ending = match detail % 4 {
        0 => {
            let reason = "no definition".into();
            return Input::ChildRefused {
                fiber,
                turn,
                reason,
            };
        }
        1 => Ending::Failed(Fault {
            code: FaultCode::new("CallError"),
            message: "x".into(),
            activity: ActivityPath(vec![1]),
            line: 2,
        }),
        _ => Ending::Completed(Fields::parse(r#"{"c": 1}"#).unwrap()),
    };
    Input::ChildEnded {
        fiber,
        turn,
        ending,
    }
}
