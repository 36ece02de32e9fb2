//! An instance at work: the run loop with its budgets, and what instructions do to fibers.
//!
//! Fibers that can run do so in the order of their numbers, each until it waits. The loop always
//! returns: after a share of instructions it yields, and a process that runs too many without
//! waiting for anything outside fails. The instructions themselves are in `ops`.

pub(crate) use crate::trouble::Trouble;

use crate::{
    Environment, ops,
    reserved::{Given, reserved},
    values::Values,
};
use bureaucrat_model::{
    ActivityPath, ConditionIndex, Effect, FailedEvaluation, Fault, FaultCode, Fiber, FiberId,
    FiberState, Fields, HistoryEvent, Instance, JsonText, OpIndex, Pace, Program, Timestamp, Turn,
    View, Wait, WaitKind,
};

/// An instance that is processing an input, and the effects so far.
pub(crate) struct Machine<'a> {
    pub program: &'a Program,
    pub instance: &'a mut Instance,
    pub environment: &'a Environment<'a>,
    pub effects: Vec<Effect>,
    /// Bytes of the fields in tasks and calls of this step.
    sent: usize,
    /// The evaluation whose fault is being thrown.
    pub failed: Option<Box<FailedEvaluation>>,
}

impl<'a> Machine<'a> {
    pub fn new(
        program: &'a Program,
        instance: &'a mut Instance,
        environment: &'a Environment<'a>,
    ) -> Self {
        Self {
            program,
            instance,
            environment,
            effects: Vec::new(),
            sent: 0,
            failed: None,
        }
    }

    /// Runs a new instance, unless its fields are too large to begin with.
    pub fn begin(&mut self) {
        match self.check_fields(FiberId(0)) {
            Ok(()) => self.run(),
            Err(trouble) => self.fail_at(FiberId(0), trouble),
        }
    }

    pub fn finish(mut self) -> Vec<Effect> {
        let stuck = self.instance.fibers.stuck();
        if self.instance.head().stuck != stuck {
            self.instance.stuck = stuck;
        }
        self.index();
        self.effects
    }

    /// Brings what lists can be searched by up to date.
    fn index(&mut self) {
        let found = self.instance.to_search();
        if self.instance.head().searched != found {
            self.instance.searched = found;
        }
    }

    /// Something came from outside: the process may use a whole budget again.
    pub fn refresh_budget(&mut self) {
        self.instance.ops_without_waiting = 0;
    }

    /// Whether a fiber can run but has not, which means that the process has yielded.
    pub fn has_yielded(&self) -> bool {
        self.instance.fibers.first_ready().is_some()
    }

    /// Whether the share of a step is used up. The share is part of the whole budget: it ends where
    /// the budget's count reaches a multiple of it, and the count stays there until the process is
    /// told to continue. So a loop that evaluates conditions, one per step, yields like any other.
    pub fn share_is_spent(&self) -> bool {
        let share = u64::from(self.environment.limits.ops_per_step.max(1));
        let count = self.instance.ops_without_waiting;
        count > 0 && count.is_multiple_of(share)
    }

    /// Yields if a fiber can run.
    pub fn yield_if_ready(&mut self) {
        if self.has_yielded() {
            self.effects.push(Effect::Yield);
        }
    }

    /// Runs fibers until all of them wait, the share of this step is used up, or the process ends.
    pub fn run(&mut self) {
        while let Some(fiber) = self.instance.fibers.first_ready() {
            if let Err(trouble) = self.spend().and_then(|()| self.run_op(fiber)) {
                self.throw_at(fiber, trouble);
            }
            // One instruction copies the fields of one branch at most.
            let has_sent = self.sent >= self.environment.limits.sent_per_step;
            if self.share_is_spent() || has_sent || self.check_held().is_err() {
                break;
            }
        }
        if let Err(trouble) = self.check_held() {
            let fiber = self.instance.fibers.first();
            self.fail_at(fiber.unwrap_or_default(), trouble);
        }
        self.yield_if_ready();
    }

    /// Counts fields that leave the process, none for all that are visible: each message has a copy.
    pub fn send_fields(&mut self, fiber: FiberId, fields: Option<&Fields>) -> Result<(), Trouble> {
        let bytes = match fields {
            Some(fields) => fields.size(),
            None => self.fiber(fiber)?.visible_bytes(),
        };
        self.check_growth(bytes)?;
        self.sent = self.sent.saturating_add(bytes);
        Ok(())
    }

