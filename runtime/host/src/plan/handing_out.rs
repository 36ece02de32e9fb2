//! Handing out events: a portion of the subscribers of one name, then another name's turn.

use super::{
    Planner,
    events::{Arrived, Emission, EventRecord, Fate, HandedOut, Served, Stage},
    sending::Asking,
    transaction::{Cause, Transaction, Work},
};
use crate::{
    act::timers::WaitKey,
    operate::{Told, handing_in::Receipt},
};
use bureaucrat_model::{EventSource, FaultCode, ProcessId, Redelivered, ShardId};
use bureaucrat_policy::Rule;
use bureaucrat_store::{StoreError, Table, keys, keys::OutboxKind, reading::scan_around, records};
use bureaucrat_wire::{EventOutcome, event_reply};

/// Subscribers served per loop.
const SUBSCRIBERS: usize = 256;
/// Events without subscribers finished per loop.
const EVENTS: usize = 256;
/// Bytes of plans in a loop after which the rest waits for the next one.
const TURN_BYTES: usize = 1 << 20;

impl Arrived {
    /// Whether a process may have it.
    fn is_for(&self, process: ProcessId) -> bool {
        self.process.is_none_or(|wanted| wanted == process)
    }

    /// Whether waits of a shard are its affair: each group with waits has a part of what another engine hands out.
    fn serves(&self, shard: ShardId) -> bool {
        self.origin.is_none() || self.shard.group() == shard.group()
    }
}

impl Transaction {
    /// Whether it is part of handing out this event.
    pub fn hands_out(&self, sequence: u64) -> bool {
        let served = self.after.served.as_ref();
        served.is_some_and(|served| served.sequence == sequence)
    }

    /// The event that it hands out is kept by a parked process.
    pub fn is_kept_by_parked(&mut self) {
        if let Some(served) = &mut self.after.served {
            served.fate = Fate::Kept;
        }
    }
}

impl Planner {
    /// Serves a portion of the waiting subscribers; returns how many events and subscribers were
    /// examined.
    pub(crate) fn hand_out(&mut self) -> Result<usize, StoreError> {
        let (mut looked_at, mut events) = (0, 0);
        while looked_at < SUBSCRIBERS && events < EVENTS && self.ready_bytes < TURN_BYTES {
            let Some(name) = self.handouts.take_turn() else {
                break;
            };
            events += 1;
            looked_at += self.serve_some(&name, SUBSCRIBERS - looked_at)?;
            if let Some(done) = self.handouts.turn_over(name) {
                self.event_done(&done)?;
            }
        }
        Ok(looked_at + events)
    }

    /// Serves subscribers of a name's first event; returns how many were examined.
    fn serve_some(&mut self, name: &str, limit: usize) -> Result<usize, StoreError> {
        let Some(first) = self.handouts.first(name) else {
            return Ok(0);
        };
        let arrived = first.arrived.clone();
        let limit = limit.min(first.room().max(1));
        // First those that take any key, then those that want this one.
        let keyed = arrived.key.as_deref();
        let keyed = keyed.map(|key| keys::subscriptions_to(name, Some(key)));
        let plain = keys::subscriptions_to(name, None);
        let from = first.from.clone().unwrap_or_else(|| plain.clone());
        let prefix = match &keyed {
            Some(keyed) if from.starts_with(keyed) => keyed.clone(),
            Some(_) | None => plain.clone(),
        };
        let end = keys::prefix_end(&prefix);
        let store = &*self.shared.store;
        let portion = scan_around(store, Table::Subscriptions, &from, &end, limit)?;
        self.shared
            .damages
            .note_gaps(Table::Subscriptions, &portion.gaps);
        let mut body = None;
        let (mut open, looked_at) = (0, portion.rows.len());
        let mut elsewhere = first.elsewhere;
        for (key, value) in portion.rows {
            let Ok(wait) = keys::subscription_of(&key) else {
                self.shared.damages.note_key(Table::Subscriptions, &key);
                continue;
            };
            let shard = wait.process.shard();
            if !self.shared.config.sharing.has(shard) {
                if arrived.origin.is_none() && arrived.is_for(wait.process) {
                    elsewhere = elsewhere.with(shard.group());
                }
                continue;
            }
            if !arrived.serves(shard) {
                continue;
            }
            let Some(source) = self.reaches(&arrived, wait, &value)? else {
                continue;
            };
            let record = match &body {
                Some(record) => record,
                None => match self.body_of(&arrived)? {
                    Some(record) => body.insert(record),
                    None => break,
                },
            };
            open += 1;
            self.serve(&arrived, wait, record, source)?;
        }
        if let Some(first) = self.handouts.first(name) {
            first.open += open;
            first.elsewhere = elsewhere;
            first.reached.waiting += open as u64;
            match portion.next {
                Some(next) => first.from = Some(next),
                None => match keyed {
                    Some(keyed) if prefix != keyed => first.from = Some(keyed),
                    Some(_) | None => first.stage = Stage::Served,
                },
            }
        }
        Ok(looked_at)
    }

