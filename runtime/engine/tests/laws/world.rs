//! A world around one instance that keeps books of everything open and checks each step against
//! them.

mod accounting;
mod modified;
pub mod ordered;

use super::{
    counts, held,
    inputs::{
        SECRET, admission, answer, cancelled, ended, evaluation, event, found, modification,
        operator, start,
    },
    written::Written,
};
use bureaucrat_engine::{Environment, Rejection, cancel, modify, step};
use bureaucrat_model::{
    ActivityPath, Bond, ConditionIndex, Effect, EngineLimits, Evaluation, FiberId, FiberState,
    Input, Instance, Modification, Op, ProcessId, Program, Subscription, Timestamp, Turn,
    Unhandled, Wait, WaitKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// What an instance has open, as its effects say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Books {
    pub tasks: BTreeMap<Turn, ActivityPath>,
    pub timers: BTreeMap<(FiberId, Turn), Timestamp>,
    pub subscriptions: BTreeSet<(FiberId, Turn, Subscription)>,
    pub children: BTreeMap<(FiberId, Turn), ProcessId>,
}

/// What happened to the instance.
enum Taken {
    Input(Input),
    Cancel,
    Modification(Modification),
    Suspend,
    /// An input that is kept while it is suspended.
    Kept(Input),
    /// What was kept follows as inputs.
    Resume,
    Terminate(ordered::Knowing),
}

