//! The list of processes, newest first: read from an index that has a row for each, or one for each
//! value of a searchable field, so that a list reads what it shows, however many processes there are.

use super::{
    query::{Count, ProcessSummary, QueryAnswer, State, Wanted, WantedField},
    questions::{Asked, found},
};
use bureaucrat_model::{Head, IdPrefix, ProcessId, Term, Timestamp};
use bureaucrat_store::{
    StoreError, Table,
    instances::read_head,
    keys::{self, KeyError, Phase, Place},
    reading::scan_around,
};
use std::collections::BTreeSet;

/// The longest page of a list.
const PAGE: usize = 1_000;
/// A page of processes with a key looks at so many, at least.
const LOOKED_AT: usize = 10_000;
/// Counting ends at so many.
const COUNTED: usize = 10_000;
/// So many processes are named whose ids begin alike.
const CANDIDATES: usize = 10;

pub(super) fn list(
    asked: &Asked<'_>,
    wanted: &Wanted,
    after: Option<Place>,
    limit: usize,
) -> Result<QueryAnswer, StoreError> {
    let limit = limit.clamp(1, PAGE);
    let mut processes = Vec::new();
    let (mut last, mut looked_at) = (after, 0);
    // Few of them have the key or the fields, so more are read together.
    let is_search = wanted.key.is_some() || !wanted.fields.is_empty();
    loop {
        let portion = match is_search {
            false => limit - processes.len(),
            true => PAGE,
        };
        let places = candidates(asked, wanted, last, portion + 1)?;
        let mut are_all = places.len() <= portion;
        for place in places.into_iter().take(portion) {
            last = Some(place);
            looked_at += 1;
            processes.extend(row(asked, wanted, place)?);
            if processes.len() == limit {
                are_all &= !is_search;
                break;
            }
        }
        // Some may have gone or changed since the index was read. A page ends after many that are
        // not wanted, so that an answer does not take long.
        if are_all || processes.len() == limit || looked_at >= LOOKED_AT {
            let next = last.filter(|_| !are_all);
            let now = asked.now;
            return Ok(QueryAnswer::Processes {
                processes,
                next,
                broker: None,
                now,
            });
        }
    }
}

/// The first places behind one, in order, at which processes may be that are wanted.
fn candidates(
    asked: &Asked<'_>,
    wanted: &Wanted,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let Some(field) = wanted.fields.first() else {
        return places(asked, wanted.state, after, limit);
    };
    let mut found = BTreeSet::new();
    for term in Term::meant_by(&field.value) {
        let (first, end) = keys::searched_in(&field.name, &term);
        let key = |place| keys::successor(&keys::searched(&field.name, &term, place));
        let range = (after.map_or(first, key), end);
        let place = |key: &[u8]| keys::searched_of(key).map(|(_, _, place)| place);
        found.extend(places_in(asked, Table::Searched, range, (limit, place))?);
    }
    Ok(found.into_iter().take(limit).collect())
}

/// One that is not there any more, or is not what is wanted by now, has no row.
fn row(
    asked: &Asked<'_>,
    wanted: &Wanted,
    place: Place,
) -> Result<Option<ProcessSummary>, StoreError> {
    if wanted.key.is_some() || !wanted.fields.is_empty() {
        let head = read_head(asked.store, place.process);
        let head = asked.damages.around(None, head)?.flatten();
        if !head.is_some_and(|(head, _)| fits(&head, wanted)) {
            return Ok(None);
        }
    }
    let found = found(asked, place.process)?;
    let is_wanted = |row: &ProcessSummary| wanted.state.is_none_or(|state| state == row.state);
    Ok(found.filter(is_wanted))
}

/// Whether a process has the key and the fields that are wanted.
fn fits(head: &Head, wanted: &Wanted) -> bool {
    let has = |field: &WantedField| {
        let terms = Term::meant_by(&field.value);
        let mut searched = head.searched.iter();
        searched.any(|found| {
            let term = found.term.as_ref();
            found.name == field.name && term.is_some_and(|term| terms.contains(term))
        })
    };
    let has_key = wanted.key.is_none() || head.key == wanted.key;
    has_key && wanted.fields.iter().all(has)
}

pub(super) fn count(
    asked: &Asked<'_>,
    state: Option<State>,
    after: Option<Place>,
) -> Result<Count, StoreError> {
    let count = places(asked, state, after, COUNTED)?.len();
    Ok(if count < COUNTED {
        Count::Exactly {
            count: count as u64,
        }
    } else {
        Count::AtLeast {
            count: COUNTED as u64,
        }
    })
}

/// The first places behind one, in order.
fn places(
    asked: &Asked<'_>,
    state: Option<State>,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let mut places = BTreeSet::new();
    for phase in Phase::ALL {
        if state.is_some_and(|state| phase_of(state) != phase) {
            continue;
        }
        let (first, end) = keys::recent_in(phase);
        let from = after.map_or(first, |place| keys::successor(&keys::recent(phase, place)));
        let place = |key: &[u8]| keys::recent_of(key).map(|(_, place)| place);
        places.extend(places_in(
            asked,
            Table::Recent,
            (from, end),
            (limit, place),
        )?);
    }
    if state.is_none_or(|state| state == State::Incident) {
        let damaged = asked.damages.processes().into_iter();
        for process in damaged {
            let place = place_of(asked, process)?;
            if after.is_none_or(|after| after < place) {
                places.insert(place);
            }
        }
    }
    Ok(places.into_iter().take(limit).collect())
}

/// The first places in a part of an index.
fn places_in(
    asked: &Asked<'_>,
    table: Table,
    (from, end): (Vec<u8>, Vec<u8>),
    (limit, place): (usize, impl Fn(&[u8]) -> Result<Place, KeyError>),
) -> Result<Vec<Place>, StoreError> {
    let mut places = Vec::new();
    let (mut from, mut left) = (Some(from), limit);
    while let Some(begin) = from.filter(|_| left > 0) {
        let portion = scan_around(asked.store, table, &begin, &end, left)?;
        asked.damages.note_gaps(table, &portion.gaps);
        left = left.saturating_sub(portion.rows.len());
        for (key, _) in portion.rows {
            match place(&key) {
                Ok(place) => places.push(place),
                Err(_) => asked.damages.note_key(table, &key),
            }
        }
        from = portion.next;
    }
    Ok(places)
}

/// The place of a process whose records may be damaged: at the end when its head is.
fn place_of(asked: &Asked<'_>, process: ProcessId) -> Result<Place, StoreError> {
    let head = read_head(asked.store, process)?;
    Ok(Place {
        launched_at: head.map_or(Timestamp(0), |(head, _)| head.launched_at),
        process,
    })
}

/// The processes whose ids begin so, a few of them.
pub(super) fn find(
    asked: &Asked<'_>,
    prefix: &IdPrefix,
) -> Result<Vec<ProcessSummary>, StoreError> {
    let (first, last) = prefix.range();
    let (from, end) = (
        keys::instance(first),
        keys::successor(&keys::instance(last)),
    );
    let portion = scan_around(asked.store, Table::Instances, &from, &end, CANDIDATES)?;
    asked.damages.note_gaps(Table::Instances, &portion.gaps);
    let mut candidates = Vec::new();
    for (key, _) in portion.rows {
        if let Ok(process) = keys::instance_of(&key) {
            candidates.extend(found(asked, process)?);
        }
    }
    Ok(candidates)
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

#[cfg(test)]
mod tests;
