//! Questions and orders that engines which share a store ask each other, because one of them has what they are about.
//!
//! They go the way of what is forwarded, and so do their answers, to a queue of the asker's: neither engine needs to know
//! where the other one is. A question is carried out at most once: one that comes too late is not carried out at all, and an
//! answer for which nobody waits any more is dropped. Who asks waits for a bounded time, and is told then that it is not
//! known.

use super::{
    bulk::BulkOutcome,
    handing_in,
    handing_in::Receipt,
    query::{Place, QueryAnswer},
};
use bureaucrat_model::{Operator, Timestamp, lock};
use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Questions of others that wait here to be answered.
const WAITING_MAX: usize = 64;
/// The receipts that are waited for: each holds a connection of its sender's.
const RECEIPTS_MAX: usize = 4_096;
/// Nobody waits longer for a receipt.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(300);

/// What engines tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Between {
    /// For those who ask and those who answer.
    #[serde(rename = "1")]
    Asking(Asked),
    /// A process of a bulk job, which the receiver has.
    #[serde(rename = "2")]
    BulkOrder(BulkOrdered),
    /// What became of it.
    #[serde(rename = "3")]
    BulkNews {
        job: u64,
        place: Place,
        outcome: BulkOutcome,
    },
}

/// What [`Asking`] takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    #[serde(rename = "1")]
    Question(Question),
    /// The answer to the question with this number, as JSON.
    #[serde(rename = "2")]
    Answer { number: u64, answer: String },
    /// What became of a message that was handed in at the asker, and was sent on under this number; as JSON.
    #[serde(rename = "3")]
    Receipt { number: u64, receipt: String },
}

/// An order of a bulk job for one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkOrdered {
    pub job: u64,
    pub place: Place,
    pub by: Operator,
    /// As JSON.
    pub order: String,
    /// What the process must still be, as JSON.
    pub wanted: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// No other question has it. The receiver remembers it before it carries the question out.
    pub number: u64,
    /// The group that it was sent to.
    pub group: u8,
    /// A group of the asker's, whose queue the answer goes to.
    pub asker: u8,
    /// It is not carried out after that.
    pub until: Timestamp,
    pub by: Operator,
    /// As JSON.
    pub query: String,
}

/// What this engine has asked others, and what others have asked it.
#[derive(Debug)]
pub struct Asking {
    answers: Mutex<BTreeMap<u64, Sender<QueryAnswer>>>,
    receipts: Mutex<BTreeMap<u64, (Instant, handing_in::Sender)>>,
    desk: (Sender<Option<Question>>, Receiver<Option<Question>>),
    /// Nobody is to wait any more.
    is_closed: AtomicBool,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            receipts: Mutex::default(),
            desk: crossbeam_channel::unbounded(),
            is_closed: AtomicBool::new(false),
        }
    }
}

impl Asking {
    /// The answer to a question with this number will come here.
    pub fn expect(self: &Arc<Self>, number: u64) -> Expected {
        let (sender, answer) = crossbeam_channel::bounded(1);
        let mut answers = lock(&self.answers);
        if !self.is_closed.load(Ordering::Acquire) {
            answers.insert(number, sender);
        }
        drop(answers);
        Expected {
            asking: self.clone(),
            number,
            answer,
        }
    }

    /// The receipts of a message that is sent on under this number go to its sender. If too many are waited for, the one
    /// that has waited longest is told nothing.
    pub fn expect_receipt(&self, number: u64, sender: handing_in::Sender) {
        let mut receipts = lock(&self.receipts);
        receipts.insert(number, (Instant::now(), sender));
        while let Some(first) = receipts.first_entry()
            && (first.get().0.elapsed() > RECEIPT_PATIENCE || receipts.len() > RECEIPTS_MAX)
        {
            receipts.pop_first();
        }
    }

    /// A question or an answer came from another engine.
    pub fn take(&self, asked: Asked) {
        match asked {
            Asked::Question(question) if self.desk.1.len() < WAITING_MAX => {
                let _ = self.desk.0.send(Some(question));
            }
            Asked::Question(question) => {
                let number = question.number;
                tracing::warn!(
                    number,
                    "too many questions of other engines wait; one is dropped"
                );
            }
            Asked::Answer { number, answer } => {
                let waiting = lock(&self.answers).remove(&number);
                let answer = serde_json::from_str(&answer);
                if let (Some(waiting), Ok(answer)) = (waiting, answer) {
                    let _ = waiting.try_send(answer);
                }
            }
            Asked::Receipt { number, receipt } => {
                let Ok(receipt) = serde_json::from_str(&receipt) else {
                    return;
                };
                // An event has two.
                let is_last = receipt != Receipt::Stored;
                let mut receipts = lock(&self.receipts);
                let sender = receipts.get(&number).map(|(_, sender)| sender.clone());
                if is_last {
                    receipts.remove(&number);
                }
                drop(receipts);
                if let Some(sender) = sender {
                    sender.tell(receipt);
                }
            }
        }
    }

    /// The engine ends: those who wait for others are told that nothing is known.
    pub fn close(&self) {
        let mut answers = lock(&self.answers);
        self.is_closed.store(true, Ordering::Release);
        answers.clear();
        drop(answers);
        lock(&self.receipts).clear();
    }

    /// The next question of another engine; none once this engine ends.
    pub fn next(&self) -> Option<Question> {
        self.desk.1.recv().ok().flatten()
    }

    /// The next question that is there.
    pub fn waiting(&self) -> Option<Question> {
        self.desk.1.try_recv().ok().flatten()
    }

    /// Ends so many of those who wait for the next question.
    pub fn end(&self, count: usize) {
        for _ in 0..count {
            let _ = self.desk.0.send(None);
        }
    }
}

/// An answer that will come.
#[derive(Debug)]
pub struct Expected {
    asking: Arc<Asking>,
    number: u64,
    answer: Receiver<QueryAnswer>,
}

impl Expected {
    /// Waits for it; none if it does not come in time.
    pub fn within(&self, span: Duration) -> Option<QueryAnswer> {
        self.answer.recv_timeout(span).ok()
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        lock(&self.asking.answers).remove(&self.number);
    }
}
