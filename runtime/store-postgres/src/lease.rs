//! Who may use the records: engines, each its groups of shards, as long as they say so often enough.
//!
//! Leases only say who should have which group, and when an engine that is silent is given up: who takes a group ends
//! that engine's session, and raises the epoch of the group, against which every commit is checked. An engine whose leases
//! are over publishes nothing until it has renewed all of them. So what a suspended engine does when it wakes changes
//! nothing, and repeats at most what it was sending. The server's clock judges leases; a holder judges its own by a clock
//! that runs while the machine sleeps, from before it asked.
//!
//! A store has the same groups for its life. Its lease says when they should be others; then it is closed and opened again.

mod acquire;
mod holder;
mod picture;
mod rows;

use crate::session::{Place, Purpose, Session, Trouble};
use bureaucrat_store::{ShardGroups, StoreError, lock, unpoisoned};
use futures_lite::future::zip;
use nix::time::{ClockId, clock_gettime};
use picture::{Imbalance, less};
use rows::Look;
use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub use acquire::{Obstacle, Waiting, acquire};
pub use holder::{Holder, Holding, Wish};

/// A lease is renewed so often within its term.
const RENEWALS: u32 = 3;
/// After a failed renewal the next try comes so often within the term.
const TRIES: u32 = 10;

/// The leases of a store that is open. A thread renews them until this is dropped.
pub struct Lease {
    terms: Arc<Terms>,
    shared: Arc<Shared>,
}

/// Whose leases they are, and of what.
struct Terms {
    place: Arc<Place>,
    holder: Holder,
    wish: Wish,
    groups: ShardGroups,
}

/// Why an engine should not work on as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// All groups are another's, or commits are lost: the engine must end.
    Lost(StoreError),
    /// Its groups should be others: the store should be closed, in order, and opened again. Leases are kept until then.
    Unbalanced,
}

struct Shared {
    /// When it ends, in milliseconds of [`now`].
    until: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    Held,
    /// They should be leases of other groups, and are renewed until somebody sees to it.
    Unbalanced,
    /// Why they can't be renewed any more.
    Lost(StoreError),
    /// Nobody needs them any more.
    Ended,
}

impl State {
    const fn is_renewed(&self) -> bool {
        match self {
            Self::Held | Self::Unbalanced => true,
            Self::Lost(_) | Self::Ended => false,
        }
    }
}

