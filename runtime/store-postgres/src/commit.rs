//! One commit: everything that is not fenced goes into one transaction, in one round trip.
//!
//! Each has a number, which is written with it; every engine counts its own. When a connection ends in the middle, the
//! number in the database says whether the transaction is there; the lock of the engine's name, which the old session
//! holds until the server has ended it, makes sure that it cannot come later.

use crate::{
    guard::Guard,
    pulse::Pulse,
    session::{Place, Purpose, Session, Trouble},
    standing::Standing,
    statements::Shape,
    user::User,
};
use bureaucrat_store::{
    Epoch, Group, Owner, Owners, ShardGroup, ShardGroups, StoreError, Table, Unit, Verdict, Write,
    figures::Spans, format::Format, lock,
};
use futures_lite::future::block_on;
use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::{Duration, Instant},
};
use tokio_postgres::types::ToSql;

pub struct Commits {
    place: Arc<Place>,
    state: Mutex<State>,
    /// How long each transaction took.
    log: Spans,
    pulse: Pulse,
}

struct State {
    session: Option<Session>,
    /// The last commit that is known to be there.
    number: u64,
    /// After a failed write nothing is written any more: whether it is there, only a new start finds out.
    failed: bool,
    /// As they were when a commit was checked against them last.
    owners: Owners,
    format: Format,
}

/// What to do about each key of a table; the last write for it counts.
type Changes<'a> = BTreeMap<Table, BTreeMap<&'a [u8], Option<&'a [u8]>>>;

/// What is left out where an earlier owner writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    /// Its units.
    EachAlone,
    /// Everything, and everything later.
    AllOrNone,
}

enum Written {
    Done,
    /// Nothing was: these are the owners now.
    Fenced(Box<Owners>),
    /// Nothing was: a lease is another's, or the format of the store is another one.
    Dispossessed,
}

/// What became of taking groups over.
pub enum TakenOver {
    Done,
    /// Somebody else took some at the same time.
    TooLate,
    /// Another engine has a lease of them, or the format of the store was raised.
    NotOurs(StoreError),
}

impl Commits {
    /// Commits on a session with the locks for that, after the commit of this number.
    pub fn begin(
        place: Arc<Place>,
        session: Session,
        (number, owners, format): (u64, Owners, Format),
    ) -> Self {
        place.confirm(number);
        let state = Mutex::new(State {
            session: Some(session),
            number,
            failed: false,
            owners,
            format,
        });
        Self {
            place,
            state,
            log: Spans::default(),
            pulse: Pulse::new(),
        }
    }

    /// Makes the epoch that of these groups, with its records, if the newest one is still that of `newest`.
    pub fn take_over(
        &self,
        groups: ShardGroups,
        epoch: Epoch,
        newest: Option<Vec<u8>>,
        writes: &[Write],
    ) -> Result<TakenOver, StoreError> {
        let leaseholder = match self.place.user() {
            User::Engine(name) => Some(name.clone()),
            User::Command | User::Beside => None,
        };
        let mut state = self.state();
        let guard = Guard::take_over(groups, newest, leaseholder, state.format);
        match self.timed(&mut state, &changes(writes), &guard)? {
            Written::Done => {
                state.owners.take(groups, epoch);
                self.place.own(groups, epoch);
                Ok(TakenOver::Done)
            }
            Written::Fenced(owners) => {
                state.owners = *owners;
                Ok(TakenOver::TooLate)
            }
            Written::Dispossessed => {
                let present = epoch.0.saturating_sub(1);
                Ok(TakenOver::NotOurs(StoreError::Fenced { present }))
            }
        }
    }

    pub const fn log(&self) -> &Spans {
        &self.log
    }

    /// For how long the commit that is under way has waited.
    pub fn silence(&self) -> Option<Duration> {
        self.pulse.silence()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Without anything to write there is no transaction.
    pub fn commit(&self, group: &Group, fencing: Fencing) -> Result<Vec<Verdict>, StoreError> {
        let mut state = self.state();
        loop {
            let owners = state.owners;
            let ours = self.place.ours();
            if fencing == Fencing::AllOrNone
                // A group that is lost stays so: nothing that comes later is written either.
                && let Some(present) = Standing::of(&ours, &owners).taken()
            {
                return Ok(vec![Verdict::Fenced { present }; group.units.len()]);
            }
            let is_written = |unit: &&Unit| owners.verdict(unit.owner) == Verdict::Committed;
            let units = group.units.iter();
            let verdicts = units.clone().map(|unit| owners.verdict(unit.owner));
            let verdicts: Vec<Verdict> = verdicts.collect();
            let units = units.filter(is_written);
            let changes = changes(units.clone().flat_map(|unit| &unit.writes));
            if changes.is_empty() {
                return Ok(verdicts);
            }
            let groups = units.filter_map(|unit| match unit.owner {
                Owner::Shard(shard, _) => Some(shard.group()),
                Owner::Nobody => None,
            });
            // What is planned rests on what was read in all groups, also where nothing is written.
            let all = ShardGroup::all().filter(|group| ours.of(*group).is_some());
            let groups: ShardGroups = match fencing {
                Fencing::EachAlone => groups.collect(),
                Fencing::AllOrNone => groups.chain(all).collect(),
            };
            let guard =
                Guard::owners(groups, &owners).map_err(|trouble| failure(&self.place, trouble))?;
            match self.timed(&mut state, &changes, &guard)? {
                Written::Done => return Ok(verdicts),
                // The next round leaves out what is fenced now.
                Written::Fenced(owners) => state.owners = *owners,
                Written::Dispossessed => {
                    return Err(failure(&self.place, Trouble::Dispossessed));
                }
            }
        }
    }

    fn timed(
        &self,
        state: &mut State,
        changes: &Changes<'_>,
        guard: &Guard,
    ) -> Result<Written, StoreError> {
        let begun = Instant::now();
        let _question = self.pulse.asks();
        let written = state.write(&self.place, changes, guard)?;
        self.log.took(begun.elapsed());
        Ok(written)
    }
}

fn changes<'a>(writes: impl IntoIterator<Item = &'a Write>) -> Changes<'a> {
    let mut changes = Changes::new();
    for write in writes {
        let (table, key, value) = match write {
            Write::Put { table, key, value } => (table, key, Some(value.as_slice())),
            Write::Delete { table, key } => (table, key, None),
        };
        changes.entry(*table).or_default().insert(key, value);
    }
    changes
}

