//! Bulk jobs and the indexes that find processes: operators order something for all that fit, at any moment.
//!
//! A process of a job has at most one outcome. One that obeyed says so in its history, in the same commit. A job about
//! everything that has not ended leaves nothing out that was there before it began. The indexes say of each process
//! what its records say, after every commit.

use super::{Facts, Random, World, facts::Known, histories::happened};
use bureaucrat_host::{
    bulk::{
        BulkCommand, BulkOrder, BulkOutcome, BulkOutcomeRecord, BulkRecord, BulkStatus, Started,
    },
    commands::Order,
    query::{State, Wanted},
};
use bureaucrat_model::{HistoryEvent, Operator, ProcessId};
use bureaucrat_store::{
    Table, Unit, Write,
    instances::searched_keys,
    keys::{self, Place},
    records,
};
use std::collections::{BTreeMap, BTreeSet};

/// Bulk jobs and indexes, as far as they are durable.
#[derive(Debug, Default)]
pub struct BulkFacts {
    jobs: BTreeMap<u64, BulkRecord>,
    outcomes: BTreeMap<u64, BTreeSet<Place>>,
    /// What had not ended when a job began.
    there: BTreeMap<u64, BTreeSet<ProcessId>>,
    searched: BTreeMap<ProcessId, BTreeSet<Vec<u8>>>,
}

/// Whether a job is about everything that has not ended.
fn is_about_all(record: &BulkRecord) -> bool {
    let wanted: Option<Wanted> = serde_json::from_str(&record.wanted).ok();
    wanted.is_some_and(|wanted| wanted.states.len() == LIVING.len())
}

const LIVING: [State; 3] = [State::Running, State::Incident, State::Suspended];

impl World {
    /// An operator starts a bulk job.
    pub(super) fn order_many(&mut self) {
        let Some(engine) = self
            .engine
            .as_ref()
            .filter(|_| self.config.sharing.has_common())
        else {
            return;
        };
        let reason = "an operator has much to do".to_owned();
        let (order, states) = match self.random.below(4) {
            0 => (Order::Retry { reason }, vec![State::Incident]),
            1 => (Order::Suspend { reason }, vec![State::Running]),
            2 => (Order::Suspend { reason }, LIVING.to_vec()),
            _ => (Order::Resume { reason }, LIVING.to_vec()),
        };
        if matches!(order, Order::Resume { .. }) {
            self.facts.all_may_be_resumed();
        }
        let by = operator();
        let wanted = Wanted {
            states,
            ..Wanted::default()
        };
        engine.order_bulk(
            BulkCommand::new(BulkOrder::Start(Box::new(Started { wanted, order, by }))).0,
        );
        self.facts.count("bulk jobs");
        self.note("an operator starts a bulk job");
    }

    /// An operator stops one.
    pub(super) fn stop_job(&mut self) {
        if let (Some(engine), Some(job)) = (&self.engine, self.facts.some_job(&mut self.random))
            && self.config.sharing.has_common()
        {
            engine.order_bulk(
                BulkCommand::new(BulkOrder::Stop {
                    job,
                    by: operator(),
                })
                .0,
            );
        }
    }
}

impl Facts {
    /// An operator resumes every process.
    fn all_may_be_resumed(&self) {
        let mut known = self.known();
        known.all_resumed = true;
    }

    fn some_job(&self, random: &mut Random) -> Option<u64> {
        let known = self.known();
        let jobs: Vec<_> = known.bulk.jobs.keys().copied().collect();
        (!jobs.is_empty()).then(|| jobs[random.place(jobs.len())])
    }
}

impl BulkFacts {
    /// The jobs that have not ended.
    pub fn left(&self) -> impl Iterator<Item = String> {
        let running = self.jobs.iter();
        let running = running.filter(|(_, record)| record.status == BulkStatus::Running);
        running.map(|(job, _)| format!("the bulk job {job} has not ended"))
    }
}

impl Known {
    pub fn searched_written(&mut self, key: &[u8], is_put: bool) {
        let Ok((_, place)) = keys::searched_of(key) else {
            return self.violate(format!("the index of attributes has the key {key:02x?}"));
        };
        let rows = self.bulk.searched.entry(place.process).or_default();
        match is_put {
            true => rows.insert(key.to_vec()),
            false => rows.remove(key),
        };
        if rows.is_empty() {
            self.bulk.searched.remove(&place.process);
        }
    }

    /// The index says of a process what its records say.
    pub fn is_found(&mut self, process: ProcessId) {
        let instance = self.instances.get(&process);
        let wanted: BTreeSet<_> = instance.into_iter().flat_map(searched_keys).collect();
        let found = self.bulk.searched.get(&process).cloned();
        if found.unwrap_or_default() != wanted {
            self.violate(format!(
                "the index of attributes does not say of {process} what it is"
            ));
        }
    }

