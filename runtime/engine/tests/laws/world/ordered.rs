//! What operators order about the whole process, as the host carries it out: what comes for a suspended one
//! is kept until it is resumed, and a terminated one runs nothing any more.

use super::{
    super::{generator, held, inputs::SECRET},
    Taken, World,
};
use bureaucrat_engine::{
    Environment, Keeping, awaits_answer, end, keep, pending_evaluations, unpark,
};
use bureaucrat_model::{
    Effect, Ending, EngineLimits, Fault, FaultCode, FiberId, FiberState, Input, Instance, Op,
    OpIndex, Parking, Program, Status, Timestamp, Unhandled, Wait, WaitKind,
};

/// Answers and events that are kept: few, so that there are too many now and then.
const ROOM: usize = 3;

/// Whether the program of a process is at hand when it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowing {
    Program,
    Nothing,
}

/// Every verb.
pub const VERBS: [&str; 8] = [
    "cancel",
    "retry",
    "suspend",
    "resume",
    "terminate",
    "skip",
    "set",
    "move",
];

/// Everything that a part can wait for. The host is waited for within one commit, so that only what ends a process
/// comes then.
pub const WAITS: [&str; 11] = [
    "answer",
    "timer",
    "event",
    "called process",
    "branches",
    "condition",
    "stopped",
    "condition about a fault",
    "compensation",
    "events",
    "operator",
];

pub const fn waits_for(wait: &WaitKind) -> &'static str {
    match wait {
        WaitKind::Answer { .. } => "answer",
        WaitKind::Timer { .. } => "timer",
        WaitKind::Event { .. } => "event",
        WaitKind::Child { .. } => "called process",
        WaitKind::Branches { .. } => "branches",
        WaitKind::Condition { .. } => "condition",
        WaitKind::Stopping { .. } => "stopped",
        WaitKind::Fault { .. } => "condition about a fault",
        WaitKind::Compensation { .. } => "compensation",
        WaitKind::Listening { .. } => "events",
        WaitKind::Operator { .. } => "operator",
        WaitKind::Admission => "admission",
    }
}

fn terminated() -> Fault {
    Fault::from_outside(FaultCode::TERMINATED, "by the test")
}

/// Ends an instance as the host does.
fn terminate(
    program: &Program,
    knowing: Knowing,
    instance: &mut Instance,
    environment: &Environment<'_>,
) -> Vec<Effect> {
    match knowing {
        Knowing::Program => end(program, instance, environment, terminated()),
        Knowing::Nothing => {
            let unknown = generator::flat(vec![Op::Jump { target: OpIndex(9) }]);
            end(&unknown, instance, environment, terminated())
        }
    }
}

