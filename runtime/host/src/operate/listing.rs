//! The list of processes, newest first: read from an index that has a row for each, so that a list reads what it shows,
//! however many processes there are.

use super::{
    query::{Count, ProcessSummary, QueryAnswer, State},
    questions::{Asked, found},
};
use bureaucrat_model::{IdPrefix, ProcessId, Timestamp};
use bureaucrat_store::{
    StoreError, Table,
    instances::read_head,
    keys::{self, Phase, Place},
    reading::scan_around,
};
use std::collections::BTreeSet;

/// The longest page of a list.
const PAGE: usize = 1_000;
/// A page of processes with a key looks at so many, at least.
const LOOKED_AT: usize = 10_000;
/// Counting ends at so many.
const COUNTED: usize = 10_000;
/// So many processes are named whose ids begin alike.
const CANDIDATES: usize = 10;

pub(super) fn list(
    asked: &Asked<'_>,
    (state, key): (Option<State>, Option<&str>),
    after: Option<Place>,
    limit: usize,
) -> Result<QueryAnswer, StoreError> {
    let limit = limit.clamp(1, PAGE);
    let mut processes = Vec::new();
    let (mut last, mut looked_at) = (after, 0);
    loop {
        let wanted = match key {
            None => limit - processes.len(),
            // Few of them have the key, so more are read together.
            Some(_) => PAGE,
        };
        let places = places(asked, state, last, wanted + 1)?;
        let mut are_all = places.len() <= wanted;
        for place in places.into_iter().take(wanted) {
            last = Some(place);
            looked_at += 1;
            processes.extend(row(asked, (state, key), place)?);
            if processes.len() == limit {
                are_all &= key.is_none();
                break;
            }
        }
        // Some may have gone or changed since the index was read. A page ends after many that do
        // not have the key, so that an answer does not take long.
        if are_all || processes.len() == limit || looked_at >= LOOKED_AT {
            let next = last.filter(|_| !are_all);
            let now = asked.now;
            return Ok(QueryAnswer::Processes {
                processes,
                next,
                now,
            });
        }
    }
}

/// One that is not there any more, or in another state by now, has no row.
fn row(
    asked: &Asked<'_>,
    (state, key): (Option<State>, Option<&str>),
    place: Place,
) -> Result<Option<ProcessSummary>, StoreError> {
    if let Some(key) = key {
        let head = asked
            .damages
            .around(None, read_head(asked.store, place.process))?;
        if head.flatten().and_then(|(head, _)| head.key).as_deref() != Some(key) {
            return Ok(None);
        }
    }
    let found = found(asked, place.process)?;
    let is_wanted = |row: &ProcessSummary| state.is_none_or(|state| state == row.state);
    Ok(found.filter(is_wanted))
}

pub(super) fn count(
    asked: &Asked<'_>,
    state: Option<State>,
    after: Option<Place>,
) -> Result<Count, StoreError> {
    let count = places(asked, state, after, COUNTED)?.len();
    Ok(if count < COUNTED {
        Count::Exactly {
            count: count as u64,
        }
    } else {
        Count::AtLeast {
            count: COUNTED as u64,
        }
    })
}

/// The first places behind one, in order.
fn places(
    asked: &Asked<'_>,
    state: Option<State>,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let mut places = BTreeSet::new();
    for phase in Phase::ALL {
        if state.is_some_and(|state| phase_of(state) != phase) {
            continue;
        }
        let (first, end) = keys::recent_in(phase);
        let from = after.map_or(first, |place| keys::successor(&keys::recent(phase, place)));
        let mut from = Some(from);
        let mut left = limit;
        while let Some(begin) = from.filter(|_| left > 0) {
            let portion = scan_around(asked.store, Table::Recent, &begin, &end, left)?;
            asked.damages.note_gaps(Table::Recent, &portion.gaps);
            left = left.saturating_sub(portion.rows.len());
            for (key, _) in portion.rows {
                match keys::recent_of(&key) {
                    Ok((_, place)) => {
                        places.insert(place);
                    }
                    Err(_) => asked.damages.note_key(Table::Recent, &key),
                }
            }
            from = portion.next;
        }
    }
    if state.is_none_or(|state| state == State::Incident) {
        let damaged = asked.damages.processes().into_iter();
        for process in damaged {
            let place = place_of(asked, process)?;
            if after.is_none_or(|after| after < place) {
                places.insert(place);
            }
        }
    }
    Ok(places.into_iter().take(limit).collect())
}

