//! Participants that are waited for: how many processes wait for each, since when the oldest does, and how its queue is.

use super::{
    Answer, READ_ENGINE, Visit,
    fields::path,
    layout::Section,
    parts::{process, said, table, when},
};
use crate::{
    problem::{Code, Problem},
    routes::{
        counts::{Waited, waited},
        modules::looked_at,
        search::detail,
    },
    server::now,
};
use bureaucrat_host::{
    facts::QueueState,
    query::{Detail, WaitView, WaitsFor},
};
use bureaucrat_model::{ProcessId, Timestamp};
use bureaucrat_views::why::queue_of;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Participants of the page. No more queues can be asked for in a question.
const SHOWN: usize = 50;

/// The process that was launched first of those that wait for a participant.
struct Oldest {
    process: ProcessId,
    since: Timestamp,
    queue: Option<String>,
}

pub fn list(visit: &Visit) -> Result<Answer, Problem> {
    let (participants, now) = (waited(&visit.call)?, now());
    let mut oldest = Vec::new();
    for waited in participants.iter().take(SHOWN) {
        oldest.push(found(visit, waited)?);
    }
    let names: Vec<String> = oldest
        .iter()
        .flatten()
        .filter_map(|oldest| oldest.queue.clone())
        .collect();
    let (queues, blocked) = match visit.may(READ_ENGINE) && !names.is_empty() {
        true => looked_at(&visit.call, names.clone())?,
        false => (Vec::new(), None),
    };
    let queues: BTreeMap<String, QueueState> = names.into_iter().zip(queues).collect();
    let rows: Vec<Vec<Markup>> = participants
        .iter()
        .zip(&oldest)
        .map(|(waited, oldest)| row(visit, (waited, oldest.as_ref()), (&queues, now)))
        .collect();
    let mut headings = vec!["Participant", "Processes that wait", "Oldest wait"];
    if visit.may(READ_ENGINE) {
        headings.extend(["Queue", "Messages", "Consumers"]);
    }
    let more = participants.len().saturating_sub(SHOWN);
    let body = html! {
        h1 { "Participants" }
        @if let Some(blocked) = &blocked {
            p.notice.bad { "The broker takes no messages at the moment: " (said(blocked)) }
        }
        @if rows.is_empty() {
            p.empty { "No process waits for a participant." }
        } @else {
            p.soft { "The oldest wait is that of the process that was launched first. Messages are those that no consumer has taken yet." }
            (table("Participants that processes wait for", &headings, &rows))
            @if more > 0 { p.soft { "And " (more) " more, for which fewer processes wait." } }
        }
    };
    Ok(Answer::page("Participants", body))
}

/// What is known of the oldest process that waits, if it still does.
fn found(visit: &Visit, waited: &Waited) -> Result<Option<Oldest>, Problem> {
    let Ok(process) = waited.oldest.parse() else {
        return Ok(None);
    };
    let detail = match detail(&visit.call, process, Detail::State) {
        Ok(detail) => detail,
        Err(problem) if problem.code == Code::NotFound => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let is_meant = |wait: &&WaitView| {
        let WaitsFor::Answer { participant, .. } = &wait.waits_for else {
            return false;
        };
        *participant == waited.value
    };
    let waits = detail.summary.waits.iter().filter(is_meant);
    let first = waits.min_by_key(|wait| wait.since);
    Ok(first.map(|wait| Oldest {
        process,
        since: wait.since,
        queue: queue_of(wait).map(str::to_owned),
    }))
}

fn row(
    visit: &Visit,
    (waited, oldest): (&Waited, Option<&Oldest>),
    (queues, now): (&BTreeMap<String, QueueState>, Timestamp),
) -> Vec<Markup> {
    let list = path(
        Section::Processes.path(),
        [("participant", waited.value.as_str())],
    );
    let mut row = vec![
        html! { a href=(list) { (said(&waited.value)) } },
        html! { (waited.count) },
        html! {
            @if let Some(oldest) = oldest { (when(oldest.since, now)) ", " (process(oldest.process)) }
        },
    ];
    if !visit.may(READ_ENGINE) {
        return row;
    }
    let name = oldest.and_then(|oldest| oldest.queue.as_deref());
    row.push(said(name.unwrap_or_default()));
    row.extend(match name.and_then(|name| queues.get(name)) {
        Some(QueueState::There {
            consumers,
            messages,
        }) => [
            html! { (messages) },
            match consumers {
                0 => html! { span.state.incident { "none" } },
                consumers => html! { (consumers) },
            },
        ],
        Some(QueueState::Missing) => [
            html! { span.state.incident { "there is no such queue" } },
            html! {},
        ],
        Some(QueueState::Refused { words } | QueueState::Silent { words }) => [
            html! { span.soft { "the broker does not say: " (said(words)) } },
            html! {},
        ],
        None => [html! {}, html! {}],
    });
    row
}
