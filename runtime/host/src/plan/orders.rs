//! Operators' orders: each is a transaction of its process, and is answered once that is durable.

use super::{
    Planner,
    transaction::{Cause, Transaction, Work},
    work::Done,
};
use crate::operate::{
    Told,
    audit_log::AuditEntry,
    bulk::BulkOutcome,
    commands::{Command, Order, OrderOutcome, Reply},
};
use bureaucrat_model::{
    Change, Fault, FaultCode, HistoryEvent, Initiator, Input, Modification, NO_REASON, Parking,
    PartOf, ProcessId, Refusal, Status,
};
use bureaucrat_store::StoreError;

impl Planner {
    pub(crate) fn ordered(&mut self, command: Command) -> Result<(), StoreError> {
        let process = command.process;
        if !self.shared.config.sharing.has(process.shard()) {
            let mut transaction = Transaction::new(self.some_shard());
            self.tell(&mut transaction, command, OrderOutcome::Elsewhere)?;
            return self.finish(transaction);
        }
        self.begin(
            process,
            Transaction::of(process, Work::Order(Box::new(command))),
        )
    }

    /// Carries out an order if its process allows it; further work follows in the same transaction.
    pub(super) fn obey(
        &mut self,
        transaction: &mut Transaction,
        command: Command,
    ) -> Result<Done, StoreError> {
        if let Reply::Bulk(bulk) = &command.reply
            && self.was_ordered(transaction, (bulk.job, bulk.place))?
        {
            return Ok(Done::Yes);
        }
        if let Reply::Bulk(bulk) = &command.reply
            && self.hold(transaction, command.process)?
            && let Some(held) = transaction.held.get(&command.process)
            && !self.is_wanted(&bulk.wanted, &held.instance)?
        {
            let of = (bulk.job, bulk.place);
            self.note_in_bulk(transaction, of, BulkOutcome::Changed)?;
            return Ok(Done::Yes);
        }
        if let Some(modification) = self.modification(transaction, &command)? {
            return self.modify(transaction, command, &modification);
        }
        if let Order::Migrate(migration) = &command.order {
            let migration = migration.clone();
            return self.migrate(transaction, command, &migration);
        }
        let given = (command.order.clone(), command.by.clone());
        let outcome = self.outcome_of(transaction, command.process, given)?;
        self.tell(transaction, command, outcome)
    }

    /// Tells the outcome of an order. One that is carried out has its entry in the audit log.
    pub(super) fn tell(
        &mut self,
        transaction: &mut Transaction,
        command: Command,
        outcome: OrderOutcome,
    ) -> Result<Done, StoreError> {
        let (process, by) = (command.process, &command.by);
        tracing::info!(%process, %by, "{}", outcome.after(command.order.done()));
        if outcome == OrderOutcome::Done {
            let held = transaction.held.get(&process);
            transaction.audited = AuditEntry::of(&command, held.map(|held| &held.instance));
        }
        match command.reply {
            Reply::Operator(reply) => transaction.after.told.push(Told::Order(reply, outcome)),
            Reply::Bulk(bulk) => {
                let outcome = BulkOutcome::of(&outcome);
                self.note_in_bulk(transaction, (bulk.job, bulk.place), outcome)?;
            }
        }
        Ok(Done::Yes)
    }

    /// How an order changes a part of its process, if it does. Retrying what is neither parked nor stuck is about the only
    /// part that waits.
    fn modification(
        &mut self,
        transaction: &mut Transaction,
        command: &Command,
    ) -> Result<Option<Modification>, StoreError> {
        match &command.order {
            Order::Modify(modification) => Ok(Some(modification.clone())),
            Order::Retry { reason } => {
                self.hold(transaction, command.process)?;
                let held = transaction.held.get(&command.process);
                let is_plain = held.is_some_and(|held| {
                    held.instance.status == Status::Running && held.instance.stuck == 0
                });
                Ok(is_plain.then(|| Modification {
                    part: PartOf::Only,
                    change: Change::Retry,
                    reason: reason.clone(),
                    dry_run: false,
                }))
            }
            Order::Migrate(_)
            | Order::Cancel { .. }
            | Order::Suspend { .. }
            | Order::Resume { .. }
            | Order::Terminate { .. } => Ok(None),
        }
    }