pub struct World<'a> {
    pub program: &'a Program,
    limits: &'a EngineLimits,
    pub instance: Instance,
    written: Written,
    now: u64,
    pub books: Books,
    pub evaluations: BTreeMap<(FiberId, Turn), ConditionIndex>,
    /// Calls by name whose versions are not chosen yet.
    pub sought: BTreeSet<(FiberId, Turn)>,
    pub asked: BTreeSet<(FiberId, Turn)>,
    turns: BTreeSet<Turn>,
    ended: bool,
    pub yielded: bool,
    taken: Vec<(u64, Taken)>,
    /// An operator had this task sent again.
    sent_again: Option<Turn>,
    /// It is being ended without its program.
    program_is_unknown: bool,
    /// The verbs of operators, each with what parts waited for that it was about.
    pub ordered: BTreeSet<(&'static str, &'static str)>,
    pub effects: Vec<Effect>,
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
            sought: BTreeSet::new(),
            asked: BTreeSet::new(),
            turns: BTreeSet::new(),
            ended: false,
            yielded: false,
            taken: Vec::new(),
            sent_again: None,
            program_is_unknown: false,
            ordered: BTreeSet::new(),
            effects: Vec::new(),
        };
        world.account(effects);
        held::check(&world.instance, limits);
        world.written.follow(&mut world.instance);
        world
    }

    /// Performs the action that the number selects: something that the instance waits for, or
    /// something that it does not.
    pub fn act(&mut self, choice: u64) {
        self.now += choice >> 48;
        if choice.is_multiple_of(97) {
            return self.cancel();
        }
        if choice % 97 < 8 {
            return self.modify(&modification(self.program, choice >> 8));
        }
        if self.ordered_at_random(choice) {
            return;
        }
        let input = self.choose(choice);
        if input == Input::Retry {
            self.note("retry", |_| true);
        }
        match self.instance.status.parking() {
            None => self.give(input),
            Some(_) => self.keep(input),
        }
    }

    /// Gives the instance an input.
    fn give(&mut self, input: Input) {
        let before = self.instance.clone();
        let environment = Environment {
            now: Timestamp(self.now),
            secret: &SECRET,
            limits: self.limits,
            unhandled: Unhandled::Fails,
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
                | Input::ChildRefused { fiber, turn, .. }
                | Input::Detached { fiber, turn } = &input
                {
                    self.books.children.remove(&(*fiber, *turn));
                    self.sought.remove(&(*fiber, *turn));
                }
                if let Input::DefinitionFound { fiber, turn, .. } = &input {
                    assert!(self.sought.remove(&(*fiber, *turn)));
                }
                if let Input::Evaluated { fiber, turn, .. }
                | Input::Admitted { fiber, turn }
                | Input::Refused { fiber, turn, .. } = &input
                {
                    self.evaluations.remove(&(*fiber, *turn));
                    self.asked.remove(&(*fiber, *turn));
                }
                counts::check(self.limits, &before, &input, &self.instance, &effects);
                self.taken.push((self.now, Taken::Input(input)));
                self.account(effects);
                held::check(&self.instance, self.limits);
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

    fn cancel(&mut self) {
        let environment = Environment {
            now: Timestamp(self.now),
            secret: &SECRET,
            limits: self.limits,
            unhandled: Unhandled::Fails,
        };
        self.note("cancel", |_| true);
        let kept = self.unpark();
        let (was_cancelled, had_ended) = (self.instance.cancelled.is_some(), self.ended);
        let effects = cancel(self.program, &mut self.instance, &environment, cancelled());
        if had_ended {
            assert_eq!(effects, []);
            return;
        }
        self.taken.push((self.now, Taken::Cancel));
        self.account(effects);
        assert!(self.ended || !was_cancelled, "cancelled twice");
        self.written.follow(&mut self.instance);
        kept.into_iter().for_each(|input| self.give(input));
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
                unhandled: Unhandled::Fails,
            };
            effects.extend(match input {
                Taken::Input(input) => {
                    step(self.program, &mut instance, &environment, input.clone()).unwrap()
                }
                Taken::Cancel => cancel(self.program, &mut instance, &environment, cancelled()),
                Taken::Modification(modification) => modify(
                    self.program,
                    &mut instance,
                    &environment,
                    modification,
                    &operator(),
                )
                .unwrap(),
                Taken::Suspend | Taken::Kept(_) | Taken::Resume | Taken::Terminate(_) => {
                    self.ordered_again(input, &mut instance, &environment)
                }
            });
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
                evaluation: self.evaluation(*fiber, detail),
            };
        }
        if let Some((fiber, turn)) = self.sought.first()
            && !choice.is_multiple_of(8)
        {
            return found(*fiber, *turn, detail);
        }
        if let Some((fiber, turn)) = self.asked.first()
            && !choice.is_multiple_of(8)
        {
            return admission(*fiber, *turn, detail);
        }
        if self.yielded && choice.is_multiple_of(3) {
            return Input::Continue;
        }
        let Books {
            tasks,
            timers,
            subscriptions,
            children,
        } = &self.books;
        let task = tasks.iter().nth(pick(tasks.len()));
        let timer = timers.keys().nth(pick(timers.len()));
        let subscription = subscriptions.iter().nth(pick(subscriptions.len()));
        let child = children.keys().nth(pick(children.len()));
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
                    unusable: Vec::new(),
                }
            }
            3 => {
                let (fiber, turn) = timer.copied().unwrap_or((fiber, turn));
                Input::TimerFired { fiber, turn }
            }
            4 => {
                let wanted = subscription.cloned();
                let (fiber, turn, subscription) = wanted.unwrap_or_else(|| {
                    let (event, key, since) = ("e".into(), None, None);
                    (fiber, turn, Subscription { event, key, since })
                });
                event(fiber, turn, subscription, detail)
            }
            5 => {
                let (fiber, turn) = child.copied().unwrap_or((fiber, turn));
                match self.is_detached(fiber) && !detail.is_multiple_of(4) {
                    true => Input::Detached { fiber, turn },
                    false => ended(fiber, turn, detail),
                }
            }
            6 => Input::Evaluated {
                fiber,
                turn,
                condition: ConditionIndex(detail as u32 % 4),
                evaluation: self.evaluation(fiber, detail),
            },
            _ if detail.is_multiple_of(3) => Input::Retry,
            _ if detail % 3 == 1 && task.is_some() => Input::TaskDelayed {
                turn: task.map_or(turn, |(turn, _)| *turn),
                until: Timestamp(self.now),
            },
            _ => match subscription {
                Some((fiber, turn, _)) if detail.is_multiple_of(2) => Input::Recalled {
                    fiber: *fiber,
                    turn: *turn,
                },
                Some(_) | None => Input::Continue,
            },
        }
    }

    fn is_detached(&self, fiber: FiberId) -> bool {
        let at = self.instance.fibers.get(fiber).map(|fiber| fiber.at);
        let op = at.and_then(|at| self.program.ops.get(at.0 as usize));
        matches!(
            op,
            Some(Op::Call {
                bond: Bond::Detached,
                ..
            })
        )
    }

    fn evaluation(&self, fiber: FiberId, detail: usize) -> Evaluation {
        let at = self.instance.fibers.get(fiber).map(|fiber| fiber.at);
        let op = at.and_then(|at| self.program.ops.get(at.0 as usize));
        let wait = self.instance.fibers.get(fiber).map(|fiber| &fiber.state);
        let is_about_fault = matches!(
            wait,
            Some(FiberState::Waiting(Wait {
                kind: WaitKind::Fault { .. },
                ..
            }))
        );
        let wants_value = matches!(op, Some(Op::Evaluate { .. })) && !is_about_fault;
        evaluation(detail, wants_value)
    }

    fn account(&mut self, effects: Vec<Effect>) {
        self.yielded = false;
        for effect in &effects {
            assert!(!self.ended && !self.yielded, "{effect:?} after the last");
            self.account_one(effect);
        }
        self.effects.extend(effects);
        let has_ended = (self.instance.has_ended(), self.instance.ended_at.is_some());
        assert_eq!(has_ended, (self.ended, self.ended));
        if self.ended {
            assert_eq!(self.books, Books::default());
            assert!(self.instance.fibers.is_empty());
            self.evaluations.clear();
        }
        // A branch that was stopped takes no outcome any more.
        let open = &self.instance.fibers;
        self.evaluations
            .retain(|(_, turn), _| open.waiting(*turn).is_some());
        self.sought
            .retain(|(_, turn)| open.waiting(*turn).is_some());
        self.asked.retain(|(_, turn)| open.waiting(*turn).is_some());
        self.check_waits();
    }
}
