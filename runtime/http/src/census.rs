//! A census: how many processes are in which state, and which participants they wait for.
//!
//! Counting takes as long as there are processes, so nobody who asks waits for it where there are many: it
//! is done beside, once for all who ask, and takes at most a hundredth of one processor. Where there
//! are few, who asks gets fresh numbers.

use crate::{
    engine::Call,
    pool::let_others_first,
    problem::Problem,
    routes::counts::{Many, attributes, whole},
};
use bureaucrat_host::{
    backlog::Waiting,
    query::{AttributeKind, State, Wanted},
};
use bureaucrat_model::{lock, unpoisoned};
use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

/// After a census, so many times as long as it took passes before the next one.
const PAUSES: u32 = 100;
/// Who asks waits so long for a new census, if it may be done by then.
const PATIENCE: Duration = Duration::from_millis(50);
/// The same where none was ever taken.
const FIRST_PATIENCE: Duration = Duration::from_millis(500);

/// What was counted.
#[derive(Debug)]
pub struct Counted {
    /// When it was begun, and how long it took.
    began: Instant,
    took: Duration,
    /// Of the engine, before it was begun.
    commits: u64,
    pub states: Vec<(State, u64)>,
    pub waiting: Vec<Waiting>,
    /// Incidents by code, and by definition.
    pub codes: Vec<Many>,
    pub definitions: Vec<Many>,
}

impl Counted {
    /// How old it is.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn of(&self, state: State) -> u64 {
        let mut states = self.states.iter();
        states
            .find(|(of, _)| *of == state)
            .map_or(0, |(_, count)| *count)
    }
}

/// The last census, and whether one is being taken.
#[derive(Default)]
pub struct Census {
    last: Mutex<Last>,
    taken: Condvar,
}

#[derive(Default)]
struct Last {
    counted: Option<Arc<Counted>>,
    is_running: bool,
    /// So many were taken, or failed.
    number: u64,
}

impl Census {
    /// The numbers of all processes, for one who may see all; none while the first ones are counted. May
    /// block for a moment.
    pub fn look(self: &Arc<Self>, call: &Call) -> Option<Arc<Counted>> {
        let mut last = lock(&self.last);
        let patience = match &last.counted {
            Some(counted) => {
                let is_fresh = counted.commits == call.engine.commits()
                    || counted.age() < counted.took.saturating_mul(PAUSES);
                if is_fresh {
                    return Some(counted.clone());
                }
                match counted.took < PATIENCE {
                    true => PATIENCE,
                    false => Duration::ZERO,
                }
            }
            None => FIRST_PATIENCE,
        };
        let number = last.number;
        if !last.is_running {
            last.is_running = self.begin(call);
        }
        let waited = self.taken.wait_timeout_while(last, patience, |last| {
            last.is_running && last.number == number
        });
        let (last, _) = unpoisoned(waited);
        last.counted.clone()
    }

    /// Begins a new one; false if the system gives no thread.
    fn begin(self: &Arc<Self>, call: &Call) -> bool {
        let (census, call) = (self.clone(), call.clone());
        let thread = std::thread::Builder::new().name("http-census".into());
        let run = move || {
            let_others_first();
            let counted = count(&call);
            let mut last = lock(&census.last);
            match counted {
                Ok(counted) => last.counted = Some(Arc::new(counted)),
                Err(problem) => {
                    tracing::debug!(problem.detail, "the processes could not be counted")
                }
            }
            last.is_running = false;
            last.number += 1;
            drop(last);
            census.taken.notify_all();
        };
        match thread.spawn(run) {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "cannot start a thread to count the processes");
                false
            }
        }
    }
}

fn count(call: &Call) -> Result<Counted, Problem> {
    let (began, commits) = (Instant::now(), call.engine.commits());
    let of = |state| Wanted {
        states: vec![state],
        ..Wanted::default()
    };
    let states = State::ALL.into_iter();
    let states = states.map(|state| Ok((state, whole(call, &of(state))?)));
    let states = states.collect::<Result<Vec<_>, Problem>>()?;
    let incidents = of(State::Incident);
    Ok(Counted {
        states,
        waiting: call.engine.waiting().map_err(Problem::unavailable)?,
        codes: attributes(call, &AttributeKind::Fault, &incidents)?,
        definitions: attributes(call, &AttributeKind::Definition, &incidents)?,
        took: began.elapsed(),
        began,
        commits,
    })
}
