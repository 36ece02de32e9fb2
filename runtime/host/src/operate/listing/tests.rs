//! Lists of many processes: whole, in order, and as cheap as they are short.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    damage::Damages,
    operate::query::{Query, State},
    questions::answer,
};
use bureaucrat_model::{
    Ending, Fault, FaultCode, Fiber, Fields, Head, HistoryHead, Instance, OpIndex, ProcessId,
    ProgramHash, Status, Timestamp,
};
use bureaucrat_store::{
    Epoch, Group, MemoryStore, Row, ShardGroups, Store, Unit, Verdict,
    instances::{InstanceRows, write_instance},
};
use std::sync::atomic::{AtomicUsize, Ordering};

fn asked<'a>(store: &'a dyn Store, damages: &'a Damages) -> Asked<'a> {
    Asked {
        store,
        now: Timestamp(10_000),
        damages,
    }
}

/// A store that counts the rows that are read.
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

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        self.store.own(groups)
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
        history: HistoryHead::EMPTY,
        ops_without_waiting: 0,
        cause_depth: 0,
        cancelled: None,
        failed_fields: Fields::new(),
        version: None,
        key: None,
        deadline: None,
        stuck: 0,
        recorded: bureaucrat_model::Recorded::Full,
        searched: Vec::new(),
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
            wanted: Wanted {
                states: state.into_iter().collect(),
                ..Wanted::default()
            },
            after,
            limit,
        };
        let Some(QueryAnswer::Processes {
            processes, next, ..
        }) = answer(&asked, &query)
        else {
            panic!("no list");
        };
        let wanted = Wanted {
            states: state.into_iter().collect(),
            ..Wanted::default()
        };
        let left = count(&asked, &wanted, next).unwrap();
        listed.extend(processes);
        match next {
            Some(_) => assert!(matches!(
                left,
                QueryAnswer::Counted {
                    count: 1..,
                    next: None
                }
            )),
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
        let wanted = Wanted {
            states: state.into_iter().collect(),
            ..Wanted::default()
        };
        list(&asked, &wanted, None, 20).unwrap();
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