impl State {
    fn write(
        &mut self,
        place: &Place,
        changes: &Changes<'_>,
        guard: &Guard,
    ) -> Result<Written, StoreError> {
        if self.failed {
            let what = "an earlier write failed; restart the engine";
            return Err(StoreError::Write(what.into()));
        }
        let until = place.deadline();
        let written = self.insist(place, changes, guard, until);
        self.failed = written.is_err();
        written
    }

    /// Writes, again after a connection has ended, until it is known that it is there.
    fn insist(
        &mut self,
        place: &Place,
        changes: &Changes<'_>,
        guard: &Guard,
        until: Instant,
    ) -> Result<Written, StoreError> {
        let number = self.number + 1;
        loop {
            let session = match self.session.take() {
                Some(session) => session,
                None => {
                    let (session, found) = place.connect(Purpose::Committing, until)?;
                    if found == number {
                        match block_on(session.settled(place.user().name())) {
                            Ok(()) => {
                                self.settle(place, session, number);
                                return Ok(Written::Done);
                            }
                            Err(Trouble::Away(_)) if Instant::now() < until => continue,
                            Err(trouble) => return Err(failure(place, trouble)),
                        }
                    }
                    session
                }
            };
            match block_on(transaction(place, &session, changes, guard, number)) {
                Ok(()) => {
                    self.settle(place, session, number);
                    return Ok(Written::Done);
                }
                Err(Trouble::Dispossessed) => {
                    self.session = Some(session);
                    return Ok(Written::Dispossessed);
                }
                Err(Trouble::Fenced) => match block_on(session.owners()) {
                    Ok(owners) => {
                        self.session = Some(session);
                        return Ok(Written::Fenced(Box::new(owners)));
                    }
                    Err(Trouble::Away(_)) if Instant::now() < until => {}
                    Err(trouble) => return Err(failure(place, trouble)),
                },
                // The session ends here, so that the next one finds out what became of the transaction.
                Err(Trouble::Away(_)) if Instant::now() < until => {}
                Err(trouble) => return Err(failure(place, trouble)),
            }
        }
    }

    fn settle(&mut self, place: &Place, session: Session, number: u64) {
        self.session = Some(session);
        self.number = number;
        place.confirm(number);
    }
}

/// Everything at once: the server answers when all of it is done, or leaves all of it out.
async fn transaction(
    place: &Place,
    session: &Session,
    changes: &Changes<'_>,
    guard: &Guard,
    number: u64,
) -> Result<(), Trouble> {
    let client = &session.client;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let who = place.user().name();
    let check = guard.statement(session).await?;
    let guarded = guard.parameters();
    let mut batches = Vec::new();
    for (table, keys) in changes {
        let mut puts = (Vec::new(), Vec::new());
        let mut deletes = Vec::new();
        for (key, value) in keys {
            match value {
                Some(value) => {
                    puts.0.push(*key);
                    puts.1.push(*value);
                }
                None => deletes.push(*key),
            }
        }
        if !puts.0.is_empty() {
            batches.push((session.statement(Shape::Put, *table).await?, puts));
        }
        if !deletes.is_empty() {
            let statement = session.statement(Shape::Delete, *table).await?;
            batches.push((statement, (deletes, Vec::new())));
        }
    }
    let mut steps: Vec<Step<'_>> = Vec::with_capacity(batches.len() + 3);
    steps.push(Box::pin(client.batch_execute("BEGIN")));
    steps.push(Box::pin(async {
        let mut parameters = vec![&who as &(dyn ToSql + Sync), &number];
        parameters.extend(guarded);
        client.execute(&check, &parameters).await.map(drop)
    }));
    for (statement, (keys, values)) in &batches {
        steps.push(Box::pin(async move {
            let done = match values.is_empty() {
                true => client.execute(statement, &[keys]).await,
                false => client.execute(statement, &[keys, values]).await,
            };
            done.map(drop)
        }));
    }
    // If anything failed, the server takes this for a rollback.
    steps.push(Box::pin(client.batch_execute("COMMIT")));
    Ok(in_order(steps).await?)
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + 'a>>;

/// Sends all steps in their order before it waits for any, and gives the first error. A step is sent when it is polled
/// first.
async fn in_order(mut steps: Vec<Step<'_>>) -> Result<(), tokio_postgres::Error> {
    let mut answers: Vec<Option<Result<(), tokio_postgres::Error>>> =
        steps.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (step, answer) in steps.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match step.as_mut().poll(context) {
                    Poll::Ready(result) => *answer = Some(result),
                    Poll::Pending => is_done = false,
                }
            }
        }
        match is_done {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// What a trouble means for a commit.
fn failure(place: &Place, trouble: Trouble) -> StoreError {
    match trouble {
        Trouble::Away(reason) | Trouble::Refused(reason) => StoreError::Write(reason),
        trouble @ (Trouble::Lasting(_)
        | Trouble::Held
        | Trouble::Fenced
        | Trouble::Dispossessed) => place.failure(trouble),
    }
}
