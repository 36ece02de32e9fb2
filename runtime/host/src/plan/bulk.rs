//! Bulk jobs: an operator's order for each process that a search finds, a portion a loop, beside all other work.
//!
//! Each order is a transaction of its process like that of any operator, and its outcome is written in the same commit.
//! The job's own row says up to which process everything is counted. After a restart the job continues behind that process,
//! and leaves out those that have an outcome. A process that is not as the search wants when its turn comes is left alone.

mod elsewhere;
mod obeying;

use super::{Planner, transaction::Transaction};
use crate::operate::{
    Told,
    audit_log::{About, AuditEntry, Verb},
    bulk::{
        BULK_BYTES_MAX, BULK_JOBS_MAX, BulkAnswer, BulkCommand, BulkCounts, BulkOrder, BulkOutcome,
        BulkRecord, BulkStatus, Started,
    },
    commands::{Bulk, Command, Order},
    listing::row,
    query::{Place, Wanted},
    search::{Found, Search},
};
use bureaucrat_model::{Initiator, Millis, ShardId, Timestamp};
use bureaucrat_store::{StoreError, Table, keys, reading::scan_around, records};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Orders of a job that are not durable yet.
const UNDER_WAY: usize = 256;
/// Index rows that a search reads per loop.
const READ: usize = 2_000;
/// A job's row is written when as many outcomes are not counted in it as this many loops give orders.
const LOOPS: u64 = 16;
/// A job goes no further while this many are not counted, because of one before them that waits.
const UNCOUNTED_MAX: usize = 10_000;
/// Outcomes of an ended job that are removed per loop.
const REMOVED: usize = 500;

/// A job is durable, or the outcome of a process of it.
#[derive(Debug)]
pub struct BulkNews {
    job: u64,
    outcome: Option<(Place, BulkOutcome)>,
}

/// The bulk jobs.
#[derive(Debug, Default)]
pub struct BulkJobs {
    running: BTreeMap<u64, Running>,
    /// The job whose turn it was last.
    last: u64,
    /// When ended jobs are removed.
    ended: BTreeSet<(Timestamp, u64)>,
    /// Up to where the outcomes of the first of them were.
    removed: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Running {
    record: BulkRecord,
    wanted: Arc<Wanted>,
    order: Order,
    /// The search has come so far.
    looked_at: Option<Place>,
    search: Progress,
    /// What was found and is not counted yet: the outcome, once that is durable.
    found: BTreeMap<Place, Option<BulkOutcome>>,
    /// How many of these have none.
    under_way: usize,
    /// Outcomes that the stored row does not count.
    uncounted: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The job is not durable yet. Once it is, a search finds all that was durable before it.
    Beginning,
    Searching,
    /// Nothing follows.
    AtEnd,
    Stopped,
}

impl Running {
    fn of(record: BulkRecord) -> Result<Self, serde_json::Error> {
        Ok(Self {
            wanted: Arc::new(serde_json::from_str(&record.wanted)?),
            order: serde_json::from_str(&record.order)?,
            looked_at: record.up_to,
            search: Progress::Beginning,
            found: BTreeMap::new(),
            under_way: 0,
            uncounted: 0,
            record,
        })
    }

    const fn is_searching(&self) -> bool {
        match self.search {
            Progress::Searching => true,
            Progress::Beginning | Progress::AtEnd | Progress::Stopped => false,
        }
    }

    fn may_search(&self) -> bool {
        self.is_searching() && self.under_way < UNDER_WAY && self.found.len() < UNCOUNTED_MAX
    }

    const fn is_over(&self) -> bool {
        match self.search {
            Progress::Beginning | Progress::Searching => false,
            Progress::AtEnd | Progress::Stopped => self.under_way == 0,
        }
    }

    /// Counts what is durable up to the first process that is under way.
    fn count(&mut self) {
        let is_searching = self.is_searching();
        while let Some(first) = self.found.first_entry() {
            // What was found before a restart may be ahead of the search.
            let is_passed = self.looked_at.is_some_and(|place| *first.key() <= place);
            if is_searching && !is_passed {
                break;
            }
            let Some(outcome) = first.get() else {
                break;
            };
            self.record.counts.count(outcome);
            self.record.up_to = Some(*first.key());
            self.uncounted += 1;
            first.remove();
        }
        if self.found.is_empty() {
            self.record.up_to = self.record.up_to.max(self.looked_at);
        }
    }
}

impl BulkJobs {
    /// Notes a job that is in the store, and the outcomes that its row does not count.
    pub(crate) fn add(
        &mut self,
        job: u64,
        record: BulkRecord,
        outcomes: Vec<(Place, BulkOutcome)>,
        retention: Millis,
    ) {
        if let Some(at) = record.status.ended_at() {
            self.ended.insert((at.after(retention), job));
            return;
        }
        match Running::of(record) {
            Ok(mut running) => {
                running.search = Progress::Searching;
                running.found = outcomes
                    .into_iter()
                    .map(|(place, outcome)| (place, Some(outcome)))
                    .collect();
                self.running.insert(job, running);
            }
            Err(error) => {
                tracing::error!(job, %error, "the bulk job can't be read; it is left alone")
            }
        }
    }

