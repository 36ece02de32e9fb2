//! How a store gets what it begins with: the locks of a session that commits, the tables, and the leases of an engine.

use super::{
    Lease,
    holder::{Holder, Holding, Wish},
    now,
    picture::Wants,
    rows::Look,
};
use crate::{
    Opening, schema,
    session::{Place, Session, Trouble},
    user::Lock,
};
use bureaucrat_store::{Owners, ShardGroups, StoreError, format::Format};
use futures_lite::future::block_on;
use std::{
    ops::ControlFlow,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

/// The first pause before it is looked again whether the records are free: a session of ours ends soon. And the longest.
const LOOK: Duration = Duration::from_millis(25);
const LOOK_MAX: Duration = Duration::from_millis(200);

/// What an engine waits for before it has the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// Others have them.
    Held(Holding),
    /// The database cannot be reached, and this is why.
    Away(String),
}

/// Asked again and again meanwhile: whether to wait on.
pub type Waiting<'a> = &'a mut dyn FnMut(&Obstacle) -> ControlFlow<()>;

/// What a store begins with.
pub struct Acquired {
    /// The session that commits: it has the locks for that.
    pub session: Session,
    /// Its last commit.
    pub number: u64,
    pub owners: Owners,
    pub format: Format,
    /// All of them for a command.
    pub groups: ShardGroups,
    /// None for a command.
    pub lease: Option<Lease>,
}

/// Connects, takes the locks, prepares the schema and takes leases; again from the beginning if the connection ends in
/// between.
///
/// # Errors
/// [`StoreError::Locked`] if waiting was given up, and whatever keeps the server from being used.
pub fn acquire(
    place: &Arc<Place>,
    opening: &Opening,
    waiting: Waiting<'_>,
) -> Result<Acquired, StoreError> {
    let mut attempts = Attempts {
        place,
        opening,
        is_admitted: false,
        is_told: false,
    };
    let mut is_away = false;
    let mut until = place.deadline();
    let mut kept = None;
    let mut pause = LOOK;
    loop {
        let session = kept.take().map_or_else(|| place.attempt(), Ok);
        let tried = session.and_then(|session| {
            let tried = block_on(attempts.attempt(&session))?;
            Ok((session, tried))
        });
        let obstacle = match tried {
            Ok((session, Tried::Taken(taken))) => return taken.begin(place, opening, session),
            Ok((session, Tried::Held(holding))) => {
                kept = Some(session);
                until = place.deadline();
                Obstacle::Held(holding)
            }
            Err(Trouble::Away(reason)) if Instant::now() < until => Obstacle::Away(reason),
            Err(trouble) => return Err(place.failure(trouble)),
        };
        let is_given_up = waiting(&obstacle).is_break();
        if is_given_up && let Some(session) = &kept {
            attempts.withdraw(session);
        }
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
        sleep(pause);
        pause = (pause * 2).min(LOOK_MAX);
    }
}

/// An engine that is not listed yet does not begin to share where the others do not hear it.
async fn refuse_other_queues(session: &Session, holder: &Holder) -> Result<(), Trouble> {
    let Some((engine, theirs)) = session.sharer_elsewhere(holder).await? else {
        return Ok(());
    };
    let ours = &holder.queues;
    Err(Trouble::Refused(format!(
        "the engine {engine} shares it over the queues `{theirs}`, and this one would over `{ours}`: give all engines of a \
         database the same `launch_queue` and the same virtual host, or end those with other ones first"
    )))
}

enum Tried {
    Taken(Box<Taken>),
    Held(Holding),
}

struct Taken {
    number: u64,
    owners: Owners,
    format: Format,
    groups: ShardGroups,
    /// When the leases were asked for.
    since: Duration,
}

impl Taken {
    fn begin(
        self,
        place: &Arc<Place>,
        opening: &Opening,
        session: Session,
    ) -> Result<Acquired, StoreError> {
        let lease = match opening {
            Opening::Engine(holder, wish) => {
                let holder = holder.clone();
                let lease = Lease::begin(place.clone(), holder, *wish, self.groups, self.since)?;
                Some(lease)
            }
            Opening::Check
            | Opening::Accept
            | Opening::Upkeep
            | Opening::Filling
            | Opening::Beside(_) => None,
        };
        Ok(Acquired {
            session,
            number: self.number,
            owners: self.owners,
            format: self.format,
            groups: self.groups,
            lease,
        })
    }
}

struct Attempts<'a> {
    place: &'a Place,
    opening: &'a Opening,
    /// The tables were there, and of our format.
    is_admitted: bool,
    /// It was said that the sessions of others can't be ended.
    is_told: bool,
}

