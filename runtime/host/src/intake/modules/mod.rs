//! Deploying modules: over AMQP, as a message with the content type `application/wasm` on the launch
//! queue, or by an operator. Both take the same way: admit, check, number, store.
//!
//! A module is durable before anyone hears about it. Storing the same bytes again changes nothing,
//! and neither does deploying them again under a name that has them, so nothing needs to be
//! remembered of a message. The catalog knows what is stored; the planner alone changes it.

mod admission;
mod orders;

pub use orders::{ModuleCommand, ModuleOrder};

use super::{
    definition::DefinitionText,
    origin::{Origin, Refused},
};
use crate::{
    broker::{Delivery, DeliveryHandle},
    catalog::Deployer,
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, Loaded},
    module_catalog::{ModuleRecord, NameRecord, VersionRecord},
    operate::{
        Told,
        audit_log::{About, AuditEntry, Verb},
        handing_in::Receipt,
        modules::{DeployedModule, ModuleAnswer},
    },
    plan::{Planner, jobs::Waiting, transaction::Transaction},
};
use bureaucrat_model::{Guest as GuestName, ModuleHash, ModuleName, ShardGroup, Version};
use bureaucrat_policy::Signature;
use bureaucrat_sandbox::{CompileBudget, Guest};
use bureaucrat_store::{StoreError, Table, keys, keys::OutboxKind, records};
use bureaucrat_wire::{MODULE_TYPE, ModuleDeployed, ModuleHeaders, Report, deployed, reply};
use std::sync::Arc;

/// What is deployed besides the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deploy {
    /// It becomes the next version of this name.
    pub name: Option<ModuleName>,
    pub signature: Option<Signature>,
}

/// A module that is being compiled.
pub struct Deployment {
    component: Arc<[u8]>,
    wanted: Deploy,
    origin: Origin<ModuleAnswer>,
}

impl Deployment {
    /// The delivery of the module.
    pub fn handle(&self) -> Option<DeliveryHandle> {
        self.origin.handle()
    }

    fn deployer(&self) -> Deployer {
        self.origin.deployer()
    }
}

/// Whether a message on the launch queue is a module.
pub(super) fn is_module(delivery: &Delivery) -> bool {
    delivery.properties.content_type.as_deref() == Some(MODULE_TYPE)
}

impl Planner {
    pub(crate) fn module_arrived(
        &mut self,
        delivery: Delivery,
        text: DefinitionText,
    ) -> Result<(), StoreError> {
        let user = delivery.properties.user_id.clone();
        let component = text.shared(&delivery.body);
        let wanted = match wanted(&delivery) {
            Ok(wanted) => wanted,
            Err(Refused { code, reasons }) => return self.refuse(&delivery, code, &reasons),
        };
        let claim = match self.may_deploy(user.as_ref(), &component, &wanted) {
            Ok(claim) => claim,
            Err(Refused { code, reasons }) => return self.refuse(&delivery, code, &reasons),
        };
        let budget = self.compile_budget(user.as_ref());
        let origin = Origin::Message {
            delivery: Box::new(delivery),
            _text: text,
            _waiting: claim,
        };
        self.admit_module(
            user,
            budget,
            Deployment {
                component,
                wanted,
                origin,
            },
        );
        Ok(())
    }

    fn admit_module(
        &mut self,
        user: Option<String>,
        budget: CompileBudget,
        deployment: Deployment,
    ) {
        let component = deployment.component.clone();
        let task = Task::Admit { component, budget };
        self.submit(user, task, Waiting::Module(Box::new(deployment)));
    }

    pub(crate) fn module_admitted(
        &mut self,
        deployment: &Deployment,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        let JobOutcome::Admitted(admitted) = outcome else {
            return Ok(());
        };
        let refused = match admitted {
            Ok(guest) => match self.may_store(deployment, &guest) {
                Ok(()) => return self.store_deployed(deployment, &guest),
                Err(refused) => refused,
            },
            Err(LoadFailure::Refused { code, reasons }) => Refused { code, reasons },
            Err(LoadFailure::Environment(reason)) => Refused::new(
                Refused::ENVIRONMENT,
                format!("the engine could not compile the module; deploy it again later: {reason}"),
            ),
        };
        self.refuse_module(deployment, &refused)
    }

