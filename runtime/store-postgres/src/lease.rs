//! Who may use the records: one engine, as long as it says so often enough.
//!
//! The lock of the schema, which a session holds, keeps commits of two engines apart, and the epoch those of an earlier
//! owner. The lease says when an engine that is silent is given up, whatever its session looks like: who stands by then
//! ends that session, takes the lock, and raises the epoch. An engine whose lease is over publishes nothing until it has
//! renewed it. So what a suspended engine does when it wakes changes nothing, and repeats at most what it was sending.
//! The server's clock judges leases; a holder judges its own by a clock that runs while the machine sleeps, from before
//! it asked.

mod row;

use crate::{
    Opening, schema,
    session::{Place, Present, Purpose, Session, Trouble},
};
use bureaucrat_store::{StoreError, lock, unpoisoned};
use futures_lite::future::block_on;
use nix::time::{ClockId, clock_gettime};
use std::{
    ops::ControlFlow,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

pub use row::{Holder, Holding};

/// How often it is looked whether the records are free.
const LOOK: Duration = Duration::from_millis(200);
/// A lease is renewed so often within its term.
const RENEWALS: u32 = 3;
/// After a failed renewal the next try comes so often within the term.
const TRIES: u32 = 10;

/// What an engine waits for before it has the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Another engine has them.
    Held(Holding),
    /// The database cannot be reached, and this is why.
    Away(String),
}

/// Asked again and again meanwhile: whether to wait on.
pub type Waiting<'a> = &'a mut dyn FnMut(&Obstacle) -> ControlFlow<()>;

/// What a store begins with.
pub struct Acquired {
    /// The session that commits: it has the lock of the schema.
    pub session: Session,
    /// The last commit.
    pub number: u64,
    /// None for a check.
    pub lease: Option<Lease>,
}

/// Connects, takes the lock of the schema, prepares it and takes the lease; again from the beginning if the connection
/// ends in between.
///
/// # Errors
/// [`StoreError::Locked`] if waiting was given up, and whatever keeps the server from being used.
pub fn acquire(
    place: &Arc<Place>,
    opening: &Opening,
    waiting: Waiting<'_>,
) -> Result<Acquired, StoreError> {
    let (mut is_away, mut is_refused) = (false, false);
    let mut until = place.deadline();
    let mut kept = None;
    loop {
        let session = kept.take().map_or_else(|| place.attempt(), Ok);
        let tried = session.and_then(|session| {
            let tried = block_on(attempt(place, &session, opening, &mut is_refused))?;
            Ok((session, tried))
        });
        let obstacle = match tried {
            Ok((session, Tried::Taken { number, since })) => {
                let lease = match opening {
                    Opening::Engine(holder) => {
                        Some(Lease::begin(place.clone(), holder.clone(), since)?)
                    }
                    Opening::Check | Opening::Accept | Opening::Upkeep | Opening::Filling => None,
                };
                return Ok(Acquired {
                    session,
                    number,
                    lease,
                });
            }
            Ok((session, Tried::Held(holding))) => {
                kept = Some(session);
                until = place.deadline();
                Obstacle::Held(holding)
            }
            Err(Trouble::Away(reason)) if Instant::now() < until => Obstacle::Away(reason),
            Err(trouble) => return Err(place.failure(trouble)),
        };
        let is_given_up = waiting(&obstacle).is_break();
        match obstacle {
            Obstacle::Held(holding) if is_given_up => {
                return Err(place.locked(holding.to_string()));
            }
            Obstacle::Away(reason) if is_given_up => return Err(place.unusable(reason)),
            Obstacle::Away(reason) if !is_away => {
                tracing::warn!(database = %place.shown(), %reason, "the database cannot be used yet; waiting for it");
                is_away = true;
            }
            Obstacle::Away(_) | Obstacle::Held(_) => {}
        }
        sleep(LOOK);
    }
}

enum Tried {
    /// The last commit, and when the lease was asked for.
    Taken {
        number: u64,
        since: Duration,
    },
    Held(Holding),
}

async fn attempt(
    place: &Place,
    session: &Session,
    opening: &Opening,
    is_refused: &mut bool,
) -> Result<Tried, Trouble> {
    if !matches!(opening, Opening::Engine(_)) {
        // Before it has the lock, for which it could be ended.
        session.work_as_command().await?;
    }
    match session.lock(place.schema()).await {
        Ok(()) => {}
        Err(Trouble::Held) => {
            let holding = match session.holding().await {
                // Before there are tables, nobody has a name.
                Err(Trouble::Refused(_)) => return Ok(Tried::Held(Holding::unknown())),
                holding => holding?,
            };
            if holding.is_over()
                && let Err(trouble) = session.evict(place.schema()).await
            {
                let Trouble::Refused(reason) = trouble else {
                    return Err(trouble);
                };
                if !std::mem::replace(is_refused, true) {
                    tracing::warn!(
                        "the engine that has the records is silent, but its session cannot be ended: {reason}"
                    );
                }
            }
            return Ok(Tried::Held(holding));
        }
        Err(trouble) => return Err(trouble),
    }
    schema::prepare(place, session, opening).await?;
    let since = now();
    let is_ours = match opening {
        Opening::Engine(holder) => session.take(holder).await?,
        Opening::Check | Opening::Accept | Opening::Upkeep | Opening::Filling => {
            session.holding().await?.is_over()
        }
    };
    if !is_ours {
        // Its engine may have lost its session only for a moment.
        session.unlock().await?;
        return Ok(Tried::Held(session.holding().await?));
    }
    let (number, lost) = session.counted().await?;
    match opening {
        Opening::Accept => session.note_lost(0).await?,
        Opening::Engine(_) | Opening::Check | Opening::Upkeep | Opening::Filling if lost > 0 => {
            return Err(Trouble::Lasting(place.lost(lost)));
        }
        Opening::Engine(_) | Opening::Check | Opening::Upkeep | Opening::Filling => {}
    }
    Ok(Tried::Taken { number, since })
}