    /// Counts an instruction or an evaluation against the budget.
    pub fn spend(&mut self) -> Result<(), Trouble> {
        let limit = self.environment.limits.ops_without_waiting;
        if self.instance.ops_without_waiting >= limit {
            return Err(Trouble::new(
                FaultCode::OP_BUDGET_EXCEEDED,
                format!(
                    "it ran {limit} instructions without waiting for anything; does a loop \
                         never end?"
                ),
            ));
        }
        self.instance.ops_without_waiting += 1;
        Ok(())
    }

    fn run_op(&mut self, fiber: FiberId) -> Result<(), Trouble> {
        let at = self.fiber(fiber)?.at;
        let (op, _) = self
            .program
            .op(at)
            .ok_or_else(|| Trouble::program("the process ran off its program"))?;
        ops::run(self, fiber, op)
    }

    pub fn fiber(&self, fiber: FiberId) -> Result<&Fiber, Trouble> {
        self.instance
            .fibers
            .get(fiber)
            .ok_or_else(|| Trouble::program("a fiber is missing"))
    }

    pub fn change<T>(
        &mut self,
        fiber: FiberId,
        change: impl FnOnce(&mut Fiber) -> T,
    ) -> Result<T, Trouble> {
        self.instance
            .fibers
            .change(fiber, change)
            .ok_or_else(|| Trouble::program("a fiber is missing"))
    }

    /// The fields that are visible where the fiber is; values are shared.
    pub fn fields(&self, fiber: FiberId) -> Result<Fields, Trouble> {
        let visible = self.instance.fibers.visible(fiber);
        visible.ok_or_else(|| Trouble::program("a fiber is missing"))
    }

    /// The values that were computed for the fiber's instruction.
    pub fn values(&mut self, fiber: FiberId) -> Result<Values, Trouble> {
        let found = self.fiber(fiber)?;
        if found.values.is_empty() {
            return Ok(Values::new(Vec::new()));
        }
        let values = self.change(fiber, |fiber| std::mem::take(&mut fiber.values))?;
        Ok(Values::new(values))
    }

    /// The path of the activity that the fiber is at.
    pub fn path(&self, fiber: FiberId) -> ActivityPath {
        self.site(fiber).0
    }

    fn site(&self, fiber: FiberId) -> (ActivityPath, u32) {
        self.instance
            .fibers
            .get(fiber)
            .and_then(|fiber| self.program.op(fiber.at))
            .map(|(_, site)| (site.path.clone(), site.span.line))
            .unwrap_or_default()
    }

    /// Draws the number of the next wait.
    pub fn next_turn(&mut self) -> Turn {
        let turn = Turn(self.instance.next_turn);
        self.instance.next_turn = self.instance.next_turn.saturating_add(1);
        turn
    }

    /// Makes the fiber wait under `turn`.
    pub fn wait(&mut self, fiber: FiberId, turn: Turn, kind: WaitKind) -> Result<(), Trouble> {
        self.wait_until(fiber, turn, kind, None)
    }

    /// Makes the fiber wait under `turn`, until `timer` at the latest.
    pub fn wait_until(
        &mut self,
        fiber: FiberId,
        turn: Turn,
        kind: WaitKind,
        timer: Option<Timestamp>,
    ) -> Result<(), Trouble> {
        let wait = Wait {
            turn,
            since: self.environment.now,
            kind,
            timer,
        };
        let start = |due| Effect::StartTimer { fiber, turn, due };
        self.effects.extend(timer.map(start));
        self.change(fiber, |fiber| fiber.state = FiberState::Waiting(wait))
    }

    /// Makes the fiber wait for a time under `turn`.
    pub fn wait_for_time(
        &mut self,
        fiber: FiberId,
        turn: Turn,
        (due, pace): (Timestamp, Pace),
    ) -> Result<(), Trouble> {
        self.wait(fiber, turn, WaitKind::Timer { due, pace })?;
        self.effects.push(Effect::StartTimer { fiber, turn, due });
        Ok(())
    }

