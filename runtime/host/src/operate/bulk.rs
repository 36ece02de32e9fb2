//! Bulk jobs, as operators see them: an order for each process that a search finds, with an outcome for each.
//!
//! A job goes through the list of processes once, in the order of lists. Its outcomes are written with what the order
//! does, so each process of it obeys at most once, over restarts, too.

use super::{
    commands::{Order, OrderOutcome},
    query::{Place, Wanted},
    questions::Asked,
};
use bureaucrat_model::{Hex, Operator, ProcessId, Timestamp};
use bureaucrat_store::{
    StoreError, Table, keys,
    reading::{scan_all, scan_around},
    records,
};
use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

/// The longest order and search of a job, in bytes of their JSON texts.
pub const BULK_BYTES_MAX: usize = 1 << 20;
/// So many jobs can be under way.
pub const BULK_JOBS_MAX: usize = 16;
/// Outcomes of an answer.
const PAGE: usize = 1_000;

/// A bulk job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRecord {
    pub begun_at: Timestamp,
    /// Who started it.
    pub by: Operator,
    pub status: BulkStatus,
    /// The order, as JSON.
    pub order: String,
    /// The search, as JSON.
    pub wanted: String,
    /// The last process of which everything up to it is counted; none at the beginning.
    pub up_to: Option<Place>,
    /// How many up to there had each outcome.
    pub counts: BulkCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkStatus {
    #[serde(rename = "1")]
    Running,
    /// It went through all processes.
    #[serde(rename = "2")]
    Completed(Timestamp),
    /// An operator stopped it.
    #[serde(rename = "3")]
    Stopped(Timestamp),
}

impl BulkStatus {
    pub const fn ended_at(self) -> Option<Timestamp> {
        match self {
            Self::Running => None,
            Self::Completed(at) | Self::Stopped(at) => Some(at),
        }
    }
}

/// How many processes had which outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkCounts {
    pub done: u64,
    /// They were not as the search wants when their turn came.
    pub changed: u64,
    pub refused: u64,
}

impl BulkCounts {
    pub const fn count(&mut self, outcome: &BulkOutcome) {
        match outcome {
            BulkOutcome::Done => self.done += 1,
            BulkOutcome::Changed => self.changed += 1,
            BulkOutcome::Refused(_) => self.refused += 1,
        }
    }
}

/// What became of a process of a bulk job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkOutcome {
    #[serde(rename = "1")]
    Done,
    /// It was not as the search wants any more.
    #[serde(rename = "2")]
    Changed,
    /// It did not obey; the outcome of the order, as JSON.
    #[serde(rename = "3")]
    Refused(String),
}

impl BulkOutcome {
    pub(crate) fn of(outcome: &OrderOutcome) -> Self {
        match outcome {
            // A bulk job has no dry run of its own.
            OrderOutcome::Done | OrderOutcome::Planned(_) => Self::Done,
            OrderOutcome::Unknown
            | OrderOutcome::Ended
            | OrderOutcome::Suspended
            | OrderOutcome::NotSuspended
            | OrderOutcome::Damaged
            | OrderOutcome::Elsewhere
            | OrderOutcome::Refused(_) => {
                Self::Refused(serde_json::to_string(outcome).unwrap_or_default())
            }
        }
    }
}

/// An outcome as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkOutcomeRecord {
    pub at: Timestamp,
    pub outcome: BulkOutcome,
}

/// What operators ask about bulk jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "bulk")]
pub enum BulkQuery {
    /// All of them, the newest first.
    List,
    Show {
        job: u64,
    },
    /// The outcomes of a job, in the order of lists, a page at a time.
    Outcomes {
        job: u64,
        /// Only those that were refused.
        refused: bool,
        after: Option<Place>,
    },
    Start {
        wanted: Wanted,
        order: Order,
    },
    /// Give the order to no further process.
    Stop {
        job: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "found")]
