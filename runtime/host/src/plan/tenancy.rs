//! The policy for running processes: limits of steps, budgets of conditions, calls, and who may
//! answer.

use super::{
    Planner,
    residents::Found,
    transaction::{Cause, Held, Transaction},
    work::Done,
};
use crate::{
    broker::Delivery,
    definitions::{Loaded, compile_budget},
    tenants::{AccountOf, budget},
};
use bureaucrat_model::{
    ActivityPath, Bond, EngineLimits, Fault, FaultCode, FiberState, Input, ProcessId, Program,
    ProgramHash, ShardId, WaitKind,
};
use bureaucrat_policy::{Quota, Rule, Rules, Violation};
use bureaucrat_sandbox::{Budget, CompileBudget};
use bureaucrat_store::{StoreError, instances::read_head};
use std::sync::Arc;

/// Whether an answer may count.
pub(crate) enum Authority {
    Enough,
    /// The participant that it is for must be found out first.
    Unclear,
    /// Its user may not answer; holds the rule.
    Missing(Violation),
}

impl Planner {
    pub(crate) fn rules(&self, user: Option<&String>) -> Arc<Rules> {
        self.policy.of(user.map(String::as_str)).clone()
    }

    pub(crate) fn account(&self, user: Option<&String>) -> AccountOf {
        self.shared.tenants.account(user)
    }

    /// A process's record is removed, so its bytes no longer count. Returns its program, if the
    /// record is readable.
    pub(crate) fn uncount(&self, process: ProcessId) -> Result<Option<ProgramHash>, StoreError> {
        if let Found::Here(held) = self.residents.find(process) {
            if let Some(account) = &held.account {
                account.resize(held.rows.bytes(), 0);
            }
            return Ok(Some(held.instance.program));
        }
        let Some((head, bytes)) = read_head(&*self.shared.store, process)? else {
            return Ok(None);
        };
        if let Some(account) = self.account(head.user.as_ref()) {
            account.resize(bytes, 0);
        }
        Ok(Some(head.program))
    }

    /// The limits for a step of this instance. If a user's records have reached their quota, no
    /// instance may grow.
    pub(crate) fn limits_of(&self, held: &Held) -> EngineLimits {
        let Some(account) = &held.account else {
            return self.shared.config.engine_limits;
        };
        let user = held.instance.user.as_ref();
        let mut limits = self.limits_of_user(user);
        let most = self.rules(user).quotas.get(Quota::StoredBytes);
        if account.usage().bytes >= most {
            // No fiber grows beyond the largest, and no branches start that would not fit into the
            // current size.
            let fibers = held.instance.fibers.iter();
            let largest = fibers.map(|(_, fiber)| fiber.fields.size()).max();
            let stored = usize::try_from(held.rows.bytes()).unwrap_or(usize::MAX);
            limits.fields_bytes = limits.fields_bytes.min(largest.unwrap_or(stored));
            let now = held.instance.fibers.held_bytes();
            limits.instance_bytes = limits.instance_bytes.min(stored.max(now));
        }
        limits
    }

    /// The bounds of a user's processes.
    pub(crate) fn limits_of_user(&self, user: Option<&String>) -> EngineLimits {
        let base = self.shared.config.engine_limits;
        let quotas = &self.policy.of(user.map(String::as_str)).quotas;
        EngineLimits {
            fields_bytes: base.fields_bytes.min(quotas.size(Quota::FieldsBytes)),
            instance_bytes: base.instance_bytes.min(quotas.size(Quota::ProcessBytes)),
            call_depth: base.call_depth.min(quotas.count(Quota::CallDepth)),
            ..base
        }
    }

    /// What an evaluation for this instance may use.
    pub(crate) fn budget_of(&self, held: &Held) -> Budget {
        self.budget_of_user(held.instance.user.as_ref())
    }

    /// What an evaluation for a user may use.
    pub(crate) fn budget_of_user(&self, user: Option<&String>) -> Budget {
        budget(self.policy.of(user.map(String::as_str)))
    }

    /// What compiling a module for this user may use.
    pub(crate) fn compile_budget(&self, user: Option<&String>) -> CompileBudget {
        compile_budget(self.policy.of(user.map(String::as_str)))
    }

    /// The fault of a process that would send a task although its user has too many messages in the
    /// outbox.
    pub(crate) fn outbox_fault(&self, held: &Held, activity: &ActivityPath) -> Option<Fault> {
        let account = held.account.as_ref()?;
        let rules = self.policy.of(held.instance.user.as_deref());
        let violation = rules.over(
            Quota::OutboxRows,
            account.usage().rows,
            "the user's messages that wait in the outbox:",
            "rows",
        )?;
        Some(Fault {
            code: FaultCode::new(FaultCode::LIMIT_EXCEEDED),
            message: violation.to_string(),
            activity: activity.clone(),
            line: 0,
            data: None,
            source: bureaucrat_model::FaultSource::Other,
        })
    }

