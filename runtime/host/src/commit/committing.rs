//! The end of a turn: one commit of what is finished, then what follows from it.

use super::{Finished, Shard, TRIM_DELAY, TRIMS_MAX};
use crate::transaction::After;
use bureaucrat_model::Timestamp;
use bureaucrat_store::{Group, StoreError, Table, Unit, Verdict, Write, records};
use std::{ops::Bound, sync::atomic::Ordering};

impl Shard {
    /// Commits every finished transaction, with one sync, then acts. Returns how many there were.
    pub(super) fn commit(&mut self) -> Result<usize, StoreError> {
        let now = self.now();
        let trim = !self.trims.is_empty()
            && (!self.finished.is_empty()
                || self.trims.len() >= TRIMS_MAX
                || now >= self.trims_since.after(TRIM_DELAY));
        if self.finished.is_empty() && !trim {
            self.large_in_turn.clear();
            return Ok(0);
        }
        let transactions = std::mem::take(&mut self.finished);
        self.finished_bytes = 0;
        let count = transactions.len();
        let mut group = Group::default();
        let mut outcomes = Vec::with_capacity(count);
        for Finished {
            unit,
            processes,
            after,
        } in transactions
        {
            group.units.push(unit);
            outcomes.push((processes, after));
        }
        group.units.push(self.closing_unit(now)?);
        let verdicts = self.write(group, now)?;
        // While a transaction waits for a job, its message is remembered here alone.
        if self.busy.is_empty() {
            self.seen_now.clear();
        }
        for ((processes, after), verdict) in outcomes.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Committed => self.act(after)?,
                Verdict::Damaged { process } => {
                    let error = StoreError::Damaged {
                        table: Table::Instances,
                        key: records::hexadecimal(process.as_bytes()),
                        reason: "its version can't be read; what came for it stays with the broker"
                            .into(),
                    };
                    self.shared.damages.note(Some(process), &error);
                    processes.iter().for_each(|process| {
                        self.residents.remove(process);
                    });
                }
                Verdict::Conflict { process, found } => {
                    // Nobody else writes this shard's processes: this is a fault of the engine, and the delivery stays
                    // with the broker.
                    tracing::error!(%process, found = found.0, expected_by = ?processes, "a commit met another version");
                    for process in &processes {
                        self.residents.remove(process);
                    }
                }
            }
        }
        // What of it went into the outbox is counted there.
        self.large_in_turn.clear();
        self.forget_some();
        Ok(count)
    }

    /// Writes a group, and removes programs that nobody uses along with it.
    fn write(&self, mut group: Group, now: Timestamp) -> Result<Vec<Verdict>, StoreError> {
        let removal = self.shared.programs.removal(now);
        if let Some(removal) = &removal {
            let writes = removal.programs().iter().map(|program| Write::Delete {
                table: Table::Programs,
                key: program.0.to_vec(),
            });
            group.units.push(Unit::of(writes.collect()));
        }
        let verdicts = self.shared.store.commit(&group)?;
        if let Some(removal) = removal {
            removal.done();
        }
        Ok(verdicts)
    }

    /// The unit that goes with every group: rows that left the outbox, and how far time and sequence have come.
    fn closing_unit(&mut self, now: Timestamp) -> Result<Unit, StoreError> {
        let mut unit = Unit::default();
        for key in self.trims.drain(..) {
            unit.writes.push(Write::Delete {
                table: Table::Outbox,
                key: key.to_bytes(),
            });
        }
        let mark = crate::opened::Mark {
            now,
            sequence: self.shared.sequence.load(Ordering::Acquire),
        };
        unit.writes.push(Write::Put {
            table: Table::Meta,
            key: crate::opened::mark_key(self.id),
            value: records::encode(&mark)?,
        });
        Ok(unit)
    }

    /// What follows a durable transaction.
    fn act(&mut self, after: After) -> Result<(), StoreError> {
        for handle in after.acknowledge {
            self.shared.broker.acknowledge(handle);
        }
        for key in after.withdraw {
            self.outbox.withdraw(key);
        }
        for (key, message) in after.publish {
            let held = self.residents.get(&key.process);
            let account = held.and_then(|held| held.account.clone());
            self.outbox.insert(key, Some(message), account);
        }
        for (due, wait) in after.stopped {
            self.timers.remove(due, wait);
        }
        for (due, wait) in after.timers {
            self.timers.insert(due, wait);
        }
        for handout in after.handouts {
            self.shared.router.hand_out(&handout);
        }
        for (reply, outcome) in after.answers {
            // Whoever asked may have gone.
            let _ = reply.try_send(outcome);
        }
        for process in after.removed {
            self.residents.remove(&process);
        }
        for used in after.uses {
            used.keep();
        }
        for program in after.unused {
            self.shared.programs.end_use(program);
        }
        for handout in after.handed_out {
            self.handed_out(&handout)?;
        }
        for call in after.calls {
            self.start_call(call);
        }
        Ok(())
    }

    /// Keeps the number of instances in memory within its bound. Only called when everything is committed: an instance
    /// whose commit is still to come may not be forgotten.
    fn forget_some(&mut self) {
        while self.residents.len() > self.shared.config.residents {
            let after = (Bound::Excluded(self.forgotten), Bound::Unbounded);
            let next = self
                .residents
                .range(after)
                .next()
                .or_else(|| self.residents.iter().next());
            let Some(process) = next.map(|(process, _)| *process) else {
                break;
            };
            self.residents.remove(&process);
            self.forgotten = process;
        }
    }
}
