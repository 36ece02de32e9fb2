//! Migrations: an operator has a process continue as another version of its definition. The engine says where its
//! parts will be, or what is in the way.

use super::{
    Planner,
    transaction::{Transaction, Work},
    work::Done,
};
use crate::{
    catalog::{Deployer, Resolution},
    compute::Task,
    operate::{
        commands::{Command, Migration, OrderOutcome},
        questions,
    },
};
use bureaucrat_engine::{Target, migrate, planned_migration};
use bureaucrat_model::{DefinitionRef, ProgramHash, Refusal, Version};
use bureaucrat_store::StoreError;

impl Planner {
    /// Has a process continue as another version, once both programs are at hand.
    pub(super) fn migrate(
        &mut self,
        transaction: &mut Transaction,
        command: Command,
        migration: &Migration,
    ) -> Result<Done, StoreError> {
        let process = command.process;
        if let Err(outcome) = self.standing(transaction, process)? {
            return self.tell(transaction, command, outcome);
        }
        let Some(held) = transaction.held.get(&process) else {
            return self.tell(transaction, command, OrderOutcome::Unknown);
        };
        let (from, before) = (held.instance.program, held.instance.version);
        let user = held.instance.user.clone();
        let (version, program) = match self.wanted(&held.instance.name, user.as_ref(), migration) {
            Ok(found) if found.1 != from => found,
            Ok(_) => return self.refuse_order(transaction, command, Refusal::SameVersion),
            Err(refusal) => return self.refuse_order(transaction, command, refusal),
        };
        let loaded = |program| self.shared.definitions.cached_program(program);
        let Some(new) = loaded(program) else {
            let resume = Work::Order(Box::new(command));
            return Ok(Done::after(Task::Load(program), resume));
        };
        // The cache may be too small for both, so that loading one would take the other's place again and again.
        let cached = loaded(from).map(|loaded| loaded.program.clone());
        let old = match cached {
            Some(old) => Some(old),
            None => questions::program(&self.shared.asked(), &held.instance)?,
        };
        let Some(old) = old else {
            let reason = format!("the program {from} of the process cannot be read");
            return self.refuse_order(transaction, command, Refusal::Unusable { reason });
        };
        let violations = self.violations(&self.rules(user.as_ref()), user.as_ref(), &new);
        if !violations.is_empty() {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            let reason = reasons.join("; ");
            let refusal = Refusal::NotAllowed { reason };
            return self.refuse_order(transaction, command, refusal);
        }
        if migration.dry_run {
            let planned = planned_migration(&old, &new.program, &held.instance);
            let outcome = match planned {
                Ok(parts) => OrderOutcome::Planned(parts),
                Err(obstacles) => OrderOutcome::Refused(Refusal::NoPlace { obstacles }),
            };
            return self.tell(transaction, command, outcome);
        }
        let limits = self.limits_of(held);
        let environment = self.environment(user.as_ref(), &limits);
        let Some(held) = transaction.held.get_mut(&process) else {
            return self.tell(transaction, command, OrderOutcome::Unknown);
        };
        let target = Target {
            program: &new.program,
            hash: new.hash,
            version,
        };
        let why = (migration.reason.clone(), command.by.clone());
        let effects = match migrate(&old, &target, &mut held.instance, &environment, why) {
            Ok(effects) => effects,
            Err(obstacles) => {
                let refusal = Refusal::NoPlace { obstacles };
                return self.refuse_order(transaction, command, refusal);
            }
        };
        self.store_program(transaction, &new, &Deployer::of(user.as_ref()))?;
        transaction.after.unused.push(from);
        transaction.work.push_front(Work::Effects {
            process,
            effects: effects.into(),
        });
        let to = DefinitionRef {
            version: Some(version),
            ..migration.to.clone()
        };
        let done = self.tell(transaction, command, OrderOutcome::Done)?;
        let audited = transaction.audited.take();
        transaction.audited = audited.map(|entry| entry.migrated(before, &to));
        Ok(done)
    }

    /// The version that a migration names: of the same definition, and one that the process's user may launch.
    fn wanted(
        &self,
        name: &str,
        user: Option<&String>,
        migration: &Migration,
    ) -> Result<(Version, ProgramHash), Refusal> {
        let to = &migration.to;
        if to.name.as_str() != name {
            return Err(Refusal::OtherDefinition {
                name: name.to_owned(),
                wanted: to.name.to_string(),
            });
        }
        match self.resolve_for(user, to) {
            Ok(Resolution::Ready(resolved)) => Ok((resolved.version, resolved.program)),
            Ok(Resolution::Pending(_)) => Err(Refusal::NoSuchVersion {
                reason: format!("{to} is being stored; try again in a moment"),
            }),
            Err(unresolved) => Err(Refusal::NoSuchVersion {
                reason: unresolved.to_string(),
            }),
        }
    }

    fn refuse_order(
        &mut self,
        transaction: &mut Transaction,
        command: Command,
        refusal: Refusal,
    ) -> Result<Done, StoreError> {
        self.tell(transaction, command, OrderOutcome::Refused(refusal))
    }
}
