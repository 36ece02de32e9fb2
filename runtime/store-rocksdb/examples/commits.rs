//! Prints how many synced commits a second the store makes, with 1 and with 4 threads: each commit is what a step of a
//! process writes (an instance, a row of the outbox, an entry of the history).
//!
//! `cargo run --release -p bureaucrat-store-rocksdb --example commits [FOLDER]`
#![allow(clippy::unwrap_used)]

use bureaucrat_store::{Group, Guard, Store, Table, Unit, Version, Write, keys, records};
use bureaucrat_store_rocksdb::RocksStore;
use std::time::{Duration, Instant};

fn step(process: [u8; 16], version: u64) -> Group {
    let mut instance = vec![records::FORMAT];
    instance.extend_from_slice(&version.to_be_bytes());
    instance.extend_from_slice(&[7; 400]);
    let put = |table, key: Vec<u8>, size| Write::Put {
        table,
        key,
        value: vec![7; size],
    };
    let mut numbered = process.to_vec();
    numbered.extend_from_slice(&version.to_be_bytes());
    let unit = Unit {
        guards: vec![Guard {
            process: keys::instance_of(&process).unwrap(),
            expected: Version(version - 1),
        }],
        writes: vec![
            Write::Put {
                table: Table::Instances,
                key: process.to_vec(),
                value: instance,
            },
            put(Table::Outbox, numbered.clone(), 300),
            put(Table::History, numbered, 60),
        ],
    };
    Group { units: vec![unit] }
}

fn main() {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    for threads in [1_u8, 4] {
        let folder = tempfile::tempdir_in(&parent).unwrap();
        let store = RocksStore::open(folder.path()).unwrap();
        let began = Instant::now();
        let commits: u64 = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|thread| {
                    let store = &store;
                    scope.spawn(move || {
                        let mut count = 0;
                        while began.elapsed() < Duration::from_secs(2) {
                            count += 1;
                            store.commit(&step([thread; 16], count)).unwrap();
                        }
                        count
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{threads} threads: {:.0} synced commits/s",
            commits as f64 / seconds
        );
    }
}
