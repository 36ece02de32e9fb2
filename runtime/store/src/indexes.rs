//! What lists find processes by: their place among all processes, and their searchable fields. Rows
//! are written with the head that they follow from.

use crate::{
    keys::{self, Phase, Place},
    table::{Table, Write},
};
use bureaucrat_model::{Head, Searched, Term};
use std::collections::BTreeSet;

/// Adds the writes that bring a process into the group of the list that its status says.
pub(crate) fn list(head: &Head, listed: &mut Option<Phase>, writes: &mut Vec<Write>) {
    let phase = Phase::of(head);
    if *listed == Some(phase) {
        return;
    }
    let table = Table::Recent;
    let place = place_of(head);
    if let Some(before) = listed.replace(phase) {
        let key = keys::recent(before, place);
        writes.push(Write::Delete { table, key });
    }
    writes.push(Write::Put {
        table,
        key: keys::recent(phase, place),
        value: Vec::new(),
    });
}

/// The place of a process in the list.
pub const fn place_of(head: &Head) -> Place {
    Place {
        launched_at: head.launched_at,
        process: head.process,
    }
}

/// Adds the writes that bring the index of searchable fields to what the head says.
pub(crate) fn index(head: &Head, stored: &mut Vec<Searched>, writes: &mut Vec<Write>) {
    if *stored == head.searched {
        return;
    }
    let (before, after) = (terms(stored), terms(&head.searched));
    let (table, place) = (Table::Searched, place_of(head));
    for (name, term) in before.difference(&after) {
        let key = keys::searched(name, term, place);
        writes.push(Write::Delete { table, key });
    }
    for (name, term) in after.difference(&before) {
        let key = keys::searched(name, term, place);
        let value = Vec::new();
        writes.push(Write::Put { table, key, value });
    }
    stored.clone_from(&head.searched);
}

/// What of these fields is in the index.
fn terms(searched: &[Searched]) -> BTreeSet<(&str, &Term)> {
    let mut terms = BTreeSet::new();
    for field in searched {
        if let Some(term) = &field.term {
            terms.insert((field.name.as_str(), term));
        }
    }
    terms
}

/// The keys of a process in the index of searchable fields.
pub fn searched_keys(head: &Head) -> impl Iterator<Item = Vec<u8>> {
    let place = place_of(head);
    let terms = terms(&head.searched).into_iter();
    terms.map(move |(name, term)| keys::searched(name, term, place))
}
