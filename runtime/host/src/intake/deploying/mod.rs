//! Deploying definitions: over AMQP, as a message with a content type of its own on the launch
//! queue, or by an operator. Both take the same way: compile, check, number, store.
//!
//! A version is durable before anyone hears about it, and its number is never given again. Deploying
//! a text that a version has already changes nothing, so a repeated message makes no second
//! version. The catalog knows which versions there are; the planner alone changes it.

mod admission;
mod orders;

pub use orders::{DefinitionCommand, DefinitionOrder};

use super::{
    definition::DefinitionText,
    origin::{Origin, Refused},
};
use crate::{
    broker::{Delivery, DeliveryHandle},
    catalog::{DefinitionRecord, Deployer, Slot},
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, Loaded},
    operate::{
        Told,
        audit_log::{About, AuditEntry, Verb},
        definitions::{DefinitionAnswer, DeployedView},
        handing_in::Receipt,
    },
    plan::{Planner, jobs::Waiting, transaction::Transaction},
    tenants::Claim,
};
use bureaucrat_definition::declared_types;
use bureaucrat_model::{DefinitionName, ShardId, SourceHash, Version};
use bureaucrat_policy::{Permission, Quota, Rule, Rules};
use bureaucrat_store::{StoreError, Table, keys, keys::OutboxKind, records};
use bureaucrat_wire::{DEFINITION_TYPE, DefinitionDeployed, Novelty, definition_deployed};
use std::sync::Arc;

/// A definition that is being deployed.
pub struct Deploying {
    source: Arc<[u8]>,
    /// By which its message is remembered, if it has an id.
    seen: Option<[u8; 32]>,
    origin: Origin<DefinitionAnswer>,
}

impl Deploying {
    /// The delivery that brought it.
    pub fn handle(&self) -> Option<DeliveryHandle> {
        self.origin.handle()
    }

    fn deployer(&self) -> Deployer {
        self.origin.deployer()
    }
}

impl Refused {
    fn definition(reason: impl ToString) -> Self {
        Self::new("definition", reason)
    }
}

/// Whether a message on the launch queue is a definition to store.
pub(super) fn is_definition(delivery: &Delivery) -> bool {
    delivery.properties.content_type.as_deref() == Some(DEFINITION_TYPE)
}

impl Planner {
    pub(super) fn definition_arrived(
        &mut self,
        delivery: Delivery,
        seen: Option<[u8; 32]>,
        text: DefinitionText,
    ) -> Result<(), StoreError> {
        let user = delivery.properties.user_id.clone();
        let source = text.shared(&delivery.body);
        let waiting = match self.may_deploy_definition(user.as_ref(), source.len()) {
            Ok(waiting) => waiting,
            Err(Refused { code, reasons }) => return self.refuse(&delivery, code, &reasons),
        };
        let rules = self.rules(user.as_ref());
        let origin = Origin::Message {
            delivery: Box::new(delivery),
            _text: text,
            _waiting: waiting,
        };
        self.compile_deployed(
            user,
            rules,
            Deploying {
                source,
                seen,
                origin,
            },
        )
    }

    /// The checks before a definition is read; it counts as a launch.
    fn may_deploy_definition(
        &self,
        user: Option<&String>,
        size: usize,
    ) -> Result<Option<Claim>, Refused> {
        let rules = self.rules(user);
        if rules.launches == Permission::Refused {
            return Err(rules
                .broken(
                    Rule::Launches,
                    "launches are not allowed, so neither is deploying",
                )
                .into());
        }
        let bound = self.shared.config.definition_limits.bytes;
        if size > bound {
            let what = format!("the definition is too large: {size} bytes of at most {bound}");
            return Err(Refused::definition(what));
        }
        let quota = Quota::DefinitionBytes;
        if let Some(violation) = rules.over(quota, size as u64, "the definition has", "bytes") {
            return Err(violation.into());
        }
        let account = self.shared.tenants.account(user);
        let waiting = account.map(|account| account.queue(&rules, self.now()));
        Ok(waiting.transpose()?)
    }

    fn compile_deployed(
        &mut self,
        user: Option<String>,
        rules: Arc<Rules>,
        deploying: Deploying,
    ) -> Result<(), StoreError> {
        let source = deploying.source.clone();
        if let Some(loaded) = self.shared.definitions.cached(&source) {
            return self.definition_compiled(deploying, JobOutcome::Loaded(Ok(loaded)));
        }
        let task = Task::Compile { source, rules };
        self.submit(user, task, Waiting::Definition(Box::new(deploying)));
        Ok(())
    }

