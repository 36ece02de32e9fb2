//! Definitions as pictures: of a deployed version, and of a process with where it stands and which way it took.

use super::{
    Answer, Visit,
    definitions::{of_version, source},
    parts::process_path,
    timeline,
};
use crate::{
    problem::Problem,
    routes::{
        definitions::{name_of, number},
        search::{detail, process},
    },
};
use bureaucrat_definition::{Limits, Outline, Tag, outline};
use bureaucrat_graph::{Look, Marks, Picture};
use bureaucrat_host::query::{Detail, ProcessDetail};
use bureaucrat_model::{
    ActivityId, ActivityPath, ConditionOutcome, DefinitionName, HistoryEvent, Version,
};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeSet;

/// The picture of a version.
pub fn of_definition(visit: &Visit) -> Result<Answer, Problem> {
    let name = name_of(visit.named("name"))?;
    let version = number(visit.number("version")?)?;
    drawn(&source(visit, &name, version)?, |_| Marks::default())
}

/// The picture of what a process runs.
pub fn of_process(visit: &Visit) -> Result<Answer, Problem> {
    let process = process(&visit.call, visit.named("process"))?;
    let detail = detail(&visit.call, process, Detail::History)?;
    let (name, version) = deployed(&detail).ok_or_else(|| {
        let what = "the engine keeps the texts of deployed definitions alone, and this process was launched with its text";
        Problem::not_found(what)
    })?;
    drawn(&source(visit, &name, version)?, |outline| {
        marks(&detail, outline)
    })
}

/// The picture on the page of a process, if there is one. Its boxes lead to the timeline.
pub fn section(visit: &Visit, detail: &ProcessDetail) -> Option<Markup> {
    let (name, version) = deployed(detail)?;
    let outline = read(&source(visit, &name, version).ok()?).ok()?;
    let look = Look {
        marks: marks(detail, &outline),
        link: Some(format!("#{}{{path}}", timeline::ENTRY)),
    };
    let path = format!("{}/diagram", process_path(detail.summary.process));
    Some(html! {
        section {
            h2 { "Diagram" }
            (inline(&Picture::of(&outline), &look, &path))
        }
    })
}

/// The picture on the page of a version.
pub fn of_page(visit: &Visit, name: &DefinitionName, version: Version) -> Result<Markup, Problem> {
    let picture = Picture::of(&read(&source(visit, name, version)?)?);
    let path = format!("{}/diagram", of_version(name, version));
    Ok(inline(&picture, &Look::default(), &path))
}

fn inline(picture: &Picture, look: &Look, path: &str) -> Markup {
    html! {
        // What authors wrote is escaped in it, and the tests of pages attack it.
        div #diagram .diagram tabindex="0" role="region" aria-label="Diagram" { (PreEscaped(picture.inline(look))) }
        p.beside { a href=(path) { "The diagram alone" } }
    }
}

fn deployed(detail: &ProcessDetail) -> Option<(DefinitionName, Version)> {
    let name = detail.summary.name.parse().ok()?;
    Some((name, detail.summary.version?))
}

fn marks(detail: &ProcessDetail, outline: &Outline) -> Marks {
    let mut marks = Marks::default();
    for wait in &detail.summary.waits {
        if let Ok(ActivityId { path, .. }) = wait.at.activity.parse() {
            *marks.at.entry(path).or_default() += 1;
        }
    }
    let mut cases = BTreeSet::new();
    find_cases(outline, &mut cases);
    let entries = detail.history.iter().flatten();
    let events = entries.map(|numbered| &numbered.entry.event);
    // A case whose condition does not hold is not taken.
    let is_passed = |event: &&HistoryEvent| {
        let HistoryEvent::ConditionEvaluated {
            activity,
            outcome: ConditionOutcome::Verdict(false),
            ..
        } = event
        else {
            return true;
        };
        !cases.contains(activity)
    };
    let taken = events.filter(is_passed);
    let paths = taken.filter_map(|event| event.activity());
    marks.taken = paths.cloned().collect();
    // Entries name what happens inside an element, and not the elements around it.
    let around: Vec<ActivityPath> = marks
        .taken
        .iter()
        .flat_map(|path| (1..path.0.len()).map(|end| ActivityPath(path.0[..end].to_vec())))
        .collect();
    marks.taken.extend(around);
    marks
}

fn find_cases<'a>(outline: &'a Outline, cases: &mut BTreeSet<&'a ActivityPath>) {
    cases.extend(outline.path.as_ref().filter(|_| outline.tag == Tag::Case));
    for child in &outline.children {
        find_cases(child, cases);
    }
}

fn read(source: &str) -> Result<Outline, Problem> {
    outline(source.as_bytes(), &Limits::default()).map_err(|mistakes| {
        let first = mistakes.first().map(ToString::to_string);
        Problem::not_found(format!(
            "this text cannot be drawn: {}",
            first.unwrap_or_default()
        ))
    })
}

fn drawn(source: &str, marks: impl FnOnce(&Outline) -> Marks) -> Result<Answer, Problem> {
    let outline = read(source)?;
    let look = Look {
        marks: marks(&outline),
        link: None,
    };
    Ok(Answer::Picture(Picture::of(&outline).svg(&look)))
}
