//! What happened to a process, and what its conditions gave last.

use super::{
    Visit,
    parts::{process, said, stamp, table, ticks},
};
use bureaucrat_host::query::{ExpressionView, NumberedEntry, ProcessDetail};
use bureaucrat_model::{ConditionIndex, ConditionOutcome, HistoryEvent, ProcessId, Timestamp};
use bureaucrat_views::{history::words, text::clean, waits::label};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the first entry about an activity is known by, before the activity's path.
pub const ENTRY: &str = "at";
/// Entries that a page shows unless it is asked for all.
const SHOWN: usize = 100;
/// The most entries of a page.
const SHOWN_MAX: usize = 5_000;

/// The history, oldest first.
pub fn section(visit: &Visit, detail: &ProcessDetail) -> Markup {
    let history = detail.history.as_deref().unwrap_or_default();
    let most = match visit.query.one("history") {
        Some("all") => SHOWN_MAX,
        Some(_) | None => SHOWN,
    };
    let before = history.len().saturating_sub(most);
    let labels = labels(detail);
    let (mut known, mut days) = (BTreeSet::new(), BTreeSet::new());
    html! {
        section #timeline {
            h2 { "Timeline" }
            @if before > 0 {
                p {
                    (before) " earlier entries are not shown. "
                    @if most == SHOWN { a href="?history=all#timeline" { "Show them" } }
                }
            }
            @if history.is_empty() {
                p.empty { "Its definition has nothing recorded, or nothing happened yet." }
            } @else {
                ol.timeline tabindex="0" {
                    @for NumberedEntry { entry, .. } in history.iter().skip(before) {
                        @let (day, time) = day_and_time(entry.at);
                        @if days.insert(day.clone()) { li.day { (day) } }
                        @let path = entry.event.activity().map(ToString::to_string);
                        @let is_first = path.clone().is_some_and(|path| known.insert(path));
                        @let id = path.as_ref().filter(|_| is_first).map(|path| format!("{ENTRY}{path}"));
                        li id=[id] data-path=[path] {
                            time datetime=(entry.at) title=(stamp(entry.at)) { (time) }
                            div { (told(&words(&entry.event, &detail.expressions), &labels)) }
                        }
                    }
                }
            }
        }
    }
}

/// What authors call activities, by their paths.
fn labels(detail: &ProcessDetail) -> HashMap<String, String> {
    let process = detail.summary.process.to_string();
    let labels = detail.labels.iter().filter_map(|place| {
        let path = place.activity.strip_prefix(&process)?;
        Some((path.to_owned(), label(place)))
    });
    labels.collect()
}

/// A line of the history, with what the author calls the activity that it begins with.
fn told(line: &str, labels: &HashMap<String, String>) -> Markup {
    let found = line
        .split_once(':')
        .and_then(|(path, rest)| Some((path, rest, labels.get(path)?)));
    html! {
        @if let Some((path, rest, label)) = found {
            (place(path)) " " span.label { (ticks(&clean(label))) } ":" (ticks(&clean(rest)))
        } @else if let Some((path, rest)) = line.split_once(':').filter(|(path, _)| path.starts_with('_')) {
            (place(path)) ":" (ticks(&clean(rest)))
        } @else {
            (ticks(&clean(line)))
        }
    }
}

fn day_and_time(at: Timestamp) -> (String, String) {
    let stamp = stamp(at);
    let (day, time) = stamp.split_once(' ').unwrap_or((&stamp, ""));
    (day.to_owned(), time.to_owned())
}

/// An activity's path, which leads to the diagram.
fn place(path: &str) -> Markup {
    html! { a.place href="#diagram" { (clean(path)) } }
}

struct Last<'a> {
    at: Timestamp,
    outcome: &'a ConditionOutcome,
    count: usize,
}

/// Each condition and other expression that was evaluated, with what it gave last.
pub fn conditions(detail: &ProcessDetail) -> Markup {
    let mut found: BTreeMap<ConditionIndex, Last<'_>> = BTreeMap::new();
    for NumberedEntry { entry, .. } in detail.history.iter().flatten() {
        if let HistoryEvent::ConditionEvaluated {
            condition, outcome, ..
        } = &entry.event
        {
            let at = entry.at;
            let count = found.get(condition).map_or(0, |last| last.count) + 1;
            found.insert(*condition, Last { at, outcome, count });
        }
    }
    let expressions: HashMap<ConditionIndex, &ExpressionView> = detail
        .expressions
        .iter()
        .map(|view| (view.index, view))
        .collect();
    let rows: Vec<Vec<Markup>> = found
        .iter()
        .map(|(index, last)| {
            let view = expressions.get(index);
            vec![
                html! { @if let Some(view) = view { (view.line) } },
                html! { code { (said(view.map_or("", |view| view.text.as_str()))) } },
                html! { (clean(&last.outcome.to_string())) },
                html! { (stamp(last.at)) },
                html! { (last.count) },
            ]
        })
        .collect();
    let headings = ["Line", "Condition", "Last", "When", "Times"];
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "Conditions" }
                (table("Conditions with their last values", &headings, &rows))
            }
        }
    }
}

/// The processes that it called, as far as its history says.
pub fn children(detail: &ProcessDetail) -> Markup {
    let mut children: BTreeSet<ProcessId> = BTreeSet::new();
    for NumberedEntry { entry, .. } in detail.history.iter().flatten() {
        if let HistoryEvent::Called { child, .. } | HistoryEvent::Started { process: child, .. } =
            &entry.event
        {
            children.insert(*child);
        }
    }
    html! {
        @for (number, child) in children.iter().take(SHOWN).enumerate() {
            @if number > 0 { ", " }
            (process(*child))
        }
        @if children.len() > SHOWN { " and " (children.len() - SHOWN) " more" }
        @if children.is_empty() { span.soft { "none" } }
    }
}
