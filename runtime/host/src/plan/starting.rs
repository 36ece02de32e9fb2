//! Starting a process: its instance, its program, and the first replies and notices.

use super::{
    Planner,
    business::free_key,
    transaction::{Held, Transaction, Work},
    work::Done,
};
use crate::{catalog::Deployer, definitions::Loaded};
use bureaucrat_engine::launch;
use bureaucrat_model::Launch;
use bureaucrat_store::{
    StoreError, Table,
    instances::InstanceRows,
    keys::{OutboxKey, OutboxKind},
};
use bureaucrat_wire::{Report, notice, reply};
use std::sync::Arc;

impl Planner {
    /// Starts a process, unless its caller has ended meanwhile.
    pub(super) fn launch(
        &mut self,
        transaction: &mut Transaction,
        launching: Launch,
        loaded: &Arc<Loaded>,
    ) -> Result<Done, StoreError> {
        let process = launching.process;
        if let Some(caller) = &launching.caller
            && (self.knows(process)? || !self.awaits(transaction, caller.process, process)?)
        {
            tracing::debug!(%process, "its caller ended before it started, or it was already \
                                       started");
            if let Some(account) = self.account(launching.user.as_ref()) {
                account.end();
            }
            if let Some(key) = &launching.key {
                let name = &loaded.program.name;
                free_key(
                    transaction,
                    self.key_hash(launching.user.as_ref(), name, key),
                );
            }
            return Ok(Done::Yes);
        }
        let by = Deployer::of(launching.user.as_ref());
        self.store_program(transaction, loaded, &by)?;
        let limits = self.limits_of_user(launching.user.as_ref());
        let environment = self.environment(launching.user.as_ref(), &limits);
        let (instance, effects) = launch(&loaded.program, &launching, &environment);
        let now = self.now();
        self.shared.meters.launches.one();
        if let Some(reply_to) = &instance.reply_to {
            let key = OutboxKey {
                kind: OutboxKind::Reply,
                process,
                number: 0,
            };
            transaction.publish(key, reply(reply_to, Some(process), Report::Launched));
        }
        let message = notice(
            &self.shared.config.notice_exchange,
            Some(process),
            &instance.name,
            Report::Launched,
        );
        transaction.publish(
            OutboxKey {
                kind: OutboxKind::Notice,
                process,
                number: 0,
            },
            message,
        );
        tracing::debug!(%process, name = instance.name, at = %now, "launched");
        transaction.held.insert(
            process,
            Box::new(Held {
                rows: InstanceRows::default(),
                account: self.account(launching.user.as_ref()),
                instance,
            }),
        );
        transaction.work.push_front(Work::Effects {
            process,
            effects: effects.into(),
        });
        Ok(Done::Yes)
    }

    /// Writes a program and its modules, unless the store has them.
    pub(crate) fn store_program(
        &mut self,
        transaction: &mut Transaction,
        loaded: &Loaded,
        by: &Deployer,
    ) -> Result<(), StoreError> {
        let programs = &self.shared.programs;
        transaction.after.uses.push(programs.begin_use(loaded.hash));
        if programs.is_stored(loaded.hash) {
            return Ok(());
        }
        let (key, record) = (loaded.hash.0.to_vec(), loaded.stored.clone());
        transaction.put(Table::Programs, key, record);
        self.store_modules(transaction, loaded, by)
    }
}
