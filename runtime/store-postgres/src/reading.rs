//! Reads, over a few connections that everybody shares.

use crate::{
    pulse::Pulse,
    session::{Place, Purpose, Session, Trouble},
    statements::Shape,
};
use bureaucrat_store::{Row, StoreError, Table, lock};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Connections for reading; one carries several questions at a time.
const CONNECTIONS: usize = 4;

/// How long an answer may take before its connection is given up, and the question asked again on another one.
const ANSWER: Duration = Duration::from_secs(20);

pub struct Readers {
    place: Arc<Place>,
    lines: Vec<Line>,
    pulse: Pulse,
}

#[derive(Default)]
struct Line {
    session: Mutex<Option<Arc<Session>>>,
    /// Questions that wait for their answer on it.
    busy: AtomicUsize,
}

impl Readers {
    pub fn new(place: Arc<Place>) -> Self {
        let lines = (0..CONNECTIONS).map(|_| Line::default()).collect();
        Self {
            place,
            lines,
            pulse: Pulse::new(),
        }
    }

    /// For how long no read has been answered, if any are under way.
    pub fn silence(&self) -> Option<Duration> {
        self.pulse.silence()
    }

    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.ask(table, async |session| {
            let statement = session.statement(Shape::Get, table).await?;
            let row = session.client.query_opt(&statement, &[&key]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })
    }

    pub fn scan(
        &self,
        table: Table,
        (from, to): (&[u8], &[u8]),
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.ask(table, async |session| {
            let statement = session.statement(Shape::Scan, table).await?;
            let rows = session
                .client
                .query(&statement, &[&from, &to, &limit])
                .await?;
            let read = rows
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
            read.collect()
        })
    }

    /// Asks on the line that is least busy, again if its connection ends.
    fn ask<T>(
        &self,
        table: Table,
        question: impl AsyncFn(&Session) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let until = self.place.deadline();
        let _question = self.pulse.asks();
        loop {
            let lines = self.lines.iter();
            let Some(line) = lines.min_by_key(|line| line.busy.load(Ordering::Relaxed)) else {
                return Err(self.place.unusable("it has no connections".into()));
            };
            line.busy.fetch_add(1, Ordering::Relaxed);
            let asked = line.session(&self.place, until).map(|session| {
                let answer = self.place.within(ANSWER, question(&session));
                (session, answer)
            });
            line.busy.fetch_sub(1, Ordering::Relaxed);
            let (session, answer) = asked.map_err(|error| match says_enough(&error) {
                true => error,
                // Anything else concerns the whole store.
                false => StoreError::Read {
                    table,
                    reason: error.to_string(),
                },
            })?;
            let reason = match answer {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Away(reason)) => {
                    line.forget(&session);
                    if Instant::now() < until {
                        continue;
                    }
                    reason
                }
                Err(Trouble::Refused(reason)) => reason,
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Held | Trouble::Fenced | Trouble::Dispossessed) => {
                    "the schema is another's now".into()
                }
            };
            return Err(StoreError::Read { table, reason });
        }
    }
}

impl Line {
    fn session(&self, place: &Place, until: Instant) -> Result<Arc<Session>, StoreError> {
        let mut session = lock(&self.session);
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let (made, _) = place.connect(Purpose::Reading, until)?;
        let made = Arc::new(made);
        *session = Some(made.clone());
        Ok(made)
    }

    fn forget(&self, ended: &Arc<Session>) {
        let mut session = lock(&self.session);
        if session
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, ended))
        {
            *session = None;
        }
    }
}

/// Whether an error says itself that the engine must end.
const fn says_enough(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Fenced { .. } | StoreError::LostCommits { .. }
    )
}
