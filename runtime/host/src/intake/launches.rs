//! Launches: from a delivery, through its user's line, to a process or a refusal.
//!
//! A launch that the policy allows waits in its user's line, unacknowledged. The lines are served
//! in turn, so that one user's flood is only one line. Launches beyond a user's quotas are refused
//! at once, so that they take up none of the prefetch.

use super::{definition::DefinitionText, launching::LaunchInHand, refusal::Refusal};
use crate::{
    broker::Delivery,
    compute::{JobOutcome, Task},
    definitions::{LoadFailure, Loaded, LoadedProgram},
    meters::Began,
    operate::handing_in::Receipt,
    plan::{
        Planner,
        jobs::Waiting,
        transaction::{Transaction, Work},
    },
    tenants::Claim,
};
use bureaucrat_model::{Fields, Launch, ProcessId, Redelivered, ReplyTo};
use bureaucrat_policy::{Permission, Quota, Rule};
use bureaucrat_store::{
    StoreError, Table,
    keys::{self, OutboxKind},
};
use bureaucrat_wire::{ReplyAddress, Report, Reserved, notice, reply};
use std::sync::Arc;

impl Planner {
    pub(crate) fn launch_arrived(
        &mut self,
        delivery: Delivery,
        process: ProcessId,
        seen: Option<[u8; 32]>,
        text: DefinitionText,
    ) -> Result<(), StoreError> {
        let Some(delivery) = self.launching.repeat(process, delivery) else {
            return Ok(());
        };
        if let Some(hash) = &seen {
            match self.seen_before(hash) {
                Ok(None) => {}
                Ok(Some(first)) => return self.launch_repeated(process, &delivery, first),
                Err(error) => return self.memory_is_damaged(process.shard(), &delivery, error),
            }
        }
        let user = delivery.properties.user_id.clone();
        let named = self.read_named(&delivery, &text);
        let admitted = named.and_then(|named| {
            let size = named.is_none().then(|| text.of(&delivery.body).len());
            Ok((self.admit(&delivery, size)?, named))
        });
        let mut in_hand = LaunchInHand {
            deliveries: vec![delivery],
            arrived: self.now(),
            text,
            seen,
            waiting: None,
            named: None,
            key: None,
            kept: None,
        };
        let named = admitted.map(|(waiting, named)| {
            in_hand.waiting = waiting;
            named
        });
        self.queue_launch(user, process, in_hand, named)
    }

    /// The checks before a launch's definition is read; `size` is that of one that comes with it.
    fn admit(&self, delivery: &Delivery, size: Option<usize>) -> Result<Option<Claim>, Refusal> {
        let size = size.unwrap_or(0);
        let user = delivery.properties.user_id.as_ref();
        let rules = self.rules(user);
        if rules.launches == Permission::Refused {
            let violation = rules.broken(Rule::Launches, "launches are not allowed");
            return Err(Refusal::Rules(vec![violation]));
        }
        let bound = self.shared.config.definition_limits.bytes;
        if size > bound {
            return Err(Refusal::definition(format!(
                "the definition is too large: {size} bytes of at most {bound}"
            )));
        }
        let quota = Quota::DefinitionBytes;
        if let Some(violation) = rules.over(quota, size as u64, "the definition has", "bytes") {
            return Err(Refusal::Rules(vec![violation]));
        }
        let Some(account) = self.shared.tenants.account(user) else {
            return Ok(None);
        };
        account
            .queue(&rules, self.now())
            .map(Some)
            .map_err(Refusal::ForNow)
    }

    /// Begins a portion of the waiting launches, one of each user in turn; returns how many.
    pub(crate) fn serve_lines(&mut self) -> Result<usize, StoreError> {
        let mut served = 0;
        if self.launching.may_begin() {
            self.look_for_deployments()?;
        }
        let config = self.shared.config.clone();
        while served < config.group_launches
            && self.launching.may_begin()
            && self.ready_bytes() < config.group_bytes
        {
            let Some((user, process)) = self.launching.next() else {
                break;
            };
            served += 1;
            if let Some(named) = self.launching.named(process) {
                self.serve_named(user, process, &named)?;
                continue;
            }
            let body = self.launching.definition(process);
            if let Some(loaded) = self.shared.definitions.cached(body) {
                self.launch_compiled(process, JobOutcome::Loaded(Ok(loaded)))?;
            } else if self.launching.compilations() < config.compiling_launches {
                let source: Arc<[u8]> = Arc::from(body);
                let rules = self.rules(user.as_ref());
                self.launching.compiling();
                let task = Task::Compile { source, rules };
                self.submit(user, task, Waiting::Launch(process));
            } else {
                self.launching.wait(user, process);
            }
        }
        Ok(served)
    }