    /// Why a process may not await, or emit, an event: its name was computed, or was allowed when it was launched.
    pub(super) fn event_refused(
        &self,
        held: &Held,
        event: &str,
        rule: Rule,
    ) -> Option<(&'static str, String)> {
        let rules = self.policy.of(held.instance.user.as_deref());
        let (allowed, doing) = if rule == Rule::Publishes {
            (&rules.publishes, "publishing")
        } else {
            (&rules.awaits, "awaiting")
        };
        if allowed.matches(event) {
            return None;
        }
        let what = format!("{doing} the event `{event}` is not allowed");
        let violation = rules.broken(rule, what);
        Some((FaultCode::NOT_ALLOWED, violation.to_string()))
    }

    /// Checks a called definition, whose text has so many bytes, against the rules of its caller's user, and counts the new
    /// process.
    pub(crate) fn admit_call(
        &self,
        user: Option<&String>,
        size: u64,
        bond: Bond,
        loaded: &Loaded,
    ) -> Result<(), String> {
        let rules = self.rules(user);
        let too_large = rules.over(
            Quota::DefinitionBytes,
            size,
            "the called definition has",
            "bytes",
        );
        let mut violations = self.violations(&rules, user, loaded);
        violations.extend(too_large);
        if violations.is_empty()
            && let Some(account) = self.account(user)
        {
            let queued = match bond {
                Bond::Awaited => Ok(()),
                Bond::Detached => account.queue(&rules, self.now()).map(drop),
            };
            let started = queued.and_then(|()| account.start(&rules));
            violations.extend(started.err());
        }
        if violations.is_empty() {
            return Ok(());
        }
        let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
        Err(reasons.join("; "))
    }

    /// Whether the user of an answer may answer for its participant.
    pub(crate) fn authority(
        &self,
        held: &Held,
        program: Option<&Program>,
        input: &Input,
        cause: &Cause,
    ) -> Authority {
        let (Input::Answer { activity, turn, .. }, user) = (input, cause.answerer()) else {
            return Authority::Enough;
        };
        let Some(user) = user else {
            return Authority::Enough;
        };
        let rules = self.policy.of(user.map(String::as_str));
        if rules.answers.is_all() {
            return Authority::Enough;
        }
        let fibers = &held.instance.fibers;
        let asked: Vec<_> = match turn {
            Some(turn) => fibers.waiting(*turn).into_iter().collect(),
            None => fibers.iter().collect(),
        };
        for (_, fiber) in asked {
            let FiberState::Waiting(wait) = &fiber.state else {
                continue;
            };
            let WaitKind::Answer { participant, .. } = &wait.kind else {
                continue;
            };
            let site = program.and_then(|program| program.op(fiber.at));
            let is_other = site.is_some_and(|(_, site)| wait.task_activity(&site.path) != activity);
            if is_other || rules.answers.matches(participant) {
                continue;
            }
            if program.is_none() {
                return Authority::Unclear;
            }
            let what = format!("answering for participant `{participant}` is not allowed");
            return Authority::Missing(rules.broken(Rule::Answers, what));
        }
        Authority::Enough
    }

    /// An answer that may not count becomes a dead letter; its process is unchanged.
    pub(crate) fn refuse_answer(
        &mut self,
        transaction: &mut Transaction,
        cause: Cause,
        violation: &Violation,
    ) -> Result<Done, StoreError> {
        if let Cause::Answer(delivery) = cause {
            let letter = self.violation(transaction.shard, &delivery, violation)?;
            transaction.absorb(letter);
        }
        Ok(Done::Yes)
    }

    /// The same for an answer for which this cannot be decided, because the program cannot be
    /// loaded.
    pub(crate) fn refuse_unclear(
        &mut self,
        transaction: &mut Transaction,
        cause: Cause,
    ) -> Result<(), StoreError> {
        let rules = self.rules(cause.answerer().flatten());
        let what = "the process can't be loaded, and the user may not answer for every \
                    participant that it may wait for";
        let violation = rules.broken(Rule::Answers, what);
        self.refuse_answer(transaction, cause, &violation)?;
        Ok(())
    }

    /// A transaction that makes a message a dead letter because it violates a rule.
    pub(crate) fn violation(
        &mut self,
        shard: ShardId,
        delivery: &Delivery,
        violation: &Violation,
    ) -> Result<Transaction, StoreError> {
        let code = violation.rule.code();
        self.dead_letter(shard, delivery, code, &violation.to_string())
    }
}
