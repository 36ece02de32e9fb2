//! What operators do in cases.

use super::{Pure, SECRET};
use bureaucrat_engine::{Environment, cancel, modify};
use bureaucrat_model::{Fault, FaultCode, Modification, ProcessId, Unhandled};

impl Pure {
    pub(super) fn cancel_process(&mut self, id: ProcessId, reason: &str) {
        let environment = Environment {
            now: self.now,
            secret: &SECRET,
            limits: &self.limits,
            unhandled: Unhandled::Fails,
        };
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let fault = Fault::from_outside(FaultCode::CANCELLED, reason);
        let effects = cancel(&process.program, &mut process.instance, &environment, fault);
        self.carry_out(id, effects);
    }

    pub(super) fn modify_process(
        &mut self,
        modification: &Modification,
    ) -> Result<Option<String>, String> {
        let id = self.root.ok_or("there is no process")?;
        let environment = Environment {
            now: self.now,
            secret: &SECRET,
            limits: &self.limits,
            unhandled: Unhandled::Fails,
        };
        let process = self.processes.get_mut(&id).ok_or("it has ended")?;
        let (program, instance) = (&process.program, &mut process.instance);
        match modify(program, instance, &environment, modification) {
            Ok(effects) => {
                self.carry_out(id, effects);
                Ok(None)
            }
            Err(refusal) => Ok(Some(refusal.to_string())),
        }
    }
}
