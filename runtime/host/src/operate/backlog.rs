//! Which participants are waited for: by how many processes, and for how long.
//!
//! The index says how many at once. Since when is in the processes' records, of which only a few are
//! read: those that were launched first, which have usually waited longest.

use super::questions::{Asked, found_if};
use bureaucrat_model::{FiberState, Timestamp, WaitKind};
use bureaucrat_store::{
    StoreError, Table,
    attributes::{Attribute, AttributeKind},
    keys::{self, Place},
    reading::scan_around,
};
use std::collections::VecDeque;

/// Rows that are read at once.
const PORTION: usize = 1_000;
/// So many processes of each participant are looked at for how long they have waited.
pub const LOOKED_AT: usize = 50;
/// So many participants are told; of further ones, only how many processes wait for any of them.
pub const PARTICIPANTS_MAX: usize = 1_000;

/// A participant that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// None for all those beyond [`PARTICIPANTS_MAX`].
    pub participant: Option<String>,
    pub processes: u64,
    /// Since when the first of them waits, of those that were looked at.
    pub since: Option<Timestamp>,
    /// The process that was launched first.
    pub first: Option<Place>,
}

/// All participants that are waited for.
///
/// # Errors
/// If the store can't be read.
pub fn waiting(asked: &Asked<'_>) -> Result<Vec<Waiting>, StoreError> {
    let (mut from, end) = keys::searched_by(&AttributeKind::Participant);
    let mut told = Vec::new();
    let mut others = 0;
    let mut present: Option<Counted> = None;
    loop {
        let portion = scan_around(asked.store, Table::Searched, &from, &end, PORTION)?;
        asked.damages.note_gaps(Table::Searched, &portion.gaps);
        for (key, _) in portion.rows {
            let Ok((Attribute::Participant(participant), place)) = keys::searched_of(&key) else {
                asked.damages.note_key(Table::Searched, &key);
                continue;
            };
            if told.len() == PARTICIPANTS_MAX {
                others += 1;
                continue;
            }
            match &mut present {
                Some(counted) if counted.participant == participant => counted.add(place),
                Some(_) | None => {
                    let last = present.replace(Counted::new(participant, place));
                    told.extend(last.map(|last| last.told(asked)).transpose()?);
                }
            }
        }
        match portion.next {
            Some(next) => from = next,
            None => break,
        }
    }
    if told.len() == PARTICIPANTS_MAX {
        // The one after the last was begun.
        others += present.map_or(0, |counted| counted.processes);
        told.push(Waiting {
            participant: None,
            processes: others,
            since: None,
            first: None,
        });
    } else {
        told.extend(present.map(|last| last.told(asked)).transpose()?);
    }
    told.retain(|waiting| waiting.processes > 0);
    Ok(told)
}

struct Counted {
    participant: String,
    processes: u64,
    /// The last places: an index has the newest processes first.
    last: VecDeque<Place>,
}

impl Counted {
    fn new(participant: String, place: Place) -> Self {
        let mut counted = Self {
            participant,
            processes: 0,
            last: VecDeque::with_capacity(LOOKED_AT),
        };
        counted.add(place);
        counted
    }

    fn add(&mut self, place: Place) {
        self.processes += 1;
        if self.last.len() == LOOKED_AT {
            self.last.pop_front();
        }
        self.last.push_back(place);
    }

    fn told(self, asked: &Asked<'_>) -> Result<Waiting, StoreError> {
        let mut since: Option<Timestamp> = None;
        for place in &self.last {
            found_if(asked, place.process, |whole| {
                let states = whole.fibers.iter();
                let waits = states.filter_map(|(_, state)| self.since(state));
                since = since.into_iter().chain(waits).min();
                Ok(false)
            })?;
        }
        Ok(Waiting {
            participant: Some(self.participant),
            processes: self.processes,
            since,
            first: self.last.back().copied(),
        })
    }

    /// Since when a fiber waits for this participant.
    fn since(&self, state: &FiberState) -> Option<Timestamp> {
        let FiberState::Waiting(wait) = state else {
            return None;
        };
        let WaitKind::Answer { participant, .. } = &wait.kind else {
            return None;
        };
        (*participant == self.participant).then_some(wait.since)
    }
}
