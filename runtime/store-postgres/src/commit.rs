//! One commit: everything that is not fenced goes into one transaction, in one round trip.
//!
//! Each has a number, which is written with it. When a connection ends in the middle, the number in the database says
//! whether the transaction is there; the lock of the schema, which the old session holds until the server has ended it,
//! makes sure that it cannot come later.

use crate::{
    pulse::Pulse,
    session::{Place, Present, Purpose, Session, Trouble},
    statements::Shape,
};
use bureaucrat_store::{
    Epoch, Group, Owner, StoreError, Table, Verdict, Write, figures::Spans, lock,
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
    present: Present,
}

/// What to do about each key of a table; the last write for it counts.
type Changes<'a> = BTreeMap<Table, BTreeMap<&'a [u8], Option<&'a [u8]>>>;

enum Written {
    Done,
    Fenced(Present),
}

impl Commits {
    /// Commits on a session with the lock of the schema, after the commit of this number.
    pub fn begin(place: Arc<Place>, session: Session, number: u64) -> Self {
        place.confirm(number);
        let state = Mutex::new(State {
            session: Some(session),
            number,
            failed: false,
            present: Present {
                epoch: Epoch(0),
                record: None,
            },
        });
        Self {
            place,
            state,
            log: Spans::default(),
            pulse: Pulse::new(),
        }
    }

    pub fn set_present(&self, epoch: Epoch, record: Vec<u8>) {
        self.place.own(epoch);
        let record = Some(record);
        self.state().present = Present { epoch, record };
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
    pub fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let mut state = self.state();
        loop {
            let present = state.present.clone();
            let verdict = |owner| match owner {
                Owner::Shard(_, epoch) if epoch != present.epoch => Verdict::Fenced {
                    present: present.epoch,
                },
                Owner::Shard(..) | Owner::Nobody => Verdict::Committed,
            };
            let units = group.units.iter();
            let verdicts: Vec<Verdict> = units.clone().map(|unit| verdict(unit.owner)).collect();
            let mut changes = Changes::new();
            let mut is_owned = false;
            for unit in units.filter(|unit| verdict(unit.owner) == Verdict::Committed) {
                is_owned |= unit.owner != Owner::Nobody;
                for write in &unit.writes {
                    let (table, key, value) = match write {
                        Write::Put { table, key, value } => (table, key, Some(value.as_slice())),
                        Write::Delete { table, key } => (table, key, None),
                    };
                    changes.entry(*table).or_default().insert(key, value);
                }
            }
            if changes.is_empty() {
                return Ok(verdicts);
            }
            let fence = match is_owned {
                true => present.record.as_deref(),
                false => None,
            };
            let begun = Instant::now();
            let question = self.pulse.asks();
            let written = state.write(&self.place, &changes, fence)?;
            drop(question);
            self.log.took(begun.elapsed());
            match written {
                Written::Done => return Ok(verdicts),
                // The next round leaves out what is fenced now.
                Written::Fenced(present) => state.present = present,
            }
        }
    }
}

impl State {
    fn write(
        &mut self,
        place: &Place,
        changes: &Changes<'_>,
        fence: Option<&[u8]>,
    ) -> Result<Written, StoreError> {
        if self.failed {
            let what = "an earlier write failed; restart the engine";
            return Err(StoreError::Write(what.into()));
        }
        let until = place.deadline();
        let written = self.insist(place, changes, fence, until);
        self.failed = written.is_err();
        written
    }

    /// Writes, again after a connection has ended, until it is known that it is there.
    fn insist(
        &mut self,
        place: &Place,
        changes: &Changes<'_>,
        fence: Option<&[u8]>,
        until: Instant,
    ) -> Result<Written, StoreError> {
        let number = self.number + 1;
        loop {
            let session = match self.session.take() {
                Some(session) => session,
                None => {
                    let (session, found) = place.connect(Purpose::Committing, until)?;
                    if found == number {
                        match block_on(session.settled()) {
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
            match block_on(transaction(&session, changes, fence, number)) {
                Ok(()) => {
                    self.settle(place, session, number);
                    return Ok(Written::Done);
                }
                Err(Trouble::Fenced) => match block_on(session.present()) {
                    Ok(present) => {
                        self.session = Some(session);
                        return Ok(Written::Fenced(present));
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
    session: &Session,
    changes: &Changes<'_>,
    fence: Option<&[u8]>,
    number: u64,
) -> Result<(), Trouble> {
    let client = &session.client;
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let check = session.fence().await?;
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
        client.execute(&check, &[&fence, &number]).await.map(drop)
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
        trouble @ (Trouble::Lasting(_) | Trouble::Held | Trouble::Fenced) => place.failure(trouble),
    }
}
