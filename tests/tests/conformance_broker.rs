//! Every conformance case, in every dialect that it is for, on the running binary over RabbitMQ.
#![allow(clippy::unwrap_used)]

use bureaucrat_model::Millis;
use bureaucrat_tests::{
    conformance::{Action, Case, broker::Broker, load},
    engine::{Engine, broker_url},
    faults::Preload,
};
use bureaucrat_wire::Dialect;
use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Cases that run side by side on one engine.
const THREADS: usize = 20;

/// Time that a case waits for real. Cases in which more passes have an engine whose machine seems to sleep meanwhile.
const FOR_REAL: Millis = Millis(3_500);

#[test]
fn cases_run_as_they_say_on_the_running_engine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let cases = load(&folder).unwrap();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let cases = &cases;
    // One dialect after the other: the queues of a case have the same names in both.
    for dialect in [Dialect::Workitem, Dialect::Message] {
        let wrong: usize = std::thread::scope(|scope| {
            let runs = [Time::Jumps, Time::Passes]
                .map(|time| scope.spawn(move || run(cases, dialect, time)));
            runs.into_iter().map(|run| run.join().unwrap()).sum()
        });
        assert_eq!(wrong, 0, "cases went wrong");
    }
}

/// How time passes for an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Passes,
    /// The cases run one after the other, since all of them would sleep.
    Jumps,
}

impl Time {
    fn of(case: &Case) -> Self {
        let spans = case.steps.iter().map(|step| {
            if let Action::Time(span) = &step.action {
                span.0
            } else {
                0
            }
        });
        match spans.sum::<u64>() > FOR_REAL.0 {
            true => Self::Jumps,
            false => Self::Passes,
        }
    }
}

/// Plays all such cases that are for the dialect on an engine of their own; gives how many went wrong.
fn run(cases: &[Case], dialect: Dialect, time: Time) -> usize {
    let url = broker_url().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("conformance-{dialect}-{time:?}-{}", std::process::id());
    let options = ["--dialect", &dialect.to_string()];
    let preload = (time == Time::Jumps).then(|| Preload::new(folder.path()).unwrap());
    let mut engine = Engine::new(&url, folder.path(), &prefix, &options);
    if let Some(preload) = &preload {
        engine = engine.with_environment(preload.environment());
    }
    engine.start().unwrap();
    let threads = preload.as_ref().map_or(THREADS, |_| 1);
    let broker = Broker::connect(&url, engine, preload).unwrap();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(0));
    let cases: Vec<&Case> = cases
        .iter()
        .filter(|case| case.dialects.contains(&dialect) && Time::of(case) == time)
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..threads {
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
    println!(
        "{} cases in the dialect {dialect}, time {time:?}",
        cases.len()
    );
    let miscounted = broker.recount();
    assert!(miscounted.is_empty(), "{miscounted:?}");
    assert_eq!(broker.end().unwrap(), 0);
    wrong.into_inner().unwrap()
}
