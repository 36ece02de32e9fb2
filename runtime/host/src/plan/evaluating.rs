//! Conditions: evaluated on this thread with a small portion of fuel, or as a job if that is not
//! enough.

use super::{
    Planner,
    transaction::{Transaction, Work},
    work::Done,
};
use crate::compute::Task;
use bureaucrat_model::{
    Check, Condition, ConditionIndex, Evaluation, EvaluationOutcome, FaultCode, FiberId,
    FiberState, Fields, Guest as GuestName, Instance, JsonText, ProcessId, Ran, Status, Turn, View,
    WaitKind,
};
use bureaucrat_sandbox::{Budget, Class, Evaluated, Outcome, codes};
use bureaucrat_store::StoreError;

/// A condition that a fiber waits for.
#[derive(Debug, Clone)]
pub struct Evaluate {
    pub fiber: FiberId,
    pub turn: Turn,
    pub condition: ConditionIndex,
    pub view: View,
}

/// How often a condition is retried after failures of the environment, before the process is
/// parked.
const EVALUATIONS: usize = 3;

impl Planner {
    /// Evaluates a condition, unless nothing waits for it any more.
    pub(super) fn evaluate(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        evaluate: Evaluate,
    ) -> Result<Done, StoreError> {
        let Some(held) = transaction.held.get(&process) else {
            return Ok(Done::Yes);
        };
        if !is_asked(&held.instance, &evaluate) {
            return Ok(Done::Yes);
        }
        let (program, budget) = (held.instance.program, self.budget_of(held));
        let Some(loaded) = self.shared.definitions.cached_program(program) else {
            let resume = Work::Evaluate { process, evaluate };
            return Ok(Done::after(Task::Load(program), resume));
        };
        let Evaluate {
            fiber,
            turn,
            condition,
            view,
        } = evaluate;
        let found = loaded
            .program
            .condition(condition)
            .and_then(|condition| Some((loaded.guest(condition.guest)?, condition)));
        let Some((guest, named)) = found else {
            let reason = format!(
                "condition {} of program {program} has no guest",
                condition.0
            );
            self.park(transaction, process, reason)?;
            return Ok(Done::Yes);
        };
        let user = held.instance.user.as_ref();
        let attempt = match guest.class() {
            Class::Small => self.evaluate_now((guest, named), user, &view, budget),
            Class::Runtime => Ok(Attempt::NeedsMore),
        };
        match attempt {
            Ok(Attempt::Outcome(evaluation)) => {
                let work = Work::evaluated(process, fiber, turn, condition, evaluation);
                transaction.work.push_front(work);
            }
            Err(reason) => self.park(transaction, process, reason)?,
            Ok(Attempt::NeedsMore) => {
                let asked = Asked {
                    guest: guest.clone(),
                    fields: view.fields.clone(),
                    budget,
                };
                let job = Task::Evaluate {
                    guest: guest.clone(),
                    function: named.function.clone(),
                    view,
                    budget,
                };
                let resume = Work::Outcome {
                    process,
                    fiber,
                    turn,
                    condition,
                    asked: Box::new(asked),
                };
                return Ok(Done::after(job, resume));
            }
        }
        Ok(Done::Yes)
    }

    /// Evaluates a condition on this thread, with retries after failures of the environment, and
    /// with no more fuel than the thread can spare. A job begins again, so that its outcome and
    /// fuel are those of one complete evaluation.
    pub(super) fn evaluate_now(
        &self,
        (guest, named): (&bureaucrat_sandbox::Guest, &Condition),
        user: Option<&String>,
        view: &bureaucrat_model::View,
        budget: Budget,
    ) -> Result<Attempt, String> {
        let portion = Budget {
            fuel: budget.fuel.min(self.shared.config.inline_fuel),
            ..budget
        };
        let fuel = budget.fuel.min(self.shared.sandbox.limits().fuel);
        let mut last = String::new();
        for _ in 0..EVALUATIONS {
            let sandbox = &self.shared.sandbox;
            let evaluated = sandbox.evaluate_within(guest, &named.function, view, portion);
            self.charge(named, user, &evaluated);
            let ran = || self.ran(guest, &view.fields, budget);
            match evaluation(evaluated, ran) {
                Ok(evaluation) if portion.fuel < fuel && is_spent(&evaluation) => {
                    return Ok(Attempt::NeedsMore);
                }
                Ok(evaluation) => return Ok(Attempt::Outcome(evaluation)),
                Err(reason) => last = reason,
            }
        }
        Err(last)
    }
}