    pub(crate) fn launch_compiled(
        &mut self,
        process: ProcessId,
        outcome: JobOutcome,
    ) -> Result<(), StoreError> {
        if !self.launching.expects(process, &outcome) {
            return Ok(());
        }
        let Some(in_hand) = self.launching.take(process) else {
            return Ok(());
        };
        let JobOutcome::Loaded(loaded) = outcome else {
            return Ok(());
        };
        let mut in_hand = in_hand;
        if let Ok(loaded) = &loaded {
            if let Err(refusal) = self.settle_key(process, &mut in_hand, loaded) {
                return self.refuse_launch(process, in_hand, &refusal);
            }
            match self.look_at_key(process, in_hand, loaded)? {
                Some(free) => in_hand = free,
                None => return Ok(()),
            }
        }
        let admitted = match loaded {
            Err(LoadFailure::Refused { code, reasons }) => {
                Err(Refusal::Definition { code, reasons })
            }
            Err(LoadFailure::Environment(reason)) => Err(Refusal::Environment(reason)),
            Ok(loaded) => self
                .admit_compiled(&in_hand, &loaded)
                .map(|to| (loaded, to)),
        };
        match admitted {
            Ok((loaded, reply_to)) => self.start(process, in_hand, loaded, reply_to),
            Err(refusal) => self.refuse_launch(process, in_hand, &refusal),
        }
    }

    /// Checks a compiled definition against its user's rules, and counts the new process.
    fn admit_compiled(
        &self,
        in_hand: &LaunchInHand,
        loaded: &Loaded,
    ) -> Result<Option<ReplyTo>, Refusal> {
        let Some(first) = in_hand.deliveries.first() else {
            return Ok(None);
        };
        let user = first.properties.user_id.as_ref();
        let participants: Vec<String> = loaded.profile.participants.keys().cloned().collect();
        let reply_to = self.reply_to(first, &participants)?;
        let rules = self.rules(user);
        let violations = self.violations(&rules, user, loaded);
        if !violations.is_empty() {
            return Err(Refusal::Rules(violations));
        }
        if let Some(chosen) = in_hand.chosen() {
            self.check_fields(user, loaded, &chosen.fields)?;
        }
        if let Some(account) = self.shared.tenants.account(user) {
            account.start(&rules).map_err(Refusal::ForNow)?;
        }
        Ok(reply_to)
    }

    fn start(
        &mut self,
        process: ProcessId,
        in_hand: LaunchInHand,
        loaded: Arc<Loaded>,
        reply_to: Option<ReplyTo>,
    ) -> Result<(), StoreError> {
        let Some(first) = in_hand.deliveries.first() else {
            return Ok(());
        };
        let chosen = in_hand.chosen();
        let launch = Launch {
            process,
            program: loaded.hash,
            user: first.properties.user_id.clone(),
            reply_to,
            caller: None,
            message_id: first.properties.message_id.clone(),
            redelivered: if in_hand.seen.is_some() {
                Redelivered::No
            } else {
                first.redelivered
            },
            fields: chosen.map_or_else(Fields::new, |chosen| chosen.fields.clone()),
            version: chosen.map(|chosen| chosen.version),
            key: in_hand.key.as_ref().map(|key| key.text.clone()),
        };
        if launch.redelivered == Redelivered::Perhaps {
            tracing::info!(%process, "launched by a message without an id that the broker had \
                                      delivered before; this may be a repeat");
        }
        let mut transaction = Transaction::new(process.shard());
        transaction.after.began = Some(Began::Launch(in_hand.arrived));
        transaction.after.acknowledge = in_hand.handles();
        if in_hand.kept.is_some() {
            transaction.delete(Table::Launches, keys::instance(process));
        }
        self.remember(&mut transaction, in_hand.seen, Some(process))?;
        if let Some((hash, _)) = self.key_of(&in_hand, &loaded) {
            self.claim_key(&mut transaction, hash, process);
        }
        transaction.tell(first, Receipt::Launched { process });
        for repeated in in_hand.deliveries.iter().skip(1) {
            self.tell_launcher_again(&mut transaction, repeated, Some(process));
        }
        let work = Work::Launch {
            launch: Box::new(launch),
            loaded: LoadedProgram(loaded),
        };
        self.begin(process, transaction.then(work))
    }

