//! What runs did; many runs at once.

use super::{Disk, Facts, Failure, Plan, Tracing, World};
use bureaucrat_model::{lock, unpoisoned};
use bureaucrat_sandbox::{
    CacheConfig, RuntimeClass, Sandbox, SandboxConfig, SandboxLimits, WorkerCommand,
};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    pub counts: BTreeMap<&'static str, u64>,
    /// A checksum over everything durable at the end.
    pub disk: u64,
}

impl Report {
    /// The report of a run without failure.
    pub fn of(facts: &Facts, steps: u64, disk: &Disk) -> Self {
        let mut counts = facts.known().counts.clone();
        counts.insert("steps", steps);
        counts.insert("commits", disk.commits());
        let checksum =
            disk.dump()
                .into_iter()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, (table, key, value)| {
                    let bytes = std::iter::once(table as u8).chain(key).chain(value);
                    bytes.fold(hash, |hash, byte| {
                        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                    })
                });
        Self {
            counts,
            disk: checksum,
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
}

/// Runs a plan; a panic is a failure like any other.
///
/// # Errors
/// The violation.
pub fn run(plan: &Plan, sandbox: &Sandbox, tracing: Tracing) -> Result<Report, Failure> {
    let world = World::new(plan.clone(), sandbox.clone(), tracing);
    catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        let what = format!("a panic: {}", words.unwrap_or("without words"));
        Err(Failure {
            step: 0,
            what,
            trace: Vec::new(),
        })
    })
}

/// The engine's binary, which is built beside the test or the program that runs.
///
/// # Errors
/// If it is not there.
pub fn binary() -> Result<PathBuf, String> {
    // A test is in target/release/deps, a program in target/release.
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let folders = this.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join("bureaucrat"))
        .find(|binary| binary.is_file())
        .ok_or_else(|| {
            "the binary is not built: cargo build --release --workspace --bins".to_owned()
        })
}

/// A sandbox for the conditions of definitions and for modules, which the engine's binary compiles. It
/// caches compiled code in this folder.
///
/// # Errors
/// If it cannot be set up, or the binary is not built.
pub fn sandbox(cache: &Path) -> Result<Sandbox, String> {
    Sandbox::new(SandboxConfig {
        threads: 2,
        // The load of the machine must not change what a run does.
        limits: SandboxLimits {
            deadline: Duration::from_secs(60),
            ..SandboxLimits::default()
        },
        cache: Some(CacheConfig {
            folder: cache.to_owned(),
            key: [7; 32],
        }),
        runtime_class: RuntimeClass::Refused,
        worker: WorkerCommand {
            program: binary()?,
            arguments: vec!["compile-worker".into()],
        },
    })
    .map_err(|error| error.to_string())
}

/// The first failing plan among many, reduced if possible; or what all runs did.
///
/// # Errors
/// Describes the failure, its last steps and how to repeat it.
pub fn sweep(
    plans: &[Plan],
    sandbox: &Sandbox,
    progress: impl Fn(u64) + Sync,
) -> Result<Report, String> {
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let total = Mutex::new(Report::default());
    let failed: Mutex<Option<(Plan, Failure)>> = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while lock(&failed).is_none() {
                    let place =
                        usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                    let Some(plan) = plans.get(place) else { return };
                    match run(plan, sandbox, Tracing::Off) {
                        Ok(report) => lock(&total).add(&report),
                        Err(failure) => {
                            lock(&failed).get_or_insert((plan.clone(), failure));
                        }
                    }
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    match unpoisoned(failed.into_inner()) {
        None => Ok(unpoisoned(total.into_inner())),
        Some((plan, failure)) => Err(told(plan, failure, sandbox)),
    }
}

/// Describes a failure for people: what it is, the smallest plan found that fails, its last steps.
pub fn told(plan: Plan, failure: Failure, sandbox: &Sandbox) -> String {
    let first = format!(
        "seed {}, step {}: {}",
        plan.seed, failure.step, failure.what
    );
    let (plan, _) = plan.shrink(failure, |plan| run(plan, sandbox, Tracing::Off).err());
    let again = run(&plan, sandbox, Tracing::On);
    let (what, trace) = match again {
        Err(failure) => (
            format!("step {}: {}", failure.step, failure.what),
            failure.trace.join("\n"),
        ),
        Ok(_) => (
            "a second run of the same plan does not fail: the run is not deterministic".into(),
            String::new(),
        ),
    };
    format!(
        "{first}\nThe smallest plan found that fails ends with\n{trace}\n{what}\nRepeat it: scripts/simulate {plan}"
    )
}
