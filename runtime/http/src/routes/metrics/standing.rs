//! How the engine stands now: what waits and for how long, and what takes memory.
//!
//! Labels have few values: participants, codes and definitions are users' words, so of each only the most
//! frequent are told, and the others together.

use crate::{engine::Call, routes::counts::Many};
use bureaucrat_host::{backlog::Waiting, meters::MemoryUse, query::State};
use bureaucrat_model::Timestamp;
use bureaucrat_views::processes::word;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use std::{collections::BTreeMap, fmt::Debug, hash::Hash, sync::atomic::AtomicU64};

/// Different values of a label that users choose.
const VALUES_MAX: usize = 50;
/// The label of those that have none of their own.
const OTHERS: &str = "(others)";

type Seconds = Gauge<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Participant {
    participant: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Definition {
    definition: String,
}

pub fn add(registry: &mut Registry, call: &Call, store: MemoryUse) {
    driver(registry, call, store);
    if let Some(census) = call.census.look(call) {
        let state = |state: &(State, u64)| {
            (
                InState {
                    state: word(state.0),
                },
                of(state.1),
            )
        };
        let states: Vec<_> = census.states.iter().map(state).collect();
        gauges(registry, ("processes", "Processes by their state"), states);
        waiting(registry, &census.waiting, crate::server::now());
        let codes = frequent(&census.codes).into_iter();
        gauges(
            registry,
            ("incidents_by_code", "Incidents by the code of their fault"),
            codes.map(|(code, count)| (Code { code }, count)),
        );
        let definitions = frequent(&census.definitions).into_iter();
        gauges(
            registry,
            ("incidents_by_definition", "Incidents by their definition"),
            definitions.map(|(definition, count)| (Definition { definition }, count)),
        );
        let age = Seconds::default();
        age.set(census.age().as_secs_f64());
        registry.register_with_unit(
            "census_age",
            "How old the counts of processes are",
            Unit::Seconds,
            age,
        );
    }
}

/// What only the driver knows, and memory by what it is for.
fn driver(registry: &mut Registry, call: &Call, store: MemoryUse) {
    let mut parts = vec![
        ("memtables", store.memtables),
        ("block_cache", store.block_cache),
        ("table_readers", store.table_readers),
    ];
    if let Some(standing) = call.engine.standing() {
        let mut gauge = |name: &str, help: &str, value: usize| {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        };
        gauge(
            "outbox_messages",
            "Messages that wait to be sent",
            standing.waiting,
        );
        gauge(
            "outbox_in_flight_messages",
            "Messages that the broker has not confirmed yet",
            standing.in_flight,
        );
        gauge(
            "timers_due",
            "Timers whose time has come and which have not fired",
            standing.timers.count,
        );
        let late = Seconds::default();
        #[expect(clippy::cast_precision_loss, reason = "it is told in seconds")]
        late.set(standing.timers.late.0 as f64 / 1e3);
        let help = "How late the first of the timers is that are due";
        registry.register_with_unit("timer_lateness", help, Unit::Seconds, late);
        let bytes = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
        parts.push(("processes", bytes(standing.held.residents)));
        parts.push(("submitted", bytes(standing.held.submitted)));
    }
    let memory = Family::<Part, Gauge>::default();
    for (part, bytes) in parts {
        memory.get_or_create(&Part { part }).set(of(bytes));
    }
    registry.register_with_unit(
        "memory",
        "Memory by what it is for, as far as it is known",
        Unit::Bytes,
        memory,
    );
    let delivered = Family::<Queue, Gauge>::default();
    for (queue, bytes) in call.engine.in_hand() {
        delivered.get_or_create(&Queue { queue }).set(of(bytes));
    }
    let help = "Messages that were delivered and are not acknowledged yet, by queue";
    registry.register_with_unit("delivered", help, Unit::Bytes, delivered);
}

/// How many processes wait for each of the most frequent participants, and how long the first has waited.
fn waiting(registry: &mut Registry, waiting: &[Waiting], now: Timestamp) {
    let mut most: Vec<&Waiting> = waiting.iter().collect();
    most.sort_by_key(|waiting| std::cmp::Reverse(waiting.processes));
    let mut told: BTreeMap<String, (i64, Option<Timestamp>)> = BTreeMap::new();
    for (place, waiting) in most.into_iter().enumerate() {
        let participant = match &waiting.participant {
            Some(participant) if place < VALUES_MAX => participant.clone(),
            Some(_) | None => OTHERS.to_owned(),
        };
        let (count, since) = told.entry(participant).or_default();
        *count = count.saturating_add(of(waiting.processes));
        *since = since.iter().copied().chain(waiting.since).min();
    }
    let oldest = Family::<Participant, Seconds>::default();
    for (participant, (_, since)) in &told {
        let Some(since) = *since else { continue };
        let participant = participant.clone();
        #[expect(clippy::cast_precision_loss, reason = "it is told in seconds")]
        let seconds = now.since(since).0 as f64 / 1e3;
        oldest
            .get_or_create(&Participant { participant })
            .set(seconds);
    }
    let told = told.into_iter();
    gauges(
        registry,
        (
            "participant_waiting_processes",
            "Processes that wait for an answer of a participant",
        ),
        told.map(|(participant, (count, _))| (Participant { participant }, count)),
    );
    let help = "How long the first process has waited for an answer of a participant";
    registry.register_with_unit("participant_oldest_wait", help, Unit::Seconds, oldest);
}

/// A gauge for each of these values.
fn gauges<L>(
    registry: &mut Registry,
    (name, help): (&str, &str),
    values: impl IntoIterator<Item = (L, i64)>,
) where
    L: Clone + Hash + Eq + EncodeLabelSet + Debug + Send + Sync + 'static,
{
    let family = Family::<L, Gauge>::default();
    for (label, count) in values {
        family.get_or_create(&label).set(count);
    }
    registry.register(name, help, family);
}

fn of(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The most frequent values, and the others together.
fn frequent(values: &[Many]) -> BTreeMap<String, i64> {
    let mut told = BTreeMap::new();
    for (place, one) in values.iter().enumerate() {
        let value = match one.value.as_str() {
            Some(text) if place < VALUES_MAX => text.to_owned(),
            Some(_) | None => OTHERS.to_owned(),
        };
        let sum: &mut i64 = told.entry(value).or_default();
        *sum = sum.saturating_add(of(one.count));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_name_has_few_values() {
        let many = (0..200_u64).map(|number| Many {
            value: format!("p{number}").into(),
            count: 2,
        });
        let told = frequent(&many.collect::<Vec<_>>());
        assert_eq!(told.len(), VALUES_MAX + 1);
        assert_eq!(told[OTHERS], 300);
    }
}
