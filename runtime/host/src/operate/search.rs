//! Finds the processes that have everything that is asked for. Each criterion is a list of places in an index, in the
//! order of all lists; those that are wanted are in all of them. A search goes from one list to the other with the first
//! place that is still possible, so it costs about what its rarest criterion costs, however many processes there are.

use super::{
    query::{State, Wanted},
    questions::Asked,
};
use bureaucrat_model::{ActivityId, FiberState, OpIndex, ProcessId, Program, Term, Timestamp};
use bureaucrat_store::{
    StoreError, Table,
    attributes::Attribute,
    instances::read_head,
    keys::{self, Phase, Place},
    reading::scan_around,
};
use std::collections::VecDeque;

/// A search for a list reads about so many rows of indexes; then it says how far it came.
pub(super) const READ: usize = 100_000;
/// Rows that a list reads at once, at first and at most.
const FEW: usize = 16;
const MANY: usize = 1_000;

pub(crate) enum Found {
    Place(Place),
    /// Many rows were read; another search continues there.
    Tired,
    End,
}

pub(crate) struct Search<'a> {
    asked: &'a Asked<'a>,
    lists: Vec<List>,
    /// The first place that was not looked at; none behind the last.
    at: Option<Place>,
    last: Place,
    /// How many rows it may still read.
    left: usize,
}

impl<'a> Search<'a> {
    /// A search of what comes after a place, which reads about so many rows of indexes.
    pub(crate) fn new(
        asked: &'a Asked<'a>,
        wanted: &Wanted,
        after: Option<Place>,
        left: usize,
    ) -> Result<Self, StoreError> {
        let mut lists: Vec<List> = wanted.attributes.iter().map(List::of).collect();
        lists.extend(wanted.fields.iter().map(|field| {
            let terms = Term::meant_by(&field.value).into_iter();
            let of_term = |term| Range::of(&Attribute::Field(field.name.clone(), term));
            List(terms.map(of_term).collect())
        }));
        if lists.is_empty() || !wanted.states.is_empty() {
            lists.push(List::of_states(asked, &wanted.states)?);
        }
        let first = match wanted.launched_before {
            None => Some(Place::first_at(Timestamp(u64::MAX))),
            Some(Timestamp(time)) => time
                .checked_sub(1)
                .map(|time| Place::first_at(Timestamp(time))),
        };
        let after = match after {
            None => first,
            Some(after) => after.next(),
        };
        let last = Place {
            launched_at: wanted.launched_from.unwrap_or(Timestamp(0)),
            ..Place::LAST
        };
        Ok(Self {
            asked,
            lists,
            at: first
                .max(after)
                .filter(|_| first.is_some() && after.is_some()),
            last,
            left,
        })
    }

    /// Only those with this attribute, too.
    pub(super) fn with(mut self, attribute: &Attribute) -> Self {
        self.lists.insert(0, List::of(attribute));
        self
    }

