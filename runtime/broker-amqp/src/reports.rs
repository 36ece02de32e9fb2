//! What the log says of the connections: one line when something changes, however often the same
//! is tried meanwhile; the next line says how often that was.

use bureaucrat_model::lock;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};
use tracing::{info, warn};

/// What has connections of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Consuming,
    /// Waiting for another engine to leave the queues.
    Standby,
    Publishing,
    Careful,
    CeleryEvents,
}

impl Role {
    const fn words(self) -> &'static str {
        match self {
            Self::Consuming => "cannot consume, trying again",
            Self::Standby => "another engine is using the queues, standing by",
            Self::Publishing => "cannot publish, trying again",
            Self::Careful => "no connection for messages that need care, trying again",
            Self::CeleryEvents => "cannot read Celery's events, trying again",
        }
    }

    const fn works(self) -> &'static str {
        match self {
            Self::Consuming => "can consume again",
            Self::Standby => "no other engine is using the queues",
            Self::Publishing => "can publish again",
            Self::Careful => "there is a connection for messages that need care again",
            Self::CeleryEvents => "can read Celery's events again",
        }
    }
}

/// What each role said last, while it fails.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<BTreeMap<Role, Failing>>);

#[derive(Debug)]
struct Failing {
    words: String,
    tries: u64,
    /// Not said when another role had said it already.
    is_said: bool,
}

impl Reports {
    /// Something failed: said when it is news. What another role fails with already is none: when
    /// the broker is away all of them fail alike.
    pub fn failed(&self, role: Role, words: String) {
        let mut roles = self.lock();
        let is_known = |(other, failing): (&Role, &Failing)| {
            *other != role && failing.is_said && failing.words == words
        };
        let is_known = roles.iter().any(is_known);
        let before = roles.remove(&role);
        let same = before.as_ref().filter(|before| before.words == words);
        let is_said = same.is_some_and(|same| same.is_said);
        let tries = same.map_or(1, |same| same.tries + 1);
        let other = before.as_ref().filter(|before| before.words != words);
        if !is_said && !is_known {
            match other.map(|other| other.tries) {
                Some(tries) => warn!(tries, "{}: {words}", role.words()),
                None => warn!("{}: {words}", role.words()),
            }
        }
        let is_said = is_said || !is_known;
        let failing = Failing {
            words,
            tries,
            is_said,
        };
        roles.insert(role, failing);
    }

    /// It works, again or at last.
    pub fn works(&self, role: Role) {
        let before = self.lock().remove(&role);
        if let Some(Failing { tries, .. }) = before
            && role != Role::Standby
        {
            info!(tries, "{}", role.works());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Role, Failing>> {
        lock(&self.0)
    }
}