    pub(crate) fn definition_compiled(
        &mut self,
        deploying: Deploying,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        let JobOutcome::Loaded(loaded) = outcome else {
            return Ok(());
        };
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(failure) => return self.refuse_deployment(&deploying, &not_compiled(failure)),
        };
        let name = match self.may_have_name(&deploying, &loaded) {
            Ok(name) => name,
            Err(refused) => return self.refuse_deployment(&deploying, &refused),
        };
        let shard = self.shared.router.shard_of_definition(&name);
        let hash = SourceHash::of(&deploying.source);
        let slot = match self.earlier(&deploying, shard, &name, hash) {
            Ok(Some(version)) => Slot::Same(version),
            Ok(None) => match self.slot(&deploying, &name, (hash, loaded.hash)) {
                Ok(slot) => slot,
                Err(refused) => return self.refuse_deployment(&deploying, &refused),
            },
            Err(error) => match &deploying.origin {
                Origin::Message { delivery, .. } => {
                    return self.memory_is_damaged(shard, delivery, error);
                }
                Origin::Operator(..) => return Err(error),
            },
        };
        match slot {
            Slot::Same(version) => {
                let transaction = Transaction::new(shard);
                let deployed = DefinitionDeployed {
                    name,
                    version,
                    hash,
                    novelty: Novelty::Unchanged,
                };
                self.tell_deployed(&deploying, transaction, &deployed)
            }
            Slot::New(version) => self.store_version(&deploying, &loaded, name, version),
        }
    }

    /// The version that an earlier message with the same id has made, retired or not.
    fn earlier(
        &self,
        deploying: &Deploying,
        shard: ShardId,
        name: &DefinitionName,
        hash: SourceHash,
    ) -> Result<Option<Version>, StoreError> {
        let Some(seen) = seen_in(deploying, shard) else {
            return Ok(None);
        };
        Ok(match self.seen_before(&seen)? {
            Some(_) => self.catalog.version_with(name, hash),
            None => None,
        })
    }

    fn store_version(
        &mut self,
        deploying: &Deploying,
        loaded: &Arc<Loaded>,
        name: DefinitionName,
        version: Version,
    ) -> Result<(), StoreError> {
        let shard = self.shared.router.shard_of_definition(&name);
        let source = &deploying.source;
        let types = declared_types(source, &self.shared.config.definition_limits);
        let types = types.into_iter();
        let record = DefinitionRecord {
            program: loaded.hash,
            source: SourceHash::of(source),
            bytes: source.len() as u64,
            by: deploying.deployer(),
            at: self.now(),
            retired: None,
            types: types
                .map(|(name, declared)| (name, declared.name().to_owned()))
                .collect(),
        };
        let mut transaction = Transaction::new(shard);
        let key = keys::version(shard, &name, version);
        transaction.put(Table::Definitions, key.clone(), records::encode(&record)?);
        transaction.put(Table::Sources, key, source.to_vec());
        self.store_program(&mut transaction, loaded, &record.by)?;
        self.remember(&mut transaction, seen_in(deploying, shard), None)?;
        let schedule = loaded.program.conduct.schedule.as_ref();
        self.schedule_deployed(&mut transaction, (&name, version), (&record, schedule))?;
        self.catalog.plan(&name, version, &record);
        transaction.after.deployed.push((name.clone(), version));
        tracing::info!(name = %name, %version, by = %record.by, "a definition was deployed");
        let about = About::definition(&name, &[version]).of_user(record.by.user());
        let by = deploying.origin.initiator();
        transaction.audited = Some(AuditEntry::new(by, Verb::DeployDefinition, about));
        let deployed = DefinitionDeployed {
            name,
            version,
            hash: record.source,
            novelty: Novelty::New,
        };
        self.tell_deployed(deploying, transaction, &deployed)
    }

    /// Finishes a deployment: who asked for it gets the answer once it is durable.
    fn tell_deployed(
        &mut self,
        deploying: &Deploying,
        mut transaction: Transaction,
        deployed: &DefinitionDeployed,
    ) -> Result<(), StoreError> {
        match &deploying.origin {
            Origin::Message { delivery, .. } => {
                transaction.after.acknowledge.push(delivery.handle);
                if delivery.sender.waits() {
                    let view = self.deployed_view(deployed);
                    transaction.tell(delivery, Receipt::Deployed(view));
                }
                // An address that may not be given keeps nothing from being deployed.
                if let Ok(Some(reply_to)) = self.reply_to(delivery, &[]) {
                    let key = self.own_key(transaction.shard, OutboxKind::Reply);
                    transaction.publish(key, definition_deployed(&reply_to, deployed));
                }
            }
            Origin::Operator(reply, _) => {
                let view = self.deployed_view(deployed);
                let told = Told::Definition(reply.clone(), DefinitionAnswer::Deployed(view));
                transaction.after.told.push(told);
            }
        }
        self.finish(transaction)
    }

    fn deployed_view(&self, deployed: &DefinitionDeployed) -> DeployedView {
        let offered = self.catalog.offered(&deployed.name);
        let newest = offered.last().copied().max(Some(deployed.version));
        DeployedView::of(deployed, newest.unwrap_or(deployed.version))
    }

    fn refuse_deployment(
        &mut self,
        deploying: &Deploying,
        refused: &Refused,
    ) -> Result<(), StoreError> {
        let Refused { code, reasons } = refused;
        match &deploying.origin {
            Origin::Message { delivery, .. } => self.refuse(delivery, code, reasons),
            Origin::Operator(reply, _) => {
                let reasons = reasons.clone();
                // The operator may be gone.
                let _ = reply.try_send(DefinitionAnswer::Refused { reasons });
                Ok(())
            }
        }
    }
}

/// The hash by which a deployment is remembered, in the shard of its name.
fn seen_in(deploying: &Deploying, shard: ShardId) -> Option<[u8; 32]> {
    let mut hash = deploying.seen?;
    hash[0] = shard.0;
    Some(hash)
}

fn not_compiled(failure: LoadFailure) -> Refused {
    match failure {
        LoadFailure::Refused { code, reasons } => Refused { code, reasons },
        LoadFailure::Environment(reason) => Refused::definition(format!(
            "the engine could not compile the definition; deploy it again later: {reason}"
        )),
    }
}