    /// Sets when the fiber's wait ends by itself; takes back the time that was set before, if it is another one.
    pub fn set_timer(&mut self, fiber: FiberId, due: Option<Timestamp>) -> Result<(), Trouble> {
        let changed = self.change(fiber, |fiber| match &mut fiber.state {
            FiberState::Waiting(wait) => Some((wait.turn, std::mem::replace(&mut wait.timer, due))),
            FiberState::Ready => None,
        })?;
        let (turn, before) = changed.ok_or_else(|| Trouble::program("the fiber does not wait"))?;
        if before == due {
            return Ok(());
        }
        let stop = before.map(|due| Effect::StopTimer { fiber, turn, due });
        let start = due.map(|due| Effect::StartTimer { fiber, turn, due });
        self.effects.extend(stop.into_iter().chain(start));
        Ok(())
    }

    /// Ends the fiber's wait and leaves the fiber where it is. If it fails now, it has nothing open
    /// to withdraw.
    pub fn stop_waiting(&mut self, fiber: FiberId) -> Result<(), Trouble> {
        let at = self.fiber(fiber)?.at;
        self.go_to(fiber, at)
    }

    /// Continues the fiber at `at`.
    pub fn go_to(&mut self, fiber: FiberId, at: OpIndex) -> Result<(), Trouble> {
        self.change(fiber, |fiber| {
            fiber.at = at;
            fiber.state = FiberState::Ready;
        })
    }

    /// Continues the fiber after its current instruction.
    pub fn go_on(&mut self, fiber: FiberId) -> Result<(), Trouble> {
        let next = self.fiber(fiber)?.at.next();
        self.go_to(fiber, next)
    }

    /// Draws the number of a new fiber.
    pub fn new_fiber(&mut self) -> Result<FiberId, Trouble> {
        let number = self.instance.next_fiber;
        let next = number.checked_add(1).ok_or_else(|| {
            let message = "no number is left for another fiber";
            Trouble::new(FaultCode::LIMIT_EXCEEDED, message)
        })?;
        self.instance.next_fiber = next;
        Ok(FiberId(number))
    }

    /// Adds a fiber that can run.
    pub fn add_fiber(&mut self, id: FiberId, fiber: Fiber) {
        self.instance.fibers.insert(id, fiber);
    }

    /// Requests the evaluation of a function over `fields`; `given` is its `inst:answer`.
    pub fn ask(
        &mut self,
        fiber: FiberId,
        turn: Turn,
        condition: ConditionIndex,
        fields: Fields,
        given: Option<&JsonText>,
    ) -> Result<(), Trouble> {
        if self.program.condition(condition).is_none() {
            return Err(Trouble::program("a condition is missing"));
        }
        let now = self.environment.now;
        let found = self.fiber(fiber)?;
        let given = Given {
            answer: given,
            fault: None,
        };
        let reserved = reserved(self.program, self.instance, found, condition, now, given);
        self.effects.push(Effect::Evaluate {
            fiber,
            turn,
            condition,
            view: View { fields, reserved },
        });
        Ok(())
    }

    /// What a function reads where the fiber is, under the names that begin with `inst:`.
    pub fn reserved(&self, fiber: FiberId, function: ConditionIndex) -> Result<Fields, Trouble> {
        let found = self.fiber(fiber)?;
        let given = Given {
            answer: found.given.as_ref(),
            fault: None,
        };
        let now = self.environment.now;
        Ok(reserved(
            self.program,
            self.instance,
            found,
            function,
            now,
            given,
        ))
    }

    /// Cuts a message to the limit.
    pub fn shortened(&self, mut message: String) -> String {
        let limit = self.environment.limits.fault_message_bytes;
        message.truncate(message.floor_char_boundary(limit));
        message
    }

    pub fn record(&mut self, event: HistoryEvent) {
        self.effects.push(Effect::Record(event));
    }

    /// Ends the process with a fault at the fiber's current activity. No handler runs.
    pub fn fail_at(&mut self, fiber: FiberId, trouble: Trouble) {
        let fault = self.fault_at(fiber, trouble);
        self.fail(fault, fiber);
    }

    pub fn fault_at(&self, fiber: FiberId, trouble: Trouble) -> Fault {
        let (activity, line) = self.site(fiber);
        Fault {
            code: trouble.code,
            message: trouble.message,
            activity,
            line: trouble.line.unwrap_or(line),
            data: trouble.data,
            source: trouble.source,
        }
    }
}
