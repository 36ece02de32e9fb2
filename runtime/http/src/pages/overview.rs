//! The first page: how many processes are in which state, and those that somebody should look at.

use super::{
    Answer, Visit,
    fields::path,
    filter::STATES,
    layout::Section,
    list::rows,
    parts::{broker, state},
};
use crate::{
    problem::Problem,
    routes::{
        counts::portion,
        search::{Search, StateName, find},
    },
};
use bureaucrat_host::query::Wanted;
use bureaucrat_model::Millis;
use bureaucrat_views::{processes::word, text::span};
use maud::{Markup, html};
use std::time::Duration;

/// So often the engine is asked to continue to count the processes of a state.
const COUNTS_MAX: usize = 1;
/// Numbers of this age say so.
const TOLD: Millis = Millis(2_000);
/// Rows of each list.
const SHOWN: usize = 8;

pub fn page(visit: &Visit) -> Result<Answer, Problem> {
    let newest = find(&visit.call, all(visit)?, None, SHOWN)?;
    let incidents = find(&visit.call, of(visit, StateName::Incident)?, None, SHOWN)?;
    let failed = find(&visit.call, of(visit, StateName::Failed)?, None, SHOWN)?;
    let mut counts = Vec::new();
    // Of everybody's processes there are numbers, however many there are; those of one user are counted.
    let census = match visit.call.caller.user() {
        None => visit.call.census.look(&visit.call),
        Some(_) => None,
    };
    for (of_state, name) in STATES {
        let count = match &census {
            Some(census) => html! { (census.of(of_state)) },
            None => count(visit, &of(visit, name)?)?,
        };
        counts.push((of_state, count));
    }
    let age = census.map_or(Millis(0), |census| Millis(millis(census.age())));
    let body = html! {
        h1 { "Overview" }
        p.lead { "Broker: " (broker(newest.broker)) }
        ul.counts {
            @for (of_state, count) in counts {
                li {
                    a href=(in_state(word(of_state))) {
                        span.number { (count) }
                        (state(of_state))
                    }
                }
            }
        }
        @if age >= TOLD {
            p.soft { "Counted " (span(age)) " ago." }
        }
        section {
            h2 { "Incidents" }
            @if incidents.processes.is_empty() {
                p.empty { "No process needs a person." }
            } @else {
                (rows("The newest incidents", &incidents.processes, incidents.now))
                p { a href=(in_state("incident")) { "All incidents" } }
            }
        }
        @if !failed.processes.is_empty() {
            section {
                h2 { "Failed" }
                (rows("The newest processes that failed", &failed.processes, failed.now))
                p { a href=(in_state("failed")) { "All that failed" } }
            }
        }
        section {
            h2 { "Newest processes" }
            @if newest.processes.is_empty() {
                p.empty { "There is no process yet. " code { "bureaucrat launch FILE" } " starts one." }
            } @else {
                (rows("The newest processes", &newest.processes, newest.now))
                p { a href=(Section::Processes.path()) { "All processes" } }
            }
        }
    };
    Ok(Answer::page("Overview", body))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn in_state(word: &str) -> String {
    path(Section::Processes.path(), [("state", word)])
}

/// All that the visitor may see.
fn all(visit: &Visit) -> Result<Wanted, Problem> {
    Search::default().wanted(&visit.call)
}

fn of(visit: &Visit, state: StateName) -> Result<Wanted, Problem> {
    let search = Search {
        state: vec![state],
        ..Search::default()
    };
    search.wanted(&visit.call)
}

/// How many there are; of very many, more than how many.
fn count(visit: &Visit, wanted: &Wanted) -> Result<Markup, Problem> {
    let (mut sum, mut after) = (0_u64, None);
    for _ in 0..COUNTS_MAX {
        let (count, next) = portion(&visit.call, wanted, after)?;
        sum = sum.saturating_add(count);
        after = next;
        if after.is_none() {
            return Ok(html! { (sum) });
        }
    }
    Ok(html! { "over " (sum) })
}