    /// The last place that was looked at.
    pub(crate) fn looked_at(&self) -> Option<Place> {
        match self.at {
            Some(at) => at.previous(),
            None => Some(Place::LAST),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Found, StoreError> {
        while let Some(at) = self.at {
            if self.left == 0 {
                return Ok(Found::Tired);
            }
            let mut possible = at;
            for list in &mut self.lists {
                let (found, read) = list.seek(self.asked, possible)?;
                self.left = self.left.saturating_sub(read);
                let Some(found) = found.filter(|found| *found <= self.last) else {
                    self.at = None;
                    return Ok(Found::End);
                };
                possible = found;
            }
            if possible == at {
                self.at = at.next();
                return Ok(Found::Place(at));
            }
            self.at = Some(possible);
        }
        Ok(Found::End)
    }
}

/// The places with one of some attributes or states.
struct List(Vec<Range>);

impl List {
    fn of(attribute: &Attribute) -> Self {
        Self(vec![Range::of(attribute)])
    }

    /// Processes with damaged records are incidents.
    fn of_states(asked: &Asked<'_>, states: &[State]) -> Result<Self, StoreError> {
        let phases = Phase::ALL.into_iter();
        let is_wanted = |phase: &Phase| {
            states.is_empty() || states.iter().any(|state| phase_of(*state) == *phase)
        };
        let mut ranges: Vec<Range> = phases
            .filter(&is_wanted)
            .map(|phase| Range::new(Table::Recent, keys::recent_in(phase)))
            .collect();
        if is_wanted(&Phase::Incident) {
            let damaged = asked.damages.processes().into_iter();
            let places = damaged.map(|process| place_of(asked, process));
            let mut places = places.collect::<Result<Vec<_>, _>>()?;
            places.sort_unstable();
            ranges.push(Range {
                table: Table::Recent,
                first: Vec::new(),
                end: Vec::new(),
                ahead: places.into(),
                from: None,
                portion: FEW,
            });
        }
        Ok(Self(ranges))
    }

    /// Its first place that is not before `place`, and how many rows were read for it.
    fn seek(
        &mut self,
        asked: &Asked<'_>,
        place: Place,
    ) -> Result<(Option<Place>, usize), StoreError> {
        let (mut first, mut read) = (None, 0);
        for range in &mut self.0 {
            let (found, rows) = range.seek(asked, place)?;
            read += rows;
            first = match (first, found) {
                (Some(first), Some(found)) => Some(found.min(first)),
                (first, found) => first.or(found),
            };
        }
        Ok((first, read))
    }
}

/// A part of an index whose keys have the same beginning, and end with a place.
struct Range {
    table: Table,
    first: Vec<u8>,
    end: Vec<u8>,
    /// The places that were read.
    ahead: VecDeque<Place>,
    /// Where to read on; none at its end.
    from: Option<Vec<u8>>,
    portion: usize,
}

impl Range {
    fn new(table: Table, (first, end): (Vec<u8>, Vec<u8>)) -> Self {
        Self {
            table,
            from: Some(first.clone()),
            first,
            end,
            ahead: VecDeque::new(),
            portion: FEW,
        }
    }

    fn of(attribute: &Attribute) -> Self {
        Self::new(Table::Searched, keys::searched_in(attribute))
    }

    fn seek(
        &mut self,
        asked: &Asked<'_>,
        place: Place,
    ) -> Result<(Option<Place>, usize), StoreError> {
        let mut read = 0;
        loop {
            while self.ahead.front().is_some_and(|ahead| *ahead < place) {
                self.ahead.pop_front();
            }
            if let Some(ahead) = self.ahead.front() {
                return Ok((Some(*ahead), read));
            }
            let Some(from) = self.from.take() else {
                return Ok((None, read));
            };
            let mut wanted = self.first.clone();
            wanted.extend_from_slice(&place.bytes());
            let from = from.max(wanted);
            if from >= self.end {
                return Ok((None, read));
            }
            let portion = scan_around(asked.store, self.table, &from, &self.end, self.portion)?;
            self.portion = (self.portion * 2).min(MANY);
            asked.damages.note_gaps(self.table, &portion.gaps);
            read += portion.rows.len().max(1);
            for (key, _) in portion.rows {
                let place = match self.table == Table::Recent {
                    true => keys::recent_of(&key).map(|(_, place)| place),
                    false => keys::searched_of(&key).map(|(_, place)| place),
                };
                match place {
                    Ok(place) => self.ahead.push_back(place),
                    Err(_) => asked.damages.note_key(self.table, &key),
                }
            }
            self.from = portion.next;
        }
    }
}

/// The place of a process whose records may be damaged: at the end when its head is.
fn place_of(asked: &Asked<'_>, process: ProcessId) -> Result<Place, StoreError> {
    let head = read_head(asked.store, process)?;
    Ok(Place {
        launched_at: head.map_or(Timestamp(0), |(head, _)| head.launched_at),
        process,
    })
}

const fn phase_of(state: State) -> Phase {
    match state {
        State::Running => Phase::Running,
        State::Incident => Phase::Incident,
        State::Suspended => Phase::Suspended,
        State::Completed => Phase::Completed,
        State::Failed => Phase::Failed,
    }
}

/// Whether one of these fibers of a process waits at the activity with this `id` or path.
pub(super) fn waits_at<'a>(
    program: &Program,
    process: ProcessId,
    mut fibers: impl Iterator<Item = (OpIndex, &'a FiberState)>,
    activity: &str,
) -> bool {
    fibers.any(|(at, state)| {
        let FiberState::Waiting(_) = state else {
            return false;
        };
        let Some((_, site)) = program.op(at) else {
            return false;
        };
        let label = site.label.as_deref();
        let has_id = label.is_some_and(|label| label.id.as_deref() == Some(activity));
        has_id || {
            let path = site.path.clone();
            path.to_string() == activity || ActivityId { process, path }.to_string() == activity
        }
    })
}
