//! Lists of processes: all that a search finds, a page at a time.

use super::{
    Answer, Visit, filter,
    layout::Section,
    parts::{self, definition, problem_words, said, state, table, ticks, when},
    start,
};
use crate::{
    problem::{Code, Problem},
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
    let found = match searched(visit) {
        Ok(found) => found,
        // The form stays as it is, so that a mistake in it can be corrected.
        Err(problem) if problem.code == Code::Parameter => html! {
            p.notice.bad role="alert" { (problem_words(&problem)) }
        },
        Err(problem) => return Err(problem),
    };
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
    let path = Section::Processes.path();
    let next = found.next.as_ref().map(cursor);
    let next = next.map(|next| visit.query.path(path, &[("after", &next)]));
    Ok(html! {
        @match (found.processes.is_empty(), &next) {
            (false, _) => (rows("Processes, newest first", &found.processes, found.now)),
            (true, None) => p.empty { "No process is like that." },
            // The search stopped for a breath.
            (true, Some(_)) => p.empty { "None so far; the search continues on the next page." },
        }
        @if after.is_some() {
            p { a href=(visit.query.path(path, &[("after", "")])) { "To the first page" } }
        }
        @if let Some(next) = next { (parts::next(&next)) }
    })
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