    /// Stores a module that may be stored, and its name.
    fn store_deployed(&mut self, deployment: &Deployment, guest: &Guest) -> Result<(), StoreError> {
        let (hash, by) = (guest.hash(), deployment.deployer());
        let room = match &deployment.wanted.name {
            None => None,
            Some(name) => match self.room_for(name, hash, &by) {
                Ok(record) => Some((name.clone(), record)),
                Err(refused) => return self.refuse_module(deployment, &refused),
            },
        };
        let reply_to = match &deployment.origin {
            Origin::Operator(..) => None,
            Origin::Message { delivery, .. } => match self.reply_to(delivery, &[]) {
                Ok(reply_to) => reply_to,
                Err(refusal) => {
                    let code = refusal.code();
                    return self.refuse(delivery, code, &refusal.reasons());
                }
            },
        };
        let record = match self.signed_record(deployment, guest) {
            Ok(record) => record,
            Err(refused) => return self.refuse_module(deployment, &refused),
        };
        // The name's row is its shard's; what is named by its content may be written by any shard.
        let shard = match &room {
            Some((name, _)) => self.shared.router.shard_of_module(name),
            None => ShardGroup::COMMON.shard_by(hash.0[0]),
        };
        let is_known = self.modules.is_stored(hash)
            && room
                .as_ref()
                .is_none_or(|(_, record)| record.version_with(hash).is_some());
        let mut transaction = Transaction::new(shard);
        let bytes = deployment.component.to_vec();
        transaction.put(Table::Modules, hash.0.to_vec(), bytes);
        self.write_record(&mut transaction, hash, record)?;
        let named = match room {
            None => None,
            Some((name, record)) => {
                let version = self.name_module(&mut transaction, &name, record, (hash, &by))?;
                Some((name, version))
            }
        };
        let name = named
            .as_ref()
            .map(|(name, version)| format!("{name}@{version}"));
        tracing::info!(module = %hash, name, by = %by, "a module was deployed");
        if !is_known {
            let about = About::deployed(hash, named.as_ref()).of_user(by.user());
            let by = deployment.origin.initiator();
            transaction.audited = Some(AuditEntry::new(by, Verb::DeployModule, about));
        }
        match &deployment.origin {
            Origin::Message { delivery, .. } => {
                transaction.after.acknowledge.push(delivery.handle);
                if let Some(reply_to) = reply_to {
                    let key = self.own_key(shard, OutboxKind::Reply);
                    let told = ModuleDeployed { hash, named };
                    transaction.publish(key, deployed(&reply_to, &told));
                }
            }
            Origin::Operator(reply, _) => {
                let name = named.as_ref().and_then(|(name, _)| self.modules.name(name));
                let newest = name.and_then(|record| record.versions.keys().next_back().copied());
                let view = DeployedModule::of(guest, named, newest);
                let told = Told::Module(reply.clone(), ModuleAnswer::Deployed(view));
                transaction.after.told.push(told);
            }
        }
        self.finish(transaction)
    }

    /// The record that a module's next version goes into.
    fn room_for(
        &self,
        name: &ModuleName,
        module: ModuleHash,
        by: &Deployer,
    ) -> Result<NameRecord, Refused> {
        let present = self.modules.name(name);
        if let Some(record) = present.filter(|record| record.version_with(module).is_some()) {
            return Ok(record.clone());
        }
        let room = self.modules.room(name, by);
        room.map_err(|full| Refused::new(Refused::FULL, full))
    }