    /// The body of an event; `None` if it is damaged, which is noted: the event stays where it is
    /// and reaches nobody.
    fn body_of(&self, arrived: &Arrived) -> Result<Option<EventRecord>, StoreError> {
        let key = keys::event(arrived.shard, arrived.sequence);
        let read = records::read::<EventRecord>(&*self.shared.store, Table::Events, &key);
        let read = self.shared.damages.around(None, read)?;
        Ok(read.flatten())
    }

    /// How an event reaches a subscriber, if it does. One that is kept reaches those who subscribed
    /// later, too, if they ask for it: they may have looked for it before it was durable.
    fn reaches(
        &self,
        arrived: &Arrived,
        wait: WaitKey,
        value: &[u8],
    ) -> Result<Option<EventSource>, StoreError> {
        let is_for = arrived.is_for(wait.process);
        let Some((subscribed, recalls)) = keys::subscribed(value).filter(|_| is_for) else {
            return Ok(None);
        };
        // Its number here says nothing about waits, nor about what another engine keeps.
        let number = arrived.origin.unwrap_or(arrived.sequence);
        let is_before = subscribed < number;
        let sequence = match arrived.kept {
            Some(_) => number,
            None => arrived.sequence,
        };
        let source = match arrived.kept {
            None if is_before => EventSource::Live { sequence },
            Some(_) if is_before && !(recalls && arrived.origin.is_some()) => {
                EventSource::Kept { sequence }
            }
            Some(at) if recalls => EventSource::Recalled { sequence, at },
            None | Some(_) => return Ok(None),
        };
        if matches!(source, EventSource::Recalled { .. })
            && self.has_taken(sequence, wait.process)?
        {
            return Ok(None);
        }
        let is_repeated = arrived.redelivered == Redelivered::Perhaps;
        if is_repeated && self.took_event(sequence, wait)? {
            return Ok(None);
        }
        Ok(Some(source))
    }

    fn serve(
        &mut self,
        arrived: &Arrived,
        wait: WaitKey,
        record: &EventRecord,
        source: EventSource,
    ) -> Result<(), StoreError> {
        let input = record.input(wait, source);
        let work = Work::Step {
            process: wait.process,
            input,
            cause: Cause::Other,
        };
        let mut transaction = Transaction::of(wait.process, work);
        transaction.after.served = Some(Served {
            name: arrived.name.clone(),
            sequence: arrived.sequence,
            fate: Fate::Ignored,
        });
        self.begin(wait.process, transaction)
    }

