//! The loop: seeds first, then mutated seeds until the count or the time is reached, with a journal
//! and a watchdog.

use crate::{MEMORY_MAX, Target, mutate, random::Random, targets::Targets};
use anyhow::{Context, Result, bail, ensure};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use std::{
    collections::HashSet,
    fs::File,
    os::unix::fs::FileExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The most seeds that are kept; beyond this, new ones replace old ones.
const SEEDS_MAX: usize = 4_000;

/// Inputs between two checks of time and memory.
const BATCH: u64 = 256;

#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub inputs: u64,
    pub time: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// Inputs that were run, including seeds.
    pub inputs: u64,
    /// Different traces that they produced.
    pub traces: usize,
    pub time: Duration,
    /// How much the process grew after the first inputs, in bytes.
    pub grown: u64,
}

/// The current input, written to disk before it runs, so that it is there after an abort.
struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    fn open(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("the journal {}", path.display()))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    fn write(&self, input: &[u8]) -> Result<()> {
        self.file.write_all_at(input, 0)?;
        self.file.set_len(input.len() as u64)?;
        Ok(())
    }
}

/// How much longer than [`Target::time_max`] an input may take by the wall clock: an input that
/// waits forever uses no processor time, and a busy machine makes a process wait.
const WALL_FACTOR: u32 = 24;

/// Ends the process if one input takes too long; the journal has the input.
struct Watchdog {
    /// Inputs begun; the watchdog checks whether this number changes.
    begun: Arc<AtomicU64>,
}

impl Watchdog {
    fn start(target: Target) -> Self {
        let begun = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&begun);
        std::thread::spawn(move || {
            let mut last = (u64::MAX, Instant::now(), processor_time());
            loop {
                std::thread::sleep(Duration::from_millis(200));
                let now = seen.load(Ordering::Relaxed);
                let (wall, worked) = (last.1.elapsed(), processor_time().saturating_sub(last.2));
                if now != last.0 {
                    last = (now, Instant::now(), processor_time());
                } else if worked > target.time_max() || wall > target.time_max() * WALL_FACTOR {
                    eprintln!(
                        "fuzz: an input takes more than {:?}: {worked:?} of processor time, {wall:?} in all",
                        target.time_max()
                    );
                    std::process::abort();
                }
            }
        });
        Self { begun }
    }
}

/// The processor time of this process; zero if the system does not say, which leaves the wall
/// clock.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
    let times = usage.map(|usage| [usage.user_time(), usage.system_time()]);
    let micros = times
        .into_iter()
        .flatten()
        .map(|time| time.num_microseconds());
    Duration::from_micros(micros.sum::<i64>().unsigned_abs())
}

/// Runs a target. The file `journal` always contains the current input.
///
/// # Errors
/// If an input failed, with its place; if the journal or a seed cannot be read or written.
pub fn run(target: Target, seed: u64, bounds: Bounds, journal: &Path) -> Result<Done> {
    let targets = Targets::for_target(target)?;
    let journal = Journal::open(journal)?;
    let watchdog = Watchdog::start(target);
    let (started, mut random) = (Instant::now(), Random::new(seed));
    let (mut seeds, mut traces) = (target.seeds()?, HashSet::new());
    ensure!(!seeds.is_empty(), "{} has no seeds", target.name());
    let mut inputs = 0;
    let mut one = |input: &[u8]| -> Result<bool> {
        watchdog.begun.fetch_add(1, Ordering::Relaxed);
        journal.write(input)?;
        match catch_unwind(AssertUnwindSafe(|| targets.run(target, input))) {
            Ok(trace) => Ok(traces.insert(trace)),
            Err(_) => bail!("an input panics; it is in {}", journal.path.display()),
        }
    };
    for input in seeds.clone() {
        one(&input)?;
        inputs += 1;
    }
    let (mut made, mut base) = (0, None);
    while made < bounds.inputs && started.elapsed() < bounds.time {
        for _ in 0..BATCH.min(bounds.inputs - made) {
            let input = mutate::mutated(&mut random, &seeds, target.tokens());
            if one(&input)? {
                match seeds.len() < SEEDS_MAX {
                    true => seeds.push(input),
                    false => {
                        let at = random.below(SEEDS_MAX);
                        seeds[at] = input;
                    }
                }
            }
            made += 1;
        }
        let now = peak_memory()?;
        if made >= 1_000 && base.is_none() {
            base = Some(now);
        }
        let grown = base.map_or(0, |base: u64| now.saturating_sub(base));
        ensure!(
            grown <= MEMORY_MAX,
            "one of the last {BATCH} inputs took {grown} bytes of memory (seed {seed})"
        );
    }
    Ok(Done {
        inputs: inputs + made,
        traces: traces.len(),
        time: started.elapsed(),
        grown: base.map_or(Ok(0), |base| {
            peak_memory().map(|now| now.saturating_sub(base))
        })?,
    })
}

/// Runs one input, on this thread.
///
/// # Errors
/// When the target can't be set up.
pub fn replay(target: Target, inputs: &[Vec<u8>]) -> Result<()> {
    let targets = Targets::for_target(target)?;
    for input in inputs {
        targets.run(target, input);
    }
    Ok(())
}

/// The most memory that this process has had so far, in bytes.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kibibytes
        .context("/proc/self/status has no VmHWM")?
        .trim()
        .parse::<u64>()?
        << 10)
}