impl<'a> World<'a> {
    pub fn limits(&self) -> &'a EngineLimits {
        self.limits
    }

    pub const fn now(&self) -> u64 {
        self.now
    }

    /// What its parts wait for.
    pub fn waits(&self) -> Vec<WaitKind> {
        let fibers = self.instance.fibers.iter();
        let waits = fibers.filter_map(|(_, fiber)| match &fiber.state {
            FiberState::Waiting(wait) => Some(wait.kind.clone()),
            FiberState::Ready => None,
        });
        waits.collect()
    }

    /// Keeps the books of a step that was taken elsewhere.
    pub fn follow(&mut self, effects: Vec<Effect>) {
        self.account(effects);
        self.written.follow(&mut self.instance);
    }

    /// An order that the number selects, if it selects one.
    pub(super) fn ordered_at_random(&mut self, choice: u64) -> bool {
        let is_suspended = self.instance.status.parking().is_some();
        match choice % 97 {
            8 if choice.is_multiple_of(2) => {
                let knowing = match choice.is_multiple_of(4) {
                    true => Knowing::Program,
                    false => Knowing::Nothing,
                };
                self.terminate(knowing);
            }
            9..=14 if !is_suspended => self.suspend(),
            9..=30 if is_suspended => self.resume(),
            _ => return false,
        }
        true
    }

    /// Notes what the parts wait for that an order is about.
    pub(super) fn note(&mut self, verb: &'static str, is_meant: impl Fn(FiberId) -> bool) {
        for (id, fiber) in self.instance.fibers.iter() {
            if let FiberState::Waiting(wait) = &fiber.state
                && is_meant(id)
            {
                self.ordered.insert((verb, waits_for(&wait.kind)));
            }
        }
    }

    /// What the host decides in the same commit is decided before an order comes.
    fn suspend(&mut self) {
        if self.ended || !self.asked.is_empty() {
            return;
        }
        self.note("suspend", |_| true);
        self.taken.push((self.now, Taken::Suspend));
        let status = &mut self.instance.status;
        status.park(Parking::Suspended, "law".into());
        self.written.follow(&mut self.instance);
    }

    /// Nothing but what is kept changes in a suspended process, whatever comes.
    pub(super) fn keep(&mut self, input: Input) {
        let comes_later = matches!(
            input,
            // Nothing is evaluated or looked up meanwhile, and an operator can retry nothing.
            Input::Evaluated { .. }
                | Input::DefinitionFound { .. }
                | Input::Admitted { .. }
                | Input::Refused { .. }
                | Input::Retry
        );
        if comes_later {
            return;
        }
        if let Input::Answer { activity, turn, .. } = &input
            && awaits_answer(self.program, &self.instance, activity, *turn).is_err()
        {
            return;
        }
        let before = self.instance.clone();
        let keeping = keep(&mut self.instance, input.clone(), ROOM);
        let (earlier, kept) = (kept(&before), kept(&self.instance));
        match keeping {
            Keeping::Kept => assert!(kept.len() - earlier.len() <= 1 && kept.contains(&input)),
            Keeping::Needless => assert_eq!(earlier, kept),
            Keeping::Full => {
                let is_many =
                    |input: &&Input| matches!(input, Input::Answer { .. } | Input::Event { .. });
                assert_eq!(earlier, kept);
                assert!(kept.iter().filter(is_many).count() <= ROOM);
            }
        }
        let mut otherwise = self.instance.clone();
        otherwise.status = before.status.clone();
        assert_eq!(before, otherwise, "a suspended process changed: {input:?}");
        self.taken.push((self.now, Taken::Kept(input)));
        self.written.follow(&mut self.instance);
    }

    fn resume(&mut self) {
        self.note("resume", |_| true);
        for input in self.unpark() {
            self.give(input);
        }
        let all_wait = self.yielded || self.instance.fibers.first_ready().is_none();
        assert!(all_wait, "what was changed meanwhile does not run");
    }

    /// A suspended process runs again; returns what was kept for it, which comes next. It asks again for exactly what
    /// it was waiting for.
    pub(super) fn unpark(&mut self) -> Vec<Input> {
        let Some(inputs) = unpark(&mut self.instance) else {
            return Vec::new();
        };
        self.taken.push((self.now, Taken::Resume));
        self.written.follow(&mut self.instance);
        let mut again = Vec::new();
        for effect in pending_evaluations(self.program, &self.instance) {
            if let Effect::Evaluate {
                fiber,
                turn,
                condition,
                ..
            } = effect
            {
                assert_eq!(self.evaluations.get(&(fiber, turn)), Some(&condition));
                again.push((fiber, turn));
            } else if let Effect::FindDefinition { fiber, turn, .. } = effect {
                assert!(self.sought.contains(&(fiber, turn)));
                again.push((fiber, turn));
            }
        }
        for place in self.evaluations.keys().chain(&self.sought) {
            assert!(again.contains(place) || self.counts_no_more(place.0));
        }
        inputs
    }

    /// Whether a scope takes no more events: then a verdict about one is lost.
    fn counts_no_more(&self, fiber: FiberId) -> bool {
        let found = self.instance.fibers.get(fiber);
        matches!(
            found.map(|found| &found.state),
            Some(FiberState::Waiting(Wait {
                kind: WaitKind::Listening {
                    subscription: None,
                    ..
                },
                ..
            }))
        )
    }

    /// Whether what can run does so once the process is resumed.
    pub fn continues_when_resumed(&self) -> bool {
        kept(&self.instance).contains(&Input::Continue)
    }

    /// The process ends with nothing open, and nothing runs at its end.
    fn terminate(&mut self, knowing: Knowing) {
        self.note("terminate", |_| true);
        let had_ended = self.ended;
        let first = self.instance.cancelled.clone();
        let limits = self.limits;
        let effects = terminate(
            self.program,
            knowing,
            &mut self.instance,
            &environment(self.now, limits),
        );
        if had_ended {
            assert_eq!(effects, []);
            return;
        }
        assert!(effects.iter().all(withdraws), "{effects:?}");
        let ending = Ending::Failed(first.unwrap_or_else(terminated));
        assert_eq!(self.instance.status, Status::Ended(ending));
        self.taken.push((self.now, Taken::Terminate(knowing)));
        self.program_is_unknown = knowing == Knowing::Nothing;
        self.account(effects);
        assert!(self.ended);
        held::check(&self.instance, limits);
        self.written.follow(&mut self.instance);
    }

    /// Repeats what was ordered.
    pub(super) fn ordered_again(
        &self,
        taken: &Taken,
        instance: &mut Instance,
        environment: &Environment<'_>,
    ) -> Vec<Effect> {
        match taken {
            Taken::Suspend => instance.status.park(Parking::Suspended, "law".into()),
            Taken::Kept(input) => drop(keep(instance, input.clone(), ROOM)),
            Taken::Resume => drop(unpark(instance)),
            Taken::Terminate(knowing) => {
                return terminate(self.program, *knowing, instance, environment);
            }
            Taken::Input(_) | Taken::Cancel | Taken::Modification(_) => {}
        }
        Vec::new()
    }
}

fn environment(now: u64, limits: &EngineLimits) -> Environment<'_> {
    Environment {
        now: Timestamp(now),
        secret: &SECRET,
        limits,
        unhandled: Unhandled::Fails,
    }
}

fn kept(instance: &Instance) -> Vec<Input> {
    match &instance.status {
        Status::Parked { inputs, .. } => inputs.clone(),
        Status::Running | Status::Ended(_) => Vec::new(),
    }
}

/// Whether an effect only takes something back, or says that the process has ended.
const fn withdraws(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::WithdrawTask { .. }
            | Effect::StopTimer { .. }
            | Effect::Unsubscribe { .. }
            | Effect::EndRecall { .. }
            | Effect::CancelChild { .. }
            | Effect::Record(_)
            | Effect::End(_)
    )
}