    /// Gives a module its version of a name, unless it has one.
    fn name_module(
        &mut self,
        transaction: &mut Transaction,
        name: &ModuleName,
        mut record: NameRecord,
        (module, by): (ModuleHash, &Deployer),
    ) -> Result<Version, StoreError> {
        if let Some(version) = record.version_with(module) {
            return Ok(version);
        }
        let version = record.next;
        // After the last number there is no room, as at the highest count of versions.
        record.next = version.next().unwrap_or(version);
        let entry = VersionRecord {
            module,
            by: by.clone(),
            at: self.now(),
        };
        record.versions.insert(version, entry);
        self.write_name(transaction, name, record)?;
        Ok(version)
    }

    /// Plans the record of a name.
    fn write_name(
        &mut self,
        transaction: &mut Transaction,
        name: &ModuleName,
        record: NameRecord,
    ) -> Result<(), StoreError> {
        let shard = self.shared.router.shard_of_module(name);
        let key = keys::name(shard, name);
        transaction.put(Table::ModuleNames, key, records::encode(&record)?);
        self.modules.put_name(name.clone(), record.clone());
        transaction.after.modules.push((name.clone(), Some(record)));
        Ok(())
    }

    fn write_record(
        &mut self,
        transaction: &mut Transaction,
        module: ModuleHash,
        record: ModuleRecord,
    ) -> Result<(), StoreError> {
        let key = module.0.to_vec();
        transaction.put(Table::ModuleRecords, key, records::encode(&record)?);
        self.modules.note(module, record);
        Ok(())
    }

    /// Stores the modules of a definition, and who brought them.
    pub(crate) fn store_modules(
        &mut self,
        transaction: &mut Transaction,
        loaded: &Loaded,
        by: &Deployer,
    ) -> Result<(), StoreError> {
        for (hash, bytes) in &loaded.modules {
            transaction.put(Table::Modules, hash.0.to_vec(), bytes.clone());
            if !self.modules.is_stored(*hash)
                && let Some(guest) = loaded.guest(GuestName::Module(*hash))
            {
                let record = ModuleRecord::new(guest, by.clone(), self.now());
                self.write_record(transaction, *hash, record)?;
            }
        }
        Ok(())
    }

    fn refuse_module(
        &mut self,
        deployment: &Deployment,
        refused: &Refused,
    ) -> Result<(), StoreError> {
        let Refused { code, reasons } = refused;
        match &deployment.origin {
            Origin::Message { delivery, .. } => self.refuse(delivery, code, reasons),
            Origin::Operator(reply, _) => {
                let reason = reasons.join("; ");
                // The operator may be gone.
                let _ = reply.try_send(ModuleAnswer::Refused { reason });
                Ok(())
            }
        }
    }

    /// Refuses a message on the launch queue that starts nothing: a dead letter, and a reply if one is wanted.
    pub(super) fn refuse(
        &mut self,
        delivery: &Delivery,
        code: &'static str,
        reasons: &[String],
    ) -> Result<(), StoreError> {
        let text = reasons.join("\n");
        let shard = self.some_shard();
        let mut transaction = self.set_aside(shard, delivery, code, &text)?;
        transaction.tell(delivery, Receipt::rejected(reasons));
        if let Ok(Some(reply_to)) = self.reply_to(delivery, &[]) {
            let message = reply(&reply_to, None, Report::Rejected { reasons });
            transaction.publish(self.own_key(shard, OutboxKind::Reply), message);
        }
        self.finish(transaction)
    }
}

/// What the headers of a message ask for.
fn wanted(delivery: &Delivery) -> Result<Deploy, Refused> {
    let wrong = |reason: String| Refused::new(Refused::HEADER, reason);
    let headers = ModuleHeaders::of(&delivery.properties);
    let headers = headers.map_err(|not_text| wrong(not_text.to_string()))?;
    let name = headers.name.map(str::parse::<ModuleName>).transpose();
    let name =
        name.map_err(|error| wrong(format!("the header `{}`: {error}", ModuleHeaders::NAME)))?;
    let signature = headers.signature.map(str::parse::<Signature>).transpose();
    let signature = signature.map_err(|error| {
        wrong(format!(
            "the header `{}`: {error}",
            ModuleHeaders::SIGNATURE
        ))
    })?;
    Ok(Deploy { name, signature })
}