    /// What became durable.
    pub(crate) fn durable(&mut self, news: Vec<BulkNews>) {
        for BulkNews { job, outcome } in news {
            let Some(running) = self.running.get_mut(&job) else {
                continue;
            };
            match outcome {
                Some((place, outcome)) => {
                    if let Some(waits @ None) = running.found.get_mut(&place) {
                        *waits = Some(outcome);
                        running.under_way = running.under_way.saturating_sub(1);
                    }
                }
                None if running.search == Progress::Beginning => {
                    running.search = Progress::Searching;
                }
                None => {}
            }
        }
    }

    /// Whether a job can continue now.
    pub(crate) fn are_ready(&self) -> bool {
        let mut running = self.running.values();
        running.any(|job| job.may_search() || job.is_over())
    }

    /// When an ended job is to be removed.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.ended.first().map(|(due, _)| *due)
    }
}

impl Planner {
    /// Starts or stops a bulk job; it is answered once that is durable.
    pub(crate) fn bulk_ordered(&mut self, command: BulkCommand) -> Result<(), StoreError> {
        let BulkCommand { order, reply } = command;
        let answer = match order {
            BulkOrder::Start(started) => {
                let Started { wanted, order, by } = *started;
                let texts = (
                    serde_json::to_string(&order),
                    serde_json::to_string(&wanted),
                );
                let (Ok(order), Ok(wanted)) = texts else {
                    return Ok(());
                };
                let bytes = order.len() + wanted.len();
                if self.bulk.running.len() >= BULK_JOBS_MAX {
                    let most = BULK_JOBS_MAX;
                    drop(reply.try_send(BulkAnswer::TooMany { most }));
                    return Ok(());
                }
                if bytes > BULK_BYTES_MAX {
                    let most = BULK_BYTES_MAX;
                    drop(reply.try_send(BulkAnswer::TooLarge { bytes, most }));
                    return Ok(());
                }
                let job = self.shared.draw();
                let record = BulkRecord {
                    begun_at: self.now(),
                    by,
                    status: BulkStatus::Running,
                    order,
                    wanted,
                    up_to: None,
                    counts: BulkCounts::default(),
                };
                let Ok(running) = Running::of(record) else {
                    return Ok(());
                };
                tracing::info!(job, by = %running.record.by, "a bulk job begins");
                let mut transaction = self.write_bulk(job, &running.record)?;
                let about = About::job(job, &running.order, &running.wanted);
                let by = Initiator::Operator(running.record.by.clone());
                let entry = AuditEntry::new(by, Verb::StartJob, about);
                transaction.audited = Some(entry.because(running.order.reason()));
                let outcome = None;
                transaction.after.bulk.push(BulkNews { job, outcome });
                self.bulk.running.insert(job, running);
                let told = Told::Bulk(reply, BulkAnswer::Started { job });
                transaction.after.told.push(told);
                return self.finish(transaction);
            }
            BulkOrder::Stop { job, by } => match self.bulk.running.get_mut(&job) {
                Some(running) if running.search == Progress::Stopped => BulkAnswer::Ended,
                Some(running) => {
                    running.search = Progress::Stopped;
                    running.record.status = BulkStatus::Stopped(self.shared.time.now());
                    let record = running.record.clone();
                    let about = About::job(job, &running.order, &running.wanted);
                    let about = about.counted(record.counts);
                    let mut transaction = self.write_bulk(job, &record)?;
                    let by = Initiator::Operator(by);
                    let entry = AuditEntry::new(by, Verb::StopJob, about);
                    transaction.audited = Some(entry);
                    let told = Told::Bulk(reply, BulkAnswer::Stopped);
                    transaction.after.told.push(told);
                    return self.finish(transaction);
                }
                None if self.bulk.ended.iter().any(|(_, ended)| *ended == job) => BulkAnswer::Ended,
                None => BulkAnswer::Unknown,
            },
        };
        drop(reply.try_send(answer));
        Ok(())
    }