/// The lease of a store that is open. A thread renews it until it is dropped.
pub struct Lease {
    place: Arc<Place>,
    holder: Holder,
    shared: Arc<Shared>,
}

struct Shared {
    /// When it ends, in milliseconds of [`now`].
    until: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    Held,
    /// Why it can't be renewed any more.
    Lost(StoreError),
    /// Nobody needs it any more.
    Ended,
}

impl Lease {
    fn begin(place: Arc<Place>, holder: Holder, since: Duration) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            until: AtomicU64::new(0),
            state: Mutex::new(State::Held),
            changed: Condvar::new(),
        });
        shared.extend(since + holder.term);
        let lease = Self {
            place: place.clone(),
            holder: holder.clone(),
            shared: shared.clone(),
        };
        std::thread::Builder::new()
            .name("lease".into())
            .spawn(move || shared.renew(&place, &holder))
            .map_err(|error| lease.place.unusable(error.to_string()))?;
        Ok(lease)
    }

    /// Whether nobody else may have taken the records yet.
    pub fn holds(&self) -> bool {
        millis(now()) < self.shared.until.load(Ordering::Acquire)
    }

    /// Waits until the records are another's, or have lost commits, which an engine that commits nothing would not notice.
    /// Never returns otherwise.
    pub fn lost(&self) -> StoreError {
        let mut state = self.shared.state();
        loop {
            if let State::Lost(error) = &*state {
                return error.clone();
            }
            state = self.shared.wait(state, Duration::MAX);
        }
    }

    /// Gives it back, after the last commit: the next engine need not wait. If that fails, it waits for the term.
    pub fn release(&self) {
        self.shared.end();
        let released = self.place.connect(Purpose::Reading, Instant::now());
        if let Ok((session, _)) = released {
            // It may be another's already, and then there is nothing to give back.
            let released = session.release(&self.holder);
            let _ = self.place.within(self.holder.term, released);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, span: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, span);
        unpoisoned(waited).0
    }

    fn extend(&self, until: Duration) {
        self.until.store(millis(until), Ordering::Release);
    }

    fn end(&self) {
        let mut state = self.state();
        if matches!(*state, State::Held) {
            *state = State::Ended;
        }
        drop(state);
        self.changed.notify_all();
    }

    fn renew(&self, place: &Place, holder: &Holder) {
        let (mut session, mut is_told) = (None, false);
        let mut pause = holder.term / RENEWALS;
        loop {
            let state = self.state();
            let state = match &*state {
                State::Held => self.wait(state, pause),
                State::Lost(_) | State::Ended => return,
            };
            if !matches!(*state, State::Held) {
                return;
            }
            drop(state);
            let since = now();
            match renewed(place, holder, &mut session) {
                Ok(()) => {
                    self.extend(since + holder.term);
                    pause = holder.term / RENEWALS;
                    if std::mem::take(&mut is_told) {
                        tracing::info!("the lease is renewed again");
                    }
                }
                Err(Trouble::Lasting(error)) => {
                    *self.state() = State::Lost(error);
                    self.changed.notify_all();
                    return;
                }
                // A database that is away says nothing about whose the records are.
                Err(trouble) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(
                            ?trouble,
                            "the lease cannot be renewed; from its end on nothing is sent until it is"
                        );
                    }
                    pause = holder.term / TRIES;
                }
            }
        }
    }
}

fn renewed(place: &Place, holder: &Holder, session: &mut Option<Session>) -> Result<(), Trouble> {
    let present = match session.take() {
        Some(session) => session,
        None => match place.connect(Purpose::Reading, Instant::now()) {
            Ok((session, _)) => session,
            Err(error @ (StoreError::Fenced { .. } | StoreError::LostCommits { .. })) => {
                return Err(Trouble::Lasting(error));
            }
            Err(error) => return Err(Trouble::Away(error.to_string())),
        },
    };
    place.within(holder.term, async {
        if present.renew(holder).await? {
            // A command that repairs the records has no lease, but an epoch.
            return place.check(&present).await;
        }
        // It may be there for nobody.
        present.holding().await?;
        let Present { epoch, .. } = present.present().await?;
        let present = epoch.0;
        Err(Trouble::Lasting(StoreError::Fenced { present }))
    })?;
    *session = Some(present);
    Ok(())
}

/// A clock that runs while the machine sleeps.
fn now() -> Duration {
    let time =
        clock_gettime(ClockId::CLOCK_BOOTTIME).or_else(|_| clock_gettime(ClockId::CLOCK_MONOTONIC));
    time.map(Duration::from).unwrap_or_default()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
