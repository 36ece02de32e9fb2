//! What operators do in cases. What comes for a suspended process is kept by the code that the host uses.

use super::{Process, Pure, environment, places};
use bureaucrat_engine::{
    Environment, Keeping, Rejection, awaits_answer, cancel, end, keep, modify, pending_evaluations,
    unpark,
};
use bureaucrat_host::commands::Order;
use bureaucrat_model::{
    Effect, Fault, FaultCode, Initiator, Input, Instance, Modification, Operator, Parking,
    ProcessId, Program,
};

/// Answers and events that are kept for a suspended process: more than any case has.
const ROOM: usize = 1_000;

/// Keeps an input until its process resumes; an answer that matches nothing is told so at once.
pub(super) fn keep_for_parked(
    process: &mut Process,
    input: Input,
) -> Result<(), Option<Rejection>> {
    if let Input::Answer { activity, turn, .. } = &input {
        awaits_answer(&process.program, &process.instance, activity, *turn)?;
    }
    match keep(&mut process.instance, input, ROOM) {
        Keeping::Kept | Keeping::Needless => Ok(()),
        Keeping::Full => Err(None),
    }
}

impl Pure {
    pub(super) fn obey(&mut self, order: &Order) -> Result<(), String> {
        let id = self.root.ok_or("there is no process")?;
        let process = self.processes.get_mut(&id).ok_or("it is gone")?;
        self.ordered.push(places::whole(order, process));
        let from_outside = |code, reason: &str| Fault::from_outside(code, reason);
        match order {
            Order::Cancel { reason } => self.cancel_process(id, reason),
            Order::Retry { .. } => self.follow(id, Input::Retry),
            Order::Suspend { reason } => {
                let status = &mut process.instance.status;
                status.park(Parking::Suspended, reason.clone());
            }
            Order::Resume { .. } => {
                let inputs = self.unpark(id).ok_or("it is not suspended")?;
                self.give_kept(id, inputs);
            }
            Order::Terminate { reason } => {
                let fault = from_outside(FaultCode::TERMINATED, reason);
                self.change(id, |program, instance, environment| {
                    end(program, instance, environment, fault)
                });
            }
            Order::Modify(_) | Order::Migrate(_) => {
                return Err("that is about a part of the process".into());
            }
        }
        self.settle();
        Ok(())
    }

    pub(super) fn cancel_process(&mut self, id: ProcessId, reason: &str) {
        let fault = Fault::from_outside(FaultCode::CANCELLED, reason);
        // What was kept for a suspended process comes after the cancel.
        let kept = self.unpark(id);
        self.change(id, |program, instance, environment| {
            cancel(program, instance, environment, fault)
        });
        self.give_kept(id, kept.unwrap_or_default());
    }

    /// The process runs again, without the inputs that were kept for it; none if it is not parked.
    fn unpark(&mut self, id: ProcessId) -> Option<Vec<Input>> {
        let process = self.processes.get_mut(&id)?;
        let inputs = unpark(&mut process.instance)?;
        let pending = pending_evaluations(&process.program, &process.instance);
        self.carry_out(id, pending);
        self.settle();
        Some(inputs)
    }

    /// Gives a process what was kept for it. What it does not wait for any more comes too late.
    fn give_kept(&mut self, id: ProcessId, inputs: Vec<Input>) {
        for input in inputs {
            self.settle();
            self.tell(id, input);
        }
    }

    fn change(
        &mut self,
        id: ProcessId,
        how: impl FnOnce(&Program, &mut Instance, &Environment<'_>) -> Vec<Effect>,
    ) {
        let environment = environment(self.now, &self.limits);
        let Some(process) = self.processes.get_mut(&id) else {
            return;
        };
        let effects = how(&process.program, &mut process.instance, &environment);
        self.carry_out(id, effects);
    }

    pub(super) fn modify_process(
        &mut self,
        modification: &Modification,
    ) -> Result<Option<String>, String> {
        let id = self.root.ok_or("there is no process")?;
        let process = self.processes.get(&id).ok_or("it is gone")?;
        self.ordered.push(places::part(modification, process));
        let by = Initiator::Operator(Operator::named("case"));
        let mut refused = None;
        self.change(id, |program, instance, environment| {
            let modified = modify(program, instance, environment, modification, &by);
            modified.unwrap_or_else(|refusal| {
                refused = Some(refusal.to_string());
                Vec::new()
            })
        });
        Ok(refused)
    }
}
