//! Lists of processes: all that a search finds, a page at a time.

use super::{
    Answer, Visit, filter,
    layout::Section,
    parts::{self, definition, said, state, table, ticks, when},
    searching::{listed, or_mistake},
    start,
};
use crate::{
    problem::Problem,
    routes::search::{cursor, find, place},
};
use bureaucrat_host::query::ProcessSummary;
use bureaucrat_model::Timestamp;
use bureaucrat_views::{processes::what, text::fit};
use maud::{Markup, html};

/// Processes of a page.
const PAGE: usize = 50;
/// The most characters of what a process waits for.
const WHAT_SHOWN: usize = 160;

pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let found = or_mistake(searched(visit))?;
    let body = html! {
        h1 { "Processes" }
        (filter::form(visit))
        (start::offered(visit))
        (found)
    };
    Ok(Answer::page("Processes", body))
}

fn searched(visit: &Visit) -> Result<Markup, Problem> {
    let wanted = filter::wanted(visit)?;
    let after = visit.query.one("after").map(place).transpose()?;
    let found = find(&visit.call, wanted, after, PAGE)?;
    let next = found.next.as_ref().map(cursor);
    let shown = || rows("Processes, newest first", &found.processes, found.now);
    Ok(listed(
        Section::Processes,
        &visit.query,
        ((!found.processes.is_empty()).then(shown), next.as_deref()),
        "No process is like that.",
    ))
}

/// Processes as a table.
pub fn rows(caption: &str, processes: &[ProcessSummary], now: Timestamp) -> Markup {
    let rows: Vec<Vec<Markup>> = processes
        .iter()
        .map(|process| {
            vec![
                parts::process(process.process),
                definition(&process.name, process.version),
                said(process.key.as_deref().unwrap_or_default()),
                state(process.state),
                when(process.launched_at, now),
                ticks(&fit(&what(process, now), WHAT_SHOWN)),
            ]
        })
        .collect();
    let headings = [
        "Process",
        "Definition",
        "Key",
        "State",
        "Launched",
        "Waits for, or fault",
    ];
    table(caption, &headings, &rows)
}
