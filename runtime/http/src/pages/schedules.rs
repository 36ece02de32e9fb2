//! Definitions that launch themselves: when they do next, and the newest process of each.

use super::{
    Answer, Visit,
    definitions::{of, of_version},
    parts::{exactly, process, said, state, table, when},
};
use crate::{
    problem::Problem,
    routes::{
        definitions::scheduled,
        search::{Search, find},
    },
    server::now,
};
use maud::{Markup, html};

/// Schedules whose newest process is looked for.
const LOOKED_AT: usize = 100;

pub fn list(visit: &Visit) -> Result<Answer, Problem> {
    let (mut schedules, now) = (scheduled(&visit.call)?, now());
    schedules.sort_by_key(|(_, schedule)| schedule.next);
    let mut rows: Vec<Vec<Markup>> = Vec::new();
    for (number, (name, schedule)) in schedules.iter().enumerate() {
        let newest = match number < LOOKED_AT {
            true => {
                let search = Search {
                    definition: Some(name.to_string()),
                    ..Search::default()
                };
                let wanted = search.wanted(&visit.call)?;
                find(&visit.call, wanted, None, 1)?.processes.pop()
            }
            false => None,
        };
        rows.push(vec![
            html! { a href=(of(name)) { (name) } },
            html! { a href=(of_version(name, schedule.version)) { (schedule.version) } },
            html! { code { (said(&schedule.cron)) } " in " (said(&schedule.zone)) },
            exactly(schedule.next, now),
            html! {
                @if let Some(newest) = &newest {
                    (process(newest.process)) " " (state(newest.state)) " "
                    span.soft { "launched " (when(newest.launched_at, now)) }
                }
            },
        ]);
    }
    let headings = [
        "Definition",
        "Version",
        "Times",
        "Next launch",
        "Newest process",
    ];
    let body = html! {
        h1 { "Schedules" }
        p.soft { "The newest process of a definition need not be one that its schedule launched." }
        @if rows.is_empty() {
            p.empty { "No definition launches itself. The element " code { "schedule" } " of a definition has it do so." }
        } @else {
            (table("Definitions that launch themselves, the next one first", &headings, &rows))
        }
    };
    Ok(Answer::page("Schedules", body))
}