pub enum BulkAnswer {
    /// Newest first.
    Listed {
        jobs: Vec<BulkView>,
    },
    Job(Box<BulkView>),
    Outcomes {
        outcomes: Vec<BulkOutcomeView>,
        /// Where the next page begins, if there is one.
        next: Option<Place>,
    },
    /// It is under way, and durable.
    Started {
        job: u64,
    },
    /// It gives no further order.
    Stopped,
    /// It has ended already.
    Ended,
    Unknown,
    /// As many as can be are under way.
    TooMany {
        most: usize,
    },
    /// Order and search are too large.
    TooLarge {
        bytes: usize,
        most: usize,
    },
}

/// A bulk job as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkView {
    pub job: u64,
    pub begun_at: Timestamp,
    pub by: Operator,
    pub status: BulkStatus,
    pub order: Order,
    pub wanted: Wanted,
    pub counts: BulkCounts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkOutcomeView {
    pub process: ProcessId,
    pub at: Timestamp,
    pub outcome: BulkOutcome,
}

/// An order about bulk jobs, for the driver.
#[derive(Debug)]
pub struct BulkCommand {
    pub(crate) order: BulkOrder,
    pub(crate) reply: Sender<BulkAnswer>,
}

#[derive(Debug)]
pub enum BulkOrder {
    Start(Box<Started>),
    Stop { job: u64, by: Operator },
}

/// A job that an operator starts.
#[derive(Debug)]
pub struct Started {
    pub wanted: Wanted,
    pub order: Order,
    pub by: Operator,
}

impl BulkOrder {
    /// The order in a question, if it has one.
    pub(crate) fn of(query: &BulkQuery, by: &Operator) -> Option<Self> {
        match query {
            BulkQuery::Start { wanted, order } => Some(Self::Start(Box::new(Started {
                wanted: wanted.clone(),
                order: order.clone(),
                by: by.clone(),
            }))),
            BulkQuery::Stop { job } => Some(Self::Stop {
                job: *job,
                by: by.clone(),
            }),
            BulkQuery::List | BulkQuery::Show { .. } | BulkQuery::Outcomes { .. } => None,
        }
    }
}

impl BulkCommand {
    /// A command, and the receiver of its answer.
    pub fn new(order: BulkOrder) -> (Self, Receiver<BulkAnswer>) {
        let (reply, answer) = crossbeam_channel::bounded(1);
        (Self { order, reply }, answer)
    }
}

/// Answers what needs no order; none for what does.
///
/// # Errors
/// If the store fails.
pub(crate) fn look(asked: &Asked<'_>, query: &BulkQuery) -> Result<Option<BulkAnswer>, StoreError> {
    Ok(Some(match query {
        BulkQuery::List => {
            let mut jobs = Vec::new();
            for (job, record) in all(asked)? {
                jobs.push(view(asked, job, record)?);
            }
            jobs.reverse();
            BulkAnswer::Listed { jobs }
        }
        BulkQuery::Show { job } => match read(asked, *job)? {
            Some(record) => BulkAnswer::Job(Box::new(view(asked, *job, record)?)),
            None => BulkAnswer::Unknown,
        },
        BulkQuery::Outcomes {
            job,
            refused,
            after,
        } => match read(asked, *job)? {
            Some(_) => outcomes(asked, *job, *refused, *after)?,
            None => BulkAnswer::Unknown,
        },
        BulkQuery::Start { .. } | BulkQuery::Stop { .. } => return Ok(None),
    }))
}

/// The jobs in the store, the oldest first.
///
/// # Errors
/// If the store fails.
pub(crate) fn all(asked: &Asked<'_>) -> Result<Vec<(u64, BulkRecord)>, StoreError> {
    let (mut jobs, table) = (Vec::new(), Table::BulkJobs);
    let gaps = scan_all(asked.store, table, &[], &[u8::MAX; 9], |key, value| {
        let Ok(job) = keys::bulk_job_of(&key) else {
            asked.damages.note_key(table, &key);
            return Ok(());
        };
        let record = records::decode(table, &key, &value);
        let record = asked.damages.around(None, record)?;
        jobs.extend(record.map(|record| (job, record)));
        Ok(())
    })?;
    asked.damages.note_gaps(table, &gaps);
    Ok(jobs)
}

