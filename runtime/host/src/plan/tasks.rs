//! Tasks: whether a process may send one, what is written of it, and what its participant is told
//! when nothing waits for its answer any more.

use super::{
    Planner,
    transaction::{Cause, Held, Transaction, Work},
};
use bureaucrat_engine::task_fields;
use bureaucrat_model::{
    AbandonedTask, ActivityId, ActivityPath, Answer, Cargo, Fields, HistoryEvent, Input, Op,
    Operand, ProcessId, Program, Site, TaskEnd, Timestamp, Turn, Via, Way,
};
use bureaucrat_policy::Rule;
use bureaucrat_store::{
    StoreError,
    histories::History,
    keys::{OutboxKey, OutboxKind},
};
use bureaucrat_wire::{Outgoing, Task as WireTask, can_carry, revocation, task, withdrawn};

/// A task that a process wants to send.
pub(super) struct Task {
    pub activity: ActivityPath,
    pub turn: Turn,
    pub participant: String,
    /// What the definition says of its way.
    pub way: Way,
    pub cargo: Cargo,
    pub expires: Option<Timestamp>,
}

impl Planner {
    /// Puts a task into the outbox, unless the process may not send it.
    pub(super) fn send_task(
        &self,
        transaction: &mut Transaction,
        process: ProcessId,
        asked: &Task,
    ) {
        let turn = asked.turn;
        let Some(held) = transaction.held.get(&process) else {
            return;
        };
        if let Some(fault) = self.outbox_fault(held, &asked.activity) {
            let work = Work::Cancel { process, fault };
            transaction.work.push_back(work);
            return;
        }
        let config = &self.shared.config;
        let via = config.routes.via(&asked.participant, asked.way.via);
        let fields = match (via, asked.cargo) {
            // The definition leaves the way to the settings, and gives no arguments.
            (Via::Celery, Cargo::All) => Some(Fields::new()),
            (_, Cargo::All | Cargo::Fields | Cargo::Arguments) => task_fields(&held.instance, turn),
        };
        let Some(fields) = fields else {
            return;
        };
        let results = config.sharing.results(process.shard(), &config.results);
        let message = task(
            &config.routes,
            &WireTask {
                process,
                path: &asked.activity,
                turn,
                participant: &asked.participant,
                way: &asked.way,
                fields: &fields,
                expires: asked.expires,
                results: &results,
            },
        );
        let cannot = can_carry(via, asked.cargo).err();
        let cannot = cannot.map(|error| error.to_string());
        match cannot.or_else(|| self.why_not_sent(held, asked, &message)) {
            Some(reason) => transaction.work.push_back(Work::Step {
                process,
                input: Input::TaskRefused { turn, reason },
                cause: Cause::Other,
            }),
            None => transaction.publish(task_row(process, turn), message),
        }
    }

    /// Why a task may not be sent: its participant or its destination was computed, or was allowed
    /// when the process was launched; or too much waits for its destination already.
    fn why_not_sent(&self, held: &Held, asked: &Task, message: &Outgoing) -> Option<String> {
        let (exchange, key) = (&*message.exchange, &*message.routing_key);
        let rules = self.policy.of(held.instance.user.as_deref());
        if !rules.participants.matches(&asked.participant) {
            let what = format!("the participant `{}` is not allowed", asked.participant);
            return Some(rules.broken(Rule::Participants, what).to_string());
        }
        if asked.way.via.is_some() || asked.way.has_destination() {
            let refused = self.reserved().refuses_task(exchange, key);
            if refused.is_some() {
                return refused;
            }
        }
        if asked.way.has_destination()
            && let Some(violation) = rules.task_refused(exchange, Some(key))
        {
            return Some(violation.to_string());
        }
        self.shared.full.has(exchange, key).then(|| {
            format!(
                "1 GiB of messages already wait for the routing key `{key}` of the exchange \
                 `{exchange}`, and nobody consumes them"
            )
        })
    }
}

