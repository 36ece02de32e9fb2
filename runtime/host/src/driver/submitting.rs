//! What is planned is submitted, and acted on once it is durable.

use super::Driver;
use crate::{
    commit::{CommitOutcome, Durable},
    marks::{self, Mark},
    plan::Ready,
};
use bureaucrat_model::{ShardGroup, Timestamp};
use bureaucrat_store::{Owner, StoreError, Unit};
use std::sync::atomic::Ordering;

impl Driver {
    /// Submits what is planned; returns how many plans.
    pub(super) fn submit(&mut self) -> Result<usize, StoreError> {
        let now = self.shared.time.now();
        let trims_are_due = self.actor.trims.due().is_some_and(|due| now >= due);
        if !self.planner.is_ready() && !trims_are_due && self.actor.aside.is_empty() {
            // Large messages that led to nothing, such as stale ones, must not keep others waiting.
            return Ok(self.intake.take_under_way().len());
        }
        let ready = self.planner.take_ready();
        let count = ready.len();
        let mut plans = Vec::with_capacity(count);
        for Ready {
            mut plan,
            withdrawn,
        } in ready
        {
            let accounts = |process| {
                let held = self.planner.residents.get(process);
                held.and_then(|held| held.account.clone())
            };
            self.actor.plan(&mut plan, withdrawn, accounts)?;
            plans.push(plan);
        }
        plans.extend(self.actor.tidy()?);
        let closing = self.closing(now)?;
        let large = self.intake.take_under_way();
        if let Some(outcome) = self.pipeline.submit(plans, closing, large) {
            self.committed(outcome)?;
        }
        Ok(count)
    }

    /// Part of every submission: what is removed beside it, and the mark of time, sequence and timers.
    fn closing(&mut self, now: Timestamp) -> Result<Unit, StoreError> {
        let mark = Mark {
            now,
            sequence: self.shared.sequence.load(Ordering::Acquire),
            fired: self.actor.timers.fired(now),
            epoch: self.shared.epoch.0,
        };
        let groups = self.shared.config.sharing.groups();
        let first = groups.iter().next().unwrap_or(ShardGroup::COMMON);
        let mut writes = self.shared.programs.removal(now);
        if self.shared.config.sharing.has_common() {
            writes.extend(self.planner.trim_audit_log(now)?);
        }
        writes.push(marks::write(first, &mark)?);
        // They belong to no shard, but an engine that has lost its shards must not write them
        // either.
        Ok(Unit {
            owner: Owner::Shard(first.first(), self.shared.epoch),
            writes,
        })
    }

    /// A submission has its outcome.
    pub(super) fn committed(&mut self, outcome: CommitOutcome) -> Result<(), StoreError> {
        self.shared.meters.commits.one();
        for durable in self.pipeline.settle(outcome)? {
            self.durable(durable)?;
        }
        self.planner.residents.shrink();
        Ok(())
    }

    /// Acts on a durable plan, which may lead to new work.
    pub(super) fn durable(&mut self, mut durable: Durable) -> Result<(), StoreError> {
        self.actor.act(&mut durable);
        for process in durable.processes {
            self.planner.residents.durable(process);
        }
        let after = durable.after;
        self.planner.remembered(&after.remembered);
        self.planner.keys_durable(&after.keys);
        for (name, version) in after.deployed {
            self.planner.catalog.durable(&name, version);
            self.planner.launching.look_again();
        }
        self.shared.definitions.names().durable(after.modules);
        for call in after.calls {
            self.planner.start_call(call)?;
        }
        for (process, record) in after.decided {
            self.planner.start_decided(process, record)?;
        }
        self.planner.kept.durable(after.kept);
        self.planner.bulk.durable(after.bulk);
        let now = self.shared.time.now();
        for arrived in after.arrived {
            self.planner.handouts.add(arrived, now);
        }
        match after.served {
            Some(served) => self.planner.served(&served),
            None => Ok(()),
        }
    }
}