/// The outcomes of a job that its row does not count.
///
/// # Errors
/// If the store fails.
pub(crate) fn uncounted(
    asked: &Asked<'_>,
    job: u64,
    record: &BulkRecord,
) -> Result<Vec<(Place, BulkOutcome)>, StoreError> {
    let (mut outcomes, table) = (Vec::new(), Table::BulkOutcomes);
    let (from, end) = outcomes_after(job, record.up_to);
    let gaps = scan_all(asked.store, table, &from, &end, |key, value| {
        let Ok((_, place)) = keys::bulk_outcome_of(&key) else {
            asked.damages.note_key(table, &key);
            return Ok(());
        };
        let read = records::decode::<BulkOutcomeRecord>(table, &key, &value);
        let found = asked.damages.around(None, read)?;
        outcomes.extend(found.map(|found| (place, found.outcome)));
        Ok(())
    })?;
    asked.damages.note_gaps(table, &gaps);
    Ok(outcomes)
}

/// Where the outcomes of a job after a place begin and end.
fn outcomes_after(job: u64, place: Option<Place>) -> (Vec<u8>, Vec<u8>) {
    let (first, end) = keys::bulk_outcomes(job);
    let after = |place| keys::successor(&keys::bulk_outcome(job, place));
    (place.map_or(first, after), end)
}

fn read(asked: &Asked<'_>, job: u64) -> Result<Option<BulkRecord>, StoreError> {
    let read = records::read(asked.store, Table::BulkJobs, &keys::bulk_job(job));
    Ok(asked.damages.around(None, read)?.flatten())
}

fn view(asked: &Asked<'_>, job: u64, record: BulkRecord) -> Result<BulkView, StoreError> {
    let mut counts = record.counts;
    for (_, outcome) in uncounted(asked, job, &record)? {
        counts.count(&outcome);
    }
    let damaged = |text: &str, error: serde_json::Error| StoreError::Damaged {
        table: Table::BulkJobs,
        key: Hex(&keys::bulk_job(job)).to_string(),
        reason: format!("{error}: {}", &text[..text.floor_char_boundary(80)]),
    };
    Ok(BulkView {
        job,
        begun_at: record.begun_at,
        by: record.by,
        status: record.status,
        order: serde_json::from_str(&record.order)
            .map_err(|error| damaged(&record.order, error))?,
        wanted: serde_json::from_str(&record.wanted)
            .map_err(|error| damaged(&record.wanted, error))?,
        counts,
    })
}

fn outcomes(
    asked: &Asked<'_>,
    job: u64,
    refused: bool,
    after: Option<Place>,
) -> Result<BulkAnswer, StoreError> {
    let (from, end) = outcomes_after(job, after);
    let table = Table::BulkOutcomes;
    let portion = scan_around(asked.store, table, &from, &end, PAGE)?;
    asked.damages.note_gaps(table, &portion.gaps);
    let (mut outcomes, mut last) = (Vec::new(), None);
    for (key, value) in portion.rows {
        let Ok((_, place)) = keys::bulk_outcome_of(&key) else {
            asked.damages.note_key(table, &key);
            continue;
        };
        last = Some(place);
        let read = records::decode::<BulkOutcomeRecord>(table, &key, &value);
        let Some(BulkOutcomeRecord { at, outcome }) = asked.damages.around(None, read)? else {
            continue;
        };
        if !refused || matches!(outcome, BulkOutcome::Refused(_)) {
            outcomes.push(BulkOutcomeView {
                process: place.process,
                at,
                outcome,
            });
        }
    }
    let next = last.filter(|_| portion.next.is_some());
    Ok(BulkAnswer::Outcomes { outcomes, next })
}
