//! What happened to a process, and what its conditions gave last.

use super::{
    Visit,
    parts::{process, process_path, said, stamp, table, ticks},
};
use crate::routes::diagrams::deployed;
use bureaucrat_host::query::{ExpressionView, NumberedEntry, ProcessDetail};
use bureaucrat_model::{
    ConditionIndex, ConditionOutcome, HistoryEvent, ProcessId, Timestamp, Weight,
};
use bureaucrat_views::{history::words, text::clean, waits::label};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the first entry about an activity is known by, before the activity's path.
pub const ENTRY: &str = "at";
/// Entries that a page shows unless it is asked for all.
const SHOWN: usize = 100;
/// The most entries of a page.
const SHOWN_MAX: usize = 5_000;

/// So many steps of the ordinary course after one another are folded.
const FOLDED_MIN: usize = 4;
/// The last entries are never folded: they say where the process is.
const LAST: usize = 5;

/// The entries that the page shows.
fn shown<'a>(visit: &Visit, detail: &'a ProcessDetail) -> (usize, &'a [NumberedEntry]) {
    let history = detail.history.as_deref().unwrap_or_default();
    let most = match visit.query.one("history") {
        Some("all") => SHOWN_MAX,
        Some(_) | None => SHOWN,
    };
    let before = history.len().saturating_sub(most);
    (before, history.get(before..).unwrap_or_default())
}

/// The history, oldest first. Entries lead to the diagram, if there is one.
pub fn section(visit: &Visit, detail: &ProcessDetail) -> Markup {
    let (before, entries) = shown(visit, detail);
    let is_folded = visit.query.one("steps") != Some("all");
    let folds: Vec<(bool, &[NumberedEntry])> = match is_folded {
        true => folded(entries),
        false => vec![(false, entries)],
    };
    let has_folds = folds.iter().any(|(is_folded, _)| *is_folded);
    let mut teller = Teller {
        detail,
        labels: labels(detail),
        known: BTreeSet::new(),
        days: BTreeSet::new(),
        has_diagram: deployed(detail).is_some(),
    };
    html! {
        section #timeline {
            h2 { "Timeline" }
            @if before > 0 {
                p {
                    (before) " earlier entries are not shown. "
                    @if visit.query.one("history") != Some("all") {
                        a href={ (visit.query.path("?", &[("history", "all"), ("done", "")])) "#timeline" } { "Show them" }
                    }
                }
            }
            @if has_folds {
                p.soft {
                    "Steps of the ordinary course are folded. "
                    a href={ (visit.query.path("?", &[("steps", "all"), ("done", "")])) "#timeline" } { "Show all steps" }
                }
            }
            @if entries.is_empty() {
                p.empty { "Its definition has nothing recorded, or nothing happened yet." }
            } @else {
                ol.timeline tabindex="0" {
                    @for (is_folded, entries) in folds {
                        @if is_folded {
                            li.folded {
                                details {
                                    summary { (entries.len()) " steps" }
                                    ol.timeline { @for entry in entries { (teller.row(entry)) } }
                                }
                            }
                        } @else {
                            @for entry in entries { (teller.row(entry)) }
                        }
                    }
                }
            }
        }
    }
}

/// Parts of a timeline, and whether each is folded.
fn folded(entries: &[NumberedEntry]) -> Vec<(bool, &[NumberedEntry])> {
    let is_course = |entry: &NumberedEntry| entry.entry.event.weight() == Weight::Course;
    let (early, last) = entries.split_at(entries.len().saturating_sub(LAST));
    let mut parts: Vec<(bool, &[NumberedEntry])> = early
        .chunk_by(|one, next| is_course(one) == is_course(next))
        .map(|part| {
            let is_folded = part.len() >= FOLDED_MIN && part.first().is_some_and(is_course);
            (is_folded, part)
        })
        .collect();
    parts.push((false, last));
    parts
}

struct Teller<'a> {
    detail: &'a ProcessDetail,
    labels: HashMap<String, String>,
    /// Activities of which an entry has the anchor.
    known: BTreeSet<String>,
    days: BTreeSet<String>,
    has_diagram: bool,
}

impl Teller<'_> {
    fn row(&mut self, NumberedEntry { entry, .. }: &NumberedEntry) -> Markup {
        let (day, time) = day_and_time(entry.at);
        let path = entry.event.activity().map(ToString::to_string);
        let is_first = path.clone().is_some_and(|path| self.known.insert(path));
        let id = path.as_ref().filter(|_| is_first);
        let id = id.map(|path| format!("{ENTRY}{path}"));
        let told = self.told(
            &words(&entry.event, &self.detail.expressions),
            path.as_deref(),
        );
        html! {
            @if self.days.insert(day.clone()) { li.day { (day) } }
            li id=[id] data-path=[path] {
                time datetime=(entry.at) title=(stamp(entry.at)) { (time) }
                div { (told) }
            }
        }
    }

    /// A line of the history, with what the author calls the activity that it begins with.
    fn told(&self, line: &str, path: Option<&str>) -> Markup {
        let path = path.filter(|path| !path.is_empty());
        let rest = path.and_then(|path| line.strip_prefix(path)?.strip_prefix(':'));
        html! {
            @if let (Some(path), Some(rest)) = (path, rest) {
                @match self.has_diagram {
                    true => a.place href="#diagram" { (path) },
                    false => span.place { (path) },
                }
                @if let Some(label) = self.labels.get(path) { " " span.label { (ticks(&clean(label))) } }
                ":" (ticks(&clean(rest)))
            } @else {
                (ticks(&clean(line)))
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

fn day_and_time(at: Timestamp) -> (String, String) {
    let stamp = stamp(at);
    let (day, time) = stamp.split_once(' ').unwrap_or((&stamp, ""));
    (day.to_owned(), time.to_owned())
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
pub fn called(detail: &ProcessDetail) -> BTreeSet<ProcessId> {
    let entries = detail.history.iter().flatten();
    let called = entries.filter_map(|numbered| {
        if let HistoryEvent::Called { child, .. } | HistoryEvent::Started { process: child, .. } =
            &numbered.entry.event
        {
            Some(*child)
        } else {
            None
        }
    });
    called.collect()
}

/// The same, as links.
pub fn children(detail: &ProcessDetail) -> Markup {
    let children = called(detail);
    let path = process_path(detail.summary.process);
    html! {
        @for (number, child) in children.iter().take(SHOWN).enumerate() {
            @if number > 0 { ", " }
            (process(*child))
        }
        @if children.len() > SHOWN { " and " (children.len() - SHOWN) " more" }
        @match (children.is_empty(), detail.caller) {
            (true, None) => span.soft { "none" },
            (true, Some(_)) => { span.soft { "none" } " " a href={ (path) "/calls" } { "The whole chain" } },
            (false, _) => { " " a href={ (path) "/calls" } { "The whole chain" } },
        }
    }
}
