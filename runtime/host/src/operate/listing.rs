//! The list of processes, newest first, and how many there are: read from indexes, so that a list reads what it shows,
//! however many processes there are.

use super::{
    query::{ProcessSummary, QueryAnswer, Wanted},
    questions::{Asked, Whole, found, found_if},
    search::{Found, READ, Search, waits_at},
};
use bureaucrat_model::{IdPrefix, Term};
use bureaucrat_store::{
    StoreError, Table,
    attributes::{self, Attribute, AttributeKind},
    keys::{self, Place},
    reading::scan_around,
};

/// The longest page of a list.
const PAGE: usize = 1_000;
/// A page looks at so many processes at most.
const LOOKED_AT: usize = 10_000;
/// An answer has the counts of at most so many attributes.
const COUNTS: usize = 1_000;
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
    let mut search = Search::new(asked, wanted, after, READ)?;
    let mut looked_at = 0;
    let next = loop {
        let place = match search.next()? {
            Found::End => break None,
            // An answer does not take long, even if few are wanted.
            Found::Tired => break search.looked_at(),
            Found::Place(place) => place,
        };
        // Whether there is one more decides whether there is another page.
        if processes.len() == limit || looked_at == LOOKED_AT {
            break place.previous();
        }
        looked_at += 1;
        processes.extend(row(asked, wanted, place)?);
    };
    Ok(QueryAnswer::Processes {
        processes,
        next,
        broker: None,
        now: asked.now,
    })
}

/// One that is not there any more, or is not what is wanted by now, has no row.
pub(crate) fn row(
    asked: &Asked<'_>,
    wanted: &Wanted,
    place: Place,
) -> Result<Option<ProcessSummary>, StoreError> {
    let found = found_if(asked, place.process, |whole| fits(asked, wanted, whole))?;
    Ok(found.filter(|row| wanted.has(row.state)))
}

/// Whether a process has everything but the state that is wanted.
pub(crate) fn fits(
    asked: &Asked<'_>,
    wanted: &Wanted,
    whole: &Whole<'_>,
) -> Result<bool, StoreError> {
    let head = whole.head;
    let waits = whole.fibers.iter().map(|(_, state)| *state);
    let mut has: Vec<Attribute> = waits.flat_map(attributes::of_state).collect();
    has.extend(attributes::of_head(head));
    for attribute in &wanted.attributes {
        // Some of its fibers were not read.
        let is_in_index = || {
            let place = bureaucrat_store::instances::place_of(head);
            let key = keys::searched(attribute, place);
            Ok(whole.is_cut && asked.store.get(Table::Searched, &key)?.is_some())
        };
        if !has.contains(attribute) && !is_in_index()? {
            return Ok(false);
        }
    }
    let holds = |name: &String, value: &str| {
        let terms = Term::meant_by(value).into_iter();
        let mut attributes = terms.map(|term| Attribute::Field(name.clone(), term));
        attributes.any(|attribute| has.contains(&attribute))
    };
    let mut fields = wanted.fields.iter();
    if !fields.all(|field| holds(&field.name, &field.value)) {
        return Ok(false);
    }
    let Some(activity) = &wanted.activity else {
        return Ok(true);
    };
    let Some(program) = super::questions::program(asked, head)? else {
        return Ok(false);
    };
    let fibers = whole.fibers.iter().copied();
    Ok(waits_at(&program, head.process, fibers, activity))
}

/// How many there are after a place.
pub(super) fn count(
    asked: &Asked<'_>,
    wanted: &Wanted,
    after: Option<Place>,
) -> Result<QueryAnswer, StoreError> {
    let search = Search::new(asked, wanted, after, READ)?;
    let (count, _, next) = tally(asked, wanted, search)?;
    Ok(QueryAnswer::Counted { count, next })
}

/// Counts what a search finds, and says which was the last, and where to continue if it did not find all.
fn tally(
    asked: &Asked<'_>,
    wanted: &Wanted,
    mut search: Search<'_>,
) -> Result<(u64, Option<Place>, Option<Place>), StoreError> {
    let (mut count, mut last, mut looked_at) = (0, None, 0);
    loop {
        match search.next()? {
            Found::End => return Ok((count, last, None)),
            Found::Tired => return Ok((count, last, search.looked_at())),
            // The indexes know everything else.
            Found::Place(place) if wanted.activity.is_none() => {
                count += 1;
                last = Some(place);
            }
            Found::Place(place) => {
                if row(asked, wanted, place)?.is_some() {
                    count += 1;
                    last = Some(place);
                }
                looked_at += 1;
                if looked_at == LOOKED_AT {
                    return Ok((count, last, Some(place)));
                }
            }
        }
    }
}

/// How many there are with each attribute of a kind.
pub(super) fn count_by(
    asked: &Asked<'_>,
    (by, wanted): (&AttributeKind, &Wanted),
    after: Option<&(Attribute, Place)>,
) -> Result<QueryAnswer, StoreError> {
    let (first, end) = keys::searched_by(by);
    let mut after_place = after.map(|(_, place)| *place);
    let mut from = after.map_or(first, |(attribute, _)| keys::searched_in(attribute).0);
    let (mut counts, mut oldest) = (Vec::new(), Vec::new());
    let next = loop {
        let portion = scan_around(asked.store, Table::Searched, &from, &end, 1)?;
        asked.damages.note_gaps(Table::Searched, &portion.gaps);
        let Some((key, _)) = portion.rows.first() else {
            match portion.next {
                Some(next) => from = next,
                None => break None,
            }
            continue;
        };
        let Ok((attribute, _)) = keys::searched_of(key) else {
            asked.damages.note_key(Table::Searched, key);
            from = keys::successor(key);
            continue;
        };
        // The attribute at which the last answer ended may have gone.
        let is_continued = after.is_some_and(|(last, _)| *last == attribute);
        let place = after_place.take().filter(|_| is_continued);
        let search = Search::new(asked, wanted, place, READ)?.with(&attribute);
        let (count, last, unfinished) = tally(asked, wanted, search)?;
        from = keys::searched_in(&attribute).1;
        if let Some(last) = last {
            counts.push((attribute.clone(), count));
            oldest.push(last);
        }
        if let Some(place) = unfinished {
            break Some((attribute, place));
        }
        if counts.len() == COUNTS {
            break Some((attribute, Place::LAST));
        }
    };
    Ok(QueryAnswer::CountedBy {
        counts,
        oldest,
        next,
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

#[cfg(test)]
mod tests;
