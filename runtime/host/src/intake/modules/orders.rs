//! Operators' orders about modules: deploying one, moving aliases, removing versions and modules.

use super::{Deploy, Deployment, Origin};
use crate::{
    catalog::Deployer,
    module_catalog::{AliasRecord, ModuleRecord, NameRecord},
    operate::{
        Told,
        audit_log::{About, AuditEntry, Verb},
        modules::ModuleAnswer,
    },
    plan::{Planner, transaction::Transaction},
};
use bureaucrat_model::{
    Alias, Initiator, ModuleHash, ModuleName, ModuleRef, Operator, ShardGroup, Version, Wanted,
};
use bureaucrat_sandbox::CompileBudget;
use bureaucrat_store::{StoreError, Table, keys};
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;

/// What an operator orders.
#[derive(Debug)]
pub enum ModuleOrder {
    Deploy {
        component: Arc<[u8]>,
        wanted: Deploy,
    },
    /// Let an alias stand for what the reference stands for now.
    Alias { alias: Alias, to: ModuleRef },
    /// An alias stands for nothing any more.
    Unalias { name: ModuleName, alias: Alias },
    /// A version leaves its name; the component stays.
    RemoveVersion { name: ModuleName, version: Version },
    /// A name without versions is free again.
    RemoveName(ModuleName),
    /// Remove a component that no program uses and no name stands for.
    Remove(ModuleHash),
    /// Put a component back that a program began to use while it was removed.
    Restore {
        component: Arc<[u8]>,
        record: Option<Box<ModuleRecord>>,
    },
}

/// An operator's order about modules.
#[derive(Debug)]
pub struct ModuleCommand {
    order: ModuleOrder,
    asker: Asker,
}

/// Who gives an order, and where the answer goes.
#[derive(Debug)]
struct Asker {
    by: Operator,
    /// Receives the answer once it is durable; nothing if the engine ends before.
    reply: Sender<ModuleAnswer>,
}

impl Asker {
    /// Without the order being carried out; the operator may be gone.
    fn refuse(&self, answer: ModuleAnswer) -> Result<(), StoreError> {
        let _ = self.reply.try_send(answer);
        Ok(())
    }

    fn unknown(&self, reason: String) -> Result<(), StoreError> {
        self.refuse(ModuleAnswer::Unknown { reason })
    }

    /// What becomes of an order that is carried out: its entry in the audit log, and the answer.
    fn done(
        self,
        transaction: &mut Transaction,
        (verb, about): (Verb, About),
        answer: ModuleAnswer,
    ) {
        let by = Initiator::Operator(self.by);
        transaction.audited = Some(AuditEntry::new(by, verb, about));
        let told = Told::Module(self.reply, answer);
        transaction.after.told.push(told);
    }
}

impl ModuleCommand {
    /// An order, and the receiver of its answer.
    pub fn new(order: ModuleOrder, by: Operator) -> (Self, Receiver<ModuleAnswer>) {
        let (reply, answer) = crossbeam_channel::bounded(1);
        let asker = Asker { by, reply };
        (Self { order, asker }, answer)
    }
}

impl Planner {
    /// Carries out an operator's order.
    pub(crate) fn module_ordered(&mut self, command: ModuleCommand) -> Result<(), StoreError> {
        let ModuleCommand { order, asker } = command;
        match order {
            ModuleOrder::Deploy { component, wanted } => {
                let origin = Origin::Operator(asker.reply, asker.by);
                let deployment = Deployment {
                    component,
                    wanted,
                    origin,
                };
                self.admit_module(None, CompileBudget::FULL, deployment);
                Ok(())
            }
            ModuleOrder::Alias { alias, to } => self.move_alias(alias, &to, asker),
            ModuleOrder::Unalias { name, alias } => self.remove_alias(&name, &alias, asker),
            ModuleOrder::RemoveVersion { name, version } => {
                self.remove_version(&name, version, asker)
            }
            ModuleOrder::RemoveName(name) => self.remove_name(name, asker),
            ModuleOrder::Remove(module) => self.remove_module(module, asker),
            ModuleOrder::Restore { component, record } => {
                self.restore_module(&component, record, asker)
            }
        }
    }

    fn move_alias(&mut self, alias: Alias, to: &ModuleRef, asker: Asker) -> Result<(), StoreError> {
        let name = &to.name;
        let resolved = match self.modules.resolve(to) {
            Ok(resolved) => resolved,
            Err(unresolved) => return asker.unknown(unresolved.to_string()),
        };
        let (version, module) = (resolved.version, resolved.module);
        let mut record = resolved.record.clone();
        let max = NameRecord::ALIASES_MAX;
        if record.aliases.len() >= max && !record.aliases.contains_key(&alias) {
            return asker.unknown(format!(
                    "`{name}` already has {max} aliases, the most that a name may have; `bureaucrat module rm {name}@ALIAS` removes one"
            ));
        }
        let entry = AliasRecord {
            version,
            by: Deployer::Operator,
            at: self.now(),
        };
        let before = record.aliases.insert(alias.clone(), entry);
        tracing::info!(name = %name, %alias, %version, "an operator moved an alias of a module");
        let about = About::module(Some(module), Some(name.clone()));
        let about = about.at_version(version).with_alias(&alias);
        let answer = ModuleAnswer::Moved {
            name: name.clone(),
            alias,
            version,
            module,
            before: before.map(|before| before.version),
        };
        self.rewrite_name((name, record), asker, (Verb::SetAlias, about), answer)
    }