/// What a job evaluates, for an incident should it fail.
#[derive(Debug)]
pub struct Asked {
    guest: bureaucrat_sandbox::Guest,
    fields: Fields,
    budget: Budget,
}

impl Planner {
    /// What an evaluation that failed saw and ran under.
    fn ran(&self, guest: &bureaucrat_sandbox::Guest, fields: &Fields, budget: Budget) -> Ran {
        Ran {
            fields: fields.clone(),
            bounds: self.shared.sandbox.bounds(guest.class(), budget),
        }
    }

    /// The same for a job.
    pub(super) fn ran_as_job(&self, asked: &Asked) -> Ran {
        self.ran(&asked.guest, &asked.fields, asked.budget)
    }

    /// Adds what a job has cost to the totals of its module.
    pub(super) fn charge_job(
        &self,
        transaction: &Transaction,
        (process, condition): (ProcessId, ConditionIndex),
        evaluated: &Evaluated,
    ) {
        let Some(held) = transaction.held.get(&process) else {
            return;
        };
        let program = held.instance.program;
        if let Some(loaded) = self.shared.definitions.cached_program(program)
            && let Some(named) = loaded.program.condition(condition)
        {
            self.charge(named, held.instance.user.as_ref(), evaluated);
        }
    }

    fn charge(&self, named: &Condition, user: Option<&String>, evaluated: &Evaluated) {
        let meters = &self.shared.meters;
        meters.evaluations.one();
        meters.fuel.add(evaluated.fuel);
        meters.condition.took(evaluated.time);
        if let GuestName::Module(module) = named.guest {
            let costs = &self.shared.costs;
            costs.add(module, &named.function, user, evaluated);
        }
    }
}

/// Whether a fiber of a running process waits for exactly this condition.
fn is_asked(instance: &Instance, evaluate: &Evaluate) -> bool {
    let fiber = instance.fibers.get(evaluate.fiber);
    let Some(FiberState::Waiting(wait)) = fiber.map(|fiber| &fiber.state) else {
        return false;
    };
    let asked = match &wait.kind {
        WaitKind::Condition { condition }
        | WaitKind::Fault { condition, .. }
        | WaitKind::Listening {
            check: Some(Check { condition, .. }),
            ..
        }
        | WaitKind::Event {
            check: Some(Check { condition, .. }),
            ..
        } => *condition,
        WaitKind::Answer { .. }
        | WaitKind::Timer { .. }
        | WaitKind::Event { check: None, .. }
        | WaitKind::Child { .. }
        | WaitKind::Stopping { .. }
        | WaitKind::Listening { check: None, .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Operator { .. }
        | WaitKind::Admission
        | WaitKind::Branches { .. } => return false,
    };
    matches!(instance.status, Status::Running)
        && wait.turn == evaluate.turn
        && asked == evaluate.condition
}

/// The result of an evaluation on this thread.
pub(super) enum Attempt {
    Outcome(Evaluation),
    /// It needs more fuel than the thread can spare.
    NeedsMore,
}

fn is_spent(evaluation: &Evaluation) -> bool {
    match &evaluation.outcome {
        EvaluationOutcome::Verdict(_) | EvaluationOutcome::Value(_) => false,
        EvaluationOutcome::Fault { code, .. } => code.as_str() == codes::FUEL,
    }
}

/// An outcome that counts, or why there is none.
pub(super) fn evaluation(
    evaluated: Evaluated,
    ran: impl FnOnce() -> Ran,
) -> Result<Evaluation, String> {
    let logged = evaluated.log;
    let outcome = match evaluated.outcome {
        Outcome::Verdict(verdict) => EvaluationOutcome::Verdict(verdict),
        Outcome::Fault { code, message } => EvaluationOutcome::Fault {
            code,
            message,
            data: logged.to_data(),
            ran: Some(Box::new(ran())),
        },
        Outcome::Value(text) => match JsonText::parse(&text) {
            Ok(value) => EvaluationOutcome::Value(value),
            Err(error) => EvaluationOutcome::Fault {
                code: FaultCode::new(codes::RESULT),
                message: error.to_string(),
                data: logged.to_data(),
                ran: Some(Box::new(ran())),
            },
        },
        Outcome::Environmental(reason) => return Err(reason),
    };
    Ok(Evaluation {
        outcome,
        fuel: evaluated.fuel,
    })
}
