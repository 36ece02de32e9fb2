//! Bulk jobs: what they do, how far they are, what became of their processes.

use super::{
    Answer, OPERATE, Visit, audit,
    confirm::{Confirm, page as confirm},
    layout::Section,
    parts::{self, exactly, facts, options, said, table, ticks, when},
};
use crate::{
    problem::Problem,
    routes::{
        bulk::{One, ask as look, may_see, stop as order_stop, view},
        search::{cursor, place},
    },
    server::now,
};
use bureaucrat_host::{
    bulk::{BulkAnswer, BulkOutcome, BulkOutcomeView, BulkQuery, BulkStatus, BulkView},
    commands::OrderOutcome,
};
use bureaucrat_views::{
    bulk::{search, state, verb},
    orders::words,
    text::clean,
};
use maud::{Markup, html};

pub fn list(visit: &Visit) -> Result<Answer, Problem> {
    let BulkAnswer::Listed { mut jobs } = look(&visit.call, BulkQuery::List)? else {
        return Err(Problem::unfit());
    };
    jobs.retain(|job| may_see(&visit.call, job));
    let now = now();
    let rows: Vec<Vec<Markup>> = jobs
        .iter()
        .map(|job| {
            vec![
                html! { a href=(of(job.job)) { (job.job) } },
                status(job.status),
                said(verb(&job.order)),
                html! { code { (options(&search(&job.wanted))) } },
                when(job.begun_at, now),
                said(job.by.name()),
                counts(job),
            ]
        })
        .collect();
    let headings = [
        "Job",
        "State",
        "Order",
        "Search",
        "Begun",
        "By",
        "Processes",
    ];
    let body = html! {
        h1 { "Bulk jobs" }
        @if rows.is_empty() {
            p.empty { "There is no bulk job. The list of " a href=(Section::Processes.path()) { "processes" } " starts one for all that a search finds." }
        } @else {
            (table("Bulk jobs, newest first", &headings, &rows))
        }
    };
    Ok(Answer::page("Bulk jobs", body))
}

pub fn job(visit: &Visit) -> Result<Answer, Problem> {
    let job = view(&visit.call, visit.number("job")?)?;
    let refused = visit.query.one("refused") == Some("true");
    let query = BulkQuery::Outcomes {
        job: job.job,
        refused,
        after: visit.query.one("after").map(place).transpose()?,
    };
    let BulkAnswer::Outcomes { outcomes, next } = look(&visit.call, query)? else {
        return Err(Problem::unfit());
    };
    let now = now();
    let rows: Vec<Vec<Markup>> = outcomes
        .iter()
        .map(|outcome| {
            vec![
                parts::process(outcome.process),
                became(outcome),
                when(outcome.at, now),
            ]
        })
        .collect();
    let (own, title) = (of(job.job), format!("Bulk job {}", job.job));
    let next = next.as_ref().map(cursor);
    let body = html! {
        p.crumbs { a href=(Section::Bulk.path()) { "Bulk jobs" } }
        h1 { (title) " " (status(job.status)) }
        @if visit.may(OPERATE) && job.status == BulkStatus::Running {
            nav.verbs aria-label="Orders" { a.button.danger href={ (own) "/stop" } { "Stop…" } }
        }
        (about(&job))
        section {
            h2 { "Outcomes" }
            p {
                @if refused {
                    "Only those that were refused. " a href=(own) { "All" }
                } @else {
                    "All. " a href={ (own) "?refused=true" } { "Only those that were refused" }
                }
            }
            @if rows.is_empty() {
                p.empty { "There is none." }
            } @else {
                (table("Outcomes", &["Process", "Outcome", "When"], &rows))
            }
            @if let Some(next) = next { (parts::next(&visit.query.path(&own, &[("after", &next)]))) }
        }
    };
    Ok(Answer::page(title, body))
}

/// Asks whether it is meant.
pub fn ask(visit: &Visit) -> Result<Answer, Problem> {
    let job = view(&visit.call, visit.number("job")?)?;
    let own = of(job.job);
    Ok(confirm(
        visit,
        &Confirm {
            title: format!("Stop bulk job {}?", job.job),
            about: about(&job),
            will: "The job gives its order to no further process. What it has done stays done. A job that was \
                   stopped does not continue; a new one can be started.",
            action: format!("{own}/stop"),
            button: "Stop the job".to_owned(),
            is_final: true,
            back: own,
            ..Confirm::default()
        },
    ))
}

pub fn stop(visit: &Visit) -> Result<Answer, Problem> {
    let job = visit.number("job")?;
    order_stop(&visit.call, One { job })?;
    Ok(Answer::See(of(job)))
}

pub fn of(job: u64) -> String {
    format!("{}/{job}", Section::Bulk.path())
}

fn about(job: &BulkView) -> Markup {
    let now = now();
    let mut about = vec![
        ("Order", said(verb(&job.order))),
        ("Search", html! { code { (options(&search(&job.wanted))) } }),
        ("Processes", counts(job)),
        ("Begun", exactly(job.begun_at, now)),
        (
            "By",
            html! { span.linked { (said(job.by.name())) " (" a href=(audit::of_job(job.job)) { "audit log" } ")" } },
        ),
    ];
    if let Some(at) = job.status.ended_at() {
        about.push(("Ended", exactly(at, now)));
    }
    facts(&about)
}

fn counts(job: &BulkView) -> Markup {
    let counts = &job.counts;
    html! {
        (counts.done) " done, " (counts.refused) " refused"
        @if counts.changed > 0 { ", " (counts.changed) " passed over" }
    }
}

fn status(status: BulkStatus) -> Markup {
    let colour = match status {
        BulkStatus::Running => "running",
        BulkStatus::Completed(_) => "completed",
        BulkStatus::Stopped(_) => "suspended",
    };
    html! { span class={ "state " (colour) } { (state(status)) } }
}

fn became(view: &BulkOutcomeView) -> Markup {
    match &view.outcome {
        BulkOutcome::Done => html! { "done" },
        BulkOutcome::Changed => html! { "passed over: it was not as the search wants any more" },
        BulkOutcome::Refused(text) => {
            let outcome: Option<OrderOutcome> = serde_json::from_str(text).ok();
            let why = outcome.map(|outcome| words(view.process, &outcome));
            html! { "refused: " (ticks(&clean(why.as_deref().unwrap_or(text)))) }
        }
    }
}
