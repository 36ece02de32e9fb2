//! Orders that change where a part of a process stands: the engine says whether they mean anything there.

use super::{
    Planner,
    tasks::task_row,
    transaction::{Held, Transaction, Work},
    work::Done,
};
use crate::{
    compute::Task,
    operate::commands::{Command, OrderOutcome},
};
use bureaucrat_engine::{modify, planned_modification};
use bureaucrat_model::{
    Change, Effect, Modification, Parking, ProcessId, Program, Refusal, Relocation,
};
use bureaucrat_store::{StoreError, Table};

/// What a message has around its fields: levels, and bytes at most.
const ENVELOPE: (usize, usize) = (4, 64 << 10);

/// How deep a JSON text nests.
fn levels(text: &str) -> usize {
    let (mut level, mut deepest): (usize, usize) = (0, 0);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                level += 1;
                deepest = deepest.max(level);
            }
            b']' | b'}' => level = level.saturating_sub(1),
            b'"' => {
                // To the end of the text, past what is escaped.
                while let Some(byte) = bytes.next()
                    && byte != b'"'
                {
                    if byte == b'\\' {
                        bytes.next();
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

impl Planner {
    /// Changes where a part of the process stands, once its program is at hand.
    pub(super) fn modify(
        &mut self,
        transaction: &mut Transaction,
        command: Command,
        modification: &Modification,
    ) -> Result<Done, StoreError> {
        let process = command.process;
        let parking = match self.standing(transaction, process)? {
            Ok(parking) => parking,
            Err(outcome) => return self.tell(transaction, command, outcome),
        };
        if modification.change == Change::Retry && parking == Some(Parking::Suspended) {
            return self.tell(transaction, command, OrderOutcome::Suspended);
        }
        let Some(held) = transaction.held.get(&process) else {
            return self.tell(transaction, command, OrderOutcome::Unknown);
        };
        let program = held.instance.program;
        let Some(loaded) = self.shared.definitions.cached_program(program) else {
            let resume = Work::Order(Box::new(command));
            return Ok(Done::after(Task::Load(program), resume));
        };
        if modification.dry_run {
            let outcome = match self.planned(held, &command, &loaded.program, modification) {
                Ok(part) => OrderOutcome::Planned(vec![part]),
                Err(refusal) => OrderOutcome::Refused(refusal),
            };
            return self.tell(transaction, command, outcome);
        }
        let modified = self.modified(transaction, &command, &loaded.program, modification)?;
        let outcome = match modified {
            Ok(effects) => {
                transaction.work.push_front(Work::Effects {
                    process,
                    effects: effects.into(),
                });
                OrderOutcome::Done
            }
            Err(refusal) => OrderOutcome::Refused(refusal),
        };
        self.tell(transaction, command, outcome)
    }

    fn planned(
        &self,
        held: &Held,
        command: &Command,
        program: &Program,
        modification: &Modification,
    ) -> Result<Relocation, Refusal> {
        if let Some(reason) = self.cannot_come_back(&modification.change) {
            return Err(Refusal::TooLarge { reason });
        }
        let (user, limits) = (
            held.instance.user.as_ref(),
            &self.shared.config.engine_limits,
        );
        let environment = self.environment(user, limits);
        let (instance, by) = (&held.instance, &command.by);
        planned_modification(program, instance, &environment, modification, by)
    }

    fn modified(
        &mut self,
        transaction: &mut Transaction,
        command: &Command,
        program: &Program,
        modification: &Modification,
    ) -> Result<Result<Vec<Effect>, Refusal>, StoreError> {
        let process = command.process;
        let Some(held) = transaction.held.get_mut(&process) else {
            return Ok(Err(Refusal::NothingWaits));
        };
        if let Some(reason) = self.cannot_come_back(&modification.change) {
            return Ok(Err(Refusal::TooLarge { reason }));
        }
        let user = held.instance.user.clone();
        let environment = self.environment(user.as_ref(), &self.shared.config.engine_limits);
        let before = held.instance.clone();
        let effects = match modify(
            program,
            &mut held.instance,
            &environment,
            modification,
            &command.by,
        ) {
            Ok(effects) => effects,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(participant) = self.unsent(process, &effects)? {
            held.instance = before;
            return Ok(Err(Refusal::NotSent { participant }));
        }
        Ok(Ok(effects))
    }

    /// Why no worker could send these fields back.
    fn cannot_come_back(&self, change: &Change) -> Option<String> {
        let (Change::Skip { fields } | Change::Set { fields, .. }) = change else {
            return None;
        };
        let limits = &self.shared.config.wire_limits;
        let (depth, bytes) = (
            limits.depth.saturating_sub(ENVELOPE.0),
            limits.body_bytes.saturating_sub(ENVELOPE.1),
        );
        if fields.size() > bytes {
            let size = fields.size();
            return Some(format!(
                "the fields take {size} bytes; at most {bytes} are allowed, so that a task can carry them"
            ));
        }
        let deep = fields
            .iter()
            .find(|(_, value)| levels(value.as_str()) > depth);
        deep.map(|(name, _)| {
            format!("the field `{name}` nests deeper than {depth} levels, which no answer may do")
        })
    }

    /// The participant of a task among these that is sent again although it waits for a destination that fails. One that
    /// is in the outbox leaves once (see `Actor::plan`).
    fn unsent(&self, process: ProcessId, effects: &[Effect]) -> Result<Option<String>, StoreError> {
        for effect in effects {
            let Effect::SendTask {
                turn, participant, ..
            } = effect
            else {
                continue;
            };
            let key = task_row(process, *turn).to_bytes();
            if self.shared.store.get(Table::Aside, &key)?.is_some() {
                return Ok(Some(participant.clone()));
            }
        }
        Ok(None)
    }

    /// The program of the process cannot be loaded, so nobody can say what the order means for it.
    pub(super) fn cannot_load(
        &mut self,
        transaction: &mut Transaction,
        command: Command,
        reason: String,
    ) -> Result<(), StoreError> {
        let refusal = Refusal::Unusable { reason };
        let told = self.tell(transaction, command, OrderOutcome::Refused(refusal));
        told.map(|_| ())
    }
}