    pub fn bulk_job_written(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        let Ok(job) = keys::bulk_job_of(key) else {
            return self.violate(format!("a bulk job has the key {key:02x?}"));
        };
        let Some(value) = value else {
            let before = self.bulk.jobs.remove(&job);
            if !before.is_some_and(|record| record.status != BulkStatus::Running) {
                self.violate(format!("the bulk job {job} was removed and had not ended"));
            }
            return;
        };
        match records::decode::<BulkRecord>(Table::BulkJobs, key, value) {
            Ok(record) => {
                if !self.bulk.jobs.contains_key(&job) {
                    let living = self.instances.values();
                    let living = living.filter(|instance| !instance.has_ended());
                    let there = living.map(|instance| instance.process).collect();
                    self.bulk.there.insert(job, there);
                }
                if matches!(record.status, BulkStatus::Completed(_)) && is_about_all(&record) {
                    self.is_whole(job);
                }
                self.bulk.jobs.insert(job, record);
            }
            Err(error) => self.violate(error.to_string()),
        }
    }

    /// Everything that was there before a job began and has not ended has an outcome.
    fn is_whole(&mut self, job: u64) {
        *self.counts.entry("completed bulk jobs").or_default() += 1;
        let outcomes = self.bulk.outcomes.get(&job);
        let there = self.bulk.there.get(&job);
        let there = there.into_iter().flatten();
        let mut instances = there.filter_map(|process| self.instances.get(process));
        let left_out = instances.find(|instance| {
            let place = bureaucrat_store::instances::place_of(instance);
            let is_done = outcomes.is_some_and(|outcomes| outcomes.contains(&place));
            !instance.has_ended() && !is_done
        });
        if let Some(process) = left_out.map(|instance| instance.process) {
            self.violate(format!("the bulk job {job} left out {process}"));
        }
    }

    /// A process of a job, which another engine had to give the order, has had it.
    pub fn has_outcome(&self, job: u64, place: Place) -> Result<(), String> {
        let outcomes = self.bulk.outcomes.get(&job);
        let is_there = outcomes.is_some_and(|outcomes| outcomes.contains(&place));
        let record = self.bulk.jobs.get(&job);
        match is_there || record.is_none_or(|record| record.status != BulkStatus::Running) {
            true => Ok(()),
            false => Err(format!(
                "{} has no outcome of the bulk job {job}",
                place.process
            )),
        }
    }

    pub fn bulk_outcome_written(&mut self, key: &[u8], value: Option<&Vec<u8>>, unit: &Unit) {
        let Ok((job, place)) = keys::bulk_outcome_of(key) else {
            return self.violate(format!("an outcome of a bulk job has the key {key:02x?}"));
        };
        let outcomes = self.bulk.outcomes.entry(job).or_default();
        let Some(value) = value else {
            outcomes.remove(&place);
            return;
        };
        if !outcomes.insert(place) {
            let process = place.process;
            return self.violate(format!("{process} obeyed the bulk job {job} twice"));
        }
        match records::decode::<BulkOutcomeRecord>(Table::BulkOutcomes, key, value) {
            Ok(record) => {
                if record.outcome == BulkOutcome::Done && !says_so(unit, place.process) {
                    let process = place.process;
                    self.violate(format!(
                        "{process} obeyed the bulk job {job}, and its history does not say so"
                    ));
                }
            }
            Err(error) => self.violate(error.to_string()),
        }
    }
}

/// Who starts bulk jobs.
pub(super) fn operator() -> Operator {
    Operator::named("night shift")
}

/// Whether a commit has the outcome of a process of a bulk job.
pub(super) fn has_outcome(unit: &Unit, process: ProcessId) -> bool {
    let mut writes = unit.writes.iter();
    writes.any(|write| match write {
        Write::Put {
            table: Table::BulkOutcomes,
            key,
            ..
        } => keys::bulk_outcome_of(key).is_ok_and(|(_, place)| place.process == process),
        Write::Put { .. } | Write::Delete { .. } => false,
    })
}

/// Whether the same commit notes in the history of a process what an operator ordered.
fn says_so(unit: &Unit, process: ProcessId) -> bool {
    let mut writes = unit.writes.iter();
    writes.any(|write| {
        let Write::Put {
            table: Table::History,
            key,
            value,
        } = write
        else {
            return false;
        };
        let is_told = happened(key, value).iter().any(|entry| {
            matches!(
                entry.event,
                HistoryEvent::Retried { .. }
                    | HistoryEvent::ProcessSuspended { .. }
                    | HistoryEvent::ProcessResumed { .. }
            )
        });
        is_told && key.starts_with(process.as_bytes())
    })
}