    /// Stores an event that a process emits, in the commit of its step, to be handed out like those from outside.
    pub(super) fn emit(
        &mut self,
        transaction: &mut Transaction,
        asking: Asking,
        emission: Emission,
    ) -> Result<(), StoreError> {
        let process = asking.process;
        let held = transaction.held.get(&process);
        let refused =
            held.and_then(|held| self.event_refused(held, &emission.event, Rule::Publishes));
        if let Some(refused) = refused {
            transaction.work.push_back(asking.refused(refused));
            return Ok(());
        }
        let happened = emission.happened();
        let (shard, sequence) = (transaction.shard, self.shared.draw_for_event()?);
        let now = self.now();
        let until = emission.keep.map(|keep| now.after(keep));
        let record = emission.record(now);
        let value = records::encode(&record)?;
        if let Some(until) = until {
            let user = transaction.user(process);
            let rules = self.rules(user.as_ref());
            let bytes = value.len() as u64;
            if let Some(broken) = self.keeps_too_much(&rules, user.as_ref(), bytes) {
                let refused = (FaultCode::LIMIT_EXCEEDED, broken.to_string());
                transaction.work.push_back(asking.refused(refused));
                return Ok(());
            }
            self.keep_event(transaction, user.as_ref(), sequence, until, &record)?;
        }
        let arrived = record.arrived(shard, sequence, value.len());
        transaction.after.arrived.push(arrived);
        transaction.put(Table::Events, keys::event(shard, sequence), value);
        transaction.work.push_back(asking.admitted());
        transaction.record(process, self.now(), happened);
        Ok(())
    }

    /// The delivery of an event to a subscriber is durable.
    pub(crate) fn served(&mut self, served: &Served) -> Result<(), StoreError> {
        match self.handouts.served(served) {
            Some(done) => self.event_done(&done),
            None => Ok(()),
        }
    }

    fn event_done(&mut self, done: &HandedOut) -> Result<(), StoreError> {
        let arrived = &done.arrived;
        let mut transaction = Transaction::new(arrived.shard);
        transaction.delete(Table::Events, keys::event(arrived.shard, arrived.sequence));
        // Those who have had it need not be known any more once it was handed out to all.
        let is_repeated = arrived.redelivered == Redelivered::Perhaps;
        let takers = match done.reached.waiting > 0 || is_repeated {
            true => self.takers(arrived.sequence)?,
            false => Vec::new(),
        };
        if !done.elsewhere.is_empty()
            && let Some(mut event) = self.body_of(arrived)?
        {
            event.origin = Some(arrived.sequence);
            for group in done.elsewhere.iter() {
                let taken = takers.iter().copied();
                let taken = taken.filter(|(process, _)| process.shard().group() == group);
                let part = (event.clone(), taken.collect());
                self.forward_event(&mut transaction, group, arrived.sequence, part)?;
            }
        }
        for (process, fiber) in takers {
            let key = keys::taken_by_fiber(arrived.sequence, process, fiber);
            transaction.delete(Table::Taken, key);
        }
        let outcome = EventOutcome::Delivered(done.reached);
        self.tell_publisher(&mut transaction, arrived, outcome);
        self.finish(transaction)
    }

    /// Tells publishers of events that take long how far they are.
    pub(crate) fn tell_so_far(&mut self) -> Result<(), StoreError> {
        while let Some((arrived, outcome)) = self.handouts.overdue(self.now()) {
            let mut transaction = Transaction::new(arrived.shard);
            self.tell_publisher(&mut transaction, &arrived, outcome);
            self.finish(transaction)?;
        }
        Ok(())
    }

    fn tell_publisher(
        &self,
        transaction: &mut Transaction,
        arrived: &Arrived,
        outcome: EventOutcome,
    ) {
        if arrived.sender.waits() {
            let told = Told::Message(arrived.sender.clone(), Receipt::Event(outcome));
            transaction.after.told.push(told);
        }
        if let Some(reply_to) = &arrived.reply_to {
            let message = event_reply(reply_to, &arrived.name, outcome);
            let key = self.own_key(arrived.shard, OutboxKind::Reply);
            transaction.publish(key, message);
        }
    }
}
