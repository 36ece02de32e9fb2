//! Every conformance case, in every dialect that it is for, on the running binary over RabbitMQ.
#![allow(clippy::unwrap_used)]

use bureaucrat_tests::{
    conformance::{Case, broker::Broker, load},
    engine::{Engine, broker_url},
};
use bureaucrat_wire::Dialect;
use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Cases that run side by side.
const THREADS: usize = 12;

#[test]
fn cases_run_as_they_say_on_the_running_engine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let cases = load(&folder).unwrap();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let wrong: usize = [Dialect::Workitem, Dialect::Message]
        .map(|dialect| run(&cases, dialect))
        .iter()
        .sum();
    assert_eq!(wrong, 0, "cases went wrong");
}

/// Plays all cases that are for the dialect on an engine of its own; gives how many went wrong.
fn run(cases: &[Case], dialect: Dialect) -> usize {
    let url = broker_url().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("conformance-{dialect}-{}", std::process::id());
    let options = ["--dialect", &dialect.to_string()];
    let mut engine = Engine::new(&url, folder.path(), &prefix, &options);
    engine.start().unwrap();
    let broker = Broker::connect(&url, engine).unwrap();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(0));
    let cases: Vec<&Case> = cases
        .iter()
        .filter(|case| case.dialects.contains(&dialect))
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let trace = broker.play(case, dialect).unwrap();
                    if !trace.is_right() {
                        *wrong.lock().unwrap() += 1;
                        println!("{} in the dialect {dialect}:\n{trace}", case.name);
                    }
                }
            });
        }
    });
    println!("{} cases in the dialect {dialect}", cases.len());
    let miscounted = broker.recount();
    assert!(miscounted.is_empty(), "{miscounted:?}");
    assert_eq!(broker.end().unwrap(), 0);
    wrong.into_inner().unwrap()
}
