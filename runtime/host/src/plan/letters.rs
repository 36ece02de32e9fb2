//! Copies of dead letters, for operators to look at: what the engine published to the dead-letter queue last.
//!
//! A copy is written with the letter. Their number and bytes are bounded, and the oldest go first; here is which there are,
//! the copies are in the store. The letter in the queue is the broker's: nothing here takes it out.

use super::{Planner, transaction::Transaction};
use crate::operate::{
    Told,
    audit_log::{About, AuditEntry, Verb},
    commands::OrderOutcome,
    letters::{LetterCommand, LetterRecord},
};
use bureaucrat_model::{Initiator, ShardId};
use bureaucrat_store::{StoreError, Table, keys, keys::OutboxKind, records};
use bureaucrat_wire::{HeaderValue, LETTER_HEADER, Outgoing, Properties, REASON_BYTES_MAX, again};
use std::collections::{BTreeMap, btree_map};

/// So many copies are kept.
const COPIES: usize = 1_000;
/// So many bytes of them.
const BYTES: u64 = 16 << 20;
/// The body of a larger message is not copied.
const BODY_MAX: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    shard: ShardId,
    bytes: u64,
}

/// The copies that there are, by the numbers of their letters.
#[derive(Debug, Default)]
pub struct Letters {
    copies: BTreeMap<u64, Kept>,
    bytes: u64,
}

impl Letters {
    /// Notes a copy.
    pub fn add(&mut self, letter: u64, shard: ShardId, bytes: u64) {
        if let btree_map::Entry::Vacant(entry) = self.copies.entry(letter) {
            entry.insert(Kept { shard, bytes });
            self.bytes += bytes;
        }
    }

    /// The oldest copy, taken out, while there are too many or too large ones.
    pub fn pop_over(&mut self) -> Option<(u64, ShardId)> {
        if self.copies.len() <= COPIES && self.bytes <= BYTES {
            return None;
        }
        let (letter, copy) = self.copies.pop_first()?;
        self.bytes = self.bytes.saturating_sub(copy.bytes);
        Some((letter, copy.shard))
    }

    fn shard(&self, letter: u64) -> Option<ShardId> {
        Some(self.copies.get(&letter)?.shard)
    }

    fn remove(&mut self, letter: u64) -> Option<ShardId> {
        let copy = self.copies.remove(&letter)?;
        self.bytes = self.bytes.saturating_sub(copy.bytes);
        Some(copy.shard)
    }
}

impl Planner {
    /// Publishes a letter, with its number and a copy, and removes copies that are too old for it.
    pub(crate) fn put_letter(
        &mut self,
        transaction: &mut Transaction,
        mut letter: Outgoing,
        (exchange, queue): (&str, &str),
        (code, reason): (&str, &str),
        (properties, body): (&Properties, &[u8]),
    ) -> Result<(), StoreError> {
        self.shared.meters.dead_letters.one();
        let shard = transaction.shard;
        let key = self.own_key(shard, OutboxKind::DeadLetter);
        let number = key.number;
        let header = HeaderValue::Text(number.to_string());
        let headers = &mut letter.properties.headers;
        headers.push((LETTER_HEADER.to_owned(), header));
        let record = LetterRecord {
            at: self.now(),
            exchange: exchange.to_owned(),
            queue: queue.to_owned(),
            code: code.to_owned(),
            reason: reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].to_owned(),
            properties: properties.clone(),
            bytes: body.len() as u64,
            body: (body.len() <= BODY_MAX).then(|| body.to_vec().into()),
        };
        let value = records::encode(&record)?;
        self.letters.add(number, shard, value.len() as u64);
        transaction.put(Table::Letters, keys::letter(shard, number), value);
        while let Some((number, shard)) = self.letters.pop_over() {
            let mut transaction = Transaction::new(shard);
            transaction.delete(Table::Letters, keys::letter(shard, number));
            self.finish(transaction)?;
        }
        transaction.publish(key, letter);
        Ok(())
    }

    /// Does what an operator orders about a letter; it is answered once that is durable.
    pub(crate) fn letter_ordered(&mut self, command: LetterCommand) -> Result<(), StoreError> {
        let LetterCommand {
            letter,
            order,
            by,
            reply,
        } = command;
        let unknown = || {
            // The asker may be gone.
            let _ = reply.try_send(OrderOutcome::Unknown);
        };
        let found = match order.forgets() {
            true => self.letters.remove(letter),
            false => self.letters.shard(letter),
        };
        let Some(shard) = found else {
            unknown();
            return Ok(());
        };
        let key = keys::letter(shard, letter);
        let mut transaction = Transaction::new(shard);
        let read = records::read::<LetterRecord>(&*self.shared.store, Table::Letters, &key);
        let record = self.shared.damages.around(None, read)?.flatten();
        let about = match &record {
            Some(record) => About::letter(letter, &record.queue, &record.code),
            None => About::letter(letter, "", ""),
        };
        if order.sends() {
            let Some((record, body)) = record.and_then(LetterRecord::with_body) else {
                unknown();
                return Ok(());
            };
            let message = again((&record.exchange, &record.queue), &record.properties, body);
            let row = self.own_key(shard, OutboxKind::Resent);
            transaction.publish(row, message);
        }
        if order.forgets() {
            transaction.delete(Table::Letters, key);
        }
        tracing::info!(letter, %by, "{} a dead letter", order.done());
        let verb = Verb::of_letter(order);
        transaction.audited = Some(AuditEntry::new(Initiator::Operator(by), verb, about));
        let told = Told::Order(reply, OrderOutcome::Done);
        transaction.after.told.push(told);
        self.finish(transaction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_by_count_and_by_bytes() {
        let mut letters = Letters::default();
        for number in 0..COPIES as u64 {
            letters.add(number, ShardId(7), 10);
        }
        assert_eq!(letters.pop_over(), None);
        letters.add(5_000, ShardId(1), 10);
        assert_eq!(letters.pop_over(), Some((0, ShardId(7))));
        assert_eq!(letters.pop_over(), None);
        letters.add(5_001, ShardId(1), BYTES - 5);
        let mut gone = 0;
        while letters.pop_over().is_some() {
            gone += 1;
        }
        assert_eq!(gone, COPIES);
        assert_eq!(letters.remove(5_001), Some(ShardId(1)));
        assert_eq!(letters.remove(5_001), None);
        assert_eq!((letters.copies.len(), letters.bytes), (0, 0));
    }
}
