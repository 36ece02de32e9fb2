//! Operators' orders about modules: deploying one, moving aliases, removing versions and modules.

use super::{Deploy, Deployment, Origin};
use crate::{
    catalog::Deployer,
    module_catalog::{AliasRecord, ModuleRecord, NameRecord},
    operate::{Told, modules::ModuleAnswer},
    plan::{Planner, transaction::Transaction},
};
use bureaucrat_model::{Alias, ModuleHash, ModuleName, ModuleRef, ShardId, Version, Wanted};
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
    /// Receives the answer once it is durable; nothing if the engine ends before.
    reply: Sender<ModuleAnswer>,
}

impl ModuleCommand {
    /// An order, and the receiver of its answer.
    pub fn new(order: ModuleOrder) -> (Self, Receiver<ModuleAnswer>) {
        let (reply, answer) = crossbeam_channel::bounded(1);
        (Self { order, reply }, answer)
    }
}

impl Planner {
    /// Carries out an operator's order.
    pub(crate) fn module_ordered(&mut self, command: ModuleCommand) -> Result<(), StoreError> {
        let ModuleCommand { order, reply } = command;
        match order {
            ModuleOrder::Deploy { component, wanted } => {
                let origin = Origin::Operator(reply);
                let deployment = Deployment {
                    component,
                    wanted,
                    origin,
                };
                self.admit_module(None, CompileBudget::FULL, deployment);
                Ok(())
            }
            ModuleOrder::Alias { alias, to } => self.move_alias(alias, &to, reply),
            ModuleOrder::Unalias { name, alias } => self.remove_alias(&name, &alias, reply),
            ModuleOrder::RemoveVersion { name, version } => {
                self.remove_version(&name, version, reply)
            }
            ModuleOrder::RemoveName(name) => self.remove_name(name, reply),
            ModuleOrder::Remove(module) => self.remove_module(module, reply),
            ModuleOrder::Restore { component, record } => {
                self.restore_module(&component, record, reply)
            }
        }
    }

    fn move_alias(
        &mut self,
        alias: Alias,
        to: &ModuleRef,
        reply: Sender<ModuleAnswer>,
    ) -> Result<(), StoreError> {
        let name = &to.name;
        let resolved = match self.modules.resolve(to) {
            Ok(resolved) => resolved,
            Err(unresolved) => return unknown(&reply, unresolved.to_string()),
        };
        let (version, module) = (resolved.version, resolved.module);
        let mut record = resolved.record.clone();
        let max = NameRecord::ALIASES_MAX;
        if record.aliases.len() >= max && !record.aliases.contains_key(&alias) {
            return unknown(
                &reply,
                format!(
                    "`{name}` already has {max} aliases, the most that a name may have; `bureaucrat module rm {name}@ALIAS` removes one"
                ),
            );
        }
        let entry = AliasRecord {
            version,
            by: Deployer::Operator,
            at: self.now(),
        };
        let before = record.aliases.insert(alias.clone(), entry);
        tracing::info!(name = %name, %alias, %version, "an operator moved an alias of a module");
        let answer = ModuleAnswer::Moved {
            name: name.clone(),
            alias,
            version,
            module,
            before: before.map(|before| before.version),
        };
        self.rewrite_name(name, record, answer, reply)
    }

    fn remove_alias(
        &mut self,
        name: &ModuleName,
        alias: &Alias,
        reply: Sender<ModuleAnswer>,
    ) -> Result<(), StoreError> {
        let wanted = ModuleRef {
            name: name.clone(),
            wanted: Wanted::Alias(alias.clone()),
        };
        let mut record = match self.modules.resolve(&wanted) {
            Ok(resolved) => resolved.record.clone(),
            Err(unresolved) => return unknown(&reply, unresolved.to_string()),
        };
        record.aliases.remove(alias);
        tracing::info!(name = %name, %alias, "an operator removed an alias of a module");
        self.rewrite_name(name, record, ModuleAnswer::Removed, reply)
    }