/// The place of a process whose records may be damaged: at the end when its head is.
fn place_of(asked: &Asked<'_>, process: ProcessId) -> Result<Place, StoreError> {
    let head = read_head(asked.store, process)?;
    Ok(Place {
        launched_at: head.map_or(Timestamp(0), |(head, _)| head.launched_at),
        process,
    })
}

/// The processes whose ids begin so, a few of them.
pub(super) fn find(
    asked: &Asked<'_>,
    prefix: &IdPrefix,
) -> Result<Vec<ProcessSummary>, StoreError> {
    let (first, last) = prefix.range();
    let (from, end) = (
        keys::instance(first),
        keys::successor(&keys::instance(last)),
    );
    let portion = scan_around(asked.store, Table::Instances, &from, &end, CANDIDATES)?;
    asked.damages.note_gaps(Table::Instances, &portion.gaps);
    let mut candidates = Vec::new();
    for (key, _) in portion.rows {
        if let Ok(process) = keys::instance_of(&key) {
            candidates.extend(found(asked, process)?);
        }
    }
    Ok(candidates)
}

const fn phase_of(state: State) -> Phase {
    match state {
        State::Running => Phase::Running,
        State::Incident => Phase::Incident,
        State::Completed => Phase::Completed,
        State::Failed => Phase::Failed,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{damage::Damages, operate::query::Query, questions::answer};
    use bureaucrat_model::{
        Ending, Fault, FaultCode, Fiber, Fields, Head, Instance, OpIndex, ProgramHash, Status,
    };
    use bureaucrat_store::{
        Epoch, Group, MemoryStore, Row, Store, Unit, Verdict,
        instances::{InstanceRows, write_instance},
    };
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts the rows that are read.
    fn asked<'a>(store: &'a dyn Store, damages: &'a Damages) -> Asked<'a> {
        Asked {
            store,
            now: Timestamp(10_000),
            history_entries: 10,
            damages,
        }
    }

    struct Counting {
        store: MemoryStore,
        rows: AtomicUsize,
    }

    impl Store for Counting {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.rows.fetch_add(1, Ordering::Relaxed);
            self.store.get(table, key)
        }

        fn scan(
            &self,
            table: Table,
            from: &[u8],
            to: &[u8],
            limit: usize,
        ) -> Result<Vec<Row>, StoreError> {
            let rows = self.store.scan(table, from, to, limit)?;
            self.rows.fetch_add(rows.len(), Ordering::Relaxed);
            Ok(rows)
        }

        fn own(&self) -> Result<Epoch, StoreError> {
            self.store.own()
        }

        fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
            self.store.commit(group)
        }
    }

    fn id(number: u32) -> ProcessId {
        let mut seed = [0; 16];
        seed[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        seed[12..].copy_from_slice(&number.to_be_bytes());
        ProcessId::from_seed(seed)
    }

    fn instance(number: u32, status: Status) -> Instance {
        let ended = matches!(status, Status::Ended(_));
        let head = Head {
            process: id(number),
            program: ProgramHash([0; 32]),
            name: "listed".into(),
            user: None,
            reply_to: None,
            caller: None,
            launched_at: Timestamp(1_000 + u64::from(number / 2)),
            ended_at: ended.then_some(Timestamp(9_000)),
            status,
            next_fiber: 1,
            next_turn: 0,
            next_call: 0,
            next_history: 0,
            ops_without_waiting: 0,
            cause_depth: 0,
            cancelled: None,
            failed_fields: Fields::new(),
            version: None,
            key: None,
            deadline: None,
            stuck: 0,
        };
        let fiber = Fiber::new(OpIndex(0), Fields::new(), None);
        let fibers = (!ended).then_some((bureaucrat_model::FiberId(0), fiber));
        Instance::new(head, fibers)
    }

    /// Two of three completed, every hundredth failed, the others run.
    fn filled(count: u32) -> Counting {
        let store = MemoryStore::default();
        for number in 0..count {
            let fault = Fault {
                code: FaultCode::new("KeyError"),
                message: "'x'".into(),
                activity: bureaucrat_model::ActivityPath::default(),
                line: 1,
                data: None,
                source: bureaucrat_model::FaultSource::Other,
            };
            let status = match number {
                number if number % 100 == 0 => Status::Ended(Ending::Failed(fault)),
                number if number % 3 == 0 => Status::Running,
                _ => Status::Ended(Ending::Completed(Fields::new())),
            };
            let (mut unit, mut rows) = (Unit::default(), InstanceRows::default());
            // It runs before it ends, and leaves that part of the list.
            for status in [Status::Running, status] {
                let mut instance = instance(number, status);
                write_instance(&mut instance, &mut rows, &mut unit.writes).unwrap();
            }
            store.commit(&Group { units: vec![unit] }).unwrap();
        }
        Counting {
            store,
            rows: AtomicUsize::new(0),
        }
    }

    fn pages(store: &Counting, state: Option<State>, limit: usize) -> Vec<ProcessSummary> {
        let damages = Damages::default();
        let asked = asked(store, &damages);
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let query = Query::List {
                key: None,
                state,
                after,
                limit,
            };
            let Some(QueryAnswer::Processes {
                processes, next, ..
            }) = answer(&asked, &query)
            else {
                panic!("no list");
            };
            let left = count(&asked, state, next).unwrap();
            listed.extend(processes);
            match next {
                Some(_) => assert_ne!(left, Count::Exactly { count: 0 }),
                None => return listed,
            }
            after = next;
        }
    }

    #[test]
    fn a_list_is_newest_first_and_whole_whatever_its_pages() {
        let store = filled(500);
        let all = pages(&store, None, 1_000);
        assert_eq!(all.len(), 500);
        assert!(all.is_sorted_by(|a, b| a.launched_at >= b.launched_at));
        for limit in [1, 7, 499] {
            assert_eq!(pages(&store, None, limit), all);
        }
        for state in [
            State::Running,
            State::Incident,
            State::Completed,
            State::Failed,
        ] {
            let of_it = |row: &&ProcessSummary| row.state == state;
            let wanted: Vec<_> = all.iter().filter(of_it).cloned().collect();
            assert_eq!(pages(&store, Some(state), 7), wanted);
        }
    }

    #[test]
    fn a_list_reads_what_it_shows_however_many_there_are() {
        let store = filled(5_000);
        let damages = Damages::default();
        let asked = asked(&store, &damages);
        for state in [None, Some(State::Failed), Some(State::Running)] {
            store.rows.store(0, Ordering::Relaxed);
            list(&asked, (state, None), None, 20).unwrap();
            let read = store.rows.load(Ordering::Relaxed);
            assert!(read < 200, "{state:?}: {read} rows");
        }
    }

    #[test]
    fn the_beginning_of_an_id_finds_those_that_have_it() {
        let store = filled(2_000);
        let damages = Damages::default();
        let asked = asked(&store, &damages);
        for number in [0, 1, 777] {
            let whole = IdPrefix::from(id(number));
            let found = find(&asked, &whole).unwrap();
            assert_eq!(found.len(), 1);
            let short: IdPrefix = id(number).to_string()[..4].parse().unwrap();
            let found = find(&asked, &short).unwrap();
            let begins = |row: &ProcessSummary| row.process.to_string()[..4] == short.to_string();
            assert!(found.iter().any(|row| row.process == id(number)));
            assert!(found.iter().all(begins) && found.len() <= CANDIDATES);
        }
    }
}