impl Planner {
    /// Takes a task back. If nothing waits for its answer any more, its participant is told, should
    /// it have got the task.
    pub(super) fn withdraw_task(
        &self,
        transaction: &mut Transaction,
        process: ProcessId,
        turn: Turn,
        end: TaskEnd,
    ) -> Result<(), StoreError> {
        let row = task_row(process, turn);
        let tell = match end {
            TaskEnd::Settled => Vec::new(),
            TaskEnd::Abandoned(task) => self.notices(process, turn, task)?,
        };
        transaction.withdraw_telling(row, tell);
        Ok(())
    }

    fn notices(
        &self,
        process: ProcessId,
        turn: Turn,
        task: AbandonedTask,
    ) -> Result<Vec<(OutboxKey, Outgoing)>, StoreError> {
        let path = match task.activity {
            Some(path) => Some(path),
            None => self.sent_to(process, turn)?.map(|(path, _)| path),
        };
        let Some(path) = path else {
            return Ok(Vec::new());
        };
        let config = &self.shared.config;
        let participant = &*task.participant;
        let activity = ActivityId { process, path };
        let row = |kind| OutboxKey {
            kind,
            process,
            number: turn.0,
        };
        let notice = withdrawn(&config.cancel_exchange, activity.clone(), turn, participant);
        let mut tell = vec![(row(OutboxKind::Withdrawal), notice)];
        if config.routes.via(participant, task.via).is_celery() {
            let revocation = revocation(activity, turn);
            tell.push((row(OutboxKind::Revocation), revocation));
        }
        Ok(tell)
    }

    /// A participant is at work on a task that nothing waits for any more: it is told again.
    pub(super) fn tell_late_worker(
        &self,
        transaction: &mut Transaction,
        program: &Program,
        progress: Told,
    ) -> Result<(), StoreError> {
        let Told {
            process,
            path,
            turn,
        } = progress;
        let is_named = |(op, site): (&Op, &Site)| {
            let Op::Action {
                participant: Operand::Fixed(name),
                ..
            } = op
            else {
                return None;
            };
            (site.path == path).then(|| name.clone())
        };
        let written = program.ops.iter().zip(&program.sites).find_map(is_named);
        let participant = match written {
            Some(name) => Some(name),
            None => self.sent_to(process, turn)?.map(|(_, name)| name),
        };
        let Some(participant) = participant else {
            return Ok(());
        };
        let exchange = &self.shared.config.cancel_exchange;
        let activity = ActivityId { process, path };
        let notice = withdrawn(exchange, activity, turn, &participant);
        let row = self.own_key(process.shard(), OutboxKind::Withdrawal);
        transaction.publish(row, notice);
        Ok(())
    }

    /// Which activity sent a task, and to whom, as far as the process's history still has it.
    fn sent_to(
        &self,
        process: ProcessId,
        turn: Turn,
    ) -> Result<Option<(ActivityPath, String)>, StoreError> {
        let history = History::read(&*self.shared.store, process)?;
        for (_, entry) in history.entries() {
            if let HistoryEvent::TaskSent {
                activity,
                turn: sent,
                participant,
            } = &entry.event
                && *sent == turn
            {
                return Ok(Some((activity.clone(), participant.clone())));
            }
        }
        Ok(None)
    }
}

/// A sign of progress, by the process and the turn that it is for.
pub(super) struct Told {
    process: ProcessId,
    path: ActivityPath,
    turn: Turn,
}

impl Told {
    pub(super) fn of(process: ProcessId, input: &Input) -> Option<Self> {
        let Input::Answer {
            activity,
            turn: Some(turn),
            answer: Answer::Progress(_),
            ..
        } = input
        else {
            return None;
        };
        Some(Self {
            process,
            path: activity.clone(),
            turn: *turn,
        })
    }
}

pub(crate) fn task_row(process: ProcessId, turn: Turn) -> OutboxKey {
    OutboxKey {
        kind: OutboxKind::Task,
        process,
        number: turn.0,
    }
}
