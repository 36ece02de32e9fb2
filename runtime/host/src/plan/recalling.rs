//! Offers kept events to those who asked for them: in each process one wait after the other, and to a
//! wait one event after the other, each once the one before is durable.

use super::{
    Planner,
    kept::{KeptRecord, Stage},
    transaction::{Cause, Transaction, Work},
};
use crate::act::timers::WaitKey;
use bureaucrat_model::{EventSource, Input, ProcessId, Subscription};
use bureaucrat_store::{StoreError, Table, keys, reading::scan_around, records};
use std::collections::VecDeque;

/// Kept events examined, and waits served, per loop.
const OFFERS: usize = 64;

impl Planner {
    /// Offers what is kept to some of those who asked for it; returns how much was examined.
    pub(crate) fn recall(&mut self) -> Result<usize, StoreError> {
        let mut examined = 0;
        while examined < OFFERS {
            let Some(process) = self.kept.ready.pop_front() else {
                break;
            };
            examined += self.recall_for(process, OFFERS - examined)?.max(1);
        }
        Ok(examined)
    }

    fn recall_for(&mut self, process: ProcessId, limit: usize) -> Result<usize, StoreError> {
        let front = self.kept.lines.get(&process).and_then(VecDeque::front);
        let Some((wait, wanted, mut last)) =
            front.map(|first| (first.wait, first.wanted.clone(), first.last))
        else {
            return Ok(0);
        };
        let row = self.shared.store.get(Table::Recalls, &keys::recall(wait));
        if self.shared.damages.around(None, row)?.flatten().is_none() {
            // The wait ended meanwhile.
            if let Some(line) = self.kept.lines.get_mut(&process) {
                line.pop_front();
            }
            self.kept.next_in(process);
            return Ok(1);
        }
        for examined in 1..=limit {
            let Some(sequence) = self.next_kept(&wanted, last)? else {
                self.recall_step(wait, last, Stage::Told, None)?;
                return Ok(examined);
            };
            last = sequence;
            if let Some(input) = self.offered(wait, &wanted, sequence)? {
                self.recall_step(wait, last, Stage::Offering, Some(input))?;
                return Ok(examined);
            }
        }
        if let Some(first) = self
            .kept
            .lines
            .get_mut(&process)
            .and_then(VecDeque::front_mut)
        {
            first.last = last;
        }
        self.kept.ready.push_back(process);
        Ok(limit)
    }

    fn recall_step(
        &mut self,
        wait: WaitKey,
        last: u64,
        stage: Stage,
        input: Option<Input>,
    ) -> Result<(), StoreError> {
        let WaitKey {
            process,
            fiber,
            turn,
        } = wait;
        if let Some(first) = self
            .kept
            .lines
            .get_mut(&process)
            .and_then(VecDeque::front_mut)
        {
            (first.last, first.stage) = (last, stage);
        }
        let work = Work::Step {
            process,
            input: input.unwrap_or(Input::Recalled { fiber, turn }),
            cause: Cause::Other,
        };
        let mut transaction = Transaction::of(process, work);
        transaction.after.kept.offered = Some(process);
        self.begin(process, transaction)
    }

    /// The oldest kept event after this one that is of a wanted name and key.
    fn next_kept(&self, wanted: &[Subscription], last: u64) -> Result<Option<u64>, StoreError> {
        let mut found: Option<u64> = None;
        for Subscription { event, key, .. } in wanted {
            let (from, to) = keys::kept_after(event, key.as_deref(), last);
            let portion = scan_around(&*self.shared.store, Table::Kept, &from, &to, 1)?;
            self.shared.damages.note_gaps(Table::Kept, &portion.gaps);
            let next = portion
                .rows
                .first()
                .and_then(|(key, _)| keys::kept_of(key).ok());
            found = found.into_iter().chain(next).min();
        }
        Ok(found)
    }

    /// A kept event as it is offered to a wait, unless it is too old, for another, or was taken.
    fn offered(
        &self,
        wait: WaitKey,
        wanted: &[Subscription],
        sequence: u64,
    ) -> Result<Option<Input>, StoreError> {
        let mut record: Option<KeptRecord> = None;
        for Subscription { event, .. } in wanted {
            let key = keys::kept(event, None, sequence);
            let read = records::read(&*self.shared.store, Table::Kept, &key);
            record = record.or(self.shared.damages.around(None, read)?.flatten());
        }
        let Some(KeptRecord { until, event, .. }) = record else {
            return Ok(None);
        };
        let at = event.kept.unwrap_or_default();
        let counts = wanted
            .iter()
            .any(|one| one.event == event.name && one.since.is_some_and(|since| at >= since));
        let is_other = event.process.is_some_and(|process| process != wait.process);
        if !counts || is_other || until <= self.now() || self.has_taken(sequence, wait.process)? {
            return Ok(None);
        }
        // Another engine may have numbered it; who takes it and waits again must not get it again.
        self.shared.come_after(sequence);
        Ok(Some(
            event.input(wait, EventSource::Recalled { sequence, at }),
        ))
    }
}
