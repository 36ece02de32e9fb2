//! Functions that the pure stage evaluates, in the sandbox.

use super::Pure;
use bureaucrat_model::{
    ConditionIndex, Evaluation, EvaluationOutcome, FaultCode, Guest as GuestName, JsonText,
    ProcessId, View,
};
use bureaucrat_sandbox::Outcome;

impl Pure {
    pub(super) fn evaluate(&self, id: ProcessId, index: ConditionIndex, view: View) -> Evaluation {
        let lost = |message: &str| EvaluationOutcome::Fault {
            code: FaultCode::new("StageError"),
            message: message.to_owned(),
            data: None,
            ran: None,
        };
        let evaluated = self.processes.get(&id).and_then(|process| {
            let condition = process.program.condition(index)?;
            let guest = match condition.guest {
                GuestName::Inline => process.guests.get(&None),
                GuestName::Module(hash) => process.guests.get(&Some(hash)),
            }?;
            Some(self.sandbox.evaluate(guest, &condition.function, view))
        });
        let Some(evaluated) = evaluated else {
            return Evaluation {
                outcome: lost("there is no such condition"),
                fuel: 0,
            };
        };
        let outcome = match evaluated.outcome {
            Outcome::Verdict(holds) => EvaluationOutcome::Verdict(holds),
            Outcome::Fault { code, message } => EvaluationOutcome::Fault {
                code,
                message,
                data: evaluated.log.to_data(),
                ran: None,
            },
            Outcome::Value(value) => JsonText::parse(&value)
                .map_or_else(|error| lost(&error.to_string()), EvaluationOutcome::Value),
            Outcome::Environmental(reason) => lost(&reason),
        };
        Evaluation {
            outcome,
            fuel: evaluated.fuel,
        }
    }
}