    fn remove_version(
        &mut self,
        name: &ModuleName,
        version: Version,
        reply: Sender<ModuleAnswer>,
    ) -> Result<(), StoreError> {
        let wanted = ModuleRef {
            name: name.clone(),
            wanted: Wanted::Version(version),
        };
        let mut record = match self.modules.resolve(&wanted) {
            Ok(resolved) => resolved.record.clone(),
            Err(unresolved) => return unknown(&reply, unresolved.to_string()),
        };
        let mut aliases = record.aliases.iter();
        if let Some((alias, _)) = aliases.find(|(_, entry)| entry.version == version) {
            let (name, alias) = (name.clone(), alias.clone());
            let _ = reply.try_send(ModuleAnswer::Aliased {
                name,
                alias,
                version,
            });
            return Ok(());
        }
        record.versions.remove(&version);
        tracing::info!(name = %name, %version, "an operator removed a version of a module");
        self.rewrite_name(name, record, ModuleAnswer::Removed, reply)
    }

    fn remove_name(
        &mut self,
        name: ModuleName,
        reply: Sender<ModuleAnswer>,
    ) -> Result<(), StoreError> {
        match self
            .modules
            .name(&name)
            .map(|record| record.versions.keys().next_back())
        {
            None => return unknown(&reply, format!("no module `{name}` is deployed here")),
            Some(Some(newest)) => {
                let reason =
                    format!("say which version of `{name}` to remove, as in `{name}@{newest}`");
                return unknown(&reply, reason);
            }
            Some(None) => {}
        }
        let shard = self.shared.router.shard_of_module(&name);
        let mut transaction = Transaction::new(shard);
        transaction.delete(Table::ModuleNames, keys::name(shard, &name));
        self.modules.forget_name(&name);
        tracing::info!(name = %name, "an operator removed the name of a module");
        transaction.after.modules.push((name, None));
        let told = Told::Module(reply, ModuleAnswer::Removed);
        transaction.after.told.push(told);
        self.finish(transaction)
    }

    fn rewrite_name(
        &mut self,
        name: &ModuleName,
        record: NameRecord,
        answer: ModuleAnswer,
        reply: Sender<ModuleAnswer>,
    ) -> Result<(), StoreError> {
        let shard = self.shared.router.shard_of_module(name);
        let mut transaction = Transaction::new(shard);
        self.write_name(&mut transaction, name, record)?;
        transaction.after.told.push(Told::Module(reply, answer));
        self.finish(transaction)
    }

    fn remove_module(
        &mut self,
        module: ModuleHash,
        reply: Sender<ModuleAnswer>,
    ) -> Result<(), StoreError> {
        let names: Vec<_> = self.modules.names_of(module).cloned().collect();
        if !names.is_empty() {
            let _ = reply.try_send(ModuleAnswer::Named { names });
            return Ok(());
        }
        let mut transaction = Transaction::new(ShardId(module.0[0]));
        transaction.delete(Table::Modules, module.0.to_vec());
        transaction.delete(Table::ModuleRecords, module.0.to_vec());
        self.modules.forget(module);
        tracing::info!(%module, "an operator removed a module");
        let told = Told::Module(reply, ModuleAnswer::Removed);
        transaction.after.told.push(told);
        self.finish(transaction)
    }

    fn restore_module(
        &mut self,
        component: &[u8],
        record: Option<Box<ModuleRecord>>,
        reply: Sender<ModuleAnswer>,
    ) -> Result<(), StoreError> {
        let module = ModuleHash::of(component);
        let mut transaction = Transaction::new(ShardId(module.0[0]));
        transaction.put(Table::Modules, module.0.to_vec(), component.to_vec());
        if let Some(record) = record.filter(|_| !self.modules.is_stored(module)) {
            self.write_record(&mut transaction, module, *record)?;
        }
        let told = Told::Module(reply, ModuleAnswer::Removed);
        transaction.after.told.push(told);
        self.finish(transaction)
    }
}

fn unknown(reply: &Sender<ModuleAnswer>, reason: String) -> Result<(), StoreError> {
    // The operator may be gone.
    let _ = reply.try_send(ModuleAnswer::Unknown { reason });
    Ok(())
}
