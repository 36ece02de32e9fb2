//! Modules over AMQP: a message with the content type `application/wasm` on the launch queue is a
//! component to store.
//!
//! It passes the same admission as a module in a definition, and the same policy as a launch of its
//! user. The reply contains its hash, or the reasons for refusing it; a refused message becomes a
//! dead letter. Storing a module twice changes nothing, so nothing needs to be remembered.

use super::definition::DefinitionText;
use crate::{
    broker::{Delivery, DeliveryHandle},
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, module_class},
    plan::{Planner, jobs::Waiting, transaction::Transaction},
    tenants::Claim,
};
use bureaucrat_model::{ModuleHash, ShardId};
use bureaucrat_policy::{ModuleClass, Permission, Quota, Rule, Violation};
use bureaucrat_sandbox::Guest;
use bureaucrat_store::{StoreError, Table, keys::OutboxKind};
use bureaucrat_wire::{MODULE_TYPE, Report, deployed, reply};
use std::sync::Arc;

/// A module that is being compiled.
pub struct Deployment {
    delivery: Delivery,
    component: Arc<[u8]>,
    /// Holds what it counts for.
    _text: DefinitionText,
    /// Its place in its user's line.
    _waiting: Option<Claim>,
}

impl Deployment {
    /// The delivery of the module.
    pub const fn handle(&self) -> DeliveryHandle {
        self.delivery.handle
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
        let claim = match self.may_deploy(&delivery, &component) {
            Ok(claim) => claim,
            Err(violation) => {
                let code = violation.rule.code();
                return self.refuse(&delivery, code, &[violation.to_string()]);
            }
        };
        let budget = self.compile_budget(user.as_ref());
        let deployment = Deployment {
            delivery,
            component: component.clone(),
            _text: text,
            _waiting: claim,
        };
        let task = Task::Admit { component, budget };
        self.submit(user, task, Waiting::Module(Box::new(deployment)));
        Ok(())
    }

    /// The checks before a module is read: a user who may not launch, or not use this module, may
    /// not deploy it. A module counts as a launch.
    fn may_deploy(
        &self,
        delivery: &Delivery,
        component: &[u8],
    ) -> Result<Option<Claim>, Violation> {
        let user = delivery.properties.user_id.as_ref();
        let rules = self.rules(user);
        if rules.launches == Permission::Refused {
            return Err(rules.broken(Rule::Launches, "launches are not allowed"));
        }
        let hash = ModuleHash::of(component);
        if let Some(violation) = rules.check_module(hash, ModuleClass::Small).pop() {
            return Err(violation);
        }
        let size = component.len() as u64;
        if let Some(violation) = rules.over(Quota::ModuleBytes, size, "the module has", "bytes") {
            return Err(violation);
        }
        let account = self.shared.tenants.account(user);
        account
            .map(|account| account.queue(&rules, self.now()))
            .transpose()
    }

    pub(crate) fn module_admitted(
        &mut self,
        deployment: &Deployment,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        let JobOutcome::Admitted(admitted) = outcome else {
            return Ok(());
        };
        let delivery = &deployment.delivery;
        let (code, reasons) = match admitted {
            Ok(guest) => return self.store_module(deployment, &guest),
            Err(LoadFailure::Refused { code, reasons }) => (code, reasons),
            Err(LoadFailure::Environment(reason)) => {
                let said = "the engine could not compile the module; publish it again later";
                ("definition", vec![format!("{said}: {reason}")])
            }
        };
        self.refuse(delivery, code, &reasons)
    }

    fn store_module(&mut self, deployment: &Deployment, guest: &Guest) -> Result<(), StoreError> {
        let delivery = &deployment.delivery;
        let hash = guest.hash();
        let class = module_class(guest);
        let user = delivery.properties.user_id.as_ref();
        if let Some(violation) = self.rules(user).check_module(hash, class).pop() {
            let code = violation.rule.code();
            return self.refuse(delivery, code, &[violation.to_string()]);
        }
        let reply_to = match self.reply_to(delivery, &[]) {
            Ok(reply_to) => reply_to,
            Err(refusal) => {
                let code = refusal.code();
                return self.refuse(delivery, code, &refusal.reasons());
            }
        };
        let shard = ShardId(hash.0[0]);
        let mut transaction = Transaction::acknowledging(shard, delivery.handle);
        transaction.put(
            Table::Modules,
            hash.0.to_vec(),
            deployment.component.to_vec(),
        );
        if let Some(reply_to) = reply_to {
            let key = self.own_key(shard, OutboxKind::Reply);
            transaction.publish(key, deployed(&reply_to, hash));
        }
        tracing::info!(module = %hash, user, "a module was deployed");
        self.finish(transaction)
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
        if let Ok(Some(reply_to)) = self.reply_to(delivery, &[]) {
            let message = reply(&reply_to, None, Report::Rejected { reasons });
            transaction.publish(self.own_key(shard, OutboxKind::Reply), message);
        }
        self.finish(transaction)
    }
}