    fn remove_alias(
        &mut self,
        name: &ModuleName,
        alias: &Alias,
        asker: Asker,
    ) -> Result<(), StoreError> {
        let wanted = ModuleRef {
            name: name.clone(),
            wanted: Wanted::Alias(alias.clone()),
        };
        let mut record = match self.modules.resolve(&wanted) {
            Ok(resolved) => resolved.record.clone(),
            Err(unresolved) => return asker.unknown(unresolved.to_string()),
        };
        record.aliases.remove(alias);
        tracing::info!(name = %name, %alias, "an operator removed an alias of a module");
        let about = About::module(None, Some(name.clone())).with_alias(alias);
        let entry = (Verb::RemoveModule, about);
        self.rewrite_name((name, record), asker, entry, ModuleAnswer::Removed)
    }

    fn remove_version(
        &mut self,
        name: &ModuleName,
        version: Version,
        asker: Asker,
    ) -> Result<(), StoreError> {
        let wanted = ModuleRef {
            name: name.clone(),
            wanted: Wanted::Version(version),
        };
        let mut record = match self.modules.resolve(&wanted) {
            Ok(resolved) => resolved.record.clone(),
            Err(unresolved) => return asker.unknown(unresolved.to_string()),
        };
        let mut aliases = record.aliases.iter();
        if let Some((alias, _)) = aliases.find(|(_, entry)| entry.version == version) {
            let (name, alias) = (name.clone(), alias.clone());
            return asker.refuse(ModuleAnswer::Aliased {
                name,
                alias,
                version,
            });
        }
        let removed = record.versions.remove(&version);
        tracing::info!(name = %name, %version, "an operator removed a version of a module");
        let module = removed.map(|removed| removed.module);
        let about = About::module(module, Some(name.clone())).at_version(version);
        let entry = (Verb::RemoveModule, about);
        self.rewrite_name((name, record), asker, entry, ModuleAnswer::Removed)
    }

    fn remove_name(&mut self, name: ModuleName, asker: Asker) -> Result<(), StoreError> {
        match self
            .modules
            .name(&name)
            .map(|record| record.versions.keys().next_back())
        {
            None => return asker.unknown(format!("no module `{name}` is deployed here")),
            Some(Some(newest)) => {
                let reason =
                    format!("say which version of `{name}` to remove, as in `{name}@{newest}`");
                return asker.unknown(reason);
            }
            Some(None) => {}
        }
        let shard = self.shared.router.shard_of_module(&name);
        let mut transaction = Transaction::new(shard);
        transaction.delete(Table::ModuleNames, keys::name(shard, &name));
        self.modules.forget_name(&name);
        tracing::info!(name = %name, "an operator removed the name of a module");
        let about = About::module(None, Some(name.clone()));
        transaction.after.modules.push((name, None));
        let entry = (Verb::RemoveModule, about);
        asker.done(&mut transaction, entry, ModuleAnswer::Removed);
        self.finish(transaction)
    }

    fn rewrite_name(
        &mut self,
        (name, record): (&ModuleName, NameRecord),
        asker: Asker,
        entry: (Verb, About),
        answer: ModuleAnswer,
    ) -> Result<(), StoreError> {
        let shard = self.shared.router.shard_of_module(name);
        let mut transaction = Transaction::new(shard);
        self.write_name(&mut transaction, name, record)?;
        asker.done(&mut transaction, entry, answer);
        self.finish(transaction)
    }

    fn remove_module(&mut self, module: ModuleHash, asker: Asker) -> Result<(), StoreError> {
        let names: Vec<_> = self.modules.names_of(module).cloned().collect();
        if !names.is_empty() {
            return asker.refuse(ModuleAnswer::Named { names });
        }
        let mut transaction = Transaction::new(ShardGroup::COMMON.shard_by(module.0[0]));
        transaction.delete(Table::Modules, module.0.to_vec());
        transaction.delete(Table::ModuleRecords, module.0.to_vec());
        self.modules.forget(module);
        tracing::info!(%module, "an operator removed a module");
        let entry = (Verb::RemoveModule, About::module(Some(module), None));
        asker.done(&mut transaction, entry, ModuleAnswer::Removed);
        self.finish(transaction)
    }

    fn restore_module(
        &mut self,
        component: &[u8],
        record: Option<Box<ModuleRecord>>,
        asker: Asker,
    ) -> Result<(), StoreError> {
        let module = ModuleHash::of(component);
        let mut transaction = Transaction::new(ShardGroup::COMMON.shard_by(module.0[0]));
        transaction.put(Table::Modules, module.0.to_vec(), component.to_vec());
        if let Some(record) = record.filter(|_| !self.modules.is_stored(module)) {
            self.write_record(&mut transaction, module, *record)?;
        }
        let entry = (Verb::RestoreModule, About::module(Some(module), None));
        asker.done(&mut transaction, entry, ModuleAnswer::Removed);
        self.finish(transaction)
    }
}