    /// Gives the orders of a portion of a job, and writes how far it came; returns how much was done.
    pub(crate) fn continue_bulk(&mut self) -> Result<usize, StoreError> {
        let removed = self.remove_bulk()?;
        let after = self.bulk.running.range(self.bulk.last + 1..).next();
        let next = after.or_else(|| self.bulk.running.first_key_value());
        let Some(job) = next.map(|(job, _)| *job) else {
            return Ok(removed);
        };
        self.bulk.last = job;
        let Some(mut running) = self.bulk.running.remove(&job) else {
            return Ok(removed);
        };
        let given = match running.may_search() {
            true => self.give_orders(job, &mut running)?,
            false => 0,
        };
        running.count();
        let is_over = running.is_over();
        if is_over && running.record.status == BulkStatus::Running {
            running.record.status = BulkStatus::Completed(self.now());
        }
        let portion = self.shared.config.bulk_orders;
        if is_over || running.uncounted >= LOOPS * portion as u64 {
            running.uncounted = 0;
            let transaction = self.write_bulk(job, &running.record)?;
            self.finish(transaction)?;
        }
        match running.record.status.ended_at().filter(|_| is_over) {
            Some(at) => {
                let BulkCounts {
                    done,
                    changed,
                    refused,
                } = running.record.counts;
                tracing::info!(job, done, changed, refused, "a bulk job has ended");
                let due = at.after(self.shared.config.retention);
                self.bulk.ended.insert((due, job));
            }
            None => drop(self.bulk.running.insert(job, running)),
        }
        Ok(removed + given + usize::from(is_over))
    }

    fn give_orders(&mut self, job: u64, running: &mut Running) -> Result<usize, StoreError> {
        let shared = self.shared.clone();
        let asked = shared.asked();
        let wanted = running.wanted.clone();
        let mut search = Search::new(&asked, &wanted, running.looked_at, READ)?;
        let mut given = 0;
        while given < shared.config.bulk_orders {
            match search.next()? {
                Found::End => {
                    running.search = Progress::AtEnd;
                    break;
                }
                Found::Tired => {
                    running.looked_at = search.looked_at();
                    break;
                }
                Found::Place(place) => {
                    running.looked_at = Some(place);
                    given += 1;
                    if running.found.contains_key(&place) {
                        continue;
                    }
                    // The indexes do not know at which activities it waits.
                    if wanted.activity.is_some() && row(&asked, &wanted, place)?.is_none() {
                        continue;
                    }
                    running.found.insert(place, None);
                    running.under_way += 1;
                    if !shared.config.sharing.has(place.process.shard()) {
                        self.order_elsewhere(job, running, place)?;
                        continue;
                    }
                    let by = Initiator::Operator(running.record.by.clone());
                    let bulk = Bulk {
                        job,
                        place,
                        wanted: wanted.clone(),
                    };
                    let command = Command::bulk(place.process, running.order.clone(), by, bulk);
                    self.ordered(command)?;
                }
            }
        }
        Ok(given.max(1))
    }

    fn write_bulk(&self, job: u64, record: &BulkRecord) -> Result<Transaction, StoreError> {
        let mut transaction = Transaction::new(ShardId(0));
        let value = records::encode(record)?;
        transaction.put(Table::BulkJobs, keys::bulk_job(job), value);
        Ok(transaction)
    }

    /// Removes a portion of what is left of a job that ended long ago.
    fn remove_bulk(&mut self) -> Result<usize, StoreError> {
        let Some((due, job)) = self.bulk.ended.first().copied() else {
            return Ok(0);
        };
        if due > self.now() {
            return Ok(0);
        }
        let (first, end) = keys::bulk_outcomes(job);
        let from = self.bulk.removed.take().unwrap_or(first);
        let store = &*self.shared.store;
        let portion = scan_around(store, Table::BulkOutcomes, &from, &end, REMOVED)?;
        let mut transaction = Transaction::new(ShardId(0));
        let removed = portion.rows.len();
        for (key, _) in portion.rows {
            transaction.delete(Table::BulkOutcomes, key);
        }
        match portion.next {
            Some(next) => self.bulk.removed = Some(next),
            None => {
                transaction.delete(Table::BulkJobs, keys::bulk_job(job));
                self.bulk.ended.pop_first();
            }
        }
        self.finish(transaction)?;
        Ok(removed + 1)
    }
}
