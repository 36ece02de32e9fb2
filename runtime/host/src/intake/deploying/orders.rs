//! Operators' orders about definitions: deploying one, and retiring versions.

use super::{Deploying, Origin};
use crate::{
    catalog::{DefinitionRecord, Resolution, Unresolved},
    operate::{
        Told,
        audit_log::{About, AuditEntry, Verb},
        definitions::DefinitionAnswer,
    },
    plan::{Planner, transaction::Transaction},
};
use bureaucrat_model::{DefinitionRef, Initiator, Operator};
use bureaucrat_policy::Rules;
use bureaucrat_store::{StoreError, Table, keys, records};
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;

/// What an operator orders.
#[derive(Debug)]
pub enum DefinitionOrder {
    Deploy {
        source: Arc<[u8]>,
    },
    /// Launch a version, or all versions of a name, no more.
    Retire(DefinitionRef),
}

/// An operator's order about definitions.
#[derive(Debug)]
pub struct DefinitionCommand {
    order: DefinitionOrder,
    by: Operator,
    /// Receives the answer once it is durable; nothing if the engine ends before.
    reply: Sender<DefinitionAnswer>,
}

impl DefinitionCommand {
    /// An order, and the receiver of its answer.
    pub fn new(order: DefinitionOrder, by: Operator) -> (Self, Receiver<DefinitionAnswer>) {
        let (reply, answer) = crossbeam_channel::bounded(1);
        (Self { order, by, reply }, answer)
    }
}

impl Planner {
    /// Carries out an operator's order.
    pub(crate) fn definition_ordered(
        &mut self,
        command: DefinitionCommand,
    ) -> Result<(), StoreError> {
        let DefinitionCommand { order, by, reply } = command;
        match order {
            DefinitionOrder::Deploy { source } => {
                let origin = Origin::Operator(reply, by);
                let deploying = Deploying {
                    source,
                    seen: None,
                    origin,
                };
                self.compile_deployed(None, Arc::new(Rules::open()), deploying)
            }
            DefinitionOrder::Retire(wanted) => self.retire(&wanted, by, reply),
        }
    }

    /// Retires a version, or all versions of a name: they are not launched any more.
    fn retire(
        &mut self,
        wanted: &DefinitionRef,
        by: Operator,
        reply: Sender<DefinitionAnswer>,
    ) -> Result<(), StoreError> {
        let name = &wanted.name;
        let found = self.catalog.resolve(wanted, |_, _| true);
        let versions = match (found, wanted.version) {
            (Err(error), _) => {
                let reason = match error {
                    Unresolved::Retired { name, version, .. } => {
                        format!("version {version} of `{name}` is already retired")
                    }
                    Unresolved::Name { .. }
                    | Unresolved::Version { .. }
                    | Unresolved::AllRetired(_)
                    | Unresolved::Damaged { .. } => error.to_string(),
                };
                let _ = reply.try_send(DefinitionAnswer::Unknown { reason });
                return Ok(());
            }
            (Ok(Resolution::Pending(_)), _) => {
                let reason = format!("`{wanted}` is just being deployed; try again");
                let _ = reply.try_send(DefinitionAnswer::Unknown { reason });
                return Ok(());
            }
            (Ok(_), Some(version)) => vec![version],
            (Ok(_), None) => self.catalog.offered(name),
        };
        let shard = self.shared.router.shard_of_definition(name);
        let mut transaction = Transaction::new(shard);
        for version in &versions {
            let key = keys::version(shard, name, *version);
            let store = &*self.shared.store;
            let read = records::read::<DefinitionRecord>(store, Table::Definitions, &key);
            let Some(Some(mut record)) = self.shared.damages.around(None, read)? else {
                continue;
            };
            record.retired = Some(self.now());
            transaction.put(Table::Definitions, key, records::encode(&record)?);
            self.catalog.retire(name, *version);
        }
        self.schedule_retired(&mut transaction, name, &versions);
        tracing::info!(name = %name, ?versions, %by, "a definition was retired");
        let about = About::definition(name, &versions);
        let by = Initiator::Operator(by);
        transaction.audited = Some(AuditEntry::new(by, Verb::RetireDefinition, about));
        let answer = DefinitionAnswer::Retired {
            name: name.clone(),
            versions,
            newest: self.catalog.offered(name).last().copied(),
        };
        transaction.after.told.push(Told::Definition(reply, answer));
        self.finish(transaction)
    }
}
