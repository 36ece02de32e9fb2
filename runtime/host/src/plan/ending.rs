//! Ends processes from outside: one that is cancelled runs what it has to at its end, unless it is an
//! incident; one that is terminated runs nothing.

use super::{
    Planner,
    transaction::{Transaction, Work},
    work::Done,
};
use crate::compute::Task;
use bureaucrat_engine::{Environment, cancel, end};
use bureaucrat_model::{Effect, Fault, Fields, Instance, Parking, ProcessId, Program};
use bureaucrat_store::StoreError;

impl Planner {
    pub(super) fn cancel(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        fault: Fault,
    ) -> Result<Done, StoreError> {
        if !self.hold(transaction, process)? {
            return Ok(Done::Yes);
        }
        let Some(held) = transaction.held.get(&process) else {
            return Ok(Done::Yes);
        };
        if held.instance.has_ended() {
            return Ok(Done::Yes);
        }
        let program = held.instance.program;
        match held.instance.status.parking() {
            Some(Parking::Incident) => {
                self.end_at_once(transaction, process, fault);
                return Ok(Done::Yes);
            }
            // Its program is as good as any other's, so it runs what it has to at its end. What was kept for it
            // comes after the cancel.
            Some(Parking::Suspended) => {
                transaction
                    .later
                    .push_front(Work::Cancel { process, fault });
                transaction.work.push_front(Work::Resume(process));
                return Ok(Done::Yes);
            }
            None => {}
        }
        let Some(loaded) = self.shared.definitions.cached_program(program) else {
            let resume = Work::Cancel { process, fault };
            return Ok(Done::after(Task::Load(program), resume));
        };
        self.carry_out(transaction, process, |instance, environment| {
            cancel(&loaded.program, instance, environment, fault)
        });
        Ok(Done::Yes)
    }

    /// Cancels a process of which nobody knows whether its program can be read: it runs nothing any more.
    pub(super) fn end_at_once(
        &self,
        transaction: &mut Transaction,
        process: ProcessId,
        fault: Fault,
    ) {
        self.carry_out(transaction, process, |instance, environment| {
            end(&no_program(), instance, environment, fault)
        });
    }

    /// Ends a process as `ending` says; its effects follow in the same transaction.
    fn carry_out(
        &self,
        transaction: &mut Transaction,
        process: ProcessId,
        ending: impl FnOnce(&mut Instance, &Environment<'_>) -> Vec<Effect>,
    ) {
        let Some(held) = transaction.held.get_mut(&process) else {
            return;
        };
        let user = held.instance.user.clone();
        let environment = self.environment(user.as_ref(), &self.shared.config.engine_limits);
        let effects = ending(&mut held.instance, &environment);
        transaction.work.push_front(Work::Effects {
            process,
            effects: effects.into(),
        });
    }
}

/// An empty program: ending a process from outside needs none, and the process's own may be broken.
fn no_program() -> Program {
    Program {
        name: String::new(),
        context: Fields::new(),
        ops: Vec::new(),
        sites: Vec::new(),
        conditions: Vec::new(),
        inline_guest: Vec::new(),
        conduct: bureaucrat_model::Conduct::default(),
    }
}