    /// The launcher's address, unless it may not give that one; `participants` are those of its
    /// definition, as far as they are known.
    pub(crate) fn reply_to(
        &self,
        delivery: &Delivery,
        participants: &[String],
    ) -> Result<Option<ReplyTo>, Refusal> {
        let Some(queue) = delivery.properties.reply_to.clone() else {
            return Ok(None);
        };
        let config = &self.shared.config;
        let reserved = Reserved {
            engine_queues: &config.engine_queues,
            engine_exchanges: &config.engine_exchanges,
            routes: &config.routes,
            participants,
        };
        let queue = ReplyAddress::parse(&queue, &reserved)
            .map_err(|error| Refusal::definition(error.to_string()))?
            .into_queue();
        let rules = self.rules(delivery.properties.user_id.as_ref());
        if !rules.reply_to.matches(&queue) {
            let what = format!("replies to `{queue}` are not allowed");
            return Err(Refusal::Rules(vec![rules.broken(Rule::ReplyTo, what)]));
        }
        Ok(Some(ReplyTo {
            queue,
            correlation_id: delivery.properties.correlation_id.clone(),
        }))
    }

    fn launch_repeated(
        &mut self,
        process: ProcessId,
        delivery: &Delivery,
        first: Option<ProcessId>,
    ) -> Result<(), StoreError> {
        tracing::debug!(process = ?first, "a launch with this message id took effect before");
        let mut transaction = Transaction::acknowledging(process.shard(), delivery.handle);
        self.tell_launcher_again(&mut transaction, delivery, first);
        match first {
            // The first launch may be waiting for a job: it must be durable before the repeat is
            // acknowledged.
            Some(process) => self.begin(process, transaction),
            None => self.finish(transaction),
        }
    }

    /// Replies to a repeated launch like to the first.
    fn tell_launcher_again(
        &mut self,
        transaction: &mut Transaction,
        delivery: &Delivery,
        first: Option<ProcessId>,
    ) {
        let reasons = ["an earlier message with this id was refused".to_owned()];
        transaction.tell(
            delivery,
            match first {
                Some(process) => Receipt::Launched { process },
                None => Receipt::rejected(&reasons),
            },
        );
        let Ok(Some(reply_to)) = self.reply_to(delivery, &[]) else {
            return;
        };
        let message = match first {
            Some(process) => reply(&reply_to, Some(process), Report::Launched),
            None => reply(&reply_to, None, Report::Rejected { reasons: &reasons }),
        };
        let key = self.own_key(transaction.shard, OutboxKind::Reply);
        transaction.publish(key, message);
    }

    pub(crate) fn refuse_launch(
        &mut self,
        process: ProcessId,
        in_hand: LaunchInHand,
        refusal: &Refusal,
    ) -> Result<(), StoreError> {
        let Some(first) = in_hand.deliveries.first() else {
            return Ok(());
        };
        self.count_refusal(refusal);
        let shard = process.shard();
        let reasons = refusal.reasons();
        let text = reasons.join("\n");
        let seen = match refusal {
            Refusal::Definition { .. } | Refusal::Rules(_) => in_hand.seen,
            Refusal::ForNow(_)
            | Refusal::Unresolved(_)
            | Refusal::Key(_)
            | Refusal::Environment(_) => None,
        };
        let mut transaction = self.set_aside(shard, first, refusal.code(), &text)?;
        transaction.after.acknowledge = in_hand.handles();
        if in_hand.kept.is_some() {
            transaction.delete(Table::Launches, keys::instance(process));
        }
        self.remember(&mut transaction, seen, None)?;
        let reasons = &reasons;
        for delivery in &in_hand.deliveries {
            transaction.tell(delivery, Receipt::rejected(reasons));
            if let Ok(Some(reply_to)) = self.reply_to(delivery, &[]) {
                let message = reply(&reply_to, None, Report::Rejected { reasons });
                transaction.publish(self.own_key(shard, OutboxKind::Reply), message);
            }
        }
        let message = notice(
            &self.shared.config.notice_exchange,
            None,
            "",
            Report::Rejected { reasons },
        );
        transaction.publish(self.own_key(shard, OutboxKind::Notice), message);
        match refusal {
            // The process that has the key may be waiting for a job: it must be durable before the
            // launch is refused because of it.
            Refusal::Key(taken) => self.begin(taken.holder(), transaction),
            Refusal::Definition { .. }
            | Refusal::Rules(_)
            | Refusal::ForNow(_)
            | Refusal::Unresolved(_)
            | Refusal::Environment(_) => self.finish(transaction),
        }
    }
}