impl Attempts<'_> {
    async fn attempt(&mut self, session: &Session) -> Result<Tried, Trouble> {
        match self.opening {
            Opening::Engine(holder, wish) => self.engine(session, holder, *wish).await,
            Opening::Check | Opening::Accept | Opening::Upkeep | Opening::Filling => {
                self.command(session).await
            }
            Opening::Beside(_) => self.beside(session).await,
        }
    }

    async fn engine(
        &mut self,
        session: &Session,
        holder: &Holder,
        wish: Wish,
    ) -> Result<Tried, Trouble> {
        let looks = match wish {
            Wish::All => Look::Reads,
            Wish::Share => Look::Lists(holder),
        };
        if self.is_admitted {
            // A command should not find a lock of somebody who only waits.
            let picture = session.look(looks).await?;
            if picture.wants(&holder.name, wish).is_empty() {
                return Ok(Tried::Held(Holding::of(picture.holders(), &holder.name)));
            }
        }
        match session.lock(self.place.schema(), self.place.user()).await? {
            Lock::Ours => {}
            lock @ (Lock::OfSchema | Lock::OfEngine) => {
                return self.locked_out(session, holder, lock).await;
            }
        }
        let format = schema::prepare(self.place, session, self.opening).await?;
        if wish == Wish::Share {
            refuse_other_queues(session, holder).await?;
        }
        self.is_admitted = true;
        let number = self.counted(session).await?;
        let picture = session.look(looks).await?;
        let owners = session.owners().await?;
        let wants: Wants = picture.wants(
            &holder.name,
            match owners == Owners::default() {
                // New records are made by one engine, without others.
                true => Wish::All,
                false => wish,
            },
        );
        self.evict(session, &wants.silent).await?;
        let since = now();
        let groups = match wants.is_empty() {
            true => ShardGroups::NONE,
            false => session.take(holder, &wants).await?,
        };
        if groups.is_empty() {
            session.unlock().await?;
            let picture = session.look(Look::Reads).await?;
            return Ok(Tried::Held(Holding::of(picture.holders(), &holder.name)));
        }
        Ok(Tried::Taken(Box::new(Taken {
            number,
            owners,
            format,
            groups,
            since,
        })))
    }

    /// What is in the way of an engine that did not get the locks.
    async fn locked_out(
        &mut self,
        session: &Session,
        holder: &Holder,
        lock: Lock,
    ) -> Result<Tried, Trouble> {
        if lock == Lock::OfEngine {
            // The server may not know yet that it has ended.
            self.evict(session, std::slice::from_ref(&holder.name))
                .await?;
            return Ok(Tried::Held(Holding::of_session(&holder.name)));
        }
        match session.look(Look::Reads).await {
            // Before there are tables, nobody has a name.
            Err(Trouble::Refused(_)) => Ok(Tried::Held(Holding::unknown())),
            picture => Ok(Tried::Held(Holding::of(picture?.holders(), &holder.name))),
        }
    }

    async fn command(&mut self, session: &Session) -> Result<Tried, Trouble> {
        session.work_as_command().await?;
        let lock = session.lock(self.place.schema(), self.place.user()).await?;
        if lock != Lock::Ours {
            let picture = match session.look(Look::Reads).await {
                Err(Trouble::Refused(_)) => return Ok(Tried::Held(Holding::unknown())),
                picture => picture?,
            };
            if picture.holders().next().is_none() {
                self.evict(session, &picture.silent()).await?;
            }
            return Ok(Tried::Held(Holding::of(picture.holders(), "")));
        }
        let format = schema::prepare(self.place, session, self.opening).await?;
        let picture = session.look(Look::Reads).await?;
        if picture.holders().next().is_some() {
            // Its engine may have lost its session only for a moment.
            session.unlock().await?;
            return Ok(Tried::Held(Holding::of(picture.holders(), "")));
        }
        if *self.opening == Opening::Accept {
            session.accept_lost().await?;
        }
        Ok(Tried::Taken(Box::new(Taken {
            number: self.counted(session).await?,
            owners: session.owners().await?,
            format,
            groups: ShardGroups::ALL,
            since: Duration::ZERO,
        })))
    }

    async fn beside(&mut self, session: &Session) -> Result<Tried, Trouble> {
        match session.lock(self.place.schema(), self.place.user()).await? {
            Lock::Ours => {}
            Lock::OfSchema => return Ok(Tried::Held(Holding::unknown())),
            Lock::OfEngine => {
                return Ok(Tried::Held(Holding::of_session(self.place.user().name())));
            }
        }
        let format = schema::prepare(self.place, session, self.opening).await?;
        Ok(Tried::Taken(Box::new(Taken {
            number: self.counted(session).await?,
            owners: session.owners().await?,
            format,
            groups: ShardGroups::NONE,
            since: Duration::ZERO,
        })))
    }

    /// The last commit, if none is missing.
    async fn counted(&self, session: &Session) -> Result<u64, Trouble> {
        match session.counted(self.place.user().name()).await? {
            (number, 0) => Ok(number),
            (_, lost) => Err(Trouble::Lasting(self.place.lost(lost))),
        }
    }

    async fn evict(&mut self, session: &Session, engines: &[String]) -> Result<(), Trouble> {
        match session.evict(self.place.schema(), engines).await {
            // Not needed for more than to save the time until the server notices by itself.
            Err(Trouble::Refused(reason)) => {
                if !std::mem::replace(&mut self.is_told, true) {
                    tracing::warn!(
                        "an engine that had the records is silent, but its session cannot be ended: {reason}"
                    );
                }
                Ok(())
            }
            evicted => evicted,
        }
    }

    /// Makes nobody leave room for an engine that does not come.
    fn withdraw(&self, session: &Session) {
        if let Opening::Engine(holder, Wish::Share) = self.opening
            && self.is_admitted
        {
            // If it fails, its row is over soon.
            let _ = self.place.within(holder.term, session.release(holder));
        }
    }
}