impl Lease {
    fn begin(
        place: Arc<Place>,
        holder: Holder,
        wish: Wish,
        groups: ShardGroups,
        since: Duration,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            until: AtomicU64::new(0),
            state: Mutex::new(State::Held),
            changed: Condvar::new(),
        });
        shared.extend(since + holder.term);
        let terms = Arc::new(Terms {
            place,
            holder,
            wish,
            groups,
        });
        let lease = Self {
            terms: terms.clone(),
            shared: shared.clone(),
        };
        std::thread::Builder::new()
            .name("lease".into())
            .spawn(move || shared.renew(&terms))
            .map_err(|error| lease.terms.place.unusable(error.to_string()))?;
        Ok(lease)
    }

    /// Whether nobody else may have taken any of the groups yet.
    pub fn holds(&self) -> bool {
        millis(now()) < self.shared.until.load(Ordering::Acquire)
    }

    /// Waits until something should change, which an engine that commits nothing would not notice; and after that, says it
    /// at once. None once the leases were given back.
    pub fn changed(&self) -> Option<Change> {
        let mut state = self.shared.state();
        loop {
            match &*state {
                State::Lost(error) => return Some(Change::Lost(error.clone())),
                State::Unbalanced => return Some(Change::Unbalanced),
                State::Ended => return None,
                State::Held => state = self.shared.wait(state, Duration::MAX),
            }
        }
    }

    /// Renews nothing more, but gives nothing back: the store is opened again at once.
    pub fn end(&self) {
        self.shared.end();
    }

    /// Gives everything back, after the last commit: other engines need not wait. If that fails, they wait for the term.
    pub fn release(&self) {
        self.shared.end();
        let Terms { place, holder, .. } = &*self.terms;
        let released = place.connect(Purpose::Reading, Instant::now());
        if let Ok((session, _)) = released {
            // It may be another's already, and then there is nothing to give back.
            let _ = place.within(holder.term, session.release(holder));
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
        if state.is_renewed() {
            *state = State::Ended;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Says that the groups should be others, unless something worse was said.
    fn unbalance(&self) {
        let mut state = self.state();
        if matches!(*state, State::Held) {
            *state = State::Unbalanced;
        }
        drop(state);
        self.changed.notify_all();
    }

    fn lose(&self, error: StoreError) {
        let mut state = self.state();
        if state.is_renewed() {
            *state = State::Lost(error);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn renew(&self, terms: &Terms) {
        let (mut session, mut is_told) = (None, false);
        let mut watch = Watch::default();
        let term = terms.holder.term;
        let mut pause = term / RENEWALS;
        loop {
            if !self.is_due(pause) {
                return;
            }
            let since = now();
            match terms.renewed(&mut session) {
                Ok(Renewed::All(imbalance)) => {
                    self.extend(since + term);
                    pause = term / RENEWALS;
                    if std::mem::take(&mut is_told) {
                        tracing::info!("the lease is renewed again");
                    }
                    if watch.sees(imbalance) {
                        self.unbalance();
                    }
                }
                Ok(Renewed::Some) => {
                    self.extend(Duration::ZERO);
                    pause = term / RENEWALS;
                    self.unbalance();
                }
                Err(Trouble::Lasting(error)) => return self.lose(error),
                // A database that is away says nothing about whose the records are.
                Err(trouble) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(
                            ?trouble,
                            "the lease cannot be renewed; from its end on nothing is sent until it is"
                        );
                    }
                    pause = term / TRIES;
                }
            }
        }
    }

    /// Waits for the next renewal; false if there is none.
    fn is_due(&self, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        let mut state = self.state();
        while state.is_renewed() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.wait(state, left);
        }
        false
    }
}

/// What a renewal has found.
enum Renewed {
    All(Imbalance),
    /// Some groups are others' by now.
    Some,
}

/// Decides when an imbalance counts: not right after the store was opened, and what one engine must give to another only
/// when it is seen twice, because that one may have its groups soon without it.
#[derive(Debug, Default)]
struct Watch {
    renewals: u32,
    giving: u32,
}

impl Watch {
    const fn sees(&mut self, imbalance: Imbalance) -> bool {
        self.renewals = self.renewals.saturating_add(1);
        self.giving = match imbalance.gives {
            true => self.giving.saturating_add(1),
            false => 0,
        };
        (imbalance.takes && self.renewals > 1) || self.giving > 1
    }
}

impl Terms {
    /// # Errors
    /// [`Trouble::Lasting`] if all groups are others' by now, or commits are lost.
    fn renewed(&self, session: &mut Option<Session>) -> Result<Renewed, Trouble> {
        let place = &self.place;
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
        let renewed = place.within(self.holder.term, async {
            let looks = present.look(Look::Renews(&self.holder, self.wish));
            // Both at once. A command that repairs the records has no lease, but an epoch.
            let (picture, standing) = zip(looks, place.standing(&present)).await;
            let (picture, standing) = (picture?, standing?);
            let missing = less(self.groups, picture.held_by(&self.holder.name));
            let is_lost = match self.wish {
                Wish::All => !missing.is_empty() || !standing.is_whole(),
                Wish::Share => missing == self.groups || standing.is_lost(),
            };
            if is_lost {
                return Err(Trouble::Lasting(standing.fenced()));
            }
            Ok(match missing.is_empty() && standing.is_whole() {
                true if self.wish == Wish::Share => {
                    Renewed::All(picture.imbalance(&self.holder.name))
                }
                true => Renewed::All(Imbalance::default()),
                false => Renewed::Some,
            })
        })?;
        *session = Some(present);
        Ok(renewed)
    }
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
