//! Dead letters, as operators look at them and what they order about them.
//!
//! What is here are the engine's copies of the letters that it published last. Looking takes nothing off the queue.

use super::commands::OrderOutcome;
use bureaucrat_model::{Operator, ProcessId, ShardId, Timestamp};
use bureaucrat_store::{Store, StoreError, Table, keys, reading::scan_all, records};
use bureaucrat_wire::{Properties, properties_json};
use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A copy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterRecord {
    pub at: Timestamp,
    /// The exchange that it was sent to, for one that a process sent; else empty.
    pub exchange: String,
    /// The queue that the message came from, or the routing key that it was sent with.
    pub queue: String,
    pub code: String,
    pub reason: String,
    pub properties: Properties,
    /// The size of the body.
    pub bytes: u64,
    /// None for a large one.
    pub body: Option<ByteBuf>,
}

impl LetterRecord {
    /// The record with its body, when that is there.
    pub fn with_body(mut self) -> Option<(Self, Vec<u8>)> {
        let body = self.body.take()?.into_vec();
        Some((self, body))
    }
}

/// What operators ask about dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "letters")]
pub enum LetterQuery {
    /// All of them, newest first.
    List,
    /// Those whose bodies have the id of this process, newest first.
    Naming {
        process: ProcessId,
    },
    Show {
        letter: u64,
    },
    Order {
        letter: u64,
        order: LetterOrder,
    },
}

/// What is to be done with a letter's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterOrder {
    /// Publish it to the queue that it came from, as a new message, then forget it.
    Resend,
    /// Publish it likewise, and keep it.
    ResendAndKeep,
    /// Forget it.
    Discard,
}

impl LetterOrder {
    /// Whether the message is published.
    pub const fn sends(self) -> bool {
        match self {
            Self::Resend | Self::ResendAndKeep => true,
            Self::Discard => false,
        }
    }

    /// What an operator did, for the log.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Resend => "resent",
            Self::ResendAndKeep => "resent and kept",
            Self::Discard => "discarded",
        }
    }

    /// Whether the copy is removed.
    pub const fn forgets(self) -> bool {
        match self {
            Self::Resend | Self::Discard => true,
            Self::ResendAndKeep => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "found")]
pub enum LetterAnswer {
    /// Newest first.
    Listed {
        letters: Vec<LetterView>,
    },
    Letter(Box<LetterDetail>),
    /// It is done, and durable.
    Done(LetterView),
    /// It is larger than what is copied; it is in the queue alone.
    NotCopied(LetterView),
    Unknown,
}

/// A letter in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterView {
    pub letter: u64,
    pub at: Timestamp,
    /// The exchange that it was sent to, for one that a process sent; else empty.
    pub exchange: String,
    /// The queue that the message came from, or the routing key that it was sent with.
    pub queue: String,
    pub code: String,
    pub reason: String,
    /// The size of the body.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterDetail {
    #[serde(flatten)]
    pub view: LetterView,
    /// As in the header `bureaucrat-original`.
    pub properties: serde_json::Value,
    /// None for a large one, which is not copied.
    pub body: Option<ByteBuf>,
}

/// An order on its way to the driver.
#[derive(Debug)]
pub struct LetterCommand {
    pub letter: u64,
    pub order: LetterOrder,
    /// Who gives it.
    pub by: Operator,
    /// Gets the outcome, once.
    pub reply: Sender<OrderOutcome>,
}

impl LetterCommand {
    /// An order, and the receiver of its outcome.
    pub fn new(letter: u64, order: LetterOrder, by: Operator) -> (Self, Receiver<OrderOutcome>) {
        let (reply, outcome) = crossbeam_channel::bounded(1);
        let command = Self {
            letter,
            order,
            by,
            reply,
        };
        (command, outcome)
    }
}

/// Answers what needs no driver; an order comes back with its letter's view, to be done.
///
/// # Errors
/// When the store can't be read.
pub fn look(store: &dyn Store, query: &LetterQuery) -> Result<Looked, StoreError> {
    let answer = match query {
        LetterQuery::List => LetterAnswer::Listed {
            letters: those(store, |_| true)?,
        },
        LetterQuery::Naming { process } => {
            let id = process.to_string();
            let names = |body: &[u8]| body.windows(id.len()).any(|part| part == id.as_bytes());
            let letters = those(store, |record| {
                record.body.as_ref().is_some_and(|body| names(body))
            })?;
            LetterAnswer::Listed { letters }
        }
        LetterQuery::Show { letter } => match find(store, *letter)? {
            Some(record) => LetterAnswer::Letter(Box::new(detail(*letter, record))),
            None => LetterAnswer::Unknown,
        },
        LetterQuery::Order { letter, order } => match find(store, *letter)? {
            None => LetterAnswer::Unknown,
            Some(record) if order.sends() && record.body.is_none() => {
                LetterAnswer::NotCopied(view(*letter, &record))
            }
            Some(record) => return Ok(Looked::Order(view(*letter, &record), *order)),
        },
    };
    Ok(Looked::Answer(answer))
}

/// What came of looking.
pub enum Looked {
    Answer(LetterAnswer),
    /// The driver is to do this about the letter.
    Order(LetterView, LetterOrder),
}

fn those(
    store: &dyn Store,
    is_one: impl Fn(&LetterRecord) -> bool,
) -> Result<Vec<LetterView>, StoreError> {
    let mut letters = Vec::new();
    scan_all(store, Table::Letters, &[], &[u8::MAX; 16], |key, value| {
        let record = records::decode::<LetterRecord>(Table::Letters, &key, &value);
        if let (Ok((_, letter)), Ok(record)) = (keys::letter_of(&key), record)
            && is_one(&record)
        {
            letters.push(view(letter, &record));
        }
        Ok(())
    })?;
    letters.sort_by_key(|letter| std::cmp::Reverse(letter.letter));
    Ok(letters)
}

fn find(store: &dyn Store, letter: u64) -> Result<Option<LetterRecord>, StoreError> {
    Ok(located(store, letter)?.map(|(_, record)| record))
}

/// The shard that has a letter.
///
/// # Errors
/// When the store can't be read.
pub fn shard_of(store: &dyn Store, letter: u64) -> Result<Option<ShardId>, StoreError> {
    Ok(located(store, letter)?.map(|(shard, _)| shard))
}

/// A letter's number does not say which shard it is in: each is looked at.
fn located(store: &dyn Store, letter: u64) -> Result<Option<(ShardId, LetterRecord)>, StoreError> {
    for shard in (0..=u8::MAX).map(ShardId) {
        let found = records::read(store, Table::Letters, &keys::letter(shard, letter))?;
        if let Some(record) = found {
            return Ok(Some((shard, record)));
        }
    }
    Ok(None)
}

fn view(letter: u64, record: &LetterRecord) -> LetterView {
    LetterView {
        letter,
        at: record.at,
        exchange: record.exchange.clone(),
        queue: record.queue.clone(),
        code: record.code.clone(),
        reason: record.reason.clone(),
        bytes: record.bytes,
    }
}

fn detail(letter: u64, record: LetterRecord) -> LetterDetail {
    LetterDetail {
        view: view(letter, &record),
        properties: properties_json(&record.properties),
        body: record.body,
    }
}