    /// Why a process is parked, if it is; or the outcome of any order for one that is not there or has ended.
    pub(super) fn standing(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
    ) -> Result<Result<Option<Parking>, OrderOutcome>, StoreError> {
        if !self.hold(transaction, process)? {
            return Ok(Err(match self.is_hidden(process) {
                true => OrderOutcome::Damaged,
                false => OrderOutcome::Unknown,
            }));
        }
        let held = transaction.held.get(&process);
        Ok(match held.map(|held| &held.instance.status) {
            None => Err(OrderOutcome::Unknown),
            Some(Status::Ended(_)) => Err(OrderOutcome::Ended),
            Some(status @ (Status::Running | Status::Parked { .. })) => Ok(status.parking()),
        })
    }

    fn outcome_of(
        &mut self,
        transaction: &mut Transaction,
        process: ProcessId,
        (order, by): (Order, Initiator),
    ) -> Result<OrderOutcome, StoreError> {
        let parking = match self.standing(transaction, process)? {
            Ok(parking) => parking,
            Err(outcome) => return Ok(outcome),
        };
        let (event, work) = match (order, parking) {
            (Order::Retry { reason }, None) => {
                let work = Work::Step {
                    process,
                    input: Input::Retry,
                    cause: Cause::Other,
                };
                (HistoryEvent::Retried { reason, by }, work)
            }
            (Order::Retry { reason }, Some(Parking::Incident)) => {
                (HistoryEvent::Retried { reason, by }, Work::Resume(process))
            }
            (Order::Retry { .. } | Order::Suspend { .. }, Some(Parking::Suspended)) => {
                return Ok(OrderOutcome::Suspended);
            }
            (Order::Suspend { reason }, None | Some(Parking::Incident)) => {
                self.suspend(transaction, process, (reason, by))?;
                return Ok(OrderOutcome::Done);
            }
            (Order::Resume { reason }, Some(Parking::Suspended)) => (
                HistoryEvent::ProcessResumed { reason, by },
                Work::Resume(process),
            ),
            (Order::Resume { .. }, None | Some(Parking::Incident)) => {
                return Ok(OrderOutcome::NotSuspended);
            }
            // What changes a part needs the program, and has a way of its own.
            (Order::Modify(_) | Order::Migrate(_), _) => {
                return Ok(OrderOutcome::Refused(Refusal::NothingWaits));
            }
            (Order::Terminate { reason }, _) => {
                let fault = Fault::from_outside(FaultCode::TERMINATED, told(&reason, &by));
                let event = HistoryEvent::Terminated { reason, by };
                (event, Work::Terminate(process, fault))
            }
            (Order::Cancel { reason }, _) => {
                let fault = Fault::from_outside(FaultCode::CANCELLED, told(&reason, &by));
                let event = HistoryEvent::Cancelled { reason, by };
                (event, Work::Cancel { process, fault })
            }
        };
        transaction.record(process, self.now(), event);
        transaction.work.push_front(work);
        Ok(OrderOutcome::Done)
    }

    /// Parks a process until an operator resumes it. One that is an incident stays parked, and is not
    /// tried again meanwhile.
    fn suspend(
        &self,
        transaction: &mut Transaction,
        process: ProcessId,
        (mut reason, by): (String, Initiator),
    ) -> Result<(), StoreError> {
        let Some(held) = transaction.held.get_mut(&process) else {
            return Ok(());
        };
        let limit = self.shared.config.engine_limits.fault_message_bytes;
        reason.truncate(reason.floor_char_boundary(limit));
        let status = &mut held.instance.status;
        status.park(Parking::Suspended, reason.clone());
        let event = HistoryEvent::ProcessSuspended { reason, by };
        transaction.record(process, self.now(), event);
        Ok(())
    }
}

/// What the fault of a process says that was ended from outside: an operator's reason is enough, if there is one.
fn told(reason: &str, by: &Initiator) -> String {
    let reason = if reason == NO_REASON { "" } else { reason };
    let by = match by {
        Initiator::Operator(_) | Initiator::Replacement { .. } if !reason.is_empty() => {
            return reason.to_owned();
        }
        Initiator::Operator(operator) => format!("by {operator}"),
        Initiator::Replacement { process } => format!("by the launch of process {process}"),
        Initiator::Message { user: Some(user) } => format!("by user {user}"),
        Initiator::Message { user: None } => "by a message without a user".to_owned(),
    };
    match reason {
        "" => by,
        reason => format!("{reason} ({by})"),
    }
}
